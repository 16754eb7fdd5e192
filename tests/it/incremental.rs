//! A snapshot made edit by edit answers what one compiled from nothing answers, and costs what was edited.

use std::collections::{BTreeMap, BTreeSet};

use portolan::addrmap::{Decision, Precedence};
use portolan::compile::{Applied, Builder, Edit, Seed, compile_with};
use portolan::model::{AccountId, World};
use portolan::snapshot::{AddressSet, Snapshot, Touched, Weight};
use portolan::wire::Name;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

mod costs;
mod fleet;
mod steps;

use fleet::Fleet;

proptest! {
    #![proptest_config(Config { cases: 96, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_edit_comes_to_what_compiling_from_nothing_does(
        edits in prop::collection::vec(prop::collection::vec(steps::step(), 1..5), 1..14)
    ) {
        let seed = Seed::random();
        let mut builder = Builder::new(seed.clone());
        let mut fleet = Fleet::default();
        // What was published once must stay as it was, whatever is made from it.
        let mut kept: Vec<(Snapshot, Snapshot)> = Vec::new();
        for (generation, steps) in (1..).zip(&edits) {
            let mut next = fleet.clone();
            steps.iter().for_each(|step| next.take(step));
            let edit = next.edit_from(&fleet, &seed);
            let inverse = builder.inverse(&edit);
            let before = builder.apply(Edit::default(), generation).snapshot;
            let weights = weights_of(&builder, &before);
            let tried = builder.apply(edit.clone(), generation);
            touched_is_whole(&tried.touched, &before, &tried.snapshot)?;
            // Taken back, everything is as it was; and done again it is what it was the first time.
            let back = builder.apply(inverse, generation);
            prop_assert_eq!(back.snapshot.differences(&before), []);
            prop_assert_eq!(&back.touched.zones, &tried.touched.zones);
            prop_assert_eq!(weights_of(&builder, &back.snapshot), weights);
            prop_assert_eq!((back.snapshot.maps, back.snapshot.totals), (before.maps, before.totals));
            touched_is_whole(&back.touched, &tried.snapshot, &back.snapshot)?;
            let Applied { snapshot: edited, cost, .. } = builder.apply(edit, generation);
            prop_assert_eq!(edited.differences(&tried.snapshot), []);
            weights_are_true(&builder, &edited)?;
            let world = next.world();
            let anew = compile_with(&world, generation, seed.clone()).snapshot;
            agree(&edited, &anew, &next.origins_of(&fleet))?;
            obeys_precedence(&edited, &world)?;
            prop_assert_eq!((edited.generation, edited.maps), (generation, world.maps.len()));
            prop_assert!(edited.sets.iter().count() <= fleet::MOST_SETS && cost.sets_stored <= 40);
            prop_assert!(edited.accounts.iter().count() <= fleet::ACCOUNTS);
            kept.push((edited, anew));
            fleet = next;
        }
        for (edited, anew) in &kept {
            prop_assert_eq!(edited.differences(anew), []);
        }
    }
}

/// What falls back in every account and what every map governs, as the builder knows it, wherever it stands.
fn weights_of(builder: &Builder, snapshot: &Snapshot) -> Vec<(String, u64, u64)> {
    let ids: BTreeSet<&AccountId> = snapshot.accounts.iter().map(|account| &account.id).collect();
    let falling = ids.into_iter().map(|id| (format!("account {id}"), builder.falling(id)));
    let sets = (0..).zip(snapshot.sets.iter()).map(|(index, set)| {
        let map = set.map.as_ref().map_or_else(|| "defaults".to_owned(), |map| map.to_string());
        (map, builder.weight(index))
    });
    let weights = falling.chain(sets).filter(|(_, weight)| weight.zones > 0);
    let mut weights: Vec<_> = weights.map(|(what, weight)| (what, weight.zones, weight.names)).collect();
    weights.sort();
    weights
}

/// The weights are those that counting all zones anew comes to.
fn weights_are_true(builder: &Builder, snapshot: &Snapshot) -> Result<(), TestCaseError> {
    let mut sets: BTreeMap<u32, Weight> = BTreeMap::new();
    let mut falling: BTreeMap<String, Weight> = BTreeMap::new();
    for entry in snapshot.zones.iter() {
        let account = snapshot.accounts.get(entry.account).expect("every zone has an account");
        let set = entry.own_set.or_else(|| account.falls_to().map(|(_, set)| set));
        let weight = Weight { zones: entry.zone.proxied().min(1).into(), names: entry.zone.proxied().into() };
        if let Some(set) = set {
            *sets.entry(set).or_default() += weight;
        }
        if entry.own_set.is_none() {
            *falling.entry(account.id.to_string()).or_default() += weight;
        }
        let proxied = entry.zone.nodes().filter(|node| node.is_proxied()).count();
        prop_assert_eq!(entry.zone.proxied() as usize, proxied);
    }
    for (index, _) in (0..).zip(snapshot.sets.iter()) {
        prop_assert_eq!(builder.weight(index), sets.remove(&index).unwrap_or_default(), "set {}", index);
    }
    for account in snapshot.accounts.iter() {
        let counted = falling.get(account.id.as_str()).copied().unwrap_or_default();
        prop_assert_eq!(builder.falling(&account.id), counted, "account {}", account.id);
    }
    Ok(())
}

/// Whatever is answered otherwise is named, and the sums are those of comparing everything.
fn touched_is_whole(touched: &Touched, before: &Snapshot, after: &Snapshot) -> Result<(), TestCaseError> {
    let between = Touched::between(before, after);
    for origin in before.differences(after) {
        for touched in [touched, &between] {
            let entry = after.zones.get(&after.seed, &origin.to_lower_wire());
            let by_set = entry.is_some_and(|entry| {
                let account = after.accounts.get(entry.account).expect("every zone has an account");
                let set = entry.own_set.or_else(|| account.falls_to().map(|(_, set)| set));
                touched.sets.iter().any(|(other, _)| set == Some(*other))
                    || entry.own_set.is_none()
                        && touched.fallbacks.iter().any(|(other, _)| *other == entry.account)
                    || entry.zone.proxied() == 0
            });
            prop_assert!(touched.zones.contains(&origin) || by_set, "{} is missing", origin);
        }
    }
    prop_assert_eq!(&touched.server, &between.server);
    for (id, owned) in &between.accounts {
        prop_assert_eq!(touched.accounts.get(id), Some(owned), "account {}", id);
    }
    for (id, owned) in &touched.accounts {
        let nothing = owned.before == owned.after && owned.gone.is_empty();
        prop_assert!(between.accounts.contains_key(id) || nothing, "account {}: {:?}", id, owned);
    }
    Ok(())
}

/// The two answer the same, and every origin that is or was there is found alike.
fn agree(edited: &Snapshot, anew: &Snapshot, origins: &[Name]) -> Result<(), TestCaseError> {
    prop_assert_eq!(edited.differences(anew), []);
    prop_assert_eq!(anew.differences(edited), []);
    prop_assert_eq!(edited.zones.len(), anew.zones.len());
    prop_assert_eq!(edited.zones.iter().count(), anew.zones.len());
    for origin in origins {
        let below = origin.child(b"x").expect("a short origin").to_lower_wire();
        let at = origin.to_lower_wire();
        for (name, skip) in [(&at, 0), (&at, 1), (&below, 0)] {
            let found = |snapshot: &Snapshot| {
                let entry = snapshot.zones.closest(&snapshot.seed, name, skip);
                entry.map(|entry| entry.zone.origin().to_vec())
            };
            prop_assert_eq!(found(edited), found(anew), "closest to {}", origin);
        }
        let there = edited.zones.get(&edited.seed, &at).is_some();
        prop_assert_eq!(there, anew.zones.get(&anew.seed, &at).is_some(), "{}", origin);
    }
    Ok(())
}

/// Every zone is governed as the precedence of the whole world says.
fn obeys_precedence(snapshot: &Snapshot, world: &World) -> Result<(), TestCaseError> {
    let precedence = Precedence::new(world);
    for zone in &world.zones {
        let entry = snapshot.zones.get(&snapshot.seed, &zone.origin.to_lower_wire());
        let entry = entry.expect("every zone of the world is served");
        let ipv6 = world.accounts.get(&zone.account).is_none_or(|account| account.zone(&zone.origin).ipv6);
        prop_assert_eq!(entry.ipv6, ipv6, "ipv6 of {}", zone.origin);
        match (precedence.govern(&zone.account, &zone.origin), snapshot.governing(entry)) {
            (Decision::Nothing(_), Err(_)) => {}
            (Decision::Addresses { source, map, ipv4, ipv6 }, Ok(governing)) => {
                let set = AddressSet::new(map.map(|map| map.id.clone()), ipv4, ipv6);
                prop_assert_eq!((source, &set), (governing.source, governing.set), "{}", zone.origin);
            }
            (decided, found) => prop_assert!(false, "{}: {:?} but {:?}", zone.origin, decided, found),
        }
    }
    Ok(())
}
