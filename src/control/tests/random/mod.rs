//! Random edits of real files: what is served is what the files say, and a fault changes nothing of its unit.

mod edits;

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

use edits::*;
pub(super) use edits::{Step, step, take};

use super::*;
use crate::compile::compile_with;
use crate::control::content::Served;
use crate::control::state::Faulty;
use crate::control::{Loaded, load};
use crate::model::AddressSource;
use crate::snapshot::{Snapshot, ZoneEntry};

/// The account that a zone of a snapshot belongs to.
fn account_of(snapshot: &Snapshot, entry: &ZoneEntry) -> String {
    snapshot.accounts.get(entry.account).map(|account| account.id.to_string()).unwrap_or_default()
}

/// A zone of a snapshot in words, to see how it differs.
fn told(snapshot: &Snapshot, origin: &Name) -> String {
    match snapshot.zones.get(&snapshot.seed, &origin.to_lower_wire()) {
        None => "not there".into(),
        Some(entry) => format!(
            "account {}, faulty {}, ipv6 {}, governed {:?}, {} octets, version {:?}",
            account_of(snapshot, entry),
            entry.zone.is_faulty(),
            entry.ipv6,
            snapshot.governing(entry).map(|governing| (governing.source, governing.set.clone())),
            entry.zone.size(),
            entry
                .zone
                .find(&snapshot.seed, b"\x01v")
                .and_then(|node| node.rrset(RrType::TXT))
                .map(|texts| { String::from_utf8_lossy(&texts.first_rdata()[1..]).into_owned() }),
        ),
    }
}

fn brief(change: &Change) -> String {
    let held: Vec<_> =
        change.held.iter().map(|held| (&held.unit, held.problems.first().map(|found| &found.code))).collect();
    format!("{:?}, units {:?}, zones {:?}, held {held:?}", change.outcome, change.units, change.zones)
}

/// The units whose files may differ from what is served.
struct HeldNow {
    units: BTreeSet<String>,
}

impl HeldNow {
    fn of(running: &Running) -> HeldNow {
        HeldNow { units: running.held().into_iter().collect() }
    }

    fn has(&self, unit: &str) -> bool {
        self.units.contains(unit)
    }

    /// Whether a zone stays as it is served, whatever its file says.
    fn holds(&self, account: &str, origin: &Name) -> bool {
        match account {
            "default" => self.has(&format!("zone {origin}")),
            _ => self.has(&format!("account {account}")),
        }
    }
}

/// Whether two accounts want the same. Then history says who has it, and on a first start nobody is held for it but
/// for a zone.
fn is_contested(loaded: &Loaded) -> bool {
    let codes = ["zone-in-two-files", "duplicate-map-id", "two-default-snis"];
    loaded.diagnostics.iter().any(|found| codes.contains(&found.code))
}

/// What the engine serves equals what loading from nothing does, where nothing is held.
fn equals_the_files(place: &Place, running: &Running) -> Result<(), TestCaseError> {
    let held = HeldNow::of(running);
    let loaded = load(&place.sources()).unwrap();
    let fresh = compile_with(&loaded.world, 1, place.seed.clone()).snapshot;
    let served = running.engine.snapshot();
    let put_back = !running.engine.books.restored.is_empty();
    for origin in served.differences(&fresh) {
        let wire = origin.to_lower_wire();
        let entries = [
            (&*served, served.zones.get(&served.seed, &wire)),
            (&fresh, fresh.zones.get(&fresh.seed, &wire)),
        ];
        let accounts: Vec<String> =
            entries.iter().filter_map(|(of, entry)| Some(account_of(of, (*entry)?))).collect();
        let excused = held.has("the operator's files")
            || put_back
            || accounts
                .iter()
                .any(|account| held.has(&format!("account {account}")) || held.holds(account, &origin))
            || is_contested(&loaded);
        prop_assert!(
            excused,
            "{} is served as {}, the files say {}; held {:?}; {:#?}",
            origin,
            told(&served, &origin),
            told(&fresh, &origin),
            held.units,
            loaded.diagnostics.iter().map(|found| (&found.place.file, found.code)).collect::<Vec<_>>(),
        );
    }
    let in_sync = running.engine.is_in_sync();
    prop_assert_eq!(
        in_sync,
        held.units.is_empty() && !put_back,
        "differing: {:?}",
        running.engine.books.differing
    );
    Ok(())
}

/// Without a state, what is good is served as loading from nothing serves it.
fn starts_with_what_is_good(place: &Place, running: &Running) -> Result<(), TestCaseError> {
    let loaded = load(&place.sources()).unwrap();
    let fresh = compile_with(&loaded.world, 1, place.seed.clone()).snapshot;
    let served = running.engine.snapshot();
    // An operator's file that is not served is in nobody's way.
    let excused = is_contested(&loaded) || loaded.world.faulty_operator;
    for origin in served.differences(&fresh) {
        prop_assert!(
            excused,
            "{} is served first as {}, the files say {}; {:#?}",
            origin,
            told(&served, &origin),
            told(&fresh, &origin),
            loaded.diagnostics.iter().map(|found| (&found.place.file, found.code)).collect::<Vec<_>>(),
        );
    }
    Ok(())
}

/// Zones of held accounts are answered as before, but for the addresses of the anycast defaults.
fn stays(
    before: &Snapshot,
    was_faulty: bool,
    running: &Running,
    change: &Change,
) -> Result<(), TestCaseError> {
    let held = HeldNow::of(running);
    let now = running.engine.snapshot();
    for origin in before.differences(&now) {
        let Some(entry) = before.zones.get(&before.seed, &origin.to_lower_wire()) else {
            let entry = now.zones.get(&now.seed, &origin.to_lower_wire()).unwrap();
            prop_assert!(!held.holds(&account_of(&now, entry), &origin), "{} came to a held account", origin);
            continue;
        };
        let account = account_of(before, entry);
        if !held.holds(&account, &origin) {
            continue;
        }
        let there = now.zones.get(&now.seed, &origin.to_lower_wire());
        if account == "default"
            && change.units.iter().any(|unit| unit == "account default")
            && there.is_some()
        {
            // Its settings and maps are another unit.
            continue;
        }
        let by_defaults = |of: &Snapshot, entry: &ZoneEntry| match of.governing(entry) {
            Ok(governing) => governing.source == AddressSource::AnycastDefaults,
            Err(_) => true,
        };
        let only_defaults = there.is_some_and(|there| {
            there.zone == entry.zone
                && there.ipv6 == entry.ipv6
                && account_of(&now, there) == account
                // The operator's files may be good for the first time.
                && (was_faulty || by_defaults(before, entry) && by_defaults(&now, there))
        });
        prop_assert!(
            only_defaults,
            "{} of a held unit was {} and is {}; {:?}",
            origin,
            told(before, &origin),
            told(&now, &origin),
            brief(change),
        );
    }
    Ok(())
}

/// The sources that are served, and what never was good.
fn parts(engine: &Engine) -> (Vec<String>, Faulty) {
    let files = engine.books.files.iter().filter(|(_, known)| known.served.is_some());
    (files.map(|(path, _)| path.below.display().to_string()).collect(), engine.books.faulty.clone())
}

/// A start from what is remembered serves the same, and following the files afterwards changes nothing.
fn survives_a_restart(place: &Place, running: &Running, all_told: bool) -> Result<(), TestCaseError> {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(place.path("state/pack"), copy.path().join("pack")).unwrap();
    let started = Engine::start_with(
        place.sources(),
        copy.path(),
        StartFrom::State,
        place.rules,
        place.seed.clone(),
        Default::default(),
    );
    let (engine, first) = started.unwrap();
    let mut again = Running { engine, first };
    let (was, is) = (running.engine.snapshot(), again.engine.snapshot());
    let differing = was.differences(&is);
    prop_assert!(
        differing.is_empty() && was.generation == is.generation,
        "after a restart: {:?}",
        differing
            .iter()
            .map(|origin| (origin.to_string(), told(&was, origin), told(&is, origin)))
            .collect::<Vec<_>>(),
    );
    prop_assert_eq!(parts(&running.engine), parts(&again.engine), "what is served, after a restart");
    prop_assert_eq!(was.content, is.content, "the number of what is served, after a restart");
    if all_told {
        let change = again.follow();
        let is = again.engine.snapshot();
        let differing = was.differences(&is);
        prop_assert!(
            differing.is_empty(),
            "following after a restart: {:?} {:?}",
            differing
                .iter()
                .map(|origin| (origin.to_string(), told(&was, origin), told(&is, origin)))
                .collect::<Vec<_>>(),
            brief(&change),
        );
        prop_assert_eq!(again.held(), running.held(), "held after a restart: {}", brief(&change));
    }
    Ok(())
}

fn lives(first: &[(usize, u8)], steps: &[Step]) -> Result<(), TestCaseError> {
    let place = Place::with(&[("zones/here.example.zone", &zone("always"))]);
    for (file, variant) in first {
        take(&place, &Edit::Write(*file, *variant));
    }
    let mut running = place.start();
    starts_with_what_is_good(&place, &running)?;
    running.follow();
    survives_a_restart(&place, &running, true)?;
    let mut untold: BTreeSet<String> = BTreeSet::new();
    for step in steps {
        let before = running.engine.snapshot();
        let was_faulty = running.engine.books.faulty.operator;
        let mut last = Vec::new();
        for edit in &step.edits {
            last = take(&place, edit);
            untold.extend(last.iter().cloned());
        }
        let change = match step.told {
            Told::Everything => {
                untold.clear();
                running.follow()
            }
            Told::Paths => {
                let paths = std::mem::take(&mut untold);
                running.follow_paths(&place, &paths.iter().map(String::as_str).collect::<Vec<_>>())
            }
            Told::Last => {
                untold.retain(|path| !last.contains(path));
                running.follow_paths(&place, &last.iter().map(String::as_str).collect::<Vec<_>>())
            }
        };
        stays(&before, was_faulty, &running, &change)?;
        let books = &running.engine.books;
        prop_assert_eq!(&books.content, &Served::of(books), "kept from change to change and of all at once");
        prop_assert_eq!(books.content.content, running.engine.snapshot().content);
        if untold.is_empty() {
            equals_the_files(&place, &running)?;
        }
        survives_a_restart(&place, &running, untold.is_empty())?;
    }
    ends_well(&place, &mut running)
}

/// Once all files are good nothing is held, and everything is what the files say.
fn ends_well(place: &Place, running: &mut Running) -> Result<(), TestCaseError> {
    for folder in ["zones", "addrmaps"].iter().flat_map(|tree| ACCOUNTS.map(|of| format!("{tree}/{of}"))) {
        if place.path(&folder).exists() {
            place.remove(&folder);
        }
    }
    for (path, kind) in files() {
        let own_origin =
            path.split('/').nth(1).and_then(|account| ACCOUNTS.iter().position(|of| *of == account));
        let is_its = own_origin.is_some_and(|own| path.contains(&format!("/{}.zone", ORIGINS[own])))
            || (own_origin.is_none() && path.contains(ORIGINS[3]));
        let is_its = is_its && path.matches('/').count() < 3;
        if kind == Kind::Zone && !is_its {
            if place.path(&path).exists() {
                place.remove(&path);
            }
            continue;
        }
        let empty = ["extra.toml", "more.toml"].iter().any(|name| path.ends_with(name));
        let variant = if empty { 11 } else { 0 };
        place.write(&path, &content(&path, kind, variant));
    }
    let change = running.follow();
    prop_assert_eq!(running.held(), Vec::<String>::new(), "{}", brief(&change));
    equals_the_files(place, running)
}

proptest! {
    #![proptest_config(Config {
        cases: std::env::var("LIVING_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48),
        max_shrink_iters: 3000,
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn edits_become_answers_and_faults_do_not(
        first in prop::collection::vec((0..files().len(), 0..VARIANTS), 0..24),
        steps in prop::collection::vec(step(), 1..10),
    ) {
        lives(&first, &steps)?;
    }
}

/// A zone of the account `default` may name a file in the folder of an account that never was good.
#[test]
fn a_file_in_the_folder_of_a_faulty_account_is_remembered() {
    let index = |path: &str| files().iter().position(|(known, _)| known == path).unwrap();
    let step =
        |path: &str, variant| Step { edits: vec![Edit::Write(index(path), variant)], told: Told::Everything };
    let steps = [
        step("zones/acme/part.inc", 0),
        step("zones/one.example.zone", 10),
        step("zones/acme/one.example.zone", 0),
    ];
    lives(&[(index("addrmaps/main.toml"), 7)], &steps).unwrap();
}
