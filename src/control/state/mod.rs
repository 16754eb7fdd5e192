//! What the server remembers: the sources of what is served, in one append-only file, `state/pack`.
//!
//! A generation is *intended* before it is published and *confirmed* after it. An intent says what differs from the
//! generation confirmed last, and names contents by their digest; contents come before the intent that names them
//! first. A checkpoint, which only compaction writes, is a whole generation. So an edit costs its own size.
//!
//! The pack is the history too: a journal before each intent says what is to be known of the generation, and compaction
//! keeps the generations of the [`Retention`]. Of a generation only the places of its records are in memory.
//!
//! Invariants: what is confirmed was on the disk before it was published, but for the first generation of all: its
//! contents may come ahead of its intent (`stash`), and nobody waits for either. A write that fails leaves the pack as it
//! was. What is read is what was written, or an error: each record has a checksum over its head and a digest over the
//! rest. Opening reads the heads alone, and of contents only those that were never confirmed.

mod compact;
mod encode;
mod error;
mod history;
mod manifest;
mod pack;
mod reader;
mod record;
mod run;
mod scan;
mod stash;
#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

pub use compact::Retention;
pub use error::StateError;
pub use history::Generation;
pub use manifest::{Approved, Faulty, Intent, Manifest, Pin, PinScope, Remembered, View, differing};
pub use run::Run;
pub use stash::{Stash, StashBatch, Stashed};

use super::Digest;
use history::Mark;
use pack::{Appender, Pack};
use record::{Kind, PACK_HEAD, PackHead};

/// Name of the file in the state directory.
const FILE: &str = "pack";
/// Name of the file that takes its place, until it is whole.
const NEW: &str = "pack.new";

/// Where each content's record begins. A digest is spread well enough for a quick hash.
type Index = HashMap<Digest, u64, foldhash::fast::RandomState>;

/// The state, open. The holder has the [`StateLock`](super::StateLock) on its directory.
#[derive(Debug)]
pub struct State {
    dir: PathBuf,
    path: PathBuf,
    /// `None` until the first intent.
    pack: Option<Pack>,
    /// Where each content's record begins.
    index: Index,
    /// Whether the index is whole: that of a reader is not at first.
    is_indexed: bool,
    /// Where the next intent's records begin: behind everything but the loose confirm.
    base: u64,
    /// Where the pack ends; octets beyond are left from a write that failed, and cut off by the next.
    end: u64,
    /// The generation confirmed last, if its record, at `base`, need not be on the disk or is not written at all. The
    /// next intent writes it, or writes it again.
    loose: Option<u64>,
    /// The generation intended last, if it is not confirmed.
    intended: Option<Mark>,
    /// The generations that were confirmed, oldest first.
    history: Vec<Mark>,
    /// What compaction keeps of the history.
    retention: Retention,
    /// Whether the pack holds what may not be on the disk, the loose confirm apart.
    unsynced: bool,
    /// Whether the directory on the disk names this pack.
    named: bool,
    /// Below this length compaction cannot be worth its while.
    worth_at: u64,
}

/// What [`State::open`] found.
#[derive(Debug)]
pub struct Opened {
    /// The state.
    pub state: State,
    /// The generation that was confirmed last; `None` where none ever was.
    pub confirmed: Option<Manifest>,
    /// What was intended last and never confirmed, relative to `confirmed` or to nothing.
    pub intent: Option<Intent>,
    /// What else is to be told, for people.
    pub notes: Vec<String>,
}

impl State {
    /// Reads the state in `dir`. Nothing is written: the directory may be read-only. Fails where the pack cannot be
    /// read, is not one that this version reads, or is damaged before what was confirmed last.
    pub fn open(dir: &Path) -> Result<Opened, StateError> {
        let path = dir.join(FILE);
        let read = StateError::read(&path);
        let mut state = State { dir: dir.to_owned(), path: path.clone(), ..State::closed() };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Opened { state, confirmed: None, intent: None, notes: Vec::new() });
            }
            Err(error) => return Err(read(error)),
        };
        let length = file.metadata().map_err(&read)?.len();
        let mut head = [0; PACK_HEAD];
        let head_len = pack::read_at(&file, &mut head, 0).map_err(&read)?;
        let marker = match record::read_pack_head(&head[..head_len]) {
            PackHead::Ours(marker) => marker,
            PackHead::Torn => {
                let notes = torn(&path, length).into_iter().collect();
                return Ok(Opened { state, confirmed: None, intent: None, notes });
            }
            PackHead::NotAPack => return Err(StateError::NotAPack { file: path }),
            PackHead::Damaged => return Err(StateError::Damaged { file: path, offset: 0 }),
            PackHead::Other(format, writer) => return Err(StateError::Format { file: path, format, writer }),
        };
        let pack = Pack { file, marker, writable: false };
        let found = scan::scan(&pack, &path, length)?;
        (state.base, state.end) = (found.end, found.end);
        if let Some(confirmed) = &found.confirmed
            && found.by_confirm
            && found.confirmed_end == found.end
        {
            state.loose = Some(confirmed.generation);
            state.base -= record::CONFIRM;
        }
        let (intent, intended) = found.intent.unzip();
        (state.intended, state.history) = (intended, found.history);
        state.unsynced = found.confirmed_end < found.end;
        state.index = found.index;
        state.pack = Some(pack);
        let notes = torn(&path, length - found.end).into_iter().collect();
        Ok(Opened { state, confirmed: found.confirmed, intent, notes })
    }

    /// A state that remembers nothing and has no directory: it can neither be read nor written.
    pub(super) fn closed() -> State {
        State {
            dir: PathBuf::new(),
            pack: None,
            index: Index::default(),
            is_indexed: true,
            base: 0,
            end: 0,
            loose: None,
            intended: None,
            history: Vec::new(),
            retention: Retention::default(),
            unsynced: false,
            named: false,
            worth_at: compact::WORTH,
            path: PathBuf::new(),
        }
    }

    /// A content, as it was given to [`State::intend`]. Fails where the pack does not hold it or it is damaged.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StateError> {
        let missing = || StateError::Missing { file: self.path.clone(), digest: *digest };
        let (Some(pack), Some(&at)) = (&self.pack, self.index.get(digest)) else { return Err(missing()) };
        let head = pack.head(at).map_err(StateError::read(&self.path))?;
        let head = head.filter(|head| {
            head.kind == Kind::Content
                && head.digest == *digest
                && head.end(at).is_some_and(|end| end <= self.end)
        });
        let content = match head {
            Some(head) => pack.payload(at, &head).map_err(StateError::read(&self.path))?,
            None => None,
        };
        content.ok_or_else(|| StateError::DamagedContent {
            file: self.path.clone(),
            offset: at,
            digest: *digest,
        })
    }

    /// Whether the pack holds a content, whole or damaged.
    pub fn holds(&self, digest: &Digest) -> bool {
        self.index.contains_key(digest)
    }

    /// Where a content's record begins, so that contents can be read in the order of the pack.
    pub fn place(&self, digest: &Digest) -> Option<u64> {
        self.index.get(digest).copied()
    }

    /// The folder that it lies in.
    pub fn folder(&self) -> &Path {
        &self.dir
    }

    /// Octets of the pack.
    pub fn size(&self) -> u64 {
        self.end
    }

    /// Writes down what is about to be published, relative to the generation confirmed last, and waits until it is on
    /// the disk. It takes the place of an earlier intent that was not confirmed. `contents` are written where the pack
    /// does not hold them, or holds them damaged; the intent may name only what the pack then holds. `journal` is what
    /// is to be known of the generation later, in whatever words: it stands directly before the intent, so that neither
    /// is there without the other. Returns the octets written. After an error everything is as before.
    pub fn intend(
        &mut self,
        intent: &Intent,
        contents: &[(Digest, &[u8])],
        journal: &[u8],
    ) -> Result<u64, StateError> {
        let given: BTreeSet<Digest> = contents.iter().map(|(digest, _)| *digest).collect();
        let known = |digest: &Digest| given.contains(digest) || self.index.contains_key(digest);
        if let Some(digest) = intent.contents().find(|digest| !known(digest)) {
            return Err(StateError::Missing { file: self.path.clone(), digest });
        }
        let payload = encode::encode(intent);
        let before = self.end.max(PACK_HEAD as u64);
        let (places, mark) = self.append(|state, out| {
            let mut places = HashMap::new();
            for (digest, content) in contents {
                debug_assert_eq!(Digest::of(content), *digest, "a content's own digest");
                let held = match state.index.get(digest) {
                    Some(at) => state.pack().is_content(*at, digest, content)?,
                    None => places.contains_key(digest),
                };
                if !held {
                    places.insert(*digest, out.record(Kind::Content, *digest, content)?);
                }
            }
            let journal = out.record(Kind::Journal, Digest::of(journal), journal)?;
            let at = out.record(Kind::Intent, Digest::of(&payload), &payload)?;
            Ok((places, Mark::of(intent, at, Some(journal))))
        })?;
        self.index.extend(places);
        self.intended = Some(mark);
        Ok(self.end - before)
    }

    /// Writes records behind the loose confirm, which they make firm, and waits until they are on the disk. After an
    /// error everything is as before.
    fn append<T>(
        &mut self,
        records: impl FnOnce(&State, &mut Appender<'_>) -> io::Result<T>,
    ) -> Result<T, StateError> {
        self.ready()?;
        let pack = self.pack();
        let written = (|| {
            let mut out = pack.append(self.base);
            if let Some(generation) = self.loose {
                out.confirm(generation)?;
            }
            let done = records(self, &mut out)?;
            let end = out.finish()?;
            pack.sync()?;
            Ok((done, end))
        })();
        let (done, end) = self.or_cut(written)?;
        (self.base, self.end) = (end, end);
        (self.loose, self.unsynced) = (None, false);
        Ok(done)
    }

    /// What came of a write. Of one that failed nothing stays; where even that cannot be done, the next write does it.
    fn or_cut<T>(&self, written: io::Result<T>) -> Result<T, StateError> {
        written.map_err(|error| {
            let _ = self.pack().cut(self.end);
            StateError::write(&self.path)(error)
        })
    }

    /// Writes down that what was intended last is published. It need not be on the disk: a lone intent is
    /// served as well. After an error the generation counts as confirmed all the same: the next intent writes the confirm
    /// first, and so does another call of this.
    pub fn confirm(&mut self, generation: u64) -> Result<(), StateError> {
        if let Some(mark) = self.intended.take_if(|mark| mark.generation == generation) {
            self.history.push(mark);
            (self.loose, self.base) = (Some(generation), self.end);
        } else if self.loose != Some(generation) {
            return Err(StateError::NotIntended { generation });
        }
        if self.base < self.end {
            return Ok(());
        }
        self.ready()?;
        let pack = self.pack();
        let written = (|| {
            if self.unsynced {
                // An intent from before this process: it must be there before it is called served.
                pack.sync()?;
            }
            let mut out = pack.append(self.base);
            out.confirm(generation)?;
            out.finish()
        })();
        self.end = self.or_cut(written)?;
        self.unsynced = false;
        Ok(())
    }

    /// Makes the pack fit to be written to: open for writing, still in its place, and without what is torn.
    fn ready(&mut self) -> Result<(), StateError> {
        let write = StateError::write(&self.path);
        let replaced = || StateError::Replaced { file: self.path.clone() };
        match &self.pack {
            None => {
                let new = self.dir.join(NEW);
                let pack = create(&new, &self.path).map_err(&write)?;
                self.pack = Some(pack);
                (self.base, self.end) = (PACK_HEAD as u64, PACK_HEAD as u64);
            }
            Some(pack) if !pack.writable => {
                let pack = pack.reopen(&self.path).map_err(&write)?.ok_or_else(replaced)?;
                self.pack = Some(pack);
                // A compaction may have been killed.
                let _ = fs::remove_file(self.dir.join(NEW));
            }
            Some(pack) => {
                if !pack.is_at(&self.path).map_err(&write)? {
                    return Err(replaced());
                }
            }
        }
        if !self.named {
            sync_dir(&self.dir).map_err(&write)?;
            self.named = true;
        }
        let pack = self.pack();
        let length = pack.file.metadata().map_err(&write)?.len();
        if length < self.end {
            return Err(replaced());
        }
        if length > self.end {
            pack.cut(self.end).map_err(&write)?;
        }
        Ok(())
    }

    fn pack(&self) -> &Pack {
        self.pack.as_ref().expect("`ready` has made or opened it")
    }
}

/// Makes an empty pack at `path`, by way of `new`, so that its head is never torn.
fn create(new: &Path, path: &Path) -> io::Result<Pack> {
    let made = Pack::create(new).and_then(|pack| {
        pack.sync()?;
        fs::rename(new, path)?;
        Ok(pack)
    });
    made.inspect_err(|_| drop(fs::remove_file(new)))
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The note on octets that are no whole record.
fn torn(path: &Path, octets: u64) -> Option<String> {
    let note = || {
        format!(
            "{}: {octets} octets at its end are left from a write that was cut short; the next change removes them",
            path.display()
        )
    };
    (octets > 0).then(note)
}
