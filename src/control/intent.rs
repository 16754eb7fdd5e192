//! What is written down of a change before it is served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ahead::Plain;
use super::engine::{Engine, How};
use super::plan::{Plan, ZonePlan};
use super::source::Kind;
use super::state::{Faulty, Intent, Manifest, Remembered, View, differing};
use super::store::Contents;
use super::{SourcePath, remembered_map};
use crate::model::{AccountId, AddressMap, Diagnostic, MapId, Unit};

impl Engine {
    pub(super) fn intent(
        &self,
        accepted: &[Plan],
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
        how: How,
        generation: u64,
    ) -> (Intent, Contents) {
        let mut files: BTreeMap<SourcePath, Option<Remembered>> = BTreeMap::new();
        let mut contents = Contents::new();
        for (path, copy) in accepted.iter().flat_map(|plan| &plan.files) {
            let remembered = copy.as_ref().map(|copy| Remembered { digest: copy.digest, stamp: copy.stamp });
            files.insert(path.clone(), remembered);
            if let Some(copy) = copy {
                contents.insert(copy.digest, copy.content.clone());
            }
        }
        for path in self.no_longer_named(accepted) {
            files.entry(path).or_insert(None);
        }
        let faulty = self.faulty_after(accepted);
        let intent = Intent {
            generation,
            time: self.clock.now(),
            files: files.into_iter().collect(),
            // At first what is good is taken, and there is no earlier state.
            views: if how.first { Vec::new() } else { self.views_after(accepted, denied) },
            faulty: (faulty != self.books.faulty).then_some(faulty),
            immutable: self.immutable_after(accepted),
            approvals: differing(&self.remembered_standing.approvals, &self.books.standing.approvals),
            pins: differing(&self.remembered_standing.pins, &self.books.standing.pins),
        };
        (intent, contents)
    }

    /// The intent as it is remembered: with the zones that have no plans, and against what is remembered where that is
    /// not what is served.
    pub(super) fn with_plain(&self, intent: &Intent, plain: &[Plain]) -> Intent {
        let mut whole = intent.clone();
        whole.files.reserve_exact(plain.len());
        whole.files.extend(
            plain
                .iter()
                .map(|zone| (zone.path.clone(), Some(Remembered { digest: zone.digest, stamp: zone.stamp }))),
        );
        whole.files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let Some(base) = &self.base else { return whole };
        let mut after = Manifest {
            immutable: base.immutable.clone(),
            approvals: base.approvals.clone(),
            ..Manifest::default()
        };
        after.apply(&whole);
        Intent::between(base, &after)
    }

    /// Files that were named by sources that no longer name them, and by no other.
    pub(super) fn no_longer_named(&self, accepted: &[Plan]) -> BTreeSet<SourcePath> {
        let mut after: BTreeMap<&SourcePath, &BTreeSet<SourcePath>> = BTreeMap::new();
        let nothing = BTreeSet::new();
        for plan in accepted {
            after.extend(
                plan.files.iter().filter(|(_, copy)| copy.is_none()).map(|(path, _)| (path, &nothing)),
            );
            after.extend(&plan.names);
        }
        let before = after.keys().filter_map(|by| self.books.names.get(*by)).flatten();
        before
            .filter(|named| named.kind() == Kind::Other)
            .filter(|named| {
                let still = |by: &SourcePath| match after.get(by) {
                    Some(names) => names.contains(*named),
                    None => self.books.names.get(by).is_some_and(|names| names.contains(*named)),
                };
                let by = self.books.named_by.get(*named);
                !by.is_some_and(|by| by.iter().any(still))
                    && !after.values().any(|names| names.contains(*named))
            })
            .cloned()
            .collect()
    }

    /// What accounts see of the operator's files: those that are held where these files move on, those that catch up with
    /// them, and those that go back to what they saw once.
    pub(super) fn views_after(
        &self,
        accepted: &[Plan],
        denied: &BTreeMap<Unit, Vec<Diagnostic>>,
    ) -> Vec<(AccountId, Option<View>)> {
        let mut views = Vec::new();
        for plan in accepted.iter().filter(|plan| plan.operators.is_some()) {
            let Some(account) = plan.account() else { continue };
            let served = self.books.accounts.get(account).and_then(|served| served.view.as_ref());
            if served != plan.view.as_ref() {
                views.push((account.clone(), plan.view.clone()));
            }
        }
        let Some(operator) = accepted.iter().find(|plan| plan.unit == Unit::Operator) else { return views };
        for unit in denied.keys() {
            let Unit::Account(account) = unit else { continue };
            if !self.moves_on_without(operator, account) {
                continue;
            }
            // One of which nothing is served sees none of them.
            let served = self.books.accounts.get(account);
            if served.is_none_or(|served| served.view.is_none())
                && !self.books.faulty.accounts.contains(account)
            {
                views.push((account.clone(), Some(self.view_of(account))));
            }
        }
        views
    }

    /// Whether the operator's files that a plan changes hold maps of an account, before or afterwards.
    pub(super) fn moves_on_without(&self, operator: &Plan, account: &AccountId) -> bool {
        let before = |path: &SourcePath| self.books.operator.files.get(path);
        operator.operator_files.iter().any(|(path, after)| {
            let maps = before(path).into_iter().chain(after).flat_map(|file| &file.maps);
            maps.into_iter().any(|map| map.account == *account)
        })
    }

    /// The operator's files that hold maps of an account, and what they name, as they are served.
    pub(super) fn view_of(&self, account: &AccountId) -> View {
        let holds = |maps: &[Arc<AddressMap>]| maps.iter().any(|map| map.account == *account);
        let files = self.books.operator.files.iter().filter(|(_, file)| holds(&file.maps));
        let with_named = files.flat_map(|(path, _)| {
            let named = self.books.names.get(path).into_iter().flatten();
            std::iter::once(path).chain(named)
        });
        with_named.filter_map(|path| Some((path.clone(), self.books.files.get(path)?.served?))).collect()
    }

    /// What never was good, after plans: what is taken is good now, or gone.
    pub(super) fn faulty_after(&self, accepted: &[Plan]) -> Faulty {
        let mut faulty = self.books.faulty.clone();
        for plan in accepted {
            match &plan.unit {
                Unit::Operator => faulty.operator = plan.faulty,
                Unit::Account(account) if plan.faulty => {
                    faulty.accounts.insert(account.clone());
                }
                Unit::Account(account) => {
                    faulty.accounts.remove(account);
                }
                Unit::Zone(_) | Unit::Nothing => {}
            }
            for (origin, (path, zone)) in &plan.zones {
                match (zone, path.account()) {
                    (ZonePlan::Faulty, Some(account)) => faulty.zones.insert(origin.clone(), account),
                    _ => faulty.zones.remove(origin),
                };
            }
        }
        faulty
    }

    /// Immutable maps that are served now and are not remembered as they are.
    pub(super) fn immutable_after(&self, accepted: &[Plan]) -> Vec<(MapId, Option<String>)> {
        let maps = accepted.iter().filter_map(|plan| plan.operators.as_ref()).flatten();
        // It is not forgotten while it is served on.
        let lets_go = |(_, account): &&(MapId, AccountId)| {
            accepted.iter().any(|plan| plan.account() == Some(account) && plan.operators.is_some())
        };
        maps.filter(|map| map.immutable)
            .map(|map| (&map.id, remembered_map::text(map)))
            .filter(|(id, text)| {
                self.books.immutable.get(*id).is_none_or(|known| remembered_map::text(known) != *text)
            })
            .map(|(id, text)| (id.clone(), Some(text)))
            .chain(self.forgotten.iter().filter(lets_go).map(|(id, _)| (id.clone(), None)))
            .collect()
    }
}
