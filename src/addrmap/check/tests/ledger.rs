//! The ledger over all files, and what it says of maps.

use super::*;
use crate::model::Ownership;

/// A prefix with its default binding, five lines.
fn prefix(cidr: &str, account: &str, rest: &str) -> String {
    format!(
        "[[prefix]]\ncidr = \"{cidr}\"\naccount = \"{account}\"\n\
         binding = [{{ cidr = \"{cidr}\", service = \"CDN\" }}]\n{rest}\n"
    )
}

fn lease(account: &str, map: &str, ips: &str) -> String {
    format!("[[static_ips]]\naccount = \"{account}\"\nmap = \"{map}\"\nips = [{ips}]\n")
}

const ZONES: [&str; 2] = ["acme/a.example", "globex/c.example"];

/// What is told of the operator's files, without the unit.
fn of_operator(files: &[(&str, &str)]) -> Vec<String> {
    let operators = format!("{} | ", Unit::Operator);
    told(&ZONES, files).iter().filter_map(|line| line.strip_prefix(&operators)).map(str::to_owned).collect()
}

#[test]
fn an_address_lies_in_one_prefix() {
    let in_two = |first: &str, second: &str| of_operator(&[("a.toml", first), ("b.toml", second)]);
    let first = prefix("203.0.113.0/24", "acme", "");
    for (cidr, account, expected) in [
        (
            "203.0.113.0/24",
            "globex",
            Some(
                "b.toml:2:8 error overlapping-prefixes: prefix overlaps 203.0.113.0/24 of account acme: 203.0.113.0/24",
            ),
        ),
        (
            "203.0.113.0/24",
            "acme",
            Some(
                "b.toml:2:8 error overlapping-prefixes: prefix overlaps 203.0.113.0/24 of account acme: 203.0.113.0/24",
            ),
        ),
        (
            "203.0.113.128/25",
            "globex",
            Some(
                "b.toml:2:8 error overlapping-prefixes: prefix overlaps 203.0.113.0/24 of account acme: 203.0.113.128/25",
            ),
        ),
        (
            "203.0.113.255/32",
            "acme",
            Some(
                "b.toml:2:8 error overlapping-prefixes: prefix overlaps 203.0.113.0/24 of account acme: 203.0.113.255/32",
            ),
        ),
        (
            "203.0.0.0/16",
            "globex",
            Some(
                "a.toml:2:8 error overlapping-prefixes: prefix overlaps 203.0.0.0/16 of account globex: 203.0.113.0/24",
            ),
        ),
        ("203.0.112.0/24", "globex", None),
        ("203.0.114.0/24", "acme", None),
        ("2001:db8::/32", "globex", None),
    ] {
        let told = in_two(&first, &prefix(cidr, account, ""));
        assert_eq!(told, Vec::from_iter(expected.map(str::to_owned)), "{cidr} of {account}");
    }
    // Behind one that holds others every other one within is told as well.
    let many = ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.255.0.0/16", "11.0.0.0/8"];
    let many: String = many.iter().map(|cidr| prefix(cidr, "acme", "")).collect();
    assert_eq!(of_operator(&[("a.toml", &many)]).len(), 3);
}

#[test]
fn an_address_is_leased_once_and_lies_in_no_prefix() {
    let maps = [
        map("m", "enabled = false\naccount_wide = true\naccount = \"acme\""),
        map("n", "enabled = false\naccount_wide = true\naccount = \"globex\""),
    ]
    .concat();
    let told = |ledger: &str| {
        let found = of_operator(&[("l.toml", ledger), ("m.toml", &maps)]);
        found.into_iter().filter(|line| line.contains(" error ")).collect::<Vec<_>>()
    };
    let first = lease("acme", "m", "\"192.0.2.1\", \"2001:db8::1\"");
    for (more, expected) in [
        (lease("globex", "n", "\"192.0.2.2\""), None),
        (prefix("192.0.2.2/31", "acme", ""), None),
        (
            lease("globex", "n", "\"192.0.2.1\""),
            Some("l.toml:5:1 error leased-twice: an address is leased twice: 192.0.2.1"),
        ),
        (
            lease("acme", "n", "\"2001:db8::1\""),
            Some("l.toml:5:1 error leased-twice: an address is leased twice: 2001:db8::1"),
        ),
        (lease("acme", "m", "\"192.0.2.2\""), Some("l.toml:5:1 error two-leases: two leases for one map: m")),
        (
            lease("globex", "m", "\"192.0.2.2\""),
            Some("l.toml:5:1 error two-leases: two leases for one map: m"),
        ),
        (
            prefix("192.0.2.0/24", "globex", ""),
            Some(
                "l.toml:1:1 error leased-in-prefix: a leased address lies in prefix 192.0.2.0/24: 192.0.2.1",
            ),
        ),
        (
            prefix("192.0.2.1/32", "acme", ""),
            Some(
                "l.toml:1:1 error leased-in-prefix: a leased address lies in prefix 192.0.2.1/32: 192.0.2.1",
            ),
        ),
        (
            prefix("2001:db8::/32", "acme", ""),
            Some(
                "l.toml:1:1 error leased-in-prefix: a leased address lies in prefix 2001:db8::/32: 2001:db8::1",
            ),
        ),
    ] {
        assert_eq!(told(&(first.clone() + &more)), Vec::from_iter(expected.map(str::to_owned)), "{more}");
    }
    // Within one lease and one more for the same map in one go.
    assert_eq!(told(&(first.clone() + &lease("acme", "m", "\"192.0.2.1\""))).len(), 2);
}

#[test]
fn accounts_and_maps_of_the_ledger_are_there() {
    let known = prefix(
        "203.0.113.0/24",
        "acme",
        "delegation = [{ cidr = \"203.0.113.0/25\", account = \"globex\" }]",
    );
    let leased = lease("acme", "m", "\"192.0.2.1\"");
    let m = ("acme/m.toml", &*map("m", "enabled = false\naccount_wide = true\nips = [\"192.0.2.1\"]"));
    let with = |ledger: &str| of_operator(&[("l.toml", ledger), m]);
    assert_eq!(with(&(known.clone() + &leased)), Vec::<String>::new());
    let nobody = "warning no-such-account: no such account on this server: nobody";
    for (ledger, expected) in [
        (known.replace("\"acme\"", "\"nobody\""), vec![format!("l.toml:2:8 {nobody}")]),
        (known.replace("\"globex\"", "\"nobody\""), vec![format!("l.toml:5:24 {nobody}")]),
        (
            leased.replace("acme", "nobody"),
            vec![
                format!("l.toml:1:1 {nobody}"),
                "l.toml:1:1 warning no-such-map: no such map of account nobody: m".into(),
            ],
        ),
        (
            leased.replace("\"m\"", "\"n\""),
            vec!["l.toml:1:1 warning no-such-map: no such map of account acme: n".into()],
        ),
        (
            leased.replace("acme", "globex"),
            vec!["l.toml:1:1 warning no-such-map: no such map of account globex: m".into()],
        ),
        (
            "[[assert]]\naccount = \"nobody\"\nfamily_required = \"ipv4\"\n".into(),
            vec![format!("l.toml:3:19 {nobody}")],
        ),
    ] {
        assert_eq!(with(&ledger), expected);
    }
}

#[test]
fn assertions_are_about_what_is_there() {
    let m = ("acme/m.toml", &*map("m", "enabled = false\naccount_wide = true\nips = [\"192.0.2.1\"]"));
    let with = |file: &str, lines: &str| told(&ZONES, &[(file, &format!("[[assert]]\n{lines}\n")), m]);
    let family = "family_required = \"ipv4\"";
    for fine in [
        "account = \"acme\"\ngoverned_by = \"m\"",
        "zone = \"A.example\"\ngoverned_by = \"m\"",
        "everything = true\ngoverned_by = \"m\"",
        &format!("zone = \"c.example\"\n{family}"),
    ] {
        assert_eq!(with("o.toml", fine), Vec::<String>::new(), "{fine}");
    }
    assert_eq!(with("acme/o.toml", &format!("zone = \"a.example\"\n{family}")), Vec::<String>::new());
    let foreign = "nothing | acme/o.toml:3:19 error foreign-zone: not a zone of account acme: c.example";
    assert_eq!(with("acme/o.toml", &format!("zone = \"c.example\"\n{family}")), [foreign]);
    for (file, lines, expected) in [
        (
            "o.toml",
            format!("zone = \"x.example\"\n{family}"),
            "o.toml:3:19 warning no-such-zone: no such zone on this server: x.example",
        ),
        (
            "acme/o.toml",
            format!("zone = \"x.example\"\n{family}"),
            "acme/o.toml:3:19 warning no-such-zone: no such zone on this server: x.example",
        ),
        (
            "o.toml",
            "everything = true\ngoverned_by = \"n\"".into(),
            "o.toml:3:15 warning no-such-map: no such map on this server: n",
        ),
        (
            "o.toml",
            "zone = \"c.example\"\ngoverned_by = \"m\"".into(),
            "o.toml:3:15 warning no-such-map: no such map of account globex: m",
        ),
        (
            "o.toml",
            "account = \"globex\"\ngoverned_by = \"m\"".into(),
            "o.toml:3:15 warning no-such-map: no such map of account globex: m",
        ),
    ] {
        let found = with(file, &lines);
        assert!(found.len() == 1 && found[0].ends_with(expected), "{lines}: {found:?}");
    }
}

#[test]
fn maps_are_judged_by_a_ledger_that_is_sound() {
    let zones = ["acme/a.example!", "globex/c.example!"];
    let both = |ips: &str, rest: &str| map("m", &format!("enabled = true\nips = [{ips}]\n{rest}"));
    let ledger = prefix("203.0.113.0/24", "acme", "") + &prefix("2001:db8::/48", "acme", "");
    let told = |ledger: &str, file: &str, map: &str, ownership: Ownership, faulty: bool| {
        let mut world = world(&zones, &[ANYCAST, ("l.toml", ledger), (file, map)]);
        (world.ownership, world.faulty_operator) = (ownership, faulty);
        lines(&check(&world)).into_iter().filter(|line| line.contains("ineligible")).collect::<Vec<_>>()
    };
    let enforce = Ownership::Enforce;
    let good = both("\"203.0.113.1\", \"2001:db8::1\"", "account_wide = true");
    let bad = both("\"198.51.100.1\", \"2001:db8::1\"", "account_wide = true");
    let text = "ineligible-address: an address may not serve in map m, it is in no prefix of the ledger: 198.51.100.1";
    assert_eq!(told(&ledger, "acme/m.toml", &good, enforce, false), Vec::<String>::new());
    assert_eq!(
        told(&ledger, "acme/m.toml", &bad, enforce, false),
        [format!("account acme | acme/m.toml:4:8 error {text}")]
    );
    assert_eq!(
        told(
            &ledger,
            "m.toml",
            &bad.replace("account_wide", "account = \"acme\"\nimmutable"),
            enforce,
            false
        ),
        [format!("account acme | m.toml:4:8 error {text}")],
        "whoever wrote it, and immutable ones as well"
    );
    assert_eq!(
        told(&ledger, "acme/m.toml", &bad, Ownership::Warn, false),
        [format!("account acme | acme/m.toml:4:8 warning {text}")]
    );
    assert_eq!(told(&ledger, "acme/m.toml", &bad, Ownership::Off, false), Vec::<String>::new());
    assert_eq!(told("", "acme/m.toml", &bad, enforce, false), Vec::<String>::new(), "no ledger");
    assert_eq!(
        told(&ledger, "acme/m.toml", &bad, enforce, true),
        Vec::<String>::new(),
        "nobody knows the rest of it"
    );
    let unsound = ledger.clone() + &prefix("203.0.113.0/25", "globex", "");
    assert_eq!(told(&unsound, "acme/m.toml", &bad, enforce, false), Vec::<String>::new());
    assert_eq!(told(&ledger, "globex/m.toml", &good, enforce, false).len(), 2, "they are acme's");
}
