//! The ledger over all files: each address has one entry, and accounts and maps are there.

use std::collections::HashMap;

use super::Context;
use crate::addrmap::code;
use crate::addrmap::eligibility::LedgerIndex;
use crate::model::{
    AccountId, AssertionScope, Claim, Diagnostic, Ledger, MapId, Ownership, Place, Prefix, Severity,
    StaticIps, Unit,
};

/// What no single file can know of the ledger, all of it the operator's. An address has one entry: so one approval, one
/// announcement and one list of bindings decide, and whose it is does not hang on an order.
pub(in crate::addrmap) fn check_ledger(ledger: &Ledger) -> Vec<Diagnostic> {
    let mut found = overlaps(ledger);
    found.extend(leases(ledger));
    found
}

fn overlaps(ledger: &Ledger) -> Vec<Diagnostic> {
    let mut prefixes: Vec<&Prefix> = ledger.prefixes.iter().collect();
    // What holds another one stands before it, and everything within stands between.
    prefixes.sort_by(|a, b| {
        let key = |prefix: &Prefix| (prefix.cidr.network(), prefix.cidr.prefix_len());
        key(a).cmp(&key(b)).then_with(|| a.place.cmp(&b.place))
    });
    let mut found = Vec::new();
    let mut outer: Option<&Prefix> = None;
    for prefix in prefixes {
        let Some(first) = outer.filter(|outer| outer.cidr.contains(&prefix.cidr)) else {
            outer = Some(prefix);
            continue;
        };
        let Prefix { cidr, account, place, .. } = first;
        let message = format!("prefix overlaps {cidr} of account {account}: {}", prefix.cidr);
        let hint = match prefix.account == *account {
            true => {
                format!("remove it; bindings and delegations of the other one, at {place}, name its parts")
            }
            false => format!("remove one of them, or delegate the part; the other one is at {place}"),
        };
        let overlap = Diagnostic::error(code::OVERLAPPING_PREFIXES, prefix.place.clone(), message);
        found.push(overlap.hint(hint));
    }
    found
}

fn leases(ledger: &Ledger) -> Vec<Diagnostic> {
    if ledger.static_ips.is_empty() {
        return Vec::new();
    }
    let index = LedgerIndex::new(ledger.clone().into());
    let mut found = Vec::new();
    let mut addresses = HashMap::new();
    let mut maps: HashMap<&MapId, &StaticIps> = HashMap::new();
    for lease in &ledger.static_ips {
        let mut error = |code, message: String, hint: String| {
            found.push(Diagnostic::error(code, lease.place.clone(), message).hint(hint));
        };
        if let Some(first) = maps.insert(&lease.map, lease) {
            let hint = format!("write all its addresses in one; the other one is at {}", first.place);
            error(code::TWO_LEASES, format!("two leases for one map: {}", lease.map), hint);
        }
        for address in &lease.ips {
            if let Some(first) = addresses.insert(address, lease) {
                let hint = format!("keep it in one; it stands in the lease at {} as well", first.place);
                error(code::LEASED_TWICE, format!("an address is leased twice: {address}"), hint);
            }
            if let Some(prefix) = index.prefix_of(*address) {
                let message = format!("a leased address lies in prefix {}: {address}", prefix.cidr);
                let hint =
                    format!("delegate it instead, or take it out of one; the prefix is at {}", prefix.place);
                error(code::LEASED_IN_PREFIX, message, hint);
            }
        }
    }
    found
}

/// The ledger with the rest of the world: who is not there, and which maps may not serve.
pub(super) fn check(context: &mut Context<'_>) {
    let ledger = &*context.world.ledger;
    let faults = check_ledger(ledger);
    let is_sound = faults.is_empty() && !context.world.faulty_operator;
    context.found.extend(faults.into_iter().map(|found| (Unit::Operator, found)));
    for prefix in &ledger.prefixes {
        account(context, &prefix.account, &prefix.place, &Unit::Operator);
        for delegation in &prefix.delegations {
            account(context, &delegation.account, &delegation.place, &Unit::Operator);
        }
    }
    for lease in &ledger.static_ips {
        account(context, &lease.account, &lease.place, &Unit::Operator);
        map(context, &lease.map, Some(&lease.account), &lease.place, &Unit::Operator);
    }
    assertions(context);
    // What an unsound ledger says of a map would be told a second time of the account, and hold it for nothing.
    if is_sound && context.world.ownership != Ownership::Off && !ledger.is_empty() {
        let index = LedgerIndex::new(context.world.ledger.clone());
        for map in &context.world.maps {
            let found = index.findings(map, context.world.ownership).into_iter();
            context.found.extend(found.map(|found| (Unit::Account(map.account.clone()), found)));
        }
    }
}

fn account(context: &mut Context<'_>, account: &AccountId, place: &Place, unit: &Unit) {
    if !context.knows_account(account) {
        let message = format!("no such account on this server: {account}");
        let found = Diagnostic::warning(code::NO_SUCH_ACCOUNT, place.clone(), message);
        context.tell(unit.clone(), found, format!("the account is there once zones/{account}/ is"));
    }
}

fn map(context: &mut Context<'_>, id: &MapId, account: Option<&AccountId>, place: &Place, unit: &Unit) {
    let mut maps = context.world.maps.iter();
    if !maps.any(|map| map.id == *id && account.is_none_or(|account| map.account == *account)) {
        let whose =
            account.map_or_else(|| "on this server".to_owned(), |account| format!("of account {account}"));
        let found =
            Diagnostic::warning(code::NO_SUCH_MAP, place.clone(), format!("no such map {whose}: {id}"));
        context.tell(unit.clone(), found, "add the map, or correct the id");
    }
}

/// What assertions are about. That of an account about a zone of another one is an error, told without saying whose
/// the zone is; it says nothing and holds nobody.
fn assertions(context: &mut Context<'_>) {
    for assertion in &context.world.assertions {
        let unit = assertion.author.clone().map_or(Unit::Operator, Unit::Account);
        let owner = match &assertion.scope {
            AssertionScope::Everything => None,
            AssertionScope::Account(about) => {
                account(context, about, &assertion.place, &unit);
                Some(about.clone())
            }
            AssertionScope::Zone(origin) => {
                let owner = context.zones.get(origin).map(|zone| zone.loaded.account.clone());
                let shown = crate::addrmap::names::shown(origin);
                let place = assertion.place.clone();
                match (&owner, &assertion.author) {
                    (None, _) => {
                        let message = format!("no such zone on this server: {shown}");
                        let found = Diagnostic::new(Severity::Warning, code::NO_SUCH_ZONE, place, message);
                        context.tell(unit.clone(), found, "add the zone, or remove the assertion");
                    }
                    (Some(owner), Some(author)) if owner != author => {
                        let message = format!("not a zone of account {author}: {shown}");
                        let found = Diagnostic::error(code::FOREIGN_ZONE, place, message);
                        let hint = "remove it: an account's assertions are about its own zones";
                        context.tell(Unit::Nothing, found, hint);
                        continue;
                    }
                    _ => {}
                }
                owner
            }
        };
        if let Claim::GovernedBy(id) = &assertion.claim {
            map(context, id, owner.as_ref(), &assertion.place, &unit);
        }
    }
}
