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

/// The files are followed, whatever was rolled back; what was approved stays approved.
#[test]
fn a_start_from_files_is_pinned_to_nothing() {
    use crate::control::commands::Back;
    let six = "zones/six.example.zone";
    let exposed = zone("2").replace("cf-proxied:true", "cf-proxied:false");
    for from in [StartFrom::Files, StartFrom::State] {
        let place = place().guarded();
        let mut server = place.start();
        let first = server.first.generation;
        place.write(six, &exposed);
        server.follow();
        let digest = server.engine.held().into_iter().find_map(|held| held.digest).unwrap();
        server.engine.approve(&[digest], "ops", "meant", &mut crate::control::look::Open).unwrap();
        assert_eq!(server.version("six.example"), "NOERROR 2");
        for path in [six, "zones/acme/one.example.zone", "zones/globex/four.example.zone"] {
            place.write(path, &zone("3"));
        }
        server.publishes();
        for account in [crate::model::AccountId::new("globex"), None] {
            let generation = Some(first);
            let back = Back {
                generation: generation.map(crate::control::history::When::Generation),
                account,
                by: None,
                reason: "outage".into(),
            };
            server.engine.roll_back(&back, &mut crate::control::look::Open).unwrap();
        }
        drop(server);
        let (version, pins) = if from == StartFrom::Files { ("NOERROR 3", 0) } else { ("NOERROR 1", 1) };
        for round in [from, StartFrom::State] {
            let mut server = place.start_from(round);
            for _ in 0..2 {
                for zone in ["one.example", "four.example", "six.example"] {
                    assert_eq!(server.version(zone), version, "{from:?} {round:?}");
                }
                let standing = &server.engine.books.standing;
                assert_eq!((standing.pins.len(), standing.approvals.len()), (pins, 1), "{from:?} {round:?}");
                server.follow();
                assert_eq!(server.held().is_empty(), pins == 0, "{from:?} {round:?}: {:?}", server.held());
            }
        }
        let mut server = place.start();
        assert_eq!(server.engine.resume(None, &mut crate::control::look::Open).is_ok(), pins > 0);
        place.write(six, &exposed);
        server.publishes();
        assert_eq!(server.version("six.example"), "NOERROR 2", "{from:?}");
    }
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

/// What was intended when the server ended is served, unless it is not good in this version.
#[test]
fn a_lone_intent_is_served_where_it_is_good() {
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
            state.intend(&Intent::between(&confirmed, &after), &[(digest, text.as_bytes())], b"").unwrap();
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

/// Takes the last confirm away, as a server leaves it that ends before it could write it.
fn unconfirm(place: &Place) {
    let path = place.path("state/pack");
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length - 61).unwrap();
}

/// What a command did is whole after a restart, though its confirm was never written: number, content, what stands,
/// who did it and why.
#[test]
fn a_lone_intent_is_the_generation_that_it_was_to_be() {
    use crate::control::commands::Back;
    use crate::model::MapId;
    let immutable = "[[address_map]]\nid = \"kept\"\naccount = \"globex\"\nenabled = true\nimmutable = true\nips = [\"203.0.113.9\"]\n";
    let roll_back = |server: &mut Running| {
        let back = Back { generation: None, account: None, by: Some("ops".into()), reason: "outage".into() };
        server.engine.roll_back(&back, &mut crate::control::look::Open).unwrap();
    };
    let approve = |server: &mut Running| {
        let digest = server.engine.held().into_iter().find_map(|held| held.digest).unwrap();
        server.engine.approve(&[digest], "ops", "meant", &mut crate::control::look::Open).unwrap();
    };
    let forget = |server: &mut Running| {
        server.engine.forget_map(&MapId::new("kept").unwrap(), "the contract ended").unwrap();
    };
    let resume =
        |server: &mut Running| drop(server.engine.resume(None, &mut crate::control::look::Open).unwrap());
    // A command, whether something is rolled back before, and what must have been kept.
    type Command<'c> = (&'c str, &'c dyn Fn(&mut Running), bool);
    let commands: [Command<'_>; 4] = [
        ("rollback", &roll_back, false),
        ("approve", &approve, false),
        ("forget", &forget, false),
        ("resume", &resume, true),
    ];
    for (what, command, rolled_back) in commands {
        let mut place = place();
        place.rules.guards.zone_names_gone = Share { percent: 0, floor: 0 };
        place.write("addrmaps/kept.toml", immutable);
        let mut server = place.start();
        place.remove("addrmaps/kept.toml");
        place.write("zones/acme/one.example.zone", &zone("2"));
        // Held with the operator's files as they were: it must stay so.
        place.write("zones/globex/four.example.zone", BROKEN);
        place.write("addrmaps/globex.toml", "");
        server.follow();
        if rolled_back {
            roll_back(&mut server);
        }
        if what == "approve" {
            place.write("zones/six.example.zone", &zone("2").replace("www", "other"));
            server.follow();
        }
        if what == "forget" {
            place.write("zones/globex/four.example.zone", &zone("1"));
        }
        command(&mut server);
        let (before, held) = (server.engine.snapshot(), server.held());
        let told = server.engine.history(1).entries;
        drop(server);
        unconfirm(&place);
        let opened = State::open(&place.path("state")).unwrap();
        assert_eq!(opened.intent.map(|intent| intent.generation), Some(before.generation), "{what}");
        drop(opened.state);
        for _ in 0..2 {
            let mut server = place.start();
            let after = server.engine.snapshot();
            assert_eq!((after.generation, after.content), (before.generation, before.content), "{what}");
            assert_eq!(before.differences(&after), [], "{what}");
            assert_eq!(server.engine.history(1).entries, told, "{what}");
            server.follow();
            assert_eq!(server.engine.snapshot().generation, before.generation, "{what}: it stays");
            assert_eq!(server.held(), held, "{what}");
        }
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
