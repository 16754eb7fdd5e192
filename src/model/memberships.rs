//! The members of a map.

use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::Place;
use crate::wire::Name;

/// One membership of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// What is a member.
    pub member: Member,
    /// Where it is written.
    pub place: Place,
}

/// A member of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// A zone, by its origin.
    Zone(Name),
    /// The whole account of the map.
    Account,
}

/// The members of a map, each once, in the order written. Cloning shares them: a map may have a million, and most
/// changes of a map leave them alone.
#[derive(Clone, Debug)]
pub struct Memberships {
    list: Arc<[Membership]>,
    /// Where the account is among them.
    account: Option<usize>,
    /// The file that they all come from, and what it held.
    listed: Option<(Arc<str>, Arc<[u8]>)>,
    /// Made when somebody looks for a zone.
    directory: Arc<OnceLock<Directory>>,
}

/// Where the zones are among the members: by hash, so that a million members cost eight octets each and no copy of a
/// name.
#[derive(Debug)]
struct Directory {
    hasher: RandomState,
    places: Box<[(u32, u32)]>,
}

impl Memberships {
    /// Members that all come from one list of zones.
    pub fn listed(list: Vec<Membership>, file: &Arc<str>, content: &Arc<[u8]>) -> Memberships {
        Memberships { listed: Some((file.clone(), content.clone())), ..Memberships::from(list) }
    }

    /// Whether they all come from that list of zones, and it held just this.
    pub fn are_of(&self, file: &str, content: &[u8]) -> bool {
        self.listed.as_ref().is_some_and(|(from, held)| **from == *file && **held == *content)
    }

    /// Whether both are the same memory, so that nothing about the members can differ.
    pub fn are_shared_with(&self, other: &Memberships) -> bool {
        Arc::ptr_eq(&self.list, &other.list)
    }

    /// The membership of the account, where it is a member.
    pub fn account(&self) -> Option<&Membership> {
        self.account.and_then(|at| self.list.get(at))
    }

    /// Looks at every member, so that none of them costs more than another to find from then on.
    pub fn look_ahead(&self) {
        self.directory();
    }

    fn directory(&self) -> &Directory {
        self.directory.get_or_init(|| Directory::of(&self.list))
    }

    /// The membership of a zone, where it is a member. The first time it costs a look at every member, unless there was
    /// one before.
    pub fn zone(&self, origin: &Name) -> Option<&Membership> {
        let Directory { hasher, places } = self.directory();
        let hash = short(hasher, origin);
        let from = places.partition_point(|(other, _)| *other < hash);
        let same = places[from..].iter().take_while(|(other, _)| *other == hash);
        same.filter_map(|(_, at)| self.list.get(*at as usize))
            .find(|membership| matches!(&membership.member, Member::Zone(zone) if zone == origin))
    }
}

impl Directory {
    fn of(list: &[Membership]) -> Directory {
        let hasher = RandomState::new();
        let zones = (0..).zip(list).filter_map(|(at, membership)| match &membership.member {
            Member::Zone(origin) => Some((short(&hasher, origin), at)),
            Member::Account => None,
        });
        let mut places: Box<[(u32, u32)]> = zones.collect();
        places.sort_unstable();
        Directory { hasher, places }
    }
}

/// Half of a hash: what is equal by it is compared by name.
fn short(hasher: &RandomState, origin: &Name) -> u32 {
    (hasher.hash_one(origin) >> 32) as u32
}

impl Deref for Memberships {
    type Target = [Membership];

    fn deref(&self) -> &[Membership] {
        &self.list
    }
}

impl PartialEq for Memberships {
    fn eq(&self, other: &Memberships) -> bool {
        self.are_shared_with(other) || self.list == other.list
    }
}

impl Eq for Memberships {}

impl From<Vec<Membership>> for Memberships {
    fn from(list: Vec<Membership>) -> Memberships {
        Memberships {
            account: list.iter().position(|membership| membership.member == Member::Account),
            list: list.into(),
            listed: None,
            directory: Arc::default(),
        }
    }
}

impl FromIterator<Membership> for Memberships {
    fn from_iter<I: IntoIterator<Item = Membership>>(members: I) -> Memberships {
        Memberships::from(members.into_iter().collect::<Vec<Membership>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u32) -> Place {
        Place { line, ..Place::file(&Arc::from("acme.toml")) }
    }

    fn zone(name: &str) -> Name {
        Name::parse(name, None).unwrap()
    }

    #[test]
    fn a_zone_is_found_among_many_whatever_its_letters() {
        let members = (0..1000).map(|n| zone(&format!("z{n}.example."))).map(Member::Zone);
        let members = members.take(500).chain([Member::Account]).chain([Member::Zone(zone("last.example."))]);
        let list: Memberships =
            (1..).zip(members).map(|(line, member)| Membership { member, place: place(line) }).collect();
        for n in 0..500 {
            let found = list.zone(&zone(&format!("Z{n}.Example."))).expect("a member");
            assert_eq!(found.place.line, n + 1);
        }
        assert_eq!(list.zone(&zone("last.example.")).map(|found| found.place.line), Some(502));
        assert_eq!(list.zone(&zone("z500.example.")), None);
        assert_eq!(list.account().map(|found| found.place.line), Some(501));
        assert_eq!(Memberships::from(Vec::new()).zone(&zone("last.example.")), None);
    }
}
