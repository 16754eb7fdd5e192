//! What a pack says, read from its beginning.

use std::io;
use std::path::Path;

use super::error::StateError;
use super::history::Mark;
use super::manifest::{Intent, Manifest};
use super::pack::{Pack, Window, read_at};
use super::record::{CONFIRM, Kind, PACK_HEAD, RECORD_HEAD, RecordHead};
use super::{Index, encode};

/// What stands in a pack.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where each content's record begins.
    pub(super) index: Index,
    /// The generation that was confirmed last.
    pub(super) confirmed: Option<Manifest>,
    /// What was intended last since then, and what will be known of it when it is confirmed.
    pub(super) intent: Option<(Intent, Mark)>,
    /// The generations that were confirmed since the last checkpoint, itself among them.
    pub(super) history: Vec<Mark>,
    /// Journals that were never confirmed.
    lone: Vec<u64>,
    /// The journal that ends here.
    journal: Option<u64>,
    /// Where the last whole record ends.
    pub(super) end: u64,
    /// Where the last confirm or checkpoint ends; the head of the pack, where there is none.
    pub(super) confirmed_end: u64,
    /// Whether that is a confirm.
    pub(super) by_confirm: bool,
}

/// Reads a pack of `length` octets. What follows the last whole record is torn, if nothing there was confirmed;
/// otherwise the pack is damaged.
pub(super) fn scan(pack: &Pack, path: &Path, length: u64) -> Result<Scan, StateError> {
    let read = StateError::read(path);
    let found = walk(pack, path, length)?;
    if found.end < length && confirmed_behind(pack, found.end, length).map_err(&read)? {
        return Err(StateError::Damaged { file: path.to_owned(), offset: found.end });
    }
    // What was confirmed was on the disk before that. What came later need not be: the octets may lie there as holes
    // although the intent behind them is whole.
    let contents = found.index.values().filter(|at| **at >= found.confirmed_end);
    let mut later: Vec<u64> = contents.chain(&found.lone).copied().collect();
    later.sort_unstable();
    for at in later {
        if !is_whole(pack, at).map_err(&read)? {
            return walk(pack, path, at);
        }
    }
    Ok(found)
}

/// Whether the record at `at` is what its digest says.
fn is_whole(pack: &Pack, at: u64) -> io::Result<bool> {
    match pack.head(at)? {
        Some(head) => pack.payload(at, &head).map(|payload| payload.is_some()),
        None => Ok(false),
    }
}

/// Reads records up to the first that is not whole, or does not end before `length`.
fn walk(pack: &Pack, path: &Path, length: u64) -> Result<Scan, StateError> {
    let read = StateError::read(path);
    let mut window = Window::new(&pack.file);
    let mut at = PACK_HEAD as u64;
    let mut found = Scan { end: at, confirmed_end: at, ..Scan::default() };
    while let Some(head) = next(&mut window, pack, at, length).map_err(&read)? {
        let damaged = || StateError::Damaged { file: path.to_owned(), offset: at };
        let end = at + RECORD_HEAD as u64 + head.length;
        let journal = found.journal.take();
        match head.kind {
            Kind::Content => {
                found.index.insert(head.digest, at);
            }
            Kind::Journal => {
                found.journal = Some(at);
                found.lone.push(at);
            }
            Kind::Note => {}
            Kind::Intent | Kind::Confirm | Kind::Checkpoint => {
                let Some(payload) = pack.payload(at, &head).map_err(&read)? else { break };
                // A record that is whole and makes no sense was not torn: it was written so.
                found.take(head.kind, at, journal, &payload).ok_or_else(damaged)?;
            }
        }
        if matches!(head.kind, Kind::Confirm | Kind::Checkpoint) {
            found.lone.clear();
            found.confirmed_end = end;
            found.by_confirm = head.kind == Kind::Confirm;
        }
        at = end;
        found.end = at;
    }
    Ok(found)
}

/// The head of the record at `at`, if the record ends within `length`.
pub(super) fn next(
    window: &mut Window<'_>,
    pack: &Pack,
    at: u64,
    length: u64,
) -> io::Result<Option<RecordHead>> {
    let Ok(octets) = window.get(at, RECORD_HEAD)?.try_into() else { return Ok(None) };
    let head = RecordHead::read(octets, pack.marker);
    Ok(head.filter(|head| head.end(at).is_some_and(|end| end <= length)))
}

impl Scan {
    /// Takes an intent, a confirm or a checkpoint in, before which a journal may stand; `None` where it makes no sense.
    fn take(&mut self, kind: Kind, at: u64, journal: Option<u64>, payload: &[u8]) -> Option<()> {
        match kind {
            Kind::Content | Kind::Journal | Kind::Note => {}
            Kind::Intent => {
                let intent = encode::decode(payload)?;
                let mark = Mark::of(&intent, at, journal);
                self.intent = Some((intent, mark));
            }
            Kind::Confirm => {
                let generation = u64::from_le_bytes(payload.try_into().ok()?);
                let (intent, mark) =
                    self.intent.take().filter(|(intent, _)| intent.generation == generation)?;
                self.confirmed.get_or_insert_default().apply(&intent);
                self.history.push(mark);
            }
            Kind::Checkpoint => {
                let intent = encode::decode(payload)?;
                let mark = Mark { is_base: true, ..Mark::of(&intent, at, journal) };
                let mut manifest = Manifest::default();
                manifest.apply(&intent);
                (self.confirmed, self.intent) = (Some(manifest), None);
                self.history = vec![mark];
            }
        }
        Some(())
    }
}

/// Whether a whole confirm or checkpoint begins behind `at`. The marker, which nobody else knows, tells where records
/// begin.
fn confirmed_behind(pack: &Pack, at: u64, length: u64) -> io::Result<bool> {
    const CHUNK: usize = 1 << 20;
    let marker = pack.marker.0;
    let mut buffer = vec![0; CHUNK];
    let mut begin = at + 1;
    while begin + CONFIRM <= length {
        let len = read_at(&pack.file, &mut buffer, begin)?;
        let hits = buffer[..len].windows(marker.len()).enumerate().filter(|(_, octets)| *octets == marker);
        for (offset, _) in hits {
            let at = begin + offset as u64;
            if at + CONFIRM > length {
                break;
            }
            let Some(head) = pack.head(at)? else { continue };
            let confirms = matches!(head.kind, Kind::Confirm | Kind::Checkpoint);
            let within = head.end(at).is_some_and(|end| end <= length);
            if confirms && within && pack.payload(at, &head)?.is_some() {
                return Ok(true);
            }
        }
        // A marker may lie across two chunks.
        begin += (CHUNK - marker.len() + 1) as u64;
    }
    Ok(false)
}
