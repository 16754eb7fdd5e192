//! The operator's folders to a [`World`]: which file is what, whose it is, and what a fault in it holds back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::faults;
use super::folder::{self, Folder};
use crate::addrmap::{self, MapFile, Scope};
use crate::model::diagnostic::MAX_EXCERPT;
use crate::model::{
    AccountId, AccountSettings, Approval, AssertionScope, Diagnostic, LoadedZone, Ownership, Place, Severity,
    Unit, World, ZoneContent, ZoneData,
};
use crate::wire::Name;
use crate::zonefile::{self, ReadOptions};

/// Where the sources lie.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Master files and account settings.
    pub zones: PathBuf,
    /// Address maps. The folder may be missing: then there are none.
    pub addrmaps: PathBuf,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Everything that can be served, and what cannot.
    pub world: World,
    /// What was approved in the operator's files.
    pub approvals: Vec<Approval>,
    /// All that was found, in the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// Number of master files.
    pub zone_files: usize,
    /// Number of map files.
    pub map_files: usize,
}

/// The sources could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The zones folder cannot be listed.
    #[error("cannot read the folder of master files {path}: {error}")]
    Zones {
        /// The folder.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The maps folder exists but cannot be listed.
    #[error("cannot read the folder of address maps {path}: {error}")]
    Maps {
        /// The folder.
        path: String,
        /// Why.
        error: std::io::Error,
    },
}

/// Reads everything, with the ledger enforced. Faults in files are diagnostics; each holds back its unit and nothing
/// else.
pub fn load(sources: &Sources) -> Result<Loaded, LoadError> {
    load_with(sources, Ownership::default())
}

/// The same, with what the settings say becomes of maps whose addresses their account may not use.
pub fn load_with(sources: &Sources, ownership: Ownership) -> Result<Loaded, LoadError> {
    let mut reader = Reader::default();
    reader.loaded.world.ownership = ownership;
    let listed = folder::list(&sources.zones);
    let entries =
        listed.map_err(|error| LoadError::Zones { path: sources.zones.display().to_string(), error })?;
    reader.read_zones(&sources.zones, entries);
    match folder::list(&sources.addrmaps) {
        Ok(entries) => reader.read_maps(&sources.addrmaps, entries),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(LoadError::Maps { path: sources.addrmaps.display().to_string(), error }),
    }
    Ok(reader.finish())
}

/// A folder of an account in one of the two trees.
struct AccountFolder {
    account: AccountId,
    path: PathBuf,
    files: Vec<folder::Entry>,
}

#[derive(Default)]
struct Reader {
    loaded: Loaded,
    findings: Vec<(Unit, Diagnostic)>,
    maps: MapFile,
    /// The master file of every origin.
    origins: BTreeMap<Name, (Arc<str>, usize)>,
}

impl Reader {
    fn read_zones(&mut self, root: &Path, entries: Vec<folder::Entry>) {
        let (own, folders) = self.by_account(entries);
        for AccountFolder { account, path, files } in folders {
            self.read_account(&path, &account, files);
        }
        self.read_account(root, &AccountId::default_account(), own);
    }

    /// The files that stand in the top folder itself, and the folders of accounts with all their files.
    fn by_account(&mut self, entries: Vec<folder::Entry>) -> (Vec<folder::Entry>, Vec<AccountFolder>) {
        let mut own = Vec::new();
        let mut folders = Vec::new();
        for entry in entries {
            if !entry.is_folder {
                own.push(entry);
            } else if let Some(account) = self.account_of_folder(&entry) {
                let files = self.list_deep(&entry.path, &Unit::Account(account.clone()));
                folders.push(AccountFolder { account, path: entry.path, files });
            }
        }
        (own, folders)
    }

    fn account_of_folder(&mut self, entry: &folder::Entry) -> Option<AccountId> {
        let name = entry.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // The zones of the account `default` stand beside the folders of the others.
        let account = AccountId::new(name).filter(|account| !account.is_default());
        if account.is_none() {
            // Nothing in it can be served, and nothing else hangs on it.
            self.findings.push((Unit::Nothing, faults::bad_account_folder(&entry.path)));
        }
        account
    }

    fn list_deep(&mut self, path: &Path, unit: &Unit) -> Vec<folder::Entry> {
        let (files, faults) = folder::list_deep(path);
        for (path, error) in faults {
            self.unreadable(unit.clone(), &path, &error);
        }
        files
    }

    fn unreadable(&mut self, unit: Unit, path: &Path, error: &dyn std::fmt::Display) {
        self.findings.push((unit, faults::unreadable(&folder::display(path), error)));
    }

    /// A file that stands where nothing of its kind is read.
    fn not_read(&mut self, unit: &Unit, path: &Path, hint: &str) {
        // What people write for people is no mistake.
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("README")) {
            return;
        }
        let place = Place::file(&folder::display(path));
        let found = Diagnostic::warning("not-read", place, "this file is not read here").hint(hint);
        self.findings.push((unit.clone(), found));
    }

    /// Reads a file, or tells why not.
    fn content(&mut self, unit: &Unit, path: &Path) -> Option<(Arc<str>, Vec<u8>)> {
        match folder::read(path) {
            Ok(content) => Some((folder::display(path), content)),
            Err(error) => {
                self.unreadable(unit.clone(), path, &error);
                None
            }
        }
    }

    fn read_account(&mut self, root: &Path, account: &AccountId, files: Vec<folder::Entry>) {
        let unit = Unit::Account(account.clone());
        let (settings, files): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|entry| entry.path == root.join("account.toml"));
        for entry in settings {
            let Some((file, content)) = self.content(&unit, &entry.path) else { continue };
            let (settings, diagnostics) = addrmap::read_account_file(&file, &content, account);
            self.findings.extend(diagnostics.into_iter().map(|diagnostic| (unit.clone(), diagnostic)));
            if let Some(settings) = settings {
                self.loaded.world.accounts.insert(account.clone(), settings);
            }
        }
        let (files, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|entry| entry.has_extension("zone"));
        let mut unread: Vec<_> = others.into_iter().map(|entry| entry.path).collect();
        if !files.is_empty() {
            let settings = self.settings_of(account);
            let options = ReadOptions { require_tags: settings.require_tags };
            let folder = Folder::new(root);
            for entry in files {
                self.read_zone(&entry.path, account, options, &folder);
            }
            let named = folder.opened();
            unread.retain(|path| path.canonicalize().map_or(true, |real| !named.contains(&real)));
        }
        for path in unread {
            let hint = "name a master file after its zone, example.com.zone; settings stand in zones/<account>/account.toml";
            self.not_read(&unit, &path, hint);
        }
    }

    fn settings_of(&mut self, account: &AccountId) -> &AccountSettings {
        let accounts = &mut self.loaded.world.accounts;
        accounts.entry(account.clone()).or_insert_with(|| AccountSettings::new(account.clone()))
    }

    fn read_zone(&mut self, path: &Path, account: &AccountId, options: ReadOptions, folder: &Folder) {
        self.loaded.zone_files += 1;
        let file = folder::display(path);
        let Some(origin) = self.origin_of(path) else { return };
        let unit = Unit::Zone(origin.clone());
        let zone = self.content(&unit, path).and_then(|(file, content)| {
            let (zone, diagnostics) = zonefile::read_zone(&file, &content, &origin, options, folder);
            self.findings.extend(diagnostics.into_iter().map(|diagnostic| (unit.clone(), diagnostic)));
            zone
        });
        if let Some((first, index)) = self.origins.get(&origin).cloned() {
            let same_account = self.loaded.world.zones[index].account == *account;
            self.second_file(&unit, &first, &file, same_account);
            self.loaded.world.zones[index].content = ZoneContent::Faulty;
            return;
        }
        self.origins.insert(origin.clone(), (file, self.loaded.world.zones.len()));
        let content = zone.map_or(ZoneContent::Faulty, |zone: ZoneData| ZoneContent::Good(Arc::new(zone)));
        self.loaded.world.zones.push(LoadedZone { origin, account: account.clone(), content });
    }

    /// The origin that a file's name says.
    fn origin_of(&mut self, path: &Path) -> Option<Name> {
        use std::os::unix::ffi::OsStrExt;
        let stem = path.file_stem().unwrap_or_default();
        match Name::parse_bytes(stem.as_bytes(), Some(&Name::root())) {
            Ok(origin) => Some(origin.to_lower()),
            Err(error) => {
                self.findings.push((Unit::Nothing, faults::bad_zone_file_name(path, &error)));
                None
            }
        }
    }

    fn second_file(&mut self, unit: &Unit, first: &Arc<str>, second: &Arc<str>, same_account: bool) {
        for (here, other) in [(first, second), (second, first)] {
            let Unit::Zone(origin) = unit else { return };
            let diagnostic = faults::zone_in_two_files(origin, here, same_account.then_some(other));
            self.findings.push((unit.clone(), diagnostic));
        }
    }

    fn read_maps(&mut self, root: &Path, entries: Vec<folder::Entry>) {
        let (own, folders) = self.by_account(entries);
        for AccountFolder { account, path, files } in folders {
            self.read_map_files(&path, Scope::Account(&account), &files);
        }
        self.read_map_files(root, Scope::Operator, &own);
    }

    fn read_map_files(&mut self, root: &Path, scope: Scope<'_>, files: &[folder::Entry]) {
        let unit = match scope {
            Scope::Operator => Unit::Operator,
            Scope::Account(account) => Unit::Account(account.clone()),
        };
        let folder = Folder::new(root);
        for entry in files.iter().filter(|entry| entry.has_extension("toml")) {
            self.loaded.map_files += 1;
            let Some((file, content)) = self.content(&unit, &entry.path) else { continue };
            self.maps.absorb(addrmap::read_map_file(&file, &content, scope, &folder, &[]));
        }
        let named = folder.opened();
        for entry in files.iter().filter(|entry| !entry.has_extension("toml")) {
            if entry.path.canonicalize().map_or(true, |real| !named.contains(&real)) {
                let hint =
                    "name a file of maps something.toml; master files are read from the folder of zones";
                self.not_read(&unit, &entry.path, hint);
            }
        }
    }

    /// Checks over all files, and what each error holds back.
    fn finish(mut self) -> Loaded {
        let MapFile { anycast, maps, ledger, assertions, approvals, findings } =
            std::mem::take(&mut self.maps);
        self.findings.extend(findings);
        for map in &maps {
            let account = &map.account;
            let accounts = &mut self.loaded.world.accounts;
            accounts.entry(account.clone()).or_insert_with(|| AccountSettings::new(account.clone()));
        }
        self.loaded.world.maps = maps.into_iter().map(Arc::new).collect();
        self.loaded.world.anycast = anycast;
        self.loaded.world.ledger = Arc::new(ledger);
        self.loaded.world.assertions = assertions.into_iter().map(Arc::new).collect();
        self.loaded.approvals = approvals;
        self.hold(0);
        self.no_ledger();
        let single = self.findings.len();
        let world = &self.loaded.world;
        let mut between = addrmap::check(world);
        between.extend(zonefile::check_between(world));
        // What a faulty file leaves out would only be complained about a second time.
        between
            .retain(|(unit, diagnostic)| diagnostic.severity == Severity::Error || !is_faulty(world, unit));
        excerpts(between.iter_mut().map(|(_, found)| found));
        self.findings.extend(between);
        self.hold(single);
        let world = &mut self.loaded.world;
        let owners: BTreeMap<&Name, &AccountId> =
            world.zones.iter().map(|zone| (&zone.origin, &zone.account)).collect();
        // Of another account's zone an account says nothing; it was told so.
        world.assertions.retain(|assertion| match (&assertion.scope, &assertion.author) {
            (AssertionScope::Zone(origin), Some(author)) => {
                owners.get(origin).is_none_or(|owner| *owner == author)
            }
            _ => true,
        });
        world.maps.retain(|map| !world.faulty_accounts.contains(&map.account));
        self.loaded.diagnostics = self.findings.into_iter().map(|(_, diagnostic)| diagnostic).collect();
        self.loaded.diagnostics.sort();
        self.loaded.diagnostics.dedup();
        self.loaded
    }

    /// Where nothing is known of any address nothing is enforced, and whoever relies on it should know.
    fn no_ledger(&mut self) {
        let world = &self.loaded.world;
        let first = world.maps.iter().find(|map| !map.is_empty());
        let is_enforced = world.ownership == Ownership::Enforce && !world.faulty_operator;
        if let (Some(map), true) = (first, is_enforced && world.ledger.is_empty()) {
            let message = "there is no ledger: no address of a map is checked for whose it is";
            let found = Diagnostic::note(addrmap::code::NO_LEDGER, map.place.clone(), message);
            let hint = "write [[prefix]] in the operator's files, or ownership = \"off\" in portolan.toml";
            let mut found = found.hint(hint);
            excerpts([&mut found]);
            self.findings.push((Unit::Nothing, found));
        }
    }

    /// Holds back what the errors among the findings from `first` on hold back.
    fn hold(&mut self, first: usize) {
        let world = &mut self.loaded.world;
        for (unit, diagnostic) in &self.findings[first..] {
            if diagnostic.severity != Severity::Error {
                continue;
            }
            match unit {
                Unit::Operator => world.faulty_operator = true,
                Unit::Account(account) => {
                    world.faulty_accounts.insert(account.clone());
                }
                Unit::Zone(origin) => {
                    if let Some((_, index)) = self.origins.get(origin) {
                        world.zones[*index].content = ZoneContent::Faulty;
                    }
                }
                Unit::Nothing => {}
            }
        }
    }
}

pub(super) fn is_faulty(world: &World, unit: &Unit) -> bool {
    match unit {
        Unit::Operator => world.faulty_operator,
        Unit::Account(account) => world.faulty_accounts.contains(account),
        Unit::Zone(_) | Unit::Nothing => false,
    }
}

/// Adds the source lines to findings of checks that did not have the files at hand.
pub(super) fn excerpts<'f>(findings: impl IntoIterator<Item = &'f mut Diagnostic>) {
    let mut texts: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
    for diagnostic in findings.into_iter().filter(|found| found.excerpt.is_none() && found.place.line > 0) {
        let file = diagnostic.place.file.clone();
        let lines = texts.entry(file.clone()).or_insert_with(|| {
            // A file that went away meanwhile is shown without its lines.
            let text = folder::read(Path::new(&*file)).unwrap_or_default();
            String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
        });
        if let Some(line) = lines.get(diagnostic.place.line as usize - 1) {
            diagnostic.excerpt = Some(line.chars().take(MAX_EXCERPT).collect());
        }
    }
}
