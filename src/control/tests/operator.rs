//! The operator's files: a unit of their own, with maps of many accounts.

use super::*;

fn main_file(last: u8) -> String {
    anycast(&format!("192.0.2.{last}"))
        + &operators_map("for-acme", "acme", &format!("203.0.113.{last}"), "account_wide = true")
        + &operators_map("for-globex", "globex", &format!("203.0.113.{}", last + 100), "account_wide = true")
}

fn fleet() -> Place {
    Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("zones/initech/five.example.zone", &zone("1")),
        ("addrmaps/main.toml", &main_file(1)),
    ])
}

fn answers(server: &Running) -> [String; 3] {
    ["www.one.example", "www.four.example", "www.five.example"].map(|name| server.a(name))
}

fn expected(acme: u8, globex: u8, anycast: u8) -> [String; 3] {
    [
        format!("NOERROR account_map 203.0.113.{acme}"),
        format!("NOERROR account_map 203.0.113.{}", globex + 100),
        format!("NOERROR anycast_defaults 192.0.2.{anycast}"),
    ]
}

/// Held for a fault of its own, in the same change or before it, or for one in its map in the operator's file.
#[test]
fn a_held_account_keeps_its_maps_while_the_file_moves_on() {
    for how in ["before", "together", "its map"] {
        let place = fleet();
        let mut server = place.start();
        if how != "its map" {
            place.write("zones/acme/one.example.zone", BROKEN);
        }
        if how == "before" {
            server.follow();
        }
        let broken_map = |text: String| match how {
            "its map" => text.replacen("account_wide = true", "account_wide = 7", 1),
            _ => text,
        };
        place.write("addrmaps/main.toml", &broken_map(main_file(2)));
        server.follow();
        assert_eq!(server.held(), ["account acme"], "{how}");
        assert_eq!(answers(&server), expected(1, 2, 2), "{how}");
        // A change of its own does not bring them either.
        place.write("zones/acme/two.example.zone", &zone("1"));
        server.follow();
        assert_eq!(
            (server.held(), answers(&server)),
            (vec!["account acme".to_owned()], expected(1, 2, 2)),
            "{how}"
        );
        place.write("addrmaps/main.toml", &broken_map(main_file(3)));
        server.follow();
        assert_eq!(answers(&server), expected(1, 3, 3), "{how}");
        // After a restart it is the same, before the files are looked at and after.
        drop(server);
        let mut server = place.start();
        assert_eq!(answers(&server), expected(1, 3, 3), "{how}");
        server.follow();
        assert_eq!(
            (server.held(), answers(&server)),
            (vec!["account acme".to_owned()], expected(1, 3, 3)),
            "{how}"
        );
        place.write("zones/acme/one.example.zone", &zone("2"));
        place.write("addrmaps/main.toml", &main_file(3));
        server.publishes();
        assert_eq!(answers(&server), expected(3, 3, 3), "{how}");
        assert_eq!(server.version("one.example"), "NOERROR 2", "{how}");
        drop(server);
        assert_eq!(answers(&place.start()), expected(3, 3, 3), "{how}");
    }
}

#[test]
fn a_broken_file_holds_the_operator_and_the_accounts_it_serves() {
    let place = fleet();
    let mut server = place.start();
    place.write("addrmaps/main.toml", BROKEN);
    for account in ["acme/one", "globex/four", "initech/five"] {
        place.write(&format!("zones/{account}.example.zone"), &zone("2"));
    }
    // First the file alone, then what it holds.
    server.follow_paths(&place, &["addrmaps/main.toml"]);
    assert_eq!(server.held(), ["the operator's files", "account acme", "account globex"]);
    server.follow();
    assert_eq!(server.held(), ["the operator's files", "account acme", "account globex"]);
    assert_eq!(server.why("account acme"), ["operator-file-faulty"]);
    assert_eq!(answers(&server), expected(1, 1, 1));
    let versions =
        |server: &Running| ["one", "four", "five"].map(|zone| server.version(&format!("{zone}.example")));
    assert_eq!(versions(&server), ["NOERROR 1", "NOERROR 1", "NOERROR 2"]);
    place.write("addrmaps/main.toml", &main_file(2));
    server.follow_paths(&place, &["addrmaps/main.toml"]);
    assert_eq!(server.held(), [""; 0]);
    assert_eq!(
        (answers(&server), versions(&server)),
        (expected(2, 2, 2), ["NOERROR 2", "NOERROR 2", "NOERROR 2"].map(String::from))
    );
}

#[test]
fn the_defaults_do_not_go_while_they_are_reached() {
    let place = fleet();
    let mut server = place.start();
    let without = main_file(2).replace(&anycast("192.0.2.2"), "");
    place.write("addrmaps/main.toml", &without);
    server.follow();
    assert_eq!(server.why("the operator's files"), ["anycast-missing"]);
    assert_eq!(answers(&server), expected(1, 1, 1));
    // Initech gets a map of its own: then nobody needs them.
    place.write("addrmaps/initech/maps.toml", &map("i", "203.0.113.50", "account_wide = true"));
    server.follow();
    assert_eq!(server.held(), [""; 0]);
    assert_eq!(server.a("www.five.example"), "NOERROR account_map 203.0.113.50");
    assert_eq!(server.a("www.four.example"), "NOERROR account_map 203.0.113.102");
}

#[test]
fn anycast_in_two_files_is_held() {
    let place = fleet();
    let mut server = place.start();
    place.write("addrmaps/more.toml", &anycast("192.0.2.9"));
    server.follow();
    assert_eq!(server.why("the operator's files"), ["anycast-twice"]);
    assert_eq!(answers(&server), expected(1, 1, 1));
    place.remove("addrmaps/more.toml");
    server.follow();
    assert_eq!(server.held(), [""; 0]);
    // It moves from one file to another.
    place.write("addrmaps/more.toml", &anycast("192.0.2.9"));
    place.write("addrmaps/main.toml", &main_file(1).replace(&anycast("192.0.2.1"), ""));
    server.publishes();
    assert_eq!(answers(&server), expected(1, 1, 9));
}

/// A held account is served from the operator's files as they were only where these move on with a map of its own.
#[test]
fn who_is_held_keeps_a_view_of_what_concerns_it() {
    let place = fleet();
    place.write("addrmaps/globex.toml", &operators_map("more", "globex", "203.0.113.77", ""));
    let mut server = place.start();
    let acme = crate::model::AccountId::new("acme").unwrap();
    let view = |server: &Running| {
        let view = server.engine.books.accounts[&acme].view.clone();
        view.map(|view| view.into_keys().map(|path| path.below.to_path_buf()).collect::<Vec<_>>())
    };
    place.write("zones/acme/one.example.zone", BROKEN);
    server.follow();
    place.write("addrmaps/globex.toml", &operators_map("more", "globex", "203.0.113.78", ""));
    server.follow();
    assert_eq!((server.held(), view(&server)), (vec!["account acme".to_owned()], None));
    place.write("addrmaps/main.toml", &main_file(2));
    server.follow();
    assert_eq!(server.held(), ["account acme"]);
    assert_eq!(view(&server), Some(vec![PathBuf::from("main.toml")]));
    assert_eq!(answers(&server), expected(1, 2, 2));
    place.write("zones/acme/one.example.zone", &zone("2"));
    server.publishes();
    assert_eq!((view(&server), answers(&server)), (None, expected(2, 2, 2)));
}
