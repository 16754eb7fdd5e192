//! Who governs: one map a level, the strongest level, the immutable map.

use std::net::Ipv4Addr;

use portolan::compile::compile;
use portolan::judge::proof::code;
use portolan::model::{MapId, Member, Unit, World};
use portolan::snapshot::{AddressSet, ZoneEntry};

use super::case::{Case, Cases, by, store};
use super::world::{account, copy, data, join, map, record, remove_map, settings, sound};
use crate::support::name;

pub(super) fn governors(cases: &mut Cases) {
    let zone = || Member::Zone(name("blog.example."));
    cases.files(code::TWO_ZONE_GOVERNORS, "maps.toml:10", by("acme"), |world| {
        map(world, "acme-next").enabled = true
    });
    cases.files(code::TWO_ZONE_GOVERNORS, "extra.toml:5", by("acme"), |world| {
        join(world, "acme-wide", zone(), 4);
        join(world, "shop-eu", zone(), 5);
    });
    cases.files(code::TWO_ZONE_GOVERNORS, "extra.toml:6", by("acme"), |world| {
        copy(world, "shop-eu", "shop-us", 6)
    });

    cases.files(code::TWO_ACCOUNT_GOVERNORS, "maps.toml:17", by("acme"), |world| {
        map(world, "acme-next").enabled = true;
        join(world, "acme-next", Member::Account, 1);
    });
    cases.files(code::TWO_ACCOUNT_GOVERNORS, "extra.toml:2", by("acme"), |world| {
        join(world, "shop-eu", Member::Account, 2);
    });
    cases.files(code::TWO_ACCOUNT_GOVERNORS, "extra.toml:3", by("initech"), |world| {
        copy(world, "initech-own", "initech-two", 3);
    });

    cases.files(code::TWO_IMMUTABLE_GOVERNORS, "extra.toml:1", by("globex"), |world| {
        copy(world, "globex-safe", "globex-zwei", 1);
    });
    cases.files(code::TWO_IMMUTABLE_GOVERNORS, "extra.toml:2", by("globex"), |world| {
        copy(world, "globex-safe", "globex-zwei", 2);
        map(world, "globex-zwei").enabled = false;
    });
    cases.files(code::TWO_IMMUTABLE_GOVERNORS, "extra.toml:4", by("acme"), |world| {
        for (id, line) in [("a", 3), ("b", 4)] {
            copy(world, "acme-wide", id, line);
            map(world, id).immutable = true;
        }
    });

    cases.stale(code::WRONG_LEVEL, "maps.toml:10", by("acme"), |world| map(world, "shop-eu").enabled = false);
    cases.stale(code::WRONG_LEVEL, "maps.toml:17", by("acme"), |world| remove_map(world, "acme-wide"));
    cases.stale(code::WRONG_LEVEL, "maps.toml:10", by("acme"), |world| {
        map(world, "shop-eu").enabled = false;
        map(world, "acme-next").enabled = true;
    });
    cases.stale(code::WRONG_LEVEL, "maps.toml:1", Unit::Operator, |world| world.anycast = None);
    // The end of a chain into another zone, where nothing may answer.
    let alias = |world: &mut World| {
        remove_map(world, "initech-own");
        world.assertions.clear();
        let zone = world.zones.iter_mut().find(|zone| zone.origin == name("plain.example."));
        zone.expect("a zone").account = account("initech");
        for line in [5, 6] {
            let record = record(world, "plain.example.", line);
            record.rtype = portolan::wire::RrType::CNAME;
            record.rdata = name("www.office.example.").as_wire().into();
        }
        data(world, "office.example.").records.retain(|record| record.line <= 4);
    };
    let mut proven = sound();
    alias(&mut proven);
    let mut served = proven.clone();
    copy(&mut served, "acme-wide", "initech-late", 5);
    map(&mut served, "initech-late").account = account("initech");
    let snapshot = compile(&served, 1).snapshot;
    let place = "plain.example.zone:4";
    cases.0.push(Case { code: code::WRONG_LEVEL, place, unit: by("initech"), proven, snapshot });
    // No zone of the account needs its account-wide map, and it must be right all the same.
    let all_named = |world: &mut World| join(world, "shop-eu", Member::Zone(name("blog.example.")), 1);
    let mut served = sound();
    all_named(&mut served);
    map(&mut served, "acme-wide").enabled = false;
    let mut proven = sound();
    all_named(&mut proven);
    let snapshot = compile(&served, 1).snapshot;
    cases.0.push(Case { code: code::WRONG_LEVEL, place: "maps.toml:17", unit: by("acme"), proven, snapshot });

    // Another map, with the same addresses.
    cases.spoilt(code::WRONG_LEVEL, "maps.toml:10", by("acme"), |snapshot| {
        let (ipv4, ipv6) = ("203.0.113.1".parse(), "2001:db8:1::1".parse());
        let (ipv4, ipv6) = (ipv4.expect("an address"), ipv6.expect("an address"));
        store(snapshot, "shop-eu", AddressSet::new(MapId::new("shop-us"), &[ipv4], &[ipv6]));
    });

    // What answers for no zone must be right all the same.
    let named = |world: &mut World, origin: &str| {
        let zone = world.zones.iter().find(|zone| zone.origin == name(origin)).expect("a zone");
        let (id, zone) = (zone.account.clone(), zone.origin.clone());
        copy(world, "shop-eu", "named", 1);
        let map = map(world, "named");
        (map.account, map.memberships) = (id, Vec::new().into());
        join(world, "named", Member::Zone(zone), 1);
    };
    type Edit = fn(&mut World);
    let fallbacks: [(&str, &str, &str, &str, Edit); 3] = [
        (code::SHARED_ADDRESS, "maps.toml:38", "initech", "office.example.", |world| {
            remove_map(world, "initech-own");
            settings(world, "initech").shared_addresses = true;
        }),
        (code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", "globex", "vault.example.", |world| {
            map(world, "globex-safe").ipv4.push(Ipv4Addr::new(198, 51, 100, 2));
        }),
        (code::WRONG_ADDRESSES, "maps.toml:17", "acme", "blog.example.", |world| {
            map(world, "acme-wide").ipv4.push(Ipv4Addr::new(203, 0, 113, 10));
        }),
    ];
    for (code, place, id, origin, edit) in fallbacks {
        let mut proven = sound();
        named(&mut proven, origin);
        let mut served = proven.clone();
        edit(&mut served);
        let snapshot = compile(&served, 1).snapshot;
        cases.0.push(Case { code, place, unit: by(id), proven, snapshot });
    }
    // And the account may be right where a zone of it is answered as another one's.
    for (code, place, id, origin, other) in [
        (code::SHARED_ADDRESS, "maps.toml:38", "initech", "office.example.", "default"),
        (code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", "globex", "vault.example.", "acme"),
    ] {
        cases.spoilt(code, place, by(id), |snapshot| {
            let is_it =
                |at: &u32| snapshot.accounts.get(*at).is_some_and(|account| account.id.as_str() == other);
            let at = (0..).find(is_it).expect("the other account");
            let lower = name(origin).to_lower_wire();
            let entry = snapshot.zones.get(&snapshot.seed, &lower).expect("the zone").clone();
            let seed = snapshot.seed.clone();
            snapshot.zones.put(&seed, ZoneEntry { account: at, ..entry });
        });
    }

    cases.stale(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        copy(world, "globex-safe", "globex-wide", 1);
        map(world, "globex-wide").immutable = false;
    });
    cases.stale(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").ipv4.push(Ipv4Addr::new(198, 51, 100, 2));
    });
    cases.stale(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").enabled = false;
    });
    cases.files(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").enabled = false;
    });
    cases.files(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").ipv4.clear();
        map(world, "globex-safe").ipv6.clear();
    });
}
