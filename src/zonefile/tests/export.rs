//! What Cloudflare exports, as it is.

use super::*;

const EXPORT: &str = ";;
;; Domain:     example.com.
;; Exported:   2024-05-01 10:00:00
;;
;; This file is intended for use for informational and archival purposes ONLY.
;; cf_tags are explained in the documentation.
;;
;; SOA Record
example.com\t3600\tIN\tSOA\tx.ns.cloudflare.com. dns.cloudflare.com. 2052739344 10000 2400 604800 3600

;; NS Records
example.com.\t86400\tIN\tNS\tx.ns.cloudflare.com.
example.com.\t86400\tIN\tNS\ty.ns.cloudflare.com.

;; A Records
direct.example.com.\t1\tIN\tA\t192.0.2.2 ; cf_tags=cf-proxied:false
www.example.com.\t1\tIN\tA\t192.0.2.1 ; the shop cf_tags=cf-proxied:true

;; CAA Records
example.com.\t1\tIN\tCAA\t0 issue \"letsencrypt.org\"

;; CNAME Records
*.example.com.\t1\tIN\tCNAME\torigin.example.net. ; cf_tags=cf-proxied:true
example.com.\t1\tIN\tCNAME\torigin.example.net. ; cf_tags=cf-proxied:false
f.example.com.\t120\tIN\tCNAME\tg.example.net. ; cf_tags=cf-flatten-cname,cf-proxied:false

;; MX Records
example.com.\t1\tIN\tMX\t10 mail.example.net.

;; TXT Records
_dmarc.example.com.\t1\tIN\tTXT\t\"v=DMARC1; p=none\"
";

#[test]
fn an_export_loads_unchanged() {
    let (zone, diagnostics) = read(EXPORT);
    assert_eq!(
        lines(&diagnostics),
        ["9:1+11 note soa-owner: owner of the SOA read as the zone itself: example.com"]
    );
    assert_eq!(
        records(&zone.unwrap()),
        [
            "example.com. 3600 SOA x.ns.cloudflare.com. dns.cloudflare.com. 2052739344 10000 2400 604800 3600",
            "example.com. 86400 NS x.ns.cloudflare.com.",
            "example.com. 86400 NS y.ns.cloudflare.com.",
            "direct.example.com. 300 A 192.0.2.2 dns-only",
            "www.example.com. 300 A 192.0.2.1 proxied",
            "example.com. 300 CAA 0 issue \"letsencrypt.org\"",
            "*.example.com. 300 CNAME origin.example.net. proxied",
            "example.com. 300 CNAME origin.example.net. dns-only",
            "f.example.com. 120 CNAME g.example.net. dns-only flatten",
            "example.com. 300 MX 10 mail.example.net.",
            "_dmarc.example.com. 300 TXT \"v=DMARC1; p=none\"",
        ]
    );
}

#[test]
fn an_export_of_2018_loads() {
    let text = "$ORIGIN .
@\t3600\tIN\tSOA\texample.com.\troot.example.com.\t(
\t\t2027\t; serial
\t\t7200\t; refresh
\t\t3600\t; retry
\t\t86400\t; expire
\t\t3600)\t; minimum

example.com.\t300\tIN\tNS\tREPLACE&ME$WITH^YOUR@NAMESERVER.
www.example.com.\t1\tIN\tA\t192.0.2.1
";
    let (zone, diagnostics) = read(text);
    let placeholder = "REPLACE&ME\\$WITH^YOUR\\@NAMESERVER.";
    assert_eq!(
        lines(&diagnostics),
        [
            "2:1+1 note soa-owner: owner of the SOA read as the zone itself: @".to_owned(),
            format!(
                "9:24+32 warning placeholder-ns: placeholder of an export in place of a name server: {placeholder}"
            ),
        ]
    );
    let records = records(&zone.unwrap());
    assert_eq!(records[0], "example.com. 3600 SOA example.com. root.example.com. 2027 7200 3600 86400 3600");
    // Without a tag a TTL of 1 is one second.
    assert_eq!(records[2], "www.example.com. 1 A 192.0.2.1");
}

#[test]
fn only_the_soa_is_read_leniently_and_only_without_an_origin() {
    let (zone, diagnostics) = read("$ORIGIN example.com.\nexample.com 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\n");
    assert!(zone.is_none());
    let message = "SOA of another name than the zone example.com.: example.com.example.com.";
    assert_eq!(lines(&diagnostics)[0], format!("2:1+11 error soa-not-at-apex: {message}"));
    assert_eq!(good("example.com 60 TXT x\n"), ["example.com.example.com. 60 TXT \"x\""]);
    // Owners left out after it are the zone's.
    let (zone, _) = read("Example.COM 60 SOA a. b. 1 2 3 4 5\n  NS a.\n");
    assert_eq!(records(&zone.unwrap())[1], "example.com. 60 NS a.");
}

#[test]
fn tags_of_a_record_over_several_lines() {
    for text in [
        "w 60 A ( ; cf_tags=cf-proxied:true\n 192.0.2.1 )",
        "w 60 A ( ; one\n 192.0.2.1 ) ; two cf_tags=cf-proxied:true",
        "w 60 A ( 192.0.2.1 ; cf_tags=cf-proxied:true\n ; three\n )\n",
    ] {
        assert_eq!(good(text), ["w.example.com. 60 A 192.0.2.1 proxied"], "{text}");
    }
}

#[test]
fn a_proxied_cname_may_stand_beside_anything() {
    assert_eq!(
        good("w 60 CNAME o. ; cf_tags=cf-proxied:true\nw 60 A 192.0.2.1\nw 60 TXT x\nw 60 CNAME p. ; cf_tags=cf-proxied:false\n").len(),
        4
    );
    assert_eq!(good("w 60 A 192.0.2.1 ; cf_tags=cf-proxied:true\nw 60 CNAME o.\n").len(), 2);
}

#[test]
fn beside_a_cname_of_an_export_other_data_is_dropped() {
    let text = "w 60 TXT x\nw 60 CNAME o. ; cf_tags=cf-proxied:false\nw 60 MX 1 m.\n";
    assert_eq!(
        said(text),
        [
            "3:1+1 warning dropped-beside-cname: TXT record of w.example.com. beside a CNAME, dropped: line 4",
            "5:1+1 warning dropped-beside-cname: MX record of w.example.com. beside a CNAME, dropped: line 4",
        ]
    );
    let (zone, _) = read(format!("{HEAD}{text}"));
    assert_eq!(records(&zone.unwrap())[2..], ["w.example.com. 60 CNAME o. dns-only"]);
}
