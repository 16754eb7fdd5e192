//! A large world, to measure by.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan::model::{
    AccountSettings, AddressMap, Binding, Ledger, LoadedZone, MapId, Member, Membership, NoFiles, Prefix,
    Service, World, ZoneContent,
};
use portolan::zonefile::{ReadOptions, read_zone};

use super::world::{ZONE, account, map, place, sound};
use crate::support::name;

/// Very many zones of ten names in a thousand accounts, at every level, with a ledger and assertions.
pub(in super::super) fn fleet(zones: usize) -> World {
    let mut world = sound();
    world.zones.clear();
    world.maps.clear();
    let mut text = ZONE.replace("alias", "n0").replace("old", "n1");
    for number in 2..8 {
        text += &format!("n{number} IN A 192.0.2.{number} ; cf_tags=cf-proxied:true\n");
    }
    let members: Vec<Membership> = Vec::new();
    let mut maps: BTreeMap<usize, AddressMap> = BTreeMap::new();
    let base = map(&mut sound(), "shop-eu").clone();
    for number in 0..zones {
        let at = number % 1000;
        let id = account(&format!("acct-{at}"));
        let origin = name(&format!("zone-{number}.example."));
        world.accounts.entry(id.clone()).or_insert_with(|| AccountSettings::new(id.clone()));
        let own = maps.entry(at).or_insert_with(|| AddressMap {
            id: MapId::new(&format!("map-{at}")).expect("an id"),
            account: id.clone(),
            memberships: members.clone().into(),
            ..base.clone()
        });
        let line = place("extra.toml", number as u32);
        if at % 3 == 0 {
            let more = Membership { member: Member::Zone(origin.clone()), place: line };
            let all = own.memberships.iter().cloned().chain([more]);
            own.memberships = all.collect();
        } else if at % 3 == 1 && own.memberships.is_empty() {
            own.memberships = vec![Membership { member: Member::Account, place: line }].into();
        }
        let file: Arc<str> = format!("{origin}zone").into();
        let options = ReadOptions { require_tags: false };
        let (data, _) = read_zone(&file, text.as_bytes(), &origin, options, &NoFiles);
        let content = ZoneContent::Good(Arc::new(data.expect("a good zone")));
        world.zones.push(LoadedZone { origin, account: id, content });
    }
    let mut ledger = Ledger::default();
    for (at, map) in &maps {
        let place = place("ledger.toml", *at as u32);
        for cidr in ["203.0.113.0/24", "2001:db8:1::/48"] {
            let cidr = cidr.parse().expect("a network");
            let delegations = Vec::new();
            let bindings = vec![Binding { cidr, service: Service::Cdn, place: place.clone() }];
            let account = map.account.clone();
            ledger.prefixes.push(Prefix {
                cidr,
                account,
                asn: None,
                description: None,
                approved: true,
                advertised: true,
                bindings,
                delegations,
                place: place.clone(),
            });
        }
        if *at > 0 {
            let own = ledger.prefixes.split_off(ledger.prefixes.len() - 2);
            for (first, own) in ledger.prefixes.iter_mut().zip(own) {
                let cidr = own.cidr;
                first.delegations.push(portolan::model::Delegation {
                    cidr,
                    account: own.account,
                    place: own.place,
                });
            }
        }
    }
    world.ledger = Arc::new(ledger);
    world.maps = maps.into_values().map(Arc::new).collect();
    world.assertions.truncate(1);
    world
}
