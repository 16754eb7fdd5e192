//! What one answer costs: from the packet to the bytes of the reply, by kind of name.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use portolan::answer::{Settings, Transport, respond};
use portolan::compile::compile;
use portolan::model::{
    AccountId, AddressMap, Files, FoundFile, LoadedZone, MapId, MapOwner, Member, Membership, Place, World,
    ZoneContent, ZoneData,
};
use portolan::wire::reader::Message;
use portolan::wire::{Name, Query, Rcode};
use portolan::zonefile::{ReadOptions, read_zone};

struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str, path: &str) -> Result<FoundFile, String> {
        Err(format!("file not found: {path}"))
    }
}

/// A zone of 10,000 names: half of them proxied, and one of everything else that is asked for below.
fn zone_text() -> String {
    let mut text = String::from(
        "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ 3600 IN NS ns1\nns1 3600 IN A 192.0.2.1\n\
         *.wild 3600 IN TXT \"any\"\nsub 3600 IN NS ns1.sub\nns1.sub 3600 IN A 192.0.2.2\n",
    );
    for n in 0..4997 {
        text.push_str(&format!("h{n} 3600 IN A 192.0.2.{}\n", n % 256));
        text.push_str(&format!("p{n} 1 IN A 192.0.2.{} ; cf_tags=cf-proxied:true\n", n % 256));
    }
    text
}

fn zone() -> ZoneData {
    let origin = Name::parse("example.com.", None).expect("a name");
    let text = zone_text();
    let (zone, found) =
        read_zone(&"example.com.zone".into(), text.as_bytes(), &origin, ReadOptions::default(), &NoFiles);
    zone.unwrap_or_else(|| panic!("the zone is good: {found:?}"))
}

fn world(zone: ZoneData) -> World {
    let account = AccountId::default_account();
    let place = Place::file(&"maps.toml".into());
    let map = AddressMap {
        id: MapId::new("bench").expect("an id"),
        account: account.clone(),
        description: None,
        enabled: true,
        ipv4: vec!["203.0.113.1".parse().expect("an address"), "203.0.113.2".parse().expect("an address")],
        ipv6: vec!["2001:db8::1".parse().expect("an address"), "2001:db8::2".parse().expect("an address")],
        memberships: vec![Membership { member: Member::Zone(zone.origin.clone()), place: place.clone() }],
        default_sni: None,
        immutable: false,
        owner: MapOwner::Operator,
        place,
    };
    let zones =
        vec![LoadedZone { origin: zone.origin.clone(), account, content: ZoneContent::Good(Arc::new(zone)) }];
    World { zones, maps: vec![Arc::new(map)], ..World::default() }
}

fn packet(name: &str, rtype: u16) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    packet.extend(Name::parse(name, None).expect("a name").as_wire());
    packet.extend(rtype.to_be_bytes());
    packet.extend([0, 1]);
    packet.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    packet
}

fn answers(c: &mut Criterion) {
    let snapshot = compile(&world(zone()), 1).snapshot;
    let settings = Settings::default();
    let mut out = vec![0; 65535];
    let mut group = c.benchmark_group("answer");
    for (what, name, rtype, rcode, records) in [
        ("exact hit", "h123.example.com.", 1, Rcode::NOERROR, 1),
        ("proxied hit", "p123.example.com.", 28, Rcode::NOERROR, 2),
        ("wildcard", "x.y.wild.example.com.", 16, Rcode::NOERROR, 1),
        ("nxdomain", "no.such.name.example.com.", 1, Rcode::NXDOMAIN, 1),
        ("referral", "www.sub.example.com.", 1, Rcode::NOERROR, 2),
        ("refused", "www.example.net.", 1, Rcode::REFUSED, 0),
    ] {
        let packet = packet(name, rtype);
        let answered =
            respond(&snapshot, &settings, &packet, Transport::Udp, 0, &mut out).expect("an answer");
        let message = Message::parse(&out[..answered.len]).expect("a message");
        assert_eq!((message.rcode(), message.records.len() - 1), (rcode, records), "{what}");
        let mut turn = 0;
        group.bench_function(what, |b| {
            b.iter(|| {
                turn += 1;
                respond(&snapshot, &settings, black_box(&packet), Transport::Udp, turn, &mut out)
            });
        });
    }
    group.finish();
}

fn question(c: &mut Criterion) {
    let packet = packet("h123.example.com.", 1);
    c.bench_function("parse a question", |b| b.iter(|| Query::parse(black_box(&packet)).is_ok()));
}

criterion_group!(benches, question, answers);
criterion_main!(benches);
