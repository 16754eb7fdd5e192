//! The number of what is served: the same for the same, however it came about.

use super::*;

const MAPS: &str = "addrmaps/acme/eu.toml";

fn content(running: &Running) -> String {
    running.engine.snapshot().content.to_string()
}

#[test]
fn servers_that_serve_equal_files_at_equal_paths_say_the_same() {
    let (one, two) = ("zones/acme/one.example.zone", "zones/two.example.zone");
    let eu = map("eu", "203.0.113.1", "account_wide = true");
    let defaults = anycast("192.0.2.1");
    let all = [(one, &*zone("1")), (two, &*zone("2")), (MAPS, &*eu), ("addrmaps/main.toml", &*defaults)];
    let at_once = Place::with(&all).start();
    // Another server comes to the same on a way of its own.
    let place = Place::with(&[(two, &zone("1")), ("addrmaps/main.toml", &defaults)]);
    let mut running = place.start();
    let mut seen = vec![content(&at_once), content(&running)];
    for (path, text) in
        [(one, zone("1")), (two, zone("3")), (MAPS, eu.clone()), ("zones/acme/account.toml", "".into())]
    {
        place.write(path, &text);
        running.publishes();
        seen.push(content(&running));
    }
    let before = content(&running);
    place.remove("zones/acme/account.toml");
    place.write(two, &zone("2"));
    running.publishes();
    assert_eq!(content(&running), content(&at_once));
    assert_ne!(running.engine.snapshot().generation, 0);
    seen.push(before);
    seen.dedup();
    seen.sort();
    let all = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), all, "different contents say the same: {seen:?}");
    // It is of paths and contents: swapped they are another thing.
    let swapped = Place::with(&[
        (one, &*zone("2")),
        (two, &*zone("1")),
        (MAPS, &*eu),
        ("addrmaps/main.toml", &*defaults),
    ]);
    assert_ne!(content(&swapped.start()), content(&at_once));
}

#[test]
fn what_is_held_does_not_count_and_a_restart_says_the_same() {
    let path = "zones/acme/one.example.zone";
    let main = format!(
        "{}{}",
        anycast("192.0.2.1"),
        operators_map("by-us", "acme", "192.0.2.7", "account_wide = true")
    );
    let place = Place::with(&[(path, &zone("1")), ("addrmaps/main.toml", &main)]);
    let mut running = place.start();
    let first = content(&running);
    place.write(path, BROKEN);
    running.follow();
    assert_eq!((running.held().len(), content(&running)), (1, first.clone()));
    // The operator's file moves on, the account that is held stays as it was: that is neither this state nor that.
    place.write("addrmaps/main.toml", &main.replace("192.0.2.1\"", "192.0.2.2\""));
    running.follow();
    let mixed = content(&running);
    assert_ne!(mixed, first);
    drop(running);
    let mut running = place.start();
    assert_eq!(content(&running), mixed);
    place.write(path, &zone("1"));
    running.publishes();
    let caught_up = content(&running);
    assert!(caught_up != mixed && caught_up != first);
    drop(running);
    assert_eq!(content(&place.start()), caught_up);
}

#[test]
fn an_immutable_map_that_only_memory_holds_counts() {
    let immutable = operators_map("fixed", "acme", "192.0.2.7", "immutable = true");
    let files = [("zones/acme/one.example.zone", &*zone("1")), ("addrmaps/fixed.toml", &*immutable)];
    let place = Place::with(&files);
    let mut running = place.start();
    place.write("addrmaps/fixed.toml", "");
    running.follow();
    let fresh = Place::with(&[files[0], ("addrmaps/fixed.toml", "")]);
    let fresh = fresh.start();
    assert_ne!(running.a("www.one.example"), fresh.a("www.one.example"));
    assert_ne!(content(&running), content(&fresh));
    running.engine.forget_map(&crate::model::MapId::new("fixed").unwrap(), "test").unwrap();
    assert_eq!(running.a("www.one.example"), fresh.a("www.one.example"));
    assert_eq!(content(&running), content(&fresh));
}
