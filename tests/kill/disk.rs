//! A disk that is full or read-only.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::client::lives::{Lives, without_guards};
use super::edits::{reload, served, took_all, write};
use super::{Random, is_calm, kills, put_aside, start_in_sync};

/// Fills a file system to its last octet.
pub(crate) fn fill(disk: &Path) {
    let mut file = fs::File::create(disk.join("filler")).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

pub(crate) fn make_room(disk: &Path) {
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

#[test]
fn a_full_or_read_only_disk_refuses_changes_and_serving_goes_on() {
    in_a_small_file_system("disk::lives_with_a_full_disk", "became full");
}

/// Runs a test in a small file system of its own, `PORTOLAN_DISK`, where the kernel lets a user have one; says the line
/// that holds `told`.
pub(crate) fn in_a_small_file_system(test: &str, told: &str) {
    let disk = tempfile::tempdir().unwrap();
    let possible = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        eprintln!("not tested: no mount namespaces here");
        return;
    }
    let script = "mount -t tmpfs -o size=8m none \"$PORTOLAN_DISK\" && exec \"$@\"";
    let mut child = Command::new("unshare");
    child.args(["-rm", "sh", "-c", script, "sh"]).arg(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--ignored", "--nocapture"]);
    let output = child.env("PORTOLAN_DISK", disk.path()).output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{text}");
    eprintln!("{}", text.lines().find(|line| line.contains(told)).unwrap());
}
