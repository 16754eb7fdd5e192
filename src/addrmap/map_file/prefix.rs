//! The ledger: `[[prefix]]` and `[[static_ips]]`.

use ipnet::IpNet;

use super::network::{self, network};
use super::{Scope, addresses, code, identifier, is_operators};
use crate::addrmap::format::{BINDING, DELEGATION, PREFIX, STATIC_IPS};
use crate::model::table::{Table, Value, closest};
use crate::model::{AccountId, Binding, Delegation, MapId, Prefix, Service, Severity, StaticIps};

/// Numbers of autonomous systems; the first and the last are reserved (RFC 7607, RFC 7300).
const ASN: std::ops::RangeInclusive<i64> = 1..=4_294_967_294;

/// One prefix. Its bindings and delegations are judged with it, for nothing else bears on them.
pub(super) fn prefix(value: &Value<'_>, scope: Scope<'_>) -> Option<Prefix> {
    let table = value.table(&PREFIX)?;
    let is_operators = is_operators(value, scope, "prefixes are", "[[prefix]]", "the prefixes");
    let cidr = table.get("cidr").and_then(|value| network::prefix(&value));
    let account = table.get("account").and_then(|value| identifier(&value, AccountId::new));
    let asn = table.get("asn").and_then(|value| asn(&value));
    let description = table.get("description").and_then(|value| value.text()).map(str::to_owned);
    let switch = |key| table.get(key).map_or(Some(true), |value| value.boolean());
    let (approved, advertised) = (switch("approved"), switch("advertised"));
    let bindings = bindings(&table, cidr, approved);
    let delegations = delegations(&table, cidr, account.as_ref());
    let place = table.get("cidr").map_or_else(|| table.place(), |value| value.place());
    let (cidr, account) = is_operators.then_some(cidr?).zip(account)?;
    // What cannot be read is an error; nothing serves by it meanwhile.
    let (approved, advertised) = (approved.unwrap_or(false), advertised.unwrap_or(false));
    Some(Prefix { cidr, account, asn, description, approved, advertised, bindings, delegations, place })
}

fn asn(value: &Value<'_>) -> Option<u32> {
    let number = value.integer()?;
    let asn =
        Some(number).filter(|number| ASN.contains(number)).and_then(|number| u32::try_from(number).ok());
    if asn.is_none() {
        let message = format!("not the number of an autonomous system: {number}");
        value.error(code::BAD_ASN, message, "write a number from 1 to 4294967294, without AS");
    }
    asn
}

fn bindings(table: &Table<'_>, prefix: Option<IpNet>, approved: Option<bool>) -> Vec<Binding> {
    let list = table.get("binding");
    let values = list.map(|list| list.tables(&BINDING)).unwrap_or_default();
    let written = values.len();
    let mut bindings: Vec<Binding> = Vec::new();
    let mut readable = 0;
    for value in &values {
        let Some(binding) = value.table(&BINDING) else { continue };
        let cidr = binding.get("cidr");
        let network = cidr.and_then(|value| network(&value));
        let service =
            binding.get("service").and_then(|value| service(&value).map(|service| (value, service)));
        let (Some(cidr), Some(network), Some((at, service))) = (cidr, network, service) else { continue };
        readable += 1;
        if !is_within(&cidr, network, prefix, "binding") {
            continue;
        }
        let part = prefix.filter(|prefix| *prefix != network);
        if let (Service::MagicTransit, Some(prefix)) = (service, part) {
            let message = format!("Magic Transit takes whole prefixes, not a part of {prefix}: {network}");
            let hint = "bind the part to \"CDN\" or \"Spectrum\", or make it a prefix of its own";
            at.error(code::MAGIC_TRANSIT_IN_PART, message, hint);
            continue;
        }
        if let Some(first) = bindings.iter().find(|binding| binding.cidr == network) {
            let message = format!("two bindings of one network: {network}");
            let hint = format!("keep one, an address has one service; the other is {}", first.place);
            cidr.error(code::DUPLICATE_BINDING, message, hint);
            continue;
        }
        bindings.push(Binding { cidr: network, service, place: cidr.place() });
    }
    let has_default = prefix.is_none_or(|prefix| bindings.iter().any(|binding| binding.cidr == prefix));
    // One that could not be read may be it; what is not approved has no bindings yet.
    if let (false, Some(prefix), true) = (has_default, prefix, readable == written && approved == Some(true))
    {
        let message = format!("no binding of the whole prefix: {prefix}");
        let hint = format!(
            "add {{ cidr = \"{prefix}\", service = \"CDN\" }} to binding, the default of its addresses"
        );
        match list {
            Some(list) => list.error(code::NO_DEFAULT_BINDING, message, hint),
            None => table.absent(Severity::Error, code::NO_DEFAULT_BINDING, message, hint),
        }
    }
    bindings
}

/// A service, by its name in any case.
fn service(value: &Value<'_>) -> Option<Service> {
    let text = value.text()?;
    let found = Service::ALL.into_iter().find(|service| service.as_str() == text);
    if found.is_none() {
        let names = Service::ALL.map(Service::as_str);
        let hint = match closest(text, names) {
            Some(name) => format!("did you mean {name:?}?"),
            None => format!("write {}", names.map(|name| format!("{name:?}")).join(" or ")),
        };
        value.error(crate::model::table::code::BAD_VALUE, format!("no such service: {text}"), hint);
    }
    found
}

fn delegations(table: &Table<'_>, prefix: Option<IpNet>, owner: Option<&AccountId>) -> Vec<Delegation> {
    let values = table.get("delegation").map(|list| list.tables(&DELEGATION)).unwrap_or_default();
    let mut delegations: Vec<Delegation> = Vec::new();
    for value in &values {
        let Some(delegation) = value.table(&DELEGATION) else { continue };
        let cidr = delegation.get("cidr");
        let network = cidr.and_then(|value| network(&value));
        let at = delegation.get("account");
        let account = at.and_then(|value| identifier(&value, AccountId::new));
        let (Some(cidr), Some(network), Some(at), Some(account)) = (cidr, network, at, account) else {
            continue;
        };
        if !is_within(&cidr, network, prefix, "delegation") {
            continue;
        }
        if owner == Some(&account) {
            let message = format!("a delegation to the owner of the prefix: {account}");
            at.error(code::DELEGATION_TO_OWNER, message, "remove it, or name another account");
            continue;
        }
        let first = delegations.iter().find(|first| first.cidr == network && first.account == account);
        if let Some(first) = first {
            let message = format!("a delegation twice to account {account}: {network}");
            let hint = format!("remove it; it stands at {} already", first.place);
            cidr.error(code::DUPLICATE_DELEGATION, message, hint);
            continue;
        }
        delegations.push(Delegation { cidr: network, account, place: cidr.place() });
    }
    delegations
}

/// Whether a network lies in the prefix; where that could not be read nobody knows.
fn is_within(value: &Value<'_>, network: IpNet, prefix: Option<IpNet>, what: &str) -> bool {
    let Some(prefix) = prefix.filter(|prefix| !prefix.contains(&network)) else { return true };
    let message = format!("a {what} outside of its prefix {prefix}: {network}");
    value.error(
        code::OUTSIDE_PREFIX,
        message,
        "write a part of the prefix, or a [[prefix]] of its own for it",
    );
    false
}

/// One lease.
pub(super) fn static_ips(value: &Value<'_>, scope: Scope<'_>) -> Option<StaticIps> {
    let table = value.table(&STATIC_IPS)?;
    let is_operators = is_operators(value, scope, "leases are", "[[static_ips]]", "the leases");
    let account = table.get("account").and_then(|value| identifier(&value, AccountId::new));
    let map = table.get("map").and_then(|value| identifier(&value, MapId::new));
    let list = table.get("ips");
    let ips = addresses::read(list, None);
    if let (true, Some(list)) = (ips.nothing_written, &list) {
        network::is_empty(list, &[]);
    }
    let (account, map) = account.zip(map).filter(|_| is_operators)?;
    let place = table.place();
    Some(StaticIps { account, map, ips: ips.all(), place })
}
