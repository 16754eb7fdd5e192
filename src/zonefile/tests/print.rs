//! Zone data to text and back.

use super::*;

#[test]
fn a_zone_reads_back_to_itself() {
    let text = format!(
        "{HEAD}
$TTL 1h
Www A 192.0.2.1 ; cf_tags=cf-proxied:true
c CNAME o ; cf_tags=cf-flatten-cname,cf-proxied:false
d CNAME o ; note cf_tags=cf-flatten-cname
t TXT \"a;\\\"\\\\(\" \"\\000\\255\" ; cf_tags=team:web
\\$x.\\@y.\\;z\\.w\\032v TXT x
_443._tcp HTTPS 1 . alpn=h2 port=8443
u TYPE65280 \\# 3 010203
l LOC 52 22 23 N 4 53 32 E -2m 0 10000 10
"
    );
    let (zone, diagnostics) = read(&text);
    assert_eq!(lines(&diagnostics), Vec::<String>::new());
    let zone = zone.unwrap();
    let printed = zone_text(&zone);
    let (again, diagnostics) = read(&printed);
    assert_eq!(lines(&diagnostics), Vec::<String>::new());
    let again = again.unwrap();
    assert_eq!(records(&again), records(&zone));
    assert_eq!(zone_text(&again), printed);
    assert!(
        printed.contains("Www.example.com.\t3600\tIN\tA\t192.0.2.1 ; cf_tags=cf-proxied:true\n"),
        "{printed}"
    );
    assert!(printed.contains(" ; cf_tags=cf-flatten-cname,cf-proxied:false\n"));
    assert!(printed.contains("o.example.com. ; cf_tags=cf-flatten-cname\n"));
    for (one, two) in zone.records.iter().zip(&again.records) {
        assert_eq!((&one.rdata, one.tags), (&two.rdata, two.tags));
        assert_eq!(one.owner.as_wire(), two.owner.as_wire());
    }
}

#[test]
fn the_soa_is_printed_first() {
    let (zone, _) = read("a 60 TXT x\n@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\n");
    let printed = zone_text(&zone.unwrap());
    assert_eq!(
        printed,
        "example.com.\t60\tIN\tSOA\ta. b. 1 2 3 4 5\na.example.com.\t60\tIN\tTXT\t\"x\"\nexample.com.\t60\tIN\tNS\ta.\n"
    );
}
