//! A record as sections are compared: as sets, owners without regard to case.

use std::collections::BTreeSet;
use std::fmt;

use portolan::model::Record;
use portolan::wire::reader::MessageRecord;
use portolan::wire::{Name, RrType};

use super::text;

/// One record of a section.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    /// The owner in lower case, wire form.
    pub(crate) owner: Box<[u8]>,
    pub(crate) rtype: RrType,
    pub(crate) ttl: u32,
    /// RDATA; its names in lower case where they may be compressed, because then they may follow the case of the
    /// question.
    pub(crate) rdata: Box<[u8]>,
}

/// A section.
pub(crate) type Rows = BTreeSet<Row>;

impl Row {
    pub(crate) fn new(owner: &Name, rtype: RrType, ttl: u32, rdata: &[u8]) -> Row {
        let rdata = if rtype.has_compressible_names() { lower_names(rtype, rdata) } else { rdata.to_vec() };
        Row { owner: owner.to_lower_wire(), rtype, ttl, rdata: rdata.into() }
    }

    /// A stored record, at its own owner or at one that a wildcard synthesises.
    pub(crate) fn stored(owner: &Name, record: &Record) -> Row {
        Row::new(owner, record.rtype, record.ttl, &record.rdata)
    }

    /// The same with every name in the RDATA in lower case: not every server keeps their case.
    #[allow(dead_code, reason = "for the comparison with other servers")]
    pub(crate) fn with_lower_names(self) -> Row {
        Row { rdata: lower_names(self.rtype, &self.rdata).into(), ..self }
    }

    /// The owner as a name.
    pub(crate) fn name(&self) -> Name {
        Name::from_wire(&self.owner).expect("rows are made of names")
    }
}

/// RDATA with its names in lower case and all else as it is.
fn lower_names(rtype: RrType, rdata: &[u8]) -> Vec<u8> {
    let (numbers, names) = match rtype {
        RrType::NS | RrType::CNAME | RrType::DNAME | RrType::PTR => (0, 1),
        RrType::SOA => (0, 2),
        RrType::MX | RrType::SVCB | RrType::HTTPS => (2, 1),
        RrType::SRV => (6, 1),
        _ => (0, 0),
    };
    let mut lower = rdata.to_vec();
    let mut at = numbers;
    for _ in 0..names {
        while let Some(&len) = lower.get(at).filter(|len| **len != 0) {
            let end = (at + 1 + usize::from(len)).min(lower.len());
            lower[at..end].make_ascii_lowercase();
            at = end;
        }
        at += 1;
    }
    lower
}

impl From<&MessageRecord> for Row {
    fn from(record: &MessageRecord) -> Row {
        Row::new(&record.owner, record.rtype, record.ttl, &record.rdata)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} IN {} {}", self.name(), self.ttl, self.rtype, text::rdata(self.rtype, &self.rdata))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A section as indented lines.
pub(crate) fn lines(rows: &Rows) -> String {
    match rows.is_empty() {
        true => "      (none)\n".to_owned(),
        false => rows.iter().map(|row| format!("      {row}\n")).collect(),
    }
}
