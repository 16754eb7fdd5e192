//! What is remembered of a generation, made from what was accepted before it is published.

use std::collections::BTreeMap;

use super::ahead::Plain;
use super::commit::tell_plain;
use super::commit_id::commit_of;
use super::engine::{Engine, MAX_TOLD, listed_zone};
use super::plan::{Plan, ZonePlan};
use super::report::{ApprovalTold, Change, Entry, Outcome};
use super::state::Intent;
use crate::wire::Name;

/// Who makes a change, and why, where a command says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) by: Option<String>,
    pub(super) reason: Option<String>,
}

impl Engine {
    /// What is to be known of the generation that `intent` makes. `change` is what is known of the whole change.
    pub(super) fn entry(
        &self,
        accepted: &[Plan],
        plain: &[Plain],
        intent: &Intent,
        change: &Change,
    ) -> Entry {
        let mut told = Change::default();
        for (origin, sign) in self.zone_signs(accepted) {
            listed_zone(sign, origin, &mut told.zones);
        }
        tell_plain(plain, &mut told);
        let units = accepted.iter().map(|plan| plan.unit.to_string());
        told.units.extend(units.take(MAX_TOLD.saturating_sub(told.units.len())));
        // Who approves by a command makes the generation, and is named as that.
        let is_said = |approval: &&ApprovalTold| {
            approval.place.is_none()
                && self.said.by.as_ref() == Some(&approval.by)
                && self.said.reason.as_ref() == Some(&approval.reason)
        };
        let approved = change.approved.iter().filter(|approval| !is_said(approval));
        Entry {
            generation: intent.generation,
            at: intent.time,
            trigger: change.trigger,
            units: told.units,
            zones: told.zones,
            outcome: Outcome::Published,
            cost: change.cost,
            commit: commit_of(&self.sources),
            plan: change.totals.clone(),
            proof: change.proof.clone(),
            by: self.said.by.clone(),
            reason: self.said.reason.clone(),
            approved: approved.take(MAX_TOLD).cloned().collect(),
        }
    }

    /// The zones that plans change, each with what happens: `+` it is new, `~` it changes, `-` it goes.
    pub(super) fn zone_signs<'p>(&self, accepted: &'p [Plan]) -> BTreeMap<&'p Name, char> {
        let mut signs = BTreeMap::new();
        for (origin, (path, plan)) in accepted.iter().flat_map(|plan| &plan.zones) {
            let sign = match plan {
                // Where another plan has the zone it has moved.
                ZonePlan::Removed if signs.contains_key(origin) => continue,
                ZonePlan::Removed => '-',
                _ if path.account().is_none() => continue,
                _ if self.books.zones.contains_key(origin) => '~',
                _ => '+',
            };
            signs.insert(origin, sign);
        }
        signs
    }
}
