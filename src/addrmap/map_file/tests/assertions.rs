//! `[[assert]]` and `[[approve]]`.

use super::*;
use crate::model::{AssertionScope, Claim};

const WITHIN: &str = "answers_within = [\"203.0.113.0/24\"]";

/// What is told of an assertion, without unit and file.
fn assertion(lines: &str, scope: Scope<'_>) -> Vec<String> {
    let (_, told) = with(&format!("[[assert]]\n{lines}\n"), scope, "");
    told.into_iter().map(|line| line.split_once("m.toml:").unwrap().1.to_owned()).collect()
}

#[test]
fn assertions_read_each_claim_by_itself() {
    let text = r#"
[[assert]]
account              = "acme"
answers_within       = ["203.0.113.0/24", "2001:db8:1::/48"]
never_answers_within = ["203.0.113.128/25"]
family_required      = ["ipv4", "ipv6"]
governed_by          = "wide"

[[assert]]
everything      = true
family_required = "ipv4"

[[assert]]
zone        = "Shop.example."
governed_by = "shop"
"#;
    let (read, told) = operator(text);
    assert_eq!(told, Vec::<String>::new());
    let shown: Vec<String> = read
        .assertions
        .iter()
        .map(|found| {
            assert_eq!(found.author, None);
            format!("{} {:?} {:?}", found.place, found.scope, found.claim)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "m.toml:4:24 Account(acme) AnswersWithin([203.0.113.0/24, 2001:db8:1::/48])",
            "m.toml:5:24 Account(acme) NeverAnswersWithin([203.0.113.128/25])",
            "m.toml:6:24 Account(acme) FamilyRequired { ipv4: true, ipv6: true }",
            "m.toml:7:24 Account(acme) GovernedBy(wide)",
            "m.toml:11:19 Everything FamilyRequired { ipv4: true, ipv6: false }",
            "m.toml:15:15 Zone(Shop.example.) GovernedBy(shop)",
        ]
    );
}

#[test]
fn an_assertion_has_one_scope() {
    let operators = |lines: &str| assertion(&format!("{lines}\n{WITHIN}"), Scope::Operator);
    for fine in ["account = \"acme\"", "zone = \"shop.example\"", "everything = true"] {
        assert_eq!(operators(fine), Vec::<String>::new());
    }
    for (bad, message) in [
        ("", "1:1+10 error bad-scope: an assertion without a scope"),
        ("everything = false", "2:14+5 error bad-scope: everything = false is no scope"),
        (
            "account = \"acme\"\nzone = \"shop.example\"",
            "3:8+14 error bad-scope: an assertion is about one thing, not: account, zone",
        ),
        (
            "everything = true\nzone = \"shop.example\"",
            "2:14+4 error bad-scope: an assertion is about one thing, not: zone, everything",
        ),
        (
            "account = \"acme\"\neverything = true",
            "3:14+4 error bad-scope: an assertion is about one thing, not: account, everything",
        ),
        (
            "zone = \"*.example\"",
            "2:8+11 error bad-zone-name: bad zone name, a wildcard is not a zone: *.example",
        ),
        ("account = \"\"", "2:11+2 error bad-id: account must be 1 to 32 of a-z, 0-9 and -, not: "),
        ("everything = \"\"", "2:14+2 error wrong-type: everything must be true or false, not a string"),
        ("zone = \"\"", "2:8+2 error bad-zone-name: bad zone name, empty name: "),
    ] {
        assert_eq!(operators(bad), [message], "{bad}");
    }
}

#[test]
fn an_account_speaks_for_itself() {
    let own = acme();
    let accounts = |lines: &str| assertion(&format!("{lines}\n{WITHIN}"), Scope::Account(&own));
    for (fine, scope) in [
        ("", AssertionScope::Account(acme())),
        ("account = \"acme\"", AssertionScope::Account(acme())),
        ("zone = \"a.example\"", AssertionScope::Zone(crate::wire::Name::parse("a.example.", None).unwrap())),
        (
            "account = \"acme\"\nzone = \"a.example\"",
            AssertionScope::Zone(crate::wire::Name::parse("a.example.", None).unwrap()),
        ),
    ] {
        let (read, told) = with(&format!("[[assert]]\n{fine}\n{WITHIN}\n"), Scope::Account(&own), "");
        assert_eq!(told, Vec::<String>::new());
        assert_eq!((&read.assertions[0].scope, &read.assertions[0].author), (&scope, &Some(acme())));
        assert!(matches!(&read.assertions[0].claim, Claim::AnswersWithin(nets) if nets.len() == 1));
    }
    assert_eq!(
        accounts("everything = true"),
        ["2:14+4 error operator-only: assertions about everything are the operator's: everything"]
    );
    assert_eq!(
        accounts("account = \"globex\""),
        ["2:11+8 error account-mismatch: the file stands in the folder of account acme, not of: globex"]
    );
    assert_eq!(accounts("zone = \"a.example\"\neverything = true").len(), 1);
}

#[test]
fn an_assertion_claims_something() {
    let with = |lines: &str| assertion(&format!("everything = true\n{lines}"), Scope::Operator);
    for scope in ["account = \"acme\"", "zone = \"a.example\"", "everything = true"] {
        let told = assertion(scope, Scope::Operator);
        assert_eq!(told, ["1:1+10 error no-claim: an assertion that claims nothing"]);
    }
    for key in ["answers_within", "never_answers_within", "family_required"] {
        assert_eq!(
            with(&format!("{key} = []")),
            [format!(
                "3:{}+2 error empty-list: an empty list means neither all nor nothing: {key} = []",
                key.len() + 4
            )]
        );
    }
    for (bad, message) in [
        ("answers_within = [\"203.0.113.1/24\"]", "host-bits: a network with host bits: 203.0.113.1/24"),
        ("answers_within = [\"all\"]", "bad-cidr: not a network: all"),
        ("answers_within = \"203.0.113.0/24\"", "wrong-type: answers_within must be a list, not a string"),
        (
            "never_answers_within = [\"::ffff:10.0.0.0/104\"]",
            "unusable-network: an IPv4-mapped network: ::ffff:10.0.0.0/104",
        ),
        ("family_required = \"both\"", "bad-value: family_required must be \"ipv4\" or \"ipv6\", not: both"),
        ("family_required = true", "wrong-type: family_required must be a list, not true or false"),
        ("governed_by = \"\"", "bad-id: governed_by must be 1 to 32 of a-z, 0-9 and -, not: "),
        ("answer_within = []", "unknown-key: unknown key in [[assert]]: answer_within"),
    ] {
        let told = with(bad);
        assert!(told.iter().any(|line| line.ends_with(message)), "{bad}: {told:?}");
        let (read, _) = operator(&format!("[[assert]]\neverything = true\n{bad}\n"));
        assert!(read.assertions.is_empty(), "{bad}");
    }
    for fine in
        ["never_answers_within = [\"0.0.0.0/0\", \"127.0.0.0/8\", \"::/0\"]", "family_required = [\"ipv6\"]"]
    {
        assert_eq!(with(fine), Vec::<String>::new());
    }
}

#[test]
fn approvals_are_whole_or_nothing() {
    let digest = "00112233445566778899AABBCCDDEEFF";
    let table = |digest: &str, by: &str, reason: &str, rest: &str| {
        operator(&format!(
            "[[approve]]\ndigest = \"{digest}\"\nby = \"{by}\"\nreason = \"{reason}\"\n{rest}\n"
        ))
    };
    let expires = |rest: &str| {
        let (read, told) = table(digest, "kim", "moved", rest);
        assert_eq!(told, Vec::<String>::new());
        assert_eq!((&*read.approvals[0].digest, &*read.approvals[0].by), (&*digest.to_lowercase(), "kim"));
        read.approvals[0].expires
    };
    assert_eq!(expires(""), None);
    for written in ["2026-12-01", "\"2026-12-01\"", "2026-12-01T00:00:00Z", "\"2026-12-01T02:00:00+02:00\""] {
        assert_eq!(expires(&format!("expires = {written}")), Some(1_796_083_200));
    }
    let long = "a".repeat(65);
    for (digest, by, reason, rest, message) in [
        ("", "kim", "x", "", "2:10+2 error bad-digest: not a digest: "),
        ("0011", "kim", "x", "", "2:10+6 error bad-digest: not a digest: 0011"),
        (&*long, "kim", "x", "", &*format!("2:10+67 error bad-digest: not a digest: {long}")),
        (
            "00112233445566778899aabbccddeefg",
            "kim",
            "x",
            "",
            "2:10+34 error bad-digest: not a digest: 00112233445566778899aabbccddeefg",
        ),
        (digest, "", "x", "", "3:6+2 error empty-text: by is empty"),
        (digest, "  ", "x", "", "3:6+4 error empty-text: by is empty"),
        (digest, "kim", "", "", "4:10+2 error empty-text: reason is empty"),
        (digest, "kim", "x", "expires = \"\"", "5:11+2 error bad-date: not a day or a moment: \"\""),
        (digest, "kim", "x", "expires = \"soon\"", "5:11+6 error bad-date: not a day or a moment: \"soon\""),
        (
            digest,
            "kim",
            "x",
            "expires = 2026-12-01T10:00:00",
            "5:11+19 error bad-date: not a day or a moment: 2026-12-01T10:00:00",
        ),
        (
            digest,
            "kim",
            "x",
            "expires = 7",
            "5:11+1 error wrong-type: expires must be a date, not an integer",
        ),
    ] {
        let (read, told) = table(digest, by, reason, rest);
        assert_eq!(told, [format!("operator m.toml:{message}")]);
        assert!(read.approvals.is_empty(), "{told:?}");
    }
    let (read, told) = operator("[[approve]]\n");
    assert!(read.approvals.is_empty() && told.len() == 3, "{told:?}");
}
