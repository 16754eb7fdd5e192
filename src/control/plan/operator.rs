//! The operator's files: the anycast defaults, and maps for any account.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ledger::files_after;
use super::{Plan, Planner, anycast_after};
use crate::addrmap::{self, MapFile, Scope, code};
use crate::control::books::{Books, OperatorFile};
use crate::control::desk::{Desk, Found, Shelf};
use crate::control::source::Kind;
use crate::control::state::{Manifest, Remembered, View};
use crate::control::{Digest, SourcePath, Stamp};
use crate::model::{AccountId, AddressMap, AddressSource, Diagnostic, Place, Severity, Unit};

impl Planner<'_> {
    pub(super) fn operator(&self) -> Plan {
        let mut plan = Plan::new(Unit::Operator);
        for path in self.of_unit(&Unit::Operator).filter(|path| path.kind() == Kind::Maps) {
            match self.desk.read(path) {
                Found::Missing => {
                    if self.books.operator.files.contains_key(path) {
                        plan.operator_files.insert(path.clone(), None);
                        plan.files.insert(path.clone(), None);
                    }
                }
                Found::Unreadable(why) => {
                    plan.broken.insert(path.clone());
                    plan.tell(&Unit::Operator, [self.unreadable(path, &why)]);
                }
                Found::Content(copy) if self.is_changed(path, &copy) => {
                    let namer = self.desk.namer(path);
                    let shown = self.desk.shown(path);
                    let before = self.books.operator.files.get(path).map_or(&[][..], |file| &file.maps);
                    let read = addrmap::read_map_file(&shown, &copy.content, Scope::Operator, &namer, before);
                    plan.note_names(self.desk, path, namer.into_names());
                    self.take_operator_file(path, read, &mut plan);
                    plan.files.insert(path.clone(), Some(copy));
                }
                Found::Content(_) => {}
            }
        }
        self.anycast(&mut plan);
        self.ledger(&mut plan);
        plan.mends = !self.first && self.books.faulty.operator;
        if self.first {
            let own = |(unit, found): &(Unit, Diagnostic)| {
                *unit == Unit::Operator && found.severity == Severity::Error
            };
            plan.faulty = plan.findings.iter().any(own);
            if plan.faulty {
                plan.files.clear();
                plan.names.clear();
                plan.operator_files.clear();
                plan.ledger = None;
            }
        }
        plan
    }

    fn take_operator_file(&self, path: &SourcePath, read: MapFile, plan: &mut Plan) {
        let mut errors = Vec::new();
        for (unit, mut found) in read.findings {
            // An immutable map cannot be disabled or emptied: it is put back, and the rest of the change goes on.
            let puts_back = matches!(found.code, code::IMMUTABLE_DISABLED | code::IMMUTABLE_WITHOUT_ADDRESS);
            let remembered =
                |account: &AccountId| self.books.immutable.values().any(|map| map.account == *account);
            match &unit {
                Unit::Account(account) if puts_back && remembered(account) => {
                    found.hint = Some("the map is served as it was; write it as it was".into());
                    plan.findings.push((Unit::Nothing, found));
                    continue;
                }
                Unit::Account(account) if found.severity == Severity::Error => {
                    errors.push((account.clone(), found));
                    continue;
                }
                Unit::Operator if found.severity == Severity::Error => {
                    plan.broken.insert(path.clone());
                }
                _ => {}
            }
            plan.findings.push((unit, found));
        }
        let file = OperatorFile {
            anycast: read.anycast,
            maps: read.maps.into_iter().map(Arc::new).collect(),
            ledger: read.ledger,
            assertions: read.assertions.into_iter().map(Arc::new).collect(),
            approvals: read.approvals,
            errors,
        };
        plan.operator_files.insert(path.clone(), Some(file));
    }

    /// The defaults stand once, and do not go while they are reached.
    fn anycast(&self, plan: &mut Plan) {
        let mut all = MapFile::default();
        for (_, file) in self.files_after(Some(plan)) {
            all.absorb(MapFile { anycast: file.anycast.clone(), ..MapFile::default() });
        }
        plan.findings.extend(all.findings);
        let before = self.books.operator.anycast();
        if let (Some(before), None) = (before, anycast_after(self.books, Some(plan)))
            && let Some(account) = self.reaches_defaults(plan)
        {
            let message = format!("the anycast defaults are gone, but names of account {account} need them");
            let hint = "put [anycast] back, or give the accounts that it answers for maps of their own first";
            let found = Diagnostic::error(code::ANYCAST_MISSING, Place::file(&before.place.file), message);
            plan.tell(&Unit::Operator, [found.hint(hint)]);
        }
    }

    /// An account with proxied names that only the anycast defaults answer, and nothing else would.
    fn reaches_defaults(&self, plan: &Plan) -> Option<AccountId> {
        let by_defaults = self.snapshot.zones.iter().filter(|entry| {
            let governing = self.snapshot.governing(entry);
            governing.is_ok_and(|governing| governing.source == AddressSource::AnycastDefaults)
                && entry.zone.nodes().any(|node| node.is_proxied())
        });
        let accounts: BTreeSet<u32> = by_defaults.map(|entry| entry.account).collect();
        let mut accounts = accounts.into_iter().filter_map(|index| self.snapshot.accounts.get(index));
        let falls = |account: &AccountId| {
            let maps = self.operators_maps_of(account, Some(plan));
            !maps.iter().any(|map| map.immutable || (map.enabled && map.is_account_wide() && !map.is_empty()))
        };
        accounts.find(|account| falls(&account.id)).map(|account| account.id.clone())
    }

    /// The operator's files after a plan.
    pub(super) fn files_after<'p>(
        &'p self,
        plan: Option<&'p Plan>,
    ) -> impl Iterator<Item = (&'p SourcePath, &'p OperatorFile)> {
        files_after(self.books, plan).into_iter()
    }

    /// The maps that the operator's files hold for an account after a plan, with the immutable ones that they lost.
    pub(super) fn operators_maps_of(&self, account: &AccountId, plan: Option<&Plan>) -> Vec<Arc<AddressMap>> {
        let files = self.files_after(plan);
        let maps = files.flat_map(|(_, file)| &file.maps).filter(|map| map.account == *account);
        let (maps, _) = put_back(self.books.immutable.values(), account, maps.cloned().collect());
        maps
    }

    /// The maps that the operator's files held for an account at an earlier state of these files.
    pub(super) fn operators_maps_in(&self, account: &AccountId, view: &View) -> Vec<Arc<AddressMap>> {
        let remembered = |digest: &Digest| Remembered { digest: *digest, stamp: Stamp::default() };
        let files = view.iter().map(|(path, digest)| (path.clone(), remembered(digest))).collect();
        let manifest = Manifest { files, ..Manifest::default() };
        let desk = Desk::new(self.desk.sources, Shelf::Memory(self.store, &manifest));
        let mut maps = Vec::new();
        for path in view.keys().filter(|path| path.kind() == Kind::Maps) {
            let Found::Content(copy) = desk.read(path) else { continue };
            let namer = desk.namer(path);
            let read = addrmap::read_map_file(&desk.shown(path), &copy.content, Scope::Operator, &namer, &[]);
            maps.extend(read.maps.into_iter().filter(|map| map.account == *account).map(Arc::new));
        }
        put_back(self.books.immutable.values(), account, maps).0
    }

    /// Accounts whose maps the operator's plan may change.
    pub(super) fn accounts_of(&self, plan: &Plan) -> BTreeSet<AccountId> {
        let mut accounts = BTreeSet::new();
        for (path, file) in &plan.operator_files {
            for file in self.books.operator.files.get(path).into_iter().chain(file) {
                accounts.extend(file.maps.iter().map(|map| map.account.clone()));
                accounts.extend(file.errors.iter().map(|(account, _)| account.clone()));
            }
        }
        accounts
    }
}

/// Puts remembered immutable maps of an account back where its maps do not hold them with at least their addresses.
/// Second, what is to be told of it.
pub(in crate::control) fn put_back<'m>(
    remembered: impl Iterator<Item = &'m Arc<AddressMap>>,
    account: &AccountId,
    mut maps: Vec<Arc<AddressMap>>,
) -> (Vec<Arc<AddressMap>>, Vec<Diagnostic>) {
    let mut told = Vec::new();
    for map in remembered.filter(|map| map.account == *account) {
        let honoured = maps.iter().any(|found| {
            found.id == map.id
                && found.immutable
                && found.enabled
                && map.ipv4.iter().all(|address| found.ipv4.contains(address))
                && map.ipv6.iter().all(|address| found.ipv6.contains(address))
        });
        if honoured {
            continue;
        }
        let now = maps.iter().find(|found| found.id == map.id).map(|found| found.place.clone());
        maps.retain(|found| found.id != map.id);
        maps.push(map.clone());
        let message = format!("immutable map of account {account} is not in the files as it was: {}", map.id);
        let hint = format!(
            "it is served as it was; write it back, or take it away with: portolan forget-map {} --reason TEXT",
            map.id
        );
        let place = now.unwrap_or_else(|| map.place.clone());
        told.push(Diagnostic::error("immutable-map-put-back", place, message).hint(hint));
    }
    (maps, told)
}

/// Immutable maps that the operator's files, as they are served, do not hold as they were.
pub(in crate::control) fn lost_immutable_maps(books: &Books) -> Vec<Diagnostic> {
    let accounts: BTreeSet<&AccountId> = books.immutable.values().map(|map| &map.account).collect();
    let maps_of = |account: &AccountId| {
        let maps = books.operator.files.values().flat_map(|file| &file.maps);
        maps.filter(|map| map.account == *account).cloned().collect()
    };
    let told = accounts
        .into_iter()
        .flat_map(|account| put_back(books.immutable.values(), account, maps_of(account)).1);
    told.collect()
}
