//! What a question is answered, as references into the snapshot.

use arrayvec::ArrayVec;

use super::MAX_LINKS;
use crate::model::AddressSource;
use crate::snapshot::{AddressSet, Node, Rrset, Snapshot, ZoneEntry};
use crate::wire::edns::ExtendedError;
use crate::wire::{Rcode, RrType};

/// What a question is answered.
#[derive(Debug)]
pub struct Outcome<'s> {
    /// The response code: that of the last name of a chain (RFC 6604).
    pub rcode: Rcode,
    /// AA (RFC 1034 section 6.2.6): said of the first owner in the answer section.
    pub authoritative: bool,
    /// A wildcard made the name asked for, or one on the way (RFC 4592).
    pub wildcard: bool,
    /// What stands at the end.
    pub end: End<'s>,
    /// Why, for clients that speak EDNS.
    pub error: Option<ExtendedError>,
    /// The snapshot that all of it refers to.
    pub snapshot: &'s Snapshot,
    /// The aliases passed on the way, in order.
    pub links: ArrayVec<Link<'s>, MAX_LINKS>,
}

/// The kinds of answers that a limit on responses tells apart: those of one kind and client count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// Records of the name asked for.
    Answer,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// Name servers of a zone cut.
    Referral,
    /// A wildcard made the name: there are as many such names as anybody cares to ask for.
    Wildcard,
    /// Any other response code.
    Error,
}

/// An alias on the way.
#[derive(Clone, Copy, Debug)]
pub struct Link<'s> {
    /// The zone that holds it.
    pub entry: &'s ZoneEntry,
    /// The CNAME or DNAME RRset.
    pub rrset: Rrset<'s>,
    /// What it is.
    pub kind: LinkKind,
}

/// The kind of an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A CNAME.
    Cname,
    /// A DNAME whose owner has this many octets, and the CNAME that it makes (RFC 6672 section 3.1).
    Dname(usize),
    /// A DNAME that would make too long a name: it stands alone (RFC 6672 section 2.2).
    Overflow(usize),
}

/// What stands at the end of the chain.
#[derive(Clone, Copy, Debug)]
pub enum End<'s> {
    /// No record: the response code says it all.
    Nothing,
    /// A stored RRset.
    Rrset(&'s ZoneEntry, Rrset<'s>),
    /// A stored address RRset of another name, under the name asked for, with the automatic TTL.
    Flattened(Rrset<'s>),
    /// The addresses of the set that governs the zone.
    Addresses(&'s AddressSet, AddressSource, RrType),
    /// The SOA of the zone with this TTL in the authority section: NODATA or NXDOMAIN.
    Negative(&'s ZoneEntry, u32),
    /// The name servers of a zone cut.
    Referral(&'s ZoneEntry, Node<'s>),
    /// The answer to a query for all types (RFC 8482 section 4.2).
    Hinfo,
    /// A text of class CH.
    Chaos(&'s str),
}

impl<'s> Outcome<'s> {
    /// A response code without records.
    pub fn code(snapshot: &'s Snapshot, rcode: Rcode, error: Option<ExtendedError>) -> Outcome<'s> {
        Outcome {
            rcode,
            authoritative: false,
            wildcard: false,
            end: End::Nothing,
            error,
            snapshot,
            links: ArrayVec::new(),
        }
    }

    /// Becomes a response code without records.
    pub(super) fn fail(&mut self, rcode: Rcode, error: Option<ExtendedError>) {
        self.links.clear();
        (self.rcode, self.authoritative, self.end, self.error) = (rcode, false, End::Nothing, error);
    }

    /// What kind of answer it is.
    pub fn category(&self) -> Category {
        match self.end {
            _ if self.rcode == Rcode::NXDOMAIN => Category::NxDomain,
            _ if self.rcode != Rcode::NOERROR => Category::Error,
            End::Referral(..) => Category::Referral,
            _ if self.wildcard => Category::Wildcard,
            End::Negative(..) => Category::NoData,
            _ => Category::Answer,
        }
    }

    /// The level that gave the addresses, where the end of the chain is a proxied name with addresses.
    pub fn source(&self) -> Option<AddressSource> {
        match self.end {
            End::Addresses(_, source, _) => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An outcome is written and read on the way of every query; its room for links is not.
    #[test]
    fn an_outcome_stays_small() {
        let links = size_of::<ArrayVec<Link<'_>, MAX_LINKS>>();
        assert_eq!((size_of::<Link<'_>>(), size_of::<End<'_>>()), (48, 40));
        assert!(size_of::<Outcome<'_>>() - links <= 88, "{}", size_of::<Outcome<'_>>() - links);
    }
}
