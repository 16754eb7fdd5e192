//! How long a start takes with 100,000 zones: from the files, and from what the server remembers. Each is done a few
//! times and the quickest told: what is measured takes seconds, so that statistics would say no more.

#![allow(clippy::print_stdout, reason = "figures are the result")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan::control::{Engine, Sources, StartFrom};

/// Zones, each of 13 names, twelve of them proxied.
const ZONES: usize = 100_000;
const ROUNDS: usize = 3;

fn write_files(top: &Path) {
    let mut text = String::from("@ 60 IN SOA a. a. 1 7200 900 1209600 300\n@ 60 IN NS a.\n");
    for n in 0..12 {
        text.push_str(&format!("n{n} 1 IN A 192.0.2.{n} ; cf_tags=cf-proxied:true\n"));
    }
    for account in 0..10 {
        let folder = top.join(format!("zones/account-{account}"));
        fs::create_dir_all(&folder).expect("a folder");
        for zone in (account..ZONES).step_by(10) {
            fs::write(folder.join(format!("z{zone}.example.zone")), &text).expect("a file");
        }
    }
    fs::create_dir(top.join("addrmaps")).expect("a folder");
    fs::write(top.join("addrmaps/anycast.toml"), "[anycast]\nipv4 = [\"192.0.2.1\"]\n").expect("a file");
}

fn start(top: &Path, state: &Path, from: StartFrom) -> Duration {
    let sources = Sources { zones: top.join("zones"), addrmaps: top.join("addrmaps") };
    let begun = Instant::now();
    let (mut engine, _) =
        Engine::start(sources, state, from, Default::default(), Arc::default()).expect("a start");
    let took = begun.elapsed();
    engine.remember_start();
    assert_eq!(engine.snapshot().zones.len(), ZONES);
    took
}

fn main() {
    let top = tempfile::tempdir().expect("a folder");
    write_files(top.path());
    let mut first = Duration::MAX;
    for round in 0..ROUNDS {
        let state = top.path().join(format!("state-{round}"));
        fs::create_dir(&state).expect("a folder");
        first = first.min(start(top.path(), &state, StartFrom::State));
    }
    let state = top.path().join("state-0");
    let again = (0..ROUNDS).map(|_| start(top.path(), &state, StartFrom::State)).min().unwrap_or_default();
    println!("cold load of {ZONES} zones from files: {first:.2?}");
    println!("cold load of {ZONES} zones from the state: {again:.2?}");
}
