//! Zone data as a master file.
//!
//! Invariant: the text reads back to the same records, tags included: names are absolute, every TTL is written,
//! one record is one line. The SOA comes first, then the records in their order.

use std::fmt::Write as _;

use crate::model::{Record, ZoneData};
use crate::wire::RrType;

use super::rdata;

/// The whole zone.
pub(super) fn zone_text(zone: &ZoneData) -> String {
    let mut out = String::with_capacity(zone.records.len() * 64);
    let soa = |record: &&Record| record.rtype == RrType::SOA;
    for record in zone.records.iter().filter(soa).chain(zone.records.iter().filter(|record| !soa(record))) {
        line(&mut out, record);
    }
    out
}

fn line(out: &mut String, record: &Record) {
    let Record { owner, rtype, ttl, rdata, tags, .. } = record;
    // Writing to a string does not fail.
    let _ = write!(out, "{owner}\t{ttl}\tIN\t{rtype}\t{}", rdata::text(*rtype, rdata));
    let proxied = tags.proxied.map(|proxied| if proxied { "cf-proxied:true" } else { "cf-proxied:false" });
    let flatten = tags.flatten.then_some("cf-flatten-cname");
    let mut before = " ; cf_tags=";
    for tag in flatten.into_iter().chain(proxied) {
        out.push_str(before);
        out.push_str(tag);
        before = ",";
    }
    out.push('\n');
}
