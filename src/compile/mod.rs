//! Sources to snapshot: zones to compact bytes, maps to address sets, precedence to indices.
//!
//! There is one way to a snapshot: a [`Builder`] applies an [`Edit`] to the one before it. Compiling everything is
//! the edit that makes everything out of nothing.
//!
//! Invariant: stored content of a proxied name does not enter the compiled zone.

mod account;
mod builder;
mod edit;
mod indices;
mod links;
mod names;
mod rest;
mod rrsets;
mod scales;
mod sets;
mod touched;
mod write;
mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{AccountId, LoadedZone, World, ZoneContent};
use crate::snapshot::{Snapshot, Zone};
use crate::wire::Name;

pub use crate::snapshot::Seed;
pub use builder::Builder;
pub use edit::{AccountWords, Applied, Edit, EditCost, OperatorWords, ZoneChange};
pub use zone::{TooLarge, compile_zone};

/// A compiled snapshot, and what could not be compiled.
#[derive(Debug)]
pub struct Compiled {
    /// What can be served.
    pub snapshot: Snapshot,
    /// Zones that are answered SERVFAIL because they do not fit.
    pub too_large: Vec<(Name, TooLarge)>,
}

/// Compiles everything, with a fresh seed.
pub fn compile(world: &World, generation: u64) -> Compiled {
    compile_with(world, generation, Seed::random())
}

/// Compiles everything with a given seed: two snapshots can be compared only where they share it.
pub fn compile_with(world: &World, generation: u64, seed: Seed) -> Compiled {
    let mut builder = Builder::new(seed);
    let mut too_large = Vec::new();
    let mut zones = Vec::with_capacity(world.zones.len());
    for loaded in &world.zones {
        let zone = compile_loaded(world, loaded, builder.seed()).unwrap_or_else(|error| {
            too_large.push((loaded.origin.clone(), error));
            Zone::faulty(&loaded.origin.to_lower_wire())
        });
        let account = loaded.account.clone();
        zones.push((loaded.origin.clone(), ZoneChange::Put { account, zone }));
    }
    let operator = OperatorWords { anycast: world.anycast.clone(), faulty: world.faulty_operator };
    let edit = Edit { zones, accounts: words(world), operator: Some(operator) };
    Compiled { snapshot: builder.apply(edit, generation).snapshot, too_large }
}

/// What every account of a world says.
fn words(world: &World) -> Vec<(AccountId, AccountWords)> {
    let mut words: BTreeMap<AccountId, AccountWords> = BTreeMap::new();
    for (id, settings) in &world.accounts {
        words.entry(id.clone()).or_default().settings = Some(Arc::new(settings.clone()));
    }
    for map in &world.maps {
        words.entry(map.account.clone()).or_default().maps.push(map.clone());
    }
    for id in &world.faulty_accounts {
        words.entry(id.clone()).or_default().faulty = true;
    }
    words.into_iter().collect()
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

#[cfg(test)]
mod tests;
