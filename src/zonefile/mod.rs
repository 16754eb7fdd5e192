//! Master files (RFC 1035 section 5) to zone data and back.

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
pub fn read_zone(
    file: &Arc<str>,
    content: &[u8],
    origin: &Name,
    options: ReadOptions,
    files: &dyn Files,
) -> (Option<ZoneData>, Diagnostics) {
    let _ = (file, content, origin, options, files);
    (None, Vec::new())
}

/// RDATA in presentation form, as dig would show it; RFC 3597 where the type is not known or the bytes do not fit it.
pub fn rdata_text(rtype: RrType, rdata: &[u8]) -> String {
    let _ = (rtype, rdata);
    String::new()
}

/// A whole zone as a master file that reads back to the same zone.
pub fn zone_text(zone: &ZoneData) -> String {
    let _ = zone;
    String::new()
}

/// stub
pub fn check_between(_: &crate::model::World) -> Vec<(crate::model::Unit, crate::model::Diagnostic)> {
    Vec::new()
}
