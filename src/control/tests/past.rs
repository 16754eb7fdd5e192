//! Earlier generations made again: they answer what they answered then, and who changed an answer is found.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

use super::random::{Step, step, take};
use super::*;
use crate::control::Retention;
use crate::control::history::When;
use crate::judge;
use crate::model::World;
use crate::snapshot::Snapshot;
use crate::wire::reader::{Message, Section};

fn name(text: &str) -> Name {
    Name::parse(text, Some(&Name::root())).unwrap()
}

/// The octets of an answer.
fn answer(snapshot: &Snapshot, asked: &Name, rtype: RrType) -> Vec<u8> {
    judge::explain(&World::default(), snapshot, asked, rtype).answer
}

/// What blame compares, from the octets of an answer: code, answer section, and the servers of a referral.
fn essence(answer: &[u8]) -> String {
    let message = Message::parse(answer).unwrap();
    let mut lines: Vec<String> = message
        .records
        .iter()
        .filter(|record| match record.section {
            Section::Answer => true,
            Section::Authority => record.rtype == RrType::NS,
            Section::Additional => false,
        })
        .map(|record| format!("{} {} {} {:?}", record.owner, record.ttl, record.rtype, record.rdata))
        .collect();
    lines.sort();
    format!("{} {lines:?}", message.rcode())
}

/// A zone whose names lead into other zones.
fn leading(account: &str, to: u8) -> String {
    let to = ["one.example", "two.example", "sub.two.example", "four.example"][usize::from(to % 4)];
    format!(
        "@ 60 IN SOA ns.invalid. ns.invalid. 1 7200 900 1209600 300\n@ 60 IN NS ns.invalid.\n\
         alias 60 IN CNAME www.{to}.\nmail 60 IN MX 10 direct.{to}.\nfar 60 IN CNAME alias.{account}.example.\n"
    )
}

const ASKED: &[(&str, RrType)] = &[
    ("www.one.example", RrType::A),
    ("direct.one.example", RrType::A),
    ("v.two.example", RrType::TXT),
    ("www.sub.two.example", RrType::AAAA),
    ("inc.four.example", RrType::TXT),
    ("nowhere.four.example", RrType::A),
    ("alias.acme.example", RrType::A),
    ("far.globex.example", RrType::A),
    ("mail.acme.example", RrType::MX),
];

fn every_generation_answers_as_it_did(first: &[Step], steps: &[Step]) -> Result<(), TestCaseError> {
    let place = Place::with(&[("zones/acme/acme.example.zone", &leading("acme", 1))]);
    for step in first {
        step.edits.iter().for_each(|edit| drop(take(&place, edit)));
    }
    let mut running = place.start();
    let mut served: BTreeMap<u64, Arc<Snapshot>> = BTreeMap::new();
    let snapshot = running.engine.snapshot();
    served.insert(snapshot.generation, snapshot);
    for (number, step) in steps.iter().enumerate() {
        step.edits.iter().for_each(|edit| drop(take(&place, edit)));
        let account = ["acme", "globex"][number % 2];
        place.write(&format!("zones/{account}/{account}.example.zone"), &leading(account, number as u8 / 2));
        running.follow();
        let snapshot = running.engine.snapshot();
        served.insert(snapshot.generation, snapshot);
    }
    let now = running.engine.snapshot();
    let known = running.engine.store.state.generations();
    prop_assert!(served.keys().all(|number| known.iter().any(|known| known.generation == *number)));
    let mut all = Vec::new();
    for generation in known.iter().map(|known| known.generation) {
        let manifest = running.engine.store.state.manifest_at(generation).unwrap().unwrap();
        let again = running.engine.snapshot_at(&manifest);
        if let Some(then) = served.get(&generation) {
            let differing = then.differences(&again);
            prop_assert!(differing.is_empty(), "{generation}: {differing:?}");
            prop_assert_eq!(then.generation, again.generation);
            let world = running.engine.world_at(&manifest);
            prop_assert_eq!(world.zones.len(), then.zones.iter().count());
        }
        all.push((generation, again));
    }
    // Nothing of it has touched what is served.
    prop_assert!(Arc::ptr_eq(&now, &running.engine.snapshot()));
    // Asked aside, of what was remembered when it was asked: what is written since, anew even, makes no difference.
    let mut past = running.engine.beside().unwrap();
    running.engine.store.state.retain(Retention { generations: 1, ..Retention::default() });
    for padding in [4096, 4095, 0] {
        let zone = format!("{};{}\n", zone("1"), " ".repeat(padding));
        place.write("zones/later/later.example.zone", &zone);
        running.follow();
    }
    let later = running.engine.snapshot();
    prop_assert!(running.engine.store.state.compact(0).unwrap());
    prop_assert_eq!(running.engine.store.state.generations().len(), 1);
    for (asked, rtype) in ASKED {
        let asked = name(asked);
        let mut since = all[0].0;
        let mut before: Option<String> = None;
        for (generation, snapshot) in &all {
            let when = When::Generation(*generation);
            let told = past.explain_at(&asked, *rtype, when).unwrap();
            let wanted = answer(snapshot, &asked, *rtype);
            prop_assert!(told.answer == wanted, "{} {} at {}", asked, rtype, generation);
            let is = essence(&wanted);
            if before.as_ref().is_some_and(|before| *before != is) {
                since = *generation;
            }
            before = Some(is);
        }
        let blame = past.blame(&asked, *rtype).unwrap();
        prop_assert_eq!(blame.entry.generation, since, "{} {}: {:?}", asked, rtype, blame);
        prop_assert_eq!(blame.before.is_none(), since == all[0].0);
        prop_assert!(blame.files.is_empty() || since != all[0].0, "{:?}", blame);
    }
    let (old, new) = (&all[all.len() / 2], all.last().unwrap());
    let diff = past.diff(When::Generation(old.0), When::Generation(new.0)).unwrap();
    prop_assert_eq!(diff.zones_changed as usize, old.1.differences(&new.1).len(), "{:?}", diff);
    prop_assert_eq!(past.history(1).served, now.generation);
    prop_assert!(past.ask(|_| Ok(())).is_ok(), "all could be read");
    prop_assert_eq!(running.engine.follow_nothing(), later.generation);
    Ok(())
}

impl Engine {
    /// What is served after a look that finds nothing new.
    fn follow_nothing(&mut self) -> u64 {
        let ask = Ask::Paths(BTreeSet::new());
        self.follow(Trigger::Reload, &ask, &mut crate::control::look::Open, How::default()).generation
    }
}

proptest! {
    #![proptest_config(Config {
        cases: std::env::var("PAST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48),
        max_shrink_iters: 500,
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn generations_come_back(
        first in prop::collection::vec(step(), 0..4),
        steps in prop::collection::vec(step(), 1..9),
    ) {
        every_generation_answers_as_it_did(&first, &steps)?;
    }
}

#[test]
fn blame_names_file_line_and_what_was_before() {
    let place = Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("addrmaps/acme/maps.toml", &map("m", "203.0.113.1", "account_wide = true")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
    ]);
    let mut server = place.start();
    let first = server.first.generation;
    place.write("zones/globex/four.example.zone", &zone("2"));
    let second = server.publishes().generation;
    place.write(
        "addrmaps/acme/maps.toml",
        &format!("# moved\n{}", map("m", "203.0.113.2", "account_wide = true")),
    );
    let third = server.publishes().generation;
    place.write(
        "zones/acme/one.example.zone",
        &zone("2").replace("direct 60 IN A 198.51.100.2 ; cf_tags=cf-proxied:false\n", ""),
    );
    let fourth = server.publishes().generation;
    let file = |below: &str| place.path(below).display().to_string();
    let mut blamed = |asked: &str, rtype| {
        let blame = server.engine.blame(&name(asked), rtype).unwrap();
        let place = blame.place.map(|place| (place.file.to_string(), place.line));
        (blame.entry.generation, place, blame.before, blame.answer)
    };
    let lines = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect::<Vec<_>>();
    // The map, and not the zone, whose file changed later.
    let (by, at, before, answer) = blamed("www.one.example", RrType::A);
    assert_eq!((by, at), (third, Some((file("addrmaps/acme/maps.toml"), 2))));
    assert_eq!(before, Some(lines(&["www.one.example. 300 A 203.0.113.1"])));
    assert_eq!(answer, lines(&["www.one.example. 300 A 203.0.113.2"]));
    // What was taken away stood on a line of the generation before.
    let (by, at, before, answer) = blamed("direct.one.example", RrType::A);
    assert_eq!((by, at), (fourth, Some((file("zones/acme/one.example.zone"), 4))));
    assert_eq!(
        (before, answer),
        (Some(lines(&["direct.one.example. 60 A 198.51.100.2"])), lines(&["NXDOMAIN"]))
    );
    let (by, at, _, _) = blamed("v.four.example", RrType::TXT);
    assert_eq!((by, at), (second, Some((file("zones/globex/four.example.zone"), 5))));
    // Nothing of globex but its defaults, which nobody changed.
    let (by, at, before, _) = blamed("www.four.example", RrType::A);
    assert_eq!((by, at, before), (first, None, None));
    let (by, _, before, answer) = blamed("www.elsewhere.example", RrType::A);
    assert_eq!((by, before, answer), (first, None, lines(&["REFUSED"])));
}

#[test]
fn a_time_is_that_of_what_was_served_then_and_what_is_unknown_is_an_error() {
    let place = Place::with(&[("zones/acme/one.example.zone", &zone("1"))]);
    let mut server = place.start();
    let first = server.first.generation;
    let alone = server.engine.show(When::Generation(5)).unwrap_err();
    assert_eq!(alone, format!("generation 5 is not remembered: there is {first} alone"));
    place.write("zones/acme/one.example.zone", &zone("2"));
    let second = server.publishes().generation;
    let history = server.engine.history(1);
    assert_eq!((history.served, history.kept, history.entries.len()), (second, 2, 1));
    assert_eq!(history.entries[0].zones, ["~one.example."]);
    for when in [When::Generation(0), When::Generation(second + 1), When::Time(5)] {
        for error in [
            server.engine.show(when).unwrap_err(),
            server.engine.diff(when, When::Generation(second)).unwrap_err(),
            server.engine.diff(When::Generation(second), when).unwrap_err(),
            server.engine.explain_at(&Name::root(), RrType::A, when).unwrap_err(),
        ] {
            assert!(error.contains(&format!("there are 2 from {first} to {second}")), "{error}");
        }
    }
    let at = history.entries[0].at;
    assert_eq!(server.engine.show(When::Time(at + 1_000)).unwrap().entry.generation, second);
}

#[test]
fn what_was_published_without_the_state_is_told_with_what_remembers_it() {
    let place = Place::with(&[("zones/acme/one.example.zone", &zone("1"))]);
    let mut server = place.start();
    place.rename("state/pack", "pack");
    let how = How { without_state: true, ..How::default() };
    for version in ["2", "3"] {
        place.write("zones/acme/one.example.zone", &zone(version));
        assert_eq!(server.follow_as(&Ask::Everything, how).outcome, Outcome::Published);
    }
    place.rename("pack", "state/pack");
    place.write("zones/acme/one.example.zone", &zone("4"));
    let last = server.publishes().generation;
    let shown = server.engine.show(When::Generation(last)).unwrap();
    assert_eq!((shown.earlier.len(), shown.entry.generation, shown.is_served), (2, last, true));
    assert!(shown.earlier.iter().all(|entry| entry.generation < last && entry.zones == ["~one.example."]));
    assert_eq!((shown.files_changed, shown.files[0].change.as_str()), (1, "~"));
}
