//! `check`, and what `explain` shares with it, as the real binary: shapes, exit codes, maps judged before they are enabled.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::path::Path;

use client::root;
use client::server::portolan;
use portolan::compile::compile;
use portolan::control::{Sources, load};
use serde_json::Value;

const ZONE: &str = "$TTL 3600\n@ IN SOA ns.outside.invalid. admin.outside.invalid. 1 3600 900 604800 900\n\
    @ IN NS ns.outside.invalid.\nwww IN A 192.0.2.150 ; cf_tags=cf-proxied:true\n";

const MAPS: &str = r#"[[address_map]]
id = "shop-eu"
enabled = true
ips = ["203.0.113.1", "2001:db8:1::1"]
zones = ["shop.example"]

[[address_map]]
id = "shop-next"
enabled = false
ips = ["203.0.113.17"]
zones = ["shop.example"]

[[address_map]]
id = "shop-empty"
enabled = false
ips = []
zones = ["shop.example"]
"#;

/// One account with a zone, the map that governs it, and two that are prepared.
fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [("zones/acme/shop.example.zone", ZONE), ("addrmaps/acme/maps.toml", MAPS)] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Exit code, stdout and stderr.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = portolan().current_dir(folder).args(arguments).output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_last_line_counts_the_proof() {
    let folder = tree();
    let (code, out, err) = run(folder.path(), &["check"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let last: Vec<&str> = out.lines().rev().take(2).collect();
    assert_eq!(
        last,
        [
            "proved 1 zone and 2 names with 17 questions and 0 assertions: nothing is broken",
            "1 zone file and 1 map file: 0 errors, 0 warnings and 1 note"
        ]
    );
    let (code, short, _) = run(folder.path(), &["check", "--json"]);
    let (_, long, _) = run(folder.path(), &["check", "--format", "json"]);
    assert_eq!((code, &short), (0, &long));
    let document: Value = serde_json::from_str(&short).unwrap();
    assert_eq!(document["proof"]["zones"], 1);
    assert_eq!(document["proof"]["levels"]["zone_map"], 1);
    assert_eq!(document["proof"]["broken"], 0);
    assert_eq!(run(folder.path(), &["check", "--json", "--format", "human"]).0, 2);
}

/// Names are counted as `status` counts them.
#[test]
fn names_are_those_that_own_records() {
    let folder = tree();
    let zone = format!("{ZONE}one.under IN A 192.0.2.151\n");
    std::fs::write(folder.path().join("zones/acme/shop.example.zone"), zone).unwrap();
    let (_, out, _) = run(folder.path(), &["check"]);
    assert!(out.contains("\nproved 1 zone, 3 names and 1 empty non-terminal with "), "{out}");
    let sources = Sources { zones: root().join("zones"), addrmaps: root().join("addrmaps") };
    let mut samples = load(&sources).unwrap();
    let report = samples.prove();
    assert!(report.empty_names > 0);
    assert_eq!(report.names, compile(&samples.world, 1).snapshot.totals.names);
}

#[test]
fn what_has_errors_was_not_proven() {
    let folder = tree();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("zones/globex/app.example.zone", ZONE);
    write("addrmaps/main.toml", "[anycast]\nipv4 = [\"198.51.100.1\"]\n");
    assert_eq!(run(folder.path(), &["check"]).0, 0);
    write("addrmaps/acme/maps.toml", "nonsense");
    let (code, out, _) = run(folder.path(), &["check"]);
    let last = |out: &str| out.split_once("\nproved ").unwrap().1.split_once('\n').unwrap().1.to_owned();
    assert_eq!((code, last(&out).as_str()), (1, "account acme was not proven: it has errors\n"));
    assert!(out.contains(": nothing else is broken\n"), "{out}");
    write("zones/globex/app.example.zone", "nonsense");
    write("addrmaps/main.toml", "nonsense");
    let (_, out, _) = run(folder.path(), &["check"]);
    assert_eq!(
        last(&out),
        "what proxied names are answered was not proven: the operator's files have errors\n\
         account acme was not proven: it has errors\nzone app.example. was not proven: it has errors\n"
    );
    for zone in 0..9 {
        write(&format!("zones/z{zone}.example.zone"), "nonsense");
    }
    let (_, out, _) = run(folder.path(), &["check"]);
    assert!(last(&out).ends_with("errors\nand 7 more were not proven\n"), "{out}");
    let document: Value = serde_json::from_str(&run(folder.path(), &["check", "--json"]).1).unwrap();
    assert_eq!(document["not_proven"].as_array().unwrap().len(), 12);
}

#[test]
fn approvals_that_are_void_are_told() {
    let folder = tree();
    let approve = |expires: &str| {
        let text = format!(
            "[[approve]]\ndigest = \"3067f35cb6992724c08ceeb66535f8d2\"\nby = \"kim\"\nreason = \"r\"\n{expires}"
        );
        std::fs::write(folder.path().join("addrmaps/approvals.toml"), text).unwrap();
        run(folder.path(), &["check", "--strict"])
    };
    for (expires, is_void) in [("", false), ("expires = 9999-12-01", false), ("expires = 2020-01-01", true)] {
        let (code, out, _) = approve(expires);
        // It is the end that every approval comes to, and no reason for a change that has nothing to do with it to fail.
        assert_eq!(code, 0, "{out}");
        let told = out.contains(
            "note[approval-expired]: this approval expired 2020-01-01 00:00:00Z and lets nothing pass: \
             3067f35cb6992724c08ceeb66535f8d2\n --> addrmaps/approvals.toml:1:1\n",
        );
        assert_eq!(told, is_void, "{out}");
        assert_eq!(out.contains("approval-expired"), is_void, "{out}");
    }
}

#[test]
fn strict_counts_warnings() {
    let folder = tree();
    assert_eq!(run(folder.path(), &["check", "--strict"]).0, 0);
    let maps = MAPS.replace(", \"2001:db8:1::1\"", "");
    std::fs::write(folder.path().join("addrmaps/acme/maps.toml"), maps).unwrap();
    let (code, out, _) = run(folder.path(), &["check"]);
    assert!(out.contains("warning[family-missing]"), "{out}");
    assert_eq!(code, 0);
    assert_eq!(run(folder.path(), &["check", "--strict"]).0, 1);
    // A note is no problem.
    let maps = MAPS.replace(
        "zones = [\"shop.example\"]\n\n[[address_map]]\nid = \"shop-empty\"",
        "\n[[address_map]]\nid = \"shop-empty\"",
    );
    std::fs::write(folder.path().join("addrmaps/acme/maps.toml"), maps).unwrap();
    let (code, out, _) = run(folder.path(), &["check", "--strict"]);
    assert!(out.contains("note[no-members]"), "{out}");
    assert_eq!(code, 0);
}

#[test]
fn github_annotates_lines() {
    let case = root().join("tests/golden/diagnostics/account-in-two-maps");
    let (code, out, _) = run(&case, &["check", "--format", "github"]);
    assert_eq!(code, 1);
    assert_eq!(
        out.lines().find(|line| line.starts_with("::error ")),
        Some(
            "::error file=addrmaps/acme/a.toml,line=5,col=16,endColumn=20,title=account-in-two-maps::account acme is \
             in two enabled maps: one and two%0Akeep it in one of them, or disable the others; map two has it at \
             addrmaps/acme/b.toml:5:16"
        )
    );
}

#[test]
fn a_disabled_map_is_judged_before_it_is_enabled() {
    let folder = tree();
    let (code, out, _) = run(folder.path(), &["check", "--if-enabled", "shop-next"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("map shop-next has no IPv6 address"), "{out}");
    assert_eq!(run(folder.path(), &["check", "--strict", "--if-enabled", "shop-next"]).0, 1);
    let (code, out, _) = run(folder.path(), &["check", "--if-enabled", "shop-empty"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("error[enabled-without-address]"), "{out}");
    let explain =
        |more: &[&str]| run(folder.path(), &[&["explain", "www.shop.example", "--files"], more].concat());
    let (_, now, _) = explain(&[]);
    let (code, then, _) = explain(&["--if-enabled", "shop-next"]);
    assert_eq!(code, 0);
    assert!(now.contains("203.0.113.1\n") && !now.contains("A\t203.0.113.17"), "{now}");
    assert!(then.contains("203.0.113.17\n"), "{then}");
}

/// A map that is not there is an error and never "no map" or "all maps".
#[test]
fn an_unknown_or_empty_map_is_an_error() {
    let folder = tree();
    for map in ["", "shop-west", "*", "SHOP-NEXT"] {
        for arguments in [
            &["check", "--if-enabled", map][..],
            &["explain", "www.shop.example", "--files", "--if-enabled", map],
        ] {
            let (code, out, err) = run(folder.path(), arguments);
            assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
            assert!(!err.is_empty());
        }
    }
    let (code, _, err) = run(folder.path(), &["explain", "www.shop.example", "--if-enabled", "shop-next"]);
    assert_eq!(code, 2);
    assert!(err.contains("--files"), "{err}");
}
