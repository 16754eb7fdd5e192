//! Address map files: `[anycast]`, `[[address_map]]`, the ledger, assertions and approvals.

mod approval;
mod assertion;
mod network;
mod prefix;

use std::sync::Arc;

use super::addresses::{self, Family};
use super::format::{ADDRESS_MAP, ANYCAST, APPROVE, ASSERT, MAP_FILE, PREFIX, STATIC_IPS};
use super::{MapFile, Scope, code, members, names};
use crate::model::table::{Document, Table, Value, in_file_order};
use crate::model::{
    AccountId, AddressMap, AnycastDefaults, Diagnostic, Files, MapId, MapOwner, Member, Membership, Severity,
    Unit,
};

pub(super) fn read(
    file: &Arc<str>,
    content: &[u8],
    scope: Scope<'_>,
    files: &dyn Files,
    before: &[Arc<AddressMap>],
) -> MapFile {
    let own = match scope {
        Scope::Operator => Unit::Operator,
        Scope::Account(account) => Unit::Account(account.clone()),
    };
    let mut read = MapFile::default();
    let document = Document::parse(file, content);
    let root = document.root(&MAP_FILE);
    read.anycast = root.get("anycast").and_then(|value| anycast(value, scope));
    let tables = |key, keys| root.get(key).map(|value| value.tables(keys)).unwrap_or_default();
    let maps = tables("address_map", &ADDRESS_MAP);
    for value in tables("prefix", &PREFIX) {
        read.ledger.prefixes.extend(prefix::prefix(&value, scope));
    }
    for value in tables("static_ips", &STATIC_IPS) {
        read.ledger.static_ips.extend(prefix::static_ips(&value, scope));
    }
    for value in tables("assert", &ASSERT) {
        read.assertions.extend(assertion::read(&value, scope));
    }
    for value in tables("approve", &APPROVE) {
        read.approvals.extend(approval::read(&value, scope));
    }
    note(&mut read, &own, &document);
    for value in maps {
        let (account, map) = match value.table(&ADDRESS_MAP) {
            Some(table) => address_map(table, scope, files, before),
            None => (None, None),
        };
        read.maps.extend(map);
        let unit = account.map_or_else(|| own.clone(), Unit::Account);
        note(&mut read, &unit, &document);
    }
    read.findings.sort_by(|a, b| in_file_order(&a.1, &b.1));
    read
}

/// Moves what was found since the last time over to a unit.
fn note(read: &mut MapFile, unit: &Unit, document: &Document<'_>) {
    read.findings.extend(document.take().into_iter().map(|found| (unit.clone(), found)));
}

fn anycast(value: Value<'_>, scope: Scope<'_>) -> Option<AnycastDefaults> {
    let table = value.table(&ANYCAST)?;
    let ipv4 = addresses::read(table.get("ipv4"), Some(Family::V4));
    let ipv6 = addresses::read(table.get("ipv6"), Some(Family::V6));
    if !is_operators(&value, scope, "the anycast defaults are", "[anycast]", "the shared addresses") {
        return None;
    }
    if ipv4.nothing_written && ipv6.nothing_written {
        let hint = "list the addresses as ipv4 = [...] and ipv6 = [...], or remove the table";
        table.absent(Severity::Error, code::ANYCAST_WITHOUT_ADDRESS, "no address in [anycast]", hint);
    }
    Some(AnycastDefaults { ipv4: ipv4.ipv4, ipv6: ipv6.ipv6, place: value.place() })
}

/// Whether a table that only the operator's files may hold stands in one of these; elsewhere that is told.
fn is_operators(value: &Value<'_>, scope: Scope<'_>, what: &str, table: &str, holds: &str) -> bool {
    if let Scope::Account(_) = scope {
        let hint = format!("remove it; the operator's files in addrmaps/ hold {holds}");
        value.error(code::OPERATOR_ONLY, format!("{what} the operator's: {table}"), hint);
        return false;
    }
    true
}

/// What two files with `[anycast]` are told.
pub(super) fn anycast_twice(
    first: &AnycastDefaults,
    second: &AnycastDefaults,
) -> impl IntoIterator<Item = (Unit, Diagnostic)> {
    [(first, second), (second, first)].map(|(here, there)| {
        let message = format!("the anycast defaults stand in two files, the other is {}", there.place);
        let found = Diagnostic::error(code::ANYCAST_TWICE, here.place.clone(), message);
        (Unit::Operator, found.hint("write all shared addresses in one [anycast] and remove the other"))
    })
}

/// One map and, as far as it is known, its account.
fn address_map(
    table: Table<'_>,
    scope: Scope<'_>,
    files: &dyn Files,
    before: &[Arc<AddressMap>],
) -> (Option<AccountId>, Option<AddressMap>) {
    let account = account(&table, scope);
    let id = table.get("id").and_then(|value| identifier(&value, MapId::new));
    let description = table.get("description").and_then(|value| value.text()).map(str::to_string);
    let enabled = table.get("enabled").and_then(|value| value.boolean());
    let ips = addresses::read(table.get("ips"), None);
    let immutable = is_immutable(&table, scope);
    let members = members::read(&table, account.as_ref(), immutable, files, before);
    let default_sni = table.get("default_sni").and_then(default_sni);

    let has_members = !members.memberships.is_empty();
    if immutable {
        immutable_rules(&table, &members.memberships, enabled, ips.nothing_written);
    } else if enabled == Some(true) && has_members && ips.nothing_written {
        let message = "an enabled map with members needs an address";
        let hint = "add ips = [...], or write enabled = false while the map is being prepared";
        match table.get("ips") {
            Some(value) => value.error(code::ENABLED_WITHOUT_ADDRESS, message, hint),
            None => table.absent(Severity::Error, code::ENABLED_WITHOUT_ADDRESS, message, hint),
        }
    }
    if !has_members && members.nothing_written {
        let hint = "name its zones with zones = [...], or write account_wide = true";
        table.absent(Severity::Note, code::NO_MEMBERS, "the map has no members and governs nothing", hint);
    }

    let address_places = ips.places();
    let map = id.zip(account.clone()).map(|(id, account)| AddressMap {
        id,
        account,
        description,
        enabled: enabled.unwrap_or(false),
        ipv4: ips.ipv4,
        ipv6: ips.ipv6,
        memberships: members.memberships,
        default_sni,
        immutable,
        owner: match scope {
            Scope::Operator => MapOwner::Operator,
            Scope::Account(_) => MapOwner::Account,
        },
        place: table.place(),
        address_places,
    });
    (account, map)
}

/// The map's account: written in the operator's files, implied by the folder elsewhere.
fn account(table: &Table<'_>, scope: Scope<'_>) -> Option<AccountId> {
    let value = table.get("account");
    match (scope, value) {
        (Scope::Operator, Some(value)) => identifier(&value, AccountId::new),
        (Scope::Operator, None) => {
            table.missing("account", "add account = \"...\": whose zones the map may govern");
            None
        }
        (Scope::Account(own), Some(value)) => {
            implied(&value, own);
            Some(own.clone())
        }
        (Scope::Account(own), None) => Some(own.clone()),
    }
}

/// The account where the folder says it already.
fn implied(value: &Value<'_>, own: &AccountId) {
    if let Some(text) = value.text().filter(|text| *text != own.as_str()) {
        let message = format!("the file stands in the folder of account {own}, not of: {text}");
        value.error(code::ACCOUNT_MISMATCH, message, format!("remove it, or write \"{own}\""));
    }
}

fn identifier<T>(value: &Value<'_>, new: fn(&str) -> Option<T>) -> Option<T> {
    let text = value.text()?;
    let id = new(text);
    if id.is_none() {
        let plain: String = text
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let hint = match new(plain.trim_matches('-')) {
            Some(_) => format!("write {:?}", plain.trim_matches('-')),
            None => "write 1 to 32 of a-z, 0-9 and -".to_string(),
        };
        let message = format!("{} must be 1 to 32 of a-z, 0-9 and -, not: {text}", value.key());
        value.error(code::BAD_ID, message, hint);
    }
    id
}

fn default_sni(value: Value<'_>) -> Option<String> {
    let text = value.text()?;
    match names::server_name(text) {
        Ok(_) => Some(text.to_string()),
        Err(bad) => {
            value.error(code::BAD_DEFAULT_SNI, format!("bad default_sni, {}: {text}", bad.reason), bad.hint);
            None
        }
    }
}

fn is_immutable(table: &Table<'_>, scope: Scope<'_>) -> bool {
    let Some(value) = table.get("immutable") else { return false };
    let immutable = value.boolean() == Some(true);
    if immutable && matches!(scope, Scope::Account(_)) {
        let hint = "remove it, and write account_wide = true for a map of the whole account";
        value.error(code::OPERATOR_ONLY, "immutable maps are the operator's: immutable = true", hint);
        return false;
    }
    immutable
}

/// What an immutable map must be: enabled, with addresses, and about the account alone.
fn immutable_rules(
    table: &Table<'_>,
    memberships: &[Membership],
    enabled: Option<bool>,
    without_address: bool,
) {
    if enabled == Some(false)
        && let Some(value) = table.get("enabled")
    {
        let hint = "write enabled = true; taking an immutable map away is a command of its own";
        value.error(code::IMMUTABLE_DISABLED, "an immutable map cannot be disabled", hint);
    }
    if without_address {
        let (message, hint) = ("an immutable map needs an address", "add ips = [...]");
        match table.get("ips") {
            Some(value) => value.error(code::IMMUTABLE_WITHOUT_ADDRESS, message, hint),
            None => table.absent(Severity::Error, code::IMMUTABLE_WITHOUT_ADDRESS, message, hint),
        }
    }
    let zones = memberships.iter().any(|membership| matches!(membership.member, Member::Zone(_)));
    let key = ["zones", "zones_file", "memberships"].into_iter().find_map(|key| table.get(key));
    if zones && let Some(value) = key {
        let hint = "remove its zones, or write a second map for them";
        value.error(
            code::IMMUTABLE_WITH_ZONES,
            "an immutable map is for the whole account and has no zones",
            hint,
        );
    }
}

#[cfg(test)]
mod tests;
