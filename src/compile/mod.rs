//! Sources to snapshot: zones to compact bytes, maps to address sets, precedence to indices.
//!
//! Invariant: stored content of a proxied name does not enter the compiled zone.

mod links;
mod zone;

use std::collections::HashMap;
use std::sync::Arc;

use crate::addrmap::precedence::{Chosen, Precedence};
use crate::model::{AccountId, AccountSettings, AddressSource, LoadedZone, MapId, World, ZoneContent};
use crate::snapshot::{
    Account, AddressSet, Fallback, SetIndex, Sharded, Snapshot, Zone, ZoneEntry, ZoneIndex,
};
use crate::wire::Name;
use crate::wire::edns::ExtendedError;

pub use crate::snapshot::Seed;
pub use zone::{TooLarge, compile_zone};

/// A compiled snapshot, and what could not be compiled.
#[derive(Debug)]
pub struct Compiled {
    /// What can be served.
    pub snapshot: Snapshot,
    /// Zones that are answered SERVFAIL because they do not fit.
    pub too_large: Vec<(Name, TooLarge)>,
}

/// Compiles everything.
pub fn compile(world: &World, generation: u64) -> Compiled {
    let seed = Seed::random();
    let precedence = Precedence::new(world);
    let mut sets = Sets::default();
    let mut accounts: Vec<Account> = Vec::new();
    let mut account_index: HashMap<&AccountId, u32> = HashMap::new();
    let mut too_large = Vec::new();
    let mut entries = Vec::with_capacity(world.zones.len());
    for loaded in &world.zones {
        let account = *account_index.entry(&loaded.account).or_insert_with(|| {
            accounts.push(account(world, &precedence, &mut sets, &loaded.account));
            accounts.len() as u32 - 1
        });
        let zone = compile_loaded(world, loaded, &seed).unwrap_or_else(|error| {
            too_large.push((loaded.origin.clone(), error));
            Zone::faulty(&loaded.origin.to_lower_wire())
        });
        let own_set = own_set(world, &precedence, &mut sets, loaded);
        let settings = world.accounts.get(&loaded.account).map(|account| account.zone(&loaded.origin));
        let ipv6 = settings.is_none_or(|zone| zone.ipv6);
        entries.push(ZoneEntry { zone, account, own_set, ipv6 });
    }
    let snapshot = Snapshot {
        generation,
        zones: ZoneIndex::build(&seed, entries),
        accounts: accounts.into_iter().collect(),
        sets: sets.sets.into_iter().collect::<Sharded<_>>(),
        seed,
    };
    Compiled { snapshot, too_large }
}

fn compile_loaded(world: &World, loaded: &LoadedZone, seed: &Seed) -> Result<Zone, TooLarge> {
    match &loaded.content {
        ZoneContent::Good(data) if !world.faulty_accounts.contains(&loaded.account) => {
            let settings = world.accounts.get(&loaded.account);
            let proxies = settings.is_none_or(|account: &AccountSettings| account.proxies(&loaded.origin));
            compile_zone(data, proxies, seed)
        }
        _ => Ok(Zone::faulty(&loaded.origin.to_lower_wire())),
    }
}

fn account(world: &World, precedence: &Precedence<'_>, sets: &mut Sets, id: &AccountId) -> Account {
    let fallback = if world.faulty_operator {
        Fallback::Nothing(NOT_READY)
    } else {
        match precedence.account_level(id) {
            Chosen::Map { source, map } => Fallback::Set(source, sets.of_map(map)),
            Chosen::Anycast(anycast) => {
                Fallback::Set(AddressSource::AnycastDefaults, sets.of_anycast(&anycast.ipv4, &anycast.ipv6))
            }
            Chosen::Nothing(why) => {
                Fallback::Nothing(ExtendedError { code: ExtendedError::OTHER, text: why.as_str() })
            }
        }
    };
    Account { id: id.clone(), fallback }
}

/// Proxied names while the operator's files never were good.
const NOT_READY: ExtendedError =
    ExtendedError { code: ExtendedError::NOT_READY, text: "address maps are not loaded" };

fn own_set(
    world: &World,
    precedence: &Precedence<'_>,
    sets: &mut Sets,
    zone: &LoadedZone,
) -> Option<SetIndex> {
    let map = if world.faulty_operator { None } else { precedence.zone_map(&zone.account, &zone.origin) };
    map.map(|map| sets.of_map(map))
}

/// The address sets in use, each compiled once.
#[derive(Default)]
struct Sets {
    sets: Vec<Arc<AddressSet>>,
    by_map: HashMap<MapId, SetIndex>,
    anycast: Option<SetIndex>,
}

impl Sets {
    fn push(&mut self, set: AddressSet) -> SetIndex {
        self.sets.push(Arc::new(set));
        self.sets.len() as SetIndex - 1
    }

    fn of_map(&mut self, map: &crate::model::AddressMap) -> SetIndex {
        if let Some(&index) = self.by_map.get(&map.id) {
            return index;
        }
        let index = self.push(AddressSet::new(Some(map.id.clone()), &map.ipv4, &map.ipv6));
        self.by_map.insert(map.id.clone(), index);
        index
    }

    fn of_anycast(&mut self, ipv4: &[std::net::Ipv4Addr], ipv6: &[std::net::Ipv6Addr]) -> SetIndex {
        match self.anycast {
            Some(index) => index,
            None => {
                let index = self.push(AddressSet::new(None, ipv4, ipv6));
                self.anycast = Some(index);
                index
            }
        }
    }
}
