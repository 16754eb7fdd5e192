//! What is reached: the anycast defaults, zones that nothing answers for, settings of zones that are not there.

use super::{Context, Proxied, Zone, proxied_place};
use crate::addrmap::precedence::{Decision, NoAddresses};
use crate::addrmap::{code, names};
use crate::model::{AddressSource, AnycastDefaults, Diagnostic, Place, Unit};
use crate::wire::Name;

pub(super) fn check(context: &mut Context<'_>) {
    zones(context);
    settings(context);
}

fn zones(context: &mut Context<'_>) {
    let world = context.world;
    let mut by_defaults: Vec<&Name> = Vec::new();
    let mut by_defaults_ipv6: Vec<&Name> = Vec::new();
    for loaded in &world.zones {
        let Some(zone) = context.zones.get(&loaded.origin).copied() else { continue };
        if zone.proxied != Proxied::Yes {
            continue;
        }
        match context.precedence.govern(&loaded.account, &loaded.origin) {
            Decision::Addresses { source: AddressSource::AnycastDefaults, .. } => {
                by_defaults.push(&loaded.origin);
                let settings = world.accounts.get(&loaded.account);
                if settings.is_none_or(|settings| settings.zone(&loaded.origin).ipv6) {
                    by_defaults_ipv6.push(&loaded.origin);
                }
            }
            Decision::Nothing(NoAddresses::NoDefaults) => {
                anycast_missing(context, &zone);
            }
            Decision::Nothing(reason @ (NoAddresses::SharedForbidden | NoAddresses::HasImmutableMap)) => {
                unanswered(context, &zone, reason);
            }
            // A map answers, or the sources are faulty, which is told elsewhere.
            Decision::Addresses { .. } | Decision::Nothing(_) => {}
        }
    }
    if let Some(anycast) = &world.anycast {
        anycast_family(context, anycast, anycast.ipv4.is_empty(), "IPv4", &by_defaults);
        anycast_family(context, anycast, anycast.ipv6.is_empty(), "IPv6", &by_defaults_ipv6);
    }
}

fn unanswered(context: &mut Context<'_>, zone: &Zone<'_>, reason: NoAddresses) {
    let account = &zone.loaded.account;
    let why = match reason {
        NoAddresses::HasImmutableMap => {
            format!("the immutable map of account {account} has no address to give")
        }
        _ => format!("account {account} does not use shared addresses and no map governs"),
    };
    let message =
        format!("proxied names are answered SERVFAIL, {why}: {}", names::shown(&zone.loaded.origin));
    let place = place(zone);
    let found = Diagnostic::warning(code::UNANSWERED_ZONE, place, message);
    let hint = "add the zone to an enabled map, or enable a map of the account";
    context.tell(Unit::Account(account.clone()), found, hint);
}

fn place(zone: &Zone<'_>) -> Place {
    let unnamed = || Place::file(&names::shown(&zone.loaded.origin).into());
    proxied_place(zone.loaded).unwrap_or_else(unnamed)
}

/// Proxied names of the zone are answered SERVFAIL by the precedence itself; its other names, and other zones, do
/// not suffer for it.
fn anycast_missing(context: &mut Context<'_>, zone: &Zone<'_>) {
    let origin = names::shown(&zone.loaded.origin);
    let message = format!("no anycast defaults, but proxied names of this zone need them: {origin}");
    let found = Diagnostic::error(code::ANYCAST_MISSING, place(zone), message);
    let hint =
        "add [anycast] with ipv4 and ipv6 to a file in addrmaps/, or a map for the zone or its account";
    context.tell(Unit::Nothing, found, hint);
}

fn anycast_family(
    context: &mut Context<'_>,
    anycast: &AnycastDefaults,
    missing: bool,
    family: &str,
    zones: &[&Name],
) {
    if let (true, Some(first)) = (missing, zones.first()) {
        let message = format!(
            "[anycast] has no {family} address, but answers for {}, the first is {}",
            counted(zones.len()),
            names::shown(first)
        );
        let found = Diagnostic::warning(code::ANYCAST_FAMILY_MISSING, anycast.place.clone(), message);
        context.tell(Unit::Operator, found, format!("add {} = [...]", family.to_lowercase()));
    }
}

fn counted(zones: usize) -> String {
    if zones == 1 { "1 zone".to_string() } else { format!("{zones} zones") }
}

fn settings(context: &mut Context<'_>) {
    let world = context.world;
    for (account, settings) in &world.accounts {
        for (origin, zone) in &settings.zones {
            if context.own_zone(account, origin).is_some() {
                continue;
            }
            let Some(place) = zone.place.clone().or_else(|| settings.place.clone()) else { continue };
            let message =
                format!("settings for what is not a zone of account {account}: {}", names::shown(origin));
            let found = Diagnostic::warning(code::SETTINGS_WITHOUT_ZONE, place, message);
            context.tell(Unit::Account(account.clone()), found, "add the zone, or remove its settings");
        }
    }
}
