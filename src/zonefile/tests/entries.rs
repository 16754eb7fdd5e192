//! RFC 1035 section 5, entry by entry.

use super::*;

#[test]
fn owner_ttl_class_and_type_in_every_order() {
    for entry in [
        "www 300 IN A 192.0.2.1",
        "www IN 300 A 192.0.2.1",
        "www 5m A 192.0.2.1",
        "www.example.com. 300 in a 192.0.2.1",
        "www\t300\tIN\tA\t192.0.2.1\t",
        "www ( 300\n IN ; comment\n A ) ( 192.0.2.1 )",
        "www 300 CLASS1 TYPE1 \\# 4 C0000201",
        "\\119ww 300 TYPE1 192.0.2.1",
        "www 300 IN A 192.0.2.1\r",
    ] {
        assert_eq!(good(entry), ["www.example.com. 300 A 192.0.2.1"], "{entry}");
        assert_eq!(good(&format!("{entry}\n")), ["www.example.com. 300 A 192.0.2.1"], "{entry}");
    }
}

#[test]
fn what_is_left_out_is_that_of_the_record_before() {
    let records =
        good("a 30 TXT x\n  TXT y\n\n\n\t60 AAAA 2001:db8::1 ; c\nb MX 1 @\n$ORIGIN sub\n TXT z\n@ TXT s\n");
    assert_eq!(
        records,
        [
            "a.example.com. 30 TXT \"x\"",
            "a.example.com. 30 TXT \"y\"",
            "a.example.com. 60 AAAA 2001:db8::1",
            "b.example.com. 60 MX 1 example.com.",
            "b.example.com. 60 TXT \"z\"",
            "sub.example.com. 60 TXT \"s\"",
        ]
    );
}

#[test]
fn a_missing_ttl_is_the_default_or_the_last_or_the_minimum() {
    assert_eq!(
        good("a TXT x\nb 7 TXT x\nc TXT x\n$ttl 1h\nd TXT x\ne 9 TXT x\nf TXT x\n"),
        [
            "a.example.com. 60 TXT \"x\"",
            "b.example.com. 7 TXT \"x\"",
            "c.example.com. 7 TXT \"x\"",
            "d.example.com. 3600 TXT \"x\"",
            "e.example.com. 9 TXT \"x\"",
            "f.example.com. 3600 TXT \"x\"",
        ]
    );
    // Without any TTL all is the SOA's minimum, also what stands before the SOA; that is said once.
    let (zone, diagnostics) = read("a TXT x\n@ SOA n.x. h.x. 1 2 3 4 5\n@ NS n.x.\nb 9 TXT x\nc TXT x\n");
    let message = "no TTL given here or before, taken from the SOA's minimum: 5";
    assert_eq!(lines(&diagnostics), [format!("1:1+1 warning soa-minimum-ttl: {message}")]);
    let ttls: Vec<u32> = zone.unwrap().records.iter().map(|record| record.ttl).collect();
    assert_eq!(ttls, [5, 5, 5, 9, 5]);
}

#[test]
fn directives_take_any_case_and_relative_origins() {
    assert_eq!(
        good("$Origin a\n$ORIGIN b\nx 1 TXT x\n$origin other.example.com.\n@ 1 TXT x\n"),
        ["x.b.a.example.com. 1 TXT \"x\"", "other.example.com. 1 TXT \"x\""]
    );
}

#[test]
fn texts_are_octets() {
    let (zone, diagnostics) =
        read([HEAD.as_bytes(), b"t 1 TXT \"\xff\x00\xc3\xa4\" \xfe\n\xfc 1 TXT x"].concat());
    assert_eq!(lines(&diagnostics), Vec::<String>::new());
    let records = records(&zone.unwrap());
    assert_eq!(records[2], "t.example.com. 1 TXT \"\\255\\000\\195\\164\" \"\\254\"");
    assert_eq!(records[3], "\\252.example.com. 1 TXT \"x\"");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let text = format!("\u{feff}{HEAD}t 1 TXT \"a b\"\n").replace('\n', "\r\n");
    let (zone, diagnostics) = read(&text);
    assert_eq!(lines(&diagnostics), Vec::<String>::new());
    let zone = zone.unwrap();
    assert_eq!(records(&zone)[2], "t.example.com. 1 TXT \"a b\"");
    assert_eq!(zone.records[2].line, 3);
    assert_eq!(zone.place(&zone.records[2]).to_string(), "example.com.zone:3");
    // Columns do not count the mark, nor the carriage return.
    let (_, diagnostics) = read("\u{feff}x A 1\r\n");
    assert_eq!(lines(&diagnostics), ["1:5+1 error bad-address: not an IPv4 address: 1"]);
    assert_eq!(diagnostics[0].excerpt.as_deref(), Some("x A 1"));
}

#[test]
fn records_over_several_lines_stand_where_they_begin() {
    let (zone, _) = read("\n@ 60 (\n SOA a. b. 1 2 3 4 5 )\n@ 60 NS a.\n");
    let lines: Vec<u32> = zone.unwrap().records.iter().map(|record| record.line).collect();
    assert_eq!(lines, [2, 4]);
}

#[test]
fn many_records_are_generated() {
    assert_eq!(
        good("$GENERATE 1-5/2 h$ 60 A 192.0.2.$\n"),
        [
            "h1.example.com. 60 A 192.0.2.1",
            "h3.example.com. 60 A 192.0.2.3",
            "h5.example.com. 60 A 192.0.2.5",
        ]
    );
    assert_eq!(
        good("$generate 10-10 h-${0,3} IN MX \"10 m${-1,2,x}.\"\n$GENERATE 1-1 t CNAME \\$$$.\n"),
        ["h-010.example.com. 60 MX 10 m09.", "t.example.com. 60 CNAME \\$\\$."]
    );
    assert_eq!(
        good("$GENERATE 1-1 t TXT \"a $\" b\n$GENERATE 1-1 u TXT \"a $\"\n$GENERATE 1-1 s SRV 0 0 $ @\n"),
        [
            "t.example.com. 60 TXT \"a 1\" \"b\"",
            "u.example.com. 60 TXT \"a 1\"",
            "s.example.com. 60 SRV 0 0 1 example.com.",
        ]
    );
    // A tag holds for all that is made.
    assert_eq!(
        good("$GENERATE 1-2 h$ 60 A 192.0.2.$ ; cf_tags=cf-proxied:true\n"),
        ["h1.example.com. 60 A 192.0.2.1 proxied", "h2.example.com. 60 A 192.0.2.2 proxied"]
    );
}

#[test]
fn a_million_generated_records_are_the_limit() {
    let text: String = (0..17).map(|block| format!("$GENERATE 0-65535 h$.b{block} 60 TXT x\n")).collect();
    assert_eq!(said(&text), ["19:11+7 error generate-limit: more than 1048576 records in the zone: 0-65535"]);
}
