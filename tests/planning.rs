//! `portolan plan --from`: two checkouts compared without a server, its exit codes and its forms.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::fs;
use std::path::Path;
use std::process::Command;

use client::server::{Server, portolan};
use portolan::control::report::{PlanReport, Status, Why};

const ZONE: &str = "$ORIGIN shop.example.\n@ 3600 IN SOA ns.example.net. admin.example.net. 1 7200 900 1209600 300\n\
                    @ 3600 IN NS ns.example.net.\nwww 1 IN A 198.51.100.7 ; cf_tags=cf-proxied:true\n\
                    mail 300 IN A 198.51.100.8\n";
const MAPS: &str = "[anycast]\nipv4 = [\"192.0.2.10\"]\n";

/// The base in `base`, the candidate beside it with this zone and these settings.
fn folders(candidate: &str, settings: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (tree, zone) in [("base/", ZONE), ("", candidate)] {
        write(&folder.path().join(tree), "zones/acme/shop.example.zone", zone);
        write(&folder.path().join(tree), "addrmaps/main.toml", MAPS);
    }
    write(folder.path(), "portolan.toml", settings);
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn plan(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let command =
        Command::new(env!("CARGO_BIN_EXE_portolan")).current_dir(folder).arg("plan").args(arguments).output();
    let output = command.unwrap();
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn changes_are_told_and_are_no_fault() {
    let folder = folders(&ZONE.replace("198.51.100.8", "198.51.100.9"), "");
    let (code, out, _) = plan(folder.path(), &["--from", "base"]);
    assert_eq!(code, 0, "{out}");
    assert!(
        out.starts_with("1 zone changed, 1 name would be answered otherwise, of 3 names before\n"),
        "{out}"
    );
    assert!(out.contains("    mail.shop.example.: changed, the zone's records changed\n      A     A 198.51.100.8 -> A 198.51.100.9\n"), "{out}");
    assert_eq!(plan(folder.path(), &["--from", "base", "--exit-code"]).0, 3);
    let (code, out, _) = plan(folder.path(), &["--from", "base", "--json"]);
    let report: PlanReport = serde_json::from_str(&out).unwrap();
    assert_eq!((code, report.plan.counts.names_changed, report.trips.len()), (0, 1, 0));
    let (_, out, _) = plan(folder.path(), &["--from", "base", "--markdown"]);
    assert!(out.starts_with("## Portolan plan: 1 zone changed") && out.contains("<details>"), "{out}");
    assert!(
        out.contains("| `mail.shop.example.` | changed | A | `A 198.51.100.8` | `A 198.51.100.9` |"),
        "{out}"
    );
}

#[test]
fn no_change_is_none() {
    let folder = folders(&ZONE.replace(" 1 7200", " 2 7200"), "");
    let (code, out, _) = plan(folder.path(), &["--from", "base", "--exit-code"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("nothing would be answered otherwise\n"), "{out}");
}

#[test]
fn what_a_guard_would_hold_is_told() {
    let bare = ZONE.replace(" ; cf_tags=cf-proxied:true", "");
    let folder = folders(&bare, "");
    let (code, out, _) = plan(folder.path(), &["--from", "base", "--exit-code"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("www.shop.example.: 192.0.2.10 -> A 198.51.100.7\n"), "{out}");
    assert!(
        out.contains("held[guard-zone-unproxied]: account acme: no name of zone shop.example. would be"),
        "{out}"
    );
    let folder = folders(&bare, "[guards]\nunproxied_zone = true\n");
    assert_eq!(plan(folder.path(), &["--from", "base"]).0, 0);
}

#[test]
fn what_has_errors_is_refused_and_left_as_it_was() {
    let folder = folders("$ORIGIN shop.example.\nthis is no zone\n", "");
    let (code, out, _) = plan(folder.path(), &["--from", "base"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("nothing would be answered otherwise\n"), "{out}");
    assert!(out.contains("account acme has errors and stays as it was\n"), "{out}");
}

#[test]
fn an_empty_or_absent_folder_is_no_base() {
    let folder = folders(ZONE, "");
    for arguments in [
        &["--from", ""][..],
        &["--from", "absent"],
        &["--from", "base", "--from-addrmaps", ""],
        &["--from", "base", "--from-addrmaps", "absent"],
    ] {
        let (code, out, told) = plan(folder.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(!told.is_empty());
    }
}

const LEDGER: &str = "[[prefix]]\ncidr = \"203.0.113.0/24\"\naccount = \"acme\"\n\
                      binding = [{ cidr = \"203.0.113.0/24\", service = \"CDN\" }]\n";
const OWN: &str =
    "[[address_map]]\nid = \"own\"\nenabled = true\nips = [\"203.0.113.1\"]\naccount_wide = true\n";

#[test]
fn what_the_ledger_would_take_away_is_told() {
    for (limit, ownership, expected) in [(1, "warn", 0), (0, "warn", 1), (0, "off", 0), (1, "enforce", 1)] {
        let settings = format!("ownership = \"{ownership}\"\n[guards]\nledger_names = {limit}\n");
        let folder = folders(ZONE, &settings);
        for tree in ["base/", ""] {
            write(&folder.path().join(tree), "addrmaps/acme/own.toml", OWN);
        }
        let other = LEDGER.replace("203.0.113.0", "198.51.100.0");
        write(&folder.path().join("base"), "addrmaps/ledger.toml", &format!("{LEDGER}{other}"));
        write(folder.path(), "addrmaps/ledger.toml", &other);
        let (code, out, _) = plan(folder.path(), &["--from", "base"]);
        assert_eq!(code, expected, "{ownership}, {limit}: {out}");
        assert!(out.starts_with("nothing would be answered otherwise\n"), "{out}");
        let held = "held[guard-ledger-names]: the operator's ledger: 1 name in 1 zone is answered";
        assert_eq!(out.contains(held), (limit, expected) == (0, 1), "{out}");
    }
}

#[test]
fn what_breaks_a_property_is_refused() {
    let folder = folders(ZONE, "");
    assert_eq!(plan(folder.path(), &["--from", "base"]).0, 0);
    let claim = "[[assert]]\naccount = \"acme\"\nnever_answers_within = [\"192.0.2.0/24\"]\n";
    write(folder.path(), "addrmaps/main.toml", &format!("{MAPS}{claim}"));
    let (code, out, _) = plan(folder.path(), &["--from", "base", "--exit-code"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("error[assert-never-answers-within]: "), "{out}");
}

/// What a broken assertion holds is not listed as what will change.
#[test]
fn what_would_be_held_is_told_as_what_would_change() {
    const HELD: &str = "what follows would change if nothing were held";
    let folder = folders(&ZONE.replace("198.51.100.8", "198.51.100.9"), "");
    for tree in ["base/", ""] {
        write(&folder.path().join(tree), "addrmaps/acme/own.toml", OWN);
    }
    let (_, out, _) = plan(folder.path(), &["--from", "base"]);
    assert!(!out.contains("if nothing were held"), "{out}");
    let claim = "[[assert]]\naccount = \"acme\"\nanswers_within = [\"203.0.113.0/28\"]\n";
    write(folder.path(), "addrmaps/main.toml", &format!("{MAPS}{claim}"));
    let outside = OWN.replace("[\"203.0.113.1\"]", "[\n  \"203.0.113.1\",\n  \"203.0.113.99\",\n]");
    write(folder.path(), "addrmaps/acme/own.toml", &outside);
    let (code, out, _) = plan(folder.path(), &["--from", "base"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains(" would be answered otherwise if nothing were held, of 3 names before\n"), "{out}");
    let (before, list) = out.split_once(HELD).unwrap();
    assert!(!before.contains("mail.shop.example.") && list.contains("mail.shop.example.: changed"), "{out}");
    // The address is pointed at, not the map that it stands in.
    assert!(out.contains(" --> addrmaps/acme/own.toml:6:3\n"), "{out}");
    let (_, out, _) = plan(folder.path(), &["--from", "base", "--markdown"]);
    assert!(out.starts_with("## Portolan plan: ") && out.contains(" if nothing were held, of "), "{out}");
    // What cannot be read is not in the list.
    write(folder.path(), "addrmaps/acme/own.toml", "nonsense");
    write(folder.path(), "addrmaps/main.toml", MAPS);
    let (_, out, _) = plan(folder.path(), &["--from", "base"]);
    assert!(out.contains("account acme has errors and stays as it was\n"), "{out}");
    assert!(!out.contains("if nothing were held"), "{out}");
    write(folder.path(), "addrmaps/main.toml", "nonsense");
    let (_, out, _) = plan(folder.path(), &["--from", "base"]);
    assert!(out.contains("\nthe operator's files have errors and stay as they were\n"), "{out}");
    let (_, out, _) = plan(folder.path(), &["--from", "base", "--markdown"]);
    assert!(out.contains("- the operator's files have errors and are left as they were\n"), "{out}");
}

/// Answers that read alike are told with what makes them differ.
#[test]
fn what_differs_beside_the_answer_is_told() {
    let zone = format!("{ZONE}api 300 IN HTTPS 1 mail.shop.example. alpn=h2\n");
    let folder = folders(&zone.replace("198.51.100.8", "198.51.100.9"), "");
    write(&folder.path().join("base"), "zones/acme/shop.example.zone", &zone);
    let (_, out, _) = plan(folder.path(), &["--from", "base"]);
    let https = "HTTPS 1 mail.shop.example. alpn=\"h2\"";
    let beside = |address: &str| format!("{https}, beside it mail.shop.example. A {address} (TTL 300)");
    let expected = format!("HTTPS {} -> {}\n", beside("198.51.100.8"), beside("198.51.100.9"));
    assert!(out.contains(&expected), "{expected}: {out}");
    // Another TTL and nothing else.
    let other = zone.replace("api 300", "api 60");
    write(folder.path(), "zones/acme/shop.example.zone", &other);
    let (_, out, _) = plan(folder.path(), &["--from", "base"]);
    assert!(out.contains(&format!("HTTPS {https} (TTL 300) -> {https} (TTL 60)\n")), "{out}");
}

/// What is held of a plan or a server, for a guard: units with their digests.
fn by_guards(held: Vec<portolan::control::report::Held>) -> Vec<(String, String)> {
    let held = held.into_iter().filter(|held| held.why == Why::Guard);
    held.map(|held| (held.unit, held.digest.unwrap())).collect()
}

/// Files by path; without a text one that is removed.
type Files = &'static [(&'static str, Option<&'static str>)];

/// What a server holds that serves the base and reads the candidate, of which these are the files.
fn held_by_server(settings: &str, base: Files, candidate: Files) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "portolan.toml", settings);
    put(folder.path(), base);
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let server = Server::start_with(folder.path(), &state, &["--watch", "off"]);
    put(folder.path(), candidate);
    let asked = |command: &[&str]| {
        let mut asking = portolan();
        asking.current_dir(folder.path()).arg("--state").arg(&state).args(command).output().unwrap()
    };
    assert_eq!(asked(&["reload"]).status.code(), Some(1));
    let status: Status = serde_json::from_slice(&asked(&["status", "--json"]).stdout).unwrap();
    server.stop();
    by_guards(status.held)
}

fn put(folder: &Path, files: Files) {
    for (path, text) in files {
        match text {
            Some(text) => write(folder, path, text),
            None => fs::remove_file(folder.join(path)).unwrap(),
        }
    }
}

const BARE: &str = "@ 3600 IN SOA ns.example.net. admin.example.net. 2 7200 900 1209600 300\n\
                    @ 3600 IN NS ns.example.net.\n$INCLUDE hosts.inc\n";
const PROXIED_HOST: &str = "www 1 IN A 198.51.100.7 ; cf_tags=cf-proxied:true\n";
const BARE_HOST: &str = "www 1 IN A 198.51.100.7\n";
const OPERATORS: &str = "[anycast]\nipv4 = [\"192.0.2.10\"]\n[[address_map]]\nid = \"theirs\"\naccount = \"acme\"\n\
                         enabled = true\nips = [\"203.0.113.1\"]\naccount_wide = true\n";

const BASE: Files = &[
    ("zones/acme/shop.example.zone", Some(BARE)),
    ("zones/acme/hosts.inc", Some(PROXIED_HOST)),
    ("zones/one.example.zone", Some(BARE)),
    ("zones/two.example.zone", Some(BARE)),
    ("zones/other/other.example.zone", Some(BARE)),
    ("zones/other/hosts.inc", Some(PROXIED_HOST)),
    ("zones/hosts.inc", Some(PROXIED_HOST)),
    ("addrmaps/main.toml", Some(OPERATORS)),
];

/// A pull request is told the digests that the server would ask for.
#[test]
fn digests_are_those_of_the_server() {
    const MAP: &str =
        "[[address_map]]\nid = \"eu\"\nenabled = true\nips = [\"203.0.113.2\"]\naccount_wide = true\n";
    const ANYCAST: &str = "[anycast]\nipv4 = [\"192.0.2.11\"]\n";
    let nothing_gone = "[guards]\nzones_gone = { percent = 0, floor = 0 }\n";
    let cases: [(&str, Files, &[&str]); 5] = [
        ("", &[("zones/acme/hosts.inc", Some(BARE_HOST))], &["account acme"]),
        ("", &[("zones/hosts.inc", Some(BARE_HOST))], &["zone one.example.", "zone two.example."]),
        (
            "",
            &[
                ("zones/other/hosts.inc", Some(BARE_HOST)),
                (
                    "zones/two.example.zone",
                    Some("@ 3600 IN SOA a. b. 2 7200 900 1209600 300\n@ 60 IN NS a.\nwww 1 IN A 192.0.2.1\n"),
                ),
                ("addrmaps/acme/eu.toml", Some(MAP)),
            ],
            &["account other", "zone two.example."],
        ),
        (
            "[guards]\noperator_names = 0\n",
            &[("addrmaps/main.toml", Some(ANYCAST))],
            &["the operator's files"],
        ),
        (
            nothing_gone,
            &[("zones/acme/shop.example.zone", None), ("zones/acme/hosts.inc", None)],
            &["account acme"],
        ),
    ];
    for (settings, candidate, units) in cases {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "portolan.toml", settings);
        put(&folder.path().join("base"), BASE);
        put(folder.path(), BASE);
        put(folder.path(), candidate);
        let (code, out, told) = plan(folder.path(), &["--from", "base", "--json"]);
        assert_eq!(code, 1, "{out}{told}");
        let report: PlanReport = serde_json::from_str(&out).unwrap();
        let held = by_guards(report.held);
        assert_eq!(held.iter().map(|(unit, _)| unit.as_str()).collect::<Vec<_>>(), units, "{out}");
        assert_eq!(held, held_by_server(settings, BASE, candidate));
        let (_, text, _) = plan(folder.path(), &["--from", "base"]);
        let (_, markdown, _) = plan(folder.path(), &["--from", "base", "--markdown"]);
        for (unit, digest) in held {
            let asked = format!("until somebody approves: portolan approve {digest} --reason TEXT\n");
            assert!(text.lines().any(|line| line.starts_with(&unit)) && text.contains(&asked), "{text}");
            assert!(
                markdown.contains(&format!("held by a guard until somebody approves `{digest}`\n")),
                "{markdown}"
            );
        }
    }
}

/// Reviewing a pull request is approving.
#[test]
fn what_the_candidate_approves_is_not_held() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("base"), BASE);
    put(folder.path(), BASE);
    put(
        folder.path(),
        &[("zones/acme/hosts.inc", Some(BARE_HOST)), ("zones/other/hosts.inc", Some(BARE_HOST))],
    );
    let planned = |arguments: &[&str]| plan(folder.path(), &[&["--from", "base"], arguments].concat());
    let held = || by_guards(serde_json::from_str::<PlanReport>(&planned(&["--json"]).1).unwrap().held);
    let [(acme, of_acme), (other, of_other)] = <[_; 2]>::try_from(held()).unwrap();
    assert_eq!((acme.as_str(), other.as_str()), ("account acme", "account other"));
    let approve = |digests: &[&str], more: &str| {
        let approval = |digest: &&str| {
            format!("[[approve]]\ndigest = \"{digest}\"\nby = \"ops\"\nreason = \"moved\"\n{more}")
        };
        let text: String = digests.iter().map(approval).collect();
        write(folder.path(), "addrmaps/approvals.toml", &text);
    };
    approve(&[&of_acme], "");
    assert_eq!(held(), [(other, of_other.clone())]);
    let (code, out, _) = planned(&[]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains(": account other: ") && !out.contains(": account acme: "), "{out}");
    approve(&[&of_acme, &of_other], "");
    let (code, out, _) = planned(&[]);
    assert_eq!((code, out.contains("held") || out.contains("approve")), (0, false), "{out}");
    assert_eq!(planned(&["--exit-code"]).0, 3);
    approve(&[&of_acme, &of_other], "expires = \"2020-01-01\"\n");
    assert_eq!((planned(&[]).0, held().len()), (1, 2));
    // Of other content nothing was said.
    approve(&[&of_acme, &of_other], "");
    write(folder.path(), "zones/acme/hosts.inc", "www 1 IN A 198.51.100.9\n");
    assert_eq!(held().iter().map(|(unit, _)| unit.as_str()).collect::<Vec<_>>(), ["account acme"]);
}
