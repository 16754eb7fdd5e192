//! Folders that are gone, empty or not to be read, links and names.

use std::os::unix::fs::symlink;

use super::*;

fn place() -> Place {
    Place::with(&[
        ("zones/one.example.zone", &zone("1")),
        ("zones/acme/two.example.zone", &zone("1")),
        ("addrmaps/acme/maps.toml", &map("m", "203.0.113.1", "account_wide = true")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
    ])
}

#[test]
fn a_folder_that_vanishes_changes_nothing() {
    for (folder, empty, code) in
        [("zones", false, "folder-gone"), ("zones", true, "folder-empty"), ("addrmaps", false, "folder-gone")]
    {
        let place = place();
        let mut server = place.start();
        let before = server.engine.snapshot();
        place.rename(folder, "aside");
        if empty {
            fs::create_dir(place.path(folder)).unwrap();
        }
        for _ in 0..2 {
            let change = server.follow();
            assert_eq!(change.outcome, Outcome::Refused, "{folder}");
            assert_eq!(change.problems[0].code, code);
            assert_eq!(before.differences(&server.engine.snapshot()), [], "{folder}");
        }
        assert!(!server.engine.is_in_sync());
        if empty {
            fs::remove_dir(place.path(folder)).unwrap();
        }
        place.rename("aside", folder);
        place.write("zones/one.example.zone", &zone("2"));
        server.publishes();
        assert!(server.engine.is_in_sync());
        assert_eq!(server.version("one.example"), "NOERROR 2");
    }
}

/// What cannot be read is not what is gone.
#[test]
fn what_cannot_be_read_holds_its_unit() {
    for (path, target, unit) in [
        ("zones/acme/two.example.zone", "nowhere", "account acme"),
        ("zones/acme/two.example.zone", "../one.example.zone", "account acme"),
        ("zones/acme/new.example.zone", "../one.example.zone", "account acme"),
        ("zones/acme/folder", "../..", "account acme"),
        ("addrmaps/acme/maps.toml", "../main.toml", "account acme"),
        ("zones/one.example.zone", "nowhere", "zone one.example."),
        ("addrmaps/main.toml", "nowhere", "the operator's files"),
    ] {
        let place = place();
        let mut server = place.start();
        let before = server.engine.snapshot();
        if exists(&place.path(path)) {
            place.rename(path, "aside");
        }
        symlink(target, place.path(path)).unwrap();
        server.follow();
        assert_eq!(server.held(), [unit], "{path} to {target}");
        assert_eq!(before.differences(&server.engine.snapshot()), [], "{path} to {target}");
        place.remove(path);
        if exists(&place.path("aside")) {
            place.rename("aside", path);
        }
        server.follow();
        assert_eq!(server.held(), [""; 0], "{path} to {target}");
        assert!(server.engine.is_in_sync(), "{path} to {target}");
        assert_eq!(before.differences(&server.engine.snapshot()), [], "{path} to {target}");
    }
}

#[test]
fn links_within_an_account_are_followed() {
    let place = place();
    let mut server = place.start();
    place.write("zones/acme/.v1/two.example.zone", &zone("2"));
    place.write("zones/acme/.v2/two.example.zone", &zone("3"));
    place.remove("zones/acme/two.example.zone");
    symlink(".v1", place.path("zones/acme/now")).unwrap();
    server.publishes();
    assert_eq!(server.version("two.example"), "NOERROR 2");
    place.remove("zones/acme/now");
    symlink(".v2", place.path("zones/acme/now")).unwrap();
    server.publishes();
    assert_eq!(server.version("two.example"), "NOERROR 3");
}

#[test]
fn what_has_a_bad_name_is_told_and_holds_nothing() {
    let place = place();
    let mut server = place.start();
    place.write("zones/No Account/two.example.zone", &zone("2"));
    place.write("zones/acme/bad..name.zone", &zone("2"));
    place.write("zones/one.example.zone", &zone("2"));
    let change = server.publishes();
    let mut codes: Vec<&str> = change.problems.iter().map(|problem| &*problem.code).collect();
    codes.sort();
    assert_eq!(codes, ["bad-account-folder", "bad-zone-file-name"]);
    assert_eq!(
        (server.version("one.example"), server.version("two.example")),
        ("NOERROR 2".into(), "NOERROR 1".into())
    );
}
