//! By whose word content passes that a guard minds, and what whoever is asked for theirs should look at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::control::SourcePath;
use crate::control::engine::Engine;
use crate::control::plan::{Plan, files_after, maps_after};
use crate::control::report::ApprovalTold;
use crate::control::source::{Digest, Kind};
use crate::judge::guards::Trip;
use crate::model::{AddressMap, Diagnostic, MapId, MapOwner, Unit, utc};

/// Hexadecimal digits of a digest of content, as people see it.
const DIGITS: usize = 32;

/// The code of an approval in files of what was rolled back.
const ROLLED_BACK: &str = "approved-and-rolled-back";

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

    /// The digest of what a unit would be: of all its sources, and of the maps that the operator made for it. It is the
    /// same on every server that reads the same files, whatever these served before.
    pub(in crate::control) fn digest_of(&self, plan: &Plan, plans: &[Plan]) -> String {
        let books = &self.books;
        let of_unit = |path: &&SourcePath| {
            path.kind() != Kind::Other
                && path.unit().as_ref() == Some(&plan.unit)
                && plan.files[*path].is_some()
        };
        let stay = books.served_of(&plan.unit).filter(|path| !plan.files.contains_key(*path));
        let stay = stay.filter(|path| path.kind() != Kind::Other);
        // An approval of the operator's files cannot be a part of what it approves.
        let of_operator = match plan.unit {
            Unit::Operator => files_after(books, Some(plan)),
            _ => BTreeMap::new(),
        };
        let approves = |path: &SourcePath| of_operator.get(path).is_some_and(|file| file.only_approves());
        let mut sources: BTreeMap<&SourcePath, Digest> = BTreeMap::new();
        for path in stay.chain(plan.files.keys().filter(of_unit)).filter(|path| !approves(path)) {
            let named = plan.names.get(path).or_else(|| books.names.get(path)).into_iter().flatten();
            for path in std::iter::once(path).chain(named) {
                let digest = match plan.files.get(path) {
                    Some(copy) => copy.as_ref().map(|copy| copy.digest),
                    None => books.files.get(path).and_then(|known| known.served),
                };
                sources.extend(digest.map(|digest| (path, digest)));
            }
        }
        // Of what goes nothing is left but its name.
        let mut octets = format!("{}\n", plan.unit).into_bytes();
        for (path, digest) in sources {
            octets.extend(path.to_bytes());
            octets.push(0);
            octets.extend(digest.0);
        }
        if let Some(account) = plan.account() {
            let maps = maps_after(&self.books, account, plan);
            // What is served from memory alone is not the same everywhere.
            let operator = plans.iter().find(|plan| plan.unit == Unit::Operator);
            let files = files_after(books, operator);
            let in_files: BTreeSet<&MapId> =
                files.values().flat_map(|file| &file.maps).map(|map| &map.id).collect();
            let operators =
                |map: &&Arc<AddressMap>| map.owner == MapOwner::Operator && in_files.contains(&map.id);
            for map in maps.iter().filter(operators) {
                let members = map.memberships.iter().map(|membership| &membership.member);
                let members: Vec<String> = members.map(|member| format!("{member:?}")).collect();
                let text = crate::control::remembered_map::text(map);
                octets.extend(format!("{text}{} {} {members:?}\n", map.enabled, map.immutable).bytes());
            }
        }
        let mut digest = Digest::of(&octets).to_string();
        digest.truncate(DIGITS);
        digest
    }

    /// What was approved of the content that plans leave: the digests, and where the operator's files approve it as
    /// well, which stands for as long as it is written there.
    pub(in crate::control) fn approvals_left(&self, plans: &[Plan]) -> (Vec<String>, Vec<Diagnostic>) {
        let mut told = Vec::new();
        let mut digests = Vec::new();
        for plan in plans {
            let digest = self.digest_of(&Plan::new(plan.unit.clone()), &[]);
            // A unit may change by what others' files say and stay what it was.
            if digest == self.digest_of(plan, plans) {
                continue;
            }
            let in_files =
                self.books.approvals_after(None).filter(|approval| is_of(&approval.digest, &digest));
            told.extend(in_files.map(|approval| {
                let message = format!("what was rolled back of {} is approved here", plan.unit);
                Diagnostic::warning(ROLLED_BACK, approval.place.clone(), message)
                    .hint("take this out, or `portolan resume` serves the same content again")
            }));
            digests.push(digest);
        }
        (digests, told)
    }
}

/// Whether an approval is of what has a digest. A file may write more digits than are shown.
pub(in crate::control) fn is_of(approved: &str, digest: &str) -> bool {
    approved.starts_with(digest) || (approved.len() >= DIGITS && digest.starts_with(approved))
}
