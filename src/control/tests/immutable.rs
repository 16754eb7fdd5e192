//! Immutable maps: what the files lose is put back from memory.

use super::*;
use crate::model::MapId;

fn immutable(ips: &str) -> String {
    format!(
        "[[address_map]]\nid = \"kept\"\naccount = \"acme\"\nenabled = true\nimmutable = true\nips = [{ips}]\n"
    )
}

fn place() -> Place {
    Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
        ("addrmaps/kept.toml", &immutable("\"203.0.113.1\", \"203.0.113.2\"")),
    ])
}

const KEPT: &str = "NOERROR immutable_map 203.0.113.1 203.0.113.2";

fn problems(server: &Running) -> Vec<String> {
    let status = server.engine.status(Default::default(), Vec::new(), None);
    status.problems.into_iter().map(|problem| problem.code).collect()
}

#[test]
fn what_the_files_lose_is_put_back_and_told() {
    let both = "\"203.0.113.1\", \"203.0.113.2\"";
    for (what, text) in [
        ("removed", None),
        ("emptied", Some(String::new())),
        ("shrunk", Some(immutable("\"203.0.113.1\""))),
        ("disabled", Some(immutable(both).replace("enabled = true", "enabled = false"))),
        ("no addresses", Some(immutable(""))),
        ("not immutable", Some(immutable(both).replace("immutable = true", "immutable = false"))),
    ] {
        let place = place();
        let mut server = place.start();
        assert_eq!(server.a("www.one.example"), KEPT);
        match &text {
            Some(text) => place.write("addrmaps/kept.toml", text),
            None => place.remove("addrmaps/kept.toml"),
        }
        // The rest of the change goes on.
        place.write("addrmaps/main.toml", &anycast("192.0.2.11"));
        place.write("zones/acme/one.example.zone", &zone("2"));
        server.publishes();
        for restarted in [false, true] {
            if restarted {
                drop(server);
                server = place.start();
                server.follow();
            }
            assert_eq!(server.held(), [""; 0], "{what}");
            assert_eq!(server.a("www.one.example"), KEPT, "{what} {restarted}");
            assert_eq!(server.a("www.four.example"), "NOERROR anycast_defaults 192.0.2.11", "{what}");
            assert_eq!(server.version("one.example"), "NOERROR 2", "{what}");
            assert_eq!(problems(&server), ["immutable-map-put-back"], "{what} {restarted}");
            assert!(!server.engine.is_in_sync(), "{what}");
        }
        place.write("addrmaps/kept.toml", &immutable(both));
        server.follow();
        assert_eq!(problems(&server), [""; 0], "{what}");
        assert!(server.engine.is_in_sync(), "{what}");
        assert_eq!(server.a("www.one.example"), KEPT, "{what}");
    }
}

#[test]
fn it_grows_and_moves() {
    let place = place();
    let mut server = place.start();
    let three = "\"203.0.113.1\", \"203.0.113.2\", \"203.0.113.3\"";
    place.write("addrmaps/kept.toml", &immutable(three));
    server.publishes();
    place.rename("addrmaps/kept.toml", "addrmaps/moved.toml");
    server.publishes();
    assert_eq!(problems(&server), [""; 0]);
    // What it grew to is what is remembered.
    place.remove("addrmaps/moved.toml");
    server.publishes();
    drop(server);
    let mut server = place.start_from(StartFrom::Files);
    assert_eq!(server.a("www.one.example"), format!("{KEPT} 203.0.113.3"));
    server.follow();
    assert_eq!(problems(&server), ["immutable-map-put-back"]);
}

#[test]
fn it_is_forgotten_on_demand_only() {
    let place = place();
    let mut server = place.start();
    let id = MapId::new("kept").unwrap();
    let refused = server.engine.forget_map(&id, "no reason").unwrap_err();
    assert!(refused.message.contains("out of the files first"), "{}", refused.message);
    assert!(server.engine.forget_map(&MapId::new("other").unwrap(), "none").is_err());
    place.remove("addrmaps/kept.toml");
    server.publishes();
    // Not while its account is held, for then it is not taken away.
    place.write("zones/acme/one.example.zone", BROKEN);
    server.follow();
    server.engine.forget_map(&id, "held").unwrap_err();
    assert_eq!(server.a("www.one.example"), KEPT);
    place.write("zones/acme/one.example.zone", &zone("1"));
    server.follow();
    assert_eq!(server.a("www.one.example"), KEPT);
    assert_eq!(server.engine.forget_map(&id, "the contract ended").unwrap().outcome, Outcome::Published);
    for restarted in [false, true] {
        if restarted {
            drop(server);
            server = place.start();
            server.follow();
        }
        assert_eq!(server.a("www.one.example"), "NOERROR anycast_defaults 192.0.2.10", "{restarted}");
        assert!(server.engine.is_in_sync());
    }
    // It may come again.
    place.write("addrmaps/kept.toml", &immutable("\"203.0.113.9\""));
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR immutable_map 203.0.113.9");
}

/// Whatever else is held or goes on meanwhile, it is forgotten where it stops being served, and nowhere else.
#[test]
fn it_is_forgotten_with_its_account_and_not_with_others() {
    let id = MapId::new("kept").unwrap();
    let forgotten = "NOERROR anycast_defaults 192.0.2.10";
    for is_held in [false, true] {
        let place = place();
        let mut server = place.start();
        place.remove("addrmaps/kept.toml");
        server.publishes();
        // The operator's files are held, and an account that was held goes on with the command.
        place.write("addrmaps/main.toml", BROKEN);
        place.write("zones/globex/four.example.zone", BROKEN);
        if is_held {
            place.write("zones/acme/one.example.zone", BROKEN);
        }
        server.follow();
        place.write("zones/globex/four.example.zone", &zone("2"));
        let done = server.engine.forget_map(&id, "the contract ended");
        assert_eq!(done.is_err(), is_held, "{done:?}");
        assert_eq!(server.version("four.example"), "NOERROR 2", "it goes on");
        for restarted in [false, true] {
            if restarted {
                drop(server);
                server = place.start();
            }
            let expected = if is_held { KEPT } else { forgotten };
            assert_eq!(server.a("www.one.example"), expected, "held {is_held}, restarted {restarted}");
            let told: &[&str] = if is_held { &["immutable-map-put-back"] } else { &[] };
            assert_eq!(problems(&server), told, "held {is_held}, restarted {restarted}");
        }
    }
}

#[test]
fn a_rollback_keeps_what_it_grew_by() {
    let place = place();
    let mut server = place.start();
    let first = server.first.generation;
    place.write("addrmaps/kept.toml", &immutable("\"203.0.113.1\", \"203.0.113.2\", \"203.0.113.3\""));
    place.write("zones/acme/one.example.zone", &zone("2"));
    server.publishes();
    let back = crate::control::commands::Back {
        generation: Some(crate::control::history::When::Generation(first)),
        account: None,
        by: None,
        reason: "outage".into(),
    };
    server.engine.roll_back(&back, &mut crate::control::look::Open).unwrap();
    for restarted in [false, true] {
        if restarted {
            drop(server);
            server = place.start();
        }
        assert_eq!(server.version("one.example"), "NOERROR 1");
        assert_eq!(server.a("www.one.example"), "NOERROR immutable_map 203.0.113.1 203.0.113.2 203.0.113.3");
    }
}
