//! The state cannot be written.

use super::holds::{ONE, digest, exposed};
use super::*;
use crate::control::report::Why;
use crate::control::state::tests::fault;

#[test]
fn what_cannot_be_remembered_is_refused_until_it_can() {
    let place = Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
    ]);
    let mut server = place.start();
    let before = server.engine.snapshot();
    // The pack is gone while it is open.
    place.rename("state/pack", "pack");
    place.write("zones/acme/one.example.zone", &zone("2"));
    let change = server.follow();
    assert_eq!(change.outcome, Outcome::Refused);
    assert!(change.problems.iter().any(|problem| problem.code == "state-not-written"), "{change:?}");
    assert_eq!(before.differences(&server.engine.snapshot()), []);
    assert!(server.engine.state_error().is_some());
    assert!(!server.engine.is_in_sync());
    assert!(server.engine.has_unfinished());
    // Tried again without being told of anything.
    let nothing = Ask::Paths(BTreeSet::new());
    assert_eq!(server.follow_as(&nothing, How::default()).outcome, Outcome::Refused);
    place.rename("pack", "state/pack");
    assert_eq!(server.follow_as(&nothing, How::default()).outcome, Outcome::Published);
    assert_eq!(server.version("one.example"), "NOERROR 2");
    assert!(server.engine.state_error().is_none() && server.engine.is_in_sync());
    assert!(!server.engine.has_unfinished());
    drop(server);
    assert_eq!(place.start().version("one.example"), "NOERROR 2");
}

#[test]
fn a_reload_without_state_publishes_and_is_remembered_later() {
    let place = Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
    ]);
    let mut server = place.start();
    place.rename("state/pack", "pack");
    place.write("zones/acme/one.example.zone", &zone("2"));
    let how = How { without_state: true, ..How::default() };
    assert_eq!(server.follow_as(&Ask::Everything, how).outcome, Outcome::Published);
    assert_eq!(server.version("one.example"), "NOERROR 2");
    assert!(server.engine.has_unfinished());
    // What is served without being remembered is still known: settings recompile it.
    place.write("zones/acme/account.toml", "enforce_dns_only = true");
    assert_eq!(server.follow_as(&Ask::Everything, how).outcome, Outcome::Published);
    assert_eq!(
        (server.version("one.example"), server.a("www.one.example")),
        ("NOERROR 2".into(), "NOERROR stored 198.51.100.1".into())
    );
    place.rename("pack", "state/pack");
    place.write("zones/globex/four.example.zone", &zone("2"));
    server.publishes();
    assert!(!server.engine.has_unfinished());
    let before = server.engine.snapshot();
    drop(server);
    let server = place.start();
    assert_eq!(before.differences(&server.engine.snapshot()), []);
    assert_eq!(
        (server.version("one.example"), server.version("four.example")),
        ("NOERROR 2".into(), "NOERROR 2".into())
    );
}

/// Once the state can be written again, what was published without it is written, even if nothing else changes.
#[test]
fn what_was_published_without_the_state_is_remembered_without_another_change() {
    let place = Place::with(&[("zones/acme/one.example.zone", &zone("1"))]);
    let mut server = place.start();
    place.rename("state/pack", "pack");
    place.write("zones/acme/one.example.zone", &zone("2"));
    server.follow_as(&Ask::Everything, How { without_state: true, ..How::default() });
    place.rename("pack", "state/pack");
    server.follow_as(&Ask::Paths(BTreeSet::new()), How::default());
    assert!(!server.engine.has_unfinished());
    drop(server);
    assert_eq!(place.start().version("one.example"), "NOERROR 2");
}

#[test]
fn want_of_descriptors_is_tried_again_until_there_are_some() {
    let place = Place::with(&[("zones/a.example.zone", &zone("1"))]);
    let mut server = place.start();
    server.follow();
    assert!(!server.engine.has_unfinished() && !server.engine.has_descriptors_again());
    let file = crate::model::Place::file(&"zones".into());
    let found = crate::model::Diagnostic::error("no-descriptors", file, String::new());
    server.engine.faults.push(found);
    // The folders can be listed: a look would find that it has passed.
    assert!(server.engine.has_unfinished() && server.engine.has_descriptors_again());
    assert!(server.engine.try_again().is_none(), "nothing is looked at without the watch");
    server.follow();
    assert!(!server.engine.has_unfinished());
}

#[test]
fn a_first_start_without_a_state_speaks_of_no_earlier_one() {
    let place = Place::with(&[("zones/a.example.zone", &zone("1"))]);
    let mut server = place.start();
    assert_eq!(server.engine.store.restart(), "a restart serves an earlier state");
    drop(server);
    fs::remove_dir_all(place.path("state")).unwrap();
    fs::create_dir(place.path("state")).unwrap();
    let opened = Engine::start_with(
        place.sources(),
        &place.path("state"),
        StartFrom::State,
        Rules::default(),
        place.seed.clone(),
        Default::default(),
    );
    server = Running { engine: opened.unwrap().0, first: Change::default() };
    assert_eq!(server.engine.store.restart(), "a restart begins with the files again, as for the first time");
    server.engine.remember_start();
    assert_eq!(server.engine.store.restart(), "a restart serves an earlier state");
    drop(server);
    assert_eq!(place.start().engine.store.restart(), "a restart serves an earlier state");
}

/// The disk fills up at any octet of what an approval, a rollback and a resume would write: each is refused and says why, and
/// what is served, held, approved and pinned is as before, after a restart as well. With room each goes through.
#[test]
fn commands_are_refused_whole_wherever_the_disk_is_full() {
    let place = holds::place();
    let mut server = place.start();
    place.write(ONE, &zone("2"));
    server.publishes();
    place.write(ONE, &exposed("3"));
    server.follow();
    let digest = digest(&server);
    type Command = Box<dyn Fn(&mut Running) -> Result<Change, String>>;
    let commands: [(&str, Command); 3] = [
        ("NOERROR 3", Box::new(move |server: &mut Running| server.approve(&digest))),
        ("NOERROR 2", Box::new(|server: &mut Running| server.roll_back(None, None))),
        (
            "NOERROR 4",
            Box::new(|server: &mut Running| server.engine.resume(None, &mut crate::control::look::Open)),
        ),
    ];
    let stands = |server: &Running| {
        let held = server.engine.held().into_iter();
        let held: Vec<(String, Why, Option<String>)> =
            held.map(|held| (held.unit, held.why, held.digest)).collect();
        (server.version("one.example"), held, server.engine.books.standing.clone())
    };
    for (then, command) in commands {
        if then == "NOERROR 4" {
            place.write(ONE, &zone("4"));
            server.follow();
        }
        let (before, mut octets) = (stands(&server), 0);
        loop {
            let served = server.engine.snapshot();
            fault::after(octets);
            let change = command(&mut server);
            fault::after(u64::MAX);
            let change = change.unwrap();
            if change.outcome == Outcome::Published {
                break;
            }
            assert_eq!(change.outcome, Outcome::Refused, "{octets}: {change:?}");
            let told = change.problems.iter().find(|problem| problem.code == "state-not-written");
            let told = &told.unwrap_or_else(|| panic!("{octets}: {change:?}")).message;
            assert!(told.contains("cannot be remembered: cannot write"), "{told}");
            assert!(std::sync::Arc::ptr_eq(&served, &server.engine.snapshot()), "{octets}");
            assert_eq!(stands(&server), before, "{octets}");
            if octets % 100 == 0 {
                drop(server);
                server = place.start();
                server.follow();
                assert_eq!(stands(&server), before, "{octets}, started again");
            }
            octets += 5;
        }
        assert!(octets > 200, "{then}: {octets}");
        assert_eq!(server.version("one.example"), then);
    }
    assert_eq!(server.held(), [""; 0]);
    assert!(server.engine.books.standing.pins.is_empty());
}
