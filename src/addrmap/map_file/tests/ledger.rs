//! `[[prefix]]` and `[[static_ips]]`.

use super::*;
use crate::model::Service;

/// What is told of a prefix of acme, 203.0.113.0/24, with these lines from line 4 on and without a place.
fn prefix(lines: &str) -> Vec<String> {
    let (_, told) =
        operator(&format!("[[prefix]]\ncidr = \"203.0.113.0/24\"\naccount = \"acme\"\n{lines}\n"));
    told.into_iter().map(|line| line.replacen("operator m.toml:", "", 1)).collect()
}

/// The same with its default binding on line 4.
fn bound(lines: &str) -> Vec<String> {
    prefix(&format!("binding = [{{ cidr = \"203.0.113.0/24\", service = \"CDN\" }}]\n{lines}"))
}

#[test]
fn a_ledger_reads() {
    let text = r#"
[[prefix]]
cidr        = "203.0.113.0/24"
account     = "acme"
asn         = 64496
description = "brought in 2025"
advertised  = false
binding     = [
    { cidr = "203.0.113.0/24", service = "Magic Transit" },
    { cidr = "203.0.113.0/25", service = "CDN" },
    { cidr = "203.0.113.1/32", service = "Spectrum" },
]
delegation  = [{ cidr = "203.0.113.0/24", account = "globex" }, { cidr = "203.0.113.0/24", account = "initech" }]

[[prefix]]
cidr     = "2001:db8:1::/48"
account  = "acme"
approved = false

[[static_ips]]
account = "globex"
map     = "leased"
ips     = ["2001:db8::9", "198.51.100.9"]
"#;
    let (read, told) = operator(text);
    assert_eq!(told, Vec::<String>::new());
    let [first, second] = read.ledger.prefixes.as_slice() else { panic!("{:?}", read.ledger) };
    assert_eq!((first.cidr.to_string(), first.account.as_str()), ("203.0.113.0/24".into(), "acme"));
    assert_eq!((first.asn, first.description.as_deref()), (Some(64_496), Some("brought in 2025")));
    assert_eq!(
        (first.approved, first.advertised, second.approved, second.advertised),
        (true, false, false, true)
    );
    assert_eq!(
        (first.place.line, first.bindings[2].place.line, first.delegations[1].place.column),
        (3, 11, 74)
    );
    let service = |address: &str| first.binding(address.parse().unwrap()).map(|binding| binding.service);
    assert_eq!(service("203.0.113.1"), Some(Service::Spectrum));
    assert_eq!(service("203.0.113.2"), Some(Service::Cdn));
    assert_eq!(service("203.0.113.200"), Some(Service::MagicTransit));
    assert_eq!(service("198.51.100.1"), None);
    let lease = &read.ledger.static_ips[0];
    assert_eq!((lease.account.as_str(), lease.map.as_str(), lease.ips.len()), ("globex", "leased", 2));
}

#[test]
fn networks_are_networks() {
    let of = |cidr: &str| {
        let (read, _) =
            operator(&format!("[[prefix]]\ncidr = \"{cidr}\"\naccount = \"acme\"\napproved = false\n"));
        let found = read.findings.first().map(|(_, found)| {
            assert_eq!((found.place.line, found.place.column), (2, 8));
            format!("{}: {}; {}", found.code, found.message, found.hint.clone().unwrap_or_default())
        });
        assert_eq!(found.is_none(), read.ledger.prefixes.len() == 1);
        found.unwrap_or_default()
    };
    for fine in
        ["203.0.113.0/24", "203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32", "2001:db8::1/128", "2000::/3"]
    {
        assert_eq!(of(fine), "", "{fine}");
    }
    let write = "write a network and its length: \"203.0.113.0/24\" or \"2001:db8::/48\"";
    let whole = "write a prefix that an account brought, as it is announced";
    for (cidr, expected) in [
        ("", format!("bad-cidr: not a network: ; {write}")),
        ("203.0.113.0/33", format!("bad-cidr: not a network: 203.0.113.0/33; {write}")),
        ("203.0.113/24", format!("bad-cidr: not a network: 203.0.113/24; {write}")),
        ("203.0.113.1", "bad-cidr: not a network: 203.0.113.1; add the length: \"203.0.113.1/32\"".into()),
        ("2001:db8::", "bad-cidr: not a network: 2001:db8::; add the length: \"2001:db8::/128\"".into()),
        (
            "203.0.113.1/24",
            "host-bits: a network with host bits: 203.0.113.1/24; \
             write the network, \"203.0.113.0/24\", or one address, \"203.0.113.1/32\""
                .into(),
        ),
        (
            "2001:db8::1/48",
            "host-bits: a network with host bits: 2001:db8::1/48; \
             write the network, \"2001:db8::/48\", or one address, \"2001:db8::1/128\""
                .into(),
        ),
        (
            "203.0.114.0/22",
            "host-bits: a network with host bits: 203.0.114.0/22; \
             write the network, \"203.0.112.0/22\", or one address, \"203.0.114.0/32\""
                .into(),
        ),
        (
            "::ffff:203.0.113.0/120",
            "unusable-network: an IPv4-mapped network: ::ffff:203.0.113.0/120; \
             write the IPv4 network: \"203.0.113.0/24\""
                .into(),
        ),
        (
            "0.0.0.0/0",
            format!("unusable-network: the whole address space is nobody's prefix: 0.0.0.0/0; {whole}"),
        ),
        ("::/0", format!("unusable-network: the whole address space is nobody's prefix: ::/0; {whole}")),
        (
            "0.0.0.0/8",
            format!(
                "unusable-network: the network of the unspecified address is nobody's prefix: 0.0.0.0/8; {whole}"
            ),
        ),
        (
            "127.0.0.0/8",
            format!("unusable-network: a loopback network is nobody's prefix: 127.0.0.0/8; {whole}"),
        ),
        ("ff00::/8", format!("unusable-network: a multicast network is nobody's prefix: ff00::/8; {whole}")),
    ] {
        assert_eq!(of(cidr), expected);
    }
}

#[test]
fn a_prefix_has_a_default_binding() {
    let none = "no-default-binding: no binding of the whole prefix: 203.0.113.0/24";
    assert_eq!(prefix(""), [format!("1:1+10 error {none}")]);
    assert_eq!(prefix("binding = []"), [format!("4:11+2 error {none}")]);
    let part = "{ cidr = \"203.0.113.0/25\", service = \"CDN\" }";
    let rest = part.replace("0/25", "128/25");
    assert_eq!(prefix(&format!("binding = [{part}]")), [format!("4:11+46 error {none}")]);
    assert_eq!(prefix(&format!("binding = [{part}, {rest}]")).len(), 1, "two halves are no default");
    assert_eq!(prefix("approved = false"), Vec::<String>::new(), "what is pending has none yet");
    assert_eq!(prefix(&format!("approved = false\nbinding = [{part}]")), Vec::<String>::new());
    // What cannot be read may be it.
    let unread = prefix("binding = [{ cidr = \"203.0.113.0/24\", service = \"CDM\" }]");
    assert_eq!(unread, ["4:49+5 error bad-value: no such service: CDM"]);
    for service in ["CDN", "Spectrum", "Magic Transit"] {
        let binding = format!("binding = [{{ cidr = \"203.0.113.0/24\", service = \"{service}\" }}]");
        assert_eq!(prefix(&binding), Vec::<String>::new());
    }
}

#[test]
fn services_are_known_by_name() {
    let hint = |service: &str| {
        let text = format!(
            "[[prefix]]\ncidr = \"203.0.113.0/24\"\naccount = \"acme\"\n\
             binding = [{{ cidr = \"203.0.113.0/24\", service = \"{service}\" }}]"
        );
        operator(&text).0.findings.pop().and_then(|(_, found)| found.hint).unwrap_or_default()
    };
    for (written, meant) in
        [("cdn", "CDN"), ("CND", "CDN"), ("spectrum", "Spectrum"), ("magic_transit", "Magic Transit")]
    {
        assert_eq!(hint(written), format!("did you mean {meant:?}?"));
    }
    assert_eq!(hint("WARP"), "write \"CDN\" or \"Spectrum\" or \"Magic Transit\"");
}

#[test]
fn bindings_are_parts_of_their_prefix_each_once() {
    let with = |cidr: &str, service: &str| {
        prefix(&format!(
            "binding = [{{ cidr = \"203.0.113.0/24\", service = \"CDN\" }},\n{{ cidr = \"{cidr}\", service = \"{service}\" }}]"
        ))
    };
    for fine in ["203.0.113.0/25", "203.0.113.255/32"] {
        assert_eq!(with(fine, "Spectrum"), Vec::<String>::new());
        assert_eq!(with(fine, "CDN"), Vec::<String>::new());
    }
    for outside in ["203.0.112.0/24", "203.0.112.0/23", "2001:db8::/32"] {
        let told = format!("outside-prefix: a binding outside of its prefix 203.0.113.0/24: {outside}");
        assert_eq!(with(outside, "CDN"), [format!("5:10+{} error {told}", outside.len() + 2)]);
    }
    for part in ["203.0.113.0/25", "203.0.113.128/25", "203.0.113.9/32"] {
        let told = format!("Magic Transit takes whole prefixes, not a part of 203.0.113.0/24: {part}");
        let column = 10 + part.len() + 2 + 12;
        assert_eq!(
            with(part, "Magic Transit"),
            [format!("5:{column}+15 error magic-transit-in-part: {told}")]
        );
    }
    for service in ["CDN", "Spectrum", "Magic Transit"] {
        let told = "5:10+16 error duplicate-binding: two bindings of one network: 203.0.113.0/24";
        assert_eq!(with("203.0.113.0/24", service), [told]);
    }
}

#[test]
fn delegations_are_to_others_each_once() {
    let with = |list: &str| bound(&format!("delegation = [{list}]"));
    let one = |cidr: &str, account: &str| format!("{{ cidr = \"{cidr}\", account = \"{account}\" }}");
    let globex = one("203.0.113.64/26", "globex");
    for fine in [
        globex.clone(),
        one("203.0.113.0/24", "globex"),
        format!("{globex}, {}", one("203.0.113.64/26", "initech")),
        format!("{globex}, {}", one("203.0.113.64/27", "globex")),
    ] {
        assert_eq!(with(&fine), Vec::<String>::new());
    }
    for outside in ["203.0.112.0/24", "203.0.0.0/16", "2001:db8::1/128"] {
        let told = format!("outside-prefix: a delegation outside of its prefix 203.0.113.0/24: {outside}");
        assert_eq!(with(&one(outside, "globex")), [format!("5:24+{} error {told}", outside.len() + 2)]);
    }
    for cidr in ["203.0.113.0/24", "203.0.113.0/26", "203.0.113.1/32"] {
        let column = 24 + cidr.len() + 2 + 12;
        let told = "delegation-to-owner: a delegation to the owner of the prefix: acme";
        assert_eq!(with(&one(cidr, "acme")), [format!("5:{column}+6 error {told}")]);
        let twice = format!("{}, {}", one(cidr, "globex"), one(cidr, "globex"));
        let told = with(&twice);
        assert_eq!(told.len(), 1);
        let end = format!("duplicate-delegation: a delegation twice to account globex: {cidr}");
        assert!(told[0].ends_with(&end), "{told:?}");
    }
    assert_eq!(with(&one("203.0.113.1/32", "Globex")).len(), 1, "an account is an id");
}

#[test]
fn numbers_of_autonomous_systems() {
    for fine in ["1", "64496", "4294967294", "0xfbf0"] {
        assert_eq!(bound(&format!("asn = {fine}")), Vec::<String>::new());
    }
    for (bad, message) in [
        ("0", "bad-asn: not the number of an autonomous system: 0"),
        ("-1", "bad-asn: not the number of an autonomous system: -1"),
        ("4294967295", "bad-asn: not the number of an autonomous system: 4294967295"),
        ("\"AS64496\"", "wrong-type: asn must be an integer, not a string"),
    ] {
        assert_eq!(bound(&format!("asn = {bad}")), [format!("5:7+{} error {message}", bad.len())]);
    }
}

#[test]
fn a_lease_names_addresses() {
    let with =
        |ips: &str| operator(&format!("[[static_ips]]\naccount = \"acme\"\nmap = \"m\"\nips = {ips}\n"));
    assert_eq!(with("[\"198.51.100.1\"]").1, Vec::<String>::new());
    assert_eq!(
        with("[]").1,
        ["operator m.toml:4:7+2 error empty-list: an empty list means neither all nor nothing: ips = []"]
    );
    for (bad, code) in [
        ("[\"198.51.100.0/24\"]", "address-has-prefix-length"),
        ("[\"198.51.100.1\", \"198.51.100.1\"]", "duplicate-address"),
        ("[\"::1\"]", "unusable-address"),
    ] {
        let told = with(bad).1;
        assert!(told.len() == 1 && told[0].contains(code), "{told:?}");
    }
    assert_eq!(
        operator("[[static_ips]]\n").1,
        ["account", "map", "ips"]
            .map(|key| format!(
                "operator m.toml:1:1+14 error missing-key: [[static_ips]] without a key: {key}"
            ))
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
}

#[test]
fn the_ledger_is_the_operators() {
    let text = "[[prefix]]\ncidr = \"203.0.113.0/24\"\naccount = \"acme\"\napproved = false\n\
                [[static_ips]]\naccount = \"acme\"\nmap = \"m\"\nips = [\"198.51.100.1\"]\n\
                [[approve]]\ndigest = \"00112233445566778899aabbccddeeff\"\nby = \"a\"\nreason = \"b\"\n";
    let (read, told) = with(text, Scope::Account(&acme()), "");
    assert_eq!(
        told,
        [
            "account acme m.toml:1:1+10 error operator-only: prefixes are the operator's: [[prefix]]",
            "account acme m.toml:5:1+14 error operator-only: leases are the operator's: [[static_ips]]",
            "account acme m.toml:9:1+11 error operator-only: approvals are the operator's: [[approve]]",
        ]
    );
    assert!(read.ledger.is_empty() && read.approvals.is_empty());
    let (read, told) = operator(text);
    assert_eq!(told, Vec::<String>::new());
    assert_eq!((read.ledger.prefixes.len(), read.ledger.static_ips.len(), read.approvals.len()), (1, 1, 1));
}
