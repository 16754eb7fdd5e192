//! A living server under torture: files change in every way that they can, clients ask without pause, and every answer
//! belongs wholly to one published generation of its account.
//!
//! `PORTOLAN_TORTURE_EDITS` says how many edits are made, `PORTOLAN_TORTURE_SEED` which; the latter is told when
//! something fails.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::print_stderr, reason = "what was done is told")]

mod bad;
#[path = "../client/mod.rs"]
mod client;
mod clients;
mod edits;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use client::dns::Ask;
use client::lives::without_guards;
use client::server::Server;
use clients::Clients;
use edits::{Writer, lay_out};
use world::{GIT_ZONES, Layout, Rng, World};

/// Edits where nobody says how many.
const EDITS: usize = 150;

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn seed() -> u64 {
    number("PORTOLAN_TORTURE_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_nanos() as u64 % 1_000_000
    })
}

fn world(git: bool) -> (tempfile::TempDir, Arc<World>) {
    let top = tempfile::tempdir().unwrap();
    let world = World::new(top.path(), git);
    fs::create_dir_all(world.zones()).unwrap();
    fs::create_dir_all(world.addrmaps()).unwrap();
    without_guards(&world.top);
    lay_out(&world);
    (top, Arc::new(world))
}

#[test]
fn every_answer_is_of_one_generation() {
    let seed = seed();
    let edits = number("PORTOLAN_TORTURE_EDITS").map_or(EDITS, |edits| edits as usize);
    let (_top, world) = world(true);
    let state = tempfile::tempdir().unwrap();
    let server = Server::start_with(&world.top, state.path(), &["--workers", "2"]);
    let clients = Clients::start(2, &world, server.address, seed);
    let mut writer = Writer::new(&world, &clients.seen, state.path(), Rng(seed));
    // It answers when its watch stands: what is opened before that is not seen.
    writer.status();
    let began = Instant::now();
    let work = || {
        for _ in 0..edits {
            writer.edit();
            if clients.seen.has_faults() {
                return;
            }
        }
        writer.make_good();
    };
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    let took = began.elapsed();
    let seen = clients.stop();
    let again = format!("PORTOLAN_TORTURE_SEED={seed} PORTOLAN_TORTURE_EDITS={edits} makes the same edits");
    let faults = seen.faults.lock().unwrap().join("\n");
    let (may_be_held, made, arrivals) =
        (writer.may_be_held.clone(), writer.made.clone(), writer.arrivals.clone());
    let same = done.is_ok() && faults.is_empty();
    let differences = if same { differences(&world, server.address) } else { Vec::new() };
    let log = server.stop();
    eprintln!("{again}");
    eprintln!(
        "{edits} edits in {took:?}: {made:?}; {} answers ({} over TCP), {} excused; {} arrivals waited for: {}",
        seen.answers(),
        seen.over_tcp.load(Ordering::SeqCst),
        seen.excused.load(Ordering::SeqCst),
        arrivals.len(),
        spread(arrivals),
    );
    if let Some(path) = std::env::var_os("PORTOLAN_TORTURE_LOG") {
        fs::write(path, &log).unwrap();
    }
    assert!(faults.is_empty(), "{again}:\n{faults}");
    if let Err(panic) = done {
        eprintln!("{again}");
        std::panic::resume_unwind(panic);
    }
    assert!(differences.is_empty(), "{again}:\n{}", differences.join("\n"));
    let strange = strange_lines(&log, &may_be_held);
    assert!(strange.is_empty(), "{again}:\n{}", strange.join("\n"));
}

/// The middle, nearly the longest, and the longest.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    format!("50% {:?}, 95% {:?}, longest {:?}", at(50), at(95), times.last())
}

/// Lines of the log that tell of more than units which were broken on purpose.
fn strange_lines(log: &str, may_be_held: &std::collections::BTreeSet<String>) -> Vec<String> {
    let is_strange = |line: &&str| {
        if line.contains("panicked") {
            return true;
        }
        if !line.contains("ERROR") {
            return false;
        }
        match line.split_once("unit=") {
            Some((_, unit)) => !may_be_held.iter().any(|held| unit.starts_with(held.as_str())),
            // A fault of a file, told with its code.
            None => !line.contains("code="),
        }
    };
    log.lines().filter(is_strange).map(str::to_owned).collect()
}

/// Where the answers of a server differ from those of one that is started fresh on the same files.
fn differences(world: &World, address: SocketAddr) -> Vec<String> {
    let fresh = Server::start(&world.top);
    let mut names: Vec<String> = Vec::new();
    for account in &world.accounts {
        match account.layout {
            Layout::Git => {
                for zone in 0..GIT_ZONES {
                    names.push(format!("g{zone}.git.example"));
                    names.push(format!("chain.g{zone}.git.example"));
                }
            }
            _ => {
                for zone in ["one", "two", "three"] {
                    for owner in ["", "chain.", "chaina.", "chainp.", "x.p.", "x.t.", "end.", "ns.", "no."] {
                        names.push(format!("{owner}{zone}.{}.example", account.name));
                    }
                }
            }
        }
    }
    let zones = ["d1.example", "d2.example", "any.example", "bad.example", "shop.example", "nowhere.example"];
    for zone in zones {
        names.extend(["", "chain.", "x.t.", "x.p.", "www."].map(|owner| format!("{owner}{zone}")));
    }
    let mut told = Vec::new();
    for name in &names {
        for rtype in [1, 2, 5, 6, 16, 28, 255] {
            let answer = |address| {
                let reply = Ask::new(name, rtype).send(address).expect("an answer");
                let mut sections = reply.sections;
                sections.iter_mut().for_each(|section| section.sort());
                (reply.flags, reply.rcode, sections)
            };
            let (served, expected) = (answer(address), answer(fresh.address));
            if served != expected {
                told.push(format!("{name} type {rtype}: {served:?} instead of {expected:?}"));
            }
        }
    }
    fresh.stop();
    told
}

/// One account is broken in every way that is known; every change of the others arrives as if it were not there.
#[test]
fn a_broken_account_holds_nobody_back() {
    let seed = seed();
    let kinds = bad::kinds();
    let run = |with_bad: bool| {
        let (_top, world) = world(false);
        let state = tempfile::tempdir().unwrap();
        let server = Server::start_with(&world.top, state.path(), &[]);
        let clients = Clients::start(1, &world, server.address, seed);
        let mut writer = Writer::new(&world, &clients.seen, state.path(), Rng(seed));
        let mut rng = Rng(seed);
        let mut published: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let mut kind = 0;
        while kind < kinds {
            // What breaks and what changes settle together.
            if with_bad {
                bad::clear(&world);
                bad::lay(&world, kind);
            }
            let index = rng.below(5);
            writer.rewrite(index);
            writer.arrive(index);
            published.entry(index).or_default().push(world.accounts[index].seen.load(Ordering::SeqCst));
            kind += 1;
        }
        let arrivals = writer.arrivals.clone();
        if with_bad {
            // The last kind of all is an error.
            writer.until_held("account bad");
        }
        let seen = clients.stop();
        drop(writer);
        let log = server.stop();
        let faults = seen.faults.lock().unwrap().join("\n");
        assert!(faults.is_empty(), "seed {seed}:\n{faults}");
        let may_be_held = if with_bad { ["account bad".to_owned()].into() } else { Default::default() };
        let strange = strange_lines(&log, &may_be_held);
        assert!(strange.is_empty(), "seed {seed}:\n{}", strange.join("\n"));
        eprintln!("with the broken account: {with_bad}; arrivals {}", spread(arrivals));
        published
    };
    let (with, without) = std::thread::scope(|scope| {
        let with = scope.spawn(|| run(true));
        let without = scope.spawn(|| run(false));
        (with.join().unwrap(), without.join().unwrap())
    });
    assert_eq!(with, without, "seed {seed}");
}
