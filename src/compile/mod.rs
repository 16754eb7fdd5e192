//! Sources to snapshot: zones to compact bytes, maps to address sets, precedence to indices.
//!
//! Invariant: stored content of a proxied name does not enter the compiled zone.

mod links;
mod names;
mod rrsets;
mod write;
mod zone;

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::addrmap::{Decision, NoAddresses, Precedence};
use crate::model::{AccountId, AddressMap, LoadedZone, MapId, World, ZoneContent};
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
            accounts.push(account(&precedence, &mut sets, &loaded.account));
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
        maps: world.maps.len(),
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
            let proxies = settings.is_none_or(|account| account.proxies(&loaded.origin));
            compile_zone(data, proxies, seed)
        }
        _ => Ok(Zone::faulty(&loaded.origin.to_lower_wire())),
    }
}

fn account(precedence: &Precedence<'_>, sets: &mut Sets, id: &AccountId) -> Account {
    let fallback = match precedence.account_level(id) {
        Decision::Nothing(why) => Fallback::Nothing(told(why)),
        Decision::Addresses { source, map, ipv4, ipv6 } => Fallback::Set(source, sets.of(map, ipv4, ipv6)),
    };
    Account { id: id.clone(), fallback }
}

/// What resolvers are told where nothing may answer.
fn told(why: NoAddresses) -> ExtendedError {
    match why {
        NoAddresses::OperatorFaulty | NoAddresses::AccountFaulty => {
            ExtendedError { code: ExtendedError::NOT_READY, text: "the address maps were not accepted" }
        }
        NoAddresses::SharedForbidden | NoAddresses::HasImmutableMap | NoAddresses::NoDefaults => {
            ExtendedError { code: ExtendedError::OTHER, text: "no address map governs this name" }
        }
    }
}

fn own_set(
    world: &World,
    precedence: &Precedence<'_>,
    sets: &mut Sets,
    zone: &LoadedZone,
) -> Option<SetIndex> {
    if world.faulty_operator {
        return None;
    }
    match precedence.zone_level(&zone.account, &zone.origin)? {
        Decision::Addresses { map, ipv4, ipv6, .. } => Some(sets.of(map, ipv4, ipv6)),
        Decision::Nothing(_) => None,
    }
}

/// The address sets in use, each compiled once.
#[derive(Default)]
struct Sets {
    sets: Vec<Arc<AddressSet>>,
    /// By account and map; the anycast defaults have none.
    index: HashMap<Option<(AccountId, MapId)>, SetIndex>,
}

impl Sets {
    fn of(&mut self, map: Option<&AddressMap>, ipv4: &[Ipv4Addr], ipv6: &[Ipv6Addr]) -> SetIndex {
        let key = map.map(|map| (map.account.clone(), map.id.clone()));
        *self.index.entry(key).or_insert_with(|| {
            self.sets.push(Arc::new(AddressSet::new(map.map(|map| map.id.clone()), ipv4, ipv6)));
            self.sets.len() as SetIndex - 1
        })
    }
}
