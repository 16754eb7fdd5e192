//! The header of a message (RFC 1035 section 4.1.1).

use super::Opcode;

/// The first four octets of a header that an answer needs (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The message's ID.
    pub id: u16,
    /// The flag word as it came.
    pub flags: u16,
}

impl Header {
    /// QR: this is a response.
    pub const QR: u16 = 0x8000;
    /// AA: authoritative answer.
    pub const AA: u16 = 0x0400;
    /// TC: truncated.
    pub const TC: u16 = 0x0200;
    /// RD: recursion desired.
    pub const RD: u16 = 0x0100;
    /// RA: recursion available.
    pub const RA: u16 = 0x0080;
    /// CD: checking disabled (RFC 4035 section 3.1.6: copied).
    pub const CD: u16 = 0x0010;

    /// The opcode.
    pub fn opcode(self) -> Opcode {
        Opcode((self.flags >> 11 & 0xf) as u8)
    }

    /// The flag word that every answer to this header starts from: QR, the opcode, RD and CD.
    pub fn reply_flags(self) -> u16 {
        Header::QR | self.flags & (0x7800 | Header::RD | Header::CD)
    }
}
