//! What nobody should do to a server, through the real binary: it says what is wrong, and goes on.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../client/mod.rs"]
mod client;
mod commands;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use client::dns::Ask;
use client::lives::Lives;
use nix::sys::signal::Signal;
use portolan::control::report::Outcome;

const PATIENCE: Duration = Duration::from_secs(20);

fn zone(text: &str) -> String {
    format!(
        "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nv TXT \"{text}\"\n\
         www 1 A 203.0.113.7 ; cf_tags=cf-proxied:true\n"
    )
}

fn map(address: &str) -> String {
    format!(
        "[[address_map]]\nid = \"acme\"\nenabled = true\nips = [\"{address}\", \"2001:db8::1\"]\n\
         zones_file = \"zones.txt\"\n"
    )
}

/// An account whose files name other files, and a zone of the account `default`.
fn lives(folder: &Path) -> Lives {
    for below in ["zones/acme", "addrmaps/acme"] {
        fs::create_dir_all(folder.join(below)).unwrap();
    }
    for (path, text) in [
        ("zones/acme/a.example.zone", zone("1") + "$INCLUDE a.inc\n"),
        ("zones/acme/a.inc", "included TXT \"1\"\n".to_owned()),
        ("zones/b.example.zone", zone("1")),
        (
            "addrmaps/anycast.toml",
            "[anycast]\nipv4 = [\"198.51.100.9\"]\nipv6 = [\"2001:db8::9\"]\n".to_owned(),
        ),
        ("addrmaps/acme/map.toml", map("198.51.100.1")),
        ("addrmaps/acme/zones.txt", "a.example\n".to_owned()),
    ] {
        fs::write(folder.join(path), text).unwrap();
    }
    Lives::new(folder, &folder.join("state"))
}

/// What is answered, or the response code.
fn answer(lives: &Lives, name: &str, rtype: u16) -> String {
    let reply = Ask::new(name, rtype).send(lives.address).expect("an answer");
    let [answer, ..] = &reply.sections;
    answer
        .first()
        .map_or_else(|| format!("rcode {}", reply.rcode), |record| record.rdata.trim_matches('"').to_owned())
}

fn answers(lives: &Lives) -> [String; 4] {
    [("v.a.example", 16), ("included.a.example", 16), ("www.a.example", 1), ("v.b.example", 16)]
        .map(|(name, rtype)| answer(lives, name, rtype))
}

#[test]
fn folders_that_vanish_take_nothing_with_them() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    let mut lives = lives(folder);
    lives.start(&["--watch", "off"]);
    let before = answers(&lives);
    assert_eq!(before, ["1", "1", "198.51.100.1", "1"]);
    // A zone that is held already must not be taken for gone either.
    fs::write(folder.join("zones/acme/a.example.zone"), "@ SOA broken\n").unwrap();
    assert_eq!(lives.run(&["reload"]).code, Some(1));
    for tree in ["zones", "addrmaps"] {
        let (here, away) = (folder.join(tree), folder.join("away"));
        fs::rename(&here, &away).unwrap();
        for _ in 0..2 {
            let ran = lives.run(&["reload"]);
            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(ran.stdout.contains("folder-gone"), "{ran:?}");
            assert_eq!(answers(&lives), before, "{tree}");
        }
        // A change elsewhere does not make the fault forgotten.
        let other = if tree == "zones" { "addrmaps/acme/map.toml" } else { "zones/b.example.zone" };
        let text = fs::read_to_string(folder.join(other)).unwrap();
        fs::write(folder.join(other), format!("{text}\n")).unwrap();
        lives.run(&["reload", folder.join(other).to_str().unwrap()]);
        let status = lives.status();
        assert!(status.problems.iter().any(|problem| problem.code == "folder-gone"), "{status:#?}");
        assert_eq!(answers(&lives), before, "{tree}");
        fs::rename(away, here).unwrap();
    }
    fs::write(folder.join("zones/acme/a.example.zone"), zone("2") + "$INCLUDE a.inc\n").unwrap();
    assert_eq!(lives.run(&["reload"]).code, Some(0));
    assert_eq!(answers(&lives), ["2", "1", "198.51.100.1", "1"]);
    assert!(lives.status().in_sync);
    lives.stop();
}

#[test]
fn a_damaged_state_ends_the_start_or_is_mended_from_the_files() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    let mut lives = lives(folder);
    lives.start(&["--watch", "off"]);
    let before = answers(&lives);
    lives.stop();
    let pack = lives.state.join("pack");
    let whole = fs::read(&pack).unwrap();
    let marks = [&b"TXT \"1\""[..], b"included TXT", b"198.51.100.1", b"[anycast]"];
    let contents: Vec<usize> = marks
        .iter()
        .map(|mark| whole.windows(mark.len()).position(|found| found == *mark).unwrap())
        .collect();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(whole.len() / 40).chain(contents.iter().copied()) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&pack, &damaged).unwrap();
        lives.spawn(&["--watch", "off"]);
        if contents.contains(&at) {
            lives.ready();
            lives.wait_for_status("mended", |status| status.in_sync && status.faulty_zones.is_empty());
            assert_eq!(answers(&lives), before, "damaged at {at}\n{}", lives.log());
            lives.stop();
            // It is mended in the state as well.
            fs::rename(folder.join("zones"), folder.join("away")).unwrap();
            lives.start(&["--watch", "off"]);
            assert_eq!(answers(&lives), before, "damaged at {at}\n{}", lives.log());
            fs::rename(folder.join("away"), folder.join("zones")).unwrap();
            lives.kill();
        } else if lives.ready_or_ended() {
            lives.kill();
        } else {
            refused += 1;
            let (code, log) = lives.ended();
            assert_eq!(code, Some(2), "damaged at {at}: {log}");
            assert!(log.contains("pack is") && log.contains("move the state directory away"), "{log}");
        }
    }
    assert!(refused > 5, "{refused}");
}

#[test]
fn clients_of_the_control_socket_cannot_stop_it() {
    let parent = tempfile::tempdir().unwrap();
    let mut lives = lives(parent.path());
    lives.start(&["--watch", "off"]);
    let connect = || {
        let stream = UnixStream::connect(lives.state.join("control.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let huge = vec![b'a'; 3 << 20];
    for request in [&b"garbage\n"[..], b"\n", b"{}\n", b"\xff\xfe\0\n", b"{\"version\":99}\n", &huge] {
        let mut stream = connect();
        // It need not take all of it.
        let _ = stream.write_all(request);
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        assert!(reply.contains("failed") && reply.ends_with('\n'), "{reply:?}");
    }
    // Sixteen that say half a line or nothing: the next is told so, and a few seconds later all is well.
    let mut idle: Vec<UnixStream> = (0..16).map(|_| connect()).collect();
    idle[0].write_all(b"{\"version\":1,").unwrap();
    let mut reply = String::new();
    connect().read_to_string(&mut reply).unwrap();
    assert!(reply.contains("16 requests are at work already"), "{reply}");
    assert_eq!(answers(&lives)[0], "1");
    idle[0].read_to_end(&mut Vec::new()).unwrap();
    let until = Instant::now() + PATIENCE;
    while lives.run(&["status"]).code != Some(0) {
        assert!(Instant::now() < until);
    }
    lives.stop();
}

#[test]
fn what_is_no_file_holds_its_account_and_hangs_nobody() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    let mut lives = lives(folder);
    lives.start(&["--watch", "off"]);
    let acme = folder.join("zones/acme");
    for pipe in [acme.join("fifo.example.zone"), folder.join("addrmaps/fifo.toml")] {
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let _socket = UnixListener::bind(acme.join("socket.example.zone")).unwrap();
    symlink("/dev/zero", acme.join("zero.example.zone")).unwrap();
    symlink("loop.example.zone", acme.join("loop.example.zone")).unwrap();
    fs::create_dir(acme.join("folder.example.zone")).unwrap();
    symlink(".", acme.join("here")).unwrap();
    fs::write(folder.join("zones/b.example.zone"), zone("2")).unwrap();
    let ran = lives.run(&["reload"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for file in
        ["fifo.example.zone", "socket.example.zone", "zero.example.zone", "loop.example.zone", "fifo.toml"]
    {
        assert!(ran.stdout.contains(file), "{file}: {}", ran.stdout);
    }
    let held: Vec<String> = lives.status().held.into_iter().map(|held| held.unit).collect();
    assert_eq!(held, ["the operator's files", "account acme"]);
    assert_eq!(answers(&lives), ["1", "1", "198.51.100.1", "2"]);
    lives.stop();
}

#[test]
fn a_reload_waits_for_a_writer_that_is_nearly_done_and_tells_of_one_that_is_not() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    let mut lives = lives(folder);
    lives.start(&[]);
    let path = folder.join("zones/b.example.zone");
    for text in 2..40 {
        fs::write(&path, zone(&text.to_string())).unwrap();
        let ran = lives.run(&["reload"]);
        assert_eq!((ran.code, answer(&lives, "v.b.example", 16)), (Some(0), text.to_string()), "{ran:?}");
    }
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"@ SOA").unwrap();
    lives.wait_for_status("noticed", |status| !status.being_written.is_empty());
    let ran = lives.run(&["reload"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("being-written"), "{ran:?}");
    assert_eq!(answer(&lives, "v.b.example", 16), "39");
    lives.stop();
}

#[test]
fn without_file_descriptors_idle_connections_make_room_and_the_others_wait() {
    let parent = tempfile::tempdir().unwrap();
    let mut lives = lives(parent.path());
    lives.start(&["--watch", "off"]);
    let pid = lives.pid();
    let open = || -> Vec<u64> {
        let folder = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        folder.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect()
    };
    let limit = |files: u64| {
        let pid = rustix::process::Pid::from_raw(pid.as_raw());
        let limit = rustix::process::Rlimit { current: Some(files), maximum: None };
        let old = rustix::process::prlimit(
            pid,
            rustix::process::Resource::Nofile,
            rustix::process::Rlimit {
                maximum: rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum,
                ..limit
            },
        );
        old.unwrap().current.unwrap()
    };
    let before = open();
    let free = (0..).find(|number| !before.contains(number)).unwrap();
    let top = before.iter().max().unwrap() + 1;
    let whole = limit(top + 2);
    let holes = top as usize - before.len();
    let idle: Vec<TcpStream> = (0..holes + 8).map(|_| TcpStream::connect(lives.address).unwrap()).collect();
    lives.wait_for_log("no TCP connection can be accepted");
    let tcp = Ask { tcp: true, ..Ask::new("v.b.example", 16) };
    assert_eq!(tcp.send(lives.address).expect("an answer").sections[0][0].rdata, "\"1\"");
    drop(idle);
    let until = Instant::now() + PATIENCE;
    while open().len() > before.len() {
        assert!(Instant::now() < until);
    }
    // Nobody can make room: the connection waits, datagrams do not.
    limit(free);
    let address = lives.address;
    let waiting = std::thread::spawn(move || tcp.send(address));
    for _ in 0..20 {
        assert_eq!(answer(&lives, "v.b.example", 16), "1");
    }
    limit(whole);
    assert_eq!(waiting.join().unwrap().expect("an answer").sections[0][0].rdata, "\"1\"");
    lives.stop();
}

#[test]
fn signals_and_reloads_in_a_storm_are_all_answered() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    let mut lives = lives(folder);
    lives.start(&[]);
    let before = lives.resident();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..10).for_each(|_| assert_eq!(lives.run(&["reload", "b.example"]).code, Some(0)))
            });
        }
    });
    for text in 0..300 {
        let beside = folder.join("zones/b.tmp");
        fs::write(&beside, zone(&text.to_string())).unwrap();
        fs::rename(beside, folder.join("zones/b.example.zone")).unwrap();
        lives.signal(Signal::SIGHUP);
    }
    lives.wait_for_status("in sync", |status| {
        status.in_sync && status.changes.iter().any(|change| change.outcome == Outcome::Published)
    });
    lives.signal(Signal::SIGHUP);
    lives.wait_for_status("the last", |_| answer(&lives, "v.b.example", 16) == "299");
    let grown = lives.resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} octets more");
    lives.stop();
}
