//! An empty value where something is named or filtered never means everything: of every such key of every file it is an
//! error, or says just what is written, nothing. (2026-02-20: a query with an empty flag was answered with all prefixes.)

use portolan::addrmap::{MapFile, Scope, read_account_file, read_map_file};
use portolan::config::Settings;
use portolan::model::{AccountId, Claim, Diagnostic, Files, FoundFile, Severity};
use portolan::zonefile::{ReadOptions, read_zone};

use crate::support::name;

/// Whatever is named is there and empty.
struct Empty;

impl Files for Empty {
    fn open(&self, _from: &str, path: &str) -> Result<FoundFile, String> {
        match path {
            "" => Err("file not found: ".to_owned()),
            path => Ok(FoundFile {
                file: path.into(),
                identity: path.into(),
                content: b"\n# nobody\n".as_slice().into(),
            }),
        }
    }
}

fn maps(text: &str, account: Option<&str>) -> MapFile {
    let account = account.map(|account| AccountId::new(account).expect("an id"));
    let scope = account.as_ref().map_or(Scope::Operator, Scope::Account);
    read_map_file(&"m.toml".into(), text.as_bytes(), scope, &Empty, &[])
}

fn errors<'f>(found: impl IntoIterator<Item = &'f Diagnostic>) -> Vec<&'static str> {
    let errors = found.into_iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| found.code).collect()
}

const CLAIM: &str = "governed_by = \"m\"\n";
const SCOPE: &str = "[[assert]]\naccount = \"acme\"\n";
const PREFIX: &str = "[[prefix]]\ncidr = \"203.0.113.0/24\"\naccount = \"acme\"\n";
const BOUND: &str = "binding = [{ cidr = \"203.0.113.0/24\", service = \"CDN\" }]\n";
const APPROVE: &str =
    "[[approve]]\ndigest = \"0123456789abcdef0123456789abcdef\"\nby = \"kim\"\nreason = \"meant\"\n";
const MAP: &str =
    "[[address_map]]\nid = \"m\"\naccount = \"acme\"\nenabled = true\nips = [\"203.0.113.1\"]\n";

#[test]
fn in_map_files_an_empty_value_is_an_error() {
    for (text, expected) in [
        // Who an assertion is about.
        (format!("[[assert]]\n{CLAIM}"), "bad-scope"),
        (format!("[[assert]]\naccount = \"\"\n{CLAIM}"), "bad-id"),
        (format!("[[assert]]\nzone = \"\"\n{CLAIM}"), "bad-zone-name"),
        (format!("[[assert]]\neverything = \"\"\n{CLAIM}"), "wrong-type"),
        (format!("[[assert]]\neverything = false\n{CLAIM}"), "bad-scope"),
        (format!("[[assert]]\naccount = \"\"\neverything = true\n{CLAIM}"), "bad-scope"),
        // What it claims.
        (SCOPE.to_owned(), "no-claim"),
        (format!("{SCOPE}answers_within = []\n"), "empty-list"),
        (format!("{SCOPE}answers_within = [\"\"]\n"), "bad-cidr"),
        (format!("{SCOPE}answers_within = \"\"\n"), "wrong-type"),
        (format!("{SCOPE}never_answers_within = []\n"), "empty-list"),
        (format!("{SCOPE}never_answers_within = [\"\"]\n"), "bad-cidr"),
        (format!("{SCOPE}family_required = []\n"), "empty-list"),
        (format!("{SCOPE}family_required = \"\"\n"), "bad-value"),
        (format!("{SCOPE}family_required = [\"\"]\n"), "bad-value"),
        (format!("{SCOPE}governed_by = \"\"\n"), "bad-id"),
        // What is approved, by whom, why, until when.
        (APPROVE.replace("0123456789abcdef", ""), "bad-digest"),
        (APPROVE.replace("0123456789abcdef0123456789abcdef", "0"), "bad-digest"),
        (APPROVE.replace("digest = \"0123456789abcdef0123456789abcdef\"\n", ""), "missing-key"),
        (APPROVE.replace("kim", ""), "empty-text"),
        (APPROVE.replace("meant", " "), "empty-text"),
        (format!("{APPROVE}expires = \"\"\n"), "bad-date"),
        // Whose prefix, which, bound and delegated how.
        (format!("{PREFIX}{BOUND}").replacen("203.0.113.0/24", "", 1), "bad-cidr"),
        (format!("{PREFIX}{BOUND}").replace("203.0.113.0/24", "0.0.0.0/0"), "unusable-network"),
        (format!("{PREFIX}{BOUND}").replace("acme", ""), "bad-id"),
        (PREFIX.to_owned(), "no-default-binding"),
        (format!("{PREFIX}binding = []\n"), "no-default-binding"),
        (format!("{PREFIX}{}", BOUND.replace("203.0.113.0/24", "")), "bad-cidr"),
        (format!("{PREFIX}{}", BOUND.replace("CDN", "")), "bad-value"),
        (format!("{PREFIX}{BOUND}delegation = [{{ cidr = \"\", account = \"globex\" }}]\n"), "bad-cidr"),
        (
            format!("{PREFIX}{BOUND}delegation = [{{ cidr = \"203.0.113.0/25\", account = \"\" }}]\n"),
            "bad-id",
        ),
        (format!("{PREFIX}{BOUND}delegation = [{{ account = \"globex\" }}]\n"), "missing-key"),
        // Leases.
        ("[[static_ips]]\naccount = \"\"\nmap = \"m\"\nips = [\"192.0.2.1\"]\n".to_owned(), "bad-id"),
        ("[[static_ips]]\naccount = \"acme\"\nmap = \"\"\nips = [\"192.0.2.1\"]\n".to_owned(), "bad-id"),
        ("[[static_ips]]\naccount = \"acme\"\nmap = \"m\"\nips = []\n".to_owned(), "empty-list"),
        ("[[static_ips]]\naccount = \"acme\"\nmap = \"m\"\n".to_owned(), "missing-key"),
        // Maps and their members.
        (MAP.replace("acme", ""), "bad-id"),
        (MAP.replace("account = \"acme\"\n", ""), "missing-key"),
        (MAP.replace("\"m\"", "\"\""), "bad-id"),
        (MAP.replace("enabled = true\n", ""), "missing-key"),
        (format!("{MAP}zones = [\"\"]\n"), "bad-zone-name"),
        (format!("{MAP}zones = \"\"\n"), "wrong-type"),
        (format!("{MAP}zones_file = \"\"\n"), "zones-file-unreadable"),
        (format!("{MAP}account_wide = \"\"\n"), "wrong-type"),
        (format!("{MAP}memberships = [{{}}]\n"), "missing-key"),
        (format!("{MAP}memberships = [{{ kind = \"\", identifier = \"a.example\" }}]\n"), "bad-value"),
        (format!("{MAP}memberships = [{{ kind = \"zone\", identifier = \"\" }}]\n"), "bad-zone-name"),
        (format!("{MAP}memberships = [{{ kind = \"account\", identifier = \"\" }}]\n"), "foreign-account"),
        (format!("{MAP}default_sni = \"\"\n"), "bad-default-sni"),
        (format!("{MAP}zones = [\"a.example\"]\n").replace("\"203.0.113.1\"", ""), "enabled-without-address"),
        (format!("{MAP}zones = [\"a.example\"]\n").replace("203.0.113.1", ""), "bad-address"),
        ("[anycast]\n".to_owned(), "anycast-without-address"),
        ("[anycast]\nipv4 = []\nipv6 = []\n".to_owned(), "anycast-without-address"),
        ("[anycast]\nipv4 = [\"\"]\n".to_owned(), "bad-address"),
    ] {
        let read = maps(&text, None);
        let told = errors(read.findings.iter().map(|(_, found)| found));
        assert!(told.contains(&expected), "{text}{told:?}");
        for map in &read.maps {
            assert!(
                !map.is_account_wide() && map.zones().count() <= text.matches("a.example").count(),
                "{text}"
            );
        }
        assert!(read.assertions.is_empty() && read.approvals.is_empty(), "{text}");
    }
}

/// Nothing written is nothing meant.
#[test]
fn an_empty_list_of_members_is_none() {
    for rest in
        ["", "zones = []\n", "zones_file = \"list\"\n", "memberships = []\n", "account_wide = false\n"]
    {
        let read = maps(&format!("{MAP}{rest}"), None);
        assert_eq!(read.maps.len(), 1);
        assert!(read.maps[0].memberships.is_empty(), "{rest}");
        let told: Vec<&str> = read.findings.iter().map(|(_, found)| found.code).collect();
        assert_eq!(told, ["no-members"], "{rest}");
    }
    let read = maps(&format!("{PREFIX}{BOUND}delegation = []\n"), None);
    assert!(read.findings.is_empty() && read.ledger.prefixes[0].delegations.is_empty());
}

/// In an account's own files the account is implied, and nothing beyond it.
#[test]
fn in_an_accounts_files_nothing_reaches_beyond_it() {
    for (text, expected) in [
        (format!("[[assert]]\nzone = \"\"\n{CLAIM}"), "bad-zone-name"),
        (format!("[[assert]]\neverything = true\n{CLAIM}"), "operator-only"),
        (format!("[[assert]]\naccount = \"\"\n{CLAIM}"), "account-mismatch"),
        (MAP.replace("\"acme\"", "\"\""), "account-mismatch"),
        (format!("{MAP}memberships = [{{ kind = \"account\", identifier = \"\" }}]\n"), "foreign-account"),
    ] {
        let read = maps(&text, Some("acme"));
        let told = errors(read.findings.iter().map(|(_, found)| found));
        assert!(told.contains(&expected), "{text}{told:?}");
    }
    let read = maps(&format!("[[assert]]\n{CLAIM}"), Some("acme"));
    assert_eq!(format!("{:?}", read.assertions[0].scope), "Account(acme)");
    assert!(matches!(read.assertions[0].claim, Claim::GovernedBy(_)));
}

#[test]
fn in_an_accounts_settings_an_empty_value_is_an_error() {
    let acme = AccountId::new("acme").expect("an id");
    for (text, expected) in [
        ("shared_addresses = \"\"\n", "bad-value"),
        ("require_tags = \"\"\n", "wrong-type"),
        ("enforce_dns_only = \"\"\n", "wrong-type"),
        ("[zone.\"\"]\npaused = true\n", "bad-zone-name"),
        ("[zone.\"a.example\"]\nipv6 = \"\"\n", "bad-value"),
        ("[zone.\"a.example\"]\npaused = \"\"\n", "wrong-type"),
    ] {
        let (settings, found) = read_account_file(&"account.toml".into(), text.as_bytes(), &acme);
        assert!(errors(&found).contains(&expected) && settings.is_none(), "{text}{found:?}");
    }
    let (settings, _) = read_account_file(&"account.toml".into(), b"[zone]\n", &acme);
    assert!(settings.expect("settings").zones.is_empty());
}

#[test]
fn in_portolan_toml_an_empty_value_is_an_error() {
    for (text, expected) in [
        ("zones = \"\"\n", "bad-path"),
        ("addrmaps = \"\"\n", "bad-path"),
        ("state = \"\"\n", "bad-path"),
        ("socket = \"\"\n", "bad-path"),
        ("listen = []\n", "listens-nowhere"),
        ("listen = [\"\"]\n", "bad-socket-address"),
        ("metrics = \"\"\n", "bad-socket-address"),
        ("log = \"\"\n", "bad-value"),
        ("watch = \"\"\n", "bad-value"),
        ("strict = \"\"\n", "wrong-type"),
        ("ownership = \"\"\n", "bad-value"),
        ("[answers]\nid_server = \"\"\n", "bad-server-text"),
        ("[answers]\nversion_bind = \"\"\n", "bad-server-text"),
        ("[guards]\nunproxied_names = \"\"\n", "wrong-type"),
        ("[guards]\nzones_gone = \"\"\n", "wrong-type"),
        ("[guards]\nzones_gone = { percent = \"\" }\n", "wrong-type"),
        ("[guards]\nledger_names = \"\"\n", "wrong-type"),
        ("[history]\ngenerations = \"\"\n", "wrong-type"),
    ] {
        let (settings, found) = Settings::read(&"portolan.toml".into(), text.as_bytes());
        assert!(errors(&found).contains(&expected) && settings.is_none(), "{text}{found:?}");
    }
    // An empty table keeps every default: no limit goes by leaving it out.
    let (settings, _) = Settings::read(&"portolan.toml".into(), b"[guards]\nzones_gone = {}\n");
    assert_eq!(settings.expect("settings").guards, Settings::default().guards);
}

/// A tag that says nothing never means "not proxied", nor "proxied".
#[test]
fn in_master_files_an_empty_tag_is_an_error() {
    for tag in ["cf_tags=cf-proxied:", "cf_tags=cf-proxied", "cf_tags=cf-flatten-cname:", "cf-proxied:true"] {
        let text = format!("@ 60 IN SOA ns. h. 1 2 3 4 5\n@ 60 IN NS ns.\nwww 1 IN A 192.0.2.1 ; {tag}\n");
        let options = ReadOptions { require_tags: false };
        let read = read_zone(&"a.zone".into(), text.as_bytes(), &name("a.example."), options, &Empty);
        assert!(read.0.is_none() && !errors(&read.1).is_empty(), "{tag}: {:?}", read.1);
    }
}
