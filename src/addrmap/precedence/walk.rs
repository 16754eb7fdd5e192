//! The precedence in words: every level, the maps considered there, and why it won or not.

use serde::{Deserialize, Serialize};

use super::{Decision, NoAddresses, Precedence};
use crate::addrmap::names::shown;
use crate::model::{AccountId, AddressMap, AddressSource};
use crate::wire::Name;

/// A decision and the way to it.
#[derive(Clone, Debug)]
pub struct Walk<'w> {
    /// The four levels, strongest first.
    pub levels: [Level<'w>; 4],
    /// What was decided; always what [`Precedence::govern`] says.
    pub decision: Decision<'w>,
}

/// One level of the precedence.
#[derive(Clone, Debug)]
pub struct Level<'w> {
    /// Which.
    pub source: AddressSource,
    /// What came of it.
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
    /// The maps that are there for this zone or account, disabled ones included; none for the defaults.
    pub maps: Vec<Considered<'w>>,
}

/// A map that was looked at.
#[derive(Clone, Debug)]
pub struct Considered<'w> {
    /// The map.
    pub map: &'w AddressMap,
    /// Whether it is the one that governs.
    pub chosen: bool,
    /// Why or why not, in words.
    pub reason: String,
}

/// What came of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its addresses are answered.
    Chosen,
    /// It has none to give, the next level is asked.
    PassedOver,
    /// A stronger level decided.
    NotNeeded,
}

impl Verdict {
    /// The verdict as one word for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Chosen => "chosen",
            Verdict::PassedOver => "passed_over",
            Verdict::NotNeeded => "not_needed",
        }
    }
}

impl<'w> Walk<'w> {
    pub(super) fn new(precedence: &Precedence<'w>, account: &AccountId, origin: &Name) -> Walk<'w> {
        let decision = precedence.govern(account, origin);
        let zone = shown(origin);
        let levels = AddressSource::ALL.map(|source| {
            let maps: Vec<&AddressMap> = match source {
                AddressSource::ZoneMap => precedence.zone_maps(account, origin).collect(),
                AddressSource::AccountMap => precedence.account_maps(account).collect(),
                AddressSource::ImmutableMap => precedence.immutable_maps(account).collect(),
                AddressSource::AnycastDefaults => Vec::new(),
            };
            let member = match source {
                AddressSource::ZoneMap => format!("zone {zone} is a member"),
                AddressSource::AccountMap => format!("account {account} is a member"),
                _ => format!("it is the immutable map of account {account}"),
            };
            let verdict = match decision.source() {
                Some(chosen) if chosen == source => Verdict::Chosen,
                Some(chosen) if chosen < source => Verdict::NotNeeded,
                _ => Verdict::PassedOver,
            };
            let maps = consider(maps, &decision, verdict, &member);
            let reason = reason(precedence, account, source, verdict, &decision, &maps);
            Level { source, verdict, reason, maps }
        });
        Walk { levels, decision }
    }
}

/// Each map of a level with its reason.
fn consider<'w>(
    maps: Vec<&'w AddressMap>,
    decision: &Decision<'w>,
    verdict: Verdict,
    member: &str,
) -> Vec<Considered<'w>> {
    let judge = |map: &'w AddressMap| {
        let chosen =
            verdict == Verdict::Chosen && decision.map().is_some_and(|governor| std::ptr::eq(governor, map));
        let reason = if chosen {
            format!("map {} is enabled and {member}", map.id)
        } else if !map.enabled {
            format!("map {} is disabled", map.id)
        } else if map.is_empty() {
            format!("map {} is enabled and has no address", map.id)
        } else {
            match (verdict, decision.map(), decision) {
                (Verdict::Chosen, Some(governor), _) => {
                    format!("map {} is enabled too, but map {} goes before it", map.id, governor.id)
                }
                (_, _, Decision::Nothing(nothing)) => nothing.to_string(),
                _ => format!("map {} is enabled, but a stronger level decided", map.id),
            }
        };
        Considered { map, chosen, reason }
    };
    maps.into_iter().map(judge).collect()
}

/// Why a level won or not.
fn reason(
    precedence: &Precedence<'_>,
    account: &AccountId,
    source: AddressSource,
    verdict: Verdict,
    decision: &Decision<'_>,
    maps: &[Considered<'_>],
) -> String {
    if let Decision::Nothing(nothing @ (NoAddresses::OperatorFaulty | NoAddresses::AccountFaulty)) = decision
    {
        return nothing.to_string();
    }
    let forbidden = match precedence.shared_forbidden(account) {
        Some(NoAddresses::HasImmutableMap) => {
            Some(format!("account {account} has an immutable map and never gets shared addresses"))
        }
        Some(_) => Some(format!("account {account} does not use shared addresses")),
        None => None,
    };
    match (verdict, source) {
        (Verdict::NotNeeded, AddressSource::AnycastDefaults) if forbidden.is_some() => {
            forbidden.unwrap_or_default()
        }
        (Verdict::NotNeeded, _) => "not needed: a stronger level decided".to_string(),
        (Verdict::Chosen, AddressSource::AnycastDefaults) => {
            format!("no map governs the zone and account {account} uses shared addresses")
        }
        (Verdict::Chosen, _) => {
            let chosen = maps.iter().find(|considered| considered.chosen);
            chosen.map(|considered| considered.reason.clone()).unwrap_or_default()
        }
        (Verdict::PassedOver, AddressSource::AnycastDefaults) => {
            forbidden.unwrap_or_else(|| "there are no anycast defaults".to_string())
        }
        (Verdict::PassedOver, _) if maps.is_empty() => "no such map".to_string(),
        (Verdict::PassedOver, _) => {
            maps.iter().map(|considered| considered.reason.as_str()).collect::<Vec<_>>().join("; ")
        }
    }
}
