//! `[[approve]]`: content that may pass although a guard holds it.

use super::{Scope, code, is_operators};
use crate::addrmap::format::APPROVE;
use crate::model::Approval;
use crate::model::table::Value;

/// Hexadecimal digits of a digest: enough to be sure, at most all.
const DIGITS: std::ops::RangeInclusive<usize> = 32..=64;

/// One approval.
pub(super) fn read(value: &Value<'_>, scope: Scope<'_>) -> Option<Approval> {
    let table = value.table(&APPROVE)?;
    let is_operators = is_operators(value, scope, "approvals are", "[[approve]]", "the approvals");
    let digest = table.get("digest").and_then(|value| digest(&value));
    let by = table.get("by").and_then(|value| text(&value, "write who approves"));
    let reason = table.get("reason").and_then(|value| text(&value, "write why, for whoever reads it later"));
    let expires = match table.get("expires") {
        None => Some(None),
        Some(value) => expires(&value).map(Some),
    };
    // An approval of which anything cannot be read approves nothing.
    let (((digest, by), reason), expires) =
        digest.zip(by).zip(reason).zip(expires).filter(|_| is_operators)?;
    Some(Approval { digest, by, reason, expires, place: table.place() })
}

fn digest(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if DIGITS.contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return Some(text.to_ascii_lowercase());
    }
    let message = format!("not a digest: {text}");
    let hint = "write the 32 to 64 hexadecimal digits that status and plan show";
    value.error(code::BAD_DIGEST, message, hint);
    None
}

fn text(value: &Value<'_>, hint: &str) -> Option<String> {
    let text = value.text()?;
    if text.trim().is_empty() {
        value.error(code::EMPTY_TEXT, format!("{} is empty", value.key()), hint);
        return None;
    }
    Some(text.to_owned())
}

fn expires(value: &Value<'_>) -> Option<u64> {
    if value.is_text() || value.is_date() {
        if let Some(moment) = value.moment() {
            return Some(moment);
        }
        let message = format!("not a day or a moment: {}", value.written());
        let hint = "write a day, \"2026-12-01\", from whose begin in UTC on it is void, or a moment with its offset, \
                    \"2026-12-01T12:00:00Z\"";
        value.error(code::BAD_DATE, message, hint);
    } else {
        value.wrong_type("a date", "write a day, \"2026-12-01\", or a moment, \"2026-12-01T12:00:00Z\"");
    }
    None
}
