//! `plan`: what the files would answer otherwise than what is served, than what was served once, or than another checkout
//! of them.

mod markdown;
mod text;

pub(super) use text::changes;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::args::PlanOptions;
use super::setup::Setup;
use super::{FOUND, ask, print, told};
use crate::addrmap::LedgerIndex;
use crate::compile::{Seed, TooLarge, compile_with};
use crate::control::Sources;
use crate::control::digests::Minded;
use crate::control::history::When;
use crate::control::report::{Held, PlanReport, Problem};
use crate::control::talk::{Reply, Request};
use crate::judge::LedgerLoss;
use crate::judge::guards::{self, Limits, Since, Trip};
use crate::judge::plan::plan as compare;
use crate::model::{AccountId, AddressMap, MapId, MapOwner, Ownership, World, ZoneContent};
use crate::snapshot::{Snapshot, Touched, Weight};
use crate::wire::Name;

/// With `--exit-code`: something would be answered otherwise.
const CHANGES: u8 = 3;
/// Files have no generation: they were not published.
const UNPUBLISHED: u64 = 0;

pub(super) fn plan(setup: &Setup, options: &PlanOptions) -> Result<ExitCode, String> {
    let report = match &options.from {
        Some(from) => of_files(setup, from, options.from_addrmaps.as_deref())?,
        None => of_server(setup, options.since)?,
    };
    if options.json {
        print(&told::json(&report))?;
    } else if options.markdown {
        print(&markdown::markdown(&report))?;
    } else {
        print(&text::text(&report, super::coloured(&std::io::stdout())))?;
    }
    let refused = !report.trips.is_empty() || !report.held.is_empty() || has_errors(&report.problems);
    Ok(if refused {
        ExitCode::from(FOUND)
    } else if options.exit_code && !report.plan.is_empty() {
        ExitCode::from(CHANGES)
    } else {
        ExitCode::SUCCESS
    })
}

/// Whether something is wrong enough that the candidate is not taken as it is.
fn has_errors(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == "error")
}

fn of_server(setup: &Setup, since: Option<When>) -> Result<PlanReport, String> {
    match ask::ask(setup, &Request::Plan { since })? {
        Reply::Planned(report) => Ok(*report),
        _ => Err(ask::BESIDE_THE_POINT.to_owned()),
    }
}

/// Compares the files with those of another checkout, without a server.
fn of_files(setup: &Setup, from: &Path, from_addrmaps: Option<&Path>) -> Result<PlanReport, String> {
    for (option, named) in [("--from", Some(from)), ("--from-addrmaps", from_addrmaps)] {
        if named.is_some_and(|named| named.as_os_str().is_empty()) {
            return Err(format!("{option} is empty: name the folder to compare with"));
        }
    }
    let addrmaps = from_addrmaps.map_or_else(|| from.join("addrmaps"), Path::to_path_buf);
    if from_addrmaps.is_some() && !addrmaps.is_dir() {
        return Err(format!("the folder of address maps is not there: {}", addrmaps.display()));
    }
    let sources = Sources { zones: from.join("zones"), addrmaps };
    let base = setup.load_from(&sources)?;
    setup.tell_errors(&base.diagnostics);
    let mut loaded = setup.load()?;
    let proof = loaded.prove();
    let mut problems: Vec<Problem> = loaded.diagnostics.iter().map(Problem::from).collect();
    let mut world = loaded.world;
    // Of files with errors nothing is approved.
    let approvals = if world.faulty_operator { base.approvals } else { loaded.approvals };
    let mut held = hold_back(&base.world, &mut world);
    let seed = Seed::random();
    let before = compile_with(&base.world, UNPUBLISHED, seed.clone()).snapshot;
    let after = compile_with(&world, UNPUBLISHED, seed);
    problems.extend(after.too_large.iter().map(|(origin, error)| too_large(origin, error)));
    let touched = Touched::between(&before, &after.snapshot);
    let plan = compare(&before, &after.snapshot, &touched);
    let mut trips = guards::judge(&plan, setup.guards(), Since::Served);
    trips.extend(ledger_trip(&base.world, &before, &world, setup.guards()));
    let minded = Minded {
        base: &sources,
        candidate: &setup.sources(),
        rules: setup.rules(),
        compared: &plan,
        trips: &trips,
        approvals: &approvals,
        faulty: &held,
    };
    let (trips, by_guards) = minded.held().map_err(|error| error.to_string())?;
    held.extend(by_guards);
    Ok(PlanReport { plan, proof, trips, held, problems, ..PlanReport::default() })
}

/// The guard that minds what the ledger would take away from the base's maps.
fn ledger_trip(base: &World, before: &Snapshot, world: &World, limits: &Limits) -> Option<Trip> {
    if world.ownership == Ownership::Off {
        return None;
    }
    let mut weights: HashMap<&MapId, Weight> = HashMap::new();
    for entry in before.zones.iter() {
        let governing = before.governing(entry).ok();
        if let Some(map) = governing.and_then(|governing| governing.set.map.as_ref()) {
            *weights.entry(map).or_default() += Weight::of(&entry.zone);
        }
    }
    let weight = |map: &Arc<AddressMap>| weights.get(&map.id).copied().unwrap_or_default();
    let maps = base.maps.iter().map(|map| (map.clone(), weight(map)));
    let after = LedgerIndex::new(world.ledger.clone());
    let loss = LedgerLoss::between(&LedgerIndex::new(base.ledger.clone()), &after, maps);
    guards::judge_ledger(&loss, &after, limits, Since::Served)
}

fn too_large(origin: &Name, error: &TooLarge) -> Problem {
    Problem {
        severity: "error".to_owned(),
        code: "zone-too-large".to_owned(),
        message: format!("zone {origin} cannot be served: {error}"),
        ..Problem::default()
    }
}

/// What has an error stays as it was in the base, account by account; in the account `default` zone by zone.
fn hold_back(base: &World, world: &mut World) -> Vec<Held> {
    let mut held = Vec::new();
    let mut hold = |unit: String, serving: bool| {
        held.push(Held { unit, serving, ..Held::default() });
    };
    if world.faulty_operator {
        world.faulty_operator = base.faulty_operator;
        world.anycast.clone_from(&base.anycast);
        world.ledger = base.ledger.clone();
        world.maps.retain(|map| map.owner != MapOwner::Operator);
        world.maps.extend(base.maps.iter().filter(|map| map.owner == MapOwner::Operator).cloned());
        hold("the operator's files".to_owned(), true);
    }
    let is_faulty = |content: &ZoneContent| matches!(content, ZoneContent::Faulty);
    let mut accounts: BTreeSet<AccountId> = world.faulty_accounts.iter().cloned().collect();
    let with_faults =
        world.zones.iter().filter(|zone| is_faulty(&zone.content) && !zone.account.is_default());
    accounts.extend(with_faults.map(|zone| zone.account.clone()));
    for account in &accounts {
        world.faulty_accounts.remove(account);
        world.maps.retain(|map| map.account != *account);
        world.maps.extend(base.maps.iter().filter(|map| map.account == *account).cloned());
        world.accounts.remove(account);
        let settings = base.accounts.get(account).map(|settings| (account.clone(), settings.clone()));
        world.accounts.extend(settings);
        if !account.is_default() {
            world.zones.retain(|zone| zone.account != *account);
        }
        hold(format!("account {account}"), base.zones.iter().any(|zone| zone.account == *account));
    }
    let faulty: Vec<Name> =
        world.zones.iter().filter(|zone| is_faulty(&zone.content)).map(|zone| zone.origin.clone()).collect();
    world.zones.retain(|zone| !is_faulty(&zone.content));
    let taken: BTreeSet<Name> = world.zones.iter().map(|zone| zone.origin.clone()).collect();
    for zone in base.zones.iter().filter(|zone| !taken.contains(&zone.origin)) {
        let of_account = !zone.account.is_default() && accounts.contains(&zone.account);
        if of_account || faulty.contains(&zone.origin) {
            world.zones.push(zone.clone());
        }
    }
    for origin in faulty {
        hold(format!("zone {origin}"), base.zones.iter().any(|zone| zone.origin == origin));
    }
    held
}
