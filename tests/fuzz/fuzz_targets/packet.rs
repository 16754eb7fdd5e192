//! Any packet gets an answer that parses, or silence.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use portolan::answer::{Settings, Transport, respond};
use portolan::compile::compile;
use portolan::model::{AccountId, LoadedZone, NoFiles, World, ZoneContent};
use portolan::snapshot::Snapshot;
use portolan::wire::Name;
use portolan::wire::reader::Message;
use portolan::zonefile::{ReadOptions, read_zone};

const ZONE: &str = include_str!("../a.example.zone");

fn snapshot() -> &'static Snapshot {
    static SNAPSHOT: OnceLock<Snapshot> = OnceLock::new();
    SNAPSHOT.get_or_init(|| {
        let origin = Name::parse("a.", None).expect("a name");
        let (zone, found) =
            read_zone(&"a.zone".into(), ZONE.as_bytes(), &origin, ReadOptions::default(), &NoFiles);
        let zone = zone.unwrap_or_else(|| panic!("the zone is good: {found:?}"));
        let account = AccountId::default_account();
        let zones = vec![LoadedZone { origin, account, content: ZoneContent::Good(Arc::new(zone)) }];
        compile(&World { zones, ..World::default() }, 1).snapshot
    })
}

fuzz_target!(|data: &[u8]| {
    let settings = Settings { version: Some("v".into()), ..Settings::default() };
    let mut out = vec![0; 65535];
    for transport in [Transport::Udp, Transport::Stream] {
        let Some(answered) = respond(snapshot(), &settings, data, transport, 0, &mut out) else { continue };
        let answer = &out[..answered.len];
        assert!(transport == Transport::Stream || answer.len() <= 1232);
        assert_eq!(answer[..2], data[..2], "the id is the query's");
        assert!(answer[2] & 0x80 != 0, "QR is set");
        Message::parse(answer).expect("every answer can be read");
        hickory_proto::op::Message::from_vec(answer).expect("hickory reads every answer");
    }
});
