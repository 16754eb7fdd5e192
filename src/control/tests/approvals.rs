//! What approvals are of, and what becomes of them.

use super::*;
use crate::control::commands::Back;
use crate::control::look::Open;
use crate::control::report::Why;
use crate::model::AccountId;

const ONE: &str = "zones/acme/one.example.zone";
const TWO: &str = "zones/globex/two.example.zone";
const THREE: &str = "zones/three.example.zone";
const FOUR: &str = "zones/four.example.zone";
const STORED: &str = "NOERROR stored 198.51.100.1";
const DEFAULTS: &str = "NOERROR anycast_defaults 192.0.2.10";

fn place() -> Place {
    let zones = [ONE, TWO, THREE, FOUR].map(|path| (path, zone("1")));
    let place = Place::with(&zones.each_ref().map(|(path, text)| (*path, text.as_str())));
    place.write("addrmaps/main.toml", &anycast("192.0.2.10"));
    place.guarded()
}

/// None of its names is proxied any more.
fn exposed(version: &str) -> String {
    zone(version).replace("cf-proxied:true", "cf-proxied:false")
}

/// The digest of a unit that a guard holds.
#[track_caller]
fn digest(server: &Running, unit: &str) -> String {
    let held = server.engine.held().into_iter().find(|held| held.unit == unit).expect("it is held");
    assert_eq!(held.why, Why::Guard, "{held:?}");
    held.digest.expect("a digest")
}

fn approve(server: &mut Running, unit: &str) {
    let digest = digest(server, unit);
    let change = server.engine.approve(&[digest], "ops", "meant").unwrap();
    assert_eq!(change.outcome, Outcome::Published, "{change:?}");
}

fn roll_back(server: &mut Running, account: Option<&str>) -> Change {
    let account = account.map(|account| AccountId::new(account).unwrap());
    let back = Back { generation: None, account, by: None, reason: "outage".to_owned() };
    let change = server.engine.roll_back(&back).unwrap();
    assert_eq!(change.outcome, Outcome::Published, "{change:?}");
    change
}

#[test]
fn what_was_rolled_back_is_asked_about_again() {
    for (account, restarted) in [(None, false), (None, true), (Some("acme"), false), (Some("acme"), true)] {
        let place = place();
        let mut server = place.start();
        place.write(ONE, &exposed("2"));
        server.follow();
        approve(&mut server, "account acme");
        assert_eq!(server.a("www.one.example"), STORED);
        roll_back(&mut server, account);
        assert_eq!(server.a("www.one.example"), DEFAULTS);
        if restarted {
            drop(server);
            server = place.start();
        }
        let of_account = account.map(|account| AccountId::new(account).unwrap());
        server.engine.resume(of_account.as_ref()).unwrap();
        server.follow();
        assert_eq!(server.a("www.one.example"), DEFAULTS, "nobody said that it is meant all the same");
        approve(&mut server, "account acme");
        assert_eq!(server.a("www.one.example"), STORED);
    }
}

#[test]
fn what_others_were_approved_stays_approved() {
    let place = place();
    let mut server = place.start();
    for (path, unit) in [(ONE, "account acme"), (TWO, "account globex")] {
        place.write(path, &exposed("2"));
        server.follow();
        approve(&mut server, unit);
    }
    roll_back(&mut server, Some("acme"));
    server.engine.resume(Some(&AccountId::new("acme").unwrap())).unwrap();
    assert_eq!(server.held(), ["account acme"]);
    for text in [zone("1"), exposed("2")] {
        place.write(TWO, &text);
        server.follow();
        assert_eq!(server.held(), ["account acme"]);
    }
    assert_eq!(server.a("www.two.example"), STORED);
}

#[test]
fn files_that_approve_what_was_rolled_back_are_told() {
    let place = place();
    let mut server = place.start();
    place.write(ONE, &exposed("2"));
    server.follow();
    let digest = digest(&server, "account acme");
    let approval =
        format!("# reviewed\n[[approve]]\ndigest = \"{digest}\"\nby = \"ops\"\nreason = \"meant\"\n");
    place.write("addrmaps/approvals.toml", &approval);
    server.publishes();
    let change = roll_back(&mut server, Some("acme"));
    let told: Vec<_> = change.problems.iter().map(|problem| (problem.code.as_str(), problem.line)).collect();
    assert_eq!(told, [("approved-and-rolled-back", 2)], "{change:?}");
    assert!(change.problems[0].file.ends_with("addrmaps/approvals.toml"), "{change:?}");
    // Taken out there, it is asked about again.
    place.remove("addrmaps/approvals.toml");
    server.follow();
    server.engine.resume(Some(&AccountId::new("acme").unwrap())).unwrap();
    assert_eq!(server.a("www.one.example"), DEFAULTS);
    assert_eq!(server.why("account acme"), ["guard-zone-unproxied"]);
}

#[test]
fn a_plan_shows_what_resume_would_publish() {
    for account in [None, Some("acme")] {
        let place = place();
        let mut server = place.start();
        place.write(ONE, &zone("2"));
        server.publishes();
        roll_back(&mut server, account);
        place.write(ONE, &exposed("3"));
        server.follow();
        let planned = server.engine.plan_files(&mut Open);
        assert_eq!(planned.plan.counts.names_unproxied, 1, "{planned:?}");
        let held: Vec<_> = planned.held.iter().map(|held| (held.unit.as_str(), held.why)).collect();
        assert_eq!(held, [("account acme", Why::Pinned)]);
        let codes: Vec<_> = planned.held[0].problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(codes, ["guard-zone-unproxied", "pinned"]);
        let hint = planned.held[0].problems[1].hint.as_deref().unwrap();
        assert_eq!(hint.ends_with("portolan resume --account acme"), account.is_some(), "{hint}");
        // Nothing of it has come about.
        assert_eq!(server.why("account acme"), ["pinned"]);
        assert_eq!(server.a("www.one.example"), DEFAULTS);
        place.write(ONE, BROKEN);
        let planned = server.engine.plan_files(&mut Open);
        assert!(planned.held[0].problems.iter().any(|problem| problem.code == "pinned"), "{planned:?}");
        assert!(planned.held[0].problems.len() > 1, "the fault as well: {planned:?}");
    }
}

#[test]
fn whoever_goes_is_approved_alone() {
    let mut place = place();
    place.rules.guards = Guards { zones_gone: Share { percent: 1, floor: 0 }, ..NO_GUARDS };
    let mut server = place.start();
    place.remove(THREE);
    server.follow();
    approve(&mut server, "zone three.example.");
    assert_eq!(server.a("www.three.example"), "REFUSED");
    place.remove(FOUR);
    server.follow();
    assert_eq!(server.held(), ["zone four.example."]);
    assert_eq!(server.a("www.four.example"), DEFAULTS);
}

#[test]
fn a_digest_is_of_what_is_named_then() {
    let with = |version: &str| zone_with(version, "more.inc").replace("cf-proxied:true", "cf-proxied:false");
    let (one, other) = (place(), place());
    let mut digests = Vec::new();
    for (place, before) in [(&one, zone("1")), (&other, zone_with("1", "more.inc"))] {
        place.write("zones/acme/more.inc", "more 60 IN TXT \"1\"\n");
        place.write(ONE, &before);
        let mut server = place.start();
        for content in [exposed("2"), with("3")] {
            place.write(ONE, &content);
            server.follow();
            digests.push(digest(&server, "account acme"));
        }
    }
    assert_eq!(digests[..2], digests[2..], "whatever was named before");
    assert_ne!(digests[0], digests[1]);
}
