//! The lists of a map: addresses and members.

use super::*;

#[test]
fn faults_of_addresses() {
    let hint = |address: &str| {
        let text = format!(
            "[[address_map]]\nid = \"m\"\naccount = \"a\"\nenabled = false\nzones = [\"a.example\"]\nips = [\"{address}\"]"
        );
        let (read, _) = operator(&text);
        let (_, found) = read.findings.first()?;
        assert_eq!((found.place.line, found.place.column), (6, 8));
        Some(format!("{}: {}; {}", found.code, found.message, found.hint.clone().unwrap_or_default()))
    };
    for fine in ["203.0.113.0", "203.0.113.255", "2001:db8::", "::203.0.113.1", "240.0.0.1", "10.0.0.1"] {
        assert_eq!(hint(fine), None);
    }
    let usable = "write the address that clients connect to";
    for (address, expected) in [
        (
            "0.0.0.0",
            format!("unusable-address: the unspecified address cannot be answered: 0.0.0.0; {usable}"),
        ),
        ("::", format!("unusable-address: the unspecified address cannot be answered: ::; {usable}")),
        (
            "127.0.0.2",
            format!("unusable-address: a loopback address cannot be answered: 127.0.0.2; {usable}"),
        ),
        ("::1", format!("unusable-address: a loopback address cannot be answered: ::1; {usable}")),
        ("ff02::1", format!("unusable-address: a multicast address cannot be answered: ff02::1; {usable}")),
        (
            "255.255.255.255",
            format!(
                "unusable-address: the limited broadcast address cannot be answered: 255.255.255.255; {usable}"
            ),
        ),
        (
            "::ffff:203.0.113.1",
            "unusable-address: an IPv4-mapped address cannot be answered: ::ffff:203.0.113.1; \
             write the IPv4 address: \"203.0.113.1\""
                .into(),
        ),
        (
            "203.0.113.1/24",
            "address-has-prefix-length: a network where an address is wanted: 203.0.113.1/24; \
             write the address alone: \"203.0.113.1\""
                .into(),
        ),
        (
            "2001:db8::/64",
            "address-has-prefix-length: a network where an address is wanted: 2001:db8::/64; \
             write each address by itself, without a prefix length"
                .into(),
        ),
        (
            "203.0.113.1:443",
            "bad-address: not an IP address: 203.0.113.1:443; write it without the port: \"203.0.113.1\""
                .into(),
        ),
        (
            " 203.0.113.1",
            "bad-address: not an IP address:  203.0.113.1; write it without spaces: \"203.0.113.1\"".into(),
        ),
        (
            "203.0.113.01",
            "bad-address: not an IP address: 203.0.113.01; write it without leading zeros: \"203.0.113.1\""
                .into(),
        ),
        (
            "shop.example",
            "bad-address: not an IP address: shop.example; \
             write a plain address: \"203.0.113.1\" or \"2001:db8::1\""
                .into(),
        ),
    ] {
        assert_eq!(hint(address), Some(expected));
    }
}

#[test]
fn addresses_stand_once_and_at_most_sixteen_of_a_family() {
    assert_eq!(
        map("account_wide = true\nips = [\"2001:db8::1\",\n \"2001:DB8:0::1\"]\n"),
        ["account acme m.toml:7:2+15 error duplicate-address: address twice in ips: 2001:db8::1"]
    );
    let list = |count: usize| (1..=count).map(|n| format!("\"203.0.113.{n}\",\n")).collect::<String>();
    let sixteen_and = format!("account_wide = true\nips = [\"2001:db8::1\",\n{}]", list(16));
    assert_eq!(map(&sixteen_and), Vec::<String>::new());
    assert_eq!(
        map(&format!("account_wide = true\nips = [\n{}]", list(18))),
        ["account acme m.toml:23:1+14 error too-many-addresses: more than 16 IPv4 addresses: 203.0.113.17"]
    );
}

#[test]
fn an_enabled_map_with_members_needs_an_address() {
    let message = "error enabled-without-address: an enabled map with members needs an address";
    assert_eq!(map("account_wide = true\n"), [format!("account acme m.toml:1:1+15 {message}")]);
    assert_eq!(map("zones = [\"a.example\"]\nips = []\n"), [format!("account acme m.toml:6:7+2 {message}")]);
    assert_eq!(
        map("ips = []\n"),
        ["account acme m.toml:1:1+15 note no-members: the map has no members and governs nothing"]
    );
    // A list that could not be read is told once, not twice.
    assert_eq!(
        map("account_wide = true\nips = \"203.0.113.1\"\n"),
        ["account acme m.toml:6:7+13 error wrong-type: ips must be a list, not a string"]
    );
}

#[test]
fn faults_of_members() {
    let ips = "ips = [\"203.0.113.1\"]\n";
    for (lines, expected) in [
        (
            "zones = [\"a.example\", \"*.b.example\"]",
            "m.toml:6:23+13 error bad-zone-name: bad zone name, a wildcard is not a zone: *.b.example",
        ),
        (
            "zones = [\"a.example\",\n\"A.Example.\"]",
            "m.toml:7:1+12 error duplicate-zone: zone twice in one map: A.Example",
        ),
        ("zones = \"a.example\"", "m.toml:6:9+11 error wrong-type: zones must be a list, not a string"),
        ("zones_file = \"us.txt\"", "m.toml:6:14+8 error zones-file-unreadable: file not found: us.txt"),
        (
            "zones_file = \"latin.txt\"",
            "m.toml:6:14+11 error zones-file-unreadable: not UTF-8 text: latin.txt",
        ),
        (
            "account_wide = true\nmemberships = [{ kind = \"account\", identifier = \"globex\" }]",
            "m.toml:7:49+8 error foreign-account: \
             a map of account acme cannot have another account as a member: globex",
        ),
        (
            "memberships = [{ kind = \"account\", identifier = \"acme\" }, { kind = \"account\", identifier = \"acme\" }]",
            "m.toml:6:92+6 error duplicate-member: account twice in one map: acme",
        ),
        (
            "account_wide = false\nmemberships = [{ kind = \"account\", identifier = \"acme\" }]",
            "m.toml:6:16+5 error members-contradict: \
             account_wide is false, but the account is a member at m.toml:7:49",
        ),
        (
            "account_wide = true\nmemberships = [{ kind = \"acount\", identifier = \"acme\" }]",
            "m.toml:7:25+8 error bad-value: kind must be \"zone\" or \"account\", not: acount",
        ),
        (
            "account_wide = true\nmemberships = [{ kind = \"zone\" }]",
            "m.toml:7:16+17 error missing-key: memberships without a key: identifier",
        ),
        (
            "account_wide = true\nmemberships = { }",
            "m.toml:7:15+3 error wrong-type: memberships must be a list of tables, not a table",
        ),
    ] {
        assert_eq!(map(&format!("{ips}{lines}\n")), [format!("account acme {expected}")]);
    }
}

#[test]
fn faults_of_a_zones_file_have_their_place_there() {
    let text = "[[address_map]]\nid = \"m\"\naccount = \"acme\"\nenabled = false\nzones = [\"a.example\"]\n\
                zones_file = \"eu.txt\"\n";
    let (_, told) =
        with(text, Scope::Operator, "\u{feff}b.example\n\n  a..b # x\nA.example. ; y\nc.example d.example");
    assert_eq!(
        told,
        [
            "account acme eu.txt:3:3+4 error bad-zone-name: bad zone name, empty label: a..b",
            "account acme eu.txt:4:1+10 error duplicate-zone: zone twice in one map: A.example",
            "account acme eu.txt:5:1+19 error bad-zone-name: \
             bad zone name, a character that no zone name has: c.example d.example",
        ]
    );
}
