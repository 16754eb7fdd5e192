//! Limits on what may be lost at once: over one of them, what would change is held until somebody approves of it.
//!
//! A share trips only where a floor is exceeded too, and what is added never trips.

use std::fmt;

use super::LedgerLoss;
use super::plan::{AccountPlan, Counts, Plan, ZonePlan};
use crate::addrmap::LedgerIndex;
pub use crate::config::{Guards as Limits, Share};
use crate::snapshot::Weight;

/// What a plan compares the candidate with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// What is served now.
    Served,
    /// What was served an hour ago, so that a slow leak trips as well.
    HourAgo,
}

/// Who would lose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// An account, by itself; `default` as a whole.
    Account(String),
    /// All accounts together.
    Server,
    /// Whoever is answered from the operator's defaults.
    Operator,
    /// Whoever is answered with addresses of the operator's ledger.
    Ledger,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Account(id) => write!(f, "account {id}"),
            Scope::Server => f.write_str("the whole server"),
            Scope::Operator => f.write_str("the operator's defaults"),
            Scope::Ledger => f.write_str("the operator's ledger"),
        }
    }
}

/// A limit that is exceeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    /// A stable name: `guard-names-unproxied`.
    pub code: &'static str,
    /// Who would lose.
    pub scope: Scope,
    /// What would have happened, with numbers and first names.
    pub message: String,
    /// The setting that governs it: `guards.unproxied_names`.
    pub setting: &'static str,
}

crate::model::table::codes! {
    /// Names stop being proxied, and what is stored would become public.
    NAMES_UNPROXIED = "guard-names-unproxied";
    /// All proxied names of a zone do.
    ZONE_UNPROXIED = "guard-zone-unproxied";
    /// Zones are gone.
    ZONES_GONE = "guard-zones-gone";
    /// Names lose data or are answered otherwise.
    NAMES_CHANGED = "guard-names-changed";
    /// A zone loses names.
    ZONE_NAMES_GONE = "guard-zone-names-gone";
    /// Addresses are not answered any more.
    ADDRESSES_GONE = "guard-addresses-gone";
    /// Zones lose the addresses of a family.
    FAMILY_LOST = "guard-family-lost";
    /// The operator's defaults answer names otherwise.
    OPERATOR_NAMES = "guard-operator-names";
    /// The ledger takes away by what names are answered.
    LEDGER_NAMES = "guard-ledger-names";
}

/// Most names in a message.
const TOLD: usize = 3;

/// The limits that a plan exceeds: those of the accounts, each by itself, then those of the whole server, then those of
/// the operator's defaults. Whoever holds accounts for their trips plans again without them to see what is left of
/// those of the server.
pub fn judge(plan: &Plan, limits: &Limits, since: Since) -> Vec<Trip> {
    let mut bench = Bench { limits, since, trips: Vec::new() };
    for account in &plan.accounts {
        let scope = Scope::Account(account.account.clone());
        bench.zones(&scope, account);
        let sole = std::slice::from_ref(account);
        bench.counts(&scope, &account.counts, sole, &exposed(plan, Some(&account.account)));
    }
    bench.counts(&Scope::Server, &plan.counts, &plan.accounts, &exposed(plan, None));
    bench.operator(plan);
    bench.trips
}

/// The limits on a single zone that a plan exceeds.
pub fn judge_zones(plan: &Plan, limits: &Limits, since: Since) -> Vec<Trip> {
    let mut bench = Bench { limits, since, trips: Vec::new() };
    for account in &plan.accounts {
        bench.zones(&Scope::Account(account.account.clone()), account);
    }
    bench.trips
}

/// The limit on what a change of the ledger takes away, where it is exceeded; `now` is the ledger after the change.
pub fn judge_ledger(loss: &LedgerLoss, now: &LedgerIndex, limits: &Limits, since: Since) -> Option<Trip> {
    let Weight { zones, names } = loss.weight();
    if names <= limits.ledger_names {
        return None;
    }
    let are = if names == 1 { "is" } else { "are" };
    let (names, zones) = (counted(names, "name"), counted(zones, "zone"));
    let first = first(&loss.first(TOLD, now), loss.addresses());
    let message = format!(
        "{names} in {zones} {are} answered with addresses that would lose their entry in the ledger, or be withdrawn{first}"
    );
    let mut bench = Bench { limits, since, trips: Vec::new() };
    bench.trip(LEDGER_NAMES, "guards.ledger_names", &Scope::Ledger, message);
    bench.trips.pop()
}

/// The first names that stop being proxied, with what would be seen.
fn exposed(plan: &Plan, account: Option<&str>) -> Vec<String> {
    let of_account = plan.exposed.iter().filter(|name| account.is_none_or(|account| name.account == account));
    of_account.take(TOLD).map(|name| format!("{} ({})", name.name, name.public.join(", "))).collect()
}

struct Bench<'l> {
    limits: &'l Limits,
    since: Since,
    trips: Vec<Trip>,
}

impl Bench<'_> {
    fn trip(&mut self, code: &'static str, setting: &'static str, scope: &Scope, message: String) {
        let message = match self.since {
            Since::Served => message,
            Since::HourAgo => format!("{message}; within an hour, this change and those before it together"),
        };
        self.trips.push(Trip { code, scope: scope.clone(), message, setting });
    }

    fn zones(&mut self, scope: &Scope, account: &AccountPlan) {
        for zone in &account.zones {
            self.zone(scope, zone);
        }
    }

    fn zone(&mut self, scope: &Scope, zone: &ZonePlan) {
        let stays = zone.is.is_some();
        if !self.limits.unproxied_zone && stays && zone.names_unproxied > 0 && zone.proxied_after == 0 {
            let (name, count) = (&zone.zone, counted(zone.names_unproxied, "name"));
            let message = format!(
                "no name of zone {name} would be proxied any more, and what is stored of {count} would become public"
            );
            self.trip(ZONE_UNPROXIED, "guards.unproxied_zone", scope, message);
        }
        if stays && self.limits.zone_names_gone.is_exceeded(zone.names_gone, zone.names_before) {
            let share = of(zone.names_gone, zone.names_before, "name");
            let message = format!("zone {} would lose {share}", zone.zone);
            self.trip(ZONE_NAMES_GONE, "guards.zone_names_gone", scope, message);
        }
    }

    fn counts(&mut self, scope: &Scope, counts: &Counts, accounts: &[AccountPlan], exposed: &[String]) {
        let limits = *self.limits;
        if counts.names_unproxied > limits.unproxied_names {
            let count = counted(counts.names_unproxied, "name");
            let first = first(exposed, counts.names_unproxied);
            let message =
                format!("{count} would stop being proxied, and what is stored would become public{first}");
            self.trip(NAMES_UNPROXIED, "guards.unproxied_names", scope, message);
        }
        if limits.zones_gone.is_exceeded(counts.zones_gone, counts.zones_before) {
            let share = of(counts.zones_gone, counts.zones_before, "zone");
            let gone = |zone: &&ZonePlan| zone.is.is_none();
            let first = first(&names(accounts, gone), counts.zones_gone);
            self.trip(ZONES_GONE, "guards.zones_gone", scope, format!("{share} would be gone{first}"));
        }
        if limits.names_changed.is_exceeded(counts.names_harmed(), counts.names_before) {
            let share = of(counts.names_harmed(), counts.names_before, "name");
            let gone = counted(counts.names_gone, "name");
            let message =
                format!("{share} would lose data or be answered otherwise, {gone} of them nothing at all");
            self.trip(NAMES_CHANGED, "guards.names_changed", scope, message);
        }
        if limits.addresses_gone.is_exceeded(counts.addresses_gone, counts.addresses_before) {
            let share = of(counts.addresses_gone, counts.addresses_before, "address");
            let gone: Vec<String> = counts.gone.iter().map(ToString::to_string).collect();
            let message = format!("{share} would leave service{}", first(&gone, counts.addresses_gone));
            self.trip(ADDRESSES_GONE, "guards.addresses_gone", scope, message);
        }
        if counts.zones_losing_family > limits.zones_losing_family {
            let zones = counted(counts.zones_losing_family, "zone");
            let (ipv4, ipv6) = (counts.zones_losing_ipv4, counts.zones_losing_ipv6);
            let message = format!(
                "the proxied names of {zones} would lose the addresses of a family: IPv4 in {ipv4}, IPv6 in {ipv6}"
            );
            self.trip(FAMILY_LOST, "guards.zones_losing_family", scope, message);
        }
    }

    fn operator(&mut self, plan: &Plan) {
        let names = plan.counts.names_by_operator;
        if names > self.limits.operator_names {
            let (names, zones) =
                (counted(names, "name"), plan.operator.iter().map(|set| set.zones).sum::<u64>());
            let message =
                format!("the defaults would answer {names} in {} otherwise", counted(zones, "zone"));
            self.trip(OPERATOR_NAMES, "guards.operator_names", &Scope::Operator, message);
        }
    }
}

fn names(accounts: &[AccountPlan], which: impl Fn(&&ZonePlan) -> bool) -> Vec<String> {
    let zones = accounts.iter().flat_map(|account| &account.zones).filter(which);
    zones.take(TOLD).map(|zone| zone.zone.clone()).collect()
}

/// The first of many, set off by a colon.
fn first(names: &[String], count: u64) -> String {
    let told = names.len().min(TOLD);
    match count - (told as u64).min(count) {
        _ if told == 0 => String::new(),
        0 => format!(": {}", names[..told].join(", ")),
        more => format!(": {} and {more} more", names[..told].join(", ")),
    }
}

/// `3 of 12 zones (25 %)`.
fn of(part: u64, whole: u64, noun: &str) -> String {
    let percent = part.saturating_mul(100) / whole.max(1);
    format!("{part} of {} ({percent} %)", counted(whole, noun))
}

/// A number with its noun.
fn counted(count: u64, noun: &str) -> String {
    match (count, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "address") => format!("{count} addresses"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::plan::{Exposed, Governed};

    /// Trips of a plan whose only account, and the server, have these counts.
    fn trips(counts: Counts) -> Vec<(&'static str, Scope)> {
        let account =
            AccountPlan { account: "acme".into(), counts: counts.clone(), ..AccountPlan::default() };
        let plan = Plan { counts, accounts: vec![account], ..Plan::default() };
        told(&judge(&plan, &Limits::default(), Since::Served))
    }

    fn told(trips: &[Trip]) -> Vec<(&'static str, Scope)> {
        trips.iter().map(|trip| (trip.code, trip.scope.clone())).collect()
    }

    /// What these counts trip by account and for the server, where only one guard may.
    fn trips_both(code: &'static str, counts: Counts) {
        assert_eq!(trips(counts), [(code, Scope::Account("acme".into())), (code, Scope::Server)]);
    }

    fn zone(zone: ZonePlan) -> Vec<(&'static str, Scope)> {
        let zones = vec![ZonePlan { zone: "a.".into(), is: Some(Governed::default()), ..zone }];
        let account = AccountPlan { account: "acme".into(), zones, ..AccountPlan::default() };
        let plan = Plan { accounts: vec![account], ..Plan::default() };
        told(&judge(&plan, &Limits::default(), Since::Served))
    }

    #[test]
    fn the_last_name_that_may_stop_being_proxied_and_the_first_that_may_not() {
        let counts = |names_unproxied| Counts { names_unproxied, names_before: 100, ..Counts::default() };
        assert_eq!(trips(counts(10)), []);
        trips_both(NAMES_UNPROXIED, counts(11));
    }

    #[test]
    fn a_zone_may_stop_being_proxied_but_for_its_last_name() {
        let a = |names_unproxied, proxied_after| {
            zone(ZonePlan { names_unproxied, proxied_before: 3, proxied_after, ..ZonePlan::default() })
        };
        assert_eq!(a(2, 1), []);
        assert_eq!(a(0, 0), []);
        assert_eq!(a(3, 0), [(ZONE_UNPROXIED, Scope::Account("acme".into()))]);
    }

    #[test]
    fn zones_go_up_to_the_share_and_the_floor() {
        let counts = |zones_gone, zones_before| Counts { zones_gone, zones_before, ..Counts::default() };
        assert_eq!(trips(counts(10, 10)), []);
        assert_eq!(trips(counts(20, 1000)), []);
        trips_both(ZONES_GONE, counts(11, 100));
        trips_both(ZONES_GONE, counts(21, 1000));
    }

    #[test]
    fn names_change_up_to_the_share_and_the_floor() {
        let counts = |names_changed, names_gone, names_before| Counts {
            names_changed,
            names_gone,
            names_before,
            // What is added never trips.
            names_new: 1_000_000,
            names_extended: 1_000_000,
            zones_new: 1_000_000,
            ..Counts::default()
        };
        assert_eq!(trips(counts(600, 400, 1000)), []);
        assert_eq!(trips(counts(2000, 0, 20_000)), []);
        trips_both(NAMES_CHANGED, counts(600, 401, 1001));
        trips_both(NAMES_CHANGED, counts(2001, 0, 20_000));
    }

    #[test]
    fn a_zone_loses_names_up_to_the_share_and_the_floor() {
        let a = |names_gone, names_before| zone(ZonePlan { names_gone, names_before, ..ZonePlan::default() });
        assert_eq!(a(50, 60), []);
        assert_eq!(a(100, 200), []);
        assert_eq!(a(51, 60), [(ZONE_NAMES_GONE, Scope::Account("acme".into()))]);
        assert_eq!(a(101, 200), [(ZONE_NAMES_GONE, Scope::Account("acme".into()))]);
    }

    #[test]
    fn addresses_leave_service_up_to_the_share_and_the_floor() {
        let counts = |addresses_gone, addresses_before| Counts {
            addresses_gone,
            addresses_before,
            ..Counts::default()
        };
        assert_eq!(trips(counts(20, 20)), []);
        assert_eq!(trips(counts(100, 1000)), []);
        trips_both(ADDRESSES_GONE, counts(21, 100));
        trips_both(ADDRESSES_GONE, counts(101, 1000));
    }

    #[test]
    fn zones_lose_a_family_up_to_the_limit() {
        let counts = |zones_losing_family| Counts { zones_losing_family, ..Counts::default() };
        assert_eq!(trips(counts(10)), []);
        trips_both(FAMILY_LOST, counts(11));
    }

    #[test]
    fn the_defaults_answer_names_otherwise_up_to_the_limit() {
        let counts = |names_by_operator| Counts { names_by_operator, ..Counts::default() };
        assert_eq!(trips(counts(1000)), []);
        assert_eq!(trips(counts(1001)), [(OPERATOR_NAMES, Scope::Operator)]);
    }

    #[test]
    fn many_accounts_that_lose_little_trip_together() {
        let one = Counts { zones_gone: 1, zones_before: 1, ..Counts::default() };
        let account = |n: u64| AccountPlan {
            account: format!("a{n}"),
            counts: one.clone(),
            zones: vec![ZonePlan { zone: format!("z{n}."), ..ZonePlan::default() }],
            ..AccountPlan::default()
        };
        let counts = Counts { zones_gone: 1000, zones_before: 10_000, ..Counts::default() };
        let plan = Plan { counts, accounts: (0..1000).map(account).collect(), ..Plan::default() };
        let trips = judge(&plan, &Limits::default(), Since::HourAgo);
        assert_eq!(told(&trips), [(ZONES_GONE, Scope::Server)]);
        assert_eq!(
            trips[0].message,
            "1000 of 10000 zones (10 %) would be gone: z0., z1., z2. and 997 more; within an hour, this change and \
             those before it together"
        );
    }

    #[test]
    fn a_message_tells_what_would_become_public() {
        let exposed = |n: u64| Exposed {
            account: "acme".into(),
            zone: "a.".into(),
            name: format!("n{n}.a."),
            was: vec!["203.0.113.1".parse().unwrap()],
            public: vec!["A 198.51.100.7".into()],
        };
        let counts = Counts { names_unproxied: 11, names_before: 100, ..Counts::default() };
        let account =
            AccountPlan { account: "acme".into(), counts: counts.clone(), ..AccountPlan::default() };
        let plan = Plan {
            counts,
            exposed: (0..11).map(exposed).collect(),
            accounts: vec![account],
            ..Plan::default()
        };
        let trips = judge(&plan, &Limits::default(), Since::Served);
        assert_eq!(
            trips[0].message,
            "11 names would stop being proxied, and what is stored would become public: n0.a. (A 198.51.100.7), \
             n1.a. (A 198.51.100.7), n2.a. (A 198.51.100.7) and 8 more"
        );
        assert_eq!(trips[0].setting, "guards.unproxied_names");
    }

    #[test]
    fn the_manual_explains_every_guard() {
        let manual = include_str!("../manual/guards.md");
        for code in ALL {
            assert!(manual.contains(&format!("| `{code}` |")), "{code}");
        }
    }
}
