//! Many zones at once, ahead of the judgement and on all cores: read, parsed, compiled.
//!
//! Invariant: what is judged is the same as without this. A zone of which nothing is to be told, that names no file and
//! that no other file claims is [`Plain`]: on a first start it needs no plan of its own. Everything else goes the way
//! of every change, and finds its zone compiled.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::books::Books;
use super::desk::{Copy, Desk, Found, Shelf, settled};
use super::report::Cost;
use super::source::Kind;
use super::state::{Manifest, Stash};
use super::store::Store;
use super::{Digest, SourcePath, Stamp, cores, folder};
use crate::addrmap;
use crate::compile::compile_zone;
use crate::model::{AccountId, AccountSettings, Diagnostic, Place, Unit};
use crate::snapshot::{Seed, Zone};
use crate::wire::Name;
use crate::zonefile::{self, ReadOptions};

/// Octets of contents that a thread gathers before it hands them to the state.
const GATHERED: usize = 1 << 20;
/// A record that is read from the state together with those before it begins so near to the first of them.
const TOGETHER: u64 = 1 << 20;

/// How far the reading of a start is, for whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU64,
    done: AtomicU64,
}

impl Progress {
    /// Master files read so far, and all that there are to read; 0 before they are counted.
    pub fn now(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

/// A master file as it was read and compiled.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// What of the settings makes a difference.
    settings: (bool, bool),
    pub(super) zone: Option<Result<Zone, Box<Diagnostic>>>,
    pub(super) findings: Vec<Diagnostic>,
    pub(super) names: BTreeSet<SourcePath>,
}

impl Prepared {
    /// Reads a master file and compiles its zone.
    pub(super) fn new(
        desk: &Desk<'_>,
        path: &SourcePath,
        origin: &Name,
        content: &[u8],
        settings: &AccountSettings,
        seed: &Seed,
    ) -> Prepared {
        let namer = desk.namer(path);
        let options = ReadOptions { require_tags: settings.require_tags };
        let (data, findings) = zonefile::read_zone(&desk.shown(path), content, origin, options, &namer);
        let zone = data.map(|data| {
            compile_zone(&data, settings.proxies(origin), seed).map_err(|error| {
                let place = Place::file(&data.files[0]);
                let found = Diagnostic::error("zone-too-large", place, error.to_string());
                Box::new(found.hint("split the RRset over several names, or the zone with a delegation"))
            })
        });
        let names = namer.into_names();
        Prepared { settings: decisive(settings, origin), zone, findings, names }
    }

    /// Whether it would be the same with these settings.
    pub(super) fn holds_for(&self, settings: &AccountSettings, origin: &Name) -> bool {
        self.settings == decisive(settings, origin)
    }

    /// What it cost beside reading the file.
    pub(super) fn cost(&self) -> Cost {
        Cost { zones_compiled: u64::from(self.zone.is_some()), ..Cost::default() }
    }
}

fn decisive(settings: &AccountSettings, origin: &Name) -> (bool, bool) {
    (settings.require_tags, settings.proxies(origin))
}

/// A zone that is good whatever else there is, but for its account.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) path: SourcePath,
    pub(super) origin: Name,
    pub(super) account: AccountId,
    pub(super) digest: Digest,
    pub(super) stamp: Stamp,
    pub(super) zone: Zone,
}

/// A master file to be read.
struct Item<'p> {
    path: &'p SourcePath,
    origin: Name,
    account: usize,
}

/// Whose files are read, with the settings that most likely hold.
struct Owner {
    id: AccountId,
    settings: AccountSettings,
}

/// What reading ahead is done with.
pub(super) struct Ahead<'a> {
    pub(super) desk: &'a Desk<'a>,
    pub(super) books: &'a Books,
    pub(super) seed: &'a Seed,
    pub(super) progress: &'a Progress,
}

impl Ahead<'_> {
    /// On a first start: reads the zones among sources. Their contents go into the stash. Returns what is plain, in the
    /// order of paths.
    pub(super) fn plain(&self, sources: &BTreeSet<SourcePath>, stash: Option<&Stash<'_>>) -> Vec<Plain> {
        let (owners, mut items) = self.items(sources.iter(), &|path| sources.contains(path));
        uncontested(&mut items);
        if let Shelf::Memory(store, manifest) = self.desk.shelf {
            let place = |item: &Item<'_>| store.place(&manifest.files.get(item.path)?.digest);
            items.sort_by_cached_key(place);
        }
        self.progress.total.store(items.len() as u64, Ordering::Relaxed);
        let read = cores::in_chunks(&items, |scratch, chunk| self.chunk(scratch, chunk, &owners, stash));
        let mut plain: Vec<Plain> = Vec::with_capacity(read.iter().map(Vec::len).sum());
        plain.extend(read.into_iter().flatten());
        if self.desk.is_memory() {
            plain.sort_by(|a, b| a.path.cmp(&b.path));
        }
        plain
    }

    /// With something served: where many zones are looked at, reads and compiles those that differ.
    pub(super) fn prepare(
        &self,
        paths: &BTreeMap<Unit, BTreeSet<SourcePath>>,
        forced: &BTreeSet<SourcePath>,
    ) {
        let sources = || paths.values().flatten();
        if sources().nth(cores::CHUNK).is_none() {
            return;
        }
        let is_in_play = |path: &SourcePath| {
            path.unit().and_then(|unit| paths.get(&unit)).is_some_and(|paths| paths.contains(path))
        };
        let (owners, items) = self.items(sources(), &is_in_play);
        cores::in_chunks(&items, |(): &mut (), chunk| {
            for item in chunk {
                let Found::Content(copy) = self.desk.read(item.path) else { continue };
                let served = self.books.files.get(item.path).and_then(|known| known.served);
                if served == Some(copy.digest) && !forced.contains(item.path) {
                    continue;
                }
                let settings = &owners[item.account].settings;
                let prepared =
                    Prepared::new(self.desk, item.path, &item.origin, &copy.content, settings, self.seed);
                self.desk.add_cost(prepared.cost());
                self.desk.put_prepared(item.path, prepared);
            }
        });
    }

    /// The master files among sources, and whose they are.
    fn items<'p>(
        &self,
        sources: impl Iterator<Item = &'p SourcePath>,
        is_in_play: &dyn Fn(&SourcePath) -> bool,
    ) -> (Vec<Owner>, Vec<Item<'p>>) {
        let mut owners: Vec<Owner> = Vec::new();
        let mut by_id: HashMap<AccountId, usize> = HashMap::new();
        let mut items = Vec::new();
        for path in sources {
            let Kind::Zone(origin) = path.kind() else { continue };
            // Most often it is the account of the file before.
            let last = items.last().map(|item: &Item<'_>| item.account);
            let account = match last.filter(|last| path.is_of(&owners[*last].id)) {
                Some(last) => last,
                None => {
                    let Some(id) = path.account() else { continue };
                    *by_id.entry(id.clone()).or_insert_with(|| {
                        let settings = self.settings(&id, is_in_play);
                        owners.push(Owner { id, settings });
                        owners.len() - 1
                    })
                }
            };
            items.push(Item { path, origin, account });
        }
        (owners, items)
    }

    /// The settings of an account as its file says, or else as they are served. Where they come otherwise, its zones
    /// are read again.
    fn settings(&self, id: &AccountId, is_in_play: &dyn Fn(&SourcePath) -> bool) -> AccountSettings {
        let path = SourcePath::settings_of(id);
        let read = match is_in_play(&path).then(|| self.desk.read(&path)) {
            Some(Found::Content(copy)) => {
                addrmap::read_account_file(&self.desk.shown(&path), &copy.content, id).0
            }
            _ => None,
        };
        let served = || self.books.accounts.get(id)?.settings.as_deref().cloned();
        read.or_else(served).unwrap_or_else(|| AccountSettings::new(id.clone()))
    }

    fn chunk(
        &self,
        scratch: &mut Scratch,
        items: &[Item<'_>],
        owners: &[Owner],
        stash: Option<&Stash<'_>>,
    ) -> Vec<Plain> {
        let mut chunk =
            Chunk { ahead: self, owners, plain: Vec::with_capacity(items.len()), cost: Cost::default() };
        match self.desk.shelf {
            Shelf::Folders => chunk.read_folders(scratch, items, stash),
            Shelf::Memory(store, manifest) => chunk.read_memory(scratch, items, store, manifest),
        }
        self.desk.add_cost(chunk.cost);
        self.progress.done.fetch_add(items.len() as u64, Ordering::Relaxed);
        chunk.plain
    }
}

/// Leaves those whose zone no other file among them claims.
fn uncontested(items: &mut Vec<Item<'_>>) {
    let hasher = foldhash::fast::RandomState::default();
    let mut hashes: Vec<(u64, u32)> =
        items.iter().zip(0..).map(|(item, at)| (hasher.hash_one(item.origin.as_wire()), at)).collect();
    hashes.sort_unstable();
    // Two different origins of one hash only go the long way.
    let contested: BTreeSet<u32> = hashes
        .windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .flat_map(|pair| [pair[0].1, pair[1].1])
        .collect();
    if !contested.is_empty() {
        let mut at = 0..;
        items.retain(|_| at.next().is_some_and(|at| !contested.contains(&at)));
    }
}

/// What a thread uses again and again.
#[derive(Default)]
pub(super) struct Scratch {
    /// Contents, each behind room for the head of its record.
    octets: Vec<u8>,
    /// The folder that was last found to lie inside of its account's.
    inside: Option<PathBuf>,
}

struct Chunk<'a> {
    ahead: &'a Ahead<'a>,
    owners: &'a [Owner],
    plain: Vec<Plain>,
    cost: Cost,
}

impl Chunk<'_> {
    fn read_folders(&mut self, scratch: &mut Scratch, items: &[Item<'_>], stash: Option<&Stash<'_>>) {
        let Scratch { octets, inside } = scratch;
        let mut batch = stash.map(Stash::batch);
        octets.clear();
        for item in items {
            let begin = octets.len();
            let content_at = begin + Stash::HEAD;
            octets.resize(content_at, 0);
            let Some(stamp) = self.read(item.path, inside, octets) else {
                octets.truncate(begin);
                continue;
            };
            let digest = Digest::of(&octets[content_at..]);
            let is_plain = self.take(item, &octets[content_at..], digest, stamp);
            let claimed = batch.as_mut().is_some_and(|batch| is_plain && batch.claim(digest, begin, octets));
            if !claimed {
                octets.truncate(begin);
            }
            if octets.len() >= GATHERED {
                if let Some(batch) = &mut batch {
                    batch.write(octets);
                }
                octets.clear();
            }
        }
        if let Some(batch) = &mut batch {
            batch.write(octets);
        }
        if octets.capacity() > 2 * GATHERED {
            *octets = Vec::new();
        }
    }

    /// Reads a file behind no link; `None` where it must be read the long way.
    fn read(&self, path: &SourcePath, inside: &mut Option<PathBuf>, into: &mut Vec<u8>) -> Option<Stamp> {
        let desk = self.ahead.desk;
        let file = path.on_disk(desk.sources);
        // What stands in the two top folders is the operator's.
        if path.is_in_folder() {
            let parent = file.parent()?;
            if inside.as_deref() != Some(parent) {
                desk.folder_of(path).real(parent).ok()?;
                *inside = Some(parent.to_owned());
            }
        }
        if desk.is_lost(path.tree) {
            return None;
        }
        let before = SystemTime::now();
        let found = folder::read_into(&file, into).ok()?;
        Some(settled(Stamp::of(&found), before))
    }

    fn read_memory(&mut self, scratch: &mut Scratch, items: &[Item<'_>], store: &Store, manifest: &Manifest) {
        let remembered = |item: &Item<'_>| manifest.files.get(item.path);
        let place = |item: &Item<'_>| remembered(item).and_then(|file| store.place(&file.digest));
        let mut rest = items;
        while let Some(first) = rest.first() {
            let Some(begin) = place(first) else {
                // Not in the pack: the long way tells.
                rest = &rest[1..];
                continue;
            };
            let is_near = |item: &&Item<'_>| place(item).is_some_and(|at| at - begin < TOGETHER);
            let (near, further) = rest.split_at(rest.iter().take_while(is_near).count());
            rest = further;
            let last = near.last().and_then(place).unwrap_or(begin);
            let run = store.run(begin, last, &mut scratch.octets);
            for item in near {
                let Some(file) = remembered(item) else { continue };
                match run.as_ref().and_then(|run| run.content(&file.digest)) {
                    Some(content) => {
                        self.take(item, content, file.digest, file.stamp);
                    }
                    None => {
                        if let Ok(content) = store.read(&file.digest) {
                            self.take(item, &content, file.digest, file.stamp);
                        }
                    }
                }
            }
        }
    }

    /// Compiles a content. Whether it is plain; where it is not it is left on the desk.
    fn take(&mut self, item: &Item<'_>, content: &[u8], digest: Digest, stamp: Stamp) -> bool {
        let Ahead { desk, seed, .. } = *self.ahead;
        let owner = &self.owners[item.account];
        let prepared = Prepared::new(desk, item.path, &item.origin, content, &owner.settings, seed);
        self.cost.zones_compiled += prepared.cost().zones_compiled;
        match prepared {
            Prepared { zone: Some(Ok(zone)), findings, names, .. }
                if findings.is_empty() && names.is_empty() =>
            {
                self.cost.files_read += 1;
                self.cost.bytes_read += content.len() as u64;
                let (path, origin, account) = (item.path.clone(), item.origin.clone(), owner.id.clone());
                self.plain.push(Plain { path, origin, account, digest, stamp, zone });
                true
            }
            prepared => {
                let looked = (!desk.is_memory()).then_some(Some(stamp));
                let copy = Copy { content: Arc::from(content), digest, stamp };
                desk.put(item.path, looked, Found::Content(copy));
                desk.put_prepared(item.path, prepared);
                false
            }
        }
    }
}

/// Whose zones there will be: those that plans are made for, and those that need none. Made when it is asked for the
/// first time.
pub(super) struct Claims<'a> {
    paths: &'a BTreeMap<Unit, BTreeSet<SourcePath>>,
    plain: &'a [Plain],
    all: OnceCell<HashMap<Name, AccountId>>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(paths: &'a BTreeMap<Unit, BTreeSet<SourcePath>>, plain: &'a [Plain]) -> Claims<'a> {
        Claims { paths, plain, all: OnceCell::new() }
    }

    /// Whose a zone will be.
    pub(super) fn get(&self, origin: &Name) -> Option<&AccountId> {
        let claim = |path: &SourcePath| match path.kind() {
            Kind::Zone(origin) => Some((origin, path.account()?)),
            _ => None,
        };
        let all = self.all.get_or_init(|| {
            let planned = self.paths.values().flatten().filter_map(claim);
            planned.chain(self.plain.iter().map(|zone| (zone.origin.clone(), zone.account.clone()))).collect()
        });
        all.get(origin)
    }
}
