//! What a change costs follows the change, whatever else there is.

use super::*;

/// So many zones, each of four records; creating the files takes most of the test's time.
const ZONES: usize = 20_000;

fn tiny(version: u8) -> String {
    format!(
        "@ 60 IN SOA ns.invalid. ns.invalid. {version} 7200 900 1209600 300\n@ 60 IN NS ns.invalid.\n\
         www 1 IN A 198.51.100.1 ; cf_tags=cf-proxied:true\nv 60 IN TXT \"{version}\"\n"
    )
}

/// Half of the zones in one account, half in ten.
fn account(zone: usize) -> String {
    if zone.is_multiple_of(2) { "large".into() } else { format!("small-{}", zone % 20 / 2) }
}

fn path(zone: usize) -> String {
    format!("zones/{}/{:02x}/z{zone}.example.zone", account(zone), zone % 251)
}

#[test]
fn among_many_zones_a_change_costs_what_it_changes() {
    let place = Place::with(&[
        ("addrmaps/large/maps.toml", &map("wide", "203.0.113.1", "account_wide = true")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
    ]);
    let text = tiny(1);
    for zone in 0..ZONES {
        place.write(&path(zone), &text);
    }
    let_stamps_settle(&place);
    let mut server = place.start();
    assert_eq!(server.first.cost.zones_compiled, ZONES as u64);
    // All that is known by its stamp is not read again.
    let change = server.follow();
    assert_eq!((change.outcome, change.cost.files_read), (Outcome::Unchanged, 0));

    for zone in [6, 7] {
        place.write(&path(zone), &tiny(2));
        let change = match zone {
            6 => server.follow(),
            _ => server.follow_paths(&place, &[&path(zone)]),
        };
        assert_eq!(change.zones, [format!("~z{zone}.example.")]);
        assert_eq!(change.units, [format!("account {}", account(zone))]);
        let cost = change.cost;
        assert_eq!((cost.files_read, cost.zones_compiled, cost.sets_stored), (1, 1, 0), "{cost:?}");
        assert_eq!(cost.bytes_read, text.len() as u64);
        assert!(cost.bytes_remembered < 2048, "{cost:?}");
        assert_eq!(server.version(&format!("z{zone}.example")), "NOERROR 2");
    }
    // Whatever changed within the hour before.
    for zone in 100..200 {
        place.write(&path(zone), &tiny(2));
    }
    assert_eq!(server.follow().cost.zones_compared, 200);
    place.write(&path(6), &tiny(3));
    let cost = server.follow_paths(&place, &[&path(6)]).cost;
    assert_eq!((cost.zones_compiled, cost.zones_compared), (1, 2), "{cost:?}");
    for (path, text) in [
        ("addrmaps/large/maps.toml", map("wide", "203.0.113.2", "account_wide = true")),
        ("addrmaps/main.toml", anycast("192.0.2.11")),
    ] {
        place.write(path, &text);
        let cost = server.follow_paths(&place, &[path]).cost;
        assert_eq!((cost.files_read, cost.zones_compiled, cost.sets_stored), (1, 0, 1), "{path}: {cost:?}");
        assert!(cost.bytes_remembered < 2048, "{cost:?}");
    }
    assert_eq!(server.a("www.z6.example"), "NOERROR account_map 203.0.113.2");
    assert_eq!(server.a("www.z7.example"), "NOERROR anycast_defaults 192.0.2.11");
    let snapshot = server.engine.snapshot();
    let names = snapshot.zones.iter().map(|entry| u64::from(entry.zone.names())).sum();
    let totals = crate::snapshot::Totals { names, faulty: 0, owners: 11 };
    assert_eq!(snapshot.totals, totals, "as if counted anew");
    let (before, generation) = (server.engine.snapshot(), server.engine.books.generation);
    drop(server);
    let server = place.start();
    assert_eq!(
        (before.differences(&server.engine.snapshot()), server.first.generation),
        (Vec::new(), generation)
    );
}
