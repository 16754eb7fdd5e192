//! The size of what is compiled, and lookups on both sides of every border of the layout.

use super::{Seed, TooLarge, compile_zone};
use crate::model::{Rdata, Record, RecordTags, ZoneData};
use crate::snapshot::Zone;
use crate::snapshot::layout::{DENSE, head, node};
use crate::wire::{Name, RrType};

const LABELS: [&str; 12] =
    ["www", "mail", "api", "app", "cdn", "dev", "img", "vpn", "shop", "static", "ftp", "blog"];

fn record(owner: &str, rtype: RrType, rdata: impl Into<Rdata>, proxied: bool) -> Record {
    let owner = Name::parse(owner, Some(&Name::parse("z012345.l.test.", None).unwrap())).unwrap();
    let tags = RecordTags { proxied: proxied.then_some(true), flatten: false };
    Record { owner, rtype, ttl: 3600, rdata: rdata.into(), tags, file: 0, line: 1 }
}

fn zone(mut records: Vec<Record>) -> ZoneData {
    let origin = Name::parse("z012345.l.test.", None).unwrap();
    let name = |text: &str| Name::parse(text, Some(&origin)).unwrap();
    let soa = [name("ns1").as_wire(), name("hostmaster").as_wire(), &[0; 20]].concat();
    let ns = ["ns1", "ns2"].map(|host| record("z012345.l.test.", RrType::NS, name(host).as_wire(), false));
    records.splice(0..0, ns);
    records.insert(0, record("z012345.l.test.", RrType::SOA, soa, false));
    ZoneData { origin, files: vec!["z".into()], records }
}

fn hosts(count: usize) -> Vec<Record> {
    (0..count).map(|n| record(&format!("h{n}"), RrType::A, (n as u32).to_be_bytes(), false)).collect()
}

fn compiled(records: Vec<Record>, seed: &Seed) -> Zone {
    compile_zone(&zone(records), true, seed).unwrap()
}

#[test]
fn nodes_and_zones_stay_small() {
    assert_eq!((head::LEN, node::LEN, node::ENTRY), (26, 4, 6));
    let mut records = Vec::new();
    for host in ["ns1", "ns2"] {
        records.push(record(host, RrType::A, [192, 0, 2, 1], false));
    }
    for label in &LABELS[..10] {
        records.push(record(label, RrType::A, [10, 0, 0, 1], false));
        records.push(record(label, RrType::AAAA, [0x20; 16], false));
    }
    assert_eq!(compiled(records, &Seed::random()).size(), 924);
    let proxied = LABELS.map(|label| record(label, RrType::A, [10, 0, 0, 1], true)).to_vec();
    let size = compiled(proxied, &Seed::random()).size();
    assert!(size <= 12 * 27, "{size}");
}

#[test]
fn every_name_is_found_on_both_sides_of_every_border() {
    let seed = Seed::random();
    // The apex is a name as well. A host takes about 30 octets, so that the last ones are of a wide zone.
    for count in [0, 1, 6, 7, 8, 9, DENSE - 1, DENSE, DENSE + 1, 1_500, 3_000] {
        let zone = compiled(hosts(count), &seed);
        assert_eq!(zone.nodes().count(), count + 1);
        assert_eq!(zone.names(), count as u32 + 1);
        assert_eq!(zone.apex().relative_name(), b"");
        assert!(zone.apex().rrset(RrType::SOA) == Some(zone.soa()));
        for n in 0..count {
            let label = format!("h{n}");
            let name = [&[label.len() as u8], label.as_bytes()].concat();
            let node = zone.find(&seed, &name).unwrap_or_else(|| panic!("{label} of {count}"));
            assert_eq!(node.rrset(RrType::A).unwrap().first_rdata(), (n as u32).to_be_bytes());
            assert!(node.rrset(RrType::AAAA).is_none());
            assert!(zone.seek(seed.hash(&name)).is_some());
        }
        for n in count..count + 500 {
            assert!(zone.find(&seed, format!("\x06n{n:05}").as_bytes()).is_none());
        }
    }
    assert!(compiled(hosts(1_500), &seed).size() < 1 << 16);
    assert!(compiled(hosts(3_000), &seed).size() > 1 << 16);
    assert!(Zone::faulty(b"\x04test\x00").seek(seed.hash(b"")).is_none());
}

#[test]
fn an_rrset_that_no_message_can_carry_is_refused() {
    let texts = (0..300).map(|n| {
        let mut rdata = vec![254; 255];
        rdata[1..5].copy_from_slice(&(n as u32).to_be_bytes());
        record("txt", RrType::TXT, rdata, false)
    });
    let error = compile_zone(&zone(texts.collect()), true, &Seed::random()).unwrap_err();
    assert_eq!(error, TooLarge::Rrset("txt.z012345.l.test.".to_owned(), RrType::TXT));
}
