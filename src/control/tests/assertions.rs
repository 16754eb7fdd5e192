//! What operators and accounts assert: kept, judged whenever it may be broken, and by whom it may be said.

use super::ledger::fleet;
use super::*;
use crate::model::AssertionScope;

#[test]
fn assertions_and_approvals_are_kept() {
    let place = fleet();
    let claim = "answers_within = [\"203.0.113.0/24\"]\n";
    place.write(
        "addrmaps/acme/assert.toml",
        &format!("[[assert]]\n{claim}[[assert]]\nzone = \"one.example\"\n{claim}"),
    );
    place.write(
        "addrmaps/rules.toml",
        "[[assert]]\neverything = true\nfamily_required = \"ipv4\"\n\
         [[approve]]\ndigest = \"00112233445566778899aabbccddeeff\"\nby = \"kim\"\nreason = \"moved\"\n",
    );
    let server = place.start();
    let kept = |server: &Running| {
        let books = &server.engine.books;
        let scopes: Vec<AssertionScope> =
            books.assertions_after(&[]).iter().map(|assertion| assertion.scope.clone()).collect();
        (
            format!("{scopes:?}"),
            books.approvals_after(None).map(|approval| approval.by.clone()).collect::<Vec<_>>(),
        )
    };
    let expected = ("[Everything, Account(acme), Zone(one.example.)]".to_owned(), vec!["kim".to_owned()]);
    assert_eq!(kept(&server), expected);
    drop(server);
    let mut server = place.start();
    assert_eq!(kept(&server), expected);
    server.follow();
    assert_eq!((server.held(), kept(&server)), (vec![], expected));
    place.write("addrmaps/acme/assert.toml", "");
    place.remove("addrmaps/rules.toml");
    server.publishes();
    assert_eq!(kept(&server), ("[]".to_owned(), vec![]));
}

#[test]
fn an_account_asserts_nothing_of_others() {
    let place = fleet();
    let mut server = place.start();
    let assertion = |zone: &str| format!("[[assert]]\nzone = \"{zone}\"\nfamily_required = \"ipv4\"\n");
    place.write("addrmaps/acme/assert.toml", &assertion("four.example"));
    server.follow();
    assert_eq!(
        (server.held(), server.why("account acme")),
        (vec!["account acme".to_owned()], vec!["foreign-zone".to_owned()])
    );
    assert_eq!(server.engine.books.assertions_after(&[]), []);
    place.write("addrmaps/acme/assert.toml", &assertion("two.example"));
    server.publishes();
    assert_eq!(server.engine.books.assertions_after(&[]).len(), 1);
    // At first it is left out and holds nobody.
    place.write("addrmaps/acme/assert.toml", &assertion("four.example"));
    let server = place.start_from(StartFrom::Files);
    assert_eq!((server.held(), server.engine.books.assertions_after(&[])), (vec![], vec![]));
}

/// What an account asserted of a zone that nobody had, or that was its own, holds nobody who comes with it.
#[test]
fn an_account_asserts_nothing_of_what_becomes_anothers() {
    let place = Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("addrmaps/acme/m.toml", &map("a", "203.0.113.1", "account_wide = true")),
        ("addrmaps/globex/m.toml", &map("g", "203.0.113.200", "account_wide = true")),
    ]);
    let claim =
        |zone: &str| format!("[[assert]]\nzone = \"{zone}\"\nanswers_within = [\"203.0.113.0/25\"]\n");
    place.write("addrmaps/acme/assert.toml", &(claim("new.example") + &claim("one.example")));
    let mut server = place.start();
    place.write("zones/globex/new.example.zone", &zone("1"));
    server.publishes();
    assert_eq!(server.a("www.new.example"), "NOERROR account_map 203.0.113.200");
    place.rename("zones/acme/one.example.zone", "zones/globex/one.example.zone");
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.200");
}

/// Whoever says it: a zone that breaks it alone is held for it, although no map and no assertion changes.
#[test]
fn what_is_asserted_is_judged_when_a_zone_alone_changes() {
    let bare = |version: &str| zone(version).replace("cf-proxied:true", "cf-proxied:false");
    for (file, scope) in [
        ("addrmaps/acme/assert.toml", ""),
        ("addrmaps/acme/assert.toml", "zone = \"one.example\"\n"),
        ("addrmaps/rules.toml", "account = \"acme\"\n"),
        ("addrmaps/rules.toml", "zone = \"one.example\"\n"),
        ("addrmaps/rules.toml", "everything = true\n"),
    ] {
        let place = Place::with(&[
            ("zones/acme/one.example.zone", &bare("1")),
            ("zones/acme/two.example.zone", &bare("1")),
            ("addrmaps/acme/m.toml", &map("a", "203.0.113.200", "account_wide = true")),
            (file, &format!("[[assert]]\n{scope}answers_within = [\"203.0.113.0/25\"]\n")),
        ]);
        let mut server = place.start();
        assert_eq!(server.held(), [""; 0], "{file} {scope}");
        // What is not proxied is not answered from the map.
        place.write("zones/acme/one.example.zone", &bare("2"));
        server.publishes();
        place.write("zones/acme/one.example.zone", &zone("3"));
        server.follow();
        assert_eq!(server.held(), ["account acme"], "{file} {scope}");
        assert_eq!(server.why("account acme"), ["assert-answers-within"], "{file} {scope}");
        assert_eq!(server.version("one.example"), "NOERROR 2");
        assert_eq!(server.a("www.one.example"), "NOERROR stored 198.51.100.1");
        // With an address that fits it comes.
        place.write("addrmaps/acme/m.toml", &map("a", "203.0.113.1", "account_wide = true"));
        server.publishes();
        assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
    }
}

/// Of many zones that are answered alike a few are proven, and those that somebody asserts something of.
#[test]
fn what_is_asserted_of_one_among_many_is_judged() {
    let names = ["a", "b", "c", "d", "e"];
    let rule = |scope: &str, net: &str| {
        format!("[[assert]]\n{scope}\nanswers_within = [\"{net}\", \"2001:db8::/32\"]\n")
    };
    for members in [
        "account_wide = true",
        "zones = [\"a.example\", \"b.example\", \"c.example\", \"d.example\", \"e.example\"]",
    ] {
        for file in ["addrmaps/acme/assert.toml", "addrmaps/rules.toml"] {
            let place = Place::with(&[
                ("addrmaps/acme/m.toml", &map("m", "203.0.113.1", members)),
                (file, &rule("zone = \"e.example\"", "203.0.113.0/25")),
            ]);
            names.iter().for_each(|name| place.write(&format!("zones/acme/{name}.example.zone"), &zone("1")));
            let mut server = place.start();
            place.write("addrmaps/acme/m.toml", &map("m", "203.0.113.200", members));
            server.follow();
            assert_eq!(server.held(), ["account acme"], "{members} {file}");
            assert_eq!(server.why("account acme"), ["assert-answers-within"], "{members} {file}");
        }
    }
    for scope in ["zone = \"e.example\"", "account = \"e\""] {
        let place = Place::with(&[
            ("addrmaps/main.toml", &anycast("192.0.2.10")),
            ("addrmaps/rules.toml", &rule(scope, "192.0.2.0/28")),
        ]);
        names.iter().for_each(|name| place.write(&format!("zones/{name}/{name}.example.zone"), &zone("1")));
        let mut server = place.start();
        place.write("addrmaps/main.toml", &anycast("192.0.2.100"));
        server.follow();
        assert_eq!(server.held(), ["the operator's files"], "{scope}");
        assert_eq!(server.why("the operator's files"), ["assert-answers-within"], "{scope}");
        assert_eq!(server.a("www.e.example"), "NOERROR anycast_defaults 192.0.2.10");
    }
}
