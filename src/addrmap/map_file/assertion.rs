//! `[[assert]]`: one scope, one claim or several.

use super::network::{is_empty, networks};
use super::{Scope, code, identifier, implied, is_operators};
use crate::addrmap::format::{ASSERT, FamilyFormat};
use crate::addrmap::names;
use crate::model::table::{Table, Value};
use crate::model::{AccountId, Assertion, AssertionScope, Claim, MapId, Severity};

/// The claims of one table, each an assertion.
pub(super) fn read(value: &Value<'_>, scope: Scope<'_>) -> Vec<Assertion> {
    let Some(table) = value.table(&ASSERT) else { return Vec::new() };
    let about = about(&table, scope);
    let author = match scope {
        Scope::Operator => None,
        Scope::Account(account) => Some(account.clone()),
    };
    let claims = ["answers_within", "never_answers_within", "family_required", "governed_by"];
    let written: Vec<Value<'_>> = claims.iter().filter_map(|key| table.get(key)).collect();
    if written.is_empty() {
        let hint = format!("add what must be so: {}", claims.join(", "));
        table.absent(Severity::Error, code::NO_CLAIM, "an assertion that claims nothing", hint);
    }
    // All are read, so that all faults are told.
    let claims: Vec<_> = written.iter().filter_map(|value| Some((claim(value)?, value.place()))).collect();
    let Some(about) = about else { return Vec::new() };
    let assertion = |(claim, place)| Assertion { scope: about.clone(), claim, author: author.clone(), place };
    claims.into_iter().map(assertion).collect()
}

/// What it is about: one thing, and never everything because nothing is written.
fn about(table: &Table<'_>, scope: Scope<'_>) -> Option<AssertionScope> {
    let [account, zone, everything] = ["account", "zone", "everything"].map(|key| table.get(key));
    if let (Scope::Account(own), Some(account)) = (scope, &account) {
        implied(account, own);
    }
    let written: Vec<&Value<'_>> = [&account, &zone, &everything].into_iter().flatten().collect();
    // In an account's files a zone is one of its own, so that naming the account beside it is no second scope.
    let own_account = usize::from(matches!(scope, Scope::Account(_)) && account.is_some() && zone.is_some());
    if let (true, Some(last)) = (written.len() > 1 + own_account, written.last()) {
        let keys: Vec<&str> = written.iter().map(|value| value.key()).collect();
        let message = format!("an assertion is about one thing, not: {}", keys.join(", "));
        last.error(code::BAD_SCOPE, message, "keep one of account, zone and everything");
        return None;
    }
    if let Some(value) = everything {
        let is_operators =
            is_operators(&value, scope, "assertions about everything are", "everything", "them");
        if value.boolean()? {
            return is_operators.then_some(AssertionScope::Everything);
        }
        let hint = "write everything = true, or name an account or a zone instead";
        value.error(code::BAD_SCOPE, "everything = false is no scope", hint);
        return None;
    }
    if let Some(value) = zone {
        let text = value.text()?;
        return match names::zone(text) {
            Ok(origin) => Some(AssertionScope::Zone(origin)),
            Err(bad) => {
                let message = format!("bad zone name, {}: {text}", bad.reason);
                value.error(code::BAD_ZONE_NAME, message, bad.hint);
                None
            }
        };
    }
    match (scope, account) {
        (Scope::Account(own), _) => Some(AssertionScope::Account(own.clone())),
        (Scope::Operator, Some(value)) => identifier(&value, AccountId::new).map(AssertionScope::Account),
        (Scope::Operator, None) => {
            let message = "an assertion without a scope";
            let hint = "add account = \"...\", zone = \"...\" or everything = true";
            table.absent(Severity::Error, code::BAD_SCOPE, message, hint);
            None
        }
    }
}

fn claim(value: &Value<'_>) -> Option<Claim> {
    match value.key() {
        "answers_within" => networks(value).map(Claim::AnswersWithin),
        "never_answers_within" => networks(value).map(Claim::NeverAnswersWithin),
        "family_required" => families(value),
        _ => identifier(value, MapId::new).map(Claim::GovernedBy),
    }
}

/// One family, or a list of them.
fn families(value: &Value<'_>) -> Option<Claim> {
    let values = if value.is_text() { vec![*value] } else { value.list()? };
    if is_empty(value, &values) {
        return None;
    }
    let words = [("ipv4", FamilyFormat::Ipv4), ("ipv6", FamilyFormat::Ipv6)];
    let read: Vec<FamilyFormat> = values.iter().filter_map(|value| value.choice(&words)).collect();
    let has = |family| read.contains(&family);
    let claim = Claim::FamilyRequired { ipv4: has(FamilyFormat::Ipv4), ipv6: has(FamilyFormat::Ipv6) };
    (read.len() == values.len()).then_some(claim)
}
