//! What changes took away, at most: sums of what each took. Where these exceed no limit, what is served need not be
//! compared with what was served long before, whatever number of zones changed meanwhile.
//!
//! What lies between two moments takes from a name, a zone or a set at least what their comparison shows, but for what
//! came back in between as something less: a zone that goes and comes again without a family. So of every change the
//! greater counts, that of what it changed since it was served last, and that of the same zones since the first moment.

use std::collections::BTreeMap;

use super::guards::Limits;
use super::plan::{Counts, Plan};
use crate::snapshot::Tally;

/// What somebody lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Loss {
    names: u64,
    unproxied: u64,
    zones: u64,
    families: u64,
    addresses: u64,
}

/// What the whole server and its accounts lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harm {
    server: Loss,
    by_operator: u64,
    accounts: BTreeMap<String, Loss>,
}

impl Loss {
    fn of(counts: &Counts) -> Loss {
        Loss {
            names: counts.names_harmed(),
            unproxied: counts.names_unproxied,
            zones: counts.zones_gone,
            families: counts.zones_losing_family,
            addresses: counts.addresses_gone,
        }
    }

    fn each(self, other: Loss, of: impl Fn(u64, u64) -> u64) -> Loss {
        Loss {
            names: of(self.names, other.names),
            unproxied: of(self.unproxied, other.unproxied),
            zones: of(self.zones, other.zones),
            families: of(self.families, other.families),
            addresses: of(self.addresses, other.addresses),
        }
    }

    /// Whether it exceeds a limit, where there was so much before. How many addresses there were is not asked: few
    /// changes take as many away as are always free to go.
    fn exceeds(&self, limits: &Limits, before: Tally) -> bool {
        self.unproxied > limits.unproxied_names
            || self.families > limits.zones_losing_family
            || self.addresses > limits.addresses_gone.floor
            || limits.zones_gone.is_exceeded(self.zones, before.zones)
            || limits.names_changed.is_exceeded(self.names, before.names)
    }
}

impl Harm {
    /// What a plan takes away.
    pub fn of(plan: &Plan) -> Harm {
        let accounts = plan.accounts.iter();
        Harm {
            server: Loss::of(&plan.counts),
            by_operator: plan.counts.names_by_operator,
            accounts: accounts.map(|plan| (plan.account.clone(), Loss::of(&plan.counts))).collect(),
        }
    }

    /// The greater of both, count by count: two views of one change.
    pub fn or_more(mut self, other: &Harm) -> Harm {
        self.put(other, u64::max);
        self
    }

    /// Adds what was taken away by another change.
    pub fn add(&mut self, other: &Harm) {
        self.put(other, u64::saturating_add);
    }

    /// Adds what was taken away by another change from the server, and from those accounts that have lost something here.
    pub fn add_of_same(&mut self, other: &Harm) {
        self.server = self.server.each(other.server, u64::saturating_add);
        self.by_operator = self.by_operator.saturating_add(other.by_operator);
        for (id, lost) in &mut self.accounts {
            let more = other.accounts.get(id).copied().unwrap_or_default();
            *lost = lost.each(more, u64::saturating_add);
        }
    }

    /// The accounts that lost something, or of which something else changed.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.accounts.keys().map(String::as_str)
    }

    /// Leaves out what an account lost: somebody said that it is meant.
    pub fn forget(&mut self, account: &str) {
        let lost = self.accounts.remove(account).unwrap_or_default();
        self.server = self.server.each(lost, u64::saturating_sub);
    }

    /// Leaves out what was answered otherwise by the operator's defaults.
    pub fn forget_operator(&mut self) {
        self.by_operator = 0;
    }

    /// Whether it may exceed a limit of the server, of the operator's defaults, or of one of its accounts, where there was
    /// so much of each before.
    pub fn may_exceed(&self, limits: &Limits, server: Tally, of_account: impl Fn(&str) -> Tally) -> bool {
        self.by_operator > limits.operator_names
            || self.server.exceeds(limits, server)
            || self.accounts.iter().any(|(id, lost)| lost.exceeds(limits, of_account(id)))
    }

    fn put(&mut self, other: &Harm, of: impl Fn(u64, u64) -> u64) {
        self.server = self.server.each(other.server, &of);
        self.by_operator = of(self.by_operator, other.by_operator);
        for (id, lost) in &other.accounts {
            let known = self.accounts.entry(id.clone()).or_default();
            *known = known.each(*lost, &of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::plan::AccountPlan;

    fn harm(account: &str, counts: Counts) -> Harm {
        let of_account =
            AccountPlan { account: account.into(), counts: counts.clone(), ..AccountPlan::default() };
        Harm::of(&Plan { counts, accounts: vec![of_account], ..Plan::default() })
    }

    fn may_exceed(harm: &Harm, zones: u64, names: u64) -> (bool, bool) {
        let tally = Tally { zones, names, proxied: names };
        let all = Tally { zones: u64::MAX, names: u64::MAX, proxied: u64::MAX };
        let of_acme = |id: &str| if id == "acme" { tally } else { all };
        let by_account = Harm { server: Loss::default(), ..harm.clone() };
        let by_server = Harm { accounts: BTreeMap::new(), ..harm.clone() };
        let limits = Limits::default();
        (by_server.may_exceed(&limits, tally, |_| all), by_account.may_exceed(&limits, all, of_acme))
    }

    #[test]
    fn every_limit_has_a_sum() {
        let last_and_first = [
            (
                Counts { names_unproxied: 10, ..Counts::default() },
                Counts { names_unproxied: 11, ..Counts::default() },
            ),
            (
                Counts { zones_losing_family: 10, ..Counts::default() },
                Counts { zones_losing_family: 11, ..Counts::default() },
            ),
            (
                Counts { addresses_gone: 20, ..Counts::default() },
                Counts { addresses_gone: 21, ..Counts::default() },
            ),
            (Counts { zones_gone: 20, ..Counts::default() }, Counts { zones_gone: 21, ..Counts::default() }),
            (
                Counts { names_changed: 600, names_gone: 1400, ..Counts::default() },
                Counts { names_changed: 601, names_gone: 1400, ..Counts::default() },
            ),
        ];
        for (last, first) in last_and_first {
            assert_eq!(may_exceed(&harm("acme", last.clone()), 1000, 20_000), (false, false), "{last:?}");
            assert_eq!(may_exceed(&harm("acme", first.clone()), 1000, 20_000), (true, true), "{first:?}");
        }
        let by_operator = |names_by_operator| harm("acme", Counts { names_by_operator, ..Counts::default() });
        assert_eq!(may_exceed(&by_operator(1000), 1, 1), (false, false));
        assert_eq!(may_exceed(&by_operator(1001), 1, 1), (true, true));
    }

    #[test]
    fn changes_add_up_and_what_was_meant_is_left_out() {
        let lost = |account: &str, zones_gone| harm(account, Counts { zones_gone, ..Counts::default() });
        let mut sum = lost("acme", 15).or_more(&lost("acme", 12));
        sum.add(&lost("acme", 5));
        sum.add(&lost("other", 3));
        assert_eq!(may_exceed(&sum, 1000, 0), (true, false));
        let mut of_same = lost("acme", 1);
        of_same.add_of_same(&sum);
        assert_eq!(of_same.accounts().collect::<Vec<_>>(), ["acme"]);
        assert_eq!(may_exceed(&of_same, 1000, 0), (true, true));
        sum.forget("acme");
        assert_eq!(sum, lost("other", 3));
        let mut by_operator = harm("acme", Counts { names_by_operator: 1001, ..Counts::default() });
        by_operator.forget_operator();
        assert_eq!(may_exceed(&by_operator, 1, 1), (false, false));
    }
}
