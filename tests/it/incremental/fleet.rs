//! All that is served, as an operator sees it: it takes steps, and says what differs from a state before.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use portolan::compile::{AccountWords, Edit, OperatorWords, Seed, ZoneChange, compile_zone};
use portolan::model::{
    AccountId, AccountSettings, AddressMap, AnycastDefaults, LoadedZone, MapId, MapOwner, Member, Membership,
    Place, Record, RecordTags, World, ZoneContent, ZoneData, ZoneSettings,
};
use portolan::snapshot::Zone;
use portolan::wire::{Name, RrType};

use super::steps::{MapSpec, Step};
use crate::support::{name, rdata};

/// Accounts that there can be.
pub(super) const ACCOUNTS: usize = 4;
/// Maps that an account can have.
pub(super) const MAPS: usize = 4;
/// Zones that steps name; the crowd comes after them.
pub(super) const NAMED: usize = 10;
/// Sets that there can be in the table at most: all maps and the defaults gone and others come in one edit.
pub(super) const MOST_SETS: usize = 2 * (ACCOUNTS * MAPS + 1);

/// Origins of the first zones: they enclose each other.
const ORIGINS: [&str; 6] = [".", "example.", "A.example.", "b.a.example.", "test.", "x.y.z.test."];

/// Everything there is.
#[derive(Clone, Default)]
pub(super) struct Fleet {
    zones: BTreeMap<Name, FleetZone>,
    accounts: BTreeMap<AccountId, FleetAccount>,
    anycast: Option<AnycastDefaults>,
    faulty_operator: bool,
}

#[derive(Clone)]
struct FleetZone {
    account: AccountId,
    content: Option<Arc<ZoneData>>,
}

#[derive(Clone, Default)]
struct FleetAccount {
    settings: Option<Arc<AccountSettings>>,
    maps: BTreeMap<MapId, Arc<AddressMap>>,
    faulty: bool,
}

impl Fleet {
    /// What an operator does.
    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Zone { zone, account, variant } => {
                let origin = origin(*zone);
                let content = variant.map(|variant| data(&origin, variant));
                self.zones.insert(origin, FleetZone { account: account_id(*account), content });
            }
            Step::RemoveZone(zone) => {
                self.zones.remove(&origin(*zone));
            }
            Step::Crowd { from, count, account } => {
                for zone in *from..from + count {
                    // Few of them have data, or compiling them again and again takes all the time.
                    let origin = origin(NAMED + zone);
                    let content = zone.is_multiple_of(32).then(|| data(&origin, 0));
                    self.zones.insert(origin, FleetZone { account: account_id(*account), content });
                }
            }
            Step::RemoveCrowd { from, count } => {
                for zone in *from..from + count {
                    self.zones.remove(&origin(NAMED + zone));
                }
            }
            Step::Settings { account, shared, dns_only } => self.set(*account, |settings| {
                settings.shared_addresses = *shared;
                settings.enforce_dns_only = *dns_only;
            }),
            Step::NoSettings(account) => self.account(*account).settings = None,
            Step::ZoneSettings { account, zone, ipv6, paused } => self.set(*account, |settings| {
                let zone_settings = ZoneSettings { ipv6: *ipv6, paused: *paused, place: None };
                settings.zones.insert(origin(*zone), zone_settings);
            }),
            Step::Map { account, map, spec } => {
                let made = Arc::new(address_map(*account, *map, spec));
                self.account(*account).maps.insert(made.id.clone(), made);
            }
            Step::Addresses { account, map, ipv4, ipv6 } => self.change_map(*account, *map, |map| {
                (map.ipv4, map.ipv6) = addresses(*ipv4, *ipv6);
            }),
            Step::Switch { account, map } => self.change_map(*account, *map, |map| map.enabled ^= true),
            Step::RemoveMap { account, map } => {
                self.account(*account).maps.remove(&map_id(*map));
            }
            Step::Faulty { account, faulty } => self.account(*account).faulty = *faulty,
            Step::RemoveAccount(account) => {
                let id = account_id(*account);
                self.accounts.remove(&id);
                self.zones.retain(|_, zone| zone.account != id);
            }
            Step::Anycast(counts) => {
                self.anycast = counts.map(|(ipv4, ipv6)| {
                    let (ipv4, ipv6) = addresses(ipv4, ipv6);
                    AnycastDefaults { ipv4, ipv6, place: place() }
                });
            }
            Step::FaultyOperator(faulty) => self.faulty_operator = *faulty,
        }
    }

    fn account(&mut self, account: usize) -> &mut FleetAccount {
        self.accounts.entry(account_id(account)).or_default()
    }

    fn set(&mut self, account: usize, change: impl FnOnce(&mut AccountSettings)) {
        let id = account_id(account);
        let settings = &mut self.account(account).settings;
        let settings = settings.get_or_insert_with(|| Arc::new(AccountSettings::new(id)));
        change(Arc::make_mut(settings));
    }

    fn change_map(&mut self, account: usize, map: usize, change: impl FnOnce(&mut AddressMap)) {
        if let Some(map) = self.account(account).maps.get_mut(&map_id(map)) {
            change(Arc::make_mut(map));
        }
    }

    /// The world to compile from nothing.
    pub(super) fn world(&self) -> World {
        let mut world = World {
            anycast: self.anycast.clone(),
            faulty_operator: self.faulty_operator,
            ..World::default()
        };
        for (id, account) in &self.accounts {
            if let Some(settings) = &account.settings {
                world.accounts.insert(id.clone(), (**settings).clone());
            }
            world.maps.extend(account.maps.values().cloned());
            if account.faulty {
                world.faulty_accounts.insert(id.clone());
            }
        }
        for (origin, zone) in &self.zones {
            let content = zone.content.clone().map_or(ZoneContent::Faulty, ZoneContent::Good);
            world.zones.push(LoadedZone { origin: origin.clone(), account: zone.account.clone(), content });
        }
        world
    }

    /// The edit that leads here.
    pub(super) fn edit_from(&self, before: &Fleet, seed: &Seed) -> Edit {
        let mut edit = Edit::default();
        for origin in self.origins_of(before) {
            let Some(zone) = self.zones.get(&origin) else {
                edit.zones.push((origin, ZoneChange::Remove));
                continue;
            };
            let same = before.zones.get(&origin).is_some_and(|was| {
                let data = |zone: &FleetZone| zone.content.as_ref().map(Arc::as_ptr);
                was.account == zone.account
                    && data(was) == data(zone)
                    && before.served_as(&origin, was) == self.served_as(&origin, zone)
            });
            if !same {
                let compiled = self.compiled(&origin, zone, seed);
                edit.zones.push((origin, ZoneChange::Put { account: zone.account.clone(), zone: compiled }));
            }
        }
        let accounts: BTreeSet<&AccountId> = self.accounts.keys().chain(before.accounts.keys()).collect();
        for id in accounts {
            let (was, is) = (before.accounts.get(id), self.accounts.get(id));
            let same = was.zip(is).is_some_and(|(was, is)| {
                was.settings == is.settings && was.maps == is.maps && was.faulty == is.faulty
            });
            if !same {
                edit.accounts.push((id.clone(), is.map(FleetAccount::words).unwrap_or_default()));
            }
        }
        if (&self.anycast, self.faulty_operator) != (&before.anycast, before.faulty_operator) {
            let faulty = self.faulty_operator;
            edit.operator = Some(OperatorWords { anycast: self.anycast.clone(), faulty });
        }
        edit
    }

    /// Every origin that is here or was there.
    pub(super) fn origins_of(&self, before: &Fleet) -> Vec<Name> {
        let origins: BTreeSet<&Name> = self.zones.keys().chain(before.zones.keys()).collect();
        origins.into_iter().cloned().collect()
    }

    /// What is compiled into a zone beside its data: whether its account is faulty and whether its tags count.
    fn served_as(&self, origin: &Name, zone: &FleetZone) -> (bool, bool) {
        let Some(account) = self.accounts.get(&zone.account) else { return (false, true) };
        let proxies = account.settings.as_ref().is_none_or(|settings| settings.proxies(origin));
        (account.faulty, proxies)
    }

    fn compiled(&self, origin: &Name, zone: &FleetZone, seed: &Seed) -> Zone {
        match (&zone.content, self.served_as(origin, zone)) {
            (Some(data), (false, proxies)) => compile_zone(data, proxies, seed).expect("a small zone"),
            _ => Zone::faulty(&origin.to_lower_wire()),
        }
    }
}

impl FleetAccount {
    fn words(&self) -> AccountWords {
        // The order in which maps are said must not matter.
        let maps = self.maps.values().rev().cloned().collect();
        AccountWords { settings: self.settings.clone(), maps, faulty: self.faulty }
    }
}

/// The account of a number.
pub(super) fn account_id(account: usize) -> AccountId {
    AccountId::new(&format!("account-{account}")).expect("a well-formed account")
}

fn map_id(map: usize) -> MapId {
    MapId::new(&format!("map-{map}")).expect("a well-formed map")
}

/// The origin of a number.
pub(super) fn origin(zone: usize) -> Name {
    ORIGINS.get(zone).map_or_else(|| name(&format!("z{zone}.example.")), |origin| name(origin))
}

fn place() -> Place {
    Place::file(&Arc::from("generated"))
}

fn addresses(ipv4: u8, ipv6: u8) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
    let ipv4 = (1..=ipv4).map(|last| Ipv4Addr::new(192, 0, 2, last)).collect();
    let ipv6 = (1..=ipv6).map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)));
    (ipv4, ipv6.collect())
}

fn address_map(account: usize, map: usize, spec: &MapSpec) -> AddressMap {
    let (ipv4, ipv6) = addresses(spec.ipv4, spec.ipv6);
    let zones = spec.zones.iter().map(|&zone| Member::Zone(origin(zone)));
    let members = zones.chain(spec.account_wide.then_some(Member::Account));
    AddressMap {
        id: map_id(map),
        account: account_id(account),
        description: None,
        enabled: spec.enabled,
        ipv4,
        ipv6,
        memberships: members.map(|member| Membership { member, place: place() }).collect(),
        default_sni: None,
        immutable: spec.immutable,
        owner: MapOwner::Account,
        place: place(),
        address_places: Default::default(),
    }
}

/// A small zone: a proxied name, one that is not, and a serial that tells the variants apart.
pub(super) fn data(origin: &Name, variant: u8) -> Arc<ZoneData> {
    let server = name("ns.invalid.");
    let www = origin.child(b"www").expect("a short origin");
    let soa = rdata::soa(&server, &server, variant.into(), 900);
    let address = || rdata::a(Ipv4Addr::new(198, 51, 100, variant));
    let records = [
        (origin.clone(), RrType::SOA, soa, None),
        (origin.clone(), RrType::NS, rdata::one_name(&server), None),
        (www, RrType::A, address(), Some(true)),
        (origin.child(b"direct").expect("a short origin"), RrType::A, address(), None),
    ];
    let record =
        |(line, (owner, rtype, rdata, proxied)): (u32, (Name, RrType, Vec<u8>, Option<bool>))| Record {
            owner,
            rtype,
            ttl: 300,
            rdata: rdata.into(),
            tags: RecordTags { proxied, flatten: false },
            file: 0,
            line,
        };
    let records = (1..).zip(records).map(record).collect();
    Arc::new(ZoneData { origin: origin.clone(), files: vec!["generated.zone".into()], records })
}
