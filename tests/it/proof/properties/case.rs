//! A case: files, and a snapshot that breaks one property of theirs.

use std::sync::Arc;

use portolan::compile::compile;
use portolan::judge::proof::{Proof, Prover, prove};
use portolan::model::{Unit, World};
use portolan::snapshot::{AddressSet, Snapshot};

use super::world::{account, sound};
use crate::support::name;

/// A broken property.
pub(super) struct Case {
    pub(super) code: &'static str,
    /// File and line that are named.
    pub(super) place: &'static str,
    /// The unit that is to mend it.
    pub(super) unit: Unit,
    pub(super) proven: World,
    pub(super) snapshot: Snapshot,
}

#[derive(Default)]
pub(super) struct Cases(pub(super) Vec<Case>);

impl Cases {
    /// Files that are faulty in themselves.
    pub(super) fn files(
        &mut self,
        code: &'static str,
        place: &'static str,
        unit: Unit,
        edit: impl Fn(&mut World),
    ) {
        let mut proven = sound();
        edit(&mut proven);
        let snapshot = compile(&proven, 1).snapshot;
        self.0.push(Case { code, place, unit, proven, snapshot });
    }

    /// A snapshot that was made of other files.
    pub(super) fn stale(
        &mut self,
        code: &'static str,
        place: &'static str,
        unit: Unit,
        edit: impl Fn(&mut World),
    ) {
        let mut served = sound();
        edit(&mut served);
        let snapshot = compile(&served, 1).snapshot;
        self.0.push(Case { code, place, unit, proven: sound(), snapshot });
    }

    /// A snapshot of sound files for files that say something else.
    pub(super) fn ahead(
        &mut self,
        code: &'static str,
        place: &'static str,
        unit: Unit,
        edit: impl Fn(&mut World),
    ) {
        let mut proven = sound();
        edit(&mut proven);
        self.0.push(Case { code, place, unit, proven, snapshot: compile(&sound(), 1).snapshot });
    }

    /// A snapshot that no compiler makes.
    pub(super) fn spoilt(
        &mut self,
        code: &'static str,
        place: &'static str,
        unit: Unit,
        edit: impl Fn(&mut Snapshot),
    ) {
        let mut snapshot = compile(&sound(), 1).snapshot;
        edit(&mut snapshot);
        self.0.push(Case { code, place, unit, proven: sound(), snapshot });
    }
}

pub(super) fn by(id: &str) -> Unit {
    Unit::Account(account(id))
}

pub(super) fn zone_unit(origin: &str) -> Unit {
    Unit::Zone(name(origin))
}

/// Puts another set in the place of a map's.
pub(super) fn store(snapshot: &mut Snapshot, id: &str, set: AddressSet) {
    let is_it = |set: &&Arc<AddressSet>| set.map.as_ref().is_some_and(|map| map.as_str() == id);
    let at = (0..).find(|at| snapshot.sets.get(*at).filter(is_it).is_some()).expect("its set");
    snapshot.sets.store([(at, Arc::new(set))].into());
}

pub(super) fn whole(world: &World, snapshot: &Snapshot) -> Proof {
    let mut proof = prove(world, snapshot);
    proof.absorb(Prover::new(world).strangers(snapshot));
    proof
}
