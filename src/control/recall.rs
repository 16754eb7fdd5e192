//! What `history`, `show`, `diff` and `explain --at` are told.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;
use std::sync::Arc;

use super::engine::{Engine, MAX_TOLD};
use super::folder::display;
use super::history::{Diff, FileTold, History, Shown, When};
use super::past::Scope;
use super::report::Entry;
use super::source::Kind;
use super::state::{Intent, Manifest};
use super::{SourcePath, Tree};
use crate::answer::{self, Step};
use crate::judge::{Explanation, plan};
use crate::model::{AccountId, AddressMap, MapId};
use crate::snapshot::Touched;
use crate::wire::reader::MessageRecord;
use crate::wire::{Name, NameBuf, Question, RrType};

/// Times that the sources are read again because an answer leads to further zones, at most.
const MAX_READINGS: usize = 20;

impl Engine {
    /// The newest generations that are remembered, newest first.
    pub fn history(&self, limit: usize) -> History {
        let known = self.store.state.generations();
        let entries = known.iter().rev().take(limit).map(|known| self.entry_of(known.generation));
        History { served: self.books.generation, kept: known.len() as u64, entries: entries.collect() }
    }

    /// One generation, whole. Fails where it is not remembered or cannot be read.
    pub fn show(&self, when: When) -> Result<Shown, String> {
        let (generation, manifest) = self.remembered(when)?;
        let mut entries = self.entries_of(generation);
        let entry = entries.pop().unwrap_or_default();
        let state = &self.store.state;
        let is_base = state.generations().iter().any(|known| known.generation == generation && known.is_base);
        let intent = state.intent_at(generation).map_err(|error| error.to_string())?.unwrap_or_default();
        let before = match state.before(generation) {
            Some(before) => state.manifest_at(before).map_err(|error| error.to_string())?,
            None => None,
        };
        let files = match is_base {
            true => Vec::new(),
            false => self.files_told(before.as_ref(), &manifest, intent.files.iter().map(|(path, _)| path)),
        };
        Ok(Shown {
            entry,
            earlier: entries,
            is_served: generation == self.books.generation,
            is_oldest: is_base,
            files_changed: files.len() as u64,
            files: files.into_iter().take(MAX_TOLD).collect(),
        })
    }

    /// What two generations answer differently. Both are made again, of the accounts only that differ.
    pub fn diff(&mut self, from: When, to: When) -> Result<Diff, String> {
        let ((from, before), (to, after)) = (self.remembered(from)?, self.remembered(to)?);
        let between = Intent::between(&before, &after);
        let changed: Vec<&SourcePath> = between.files.iter().map(|(path, _)| path).collect();
        let files = self.files_told(Some(&before), &after, changed.into_iter());
        let (before, after) = match touched_accounts(&between) {
            Some(mut accounts) => {
                accounts.extend(neighbours(&between, &before).chain(neighbours(&between, &after)));
                (only(&before, &accounts), only(&after, &accounts))
            }
            None => (before, after),
        };
        let look = |past: &Engine| (past.snapshot(), maps_of(past));
        let (old, old_maps) = self.with_past(before, look);
        let (new, new_maps) = self.with_past(after, look);
        let differing = old.differences(&new);
        let sign = |origin: &Name| {
            let wire = origin.to_lower_wire();
            match (old.zones.get(&old.seed, &wire), new.zones.get(&new.seed, &wire)) {
                (None, _) => '+',
                (_, None) => '-',
                _ => '~',
            }
        };
        let zones = differing.iter().take(MAX_TOLD).map(|origin| format!("{}{origin}", sign(origin)));
        Ok(Diff {
            from,
            to,
            files_changed: files.len() as u64,
            files: files.into_iter().take(MAX_TOLD).collect(),
            zones_changed: differing.len() as u64,
            zones: zones.collect(),
            maps: maps_differing(&old_maps, &new_maps).take(MAX_TOLD).collect(),
            plan: plan(&old, &new, &Touched::between(&old, &new)),
        })
    }

    /// Why a name was answered what it was answered.
    pub fn explain_at(&mut self, name: &Name, rtype: RrType, when: When) -> Result<Explanation, String> {
        let (_, manifest) = self.remembered(when)?;
        let mut scope = Scope { names: BTreeSet::from([name.to_lower()]), accounts: None };
        for _ in 0..MAX_READINGS {
            let narrow = scope.narrowed(&manifest);
            let (explanation, names) = self.with_past(narrow, |past| explained(past, name, rtype));
            if names.is_subset(&scope.names) {
                return Ok(explanation);
            }
            scope.names.extend(names);
        }
        Ok(self.with_past(manifest, |past| past.explain(name, rtype)))
    }

    /// What is remembered of a generation as it is now. Fails where nothing is, and says what is.
    pub(super) fn remembered(&self, when: When) -> Result<(u64, Manifest), String> {
        let state = &self.store.state;
        let generation = match when {
            When::Generation(generation) => Some(generation),
            When::Time(time) => state.at_time(time),
        };
        let manifest = match generation {
            Some(generation) => state.manifest_at(generation).map_err(|error| error.to_string())?,
            None => None,
        };
        generation.zip(manifest).ok_or_else(|| {
            let wanted = match when {
                When::Generation(generation) => format!("generation {generation} is not remembered"),
                When::Time(_) => "what was served then is not remembered".to_owned(),
            };
            let known = state.generations();
            match (known.first(), known.last()) {
                (Some(first), Some(last)) if known.len() > 1 => {
                    let (count, first, last) = (known.len(), first.generation, last.generation);
                    format!(
                        "{wanted}: there are {count} from {first} to {last}, `portolan history` lists them"
                    )
                }
                (Some(only), _) => format!("{wanted}: there is {} alone", only.generation),
                _ => format!("{wanted}: nothing is yet"),
            }
        })
    }

    /// What was noted of a generation, and before it what was published with it.
    pub(super) fn entries_of(&self, generation: u64) -> Vec<Entry> {
        let journal = self.store.state.journal(generation).unwrap_or_else(|error| {
            tracing::warn!(%error, generation, "the journal of a generation cannot be read");
            None
        });
        let mut entries = Entry::of_journal(&journal.unwrap_or_default());
        if entries.last().is_none_or(|entry| entry.generation != generation) {
            let known = self.store.state.generations();
            let at = known.iter().find(|known| known.generation == generation).map_or(0, |known| known.time);
            entries.push(Entry { generation, at, ..Entry::default() });
        }
        entries
    }

    pub(super) fn entry_of(&self, generation: u64) -> Entry {
        self.entries_of(generation).pop().unwrap_or_default()
    }

    /// What happens to files between two generations.
    pub(super) fn files_told<'p>(
        &self,
        before: Option<&Manifest>,
        after: &Manifest,
        paths: impl Iterator<Item = &'p SourcePath>,
    ) -> Vec<FileTold> {
        let told = paths.filter_map(|path| {
            let digest = |manifest: &Manifest| manifest.files.get(path).map(|file| file.digest);
            let (before, after) = (before.and_then(digest), digest(after));
            let change = match (before, after) {
                (None, Some(_)) => "+",
                (Some(_), None) => "-",
                // The same content, written anew.
                (before, after) if before == after => return None,
                _ => "~",
            };
            Some(FileTold {
                change: change.to_owned(),
                file: display(&path.on_disk(&self.sources)).to_string(),
                before: before.map(|digest| digest.to_string()),
                after: after.map(|digest| digest.to_string()),
            })
        });
        told.collect()
    }
}

/// The accounts whose answers an intent can change; `None` where it can change those of all: by the operator's files, and
/// by those that files in the top folders may name.
fn touched_accounts(intent: &Intent) -> Option<BTreeSet<AccountId>> {
    let operator = |path: &SourcePath| path.tree == Tree::Maps && path.account().is_none();
    let all = intent.faulty.is_some()
        || !intent.immutable.is_empty()
        || intent.files.iter().any(|(path, _)| operator(path));
    let all = all || intent.files.iter().any(|(path, _)| path.kind() == Kind::Other);
    let of_files = intent.files.iter().filter_map(|(path, _)| path.account());
    let of_views = intent.views.iter().map(|(account, _)| account.clone());
    (!all).then(|| of_files.chain(of_views).collect())
}

/// The accounts of zones above and below those that differ: which zone answers for a name hangs on all of them.
fn neighbours(between: &Intent, manifest: &Manifest) -> impl Iterator<Item = AccountId> {
    let origin = |path: &SourcePath| match path.kind() {
        Kind::Zone(origin) => Some(origin),
        _ => None,
    };
    let changed: BTreeSet<Name> = between.files.iter().filter_map(|(path, _)| origin(path)).collect();
    manifest.files.keys().filter_map(move |path| {
        let own = origin(path)?;
        // In the canonical order what is below a name follows it.
        let is_above = changed.range(own.clone()..).next().is_some_and(|below| below.is_at_or_below(&own));
        let is_below = || successors(own.parent(), Name::parent).any(|above| changed.contains(&above));
        (is_above || is_below()).then(|| path.account()).flatten()
    })
}

/// A generation without other accounts.
fn only(manifest: &Manifest, accounts: &BTreeSet<AccountId>) -> Manifest {
    let mut narrow = manifest.clone();
    // What another file may name stays: the files in the two top folders reach into those of every account.
    let is_named = |path: &SourcePath| path.kind() == Kind::Other;
    narrow
        .files
        .retain(|path, _| is_named(path) || path.account().is_none_or(|account| accounts.contains(&account)));
    narrow.views.retain(|account, _| accounts.contains(account));
    narrow.faulty.accounts.retain(|account| accounts.contains(account));
    narrow.faulty.zones.retain(|_, account| accounts.contains(account));
    narrow
}

type Maps = BTreeMap<(AccountId, MapId), Arc<AddressMap>>;

/// The address maps of all accounts.
fn maps_of(engine: &Engine) -> Maps {
    let maps =
        engine.books.accounts.iter().flat_map(|(id, account)| {
            account.maps().into_iter().map(|map| ((id.clone(), map.id.clone()), map))
        });
    maps.collect()
}

/// The maps that are new, changed or gone; a map whose place alone differs is the same.
fn maps_differing<'m>(old: &'m Maps, new: &'m Maps) -> impl Iterator<Item = String> + use<'m> {
    let of_new = new.iter().filter_map(move |(key, map)| match old.get(key) {
        None => Some(format!("+{}", key.1)),
        Some(before) if !is_same(before, map) => Some(format!("~{}", key.1)),
        Some(_) => None,
    });
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| format!("-{}", key.1));
    of_new.chain(gone)
}

/// Whether two maps say the same, wherever they are written.
pub(super) fn is_same(a: &AddressMap, b: &AddressMap) -> bool {
    let members = |map: &AddressMap| -> Vec<String> {
        let mut members: Vec<String> =
            map.memberships.iter().map(|membership| format!("{:?}", membership.member)).collect();
        members.sort();
        members
    };
    (a.enabled, a.immutable, &a.ipv4, &a.ipv6) == (b.enabled, b.immutable, &b.ipv4, &b.ipv6)
        && (&a.description, &a.default_sni) == (&b.description, &b.default_sni)
        && members(a) == members(b)
}

/// Why a name is answered what it is answered, and the names that this leads to: aliases on the way, and targets whose
/// addresses are given with the answer.
pub(super) fn explained(past: &Engine, name: &Name, rtype: RrType) -> (Explanation, BTreeSet<Name>) {
    let explanation = past.explain(name, rtype);
    let snapshot = past.snapshot();
    let lower = NameBuf::lower_of(name);
    let mut steps: Vec<Step<'_>> = Vec::new();
    answer::resolve(&snapshot, &Question::new(&lower, rtype), &mut steps);
    let aliases = steps.iter().filter_map(|step| match step {
        Step::Alias(target) | Step::Flatten(target) => Some(target.to_name()),
        _ => None,
    });
    let records = explanation.message().map(|message| message.records).unwrap_or_default();
    let names = aliases.chain(records.iter().filter_map(target)).map(|name| name.to_lower()).collect();
    (explanation, names)
}

/// The name that a record refers to.
fn target(record: &MessageRecord) -> Option<Name> {
    let skipped = match record.rtype {
        RrType::NS | RrType::CNAME | RrType::DNAME => 0,
        RrType::MX | RrType::SVCB | RrType::HTTPS => 2,
        RrType::SRV => 6,
        _ => return None,
    };
    let rest = record.rdata.get(skipped..)?;
    let len = crate::wire::name::name_len(rest).ok()?;
    Name::from_wire(rest.get(..len)?).ok()
}
