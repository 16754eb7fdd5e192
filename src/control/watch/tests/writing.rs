//! The ways of writing files.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;

use super::*;

#[test]
fn every_way_of_writing_one_file_is_noticed() {
    let mut scene = Scene::new(|top| {
        fs::create_dir_all(top.join("zones/acme")).unwrap();
        fs::write(top.join("zones/acme/a.zone"), "old").unwrap();
        fs::write(top.join("other.zone"), "a longer content").unwrap();
    });
    for (script, expected) in [
        ("echo x > zones/acme/a.zone", &["zones/acme/a.zone"][..]),
        ("echo x >> zones/acme/a.zone", &["zones/acme/a.zone"]),
        ("echo x > zones/acme/.a; mv zones/acme/.a zones/acme/a.zone", &["zones/acme/a.zone"]),
        ("echo x > out; mv out zones/acme/a.zone", &["zones/acme/a.zone"]),
        ("cp other.zone zones/acme/a.zone", &["zones/acme/a.zone"]),
        ("cp -p other.zone zones/acme/b.zone", &["zones/acme/b.zone"]),
        ("install -m 600 other.zone zones/acme/a.zone", &["zones/acme/a.zone"]),
        ("chmod 644 zones/acme/a.zone", &["zones/acme/a.zone"]),
        ("touch zones/acme/empty.zone", &["zones/acme/empty.zone"]),
        ("ln other.zone zones/acme/hard.zone", &["zones/acme/hard.zone"]),
        ("ln -s a.zone zones/acme/soft.zone", &["zones/acme/soft.zone"]),
        ("ln -sfn b.zone zones/acme/soft.zone", &["zones/acme/soft.zone"]),
        ("echo y > zones/acme/b.zone", &["zones/acme/b.zone", "zones/acme/soft.zone"]),
        ("rm zones/acme/empty.zone", &["zones/acme/empty.zone"]),
        ("mv zones/acme/hard.zone zones/acme/moved.zone", &["zones/acme/hard.zone", "zones/acme/moved.zone"]),
        ("echo x > addrmaps/m.toml", &["addrmaps/m.toml"]),
        ("echo x > zones/top.zone", &["zones/top.zone"]),
        ("rm zones/acme/a.zone; echo x > zones/acme/a.zone", &["zones/acme/a.zone"]),
    ] {
        scene.sh(script);
        scene.write(SENTINEL, "");
        let mut seen = scene.until_seen(&[expected, &[SENTINEL]].concat());
        seen.remove(SENTINEL);
        // `ln -sfn` makes its link under a name of its own first.
        let seen: Vec<_> =
            seen.iter().filter(|path| path.ends_with(".zone") || path.ends_with(".toml")).collect();
        assert_eq!(seen, expected, "{script}");
        assert_eq!(scene.watch.being_written().count(), 0, "{script}");
    }
}

#[test]
fn rsync_is_noticed() {
    if Command::new("rsync").arg("--version").output().is_err() {
        eprintln!("skipped: rsync is not installed");
        return;
    }
    let mut scene = Scene::new(|top| {
        fs::create_dir_all(top.join("from/acme/deep")).unwrap();
        for name in ["acme/a.zone", "acme/deep/b.zone", "c.zone"] {
            fs::write(top.join("from").join(name), name).unwrap();
        }
    });
    scene.sh("rsync -a from/ zones/");
    // The folder may have been filled before it was watched: then it stands for what is in it.
    let told = |scene: &Scene| {
        let seen = scene.seen();
        seen.contains("zones/acme/a.zone")
            && seen.contains("zones/acme/deep")
            && seen.contains("zones/c.zone")
    };
    scene.until("rsync's files", told);
    for option in ["", "--inplace"] {
        scene.sh(&format!(
            "echo 'another content {option}' > from/acme/a.zone; rsync -a {option} from/ zones/"
        ));
        scene.until_seen(&["zones/acme/a.zone"]);
    }
    scene.sh("rm from/c.zone; rsync -a --delete from/ zones/");
    scene.until_seen(&["zones/c.zone"]);
}

#[test]
fn a_file_that_is_being_written_is_in_no_batch() {
    let mut scene = Scene::new(|top| {
        fs::create_dir_all(top.join("zones/acme")).unwrap();
        fs::write(top.join("zones/acme/old.zone"), "old").unwrap();
    });
    for name in ["zones/acme/new.zone", "zones/acme/old.zone", "zones/lone.zone"] {
        let path = scene.path(name);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        scene.open.insert(path.clone());
        scene.write("zones/acme/beside.zone", "x");
        scene.write("zones/other.zone", "x");
        let seen = scene.until_seen(&["zones/other.zone"]);
        assert_eq!(seen.contains("zones/acme/beside.zone"), name == "zones/lone.zone", "{seen:?}");
        assert_eq!(scene.watch.being_written().collect::<Vec<_>>(), [path.as_path()]);
        assert!(scene.watch.holds(&path));
        file.write_all(b"whole").unwrap();
        drop(file);
        scene.open.clear();
        scene.until_seen(&[name]);
        assert_eq!(scene.watch.being_written().count(), 0);
    }
}

#[test]
fn a_writer_that_is_killed_has_closed_its_file() {
    let mut scene = Scene::new(|_| {});
    let script = "exec 3> zones/acme/a.zone; echo half >&3; echo ready; read never";
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(scene.top.path());
    let mut writer = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let path = scene.path("zones/acme/a.zone");
    scene.until("being written", |scene| scene.watch.being_written().any(|open| open == path));
    scene.open.insert(path);
    scene.settle();
    writer.kill().unwrap();
    writer.wait().unwrap();
    scene.open.clear();
    scene.until_only(&["zones/acme/a.zone"]);
}

#[test]
fn a_new_account_with_files_written_at_once_is_noticed() {
    let mut scene = Scene::new(|_| {});
    for round in 0..5 {
        let account = format!("new{round}");
        fs::create_dir_all(scene.path("zones").join(&account).join("deep/deeper")).unwrap();
        for name in ["a.zone", "deep/b.zone", "deep/deeper/c.zone"] {
            scene.write(&format!("zones/{account}/{name}"), "x");
        }
        let folder = format!("zones/{account}");
        scene.until_seen(&[&folder, &format!("{folder}/a.zone")]);
        scene.settle();
        // And it is watched from now on.
        let inner = format!("{folder}/deep/deeper/c.zone");
        scene.write(&inner, "y");
        scene.until_only(&[&inner]);
    }
}

#[test]
fn a_new_account_waits_for_the_file_that_is_being_written_in_it() {
    let mut scene = Scene::new(|_| {});
    fs::create_dir(scene.path("zones/new")).unwrap();
    let path = scene.path("zones/new/a.zone");
    let mut file = File::create(&path).unwrap();
    scene.until("told", |scene| scene.watch.holds(&scene.path("zones/new")));
    file.write_all(b"half").unwrap();
    scene.until("being written", |scene| scene.watch.being_written().any(|open| open == path));
    scene.open.extend([path, scene.path("zones/new")]);
    scene.settle();
    drop(file);
    scene.open.clear();
    scene.until_seen(&["zones/new", "zones/new/a.zone"]);
}

#[test]
fn a_folder_that_goes_and_comes_back_is_noticed_and_watched() {
    let mut scene = Scene::new(|top| {
        fs::create_dir_all(top.join("zones/acme/deep")).unwrap();
        fs::write(top.join("zones/acme/deep/a.zone"), "x").unwrap();
    });
    for (away, back) in [
        ("mv zones/acme away", "mv away zones/acme"),
        ("cp -r zones/acme away; rm -r zones/acme", "mv away zones/acme"),
    ] {
        scene.sh(away);
        scene.until_seen(&["zones/acme"]);
        assert!(!scene.path("zones/acme").exists());
        scene.sh(back);
        scene.until_seen(&["zones/acme"]);
        scene.write("zones/acme/deep/a.zone", away);
        scene.until_only(&["zones/acme/deep/a.zone"]);
    }
    // So fast that it is one change.
    scene.sh("mv zones/acme away; mv away zones/acme");
    scene.until_only(&["zones/acme"]);
    scene.write("zones/acme/deep/a.zone", "y");
    scene.until_only(&["zones/acme/deep/a.zone"]);
}

#[test]
fn a_zone_that_moves_to_another_account_is_one_batch() {
    let mut scene = Scene::new(|top| {
        for account in ["acme", "globex"] {
            fs::create_dir_all(top.join("zones").join(account)).unwrap();
        }
        fs::write(top.join("zones/acme/a.zone"), "x").unwrap();
    });
    scene.sh("mv zones/acme/a.zone zones/globex/a.zone");
    scene.until("a batch", |scene| !scene.batches.is_empty());
    scene.sh("mv zones/globex/a.zone zones/acme/a.zone");
    scene.until("a batch of both", |scene| scene.batches.len() == 1 && scene.seen().len() == 2);
}

#[test]
fn names_that_are_left_out_wake_nobody() {
    let mut scene = Scene::new(|_| {});
    scene.sh(
        "mkdir zones/.git zones/acme/.hidden; echo x > zones/.git/a.zone; echo x > zones/acme/.hidden/a.zone",
    );
    scene.sh("cd zones/acme; for n in .a.zone a.zone~ a.zone.tmp .a.zone.swp; do echo x > $n; rm $n; done");
    // Nor does our own reading.
    fs::read_dir(scene.path("zones/acme")).unwrap().count();
    fs::read(scene.path("zones/.git/a.zone")).unwrap();
    assert_eq!(scene.settle(), BTreeSet::from([SENTINEL.to_owned()]));
    fs::read(scene.path(SENTINEL)).unwrap();
    fs::read_dir(scene.path("zones")).unwrap().count();
    scene.write("zones/acme/a.zone", "x");
    scene.until_only(&["zones/acme/a.zone"]);
}

#[test]
fn git_changes_hundreds_of_files_in_one_batch() {
    let mut scene = Scene::new(|top| {
        let script = "git init -q -b one .; mkdir -p zones addrmaps
            for a in 1 2 3 4 5; do mkdir zones/a$a; for f in $(seq 60); do echo one $f > zones/a$a/$f.zone; done; done
            git add .; git commit -q -m one; git checkout -q -b two
            for a in 1 2 3 4 5; do for f in $(seq 60); do echo second $f > zones/a$a/$f.zone; done; done
            git commit -q -a -m two; git checkout -q one";
        sh(top, script);
    });
    for branch in ["two", "one"] {
        scene.sh(&format!("git checkout -q {branch}"));
        scene.until("one batch of 300 files", |scene| scene.batches.len() == 1 && scene.seen().len() == 300);
        assert_eq!(scene.watch.being_written().count(), 0);
    }
}

#[test]
fn a_reader_of_a_link_is_no_writer() {
    let mut scene = Scene::new(|top| fs::write(top.join("real.zone"), "x").unwrap());
    // A file that is made complete elsewhere, takes its name and gives up the other one.
    for name in ["zones/acme/a.zone", "zones/acme/a.zone", "zones/acme/b.zone"] {
        scene.sh(&format!("rm -f {name}; ln real.zone {name}; rm real.zone"));
        scene.until_seen(&[name]);
        fs::read(scene.path(name)).unwrap();
        scene.settle();
        assert_eq!(scene.watch.being_written().count(), 0);
        scene.sh(&format!("cp {name} real.zone"));
    }
}

#[test]
fn a_new_file_is_being_written_before_anything_is_in_it() {
    let mut scene = Scene::new(|_| {});
    let path = scene.path("zones/acme/a.zone");
    let file = File::create(&path).unwrap();
    scene.open.insert(path.clone());
    scene.settle();
    assert!(scene.watch.being_written().any(|open| open == path));
    drop(file);
    scene.open.clear();
    scene.until_only(&["zones/acme/a.zone"]);
}

#[test]
fn only_what_may_be_missed_is_told_as_removed() {
    let scene =
        Scene::new(|top| sh(top, "mkdir -p zones/acme; cd zones/acme; echo x > a.zone; echo x > notes"));
    for (name, removed) in [("notes", false), ("a.zone", true)] {
        let path = scene.path("zones/acme").join(name);
        fs::remove_file(&path).unwrap();
        let Ok(Signal::Noted(told)) = scene.signals.recv_timeout(PATIENCE) else { panic!("nothing is told") };
        assert_eq!(told, if removed { Noted::Removed(path) } else { Noted::Changed(path) });
    }
}

#[test]
fn a_folder_whose_time_changes_wakes_nobody() {
    let mut scene = Scene::new(|_| {});
    scene.sh("touch zones zones/acme");
    assert_eq!(scene.settle(), BTreeSet::from([SENTINEL.to_owned()]));
    scene.sh("chmod 700 zones/acme");
    scene.until_only(&["zones/acme"]);
}
