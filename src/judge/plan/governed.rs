//! What governs a zone, before and afterwards.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::told::{Governed, What, Why};
use crate::model::AddressSource;
use crate::snapshot::{AddressSet, Fallback, Snapshot, ZoneEntry};

impl Governed {
    /// What governs a zone.
    pub(super) fn of(snapshot: &Snapshot, entry: &ZoneEntry) -> Governed {
        match snapshot.governing(entry) {
            Ok(governing) => Governed::by(governing.source, governing.set),
            Err(error) => Governed { error: Some(error.text.to_owned()), ..Governed::default() },
        }
    }

    /// What answers for zones of an account without a map of their own.
    pub(super) fn of_fallback(snapshot: &Snapshot, fallback: Fallback) -> Governed {
        match fallback {
            Fallback::Set(source, set) => {
                snapshot.sets.get(set).map(|set| Governed::by(source, set)).unwrap_or_default()
            }
            Fallback::Nothing(error) => {
                Governed { error: Some(error.text.to_owned()), ..Governed::default() }
            }
        }
    }

    /// A set, by the level that chose it.
    pub(super) fn by(source: AddressSource, set: &AddressSet) -> Governed {
        Governed {
            source: Some(source.as_str().to_owned()),
            map: set.map.as_ref().map(|map| map.to_string()),
            addresses: set.addresses().collect(),
            error: None,
        }
    }
}

/// What it means for proxied names that another set answers for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// All that was answered still is.
    pub(super) extends: bool,
    /// No address was answered.
    had_nothing: bool,
    /// No address is.
    leaves_nothing: bool,
    /// The IPv4 addresses are gone.
    pub(super) loses_ipv4: bool,
    /// The IPv6 addresses are gone.
    pub(super) loses_ipv6: bool,
}

impl Effect {
    /// Whether there are addresses on either side: without any it only fails in another way.
    pub(super) fn is_of_data(&self) -> bool {
        !(self.had_nothing && self.leaves_nothing)
    }

    /// What becomes of a proxied name.
    pub(super) fn what(self) -> What {
        match self {
            Effect { extends: true, .. } => What::Extended,
            Effect { leaves_nothing: true, .. } => What::Gone,
            _ => What::Changed,
        }
    }

    /// Compares addresses whatever their order, for that varies from answer to answer; `None` where they are the same.
    /// Whether AAAA is answered at all goes with each.
    pub(super) fn of(was: (&Governed, bool), is: (&Governed, bool)) -> Option<Effect> {
        let answered = |(governed, ipv6): (&Governed, bool)| -> BTreeSet<IpAddr> {
            governed.addresses.iter().filter(|address| address.is_ipv4() || ipv6).copied().collect()
        };
        // SERVFAIL is not the same as no data.
        let fails = |(governed, _): (&Governed, bool)| governed.source.is_none();
        let (old, new) = (answered(was), answered(is));
        // Where AAAA is not answered at all, that does not fail either.
        let ipv6_fails = |(governed, ipv6)| fails((governed, ipv6)) && ipv6;
        if old == new && fails(was) == fails(is) && ipv6_fails(was) == ipv6_fails(is) {
            return None;
        }
        let loses = |is_it: fn(&IpAddr) -> bool| old.iter().any(is_it) && !new.iter().any(is_it);
        Some(Effect {
            extends: old.is_subset(&new) && (fails(was) || !fails(is)),
            had_nothing: old.is_empty(),
            leaves_nothing: new.is_empty(),
            loses_ipv4: loses(IpAddr::is_ipv4),
            loses_ipv6: loses(IpAddr::is_ipv6),
        })
    }
}

/// Why proxied names of a zone are answered otherwise although they are what they were.
pub(super) fn why((was, had_ipv6): (&Governed, bool), (is, has_ipv6): (&Governed, bool)) -> Why {
    if (&was.source, &was.map, &was.error) != (&is.source, &is.map, &is.error) {
        Why::Governor
    } else if was.addresses == is.addresses && had_ipv6 != has_ipv6 {
        Why::Ipv6
    } else {
        Why::Addresses
    }
}
