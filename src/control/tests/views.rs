//! An account that sees an earlier state of the operator's files: what brings it back there, and what lets it go on.

use super::*;
use crate::control::commands::Back;

fn main_file(last: u8) -> String {
    anycast(&format!("192.0.2.{last}"))
        + &operators_map("for-acme", "acme", &format!("203.0.113.{last}"), "account_wide = true")
        + &operators_map("for-globex", "globex", &format!("203.0.113.{}", last + 100), "account_wide = true")
}

const ONE: &str = "zones/acme/one.example.zone";
const ACME: &str = "account acme";

fn fleet() -> Place {
    Place::with(&[
        (ONE, &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("addrmaps/main.toml", &main_file(1)),
    ])
}

/// What both accounts answer: the version of acme's zone, and by which state of the operator's file each is answered.
fn answers(server: &Running) -> [String; 3] {
    [server.version("one.example"), server.a("www.one.example"), server.a("www.four.example")]
}

fn expected(version: &str, acme: u8, globex: u8) -> [String; 3] {
    [
        format!("NOERROR {version}"),
        format!("NOERROR account_map 203.0.113.{acme}"),
        format!("NOERROR account_map 203.0.113.{}", globex + 100),
    ]
}

impl Running {
    fn back_to(&mut self, generation: Option<u64>) -> Change {
        let back = Back {
            generation: generation.map(crate::control::history::When::Generation),
            account: None,
            by: None,
            reason: "outage".into(),
        };
        let change = self.engine.roll_back(&back, &mut crate::control::look::Open).unwrap();
        assert_eq!(change.outcome, Outcome::Published, "{change:?}");
        change
    }
}

/// Acme is held for a fault of its own, or in its map in the operator's file, which moves on.
fn left_behind(place: &Place, server: &mut Running, how: &str) -> u64 {
    let file = match how {
        "its map" => main_file(2).replacen("account_wide = true", "account_wide = 7", 1),
        _ => {
            place.write(ONE, BROKEN);
            main_file(2)
        }
    };
    place.write("addrmaps/main.toml", &file);
    let change = server.follow();
    assert_eq!((server.held(), answers(server)), (vec![ACME.to_owned()], expected("1", 1, 2)), "{how}");
    change.generation
}

#[test]
fn a_rollback_brings_the_view_back_that_an_account_had() {
    // What moves on afterwards: everything; the operator's file alone; nothing but that acme is as it was again, which
    // changes no file that is served.
    for (how, later) in [
        ("its zone", "all"),
        ("its map", "all"),
        ("its zone", "operator"),
        ("its zone", "acme"),
        ("its map", "acme"),
    ] {
        let place = fleet();
        let mut server = place.start();
        let then = left_behind(&place, &mut server, how);
        let version = if later == "all" { "3" } else { "1" };
        place.write(ONE, &zone(version));
        let newest = if later == "acme" { 2 } else { 3 };
        place.write("addrmaps/main.toml", &main_file(newest));
        if later == "all" {
            place.write("zones/globex/four.example.zone", &zone("3"));
        }
        server.publishes();
        assert_eq!(answers(&server), expected(version, newest, newest), "{how} {later}");
        server.back_to((later != "acme" || how == "its map").then_some(then));
        assert_eq!(answers(&server), expected("1", 1, 2), "{how} {later}");
        assert_eq!(server.why(ACME).last().map(String::as_str), Some("pinned"), "{how} {later}");
        // It stays so whatever happens, and after a restart.
        place.write("zones/globex/five.example.zone", &zone("1"));
        server.follow();
        assert_eq!(answers(&server), expected("1", 1, 2), "{how} {later}");
        let before = server.engine.snapshot();
        drop(server);
        let mut server = place.start();
        assert_eq!(before.differences(&server.engine.snapshot()), [], "{how} {later}");
        server.follow();
        assert_eq!(answers(&server), expected("1", 1, 2), "{how} {later}");
        assert_eq!(server.why(ACME).last().map(String::as_str), Some("pinned"), "{how} {later}");
        server.engine.resume(None, &mut crate::control::look::Open).unwrap();
        assert_eq!(answers(&server), expected(version, newest, newest), "{how} {later}");
        assert_eq!(server.held(), [""; 0], "{how} {later}");
        drop(server);
        assert_eq!(answers(&place.start()), expected(version, newest, newest), "{how} {later}");
    }
}

#[test]
fn a_rollback_to_where_an_account_had_no_view_takes_its_view_away() {
    let place = fleet();
    let mut server = place.start();
    let first = server.first.generation;
    left_behind(&place, &mut server, "its zone");
    place.write("addrmaps/main.toml", &main_file(3));
    server.follow();
    assert_eq!(answers(&server), expected("1", 1, 3));
    server.back_to(Some(first));
    assert_eq!(answers(&server), expected("1", 1, 1));
    let manifest =
        server.engine.store.state.manifest_at(server.engine.snapshot().generation).unwrap().unwrap();
    assert!(manifest.views.is_empty());
    // It goes on with the operator's file when its own is good.
    place.write(ONE, &zone("2"));
    server.engine.resume(None, &mut crate::control::look::Open).unwrap();
    assert_eq!(answers(&server), expected("2", 3, 3));
}

/// The operator's files are no part of an account that is rolled back alone.
#[test]
fn an_account_that_is_rolled_back_alone_sees_the_operators_files_as_they_are_served() {
    let place = fleet();
    let mut server = place.start();
    let first = server.first.generation;
    place.write(ONE, &zone("2"));
    server.publishes();
    place.write(ONE, BROKEN);
    place.write("addrmaps/main.toml", &main_file(2));
    server.follow();
    assert_eq!(answers(&server), expected("2", 1, 2));
    let account = crate::model::AccountId::new("acme");
    let back = Back {
        generation: Some(crate::control::history::When::Generation(first)),
        account: account.clone(),
        by: None,
        reason: "outage".into(),
    };
    server.engine.roll_back(&back, &mut crate::control::look::Open).unwrap();
    assert_eq!(answers(&server), expected("1", 2, 2));
    place.write(ONE, &zone("3"));
    server.follow();
    assert_eq!(answers(&server), expected("1", 2, 2));
    server.engine.resume(account.as_ref(), &mut crate::control::look::Open).unwrap();
    assert_eq!(answers(&server), expected("3", 2, 2));
}

/// A fault in a map that it never had holds an account as it is, whatever happens then.
#[test]
fn an_account_held_for_a_new_map_of_the_operators_is_served_on() {
    let good = operators_map("new", "initech", "203.0.113.7", "account_wide = true");
    for (what, by) in [
        ("account_wide = true", "account_wide = true\nunknown = 1"),
        ("account_wide = true", "account_wide = 7"),
        ("enabled = true", ""),
        ("\"203.0.113.7\"", "\"nowhere\""),
        ("id = \"new\"", "id = \"NEW MAP\""),
    ] {
        let place = fleet();
        place.write("zones/initech/five.example.zone", &zone("1"));
        let mut server = place.start();
        let five = |server: &Running| (server.version("five.example"), server.a("www.five.example"));
        let before = ("NOERROR 1".to_owned(), "NOERROR anycast_defaults 192.0.2.1".to_owned());
        assert_eq!(five(&server), before);
        place.write("addrmaps/new.toml", &good.replace(what, by));
        place.write("zones/globex/four.example.zone", &zone("2"));
        let then = server.follow().generation;
        let held = server.held();
        assert_eq!((held.len(), five(&server)), (1, before.clone()), "{by}");
        drop(server);
        let mut server = place.start();
        assert_eq!(five(&server), before, "{by}: after a restart");
        server.follow();
        assert_eq!((server.held(), five(&server)), (held, before.clone()), "{by}");
        place.write("addrmaps/new.toml", &good);
        place.write("zones/initech/five.example.zone", &zone("2"));
        server.publishes();
        assert_eq!(five(&server).1, "NOERROR account_map 203.0.113.7");
        server.back_to(Some(then));
        assert_eq!(five(&server), before, "{by}: after a rollback");
    }
}

/// After a restart nothing is known of what it is held for but what the folders say.
#[test]
fn without_its_folders_a_held_account_does_not_go_on() {
    for gone in [&["zones", "addrmaps"][..], &["zones"], &["addrmaps"]] {
        for (mended, newest) in [(false, 1), (true, 3)] {
            let place = fleet();
            let mut server = place.start();
            left_behind(&place, &mut server, "its zone");
            drop(server);
            gone.iter().for_each(|folder| place.rename(folder, &format!("aside/{folder}")));
            let mut server = place.start();
            for _ in 0..2 {
                server.follow();
                assert_eq!(answers(&server), expected("1", 1, 2), "{gone:?}");
                assert_eq!(server.held(), [ACME], "{gone:?}");
            }
            let operators = if gone.contains(&"addrmaps") { 2 } else { 3 };
            if operators == 3 {
                // The operator's files can move on all the same.
                place.write("addrmaps/main.toml", &main_file(3));
                server.follow();
                assert_eq!(answers(&server), expected("1", 1, 3), "{gone:?}");
            }
            gone.iter().for_each(|folder| place.rename(&format!("aside/{folder}"), folder));
            if mended {
                // As it is served: no file differs.
                place.write(ONE, &zone("1"));
            }
            server.follow();
            let acme = if mended { operators.min(newest) } else { 1 };
            assert_eq!(answers(&server), expected("1", acme, operators), "{gone:?} {mended}");
            assert_eq!(server.held().len(), usize::from(!mended), "{gone:?} {mended}");
        }
    }
}

/// It is judged again when its folder is back, although nothing happened to its files.
#[test]
fn a_held_account_goes_on_when_its_folder_is_back() {
    let place = fleet();
    let_stamps_settle(&place);
    let mut server = place.start();
    left_behind(&place, &mut server, "its map");
    drop(server);
    place.rename("zones", "aside");
    let mut server = place.start();
    place.write("addrmaps/main.toml", &main_file(3));
    let_stamps_settle(&place);
    server.follow();
    assert_eq!((server.held(), answers(&server)), (vec![ACME.to_owned()], expected("1", 1, 3)));
    place.rename("aside", "zones");
    server.follow();
    assert_eq!((server.held(), answers(&server)), (Vec::new(), expected("1", 3, 3)));
}
