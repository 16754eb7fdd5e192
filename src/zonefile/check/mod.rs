//! The zone as a whole: what is wrong, what is dropped, what is levelled.
//!
//! Invariant: every check is linear in the records, but for sorting the records of one name. All run, whatever
//! the others found.

mod index;
mod names;
mod sets;
mod targets;

use crate::model::{AUTOMATIC_TTL, Record};
use crate::wire::{Name, RrType};

use super::ReadOptions;
use super::codes::{self, Code};
use super::context::{Marks, Parsed};
use super::period;
use super::report::Report;
use super::source::{Sources, Span};
use index::Index;

/// Checks what was read and gives back what stays of it.
pub(super) fn check(
    zone: &Name,
    options: ReadOptions,
    parsed: Parsed,
    sources: &Sources<'_>,
    report: &mut Report,
) -> Vec<Record> {
    let Parsed { mut records, mut marks, incomplete, tagged, ttl_of_soa } = parsed;
    if ttl_of_soa {
        fill_in_ttls(&mut records, &marks, report);
    }
    if tagged {
        automatic_ttls(&mut records);
    }
    let mut index = Index::new(zone, &records, &mut marks);
    let mut zone_check = Check {
        zone,
        options,
        sources,
        records: &records,
        marks,
        incomplete,
        tagged,
        report,
        ttls: Vec::new(),
    };
    if index.outside {
        zone_check.out_of_zone();
    }
    zone_check.sets(&mut index);
    index.find_cuts();
    zone_check.apex();
    zone_check.hidden_data(&mut index);
    zone_check.targets(&index);
    zone_check.loops(&index);
    let (marks, ttls) = (zone_check.marks, zone_check.ttls);
    drop(index);
    for (at, ttl) in ttls {
        records[at as usize].ttl = ttl;
    }
    if marks.iter().any(|marks| marks.dropped) {
        let mut marks = marks.iter();
        records.retain(|_| marks.next().is_none_or(|marks| !marks.dropped));
    }
    if records.capacity() / 5 > records.len() / 4 {
        records.shrink_to_fit();
    }
    records
}

/// Fills in the TTL that the SOA gives.
fn fill_in_ttls(records: &mut [Record], marks: &[Marks], report: &mut Report) {
    let soa = records.iter().find(|record| record.rtype == RrType::SOA);
    let minimum = soa.and_then(|soa| soa.rdata.last_chunk()).map_or(0, |octets| u32::from_be_bytes(*octets));
    let minimum = minimum.min(period::MAX_TTL);
    let mut told = false;
    for (record, marks) in records.iter_mut().zip(marks).filter(|(_, marks)| marks.ttl_of_soa) {
        record.ttl = minimum;
        if !told {
            told = true;
            let (start, end) = marks.owner;
            report.add(codes::SOA_MINIMUM_TTL, Span { file: record.file, start, end }, || {
                format!("no TTL given here or before, taken from the SOA's minimum: {minimum}")
            });
        }
    }
}

/// Fills in what TTL 1 means in a Cloudflare export. The master file and what it includes count as one file here:
/// one tag anywhere makes all of it an export.
fn automatic_ttls(records: &mut [Record]) {
    for record in records.iter_mut().filter(|record| record.ttl == 1) {
        record.ttl = AUTOMATIC_TTL;
    }
}

/// One run over one zone.
struct Check<'z, 's> {
    zone: &'z Name,
    options: ReadOptions,
    sources: &'z Sources<'s>,
    records: &'z [Record],
    marks: Vec<Marks>,
    incomplete: bool,
    tagged: bool,
    report: &'z mut Report,
    /// Records whose TTL changes, and to what.
    ttls: Vec<(u32, u32)>,
}

/// The part of a record that a diagnostic is about.
#[derive(Clone, Copy)]
enum Part {
    Owner,
    Data,
    Tag,
}

impl Check<'_, '_> {
    fn span(&self, at: u32, part: Part) -> Span {
        let marks = &self.marks[at as usize];
        let (start, end) = match part {
            Part::Owner => marks.owner,
            Part::Data => marks.data,
            Part::Tag => marks.tag.unwrap_or(marks.owner),
        };
        Span { file: self.record(at).file, start, end }
    }

    fn record(&self, at: u32) -> &Record {
        &self.records[at as usize]
    }

    fn add(&mut self, code: &'static Code, at: u32, part: Part, message: impl FnOnce(&Record) -> String) {
        let span = self.span(at, part);
        let record = &self.records[at as usize];
        self.report.add(code, span, || message(record));
    }

    fn dropped(&self, at: u32) -> bool {
        self.marks[at as usize].dropped
    }

    fn drop_record(&mut self, at: u32) {
        self.marks[at as usize].dropped = true;
    }

    /// Tells of the records that belong to another zone, which are dropped.
    fn out_of_zone(&mut self) {
        let zone = self.zone;
        for at in 0..self.records.len() as u32 {
            if !self.dropped(at) {
                continue;
            }
            if self.record(at).rtype == RrType::SOA {
                self.add(codes::SOA_NOT_AT_APEX, at, Part::Owner, |record| {
                    format!("SOA of another name than the zone {zone}: {}", record.owner)
                });
            } else {
                self.add(codes::OUT_OF_ZONE, at, Part::Owner, |record| {
                    format!("record outside of the zone, dropped: {}", record.owner)
                });
            }
        }
    }

    /// Whether the zone has what every zone has at its apex.
    fn apex(&mut self) {
        let mut soas = (0..self.records.len()).filter(|at| self.records[*at].rtype == RrType::SOA);
        let Some(first) = soas.next() else {
            if !self.incomplete {
                self.report.whole(codes::NO_SOA, format!("no SOA record in zone: {}", self.zone));
            }
            return;
        };
        let apex_ns =
            self.records.iter().any(|record| record.rtype == RrType::NS && record.owner == *self.zone);
        // A SOA elsewhere is an error that says it all.
        if !apex_ns && !self.incomplete && self.records[first].owner == *self.zone {
            self.add(codes::NO_APEX_NS, first as u32, Part::Owner, |record| {
                format!("no NS record at the apex: {}", record.owner)
            });
        }
    }

    /// Line and, where it is another, file of a record, for messages.
    fn line_of(&self, at: u32, seen_from: u32) -> String {
        let (record, other) = (self.record(at), self.record(seen_from));
        if record.file == other.file {
            format!("line {}", record.line)
        } else {
            format!("{} line {}", self.sources.file(record.file), record.line)
        }
    }
}
