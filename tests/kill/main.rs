//! SIGKILL, a full disk and a read-only one, through the real binary: whatever happens while files change, commands run
//! and something is published, the server starts again and serves one whole version of everything, never an older one
//! than it confirmed.
//!
//! `PORTOLAN_KILLS=300` kills it more often; `PORTOLAN_KILL_SEED` says which commands run meanwhile.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::print_stderr, reason = "what was done is told")]

#[path = "../client/mod.rs"]
mod client;
mod commands;
mod disk;
mod driver;
mod edits;
mod parts;
mod telling;
mod world;

use std::fs;
use std::path::Path;

use client::lives::Lives;
use portolan::control::report::Status;

/// Random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn once_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len() as u64) as usize]
    }
}

/// Moves the sources away, so that only the state says what is served, or puts them back.
fn put_aside(folder: &Path, aside: bool) {
    for name in ["zones", "addrmaps"] {
        let (here, away) = (folder.join(name), folder.join(format!("{name}.away")));
        let (from, to) = if aside { (here, away) } else { (away, here) };
        fs::rename(from, to).unwrap();
    }
}

fn is_calm(status: &Status) -> bool {
    status.in_sync && status.being_written.is_empty()
}

/// Starts it and waits until it has followed the files: what is written meanwhile might be read half.
fn start_in_sync(lives: &mut Lives, arguments: &[&str]) {
    lives.start(arguments);
    lives.wait_for_status("in sync", is_calm);
}

/// How often it is killed.
fn kills(default: u32) -> u32 {
    std::env::var("PORTOLAN_KILLS").map_or(default, |kills| kills.parse().unwrap())
}
