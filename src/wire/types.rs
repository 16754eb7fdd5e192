//! Record types, classes, response codes and opcodes, by number and by name (IANA's DNS parameters).
//!
//! This file is a table.

use std::fmt;
use std::str::FromStr;

/// A record type (RFC 1035 section 3.2.2), any number; unknown ones are written `TYPE123` (RFC 3597).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RrType(pub u16);

/// A class (RFC 1035 section 3.2.4); unknown ones are written `CLASS123` (RFC 3597).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u16);

/// A response code, extended codes included (RFC 6891 section 6.1.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

/// An opcode (RFC 1035 section 4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opcode(pub u8);

/// A mnemonic or a number could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known mnemonic")]
pub struct UnknownMnemonic;

macro_rules! numbers {
    ($ty:ident, $prefix:literal, $( $name:ident = $number:literal $text:literal, )*) => {
        #[allow(missing_docs)]
        impl $ty {
            $( pub const $name: $ty = $ty($number); )*
        }

        impl $ty {
            /// Every number that has a mnemonic, with it, in the order of this table.
            pub const KNOWN: &'static [($ty, &'static str)] = &[ $( ($ty($number), $text), )* ];

            /// The mnemonic, where there is one.
            pub fn mnemonic(self) -> Option<&'static str> {
                match self.0 {
                    $( $number => Some($text), )*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.mnemonic() {
                    Some(text) => f.pad(text),
                    None => f.pad(&format!(concat!($prefix, "{}"), self.0)),
                }
            }
        }

        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $ty {
            type Err = UnknownMnemonic;

            /// Reads a mnemonic or the numbered form, whatever the case.
            fn from_str(text: &str) -> Result<Self, UnknownMnemonic> {
                if let Some((number, _)) = Self::KNOWN.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)) {
                    return Ok(*number);
                }
                let digits = text
                    .get(..$prefix.len())
                    .filter(|head| head.eq_ignore_ascii_case($prefix))
                    .map(|_| &text[$prefix.len()..])
                    .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
                digits.and_then(|digits| digits.parse().ok()).map($ty).ok_or(UnknownMnemonic)
            }
        }
    };
}

numbers! { RrType, "TYPE",
    A = 1 "A", NS = 2 "NS", MD = 3 "MD", MF = 4 "MF", CNAME = 5 "CNAME", SOA = 6 "SOA", MB = 7 "MB", MG = 8 "MG",
    MR = 9 "MR", NULL = 10 "NULL", WKS = 11 "WKS", PTR = 12 "PTR", HINFO = 13 "HINFO", MINFO = 14 "MINFO",
    MX = 15 "MX", TXT = 16 "TXT", RP = 17 "RP", AFSDB = 18 "AFSDB", X25 = 19 "X25", ISDN = 20 "ISDN",
    RT = 21 "RT", NSAP = 22 "NSAP", NSAP_PTR = 23 "NSAP-PTR", SIG = 24 "SIG", KEY = 25 "KEY", PX = 26 "PX",
    GPOS = 27 "GPOS", AAAA = 28 "AAAA", LOC = 29 "LOC", NXT = 30 "NXT", SRV = 33 "SRV", NAPTR = 35 "NAPTR",
    KX = 36 "KX", CERT = 37 "CERT", A6 = 38 "A6", DNAME = 39 "DNAME", OPT = 41 "OPT", APL = 42 "APL",
    DS = 43 "DS", SSHFP = 44 "SSHFP", IPSECKEY = 45 "IPSECKEY", RRSIG = 46 "RRSIG", NSEC = 47 "NSEC",
    DNSKEY = 48 "DNSKEY", DHCID = 49 "DHCID", NSEC3 = 50 "NSEC3", NSEC3PARAM = 51 "NSEC3PARAM", TLSA = 52 "TLSA",
    SMIMEA = 53 "SMIMEA", HIP = 55 "HIP", NINFO = 56 "NINFO", RKEY = 57 "RKEY", TALINK = 58 "TALINK",
    CDS = 59 "CDS", CDNSKEY = 60 "CDNSKEY", OPENPGPKEY = 61 "OPENPGPKEY", CSYNC = 62 "CSYNC",
    ZONEMD = 63 "ZONEMD", SVCB = 64 "SVCB", HTTPS = 65 "HTTPS", SPF = 99 "SPF", NID = 104 "NID", L32 = 105 "L32",
    L64 = 106 "L64", LP = 107 "LP", EUI48 = 108 "EUI48", EUI64 = 109 "EUI64", TKEY = 249 "TKEY", TSIG = 250 "TSIG",
    IXFR = 251 "IXFR", AXFR = 252 "AXFR", MAILB = 253 "MAILB", MAILA = 254 "MAILA", ANY = 255 "ANY",
    URI = 256 "URI", CAA = 257 "CAA", AVC = 258 "AVC", DOA = 259 "DOA", AMTRELAY = 260 "AMTRELAY",
    RESINFO = 261 "RESINFO", WALLET = 262 "WALLET", CLA = 263 "CLA", IPN = 264 "IPN", TA = 32768 "TA",
    DLV = 32769 "DLV",
}

numbers! { Class, "CLASS",
    IN = 1 "IN", CH = 3 "CH", HS = 4 "HS", NONE = 254 "NONE", ANY = 255 "ANY",
}

numbers! { Rcode, "RCODE",
    NOERROR = 0 "NOERROR", FORMERR = 1 "FORMERR", SERVFAIL = 2 "SERVFAIL", NXDOMAIN = 3 "NXDOMAIN",
    NOTIMP = 4 "NOTIMP", REFUSED = 5 "REFUSED", YXDOMAIN = 6 "YXDOMAIN", YXRRSET = 7 "YXRRSET",
    NXRRSET = 8 "NXRRSET", NOTAUTH = 9 "NOTAUTH", NOTZONE = 10 "NOTZONE", BADVERS = 16 "BADVERS",
    BADKEY = 17 "BADKEY", BADTIME = 18 "BADTIME", BADCOOKIE = 23 "BADCOOKIE",
}

numbers! { Opcode, "OPCODE",
    QUERY = 0 "QUERY", IQUERY = 1 "IQUERY", STATUS = 2 "STATUS", NOTIFY = 4 "NOTIFY", UPDATE = 5 "UPDATE",
    DSO = 6 "DSO",
}

impl RrType {
    /// A or AAAA: what an address map answers.
    pub fn is_address(self) -> bool {
        self == RrType::A || self == RrType::AAAA
    }

    /// Types that stand in questions or messages only and never in a zone (RFC 6895 section 3.1).
    pub fn is_meta(self) -> bool {
        self == RrType::OPT || (128..=255).contains(&self.0) || self.0 == 0
    }

    /// Types whose RDATA may hold compressed names (RFC 3597 section 4: those of RFC 1035).
    pub fn has_compressible_names(self) -> bool {
        use RrType as T;
        matches!(
            self,
            T::NS | T::MD | T::MF | T::CNAME | T::SOA | T::MB | T::MG | T::MR | T::PTR | T::MINFO | T::MX
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnemonics_and_numbers_read_in_any_case() {
        assert_eq!("aaaa".parse(), Ok(RrType::AAAA));
        assert_eq!("type65280".parse(), Ok(RrType(65280)));
        assert_eq!("TYPE1".parse(), Ok(RrType::A));
        assert_eq!("CLASS3".parse(), Ok(Class::CH));
        assert_eq!("TYPE".parse::<RrType>(), Err(UnknownMnemonic));
        assert_eq!("TYPE65536".parse::<RrType>(), Err(UnknownMnemonic));
        assert_eq!("TYPE+1".parse::<RrType>(), Err(UnknownMnemonic));
        assert_eq!(RrType(65280).to_string(), "TYPE65280");
    }

    #[test]
    fn every_mnemonic_reads_back() {
        for (number, text) in RrType::KNOWN {
            assert_eq!(text.parse::<RrType>(), Ok(*number));
            assert_eq!(number.to_string(), *text);
        }
    }
}
