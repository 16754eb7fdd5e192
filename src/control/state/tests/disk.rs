//! A disk that is full, read-only or failing.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::*;

/// Runs `go` with the disk failing as said, and mends it.
fn failing<T>(point: &'static str, octets: u64, go: impl FnOnce() -> T) -> T {
    fault::at(point);
    fault::after(octets);
    let done = go();
    fault::at("");
    fault::after(u64::MAX);
    done
}

#[test]
fn a_write_that_fails_at_any_octet_leaves_the_pack_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    let next = edit(2, "b", b"next");
    let contents: [(Digest, &[u8]); 1] = [(Digest::of(b"next"), b"next")];
    let before = fs::read(&path).unwrap();
    // The confirm is written again; the content and the intent are new.
    let mut octets = 0;
    while let Err(error) = failing("", octets, || state.intend(&next, &contents, b"entry")) {
        assert!(error.to_string().contains("cannot write"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before, "{octets}");
        assert!(!state.holds(&Digest::of(b"next")));
        assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None), "{octets}");
        octets += 1;
    }
    assert!(octets > 200, "{octets}");

    // Where it cannot even be cut off, it is torn, and cut off when that can be done.
    fs::write(&path, &before).unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    failing("cut", octets - 1, || state.intend(&next, &contents, b"entry")).unwrap_err();
    assert!(fs::read(&path).unwrap().len() > before.len());
    let (_, said, notes) = open(dir.path()).unwrap();
    assert_eq!((said, notes.len()), ((Some(manifest.clone()), None), 1));
    failing("cut", u64::MAX, || state.intend(&next, &contents, b"entry")).unwrap_err();
    state.intend(&next, &contents, b"entry").unwrap();
    state.confirm(2).unwrap();
    manifest.apply(&next);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

#[test]
fn a_confirm_that_could_not_be_written_is_written_by_the_next_intent() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    for octets in [0, 20] {
        let generation = manifest.generation + 1;
        state.intend(&edit(generation, "a", b"A"), &[], b"entry").unwrap();
        failing("", octets, || state.confirm(generation)).unwrap_err();
        assert_eq!(reopened(dir.path()), (Some(manifest.clone()), Some(edit(generation, "a", b"A"))));
        manifest.apply(&edit(generation, "a", b"A"));
        // An intent that fails meanwhile does not lose it.
        let next = edit(generation + 1, "b", b"A");
        failing("", 100, || state.intend(&next, &[], b"entry")).unwrap_err();
        failing("sync", u64::MAX, || state.intend(&next, &[], b"entry")).unwrap_err();
        publish(&mut state, &mut manifest, &next, &[]);
        assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));
    }
    // The caller may try again as well.
    state.intend(&edit(9, "c", b"A"), &[], b"entry").unwrap();
    failing("", 3, || state.confirm(9)).unwrap_err();
    state.confirm(9).unwrap();
    manifest.apply(&edit(9, "c", b"A"));
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

#[test]
fn a_state_that_cannot_be_written_is_read_and_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut manifest = Manifest::default();
    publish(&mut State::open(dir.path()).unwrap().state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    let (mut state, said, _) = open(dir.path()).unwrap();
    assert_eq!(said, (Some(manifest.clone()), None));
    for _ in 0..2 {
        let error =
            failing("open", u64::MAX, || state.intend(&edit(2, "b", b"A"), &[], b"entry")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("read-only") && text.contains("nothing can be changed"), "{text}");
    }
    publish(&mut state, &mut manifest, &edit(2, "b", b"A"), &[]);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

#[test]
fn a_first_intent_or_a_compaction_without_room_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let first = edit(1, "a", b"A");
    let contents: [(Digest, &[u8]); 1] = [(Digest::of(b"A"), b"A")];
    for octets in [0, 10, 63, 64, 80, 200] {
        failing("", octets, || state.intend(&first, &contents, b"entry")).unwrap_err();
        assert!(!dir.path().join(NEW).exists());
        let (_, said, notes) = open(dir.path()).unwrap();
        assert_eq!((said, notes), ((None, None), Vec::new()), "{octets}");
    }
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &first, &[b"A"]);
    for generation in 2..20 {
        publish(&mut state, &mut manifest, &edit(generation, "a", b"A"), &[]);
    }
    keep(&mut state, 1);
    let before = state.size();
    for octets in [0, 64, 70, 130, 250] {
        failing("", octets, || state.compact(0)).unwrap_err();
        failing("sync", u64::MAX, || state.compact(0)).unwrap_err();
        assert!(!dir.path().join(NEW).exists());
        assert_eq!(state.size(), before);
        assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));
    }
    assert!(state.compact(0).unwrap());
    publish(&mut state, &mut manifest, &edit(30, "a", b"A"), &[]);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

/// Publishes edits in the state `PORTOLAN_STATE` until the disk refuses one, and prints the last that was confirmed.
#[test]
#[ignore = "started by other tests"]
fn fills_the_disk() {
    let Some(dir) = std::env::var_os("PORTOLAN_STATE") else { return };
    let _lock = crate::control::StateLock::acquire(Path::new(&dir)).unwrap();
    let Opened { mut state, confirmed, .. } = State::open(Path::new(&dir)).unwrap();
    let mut manifest = confirmed.unwrap_or_default();
    let error = loop {
        let generation = manifest.generation + 1;
        let content = vec![generation as u8; 3000];
        let intent = edit(generation, &generation.to_string(), &content);
        if let Err(error) = state.intend(&intent, &[(Digest::of(&content), &content)], b"entry") {
            break error;
        }
        manifest.apply(&intent);
        if let Err(error) = state.confirm(generation) {
            break error;
        }
    };
    println!("\nlast {} {error}", manifest.generation);
    // What is there can be read, and what fits is still written.
    assert!(state.read(&Digest::of(&[1; 3000])).is_ok());
}

/// This test program, to run one test of this file alone.
fn child(script: &str, dir: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg("sh").arg(std::env::current_exe().unwrap());
    command.args(["--exact", "control::state::tests::disk::fills_the_disk", "--ignored", "--nocapture"]);
    command.env("PORTOLAN_STATE", dir).stdin(Stdio::null()).process_group(0);
    command
}

fn last(output: &std::process::Output) -> (u64, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.strip_prefix("last ")).unwrap().to_owned();
    let (generation, error) = line.split_once(' ').unwrap();
    (generation.parse().unwrap(), error.to_owned())
}

#[test]
fn a_limit_of_the_kernel_refuses_the_change_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    // At most 100 blocks a file; a signal that is ignored stays ignored.
    let output = child("trap '' XFSZ; ulimit -f 100; exec \"$@\"", dir.path()).output().unwrap();
    let (generation, error) = last(&output);
    assert!(generation > 10 && error.contains("File too large"), "{generation}: {error}");
    let (mut state, (confirmed, intent), notes) = open(dir.path()).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    let mut manifest = confirmed.unwrap();
    if let Some(intent) = intent {
        manifest.apply(&intent);
    }
    assert_eq!(manifest.generation, generation);
    publish(&mut state, &mut manifest, &edit(generation + 1, "more", b"A"), &[b"A"]);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

/// A file system of its own, where the kernel lets a user have one: it is full in the end, then read-only.
#[test]
fn a_full_and_then_read_only_file_system_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let possible = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        eprintln!("not tested: no mount namespaces here");
        return;
    }
    let script = "exec unshare -rm sh -c 'mount -t tmpfs -o size=128k none \"$PORTOLAN_STATE\" && \"$@\" \
                  && mount -o remount,ro \"$PORTOLAN_STATE\" && \"$@\"' sh \"$@\"";
    let output = child(script, dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (full, error) = last(&output);
    assert!(full > 10 && error.contains("No space left on device"), "{full}: {error}");
    let second = text.lines().filter_map(|line| line.strip_prefix("last ")).nth(1).unwrap();
    assert!(second.contains("Read-only file system"), "{second}");
    let read: u64 = second.split(' ').next().unwrap().parse().unwrap();
    // The confirm of the last may not have fitted.
    assert!(read == full || read + 1 == full, "{read} of {full}");
}
