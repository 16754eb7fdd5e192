//! Names of a zone that are answered as another name.

use super::layout::head;
use super::zone::{Node, Rrset, Zone};
use crate::wire::name::is_at_or_below;
use crate::wire::{NameBuf, RrType};

impl Zone {
    /// Whether a name is answered as another one: by a CNAME that is not proxied, or a DNAME.
    pub fn has_aliases(&self) -> bool {
        self.flags() & head::ALIASES != 0
    }

    /// Whether one of its aliases leads to a name that is not below the origin.
    pub fn has_leaving_aliases(&self) -> bool {
        self.flags() & head::LEAVES != 0
    }

    /// The names that are aliases, each with the name it leads to, in lower case; those of a DNAME lead to names below
    /// that.
    pub fn aliases(&self) -> impl Iterator<Item = (Node<'_>, NameBuf)> {
        let nodes = self.has_aliases().then(|| self.nodes()).into_iter().flatten();
        nodes.filter_map(|node| Some((node, self.target_of(alias(node)?))))
    }

    /// The targets of the aliases that leave the zone, in lower case.
    pub fn leaving_targets(&self) -> impl Iterator<Item = NameBuf> {
        let aliases = self.has_leaving_aliases().then(|| self.aliases()).into_iter().flatten();
        aliases.map(|(_, target)| target).filter(|target| !is_at_or_below(target.as_wire(), self.origin()))
    }

    /// The name that the only record of a CNAME or DNAME RRset of this zone names, in lower case.
    pub fn target_of(&self, rrset: Rrset<'_>) -> NameBuf {
        let rdata = rrset.first_rdata();
        let target = match rrset.is_patched() {
            true => NameBuf::concat(&rdata[..rdata.len() - 2], self.origin()),
            false => NameBuf::from_wire(rdata),
        };
        target.expect("the RDATA of a compiled alias is a name").to_lower()
    }
}

/// The RRset that makes a name an alias.
fn alias(node: Node<'_>) -> Option<Rrset<'_>> {
    let cname = node.is_cname().then(|| node.rrset(RrType::CNAME)).flatten();
    cname.or_else(|| node.is_dname().then(|| node.rrset(RrType::DNAME)).flatten())
}
