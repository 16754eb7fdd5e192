//! What is known while a zone is read: around an entry, of it, and of all records so far.
//!
//! Invariant: places are octets of a file; those of an entry whose text was made become such by [`Line::place`].

use crate::model::{Record, RecordTags};
use crate::wire::Name;

use super::lexer::Token;

/// What the checks of the zone as a whole know of a record beside itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// The owner; where it is omitted, the type.
    pub(super) owner: (u32, u32),
    /// All data.
    pub(super) data: (u32, u32),
    /// `cf-proxied`.
    pub(super) tag: Option<(u32, u32)>,
    /// The TTL is the SOA's MINIMUM, which is filled in at the end.
    pub(super) ttl_of_soa: bool,
    /// The tags could not be read and were complained about.
    pub(super) bad_tags: bool,
    /// It does not stay in the zone.
    pub(super) dropped: bool,
    /// Its owner among the names of the zone; of those dropped it means nothing.
    pub(super) node: u32,
}

/// What has been read of a zone.
#[derive(Default)]
pub(super) struct Parsed {
    /// The records in the order read.
    pub(super) records: Vec<Record>,
    /// As many marks as records.
    pub(super) marks: Vec<Marks>,
    /// Some entry was lost to a fault, so that what seems absent may only be unread.
    pub(super) incomplete: bool,
    /// Some record says whether it is proxied, as those of a Cloudflare export do; a tag that could not be read shows
    /// one as well, and the zone is refused in any case.
    pub(super) tagged: bool,
    /// Some record takes its TTL from the SOA.
    pub(super) ttl_of_soa: bool,
}

/// What holds while a file is read; an included file has its own.
#[derive(Clone)]
pub(super) struct Context {
    /// Index of the file.
    pub(super) file: u16,
    /// Completes relative names.
    pub(super) origin: Name,
    /// Whether a `$ORIGIN` was given.
    pub(super) origin_given: bool,
    /// The last owner.
    pub(super) owner: Owner,
    /// Where its text stands, while the same text in this file means the same name.
    pub(super) owner_at: Option<(u32, u32)>,
    /// `$TTL`, or the MINIMUM of a SOA that came without a TTL.
    pub(super) default_ttl: Option<u32>,
    /// The last TTL that was written at a record.
    pub(super) last_ttl: Option<u32>,
}

impl Context {
    /// Whether a token says the last owner once more: records of one owner share its name.
    pub(super) fn is_last_owner(&self, line: Line<'_>, token: &Token) -> bool {
        let last = |(start, end): (u32, u32)| &line.text[start as usize..end as usize];
        line.made_at.is_none() && !token.quoted && self.owner_at.map(last) == Some(token.of(line.text))
    }
}

/// The owner that a record without one takes.
#[derive(Clone)]
pub(super) enum Owner {
    /// There was none yet.
    Absent,
    /// The last one could not be read, which was complained about.
    Faulty,
    Known(Name),
}

/// The text of one entry and how its places become places of a file.
#[derive(Clone, Copy)]
pub(super) struct Line<'t> {
    pub(super) text: &'t [u8],
    pub(super) tokens: &'t [Token],
    pub(super) blank_owner: bool,
    pub(super) number: u32,
    /// Where the whole entry stands, if its text is not the file's own (`$GENERATE`).
    pub(super) made_at: Option<(u32, u32)>,
}

impl Line<'_> {
    /// A place of this text as a place of the file.
    pub(super) fn place(&self, at: (u32, u32)) -> (u32, u32) {
        self.made_at.unwrap_or(at)
    }

    /// Behind the last token.
    pub(super) fn end(&self) -> (u32, u32) {
        let end = self.tokens.last().map_or(0, |token| token.place().1);
        (end, end + 1)
    }
}

/// Tags of an entry with their places.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TagMarks {
    pub(super) tags: RecordTags,
    pub(super) proxied_at: Option<(u32, u32)>,
    pub(super) flatten_at: Option<(u32, u32)>,
    pub(super) bad: bool,
}
