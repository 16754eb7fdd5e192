//! SIGKILL at any moment.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::*;

/// Publishes edits in the state `PORTOLAN_STATE` without end, and prints each when it is confirmed.
#[test]
#[ignore = "started by another test"]
fn publishes_without_end() {
    let Some(dir) = std::env::var_os("PORTOLAN_STATE") else { return };
    let Opened { mut state, confirmed, .. } = State::open(Path::new(&dir)).unwrap();
    let mut manifest = confirmed.unwrap_or_default();
    println!();
    loop {
        let generation = manifest.generation + 1;
        let content = vec![generation as u8; (generation % 7 * 1000) as usize];
        let name = (generation % 20).to_string();
        publish(&mut state, &mut manifest, &edit(generation, &name, &content), &[&content]);
        println!("done {generation}");
        if generation % 10 == 0 {
            keep(&mut state, 15);
            state.compact(20_000).unwrap();
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut generation = 0;
    for _ in 0..100 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "control::state::tests::killed::publishes_without_end",
                "--ignored",
                "--nocapture",
            ])
            .env("PORTOLAN_STATE", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let mut done = 0;
        // After some, and then a moment that no line marks.
        while done < random % 12 {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended by itself");
            done += u64::from(line.starts_with("done "));
        }
        for _ in 0..random >> 45 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        let mut rest = line;
        out.read_to_string(&mut rest).unwrap();
        child.wait().unwrap();
        // The last line may be cut off.
        let whole = rest.rfind('\n').map_or("", |end| &rest[..end]);
        let last = whole.lines().filter_map(|line| line.strip_prefix("done ")).next_back();
        let printed = last.map_or(generation, |last| last.parse().unwrap());
        let (_, (confirmed, intent), _) = open(dir.path()).unwrap();
        let found = confirmed.map_or(0, |confirmed| confirmed.generation);
        assert!(found >= printed && printed >= generation, "{found} of {printed}");
        assert!(intent.is_none_or(|intent| intent.generation == found + 1));
        generation = found;
    }
    assert!(generation > 100, "{generation}");
}
