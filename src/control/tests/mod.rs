//! The engine on real files: what is served, what is held, what is remembered.

mod accounts;
mod approvals;
mod assertions;
mod audit;
mod comeback;
mod content;
mod folders;
mod former;
mod holds;
mod immutable;
mod included;
mod ledger;
mod lists;
mod operator;
mod past;
mod pinned;
mod random;
mod restart;
mod settings;
mod size;
mod state_faults;
mod together;
mod told;
mod views;
mod walk;
mod withdrawn;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::engine::How;
use super::look::Ask;
use super::report::{Change, Outcome, Problem, Trigger};
use super::{Engine, Rules, Sources, StartFrom};
use crate::answer::{self, End};
use crate::config::{Guards, Share};
use crate::model::Ownership;
use crate::snapshot::Seed;
use crate::wire::{Name, NameBuf, Question, RrType};

/// Everything passes: most tests change more of their small worlds than anybody would of a large one.
pub(super) const NO_GUARDS: Guards = Guards {
    unproxied_names: u64::MAX,
    unproxied_zone: true,
    zones_gone: Share { percent: 100, floor: u64::MAX },
    names_changed: Share { percent: 100, floor: u64::MAX },
    zone_names_gone: Share { percent: 100, floor: u64::MAX },
    addresses_gone: Share { percent: 100, floor: u64::MAX },
    zones_losing_family: u64::MAX,
    operator_names: u64::MAX,
    ledger_names: u64::MAX,
};

/// A folder with `zones/`, `addrmaps/` and `state/`, and an engine once it is started.
pub(super) struct Place {
    top: tempfile::TempDir,
    pub(super) seed: Seed,
    rules: Rules,
}

/// An engine that runs over a place.
pub(super) struct Running {
    pub(super) engine: Engine,
    pub(super) first: Change,
}

impl Place {
    /// With the files given, each by its path below the place.
    pub(super) fn with(files: &[(&str, &str)]) -> Place {
        let top = tempfile::tempdir().unwrap();
        for folder in ["zones", "addrmaps", "state"] {
            fs::create_dir(top.path().join(folder)).unwrap();
        }
        let place =
            Place { top, seed: Seed::random(), rules: Rules { guards: NO_GUARDS, ..Rules::default() } };
        for (path, text) in files {
            place.write(path, text);
        }
        place
    }

    /// With the guards that hold where nothing is said.
    pub(super) fn guarded(mut self) -> Place {
        self.rules.guards = Guards::default();
        self
    }

    /// All or nothing.
    pub(super) fn strict(mut self) -> Place {
        self.rules.strict = true;
        self
    }

    /// With another rule for addresses that may not serve.
    pub(super) fn ownership(mut self, ownership: Ownership) -> Place {
        self.rules.ownership = ownership;
        self
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.top.path().join(below)
    }

    pub(super) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn remove(&self, below: &str) {
        let path = self.path(below);
        match fs::symlink_metadata(&path).unwrap().is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::create_dir_all(self.path(to).parent().unwrap()).unwrap();
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(super) fn sources(&self) -> Sources {
        Sources { zones: self.path("zones"), addrmaps: self.path("addrmaps") }
    }

    pub(super) fn start_from(&self, from: StartFrom) -> Running {
        let state = self.path("state");
        let started = Engine::start_with(
            self.sources(),
            &state,
            from,
            self.rules,
            self.seed.clone(),
            Default::default(),
        );
        let (mut engine, first) = started.unwrap();
        engine.remember_start();
        Running { engine, first }
    }

    /// Starts from the state, and without one from the files.
    pub(super) fn start(&self) -> Running {
        self.start_from(StartFrom::State)
    }
}

impl Running {
    pub(super) fn follow(&mut self) -> Change {
        self.follow_as(&Ask::Everything, How::default())
    }

    pub(super) fn follow_as(&mut self, ask: &Ask, how: How) -> Change {
        self.engine.follow(Trigger::Reload, ask, &mut crate::control::look::Open, how)
    }

    /// Looks at some paths only.
    pub(super) fn follow_paths(&mut self, place: &Place, below: &[&str]) -> Change {
        let paths: BTreeSet<PathBuf> = below.iter().map(|below| place.path(below)).collect();
        self.follow_as(&Ask::Paths(paths), How::default())
    }

    /// Follows and expects that a new generation is served and nothing is held.
    #[track_caller]
    pub(super) fn publishes(&mut self) -> Change {
        let change = self.follow();
        assert_eq!(change.outcome, Outcome::Published, "{change:?}");
        assert_eq!(self.held(), [""; 0], "{change:?}");
        change
    }

    /// The response code and, for A and AAAA of proxied names, the addresses; for other A records their data.
    pub(super) fn answer_of(&self, name: &str, rtype: RrType) -> String {
        let snapshot = self.engine.snapshot();
        let name = Name::parse(name, Some(&Name::root())).unwrap();
        let lower = NameBuf::lower_of(&name);
        let outcome = answer::resolve(&snapshot, &Question::new(&lower, rtype), &mut ());
        let data = match outcome.end {
            End::Addresses(set, source, rtype) => {
                let family = set.family(rtype);
                let shown = family.bytes.chunks(family.stride).map(|record| address(&record[12..]));
                format!(" {} {}", source.as_str(), shown.collect::<Vec<_>>().join(" "))
            }
            End::Rrset(_, rrset) if rtype == RrType::A => format!(" stored {}", address(rrset.first_rdata())),
            End::Rrset(_, rrset) => format!(" {}", String::from_utf8_lossy(&rrset.first_rdata()[1..])),
            _ => String::new(),
        };
        format!("{}{data}", outcome.rcode)
    }

    pub(super) fn a(&self, name: &str) -> String {
        self.answer_of(name, RrType::A)
    }

    /// The text of the name `v` of a zone: which version of it is served.
    pub(super) fn version(&self, zone: &str) -> String {
        self.answer_of(&format!("v.{zone}"), RrType::TXT)
    }

    /// The units that are held.
    pub(super) fn held(&self) -> Vec<String> {
        self.engine.held().into_iter().map(|held| held.unit).collect()
    }

    /// The codes of what a unit is held for.
    pub(super) fn why(&self, unit: &str) -> Vec<String> {
        let held = self.engine.held().into_iter().filter(|held| held.unit == unit);
        let mut codes: Vec<String> =
            held.flat_map(|held| held.problems).map(|problem: Problem| problem.code).collect();
        codes.dedup();
        codes
    }
}

/// Waits until the clock of the file system has moved on, so that what was written before is known by its stamp.
pub(super) fn let_stamps_settle(place: &Place) {
    let probe = place.path("probe");
    let begun = Instant::now();
    fs::write(&probe, "").unwrap();
    let written = fs::metadata(&probe).unwrap().modified().unwrap();
    while written.elapsed().unwrap_or_default() < Duration::from_millis(150) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the clock does not move");
        std::thread::yield_now();
    }
    fs::remove_file(probe).unwrap();
}

/// A zone with a proxied name `www`, one that is not, `direct`, and the name `v` that tells versions apart.
pub(super) fn zone(version: &str) -> String {
    format!(
        "@ 60 IN SOA ns.invalid. ns.invalid. 1 7200 900 1209600 300\n@ 60 IN NS ns.invalid.\n\
         www 1 IN A 198.51.100.1 ; cf_tags=cf-proxied:true\n\
         direct 60 IN A 198.51.100.2 ; cf_tags=cf-proxied:false\n\
         v 60 IN TXT \"{version}\"\n"
    )
}

/// The same, with a file included.
pub(super) fn zone_with(version: &str, file: &str) -> String {
    format!("{}$INCLUDE {file}\n", zone(version))
}

/// What no reader takes.
pub(super) const BROKEN: &str = "this is { not [ anything\n";

/// A map; `rest` holds its members and whatever else.
pub(super) fn map(id: &str, address: &str, rest: &str) -> String {
    format!("[[address_map]]\nid = \"{id}\"\nenabled = true\nips = [\"{address}\"]\n{rest}\n")
}

/// The same, by the operator for an account.
pub(super) fn operators_map(id: &str, account: &str, address: &str, rest: &str) -> String {
    map(id, address, &format!("account = \"{account}\"\n{rest}"))
}

pub(super) fn anycast(address: &str) -> String {
    format!("[anycast]\nipv4 = [\"{address}\"]\nipv6 = [\"2001:db8::10\"]\n")
}

fn address(octets: &[u8]) -> String {
    match <[u8; 4]>::try_from(octets) {
        Ok(octets) => std::net::Ipv4Addr::from(octets).to_string(),
        Err(_) => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(octets).unwrap()).to_string(),
    }
}

fn exists(path: &std::path::Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
