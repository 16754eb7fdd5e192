//! A candidate before it is served: proven, and compared with what is served now and an hour ago.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::beside::Beside;
use super::commit::Candidate;
use super::desk::{Desk, Found};
use super::engine::{Engine, How};
use super::hour::Gone;
use super::plan::{Plan, ZonePlan, anycast_after, maps_after};
use super::report::TripTold;
use super::source::{Digest, Kind};
use super::tripping::Tripping;
use super::{SourcePath, cores};
use crate::judge::guards::{self, Since, Trip};
use crate::judge::plan::{self, Detail, plan_with};
use crate::judge::proof::{self, Proof, Report};
use crate::judge::{Harm, Traffic};
use crate::model::{
    AccountId, AccountSettings, AddressMap, Diagnostic, Ledger, LoadedZone, MapOwner, Ownership, Place,
    Prefix, Severity, StaticIps, Unit, World, ZoneContent,
};
use crate::snapshot::Snapshot;
use crate::wire::Name;
use crate::zonefile::{self, ReadOptions};

/// Hexadecimal digits of a digest of content, as people see it.
const DIGITS: usize = 32;
/// Members of a map above which only those that matter are proven.
const MANY: usize = 100;

/// What came of it.
#[derive(Default)]
pub(super) struct Weighed {
    /// What cannot pass, and why.
    pub(super) held: BTreeMap<Unit, Vec<Diagnostic>>,
    /// The content of those that only an approval is wanted for.
    pub(super) digests: BTreeMap<Unit, String>,
    /// What it would change.
    pub(super) plan: plan::Plan,
    /// What it takes away, at most.
    pub(super) harm: Harm,
    /// Zones compared.
    pub(super) compared: usize,
    /// What was proven.
    pub(super) proof: Report,
    /// Those that a guard minds, and somebody approved.
    pub(super) approved: BTreeSet<Unit>,
    /// What guards mind and nobody approved.
    pub(super) trips: Vec<TripTold>,
    /// What it means for the questions asked last, where somebody wants to know.
    pub(super) traffic: Option<Traffic>,
    /// What would be served, where somebody wants to compare it with something else.
    pub(super) snapshot: Option<Snapshot>,
}

impl Engine {
    /// Proves a candidate and asks the guards.
    pub(super) fn weigh(&self, candidate: &Candidate, desk: &Desk<'_>, how: How) -> Weighed {
        let served = self.publisher.current();
        let (plans, applied) = (candidate.plans(), candidate.applied());
        // Examples cost a look at every zone: only whoever asks for a plan reads them.
        let examples = if how.preview { Detail::default().examples } else { 0 };
        let detail = Detail { examples, ..Detail::default() };
        let compared = plan_with(&served, &applied.snapshot, &applied.touched, detail);
        let world = self.world_after(plans, &applied.snapshot, desk);
        let Proof { report, broken, .. } = proof::prove(&world, &applied.snapshot);
        let mut weighed = Weighed { plan: compared, proof: report, ..Weighed::default() };
        let mut errors: Vec<(Unit, Diagnostic)> =
            broken.into_iter().filter(|(_, found)| found.severity == Severity::Error).collect();
        if !errors.is_empty() {
            // What was broken before is not this change's doing: the audit tells of it.
            let before = self.broken_before(&world, &served);
            errors.retain(|(_, found)| !before.contains(&(found.code, found.message.clone())));
        }
        for (unit, found) in errors {
            for unit in concerned(plans, &unit) {
                weighed.held.entry(unit).or_default().push(found.clone());
            }
        }
        weighed.traffic = how.preview.then(|| self.traffic(&applied.snapshot));
        weighed.snapshot = how.preview.then(|| applied.snapshot.clone());
        if how.unguarded || desk.is_memory() {
            return weighed;
        }
        let limits = &self.rules.guards;
        let mut trips = guards::judge(&weighed.plan, limits, Since::Served);
        trips.extend(self.ledger_trip(candidate));
        let mut minded = vec![(Since::Served, weighed.plan.clone(), trips)];
        let back = self.look_back(applied, Harm::of(&weighed.plan));
        (weighed.harm, weighed.compared) = (back.harm, applied.touched.zones.len() + back.compared);
        minded.extend(back.minded.map(|(compared, trips)| (Since::HourAgo, compared, trips)));
        let mut digests: BTreeMap<Unit, String> = BTreeMap::new();
        let mut tripped: BTreeMap<Unit, Vec<Diagnostic>> = BTreeMap::new();
        for (since, compared, trips) in &minded {
            for trip in trips {
                let units = Tripping { plans, compared, trips, limits, since: *since }.units(trip);
                for plan in plans.iter().filter(|plan| units.contains(&plan.unit)) {
                    let digest =
                        digests.entry(plan.unit.clone()).or_insert_with(|| self.digest_of(plan)).clone();
                    if self.is_approved(plans, &digest) {
                        weighed.approved.insert(plan.unit.clone());
                        continue;
                    }
                    let told = TripTold::from(trip);
                    let is_told = |known: &TripTold| (&known.code, &known.scope) == (&told.code, &told.scope);
                    if !weighed.trips.iter().any(is_told) {
                        weighed.trips.push(told);
                    }
                    let found = self.told_trip(trip, plan, &digest);
                    let tripped = tripped.entry(plan.unit.clone()).or_default();
                    if !tripped.iter().any(|known| known.code == found.code) {
                        tripped.push(found);
                    }
                }
            }
        }
        self.let_others_go(&mut tripped, &digests);
        for (unit, found) in tripped {
            weighed.held.entry(unit).or_default().extend(found);
        }
        digests.retain(|unit, _| weighed.held.contains_key(unit));
        weighed.digests = digests;
        weighed
    }

    /// Of those that trip guards together leaves the ones without which the others are to be judged again: the
    /// operator, whose addresses may be in what many accounts lose; else those that wait with the same content already.
    fn let_others_go<T>(&self, tripped: &mut BTreeMap<Unit, T>, digests: &BTreeMap<Unit, String>) {
        if tripped.contains_key(&Unit::Operator) {
            tripped.retain(|unit, _| *unit == Unit::Operator);
            return;
        }
        let waits = |unit: &Unit| {
            let held = self.books.held.get(unit).and_then(|held| held.digest.as_ref());
            held.is_some() && held == digests.get(unit)
        };
        if tripped.keys().any(waits) {
            tripped.retain(|unit, _| waits(unit));
        }
    }

    /// What goes with plans beside answers: what the ledger takes away from maps that answer now or did within the hour,
    /// and maps that leave. Where nobody looks at the ledger nothing does.
    pub(super) fn gone_with(&self, plans: &[Plan]) -> Gone {
        if self.rules.ownership == Ownership::Off {
            return Gone::default();
        }
        let weight = |map: &AddressMap| self.builder.governed_by(&map.account, &map.id);
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let left = self.hour.left(self.clock.now());
        let (lost, late) = self.books.ledger_loss(operator, left, weight);
        Gone { lost, late, left: self.books.leaving(plans, weight) }
    }

    /// The guard that minds what a candidate takes away by the ledger, by itself or with what went within the hour.
    fn ledger_trip(&self, candidate: &Candidate) -> Option<Trip> {
        let Gone { lost, late, .. } = candidate.gone();
        if lost.is_empty() && late.is_empty() {
            return None;
        }
        let limits = &self.rules.guards;
        let operator = candidate.plans().iter().find(|plan| plan.unit == Unit::Operator);
        let after = self.books.ledger_after(operator);
        guards::judge_ledger(lost, &after, limits, Since::Served).or_else(|| {
            let mut within = self.hour.lost(self.clock.now());
            within.absorb(lost.clone());
            within.absorb(late.clone());
            within.retain_lost(&after);
            guards::judge_ledger(&within, &after, limits, Since::HourAgo)
        })
    }

    /// What is broken of the same zones in what is served.
    fn broken_before(&self, world: &World, served: &Snapshot) -> BTreeSet<(&'static str, String)> {
        let origins: BTreeSet<Name> = world.zones.iter().map(|zone| zone.origin.clone()).collect();
        let before = self.world_of(&origins);
        proof::prove(&before, served)
            .broken
            .into_iter()
            .map(|(_, found)| (found.code, found.message))
            .collect()
    }

    fn told_trip(&self, trip: &Trip, plan: &Plan, digest: &str) -> Diagnostic {
        let changed = plan.files.keys().next();
        let place = changed.map(|path| super::folder::display(&path.on_disk(&self.sources)));
        let place = place.unwrap_or_else(|| super::folder::display(&self.sources.zones));
        let hint = format!("if that is meant: portolan approve {digest} --reason TEXT ({})", trip.setting);
        Diagnostic::error(trip.code, Place::file(&place), trip.message.clone()).hint(hint)
    }

    /// Whether content was approved, by a command or in the operator's files as they would be.
    fn is_approved(&self, plans: &[Plan], digest: &str) -> bool {
        let now = self.clock.now();
        let by_command = self.books.standing.approvals.iter();
        let by_command =
            by_command.filter(|(_, approved)| approved.expires.is_none_or(|expires| expires > now));
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let by_file = self.books.approvals_after(operator);
        let by_file = by_file.filter(|approval| approval.expires.is_none_or(|expires| expires > now));
        by_command.map(|(approved, _)| approved.clone()).chain(by_file.map(|file| file.digest.clone())).any(
            |approved| {
                // A file may write more digits than are shown.
                approved.starts_with(digest) || (approved.len() >= DIGITS && digest.starts_with(&approved))
            },
        )
    }

    /// The digest of what a unit would be: of all its sources, and of the maps that the operator made for it. It is the
    /// same on every server that reads the same files, whatever these served before.
    fn digest_of(&self, plan: &Plan) -> String {
        let mut sources: BTreeMap<SourcePath, Digest> = BTreeMap::new();
        let of_unit = self.books.served_of(&plan.unit);
        let with_named = of_unit.flat_map(|path| {
            let named = self.books.names.get(path).into_iter().flatten();
            std::iter::once(path).chain(named)
        });
        for path in with_named {
            let served = self.books.files.get(path).and_then(|known| known.served);
            sources.extend(served.map(|digest| (path.clone(), digest)));
        }
        for (path, copy) in &plan.files {
            match copy {
                Some(copy) => sources.insert(path.clone(), copy.digest),
                None => sources.remove(path),
            };
        }
        let mut octets = Vec::new();
        for (path, digest) in sources {
            octets.extend(path.to_bytes());
            octets.push(0);
            octets.extend(digest.0);
        }
        if let Some(account) = plan.account() {
            let maps = maps_after(&self.books, account, plan);
            for map in maps.iter().filter(|map| map.owner == MapOwner::Operator) {
                let members = map.memberships.iter().map(|membership| &membership.member);
                let members: Vec<String> = members.map(|member| format!("{member:?}")).collect();
                let text = super::remembered_map::text(map);
                octets.extend(format!("{text}{} {} {members:?}\n", map.enabled, map.immutable).bytes());
            }
        }
        let mut digest = Digest::of(&octets).to_string();
        digest.truncate(DIGITS);
        digest
    }

    /// What the proof is to look at: the accounts of these plans with all that they say, the zones that change, and of
    /// those that do not a few for each map and account that does.
    fn world_after(&self, plans: &[Plan], snapshot: &Snapshot, desk: &Desk<'_>) -> World {
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let mut world = World {
            anycast: anycast_after(&self.books, operator).cloned(),
            faulty_accounts: self.faulty_after(plans).accounts,
            faulty_operator: self.faulty_after(plans).operator,
            ownership: self.rules.ownership,
            assertions: self.books.assertions_after(plans),
            ..World::default()
        };
        let mut accounts: BTreeSet<AccountId> =
            plans.iter().filter_map(|plan| plan.account().cloned()).collect();
        accounts
            .extend(plans.iter().flat_map(|plan| plan.zones.values()).filter_map(|(path, _)| path.account()));
        let beside = Beside { engine: self, plans, snapshot, assertions: &world.assertions };
        let mut others = if operator.is_some() { beside.of_everyone() } else { BTreeSet::new() };
        let whose = |origin: &Name| Some(self.books.zones.get(origin)?.account.clone());
        accounts.extend(others.iter().filter_map(whose));
        let mut maps_of: Vec<Vec<Arc<AddressMap>>> = Vec::new();
        for account in accounts {
            let plan = plans.iter().find(|plan| plan.account() == Some(&account));
            let served = self.books.accounts.get(&account);
            let before = served.and_then(|served| served.settings.clone());
            let settings = plan.and_then(|plan| plan.settings.clone()).unwrap_or(before);
            let settings = settings
                .map_or_else(|| AccountSettings::new(account.clone()), |settings| (*settings).clone());
            let maps = match plan {
                Some(plan) => maps_after(&self.books, &account, plan),
                None => served.map(|served| served.maps()).unwrap_or_default(),
            };
            if plan.is_some() || operator.is_some() {
                others.extend(beside.of_account(&account, &maps, &settings));
            }
            // One of which nothing is left is no account.
            if !maps.is_empty() || settings.place.is_some() || self.has_zone_after(&account, plans) {
                maps_of.push(maps);
                world.accounts.insert(account, settings);
            }
        }
        let changed: Vec<(&Name, &SourcePath, &Plan)> = plans
            .iter()
            .flat_map(|plan| plan.zones.iter().map(move |(origin, zone)| (origin, zone, plan)))
            .filter(|(_, (_, zone), _)| matches!(zone, ZonePlan::Good(_)))
            .map(|(origin, (path, _), plan)| (origin, path, plan))
            .collect();
        let removed = plans.iter().flat_map(|plan| &plan.zones);
        for (origin, _) in removed {
            others.remove(origin);
        }
        let mut again: BTreeSet<Name> = BTreeSet::new();
        let read = |_: &mut (), zones: &[(&Name, &SourcePath, &Plan)]| -> Vec<LoadedZone> {
            zones
                .iter()
                .filter_map(|(origin, path, plan)| self.zone_after(origin, path, plan, &world, desk))
                .collect()
        };
        let new: Vec<LoadedZone> = cores::in_chunks(&changed, read).into_iter().flatten().collect();
        // Those whose settings alone change are as they are remembered.
        again.extend(
            changed
                .iter()
                .filter(|(_, path, plan)| !plan.files.contains_key(*path))
                .map(|(origin, ..)| (*origin).clone()),
        );
        others.extend(again);
        let known = |zone: &LoadedZone| world.accounts.contains_key(&zone.account);
        let others = self.world_of(&others).zones;
        let others: Vec<LoadedZone> = others.into_iter().filter(known).collect();
        world.zones = new;
        world.zones.extend(others);
        let named: BTreeSet<&Name> = world.zones.iter().map(|zone| &zone.origin).collect();
        world.maps = maps_of.into_iter().flatten().map(|map| narrowed(map, &named)).collect();
        world.ledger = Arc::new(concerning(self.books.ledger_after(operator).ledger(), &world.maps));
        world
    }

    /// Whether an account has a zone after plans.
    fn has_zone_after(&self, account: &AccountId, plans: &[Plan]) -> bool {
        let planned = plans.iter().flat_map(|plan| plan.zones.values());
        let is_put = |(path, zone): &(SourcePath, ZonePlan)| {
            !matches!(zone, ZonePlan::Removed) && path.account().as_ref() == Some(account)
        };
        let goes = |origin: &Name| {
            plans.iter().any(|plan| matches!(plan.zones.get(origin), Some((_, ZonePlan::Removed))))
        };
        planned.clone().any(is_put) || self.books.zones_with(account).any(|origin| !goes(&origin))
    }

    /// A zone as its file says.
    fn zone_after(
        &self,
        origin: &Name,
        path: &SourcePath,
        plan: &Plan,
        world: &World,
        desk: &Desk<'_>,
    ) -> Option<LoadedZone> {
        let account = path.account()?;
        let settings = world.accounts.get(&account)?;
        if !plan.files.contains_key(path) || !matches!(path.kind(), Kind::Zone(_)) {
            return None;
        }
        let Found::Content(copy) = desk.read(path) else { return None };
        let namer = desk.namer(path);
        let options = ReadOptions { require_tags: settings.require_tags };
        let data = zonefile::read_zone(&desk.shown(path), &copy.content, origin, options, &namer).0?;
        Some(LoadedZone { origin: origin.clone(), account, content: ZoneContent::Good(Arc::new(data)) })
    }
}

/// A map with those of many members that are looked at: the others make no difference to these.
fn narrowed(map: Arc<AddressMap>, zones: &BTreeSet<&Name>) -> Arc<AddressMap> {
    let members = &map.memberships;
    if members.len() <= MANY.max(zones.len()) {
        return map;
    }
    let looked_at = zones.iter().filter_map(|origin| members.zone(origin));
    let memberships = looked_at.chain(members.account()).cloned().collect();
    Arc::new(AddressMap { memberships, ..(*map).clone() })
}

/// The part of a ledger that can matter for some maps: to index thousands of prefixes for one address would cost more
/// than all else. Something is left of whatever holds something, for without a ledger nothing is enforced.
fn concerning(ledger: &Ledger, maps: &[Arc<AddressMap>]) -> Ledger {
    let mut addresses: Vec<IpAddr> = maps.iter().flat_map(|map| map.addresses()).collect();
    addresses.sort_unstable();
    let covers = |prefix: &&Prefix| {
        let next = addresses.partition_point(|address| *address < prefix.cidr.network());
        addresses.get(next).is_some_and(|address| prefix.cidr.contains(address))
    };
    let leases = |lease: &&StaticIps| lease.ips.iter().any(|ip| addresses.binary_search(ip).is_ok());
    let mut part = Ledger {
        prefixes: ledger.prefixes.iter().filter(covers).cloned().collect(),
        static_ips: ledger.static_ips.iter().filter(leases).cloned().collect(),
    };
    if part.is_empty() {
        part.prefixes.extend(ledger.prefixes.first().cloned());
        part.static_ips.extend(ledger.static_ips.first().cloned());
    }
    part
}

/// Which of the plans a broken property holds: those of the unit that is at fault; where it is none of them, all, for
/// one of them brought it about.
fn concerned(plans: &[Plan], unit: &Unit) -> Vec<Unit> {
    let is_it = |plan: &&Plan| match (&plan.unit, unit) {
        (Unit::Zone(_), Unit::Account(account)) => account.is_default(),
        (planned, unit) => planned == unit,
    };
    let mut units: Vec<Unit> = plans.iter().filter(is_it).map(|plan| plan.unit.clone()).collect();
    if units.is_empty() {
        units.extend(plans.iter().map(|plan| plan.unit.clone()));
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MapId;

    /// The ledger of two prefixes and a lease, seen by a map of these addresses.
    fn seen(addresses: &[&str]) -> Vec<String> {
        let file = Arc::from("ledger.toml");
        let place = || Place::file(&file);
        let prefix = |cidr: &str| Prefix {
            cidr: cidr.parse().unwrap(),
            account: AccountId::default_account(),
            asn: None,
            description: None,
            approved: true,
            advertised: true,
            bindings: Vec::new(),
            delegations: Vec::new(),
            place: place(),
        };
        let lease = StaticIps {
            account: AccountId::default_account(),
            map: MapId::new("leased").unwrap(),
            ips: vec!["192.0.2.7".parse().unwrap()],
            place: place(),
        };
        let prefixes = vec![prefix("203.0.113.0/25"), prefix("2001:db8::/48")];
        let ledger = Ledger { prefixes, static_ips: vec![lease] };
        let addresses = addresses.iter().map(|address| address.parse::<IpAddr>().unwrap());
        let map = AddressMap {
            id: MapId::new("one").unwrap(),
            account: AccountId::default_account(),
            description: None,
            enabled: true,
            ipv4: addresses
                .clone()
                .filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None })
                .collect(),
            ipv6: addresses.filter_map(|ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None }).collect(),
            memberships: Vec::new().into(),
            default_sni: None,
            immutable: false,
            owner: MapOwner::Account,
            place: place(),
            address_places: Default::default(),
        };
        let part = concerning(&ledger, &[Arc::new(map)]);
        let prefixes = part.prefixes.iter().map(|prefix| prefix.cidr.to_string());
        prefixes.chain(part.static_ips.iter().map(|lease| lease.map.to_string())).collect()
    }

    #[test]
    fn of_a_ledger_what_covers_an_address_is_looked_at() {
        assert_eq!(seen(&["203.0.113.0"]), ["203.0.113.0/25"]);
        assert_eq!(seen(&["203.0.113.127", "192.0.2.7"]), ["203.0.113.0/25", "leased"]);
        assert_eq!(seen(&["198.51.100.1", "2001:db8:0:ffff::1"]), ["2001:db8::/48"]);
    }

    #[test]
    fn of_a_ledger_that_covers_nothing_something_is_left() {
        assert_eq!(seen(&["203.0.113.128", "203.0.112.255", "2001:db8:1::"]), ["203.0.113.0/25", "leased"]);
        assert_eq!(seen(&[]), ["203.0.113.0/25", "leased"]);
    }
}
