//! What is known of one account between two edits, and what it decides for its zones.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::iter::successors;
use std::sync::Arc;

use super::edit::{AccountWords, OperatorWords};
use super::scales::Counted;
use super::sets::Sets;
use crate::addrmap::{Decision, NoAddresses, Precedence, zone_governor};
use crate::model::{AccountId, AccountSettings, AddressMap, MapId, World};
use crate::snapshot::{Fallback, SetIndex, Tally, Weight, Zone};
use crate::wire::Name;
use crate::wire::edns::ExtendedError;

/// An account.
#[derive(Debug)]
pub(super) struct AccountState {
    /// Its identifier.
    pub(super) id: AccountId,
    /// What was said last.
    pub(super) words: AccountWords,
    /// Its zones.
    pub(super) tally: Tally,
    /// Those of them that have no set of their own.
    pub(super) falling: Weight,
    /// Addresses of its maps that answer for a name.
    pub(super) addresses: Counted,
    /// Its zones with aliases that lead out of them, by the names that these lead to.
    aliases: BTreeMap<Name, BTreeSet<Name>>,
    /// Its maps, each with its place in the table of sets.
    maps: HashMap<MapId, Mapped>,
    /// The maps that name a zone, whether there is such a zone or not.
    members: HashMap<Name, Vec<MapId>>,
    /// The maps that may answer for zones that none names.
    wide: Vec<Arc<AddressMap>>,
}

#[derive(Debug)]
struct Mapped {
    map: Arc<AddressMap>,
    set: SetIndex,
}

impl AccountState {
    /// An account of which nothing is known yet.
    pub(super) fn new(id: AccountId) -> AccountState {
        AccountState {
            id,
            words: AccountWords::default(),
            tally: Tally::default(),
            falling: Weight::default(),
            addresses: Counted::default(),
            aliases: BTreeMap::new(),
            maps: HashMap::new(),
            members: HashMap::new(),
            wide: Vec::new(),
        }
    }

    /// Takes new words and gives every map its set. Returns the zones whose own set or `ipv6` may be another than
    /// before.
    pub(super) fn hear(&mut self, words: AccountWords, sets: &mut Sets) -> Vec<Name> {
        let mut affected = self.other_ipv6(&words);
        let now: HashSet<&MapId> = words.maps.iter().map(|map| &map.id).collect();
        let gone: Vec<MapId> = self.maps.keys().filter(|id| !now.contains(id)).cloned().collect();
        for id in gone {
            if let Some(Mapped { map, set }) = self.maps.remove(&id) {
                sets.remove(set);
                self.reach(Some(&map), None, &mut affected);
            }
        }
        for map in &words.maps {
            let Some(known) = self.maps.get_mut(&map.id) else {
                let set = sets.add(Some(map.id.clone()), &map.ipv4, &map.ipv6);
                self.maps.insert(map.id.clone(), Mapped { map: map.clone(), set });
                self.reach(None, Some(map), &mut affected);
                continue;
            };
            if Arc::ptr_eq(&known.map, map) {
                continue;
            }
            let before = std::mem::replace(&mut known.map, map.clone());
            if (&before.ipv4, &before.ipv6) != (&map.ipv4, &map.ipv6) {
                sets.change(known.set, Some(map.id.clone()), &map.ipv4, &map.ipv6);
            }
            self.reach(Some(&before), Some(map), &mut affected);
        }
        if self.words.faulty != words.faulty {
            affected.extend(self.members.keys().cloned());
        }
        self.wide = words.maps.iter().filter(|map| map.immutable || map.is_account_wide()).cloned().collect();
        self.words = words;
        affected
    }

    /// Its maps, each with its place in the table of sets.
    pub(super) fn sets(&self) -> impl Iterator<Item = SetIndex> {
        self.maps.values().map(|mapped| mapped.set)
    }

    /// The place of one of its maps in the table of sets.
    pub(super) fn set_of_id(&self, id: &MapId) -> Option<SetIndex> {
        self.maps.get(id).map(|mapped| mapped.set)
    }

    /// Keeps the directory of aliases for a zone that came (`there`) or goes.
    pub(super) fn enter_aliases(&mut self, origin: &Name, zone: &Zone, there: bool) {
        for target in zone.leaving_targets().map(|target| target.to_name()) {
            if there {
                self.aliases.entry(target).or_default().insert(origin.clone());
            } else if let Some(zones) = self.aliases.get_mut(&target) {
                zones.remove(origin);
                if zones.is_empty() {
                    self.aliases.remove(&target);
                }
            }
        }
    }

    /// The zones with aliases that lead out of them to a name at or below an origin, and perhaps more.
    pub(super) fn aliases_to(&self, origin: &Name) -> impl Iterator<Item = &Name> {
        // In the canonical order what is below a name follows it.
        let below = self.aliases.range(origin.clone()..).map_while({
            let origin = origin.clone();
            move |(target, zones)| target.is_at_or_below(&origin).then_some(zones)
        });
        // What a DNAME leads to lies below its target, so that one that leads further up may lead here as well.
        let above = successors(origin.parent(), Name::parent).filter_map(|above| self.aliases.get(&above));
        below.chain(above).flatten()
    }

    /// Zones whose `ipv6` is not what it was.
    fn other_ipv6(&self, words: &AccountWords) -> Vec<Name> {
        let settings = [&self.words.settings, &words.settings].into_iter().flatten();
        let set = settings.flat_map(|settings| settings.zones.keys());
        set.filter(|origin| self.words.ipv6(origin) != words.ipv6(origin)).cloned().collect()
    }

    /// Keeps the directory of members for a map that came, went or changed, and collects the zones for which the map
    /// is not what it was.
    fn reach(&mut self, before: Option<&AddressMap>, now: Option<&AddressMap>, affected: &mut Vec<Name>) {
        let Some(id) = before.or(now).map(|map| &map.id) else { return };
        // All that precedence looks at beside the members.
        let rank = |map: &AddressMap| (map.enabled, map.is_empty(), map.immutable);
        let same_rank = before.map(rank) == now.map(rank);
        let shared =
            before.zip(now).is_some_and(|(before, now)| before.memberships.are_shared_with(&now.memberships));
        if same_rank && shared {
            return;
        }
        if origins(before).eq(origins(now)) {
            affected.extend(origins(now).filter(|_| !same_rank).cloned());
            return;
        }
        let had: HashSet<&Name> = origins(before).collect();
        let has: HashSet<&Name> = origins(now).collect();
        for &origin in had.difference(&has) {
            if let Some(maps) = self.members.get_mut(origin) {
                maps.retain(|map| map != id);
                if maps.is_empty() {
                    self.members.remove(origin);
                }
            }
            affected.push(origin.clone());
        }
        for &origin in has.difference(&had) {
            self.members.entry(origin.clone()).or_default().push(id.clone());
            affected.push(origin.clone());
        }
        affected.extend(had.intersection(&has).filter(|_| !same_rank).copied().cloned());
    }

    /// The zones that a map of the account names.
    pub(super) fn members(&self) -> impl Iterator<Item = &Name> {
        self.members.keys()
    }

    /// The set that a zone of this account has of its own.
    pub(super) fn own_set(&self, origin: &Name, operator: &OperatorWords) -> Option<SetIndex> {
        if operator.faulty || self.words.faulty {
            return None;
        }
        let maps = self.members.get(origin)?.iter().filter_map(|id| self.maps.get(id));
        zone_governor(maps.map(|mapped| &*mapped.map)).map(|map| self.set_of(map))
    }

    /// What answers for the zones that have no set of their own; `anycast` is the set of the defaults.
    pub(super) fn fallback(&self, operator: &OperatorWords, anycast: Option<SetIndex>) -> Fallback {
        let shared_addresses = self.words.settings.as_ref().is_none_or(|settings| settings.shared_addresses);
        let settings = AccountSettings { shared_addresses, ..AccountSettings::new(self.id.clone()) };
        // A world of one account, so that precedence itself decides.
        let world = World {
            accounts: [(self.id.clone(), settings)].into(),
            zones: Vec::new(),
            maps: self.wide.clone(),
            anycast: operator.anycast.clone(),
            faulty_accounts: self.words.faulty.then(|| self.id.clone()).into_iter().collect(),
            faulty_operator: operator.faulty,
            ..World::default()
        };
        match Precedence::new(&world).account_level(&self.id) {
            Decision::Nothing(why) => Fallback::Nothing(told(why)),
            Decision::Addresses { source, map: Some(map), .. } => Fallback::Set(source, self.set_of(map)),
            Decision::Addresses { source, map: None, .. } => {
                Fallback::Set(source, anycast.expect("the defaults have a set while there are any"))
            }
        }
    }

    fn set_of(&self, map: &AddressMap) -> SetIndex {
        self.maps.get(&map.id).expect("every map of an account has a set").set
    }
}

fn origins(map: Option<&AddressMap>) -> impl Iterator<Item = &Name> {
    map.into_iter().flat_map(AddressMap::zones).map(|(origin, _)| origin)
}

/// What resolvers are told where nothing may answer.
pub(super) fn told(why: NoAddresses) -> ExtendedError {
    match why {
        NoAddresses::OperatorFaulty | NoAddresses::AccountFaulty => {
            ExtendedError { code: ExtendedError::NOT_READY, text: "the address maps were not accepted" }
        }
        NoAddresses::SharedForbidden | NoAddresses::HasImmutableMap | NoAddresses::NoDefaults => {
            ExtendedError { code: ExtendedError::OTHER, text: "no address map governs this name" }
        }
    }
}
