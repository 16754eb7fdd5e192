//! Every type: text to octets to text.

use super::super::lexer::{Entry, Lexer};
use super::*;

const ORIGIN: &[u8] = b"\x07example\x03com\x00";

fn wire(rtype: RrType, data: &str) -> Result<Vec<u8>, (&'static str, u32, String)> {
    let mut entry = Entry::default();
    Lexer::new(data.as_bytes(), 0).next(&mut entry);
    assert!(entry.faults.is_empty(), "{data}");
    let mut out = Vec::new();
    let mut reader = Reader::new(data.as_bytes(), &entry.tokens, ORIGIN, 0);
    read(rtype, &mut reader, &mut out)
        .map_err(|fault| (fault.code.name, fault.start, fault.message.clone()))?;
    Ok(out)
}

/// A type, data as written, and as printed; the same where it is empty.
const ROWS: &[(&str, &str, &str)] = &[
    ("A", "192.0.2.1", ""),
    ("NS", "ns1", "ns1.example.com."),
    ("MD", "a.", ""),
    ("MF", "a.", ""),
    ("CNAME", "@", "example.com."),
    (
        "SOA",
        "ns1 host\\.master 2024010101 1h30m 2W 1d 5m",
        "ns1.example.com. host\\.master.example.com. 2024010101 5400 1209600 86400 300",
    ),
    ("MB", "a.", ""),
    ("MG", "a.", ""),
    ("MR", "a.", ""),
    ("NULL", "\\# 2 ABCD", ""),
    ("WKS", "192.0.2.1 tcp smtp domain 80", "192.0.2.1 6 25 53 80"),
    ("WKS", "192.0.2.1 17", ""),
    ("PTR", "*.a\\032b.", ""),
    ("HINFO", "PC \"Linux 6\"", "\"PC\" \"Linux 6\""),
    ("MINFO", "a. b.", ""),
    ("MX", "10 mail", "10 mail.example.com."),
    ("TXT", "plain \"a b\" \"\" \"q\\\"\\\\;\\009\\255\"", "\"plain\" \"a b\" \"\" \"q\\\"\\\\;\\009\\255\""),
    ("TXT", "v=DMARC1\\;p=none", "\"v=DMARC1;p=none\""),
    ("TXT", "\"\\065\\066\"", "\"AB\""),
    ("RP", "a. .", ""),
    ("AFSDB", "1 a.", ""),
    ("X25", "\"311061700956\"", ""),
    ("ISDN", "\"150862028003217\" \"004\"", ""),
    ("ISDN", "150862028003217", "\"150862028003217\""),
    ("RT", "2 a.", ""),
    (
        "NSAP",
        "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00",
        "0x47000580005a0000000001e133ffffff00016100",
    ),
    ("NSAP-PTR", "a.", ""),
    ("SIG", "A 5 2 3600 20240101000000 20230101000000 1 example. AQID", ""),
    ("KEY", "256 3 5 AQID", ""),
    ("KEY", "49152 3 0", ""),
    ("PX", "50 a. b.", ""),
    ("GPOS", "\"-32.6882\" \"116.8652\" \"10.0\"", ""),
    ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
    ("AAAA", "::ffff:192.0.2.1", ""),
    ("LOC", "52 22 23 N 4 53 32 E -2m 0 10000 10", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"),
    ("NXT", "\\# 1 00", ""),
    ("SRV", "0 5 5060 .", ""),
    ("NAPTR", "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" .", ""),
    ("KX", "1 a.", ""),
    ("CERT", "PKIX 12345 RSASHA256 AQID", ""),
    ("A6", "\\# 0", ""),
    ("DNAME", "a.", ""),
    ("APL", "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8", ""),
    ("APL", "", ""),
    (
        "DS",
        "60485 5 1 2bb183af5f22588179a53b0a 98631FAD1A292118",
        "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
    ),
    (
        "DS",
        "1 ECDSAP256SHA256 2 0000000000000000000000000000000000000000000000000000000000000001",
        "1 13 2 00000000000000000000000000000000000000000000000000000000 00000001",
    ),
    ("SSHFP", "2 1 123456789ABCDEF67890123456789ABCDEF67890", ""),
    ("IPSECKEY", "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==", ""),
    ("IPSECKEY", "10 0 2 . AQID", ""),
    ("IPSECKEY", "10 2 2 2001:db8::1 AQID", ""),
    ("IPSECKEY", "10 3 0 gw", "10 3 0 gw.example.com."),
    (
        "RRSIG",
        "TYPE65280 8 2 3600 20240229235959 0 1 a. AQID",
        "TYPE65280 8 2 3600 20240229235959 19700101000000 1 a. AQID",
    ),
    ("NSEC", "b. A MX RRSIG NSEC TYPE1234", ""),
    (
        "DNSKEY",
        "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+ KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
        "",
    ),
    (
        "DHCID",
        "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
        "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
    ),
    ("NSEC3", "1 1 12 AABBCCDD 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG", ""),
    ("NSEC3PARAM", "1 0 0 -", ""),
    ("TLSA", "3 1 1 0D6FCE13243AA7", ""),
    ("SMIMEA", "3 0 0 AB", ""),
    ("HIP", "2 200100107B1A74DF365639CC39F1D578 AwEAAbdx a. b.", ""),
    ("HIP", "2 AB AQID", ""),
    ("NINFO", "\"x\"", ""),
    ("RKEY", "0 3 1 AQID", ""),
    ("TALINK", "a. b.", ""),
    ("CDS", "0 0 0 00", ""),
    ("CDNSKEY", "0 3 0 AA==", ""),
    ("OPENPGPKEY", "AQID", ""),
    ("CSYNC", "66 3 A NS AAAA", ""),
    ("ZONEMD", "2018031500 1 1 FEBE3D4C", ""),
    ("SVCB", "1 svc port=8443 alpn=h2,h3", "1 svc.example.com. alpn=\"h2,h3\" port=8443"),
    ("SVCB", "1 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", ""),
    ("SVCB", "16 a. key667=\"hello\\210qoo\"", ""),
    ("SVCB", "16 a. key667", ""),
    (
        "SVCB",
        "16 a. mandatory=ipv4hint,alpn alpn=h2 ipv4hint=192.0.2.1",
        "16 a. mandatory=alpn,ipv4hint alpn=\"h2\" ipv4hint=192.0.2.1",
    ),
    ("SVCB", "1 a. key3=\"\\000\\053\" key1=\\002h2", "1 a. alpn=\"h2\" port=53"),
    ("SVCB", "0 a.", ""),
    (
        "HTTPS",
        "1 . alpn=\"h3,h2\" no-default-alpn ipv4hint=192.0.2.1,192.0.2.2 ech=AEj+DQ== ipv6hint=2001:db8::1",
        "",
    ),
    (
        "HTTPS",
        "1 . dohpath=/dns-query{?dns} ohttp tls-supported-groups=29,23",
        "1 . dohpath=\"/dns-query{?dns}\" ohttp tls-supported-groups=29,23",
    ),
    ("SPF", "\"v=spf1 -all\"", ""),
    ("NID", "10 0014:4fff:ff20:ee64", "10 14:4fff:ff20:ee64"),
    ("L32", "10 192.0.2.1", ""),
    ("L64", "10 2001:0db8:1140:1000", "10 2001:db8:1140:1000"),
    ("LP", "10 a.", ""),
    ("EUI48", "00-00-5E-00-53-2a", "00-00-5e-00-53-2a"),
    ("EUI64", "00-00-5e-ef-10-00-00-2a", ""),
    ("URI", "10 1 \"ftp://ftp1.example.com/public\"", ""),
    ("CAA", "0 issue letsencrypt.org", "0 issue \"letsencrypt.org\""),
    ("CAA", "128 tbs \"Unknown; x=y\"", ""),
    ("CAA", "0 issue \"\"", ""),
    ("AVC", "\"x\"", ""),
    ("DOA", "0 1 2 \"text/plain\" AQID", ""),
    ("DOA", "0 1 2 \"\"", ""),
    ("AMTRELAY", "10 0 1 203.0.113.15", ""),
    ("AMTRELAY", "10 1 3 a.", ""),
    ("AMTRELAY", "10 1 0 .", ""),
    ("AMTRELAY", "10 0 2 2001:db8::15", ""),
    ("RESINFO", "\"qnamemin\" \"exterr=15-17\"", ""),
    ("WALLET", "\"ETH\" \"0x01\"", ""),
    ("CLA", "\"x\"", ""),
    ("IPN", "\\# 8 0000000000000001", ""),
    ("TA", "1 8 1 AB", ""),
    ("DLV", "1 8 2 AB", ""),
    ("TYPE65280", "\\# 4 0A 00 00 01", "\\# 4 0A000001"),
    ("TYPE65280", "\\# 0", ""),
    ("TYPE1", "192.0.2.1", ""),
    ("A", "\\# 4 c0000201", "192.0.2.1"),
    ("MX", "\\# 4 000A 0161 ", "bad"),
];

#[test]
fn every_type_reads_prints_and_reads_again() {
    for (rtype, data, printed) in ROWS {
        let rtype: RrType = rtype.parse().unwrap();
        if *printed == "bad" {
            assert_eq!(wire(rtype, data).unwrap_err().0, "bad-generic-rdata");
            continue;
        }
        let printed = if printed.is_empty() { data } else { printed };
        let octets = wire(rtype, data).unwrap_or_else(|fault| panic!("{rtype} {data}: {fault:?}"));
        assert_eq!(text(rtype, &octets), *printed, "{rtype} {data}");
        assert_eq!(wire(rtype, printed).as_ref(), Ok(&octets), "{rtype} {printed}");
        // As generic data it is the same, and data that ends early is not of the type any more.
        let generic = format!(
            "\\# {} {}",
            octets.len(),
            octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>()
        );
        assert_eq!(wire(rtype, &generic).as_ref(), Ok(&octets), "{rtype} {generic}");
    }
}

#[test]
fn every_known_type_has_a_row() {
    for (rtype, name) in RrType::KNOWN.iter().filter(|(rtype, _)| !rtype.is_meta()) {
        let row = ROWS.iter().any(|(row, _, _)| row == name);
        assert!(row, "{rtype}");
    }
}

#[test]
fn octets_are_those_of_the_rfcs() {
    for (rtype, data, octets) in [
        ("MX", "10 a.", &b"\x00\x0a\x01a\x00"[..]),
        ("TXT", "a \"b c\"", b"\x01a\x03b c"),
        ("CAA", "0 issue \"x\"", b"\x00\x05issuex"),
        ("URI", "10 1 \"x\"", b"\x00\x0a\x00\x01x"),
        ("NSEC", "a. A MX RRSIG NSEC TYPE1234", b"\x01a\x00\x00\x06\x40\x01\x00\x00\x00\x03\x04\x1b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20"),
        ("SVCB", "16 a. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1", b"\x00\x10\x01a\x00\x00\x00\x00\x04\x00\x01\x00\x04\x00\x01\x00\x09\x02h2\x05h3-19\x00\x04\x00\x04\xc0\x00\x02\x01"),
        ("APL", "!1:192.168.32.0/21", b"\x00\x01\x15\x83\xc0\xa8\x20"),
        ("LOC", "0 N 0 E 0", b"\x00\x12\x16\x13\x80\x00\x00\x00\x80\x00\x00\x00\x00\x98\x96\x80"),
        ("AMTRELAY", "10 1 1 192.0.2.1", b"\x0a\x81\xc0\x00\x02\x01"),
        ("HIP", "2 AB AQID a.", b"\x01\x02\x00\x03\xab\x01\x02\x03\x01a\x00"),
        ("WKS", "0.0.0.0 6 0 9", b"\x00\x00\x00\x00\x06\x80\x40"),
    ] {
        assert_eq!(wire(rtype.parse().unwrap(), data).as_deref(), Ok(octets), "{rtype} {data}");
    }
}

#[test]
fn faulty_data_is_refused_where_it_stands() {
    let long = format!("\"{}\"", "x".repeat(256));
    for (rtype, data, code, at, message) in [
        ("A", "", "missing-field", 0, "missing field: address"),
        ("A", "192.0.2.256", "bad-address", 0, "not an IPv4 address: 192.0.2.256"),
        ("A", "192.0.2.01", "bad-address", 0, "not an IPv4 address: 192.0.2.01"),
        ("A", "192.0.2.1 junk", "trailing-data", 10, "more data than A takes: junk"),
        ("A", "\"192.0.2.1\"", "bad-field", 0, "address must be written without quotes: 192.0.2.1"),
        ("AAAA", "192.0.2.1", "bad-address", 0, "not an IPv6 address: 192.0.2.1"),
        ("MX", "10", "missing-field", 2, "missing field: exchange"),
        ("MX", "65536 a.", "bad-field", 0, "preference must be a number from 0 to 65535: 65536"),
        ("MX", "-1 a.", "bad-field", 0, "preference must be a number from 0 to 65535: -1"),
        ("NS", "a..b.", "bad-name", 0, "empty label: a..b."),
        ("NS", "a\\300.", "bad-escape", 0, "bad escape: a\\300."),
        ("TXT", "", "missing-field", 0, "missing field: text"),
        ("TXT", &long, "string-too-long", 0, "string of more than 255 octets: 256"),
        ("TXT", "ok a\\3x", "bad-escape", 4, "not an escape: \\3x"),
        ("CAA", "0 issue \"\"x\"\"", "trailing-data", 10, "more data than CAA takes: x"),
        ("CAA", "0 is-sue x", "bad-field", 2, "tag must be letters and digits: is-sue"),
        ("DS", "1 8 2", "missing-field", 5, "missing field: digest"),
        ("DS", "1 8 2 ABC", "bad-field", 6, "digest must be pairs of hex digits: ABC"),
        ("DNSKEY", "1 8 2 AQI", "bad-field", 6, "key must be base64 with its padding: AQI"),
        (
            "DNSKEY",
            "257 3 NOALGO AQID",
            "bad-field",
            6,
            "algorithm must be a known mnemonic or a number from 0 to 255: NOALGO",
        ),
        ("SOA", "a. b. 1 2 3 4x 5", "bad-field", 12, "expire must be seconds, or a time such as 1h30m: 4x"),
        ("SVCB", "1 . alpn=h2 alpn=h3", "bad-field", 12, "parameter given twice: alpn=h3"),
        ("SVCB", "1 . foo=1", "bad-field", 4, "unknown service parameter: foo=1"),
        ("SVCB", "1 . port=x", "bad-field", 4, "value must be a number from 0 to 65535: port=x"),
        (
            "SVCB",
            "1 . alpn",
            "bad-field",
            4,
            "value must be protocol names of 1 to 255 octets between commas: alpn",
        ),
        (
            "SVCB",
            "1 . alpn=h2,,h3",
            "bad-field",
            4,
            "value must be protocol names of 1 to 255 octets between commas: alpn=h2,,h3",
        ),
        ("SVCB", "1 . mandatory=alpn", "bad-field", 4, "mandatory parameter is missing: alpn"),
        (
            "SVCB",
            "1 . mandatory=mandatory",
            "bad-field",
            4,
            "value must be parameter names between commas, each once: mandatory=mandatory",
        ),
        (
            "SVCB",
            "1 . no-default-alpn",
            "bad-field",
            4,
            "parameter that needs alpn beside it: no-default-alpn",
        ),
        ("SVCB", "1 . key65535=x", "bad-field", 4, "unknown service parameter: key65535=x"),
        ("SVCB", "1 . key3=x", "bad-field", 4, "value must be a number from 0 to 65535: key3=x"),
        (
            "LOC",
            "91 N 0 E 0",
            "bad-field",
            0,
            "location must be latitude as degrees, minutes, seconds and N or S: 91",
        ),
        (
            "LOC",
            "1 N 0 E",
            "missing-field",
            7,
            "missing field: altitude in metres from -100000.00 to 42849672.95",
        ),
        (
            "EUI48",
            "0-0-5e-00-53-2a",
            "bad-field",
            0,
            "address must be six pairs of hex digits between hyphens: 0-0-5e-00-53-2a",
        ),
        (
            "EUI48",
            "00-00-5e-00-53",
            "bad-field",
            0,
            "address must be six pairs of hex digits between hyphens: 00-00-5e-00-53",
        ),
        (
            "NID",
            "1 1:2:3",
            "bad-field",
            2,
            "node identifier must be four groups of hex digits between colons: 1:2:3",
        ),
        ("IPSECKEY", "1 4 1 a.", "bad-field", 6, "gateway must be of a type from 0 to 3: a."),
        ("IPSECKEY", "1 0 1 a.", "bad-field", 6, "gateway must be a dot where its type is 0: a."),
        ("NULL", "x", "bad-generic-rdata", 0, "no text form for data of type: NULL"),
        ("A", "\\# 3 010203", "bad-generic-rdata", 0, "octets that are no data of type: A"),
        ("A", "\\# 4 010203", "bad-generic-rdata", 3, "length is not that of the 3 octets given: 4"),
        ("A", "\\# x", "bad-generic-rdata", 3, "length must be a number from 0 to 65535: x"),
        ("TYPE65280", "\\# 1 0", "bad-generic-rdata", 5, "not pairs of hex digits: 0"),
        ("TYPE65280", "\\# 1", "missing-field", 4, "missing field: hex digits"),
        ("TYPE65280", "1", "bad-generic-rdata", 0, "no text form for data of type: TYPE65280"),
    ] {
        let wanted = Err((code, at, message.to_owned()));
        assert_eq!(wire(rtype.parse().unwrap(), data), wanted, "{rtype} {data}");
    }
}

#[test]
fn octets_that_do_not_fit_are_written_as_unknown() {
    assert_eq!(text(RrType::A, &[1, 2, 3]), "\\# 3 010203");
    assert_eq!(text(RrType::MX, b"\x00\x0a\x01a\x00x"), "\\# 6 000A01610078");
    assert_eq!(text(RrType::NS, b"\xc0\x0c"), "\\# 2 C00C");
    assert_eq!(text(RrType::TXT, b""), "\\# 0");
    assert_eq!(text(RrType::TXT, b"\x05ab"), "\\# 3 056162");
    // Keys out of order; a mandatory key that is missing.
    assert_eq!(
        text(RrType::SVCB, b"\x00\x01\x00\x00\x03\x00\x02\x00\x35\x00\x02\x00\x00"),
        "\\# 13 00010000030002003500020000"
    );
    assert_eq!(text(RrType::SVCB, b"\x00\x01\x00\x00\x00\x00\x02\x00\x01"), "\\# 9 000100000000020001");
    assert_eq!(text(RrType(65280), &[0xab; 30]), format!("\\# 30 {} ABAB", "AB".repeat(28)));
}

proptest::proptest! {
    #[test]
    fn any_octets_print_and_what_fits_reads_back(number in 0_u16..270, octets in proptest::collection::vec(0_u8..=255, 0..60)) {
        let rtype = RrType(number);
        let printed = text(rtype, &octets);
        if known(rtype, &octets) {
            proptest::prop_assert_eq!(wire(rtype, &printed).unwrap(), octets);
        } else {
            proptest::prop_assert!(printed.starts_with("\\# "));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(number in 0_u16..270, data in "[ -~]{0,40}") {
        let mut entry = Entry::default();
        Lexer::new(data.as_bytes(), 0).next(&mut entry);
        let mut reader = Reader::new(data.as_bytes(), &entry.tokens, ORIGIN, 0);
        let mut out = Vec::new();
        if entry.faults.is_empty() && read(RrType(number), &mut reader, &mut out).is_ok() {
            proptest::prop_assert!(fields(RrType(number)).is_none() || known(RrType(number), &out));
        }
    }
}

fn known(rtype: RrType, octets: &[u8]) -> bool {
    write::known(rtype, octets).is_some()
}
