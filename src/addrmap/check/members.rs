//! Members: whose they are, whether they exist, whether the membership has any effect.

use super::{Context, Proxied, Zone, listed};
use crate::addrmap::{code, names};
use crate::model::{AddressMap, AddressSource, Diagnostic, MapOwner, Member, Membership, Place, Unit};
use crate::wire::Name;

pub(super) fn check(context: &mut Context<'_>) {
    let world = context.world;
    for map in &world.maps {
        account(context, map);
        for membership in map.memberships.iter() {
            match &membership.member {
                Member::Zone(origin) => zone(context, map, origin, &membership.place),
                Member::Account => account_member(context, map, membership),
            }
        }
        families(context, map);
        default_sni(context, map);
    }
}

fn account(context: &mut Context<'_>, map: &AddressMap) {
    if map.owner == MapOwner::Operator && !context.knows_account(&map.account) {
        let message = format!("no such account on this server: {}", map.account);
        let found = Diagnostic::warning(code::NO_SUCH_ACCOUNT, map.place.clone(), message);
        let hint = format!("the account is there once zones/{}/ is", map.account);
        context.tell_map(map, found, hint);
    }
}

fn zone(context: &mut Context<'_>, map: &AddressMap, origin: &Name, place: &Place) {
    let shown = names::shown(origin);
    let Some(zone) = context.zones.get(origin).copied() else {
        let found = Diagnostic::warning(
            code::NO_SUCH_ZONE,
            place.clone(),
            format!("no such zone on this server: {shown}"),
        );
        let enclosing = context.enclosing(origin).filter(|zone| zone.loaded.account == map.account);
        let hint = match enclosing {
            Some(zone) => format!(
                "a map governs whole zones: name {}, or make {shown} a zone of its own",
                names::shown(&zone.loaded.origin)
            ),
            None => "add the zone, or remove it from the map".to_string(),
        };
        return context.tell_map(map, found, hint);
    };
    if zone.loaded.account != map.account {
        let message = format!("not a zone of account {}: {shown}", map.account);
        let found = Diagnostic::error(code::FOREIGN_ZONE, place.clone(), message);
        // It governs nothing, and whoever has the zone must not be able to hold this account back with it.
        return context.tell(Unit::Nothing, found, "remove it: a map governs only zones of its own account");
    }
    if map.enabled
        && let Some(why) = without_effect(&zone)
    {
        let found =
            Diagnostic::warning(code::GOVERNS_NOTHING, place.clone(), format!("governs nothing: {why}"));
        context.tell_map(map, found, "harmless; it takes effect with the first proxied record");
    }
}

/// Why no address is ever answered for a zone.
fn without_effect(zone: &Zone<'_>) -> Option<String> {
    let shown = names::shown(&zone.loaded.origin);
    match zone.proxied {
        Proxied::Yes | Proxied::Unknown => None,
        Proxied::NoRecord => Some(format!("zone {shown} has no proxied record")),
        Proxied::Paused => Some(format!("zone {shown} is paused")),
        Proxied::DnsOnly => Some(format!("account {} has enforce_dns_only", zone.loaded.account)),
    }
}

/// An immutable map is a fallback: that nothing reaches it is how it should be.
fn account_member(context: &mut Context<'_>, map: &AddressMap, membership: &Membership) {
    if !map.enabled || map.immutable || map.is_empty() || !context.knows_account(&map.account) {
        return;
    }
    let account = &map.account;
    let zones = context.zones_of(account);
    let place = membership.place.clone();
    let reached: Vec<&Zone<'_>> = zones.iter().filter(|zone| without_effect(zone).is_none()).collect();
    if reached.is_empty() {
        let message = match zones.first() {
            None => format!("governs nothing: account {account} has no zone"),
            Some(zone) if zone.proxied == Proxied::DnsOnly => {
                format!("governs nothing: account {account} has enforce_dns_only")
            }
            Some(_) => format!("governs nothing: no zone of account {account} has proxied names"),
        };
        let found = Diagnostic::warning(code::GOVERNS_NOTHING, place, message);
        return context.tell_map(map, found, "harmless; it takes effect with the first proxied record");
    }
    let governors: Vec<_> = reached
        .iter()
        .filter_map(|zone| context.precedence.zone_level(account, &zone.loaded.origin))
        .filter(|decision| decision.source() == Some(AddressSource::ZoneMap))
        .filter_map(|decision| decision.map())
        .collect();
    if governors.len() == reached.len() && governors.iter().all(|governor| governor.id != map.id) {
        let maps = listed(governors.iter().map(|governor| &governor.id));
        let message =
            format!("governs nothing: every proxied zone of account {account} has a map of its own: {maps}");
        let found = Diagnostic::warning(code::SHADOWED_MEMBERSHIP, place, message);
        context.tell_map(map, found, "harmless; a zone map goes before the account map");
    }
}

fn families(context: &mut Context<'_>, map: &AddressMap) {
    if !map.enabled || map.memberships.is_empty() {
        return;
    }
    if map.is_empty() {
        let message = format!("map {} is enabled and has no address; the next level answers", map.id);
        let found = Diagnostic::warning(code::GOVERNS_NOTHING, map.place.clone(), message);
        return context.tell_map(map, found, "add an address, or disable the map");
    }
    let missing = if map.ipv4.is_empty() {
        ("IPv4", "A", "clients without IPv6 cannot reach its names")
    } else if map.ipv6.is_empty() && !all_without_ipv6(context, map) {
        ("IPv6", "AAAA", "clients without IPv4 cannot reach its names")
    } else {
        return;
    };
    let (family, rtype, effect) = missing;
    let message = format!("map {} has no {family} address: {effect}", map.id);
    let found = Diagnostic::warning(code::FAMILY_MISSING, map.place.clone(), message);
    let off = if family == "IPv6" { ", or write ipv6 = \"off\" for its zones" } else { "" };
    context.tell_map(map, found, format!("{rtype} is answered without data; add an {family} address{off}"));
}

/// Whether AAAA is switched off for every zone of the map, so that no IPv6 address is missing.
fn all_without_ipv6(context: &Context<'_>, map: &AddressMap) -> bool {
    let Some(settings) = context.world.accounts.get(&map.account) else { return false };
    let mut zones = if map.is_account_wide() { context.zones_of(&map.account) } else { Vec::new() };
    zones.extend(map.zones().filter_map(|(origin, _)| context.own_zone(&map.account, origin)));
    !zones.is_empty() && zones.iter().all(|zone| !settings.zone(&zone.loaded.origin).ipv6)
}

fn default_sni(context: &mut Context<'_>, map: &AddressMap) {
    let Some(text) = &map.default_sni else { return };
    if !context.knows_account(&map.account) {
        return;
    }
    let own = names::server_name(text)
        .ok()
        .and_then(|name| context.enclosing(&name))
        .is_some_and(|zone| zone.loaded.account == map.account);
    if !own {
        let message = format!("default_sni is not in a zone of account {}: {text}", map.account);
        let found = Diagnostic::error(code::FOREIGN_DEFAULT_SNI, map.place.clone(), message);
        context.tell(Unit::Nothing, found, "write a name in one of the account's zones");
    }
}
