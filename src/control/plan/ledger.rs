//! The ledger of addresses with the maps that are served: a map that may not serve holds its account, an entry that a
//! served map needs holds the operator's files. Of both in one change whoever could not have come alone is held.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ipnet::IpNet;

use super::{Plan, Planner, maps_after};
use crate::addrmap;
use crate::addrmap::eligibility::{Ineligible, LedgerIndex, Why};
use crate::control::SourcePath;
use crate::control::books::{Books, OperatorFile, ServedAccount};
use crate::judge::LedgerLoss;
use crate::model::{
    AccountId, AddressMap, Approval, Assertion, AssertionScope, Diagnostic, Ledger, MapId, Ownership, Place,
    Prefix, Severity, StaticIps, Unit,
};
use crate::snapshot::Weight;

/// The operator's files after a plan.
pub(in crate::control) fn files_after<'p>(
    books: &'p Books,
    plan: Option<&'p Plan>,
) -> BTreeMap<&'p SourcePath, &'p OperatorFile> {
    let mut files: BTreeMap<&SourcePath, &OperatorFile> = books.operator.files.iter().collect();
    for (path, file) in plan.into_iter().flat_map(|plan| &plan.operator_files) {
        match file {
            Some(file) => files.insert(path, file),
            None => files.remove(path),
        };
    }
    files
}

impl Books {
    /// The ledger after a plan of the operator's: the one that is served where the plan leaves it alone.
    pub(in crate::control) fn ledger_after(&self, operator: Option<&Plan>) -> Arc<LedgerIndex> {
        let made = operator.and_then(|plan| plan.ledger.as_ref());
        made.unwrap_or(&self.operator.ledger).clone()
    }

    /// What a plan of the operator's takes away by its ledger from maps that are served, and second from those that left
    /// before; `weight` says what a served map governs. Looked at are the maps of accounts that a changed entry names.
    pub(in crate::control) fn ledger_loss<'m>(
        &self,
        operator: Option<&Plan>,
        left: impl Iterator<Item = &'m (Arc<AddressMap>, Weight)>,
        weight: impl Fn(&AddressMap) -> Weight,
    ) -> (LedgerLoss, LedgerLoss) {
        let (before, after) = (&self.operator.ledger, self.ledger_after(operator));
        if Arc::ptr_eq(before, &after) {
            return Default::default();
        }
        let named = named_in_changes(before.ledger(), after.ledger());
        let accounts = named.iter().filter_map(|account| self.accounts.get(account));
        let maps = accounts.flat_map(ServedAccount::maps).filter(|map| map.enabled);
        let served = maps.map(|map| (map.clone(), weight(&map)));
        let left = left.filter(|(map, _)| named.contains(&map.account)).cloned();
        (LedgerLoss::between(before, &after, served), LedgerLoss::between(before, &after, left))
    }

    /// The maps that would no longer answer with all their addresses after plans, as they are, with what they govern.
    pub(in crate::control) fn leaving(
        &self,
        plans: &[Plan],
        weight: impl Fn(&AddressMap) -> Weight,
    ) -> Vec<(Arc<AddressMap>, Weight)> {
        if self.operator.ledger.ledger().is_empty() {
            return Vec::new();
        }
        let mut leaving = Vec::new();
        for plan in plans.iter().filter(|plan| plan.changes_maps()) {
            let Some(account) = plan.account() else { continue };
            let served = self.accounts.get(account).map(ServedAccount::maps).unwrap_or_default();
            let after = maps_after(self, account, plan);
            let after: HashMap<&MapId, &Arc<AddressMap>> = after.iter().map(|map| (&map.id, map)).collect();
            let stays = |map: &Arc<AddressMap>| {
                let after = after.get(&map.id).filter(|after| after.enabled);
                after.is_some_and(|after| {
                    Arc::ptr_eq(after, map)
                        || map.addresses().all(|address| after.addresses().any(|there| there == address))
                })
            };
            let maps = served.into_iter().filter(|map| map.enabled && !stays(map));
            leaving
                .extend(maps.map(|map| (map.clone(), weight(&map))).filter(|(_, weight)| weight.names > 0));
        }
        leaving
    }

    fn changes_ledger(&self, plan: &Plan) -> bool {
        let nothing = Ledger::default();
        let before = |path| self.operator.files.get(path).map_or(&nothing, |file| &file.ledger);
        let mut files = plan.operator_files.iter();
        files.any(|(path, file)| before(path) != file.as_ref().map_or(&nothing, |file| &file.ledger))
    }

    /// All assertions after plans: the operator's, and those of accounts. What an account says of another one's zone is
    /// left out.
    pub(in crate::control) fn assertions_after(&self, plans: &[Plan]) -> Vec<Arc<Assertion>> {
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let files = files_after(self, operator);
        let mut all: Vec<Arc<Assertion>> =
            files.values().flat_map(|file| &file.assertions).cloned().collect();
        let planned: BTreeMap<&AccountId, &Plan> =
            plans.iter().filter_map(|plan| Some((plan.account()?, plan))).collect();
        for plan in planned.values() {
            all.extend(plan.assertions.values().flatten().cloned());
        }
        for account in &self.asserting {
            let served = self.accounts.get(account).into_iter().flat_map(|served| &served.assertions);
            let planned = planned.get(account);
            let stays = |path: &SourcePath| planned.is_none_or(|plan| !plan.own.contains_key(path));
            all.extend(served.filter(|(path, _)| stays(path)).flat_map(|(_, said)| said).cloned());
        }
        all.retain(|assertion| match (&assertion.scope, &assertion.author) {
            (AssertionScope::Zone(origin), Some(author)) => {
                self.zones.get(origin).is_none_or(|zone| zone.account == *author)
            }
            _ => true,
        });
        all
    }

    /// What the operator's files approve after a plan of them.
    pub(in crate::control) fn approvals_after<'p>(
        &'p self,
        operator: Option<&'p Plan>,
    ) -> impl Iterator<Item = &'p Approval> {
        files_after(self, operator).into_values().flat_map(|file| &file.approvals)
    }
}

impl Planner<'_> {
    /// The ledger that a plan of the operator's makes, by itself.
    pub(super) fn ledger(&self, plan: &mut Plan) {
        if !self.books.changes_ledger(plan) {
            return;
        }
        let mut after = Ledger::default();
        files_after(self.books, Some(plan)).values().for_each(|file| after.absorb(file.ledger.clone()));
        let (before, after) = (&self.books.operator.ledger, Arc::new(LedgerIndex::new(after.into())));
        plan.ledger = Some(after.clone());
        plan.tell(&Unit::Operator, addrmap::check_ledger(after.ledger()));
        let first = before.ledger().prefixes.iter().map(|prefix| &prefix.place);
        let first = first.chain(before.ledger().static_ips.iter().map(|lease| &lease.place)).next();
        if let Some(first) = first.filter(|_| after.ledger().is_empty()) {
            let severity = match self.ownership {
                Ownership::Enforce => Severity::Error,
                Ownership::Warn => Severity::Warning,
                Ownership::Off => return,
            };
            let message = "the ledger is gone, and an empty one would let every address through";
            let hint = "put the prefixes back; to do without, write ownership = \"off\" in portolan.toml";
            let found = Diagnostic::new(severity, "ledger-gone", Place::file(&first.file), message);
            plan.tell(&Unit::Operator, [found.hint(hint)]);
        }
    }

    /// Where there is no earlier state: the maps that may not serve fault their account.
    pub(super) fn eligible_at_first(
        &self,
        maps: &[Arc<AddressMap>],
        operator: Option<&Plan>,
    ) -> Vec<Diagnostic> {
        let ledger = self.books.ledger_after(operator);
        maps.iter().flat_map(|map| ledger.findings(map, self.ownership)).collect()
    }

    /// What plans that are good by themselves come to with the ledger: looked at are the maps that change, and those
    /// of accounts that a changed entry names.
    pub(super) fn eligible(&self, plans: &mut [Plan]) {
        if self.first || self.ownership == Ownership::Off {
            return;
        }
        let good: Vec<&Plan> = plans.iter().filter(|plan| plan.errors().next().is_none()).collect();
        let operator = good.iter().find(|plan| plan.unit == Unit::Operator).copied();
        let ledgers = Ledgers {
            before: self.books.operator.ledger.clone(),
            after: self.books.ledger_after(operator),
            ownership: self.ownership,
        };
        let planned: BTreeMap<&AccountId, &Plan> = good
            .iter()
            .filter(|plan| plan.changes_maps())
            .filter_map(|plan| Some((plan.account()?, *plan)))
            .collect();
        let mut accounts: BTreeSet<AccountId> = planned.keys().map(|account| (*account).clone()).collect();
        accounts.extend(self.concerned(&ledgers));
        // Each map with the one of its id as it is served.
        let mut maps: Vec<(Arc<AddressMap>, Option<Arc<AddressMap>>)> = Vec::new();
        for account in &accounts {
            let served = self.books.accounts.get(account).map(|served| served.maps()).unwrap_or_default();
            let after = match planned.get(account) {
                Some(plan) => maps_after(self.books, account, plan),
                None => served.clone(),
            };
            let mut twins: HashMap<MapId, Arc<AddressMap>> =
                served.into_iter().map(|map| (map.id.clone(), map)).collect();
            maps.extend(after.into_iter().map(|map| (map.clone(), twins.remove(&map.id))));
        }
        let found = ledgers.judge(&maps);
        for (unit, diagnostic) in found {
            let holder = plans.iter().position(|plan| plan.unit == unit);
            // Warnings for an account without a plan are told with the operator's, which brings them.
            let holder = holder.or_else(|| plans.iter().position(|plan| plan.unit == Unit::Operator));
            if let Some(plan) = holder.and_then(|at| plans.get_mut(at)) {
                plan.findings.push((unit, diagnostic));
            }
        }
    }

    /// The accounts that a change of the ledger may concern: those that changed entries name, for what serves by an
    /// entry is named in it. With the first ledger of all that is everybody.
    fn concerned(&self, ledgers: &Ledgers) -> BTreeSet<AccountId> {
        let (before, after) = (ledgers.before.ledger(), ledgers.after.ledger());
        if Arc::ptr_eq(before, after) {
            return BTreeSet::new();
        }
        match before.is_empty() {
            true => self.books.accounts.keys().cloned().collect(),
            false => named_in_changes(before, after),
        }
    }
}

/// The ledger before a change and after it.
struct Ledgers {
    before: Arc<LedgerIndex>,
    after: Arc<LedgerIndex>,
    ownership: Ownership,
}

impl Ledgers {
    /// What is wrong with maps after the change, each with who is to blame. With each map the one of its id as it is
    /// served.
    fn judge(&self, maps: &[(Arc<AddressMap>, Option<Arc<AddressMap>>)]) -> Vec<(Unit, Diagnostic)> {
        let changes = !Arc::ptr_eq(&self.before, &self.after);
        let in_use = maps.iter().filter(|_| changes);
        let in_use: Vec<Diagnostic> =
            in_use.filter_map(|(map, twin)| self.holds_an_entry(map, twin.as_deref())).collect();
        // Where the new ledger does not come, maps are judged with the one that stays.
        let comes = changes && in_use.is_empty();
        let ledger = if comes { &self.after } else { &self.before };
        let mut found: Vec<(Unit, Diagnostic)> =
            in_use.into_iter().map(|found| (Unit::Operator, found)).collect();
        for (map, twin) in maps {
            let stays = twin.as_ref().is_some_and(|twin| serves_alike(twin, map));
            if stays && !comes {
                continue;
            }
            let account = Unit::Account(map.account.clone());
            let mut told = ledger.findings(map, self.ownership);
            if stays {
                let known = self.before.findings(map, self.ownership);
                let is_new = |found: &Diagnostic| !known.iter().any(|known| known.message == found.message);
                // What is wrong since longer than that holds nobody now.
                told.retain(|found| found.severity != Severity::Error && is_new(found));
            }
            found.extend(told.into_iter().map(|found| (account.clone(), found)));
        }
        found
    }

    /// Whether a map is served by what the change takes away: it stays as it is, or becomes another one that could come
    /// alone, as the change of the ledger could not.
    fn holds_an_entry(&self, map: &AddressMap, twin: Option<&AddressMap>) -> Option<Diagnostic> {
        let served = twin.filter(|twin| twin.enabled && self.ownership == Ownership::Enforce)?;
        let changes = !serves_alike(served, map);
        if changes && (!self.before.ineligible(map).is_empty() || self.after.ineligible(map).is_empty()) {
            return None;
        }
        let before = self.before.ineligible(served);
        let was_fine = |now: &&Ineligible<'_>| !before.iter().any(|before| before.address == now.address);
        let now = self.after.ineligible(served);
        let now: Vec<&Ineligible<'_>> = now.iter().filter(was_fine).collect();
        now.first().map(|first| self.in_use(served, first, now.len()))
    }

    /// That a served map needs what the change takes away.
    fn in_use(&self, map: &AddressMap, ineligible: &Ineligible<'_>, addresses: usize) -> Diagnostic {
        let Ineligible { address, why } = ineligible;
        let entry = self.before.right(map, *address).ok().filter(|_| !self.before.ledger().is_empty());
        // An entry that is gone has no line any more.
        let gone = entry.as_ref().map(|right| Place::file(&right.place().file));
        let first = self.after.ledger().prefixes.first().map(|prefix| Place::file(&prefix.place.file));
        let place = why.place().cloned().or(gone).or(first).unwrap_or_else(|| map.place.clone());
        let (id, account, at) = (&map.id, &map.account, map.place_of(*address));
        let more = if addresses > 1 { format!(" and {} more", addresses - 1) } else { String::new() };
        let message = match why {
            Why::Missing(_) => {
                format!(
                    "map {id} of account {account} ({at}) is served without an address leased for it: {address}{more}"
                )
            }
            why => format!(
                "map {id} of account {account} ({at}) serves an address that would be {why}: {address}{more}"
            ),
        };
        let hint = match (why, &entry) {
            (Why::Missing(_), _) => "write it in the map in the same change".to_owned(),
            (_, Some(entry)) => format!(
                "change the map first, or in the same change; until then this entry holds: {}",
                entry.place()
            ),
            (_, None) => {
                "add what the map needs; ownership = \"warn\" in portolan.toml tells all such addresses \
                          and holds nobody"
                    .to_owned()
            }
        };
        Diagnostic::error("ledger-in-use", place, message).hint(hint)
    }
}

/// Whether nothing that the ledger bears on differs.
fn serves_alike(a: &AddressMap, b: &AddressMap) -> bool {
    (a.enabled, &a.account) == (b.enabled, &b.account) && (&a.ipv4, &a.ipv6) == (&b.ipv4, &b.ipv6)
}

/// Owners, delegates and lessees of entries that come, go or change.
fn named_in_changes(before: &Ledger, after: &Ledger) -> BTreeSet<AccountId> {
    fn prefixes(ledger: &Ledger) -> BTreeMap<IpNet, &Prefix> {
        ledger.prefixes.iter().map(|prefix| (prefix.cidr, prefix)).collect()
    }
    fn leases(ledger: &Ledger) -> BTreeMap<&MapId, &StaticIps> {
        ledger.static_ips.iter().map(|lease| (&lease.map, lease)).collect()
    }
    let mut named = BTreeSet::new();
    let (old, new) = (prefixes(before), prefixes(after));
    for cidr in old.keys().chain(new.keys()) {
        let pair = [old.get(cidr), new.get(cidr)];
        if let [Some(old), Some(new)] = pair
            && says_the_same(old, new)
        {
            continue;
        }
        for prefix in pair.into_iter().flatten() {
            named.insert(prefix.account.clone());
            named.extend(prefix.delegations.iter().map(|delegation| delegation.account.clone()));
        }
    }
    let (old, new) = (leases(before), leases(after));
    for map in old.keys().chain(new.keys()) {
        let pair = [old.get(*map), new.get(*map)];
        if let [Some(old), Some(new)] = pair
            && (&old.account, &old.ips) == (&new.account, &new.ips)
        {
            continue;
        }
        named.extend(pair.into_iter().flatten().map(|lease| lease.account.clone()));
    }
    named
}

/// Whether two versions of a prefix differ in nothing but texts and places.
fn says_the_same(a: &Prefix, b: &Prefix) -> bool {
    let bindings = |prefix: &Prefix| -> BTreeMap<IpNet, _> {
        prefix.bindings.iter().map(|binding| (binding.cidr, binding.service)).collect()
    };
    let delegations = |prefix: &Prefix| -> BTreeSet<(IpNet, AccountId)> {
        let pairs = prefix.delegations.iter();
        pairs.map(|delegation| (delegation.cidr, delegation.account.clone())).collect()
    };
    (&a.account, a.approved, a.advertised) == (&b.account, b.approved, b.advertised)
        && bindings(a) == bindings(b)
        && delegations(a) == delegations(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addrmap::Scope;
    use crate::model::NoFiles;

    fn ledger(text: &str) -> Ledger {
        let read = addrmap::read_map_file(&"l.toml".into(), text.as_bytes(), Scope::Operator, &NoFiles, &[]);
        assert!(read.findings.is_empty(), "{:?}", read.findings);
        read.ledger
    }

    fn prefix(cidr: &str, account: &str, service: &str, rest: &str) -> String {
        format!(
            "[[prefix]]\ncidr = \"{cidr}\"\naccount = \"{account}\"\n\
             binding = [{{ cidr = \"{cidr}\", service = \"{service}\" }}]\n{rest}\n"
        )
    }

    #[test]
    fn only_who_is_named_in_what_changes_is_looked_at() {
        let globex = prefix("198.51.100.0/24", "globex", "CDN", "");
        let lease = |ips: &str| format!("[[static_ips]]\naccount = \"hooli\"\nmap = \"h\"\nips = [{ips}]\n");
        let before = prefix("203.0.113.0/24", "acme", "CDN", "") + &globex + &lease("\"192.0.2.1\"");
        let named = |after: String| -> Vec<String> {
            let named = named_in_changes(&ledger(&before), &ledger(&after));
            named.iter().map(ToString::to_string).collect()
        };
        let with = |acme: String| acme + &globex + &lease("\"192.0.2.1\"");
        let delegation = "delegation = [{ cidr = \"203.0.113.0/25\", account = \"initech\" }]";
        for (after, expected) in [
            (before.clone(), &[][..]),
            (format!("# moved\n{before}"), &[]),
            (with(prefix("203.0.113.0/24", "acme", "CDN", "description = \"x\"\nasn = 7")), &[]),
            (globex.clone() + &lease("\"192.0.2.1\"") + &prefix("203.0.113.0/24", "acme", "CDN", ""), &[]),
            (with(prefix("203.0.113.0/24", "acme", "Spectrum", "")), &["acme"]),
            (with(prefix("203.0.113.0/24", "acme", "CDN", "approved = false")), &["acme"]),
            (with(prefix("203.0.113.0/24", "acme", "CDN", "advertised = false")), &["acme"]),
            (with(prefix("203.0.113.0/24", "acme", "CDN", delegation)), &["acme", "initech"]),
            (with(prefix("203.0.113.0/25", "acme", "CDN", "")), &["acme"]),
            (with(prefix("203.0.113.0/24", "initech", "CDN", "")), &["acme", "initech"]),
            (with(String::new()), &["acme"]),
            (before.clone() + &prefix("192.0.2.128/25", "initech", "CDN", ""), &["initech"]),
            (before.replace("192.0.2.1\"", "192.0.2.2\""), &["hooli"]),
            (before.replace("\"h\"", "\"i\""), &["hooli"]),
            (String::new(), &["acme", "globex", "hooli"]),
        ] {
            assert_eq!(named(after.clone()), expected, "{after}");
        }
    }
}
