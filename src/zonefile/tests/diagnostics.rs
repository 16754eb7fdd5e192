//! Every code, with its exact place and message.

use super::*;

/// What follows [`HEAD`], so that it begins in line 3, and what is said about it.
const ROWS: &[(&str, &[&str])] = &[
    // The text.
    ("w A ( 192.0.2.1\n", &["3:5+1 error unbalanced-parenthesis: parenthesis that is never closed"]),
    ("w A 192.0.2.1 )\n", &["3:15+1 error unbalanced-parenthesis: closing parenthesis without an open one"]),
    ("w TXT \"abc\n", &["3:7+4 error unclosed-quote: string without its closing quote"]),
    ("w TXT abc\\\n", &["3:10+1 error bad-escape: backslash at the end of a line"]),
    ("w TXT \"ü\" \\999\n", &["3:11+4 error bad-escape: not an escape: \\999"]),
    // Entries.
    ("a..b TXT x\n", &["3:1+4 error bad-name: empty label: a..b"]),
    ("a\\256 TXT x\n", &["3:1+5 error bad-escape: bad escape: a\\256"]),
    ("\"w\" TXT x\n", &["3:1+3 error bad-name: name in quotes: w"]),
    ("w 2147483648 TXT x\n", &["3:3+10 error bad-ttl: TTL above 2147483647: 2147483648"]),
    ("w 1h30 TXT x\n", &["3:3+4 error bad-ttl: not a TTL: 1h30"]),
    ("w CH TXT x\n", &["3:3+2 error bad-class: class other than IN: CH"]),
    ("w 60 CLASS4 TXT x\n", &["3:6+6 error bad-class: class other than IN: CLASS4"]),
    ("w 3600 IN\n", &["3:10+1 error missing-type: record without a type"]),
    ("w \"x\"\n", &["3:3+3 error missing-type: string where a type is wanted: x"]),
    ("w FOO x\n", &["3:3+3 error unknown-type: unknown record type: FOO"]),
    ("w OPT x\n", &["3:3+3 error meta-type: type that no zone holds: OPT"]),
    ("w TSIG x\n", &["3:3+4 error meta-type: type that no zone holds: TSIG"]),
    ("w TYPE255 \\# 0\n", &["3:3+7 error meta-type: type that no zone holds: TYPE255"]),
    ("w RRSIG anything\n", &["3:3+5 error signed-zone: signed zones come later, record of type: RRSIG"]),
    (
        "w NSEC3PARAM 1 0 0 -\n",
        &["3:3+10 error signed-zone: signed zones come later, record of type: NSEC3PARAM"],
    ),
    ("w ANY x\n", &["3:3+3 error meta-type: type that no zone holds: ANY"]),
    // Directives.
    ("$FOO x\n", &["3:1+4 error unknown-directive: unknown directive: $FOO"]),
    ("$ORIGIN\n", &["3:1+7 error bad-directive: directive without its argument: $ORIGIN"]),
    ("$ORIGIN a b\n", &["3:11+1 error bad-directive: more than the directive takes: b"]),
    ("$TTL x\n", &["3:6+1 error bad-ttl: not a TTL: x"]),
    ("$GENERATE\n", &["3:1+9 error bad-generate: directive without its range"]),
    ("$GENERATE 1-2\n", &["3:1+9 error bad-generate: directive without an owner"]),
    ("$GENERATE 2-1 a$ A 192.0.2.$\n", &["3:11+3 error bad-generate: not a range: 2-1"]),
    ("$GENERATE 1-2 a${0,x} A 192.0.2.$\n", &["3:16+6 error bad-generate: not ${offset,width,base}: ${0,x}"]),
    (
        "$GENERATE 0-65536 a$ A 192.0.2.$\n",
        &["3:11+7 error generate-limit: more than 65536 records: 0-65536"],
    ),
    ("$GENERATE 255-257 a$ A 192.0.2.$\n", &["3:19+14 error bad-address: not an IPv4 address: 192.0.2.256"]),
    // RDATA.
    ("w MX 10\n", &["3:8+1 error missing-field: missing field: exchange"]),
    ("w MX ten mail\n", &["3:6+3 error bad-field: preference must be a number from 0 to 65535: ten"]),
    ("w A 192.0.2.1 junk\n", &["3:15+4 error trailing-data: more data than A takes: junk"]),
    ("w TYPE65280 x\n", &["3:13+1 error bad-generic-rdata: no text form for data of type: TYPE65280"]),
    // Tags.
    (
        "w A 192.0.2.1 ; cf_tags=cf-proxied:yes\n",
        &["3:25+14 error bad-tag: cf-proxied must be true or false: cf-proxied:yes"],
    ),
    (
        "w A 192.0.2.1 ; cf_tags=cf-foo:1,cf-proxied:true\n",
        &["3:25+8 error unknown-tag: unknown tag that begins with cf-: cf-foo:1"],
    ),
    (
        "w A 192.0.2.1 ; cf-proxied:true\n",
        &["3:17+10 error unread-tag: cf-proxied in a comment is not read as a tag"],
    ),
    (
        "w A 192.0.2.1 ; cf_tags: cf-proxied:true\n",
        &["3:26+10 error unread-tag: cf-proxied in a comment is not read as a tag"],
    ),
    (
        "w A 192.0.2.1 ;cf_tags = cf-proxied\n",
        &["3:26+10 error unread-tag: cf-proxied in a comment is not read as a tag"],
    ),
    (
        "w A ( ; cf_tags=cf-proxied:true\n192.0.2.1 ) ; cf_tags=cf-proxied:false\n",
        &["4:23+16 error conflicting-tags: cf-proxied was given with another value: cf-proxied:false"],
    ),
    (
        "w A 192.0.2.1 ; cf_tags=cf-proxied:true\nw A 192.0.2.1 ; cf_tags=cf-proxied:false\n",
        &[
            "4:5+9 warning duplicate: A record of w.example.com. is there already, dropped: line 3",
            "4:25+16 error conflicting-tags: the same A record was tagged differently before: line 3",
        ],
    ),
    (
        "w TXT x ; cf_tags=cf-proxied:true\n",
        &["3:19+15 error tag-on-type: record of a type that cannot be proxied: TXT"],
    ),
    (
        "w A 192.0.2.1 ; cf_tags=cf-flatten-cname\n",
        &["3:25+16 error tag-on-type: record of a type that cannot be flattened: A"],
    ),
    (
        "w TXT x ; cf_tags=cf-proxied:false\n",
        &["3:19+16 warning useless-tag: tag on a type that cannot be proxied: TXT"],
    ),
    (
        "$TTL 60 ; cf_tags=cf-proxied:true\n",
        &["3:19+15 error tag-on-directive: tag that follows a directive, not a record"],
    ),
    (
        "; cf_tags=cf-proxied:true\n",
        &["3:11+15 error misplaced-tag: tag in a comment that follows no record"],
    ),
    (
        "w A 192.0.2.1 ; cf_tags=proxied:true\n",
        &["3:25+12 warning suspicious-tag: tag that does not make the record proxied: proxied:true"],
    ),
    (
        "s NS n.x.\nw.s A 192.0.2.1 ; cf_tags=cf-proxied:true\n",
        &[
            "4:27+15 warning proxied-below-cut: hidden by a delegation, neither proxied nor shown: w.s.example.com.",
        ],
    ),
    // The zone.
    ("@ SOA a. b. 1 2 3 4 5\n", &["3:1+1 error second-soa: second SOA record, the first one is at: line 1"]),
    (
        "@ SOA NS1.example.net. h.example.net. 1 2 3 4 5\n",
        &["3:7+41 warning duplicate: SOA record of example.com. is there already, dropped: line 1"],
    ),
    (
        "s SOA a. b. 1 2 3 4 5\n",
        &["3:1+1 error soa-not-at-apex: SOA of another name than the zone example.com.: s.example.com."],
    ),
    (
        "w.example.org. A 192.0.2.1\n",
        &["3:1+14 warning out-of-zone: record outside of the zone, dropped: w.example.org."],
    ),
    (
        "s NS n.x.\n TXT x\nw.s TXT x\n",
        &[
            "4:2+3 warning occluded: TXT record hidden by a delegation: s.example.com.",
            "5:1+3 warning occluded: TXT record hidden by a delegation: w.s.example.com.",
        ],
    ),
    ("d DNAME x.\nw.d TXT x\n", &["4:1+3 warning occluded: TXT record hidden by a DNAME: w.d.example.com."]),
    (
        "s NS n.s\ns NS t\nt NS t\n",
        &[
            "3:6+3 warning missing-glue: name server of this zone without an address: n.s.example.com.",
            "4:6+1 warning missing-glue: name server of this zone without an address: t.example.com.",
            "5:6+1 warning missing-glue: name server of this zone without an address: t.example.com.",
        ],
    ),
    ("s NS n.s\nn.s A 192.0.2.1\ns DS 1 8 1 AB\nt NS n.s\n", &[]),
    (
        "@ NS n\n",
        &["3:6+1 warning ns-without-address: name server of this zone without an address: n.example.com."],
    ),
    ("*.s NS n.x.\nw.s TXT x\n", &["3:1+3 warning wildcard-ns: NS record at a wildcard: *.s.example.com."]),
    (
        "w CNAME x.\nw TXT x\n",
        &["3:1+1 error cname-and-other-data: CNAME of w.example.com. beside other data, TXT at: line 4"],
    ),
    (
        "@ CNAME x.\n",
        &["3:1+1 error cname-and-other-data: CNAME of example.com. beside other data, NS at: line 2"],
    ),
    (
        "w CNAME x.\nw CNAME y.\n",
        &["4:9+2 error multiple-cnames: second CNAME of w.example.com., the first one is at: line 3"],
    ),
    (
        "w DNAME x.\nw DNAME y.\n",
        &["4:9+2 error second-dname: second DNAME of w.example.com., the first one is at: line 3"],
    ),
    (
        "w CNAME x.\nw DNAME y.\n",
        &["3:1+1 error dname-and-cname: CNAME of w.example.com. beside a DNAME: line 4"],
    ),
    (
        "a CNAME b\nb CNAME c\nc CNAME a\nd CNAME a\n",
        &["3:9+1 warning cname-loop: CNAME records that lead back to: a.example.com."],
    ),
    ("*.w CNAME x.w\n", &["3:11+3 warning cname-loop: CNAME records that lead back to: *.w.example.com."]),
    (
        "w 60 TXT a\nw 30 TXT b\n",
        &["4:1+1 warning mixed-ttl: TXT records of w.example.com. with different TTLs, all get: 30"],
    ),
    (
        "w NS A.x.\nw NS a.X.\n",
        &["4:6+4 warning duplicate: NS record of w.example.com. is there already, dropped: line 3"],
    ),
    ("w TXT a\nw TXT A\n", &[]),
    (
        "w A 192.0.2.1 ; cf_tags=cf-proxied:true\n@ MX 1 w\n_s._tcp SRV 1 1 1 W\ns NS w\n",
        &[
            "4:6+3 warning target-proxied: MX to a proxied name: w.example.com.",
            "5:13+7 warning target-proxied: SRV to a proxied name: W.example.com.",
            "6:6+1 warning target-proxied: NS to a proxied name: w.example.com.",
        ],
    ),
    (
        "*.w A 192.0.2.1 ; cf_tags=cf-proxied:true\na.b.w TXT x\n@ MX 1 x.w\n@ MX 1 b.w\n@ MX 1 c.b.w\n",
        &["5:6+5 warning target-proxied: MX to a proxied name: x.w.example.com."],
    ),
    ("w CNAME x.\n@ MX 1 w\n", &["4:6+3 warning target-is-cname: MX to a CNAME: w.example.com."]),
    (
        "@ MX 1 192.0.2.1\n",
        &[
            "3:6+11 warning target-is-address: MX to a name that looks like an address: 192.0.2.1.example.com.",
        ],
    ),
    (
        "w CNAME 192.0.2.1.\n",
        &["3:9+10 warning target-is-address: CNAME to a name that looks like an address: 192.0.2.1."],
    ),
    (
        "w A 192.0.2.1 ; cf_tags=cf-proxied:true\nw HTTPS 1 . ipv4hint=192.0.2.1\nv HTTPS 1 w ipv6hint=2001:db8::1\nu HTTPS 1 . ipv4hint=192.0.2.1\n",
        &[
            "4:9+22 warning hint-at-proxied: address hint for a proxied name: w.example.com.",
            "5:9+24 warning hint-at-proxied: address hint for a proxied name: w.example.com.",
        ],
    ),
    (
        "w HTTPS 0 x. port=1\n",
        &[
            "3:9+11 warning alias-mode-params: HTTPS record of priority 0 with parameters, which nobody reads: w.example.com.",
        ],
    ),
];

#[test]
fn each_fault_has_its_code_place_and_message() {
    for (text, wanted) in ROWS {
        let said: Vec<String> =
            said(text).into_iter().filter(|line| !line.contains("soa-minimum-ttl")).collect();
        assert_eq!(said, *wanted, "{text}");
    }
}

#[test]
fn faults_of_whole_files() {
    let said = |text: &str| lines(&read(text).1);
    assert_eq!(said(""), ["0:0+0 error no-soa: no SOA record in zone: example.com."]);
    assert_eq!(said(" TXT x\n"), ["1:2+3 error no-owner: record without an owner, and none before it"]);
    assert_eq!(
        said("@ 60 SOA a. b. 1 2 3 4 5\n"),
        ["1:1+1 warning no-apex-ns: no NS record at the apex: example.com."]
    );
    // A SOA that cannot be read is not said to be absent as well.
    assert_eq!(said("@ 60 SOA a. b. 1 2 3 4\n"), ["1:23+1 error missing-field: missing field: minimum"]);
}

#[test]
fn an_owner_with_blanks_in_front_is_explained() {
    let (_, diagnostics) = read(format!("{HEAD} www A 192.0.2.1\n"));
    assert_eq!(lines(&diagnostics), ["3:2+3 error unknown-type: unknown record type: www"]);
    let hint = "write an owner name in the first column, without blanks in front of it";
    assert_eq!(diagnostics[0].hint.as_deref(), Some(hint));
    assert_eq!(diagnostics[0].excerpt.as_deref(), Some(" www A 192.0.2.1"));
}

#[test]
fn long_names_and_strings() {
    let label = "a".repeat(64);
    assert_eq!(said(&format!("{label} TXT x\n"))[0].split(": ").next(), Some("3:1+64 error bad-name"));
    let name = ["a".repeat(60).as_str(); 5].join(".");
    assert_eq!(
        said(&format!("w NS {name}\n"))[0].split(": a").next(),
        Some("3:6+304 error bad-name: name longer than 255 octets")
    );
    let string = "x".repeat(256);
    assert_eq!(
        said(&format!("w TXT {string}\n")),
        ["3:7+256 error string-too-long: string of more than 255 octets: 256"]
    );
    let strings = format!("\"{}\" ", "x".repeat(255)).repeat(256);
    assert_eq!(
        said(&format!("w TXT {strings}\n"))[0].split(" error ").nth(1),
        Some("rdata-too-long: data of more than 65535 octets: 65536")
    );
}

#[test]
fn a_set_must_fit_one_message() {
    let record = |at: u32| format!("w 60 TXT {} {at:05}\n", format!("\"{}\" ", "x".repeat(255)).repeat(3));
    let records = |count: u32| (0..count).map(record).collect::<String>();
    // 65535 - 12 - (15 + 2 + 4) - 11 octets, 12 + 3 * 256 + 6 for each record.
    assert_eq!(said(&records(83)), Vec::<String>::new());
    assert_eq!(
        said(&records(84)),
        [
            "3:1+1 error rrset-too-large: TXT records of w.example.com. do not fit a message, at most 65493 octets: 66024"
        ]
    );
}

#[test]
fn tags_may_be_required() {
    let read = |text: &str| {
        let file: Arc<str> = "m".into();
        let options = ReadOptions { require_tags: true };
        let text = format!("{HEAD}{text}");
        lines(&read_zone(&file, text.as_bytes(), &origin(), options, &Memory::default()).1)
    };
    assert_eq!(
        read(
            "a 60 A 192.0.2.1\nb 60 AAAA 2001:db8::1 ; x\nc 60 CNAME x.\nd 60 A 192.0.2.1 ; cf_tags=cf-proxied:false\n"
        ),
        [
            "3:1+1 error untagged: A record of a.example.com. without a tag: cf-proxied",
            "4:1+1 error untagged: AAAA record of b.example.com. without a tag: cf-proxied",
            "5:1+1 error untagged: CNAME record of c.example.com. without a tag: cf-proxied",
        ]
    );
    assert_eq!(read("s 60 NS n.s\nn.s 60 A 192.0.2.1\nt 60 NS t\nt 60 A 192.0.2.1\n"), Vec::<String>::new());
    // What is wrong with a tag is not said twice.
    assert_eq!(read("a 60 A 192.0.2.1 ; cf-proxied:true\n").len(), 1);
}

#[test]
fn all_faults_are_found_and_counted_beyond_a_hundred() {
    let text = format!("{}b FOO\nc A 192.0.2.1 x\n", "a A 1\n".repeat(150));
    let said = said(&text);
    assert_eq!(said.len(), 103);
    assert_eq!(said[99], "102:5+1 error bad-address: not an IPv4 address: 1");
    assert_eq!(said[100], "153:3+3 error unknown-type: unknown record type: FOO");
    assert_eq!(said[101], "154:15+1 error trailing-data: more data than A takes: x");
    assert_eq!(said[102], "0:0+0 error bad-address: and 50 more");
}

#[test]
fn mixed_ttls_are_levelled_and_duplicates_dropped() {
    let (zone, _) = read(format!("{HEAD}w 60 TXT a\nw 30 TXT b\nw 90 TXT a\nw 99 A 192.0.2.1\n"));
    assert_eq!(
        records(&zone.unwrap())[2..],
        ["w.example.com. 30 TXT \"a\"", "w.example.com. 30 TXT \"b\"", "w.example.com. 99 A 192.0.2.1"]
    );
}

#[test]
fn every_code_is_triggered_by_a_test() {
    // Those that another test or none can trigger in bearable time.
    let elsewhere = [
        "file-too-large",
        "no-owner",
        "include-failed",
        "include-cycle",
        "include-limit",
        "string-too-long",
        "rdata-too-long",
        "untagged",
        "no-soa",
        "apex-cname-outside",
        "child-not-delegated",
        "soa-owner",
        "soa-minimum-ttl",
        "no-apex-ns",
        "placeholder-ns",
        "dropped-beside-cname",
        "rrset-too-large",
    ];
    for code in codes::ALL {
        let here =
            ROWS.iter().flat_map(|(_, said)| *said).any(|line| line.contains(&format!(" {}: ", code.name)));
        assert_ne!(here, elsewhere.contains(&code.name), "{}", code.name);
    }
}
