//! EDNS(0): the OPT pseudo-record (RFC 6891) as read from a query and as written into an answer.

use super::writer::{Full, Writer};
use super::{Rcode, RrType};

/// What a query's OPT says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP answer that the client takes, as it said it.
    pub udp_size: u16,
    /// EDNS version; anything but 0 is answered BADVERS.
    pub version: u8,
    /// The DO bit (RFC 3225), copied into the answer.
    pub dnssec_ok: bool,
}

/// DO in the flags of OPT's TTL field.
const DO: u32 = 0x8000;
/// OPT without options: root owner, type, class, TTL, RDLENGTH.
pub const OPT_LEN: usize = 11;
/// Option code of an extended DNS error (RFC 8914 section 2).
const OPTION_EDE: u16 = 15;

/// An extended DNS error (RFC 8914): an INFO-CODE and a short text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError {
    /// The INFO-CODE.
    pub code: u16,
    /// The EXTRA-TEXT, UTF-8, kept short.
    pub text: &'static str,
}

impl ExtendedError {
    /// INFO-CODE 0, Other (RFC 8914 section 4.1).
    pub const OTHER: u16 = 0;
    /// INFO-CODE 14, Not Ready (section 4.15).
    pub const NOT_READY: u16 = 14;
    /// INFO-CODE 20, Not Authoritative (section 4.21).
    pub const NOT_AUTHORITATIVE: u16 = 20;
    /// INFO-CODE 21, Not Supported (section 4.22).
    pub const NOT_SUPPORTED: u16 = 21;

    /// Octets of the whole option.
    pub fn option_len(&self) -> usize {
        4 + 2 + self.text.len()
    }
}

impl Edns {
    /// Reads CLASS and TTL of an OPT record.
    pub fn from_fields(class: u16, ttl: u32) -> Edns {
        Edns { udp_size: class, version: (ttl >> 16) as u8, dnssec_ok: ttl & DO != 0 }
    }

    /// Whether RDATA of an OPT is a whole number of options (RFC 6891 section 6.1.2).
    pub fn options_are_well_formed(mut rdata: &[u8]) -> bool {
        while !rdata.is_empty() {
            let Some(head) = rdata.first_chunk::<4>() else { return false };
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            match rdata.get(4 + len..) {
                Some(rest) => rdata = rest,
                None => return false,
            }
        }
        true
    }

    /// Appends the OPT of an answer: own size, version 0, the upper bits of `rcode`, DO as asked, `error` if any.
    pub fn write(
        &self,
        own_size: u16,
        rcode: Rcode,
        error: Option<ExtendedError>,
        to: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let flags = if self.dnssec_ok { DO } else { 0 };
        to.put(&[0])?;
        to.put_u16(RrType::OPT.0)?;
        to.put_u16(own_size)?;
        to.put_u32(u32::from(rcode.0 >> 4) << 24 | flags)?;
        let Some(error) = error else { return to.put_u16(0) };
        to.put_u16(error.option_len() as u16)?;
        to.put_u16(OPTION_EDE)?;
        to.put_u16(2 + error.text.len() as u16)?;
        to.put_u16(error.code)?;
        to.put(error.text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_must_fill_the_rdata() {
        assert!(Edns::options_are_well_formed(&[]));
        assert!(Edns::options_are_well_formed(&[0, 10, 0, 2, 1, 2, 0, 11, 0, 0]));
        assert!(!Edns::options_are_well_formed(&[0, 10, 0, 3, 1, 2]));
        assert!(!Edns::options_are_well_formed(&[0, 10, 0]));
    }

    #[test]
    fn fields_are_read() {
        let edns = Edns::from_fields(1400, 0x0001_8000);
        assert_eq!(edns, Edns { udp_size: 1400, version: 1, dnssec_ok: true });
    }
}
