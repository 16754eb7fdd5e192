//! Accounts: settings, own maps, zones, and the maps that the operator made for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Plan, Planner, maps_after};
use crate::addrmap::{self, Scope};
use crate::control::SourcePath;
use crate::control::books::ServedAccount;
use crate::control::desk::Found;
use crate::control::folder::display;
use crate::control::recall::is_same;
use crate::control::source::Kind;
use crate::model::{AccountId, AccountSettings, AddressMap, Diagnostic, Place, Severity, Unit};

impl Planner<'_> {
    /// `operator` is the operator's plan where it is good, `broken` are its files that are not.
    pub(super) fn account(
        &self,
        account: &AccountId,
        operator: Option<&Plan>,
        broken: &BTreeSet<SourcePath>,
    ) -> Plan {
        let unit = Unit::Account(account.clone());
        let mut plan = Plan::new(unit.clone());
        self.folders(&unit, &mut plan);
        self.settings(account, &mut plan);
        plan.mends = !self.first && self.books.faulty.accounts.contains(account);
        self.own_maps(account, &mut plan);
        self.operators_maps(account, operator, broken, &mut plan);
        let account_errors = plan.errors().next().is_some();
        let served = self.books.accounts.get(account).and_then(|served| served.settings.clone());
        let settings = plan.settings.clone().unwrap_or(served);
        let settings = settings.unwrap_or_else(|| AccountSettings::new(account.clone()).into());
        self.zones(account, &settings, &mut plan);
        // What was served once was good together, and is served again.
        let is_remembered = self.first && self.desk.is_memory();
        if !account_errors && !is_remembered && (plan.changes_maps() || plan.settings.is_some()) {
            let maps = maps_after(self.books, account, &plan);
            self.check(account, &settings, &maps, &mut plan);
            if self.first {
                let found = self.eligible_at_first(&maps, operator);
                plan.tell(&unit, found);
            }
        }
        if self.first {
            let is_own = |(of, found): &&(Unit, Diagnostic)| *of == unit && found.severity == Severity::Error;
            plan.faulty = plan.findings.iter().any(|finding| is_own(&finding));
            if plan.faulty {
                // Nothing of it is served, so that nothing of it is remembered.
                plan.files.clear();
                plan.names.clear();
                plan.settings = None;
                plan.own.clear();
                plan.assertions.clear();
                plan.operators = None;
            }
            self.take_what_is_good(&mut plan);
        }
        plan
    }

    /// Folders of the account that cannot be read.
    fn folders(&self, unit: &Unit, plan: &mut Plan) {
        for (path, (_, why)) in self.books.faults.iter().filter(|(_, (of, _))| of == unit) {
            plan.tell(unit, [self.unreadable(path, why)]);
        }
    }

    fn settings(&self, account: &AccountId, plan: &mut Plan) {
        let unit = Unit::Account(account.clone());
        let files: Vec<&SourcePath> =
            self.of_unit(&unit).filter(|path| path.kind() == Kind::Settings).collect();
        for path in files {
            match self.desk.read(path) {
                Found::Missing => {
                    if self.is_served(path) {
                        plan.settings = Some(None);
                        plan.files.insert(path.clone(), None);
                    }
                }
                Found::Unreadable(why) => plan.tell(&unit, [self.unreadable(path, &why)]),
                Found::Content(copy) if self.is_changed(path, &copy) => {
                    let (settings, found) =
                        addrmap::read_account_file(&self.desk.shown(path), &copy.content, account);
                    plan.tell(&unit, found);
                    if let Some(settings) = settings {
                        plan.settings = Some(Some(Arc::new(settings)));
                        plan.files.insert(path.clone(), Some(copy));
                    }
                }
                Found::Content(_) => {}
            }
        }
    }

    fn own_maps(&self, account: &AccountId, plan: &mut Plan) {
        let unit = Unit::Account(account.clone());
        let files: Vec<&SourcePath> = self.of_unit(&unit).filter(|path| path.kind() == Kind::Maps).collect();
        for path in files {
            match self.desk.read(path) {
                Found::Missing => {
                    if self.is_served(path) {
                        plan.own.insert(path.clone(), None);
                        plan.files.insert(path.clone(), None);
                    }
                }
                Found::Unreadable(why) => plan.tell(&unit, [self.unreadable(path, &why)]),
                Found::Content(copy) if self.is_changed(path, &copy) => {
                    let namer = self.desk.namer(path);
                    let scope = Scope::Account(account);
                    let served = self.books.accounts.get(account).and_then(|served| served.own.get(path));
                    let before = served.map_or(&[][..], Vec::as_slice);
                    let read =
                        addrmap::read_map_file(&self.desk.shown(path), &copy.content, scope, &namer, before);
                    plan.note_names(self.desk, path, namer.into_names());
                    plan.tell(&unit, read.findings.into_iter().map(|(_, found)| found));
                    plan.own.insert(path.clone(), Some(read.maps.into_iter().map(Arc::new).collect()));
                    let assertions = read.assertions.into_iter().map(Arc::new).collect();
                    plan.assertions.insert(path.clone(), assertions);
                    plan.files.insert(path.clone(), Some(copy));
                }
                Found::Content(_) => {}
            }
        }
    }

    fn is_served(&self, path: &SourcePath) -> bool {
        self.books.files.get(path).is_some_and(|known| known.served.is_some())
    }

    fn operators_maps(
        &self,
        account: &AccountId,
        operator: Option<&Plan>,
        broken: &BTreeSet<SourcePath>,
        plan: &mut Plan,
    ) {
        let unit = Unit::Account(account.clone());
        let served = self.books.accounts.get(account);
        if let Some(view) = self.views.get(account) {
            let maps = self.operators_maps_in(account, view);
            // What they say by now may be the same again: then it goes with them.
            if self.first || !are_same(&maps, &self.operators_maps_of(account, operator)) {
                let is_served =
                    |served: &ServedAccount| served.operators == maps && served.view.as_ref() == Some(view);
                if !served.is_some_and(is_served) {
                    (plan.operators, plan.view) = (Some(maps), Some(view.clone()));
                }
                return;
            }
        }
        if served.is_some_and(|served| served.view.is_some()) && self.desk.lacks_a_tree() {
            // What it is held for may be in there: it does not go on as if that were mended.
            let message = format!("account {account} is held, and not all of its files can be looked at");
            let found =
                Diagnostic::error("folder-gone", Place::file(&display(&self.desk.sources.zones)), message);
            plan.tell(&unit, [found.hint("it is judged again when both folders can be read")]);
        }
        if !self.desk.is_memory() {
            let errors = self.files_after(operator).flat_map(|(_, file)| &file.errors);
            plan.tell(&unit, errors.filter(|(of, _)| of == account).map(|(_, found)| found.clone()));
        }
        let of_served = served.into_iter().flat_map(|served| &served.operators);
        let files: BTreeSet<&str> = of_served.map(|map| &*map.place.file).collect();
        let shown = broken.iter().map(|path| self.desk.shown(path));
        for file in shown.filter(|file| files.contains(&**file)) {
            let message = format!("the operator's file that holds maps of account {account} has errors");
            let found = Diagnostic::error("operator-file-faulty", Place::file(&file), message);
            plan.tell(&unit, [found.hint("repair the file; the account goes on changing with it")]);
        }
        // They can only differ where the operator's files change or moved on without the account, or where a map is
        // being forgotten.
        let is_forgotten =
            |map: &Arc<AddressMap>| map.immutable && !self.books.immutable.contains_key(&map.id);
        let forgets = served.is_some_and(|served| served.operators.iter().any(is_forgotten));
        let may_differ = forgets || operator.is_some() || served.is_none_or(|served| served.view.is_some());
        if may_differ {
            let maps = self.operators_maps_of(account, operator);
            let before = served.map(|served| served.operators.as_slice()).unwrap_or_default();
            if maps != before || served.is_some_and(|served| served.view.is_some()) {
                plan.operators = Some(maps);
            }
        }
    }

    fn zones(&self, account: &AccountId, settings: &AccountSettings, plan: &mut Plan) {
        // Those of the account `default` are units of their own.
        if !account.is_default() {
            let unit = Unit::Account(account.clone());
            for path in self.of_unit(&unit) {
                self.zone(path, settings, plan);
            }
        }
        if plan.settings.is_none() {
            return;
        }
        let before = self.books.accounts.get(account).and_then(|served| served.settings.clone());
        let before = before.unwrap_or_else(|| AccountSettings::new(account.clone()).into());
        let all = before.require_tags != settings.require_tags
            || before.enforce_dns_only != settings.enforce_dns_only;
        let again = match all {
            true => self.books.zones_of(account),
            false => self.switched(account, &before, settings),
        };
        for (origin, path) in again {
            let is_planned = plan.zones.contains_key(&origin) || plan.files.contains_key(&path);
            let is_unit = account.is_default() && self.changes_by_itself(&origin, &path);
            if !is_planned && !is_unit {
                self.zone_again(account, &origin, &path, settings, plan);
            }
        }
    }

    /// Whether a zone of the account `default` is planned as a unit of its own, with the new settings.
    fn changes_by_itself(&self, origin: &crate::wire::Name, path: &SourcePath) -> bool {
        let unit = Unit::Zone(origin.clone());
        let is_in_play = self.paths.get(&unit).is_some_and(|paths| paths.contains(path));
        is_in_play
            && !self.denied.contains(&unit)
            && match self.desk.read(path) {
                Found::Content(copy) => self.is_changed(path, &copy),
                Found::Missing | Found::Unreadable(_) => true,
            }
    }

    /// The zones that are paused by the new settings and were not by the old, and the other way round.
    fn switched(
        &self,
        account: &AccountId,
        before: &AccountSettings,
        after: &AccountSettings,
    ) -> Vec<(crate::wire::Name, SourcePath)> {
        let named: BTreeSet<_> = before.zones.keys().chain(after.zones.keys()).collect();
        named
            .into_iter()
            .filter(|origin| before.proxies(origin) != after.proxies(origin))
            .filter_map(|origin| {
                let zone = self.books.zones.get(origin)?;
                (zone.account == *account && !zone.faulty).then(|| (origin.clone(), zone.path.clone()))
            })
            .collect()
    }
}

/// Whether maps say the same, wherever they are written.
fn are_same(some: &[Arc<AddressMap>], others: &[Arc<AddressMap>]) -> bool {
    let has = |map: &Arc<AddressMap>| others.iter().any(|other| other.id == map.id && is_same(other, map));
    some.len() == others.len() && some.iter().all(has)
}
