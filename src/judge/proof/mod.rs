//! The proof: every answer that a world calls for, worked out by a second, plain reading of the rules, against what
//! `answer::resolve` makes of the snapshot.
//!
//! Enumerated are all zones, and of each every owner, every empty non-terminal and one synthetic name below each of
//! them, with A, AAAA, CNAME and ANY; of proxied names also the types stored there, and of every RRset that brings
//! additional data the whole message. What is expected comes from `expected`, which knows neither how maps are
//! chosen nor how zones are compiled in the rest of the house; what is answered is asked, never read from the
//! compiler's own tables.
//!
//! Invariant: pure; a proof of a part of the zones says of them what a proof of all says.

mod account;
mod additional;
mod agreement;
mod blame;
mod claims;
pub mod code;
mod eligible;
mod expected;
mod latent;
mod report;
mod zone;

pub use latent::if_enabled;
pub use report::{Levels, Proof, Report, TOLD_PER_CODE};

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use claims::Claims;
use eligible::Eligibility;
use expected::Rules;
use report::Findings;
use zone::Pass;

use crate::model::{AccountId, Diagnostic, LoadedZone, Place, Unit, World};
use crate::snapshot::Snapshot;
use crate::wire::Name;

/// Proves the zones that a world holds, and its accounts, against what a snapshot answers.
///
/// The world may be a part: the zones of interest with all maps and settings of their accounts, the ledger, the
/// anycast defaults and the assertions. Where an answer leads into a zone that is served but not in the world, it is
/// judged up to there.
pub fn prove(world: &World, snapshot: &Snapshot) -> Proof {
    prove_in_steps(world, snapshot, &|| {})
}

/// The same, in steps: between them whoever is given is called.
pub fn prove_in_steps(world: &World, snapshot: &Snapshot, between: &dyn Fn()) -> Proof {
    let prover = Prover::new(world);
    between();
    let mut proof = prover.zones_in_steps(snapshot, &world.zones, between);
    between();
    proof.absorb(prover.accounts(snapshot));
    proof
}

/// A world made ready to be proved, by several at once if need be: building it costs as much as its maps have members
/// and its zones are many; nothing of it depends on the snapshot.
#[derive(Debug)]
pub struct Prover<'w> {
    rules: Rules<'w>,
    eligibility: Eligibility<'w>,
    claims: Claims<'w>,
    /// The places of each account's zones.
    of_account: HashMap<&'w AccountId, Vec<u32>, RandomState>,
    /// The anycast defaults.
    shared: HashSet<IpAddr, RandomState>,
}

impl<'w> Prover<'w> {
    /// Indexes the maps, zones, assertions and prefixes of a world.
    pub fn new(world: &'w World) -> Prover<'w> {
        let rules = Rules::new(world);
        let mut of_account: HashMap<&AccountId, Vec<u32>, RandomState> = HashMap::default();
        for (place, zone) in (0..).zip(&world.zones) {
            of_account.entry(&zone.account).or_default().push(place);
        }
        let anycast = world.anycast.iter();
        let shared = anycast.flat_map(|anycast| {
            let ipv4 = anycast.ipv4.iter().copied().map(IpAddr::from);
            ipv4.chain(anycast.ipv6.iter().copied().map(IpAddr::from))
        });
        let shared = shared.collect();
        let claims = Claims::new(&rules);
        Prover { eligibility: Eligibility::new(world), claims, rules, of_account, shared }
    }

    /// Proves some of the world's zones: what they are answered, who governs them, and the assertions about them.
    /// Zones that are not the world's are passed over.
    pub fn zones(&self, snapshot: &Snapshot, zones: &[LoadedZone]) -> Proof {
        self.zones_in_steps(snapshot, zones, &|| {})
    }

    /// The same, in steps of some names: between them whoever is given is called.
    pub fn zones_in_steps(&self, snapshot: &Snapshot, zones: &[LoadedZone], between: &dyn Fn()) -> Proof {
        let mut pass = Pass::new(self, snapshot, between);
        for place in zones.iter().filter_map(|zone| self.rules.zone_at(&zone.origin)) {
            pass.prove(place);
        }
        pass.proof.finish()
    }

    /// Proves what no zone shows: what accounts fall back to, maps that contradict each other, and what disabled maps
    /// would break.
    pub fn accounts(&self, snapshot: &Snapshot) -> Proof {
        let mut findings = Findings::default();
        account::prove(self, snapshot, &mut findings);
        latent::tell(self, &mut findings);
        findings.finish()
    }

    /// Tells of zones that are served and not in the world; to be asked of a whole world only.
    pub fn strangers(&self, snapshot: &Snapshot) -> Proof {
        let mut findings = Findings::default();
        for entry in snapshot.zones.iter().filter(|entry| self.rules.zone_of(entry.zone.origin()).is_none()) {
            let Ok(origin) = Name::from_wire(entry.zone.origin()) else { continue };
            let place = Place::file(&origin.to_string().into());
            let message = format!("zone {origin} is served, but no file holds it");
            let found = Diagnostic::error(code::UNKNOWN_ZONE, place, message);
            findings.tell(Unit::Zone(origin), found.hint(blame::NOT_OF_THESE_FILES), None);
        }
        findings.finish()
    }

    /// Whether an address is one of the anycast defaults.
    fn is_shared(&self, address: IpAddr) -> bool {
        self.shared.contains(&address)
    }
}
