//! Every property of the proof: sound files pass, and whatever breaks it is told with its code, file and line.

mod addresses;
mod answers;
mod assertions;
mod case;
mod counts;
mod fleet;
mod governors;
mod world;

pub(super) use fleet::fleet;

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan::compile::compile;
use portolan::judge::proof::{Prover, code, if_enabled, prove};
use portolan::model::{
    AccountSettings, AssertionScope, Claim, Delegation, LoadedZone, MapId, NoFiles, Ownership, Place,
    Severity, StaticIps, World, ZoneContent,
};
use portolan::wire::Name;
use portolan::zonefile::{ReadOptions, read_zone};

use crate::support::name;
use case::{Case, Cases, whole};
use world::{ZONE, account, assert_that, map, place, prefix, remove_map, sound};

fn cases() -> Vec<Case> {
    let mut cases = Cases::default();
    governors::governors(&mut cases);
    addresses::addresses(&mut cases);
    answers::answers(&mut cases);
    assertions::assertions(&mut cases);
    assertions::latent(&mut cases);
    cases.0
}

#[test]
fn sound_files_pass() {
    let mut world = sound();
    // What is prepared there would break an assertion.
    remove_map(&mut world, "acme-next");
    let proof = whole(&world, &compile(&world, 1).snapshot);
    assert!(proof.broken.is_empty(), "{:#?}", proof.broken);
    let report = proof.report;
    assert_eq!((report.zones, report.names, report.broken, report.beyond), (5, 25, 0, 0));
    assert_eq!((report.levels.zone_map, report.levels.account_map, report.levels.immutable_map), (1, 2, 1));
    assert_eq!((report.levels.anycast_defaults, report.levels.nothing), (1, 0));
    // Two of everything for five zones, one of acme for two, and one each for shop and globex.
    assert_eq!(report.assertions, 14);
    // Five names and one below each, four types; TXT at www, NS and MX at the apex.
    assert_eq!(report.questions, 5 * (10 * 4 + 3));
}

/// What is delegated or leased may serve, and what nobody enforces breaks nothing.
#[test]
fn whoever_has_a_right_passes() {
    type Edit = fn(&mut World);
    let edits: [Edit; 3] = [
        |world| {
            let cidr = "203.0.113.64/26".parse().expect("a network");
            let delegation = Delegation { cidr, account: account("globex"), place: place("ledger.toml", 8) };
            prefix(world, 0).delegations.push(delegation);
            map(world, "globex-safe").ipv4.push("203.0.113.65".parse().expect("an address"));
        },
        |world| {
            let address = "203.0.113.77".parse().expect("an address");
            let (account, map_id) = (account("globex"), MapId::new("globex-safe").expect("an id"));
            let place = place("ledger.toml", 8);
            let lease = StaticIps { account, map: map_id, ips: vec![address], place };
            Arc::make_mut(&mut world.ledger).static_ips.push(lease);
            map(world, "globex-safe").ipv4.push("203.0.113.77".parse().expect("an address"));
        },
        |world| {
            world.ownership = Ownership::Warn;
            map(world, "globex-safe").ipv4.push("203.0.113.9".parse().expect("an address"));
        },
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut world = sound();
        remove_map(&mut world, "acme-next");
        edit(&mut world);
        let proof = whole(&world, &compile(&world, 1).snapshot);
        assert!(proof.broken.is_empty(), "{number}: {:#?}", proof.broken);
    }
}

/// Before the operator's files are repaired nothing can be asserted of addresses: nobody is answered any.
#[test]
fn faulty_files_of_the_operator_break_no_assertion() {
    let mut world = sound();
    remove_map(&mut world, "acme-next");
    world.faulty_operator = true;
    let proof = whole(&world, &compile(&world, 1).snapshot);
    let codes: Vec<&str> = proof.broken.iter().map(|(_, found)| found.code).collect();
    assert!(!codes.iter().any(|code| code.starts_with("assert-")), "{codes:?}");
}

#[test]
fn every_property_is_caught_with_code_file_and_line() {
    let mut caught: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let proof = whole(&case.proven, &case.snapshot);
        let shown = |place: &Place| match place.line {
            0 => place.file.to_string(),
            line => format!("{}:{line}", place.file),
        };
        let found = proof.broken.iter().find(|(unit, found)| {
            found.code == case.code && shown(&found.place) == case.place && *unit == case.unit
        });
        match found {
            None => {
                faults.push(format!("case {number}, {} at {}: {:#?}", case.code, case.place, proof.broken))
            }
            Some((_, found)) => {
                assert!(found.hint.is_some(), "{found:?}");
                let is_warning = found.code == code::LATENT_FAULT;
                assert_eq!(found.severity == Severity::Warning, is_warning, "{found:?}");
                *caught.entry(case.code).or_default() += 1;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for code in code::ALL {
        assert!(caught.get(code).is_some_and(|cases| *cases >= 3), "{code}: {:?}", caught.get(code));
    }
}

#[test]
fn much_of_one_kind_is_counted_and_told_in_part() {
    let mut world = World::default();
    let id = account("many");
    world.accounts.insert(id.clone(), AccountSettings::new(id.clone()));
    for number in 0..100 {
        let origin = name(&format!("z{number}.example."));
        let file: Arc<str> = format!("z{number}.zone").into();
        let (data, _) =
            read_zone(&file, ZONE.as_bytes(), &origin, ReadOptions { require_tags: false }, &NoFiles);
        let content = ZoneContent::Good(Arc::new(data.expect("a good zone")));
        world.zones.push(LoadedZone { origin, account: id.clone(), content });
    }
    let snapshot = compile(&World::default(), 1).snapshot;
    let prover = Prover::new(&world);
    let mut parts = prover.zones(&snapshot, &world.zones[..50]);
    parts.absorb(prover.zones(&snapshot, &world.zones[50..]));
    assert_eq!((parts.report.zones, parts.report.broken, parts.broken.len()), (100, 100, 20));
    // What is said of many zones for one reason is told once.
    let snapshot = compile(&world, 1).snapshot;
    assert_that(&mut world, AssertionScope::Everything, Claim::FamilyRequired { ipv4: true, ipv6: false });
    let proof = prove(&world, &snapshot);
    assert_eq!((proof.report.broken, proof.broken.len()), (100, 1));
    assert!(proof.broken[0].1.message.ends_with(": zone z0.example and 99 more"), "{:?}", proof.broken[0]);
}

#[test]
fn an_enabled_map_replaces_the_present_holder() {
    let world = sound();
    let id = MapId::new("acme-next").expect("an id");
    let changed = if_enabled(&world, &id).expect("the map");
    let governs = |id: &str| -> Vec<&Name> {
        let map = changed.maps.iter().find(|map| map.id.as_str() == id).expect("a map");
        map.zones().map(|(origin, _)| origin).collect()
    };
    assert_eq!(governs("acme-next"), [&name("shop.example.")]);
    assert!(governs("shop-eu").is_empty());
    let proof = whole(&changed, &compile(&changed, 1).snapshot);
    let codes: Vec<&str> = proof.broken.iter().map(|(_, found)| found.code).collect();
    assert_eq!(codes, [code::GOVERNED_BY]);
    assert!(if_enabled(&world, &MapId::new("no-such-map").expect("an id")).is_none());
}

/// The manual has a row for every code, with its statement, an example and what mends it.
#[test]
fn the_manual_states_every_property() {
    let manual = include_str!("../../../../src/manual/proof.md");
    let rows: Vec<&str> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .filter(|(_, rest)| rest.matches(" | ").count() >= 3)
        .map(|(code, _)| code)
        .collect();
    assert_eq!(rows, code::ALL);
}
