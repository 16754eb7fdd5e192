//! The table of address sets while it is edited: which indices are in use and what is to be stored.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::indices::Indices;
use crate::model::MapId;
use crate::snapshot::{AddressSet, SetIndex};

/// The sets. A map keeps its index as long as it exists, so that new addresses are one store.
#[derive(Debug, Default)]
pub(super) struct Sets {
    indices: Indices,
    changed: BTreeMap<SetIndex, Arc<AddressSet>>,
    /// Those of `changed` that were another map's, or nobody's.
    added: BTreeSet<SetIndex>,
    /// Given back at the end of the edit: until then zones may still refer to them.
    freed: Vec<SetIndex>,
}

/// What is to be stored.
pub(super) struct ChangedSets {
    /// The sets.
    pub(super) changed: BTreeMap<SetIndex, Arc<AddressSet>>,
    /// Those of them that were another map's, or nobody's.
    pub(super) added: BTreeSet<SetIndex>,
}

impl Sets {
    /// A set at an index of its own; the anycast defaults have no map.
    pub(super) fn add(&mut self, map: Option<MapId>, ipv4: &[Ipv4Addr], ipv6: &[Ipv6Addr]) -> SetIndex {
        let index = self.indices.take();
        self.added.insert(index);
        self.change(index, map, ipv4, ipv6);
        index
    }

    /// Other addresses at an index.
    pub(super) fn change(
        &mut self,
        index: SetIndex,
        map: Option<MapId>,
        ipv4: &[Ipv4Addr],
        ipv6: &[Ipv6Addr],
    ) {
        self.changed.insert(index, Arc::new(AddressSet::new(map, ipv4, ipv6)));
    }

    /// Frees an index for the next edit: within one an index is one map's. What is stored there stays until the index
    /// is given out again: nothing refers to it.
    pub(super) fn remove(&mut self, index: SetIndex) {
        self.freed.push(index);
    }

    /// Ends the edit and says what is to be stored.
    pub(super) fn finish(&mut self) -> ChangedSets {
        for index in self.freed.drain(..) {
            self.indices.give_back(index);
        }
        ChangedSets { changed: std::mem::take(&mut self.changed), added: std::mem::take(&mut self.added) }
    }
}
