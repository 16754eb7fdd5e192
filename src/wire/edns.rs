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
    /// The client asks how long a stream may be idle (edns-tcp-keepalive, RFC 7828). Means nothing over UDP.
    pub keepalive: bool,
    /// The client asks which server, and which state of it, answers (NSID, RFC 5001).
    pub nsid: bool,
}

/// DO in the flags of OPT's TTL field.
const DO: u32 = 0x8000;
/// OPT without options: root owner, type, class, TTL, RDLENGTH.
pub const OPT_LEN: usize = 11;
/// Option code of NSID (RFC 5001 section 2.3).
const OPTION_NSID: u16 = 3;
/// Option code of edns-tcp-keepalive (RFC 7828 section 3.1).
const OPTION_KEEPALIVE: u16 = 11;
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
    /// An OPT without flags and options.
    pub fn of_size(udp_size: u16) -> Edns {
        Edns { udp_size, version: 0, dnssec_ok: false, keepalive: false, nsid: false }
    }

    /// Reads CLASS, TTL and RDATA of an OPT record; `None` where RDATA is no whole number of options (RFC 6891
    /// section 6.1.2).
    pub fn read(class: u16, ttl: u32, rdata: &[u8]) -> Option<Edns> {
        let mut edns = Edns { version: (ttl >> 16) as u8, dnssec_ok: ttl & DO != 0, ..Edns::of_size(class) };
        let mut rest = rdata;
        while !rest.is_empty() {
            let head = rest.first_chunk::<4>()?;
            let (code, len) =
                (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
            rest = rest.get(4 + usize::from(len)..)?;
            // A timeout is the server's to say: a query leaves it out (RFC 7828 section 3.2.1).
            edns.keepalive |= code == OPTION_KEEPALIVE && len == 0;
            // What a filled one should mean is not defined (RFC 5001 section 2.1).
            edns.nsid |= code == OPTION_NSID && len == 0;
        }
        Some(edns)
    }

    /// Appends the OPT of an answer: own size, version 0, the upper bits of `rcode`, DO as asked, and the options.
    pub fn write(
        &self,
        own_size: u16,
        rcode: Rcode,
        options: Options<'_>,
        to: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let [t0, t1] = RrType::OPT.0.to_be_bytes();
        let [s0, s1] = own_size.to_be_bytes();
        let [l0, l1] = (options.len() as u16).to_be_bytes();
        let flags = if self.dnssec_ok { DO.to_be_bytes()[2] } else { 0 };
        let fixed: [u8; OPT_LEN] = [0, t0, t1, s0, s1, (rcode.0 >> 4) as u8, 0, flags, 0, l0, l1];
        to.put_array(fixed)?;
        if !options.nsid.is_empty() {
            to.put(options.nsid)?;
        }
        if let Some(timeout) = options.keepalive {
            for word in [OPTION_KEEPALIVE, 2, timeout] {
                to.put_u16(word)?;
            }
        }
        if let Some(error) = options.error {
            for word in [OPTION_EDE, 2 + error.text.len() as u16, error.code] {
                to.put_u16(word)?;
            }
            to.put(error.text.as_bytes())?;
        }
        Ok(())
    }
}

/// Options of an answer's OPT.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The NSID option, ready by [`nsid_option`]; nothing where nobody asked.
    pub nsid: &'a [u8],
    /// Why the answer is what it is.
    pub error: Option<ExtendedError>,
    /// How long a stream may be idle, in units of 100 ms (RFC 7828).
    pub keepalive: Option<u16>,
}

impl Options<'_> {
    /// Octets of all options.
    pub fn len(&self) -> usize {
        self.nsid.len() + self.error.map_or(0, |error| error.option_len()) + self.keepalive.map_or(0, |_| 6)
    }

    /// Whether there is no option.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A whole NSID option that says `text`, of which 65535 octets count (RFC 5001 section 2.3).
pub fn nsid_option(text: &str) -> Box<[u8]> {
    let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
    let head = [OPTION_NSID, text.len() as u16].map(u16::to_be_bytes);
    [&head[0], &head[1], text].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_must_fill_the_rdata() {
        let read = |rdata: &[u8]| Edns::read(1400, 0x0001_8000, rdata);
        let edns = Edns { version: 1, dnssec_ok: true, ..Edns::of_size(1400) };
        assert_eq!(read(&[]), Some(edns));
        assert_eq!(read(&[0, 10, 0, 2, 1, 2, 0, 11, 0, 0]), Some(Edns { keepalive: true, ..edns }));
        assert_eq!(read(&[0, 11, 0, 2, 0, 9]), Some(edns));
        assert_eq!(read(&[0, 3, 0, 0]), Some(Edns { nsid: true, ..edns }));
        assert_eq!(read(&[0, 3, 0, 1, 9]), Some(edns));
        assert_eq!(read(&[0, 10, 0, 3, 1, 2]), None);
        assert_eq!(read(&[0, 10, 0]), None);
    }
}
