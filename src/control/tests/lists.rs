//! Maps whose zones stand in a file of their own.

use super::*;

fn with_lists() -> Place {
    let of = |file: &str| format!("zones_file = \"{file}\"");
    Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/acme/two.example.zone", &zone("1")),
        ("addrmaps/acme/eu.toml", &map("eu", "203.0.113.1", &of("eu.txt"))),
        ("addrmaps/acme/eu.txt", "one.example\n"),
        ("addrmaps/acme/us.toml", &map("us", "203.0.113.101", &of("us.txt"))),
        ("addrmaps/acme/us.txt", "two.example\n"),
    ])
}

#[test]
fn addresses_change_and_the_list_stays() {
    let place = with_lists();
    let mut server = place.start();
    place.write("addrmaps/acme/eu.toml", &map("eu", "203.0.113.2", "zones_file = \"eu.txt\""));
    let change = server.publishes();
    assert_eq!((change.cost.zones_compiled, change.cost.sets_stored), (0, 1));
    assert_eq!(server.a("www.one.example"), "NOERROR zone_map 203.0.113.2");
    // The maps of the last generation are those that the next one is compared with.
    place.write("addrmaps/acme/eu.txt", "");
    place.write("addrmaps/acme/us.txt", "one.example\ntwo.example\n");
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR zone_map 203.0.113.101");
    place.write("addrmaps/acme/us.toml", &map("us", "203.0.113.102", "zones_file = \"us.txt\""));
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR zone_map 203.0.113.102");
    let before = server.engine.snapshot();
    drop(server);
    assert_eq!(before.differences(&place.start().engine.snapshot()), []);
}

#[test]
fn a_second_governor_is_found_whichever_map_changes() {
    let place = with_lists();
    let mut server = place.start();
    place.write("addrmaps/acme/us.txt", "two.example\none.example\n");
    server.follow();
    assert_eq!(
        (server.held(), server.why("account acme")),
        (vec!["account acme".into()], vec!["zone-in-two-maps".into()])
    );
    // That only addresses change beside it does not let it through.
    place.write("addrmaps/acme/eu.toml", &map("eu", "203.0.113.2", "zones_file = \"eu.txt\""));
    server.follow();
    assert_eq!(server.held(), ["account acme"]);
    assert_eq!(server.a("www.one.example"), "NOERROR zone_map 203.0.113.1");
    place.write("addrmaps/acme/us.txt", "two.example\n");
    server.publishes();
    // A map that was off is judged with its members when it comes on.
    let off = map("us", "203.0.113.101", "zones_file = \"us.txt\"").replace("= true", "= false");
    place.write("addrmaps/acme/us.toml", &off);
    place.write("addrmaps/acme/us.txt", "one.example\n");
    server.publishes();
    place.write("addrmaps/acme/us.toml", &map("us", "203.0.113.101", "zones_file = \"us.txt\""));
    server.follow();
    assert_eq!(server.held(), ["account acme"]);
}

#[test]
fn a_family_that_goes_is_told_though_the_list_stays() {
    let place = with_lists();
    let mut server = place.start();
    let both = map("eu", "203.0.113.2\", \"2001:db8::1", "zones_file = \"eu.txt\"");
    place.write("addrmaps/acme/eu.toml", &both);
    assert_eq!(server.publishes().problems.len(), 0);
    place.write("addrmaps/acme/eu.toml", &map("eu", "203.0.113.2", "zones_file = \"eu.txt\""));
    assert_eq!(server.publishes().problems.len(), 1);
}
