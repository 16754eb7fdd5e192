//! What people are told of pins, of approvals, and of what a guard holds.

use super::*;
use crate::control::commands::Back;
use crate::control::history::When;
use crate::control::report::{ApprovalTold, Entry, Held, PinTold, Status, Watching, Why};
use crate::model::AccountId;

const ONE: &str = "zones/acme/one.example.zone";
const TWO: &str = "zones/globex/two.example.zone";

fn place() -> Place {
    Place::with(&[
        (ONE, &zone("1")),
        (TWO, &zone("1")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
        ("addrmaps/acme/maps.toml", &map("acme-all", "203.0.113.1", "account_wide = true")),
    ])
    .guarded()
}

/// A zone none of whose names is proxied any more.
fn exposed(version: &str) -> String {
    zone(version).replace("cf-proxied:true", "cf-proxied:false")
}

impl Running {
    fn status(&self) -> Status {
        self.engine.status(Watching::Off, Vec::new(), None)
    }

    fn back(&mut self, account: Option<&str>) -> Result<Change, String> {
        let account = account.map(|account| AccountId::new(account).unwrap());
        let reason = "outage".to_owned();
        self.engine.roll_back(
            &Back { generation: None, account, by: Some("ops".into()), reason },
            &mut crate::control::look::Open,
        )
    }

    fn refused(&mut self, account: &str) -> String {
        self.engine
            .resume(Some(&AccountId::new(account).unwrap()), &mut crate::control::look::Open)
            .unwrap_err()
    }

    /// What is remembered of what is served.
    fn entry(&self) -> Entry {
        self.engine.show(When::Generation(self.engine.snapshot().generation)).unwrap().entry
    }
}

#[test]
fn a_pin_is_told_where_no_file_differs_and_keeps_its_time() {
    let place = place();
    let mut server = place.start();
    let first = server.engine.snapshot().generation;
    place.write(ONE, &zone("2"));
    server.publishes();
    let change = server.back(None).unwrap();
    let held: Vec<(&str, Why)> = change.held.iter().map(|held| (held.unit.as_str(), held.why)).collect();
    assert_eq!(held, [("account acme", Why::Pinned)]);
    let pins = server.status().pins;
    let [PinTold { account: None, generation, reason, since }] = &pins[..] else { panic!("{pins:?}") };
    assert_eq!((*generation, reason.as_str()), (first, "outage"));
    assert_eq!(change.pins, pins);
    // One entry for one rollback, not a second one for the look at what waits.
    let triggers: Vec<Trigger> = server.status().changes.iter().map(|change| change.trigger).collect();
    assert_eq!(triggers[..2], [Trigger::Rollback, Trigger::Reload]);

    place.write(ONE, &zone("1"));
    server.follow();
    assert_eq!(server.held(), [""; 0]);
    assert_eq!(server.status().pins, pins, "the files are what is served, and are not followed all the same");
    drop(server);
    let mut server = place.start();
    server.engine.clock.ahead += 3600;
    assert_eq!(server.status().pins, pins);
    place.write(TWO, &zone("2"));
    let change = server.follow();
    assert_eq!(change.pins, pins);
    let [Held { since: held, why: Why::Pinned, .. }] = &change.held[..] else { panic!("{change:?}") };
    assert_eq!(held, since);
    let change = server.engine.resume(None, &mut crate::control::look::Open).unwrap();
    assert_eq!((change.pins, server.status().pins), (vec![], vec![]));
}

#[test]
fn a_rollback_that_is_refused_pins_nothing() {
    let place = place();
    let mut server = place.start();
    place.write("addrmaps/acme/maps.toml", &map("acme-all", "203.0.113.2", "account_wide = true"));
    server.publishes();
    // What was served then, an assertion of the operator forbids now. It waits for nobody: the operator is not rolled back.
    let assertion = "[[assert]]\naccount = \"acme\"\nnever_answers_within = [\"203.0.113.1/32\"]\n";
    place.write("addrmaps/assert.toml", assertion);
    server.publishes();
    let change = server.back(Some("acme")).unwrap();
    assert_ne!(change.outcome, Outcome::Published, "{change:?}");
    assert_eq!((change.pins, server.status().pins), (vec![], vec![]));
}

#[test]
fn resume_says_what_was_rolled_back() {
    let place = place();
    let mut server = place.start();
    assert_eq!(server.refused("acme"), "account acme was not rolled back by itself: nothing was rolled back");
    for version in ["2", "3"] {
        place.write(ONE, &zone(version));
        place.write(TWO, &zone(version));
        server.publishes();
    }
    server.back(Some("acme")).unwrap();
    assert_eq!(
        server.refused("globex"),
        "account globex was not rolled back by itself: account acme was: portolan resume --account acme"
    );
    assert_eq!(
        server.refused("acne"),
        "there is no account acne, so it was not rolled back: account acme was: portolan resume --account acme"
    );
    server.back(Some("globex")).unwrap();
    assert!(server.refused("acne").ends_with("these were: acme, globex"), "{}", server.refused("acne"));
    server.engine.resume(None, &mut crate::control::look::Open).unwrap();
    server.back(None).unwrap();
    let hint = "everything was; follow all files again with: portolan resume";
    assert_eq!(server.refused("acme"), format!("account acme was not rolled back by itself: {hint}"));
    assert_eq!(
        server.refused("acne"),
        format!("there is no account acne, so it was not rolled back: {hint}")
    );
    assert_eq!(server.status().pins.len(), 1, "what is refused changes nothing");
}

#[test]
fn a_guard_points_at_the_file_that_was_edited() {
    let place = place();
    place.write("zones/acme/common.inc", "common 60 IN TXT \"here\"\n");
    place.write("zones/acme/another.example.zone", &zone("1"));
    place.write(ONE, &zone_with("1", "common.inc"));
    let mut server = place.start();
    let shown = |server: &Running| {
        let held = server.engine.held();
        assert_eq!(held.len(), 1, "{held:?}");
        assert_eq!(held[0].problems[0].code, "guard-zone-unproxied", "{held:?}");
        held[0].problems[0].file.clone()
    };
    place.write(ONE, &zone_with("2", "common.inc").replace("cf-proxied:true", "cf-proxied:false"));
    server.follow();
    assert!(shown(&server).ends_with(ONE), "{}", shown(&server));
    // Others change as well, and are not what the guard speaks of.
    place.write("zones/acme/common.inc", "common 60 IN TXT \"there\"\n");
    place.write("zones/acme/another.example.zone", &zone("2"));
    server.follow();
    assert!(shown(&server).ends_with(ONE), "{}", shown(&server));
}

#[test]
fn whoever_approves_is_remembered_with_the_generation() {
    let place = place();
    let mut server = place.start();
    place.write(ONE, &exposed("2"));
    server.follow();
    let digest = server.engine.held()[0].digest.clone().unwrap();
    let approve = |expires: &str| {
        let said = "by = \"kim\"\nreason = \"moved away\"";
        format!("[[approve]]\ndigest = \"{digest}\"\n{said}\nexpires = \"{expires}\"\n")
    };
    place.write("addrmaps/approvals.toml", &approve("2020-01-01"));
    server.follow();
    let hint = server.engine.held()[0].problems[0].hint.clone().unwrap();
    assert!(hint.contains("approvals.toml:1:1 expired 2020-01-01 00:00:00Z; if that is meant: "), "{hint}");
    place.write("addrmaps/approvals.toml", &approve("9999-12-31"));
    let change = server.publishes();
    let entry = server.entry();
    let [ApprovalTold { unit, by, reason, place: Some(at), digest: of }] = &entry.approved[..] else {
        panic!("{entry:?}")
    };
    let said = (unit.as_str(), by.as_str(), reason.as_str(), of);
    assert_eq!(said, ("account acme", "kim", "moved away", &digest));
    assert!(at.file.ends_with("addrmaps/approvals.toml") && at.line == 1, "{at:?}");
    assert_eq!((&change.approved, &entry.by), (&entry.approved, &None));
    // What nobody was asked for is by nobody's word.
    place.write(ONE, &zone("1"));
    server.publishes();
    assert_eq!(server.entry().approved, []);

    // By a command: the generation is theirs; where the same content comes again it is by their word.
    place.write(TWO, &exposed("2"));
    server.follow();
    let digest = server.engine.held()[0].digest.clone().unwrap();
    server.engine.approve(&[digest], "ops", "meant", &mut crate::control::look::Open).unwrap();
    let entry = server.entry();
    assert_eq!((entry.by.as_deref(), entry.reason.as_deref()), (Some("ops"), Some("meant")));
    assert_eq!(entry.approved, []);
    place.write(TWO, &zone("1"));
    server.publishes();
    place.write(TWO, &exposed("2"));
    server.publishes();
    drop(server);
    let entry = place.start().entry();
    let [ApprovalTold { by, reason, place: None, .. }] = &entry.approved[..] else { panic!("{entry:?}") };
    assert_eq!((by.as_str(), reason.as_str(), entry.by), ("ops", "meant", None));
}
