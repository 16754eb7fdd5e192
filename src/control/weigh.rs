//! A candidate before it is served: proven, and compared with what is served now and an hour ago.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::commit::Candidate;
use super::desk::{Desk, Found};
use super::engine::{Engine, How};
use super::hour::Gone;
use super::plan::{Plan, ZonePlan, anycast_after, maps_after};
use super::report::TripTold;
use super::source::{Digest, Kind};
use super::{SourcePath, cores};
use crate::judge::Traffic;
use crate::judge::guards::{self, Scope, Since, Trip};
use crate::judge::plan::{self, Detail, plan_with};
use crate::judge::proof::{self, Proof, Report};
use crate::model::{
    AccountId, AccountSettings, AddressMap, Diagnostic, LoadedZone, MapOwner, Member, Membership, Ownership,
    Place, Severity, Unit, World, ZoneContent,
};
use crate::snapshot::Snapshot;
use crate::wire::Name;
use crate::zonefile::{self, ReadOptions};

/// Hexadecimal digits of a digest of content, as people see it.
const DIGITS: usize = 32;
/// Members of a map above which only those that matter are proven.
const MANY: usize = 100;
/// Zones of which no data changed that are proven for each map or account that did.
const REPRESENTATIVES: usize = 3;

/// What came of it.
#[derive(Default)]
pub(super) struct Weighed {
    /// What cannot pass, and why.
    pub(super) held: BTreeMap<Unit, Vec<Diagnostic>>,
    /// The content of those that only an approval is wanted for.
    pub(super) digests: BTreeMap<Unit, String>,
    /// What it would change.
    pub(super) plan: plan::Plan,
    /// What was proven.
    pub(super) proof: Report,
    /// A guard minded, and somebody had approved.
    pub(super) approved: bool,
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
        let world = self.world_after(plans, desk);
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
        let mut minded = vec![(weighed.plan.clone(), guards::judge(&weighed.plan, limits, Since::Served))];
        let begun = Instant::now();
        if !self.hour.rests()
            && let Some((ago, mut touched)) = self.hour.ago(self.clock.now())
        {
            touched.absorb(applied.touched.clone());
            let owned = touched.accounts.values_mut().chain([&mut touched.server]);
            owned.for_each(|owned| owned.gone.retain(|address| !self.builder.answers(address)));
            // What came and went within the hour was not there to be lost. Few changes come so near to the limit.
            let most = usize::try_from(limits.addresses_gone.floor).unwrap_or(usize::MAX);
            let owned = || touched.accounts.values().chain([&touched.server]);
            if owned().any(|owned| owned.gone.len() > most) {
                let then: HashSet<IpAddr> = ago.sets.iter().flat_map(|set| set.addresses()).collect();
                let owned = touched.accounts.values_mut().chain([&mut touched.server]);
                owned.for_each(|owned| owned.gone.retain(|address| then.contains(address)));
            }
            let since = plan_with(ago, &applied.snapshot, &touched, detail);
            let trips = guards::judge(&since, limits, Since::HourAgo);
            minded.push((since, trips));
            self.hour.looked(begun);
        }
        minded[0].1.extend(self.ledger_trip(candidate));
        let mut digests: BTreeMap<Unit, String> = BTreeMap::new();
        for (compared, trips) in &minded {
            for trip in trips {
                let units = tripping(plans, compared, trip, trips);
                for plan in plans.iter().filter(|plan| units.contains(&plan.unit)) {
                    let digest =
                        digests.entry(plan.unit.clone()).or_insert_with(|| self.digest_of(plan)).clone();
                    if self.is_approved(plans, &digest) {
                        weighed.approved = true;
                        continue;
                    }
                    let told = TripTold::from(trip);
                    let is_told = |known: &TripTold| (&known.code, &known.scope) == (&told.code, &told.scope);
                    if !weighed.trips.iter().any(is_told) {
                        weighed.trips.push(told);
                    }
                    let found = self.told_trip(trip, plan, &digest);
                    let held = weighed.held.entry(plan.unit.clone()).or_default();
                    if !held.iter().any(|known| known.code == found.code) {
                        held.push(found);
                    }
                }
            }
        }
        digests.retain(|unit, _| weighed.held.contains_key(unit));
        weighed.digests = digests;
        weighed
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
    fn world_after(&self, plans: &[Plan], desk: &Desk<'_>) -> World {
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let mut world = World {
            anycast: anycast_after(&self.books, operator).cloned(),
            faulty_accounts: self.faulty_after(plans).accounts,
            faulty_operator: self.faulty_after(plans).operator,
            ledger: self.books.ledger_after(operator).ledger().clone(),
            ownership: self.rules.ownership,
            assertions: self.books.assertions_after(plans),
            ..World::default()
        };
        let mut accounts: BTreeSet<AccountId> =
            plans.iter().filter_map(|plan| plan.account().cloned()).collect();
        accounts
            .extend(plans.iter().flat_map(|plan| plan.zones.values()).filter_map(|(path, _)| path.account()));
        let mut others: BTreeSet<Name> = BTreeSet::new();
        if operator.is_some() {
            let shared = self.books.zones.iter().filter(|(_, zone)| !zone.faulty).take(REPRESENTATIVES);
            others.extend(shared.map(|(origin, _)| origin.clone()));
            accounts.extend(
                others
                    .iter()
                    .filter_map(|origin| self.books.zones.get(origin))
                    .map(|zone| zone.account.clone()),
            );
        }
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
                others.extend(self.books.any_zone_of(&account));
                for map in &maps {
                    let members = map.zones().map(|(origin, _)| origin);
                    let known = members.filter(|origin| self.books.zones.contains_key(*origin));
                    others.extend(known.take(REPRESENTATIVES).cloned());
                }
                others.extend(settings.zones.keys().take(REPRESENTATIVES).cloned());
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
        let named: HashSet<&Name> = world.zones.iter().map(|zone| &zone.origin).collect();
        world.maps = maps_of.into_iter().flatten().map(|map| narrowed(map, &named)).collect();
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
fn narrowed(map: Arc<AddressMap>, zones: &HashSet<&Name>) -> Arc<AddressMap> {
    if map.memberships.len() <= MANY {
        return map;
    }
    let is_looked_at = |membership: &&Membership| match &membership.member {
        Member::Zone(origin) => zones.contains(origin),
        Member::Account => true,
    };
    let memberships = map.memberships.iter().filter(is_looked_at).cloned().collect();
    Arc::new(AddressMap { memberships, ..(*map).clone() })
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

/// The units that have a part in what a guard minds, as far as the comparison tells them apart.
fn tripping(plans: &[Plan], compared: &plan::Plan, trip: &Trip, trips: &[Trip]) -> BTreeSet<Unit> {
    let is_harmed = |account: &plan::AccountPlan| {
        let counts = &account.counts;
        counts.names_harmed() > 0
            || counts.zones_gone > 0
            || counts.addresses_gone > 0
            || counts.zones_losing_family > 0
    };
    let harmed = |id: &AccountId| {
        let found = compared.accounts.iter().find(|account| account.account == id.as_str());
        found.is_some_and(is_harmed)
    };
    // Where one account is too much by itself, the others are not held for it: without it they are judged again.
    let alone: BTreeSet<&str> = trips
        .iter()
        .filter(|other| other.code == trip.code)
        .filter_map(|other| match &other.scope {
            Scope::Account(account) => Some(account.as_str()),
            _ => None,
        })
        .collect();
    let is_in_scope = |id: &AccountId| match &trip.scope {
        Scope::Account(account) => account == id.as_str(),
        Scope::Server if !alone.is_empty() => alone.contains(id.as_str()),
        Scope::Server => harmed(id),
        Scope::Operator | Scope::Ledger => false,
    };
    let zones = || {
        compared.accounts.iter().filter(|account| account.account == AccountId::default_account().as_str())
    };
    let trips = |plan: &&Plan| match &plan.unit {
        Unit::Account(account) => is_in_scope(account),
        Unit::Zone(origin) => {
            is_in_scope(&AccountId::default_account())
                && zones().all(|account| {
                    let named = account.zones.iter().find(|zone| zone.zone == origin.to_string());
                    let loses = |zone: &plan::ZonePlan| {
                        zone.is.is_none()
                            || zone.names_gone + zone.names_changed + zone.names_unproxied > 0
                            || zone.loses_ipv4
                            || zone.loses_ipv6
                    };
                    named.map_or(account.zones_left_out > 0, loses)
                })
        }
        Unit::Operator => matches!(trip.scope, Scope::Operator | Scope::Ledger),
        Unit::Nothing => false,
    };
    let units: BTreeSet<Unit> = plans.iter().filter(trips).map(|plan| plan.unit.clone()).collect();
    match units.is_empty() {
        // One of them brought it about.
        true => plans.iter().map(|plan| plan.unit.clone()).collect(),
        false => units,
    }
}
