//! The table of address sets while it is edited: which indices are in use and what is to be stored.

use std::collections::BTreeMap;
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
}

impl Sets {
    /// A set at an index of its own; the anycast defaults have no map.
    pub(super) fn add(&mut self, map: Option<MapId>, ipv4: &[Ipv4Addr], ipv6: &[Ipv6Addr]) -> SetIndex {
        let index = self.indices.take();
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

    /// Frees an index. What is stored there stays until the index is given out again: nothing refers to it.
    pub(super) fn remove(&mut self, index: SetIndex) {
        self.indices.give_back(index);
    }

    /// What is to be stored since the last call.
    pub(super) fn take_changed(&mut self) -> BTreeMap<SetIndex, Arc<AddressSet>> {
        std::mem::take(&mut self.changed)
    }
}
