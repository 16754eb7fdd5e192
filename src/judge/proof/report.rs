//! What a proof comes to: counts that are kept with a generation, and what is broken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{AddressSource, Diagnostic, Severity, Unit};

/// Counts of a proof. Parts that were proved beside each other add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Zones enumerated, those that are answered SERVFAIL included.
    pub zones: u64,
    /// Names in them that own records.
    pub names: u64,
    /// Names in them that own none, with others below: empty non-terminals (RFC 9499, 7).
    pub empty_names: u64,
    /// Questions asked of the snapshot.
    pub questions: u64,
    /// Questions that lead into zones which the world given does not hold: what is answered there was not judged.
    pub beyond: u64,
    /// Zones with proxied names, by what governs them.
    pub levels: Levels,
    /// Assertions judged, each once for every zone with proxied names that it is about.
    pub assertions: u64,
    /// Properties broken, each counted once a zone, account or map. Warnings are not among them.
    pub broken: u64,
}

/// Zones with proxied names by the level that governs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Levels {
    /// A map of which the zone is a member.
    pub zone_map: u64,
    /// An ordinary map of the account.
    pub account_map: u64,
    /// The account's immutable map.
    pub immutable_map: u64,
    /// The anycast defaults.
    pub anycast_defaults: u64,
    /// Nothing: SERVFAIL.
    pub nothing: u64,
}

impl Levels {
    pub(super) fn count(&mut self, source: Option<AddressSource>) {
        *match source {
            Some(AddressSource::ZoneMap) => &mut self.zone_map,
            Some(AddressSource::AccountMap) => &mut self.account_map,
            Some(AddressSource::ImmutableMap) => &mut self.immutable_map,
            Some(AddressSource::AnycastDefaults) => &mut self.anycast_defaults,
            None => &mut self.nothing,
        } += 1;
    }
}

impl Report {
    /// Adds the counts of another part.
    pub fn absorb(&mut self, other: &Report) {
        let Report { zones, names, empty_names, questions, beyond, levels, assertions, broken } = other;
        self.zones += zones;
        self.names += names;
        self.empty_names += empty_names;
        self.questions += questions;
        self.beyond += beyond;
        self.levels.zone_map += levels.zone_map;
        self.levels.account_map += levels.account_map;
        self.levels.immutable_map += levels.immutable_map;
        self.levels.anycast_defaults += levels.anycast_defaults;
        self.levels.nothing += levels.nothing;
        self.assertions += assertions;
        self.broken += broken;
    }
}

/// Most findings of one code that are told of one unit; the rest are only counted.
pub const TOLD_PER_CODE: usize = 20;

/// What a proof found.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The counts.
    pub report: Report,
    /// What is broken, each with the unit whose change mends it, and warnings. Of one unit and code at most
    /// [`TOLD_PER_CODE`] are here; [`Report::broken`] counts all.
    pub broken: Vec<(Unit, Diagnostic)>,
}

impl Proof {
    /// Adds another part.
    pub fn absorb(&mut self, other: Proof) {
        self.report.absorb(&other.report);
        let mut told: BTreeMap<(Unit, &'static str), usize> = BTreeMap::new();
        self.broken.extend(other.broken);
        self.broken.retain(|(unit, found)| {
            let told = told.entry((unit.clone(), found.code)).or_default();
            *told += 1;
            *told <= TOLD_PER_CODE
        });
    }
}

/// Findings while they are made: those that say the same of several zones are told once.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) report: Report,
    told: Vec<Told>,
    by_code: BTreeMap<(Unit, &'static str), Vec<usize>>,
}

#[derive(Debug)]
struct Told {
    unit: Unit,
    found: Diagnostic,
    /// What it is said of, and of how many more.
    about: Option<String>,
    more: u64,
}

impl Findings {
    /// Adds a broken property or a warning; `about` is the zone that it is said of, where others may come.
    pub(super) fn tell(&mut self, unit: Unit, found: Diagnostic, about: Option<String>) {
        self.report.broken += u64::from(found.severity == Severity::Error);
        let of_code = self.by_code.entry((unit.clone(), found.code)).or_default();
        let same = of_code.iter().copied().find(|at| {
            let told = &self.told[*at].found;
            told.place == found.place && told.message == found.message
        });
        if let Some(same) = same {
            self.told[same].more += 1;
        } else if of_code.len() < TOLD_PER_CODE {
            of_code.push(self.told.len());
            self.told.push(Told { unit, found, about, more: 0 });
        }
    }

    /// All that was found.
    pub(super) fn finish(self) -> Proof {
        let broken = self.told.into_iter().map(|Told { unit, mut found, about, more }| {
            if let Some(about) = about {
                found.message += &match more {
                    0 => format!(": zone {about}"),
                    more => format!(": zone {about} and {more} more"),
                };
            }
            (unit, found)
        });
        Proof { report: self.report, broken: broken.collect() }
    }
}
