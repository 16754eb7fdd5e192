//! Steps of an edit, as they shrink.

use proptest::prelude::*;

use super::fleet::{ACCOUNTS, MAPS, NAMED};

/// One thing that an operator does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A zone is written, moved to another account, or broken (`None`).
    Zone {
        zone: usize,
        account: usize,
        variant: Option<u8>,
    },
    RemoveZone(usize),
    /// Hundreds of zones of an account at once.
    Crowd {
        from: usize,
        count: usize,
        account: usize,
    },
    RemoveCrowd {
        from: usize,
        count: usize,
    },
    Settings {
        account: usize,
        shared: bool,
        dns_only: bool,
    },
    /// The file of settings is deleted.
    NoSettings(usize),
    /// Settings of a zone, whosever it is.
    ZoneSettings {
        account: usize,
        zone: usize,
        ipv6: bool,
        paused: bool,
    },
    Map {
        account: usize,
        map: usize,
        spec: MapSpec,
    },
    /// Other addresses and nothing else.
    Addresses {
        account: usize,
        map: usize,
        ipv4: u8,
        ipv6: u8,
    },
    /// Enabled or not and nothing else.
    Switch {
        account: usize,
        map: usize,
    },
    RemoveMap {
        account: usize,
        map: usize,
    },
    Faulty {
        account: usize,
        faulty: bool,
    },
    /// The account's folders are deleted.
    RemoveAccount(usize),
    Anycast(Option<(u8, u8)>),
    FaultyOperator(bool),
}

/// A map as a whole.
#[derive(Clone, Debug)]
pub(super) struct MapSpec {
    pub(super) enabled: bool,
    pub(super) ipv4: u8,
    pub(super) ipv6: u8,
    /// Zones by number, whosever they are and whether they exist or not.
    pub(super) zones: Vec<usize>,
    pub(super) account_wide: bool,
    pub(super) immutable: bool,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let account = || prop_oneof![3 => Just(0), 1 => 0..ACCOUNTS];
    let zone = 0..NAMED;
    let map = 0..MAPS;
    let variant = prop_oneof![4 => (0_u8..4).prop_map(Some), 1 => Just(None)];
    let addresses = || (0_u8..3, 0_u8..3);
    let often = || prop::bool::weighted(0.75);
    let members = prop::collection::vec(zone.clone(), 0..4);
    let spec = (often(), addresses(), members, prop::bool::weighted(0.3), prop::bool::weighted(0.15))
        .prop_map(|(enabled, (ipv4, ipv6), zones, account_wide, immutable)| MapSpec {
            enabled,
            ipv4,
            ipv6,
            zones,
            account_wide,
            immutable,
        });
    prop_oneof![
        8 => (zone.clone(), account(), variant)
            .prop_map(|(zone, account, variant)| Step::Zone { zone, account, variant }),
        3 => zone.clone().prop_map(Step::RemoveZone),
        1 => (0_usize..600, 100_usize..700, account())
            .prop_map(|(from, count, account)| Step::Crowd { from, count, account }),
        1 => (0_usize..600, 100_usize..1300).prop_map(|(from, count)| Step::RemoveCrowd { from, count }),
        2 => (account(), often(), prop::bool::weighted(0.2))
            .prop_map(|(account, shared, dns_only)| Step::Settings { account, shared, dns_only }),
        1 => account().prop_map(Step::NoSettings),
        3 => (account(), zone, any::<bool>(), prop::bool::weighted(0.2)).prop_map(
            |(account, zone, ipv6, paused)| Step::ZoneSettings { account, zone, ipv6, paused }
        ),
        8 => (account(), map.clone(), spec).prop_map(|(account, map, spec)| Step::Map { account, map, spec }),
        4 => (account(), map.clone(), addresses())
            .prop_map(|(account, map, (ipv4, ipv6))| Step::Addresses { account, map, ipv4, ipv6 }),
        3 => (account(), map.clone()).prop_map(|(account, map)| Step::Switch { account, map }),
        3 => (account(), map).prop_map(|(account, map)| Step::RemoveMap { account, map }),
        2 => (account(), prop::bool::weighted(0.3)).prop_map(|(account, faulty)| Step::Faulty { account, faulty }),
        2 => account().prop_map(Step::RemoveAccount),
        3 => prop::option::weighted(0.8, addresses()).prop_map(Step::Anycast),
        1 => prop::bool::weighted(0.3).prop_map(Step::FaultyOperator),
    ]
}
