//! The members of a map: `zones`, `zones_file`, `account_wide`, `memberships`.

use std::collections::HashMap;
use std::sync::Arc;

use super::format::{MEMBERSHIP, MembershipKind};
use super::{code, names};
use crate::model::table::{Source, Table, Value};
use crate::model::{
    AccountId, AddressMap, Diagnostic, Files, FoundFile, Member, Membership, Memberships, Place, Severity,
};
use crate::wire::Name;

/// The members of one map.
#[derive(Debug)]
pub(super) struct Read {
    /// Each member once, in the order written.
    pub(super) memberships: Memberships,
    /// Whether nothing is written at all, not even something that could not be read.
    pub(super) nothing_written: bool,
}

/// Members being read.
#[derive(Debug, Default)]
struct Members {
    memberships: Vec<Membership>,
    nothing_written: bool,
    /// Whether something in the list of zones could not be taken.
    list_has_fault: bool,
    /// Where each zone is in the list.
    zones: HashMap<Name, usize>,
}

impl Members {
    /// Adds a zone; one that is there already is told.
    fn add_zone(&mut self, origin: Name, place: Place) -> Result<(), Duplicate> {
        if let Some(first) = self.zones.get(&origin).and_then(|&at| self.memberships.get(at)) {
            let message = format!("zone twice in one map: {}", names::shown(&origin));
            let hint = format!("remove it; it stands at {} already", first.place);
            return Err(Duplicate { message, hint });
        }
        self.zones.insert(origin.clone(), self.memberships.len());
        self.memberships.push(Membership { member: Member::Zone(origin), place });
        Ok(())
    }
}

struct Duplicate {
    message: String,
    hint: String,
}

/// Reads all ways of naming members together. An immutable map is account-wide without saying so.
pub(super) fn read(
    table: &Table<'_>,
    account: Option<&AccountId>,
    immutable: bool,
    files: &dyn Files,
    before: &[Arc<AddressMap>],
) -> Read {
    let list = table.get("zones_file").and_then(|value| zones_file(&value, table, files));
    let others = ["zones", "memberships", "account_wide", "immutable"];
    let only = list.as_ref().filter(|_| others.iter().all(|key| table.get(key).is_none()));
    if let Some(found) = only
        && let Some(known) = before.iter().find(|map| map.memberships.are_of(&found.file, &found.content))
    {
        let memberships = known.memberships.clone();
        return Read { nothing_written: memberships.is_empty(), memberships };
    }
    let mut members = Members { nothing_written: !immutable, ..Members::default() };
    for value in ["zones", "zones_file", "memberships"].into_iter().filter_map(|key| table.get(key)) {
        match value.key() {
            "zones" => zones(value, &mut members),
            "zones_file" => listed_zones(list.as_ref(), table, &mut members),
            _ => memberships(value, account, &mut members),
        }
    }
    account_wide(table, immutable, &mut members);
    let memberships = match only {
        // What has a fault is told every time.
        Some(found) if !members.list_has_fault => {
            Memberships::listed(members.memberships, &found.file, &found.content)
        }
        _ => members.memberships.into(),
    };
    Read { memberships, nothing_written: members.nothing_written }
}

fn zones(list: Value<'_>, members: &mut Members) {
    let values = list.list();
    members.nothing_written &= values.as_ref().is_some_and(Vec::is_empty);
    for value in values.unwrap_or_default() {
        if let Some(text) = value.text() {
            zone(&value, text, members);
        }
    }
}

fn zone(value: &Value<'_>, text: &str, members: &mut Members) {
    match names::zone(text) {
        Ok(origin) => {
            if let Err(duplicate) = members.add_zone(origin, value.place()) {
                value.error(code::DUPLICATE_ZONE, duplicate.message, duplicate.hint);
            }
        }
        Err(bad) => {
            value.error(code::BAD_ZONE_NAME, format!("bad zone name, {}: {text}", bad.reason), bad.hint)
        }
    }
}

/// The file of a list of zones.
fn zones_file(value: &Value<'_>, table: &Table<'_>, files: &dyn Files) -> Option<FoundFile> {
    let path = value.text()?;
    match files.open(table.document().source().file(), path) {
        Ok(found) if std::str::from_utf8(&found.content).is_ok() => return Some(found),
        Ok(_) => {
            let message = format!("not UTF-8 text: {path}");
            value.error(code::ZONES_FILE_UNREADABLE, message, "save the file as UTF-8, one zone a line");
        }
        Err(message) => {
            let hint = "write the path of a text file beside this one, with one zone a line";
            value.error(code::ZONES_FILE_UNREADABLE, message, hint);
        }
    }
    None
}

/// One origin a line; `#` and `;` begin a comment.
fn listed_zones(found: Option<&FoundFile>, table: &Table<'_>, members: &mut Members) {
    let Some(found) = found else {
        members.nothing_written = false;
        return;
    };
    let Ok(text) = std::str::from_utf8(&found.content) else { return };
    let document = table.document();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(&found.file, text);
    let error = |code, range, message: String, hint: &str| -> Diagnostic {
        source.diagnostic(Severity::Error, code, range, message).hint(hint)
    };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.split(['#', ';']).next().unwrap_or_default();
        let word = content.trim();
        if word.is_empty() {
            continue;
        }
        members.nothing_written = false;
        let start = start + (content.len() - content.trim_start().len());
        let range = start..start + word.len();
        match names::zone(word) {
            Ok(origin) => {
                if let Err(duplicate) = members.add_zone(origin, source.place(range.clone())) {
                    members.list_has_fault = true;
                    document.push(error(code::DUPLICATE_ZONE, range, duplicate.message, &duplicate.hint));
                }
            }
            Err(bad) => {
                members.list_has_fault = true;
                let message = format!("bad zone name, {}: {word}", bad.reason);
                document.push(error(code::BAD_ZONE_NAME, range, message, bad.hint));
            }
        }
    }
}

/// The API's form.
fn memberships(list: Value<'_>, account: Option<&AccountId>, members: &mut Members) {
    let values = list.tables(&MEMBERSHIP);
    members.nothing_written &= values.is_empty();
    for value in values {
        let Some(table) = value.table(&MEMBERSHIP) else { continue };
        let kind = table.get("kind").and_then(|value| {
            value.choice(&[("zone", MembershipKind::Zone), ("account", MembershipKind::Account)])
        });
        let Some(identifier) = table.get("identifier") else { continue };
        let (Some(kind), Some(text)) = (kind, identifier.text()) else { continue };
        match kind {
            MembershipKind::Zone => zone(&identifier, text, members),
            MembershipKind::Account => account_member(&identifier, text, account, members),
        }
    }
}

fn account_member(value: &Value<'_>, text: &str, account: Option<&AccountId>, members: &mut Members) {
    // Where the map's account could not be read, that is told; this would only follow from it.
    if let Some(account) = account.filter(|account| account.as_str() != text) {
        let message = format!("a map of account {account} cannot have another account as a member: {text}");
        return value.error(code::FOREIGN_ACCOUNT, message, format!("write \"{account}\""));
    }
    if let Some(first) = account_place(members) {
        let hint = format!("remove it; it stands at {first} already");
        return value.error(code::DUPLICATE_MEMBER, format!("account twice in one map: {text}"), hint);
    }
    members.memberships.push(Membership { member: Member::Account, place: value.place() });
}

fn account_place(members: &Members) -> Option<&Place> {
    let of_account = |membership: &&Membership| membership.member == Member::Account;
    members.memberships.iter().find(of_account).map(|membership| &membership.place)
}

/// `account_wide`, after the memberships, which say the same or contradict.
fn account_wide(table: &Table<'_>, immutable: bool, members: &mut Members) {
    let value = table.get("account_wide");
    let wide = value.and_then(|value| value.boolean());
    if let Some(value) = value {
        members.nothing_written &= wide == Some(false);
        if wide == Some(false) && immutable {
            let hint = "remove it; an immutable map is for the whole account";
            value.error(code::MEMBERS_CONTRADICT, "account_wide is false, but the map is immutable", hint);
        } else if wide == Some(false)
            && let Some(place) = account_place(members)
        {
            let message = format!("account_wide is false, but the account is a member at {place}");
            value.error(
                code::MEMBERS_CONTRADICT,
                message,
                "write account_wide = true or remove the membership",
            );
        }
    }
    if (immutable || wide == Some(true)) && account_place(members).is_none() {
        let key = value.filter(|_| wide == Some(true)).or_else(|| table.get("immutable"));
        let place = key.map_or_else(|| table.place(), |value| value.place());
        members.memberships.push(Membership { member: Member::Account, place });
    }
}
