//! Whom guards would hold of files that no server has read: by what digest each can be approved, and who is already.

use std::collections::{BTreeMap, BTreeSet};

use super::Sources;
use super::engine::{Clock, Engine, Rules};
use super::plan::Plan;
use super::report::{Held, Problem, TripTold, Why};
use super::start::EngineError;
use super::store::Store;
use super::weigh::approval::is_of;
use super::weigh::tripping::Tripping;
use crate::judge::guards::{Since, Trip};
use crate::judge::plan;
use crate::model::{AccountId, Approval, Diagnostic, Place, Unit};
use crate::snapshot::Seed;

/// Files that would take the place of others, and what guards say to that.
#[derive(Debug)]
pub struct Minded<'a> {
    /// Where the files lie that are served.
    pub base: &'a Sources,
    /// Where those lie that would be.
    pub candidate: &'a Sources,
    /// What a server judges by.
    pub rules: Rules,
    /// What is answered otherwise.
    pub compared: &'a plan::Plan,
    /// The guards that mind it.
    pub trips: &'a [Trip],
    /// What the operator's files of the candidate approve.
    pub approvals: &'a [Approval],
    /// What stays as it was for its errors, whatever a guard says.
    pub faulty: &'a [Held],
}

impl Minded<'_> {
    /// The trips that nobody approved, and the units that are held for them, each with the digest of its content: that
    /// which a server asks for that serves the base and reads the candidate. Reads all files of both. Fails where a
    /// folder cannot be read.
    pub fn held(&self) -> Result<(Vec<TripTold>, Vec<Held>), EngineError> {
        if self.trips.is_empty() {
            return Ok(Default::default());
        }
        let before = digests(self.base, self.rules, &BTreeMap::new())?;
        let digests = digests(self.candidate, self.rules, &before)?;
        let is_faulty = |unit: &Unit| self.faulty.iter().any(|held| held.unit == unit.to_string());
        let changed = digests.iter().filter(|(unit, digest)| before.get(*unit) != Some(*digest));
        let changed = changed.map(|(unit, _)| unit).filter(|unit| !is_faulty(unit));
        let plans: Vec<Plan> = changed.map(|unit| Plan::new(unit.clone())).collect();
        let tripping = Tripping {
            plans: &plans,
            compared: self.compared,
            trips: self.trips,
            limits: &self.rules.guards,
            since: Since::Served,
        };
        let now = Clock::default().now();
        let mut trips = Vec::new();
        let mut held: BTreeMap<Unit, Held> = BTreeMap::new();
        for trip in self.trips {
            let units = tripping.units(trip);
            let is_approved = |unit: &Unit| self.is_approved(&digests[unit], now);
            // Whose doing it is need not be known for a guard to mind it.
            if !units.is_empty() && units.iter().all(is_approved) {
                continue;
            }
            trips.push(TripTold::from(trip));
            for unit in units.into_iter().filter(|unit| !is_approved(unit)) {
                let digest = &digests[&unit];
                let hint =
                    format!("if that is meant: portolan approve {digest} --reason TEXT ({})", trip.setting);
                let nowhere = Place::file(&"".into());
                let found = Diagnostic::error(trip.code, nowhere, trip.message.clone()).hint(hint);
                let told = held.entry(unit).or_insert_with_key(|unit| Held {
                    unit: unit.to_string(),
                    serving: true,
                    why: Why::Guard,
                    digest: Some(digest.clone()),
                    ..Held::default()
                });
                told.problems.push(Problem::from(&found));
            }
        }
        // Its addresses may be in what accounts lose: without it they are judged again.
        if held.contains_key(&Unit::Operator) {
            held.retain(|unit, _| *unit == Unit::Operator);
        }
        Ok((trips, held.into_values().collect()))
    }

    fn is_approved(&self, digest: &str, now: u64) -> bool {
        let holds = |said: &Approval| said.expires.is_none_or(|expires| expires > now);
        self.approvals.iter().any(|said| holds(said) && is_of(&said.digest, digest))
    }
}

/// The digests of all units that files make, and of further ones, of which nothing may be left in them.
fn digests(
    sources: &Sources,
    rules: Rules,
    further: &BTreeMap<Unit, String>,
) -> Result<BTreeMap<Unit, String>, EngineError> {
    let mut engine = Engine { rules, ..Engine::bare(sources.clone(), Store::closed(), Seed::random()) };
    engine.first()?;
    let books = &engine.books;
    let mut units: BTreeSet<Unit> = further.keys().cloned().collect();
    units.insert(Unit::Operator);
    units.insert(Unit::Account(AccountId::default_account()));
    units.extend(books.accounts.keys().cloned().map(Unit::Account));
    units.extend(books.zones.iter().map(|(origin, zone)| match zone.account.is_default() {
        true => Unit::Zone(origin.clone()),
        false => Unit::Account(zone.account.clone()),
    }));
    let digest = |unit: Unit| {
        let digest = engine.digest_of(&Plan::new(unit.clone()), &[]);
        (unit, digest)
    };
    Ok(units.into_iter().map(digest).collect())
}
