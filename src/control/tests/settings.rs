//! `account.toml`: what changes in zones that did not change.

use super::*;

/// An account of its own, and the account `default`.
const BOTH: [(&str, &str); 2] = [("acme/", "account acme"), ("", "account default")];

fn place(folder: &str) -> Place {
    let account = if folder.is_empty() { "default" } else { "acme" };
    Place::with(&[
        (&format!("zones/{folder}one.example.zone"), &zone("1")),
        (&format!("zones/{folder}two.example.zone"), &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        (
            "addrmaps/main.toml",
            &(anycast("192.0.2.10")
                + &operators_map("m", account, "203.0.113.1", "zones = [\"one.example\"]")),
        ),
    ])
}

#[test]
fn settings_change_zones_that_did_not_change() {
    for (folder, _) in BOTH {
        let place = place(folder);
        let mut server = place.start();
        let settings = format!("zones/{folder}account.toml");
        let (map, anycast, stored) = (
            "NOERROR zone_map 203.0.113.1",
            "NOERROR anycast_defaults 192.0.2.10",
            "NOERROR stored 198.51.100.1",
        );
        for (text, one, two, compiled) in [
            ("enforce_dns_only = true", stored, stored, 2),
            ("[zone.\"one.example\"]\npaused = true", stored, anycast, 2),
            ("[zone.\"two.example\"]\npaused = true", map, stored, 2),
            ("shared_addresses = \"never\"", map, "SERVFAIL", 1),
            ("require_tags = true", map, anycast, 2),
            ("name = \"The same\"", map, anycast, 2),
            ("name = \"Another\"", map, anycast, 0),
        ] {
            place.write(&settings, text);
            let change = server.publishes();
            assert_eq!(
                (server.a("www.one.example"), server.a("www.two.example")),
                (one.into(), two.into()),
                "{text}"
            );
            assert_eq!(change.cost.zones_compiled, compiled, "{text}");
        }
        place.write(&settings, "[zone.\"one.example\"]\nipv6 = \"off\"");
        assert_eq!(server.publishes().cost.zones_compiled, 0);
        place.write(&settings, "enforce_dns_only = true");
        server.publishes();
        place.remove(&settings);
        assert_eq!(server.publishes().cost.zones_compiled, 2);
        assert_eq!(server.a("www.one.example"), map);
        assert_eq!(server.a("www.four.example"), anycast);
    }
}

#[test]
fn settings_that_zones_do_not_bear_are_held() {
    for (folder, unit) in BOTH {
        let place = place(folder);
        let untagged = zone("1") + "untagged 60 IN A 198.51.100.9\n";
        place.write(&format!("zones/{folder}one.example.zone"), &untagged);
        let mut server = place.start();
        place.write(&format!("zones/{folder}account.toml"), "require_tags = true");
        server.follow();
        assert_eq!(server.held(), [unit]);
        assert_eq!(server.why(unit), ["untagged"]);
        assert_eq!(server.version("one.example"), "NOERROR 1");
        place.write(&format!("zones/{folder}one.example.zone"), &zone("2"));
        server.publishes();
        assert_eq!(server.version("one.example"), "NOERROR 2");
    }
}

/// Each zone of `default` is a unit: what is served of one that is held is what the new settings are about.
#[test]
fn settings_of_default_reach_zones_that_are_held() {
    let place = place("");
    let mut server = place.start();
    place.write("zones/one.example.zone", BROKEN);
    server.follow();
    place.write("zones/account.toml", "enforce_dns_only = true");
    server.follow();
    assert_eq!(server.held(), ["zone one.example."]);
    assert_eq!(server.a("www.one.example"), "NOERROR stored 198.51.100.1");
    place.write("zones/one.example.zone", &zone("2"));
    server.publishes();
    assert_eq!(
        (server.version("one.example"), server.a("www.one.example")),
        ("NOERROR 2".into(), "NOERROR stored 198.51.100.1".into())
    );
}

#[test]
fn settings_and_zones_of_default_change_together() {
    let place = place("");
    let mut server = place.start();
    place.write("zones/account.toml", "enforce_dns_only = true");
    place.write("zones/one.example.zone", &zone("2"));
    place.remove("zones/two.example.zone");
    server.publishes();
    assert_eq!(
        (server.version("one.example"), server.a("www.one.example")),
        ("NOERROR 2".into(), "NOERROR stored 198.51.100.1".into())
    );
    assert_eq!(server.version("two.example"), "REFUSED");
    // Settings that do not come do not hold a zone that is good without them.
    place.write("zones/account.toml", "require_tags = true");
    place.write("zones/two.example.zone", &(zone("2") + "untagged 60 IN A 198.51.100.9\n"));
    place.write("zones/one.example.zone", &(zone("3") + "untagged 60 IN A 198.51.100.9\n"));
    place.write(
        "addrmaps/main.toml",
        &(anycast("192.0.2.10") + &operators_map("m", "default", "203.0.113.300", "")),
    );
    server.follow();
    assert_eq!(server.held(), ["account default"]);
    assert_eq!(server.why("account default"), ["bad-address"]);
    assert_eq!(
        (server.version("one.example"), server.version("two.example")),
        ("NOERROR 3".into(), "NOERROR 2".into())
    );
}

#[test]
fn an_included_file_is_not_read_for_new_settings() {
    let place = place("");
    place.write("zones/part.inc", "part 60 IN TXT \"1\"\n");
    place.write("zones/one.example.zone", &zone_with("1", "part.inc"));
    let mut server = place.start();
    place.write("zones/part.inc", BROKEN);
    server.follow();
    place.write("zones/account.toml", "enforce_dns_only = true");
    server.follow_paths(&place, &["zones/account.toml"]);
    assert_eq!(server.held(), ["zone one.example."]);
    assert_eq!(server.a("www.one.example"), "NOERROR stored 198.51.100.1");
    assert_eq!(server.answer_of("part.one.example", RrType::TXT), "NOERROR 1");
}

#[test]
fn settings_that_a_zone_was_held_for_release_it() {
    let place = place("");
    place.write("zones/account.toml", "require_tags = true");
    let mut server = place.start();
    place.write("zones/one.example.zone", &(zone("2") + "untagged 60 IN A 198.51.100.9\n"));
    server.follow();
    assert_eq!(server.held(), ["zone one.example."]);
    assert_eq!(server.why("zone one.example."), ["untagged"]);
    place.remove("zones/account.toml");
    server.follow_paths(&place, &["zones/account.toml"]);
    assert_eq!((server.held(), server.version("one.example")), (Vec::new(), "NOERROR 2".into()));
}
