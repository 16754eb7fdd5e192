//! What an account's maps and settings say together.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Plan, Planner, ZonePlan};
use crate::addrmap::{self, code};
use crate::model::{
    AccountId, AccountSettings, AddressMap, AssertionScope, Diagnostic, LoadedZone, Member, Membership,
    Severity, Unit, World, ZoneContent,
};
use crate::wire::Name;

impl Planner<'_> {
    /// Checks the maps of one account against each other and against the zones that they name. The rest of the world
    /// is left out: what another account says changes nothing here, so that the cost follows the account's maps.
    pub(super) fn check(
        &self,
        account: &AccountId,
        settings: &AccountSettings,
        maps: &[Arc<AddressMap>],
        plan: &mut Plan,
    ) {
        let shortened = self.without_members(account, settings, maps, plan);
        let looked_at = shortened.as_deref().unwrap_or(maps);
        let mut world = World { maps: looked_at.to_vec(), ..World::default() };
        world.accounts.insert(account.clone(), settings.clone());
        for origin in self.named_zones(account, settings, looked_at) {
            if let Some(owner) = self.owner(&origin, account, plan) {
                // What is in a zone makes no difference here.
                world.zones.push(LoadedZone { origin, account: owner, content: ZoneContent::Faulty });
            }
        }
        self.assertions(account, plan);
        let own = Unit::Account(account.clone());
        for (unit, found) in addrmap::check(&world) {
            // That a map governs nothing only all zones of the account could tell.
            if matches!(found.code, code::GOVERNS_NOTHING | code::SHADOWED_MEMBERSHIP) {
                continue;
            }
            if found.severity != Severity::Error {
                // What was told when it came is not told again with every change of the account.
                if self.first || self.is_new(account, maps, &found) {
                    plan.findings.push((own.clone(), found));
                }
            } else if unit == own {
                plan.findings.push((own.clone(), found));
            } else if unit == Unit::Nothing {
                // With something served, whoever comes with a fault is held; what became one without a change of its
                // own is not.
                let unit = if !self.first && self.is_new(account, maps, &found) { own.clone() } else { unit };
                plan.findings.push((unit, found));
            }
        }
    }

    /// An account asserts nothing of another one's zones: told without saying whose they are.
    fn assertions(&self, account: &AccountId, plan: &mut Plan) {
        let mut foreign = Vec::new();
        for assertion in plan.assertions.values().flatten() {
            let AssertionScope::Zone(origin) = &assertion.scope else { continue };
            if self.owner(origin, account, plan).is_some_and(|owner| owner != *account) {
                let message = format!("not a zone of account {account}: {origin}");
                let found = Diagnostic::error(code::FOREIGN_ZONE, assertion.place.clone(), message);
                foreign.push(found.hint("remove it: an account's assertions are about its own zones"));
            }
        }
        // With nothing served before, it is left out and holds nobody.
        let unit = if self.first { Unit::Nothing } else { Unit::Account(account.clone()) };
        plan.tell(&unit, foreign);
    }

    /// Where nothing about the members of any map changes, whatever they say together was judged when they came: the
    /// same maps, each with one of its zones, so that a map of a million zones is not gone through for an address.
    fn without_members(
        &self,
        account: &AccountId,
        settings: &AccountSettings,
        maps: &[Arc<AddressMap>],
        plan: &Plan,
    ) -> Option<Vec<Arc<AddressMap>>> {
        let served = self.books.accounts.get(account)?;
        let before = served.maps();
        let stays = |map: &Arc<AddressMap>| {
            before.iter().any(|before| {
                before.id == map.id
                    && before.memberships.are_shared_with(&map.memberships)
                    && (before.enabled, before.immutable) == (map.enabled, map.immutable)
            })
        };
        if plan.settings.is_some() || before.len() != maps.len() || !maps.iter().all(stays) {
            return None;
        }
        Some(maps.iter().map(|map| shortened(map, settings)).collect())
    }

    /// Zones that the maps and settings name, and one of the account's own if it has any.
    fn named_zones(
        &self,
        account: &AccountId,
        settings: &AccountSettings,
        maps: &[Arc<AddressMap>],
    ) -> BTreeSet<Name> {
        let mut names: BTreeSet<Name> = settings.zones.keys().cloned().collect();
        for map in maps {
            names.extend(map.memberships.iter().filter_map(|membership| match &membership.member {
                Member::Zone(origin) => Some(origin.clone()),
                Member::Account => None,
            }));
            let server = map.default_sni.as_deref().map(|text| text.trim_start_matches("*."));
            let mut name = server.and_then(|text| Name::parse(text, Some(&Name::root())).ok());
            while let Some(at) = name {
                name = at.parent();
                names.insert(at);
            }
        }
        // A member that is not there may be a name inside of a zone.
        let parents: Vec<Name> = names
            .iter()
            .filter(|name| !self.books.zones.contains_key(*name))
            .flat_map(|name| std::iter::successors(name.parent(), Name::parent))
            .collect();
        names.extend(parents);
        names.extend(self.books.any_zone_of(account));
        names
    }

    /// Whose zone it will be, as far as this plan knows.
    fn owner(&self, origin: &Name, account: &AccountId, plan: &Plan) -> Option<AccountId> {
        match plan.zones.get(origin) {
            Some((_, ZonePlan::Good(_) | ZonePlan::Faulty)) => Some(account.clone()),
            Some((_, ZonePlan::Removed)) => None,
            None => match self.books.zones.get(origin) {
                Some(zone) => Some(zone.account.clone()),
                None => self.claims.get(origin).cloned(),
            },
        }
    }

    /// Whether the map that a finding is about, if it is about one, is not the one that is served.
    fn is_new(&self, account: &AccountId, maps: &[Arc<AddressMap>], found: &Diagnostic) -> bool {
        let served = self.books.accounts.get(account).map(|served| served.maps()).unwrap_or_default();
        let about = |map: &&Arc<AddressMap>| {
            map.place == found.place || map.memberships.iter().any(|member| member.place == found.place)
        };
        let mut about = maps.iter().filter(about).peekable();
        about.peek().is_none() || about.any(|map| !served.contains(map))
    }
}

/// A map with one zone, one that is answered AAAA if there is any, and the account if it is a member.
fn shortened(map: &AddressMap, settings: &AccountSettings) -> Arc<AddressMap> {
    let mut zones = map.zones();
    let zone = zones.find(|(origin, _)| settings.zone(origin).ipv6).or_else(|| map.zones().next());
    let zone = zone.map(|(origin, place)| (Member::Zone(origin.clone()), place.clone()));
    let account = map.memberships.account();
    let account = account.map(|member| (Member::Account, member.place.clone()));
    let members = zone.into_iter().chain(account).map(|(member, place)| Membership { member, place });
    Arc::new(AddressMap { memberships: members.collect(), ..map.clone() })
}
