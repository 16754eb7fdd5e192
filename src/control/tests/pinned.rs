//! What waits while something is rolled back: files that change, files with faults, the operator's files.

use super::holds::ONE;
use super::*;
use crate::control::report::Why;

const OPERATOR: &str = "the operator's files";
const TWO: &str = "zones/globex/two.example.zone";
const MAIN: &str = "addrmaps/main.toml";

fn main_file(last: u8) -> String {
    let address = format!("203.0.113.{last}");
    anycast(&format!("192.0.2.{last}")) + &operators_map("for-acme", "acme", &address, "account_wide = true")
}

fn place() -> Place {
    Place::with(&[(ONE, &zone("1")), (TWO, &zone("1")), (MAIN, &main_file(1))]).guarded()
}

/// What is held, and what would let it pass.
fn held(server: &Running) -> Vec<(String, Why)> {
    server.engine.held().into_iter().map(|held| (held.unit, held.why)).collect()
}

fn all(units: &[(&str, Why)]) -> Vec<(String, Why)> {
    units.iter().map(|(unit, why)| ((*unit).to_owned(), *why)).collect()
}

fn answers(server: &Running) -> [String; 3] {
    [server.a("www.one.example"), server.a("www.two.example"), server.version("two.example")]
}

#[test]
fn faulty_files_wait_for_a_resume_and_then_for_a_repair() {
    let place = place();
    let mut server = place.start();
    place.write(ONE, &zone("2"));
    server.publishes();
    server.roll_back(None, Some("acme")).unwrap();
    for restarted in [false, true] {
        place.write(ONE, BROKEN);
        if restarted {
            drop(server);
            server = place.start();
        }
        server.follow();
        assert_eq!(held(&server), all(&[("account acme", Why::Pinned)]));
        let why = server.why("account acme");
        assert!(
            why.len() > 1 && why.last().is_some_and(|last| last == "pinned"),
            "its fault, and that it is rolled back: {why:?}"
        );
        assert_eq!(server.version("one.example"), "NOERROR 1");
    }
    server
        .engine
        .resume(Some(&crate::model::AccountId::new("acme").unwrap()), &mut crate::control::look::Open)
        .unwrap();
    assert_eq!(held(&server), all(&[("account acme", Why::Fault)]));
    assert_eq!(server.version("one.example"), "NOERROR 1");
    place.write(ONE, &zone("3"));
    server.publishes();
    assert_eq!(server.version("one.example"), "NOERROR 3");
}

/// Nothing is in the way of an account but that everything was rolled back: it is not held for what the operator's files
/// would make of it.
#[test]
fn where_everything_is_rolled_back_the_operators_files_wait_alone() {
    let place = place();
    let mut server = place.start();
    place.write(TWO, &zone("2"));
    server.publishes();
    server.roll_back(None, None).unwrap();
    assert_eq!(held(&server), all(&[("account globex", Why::Pinned)]));
    let before = answers(&server);
    place.write(MAIN, &main_file(2));
    for restarted in [false, true] {
        if restarted {
            drop(server);
            server = place.start();
        }
        server.follow();
        assert_eq!(held(&server), all(&[(OPERATOR, Why::Pinned), ("account globex", Why::Pinned)]));
        assert_eq!(server.why(OPERATOR), ["pinned"]);
        assert_eq!(answers(&server), before);
    }
    server.engine.resume(None, &mut crate::control::look::Open).unwrap();
    assert_eq!(server.held(), [""; 0]);
    let expected = ["NOERROR account_map 203.0.113.2", "NOERROR anycast_defaults 192.0.2.2", "NOERROR 2"];
    assert_eq!(answers(&server), expected);
}

/// Who was held before everything is rolled back is told of it, whether its files changed or not.
#[test]
fn who_is_held_already_is_rolled_back_with_everything() {
    let place = place();
    let mut server = place.start();
    // Its map in the operator's file has a fault, and the file goes on without it.
    place.write(MAIN, &main_file(1).replace("account_wide = true", "account_wide = 7"));
    server.follow();
    assert_eq!(held(&server), all(&[("account acme", Why::Fault)]));
    place.write(TWO, &zone("2"));
    server.follow();
    assert_eq!(server.version("two.example"), "NOERROR 2");
    server.roll_back(None, None).unwrap();
    assert_eq!(server.version("two.example"), "NOERROR 1");
    assert_eq!(held(&server), all(&[("account acme", Why::Pinned), ("account globex", Why::Pinned)]));
    server.engine.resume(None, &mut crate::control::look::Open).unwrap();
    assert_eq!(held(&server), all(&[("account acme", Why::Fault)]));
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
}

#[test]
fn a_fault_of_the_operators_is_told_while_everything_is_rolled_back() {
    let place = place();
    let mut server = place.start();
    place.write(TWO, &zone("2"));
    server.publishes();
    server.roll_back(None, None).unwrap();
    let before = answers(&server);
    for _ in 0..2 {
        place.write(MAIN, BROKEN);
        server.follow();
        let why = server.why(OPERATOR);
        assert!(why.len() > 1 && why.last().is_some_and(|last| last == "pinned"), "{why:?}");
        assert_eq!(answers(&server), before);
        // As it is served: nobody is held for it any more.
        place.write(MAIN, &main_file(1));
        server.follow();
        assert_eq!(held(&server), all(&[("account globex", Why::Pinned)]));
    }
    place.write(MAIN, BROKEN);
    server.follow();
    server.engine.resume(None, &mut crate::control::look::Open).unwrap();
    assert_eq!(held(&server), all(&[(OPERATOR, Why::Fault), ("account acme", Why::Fault)]));
    assert_eq!(server.why("account acme"), ["operator-file-faulty"]);
    assert_eq!(server.version("two.example"), "NOERROR 2", "who has nothing to do with it goes on");
    place.write(MAIN, &main_file(2));
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.2");
}
