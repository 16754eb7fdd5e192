use super::*;
use crate::model::FoundFile;

mod assertions;
mod fields;
mod ledger;

/// One file beside the others: `eu.txt`.
struct OneFile(&'static str);

impl Files for OneFile {
    fn open(&self, from: &str, path: &str) -> Result<FoundFile, String> {
        assert_eq!(from, "m.toml");
        match path {
            "eu.txt" => Ok(FoundFile {
                file: "eu.txt".into(),
                identity: "eu.txt".into(),
                content: self.0.as_bytes().into(),
            }),
            "latin.txt" => Ok(FoundFile {
                file: "latin.txt".into(),
                identity: "latin.txt".into(),
                content: b"\xff".as_slice().into(),
            }),
            _ => Err(format!("file not found: {path}")),
        }
    }
}

fn acme() -> AccountId {
    AccountId::new("acme").unwrap()
}

fn told(read: &MapFile) -> Vec<String> {
    let line = |(unit, found): &(Unit, Diagnostic)| {
        assert!(found.hint.is_some(), "{} has no hint", found.code);
        assert!(
            found.excerpt.is_some() || found.code == code::ANYCAST_TWICE,
            "{} has no excerpt",
            found.code
        );
        let unit = match unit {
            Unit::Operator => "operator".to_string(),
            unit => unit.to_string(),
        };
        let place = &found.place;
        format!("{unit} {place}+{} {} {}: {}", place.length, found.severity, found.code, found.message)
    };
    read.findings.iter().map(line).collect()
}

fn operator(text: &str) -> (MapFile, Vec<String>) {
    with(text, Scope::Operator, "shop.example\n")
}

fn with(text: &str, scope: Scope<'_>, txt: &'static str) -> (MapFile, Vec<String>) {
    let read = read(&"m.toml".into(), text.as_bytes(), scope, &OneFile(txt), &[]);
    let told = told(&read);
    (read, told)
}

/// A map that is fine but for the lines given, from line 5 on.
fn map(lines: &str) -> Vec<String> {
    operator(&format!("[[address_map]]\nid = \"m\"\naccount = \"acme\"\nenabled = true\n{lines}")).1
}

#[test]
fn the_example_of_the_design_reads() {
    let text = r#"
[anycast]
ipv4 = ["192.0.2.10", "192.0.2.11"]
ipv6 = ["2001:db8::10", "2001:db8::11"]

[[address_map]]
id          = "shop-eu"
account     = "acme"
description = "EU storefront"
enabled     = true
ips         = ["203.0.113.1", "2001:db8:1:0::1", "203.0.113.2"]
zones       = ["Shop.example"]
zones_file  = "eu.txt"
memberships = [{ kind = "zone", identifier = "b.example." }, { kind = "account", identifier = "acme" }]
account_wide = true
default_sni = "*.shop.example"
"#;
    let (read, told) = with(text, Scope::Operator, "# EU\r\n a.example ; first\r\n\r\nc.example.");
    assert_eq!(told, Vec::<String>::new());
    let anycast = read.anycast.unwrap();
    assert_eq!((anycast.ipv4.len(), anycast.ipv6.len(), anycast.place.line), (2, 2, 2));
    let map = &read.maps[0];
    assert_eq!((map.id.as_str(), map.account.as_str(), map.enabled), ("shop-eu", "acme", true));
    assert_eq!(map.ipv4.iter().map(ToString::to_string).collect::<Vec<_>>(), ["203.0.113.1", "203.0.113.2"]);
    assert_eq!(map.ipv6.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2001:db8:1::1"]);
    let members: Vec<String> =
        map.memberships.iter().map(|member| format!("{:?} {}", member.member, member.place)).collect();
    assert_eq!(
        members,
        [
            "Zone(Shop.example.) m.toml:12:16",
            "Zone(a.example.) eu.txt:2:2",
            "Zone(c.example.) eu.txt:4:1",
            "Zone(b.example.) m.toml:14:46",
            "Account m.toml:14:95",
        ]
    );
    assert_eq!(map.default_sni.as_deref(), Some("*.shop.example"));
    assert_eq!((map.owner, map.place.line), (MapOwner::Operator, 6));
}

#[test]
fn inside_an_accounts_folder_the_account_is_implied() {
    let text = "[[address_map]]\nid = \"m\"\nenabled = false\nips = [\"203.0.113.1\"]\naccount_wide = true\n";
    let (read, told) = with(text, Scope::Account(&acme()), "");
    assert_eq!(told, Vec::<String>::new());
    assert_eq!((read.maps[0].account.as_str(), read.maps[0].owner), ("acme", MapOwner::Account));
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = r#"colour = 1
[anycast]
ipv4 = ["2001:db8::1", 7]
[[address_map]]
id = "Shop EU"
enabld = true
account = "acme"
ips = ["203.0.113.0/24", "203.0.113.1/32", "224.0.0.1"]
[[address_map]]
id = "b"
enabled = "yes"
account = "globex"
"#;
    let (_, told) = operator(text);
    assert_eq!(
        told,
        [
            "operator m.toml:1:1+6 error unknown-key: unknown key in an address map file: colour",
            "operator m.toml:3:9+13 error wrong-family: an IPv6 address in ipv4: 2001:db8::1",
            "operator m.toml:3:24+1 error wrong-type: ipv4 must be a string, not an integer",
            "account acme m.toml:4:1+15 error missing-key: [[address_map]] without a key: enabled",
            "account acme m.toml:4:1+15 note no-members: the map has no members and governs nothing",
            "account acme m.toml:5:6+9 error bad-id: id must be 1 to 32 of a-z, 0-9 and -, not: Shop EU",
            "account acme m.toml:6:1+6 error unknown-key: unknown key in [[address_map]]: enabld",
            "account acme m.toml:8:8+16 error address-has-prefix-length: \
             a network where an address is wanted: 203.0.113.0/24",
            "account acme m.toml:8:26+16 error address-has-prefix-length: \
             a network where an address is wanted: 203.0.113.1/32",
            "account acme m.toml:8:44+11 error unusable-address: a multicast address cannot be answered: 224.0.0.1",
            "account globex m.toml:9:1+15 note no-members: the map has no members and governs nothing",
            "account globex m.toml:11:11+5 error wrong-type: enabled must be true or false, not a string",
        ]
    );
}

#[test]
fn a_map_without_a_readable_account_holds_the_operator() {
    let (read, told) = operator("[[address_map]]\nid = \"m\"\nenabled = false\nzones = [\"a.example\"]\n");
    assert_eq!(told, ["operator m.toml:1:1+15 error missing-key: [[address_map]] without a key: account"]);
    assert!(read.maps.is_empty());
    let (_, told) = operator(
        "[[address_map]]\nid = \"m\"\naccount = \"Acme\"\nenabled = false\n\
         memberships = [{kind = \"account\", identifier = \"x\"}]\n",
    );
    assert_eq!(
        told,
        ["operator m.toml:3:11+6 error bad-id: account must be 1 to 32 of a-z, 0-9 and -, not: Acme"]
    );
}

#[test]
fn what_is_the_operators_is_refused_in_an_accounts_folder() {
    let text = "[anycast]\nipv4 = [\"192.0.2.1\"]\n[[address_map]]\nid = \"m\"\naccount = \"globex\"\n\
                enabled = true\nips = [\"203.0.113.1\"]\nimmutable = true\naccount_wide = true\n";
    let (read, told) = with(text, Scope::Account(&acme()), "");
    assert_eq!(
        told,
        [
            "account acme m.toml:1:1+9 error operator-only: the anycast defaults are the operator's: [anycast]",
            "account acme m.toml:5:11+8 error account-mismatch: \
             the file stands in the folder of account acme, not of: globex",
            "account acme m.toml:8:13+4 error operator-only: immutable maps are the operator's: immutable = true",
        ]
    );
    assert!(read.anycast.is_none() && !read.maps[0].immutable);
}

#[test]
fn an_immutable_map_is_for_the_whole_account_and_stays() {
    assert_eq!(map("ips = [\"203.0.113.1\"]\nimmutable = true\n"), Vec::<String>::new());
    assert_eq!(
        operator("[[address_map]]\nid = \"m\"\naccount = \"acme\"\nenabled = false\nimmutable = true\nzones = [\"a.example\"]\naccount_wide = false").1,
        [
            "account acme m.toml:1:1+15 error immutable-without-address: an immutable map needs an address",
            "account acme m.toml:4:11+5 error immutable-disabled: an immutable map cannot be disabled",
            "account acme m.toml:6:9+13 error immutable-with-zones: \
             an immutable map is for the whole account and has no zones",
            "account acme m.toml:7:16+5 error members-contradict: account_wide is false, but the map is immutable",
        ]
    );
    let (read, _) = operator(
        "[[address_map]]\nid = \"m\"\naccount = \"acme\"\nenabled = true\nips = [\"203.0.113.1\"]\nimmutable = true\n",
    );
    assert!(read.maps[0].is_account_wide());
    assert_eq!(read.maps[0].memberships[0].place.line, 6);
}

#[test]
fn a_default_server_name_is_a_host_name() {
    let lines = "ips = [\"203.0.113.1\"]\naccount_wide = true\n";
    assert_eq!(map(&format!("{lines}default_sni = \"*.shop.example\"")), Vec::<String>::new());
    assert_eq!(
        map(&format!("{lines}default_sni = \"*.*.shop.example\"")),
        ["account acme m.toml:7:15+18 error bad-default-sni: \
          bad default_sni, a wildcard is not a zone: *.*.shop.example"]
    );
}

#[test]
fn anycast_needs_addresses_and_stands_once() {
    assert_eq!(
        operator("[anycast]\nipv4 = []\n").1,
        ["operator m.toml:1:1+9 error anycast-without-address: no address in [anycast]"]
    );
    let mut first = operator("[anycast]\nipv4 = [\"192.0.2.1\"]\n").0;
    first.absorb(operator("\n[anycast]\nipv4 = [\"192.0.2.2\"]\n").0);
    assert_eq!(
        told(&first),
        [
            "operator m.toml:1:1+9 error anycast-twice: \
             the anycast defaults stand in two files, the other is m.toml:2:1",
            "operator m.toml:2:1+9 error anycast-twice: \
             the anycast defaults stand in two files, the other is m.toml:1:1",
        ]
    );
    assert_eq!(first.anycast.unwrap().ipv4[0].to_string(), "192.0.2.1");
}

#[test]
fn broken_syntax_does_not_hide_the_rest_and_is_not_told_twice() {
    let (_, told) = operator(
        "[[address_map]]\nid = \"m\"\naccount = \"acme\"\nenabled = ja\nips = [\"203.0.113.1\", \"x\"]\n\
         zones = [\"a.example\"]\n",
    );
    assert_eq!(
        told,
        [
            "operator m.toml:4:11+2 error toml-syntax: \
             not TOML: string values must be quoted, expected literal string",
            "account acme m.toml:5:23+3 error bad-address: not an IP address: x",
        ]
    );
}

#[test]
fn no_bytes_make_it_panic() {
    let text = "[anycast]\nipv4 = [\"192.0.2.1\"]\n[[address_map]]\nid = \"m\"\naccount = \"acme\"\nenabled = true\n\
                ips = [\"203.0.113.1\", \"2001:db8::1\"]\nzones = [\"a.example\"]\nzones_file = \"eu.txt\"\n\
                memberships = [{ kind = \"zone\", identifier = \"b.example\" }]\ndefault_sni = \"*.a.example\"\n\
                [[prefix]]\ncidr = \"203.0.113.0/24\"\naccount = \"acme\"\nasn = 64496\n\
                binding = [{ cidr = \"203.0.113.0/24\", service = \"CDN\" }]\n\
                delegation = [{ cidr = \"203.0.113.64/26\", account = \"globex\" }]\n\
                [[static_ips]]\naccount = \"acme\"\nmap = \"m\"\nips = [\"198.51.100.1\"]\n\
                [[assert]]\nzone = \"a.example\"\nanswers_within = [\"2001:db8::/32\"]\n\
                family_required = [\"ipv4\", \"ipv6\"]\ngoverned_by = \"m\"\n[[assert]]\neverything = true\n\
                never_answers_within = [\"10.0.0.0/8\"]\n[[approve]]\ndigest = \"00112233445566778899aabbccddeeff\"\n\
                by = \"a\"\nreason = \"b\"\nexpires = 2026-12-01\n";
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below.max(1)
    };
    for _ in 0..5_000 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => drop(bytes.drain(at..(at + 1).min(bytes.len()))),
                1 => bytes.insert(at, *b"[]{}\"'.=,\n\\ \xff0a".get(random(16)).unwrap_or(&b'x')),
                _ => bytes.truncate(at.max(1)),
            }
        }
        read(&"m.toml".into(), &bytes, Scope::Operator, &OneFile("c.example\n"), &[]);
        read(&"m.toml".into(), &bytes, Scope::Account(&acme()), &OneFile("a..b\n"), &[]);
    }
}

#[test]
fn the_description_is_text_and_tables_are_tables() {
    assert_eq!(
        map("ips = [\"203.0.113.1\"]\naccount_wide = true\ndescription = 5\n"),
        ["account acme m.toml:7:15+1 error wrong-type: description must be a string, not an integer"]
    );
    assert_eq!(
        operator("address_map = \"x\"\nanycast = 1\n").1,
        [
            "operator m.toml:1:15+3 error wrong-type: address_map must be a list of tables, not a string",
            "operator m.toml:2:11+1 error wrong-type: anycast must be a table, not an integer",
        ]
    );
    let (read, told) = operator("");
    assert!(told.is_empty() && read.maps.is_empty());
}

#[test]
fn a_list_of_zones_that_stays_is_taken_from_the_maps_before() {
    let text = |rest: &str| {
        format!(
            "[[address_map]]\nid = \"m\"\naccount = \"acme\"\nenabled = true\nips = [\"203.0.113.1\"]\n\
             zones_file = \"eu.txt\"\n{rest}"
        )
    };
    let maps = |text: &str, list: &'static str, before: &[Arc<AddressMap>]| -> Vec<Arc<AddressMap>> {
        let read = read(&"m.toml".into(), text.as_bytes(), Scope::Operator, &OneFile(list), before);
        read.maps.into_iter().map(Arc::new).collect()
    };
    let before = maps(&text(""), "a.example\nb.example\n", &[]);
    let shared = |after: &[Arc<AddressMap>]| after[0].memberships.are_shared_with(&before[0].memberships);
    let same = maps(&text("description = \"another\"\n"), "a.example\nb.example\n", &before);
    assert!(shared(&same) && same[0].memberships == before[0].memberships);
    // The list itself, or what is written beside it, says something else.
    for (rest, list) in [
        ("", "a.example\nc.example\n"),
        ("account_wide = true\n", "a.example\nb.example\n"),
        ("zones = [\"c.example\"]\n", "a.example\nb.example\n"),
    ] {
        let other = maps(&text(rest), list, &before);
        assert!(!shared(&other) && other[0].memberships != before[0].memberships, "{rest} {list}");
    }
    // What has a fault is told every time.
    let faulty = maps(&text(""), "a.example\na.example\n", &[]);
    let again = read(
        &"m.toml".into(),
        text("").as_bytes(),
        Scope::Operator,
        &OneFile("a.example\na.example\n"),
        &faulty,
    );
    assert_eq!(again.findings.len(), 1);
}
