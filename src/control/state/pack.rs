//! The file itself: how it is made, read and appended to.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::super::Digest;
use super::record::{self, Kind, Marker, PACK_HEAD, RECORD_HEAD, RecordHead};

/// Octets that are gathered before they are written.
const GATHERED: usize = 1 << 18;

/// A pack that is open.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) file: File,
    pub(super) marker: Marker,
    pub(super) writable: bool,
}

impl Pack {
    /// Makes a pack of nothing but its head. What lay at `path` is gone.
    pub(super) fn create(path: &Path) -> io::Result<Pack> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let marker = Marker::draw();
        At::new(&file, 0).write_all(&record::pack_head(marker))?;
        Ok(Pack { file, marker, writable: true })
    }

    /// Opens the same file for writing; `None` where another lies at `path`.
    pub(super) fn reopen(&self, path: &Path) -> io::Result<Option<Pack>> {
        #[cfg(test)]
        super::tests::fault::point("open")?;
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let pack = Pack { file, marker: self.marker, writable: true };
        Ok(self.is_at(path)?.then_some(pack))
    }

    /// Whether this is the file at `path`.
    pub(super) fn is_at(&self, path: &Path) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match path.metadata() {
            Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The head of the record at `at`; `None` where it is damaged.
    pub(super) fn head(&self, at: u64) -> io::Result<Option<RecordHead>> {
        let mut head = [0; RECORD_HEAD];
        self.file.read_exact_at(&mut head, at)?;
        Ok(RecordHead::read(&head, self.marker))
    }

    /// What stands behind the head of the record at `at`; `None` where it is not what the digest says. The record
    /// must end within the file.
    pub(super) fn payload(&self, at: u64, head: &RecordHead) -> io::Result<Option<Vec<u8>>> {
        let length = usize::try_from(head.length).map_err(|_| ErrorKind::OutOfMemory)?;
        let mut payload = vec![0; length];
        self.file.read_exact_at(&mut payload, at + RECORD_HEAD as u64)?;
        Ok((Digest::of(&payload) == head.digest).then_some(payload))
    }

    /// Whether the record at `at` is this content, compared octet by octet.
    pub(super) fn is_content(&self, at: u64, digest: &Digest, content: &[u8]) -> io::Result<bool> {
        let head = RecordHead { kind: Kind::Content, length: content.len() as u64, digest: *digest };
        if self.head(at)? != Some(head) {
            return Ok(false);
        }
        let mut buffer = vec![0; content.len().min(GATHERED)];
        let mut at = at + RECORD_HEAD as u64;
        for part in content.chunks(GATHERED) {
            let found = &mut buffer[..part.len()];
            self.file.read_exact_at(found, at)?;
            if found != part {
                return Ok(false);
            }
            at += part.len() as u64;
        }
        Ok(true)
    }

    /// Makes the file as long as this.
    pub(super) fn cut(&self, length: u64) -> io::Result<()> {
        #[cfg(test)]
        super::tests::fault::point("cut")?;
        self.file.set_len(length)
    }

    /// Waits until what was written is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        super::tests::fault::point("sync")?;
        self.file.sync_data()
    }

    pub(super) fn append(&self, at: u64) -> Appender<'_> {
        Appender { out: BufWriter::with_capacity(GATHERED, At::new(&self.file, at)), at, marker: self.marker }
    }
}

/// Writes records one behind the other.
pub(super) struct Appender<'p> {
    out: BufWriter<At<'p>>,
    at: u64,
    marker: Marker,
}

impl Appender<'_> {
    /// Writes one record and tells where it begins.
    pub(super) fn record(&mut self, kind: Kind, digest: Digest, payload: &[u8]) -> io::Result<u64> {
        let begin = self.at;
        let head = RecordHead { kind, length: payload.len() as u64, digest };
        self.out.write_all(&head.write(self.marker))?;
        self.out.write_all(payload)?;
        self.at += (RECORD_HEAD + payload.len()) as u64;
        Ok(begin)
    }

    pub(super) fn confirm(&mut self, generation: u64) -> io::Result<()> {
        let payload = generation.to_le_bytes();
        self.record(Kind::Confirm, Digest::of(&payload), &payload).map(drop)
    }

    /// Hands everything to the operating system, and tells where it ends.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.at)
    }
}

/// A place in a file that moves on with what is written.
struct At<'f> {
    file: &'f File,
    at: u64,
}

impl<'f> At<'f> {
    fn new(file: &'f File, at: u64) -> At<'f> {
        At { file, at }
    }
}

impl Write for At<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        #[cfg(test)]
        let octets = super::tests::fault::limit(octets)?;
        let written = self.file.write_at(octets, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is read at ever higher offsets, a little here and there.
pub(super) struct Window<'f> {
    file: &'f File,
    buffer: Vec<u8>,
    begin: u64,
    len: usize,
}

impl<'f> Window<'f> {
    /// Octets that are read at once.
    const SIZE: usize = 1 << 14;

    pub(super) fn new(file: &'f File) -> Window<'f> {
        Window { file, buffer: vec![0; Window::SIZE], begin: 0, len: 0 }
    }

    /// The octets at `at`; fewer than `len` only where the file ends. `len` is at most [`PACK_HEAD`].
    pub(super) fn get(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        debug_assert!(len <= PACK_HEAD);
        let inside = at >= self.begin && at + len as u64 <= self.begin + self.len as u64;
        if !inside {
            (self.begin, self.len) = (at, 0);
            self.len = read_at(self.file, &mut self.buffer, at)?;
        }
        let from = (at - self.begin) as usize;
        Ok(&self.buffer[from..self.len.min(from + len)])
    }
}

/// Fills the buffer from `at` on, and tells how far.
pub(super) fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read_at(&mut buffer[len..], at + len as u64) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
