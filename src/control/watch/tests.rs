//! Real files, real events: each way of writing ends in a batch that names the right paths, and never too early.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::*;

/// No test waits as long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is told is told in order: when this file is, all that happened before it has been.
const SENTINEL: &str = "zones/sentinel.zone";

/// Both trees in a folder of their own, under watch.
struct Scene {
    top: tempfile::TempDir,
    signals: mpsc::Receiver<Signal>,
    watch: Watch,
    /// Files that the test holds open for writing.
    open: BTreeSet<PathBuf>,
    batches: Vec<Batch>,
}

impl Scene {
    /// Watches what `prepare` leaves behind.
    fn new(prepare: impl FnOnce(&Path)) -> Scene {
        let top = tempfile::tempdir().unwrap();
        prepare(top.path());
        if !top.path().join("zones").is_symlink() {
            fs::create_dir_all(top.path().join("zones/acme")).unwrap();
            fs::create_dir_all(top.path().join("addrmaps")).unwrap();
        }
        let sources = Sources { zones: top.path().join("zones"), addrmaps: top.path().join("addrmaps") };
        let (sender, signals) = mpsc::channel();
        let tell = move |signal| drop(sender.send(signal));
        let watch = Watch::start(&sources, WatchMode::Events, Instant::now(), tell);
        assert_eq!(watch.watching(), Watching::Events, "{:?}", watch.trouble());
        Scene { top, signals, watch, open: BTreeSet::new(), batches: Vec::new() }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.top.path().join(below)
    }

    fn write(&self, below: &str, content: &str) {
        fs::write(self.path(below), content).unwrap();
    }

    /// Runs a shell in the top folder.
    fn sh(&self, script: &str) {
        sh(self.top.path(), script);
    }

    /// Takes batches until the condition holds for all that came since the last call.
    fn until(&mut self, what: &str, done: impl Fn(&Scene) -> bool) -> BTreeSet<String> {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "never: {what}; so far {:?}", self.batches);
            let until =
                self.watch.deadline().map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
            if let Ok(signal) = self.signals.recv_timeout(until.min(Duration::from_millis(50))) {
                self.watch.hear(Instant::now(), signal);
            }
            while let Ok(signal) = self.signals.try_recv() {
                self.watch.hear(Instant::now(), signal);
            }
            if let Some(batch) = self.watch.take(Instant::now()) {
                let early: Vec<_> = batch.paths.intersection(&self.open).collect();
                assert!(early.is_empty(), "still open: {early:?}");
                self.batches.push(batch);
            }
        }
        let paths = self.seen();
        self.batches.clear();
        paths
    }

    /// Takes batches until all paths were in one; tells all that were.
    fn until_seen(&mut self, paths: &[&str]) -> BTreeSet<String> {
        let expected: BTreeSet<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        self.until(&format!("{paths:?}"), |scene| scene.seen().is_superset(&expected))
    }

    /// Takes batches until all that happened before was in one; these paths and no others were.
    fn until_only(&mut self, paths: &[&str]) {
        self.write(SENTINEL, "");
        let mut seen = self.until_seen(&[paths, &[SENTINEL]].concat());
        seen.remove(SENTINEL);
        assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), paths);
    }

    /// The paths of all batches since the last call, below the top folder.
    fn seen(&self) -> BTreeSet<String> {
        let paths = self.batches.iter().flat_map(|batch| &batch.paths);
        paths.map(|path| path.strip_prefix(self.top.path()).unwrap_or(path).display().to_string()).collect()
    }

    /// Takes batches until all that happened before was in one, unless something holds it back.
    fn settle(&mut self) -> BTreeSet<String> {
        self.write(SENTINEL, "");
        self.until_seen(&[SENTINEL])
    }
}

fn sh(folder: &Path, script: &str) {
    let mut command = Command::new("sh");
    command.args(["-e", "-c", script]).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "n").env(format!("GIT_{who}_EMAIL"), "n@example.com");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

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
    if !has("rsync") {
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
    let mut writer =
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
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

/// As Kubernetes lays out a ConfigMap: all files of a version in a folder, exchanged by renaming one link.
fn config_map(folder: &Path, version: &str, names: &[&str]) {
    fs::create_dir_all(folder.join(version)).unwrap();
    for name in names {
        fs::write(folder.join(version).join(name), version).unwrap();
        let link = folder.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    symlink(version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[test]
fn the_exchange_of_a_config_map_is_noticed() {
    for place in ["zones/acme", "zones"] {
        let mut scene = Scene::new(|top| config_map(&top.join(place), "..1", &["a.zone", "b.zone"]));
        let [a, b, c] = ["a.zone", "b.zone", "c.zone"].map(|name| format!("{place}/{name}"));
        for version in 2..5 {
            let folder = scene.path(place);
            config_map(&folder, &format!("..{version}"), &["a.zone", "b.zone"]);
            fs::remove_dir_all(folder.join(format!("..{}", version - 1))).unwrap();
            scene.until_only(&[&a, &b]);
        }
        config_map(&scene.path(place), "..5", &["a.zone", "b.zone", "c.zone"]);
        scene.until_only(&[&a, &b, &c]);
        // Somebody edits it in place.
        scene.write(&format!("{place}/..5/c.zone"), "edited");
        scene.until_only(&[&c]);
        // A version without the file: the link leads nowhere, then it goes.
        config_map(&scene.path(place), "..6", &["a.zone", "b.zone"]);
        fs::remove_file(scene.path(&c)).unwrap();
        scene.until_only(&[&a, &b, &c]);
    }
}

#[test]
fn the_exchange_of_a_linked_root_is_noticed() {
    let lay_out = |top: &Path, version: &str| {
        fs::create_dir_all(top.join(version).join("zones/acme")).unwrap();
        fs::create_dir_all(top.join(version).join("addrmaps")).unwrap();
        fs::write(top.join(version).join("zones/acme/a.zone"), version).unwrap();
    };
    // Once the folders themselves are links, once a folder on the way is.
    for direct in [true, false] {
        let mut scene = Scene::new(|top| {
            lay_out(top, "1");
            symlink("1", top.join("now")).unwrap();
            let target = if direct { "1" } else { "now" };
            for tree in ["zones", "addrmaps"] {
                symlink(format!("{target}/{tree}"), top.join(tree)).unwrap();
            }
        });
        for version in ["2", "3"] {
            lay_out(scene.top.path(), version);
            match direct {
                true => scene.sh(&format!("ln -s {version}/zones new; mv -T new zones")),
                false => scene.sh(&format!("ln -s {version} new; mv -T new now")),
            }
            scene.until_seen(&["zones"]);
            scene.settle();
            scene.write("zones/acme/a.zone", "edited");
            scene.until_only(&["zones/acme/a.zone"]);
        }
    }
}

#[test]
fn the_root_that_goes_and_comes_back_is_noticed() {
    let mut scene = Scene::new(|_| {});
    scene.sh("mv zones away");
    scene.until_seen(&["zones"]);
    scene.sh("rm -r addrmaps");
    scene.until_seen(&["addrmaps"]);
    scene.sh("mv away zones; mkdir addrmaps; echo x > addrmaps/a.toml");
    scene.until_seen(&["addrmaps", "zones"]);
    scene.settle();
    scene.write("zones/acme/a.zone", "x");
    scene.until_only(&["zones/acme/a.zone"]);
}

#[test]
fn a_file_that_another_names_is_followed_wherever_it_lies() {
    let mut scene = Scene::new(|top| {
        fs::create_dir(top.join("shared")).unwrap();
        fs::write(top.join("shared/real.inc"), "x").unwrap();
        symlink("real.inc", top.join("shared/link.inc")).unwrap();
    });
    let files = ["shared/link.inc", "shared/missing.inc"].map(|name| scene.path(name));
    scene.watch.follow(files.iter().map(PathBuf::as_path));
    // Either may have changed since it was read.
    scene.until_only(&["shared/link.inc", "shared/missing.inc"]);
    scene.watch.follow(files.iter().map(PathBuf::as_path));
    scene.write("shared/nobody.inc", "x");
    scene.write("shared/real.inc", "y");
    scene.until_only(&["shared/link.inc"]);
    scene.write("shared/missing.inc", "y");
    scene.until_only(&["shared/missing.inc"]);
    scene.sh("ln -s missing.inc shared/new; mv -T shared/new shared/link.inc");
    scene.until_only(&["shared/link.inc"]);
    scene.write("shared/missing.inc", "z");
    scene.until_only(&["shared/link.inc", "shared/missing.inc"]);
}

#[test]
fn links_do_not_lead_the_watch_out_of_an_account() {
    let mut scene = Scene::new(|top| {
        fs::create_dir_all(top.join("zones/acme")).unwrap();
        fs::create_dir_all(top.join("outside")).unwrap();
        symlink(top.join("outside"), top.join("zones/acme/folder")).unwrap();
        symlink(top.join("outside/a.zone"), top.join("zones/acme/a.zone")).unwrap();
        symlink("..", top.join("zones/acme/up")).unwrap();
        symlink(".", top.join("zones/acme/again")).unwrap();
    });
    scene.write("outside/a.zone", "x");
    assert_eq!(scene.settle(), BTreeSet::from([SENTINEL.to_owned()]));
    scene.write("zones/acme/b.zone", "x");
    assert!(scene.until_seen(&["zones/acme/b.zone"]).len() <= 4);
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
fn one_batch_means_one() {
    let mut scene = Scene::new(|top| sh(top, "git init -q ."));
    scene.write(".git/index.lock", "");
    for account in 0..10 {
        scene.write(&format!("zones/{account}.zone"), "x");
        // Not one of them is ready before git is done.
        scene.until("told", |scene| scene.watch.holds(&scene.path(&format!("zones/{account}.zone"))));
    }
    assert!(scene.watch.stale_lock().is_none());
    fs::remove_file(scene.path(".git/index.lock")).unwrap();
    scene.until("one batch of all", |scene| scene.batches.len() == 1 && scene.seen().len() == 10);
}

#[test]
fn after_an_overflow_everything_is_looked_at_and_watched() {
    let mut scene = Scene::new(|_| {});
    let overflow = notify::Event::new(notify::EventKind::Other).set_flag(notify::event::Flag::Rescan);
    scene.watch.thread.as_ref().unwrap().send(Message::Event(Ok(overflow))).unwrap();
    scene.until("everything", |scene| scene.batches.iter().any(|batch| batch.everything));
    assert_eq!(scene.watch.watching(), Watching::Events);
    scene.write("zones/acme/a.zone", "x");
    scene.until_only(&["zones/acme/a.zone"]);
}

#[test]
fn where_the_kernel_cannot_tell_files_are_polled() {
    let mut scene = Scene::new(|_| {});
    let limit = notify::Error::new(notify::ErrorKind::MaxFilesWatch);
    scene.watch.thread.as_ref().unwrap().send(Message::Event(Err(limit))).unwrap();
    scene.until("everything", |scene| scene.batches.iter().any(|batch| batch.everything));
    assert_eq!(scene.watch.watching(), Watching::Polling);
    assert!(scene.watch.trouble().unwrap().contains("max_user_watches"));
    scene.until("everything again", |scene| scene.batches.iter().any(|batch| batch.everything));
}

#[test]
fn polling_and_off_do_as_they_say() {
    let top = tempfile::tempdir().unwrap();
    let sources = Sources { zones: top.path().to_path_buf(), addrmaps: top.path().join("none") };
    let start = Instant::now();
    let mut watch = Watch::start(&sources, WatchMode::Poll, start, |_| {});
    assert_eq!((watch.watching(), watch.trouble()), (Watching::Polling, None));
    assert_eq!(watch.take(start), None);
    for round in 1..4 {
        assert_eq!(watch.deadline(), Some(start + POLL * round));
        let batch = watch.take(start + POLL * round).unwrap();
        assert!(batch.everything && batch.paths.is_empty());
    }
    let mut watch = Watch::start(&sources, WatchMode::Off, start, |_| {});
    assert_eq!((watch.watching(), watch.deadline()), (Watching::Off, None));
    watch.look_again(start);
    assert_eq!(watch.take(start + PATIENCE), None);
}

#[test]
fn everything_is_looked_at_now_and_then_whatever_is_told() {
    let mut scene = Scene::new(|_| {});
    let later = Instant::now() + RESCAN;
    assert!(scene.watch.take(later).unwrap().everything);
    assert_eq!(scene.watch.deadline(), Some(later + RESCAN));
    scene.watch.look_again(later);
    assert_eq!(scene.watch.deadline(), Some(later + POLL));
}

#[test]
fn a_lock_of_git_that_is_stale_is_told() {
    let mut scene = Scene::new(|top| sh(top, "git init -q .; : > .git/index.lock"));
    scene.write("zones/acme/a.zone", "x");
    scene.until("told", |scene| scene.watch.holds(&scene.path("zones/acme")));
    let now = Instant::now() + Duration::from_secs(1);
    assert_eq!(scene.watch.take(now), None);
    assert_eq!(scene.watch.stale_lock(), None);
    let later = now + Duration::from_secs(10);
    assert!(scene.watch.take(later).is_some());
    assert!(scene.watch.stale_lock().is_some());
    fs::remove_file(scene.path(".git/index.lock")).unwrap();
    assert!(scene.watch.take(later + RESCAN).is_some());
    assert_eq!(scene.watch.stale_lock(), None);
}
