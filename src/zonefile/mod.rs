//! Master files (RFC 1035 section 5) to zone data and back.
//!
//! `lexer` cuts a text into entries and tokens, `parser` makes records of them with the help of `rdata`,
//! `directive`, `generate` and `cf_tags`, `check` judges the zone as a whole, `print` writes it again.
//!
//! Invariant: any octets give zone data or diagnostics with exact places, never a panic, in time that grows as
//! n log n at most; nothing here opens a file.

mod between;
mod cf_tags;
mod check;
pub mod codes;
mod context;
mod directive;
mod generate;
mod head;
mod json;
mod lexer;
mod names;
mod parser;
mod period;
mod print;
mod rdata;
mod report;
mod source;

pub use between::check_between;

use std::sync::Arc;

use crate::model::{Diagnostics, Files, ZoneData};
use crate::wire::{Name, RrType};

/// How a master file is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// An A, AAAA or CNAME without a `cf-proxied` tag is an error (the account's `require_tags`).
    pub require_tags: bool,
}

/// Reads one zone. The zone is there only where no diagnostic is an error.
///
/// `file` is the name of the master file for diagnostics and for `files`, `content` its octets, which need not be
/// UTF-8; `origin` is the apex, which is also the first `$ORIGIN`. The diagnostics stand in the order of their
/// places, those of the master file first; of one code and file there are at most 100, and the rest is counted.
pub fn read_zone(
    file: &Arc<str>,
    content: &[u8],
    origin: &Name,
    options: ReadOptions,
    files: &dyn Files,
) -> (Option<ZoneData>, Diagnostics) {
    let mut parser = parser::Parser::new(origin, files);
    parser.master(file, content);
    let records = check::check(origin, options, parser.parsed, &parser.sources, &mut parser.report);
    let faulty = parser.report.errors() > 0;
    let zone = (!faulty).then(|| ZoneData { origin: origin.clone(), files: parser.sources.names(), records });
    (zone, parser.report.finish(&parser.sources))
}

/// RDATA in presentation form, as dig would show it; RFC 3597 where the type is not known or the bytes do not fit it.
pub fn rdata_text(rtype: RrType, rdata: &[u8]) -> String {
    rdata::text(rtype, rdata)
}

/// A whole zone as a master file that reads back to the same zone: absolute names, one record a line, tags as
/// `cf_tags` comments; the SOA first, then the records in their order.
pub fn zone_text(zone: &ZoneData) -> String {
    print::zone_text(zone)
}

#[cfg(test)]
mod tests;
