//! No answer allocates: every kind of question is asked and the allocations are counted.

#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;
use std::sync::Arc;

use portolan::answer::{Settings, Transport, respond};
use portolan::compile::compile;
use portolan::model::{AccountId, AnycastDefaults, Files, FoundFile, LoadedZone, Place, World, ZoneContent};
use portolan::wire::Name;
use portolan::zonefile::{ReadOptions, read_zone};

struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str, path: &str) -> Result<FoundFile, String> {
        Err(format!("file not found: {path}"))
    }
}

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
                packet.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
                let mut answered = None;
                let counted = allocation_counter::measure(|| {
                    answered = respond(&snapshot, &settings, &packet, Transport::Udp, asked, &mut out);
                });
                assert!(answered.is_some(), "{name} {rtype}");
                assert_eq!(counted.count_total, 0, "{name} {rtype}");
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 11 * 13 * 2);
}
