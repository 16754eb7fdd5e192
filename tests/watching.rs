//! Every way of changing files, through the real binary: an edit becomes an answer, and a file that is being written
//! does not. Nothing here waits for a time to pass; what must come is asked for until it does.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use client::dns::Ask;
use client::server::{Server, portolan};
use nix::sys::signal::Signal;

/// No change takes so long unless it is lost.
const DEADLINE: Duration = Duration::from_secs(60);

/// A folder with the account `acme` and its zone `a.example`, served.
struct Scene {
    top: tempfile::TempDir,
    server: Option<Server>,
}

impl Scene {
    fn new(options: &[&str], prepare: impl FnOnce(&Path)) -> Scene {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join("state")).unwrap();
        prepare(top.path());
        if !top.path().join("zones").exists() {
            fs::create_dir_all(top.path().join("zones/acme")).unwrap();
            fs::write(top.path().join("zones/acme/a.example.zone"), zone("first")).unwrap();
        }
        fs::create_dir_all(top.path().join("addrmaps/acme")).unwrap();
        let server = Server::start_with(top.path(), &top.path().join("state"), options);
        let scene = Scene { top, server: Some(server) };
        // It answers when its watch stands: what is opened before that is not seen.
        assert_eq!(scene.code(&["status"]), Some(0));
        scene
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.top.path().join(below)
    }

    fn write(&self, below: &str, content: &str) {
        fs::create_dir_all(self.path(below).parent().unwrap()).unwrap();
        fs::write(self.path(below), content).unwrap();
    }

    fn sh(&self, script: &str) {
        let mut shell = Command::new("sh");
        shell.current_dir(self.top.path()).args(["-euc", script]).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let done = shell.stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "{script}: {done:?}");
    }

    /// The texts at a name, or the response code where there are none.
    fn text(&self, name: &str) -> String {
        let reply = Ask::new(name, 16).send(self.server().address).expect("an answer");
        match reply.sections[0].as_slice() {
            [] => format!("rcode {}", reply.rcode),
            records => records.iter().map(|record| record.rdata.trim_matches('"')).collect(),
        }
    }

    /// The addresses at a name, in order.
    fn addresses(&self, name: &str) -> String {
        let reply = Ask::new(name, 1).send(self.server().address).expect("an answer");
        let mut found: Vec<_> = reply.sections[0].iter().map(|record| record.rdata.clone()).collect();
        found.sort();
        found.join(" ")
    }

    /// Asks until the answer is the expected one.
    fn until(&self, what: &str, expected: &str, answer: impl Fn(&Scene) -> String) {
        let since = Instant::now();
        loop {
            let found = answer(self);
            if found == expected {
                return;
            }
            let status = || String::from_utf8(self.run(&["status"]).stdout).unwrap();
            assert!(since.elapsed() < DEADLINE, "{what}: {found} instead of {expected}\n{}", status());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks `a.example` until it has the text.
    fn until_a(&self, text: &str) {
        self.until(text, text, |scene| scene.text("a.example"));
    }

    /// Runs a command against the server.
    fn run(&self, arguments: &[&str]) -> Output {
        portolan().current_dir(self.top.path()).args(arguments).output().unwrap()
    }

    fn code(&self, arguments: &[&str]) -> Option<i32> {
        self.run(arguments).status.code()
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    fn stop(mut self) -> String {
        self.server.take().unwrap().stop()
    }
}

fn zone(text: &str) -> String {
    format!("{HEAD}@ TXT \"{text}\"\n")
}

const HEAD: &str = "$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n  NS ns\nns A 192.0.2.53\n\
                    www 1 A 198.51.100.1 ; cf_tags=cf-proxied:true\n";

fn map(address: &str, members: &str) -> String {
    format!("[[address_map]]\nid = \"eu\"\nenabled = true\nips = [\"{address}\"]\n{members}\n")
}

#[test]
fn a_file_written_in_any_way_is_served() {
    let scene = Scene::new(&[], |_| {});
    let file = "zones/acme/a.example.zone";
    scene.until_a("first");

    scene.write("zones/acme/.a.new", &zone("renamed over"));
    fs::rename(scene.path("zones/acme/.a.new"), scene.path(file)).unwrap();
    scene.until_a("renamed over");

    scene.write(file, &zone("truncated and written"));
    scene.until_a("truncated and written");

    for (text, command) in [
        ("copied", "cp new zones/acme/a.example.zone"),
        ("moved", "mv new zones/acme/a.example.zone"),
        ("linked", "ln -f new zones/acme/a.example.zone"),
        ("by a link", "cp new zones/acme/kept; ln -sfn kept zones/acme/a.example.zone"),
        ("behind the link", "cp new zones/acme/kept"),
        (
            "a link moved over",
            "cp new zones/acme/other; ln -s other zones/acme/.l; mv zones/acme/.l zones/acme/a.example.zone",
        ),
        ("deleted and created", "rm zones/acme/a.example.zone; cp new zones/acme/a.example.zone"),
        ("appended", "cp new zones/acme/a.example.zone; echo '; end' >> zones/acme/a.example.zone"),
        (
            "in place",
            "dd if=new of=zones/acme/a.example.zone conv=notrunc 2>&1; truncate -s $(stat -c %s new) zones/acme/a.example.zone",
        ),
        (
            "deep",
            "mkdir -p zones/acme/deep/er; cp new zones/acme/deep/er/a.example.zone; rm zones/acme/a.example.zone",
        ),
        (
            "folder swapped",
            "cp -r zones/acme there; cp new there/deep/er/a.example.zone; mv zones/acme gone; mv there zones/acme",
        ),
    ] {
        scene.write("new", &zone(text));
        scene.sh(command);
        scene.until_a(text);
    }
    assert_eq!(scene.code(&["status"]), Some(0));
    scene.stop();
}

#[test]
fn git_checks_out() {
    let scene = Scene::new(&[], |_| {});
    scene.sh("cd zones; git init -q; git config user.name t; git config user.email t@t.example; git checkout -qB one");
    for index in 0..50 {
        scene.write(&format!("zones/acme/g{index}.example.zone"), &zone("one"));
    }
    scene.sh("cd zones; git add .; git commit -qm one; git checkout -qb two; rm acme/g0.example.zone");
    for index in 1..50 {
        scene.write(&format!("zones/acme/g{index}.example.zone"), &zone("two"));
    }
    scene.write("zones/acme/new.example.zone", &zone("two"));
    scene.sh("cd zones; git add .; git commit -qam two");
    for (branch, first, new) in
        [("one", "one", "rcode 5"), ("two", "rcode 5", "two"), ("one", "one", "rcode 5")]
    {
        scene.sh(&format!("cd zones; git checkout -q {branch}"));
        scene.until(branch, branch, |scene| scene.text("g49.example"));
        scene.until("the zone of one branch", first, |scene| scene.text("g0.example"));
        scene.until("the zone of the other", new, |scene| scene.text("new.example"));
        assert!((1..50).all(|index| scene.text(&format!("g{index}.example")) == branch));
    }
    scene.stop();
}

#[test]
fn links_are_followed() {
    // As Kubernetes lays out a ConfigMap.
    let scene = Scene::new(&[], |top| {
        fs::create_dir_all(top.join("zones/acme/..1")).unwrap();
        fs::write(top.join("zones/acme/..1/a.example.zone"), zone("first")).unwrap();
        symlink("..1", top.join("zones/acme/..data")).unwrap();
        symlink("..data/a.example.zone", top.join("zones/acme/a.example.zone")).unwrap();
    });
    for number in 2..5 {
        scene.write(&format!("zones/acme/..{number}/a.example.zone"), &zone(&format!("number {number}")));
        let swap = format!(
            "cd zones/acme; ln -s ..{number} ..data_tmp; mv -T ..data_tmp ..data; rm -r ..{}",
            number - 1
        );
        scene.sh(&swap);
        scene.until_a(&format!("number {number}"));
    }
    scene.stop();

    // The whole folder is a link, to a release perhaps.
    let scene = Scene::new(&[], |top| {
        for release in ["one", "two"] {
            fs::create_dir_all(top.join(release).join("acme")).unwrap();
            fs::write(top.join(release).join("acme/a.example.zone"), zone(release)).unwrap();
        }
        symlink("one", top.join("zones")).unwrap();
    });
    scene.until_a("one");
    for release in ["two", "one", "two"] {
        scene.sh(&format!("ln -s {release} next; mv -T next zones"));
        scene.until_a(release);
    }
    scene.write("two/acme/a.example.zone", &zone("in the release"));
    scene.until_a("in the release");
    scene.stop();
}

#[test]
fn folders_come_and_go() {
    let scene = Scene::new(&[], |_| {});
    scene.write("zones/new/b.example.zone", &zone("came"));
    scene.until("a new account", "came", |scene| scene.text("b.example"));
    scene.write("zones/new/b.example.zone", &zone("changed"));
    scene.until("an edit in the new folder", "changed", |scene| scene.text("b.example"));
    fs::remove_dir_all(scene.path("zones/new")).unwrap();
    scene.until("the account is gone", "rcode 5", |scene| scene.text("b.example"));
    scene.write("zones/new/b.example.zone", &zone("back"));
    scene.until("the account is back", "back", |scene| scene.text("b.example"));
    // The zones folder as a whole is not given up.
    fs::rename(scene.path("zones"), scene.path("away")).unwrap();
    scene.until("told", "true", |scene| {
        scene.json(&["status"]).to_string().contains("folder-gone").to_string()
    });
    assert_eq!((scene.text("a.example"), scene.text("b.example")), ("first".into(), "back".into()));
    assert_eq!(scene.code(&["status"]), Some(1));
    fs::rename(scene.path("away"), scene.path("zones")).unwrap();
    scene.write("zones/acme/a.example.zone", &zone("the folder is back"));
    scene.until_a("the folder is back");
    scene.until("fine again", "Some(0)", |scene| format!("{:?}", scene.code(&["status"])));
    scene.stop();
}

/// What a name was mistyped for did not change, whatever is told of it.
#[test]
fn a_file_that_never_was_cannot_be_reloaded() {
    let scene = Scene::new(&["--watch", "off"], |_| {});
    scene.write("zones/acme/b.example.zone", &zone("b"));
    scene.write("zones/other/c.example.zone", &zone("c"));
    assert_eq!(scene.code(&["reload"]), Some(0));
    for mistyped in [
        "zones/nosuch.zone",
        "zones/acme/a.exmaple.zone",
        "zones/nobody/",
        "addrmaps/acme/eu.toml",
        "zones/acme/a.example.zone/b",
    ] {
        let ran = scene.run(&["reload", mistyped]);
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!((ran.status.code(), ran.stdout.len()), (Some(2), 0), "{mistyped}: {told}");
        assert!(told.starts_with("portolan: no such file or folder, and nothing is served"), "{told}");
    }
    fs::remove_file(scene.path("zones/acme/b.example.zone")).unwrap();
    fs::remove_dir_all(scene.path("zones/other")).unwrap();
    // Again where it is known no more: whoever follows the files may have been first.
    for what in ["zones/acme/b.example.zone", "zones/other"].into_iter().cycle().take(4) {
        let ran = scene.run(&["reload", what]);
        assert_eq!(ran.status.code(), Some(0), "{what}: {ran:?}");
    }
    assert_eq!((scene.text("b.example"), scene.text("c.example")), ("rcode 5".into(), "rcode 5".into()));
    fs::rename(scene.path("zones"), scene.path("away")).unwrap();
    for gone in ["zones/", "zones/acme/a.example.zone"] {
        let ran = scene.run(&["reload", gone]);
        assert_eq!(ran.status.code(), Some(1), "{gone}: {ran:?}");
        assert!(String::from_utf8(ran.stdout).unwrap().contains("folder-gone"));
    }
    scene.stop();
}

/// A command that asks the server, and a server that has a state, need no folder of maps.
#[test]
fn a_named_folder_of_maps_may_go() {
    const NAMED: [&str; 2] = ["--addrmaps", "maps"];
    let mut scene = Scene::new(&NAMED, |top| {
        fs::create_dir_all(top.join("maps/acme")).unwrap();
        fs::write(top.join("maps/acme/eu.toml"), map("203.0.113.1", "account_wide = true")).unwrap();
    });
    assert_eq!(scene.addresses("www.a.example"), "203.0.113.1");
    fs::rename(scene.path("maps"), scene.path("away")).unwrap();
    for (command, code) in [("reload", 1), ("status", 1), ("plan", 1), ("history", 0)] {
        let ran = scene.run(&[&[command][..], &NAMED].concat());
        assert_eq!(ran.status.code(), Some(code), "{command}: {ran:?}");
        assert_eq!(String::from_utf8(ran.stdout).unwrap().contains("folder-gone"), code == 1, "{command}");
    }
    let not_there = |scene: &Scene, arguments: &[&str]| {
        let ran = scene.run(&[arguments, &NAMED].concat());
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("the folder of address maps is not there: maps"), "{arguments:?}: {told}");
    };
    not_there(&scene, &["check"]);
    not_there(&scene, &["explain", "--files", "www.a.example"]);
    scene.server.take().unwrap().stop();
    // Whoever got as far would end for want of this address.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = taken.local_addr().unwrap().to_string();
    let start = ["serve", "--listen", "127.0.0.1:0", "--metrics", &metrics];
    not_there(&scene, &[&start[..], &["--state", "another"]].concat());
    not_there(&scene, &[&start[..], &["--start", "files"]].concat());
    scene.server = Some(Server::start_with(scene.top.path(), &scene.path("state"), &NAMED));
    assert_eq!(scene.addresses("www.a.example"), "203.0.113.1");
    scene.until("told", "true", |scene| {
        scene.json(&["status"]).to_string().contains("folder-gone").to_string()
    });
    fs::rename(scene.path("away"), scene.path("maps")).unwrap();
    scene.until("fine again", "Some(0)", |scene| format!("{:?}", scene.code(&["status"])));
    scene.stop();
}

#[test]
fn files_that_others_name_are_followed() {
    let scene = Scene::new(&[], |top| {
        fs::create_dir_all(top.join("zones/acme/common")).unwrap();
        fs::create_dir_all(top.join("addrmaps/acme")).unwrap();
        let with_include = format!("{HEAD}$INCLUDE common/text.inc\n");
        fs::write(top.join("zones/acme/a.example.zone"), with_include).unwrap();
        fs::write(top.join("zones/acme/common/text.inc"), "@ TXT \"included\"\n").unwrap();
        fs::write(top.join("addrmaps/acme/eu.toml"), map("203.0.113.1", "zones_file = \"eu.txt\"")).unwrap();
        fs::write(top.join("addrmaps/acme/eu.txt"), "nowhere.example\n").unwrap();
        let all =
            "[[address_map]]\nid = \"all\"\nenabled = true\nips = [\"203.0.113.9\"]\naccount_wide = true\n";
        fs::write(top.join("addrmaps/acme/all.toml"), all).unwrap();
    });
    scene.until_a("included");
    scene.write("zones/acme/common/text.inc", "@ TXT \"edited\"\n");
    scene.until_a("edited");
    // While it is gone the zone stays; when it is back it is read.
    fs::remove_file(scene.path("zones/acme/common/text.inc")).unwrap();
    scene.until("held", "Some(1)", |scene| format!("{:?}", scene.code(&["status"])));
    assert_eq!(scene.text("a.example"), "edited");
    scene.write("zones/acme/common/text.inc", "@ TXT \"back\"\n");
    scene.until_a("back");

    assert_eq!(scene.addresses("www.a.example"), "203.0.113.9");
    scene.write("addrmaps/acme/eu.txt", "# the list\na.example\n");
    scene.until("a member more", "203.0.113.1", |scene| scene.addresses("www.a.example"));
    scene.write("addrmaps/acme/eu.toml", &map("203.0.113.2", "zones_file = \"eu.txt\""));
    scene.until("another address", "203.0.113.2", |scene| scene.addresses("www.a.example"));
    scene.stop();
}

#[test]
fn a_paused_writer_is_waited_for() {
    let scene = Scene::new(&[], |top| {
        fs::create_dir_all(top.join("zones/other")).unwrap();
        fs::create_dir_all(top.join("zones/acme")).unwrap();
        fs::write(top.join("zones/acme/a.example.zone"), zone("first")).unwrap();
        fs::write(top.join("zones/other/b.example.zone"), zone("first")).unwrap();
    });
    scene.until_a("first");
    let (whole, open) = (zone("second"), scene.path("zones/acme/a.example.zone"));
    // What is written so far is a good zone without its text.
    let (half, rest) = whole.split_at(HEAD.len());
    let mut file = File::create(&open).unwrap();
    file.write_all(half.as_bytes()).unwrap();
    let writing = |scene: &Scene| scene.json(&["status"])["being_written"].to_string();
    scene.until("seen to be open", "[\"zones/acme/a.example.zone\"]", |scene| {
        writing(scene).replace("./", "")
    });
    // Others go on, told by the kernel and by hand.
    scene.write("zones/other/b.example.zone", &zone("second"));
    scene.until("the other account", "second", |scene| scene.text("b.example"));
    let reloaded = scene.json(&["reload"]);
    assert!(reloaded["problems"].to_string().contains("being-written"), "{reloaded}");
    scene.server().signal(Signal::SIGHUP);
    scene.write("zones/other/b.example.zone", &zone("third"));
    scene.until("the other account", "third", |scene| scene.text("b.example"));
    assert_eq!(scene.text("a.example"), "first");
    file.write_all(rest.as_bytes()).unwrap();
    drop(file);
    scene.until_a("second");
    assert_eq!(writing(&scene), "[]");
    scene.stop();
}

#[test]
fn polled_files_are_followed() {
    let scene = Scene::new(&["--watch", "poll"], |_| {});
    assert_eq!(scene.json(&["status"])["watching"], "polling");
    scene.write("zones/acme/a.example.zone", &zone("polled"));
    scene.until_a("polled");
    scene.sh("cp zones/acme/a.example.zone x; sed -i s/polled/moved/ x; mv x zones/acme/a.example.zone");
    scene.until_a("moved");
    scene.write("zones/new/b.example.zone", &zone("new"));
    scene.until("a new account", "new", |scene| scene.text("b.example"));
    fs::remove_dir_all(scene.path("zones/new")).unwrap();
    scene.until("the account is gone", "rcode 5", |scene| scene.text("b.example"));
    scene.stop();
}

#[test]
fn without_a_watch_files_wait_for_a_reload() {
    let scene = Scene::new(&["--watch", "off"], |top| {
        fs::create_dir_all(top.join("zones/acme")).unwrap();
        fs::create_dir_all(top.join("zones/other")).unwrap();
        fs::write(top.join("zones/acme/a.example.zone"), zone("first")).unwrap();
        fs::write(top.join("zones/acme/c.example.zone"), zone("first")).unwrap();
        fs::write(top.join("zones/other/b.example.zone"), zone("first")).unwrap();
    });
    assert_eq!(scene.json(&["status"])["watching"], "off");
    let mode = fs::metadata(scene.path("state/control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the control socket is its owner's");
    scene.until("looked at once", "true", |scene| scene.json(&["status"])["in_sync"].to_string());

    // A reload with arguments reads these and nothing else.
    let texts = |scene: &Scene| ["a", "b", "c"].map(|zone| scene.text(&format!("{zone}.example"))).join(" ");
    for file in ["acme/a", "other/b", "acme/c"] {
        scene.write(&format!("zones/{file}.example.zone"), &zone("second"));
    }
    let change = scene.json(&["reload", "b.example"]);
    assert_eq!(
        (&change["outcome"], &change["cost"]["files_read"]),
        (&"published".into(), &1.into()),
        "{change}"
    );
    assert_eq!(texts(&scene), "first second first");
    let change = scene.json(&["reload", "zones/acme/c.example.zone"]);
    assert_eq!(
        (&change["outcome"], &change["cost"]["files_read"]),
        (&"published".into(), &1.into()),
        "{change}"
    );
    assert_eq!(texts(&scene), "first second second");
    scene.server().signal(Signal::SIGHUP);
    scene.until("all files", "second second second", texts);

    // What commands exit with: 1 while something is held, 0 again when it is good.
    assert_eq!((scene.code(&["status"]), scene.code(&["reload"])), (Some(0), Some(0)));
    scene.write("zones/acme/a.example.zone", "not a zone\n");
    assert_eq!((scene.code(&["reload"]), scene.code(&["status"])), (Some(1), Some(1)));
    assert_eq!(scene.text("a.example"), "second");
    let status = scene.json(&["status"]);
    assert_eq!(
        (&status["held"][0]["unit"], &status["held"][0]["serving"]),
        (&"account acme".into(), &true.into())
    );
    assert_eq!(scene.code(&["reload", "nowhere.example"]), Some(2));
    assert_eq!(scene.code(&["reload", "/etc/passwd"]), Some(2));
    scene.write("zones/acme/a.example.zone", &zone("third"));
    assert_eq!((scene.code(&["reload", "a.example"]), scene.code(&["status"])), (Some(0), Some(0)));
    assert_eq!(texts(&scene), "third second second");

    let top = scene.path("");
    let state = scene.path("state");
    let mut scene = scene;
    scene.server.take().unwrap().stop();
    let ran = portolan().current_dir(&top).args(["status", "--state"]).arg(&state).output().unwrap();
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
}
