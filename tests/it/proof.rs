//! The proof against brute force: its verdict on generated worlds, sound and tampered with, is that of asking every name
//! and type and judging by plain rules.

use std::cell::RefCell;
use std::collections::BTreeMap;

use portolan::compile::compile;
use portolan::judge::proof::{Prover, prove};
use portolan::wire::Name;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::support::text;
use crate::worlds::{FULL, SMALL, worlds};

#[path = "proof/brute.rs"]
mod brute;
#[path = "proof/properties/mod.rs"]
mod properties;
#[path = "proof/tamper.rs"]
mod tamper;

use brute::Verdict;
use tamper::{Dice, Tampered};

/// Small worlds of one run; as many as `PORTOLAN_PROOF_WORLDS` says where it is set.
const WORLDS: u32 = 1500;

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

#[test]
fn the_verdict_is_that_of_brute_force() {
    let cases = std::env::var("PORTOLAN_PROOF_WORLDS").ok().and_then(|value| value.parse().ok());
    let met: RefCell<BTreeMap<String, u64>> = RefCell::default();
    let result = runner(cases.unwrap_or(WORLDS)).run(&(worlds(SMALL), any::<u64>()), |(spec, dice)| {
        let mut world = spec.build(&Name::root());
        let mut dice = Dice::new(dice);
        tamper::furnish(&mut world, &mut dice);
        let Tampered { proven, snapshot, what } = tamper::tamper(world, &mut dice);
        let prover = Prover::new(&proven);
        let told = Verdict::of_proof(
            &prover.zones(&snapshot, &proven.zones),
            &prover.accounts(&snapshot),
            &prover.strangers(&snapshot),
        );
        let expected = Verdict::by_brute_force(&proven, &snapshot);
        if !told.agrees_with(&expected) {
            let zones = prover.zones(&snapshot, &proven.zones).broken;
            let accounts = prover.accounts(&snapshot).broken;
            let report = format!(
                "{what}\nproof: {told:?}\nbrute: {expected:?}\n{zones:#?}\n{accounts:#?}\n{}{:?}\n{:?}",
                text::world(&proven),
                proven.ledger,
                proven.assertions,
            );
            return Err(TestCaseError::fail(report));
        }
        let mut met = met.borrow_mut();
        *met.entry(format!("tampered: {what}")).or_default() += 1;
        for kind in expected.kinds() {
            *met.entry(kind).or_default() += 1;
        }
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(TestError::Abort(reason)) => panic!("aborted: {reason}"),
    }
    let met = met.into_inner();
    for (kind, count) in &met {
        println!("{count:8} {kind}");
    }
    for kind in Verdict::KINDS {
        assert!(met.get(*kind).is_some_and(|count| *count >= 5), "hardly ever met: {kind}");
    }
}

#[test]
fn large_sound_worlds_pass() {
    let result = runner(200).run(&worlds(FULL), |spec| {
        let world = spec.build(&Name::root());
        let snapshot = compile(&world, 1).snapshot;
        let proof = prove(&world, &snapshot);
        // The generator makes immutable maps without addresses.
        let is_other = |code: &str| code != "proof-immutable-not-honoured" && code != "latent-fault";
        let broken: Vec<_> = proof.broken.iter().filter(|(_, found)| is_other(found.code)).collect();
        match broken.is_empty() {
            true => Ok(()),
            false => Err(TestCaseError::fail(format!("{broken:#?}\n{}", text::world(&world)))),
        }
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// A part of a world says of its zones what all of it says, and nothing of others.
#[test]
fn a_part_says_what_the_whole_says() {
    let result = runner(300).run(&(worlds(SMALL), any::<u64>()), |(spec, dice)| {
        let mut dice = Dice::new(dice);
        let Tampered { proven, snapshot, what } = tamper::tamper(spec.build(&Name::root()), &mut dice);
        for zone in &proven.zones {
            let mut part = proven.clone();
            part.zones = vec![zone.clone()];
            let of_part = Prover::new(&part).zones(&snapshot, &part.zones);
            let of_whole = Prover::new(&proven).zones(&snapshot, std::slice::from_ref(zone));
            let whole: Vec<_> = of_whole.broken.iter().map(|(unit, found)| (unit, found.code)).collect();
            for (unit, found) in &of_part.broken {
                // What leads beyond is not judged, so a part may say less.
                if !whole.contains(&(unit, found.code)) {
                    let report = format!("{what}: {found:?} of {}\n{}", zone.origin, text::world(&proven));
                    return Err(TestCaseError::fail(report));
                }
            }
            if of_part.report.beyond == 0 && of_part.broken.len() != of_whole.broken.len() {
                let report = format!("{what}: {:#?}\n{:#?}", of_part.broken, of_whole.broken);
                return Err(TestCaseError::fail(report + &text::world(&proven)));
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// What a full proof costs, for people who look: by hand, and with a name to run it by.
#[test]
#[ignore = "a figure, not a verdict"]
fn what_a_full_proof_costs() {
    let number = |variable: &str, otherwise: usize| {
        std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    };
    let world = properties::fleet(number("PORTOLAN_PROOF_ZONES", 100_000));
    let snapshot = compile(&world, 1).snapshot;
    let cores = number("PORTOLAN_PROOF_CORES", 2);
    let used = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let start = std::time::Instant::now();
    let before = used();
    let prover = Prover::new(&world);
    let indexed = start.elapsed();
    let mut proof = prover.accounts(&snapshot);
    let accounts = start.elapsed();
    let parts: Vec<_> = std::thread::scope(|scope| {
        let slices = world.zones.chunks(world.zones.len().div_ceil(cores));
        let parts: Vec<_> = slices.map(|zones| scope.spawn(|| prover.zones(&snapshot, zones))).collect();
        parts.into_iter().map(|part| part.join().expect("no panic")).collect()
    });
    for part in parts {
        proof.absorb(part);
    }
    let (all, after) = (start.elapsed(), used());
    let cpu = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1_000_000;
    assert!(proof.broken.is_empty());
    println!("{:?}: index {indexed:?}, accounts {accounts:?}, all {all:?}, {cpu} ms of CPU", proof.report);
}
