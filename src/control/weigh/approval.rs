//! By whose word content passes that a guard minds, and what whoever is asked for theirs should look at.

use super::DIGITS;
use crate::control::SourcePath;
use crate::control::engine::Engine;
use crate::control::plan::Plan;
use crate::control::report::ApprovalTold;
use crate::control::source::Kind;
use crate::judge::guards::Trip;
use crate::model::{Unit, utc};

impl Engine {
    /// The approval that lets content pass: that of a command before one of the operator's files as they would be.
    pub(super) fn approval_of(&self, plans: &[Plan], unit: &Unit, digest: &str) -> Option<ApprovalTold> {
        let now = self.clock.now();
        let holds = |expires: Option<u64>| expires.is_none_or(|expires| expires > now);
        let told = |by: &str, reason: &str, place| ApprovalTold {
            unit: unit.to_string(),
            digest: digest.to_owned(),
            by: by.to_owned(),
            reason: reason.to_owned(),
            place,
        };
        let by_command = self.books.standing.approvals.iter();
        let mut by_command = by_command.filter(|(of, said)| is_of(of, digest) && holds(said.expires));
        if let Some((_, said)) = by_command.next() {
            return Some(told(&said.by, &said.reason, None));
        }
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let mut by_file = self.books.approvals_after(operator);
        let said = by_file.find(|said| is_of(&said.digest, digest) && holds(said.expires))?;
        Some(told(&said.by, &said.reason, Some(said.place.clone())))
    }

    /// That the operator's files approve of content, and did so too long ago: a text to begin a hint with.
    pub(super) fn void_approval(&self, plans: &[Plan], digest: &str) -> Option<String> {
        let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
        let mut of_it = self.books.approvals_after(operator).filter(|said| is_of(&said.digest, digest));
        let (said, expired) = of_it.find_map(|said| Some((said, said.expires?)))?;
        Some(format!("the approval at {} expired {}; ", said.place, utc(expired)))
    }

    /// The file of a plan that was edited, of several the master file of a zone that a guard speaks of; what others
    /// include comes last.
    pub(super) fn changed_file<'p>(&self, plan: &'p Plan, trip: &Trip) -> Option<&'p SourcePath> {
        let served = |path: &SourcePath| self.books.files.get(path).and_then(|known| known.served);
        let changed = plan.files.iter().filter(|(path, copy)| {
            let digest = copy.as_ref().map(|copy| copy.digest);
            digest != served(path)
        });
        let rank = |path: &&SourcePath| match path.kind() {
            Kind::Zone(origin) if trip.message.contains(&origin.to_string()) => 0,
            Kind::Other => 2,
            _ => 1,
        };
        let edited = changed.map(|(path, _)| path).min_by_key(rank);
        edited.or_else(|| plan.files.keys().next())
    }
}

/// Whether an approval is of content with this digest. A file may write more digits than are shown.
fn is_of(approved: &str, digest: &str) -> bool {
    approved.starts_with(digest) || (approved.len() >= DIGITS && digest.starts_with(approved))
}
