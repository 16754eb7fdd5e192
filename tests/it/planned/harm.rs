//! Sums of what changes took away, against the comparison of the first with the last.

use std::collections::BTreeMap;

use portolan::compile::Builder;
use portolan::judge::Harm;
use portolan::judge::guards::{self, Limits, Since, Trip};
use portolan::judge::plan::plan_with;
use portolan::snapshot::{Seed, Tally, Touched};
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{EVERYTHING, edit, mixed};
use crate::support::name;
use crate::worlds::{FULL, worlds};
use portolan::config::Share;
use portolan::model::World;

fn limits() -> impl Strategy<Value = Limits> {
    let share = || (0..40_u32, 0..4_u64).prop_map(|(percent, floor)| Share { percent, floor });
    let few = || 0..4_u64;
    (few(), any::<bool>(), share(), share(), share(), share(), few(), few()).prop_map(
        |(unproxied, zone, zones, names, of_zone, addresses, families, by_operator)| Limits {
            unproxied_names: unproxied,
            unproxied_zone: zone,
            zones_gone: zones,
            names_changed: names,
            zone_names_gone: of_zone,
            addresses_gone: addresses,
            zones_losing_family: families,
            operator_names: by_operator,
            ..Limits::default()
        },
    )
}

fn of_zones(trip: &Trip) -> bool {
    trip.code == guards::ZONE_UNPROXIED || trip.code == guards::ZONE_NAMES_GONE
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn where_the_sums_exceed_no_limit_nothing_does(
        all in prop::collection::vec((worlds(FULL), any::<u32>()), 3..5),
        limits in limits(),
    ) {
        let suffix = name("p.test.");
        let mut builder = Builder::new(Seed::random());
        let mut specs = all.into_iter();
        let (mut spec, _) = specs.next().expect("three worlds or more");
        let mut world = spec.build(&suffix);
        let base = builder.apply(edit(&World::default(), &world, builder.seed()), 1).snapshot;
        let (mut served, mut within, mut sum) = (base.clone(), Touched::default(), Harm::default());
        let mut before: BTreeMap<String, Tally> = BTreeMap::new();
        let mut is_first = true;
        for (next, mix) in specs {
            let next = mixed(&spec, next, mix);
            let is = next.build(&suffix);
            let applied = builder.apply(edit(&world, &is, builder.seed()), 2);
            let touched = &applied.touched;
            let step = plan_with(&served, &applied.snapshot, touched, EVERYTHING);
            let mut near = touched.clone();
            near.and_below(&within);
            let again = plan_with(&base, &applied.snapshot, &near, EVERYTHING);
            for (account, owned) in &touched.accounts {
                before.entry(account.to_string()).or_insert(owned.before);
            }
            if is_first {
                within = touched.clone();
            } else {
                within.absorb(touched.clone());
            }
            is_first = false;
            let whole = plan_with(&base, &applied.snapshot, &within, EVERYTHING);
            let trips = guards::judge(&whole, &limits, Since::HourAgo);
            let by_zones = guards::judge_zones(&again, &limits, Since::HourAgo);
            for trip in trips.iter().filter(|trip| of_zones(trip)) {
                // Those that this change did not touch were judged when they were.
                let named = touched.zones.iter().any(|zone| trip.message.contains(&format!("zone {zone} ")));
                prop_assert!(!named || by_zones.contains(trip), "{trip:?} is not among {by_zones:?}");
            }
            let lost = Harm::of(&step).or_more(&Harm::of(&again));
            let mut together = lost.clone();
            together.add_of_same(&sum);
            sum.add(&lost);
            let server = within.server.before;
            if !together.may_exceed(&limits, server, |id| before.get(id).copied().unwrap_or_default()) {
                let scopes: Vec<&str> = together.accounts().collect();
                let found = trips.iter().filter(|trip| !of_zones(trip)).find(|trip| match &trip.scope {
                    guards::Scope::Account(id) => scopes.contains(&id.as_str()),
                    _ => true,
                });
                prop_assert!(found.is_none(), "{found:?} although {together:?}");
            }
            (served, world, spec) = (applied.snapshot, is, next);
        }
    }
}
