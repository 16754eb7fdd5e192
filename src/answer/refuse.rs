//! Answers to what is no ordinary question: malformed packets, other opcodes, TSIG.

use arrayvec::ArrayVec;

use super::write::OWN_UDP_SIZE;
use crate::wire::Header;
use crate::wire::edns::Options;
use crate::wire::reader::{Cursor, skip_name};
use crate::wire::writer::{Full, Writer};
use crate::wire::{Class, Edns, HEADER_LEN, Rcode, RrType};

/// A header with a response code, the question where it could be read, and an OPT where there was one (RFC 6891
/// section 6.1.1).
pub(super) fn bare(
    header: Header,
    question: Option<&[u8]>,
    edns: Option<Edns>,
    rcode: Rcode,
    out: &mut [u8],
) -> Result<usize, Full> {
    let limit = out.len();
    let mut writer = Writer::new(out, limit);
    let (questions, additionals) = (u16::from(question.is_some()), u16::from(edns.is_some()));
    for word in [header.id, header.reply_flags() | rcode.0 & 0xf, questions, 0, 0, additionals] {
        writer.put_u16(word)?;
    }
    debug_assert_eq!(writer.len(), HEADER_LEN);
    writer.put(question.unwrap_or_default())?;
    if let Some(edns) = edns {
        edns.write(OWN_UDP_SIZE, rcode, Options::default(), &mut writer)?;
    }
    Ok(writer.len())
}

/// Longest TSIG record that [`bad_key`] makes: two names and the fixed fields.
const MAX_TSIG: usize = 2 * crate::wire::MAX_NAME + 26;

/// The TSIG of an answer to a query that is signed with a key that we do not know: BADKEY, unsigned
/// (RFC 8945 section 5.2.1). Time and fudge are the client's: there is no clock here, and nothing is proven by them.
pub(super) fn bad_key(packet: &[u8], tsig_at: usize) -> Option<ArrayVec<u8, MAX_TSIG>> {
    let mut name = Cursor::new(packet, tsig_at);
    let key = name.name()?;
    let mut fields = Cursor::new(packet, skip_name(packet, tsig_at)? + 10);
    let algorithm = fields.name()?;
    let time_and_fudge = fields.take(8)?;
    let mac_len = usize::from(fields.u16()?);
    fields.take(mac_len)?;
    let original_id = fields.u16()?;
    fields.u16()?;
    let other_len = usize::from(fields.u16()?);
    fields.take(other_len)?;
    if fields.at() != packet.len() {
        return None;
    }
    let rdlength = (algorithm.as_wire().len() + 16) as u16;
    let mut record = ArrayVec::new();
    for piece in [
        key.as_wire(),
        &RrType::TSIG.0.to_be_bytes(),
        &Class::ANY.0.to_be_bytes(),
        &[0; 4],
        &rdlength.to_be_bytes(),
        algorithm.as_wire(),
        time_and_fudge,
        &[0; 2],
        &original_id.to_be_bytes(),
        &Rcode::BADKEY.0.to_be_bytes(),
        &[0; 2],
    ] {
        record.try_extend_from_slice(piece).ok()?;
    }
    Some(record)
}
