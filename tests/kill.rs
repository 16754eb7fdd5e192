//! SIGKILL, a full disk and a read-only one, through the real binary: whatever happens while files change and are
//! published, the server starts again and serves one whole version of them, never an older one than it confirmed.
//!
//! `PORTOLAN_KILLS=300` kills it more often.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use client::dns::Ask;
use client::lives::{Lives, without_guards};
use portolan::control::report::{Outcome, Status};
use portolan::control::talk::{self, Reply, Request, TalkError};

const ZONES: [&str; 3] = ["a.example", "b.example", "c.example"];
/// Records that make a zone large enough for its writing to take a while.
const FILLER: u32 = 400;

/// Random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn address(version: u32) -> String {
    format!("198.51.{}.{}", version / 250, version % 250)
}

/// Writes a version: every file of the account says its number. Not one after the other in the same order.
fn write(folder: &Path, version: u32, random: &mut Random) {
    let mut files: Vec<(String, String)> = ZONES
        .iter()
        .map(|zone| {
            let filler: String =
                (0..FILLER).map(|n| format!("n{n} TXT \"filler {version} of {n}\"\n")).collect();
            let text = format!(
                "$TTL 60\n@ SOA ns.{zone}. host.{zone}. {version} 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n\
                 v TXT \"{version}\"\nwww 1 A 203.0.113.7 ; cf_tags=cf-proxied:true\n$INCLUDE sub/common.inc\n{filler}"
            );
            (format!("zones/acme/{zone}.zone"), text)
        })
        .collect();
    files.push(("zones/acme/sub/common.inc".into(), format!("included TXT \"{version}\"\n")));
    files.push((
        "addrmaps/acme/map.toml".into(),
        format!(
            "[[address_map]]\nid = \"acme\"\nenabled = true\naccount_wide = true\nips = [\"{}\"]\n",
            address(version)
        ),
    ));
    let first = random.below(files.len() as u64) as usize;
    files.rotate_left(first);
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if random.below(2) == 0 {
            fs::write(path, text).unwrap();
        } else {
            let beside = path.with_extension("tmp");
            fs::write(&beside, text).unwrap();
            fs::rename(beside, path).unwrap();
        }
    }
}

fn only_answer(lives: &Lives, name: &str, rtype: u16) -> String {
    let reply = Ask::new(name, rtype).send(lives.address).expect("an answer");
    let [answer, ..] = &reply.sections;
    assert_eq!((reply.rcode, answer.len()), (0, 1), "{name}: {reply:?}\n{}", lives.log());
    answer[0].rdata.trim_matches('"').to_owned()
}

/// The version that is served, which must be one and the same everywhere.
fn served(lives: &Lives) -> u32 {
    let version: u32 = only_answer(lives, "v.a.example", 16).parse().unwrap();
    for zone in ZONES {
        let said = ["v", "included"].map(|name| only_answer(lives, &format!("{name}.{zone}"), 16));
        let mapped = only_answer(lives, &format!("www.{zone}"), 1);
        assert_eq!(said, [version.to_string(), version.to_string()], "{zone}\n{}", lives.log());
        assert_eq!(mapped, address(version), "{zone}, version {version}\n{}", lives.log());
    }
    version
}

/// Moves the sources away, so that only the state says what is served, or puts them back.
fn put_aside(folder: &Path, aside: bool) {
    for name in ["zones", "addrmaps"] {
        let (here, away) = (folder.join(name), folder.join(format!("{name}.away")));
        let (from, to) = if aside { (here, away) } else { (away, here) };
        fs::rename(from, to).unwrap();
    }
}

/// Whether a reload took everything that is there.
fn took_all(reply: &Reply) -> bool {
    let Reply::Change(change) = reply else { return false };
    matches!(change.outcome, Outcome::Published | Outcome::Unchanged)
        && change.held.is_empty()
        && change.problems.iter().all(|problem| problem.code != "being-written")
}

fn ask(socket: &Path) -> Result<Reply, TalkError> {
    talk::ask(socket, &Request::Reload { what: Vec::new(), without_state: false })
}

/// Has everything read again, as `portolan reload` does.
fn reload(lives: &Lives) -> Result<Reply, TalkError> {
    ask(&lives.state.join(talk::SOCKET))
}

fn is_calm(status: &Status) -> bool {
    status.in_sync && status.being_written.is_empty()
}

/// Starts it and waits until it has followed the files: what is written meanwhile might be read half.
fn start_in_sync(lives: &mut Lives, arguments: &[&str]) {
    lives.start(arguments);
    lives.wait_for_status("in sync", is_calm);
}

fn kills(default: u32) -> u32 {
    std::env::var("PORTOLAN_KILLS").map_or(default, |kills| kills.parse().unwrap())
}

#[test]
fn a_server_killed_at_any_moment_starts_with_one_whole_version() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    without_guards(folder);
    let mut lives = Lives::new(folder, &folder.join("state"));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut version, mut confirmed) = (1, 1);
    let (mut left_out, mut at_start, mut judged_again, mut torn, mut newest, mut older) = (0, 0, 0, 0, 0, 0);
    write(folder, version, &mut random);
    start_in_sync(&mut lives, &[]);
    assert_eq!(served(&lives), 1);

    let kills = kills(60);
    for _ in 0..kills {
        // Up to two versions that are confirmed, and one that is on its way when the server is killed.
        for _ in 0..random.below(3) {
            version += 1;
            write(folder, version, &mut random);
            if took_all(&reload(&lives).unwrap()) {
                confirmed = version;
                assert_eq!(served(&lives), version);
            } else {
                left_out += 1;
            }
        }
        version += 1;
        write(folder, version, &mut random);
        let most = [5_000, 15_000, 50_000][random.below(3) as usize];
        let moment = Duration::from_micros(random.below(most));
        if random.below(3) == 0 {
            // The watcher takes it after 200 ms.
            std::thread::sleep(Duration::from_millis(195) + moment);
            lives.kill();
        } else {
            let reply = std::thread::scope(|scope| {
                let socket = lives.state.join(talk::SOCKET);
                let asked = scope.spawn(move || ask(&socket));
                std::thread::sleep(moment);
                lives.kill();
                asked.join().unwrap()
            });
            if reply.is_ok_and(|reply| took_all(&reply)) {
                confirmed = version;
            }
        }

        // Killed while it starts, too.
        while random.below(3) == 0 {
            at_start += 1;
            lives.spawn(&[]);
            std::thread::sleep(Duration::from_micros(random.below(120_000)));
            lives.kill();
        }

        put_aside(folder, true);
        lives.start(&["--watch", "off"]);
        let found = served(&lives);
        assert!(
            (confirmed..=version).contains(&found),
            "{found} of {confirmed} to {version}\n{}",
            lives.log()
        );
        let log = lives.kill();
        judged_again += u32::from(log.contains("judged again"));
        torn += u32::from(log.contains("cut short"));
        newest += u32::from(found == version);
        older += u32::from(found < version);
        confirmed = found;
        put_aside(folder, false);

        let mode = if random.below(3) > 0 { "events" } else { "off" };
        lives.start(&["--watch", mode]);
        // It follows the files at once, and a status that says so is a promise.
        lives.wait_for_status("in sync", is_calm);
        confirmed = confirmed.max(version);
        assert_eq!(served(&lives), version);
    }
    eprintln!(
        "{kills} kills while changing and {at_start} while starting, {version} versions: the newest served {newest} \
         times, one before it {older} times; {judged_again} lone intents, {torn} torn ends, {left_out} reloads left a file out"
    );
    lives.stop();
}

/// Fills a file system to its last octet.
fn fill(disk: &Path) {
    let mut file = fs::File::create(disk.join("filler")).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

fn make_room(disk: &Path) {
    fs::remove_file(disk.join("filler")).unwrap();
}

fn remount(disk: &Path, how: &str) {
    let options = format!("remount,{how}");
    let status = Command::new("mount").args(["-o", &options]).arg(disk).status().unwrap();
    assert!(status.success());
}

/// Without room what is published stays, and with room it follows by itself.
fn follows_with_room(lives: &Lives, version: u32, disk: &Path) {
    make_room(disk);
    lives.wait_for_status("written", |status| status.state_error.is_none() && is_calm(status));
    assert_eq!(served(lives), version);
}

/// The whole story of a disk without room, in the file system `PORTOLAN_DISK`.
#[test]
#[ignore = "started by another test, in a file system of its own"]
fn lives_with_a_full_disk() {
    let Some(disk) = std::env::var_os("PORTOLAN_DISK") else { return };
    let disk = Path::new(&disk);
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    without_guards(folder);
    let mut lives = Lives::new(folder, &disk.join("state"));
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut version, mut confirmed) = (1, 1);
    let (mut refused, mut published) = (0, 0);
    write(folder, version, &mut random);
    start_in_sync(&mut lives, &[]);

    for _ in 0..kills(60) / 15 {
        // The disk is full at some moment of a change.
        version += 1;
        write(folder, version, &mut random);
        let reply = std::thread::scope(|scope| {
            let asked = scope.spawn(|| reload(&lives).unwrap());
            std::thread::sleep(Duration::from_micros(random.below(20_000)));
            fill(disk);
            asked.join().unwrap()
        });
        let found = served(&lives);
        if took_all(&reply) {
            published += 1;
            assert_eq!(found, version);
        } else {
            assert!((confirmed..=version).contains(&found), "{found} of {confirmed} to {version}");
        }
        // Now it is full before.
        version += 1;
        write(folder, version, &mut random);
        let ran = lives.run(&["reload"]);
        let told = lives.status();
        assert_eq!((ran.code, served(&lives)), (Some(1), found), "{ran:?}");
        assert!(ran.stdout.contains("state-not-written") && ran.stdout.contains("No space left"), "{ran:?}");
        assert!(told.state_error.is_some_and(|error| error.contains("No space left")));
        refused += 1;
        if random.below(2) == 0 {
            follows_with_room(&lives, version, disk);
            lives.kill();
        } else {
            lives.kill();
            put_aside(folder, true);
            lives.start(&["--watch", "off"]);
            assert_eq!(served(&lives), found, "what was served last");
            lives.kill();
            put_aside(folder, false);
            lives.start(&[]);
            assert_eq!(served(&lives), found);
            let told = lives.wait_for_status("refused", |status| status.state_error.is_some());
            assert!(!told.in_sync);
            follows_with_room(&lives, version, disk);
            lives.kill();
        }
        confirmed = version;
        start_in_sync(&mut lives, &[]);
    }
    eprintln!("{published} changes were published while the disk became full, {refused} were refused");

    // Published without being remembered: a restart has the earlier one, and nothing is lost once there is room.
    for with_room in [false, true] {
        fill(disk);
        version += 1;
        write(folder, version, &mut random);
        assert_eq!(lives.run(&["reload"]).code, Some(1));
        assert_eq!(served(&lives), confirmed);
        let ran = lives.run(&["reload", "--without-state"]);
        assert_eq!((ran.code, served(&lives)), (Some(0), version), "{ran:?}");
        assert!(lives.status().state_error.is_some());
        if with_room {
            follows_with_room(&lives, version, disk);
            confirmed = version;
        }
        lives.kill();
        put_aside(folder, true);
        lives.start(&["--watch", "off"]);
        assert_eq!(served(&lives), confirmed);
        lives.kill();
        put_aside(folder, false);
        if !with_room {
            make_room(disk);
        }
        start_in_sync(&mut lives, &[]);
        assert_eq!(served(&lives), version);
        confirmed = version;
    }

    // A read-only state: it serves what it remembers, without a control socket, and goes on when that is mended.
    lives.kill();
    remount(disk, "ro");
    version += 1;
    write(folder, version, &mut random);
    lives.start(&[]);
    lives.wait_for_log("state-not-written");
    assert_eq!(served(&lives), confirmed);
    assert!(lives.log().contains("no control socket can be made"), "{}", lives.log());
    remount(disk, "rw");
    lives.wait_for_log("published");
    assert_eq!(served(&lives), version);
    let until = Instant::now() + Duration::from_secs(30);
    while lives.run(&["status"]).code == Some(2) {
        assert!(Instant::now() < until, "the control socket never came: {}", lives.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    lives.wait_for_status("in sync", |status| is_calm(status) && status.state_error.is_none());
    lives.stop();
}

/// In a small file system of its own, where the kernel lets a user have one.
#[test]
fn a_full_or_read_only_disk_refuses_changes_and_serving_goes_on() {
    let disk = tempfile::tempdir().unwrap();
    let possible = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        eprintln!("not tested: no mount namespaces here");
        return;
    }
    let script = "mount -t tmpfs -o size=8m none \"$PORTOLAN_DISK\" && exec \"$@\"";
    let mut child = Command::new("unshare");
    child.args(["-rm", "sh", "-c", script, "sh"]).arg(std::env::current_exe().unwrap());
    child.args(["--exact", "lives_with_a_full_disk", "--ignored", "--nocapture"]);
    let output = child.env("PORTOLAN_DISK", disk.path()).output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{text}");
    eprintln!("{}", text.lines().find(|line| line.contains("became full")).unwrap());
}
