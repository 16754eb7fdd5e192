//! What one answer costs: from the packet to the bytes of the reply, by kind of name.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use portolan::answer::{Batch, Frame, Packet, Settings, Transport, resolve, respond, write};
use portolan::compile::{Builder, Edit, Seed, ZoneChange, compile, compile_zone};
use portolan::model::{
    AccountId, AddressMap, Files, FoundFile, LoadedZone, MapId, MapOwner, Member, Membership, Place, World,
    ZoneContent, ZoneData,
};
use portolan::snapshot::Snapshot;
use portolan::wire::reader::Message;
use portolan::wire::{Name, NameBuf, Query, Rcode};
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
        memberships: vec![Membership { member: Member::Zone(zone.origin.clone()), place: place.clone() }]
            .into(),
        default_sni: None,
        immutable: false,
        owner: MapOwner::Operator,
        place,
        address_places: Default::default(),
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

/// The steps of one answer, each for itself.
fn steps(c: &mut Criterion) {
    let snapshot = compile(&world(zone()), 1).snapshot;
    let packet = packet("h123.example.com.", 1);
    let mut group = c.benchmark_group("step");
    group.bench_function("parse", |b| {
        let mut name = NameBuf::new();
        b.iter(|| Query::parse(black_box(&packet), &mut name).is_ok());
    });
    let mut name = NameBuf::new();
    let query = Query::parse(&packet, &mut name).expect("a query");
    let lower = query.question.lower.as_wire();
    group.bench_function("hash", |b| b.iter(|| snapshot.seed.hash(black_box(lower))));
    group.bench_function("find the zone", |b| {
        b.iter(|| snapshot.zones.closest(&snapshot.seed, black_box(lower), 0).is_some());
    });
    let entry = snapshot.zones.closest(&snapshot.seed, lower, 0).expect("the zone is there");
    group.bench_function("find the node", |b| {
        b.iter(|| entry.zone.find(&snapshot.seed, black_box(&lower[..5])).is_some());
    });
    group.bench_function("resolve", |b| {
        b.iter(|| black_box(resolve(&snapshot, black_box(&query.question), &mut ())).rcode);
    });
    let outcome = resolve(&snapshot, &query.question, &mut ());
    let mut out = [0; 4096];
    out[..packet.len()].copy_from_slice(&packet);
    let frame = Frame { limit: 1232, turn: Some(1), keepalive: None, nsid: &[], tail: &[] };
    group.bench_function("write", |b| {
        b.iter(|| write(black_box(&outcome), &query, frame, black_box(&mut out)));
    });
    group.finish();
}

/// Zones of the large world, each of twelve names.
const MANY: usize = 100_000;

/// A world out of the reach of the caches.
fn many_zones() -> Snapshot {
    let mut text = String::from("@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ 3600 IN NS ns1\n");
    text.push_str("ns1 3600 IN A 192.0.2.1\n");
    for n in 0..10 {
        text.push_str(&format!("h{n} 3600 IN A 192.0.2.{n}\nh{n} 3600 IN AAAA 2001:db8::{n}\n"));
    }
    let account = AccountId::default_account();
    let mut builder = Builder::new(Seed::random());
    let zones = (0..MANY).map(|n| {
        let origin = Name::parse(&format!("z{n}.example."), None).expect("a name");
        let options = ReadOptions::default();
        let (zone, _) = read_zone(&"z.zone".into(), text.as_bytes(), &origin, options, &NoFiles);
        let zone = compile_zone(&zone.expect("the zone is good"), true, builder.seed()).expect("it fits");
        (origin, ZoneChange::Put { account: account.clone(), zone })
    });
    let edit = Edit { zones: zones.collect(), ..Edit::default() };
    builder.apply(edit, 1).snapshot
}

/// Batches of all sizes, in a small world and in a large one. The time is that of a whole batch, without the copying
/// of its packets.
fn batches(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch");
    let small = compile(&world(zone()), 1).snapshot;
    let large = many_zones();
    let settings = Settings::default();
    for (what, snapshot) in [("hot", &small), ("large", &large)] {
        for size in [1, 4, 32] {
            let (mut buffers, mut seen) = (vec![[0; 1280]; size], 1_u64);
            group.bench_function(format!("{size} {what}"), |b| {
                b.iter_custom(|rounds| {
                    let mut spent = Duration::ZERO;
                    for _ in 0..rounds {
                        let mut batch = Batch::default();
                        for buffer in &mut buffers {
                            seen = seen.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            let n = (seen >> 33) as usize;
                            let name = match what {
                                "hot" => format!("h{}.example.com.", n % 1000),
                                _ => format!("h{}.z{}.example.", n % 10, n / 10 % MANY),
                            };
                            let packet = packet(&name, 1);
                            buffer[..packet.len()].copy_from_slice(&packet);
                            batch.packets.push(Packet { buffer, len: packet.len(), verdict: None });
                        }
                        let begun = Instant::now();
                        batch.respond(snapshot, &settings, 0);
                        spent += begun.elapsed();
                        assert!(batch.packets.iter().all(|packet| packet.verdict.is_some()));
                    }
                    spent
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, steps, answers, batches);
criterion_main!(benches);
