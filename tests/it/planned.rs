//! The plan against the truth: every question asked of both worlds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portolan::answer::Settings;
use portolan::compile::{AccountWords, Builder, Edit, OperatorWords, Seed, ZoneChange, compile_zone};
use portolan::judge::plan::{BELOW, Detail, Plan, What, differing, plan_with};
use portolan::model::{World, ZoneContent};
use portolan::snapshot::{Snapshot, Touched, Zone};
use portolan::wire::reader::{MessageRecord, Section};
use portolan::wire::{Name, RrType};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

use crate::support::ask::Ask;
use crate::support::name;
use crate::worlds::{FULL, WorldSpec, worlds};

mod harm;
mod small;

const EVERYTHING: Detail =
    Detail { names_of_zone: 10_000, names: 100_000, zones: 10_000, exposed: 10_000, examples: 10_000 };

proptest! {
    #![proptest_config(Config { cases: 192, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_plan_is_the_difference_of_all_answers(
        first in worlds(FULL),
        second in worlds(FULL),
        mix in any::<u32>(),
    ) {
        let suffix = name("p.test.");
        let second = mixed(&first, second, mix);
        let (was, is) = (first.build(&suffix), second.build(&suffix));
        let mut builder = Builder::new(Seed::random());
        let before = builder.apply(edit(&World::default(), &was, builder.seed()), 1).snapshot;
        let applied = builder.apply(edit(&was, &is, builder.seed()), 2);
        let after = applied.snapshot;
        let truth = Truth::of(&before, &after);
        let differing_truth: BTreeSet<(Name, RrType)> = truth.differing();
        for touched in [&applied.touched, &Touched::between(&before, &after)] {
            let found = differing(&before, &after, touched);
            let missed: Vec<_> = differing_truth.difference(&found).collect();
            let invented: Vec<_> = found.difference(&differing_truth).collect();
            prop_assert!(missed.is_empty() && invented.is_empty(), "missed {missed:?}, invented {invented:?}");
            let plan = plan_with(&before, &after, touched, EVERYTHING);
            agrees(&plan, &truth, touched, &before, &after)?;
        }
    }
}

/// Of each part of a world that of the first or of the second.
fn mixed(first: &WorldSpec, mut second: WorldSpec, mix: u32) -> WorldSpec {
    let takes_first = |bit: u32| mix >> (bit % 32) & 1 == 1;
    if takes_first(0) {
        second.accounts = first.accounts.clone();
    }
    if takes_first(1) {
        second.anycast = first.anycast;
    }
    if takes_first(2) {
        second.faulty_operator = first.faulty_operator;
    }
    for (at, zone) in first.zones.iter().enumerate() {
        if takes_first(3 + at as u32) {
            match second.zones.get_mut(at) {
                Some(other) => *other = zone.clone(),
                None => second.zones.push(zone.clone()),
            }
        }
        // The same zone with one record less, or elsewhere.
        if let Some(other) = second.zones.get_mut(at).filter(|_| takes_first(12 + at as u32)) {
            *other = zone.clone();
            other.records.pop();
            other.ipv6 ^= takes_first(30);
        }
    }
    for (at, map) in first.maps.iter().enumerate() {
        if takes_first(20 + at as u32) {
            match second.maps.get_mut(at) {
                Some(other) => *other = map.clone(),
                None => second.maps.push(map.clone()),
            }
        }
    }
    second
}

/// The edit that makes one world of another: all of it, so that what is the same must be seen to be.
fn edit(was: &World, is: &World, seed: &Seed) -> Edit {
    let mut edit = Edit::default();
    for zone in &was.zones {
        if !is.zones.iter().any(|other| other.origin == zone.origin) {
            edit.zones.push((zone.origin.clone(), ZoneChange::Remove));
        }
    }
    for zone in &is.zones {
        let compiled = match &zone.content {
            ZoneContent::Good(data) if !is.faulty_accounts.contains(&zone.account) => {
                let proxies =
                    is.accounts.get(&zone.account).is_none_or(|account| account.proxies(&zone.origin));
                compile_zone(data, proxies, seed).expect("a small zone")
            }
            _ => Zone::faulty(&zone.origin.to_lower_wire()),
        };
        let put = ZoneChange::Put { account: zone.account.clone(), zone: compiled };
        edit.zones.push((zone.origin.clone(), put));
    }
    let ids: BTreeSet<_> = was.accounts.keys().chain(is.accounts.keys()).collect();
    for id in ids {
        let words = AccountWords {
            settings: is.accounts.get(id).map(|settings| Arc::new(settings.clone())),
            maps: is.maps.iter().filter(|map| map.account == *id).cloned().collect(),
            faulty: is.faulty_accounts.contains(id),
        };
        edit.accounts.push((id.clone(), words));
    }
    edit.operator = Some(OperatorWords { anycast: is.anycast.clone(), faulty: is.faulty_operator });
    edit
}

/// An answer as it counts: code, AA, records; of the SOA of a negative answer only the owner.
type Said = (u16, bool, [BTreeSet<MessageRecord>; 3], BTreeSet<Name>);

fn ask(snapshot: &Snapshot, name: &Name, qtype: RrType) -> Said {
    let settings = Settings { rotate: false, ..Settings::default() };
    let reply = Ask::new(name.clone(), qtype).of(snapshot, &settings).expect("an answer of good form");
    let section = |section| reply.message.section(section).cloned().collect::<BTreeSet<_>>();
    let (soas, authority): (BTreeSet<_>, BTreeSet<_>) =
        section(Section::Authority).into_iter().partition(|record| record.rtype == RrType::SOA);
    let soas = soas.into_iter().map(|record| record.owner).collect();
    let sections = [section(Section::Answer), authority, section(Section::Additional)];
    (reply.answered.rcode.0, reply.is_authoritative(), sections, soas)
}

fn has_data(said: &Said) -> bool {
    said.2.iter().any(|rows| !rows.is_empty())
}

/// Both answers to every question.
struct Truth {
    answers: BTreeMap<(Name, RrType), (Said, Said)>,
    /// Names that own something in a zone, with the zones.
    owners: BTreeSet<(Name, Name)>,
}

impl Truth {
    fn of(before: &Snapshot, after: &Snapshot) -> Truth {
        let mut names = BTreeSet::new();
        let mut owners = BTreeSet::new();
        let mut types = BTreeSet::from([RrType::A, RrType::AAAA, RrType::CNAME, RrType::TXT]);
        // What is compiled: of a faulty zone there are no names, and what lies below a DNAME has no types.
        for entry in before.zones.iter().chain(after.zones.iter()) {
            let origin = Name::from_wire(entry.zone.origin()).expect("an origin is a name");
            names.insert(origin.clone());
            for node in entry.zone.nodes() {
                let wire = [node.relative_name(), entry.zone.origin()].concat();
                let name = Name::from_wire(&wire).expect("a name of a zone is a name");
                names.extend(name.child(BELOW));
                owners.insert((name.clone(), origin.clone()));
                names.insert(name);
            }
        }
        for entry in before.zones.iter().chain(after.zones.iter()) {
            types.extend(entry.zone.nodes().flat_map(|node| node.rrsets().map(|(rtype, _)| rtype)));
        }
        types.remove(&RrType::SOA);
        let mut answers = BTreeMap::new();
        for name in names {
            for &rtype in &types {
                let said = (ask(before, &name, rtype), ask(after, &name, rtype));
                answers.insert((name.clone(), rtype), said);
            }
        }
        Truth { answers, owners }
    }

    fn differing(&self) -> BTreeSet<(Name, RrType)> {
        let differing = self.answers.iter().filter(|(_, (was, is))| was != is);
        differing.map(|(question, _)| question.clone()).collect()
    }

    /// What becomes of a name, by types that there are of it; `None` where nothing is answered otherwise.
    fn what(&self, name: &Name, types: &dyn Fn(RrType) -> bool) -> Option<What> {
        let answers = self.answers.range((name.clone(), RrType(0))..=(name.clone(), RrType(u16::MAX)));
        let answers: Vec<&(Said, Said)> =
            answers.filter(|((_, rtype), _)| types(*rtype)).map(|(_, said)| said).collect();
        let had = answers.iter().any(|(was, _)| has_data(was));
        let has = answers.iter().any(|(_, is)| has_data(is));
        let differing = answers.iter().filter(|(was, is)| was != is);
        let keeps = |(was, is): &&&(Said, Said)| {
            let all = was.2.iter().zip(&is.2).all(|(was, is)| was.is_subset(is));
            all && (was.0 != 0 || is.0 == 0)
        };
        match (had, has) {
            _ if differing.clone().next().is_none() => None,
            (false, false) => None,
            (false, true) => Some(What::New),
            (true, false) => Some(What::Gone),
            (true, true) if differing.clone().all(|said| keeps(&said)) => Some(What::Extended),
            (true, true) => Some(What::Changed),
        }
    }
}

/// Every name that the plan lists is answered otherwise as it says, and none of a zone that changed is missing.
fn agrees(
    plan: &Plan,
    truth: &Truth,
    touched: &Touched,
    before: &Snapshot,
    after: &Snapshot,
) -> Result<(), TestCaseError> {
    let mut listed: BTreeMap<(Name, Name), What> = BTreeMap::new();
    for account in &plan.accounts {
        for zone in &account.zones {
            let origin = name(&zone.zone).to_lower();
            prop_assert_eq!(zone.names_left_out, 0);
            for told in &zone.names {
                let name = Name::parse(&told.name, None).expect("a name is told as it is read").to_lower();
                prop_assert!(
                    listed.insert((origin.clone(), name), told.what).is_none(),
                    "{} twice",
                    told.name
                );
            }
        }
    }
    let counts = &plan.counts;
    let by_name: u64 = counts.names_otherwise();
    let by_set: u64 = plan.accounts.iter().flat_map(|account| &account.sets).map(|set| set.names).sum();
    prop_assert_eq!(by_name, listed.len() as u64 + by_set);
    let entry = |snapshot: &'_ Snapshot, origin: &Name| {
        snapshot.zones.get(&snapshot.seed, &origin.to_lower_wire()).map(|entry| entry.zone.clone())
    };
    let holds = |snapshot: &Snapshot, origin: &Name, name: &Name| {
        let closest = snapshot.zones.closest(&snapshot.seed, &name.to_lower_wire(), 0);
        closest.is_none_or(|closest| closest.zone.origin() == &*origin.to_lower_wire())
    };
    let pairs: BTreeSet<(Name, Name)> =
        truth.owners.iter().map(|(name, origin)| (origin.clone(), name.clone())).collect();
    for pair in pairs.iter().chain(listed.keys()) {
        let (origin, name) = pair;
        let (was, is) = (entry(before, origin), entry(after, origin));
        // What lies below a DNAME is not there at all.
        let relative = &name.to_lower_wire()[..name.as_wire().len() - origin.as_wire().len()];
        let owns = |zone: &Option<Zone>| {
            let node = zone.as_ref().and_then(|zone| zone.find(&before.seed, relative));
            node.is_some_and(|node| !node.is_empty_non_terminal())
        };
        if !owns(&was) && !owns(&is) {
            continue;
        }
        let types: BTreeSet<RrType> = [&was, &is]
            .into_iter()
            .flatten()
            .flat_map(|zone| {
                zone.nodes().flat_map(|node| node.rrsets().map(|(rtype, _)| rtype)).collect::<Vec<_>>()
            })
            .chain([RrType::A, RrType::AAAA, RrType::CNAME, RrType::TXT])
            // The DS of the apex is the parent's.
            .filter(|rtype| name != origin || *rtype != RrType::DS)
            .collect();
        let what = truth.what(name, &|rtype| types.contains(&rtype));
        // Where the zone is what it was, names are counted by what governs them.
        let by_weight = was == is;
        // A zone that comes or goes alone is counted whole, with what has no data.
        let whole = was.is_none() != is.is_none();
        let hidden = !holds(before, origin, name) || !holds(after, origin, name);
        match (listed.get(pair), what) {
            (None, None) => {}
            // Aliases are asked by the types of the zones that changed as well.
            (Some(told), what) => {
                prop_assert!(
                    truth.what(name, &|_| true).is_some() || hidden || whole,
                    "{name} of {origin}: {told:?}"
                );
                let exact = touched.zones.contains(origin) && !by_weight && !hidden && !whole;
                prop_assert!(!exact || Some(*told) == what, "{name} of {origin}: {told:?}, not {what:?}");
            }
            (None, Some(what)) => {
                let looked_at = touched.zones.contains(origin) && !by_weight;
                prop_assert!(
                    !looked_at || hidden,
                    "{name} of {origin} is missing: {what:?} {:?}",
                    truth
                        .answers
                        .iter()
                        .filter(|((n, _), (was, is))| n == name && was != is)
                        .collect::<Vec<_>>()
                );
            }
        }
    }
    Ok(())
}
