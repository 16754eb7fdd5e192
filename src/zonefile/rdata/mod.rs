//! RDATA of every type in presentation form and in wire form.
//!
//! Invariant: one description per type, [`fields`], serves both directions, so that what is written reads back
//! to the same octets. Reading wire form is total: octets that do not fit the type are `None`.

mod address;
mod codec;
mod gateway;
mod loc;
mod read;
mod reader;
mod svcb;
mod write;

use crate::wire::RrType;

pub(super) use read::read;
pub(super) use reader::Reader;
pub(super) use svcb::{address_hints, has_params};
pub(super) use write::text;

/// How a field is written and how it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A decimal number of 8, 16 or 32 bits.
    U8,
    U16,
    U32,
    /// 32 bits of seconds: decimal, or with units when read.
    Period,
    /// An IPv4 or IPv6 address.
    Ip4,
    Ip6,
    /// A domain name, not compressed.
    Name,
    /// One character-string; one that may be absent; one or more up to the end.
    Text,
    OptionalText,
    Texts,
    /// Text up to the end of the RDATA, written as one quoted string without a length octet.
    Tail,
    /// A CAA property tag: letters and digits behind a length octet (RFC 8659 section 4.1).
    Tag,
    /// Hex or base64 up to the end of the RDATA, with blanks where one likes.
    Hex,
    Base64,
    OptionalBase64,
    /// Hex behind a length octet, `-` where empty; base32hex behind a length octet (RFC 5155 section 3.3).
    ShortHex,
    ShortBase32,
    /// Type mnemonics up to the end (RFC 4034 section 4.1.2).
    Bitmap,
    /// A type, a DNSSEC algorithm: mnemonic or number.
    Type,
    Algorithm,
    /// The type and the algorithm of a CERT: the same, and written as mnemonics.
    CertType,
    CertAlgorithm,
    /// A time of signatures, `YYYYMMDDHHmmSS` or seconds (RFC 4034 section 3.2).
    Time,
    /// 6 or 8 octets as hex pairs between hyphens (RFC 7043).
    Eui48,
    Eui64,
    /// 64 bits as four groups of hex digits (RFC 6742).
    Locator,
    /// `0x` and hex digits, dots allowed when read (RFC 1706).
    Nsap,
    /// Service parameters (RFC 9460 section 2.1).
    Params,
    /// Everything of a LOC (RFC 1876).
    Loc,
    /// Address prefixes (RFC 3123).
    Prefixes,
    /// The gateway of the type given by the second octet: IPSECKEY (RFC 4025), AMTRELAY (RFC 8777).
    Gateway,
    /// Discovery bit and relay type in one octet (RFC 8777 section 4.2).
    RelayType,
    /// Everything of a HIP (RFC 8005 section 5).
    Hip,
    /// Protocol and ports of a WKS (RFC 1035 section 3.4.2).
    Services,
}

/// A field: what it is called in messages, and its kind.
type Field = (&'static str, Kind);

/// The fields of a type in order; `None` for types that are written as RFC 3597 has it only.
fn fields(rtype: RrType) -> Option<&'static [Field]> {
    use Kind::*;
    use RrType as T;
    Some(match rtype {
        T::A => &[("address", Ip4)],
        T::AAAA => &[("address", Ip6)],
        T::NS => &[("name server", Name)],
        T::CNAME | T::DNAME => &[("target", Name)],
        T::MD | T::MF | T::MB | T::MG | T::MR | T::PTR | T::NSAP_PTR => &[("name", Name)],
        T::SOA => &[
            ("primary name server", Name),
            ("mailbox", Name),
            ("serial", U32),
            ("refresh", Period),
            ("retry", Period),
            ("expire", Period),
            ("minimum", Period),
        ],
        T::WKS => &[("address", Ip4), ("protocol and ports", Services)],
        T::HINFO => &[("CPU", Text), ("operating system", Text)],
        T::MINFO => &[("mailbox", Name), ("error mailbox", Name)],
        T::MX => &[("preference", U16), ("exchange", Name)],
        T::TXT | T::SPF | T::NINFO | T::AVC | T::RESINFO | T::WALLET | T::CLA => &[("text", Texts)],
        T::RP => &[("mailbox", Name), ("text name", Name)],
        T::AFSDB => &[("subtype", U16), ("host", Name)],
        T::X25 => &[("address", Text)],
        T::ISDN => &[("address", Text), ("subaddress", OptionalText)],
        T::RT => &[("preference", U16), ("host", Name)],
        T::NSAP => &[("address", Nsap)],
        T::SIG | T::RRSIG => &[
            ("type covered", Type),
            ("algorithm", Algorithm),
            ("labels", U8),
            ("original TTL", U32),
            ("expiration", Time),
            ("inception", Time),
            ("key tag", U16),
            ("signer", Name),
            ("signature", Base64),
        ],
        T::KEY => &[("flags", U16), ("protocol", U8), ("algorithm", Algorithm), ("key", OptionalBase64)],
        T::DNSKEY | T::CDNSKEY | T::RKEY => {
            &[("flags", U16), ("protocol", U8), ("algorithm", Algorithm), ("key", Base64)]
        }
        T::PX => &[("preference", U16), ("RFC 822 name", Name), ("X.400 name", Name)],
        T::GPOS => &[("longitude", Text), ("latitude", Text), ("altitude", Text)],
        T::LOC => &[("location", Loc)],
        T::SRV => &[("priority", U16), ("weight", U16), ("port", U16), ("target", Name)],
        T::NAPTR => &[
            ("order", U16),
            ("preference", U16),
            ("flags", Text),
            ("services", Text),
            ("regular expression", Text),
            ("replacement", Name),
        ],
        T::KX => &[("preference", U16), ("exchanger", Name)],
        T::CERT => {
            &[("type", CertType), ("key tag", U16), ("algorithm", CertAlgorithm), ("certificate", Base64)]
        }
        T::APL => &[("prefixes", Prefixes)],
        T::DS | T::CDS | T::DLV | T::TA => {
            &[("key tag", U16), ("algorithm", Algorithm), ("digest type", U8), ("digest", Hex)]
        }
        T::SSHFP => &[("algorithm", U8), ("fingerprint type", U8), ("fingerprint", Hex)],
        T::IPSECKEY => &[
            ("precedence", U8),
            ("gateway type", U8),
            ("algorithm", U8),
            ("gateway", Gateway),
            ("key", OptionalBase64),
        ],
        T::NSEC => &[("next name", Name), ("types", Bitmap)],
        T::DHCID => &[("identifier", Base64)],
        T::NSEC3 => &[
            ("hash algorithm", U8),
            ("flags", U8),
            ("iterations", U16),
            ("salt", ShortHex),
            ("next hash", ShortBase32),
            ("types", Bitmap),
        ],
        T::NSEC3PARAM => &[("hash algorithm", U8), ("flags", U8), ("iterations", U16), ("salt", ShortHex)],
        T::TLSA | T::SMIMEA => {
            &[("usage", U8), ("selector", U8), ("matching type", U8), ("association data", Hex)]
        }
        T::HIP => &[("host identity", Hip)],
        T::TALINK => &[("start name", Name), ("end name", Name)],
        T::OPENPGPKEY => &[("key", Base64)],
        T::CSYNC => &[("serial", U32), ("flags", U16), ("types", Bitmap)],
        T::ZONEMD => &[("serial", U32), ("scheme", U8), ("hash algorithm", U8), ("digest", Hex)],
        T::SVCB | T::HTTPS => &[("priority", U16), ("target", Name), ("parameters", Params)],
        T::NID => &[("preference", U16), ("node identifier", Locator)],
        T::L32 => &[("preference", U16), ("locator", Ip4)],
        T::L64 => &[("preference", U16), ("locator", Locator)],
        T::LP => &[("preference", U16), ("name", Name)],
        T::EUI48 => &[("address", Eui48)],
        T::EUI64 => &[("address", Eui64)],
        T::URI => &[("priority", U16), ("weight", U16), ("target", Tail)],
        T::CAA => &[("flags", U8), ("tag", Tag), ("value", Tail)],
        T::DOA => &[
            ("enterprise", U32),
            ("type", U32),
            ("location", U8),
            ("media type", Text),
            ("data", OptionalBase64),
        ],
        T::AMTRELAY => &[("precedence", U8), ("discovery bit and relay type", RelayType), ("relay", Gateway)],
        _ => return None,
    })
}

/// DNSSEC algorithms by mnemonic (RFC 4034 appendix A.1 and the registry), the first of a number being the one that is written.
const ALGORITHMS: &[(&str, u16)] = &[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("NSEC3DSA", 6),
    ("DSA-NSEC3-SHA1", 6),
    ("NSEC3RSASHA1", 7),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

/// CERT types by mnemonic (RFC 4398 section 2.1).
const CERT_TYPES: &[(&str, u16)] = &[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
];

#[cfg(test)]
mod tests;
