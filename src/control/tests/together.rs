//! Units that change together or after one another: whose doing it is that a guard trips, and whose hour begins anew.

use super::*;
use crate::control::report::Why;

const THREE: &str = "zones/three.example.zone";
const FOUR: &str = "zones/four.example.zone";
const ACME: &str = "zones/acme/one.example.zone";
const GLOBEX: &str = "zones/globex/two.example.zone";

/// A zone with a hundred names, of which some are not proxied, and some say something else.
fn hundred(version: &str, plain: std::ops::Range<usize>, others: std::ops::Range<usize>) -> String {
    let names = (0..100).map(|name| {
        let address = if others.contains(&name) { 9 } else { 7 };
        format!("n{name} 1 IN A 198.51.100.{address} ; cf_tags=cf-proxied:{}\n", !plain.contains(&name))
    });
    zone(version) + &names.collect::<String>()
}

fn exposed(version: &str) -> String {
    zone(version).replace("cf-proxied:true", "cf-proxied:false")
}

fn place(guards: Guards) -> Place {
    let mut place = Place::with(&[
        (ACME, &hundred("1", 0..0, 0..0)),
        (GLOBEX, &hundred("1", 0..0, 0..0)),
        (THREE, &zone("1")),
        (FOUR, &zone("1")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
        ("addrmaps/acme/maps.toml", &map("acme-all", "203.0.113.1", "account_wide = true")),
        ("addrmaps/globex/maps.toml", &map("globex-all", "203.0.113.2", "account_wide = true")),
    ]);
    place.rules.guards = guards;
    place
}

#[track_caller]
fn guarded(server: &Running, unit: &str) -> String {
    let held = server.engine.held();
    let units: Vec<_> = held.iter().map(|held| (held.unit.as_str(), held.why)).collect();
    assert_eq!(units, [(unit, Why::Guard)], "{held:?}");
    held[0].digest.clone().unwrap()
}

#[test]
fn a_zone_of_the_account_default_is_not_held_for_another() {
    let place = place(Guards::default());
    let mut server = place.start();
    place.write(THREE, &exposed("2"));
    place.write(FOUR, &zone("2"));
    server.follow();
    guarded(&server, "zone three.example.");
    assert_eq!(server.version("four.example"), "NOERROR 2");
    place.write(FOUR, &zone("3"));
    server.follow();
    guarded(&server, "zone three.example.");
    assert_eq!(server.version("four.example"), "NOERROR 3");
    assert_eq!(server.version("three.example"), "NOERROR 1");
}

#[test]
fn nobody_waits_for_the_operators_approval() {
    let guards =
        Guards { operator_names: 0, names_changed: Share { percent: 10, floor: 1 }, ..Guards::default() };
    for at_once in [true, false] {
        let place = place(guards);
        let mut server = place.start();
        place.write("addrmaps/main.toml", &anycast("192.0.2.11"));
        if !at_once {
            server.follow();
            guarded(&server, "the operator's files");
        }
        place.write(THREE, &zone("2"));
        server.follow();
        let digest = guarded(&server, "the operator's files");
        assert_eq!(server.version("three.example"), "NOERROR 2");
        assert_eq!(server.a("www.three.example"), "NOERROR anycast_defaults 192.0.2.10");
        server.engine.approve(&[digest], "ops", "meant", &mut crate::control::look::Open).unwrap();
        assert_eq!(server.a("www.three.example"), "NOERROR anycast_defaults 192.0.2.11");
        assert_eq!(server.held(), [""; 0]);
        // Within the hour nobody is held for it any more.
        place.write(THREE, &zone("3"));
        server.publishes();
    }
}

#[test]
fn who_waits_already_waits_on_and_others_pass() {
    // Together too much for the server, each by itself not.
    let guards = Guards { unproxied_names: 10, ..NO_GUARDS };
    let place = place(guards);
    let mut server = place.start();
    place.write(ACME, &hundred("2", 0..6, 0..0));
    server.publishes();
    place.write(GLOBEX, &hundred("2", 0..6, 0..0));
    server.follow();
    guarded(&server, "account globex");
    place.write(ACME, &hundred("3", 0..7, 0..0));
    server.follow();
    guarded(&server, "account globex");
    assert_eq!(server.version("one.example"), "NOERROR 3");
    assert_eq!(server.version("two.example"), "NOERROR 1");
}

#[test]
fn an_approval_lets_nobody_else_begin_anew() {
    for rollback in [false, true] {
        let place = place(Guards::default());
        let mut server = place.start();
        place.write(GLOBEX, &hundred("2", 0..4, 0..0));
        server.publishes();
        place.write(ACME, &hundred("2", 0..20, 0..0));
        server.follow();
        let digest = guarded(&server, "account acme");
        if rollback {
            place.write(ACME, &hundred("3", 0..2, 0..0));
            server.publishes();
            let acme = Some(crate::model::AccountId::new("acme").unwrap());
            let back = crate::control::commands::Back {
                generation: None,
                account: acme.clone(),
                by: None,
                reason: "outage".into(),
            };
            server.engine.roll_back(&back, &mut crate::control::look::Open).unwrap();
            place.write(ACME, &hundred("1", 0..0, 0..0));
            server.engine.resume(acme.as_ref(), &mut crate::control::look::Open).unwrap();
        } else {
            server.engine.approve(&[digest], "ops", "meant", &mut crate::control::look::Open).unwrap();
            // It begins anew itself: five more are no twenty-five.
            place.write(ACME, &hundred("3", 0..25, 0..0));
            server.publishes();
            place.write(ACME, &hundred("3", 0..31, 0..0));
            server.follow();
            guarded(&server, "account acme");
            place.write(ACME, &hundred("3", 0..25, 0..0));
            server.follow();
        }
        assert_eq!(server.held(), [""; 0]);
        place.write(GLOBEX, &hundred("3", 0..11, 0..0));
        server.follow();
        guarded(&server, "account globex");
        assert_eq!(server.version("two.example"), "NOERROR 2");
    }
}

#[test]
fn what_others_did_within_the_hour_holds_nobody() {
    let guards = Guards { names_changed: Share { percent: 40, floor: 4 }, ..NO_GUARDS };
    let place = place(guards);
    let plain = |version: &str, others| {
        hundred(version, 0..100, others).replace("cf-proxied:true", "cf-proxied:false")
    };
    place.write(ACME, &plain("1", 0..0));
    let mut server = place.start();
    // There and back, and on to somewhere else: never much at once, nor much of what there was at first.
    for others in [0..35, 20..35, 35..55, 35..70] {
        server.engine.clock.ahead += 900;
        place.write(ACME, &plain("1", others));
        server.publishes();
    }
    server.engine.clock.ahead += 1000;
    place.write(GLOBEX, &hundred("2", 0..0, 0..0));
    server.publishes();
    place.write(ACME, &plain("2", 35..70));
    server.follow();
    guarded(&server, "account acme");
}

#[test]
fn what_was_approved_or_rolled_back_when_the_server_ended_stays_so() {
    let place = place(Guards::default());
    let mut server = place.start();
    place.write(ACME, &hundred("2", 0..20, 0..0));
    server.follow();
    let digest = guarded(&server, "account acme");
    server.engine.approve(&[digest], "ops", "meant", &mut crate::control::look::Open).unwrap();
    drop(server);
    cut(&place);
    let mut server = place.start();
    server.publishes_nothing();
    assert_eq!(server.version("one.example"), "NOERROR 2");
    assert_eq!(server.engine.books.standing.approvals.len(), 1);
    let back =
        crate::control::commands::Back { generation: None, account: None, by: None, reason: "outage".into() };
    server.engine.roll_back(&back, &mut crate::control::look::Open).unwrap();
    drop(server);
    cut(&place);
    let mut server = place.start();
    server.follow();
    assert_eq!(server.version("one.example"), "NOERROR 1");
    assert_eq!(server.why("account acme"), ["pinned"]);
    assert!(server.engine.books.standing.approvals.is_empty(), "taken back with what was rolled back");
    place.write(ACME, &hundred("3", 0..0, 0..0));
    server.follow();
    server.engine.resume(None, &mut crate::control::look::Open).unwrap();
    assert_eq!(server.version("one.example"), "NOERROR 3");
    drop(server);
    cut(&place);
    let mut server = place.start();
    server.publishes_nothing();
    assert_eq!(server.version("one.example"), "NOERROR 3");
    assert!(server.engine.books.standing.pins.is_empty());
}

/// The last confirm is lost, as where the server ends before it is written.
fn cut(place: &Place) {
    let pack = fs::OpenOptions::new().write(true).open(place.path("state/pack")).unwrap();
    let length = pack.metadata().unwrap().len();
    pack.set_len(length - 1).unwrap();
}

#[test]
fn who_was_held_when_the_server_ended_sees_no_more_of_the_operators_files() {
    let of_operator = |address: &str| operators_map("acme-op", "acme", address, "account_wide = true");
    let place = place(Guards::default());
    place.remove("addrmaps/acme/maps.toml");
    place.write("addrmaps/own.toml", &of_operator("203.0.113.1"));
    let mut server = place.start();
    place.write(ACME, BROKEN);
    for (path, text) in [
        ("addrmaps/own.toml", of_operator("203.0.113.9")),
        (
            "addrmaps/more.toml",
            operators_map("more", "globex", "203.0.113.8", "").replace("= true", "= false"),
        ),
    ] {
        place.write(path, &text);
        server.follow();
        assert_eq!(server.held(), ["account acme"]);
        for _ in 0..2 {
            assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
            drop(server);
            cut(&place);
            server = place.start();
        }
        server.follow();
        assert_eq!(server.held(), ["account acme"]);
        assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
    }
    place.write(ACME, &hundred("2", 0..0, 0..0));
    server.publishes();
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.9");
}

impl Running {
    /// Follows, and nothing is changed or held.
    #[track_caller]
    fn publishes_nothing(&mut self) {
        let change = self.follow();
        assert_eq!((change.outcome, self.held()), (Outcome::Unchanged, Vec::new()), "{change:?}");
    }
}

#[test]
fn a_rollback_goes_through_the_proof() {
    let place = place(Guards::default());
    let acme = |address: &str| map("acme-all", address, "account_wide = true");
    place.write("addrmaps/acme/maps.toml", &acme("203.0.113.200"));
    let mut server = place.start();
    let first = server.engine.snapshot().generation;
    place.write("addrmaps/acme/maps.toml", &acme("203.0.113.1"));
    server.publishes();
    let rule = "[[assert]]\naccount = \"acme\"\nanswers_within = [\"203.0.113.0/25\"]\n";
    place.write("addrmaps/rules.toml", rule);
    server.publishes();
    let back = |account: Option<&str>| crate::control::commands::Back {
        generation: Some(crate::control::history::When::Generation(first)),
        account: account.map(|account| crate::model::AccountId::new(account).unwrap()),
        by: None,
        reason: "outage".into(),
    };
    let change = server.engine.roll_back(&back(Some("acme")), &mut crate::control::look::Open).unwrap();
    assert_eq!(change.outcome, Outcome::Held, "{change:?}");
    let codes: Vec<&str> =
        change.held.iter().flat_map(|held| &held.problems).map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["assert-answers-within"]);
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.1");
    assert!(server.engine.books.standing.pins.is_empty());
    assert_eq!(server.held(), [""; 0], "its files are what is served");
    // Nobody is kept from going on by it.
    place.write(ACME, &hundred("2", 0..0, 0..0));
    server.publishes();
    // The rule goes with everything else.
    server.engine.roll_back(&back(None), &mut crate::control::look::Open).unwrap();
    assert_eq!(server.a("www.one.example"), "NOERROR account_map 203.0.113.200");
}

/// A zone of which nothing is proxied shows nothing of what its account's maps do to the others.
#[test]
fn what_a_map_does_is_proven_where_it_shows() {
    let acme = |address: &str| map("acme-all", address, "account_wide = true");
    let rule = |scope: &str| {
        format!("[[assert]]\n{scope}\nanswers_within = [\"203.0.113.0/25\", \"192.0.2.0/28\"]\n")
    };
    for scope in ["account = \"acme\"", "zone = \"sub.example\"", "everything = true"] {
        let place = place(Guards::default());
        place.write("zones/acme/a.example.zone", &exposed("1"));
        place.write("zones/acme/sub.example.zone", &zone("1"));
        place.write("addrmaps/rules.toml", &rule(scope));
        let mut server = place.start();
        place.write("addrmaps/acme/maps.toml", &acme("203.0.113.200"));
        server.follow();
        assert_eq!(server.why("account acme"), ["assert-answers-within"], "{scope}");
        // Nor are rules taken that are broken already, wherever that shows.
        let place = place_with_map(&acme("203.0.113.200"));
        let mut server = place.start();
        place.write("addrmaps/rules.toml", &rule(scope));
        server.follow();
        assert_eq!(server.held(), ["the operator's files"], "{scope}");
        assert_eq!(server.why("the operator's files"), ["assert-answers-within"], "{scope}");
        // What the operator's defaults would break is proven of those that they answer.
        let place = place_with_map("");
        place.write("addrmaps/rules.toml", &rule(scope));
        let mut server = place.start();
        place.write("addrmaps/main.toml", &anycast("192.0.2.100"));
        server.follow();
        assert_eq!(server.held(), ["the operator's files"], "{scope}");
        assert_eq!(server.why("the operator's files"), ["assert-answers-within"], "{scope}");
    }
}

fn place_with_map(acme: &str) -> Place {
    let place = place(Guards::default());
    place.write("zones/acme/a.example.zone", &exposed("1"));
    place.write("zones/acme/sub.example.zone", &zone("1"));
    place.write("addrmaps/acme/maps.toml", acme);
    for zone in ["zones/three.example.zone", "zones/four.example.zone"] {
        place.write(zone, &exposed("1"));
    }
    place
}

/// A zone that goes after its map changed within the hour loses its names once.
#[test]
fn what_went_after_its_map_changed_counts_once() {
    let place = place(Guards { names_changed: Share { percent: 45, floor: 4 }, ..NO_GUARDS });
    let other = "zones/acme/other.example.zone";
    place.write(other, &hundred("1", 0..0, 0..0));
    place.write("addrmaps/acme/other.toml", &map("other", "203.0.113.3", "zones = [\"other.example\"]"));
    place.write("zones/acme/third.example.zone", &hundred("1", 0..100, 0..0));
    let mut server = place.start();
    place.write("addrmaps/acme/other.toml", &map("other", "203.0.113.4", "zones = [\"other.example\"]"));
    server.publishes();
    place.remove(other);
    place.write("addrmaps/acme/other.toml", &map("other", "203.0.113.4", ""));
    server.follow();
    assert_eq!(server.held(), [""; 0]);
    assert_eq!(server.version("other.example"), "REFUSED");
}
