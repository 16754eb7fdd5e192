//! What stands between a record's owner and its data: TTL, class and type (RFC 1035 section 5.1).
//!
//! Invariant: TTL and class come in either order and both may be absent; a token is only ever one of the three.

use crate::wire::{Class, RrType};

use super::codes;
use super::context::Line;
use super::lexer::Token;
use super::period;
use super::report::Fault;
use super::source::shown;

/// What stands between owner and data.
pub(super) struct Head {
    /// As written, in seconds.
    pub(super) ttl: Option<u32>,
    pub(super) rtype: RrType,
    pub(super) type_token: Token,
    /// Number of tokens up to and with the type.
    pub(super) taken: usize,
}

/// Reads TTL and class, in either order and both optional, and the type.
pub(super) fn head(line: Line<'_>, tokens: &[Token]) -> Result<Head, Fault> {
    let mut ttl = None;
    let mut class_seen = false;
    for (index, token) in tokens.iter().enumerate() {
        let bytes = token.of(line.text);
        if token.quoted {
            let message = format!("string where a type is wanted: {}", shown(bytes));
            return Err(Fault::new(codes::MISSING_TYPE, token.place(), message));
        }
        if let Some(rtype) = common_type(bytes) {
            return Ok(Head { ttl, rtype, type_token: *token, taken: index + 1 });
        }
        if ttl.is_none() && bytes.first().is_some_and(u8::is_ascii_digit) {
            ttl = Some(read_ttl(line.text, token)?);
            continue;
        }
        if bytes == b"IN" && !class_seen {
            class_seen = true;
            continue;
        }
        let word = std::str::from_utf8(bytes).unwrap_or_default();
        // `ANY` is a type as well, which has a better message.
        if !class_seen
            && let Ok(class) = word.parse::<Class>()
            && class != Class::ANY
        {
            if class != Class::IN {
                return Err(Fault::new(
                    codes::BAD_CLASS,
                    token.place(),
                    format!("class other than IN: {}", shown(bytes)),
                ));
            }
            class_seen = true;
            continue;
        }
        let Ok(rtype) = word.parse::<RrType>() else {
            let fault = Fault::new(
                codes::UNKNOWN_TYPE,
                token.place(),
                format!("unknown record type: {}", shown(bytes)),
            );
            let next_is_type = tokens.get(index + 1).is_some_and(|next| {
                let next = next.of(line.text);
                std::str::from_utf8(next)
                    .is_ok_and(|next| next.parse::<RrType>().is_ok() || next.parse::<Class>().is_ok())
            });
            return Err(if line.blank_owner && index == 0 && next_is_type {
                fault.hint("write an owner name in the first column, without blanks in front of it")
            } else {
                fault
            });
        };
        return Ok(Head { ttl, rtype, type_token: *token, taken: index + 1 });
    }
    Err(Fault::new(codes::MISSING_TYPE, line.end(), "record without a type"))
}

/// Reads a TTL of at most 2^31 - 1 seconds.
pub(super) fn read_ttl(text: &[u8], token: &Token) -> Result<u32, Fault> {
    let bytes = token.of(text);
    let bad =
        |message: &str| Fault::new(codes::BAD_TTL, token.place(), format!("{message}: {}", shown(bytes)));
    let seconds = period::parse(bytes).filter(|_| !token.quoted).ok_or_else(|| bad("not a TTL"))?;
    u32::try_from(seconds)
        .ok()
        .filter(|ttl| *ttl <= period::MAX_TTL)
        .ok_or_else(|| bad("TTL above 2147483647"))
}

/// The types that nearly all records have, without a search.
fn common_type(text: &[u8]) -> Option<RrType> {
    Some(match text {
        b"A" => RrType::A,
        b"AAAA" => RrType::AAAA,
        b"CNAME" => RrType::CNAME,
        b"MX" => RrType::MX,
        b"NS" => RrType::NS,
        b"PTR" => RrType::PTR,
        b"SOA" => RrType::SOA,
        b"SRV" => RrType::SRV,
        b"TXT" => RrType::TXT,
        _ => return None,
    })
}

/// The fault of a type that no zone may hold, or not yet.
#[inline]
pub(super) fn refused_type(rtype: RrType, token: Token, text: &[u8]) -> Option<Fault> {
    let signing = matches!(rtype, RrType::RRSIG | RrType::NSEC | RrType::NSEC3 | RrType::NSEC3PARAM);
    if !(signing || rtype.is_meta()) {
        return None;
    }
    let value = shown(token.of(text));
    Some(if signing {
        let message = format!("signed zones come later, record of type: {value}");
        Fault::new(codes::SIGNED_ZONE, token.place(), message)
    } else {
        Fault::new(codes::META_TYPE, token.place(), format!("type that no zone holds: {value}"))
    })
}
