//! Small nasty worlds: few labels, so that everything meets everything; valid by the rules of the checks.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use portolan::model::{
    AccountId, AccountSettings, AddressMap, AnycastDefaults, LoadedZone, MapId, MapOwner, Member, Membership,
    Place, Record, RecordTags, World, ZoneContent, ZoneData, ZoneSettings,
};
use portolan::wire::{Name, RrType};
use proptest::prelude::*;

use crate::support::{name, rdata};

#[path = "worlds/build.rs"]
mod build;

pub(crate) use build::names;

/// What a world is built from. Everything in it shrinks; what would break a rule is left out when it is built.
#[derive(Clone, Debug)]
pub(crate) struct WorldSpec {
    pub(crate) accounts: Vec<AccountSpec>,
    pub(crate) zones: Vec<ZoneSpec>,
    pub(crate) maps: Vec<MapSpec>,
    /// How many anycast addresses of each family; `None` for no defaults at all.
    pub(crate) anycast: Option<(u8, u8)>,
    pub(crate) faulty_operator: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct AccountSpec {
    pub(crate) shared_addresses: bool,
    pub(crate) enforce_dns_only: bool,
    pub(crate) faulty: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct ZoneSpec {
    /// Index into the origins of the generation.
    pub(crate) origin: usize,
    /// Index of the account, wrapped.
    pub(crate) account: usize,
    pub(crate) records: Vec<RecordSpec>,
    pub(crate) soa_ttl: u32,
    pub(crate) minimum: u32,
    pub(crate) ipv6: bool,
    pub(crate) paused: bool,
    pub(crate) faulty: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct RecordSpec {
    /// Labels in front of the origin, leftmost first, as indexes into [`LABELS`].
    pub(crate) owner: Vec<usize>,
    pub(crate) kind: Kind,
    pub(crate) target: Target,
    pub(crate) ttl: u32,
    pub(crate) proxied: Option<bool>,
    pub(crate) flatten: bool,
    /// What tells two records of one set apart.
    pub(crate) variant: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    A,
    Aaaa,
    Cname,
    Dname,
    /// NS, with DS where the variant is odd.
    Cut,
    Mx,
    Srv,
    Txt,
    Svcb,
    Https,
    Caa,
    /// A type that nobody knows.
    Unknown,
}

/// A name that a record points to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) labels: Vec<usize>,
    /// Index into the origins, wrapped; beyond them: outside of the server.
    pub(crate) base: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct MapSpec {
    pub(crate) account: usize,
    pub(crate) level: Level,
    pub(crate) enabled: bool,
    pub(crate) ipv4: u8,
    pub(crate) ipv6: u8,
}

#[derive(Clone, Debug)]
pub(crate) enum Level {
    /// Zones by index, wrapped; those of other accounts are left out.
    Zones(Vec<usize>),
    Account,
    Immutable,
}

/// Labels of owners and targets: letters, an asterisk, upper case, and octets that need an escape.
pub(crate) const LABELS: &[&[u8]] =
    &[b"a", b"b", b"c", b"*", b"d", b"B", b"x.y", b"s p", b"a*", b"_t", &[0xff], &[b'l'; 63]];

/// Origins of zones; parents and children are among them.
pub(crate) const ORIGINS: &[&str] =
    &["example.", "a.example.", "b.a.example.", "c.example.", "test.", "a.b.test.", "*.example.", "."];

/// Labels put below every name that is asked about.
const BESIDE: &[&[u8]] = &[b"a", b"*", b"zz", &[b'l'; 63]];

/// What makes the zones of a generation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flavour {
    /// Proxied records, flattening, faults: everything that other servers do not have.
    pub(crate) proxied: bool,
    /// How many of [`ORIGINS`] are used.
    pub(crate) origins: usize,
    /// Fewest and most records of a zone.
    pub(crate) records: (usize, usize),
}

/// Everything that Portolan has.
pub(crate) const FULL: Flavour = Flavour { proxied: true, origins: ORIGINS.len(), records: (5, 40) };

/// The same in so small that very many can be looked at.
#[allow(dead_code, reason = "for the proof")]
pub(crate) const SMALL: Flavour = Flavour { proxied: true, origins: 4, records: (1, 7) };

/// What every server has: no proxied records, no flattening, all zones good, no zone at the root or at a wildcard.
#[allow(dead_code, reason = "for the comparison with other servers")]
pub(crate) const ORDINARY: Flavour = Flavour { proxied: false, origins: 6, records: (5, 40) };

/// Worlds of a flavour.
pub(crate) fn worlds(flavour: Flavour) -> impl Strategy<Value = WorldSpec> {
    let rarely = move |of: u32| prop::bool::weighted(if flavour.proxied { 1.0 / f64::from(of) } else { 0.0 });
    let account = (prop::bool::weighted(0.8), rarely(12), rarely(40)).prop_map(
        |(shared_addresses, enforce_dns_only, faulty)| AccountSpec {
            shared_addresses,
            enforce_dns_only,
            faulty,
        },
    );
    let anycast = prop_oneof![
        8 => (1_u8..4, 1_u8..4).prop_map(Some),
        1 => Just(Some((2, 0))),
        1 => Just(Some((0, 1))),
        1 => Just(None),
    ];
    (
        prop::collection::vec(account, 2..=4),
        prop::collection::vec(zone(flavour), 1..=5),
        prop::collection::vec(map(), 0..8),
        anycast,
        rarely(40),
    )
        .prop_map(|(accounts, zones, maps, anycast, faulty_operator)| WorldSpec {
            accounts,
            zones,
            maps,
            anycast,
            faulty_operator,
        })
}

fn zone(flavour: Flavour) -> impl Strategy<Value = ZoneSpec> {
    let rarely = move |of: u32| prop::bool::weighted(if flavour.proxied { 1.0 / f64::from(of) } else { 0.0 });
    (
        // Squared, so that the first origins, which enclose each other, are the most frequent.
        (0..flavour.origins * flavour.origins).prop_map(move |at| at * at / flavour.origins.pow(3)),
        // Most zones belong to one account, so that chains cross zones.
        prop_oneof![3 => Just(0_usize), 1 => 1_usize..4],
        prop::collection::vec(record(flavour), flavour.records.0..=flavour.records.1),
        prop_oneof![Just(3600_u32), Just(60), Just(0)],
        prop_oneof![Just(900_u32), Just(30), Just(7200)],
        (rarely(6), rarely(10), rarely(25)),
    )
        .prop_map(|(origin, account, records, soa_ttl, minimum, (no_ipv6, paused, faulty))| ZoneSpec {
            origin,
            account,
            records,
            soa_ttl,
            minimum,
            ipv6: !no_ipv6,
            paused,
            faulty,
        })
}

fn record(flavour: Flavour) -> impl Strategy<Value = RecordSpec> {
    let kind = prop_oneof![
        8 => Just(Kind::A),
        4 => Just(Kind::Aaaa),
        8 => Just(Kind::Cname),
        2 => Just(Kind::Dname),
        4 => Just(Kind::Cut),
        2 => Just(Kind::Mx),
        1 => Just(Kind::Srv),
        3 => Just(Kind::Txt),
        1 => Just(Kind::Svcb),
        1 => Just(Kind::Https),
        1 => Just(Kind::Caa),
        1 => Just(Kind::Unknown),
    ];
    let proxied = prop_oneof![3 => Just(None), 1 => Just(Some(false)), 4 => Just(Some(true))]
        .prop_map(move |proxied| proxied.filter(|_| flavour.proxied));
    let flatten = prop::bool::weighted(if flavour.proxied { 0.15 } else { 0.0 });
    let ttl = prop_oneof![Just(3600_u32), Just(120), Just(1), Just(0)];
    (labels(), kind, target(flavour), ttl, proxied, flatten, 0_u8..6).prop_map(
        |(owner, kind, target, ttl, proxied, flatten, variant)| RecordSpec {
            owner,
            kind,
            target,
            ttl,
            proxied,
            flatten,
            variant,
        },
    )
}

/// Zero to four labels; the first of the alphabet are the most frequent.
fn labels() -> impl Strategy<Value = Vec<usize>> {
    let label = prop_oneof![10 => 0_usize..4, 1 => 4..LABELS.len()];
    prop_oneof![
        1 => Just(0_usize),
        6 => Just(1),
        6 => Just(2),
        3 => Just(3),
        1 => Just(4),
    ]
    .prop_flat_map(move |count| prop::collection::vec(label.clone(), count))
}

fn target(flavour: Flavour) -> impl Strategy<Value = Target> {
    // Three labels of 63 octets make a DNAME overflow below most names.
    let long = Just(vec![LABELS.len() - 1; 3]);
    let labels = prop_oneof![30 => labels(), 1 => long];
    (labels, 0..flavour.origins + 2).prop_map(|(labels, base)| Target { labels, base })
}

fn map() -> impl Strategy<Value = MapSpec> {
    let level = prop_oneof![
        3 => prop::collection::vec(0_usize..5, 0..3).prop_map(Level::Zones),
        2 => Just(Level::Account),
        1 => Just(Level::Immutable),
    ];
    let account = prop_oneof![3 => Just(0_usize), 1 => 1_usize..4];
    (account, level, prop::bool::weighted(0.7), 0_u8..4, 0_u8..3)
        .prop_map(|(account, level, enabled, ipv4, ipv6)| MapSpec { account, level, enabled, ipv4, ipv6 })
}
