//! Allocations, counted: no answer makes any, whatever is asked, and a change allocates for what it changes.

#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;
use std::sync::Arc;

use portolan::answer::{Settings, Transport, respond};
use portolan::compile::{AccountWords, Applied, Builder, Edit, Seed, ZoneChange, compile, compile_zone};
use portolan::model::{
    AccountId, AddressMap, AnycastDefaults, LoadedZone, MapId, MapOwner, Member, Membership, NoFiles, Place,
    World, ZoneContent, ZoneData,
};
use portolan::snapshot::Publisher;
use portolan::telemetry::Samples;
use portolan::wire::Name;
use portolan::zonefile::{ReadOptions, read_zone};

/// A zone with one of everything.
const ZONE: &str = include_str!("fuzz/a.example.zone");

#[test]
fn no_answer_allocates() {
    let origin = Name::parse("a.", None).unwrap();
    let file: Arc<str> = "a.zone".into();
    let (zone, found) = read_zone(&file, ZONE.as_bytes(), &origin, ReadOptions::default(), &NoFiles);
    let content = ZoneContent::Good(Arc::new(zone.unwrap_or_else(|| panic!("{found:?}"))));
    let zones = vec![LoadedZone { origin, account: AccountId::default_account(), content }];
    let anycast = AnycastDefaults {
        ipv4: vec![Ipv4Addr::new(192, 0, 2, 10), Ipv4Addr::new(192, 0, 2, 11)],
        ipv6: Vec::new(),
        place: Place::file(&file),
    };
    let snapshot = compile(&World { zones, anycast: Some(anycast), ..World::default() }, 1).snapshot;
    let settings = Settings { version: Some("v".into()), ..Settings::default() };
    let mut out = vec![0; 65535];
    let mut asked = 0;
    for name in [
        "a.",
        "c.a.",
        "q.x.a.",
        "w.s.a.",
        "s.a.",
        "h.a.",
        "z.p.a.",
        "no.such.e.a.",
        "e.a.",
        "b.",
        "version.bind.",
    ] {
        for rtype in [1, 2, 5, 6, 15, 16, 28, 33, 39, 43, 65, 255, 252] {
            for class in [1, 3] {
                let mut packet = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
                packet.extend(Name::parse(name, None).unwrap().as_wire());
                packet.extend([0, rtype, 0, class].map(|octet: u16| octet.to_be_bytes()[1]));
                // Who answers is asked as well.
                packet.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0]);
                for transport in [Transport::Udp, Transport::Stream] {
                    let mut answered = None;
                    let counted = allocation_counter::measure(|| {
                        answered = respond(&snapshot, &settings, &packet, transport, asked, &mut out);
                    });
                    assert!(answered.is_some(), "{name} {rtype}");
                    assert_eq!(counted.count_total, 0, "{name} {rtype} {transport:?}");
                    asked += 1;
                }
            }
        }
    }
    assert_eq!(asked, 11 * 13 * 2 * 2);
}

#[test]
fn noting_a_question_does_not_allocate() {
    let samples = Samples::new();
    let rings = samples.rings(64);
    let mut packet = vec![0; 12];
    packet.extend(Name::parse("some.name.that.is.noted.example.", None).unwrap().as_wire());
    packet.extend([0, 1, 0, 1]);
    // More than there is room for.
    let counted = allocation_counter::measure(|| (0..5000).for_each(|_| rings[0].note(&packet)));
    assert_eq!(counted.count_total, 0);
    assert!(samples.questions().len() > 500);
}

fn read(origin: &Name, text: &str) -> ZoneData {
    let (zone, found) =
        read_zone(&"z.zone".into(), text.as_bytes(), origin, ReadOptions::default(), &NoFiles);
    zone.unwrap_or_else(|| panic!("{found:?}"))
}

/// A map of the account's first 50,000 zones, with one address that ends in `last`.
fn map(account: &AccountId, members: &[Membership], last: u8) -> AccountWords {
    let map = AddressMap {
        id: MapId::new("half").unwrap(),
        account: account.clone(),
        description: None,
        enabled: true,
        ipv4: vec![Ipv4Addr::new(203, 0, 113, last)],
        ipv6: Vec::new(),
        memberships: members.to_vec().into(),
        default_sni: None,
        immutable: false,
        owner: MapOwner::Account,
        place: Place::file(&"m.toml".into()),
        address_places: Default::default(),
    };
    AccountWords { maps: vec![Arc::new(map)], ..AccountWords::default() }
}

#[test]
fn a_change_among_many_zones_allocates_little() {
    const ZONES: usize = 100_000;
    const ALLOWED: u64 = 64 * 1024;
    let account = AccountId::new("acme").unwrap();
    let origins: Vec<Name> =
        (0..ZONES).map(|n| Name::parse(&format!("z{n}.example."), None).unwrap()).collect();
    let mut data = read(&origins[0], "@ 60 IN SOA a. a. 1 2 3 4 5\n@ 60 IN NS a.\n");
    let mut builder = Builder::new(Seed::random());
    let zones = origins.iter().map(|origin| {
        data.origin = origin.clone();
        data.records.iter_mut().for_each(|record| record.owner = origin.clone());
        let zone = compile_zone(&data, true, builder.seed()).unwrap();
        (origin.clone(), ZoneChange::Put { account: account.clone(), zone })
    });
    let member = |origin: &Name| {
        let place = Place::file(&"m.toml".into());
        Membership { member: Member::Zone(origin.clone()), place }
    };
    let members: Vec<Membership> = origins.iter().take(ZONES / 2).map(member).collect();
    let accounts = vec![(account.clone(), map(&account, &members, 1))];
    let first = Edit { zones: zones.collect(), accounts, operator: None };
    let Applied { snapshot, cost, .. } = builder.apply(first, 1);
    assert_eq!((snapshot.zones.len() as u64, cost.zones_stored), (100_000, 100_000));
    let publisher = Publisher::new(Arc::new(snapshot));

    let mut text = String::from("@ 60 IN SOA a. a. 2 2 3 4 5\n@ 60 IN NS a.\n");
    (0..12).for_each(|n| text.push_str(&format!("n{n} 1 IN A 192.0.2.{n} ; cf_tags=cf-proxied:true\n")));
    let origin = origins[7].clone();
    let data = read(&origin, &text);
    let zone_edit = allocation_counter::measure(|| {
        let zone = compile_zone(&data, true, builder.seed()).unwrap();
        assert_eq!(zone.names(), 13);
        let zones = vec![(origin.clone(), ZoneChange::Put { account: account.clone(), zone })];
        let Applied { snapshot, cost, .. } = builder.apply(Edit { zones, ..Edit::default() }, 2);
        assert_eq!((cost.zones_stored, cost.sets_stored, cost.entries_touched), (1, 0, 0));
        drop(publisher.publish(Arc::new(snapshot)));
    });

    // What was read is there before it is published.
    let words = map(&account, &members, 2);
    let set_edit = allocation_counter::measure(|| {
        let edit = Edit { accounts: vec![(account.clone(), words)], ..Edit::default() };
        let Applied { snapshot, cost, .. } = builder.apply(edit, 3);
        assert_eq!((cost.zones_stored, cost.sets_stored, cost.entries_touched), (0, 1, 0));
        drop(publisher.publish(Arc::new(snapshot)));
    });
    for (what, counted) in [("a zone", zone_edit), ("an address set", set_edit)] {
        println!("{what}: {} octets in {} allocations", counted.bytes_total, counted.count_total);
        assert!(counted.bytes_total <= ALLOWED, "{what}: {} octets", counted.bytes_total);
    }
}
