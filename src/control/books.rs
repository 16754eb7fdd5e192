//! The books of the control thread: what is served and from which sources, what the files are known to say, and what
//! is held. No zone data: that is compiled and let go.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::OsStr;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::content::Served;
use super::plan::Plan;
use super::report::Problem;
use super::source::Kind;
use super::standing::Standing;
use super::state::Faulty;
use super::{Digest, SourcePath, Stamp, Tree};
use crate::addrmap::LedgerIndex;
use crate::model::{
    AccountId, AccountSettings, AddressMap, AnycastDefaults, Approval, Assertion, Diagnostic, Ledger, MapId,
    Unit,
};
use crate::wire::Name;

/// Members of a map that are looked at in no time.
const MANY_MEMBERS: usize = 1000;

/// What is known of a source.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The content that is served, if it is.
    pub(super) served: Option<Digest>,
    /// How the file looked when it was last read; `None` where there was none.
    pub(super) seen: Option<Stamp>,
}

/// A zone that is served.
#[derive(Clone, Debug)]
pub(super) struct ServedZone {
    pub(super) account: AccountId,
    pub(super) path: SourcePath,
    /// Answered SERVFAIL: it never was good.
    pub(super) faulty: bool,
}

/// An account that is served.
#[derive(Clone, Debug, Default)]
pub(super) struct ServedAccount {
    pub(super) settings: Option<Arc<AccountSettings>>,
    /// Maps by the account's own files.
    pub(super) own: BTreeMap<SourcePath, Vec<Arc<AddressMap>>>,
    /// Assertions by the account's own files; only of those that hold some.
    pub(super) assertions: BTreeMap<SourcePath, Vec<Arc<Assertion>>>,
    /// Maps that the operator made for it, remembered immutable ones included.
    pub(super) operators: Vec<Arc<AddressMap>>,
    /// The operator's files as this account is served from them, where they have moved on without it.
    pub(super) view: Option<BTreeMap<SourcePath, Digest>>,
}

impl ServedAccount {
    /// All its maps.
    pub(super) fn maps(&self) -> Vec<Arc<AddressMap>> {
        self.own.values().flatten().chain(&self.operators).cloned().collect()
    }

    /// Whether it has neither settings nor maps.
    fn is_empty(&self) -> bool {
        self.settings.is_none() && self.own.is_empty() && self.operators.is_empty()
    }
}

/// One of the operator's map files.
#[derive(Clone, Debug, Default)]
pub(super) struct OperatorFile {
    pub(super) anycast: Option<AnycastDefaults>,
    pub(super) maps: Vec<Arc<AddressMap>>,
    pub(super) ledger: Ledger,
    pub(super) assertions: Vec<Arc<Assertion>>,
    pub(super) approvals: Vec<Approval>,
    /// Errors in maps of an account: they hold that account and no other.
    pub(super) errors: Vec<(AccountId, Diagnostic)>,
}

impl OperatorFile {
    /// Whether it holds approvals and nothing else.
    pub(super) fn only_approves(&self) -> bool {
        let OperatorFile { anycast, maps, ledger, assertions, approvals, errors } = self;
        let is_nothing_else = anycast.is_none()
            && maps.is_empty()
            && ledger.is_empty()
            && assertions.is_empty()
            && errors.is_empty();
        is_nothing_else && !approvals.is_empty()
    }
}

/// The operator's files as they are served.
#[derive(Clone, Debug, Default)]
pub(super) struct ServedOperator {
    pub(super) files: BTreeMap<SourcePath, OperatorFile>,
    /// The ledger of all of them.
    pub(super) ledger: Arc<LedgerIndex>,
}

impl ServedOperator {
    /// The anycast defaults.
    pub(super) fn anycast(&self) -> Option<&AnycastDefaults> {
        self.files.values().find_map(|file| file.anycast.as_ref())
    }
}

/// Why a unit is held, and since when.
#[derive(Clone, Debug)]
pub(super) struct HeldUnit {
    pub(super) since: u64,
    pub(super) problems: Vec<Problem>,
    /// The digest of its content, where an approval of it lets it pass.
    pub(super) digest: Option<String>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) generation: u64,
    pub(super) published: u64,
    /// What is served, in one number.
    pub(super) content: Served,
    pub(super) files: BTreeMap<SourcePath, Known>,
    /// Files that differ from what is served.
    pub(super) differing: BTreeSet<SourcePath>,
    /// Sources that went last, the latest at the end: whoever names one of them has not mistyped it.
    pub(super) gone: VecDeque<SourcePath>,
    pub(super) zones: HashMap<Name, ServedZone>,
    pub(super) accounts: BTreeMap<AccountId, ServedAccount>,
    /// The accounts that assert something.
    pub(super) asserting: BTreeSet<AccountId>,
    pub(super) operator: ServedOperator,
    /// What never was good.
    pub(super) faulty: Faulty,
    /// What each served source names, in the version that is served.
    pub(super) names: BTreeMap<SourcePath, BTreeSet<SourcePath>>,
    /// Who names a file, or would where it is held.
    pub(super) named_by: BTreeMap<SourcePath, BTreeSet<SourcePath>>,
    /// Files that were named for the first time since somebody asked.
    pub(super) newly_named: Vec<SourcePath>,
    /// What each held source names, in the version that is not served.
    pub(super) pending_names: BTreeMap<SourcePath, BTreeSet<SourcePath>>,
    /// Whose maps have an id.
    pub(super) map_ids: HashMap<MapId, BTreeSet<AccountId>>,
    /// Immutable maps ever served.
    pub(super) immutable: BTreeMap<MapId, Arc<AddressMap>>,
    /// Immutable maps that the files do not hold, put back from memory.
    pub(super) restored: Vec<Diagnostic>,
    pub(super) held: BTreeMap<Unit, HeldUnit>,
    /// What stands whatever the files say.
    pub(super) standing: Standing,
    /// The operator's files that have errors: the accounts that they serve are held.
    pub(super) broken: BTreeSet<SourcePath>,
    /// Units to be judged again with the next change, whether their files change or not: others are in their way.
    pub(super) waiting: BTreeSet<Unit>,
    /// Folders that cannot be read and files that may not be, with their unit and the reason.
    pub(super) faults: BTreeMap<SourcePath, (Unit, String)>,
}

/// Sources that went that are known: more than anybody removes and then names.
const MAX_GONE: usize = 1000;

impl Books {
    /// Whether anything was ever known at a path or below it, as far back as is kept.
    pub(super) fn knows(&self, path: &SourcePath) -> bool {
        let is_it = |known: &SourcePath| known.tree == path.tree && known.below.starts_with(&path.below);
        self.below(path).next().is_some()
            || self.named_by.contains_key(path)
            || self.differing.contains(path)
            || self.gone.iter().any(is_it)
    }

    /// A source is gone, and nothing of it is served.
    pub(super) fn forget(&mut self, path: &SourcePath) {
        if self.files.remove(path).is_some() {
            if self.gone.len() == MAX_GONE {
                self.gone.pop_front();
            }
            self.gone.push_back(path.clone());
        }
    }

    /// The sources below a path, the path itself included.
    pub(super) fn below(&self, path: &SourcePath) -> impl Iterator<Item = (&SourcePath, &Known)> + use<'_> {
        let (tree, top) = (path.tree, path.below.clone());
        self.files
            .range(path.clone()..)
            .take_while(move |(found, _)| found.tree == tree && found.below.starts_with(&top))
    }

    /// The files right in the folder of a tree. What lies deeper is passed by, a folder at a time.
    fn at_top(&self, tree: Tree) -> impl Iterator<Item = &SourcePath> + use<'_> {
        let mut from = Bound::Included(SourcePath::new(tree, Path::new("")));
        std::iter::from_fn(move || {
            loop {
                let (path, _) = self.files.range((from.clone(), Bound::Unbounded)).next()?;
                if path.tree != tree {
                    return None;
                }
                if !path.is_in_folder() {
                    from = Bound::Excluded(path.clone());
                    return Some(path);
                }
                // What lies in a folder stands right behind its name, before this name with any octet added.
                let folder = path.below.components().next().map(|folder| folder.as_os_str().as_bytes());
                let behind = [folder.unwrap_or_default(), &[1]].concat();
                from = Bound::Included(SourcePath::new(tree, Path::new(OsStr::from_bytes(&behind))));
            }
        })
    }

    /// The sources of a unit that satisfy a condition, among some.
    pub(super) fn of_unit<'a>(
        unit: &'a Unit,
        among: &'a BTreeSet<SourcePath>,
    ) -> impl Iterator<Item = &'a SourcePath> + use<'a> {
        let roots: Vec<SourcePath> = match unit {
            Unit::Account(account) if !account.is_default() => {
                let folder = Path::new(account.as_str());
                vec![SourcePath::new(Tree::Zones, folder), SourcePath::new(Tree::Maps, folder)]
            }
            Unit::Operator => vec![SourcePath::new(Tree::Maps, Path::new(""))],
            Unit::Account(_) => vec![SourcePath::new(Tree::Zones, Path::new("account.toml"))],
            Unit::Zone(_) => vec![SourcePath::new(Tree::Zones, Path::new(""))],
            Unit::Nothing => Vec::new(),
        };
        roots.into_iter().flat_map(move |root| {
            let tree = root.tree;
            let top = root.below.clone();
            among
                .range(root..)
                .take_while(move |path| path.tree == tree && path.below.starts_with(&top))
                .filter(move |path| path.unit().as_ref() == Some(unit))
        })
    }

    /// The sources of a unit that are served.
    pub(super) fn served_of<'a>(&'a self, unit: &'a Unit) -> impl Iterator<Item = &'a SourcePath> + use<'a> {
        let roots = match unit {
            Unit::Account(account) if !account.is_default() => {
                let folder = Path::new(account.as_str());
                vec![SourcePath::new(Tree::Zones, folder), SourcePath::new(Tree::Maps, folder)]
            }
            Unit::Account(account) => vec![SourcePath::settings_of(account)],
            Unit::Operator => vec![SourcePath::new(Tree::Maps, Path::new(""))],
            Unit::Zone(origin) => self.zones.get(origin).map(|zone| zone.path.clone()).into_iter().collect(),
            Unit::Nothing => Vec::new(),
        };
        roots.into_iter().flat_map(move |root| {
            let served = self.below(&root).filter(|(_, known)| known.served.is_some());
            let paths: Vec<&SourcePath> = served.map(|(path, _)| path).collect();
            paths.into_iter().filter(move |path| path.unit().as_ref() == Some(unit))
        })
    }

    /// The zones of an account whose files are good, with their files.
    pub(super) fn zones_of(&self, account: &AccountId) -> Vec<(Name, SourcePath)> {
        let folder = if account.is_default() { "" } else { account.as_str() };
        self.below(&SourcePath::new(Tree::Zones, Path::new(folder)))
            .filter_map(|(path, _)| match path.kind() {
                Kind::Zone(origin) => {
                    let zone = self.zones.get(&origin)?;
                    (zone.account == *account && zone.path == *path && !zone.faulty)
                        .then(|| (origin, path.clone()))
                }
                _ => None,
            })
            .collect()
    }

    /// Notes what a served source names, instead of what it and its held version named before.
    pub(super) fn set_names(&mut self, by: &SourcePath, names: BTreeSet<SourcePath>) {
        let before = self.names.remove(by).unwrap_or_default();
        if !names.is_empty() {
            self.names.insert(by.clone(), names);
        }
        let pending = self.pending_names.remove(by).unwrap_or_default();
        self.note_named(by, before.into_iter().chain(pending));
    }

    /// Notes what the held version of a source names, instead of what it named before.
    pub(super) fn set_pending_names(&mut self, by: &SourcePath, names: BTreeSet<SourcePath>) {
        let before = self.pending_names.remove(by).unwrap_or_default();
        if !names.is_empty() {
            self.pending_names.insert(by.clone(), names);
        }
        self.note_named(by, before);
    }

    /// Turns what a source names round, once that has changed from `before`.
    fn note_named(&mut self, by: &SourcePath, before: impl IntoIterator<Item = SourcePath>) {
        let both = [self.names.get(by), self.pending_names.get(by)];
        let now: BTreeSet<SourcePath> = both.into_iter().flatten().flatten().cloned().collect();
        for named in before.into_iter().filter(|named| !now.contains(named)) {
            if let Some(by_whom) = self.named_by.get_mut(&named) {
                by_whom.remove(by);
                if by_whom.is_empty() {
                    self.named_by.remove(&named);
                }
            }
        }
        for named in now {
            let by_whom = self.named_by.entry(named.clone()).or_default();
            if by_whom.is_empty() {
                self.newly_named.push(named);
            }
            by_whom.insert(by.clone());
        }
    }

    /// Enters settings and maps of an account as planned.
    pub(super) fn enter_account(&mut self, plan: Plan) {
        let Some(id) = plan.account().cloned() else { return };
        if !plan.changes_maps() && plan.settings.is_none() {
            return;
        }
        let account = self.accounts.entry(id.clone()).or_default();
        let ids = |account: &ServedAccount| -> BTreeSet<MapId> {
            account.maps().iter().map(|map| map.id.clone()).collect()
        };
        let before = ids(account);
        if let Some(settings) = plan.settings {
            account.settings = settings;
        }
        for (path, maps) in plan.own {
            account.assertions.remove(&path);
            match maps {
                Some(maps) => account.own.insert(path, maps),
                None => account.own.remove(&path),
            };
        }
        account.assertions.extend(plan.assertions.into_iter().filter(|(_, said)| !said.is_empty()));
        match account.assertions.is_empty() {
            true => self.asserting.remove(&id),
            false => self.asserting.insert(id.clone()),
        };
        if let Some(operators) = plan.operators {
            account.operators = operators;
        }
        let after = ids(account);
        if account.is_empty() && account.view.is_none() {
            self.accounts.remove(&id);
        }
        for gone in before.difference(&after) {
            if let Some(accounts) = self.map_ids.get_mut(gone) {
                accounts.remove(&id);
                if accounts.is_empty() {
                    self.map_ids.remove(gone);
                }
            }
        }
        for new in after.difference(&before) {
            self.map_ids.entry(new.clone()).or_default().insert(id.clone());
        }
    }

    /// The zones of an account, faulty ones as well.
    pub(super) fn zones_with(&self, account: &AccountId) -> impl Iterator<Item = Name> + use<'_> {
        let folder = SourcePath::new(Tree::Zones, Path::new(account.as_str()));
        let in_folder = (!account.is_default()).then(|| self.below(&folder).map(|(path, _)| path));
        let at_top = account.is_default().then(|| self.at_top(Tree::Zones));
        let account = account.clone();
        in_folder.into_iter().flatten().chain(at_top.into_iter().flatten()).filter_map(move |path| {
            let Kind::Zone(origin) = path.kind() else { return None };
            let zone = self.zones.get(&origin)?;
            (zone.path == *path && zone.account == account).then_some(origin)
        })
    }

    /// Looks at the members of large maps, so that the first change of one of their zones costs no more than the next.
    pub(super) fn look_ahead(&self) {
        let maps = self
            .accounts
            .values()
            .flat_map(|account| account.own.values().flatten().chain(&account.operators));
        maps.filter(|map| map.memberships.len() > MANY_MEMBERS).for_each(|map| map.memberships.look_ahead());
    }

    /// One zone of an account, if it has any that is found at once.
    pub(super) fn any_zone_of(&self, account: &AccountId) -> Option<Name> {
        self.zones_with(account).next()
    }

    /// Whether there is anything of an account.
    pub(super) fn is_served(&self, account: &AccountId) -> bool {
        self.accounts.get(account).is_some_and(|served| !served.is_empty())
            || self.any_zone_of(account).is_some()
    }

    /// Notes how an account sees the operator's files.
    pub(super) fn set_view(&mut self, id: AccountId, view: Option<BTreeMap<SourcePath, Digest>>) {
        let account = self.accounts.entry(id.clone()).or_default();
        account.view = view;
        if account.view.is_none() && account.is_empty() {
            self.accounts.remove(&id);
        }
    }

    /// Whether a source is of interest: read for itself, or named by another one.
    pub(super) fn is_source(&self, path: &SourcePath) -> bool {
        path.kind() != Kind::Other || self.named_by.contains_key(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_passed_by() {
        let path = |below: &str| SourcePath::new(Tree::Zones, Path::new(below));
        let mut books = Books::default();
        let top = ["-.zone", "a.zone", "acme.zone", "acmf.zone", "account.toml", "z.zone"];
        let deep = ["-/a.zone", "a/b/c.zone", "acme/a.zone", "acme/deep/b.zone", "acme!/a.zone", "zz/a.zone"];
        for below in top.iter().chain(&deep) {
            books.files.insert(path(below), Known::default());
        }
        books.files.insert(SourcePath::new(Tree::Maps, Path::new("zzz.toml")), Known::default());
        let mut expected = top.map(path);
        expected.sort();
        assert_eq!(books.at_top(Tree::Zones).cloned().collect::<Vec<_>>(), expected);
        assert_eq!(Books::default().at_top(Tree::Zones).next(), None);
    }
}
