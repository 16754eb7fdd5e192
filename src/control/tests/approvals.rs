//! What approvals are of, and what becomes of them.

use super::*;
use crate::control::commands::Back;
use crate::control::look::{Gate, Open};
use crate::control::report::Why;
use crate::control::{SourcePath, Stamp, Tree};
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
    let change = server.engine.approve(&[digest], "ops", "meant", &mut Open).unwrap();
    assert_eq!(change.outcome, Outcome::Published, "{change:?}");
}

fn roll_back(server: &mut Running, account: Option<&str>) -> Change {
    let account = account.map(|account| AccountId::new(account).unwrap());
    let back = Back { generation: None, account, by: None, reason: "outage".to_owned() };
    let change = server.engine.roll_back(&back, &mut Open).unwrap();
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
        server.engine.resume(of_account.as_ref(), &mut Open).unwrap();
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
    server.engine.resume(Some(&AccountId::new("acme").unwrap()), &mut Open).unwrap();
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
    server.engine.resume(Some(&AccountId::new("acme").unwrap()), &mut Open).unwrap();
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
        // Whether it was looked at before or not, and by a plan or not.
        let early = server.engine.plan_files(&mut Open);
        server.follow();
        let planned = server.engine.plan_files(&mut Open);
        assert_eq!((&early.plan, &early.held), (&planned.plan, &planned.held));
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

#[test]
fn what_is_held_is_planned_and_told_by_a_reload_of_everything() {
    let place = place();
    let mut server = place.start();
    place.write(ONE, BROKEN);
    place.write(TWO, &exposed("2"));
    for _ in 0..2 {
        let change = server.follow();
        let held: Vec<_> = change.held.iter().map(|held| (held.unit.as_str(), held.why)).collect();
        assert_eq!(held, [("account acme", Why::Fault), ("account globex", Why::Guard)], "{change:?}");
        let planned = server.engine.plan_files(&mut Open);
        let held: Vec<_> = planned.held.iter().map(|held| (held.unit.as_str(), held.why)).collect();
        assert_eq!(held, [("account acme", Why::Fault), ("account globex", Why::Guard)], "{planned:?}");
    }
}

#[test]
fn the_operators_own_files_are_approved_in_a_file_of_its_own() {
    let mut place = place();
    place.rules.guards = Guards { operator_names: 0, ..NO_GUARDS };
    let mut server = place.start();
    place.write("addrmaps/main.toml", &anycast("192.0.2.11"));
    server.follow();
    let digest = digest(&server, "the operator's files");
    let approval =
        |digest: &str| format!("[[approve]]\ndigest = \"{digest}\"\nby = \"ops\"\nreason = \"meant\"\n");
    // Beside something else it is a part of that.
    place.write("addrmaps/main.toml", &(anycast("192.0.2.11") + &approval(&digest)));
    server.follow();
    assert_eq!(server.a("www.one.example"), DEFAULTS);
    place.write("addrmaps/main.toml", &anycast("192.0.2.11"));
    place.write("addrmaps/approvals.toml", &approval(&digest));
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR anycast_defaults 192.0.2.11");
}

#[test]
fn a_bare_rollback_ends_those_of_accounts() {
    let place = place();
    let mut server = place.start();
    let first = server.engine.snapshot().generation;
    for version in ["2", "3"] {
        place.write(ONE, &zone(version));
        server.publishes();
    }
    roll_back(&mut server, Some("acme"));
    let back = Back {
        generation: Some(crate::control::history::When::Generation(first)),
        account: None,
        by: None,
        reason: "outage".to_owned(),
    };
    server.engine.roll_back(&back, &mut Open).unwrap();
    assert_eq!(server.version("one.example"), "NOERROR 1");
    let pins = server.engine.books.standing.pins_told();
    assert_eq!(pins.iter().map(|pin| (&pin.account, pin.generation)).collect::<Vec<_>>(), [(&None, first)]);
    assert!(server.engine.resume(Some(&AccountId::new("acme").unwrap()), &mut Open).is_err());
}

#[test]
fn a_digest_is_of_the_files_and_not_of_what_is_remembered() {
    let kept = operators_map("kept", "acme", "203.0.113.7", "immutable = true");
    let (one, other) = (place(), place());
    one.write("addrmaps/kept.toml", &kept);
    let mut digests = Vec::new();
    for place in [&one, &other] {
        let mut server = place.start();
        if place.path("addrmaps/kept.toml").exists() {
            place.remove("addrmaps/kept.toml");
            server.follow();
            assert_eq!(server.a("www.one.example"), "NOERROR immutable_map 203.0.113.7", "put back");
        }
        place.write(ONE, &exposed("2"));
        server.follow();
        digests.push(digest(&server, "account acme"));
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn what_never_was_good_is_not_gone_back_to() {
    let place = place();
    place.write(THREE, BROKEN);
    place.write(TWO, BROKEN);
    let mut server = place.start();
    assert_eq!((&*server.a("www.three.example"), &*server.a("www.two.example")), ("SERVFAIL", "SERVFAIL"));
    place.write(THREE, &zone("2"));
    place.write(TWO, &zone("2"));
    place.write(ONE, &zone("2"));
    server.publishes();
    roll_back(&mut server, None);
    assert_eq!(server.version("one.example"), "NOERROR 1");
    for zone in ["two.example", "three.example"] {
        assert_eq!(server.version(zone), "NOERROR 2", "there is nothing better");
    }
}

/// Files that somebody is writing.
struct Writing(Vec<SourcePath>);

impl Gate for Writing {
    fn may_read(&mut self, path: &SourcePath, _: Option<Stamp>) -> bool {
        !self.0.contains(path)
    }

    fn disturbed(&mut self, mut paths: BTreeSet<SourcePath>) -> BTreeSet<SourcePath> {
        paths.retain(|path| self.0.contains(path));
        paths
    }
}

#[test]
fn what_is_being_written_goes_out_with_no_command() {
    let place = place();
    let mut server = place.start();
    let first = server.engine.snapshot().generation;
    place.write(TWO, &zone("2"));
    server.publishes();
    place.write(ONE, &exposed("2"));
    place.write(TWO, &exposed("3"));
    server.follow();
    let asked = digest(&server, "account globex");
    // Half of what it will be: good by itself.
    place.write(ONE, &zone("half"));
    let mut gate = Writing(vec![SourcePath::new(Tree::Zones, std::path::Path::new("acme/one.example.zone"))]);
    let stays = |server: &Running| assert_eq!(server.version("one.example"), "NOERROR 1");
    let change = server.engine.follow(Trigger::Reload, &Ask::Everything, &mut gate, How::default());
    assert!(change.problems.iter().any(|problem| problem.code == "being-written"), "{change:?}");
    stays(&server);
    server.engine.approve(&[asked], "ops", "meant", &mut gate).unwrap();
    assert_eq!(server.version("two.example"), "NOERROR 3");
    stays(&server);
    let back = |account: Option<&str>| Back {
        generation: Some(crate::control::history::When::Generation(first)),
        account: account.map(|account| AccountId::new(account).unwrap()),
        by: None,
        reason: "outage".to_owned(),
    };
    server.engine.roll_back(&back(Some("globex")), &mut gate).unwrap();
    assert_eq!(server.version("two.example"), "NOERROR 1");
    stays(&server);
    server.engine.resume(Some(&AccountId::new("globex").unwrap()), &mut gate).unwrap();
    stays(&server);
    // Its writer is done.
    server.follow();
    assert_eq!(server.version("one.example"), "NOERROR half");
}
