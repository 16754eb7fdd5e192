//! `zones/<account>/account.toml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::format::{ACCOUNT_FILE, ZONE};
use super::{code, names};
use crate::model::diagnostic::has_errors;
use crate::model::table::{Document, Value};
use crate::model::{AccountId, AccountSettings, Diagnostics, Place, ZoneSettings};
use crate::wire::Name;

pub(super) fn read(
    file: &Arc<str>,
    content: &[u8],
    account: &AccountId,
) -> (Option<AccountSettings>, Diagnostics) {
    let document = Document::parse(file, content);
    let root = document.root(&ACCOUNT_FILE);
    let shared =
        root.get("shared_addresses").and_then(|value| value.choice(&[("allow", true), ("never", false)]));
    let boolean = |key| root.get(key).and_then(|value| value.boolean());
    let settings = AccountSettings {
        name: root.get("name").and_then(|value| value.text()).map(str::to_string),
        shared_addresses: shared.unwrap_or(true),
        require_tags: boolean("require_tags").unwrap_or(false),
        enforce_dns_only: boolean("enforce_dns_only").unwrap_or(false),
        zones: root.get("zone").map(zones).unwrap_or_default(),
        place: Some(Place::file(file)),
        ..AccountSettings::new(account.clone())
    };
    let found = document.take();
    ((!has_errors(&found)).then_some(settings), found)
}

/// `[zone."shop.example"]`, each zone once, however its name is written.
fn zones(value: Value<'_>) -> BTreeMap<Name, ZoneSettings> {
    let mut zones: BTreeMap<Name, ZoneSettings> = BTreeMap::new();
    let mut entries = value.entries("[zone.\"shop.example\"]");
    entries.sort_by_key(|(key, _)| key.place());
    for (key, value) in entries {
        if let Some(rest) = value.dotted() {
            let name = format!("{}{rest}", key.text);
            let hint = format!("write [zone.\"{name}\"]");
            key.error(code::BAD_ZONE_NAME, format!("zone name without quotes: {name}"), hint);
            continue;
        }
        let settings = zone(value, key.place());
        let origin = match names::zone(key.text) {
            Ok(origin) => origin,
            Err(bad) => {
                key.error(
                    code::BAD_ZONE_NAME,
                    format!("bad zone name, {}: {}", bad.reason, key.text),
                    bad.hint,
                );
                continue;
            }
        };
        if let Some(first) = zones.get(&origin) {
            let place = first.place.as_ref().map(Place::to_string).unwrap_or_default();
            let message = format!("zone twice in account.toml: {}", names::shown(&origin));
            key.error(
                code::DUPLICATE_ZONE,
                message,
                format!("write its settings in one table, that at {place}"),
            );
            continue;
        }
        zones.insert(origin, settings);
    }
    zones
}

fn zone(value: Value<'_>, place: Place) -> ZoneSettings {
    let Some(table) = value.table(&ZONE) else { return ZoneSettings::default() };
    let ipv6 = table.get("ipv6").and_then(|value| value.choice(&[("on", true), ("off", false)]));
    let paused = table.get("paused").and_then(|value| value.boolean());
    ZoneSettings { ipv6: ipv6.unwrap_or(true), paused: paused.unwrap_or(false), place: Some(place) }
}

#[cfg(test)]
mod tests;
