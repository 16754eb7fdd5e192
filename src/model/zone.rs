//! A zone as read from its master file, checked and levelled, but not yet compiled.

use std::sync::Arc;

use super::Place;
use crate::wire::{Name, RrType};

/// One record of class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner, its case as written.
    pub owner: Name,
    /// The type.
    pub rtype: RrType,
    /// The TTL that is served, in seconds: automatic ones are resolved, an RRset has one TTL.
    pub ttl: u32,
    /// RDATA in wire form, names uncompressed and their case as written.
    pub rdata: Box<[u8]>,
    /// What its tags say.
    pub tags: RecordTags,
    /// Index into [`ZoneData::files`].
    pub file: u16,
    /// Line in that file, from 1: where the record starts.
    pub line: u32,
}

/// The `cf_tags` of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecordTags {
    /// `cf-proxied`: what it says, if it is there.
    pub proxied: Option<bool>,
    /// `cf-flatten-cname`: a CNAME that is answered as the addresses of its target.
    pub flatten: bool,
}

impl Record {
    /// Whether the record is tagged `cf-proxied:true`.
    pub fn is_proxied(&self) -> bool {
        self.tags.proxied == Some(true)
    }
}

/// A zone that was read without an error.
///
/// What the checks drop is gone: records out of zone, duplicates, and in a Cloudflare export what stands beside
/// a CNAME. What they only warn about is here: data below a cut or a DNAME.
#[derive(Clone, Debug)]
pub struct ZoneData {
    /// The apex.
    pub origin: Name,
    /// The files that it was read from: the master file, then what it includes.
    pub files: Vec<Arc<str>>,
    /// The records in the order read; exactly one SOA, at the apex.
    pub records: Vec<Record>,
}

impl ZoneData {
    /// Where a record stands.
    pub fn place(&self, record: &Record) -> Place {
        Place::line(&self.files[usize::from(record.file)], record.line)
    }
}
