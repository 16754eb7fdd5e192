//! What no zone shows: maps of one account that contradict each other, immutable maps that cannot keep their promise,
//! and what accounts fall back to.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::agreement::{is_map_of, same_addresses};
use super::blame::{NOT_OF_THESE_FILES, fallback_told};
use super::expected::{AccountRules, Governor};
use super::report::Findings;
use super::{Prover, code};
use crate::model::{AccountId, AddressMap, AddressSource, Diagnostic, Member, Place, Unit};
use crate::snapshot::{Account, Fallback, Snapshot};
use crate::wire::RrType;

/// Proves what is said of accounts as a whole.
pub(super) fn prove(prover: &Prover<'_>, snapshot: &Snapshot, findings: &mut Findings) {
    let entries = entries(prover, snapshot);
    let mut accounts: Vec<_> = prover.rules.accounts().collect();
    accounts.sort_by_key(|(id, _)| *id);
    for (id, account) in accounts {
        governors(id, account, findings);
        let entries = entries.get(id).map(Vec::as_slice).unwrap_or_default();
        fallback(prover, snapshot, (id, account), entries, findings);
    }
}

/// The entries of the world's accounts. Where a zone shows it, that is the account's; else, because one that went and
/// came again may have left an entry behind, all of that name.
fn entries<'w, 's>(
    prover: &Prover<'w>,
    snapshot: &'s Snapshot,
) -> HashMap<&'w AccountId, Vec<&'s Account>, RandomState> {
    let mut entries: HashMap<&AccountId, Vec<&Account>, RandomState> = HashMap::default();
    for (id, _) in prover.rules.accounts() {
        let first = prover.of_account.get(id).and_then(|places| places.first());
        let shown = first.and_then(|place| {
            let origin = prover.rules.world.zones[*place as usize].origin.to_lower_wire();
            let entry = snapshot.zones.get(&snapshot.seed, &origin)?;
            snapshot.accounts.get(entry.account).filter(|account| account.id == *id)
        });
        entries.insert(id, shown.into_iter().collect());
    }
    // A pass over all accounts only for those that no zone shows.
    let hidden: HashSet<&AccountId, RandomState> =
        entries.iter().filter(|(_, shown)| shown.is_empty()).map(|(id, _)| *id).collect();
    if !hidden.is_empty() {
        for account in snapshot.accounts.iter() {
            if let Some(id) = hidden.get(&account.id)
                && let Some(entries) = entries.get_mut(id)
            {
                entries.push(account);
            }
        }
    }
    entries
}

/// Of two enabled maps of the whole account only one can govern, and there is one immutable fallback at most.
fn governors(id: &AccountId, account: &AccountRules<'_>, findings: &mut Findings) {
    let mut enabled = account.ordinary.iter().filter(|map| map.enabled);
    if let (Some(first), Some(second)) = (enabled.next(), enabled.next()) {
        let message = format!(
            "account {id} has two governors: map {} at {}, and map {}",
            first.id, first.place, second.id
        );
        let found = Diagnostic::error(code::TWO_ACCOUNT_GOVERNORS, member_place(second), message);
        let hint =
            format!("remove the account from map {} or from map {}, or disable one", second.id, first.id);
        findings.tell(Unit::Account(id.clone()), found.hint(hint), None);
    }
    if let [first, second, ..] = account.immutable.as_slice() {
        let message = format!(
            "account {id} has two immutable maps: map {} at {}, and map {}",
            first.id, first.place, second.id
        );
        let found = Diagnostic::error(code::TWO_IMMUTABLE_GOVERNORS, second.place.clone(), message);
        let hint = format!("keep map {}, which came first, and remove map {}", first.id, second.id);
        findings.tell(Unit::Account(id.clone()), found.hint(hint), None);
    }
    for map in account.immutable.iter().filter(|map| !map.enabled || map.is_empty()) {
        let (what, hint) = match map.enabled {
            false => ("is disabled", "write enabled = true"),
            true => ("has no address", "give it back its addresses"),
        };
        let message = format!("immutable map {} of account {id} {what}: it cannot be the fallback", map.id);
        let found = Diagnostic::error(code::IMMUTABLE_NOT_HONOURED, map.place.clone(), message);
        findings.tell(Unit::Account(id.clone()), found.hint(hint), None);
    }
}

/// What the account's zones without a map of their own are answered from, be there one or not.
fn fallback(
    prover: &Prover<'_>,
    snapshot: &Snapshot,
    (id, account): (&AccountId, &AccountRules<'_>),
    entries: &[&Account],
    findings: &mut Findings,
) {
    let wanted = account.fallback(prover.rules.world);
    let is_right = |entry: &&&Account| agrees(wanted, snapshot, &entry.fallback);
    let Some(wrong) = entries.first().filter(|_| !entries.iter().any(|entry| is_right(&entry))) else {
        return;
    };
    let is_shared =
        matches!(wrong.fallback, Fallback::Set(AddressSource::AnycastDefaults, _)) && account.never_shared();
    let code = match (wanted, wrong.fallback) {
        _ if is_shared => code::SHARED_ADDRESS,
        (Governor::Map(AddressSource::ImmutableMap, _), _) => code::IMMUTABLE_NOT_HONOURED,
        (wanted, Fallback::Set(source, set))
            if wanted.source() == Some(source)
                && snapshot.sets.get(set).is_some_and(|set| is_map_of(wanted, set)) =>
        {
            code::WRONG_ADDRESSES
        }
        _ => code::WRONG_LEVEL,
    };
    let (unit, place) = match wanted {
        Governor::Map(AddressSource::ImmutableMap, map) => (Unit::Account(id.clone()), map.place.clone()),
        Governor::Map(_, map) => (Unit::Account(id.clone()), member_place(map)),
        Governor::Anycast(anycast) => (Unit::Operator, anycast.place.clone()),
        Governor::Nothing => {
            let settings = prover.rules.world.accounts.get(id).and_then(|settings| settings.place.clone());
            let immutable = account.immutable.first().map(|map| map.place.clone());
            let place = settings.or(immutable).unwrap_or_else(|| Place::file(&id.as_str().into()));
            (Unit::Account(id.clone()), place)
        }
    };
    let told = match wanted {
        Governor::Map(source, map) => format!("map {} as {source}", map.id),
        Governor::Anycast(_) => "the anycast defaults".to_owned(),
        Governor::Nothing => "nothing".to_owned(),
    };
    let message = format!(
        "zones of account {id} without a map of their own are answered from {} instead of {told}",
        fallback_told(snapshot, &wrong.fallback)
    );
    findings.tell(unit, Diagnostic::error(code, place, message).hint(NOT_OF_THESE_FILES), None);
}

fn agrees(wanted: Governor<'_>, snapshot: &Snapshot, found: &Fallback) -> bool {
    match *found {
        Fallback::Nothing(_) => wanted.source().is_none(),
        Fallback::Set(source, index) => {
            let set = snapshot.sets.get(index);
            wanted.source() == Some(source)
                && set.is_some_and(|set| {
                    let family = |rtype| same_addresses(wanted.addresses(rtype), set.family(rtype));
                    is_map_of(wanted, set) && family(RrType::A) && family(RrType::AAAA)
                })
        }
    }
}

/// Where a map says that the whole account is a member.
fn member_place(map: &AddressMap) -> Place {
    let own = map.memberships.iter().find(|membership| membership.member == Member::Account);
    own.map_or_else(|| map.place.clone(), |membership| membership.place.clone())
}
