//! The account is the unit.

use super::*;

fn two_accounts() -> Place {
    Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/acme/two.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("addrmaps/acme/maps.toml", &map("acme-wide", "203.0.113.1", "account_wide = true")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
    ])
}

#[test]
fn a_fault_holds_its_account_whole_and_no_other() {
    let place = two_accounts();
    let mut server = place.start();
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
    place.write("zones/acme/one.example.zone", &zone("2"));
    place.write("addrmaps/acme/maps.toml", &map("acme-wide", "203.0.113.2", "account_wide = true"));
    place.write("zones/globex/four.example.zone", &zone("2"));
    for (path, good, broken) in [
        ("zones/acme/two.example.zone", zone("2"), "@ 60 IN A 192.0.2.300\n"),
        ("zones/acme/new.example.zone", zone("2"), BROKEN),
        ("zones/acme/account.toml", "require_tags = false".to_owned(), BROKEN),
        ("addrmaps/acme/more.toml", map("more", "203.0.113.3", ""), BROKEN),
    ] {
        place.write(path, broken);
        // Looking again changes nothing.
        for _ in 0..2 {
            server.follow();
            assert_eq!(server.held(), ["account acme"], "{path}");
            assert_eq!(server.version("one.example"), "NOERROR 1", "{path}");
            assert_eq!(server.a("www.two.example"), "NOERROR account_map 203.0.113.1", "{path}");
            assert_eq!(server.version("four.example"), "NOERROR 2", "{path}");
        }
        place.write(path, &good);
        let held = server.engine.status(Default::default(), Vec::new(), None);
        assert!(!held.in_sync, "{path}");
    }
    server.publishes();
    assert_eq!(server.version("one.example"), "NOERROR 2");
    assert_eq!(server.version("new.example"), "NOERROR 2");
    assert_eq!(server.a("www.two.example"), "NOERROR account_map 203.0.113.2");
    assert!(server.engine.is_in_sync());
}

#[test]
fn zones_of_the_account_default_are_units() {
    let place = Place::with(&[
        ("zones/one.example.zone", &zone("1")),
        ("zones/two.example.zone", &zone("1")),
        ("addrmaps/main.toml", &operators_map("wide", "default", "203.0.113.1", "account_wide = true")),
    ]);
    let mut server = place.start();
    place.write("zones/one.example.zone", BROKEN);
    place.write("zones/two.example.zone", &zone("2"));
    server.follow();
    assert_eq!(server.held(), ["zone one.example."]);
    assert_eq!(
        (server.version("one.example"), server.version("two.example")),
        ("NOERROR 1".into(), "NOERROR 2".into())
    );
    place.remove("zones/one.example.zone");
    server.publishes();
    assert_eq!(server.version("one.example"), "REFUSED");
}

#[test]
fn what_is_new_and_faulty_is_absent_until_it_is_good() {
    let place = two_accounts();
    let mut server = place.start();
    place.write("zones/initech/five.example.zone", &zone("1"));
    place.write("zones/initech/account.toml", BROKEN);
    place.write("zones/six.example.zone", BROKEN);
    server.follow();
    assert_eq!(server.held(), ["account initech", "zone six.example."]);
    assert_eq!(
        (server.version("five.example"), server.version("six.example")),
        ("REFUSED".into(), "REFUSED".into())
    );
    place.remove("zones/initech/account.toml");
    place.write("zones/six.example.zone", &zone("1"));
    server.publishes();
    assert_eq!(
        (server.version("five.example"), server.version("six.example")),
        ("NOERROR 1".into(), "NOERROR 1".into())
    );
}

#[test]
fn a_zone_moves_to_another_account_in_one_change() {
    let place = two_accounts();
    let mut server = place.start();
    for (from, to, answer) in [
        (
            "zones/acme/one.example.zone",
            "zones/globex/deep/one.example.zone",
            "NOERROR anycast_defaults 192.0.2.10",
        ),
        (
            "zones/globex/deep/one.example.zone",
            "zones/one.example.zone",
            "NOERROR anycast_defaults 192.0.2.10",
        ),
        ("zones/one.example.zone", "zones/acme/z/one.example.zone", "NOERROR account_map 203.0.113.1"),
        // Within an account, to what comes before and behind.
        ("zones/acme/z/one.example.zone", "zones/acme/a/one.example.zone", "NOERROR account_map 203.0.113.1"),
        ("zones/acme/a/one.example.zone", "zones/acme/z/one.example.zone", "NOERROR account_map 203.0.113.1"),
    ] {
        place.rename(from, to);
        server.publishes();
        assert_eq!(server.a("www.one.example"), answer, "{to}");
    }
}

#[test]
fn a_zone_moves_to_another_account_in_two_changes() {
    let place = two_accounts();
    let mut server = place.start();
    place.write("zones/globex/one.example.zone", &zone("2"));
    place.write("zones/globex/four.example.zone", &zone("2"));
    server.follow();
    assert_eq!(server.why("account globex"), ["zone-in-two-files"]);
    assert_eq!(
        (server.version("one.example"), server.version("four.example")),
        ("NOERROR 1".into(), "NOERROR 1".into())
    );
    // Only what goes is told: the one that waits comes with it.
    place.remove("zones/acme/one.example.zone");
    server.follow_paths(&place, &["zones/acme/one.example.zone"]);
    assert_eq!(server.held(), [""; 0]);
    assert_eq!(
        (server.version("one.example"), server.version("four.example")),
        ("NOERROR 2".into(), "NOERROR 2".into())
    );
    // In the other order it is not there in between.
    place.rename("zones/globex/one.example.zone", "zones/acme/one.example.zone");
    server.follow_paths(&place, &["zones/globex/one.example.zone"]);
    assert_eq!(server.version("one.example"), "REFUSED");
    server.follow_paths(&place, &["zones/acme/one.example.zone"]);
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
}

#[test]
fn of_two_accounts_that_want_the_same_the_newcomer_is_held() {
    let sni = |zone: &str| format!("zones = [\"{zone}\"]\ndefault_sni = \"{zone}\"");
    for (code, first, second) in [
        ("duplicate-map-id", map("m", "203.0.113.1", ""), map("m", "203.0.113.2", "")),
        (
            "two-default-snis",
            map("a", "203.0.113.1", &sni("one.example")),
            map("b", "203.0.113.1", &sni("four.example")),
        ),
    ] {
        let place = two_accounts();
        place.write("addrmaps/acme/more.toml", &first);
        let mut server = place.start();
        place.write("addrmaps/globex/maps.toml", &second);
        place.write("zones/globex/four.example.zone", &zone("2"));
        server.follow();
        assert_eq!(server.why("account globex"), [code]);
        assert_eq!(server.version("four.example"), "NOERROR 1");
        // Who has it may change.
        place.write("addrmaps/acme/more.toml", &format!("{first}# the same\n"));
        server.follow();
        assert_eq!(server.held(), ["account globex"], "{code}");
        place.remove("addrmaps/acme/more.toml");
        server.follow_paths(&place, &["addrmaps/acme/more.toml"]);
        assert_eq!(server.held(), [""; 0], "{code}");
        assert_eq!(server.version("four.example"), "NOERROR 2");
    }
}

#[test]
fn a_map_does_not_name_a_zone_of_another_account() {
    let place = two_accounts();
    let mut server = place.start();
    place.write("addrmaps/globex/maps.toml", &map("g", "203.0.113.9", "zones = [\"one.example\"]"));
    server.follow();
    assert_eq!(server.why("account globex"), ["foreign-zone"]);
    place.rename("zones/acme/one.example.zone", "zones/globex/one.example.zone");
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR zone_map 203.0.113.9");
}

/// What a map names before anybody has it is whose who comes with it, and holds nobody.
#[test]
fn nobody_waits_for_who_named_its_zone_before() {
    for rest in ["zones = [\"new.example\"]", "account_wide = true\ndefault_sni = \"new.example\""] {
        let place = two_accounts();
        place.write("addrmaps/acme/early.toml", &map("early", "203.0.113.7", "zones = [\"new.example\"]"));
        place.write("addrmaps/globex/maps.toml", &map("g", "203.0.113.9", "account_wide = true"));
        let mut server = place.start();
        if rest.contains("sni") {
            place.write("addrmaps/acme/maps.toml", &map("acme-wide", "203.0.113.1", rest));
            server.follow();
        }
        place.write("zones/globex/new.example.zone", &zone("1"));
        place.write("zones/globex/four.example.zone", &zone("2"));
        server.follow();
        assert!(!server.held().contains(&"account globex".to_owned()), "{rest}: {:?}", server.engine.held());
        assert_eq!(server.a("www.new.example"), "NOERROR account_map 203.0.113.9", "{rest}");
        assert_eq!(server.version("four.example"), "NOERROR 2", "{rest}");
        assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1", "{rest}");
    }
}

#[test]
fn an_accounts_folder_goes_and_returns() {
    let place = two_accounts();
    let mut server = place.start();
    place.rename("zones/acme", "aside");
    server.publishes();
    assert_eq!(server.version("one.example"), "REFUSED");
    place.rename("aside", "zones/acme");
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
}

#[test]
fn strict_is_all_or_nothing() {
    let place = two_accounts().strict();
    let mut server = place.start();
    place.write("zones/acme/one.example.zone", BROKEN);
    place.write("zones/globex/four.example.zone", &zone("2"));
    assert_eq!(server.follow().outcome, Outcome::Refused);
    assert_eq!(server.version("four.example"), "NOERROR 1");
    place.write("zones/acme/one.example.zone", &zone("2"));
    server.publishes();
    assert_eq!(
        (server.version("one.example"), server.version("four.example")),
        ("NOERROR 2".into(), "NOERROR 2".into())
    );
}

#[test]
fn what_is_touched_and_not_changed_is_no_change() {
    let place = two_accounts();
    let mut server = place.start();
    let before = server.engine.snapshot().generation;
    place.write("zones/acme/one.example.zone", &zone("1"));
    let change = server.follow();
    assert_eq!((change.outcome, change.cost.zones_compiled), (Outcome::Unchanged, 0));
    assert_eq!(server.engine.snapshot().generation, before);
    assert!(server.engine.is_in_sync());
}
