//! Who governs a zone, read from the maps in the order in which the rules say it.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::model::{AccountId, AccountSettings, AddressMap, AddressSource, AnycastDefaults, Member, World};
use crate::wire::{MAX_NAME, Name, RrType};

/// What answers the proxied names of a zone.
#[derive(Clone, Copy, Debug)]
pub(in crate::judge::proof) enum Governor<'w> {
    /// A map, and the level that it stands at.
    Map(AddressSource, &'w AddressMap),
    /// The anycast defaults.
    Anycast(&'w AnycastDefaults),
    /// Nothing: SERVFAIL.
    Nothing,
}

impl<'w> Governor<'w> {
    /// The level.
    pub(in crate::judge::proof) fn source(self) -> Option<AddressSource> {
        match self {
            Governor::Map(source, _) => Some(source),
            Governor::Anycast(_) => Some(AddressSource::AnycastDefaults),
            Governor::Nothing => None,
        }
    }

    /// The map; the anycast defaults are none.
    pub(in crate::judge::proof) fn map(self) -> Option<&'w AddressMap> {
        match self {
            Governor::Map(_, map) => Some(map),
            Governor::Anycast(_) | Governor::Nothing => None,
        }
    }

    /// The addresses of a family, and whether these octets are the n-th of them, without an allocation.
    pub(in crate::judge::proof) fn addresses(self, family: RrType) -> Addresses<'w> {
        let (ipv4, ipv6) = match self {
            Governor::Map(_, map) => (&map.ipv4[..], &map.ipv6[..]),
            Governor::Anycast(anycast) => (&anycast.ipv4[..], &anycast.ipv6[..]),
            Governor::Nothing => (&[][..], &[][..]),
        };
        match family {
            RrType::A => Addresses::Ipv4(ipv4),
            _ => Addresses::Ipv6(ipv6),
        }
    }
}

/// The addresses of one family in the order written.
#[derive(Clone, Copy, Debug)]
pub(in crate::judge::proof) enum Addresses<'w> {
    /// For A.
    Ipv4(&'w [std::net::Ipv4Addr]),
    /// For AAAA.
    Ipv6(&'w [std::net::Ipv6Addr]),
}

impl Addresses<'_> {
    /// How many.
    pub(in crate::judge::proof) fn len(self) -> usize {
        match self {
            Addresses::Ipv4(ipv4) => ipv4.len(),
            Addresses::Ipv6(ipv6) => ipv6.len(),
        }
    }

    /// Whether the n-th has these octets.
    pub(in crate::judge::proof) fn is(self, n: usize, octets: &[u8]) -> bool {
        match self {
            Addresses::Ipv4(ipv4) => ipv4.get(n).is_some_and(|ip| ip.octets() == octets),
            Addresses::Ipv6(ipv6) => ipv6.get(n).is_some_and(|ip| ip.octets() == octets),
        }
    }

    /// All of them.
    pub(in crate::judge::proof) fn to_vec(self) -> Vec<IpAddr> {
        match self {
            Addresses::Ipv4(ipv4) => ipv4.iter().copied().map(IpAddr::from).collect(),
            Addresses::Ipv6(ipv6) => ipv6.iter().copied().map(IpAddr::from).collect(),
        }
    }
}

/// The zones and maps of a world by what they are looked for.
#[derive(Debug)]
pub(in crate::judge::proof) struct Rules<'w> {
    pub(in crate::judge::proof) world: &'w World,
    /// Origins in lower case, each with its place among the world's zones.
    zones: HashMap<Box<[u8]>, u32, RandomState>,
    /// Whether a zone encloses another one, by its place.
    encloses: Vec<bool>,
    /// The maps that name a zone of the world, enabled or not, whosever they are, by the place of the zone.
    named: HashMap<u32, Vec<&'w AddressMap>, RandomState>,
    accounts: HashMap<&'w AccountId, AccountRules<'w>, RandomState>,
    /// What holds for an account without settings and maps.
    silent: AccountRules<'w>,
}

/// What an account says as a whole.
#[derive(Debug, Default)]
pub(in crate::judge::proof) struct AccountRules<'w> {
    settings: Option<&'w AccountSettings>,
    /// Its files have an error, or the operator's have: no address can be trusted.
    pub(in crate::judge::proof) faulty: bool,
    /// Ordinary maps that are about all of it, enabled or not, by id.
    pub(in crate::judge::proof) ordinary: Vec<&'w AddressMap>,
    /// Its immutable maps in whatever state, by id.
    pub(in crate::judge::proof) immutable: Vec<&'w AddressMap>,
}

impl<'w> AccountRules<'w> {
    /// Whether the account is never answered a shared address: it says so, or it has an immutable map.
    pub(in crate::judge::proof) fn never_shared(&self) -> bool {
        self.settings.is_some_and(|settings| !settings.shared_addresses) || !self.immutable.is_empty()
    }

    /// Whether the tags of a zone take effect.
    pub(in crate::judge::proof) fn proxies(&self, origin: &Name) -> bool {
        let Some(settings) = self.settings else { return true };
        let paused = || settings.zones.get(origin).is_some_and(|zone| zone.paused);
        !settings.enforce_dns_only && !paused()
    }

    /// Whether AAAA is answered for proxied names of a zone.
    pub(in crate::judge::proof) fn ipv6(&self, origin: &Name) -> bool {
        let zone = self.settings.and_then(|settings| settings.zones.get(origin));
        zone.is_none_or(|zone| zone.ipv6)
    }

    /// Who governs the zones that no map names.
    pub(in crate::judge::proof) fn fallback(&self, world: &'w World) -> Governor<'w> {
        if self.faulty {
            return Governor::Nothing;
        }
        let answers = |map: &&&AddressMap| map.enabled && !map.is_empty();
        if let Some(map) = self.ordinary.iter().find(answers) {
            return Governor::Map(AddressSource::AccountMap, map);
        }
        if let Some(map) = self.immutable.iter().find(answers) {
            return Governor::Map(AddressSource::ImmutableMap, map);
        }
        let anycast = world.anycast.as_ref().filter(|_| !self.never_shared());
        match anycast.filter(|anycast| !(anycast.ipv4.is_empty() && anycast.ipv6.is_empty())) {
            Some(anycast) => Governor::Anycast(anycast),
            None => Governor::Nothing,
        }
    }
}

impl<'w> Rules<'w> {
    pub(in crate::judge::proof) fn new(world: &'w World) -> Rules<'w> {
        let mut zones = HashMap::with_capacity_and_hasher(world.zones.len(), RandomState::default());
        // Most members of a large map can be passed over by their length when the world is a small part.
        let mut lengths = [false; MAX_NAME + 1];
        for (place, zone) in (0..).zip(&world.zones) {
            lengths[zone.origin.as_wire().len()] = true;
            zones.insert(zone.origin.to_lower_wire(), place);
        }
        let mut rules = Rules {
            world,
            encloses: vec![false; world.zones.len()],
            zones,
            named: HashMap::default(),
            accounts: HashMap::default(),
            silent: AccountRules { faulty: world.faulty_operator, ..AccountRules::default() },
        };
        for (id, settings) in &world.accounts {
            rules.account_mut(id).settings = Some(settings);
        }
        for zone in &world.zones {
            let lower = zone.origin.to_lower_wire();
            if let Some(above) = parent(&lower).and_then(|above| rules.closest(above)) {
                rules.encloses[above as usize] = true;
            }
        }
        for id in &world.faulty_accounts {
            rules.account_mut(id);
        }
        for map in world.maps.iter().map(|map| &**map) {
            if map.immutable {
                rules.account_mut(&map.account).immutable.push(map);
                continue;
            }
            for membership in map.memberships.iter() {
                match &membership.member {
                    Member::Account => rules.account_mut(&map.account).ordinary.push(map),
                    Member::Zone(origin) if lengths[origin.as_wire().len()] => {
                        if let Some(place) = rules.zone_at(origin) {
                            rules.named.entry(place).or_default().push(map);
                        }
                    }
                    Member::Zone(_) => {}
                }
            }
        }
        for maps in rules.named.values_mut() {
            maps.sort_by_key(|map| &map.id);
        }
        for maps in rules.accounts.values_mut() {
            maps.ordinary.sort_by_key(|map| &map.id);
            maps.immutable.sort_by_key(|map| &map.id);
        }
        rules
    }

    fn account_mut(&mut self, id: &'w AccountId) -> &mut AccountRules<'w> {
        let faulty = self.world.faulty_operator || self.world.faulty_accounts.contains(id);
        self.accounts.entry(id).or_insert_with(|| AccountRules { faulty, ..AccountRules::default() })
    }

    /// The place of the zone of an origin.
    pub(in crate::judge::proof) fn zone_at(&self, origin: &Name) -> Option<u32> {
        let mut lower = [0; MAX_NAME];
        let lower = &mut lower[..origin.as_wire().len()];
        lower.copy_from_slice(origin.as_wire());
        lower.make_ascii_lowercase();
        self.zones.get(&*lower).copied()
    }

    /// The place of the zone of an origin in lower case.
    pub(in crate::judge::proof) fn zone_of(&self, lower: &[u8]) -> Option<u32> {
        self.zones.get(lower).copied()
    }

    /// The place of the closest zone at or above a name in lower case.
    pub(in crate::judge::proof) fn closest(&self, lower: &[u8]) -> Option<u32> {
        let mut name = Some(lower);
        while let Some(here) = name {
            if let Some(place) = self.zones.get(here) {
                return Some(*place);
            }
            name = parent(here);
        }
        None
    }

    /// Whether another zone of the world lies below this one.
    pub(in crate::judge::proof) fn encloses(&self, zone: u32) -> bool {
        self.encloses[zone as usize]
    }

    /// What an account says; nothing at all for one that is only named by a zone.
    pub(in crate::judge::proof) fn account(&self, account: &AccountId) -> &AccountRules<'w> {
        self.accounts.get(account).unwrap_or(&self.silent)
    }

    /// Every account that has zones, maps or settings.
    pub(in crate::judge::proof) fn accounts(
        &self,
    ) -> impl Iterator<Item = (&'w AccountId, &AccountRules<'w>)> {
        self.accounts.iter().map(|(id, rules)| (*id, rules))
    }

    /// The enabled ordinary maps of its own account that name a zone, by id.
    pub(in crate::judge::proof) fn naming(
        &self,
        zone: u32,
        account: &'w AccountId,
    ) -> impl Iterator<Item = &'w AddressMap> {
        let maps = self.named.get(&zone).map(Vec::as_slice).unwrap_or_default();
        maps.iter().copied().filter(move |map| map.enabled && map.account == *account)
    }

    /// Who governs a zone.
    pub(in crate::judge::proof) fn governor(&self, zone: u32, account: &AccountRules<'w>) -> Governor<'w> {
        let id = &self.world.zones[zone as usize].account;
        match self.naming(zone, id).find(|map| !map.is_empty()) {
            _ if account.faulty => Governor::Nothing,
            Some(map) => Governor::Map(AddressSource::ZoneMap, map),
            None => account.fallback(self.world),
        }
    }
}

/// A name without its first label; the root has none.
pub(in crate::judge::proof) fn parent(name: &[u8]) -> Option<&[u8]> {
    match name {
        [] | [0] => None,
        [len, rest @ ..] => rest.get(usize::from(*len)..),
    }
}
