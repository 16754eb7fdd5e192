//! What an edit costs follows the edit.

use portolan::compile::{AccountWords, Edit, EditCost};

use super::fleet::Fleet;
use super::steps::{MapSpec, Step};
use super::*;

/// A fleet that is served, and what its last change cost.
struct Served {
    fleet: Fleet,
    builder: Builder,
    generation: u64,
}

impl Served {
    /// 2,000 zones: those of account 0 are answered from a map of the whole account, those of account 1 from the
    /// defaults; three zones of account 0 are members of a map.
    fn new() -> Served {
        let mut served =
            Served { fleet: Fleet::default(), builder: Builder::new(Seed::random()), generation: 0 };
        let wide = MapSpec {
            enabled: true,
            ipv4: 1,
            ipv6: 1,
            zones: Vec::new(),
            account_wide: true,
            immutable: false,
        };
        let shop = MapSpec { zones: vec![6, 7, 8], account_wide: false, ipv4: 2, ..wide.clone() };
        let first = served.change(&[
            Step::Crowd { from: 0, count: 1000, account: 0 },
            Step::Crowd { from: 1000, count: 990, account: 1 },
            Step::Zone { zone: 6, account: 0, variant: Some(0) },
            Step::Zone { zone: 7, account: 0, variant: Some(0) },
            Step::Zone { zone: 8, account: 0, variant: Some(0) },
            Step::Map { account: 0, map: 0, spec: wide },
            Step::Map { account: 0, map: 1, spec: shop },
            Step::Anycast(Some((1, 1))),
        ]);
        assert_eq!((first.zones_stored, first.sets_stored, first.accounts_stored), (1993, 3, 2));
        served
    }

    fn change(&mut self, steps: &[Step]) -> EditCost {
        let mut next = self.fleet.clone();
        steps.iter().for_each(|step| next.take(step));
        self.generation += 1;
        let edit = next.edit_from(&self.fleet, self.builder.seed());
        let Applied { snapshot, cost, .. } = self.builder.apply(edit, self.generation);
        let anew = compile_with(&next.world(), 1, self.builder.seed().clone()).snapshot;
        assert_eq!(snapshot.differences(&anew), [], "{steps:?}");
        self.fleet = next;
        cost
    }
}

/// Zones, sets, accounts stored, entries touched.
fn cost(zones_stored: u64, sets_stored: u64, accounts_stored: u64, entries_touched: u64) -> EditCost {
    EditCost { zones_stored, sets_stored, accounts_stored, entries_touched }
}

#[test]
fn an_edit_costs_what_it_changes() {
    let mut served = Served::new();
    let member = |zones: &[usize]| MapSpec {
        enabled: true,
        ipv4: 2,
        ipv6: 1,
        zones: zones.to_vec(),
        account_wide: false,
        immutable: false,
    };
    let zone = |zone, account| Step::Zone { zone, account, variant: Some(1) };
    let settings = |shared| Step::Settings { account: 1, shared, dns_only: false };
    let table = [
        (zone(6, 0), cost(1, 0, 0, 0), "the data of a zone"),
        (
            Step::Addresses { account: 0, map: 0, ipv4: 2, ipv6: 0 },
            cost(0, 1, 0, 0),
            "1,000 zones' addresses",
        ),
        (Step::Addresses { account: 0, map: 1, ipv4: 1, ipv6: 0 }, cost(0, 1, 0, 0), "members' addresses"),
        (Step::Anycast(Some((2, 2))), cost(0, 1, 0, 0), "addresses of the defaults"),
        (Step::Addresses { account: 0, map: 1, ipv4: 2, ipv6: 1 }, cost(0, 1, 0, 0), "and back"),
        (Step::Map { account: 0, map: 1, spec: member(&[6, 7, 8, 9]) }, cost(0, 0, 0, 0), "no such zone"),
        (zone(9, 0), cost(1, 0, 0, 0), "a new zone that a map waits for"),
        (zone(9, 1), cost(1, 0, 0, 0), "it moves to an account whose maps do not name it"),
        (
            Step::Map { account: 0, map: 1, spec: MapSpec { enabled: false, ..member(&[7, 8]) } },
            cost(0, 0, 0, 3),
            "a member less, and off",
        ),
        (Step::Switch { account: 0, map: 1 }, cost(0, 0, 0, 2), "on again"),
        (Step::Map { account: 0, map: 1, spec: member(&[7]) }, cost(0, 0, 0, 1), "a member less"),
        (Step::Map { account: 0, map: 1, spec: member(&[8, 7]) }, cost(0, 0, 0, 1), "and one more"),
        (Step::Switch { account: 0, map: 1 }, cost(0, 0, 0, 2), "a map of two zones off"),
        (Step::Addresses { account: 0, map: 1, ipv4: 0, ipv6: 0 }, cost(0, 1, 0, 0), "emptied while off"),
        (Step::Switch { account: 0, map: 1 }, cost(0, 0, 0, 0), "on, but empty"),
        (Step::Addresses { account: 0, map: 1, ipv4: 1, ipv6: 0 }, cost(0, 1, 0, 2), "filled again"),
        (Step::Switch { account: 0, map: 0 }, cost(0, 0, 1, 0), "the whole account's map off"),
        (settings(false), cost(0, 0, 1, 0), "no shared addresses"),
        (settings(true), cost(0, 0, 1, 0), "shared addresses"),
        (
            Step::ZoneSettings { account: 0, zone: 8, ipv6: false, paused: false },
            cost(0, 0, 0, 1),
            "ipv6 of a zone",
        ),
        (
            Step::ZoneSettings { account: 0, zone: 8, ipv6: false, paused: true },
            cost(1, 0, 0, 0),
            "a paused zone is compiled again",
        ),
        (Step::Anycast(None), cost(0, 0, 2, 0), "no defaults, which both accounts used"),
        (Step::FaultyOperator(true), cost(0, 0, 2, 2), "the operator's faults"),
        (Step::RemoveZone(8), cost(0, 0, 0, 0), "a zone goes"),
    ];
    for (step, expected, what) in table {
        assert_eq!(served.change(&[step]), expected, "{what}");
    }
}

/// Even where the account's zones were not compiled anew, no address is answered.
#[test]
fn a_faulty_account_is_governed_by_nothing() {
    let mut served = Served::new();
    let id = fleet::account_id(0);
    let words = served.builder.words(&id).expect("account 0 has maps").clone();
    for (faulty, generation) in [(true, 2), (false, 3)] {
        let accounts = vec![(id.clone(), AccountWords { faulty, ..words.clone() })];
        let Applied { snapshot, cost, .. } =
            served.builder.apply(Edit { accounts, ..Edit::default() }, generation);
        assert_eq!((cost.accounts_stored, cost.entries_touched), (1, 3));
        // A member of a map, and one of the crowd.
        for zone in [7, 77] {
            let origin = fleet::origin(zone).to_lower_wire();
            let entry = snapshot.zones.get(&snapshot.seed, &origin).expect("the zone is there");
            assert_eq!(snapshot.governing(entry).is_err(), faulty);
        }
    }
}

#[test]
fn indices_are_used_again() {
    let mut served = Served::new();
    for round in 0..50 {
        let spec = MapSpec {
            enabled: true,
            ipv4: 1,
            ipv6: 0,
            zones: vec![],
            account_wide: true,
            immutable: round % 2 == 0,
        };
        served.change(&[
            Step::Zone { zone: 0, account: 2, variant: Some(0) },
            Step::Map { account: 2, map: 0, spec },
        ]);
        assert!(served.builder.words(&fleet::account_id(2)).is_some());
        served.change(&[Step::RemoveAccount(2)]);
        assert!(served.builder.words(&fleet::account_id(2)).is_none());
        served.change(&[Step::Zone { zone: 1, account: 3, variant: Some(0) }]);
        served.change(&[Step::RemoveAccount(3)]);
    }
    let Applied { snapshot, cost, .. } = served.builder.apply(Edit::default(), 1000);
    assert_eq!(cost, EditCost::default());
    assert_eq!((snapshot.accounts.iter().count(), snapshot.sets.iter().count()), (3, 4));
}
