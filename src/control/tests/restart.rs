//! Starts: from the state, from the files, with faults, and after a change that was only intended.

use super::*;
use crate::control::{Intent, Manifest, State};

fn place() -> Place {
    Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/acme/two.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("zones/six.example.zone", &zone("1")),
        ("addrmaps/acme/maps.toml", &map("m", "203.0.113.1", "account_wide = true")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
    ])
}

#[test]
fn a_start_serves_what_was_served_whatever_the_files_say() {
    let place = place();
    let mut server = place.start();
    place.write("zones/acme/one.example.zone", &zone("2"));
    server.publishes();
    let before = server.engine.snapshot();
    drop(server);
    place.rename("zones", "aside");
    let mut server = place.start();
    assert_eq!((server.first.generation, server.first.outcome), (before.generation, Outcome::Published));
    assert_eq!(before.differences(&server.engine.snapshot()), []);
    server.follow();
    assert_eq!(before.differences(&server.engine.snapshot()), []);
    place.rename("aside", "zones");
    place.write("zones/acme/one.example.zone", &zone("3"));
    let change = server.publishes();
    assert_eq!(server.version("one.example"), "NOERROR 3");
    assert!(change.generation > before.generation);
}

#[test]
fn a_start_from_files_takes_what_is_good_and_goes_on_counting() {
    let place = place();
    let before = place.start().engine.snapshot();
    place.write("zones/acme/one.example.zone", "@ 60 IN A nothing\n");
    place.write("zones/acme/two.example.zone", &zone("2"));
    let mut server = place.start_from(StartFrom::Files);
    assert!(server.engine.snapshot().generation > before.generation);
    assert_eq!(
        (server.version("one.example"), server.version("two.example")),
        ("SERVFAIL".into(), "NOERROR 2".into())
    );
    server.follow();
    assert_eq!(server.held(), ["account acme"]);
    let after = server.engine.snapshot();
    drop(server);
    assert_eq!(after.differences(&place.start().engine.snapshot()), []);
}

/// A first start with a fault, then a restart from the state with the fault still there, then its repair.
#[test]
fn what_never_was_good_is_servfail_until_it_is_good() {
    let (ok, failed) = ("NOERROR 1", "SERVFAIL");
    let cases = [
        ("zones/acme/one.example.zone", [failed, ok, ok, ok], "account acme"),
        ("zones/acme/deep/one.example.zone", [failed, ok, ok, ok], "account acme"),
        ("zones/acme/account.toml", [failed, failed, ok, ok], "account acme"),
        ("addrmaps/acme/maps.toml", [failed, failed, ok, ok], "account acme"),
        ("zones/six.example.zone", [ok, ok, ok, failed], "zone six.example."),
        ("zones/account.toml", [ok, ok, ok, failed], "account default"),
    ];
    for (path, versions, unit) in cases {
        let place = place();
        if path.contains("deep") {
            place.remove("zones/acme/one.example.zone");
        }
        place.write(path, BROKEN);
        let mut server = place.start();
        let said = |server: &Running| {
            ["one", "two", "four", "six"].map(|zone| server.version(&format!("{zone}.example")))
        };
        for round in ["first", "followed", "restarted", "restarted and followed"] {
            if round == "restarted" {
                drop(server);
                server = place.start();
            } else if round.ends_with("followed") {
                server.follow();
            }
            assert_eq!(said(&server), versions.map(String::from), "{path} {round}");
            if round != "restarted" {
                assert_eq!(server.held()[0], unit, "{path} {round}");
            }
        }
        let good = match path {
            _ if path.ends_with(".zone") => zone("1"),
            _ if path.contains("addrmaps") => map("m", "203.0.113.1", "account_wide = true"),
            _ => String::new(),
        };
        place.write(path, &good);
        server.publishes();
        assert_eq!(said(&server), [ok; 4].map(String::from), "{path}");
        assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1", "{path}");
        assert!(server.engine.is_in_sync(), "{path}");
    }
}

#[test]
fn a_faulty_operators_file_costs_the_proxied_names_on_a_first_start() {
    let place = place();
    place.write("addrmaps/main.toml", BROKEN);
    let mut server = place.start();
    for round in ["first", "followed", "restarted", "restarted and followed"] {
        if round == "restarted" {
            drop(server);
            server = place.start();
        } else if round.ends_with("followed") {
            server.follow();
        }
        for zone in ["one.example", "four.example", "six.example"] {
            assert_eq!(server.version(zone), "NOERROR 1", "{round}");
            assert_eq!(server.a(&format!("www.{zone}")), "SERVFAIL", "{round}");
        }
    }
    place.write("addrmaps/main.toml", &anycast("192.0.2.10"));
    server.publishes();
    assert_eq!(server.a("www.four.example"), "NOERROR anycast_defaults 192.0.2.10");
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
}

/// What was intended when the server ended is judged again, good or not.
#[test]
fn a_lone_intent_is_judged_again() {
    for (text, version) in [(zone("2"), "NOERROR 2"), (BROKEN.to_owned(), "NOERROR 1")] {
        let place = place();
        let before = place.start().engine.snapshot();
        let intend = |text: &str| {
            let opened = State::open(&place.path("state")).unwrap();
            let (mut state, confirmed): (State, Manifest) = (opened.state, opened.confirmed.unwrap());
            let mut after = confirmed.clone();
            after.generation += 7;
            let one =
                after.files.iter_mut().find(|(path, _)| path.below.ends_with("one.example.zone")).unwrap();
            let digest = crate::control::Digest::of(text.as_bytes());
            one.1.digest = digest;
            state.intend(&Intent::between(&confirmed, &after), &[(digest, text.as_bytes())]).unwrap();
        };
        intend(&text);
        let mut server = place.start();
        assert_eq!(server.version("one.example"), version);
        assert!(server.engine.snapshot().generation >= before.generation);
        // The files are a candidate then.
        server.follow();
        assert_eq!((server.version("one.example"), server.held()), ("NOERROR 1".into(), Vec::new()));
        let served = server.engine.snapshot();
        drop(server);
        assert_eq!(served.differences(&place.start().engine.snapshot()), []);
    }
}

#[test]
fn a_first_start_that_was_not_remembered_is_the_first_again() {
    let place = Place::with(&[]);
    for name in 'a'..='k' {
        place.write(&format!("zones/{name}.example.zone"), &zone(&name.to_string()));
    }
    let start = || {
        let state = place.path("state");
        let (sources, seed) = (place.sources(), place.seed.clone());
        Engine::start_with(sources, &state, StartFrom::State, Rules::default(), seed, Default::default())
            .unwrap()
    };
    let (engine, first) = start();
    assert_eq!((first.outcome, first.cost.files_read), (Outcome::Published, 11));
    drop(engine);
    let length = |place: &Place| fs::metadata(place.path("state/pack")).unwrap().len();
    let stashed = length(&place);
    place.write("zones/a.example.zone", &zone("later"));
    place.remove("zones/b.example.zone");
    let (mut engine, _) = start();
    engine.remember_start();
    // Only the changed content and the journal are new.
    let written = length(&place) - stashed;
    assert!(written < 11 * 128 + 512, "{written}");
    let server = Running { engine, first };
    assert_eq!(
        (server.version("a.example"), server.version("c.example")),
        ("NOERROR later".into(), "NOERROR c".into())
    );
    drop(server);
    let (server, _) = start();
    let server = Running { first: Change::default(), engine: server };
    assert_eq!(
        (server.version("a.example"), server.version("b.example")),
        ("NOERROR later".into(), "REFUSED".into())
    );
    assert_eq!(server.version("k.example"), "NOERROR k");
}
