//! A snapshot made edit by edit answers what one compiled from nothing answers, and costs what was edited.

use portolan::addrmap::{Decision, Precedence};
use portolan::compile::{Applied, Builder, Seed, compile_with};
use portolan::model::World;
use portolan::snapshot::{AddressSet, Snapshot};
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
            let Applied { snapshot: edited, cost, .. } = builder.apply(next.edit_from(&fleet, &seed), generation);
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
