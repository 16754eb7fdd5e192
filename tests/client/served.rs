//! A zone that this process serves, for the tests of the sockets, and messages in octets.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;

use portolan::compile::compile;
use portolan::model::{AccountId, LoadedZone, Record, RecordTags, World, ZoneContent, ZoneData};
use portolan::snapshot::Snapshot;
use portolan::wire::{Name, RrType};

/// Records of a zone: owner, type and RDATA.
pub type Records = Vec<(&'static str, RrType, Vec<u8>)>;

/// A snapshot with one zone, of the account `default`; relative names are relative to its origin.
pub fn snapshot(generation: u64, origin: &str, ttl: u32, records: Records) -> Arc<Snapshot> {
    let origin = Name::parse(origin, None).unwrap();
    let record = |(owner, rtype, rdata): (&str, RrType, Vec<u8>)| {
        let owner = Name::parse(owner, Some(&origin)).unwrap();
        Record { owner, rtype, ttl, rdata: rdata.into(), tags: RecordTags::default(), file: 0, line: 1 }
    };
    let records = records.into_iter().map(record).collect();
    let zone = ZoneData { origin: origin.clone(), files: vec!["example.zone".into()], records };
    let content = ZoneContent::Good(Arc::new(zone));
    let zones = vec![LoadedZone { origin, account: AccountId::default_account(), content }];
    Arc::new(compile(&World { zones, ..World::default() }, generation).snapshot)
}

/// A query with recursion desired, and an OPT record where there is one.
pub fn query(id: u16, name: &str, rtype: RrType, class: u16, opt: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(!opt.is_empty())]);
    bytes.extend(Name::parse(name, None).unwrap().as_wire());
    bytes.extend(rtype.0.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    bytes.extend(opt);
    bytes
}

/// A message as it goes over a stream.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

/// The next message of a stream.
pub fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).unwrap();
    answer
}
