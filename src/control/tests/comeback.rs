//! Guards and time: what comes back within the hour was not lost, and what goes a little at a time is.

use super::*;
use crate::control::report::Why;

const OPERATOR: &str = "the operator's files";

/// What is held, which a guard minds, and by which of its limits.
#[track_caller]
fn guarded(server: &Running, unit: &str, code: &str) {
    let held = server.engine.held();
    let units: Vec<_> = held.iter().map(|held| (held.unit.as_str(), held.why)).collect();
    assert_eq!(units, [(unit, Why::Guard)], "{held:?}");
    let problem = &held[0].problems[0];
    assert_eq!(problem.code, code, "{problem:?}");
    assert!(problem.message.contains("within an hour"), "{problem:?}");
}

fn minutes(server: &mut Running, minutes: u64) {
    server.engine.clock.ahead += 60 * minutes;
}

#[test]
fn a_zone_that_goes_and_returns_within_the_hour_was_not_lost() {
    let zones = ["zones/one.example.zone", "zones/two.example.zone", "zones/three.example.zone"];
    let mut place = Place::with(&[("addrmaps/main.toml", &anycast("192.0.2.10"))]);
    zones.iter().for_each(|path| place.write(path, &zone("1")));
    place.rules.guards = Guards { zones_gone: Share { percent: 0, floor: 1 }, ..NO_GUARDS };
    let mut server = place.start();
    // Each of them goes and returns: of what was served an hour ago never more than one is missing.
    for path in zones {
        place.remove(path);
        server.publishes();
        minutes(&mut server, 2);
        place.write(path, &zone("2"));
        server.publishes();
        minutes(&mut server, 2);
    }
    place.remove(zones[0]);
    server.publishes();
    minutes(&mut server, 2);
    place.write(zones[2], &zone("3"));
    server.publishes();
    minutes(&mut server, 2);
    place.remove(zones[1]);
    server.follow();
    guarded(&server, "zone two.example.", "guard-zones-gone");
    assert_eq!(server.version("two.example"), "NOERROR 2");
    // The one that is missing returns, and there is room for another.
    place.write(zones[0], &zone("3"));
    server.follow();
    server.follow();
    assert_eq!(server.held(), [""; 0]);
    assert_eq!(
        (server.version("one.example"), server.version("two.example")),
        ("NOERROR 3".into(), "REFUSED".into())
    );
}

#[test]
fn an_account_that_goes_and_returns_within_the_hour_was_not_lost() {
    let mut place = Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/acme/two.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        // A folder of which nothing is left is not followed.
        ("zones/other.example.zone", &zone("1")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
        ("addrmaps/acme/maps.toml", &map("acme-all", "203.0.113.1", "account_wide = true")),
        ("addrmaps/globex/maps.toml", &map("globex-all", "203.0.113.2", "account_wide = true")),
    ]);
    let limit = |floor| Share { percent: 0, floor };
    place.rules.guards = Guards { zones_gone: limit(2), addresses_gone: limit(1), ..NO_GUARDS };
    let mut server = place.start();
    for _ in 0..3 {
        for (from, to) in [("zones/acme", "aside/zones"), ("addrmaps/acme", "aside/addrmaps")] {
            place.rename(from, to);
        }
        server.publishes();
        assert_eq!(server.version("one.example"), "REFUSED");
        minutes(&mut server, 2);
        for (from, to) in [("aside/zones", "zones/acme"), ("aside/addrmaps", "addrmaps/acme")] {
            place.rename(from, to);
        }
        server.publishes();
        assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
        minutes(&mut server, 2);
    }
    // Its address is answered again: there is room for another one to go.
    place.rename("addrmaps/globex", "aside/globex");
    server.publishes();
    minutes(&mut server, 2);
    place.rename("aside/globex", "addrmaps/globex");
    server.publishes();
    minutes(&mut server, 2);
    // While it is gone nobody else may go.
    place.rename("zones/acme", "aside/zones");
    place.rename("addrmaps/acme", "aside/addrmaps");
    server.publishes();
    minutes(&mut server, 2);
    place.rename("zones/globex", "aside/globex");
    server.follow();
    guarded(&server, "account globex", "guard-zones-gone");
    assert_eq!(server.a("www.four.example"), "NOERROR account_map 203.0.113.2");
    // An hour later that is another matter.
    minutes(&mut server, 62);
    server.follow();
    assert_eq!((server.held(), server.version("four.example")), (vec![], "REFUSED".to_owned()));
}

fn prefix(customer: u8) -> String {
    let cidr = format!("203.0.113.{customer}/32");
    format!(
        "[[prefix]]\ncidr = \"{cidr}\"\naccount = \"c{customer}\"\n\
         binding = [{{ cidr = \"{cidr}\", service = \"CDN\" }}]\n"
    )
}

/// Customers 1 to 4 with a name each, and a ledger with an entry for each.
fn customers(ownership: Ownership, guards: Guards) -> Place {
    let mut place = Place::with(&[("addrmaps/main.toml", &anycast("192.0.2.10"))]).ownership(ownership);
    for customer in 1..=4 {
        place.write(&format!("zones/c{customer}/z{customer}.example.zone"), &zone("1"));
        let map = map(&format!("m{customer}"), &format!("203.0.113.{customer}"), "account_wide = true");
        place.write(&format!("addrmaps/c{customer}/m.toml"), &map);
    }
    place.write("addrmaps/ledger.toml", &ledger(1..=4));
    place.rules.guards = guards;
    place
}

fn ledger(customers: std::ops::RangeInclusive<u8>) -> String {
    customers.map(prefix).collect()
}

#[test]
fn a_ledger_that_loses_an_entry_now_and_then_is_held_at_the_limit_of_an_hour() {
    let place = customers(Ownership::Warn, Guards { ledger_names: 2, ..NO_GUARDS });
    let mut server = place.start();
    for gone in 1..=2 {
        place.write("addrmaps/ledger.toml", &ledger(gone + 1..=4));
        server.publishes();
        minutes(&mut server, 20);
    }
    place.write("addrmaps/ledger.toml", &ledger(4..=4));
    server.follow();
    guarded(&server, OPERATOR, "guard-ledger-names");
    // The first one went longer ago than that.
    minutes(&mut server, 21);
    server.publishes();
    // What returns was not lost.
    place.write("addrmaps/ledger.toml", &ledger(1..=4));
    server.publishes();
    for gone in 1..=2 {
        place.write("addrmaps/ledger.toml", &ledger(gone + 1..=4));
        server.publishes();
    }
}

/// Where nobody looks at the ledger its guard does not either; all others do.
#[test]
fn without_ownership_the_other_guards_stand() {
    let guards = Guards { ledger_names: 0, ..Guards::default() };
    let place = customers(Ownership::Off, guards);
    let mut server = place.start();
    place.write("addrmaps/ledger.toml", &ledger(2..=4));
    server.publishes();
    place.write("zones/c1/z1.example.zone", &zone("2").replace("cf-proxied:true", "cf-proxied:false"));
    server.follow();
    assert_eq!(
        (server.held(), server.why("account c1")),
        (vec!["account c1".into()], vec!["guard-zone-unproxied".into()])
    );
    // The same entry under another rule.
    let place = customers(Ownership::Warn, guards);
    let mut server = place.start();
    place.write("addrmaps/ledger.toml", &ledger(2..=4));
    server.follow();
    assert_eq!(
        (server.held(), server.why(OPERATOR)),
        (vec![OPERATOR.into()], vec!["guard-ledger-names".into()])
    );
}
