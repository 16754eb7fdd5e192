//! The layout of a pack: its head, and the head of every record.

use std::hash::{BuildHasher, RandomState};

use super::super::Digest;

/// The format that is written and read.
pub(super) const FORMAT: u32 = 1;
/// Octets of a pack's head, whatever its format: magic, format, marker, the version that wrote it, checksum.
pub(super) const PACK_HEAD: usize = 64;
/// Octets of a record's head: marker, kind, length, digest, checksum.
pub(super) const RECORD_HEAD: usize = 53;
/// Octets of a record of kind [`Kind::Confirm`].
pub(super) const CONFIRM: u64 = RECORD_HEAD as u64 + 8;

const MAGIC: &[u8; 16] = b"portolan state\r\n";
const WRITER: usize = 32;
const CHECKSUM: usize = 4;

/// What every record of a pack begins with. It is drawn anew for each pack, so that no content that an account writes
/// can look like a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marker(pub(super) [u8; 8]);

impl Marker {
    pub(super) fn draw() -> Marker {
        Marker(RandomState::new().hash_one("portolan").to_le_bytes())
    }
}

/// What the head of a pack says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PackHead {
    /// A pack of [`FORMAT`].
    Ours(Marker),
    /// A pack of another format, by another version.
    Other(u32, String),
    /// Damaged.
    Damaged,
    /// Cut off within, as long as it is.
    Torn,
    /// No pack.
    NotAPack,
}

/// The head of a pack with this marker.
pub(super) fn pack_head(marker: Marker) -> [u8; PACK_HEAD] {
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let mut writer = [0; WRITER];
    let len = version.len().min(WRITER);
    writer[..len].copy_from_slice(&version[..len]);
    fill(&[MAGIC, &FORMAT.to_le_bytes(), &marker.0, &writer])
}

/// Reads the head of a pack from up to [`PACK_HEAD`] octets.
pub(super) fn read_pack_head(octets: &[u8]) -> PackHead {
    let magic = octets.len().min(MAGIC.len());
    if octets[..magic] != MAGIC[..magic] {
        return PackHead::NotAPack;
    }
    let Some(octets) = octets.first_chunk::<PACK_HEAD>() else { return PackHead::Torn };
    let Some(mut rest) = checked(octets) else { return PackHead::Damaged };
    let fields = (|| {
        let _: [u8; MAGIC.len()] = field(&mut rest)?;
        Some((u32::from_le_bytes(field(&mut rest)?), Marker(field(&mut rest)?)))
    })();
    match fields {
        Some((FORMAT, marker)) => PackHead::Ours(marker),
        Some((format, _)) => {
            let end = rest.iter().position(|&octet| octet == 0).unwrap_or(rest.len());
            PackHead::Other(format, String::from_utf8_lossy(&rest[..end]).into_owned())
        }
        None => PackHead::Damaged,
    }
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The content of a file.
    Content = 1,
    /// An intent, relative to what was confirmed last.
    Intent = 2,
    /// The number of a generation: what was intended last is served.
    Confirm = 3,
    /// An intent relative to nothing, confirmed.
    Checkpoint = 4,
    /// What is to be remembered of the generation whose intent or checkpoint begins where this record ends.
    Journal = 5,
    /// What an earlier version could write, of events that made no generation. It is passed by, and not copied.
    Note = 6,
}

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    /// What it is.
    pub(super) kind: Kind,
    /// Octets behind the head.
    pub(super) length: u64,
    /// Their digest.
    pub(super) digest: Digest,
}

impl RecordHead {
    pub(super) fn write(&self, marker: Marker) -> [u8; RECORD_HEAD] {
        fill(&[&marker.0, &[self.kind as u8], &self.length.to_le_bytes(), &self.digest.0])
    }

    /// `None` where the octets are no head, or a damaged one.
    pub(super) fn read(octets: &[u8; RECORD_HEAD], marker: Marker) -> Option<RecordHead> {
        let mut rest = checked(octets)?;
        if Marker(field(&mut rest)?) != marker {
            return None;
        }
        let kind = match field(&mut rest)? {
            [1] => Kind::Content,
            [2] => Kind::Intent,
            [3] => Kind::Confirm,
            [4] => Kind::Checkpoint,
            [5] => Kind::Journal,
            [6] => Kind::Note,
            _ => return None,
        };
        let length = u64::from_le_bytes(field(&mut rest)?);
        Some(RecordHead { kind, length, digest: Digest(field(&mut rest)?) })
    }

    /// Where the record ends that begins at `at`; `None` beyond all numbers.
    pub(super) fn end(&self, at: u64) -> Option<u64> {
        at.checked_add(RECORD_HEAD as u64)?.checked_add(self.length)
    }
}

/// The parts one after the other, and their checksum.
fn fill<const LEN: usize>(parts: &[&[u8]]) -> [u8; LEN] {
    let mut octets = [0; LEN];
    let mut at = 0;
    for part in parts {
        octets[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    let checksum = crc32fast::hash(&octets[..at]);
    octets[at..].copy_from_slice(&checksum.to_le_bytes());
    octets
}

/// What the checksum at the end is for, if it is right.
fn checked<const LEN: usize>(octets: &[u8; LEN]) -> Option<&[u8]> {
    let (rest, checksum) = octets.split_last_chunk::<CHECKSUM>()?;
    (crc32fast::hash(rest) == u32::from_le_bytes(*checksum)).then_some(rest)
}

fn field<const LEN: usize>(rest: &mut &[u8]) -> Option<[u8; LEN]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}
