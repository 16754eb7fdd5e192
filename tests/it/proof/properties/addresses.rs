//! Which addresses: eligible ones, none that is shared where that is forbidden, all of the map and no others.

use std::net::Ipv4Addr;
use std::sync::Arc;

use portolan::judge::proof::code;
use portolan::model::{Binding, MapId, Service, StaticIps, Unit};
use portolan::snapshot::AddressSet;

use super::case::{Cases, by, store};
use super::world::{account, map, place, prefix, remove_map, settings};

pub(super) fn addresses(cases: &mut Cases) {
    let other = || Ipv4Addr::new(203, 0, 113, 201);
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:9", by("acme"), |world| {
        map(world, "shop-eu").ipv4.push(other());
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:9", by("acme"), |world| {
        map(world, "shop-eu").ipv4.push(Ipv4Addr::new(198, 18, 0, 1));
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:9", by("acme"), |world| {
        let cidr = "203.0.113.1/32".parse().expect("a network");
        let place = place("ledger.toml", 9);
        prefix(world, 0).bindings.push(Binding { cidr, service: Service::Spectrum, place });
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:16", by("acme"), |world| {
        prefix(world, 1).approved = false
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:37", by("initech"), |world| {
        prefix(world, 5).bindings.clear()
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:31", by("globex"), |world| {
        prefix(world, 2).account = account("acme");
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:9", by("acme"), |world| {
        Arc::make_mut(&mut world.ledger).static_ips.push(StaticIps {
            account: account("acme"),
            map: MapId::new("leased").expect("an id"),
            ips: vec![Ipv4Addr::new(203, 0, 113, 1).into()],
            place: place("ledger.toml", 9),
        });
    });

    cases.stale(code::SHARED_ADDRESS, "maps.toml:38", by("initech"), |world| {
        remove_map(world, "initech-own");
        settings(world, "initech").shared_addresses = true;
    });
    cases.stale(code::SHARED_ADDRESS, "maps.toml:26", by("globex"), |world| remove_map(world, "globex-safe"));
    cases.files(code::SHARED_ADDRESS, "maps.toml:37", by("initech"), |world| {
        map(world, "initech-own").ipv4.push(Ipv4Addr::new(192, 0, 2, 10));
    });
    cases.files(code::SHARED_ADDRESS, "maps.toml:31", by("globex"), |world| {
        map(world, "globex-safe").ipv4 = vec![Ipv4Addr::new(192, 0, 2, 11)];
    });

    cases.spoilt(code::WRONG_ADDRESSES, "maps.toml:10", by("acme"), |snapshot| {
        let set =
            AddressSet::new(MapId::new("shop-eu"), &[other()], &["2001:db8:1::1".parse().expect("IPv6")]);
        store(snapshot, "shop-eu", set);
    });
    cases.stale(code::WRONG_ADDRESSES, "maps.toml:17", by("acme"), |world| {
        map(world, "acme-wide").ipv6.clear();
    });
    cases.stale(code::WRONG_ADDRESSES, "maps.toml:1", Unit::Operator, |world| {
        world.anycast.as_mut().expect("defaults").ipv4.pop();
    });
    cases.stale(code::WRONG_ADDRESSES, "maps.toml:10", by("acme"), |world| {
        map(world, "shop-eu").ipv4.push(other());
    });
}
