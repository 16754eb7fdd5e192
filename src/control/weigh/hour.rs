//! What was served within the last hour: guards look back so far, or a slow leak would never trip one.
//!
//! Invariant: of every snapshot that is kept it is known what was touched from it to the next, so that a comparison
//! costs what changed since and not what is served. Kept snapshots share with the present one whatever did not change.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::judge::{Harm, LedgerLoss};
use crate::model::{AccountId, AddressMap, AddressSource, Unit};
use crate::snapshot::{Account, AccountIndex, SetIndex, Sharded, Snapshot, Tally, Touched, Weight};
use crate::wire::Name;

/// How far guards look back, in seconds.
const HOUR: u64 = 3600;
/// Of all that was served within so many seconds the first is kept.
const GRAIN: u64 = 60;
/// Looking back may take one part in so many of the time, where changes come thick and fast: a change that comes too
/// soon is compared with what is served alone, and the next one finds it.
const SHARE: u32 = 20;
/// So many zones touched within the hour are looked at with every change.
const FEW: usize = 4096;

/// The last hour.
#[derive(Debug)]
pub(in crate::control) struct Hour {
    past: VecDeque<Past>,
    born: Instant,
    /// Microseconds since then before which nobody looks back again.
    rests_until: AtomicU64,
}

impl Default for Hour {
    fn default() -> Hour {
        Hour { past: VecDeque::new(), born: Instant::now(), rests_until: AtomicU64::new(0) }
    }
}

/// Something that was served.
#[derive(Debug)]
struct Past {
    /// Until when, in seconds since the epoch.
    until: u64,
    snapshot: Arc<Snapshot>,
    /// What went with what was served next, and with all that was not kept until the next that is.
    went: Went,
}

/// What a change, or several one after the other, do to what was served.
#[derive(Debug)]
pub(in crate::control) struct Went {
    /// What may differ.
    pub(in crate::control) touched: Touched,
    /// What is taken away, at most.
    pub(in crate::control) harm: Harm,
    /// What goes beside answers.
    pub(in crate::control) gone: Gone,
}

/// What goes with a change beside answers.
#[derive(Clone, Debug, Default)]
pub(in crate::control) struct Gone {
    /// What the ledger takes away from maps that answer.
    pub(in crate::control) lost: LedgerLoss,
    /// What it takes away from maps that left within the hour.
    pub(in crate::control) late: LedgerLoss,
    /// Maps that no longer answer with all their addresses, as they were, with what they governed: what the ledger
    /// takes away from them afterwards is taken away as well.
    pub(in crate::control) left: Vec<(Arc<AddressMap>, Weight)>,
}

impl Went {
    fn absorb(&mut self, later: Went) {
        self.touched.absorb(later.touched);
        self.harm.add(&later.harm);
        self.gone.lost.absorb(later.gone.lost);
        self.gone.late.absorb(later.gone.late);
        self.gone.left.extend(later.gone.left);
    }
}

impl Hour {
    /// Notes that `snapshot` was served until `now`, and what went with what is served instead.
    pub(in crate::control) fn note(&mut self, now: u64, snapshot: Arc<Snapshot>, went: Went) {
        while self.past.front().is_some_and(|past| past.until + HOUR < now) {
            self.past.pop_front();
        }
        match self.past.back_mut() {
            Some(last) if last.until / GRAIN == now / GRAIN => last.went.absorb(went),
            _ => self.past.push_back(Past { until: now, snapshot, went }),
        }
    }

    /// Lets some units begin anew with what is served of them now: somebody said that it is meant, and guards do not
    /// look back beyond it. Of all others it is known as before.
    pub(in crate::control) fn begin_anew(&mut self, units: &BTreeSet<Unit>, served: &Snapshot) {
        let mut renewal = Renewal::new(units, served);
        self.past.iter().for_each(|past| renewal.collect(past));
        self.past.iter_mut().for_each(|past| renewal.renew(past));
    }

    /// Whether it is too soon to look back again; never where little was touched.
    pub(in crate::control) fn rests(&self) -> bool {
        let touched: usize = self.past.iter().map(|past| past.went.touched.zones.len()).sum();
        touched > FEW && self.since_born(Instant::now()) < self.rests_until.load(Ordering::Relaxed)
    }

    /// Notes that somebody looked back from `begun` until now.
    pub(in crate::control) fn looked(&self, begun: Instant) {
        let now = Instant::now();
        let rest = now.duration_since(begun) * SHARE;
        self.rests_until.store(self.since_born(now + rest), Ordering::Relaxed);
    }

    fn since_born(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.born).as_micros()).unwrap_or(u64::MAX)
    }

    fn within(&self, now: u64) -> impl Iterator<Item = &Past> {
        self.past.iter().skip_while(move |past| past.until + HOUR < now)
    }

    /// What was served an hour ago, or first since; `None` where nothing changed within the hour.
    pub(in crate::control) fn base(&self, now: u64) -> Option<&Arc<Snapshot>> {
        self.within(now).next().map(|past| &past.snapshot)
    }

    /// What a change touches, with the zones below that were touched within the hour.
    pub(in crate::control) fn near(&self, now: u64, touched: &Touched) -> Touched {
        let mut near = touched.clone();
        self.within(now).for_each(|past| near.and_below(&past.went.touched));
        near
    }

    /// What was taken away within the hour and with a change, at most: from the server, and from the accounts that the
    /// change takes something from.
    pub(in crate::control) fn with(&self, now: u64, mut harm: Harm) -> Harm {
        self.within(now).for_each(|past| harm.add_of_same(&past.went.harm));
        harm
    }

    /// How much there was of the whole server an hour ago.
    pub(in crate::control) fn server(&self, now: u64) -> Tally {
        self.within(now).next().map(|past| past.went.touched.server.before).unwrap_or_default()
    }

    /// How much there was of an account an hour ago; `None` where that is what there is.
    pub(in crate::control) fn account(&self, now: u64, account: &AccountId) -> Option<Tally> {
        self.within(now).find_map(|past| past.went.touched.accounts.get(account)).map(|owned| owned.before)
    }

    /// What was touched within the hour.
    pub(in crate::control) fn touched(&self, now: u64) -> Touched {
        let mut within = self.within(now);
        let mut touched = within.next().map(|first| first.went.touched.clone()).unwrap_or_default();
        within.for_each(|past| touched.absorb(past.went.touched.clone()));
        touched
    }

    /// What the ledger took away within the hour.
    pub(in crate::control) fn lost(&self, now: u64) -> LedgerLoss {
        let mut lost = LedgerLoss::default();
        for Gone { lost: then, late, .. } in self.within(now).map(|past| &past.went.gone) {
            lost.absorb(then.clone());
            lost.absorb(late.clone());
        }
        lost
    }

    /// The maps that left within the hour.
    pub(in crate::control) fn left(&self, now: u64) -> impl Iterator<Item = &(Arc<AddressMap>, Weight)> {
        self.within(now).flat_map(|past| &past.went.gone.left)
    }
}

/// What is to be in the past of some units as it is now. What was not touched within the hour is so already.
struct Renewal<'a> {
    units: &'a BTreeSet<Unit>,
    served: &'a Snapshot,
    zones: BTreeSet<Name>,
    sets: BTreeSet<SetIndex>,
    accounts: BTreeSet<AccountIndex>,
}

impl<'a> Renewal<'a> {
    fn new(units: &'a BTreeSet<Unit>, served: &'a Snapshot) -> Renewal<'a> {
        let (zones, sets, accounts) = Default::default();
        Renewal { units, served, zones, sets, accounts }
    }

    fn has_account(&self, id: &AccountId) -> bool {
        self.units.contains(&Unit::Account(id.clone()))
    }

    fn has_operator(&self) -> bool {
        self.units.contains(&Unit::Operator)
    }

    /// Whether a zone is one of theirs, in a snapshot that holds it.
    fn has_zone(&self, snapshot: &Snapshot, origin: &Name) -> bool {
        let entry = snapshot.zones.get(&snapshot.seed, &origin.to_lower_wire());
        let account = entry.and_then(|entry| snapshot.accounts.get(entry.account));
        account.is_some_and(|account| {
            self.has_account(&account.id)
                || account.id.is_default() && self.units.contains(&Unit::Zone(origin.clone()))
        })
    }

    /// Notes what of theirs was touched.
    fn collect(&mut self, past: &Past) {
        let touched = &past.went.touched;
        let zones = touched
            .zones
            .iter()
            .filter(|origin| self.has_zone(self.served, origin) || self.has_zone(&past.snapshot, origin));
        let zones: Vec<Name> = zones.cloned().collect();
        let account_of = |index: &AccountIndex| self.served.accounts.get(*index);
        let sets = touched.sets.iter().map(|(set, _)| *set).filter(|set| match touched.owners.get(set) {
            Some(owner) => account_of(owner).is_some_and(|account| self.has_account(&account.id)),
            None => self.has_operator(),
        });
        let sets: Vec<SetIndex> = sets.collect();
        // There are defaults where there were none, or none any more: the operator's doing.
        let by_operator =
            self.has_operator() && past.snapshot.defaults.is_some() != self.served.defaults.is_some();
        let falls_to_defaults = |account: &Account| {
            account.falls_to().is_some_and(|(source, _)| source == AddressSource::AnycastDefaults)
        };
        let accounts = touched.fallbacks.iter().map(|(index, _)| *index).filter(|index| {
            let (was, is) = (past.snapshot.accounts.get(*index), account_of(index));
            is.is_some_and(|is| self.has_account(&is.id))
                || by_operator && [was, is].into_iter().flatten().any(falls_to_defaults)
        });
        let accounts: Vec<AccountIndex> = accounts.collect();
        self.zones.extend(zones);
        self.sets.extend(sets);
        self.accounts.extend(accounts);
    }

    fn renew(&self, past: &mut Past) {
        let mut snapshot = Snapshot::clone(&past.snapshot);
        for origin in &self.zones {
            let lower = origin.to_lower_wire();
            match self.served.zones.get(&self.served.seed, &lower) {
                Some(entry) => drop(snapshot.zones.put(&self.served.seed, entry.clone())),
                None => drop(snapshot.zones.remove(&self.served.seed, &lower)),
            }
        }
        for unit in self.units {
            match unit {
                Unit::Account(account) => past.went.harm.forget(account.as_str()),
                Unit::Operator => {
                    past.went.harm.forget_operator();
                    past.went.gone = Gone::default();
                }
                Unit::Zone(_) | Unit::Nothing => {}
            }
        }
        let touched = &mut past.went.touched;
        let server = &mut touched.server;
        touched.accounts.retain(|id, owned| {
            let is_theirs = self.has_account(id);
            if is_theirs {
                server.gone.retain(|address| !owned.gone.contains(address));
            }
            !is_theirs
        });
        if self.has_operator() {
            let before = snapshot.defaults.and_then(|set| snapshot.sets.get(set));
            for address in before.into_iter().flat_map(|set| set.addresses()) {
                touched.server.gone.remove(&address);
            }
            snapshot.defaults = self.served.defaults;
        }
        let sets = self.sets.iter().chain(snapshot.defaults.iter().filter(|_| self.has_operator()));
        store(&mut snapshot.sets, &self.served.sets, sets.copied());
        store(&mut snapshot.accounts, &self.served.accounts, self.accounts.iter().copied());
        touched.zones.retain(|origin| !self.zones.contains(origin));
        touched.sets.retain(|(set, _)| !self.sets.contains(set));
        touched.fallbacks.retain(|(account, _)| !self.accounts.contains(account));
        past.snapshot = Arc::new(snapshot);
    }
}

/// Puts elements of a later table into an earlier one, with all that it has beyond it.
fn store<T: Clone>(into: &mut Sharded<T>, from: &Sharded<T>, indices: impl Iterator<Item = u32>) {
    let beyond = into.iter().count() as u32..from.iter().count() as u32;
    let elements = indices.chain(beyond).filter_map(|index| Some((index, from.get(index)?.clone())));
    into.store(elements.collect::<BTreeMap<_, _>>());
}
