//! The server's look at itself: what it minds, and what it only tells.

use std::sync::Arc;

use super::*;
use crate::control::audit::{Audit, Auditor};
use crate::snapshot::Snapshot;

/// A map that sleeps, with an address of somebody else.
fn sleeping(enabled: bool) -> String {
    map("next", "198.51.100.9", "zones = [\"one.example\"]").replace("= true", &format!("= {enabled}"))
}

fn place() -> Place {
    let prefix = "[[prefix]]\ncidr = \"203.0.113.0/24\"\naccount = \"acme\"\n\
                  binding = [{ cidr = \"203.0.113.0/24\", service = \"CDN\" }]\n";
    Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/globex/two.example.zone", &zone("1")),
        ("addrmaps/main.toml", &(anycast("192.0.2.10") + prefix)),
        ("addrmaps/acme/maps.toml", &map("own", "203.0.113.1", "account_wide = true")),
    ])
}

/// Audits a snapshot as what a server serves; on a thread of its own, for that is put behind all others.
fn audit(place: &Place, server: &Running, served: Arc<Snapshot>) -> Audit {
    let auditor = Auditor {
        sources: place.sources(),
        state: place.path("state"),
        rules: server.engine.rules,
        served,
        settings: Default::default(),
        addresses: Vec::new(),
    };
    std::thread::spawn(|| auditor.run()).join().unwrap().expect("nothing was replaced meanwhile")
}

#[test]
fn what_sleeps_is_told_and_is_no_fault() {
    let place = place();
    let mut server = place.start();
    let first = audit(&place, &server, server.engine.snapshot());
    assert_eq!((first.ok, first.zones, first.problems.len(), first.warnings.len()), (true, 2, 0, 0));
    assert_eq!(first.generation, server.engine.snapshot().generation);
    place.write("addrmaps/acme/next.toml", &sleeping(false));
    server.publishes();
    let second = audit(&place, &server, server.engine.snapshot());
    assert!(second.ok && second.problems.is_empty(), "{second:?}");
    let told: Vec<_> = second
        .warnings
        .iter()
        .map(|told| (&*told.severity, &*told.code, told.line, &*told.message))
        .collect();
    let message = "enabling map next would break proof-ineligible-address: it gives 198.51.100.9, but no prefix of \
                   account acme covers it";
    assert_eq!(told, [("warning", "latent-fault", 1, message)]);
    assert!(second.warnings[0].file.ends_with("next.toml"), "{second:?}");
}

#[test]
fn what_is_not_served_as_it_is_remembered_is_a_fault() {
    let place = place();
    place.write("addrmaps/acme/next.toml", &sleeping(false));
    let server = place.start();
    let mut served = (*server.engine.snapshot()).clone();
    let seed = served.seed.clone();
    served.zones.remove(&seed, b"\x03two\x07example\x00");
    let found = audit(&place, &server, Arc::new(served));
    assert!(!found.ok && found.warnings.len() == 1, "{found:?}");
    let told: Vec<&str> = found.problems.iter().map(|told| &*told.message).collect();
    assert!(told.contains(&"1 zones are served and 2 are remembered"), "{told:?}");
}
