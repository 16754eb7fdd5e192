//! Files that other files name.

use super::*;

fn part(version: &str) -> String {
    format!("part 60 IN TXT \"{version}\"\n")
}

fn part_of(server: &Running, zone: &str) -> String {
    server.answer_of(&format!("part.{zone}"), RrType::TXT)
}

#[test]
fn an_included_file_changes_every_zone_that_includes_it() {
    let place = Place::with(&[
        ("zones/acme/one.example.zone", &zone_with("1", "deep/part.inc")),
        ("zones/acme/deep/two.example.zone", &zone_with("1", "part.inc")),
        ("zones/acme/three.example.zone", &zone("1")),
        ("zones/acme/deep/part.inc", &part("1")),
    ]);
    let mut server = place.start();
    place.write("zones/acme/deep/part.inc", &part("2"));
    let change = server.publishes();
    assert_eq!(change.cost.zones_compiled, 2);
    assert_eq!(
        (part_of(&server, "one.example"), part_of(&server, "two.example")),
        ("NOERROR 2".into(), "NOERROR 2".into())
    );
    for broken in [Some(BROKEN), None] {
        match broken {
            Some(text) => place.write("zones/acme/deep/part.inc", text),
            None => place.remove("zones/acme/deep/part.inc"),
        }
        server.follow();
        assert_eq!(server.held(), ["account acme"]);
        assert_eq!(part_of(&server, "one.example"), "NOERROR 2");
    }
    // As it was: nothing is left to hold.
    place.write("zones/acme/deep/part.inc", &part("2"));
    server.follow_paths(&place, &["zones/acme/deep/part.inc"]);
    assert_eq!(server.held(), [""; 0]);
    assert!(server.engine.is_in_sync());
    place.write("zones/acme/deep/part.inc", BROKEN);
    server.follow();
    assert_eq!(server.held(), ["account acme"]);
    // It comes back while the account is held.
    place.write("zones/acme/deep/part.inc", &part("3"));
    server.follow_paths(&place, &["zones/acme/deep/part.inc"]);
    assert_eq!(server.held(), [""; 0]);
    assert_eq!(
        (part_of(&server, "one.example"), part_of(&server, "two.example")),
        ("NOERROR 3".into(), "NOERROR 3".into())
    );
    // Nobody includes it any more.
    place.write("zones/acme/one.example.zone", &zone("2"));
    place.write("zones/acme/deep/two.example.zone", &zone("2"));
    place.write("zones/acme/deep/part.inc", BROKEN);
    server.publishes();
    assert!(server.engine.is_in_sync());
    assert!(server.engine.books.named_by.is_empty());
}

#[test]
fn a_file_that_a_new_zone_waits_for_releases_it() {
    for (zone_path, inc, unit) in [
        ("zones/acme/one.example.zone", "zones/acme/part.inc", "account acme"),
        ("zones/one.example.zone", "zones/part.inc", "zone one.example."),
    ] {
        let place = Place::with(&[("zones/globex/four.example.zone", &zone("1"))]);
        let mut server = place.start();
        place.write(zone_path, &zone_with("1", "part.inc"));
        server.follow();
        assert_eq!(server.held(), [unit]);
        place.write(inc, &part("1"));
        server.follow_paths(&place, &[inc]);
        assert_eq!(server.held(), [""; 0]);
        assert_eq!(part_of(&server, "one.example"), "NOERROR 1");
    }
}

/// A zone that is read takes the included file as it is; so do all others, told of it or not.
#[test]
fn an_included_file_that_changed_unnoticed_is_served_in_one_version() {
    let place = Place::with(&[
        ("zones/acme/one.example.zone", &zone_with("1", "part.inc")),
        ("zones/acme/two.example.zone", &zone_with("1", "part.inc")),
        ("zones/acme/part.inc", &part("1")),
    ]);
    let mut server = place.start();
    place.write("zones/acme/part.inc", &part("2"));
    place.write("zones/acme/one.example.zone", &zone_with("2", "part.inc"));
    server.follow_paths(&place, &["zones/acme/one.example.zone"]);
    assert_eq!(
        (part_of(&server, "one.example"), part_of(&server, "two.example")),
        ("NOERROR 2".into(), "NOERROR 2".into())
    );
}

#[test]
fn zones_of_default_that_share_a_changed_file_go_together() {
    let place = Place::with(&[
        ("zones/one.example.zone", &zone_with("1", "part.inc")),
        ("zones/two.example.zone", &zone_with("1", "part.inc")),
        ("zones/three.example.zone", &zone("1")),
        ("zones/part.inc", &part("1")),
    ]);
    let mut server = place.start();
    place.write("zones/part.inc", &part("2"));
    place.write("zones/one.example.zone", BROKEN);
    place.write("zones/three.example.zone", &zone("2"));
    server.follow();
    assert_eq!(server.held(), ["zone one.example.", "zone two.example."]);
    assert_eq!(server.why("zone two.example."), ["included-file-held"]);
    assert_eq!(
        (part_of(&server, "two.example"), server.version("three.example")),
        ("NOERROR 1".into(), "NOERROR 2".into())
    );
    place.write("zones/one.example.zone", &zone("2"));
    server.follow_paths(&place, &["zones/one.example.zone"]);
    assert_eq!(server.held(), [""; 0]);
    assert_eq!(part_of(&server, "two.example"), "NOERROR 2");
}

#[test]
fn a_list_of_zones_changes_the_map_that_names_it() {
    let place = Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/acme/two.example.zone", &zone("1")),
        ("addrmaps/acme/maps.toml", &map("m", "203.0.113.1", "zones_file = \"list.txt\"")),
        ("addrmaps/acme/list.txt", "one.example\n"),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
    ]);
    let mut server = place.start();
    let (map, anycast) = ("NOERROR zone_map 203.0.113.1", "NOERROR anycast_defaults 192.0.2.10");
    assert_eq!((server.a("www.one.example"), server.a("www.two.example")), (map.into(), anycast.into()));
    place.write("addrmaps/acme/list.txt", "two.example\n");
    assert_eq!(server.publishes().cost.zones_compiled, 0);
    assert_eq!((server.a("www.one.example"), server.a("www.two.example")), (anycast.into(), map.into()));
    place.remove("addrmaps/acme/list.txt");
    server.follow();
    assert_eq!(server.held(), ["account acme"]);
    assert_eq!(server.a("www.two.example"), map);
    place.write("addrmaps/acme/list.txt", "one.example\ntwo.example\n");
    server.publishes();
    assert_eq!((server.a("www.one.example"), server.a("www.two.example")), (map.into(), map.into()));
}
