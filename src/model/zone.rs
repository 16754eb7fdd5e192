//! A zone as read from its master file, checked and levelled, but not yet compiled.

use std::fmt;
use std::ops::Deref;
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
    pub rdata: Rdata,
    /// What its tags say.
    pub tags: RecordTags,
    /// Index into [`ZoneData::files`].
    pub file: u16,
    /// Line in that file, from 1: where the record starts.
    pub line: u32,
}

/// RDATA in wire form. That of nearly all records is short and stands in place, without an allocation of its own.
#[derive(Clone)]
pub struct Rdata(Stored);

#[derive(Clone)]
enum Stored {
    Short { len: u8, octets: [u8; SHORT] },
    Long(Box<[u8]>),
}

/// Most octets that stand in place: as many as fit where the pointer and the length of others are.
const SHORT: usize = 22;

impl From<&[u8]> for Rdata {
    fn from(rdata: &[u8]) -> Rdata {
        if rdata.len() > SHORT {
            return Rdata(Stored::Long(rdata.into()));
        }
        let mut octets = [0; SHORT];
        octets[..rdata.len()].copy_from_slice(rdata);
        Rdata(Stored::Short { len: rdata.len() as u8, octets })
    }
}

impl From<Vec<u8>> for Rdata {
    fn from(rdata: Vec<u8>) -> Rdata {
        rdata.as_slice().into()
    }
}

impl<const N: usize> From<[u8; N]> for Rdata {
    fn from(rdata: [u8; N]) -> Rdata {
        rdata.as_slice().into()
    }
}

impl Deref for Rdata {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Stored::Short { len, octets } => &octets[..usize::from(*len)],
            Stored::Long(octets) => octets,
        }
    }
}

impl PartialEq for Rdata {
    fn eq(&self, other: &Rdata) -> bool {
        **self == **other
    }
}

impl Eq for Rdata {}

impl fmt::Debug for Rdata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
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
