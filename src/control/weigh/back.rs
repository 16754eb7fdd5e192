//! A candidate against what was served an hour ago: a slow leak trips a guard as well.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Instant;

use crate::compile::Applied;
use crate::control::engine::Engine;
use crate::judge::Harm;
use crate::judge::guards::{self, Since, Trip};
use crate::judge::plan::{Detail, Plan, plan_with};
use crate::model::AccountId;
use crate::snapshot::{Snapshot, Touched};

/// What came of looking back.
pub(in crate::control) struct Back {
    /// What the candidate takes away, at most: of what is served, or of what was an hour ago.
    pub(in crate::control) harm: Harm,
    /// What was compared, and the limits that are exceeded.
    pub(in crate::control) minded: Option<(Plan, Vec<Trip>)>,
    /// Zones compared.
    pub(in crate::control) compared: usize,
}

impl Engine {
    /// Compares a candidate with what was served an hour ago. What it changes itself always; all that changed since only
    /// where the sums of what was taken away may exceed a limit, so that a change costs what it changes, whatever
    /// changed before. `lost` is what it takes from what is served.
    pub(in crate::control) fn look_back(&self, applied: &Applied, lost: Harm) -> Back {
        let (now, limits) = (self.clock.now(), &self.rules.guards);
        let Some(ago) = self.hour.base(now) else { return Back { harm: lost, minded: None, compared: 0 } };
        let detail = Detail { examples: 0, ..Detail::default() };
        let near = self.hour.near(now, &applied.touched);
        let again = plan_with(ago, &applied.snapshot, &near, detail);
        let harm = lost.or_more(&Harm::of(&again));
        let of_account = |id: &str| {
            let id = AccountId::new(id)?;
            let now = || applied.touched.accounts.get(&id).map(|owned| owned.before);
            self.hour.account(self.clock.now(), &id).or_else(now)
        };
        let before = |id: &str| of_account(id).unwrap_or_default();
        let together = self.hour.with(now, harm.clone());
        if !together.may_exceed(limits, self.hour.server(now), before) || self.hour.rests() {
            let trips = guards::judge_zones(&again, limits, Since::HourAgo);
            return Back { harm, minded: Some((again, trips)), compared: near.zones.len() };
        }
        let (mut touched, begun) = (self.hour.touched(now), Instant::now());
        touched.absorb(applied.touched.clone());
        let compared = near.zones.len() + touched.zones.len();
        let minded = self.compare_hour(ago, applied, touched, detail);
        self.hour.looked(begun);
        Back { harm, minded: Some(minded), compared }
    }

    /// Compares a candidate with all that was served an hour ago.
    fn compare_hour(
        &self,
        ago: &Snapshot,
        applied: &Applied,
        mut touched: Touched,
        detail: Detail,
    ) -> (Plan, Vec<Trip>) {
        // What hung on a set when it changed may be gone by now, and is counted as that.
        touched.sets.iter_mut().for_each(|(set, weight)| *weight = self.builder.weight(*set));
        for (account, weight) in &mut touched.fallbacks {
            let account = applied.snapshot.accounts.get(*account);
            *weight = account.map(|account| self.builder.falling(&account.id)).unwrap_or_default();
        }
        let owned = touched.accounts.values_mut().chain([&mut touched.server]);
        owned.for_each(|owned| owned.gone.retain(|address| !self.builder.answers(address)));
        // What came and went within the hour was not there to be lost. Few changes come so near to the limit.
        let most = usize::try_from(self.rules.guards.addresses_gone.floor).unwrap_or(usize::MAX);
        let owned = || touched.accounts.values().chain([&touched.server]);
        if owned().any(|owned| owned.gone.len() > most) {
            let then: HashSet<IpAddr> = ago.sets.iter().flat_map(|set| set.addresses()).collect();
            let owned = touched.accounts.values_mut().chain([&mut touched.server]);
            owned.for_each(|owned| owned.gone.retain(|address| then.contains(address)));
        }
        let since = plan_with(ago, &applied.snapshot, &touched, detail);
        let trips = guards::judge(&since, &self.rules.guards, Since::HourAgo);
        (since, trips)
    }
}
