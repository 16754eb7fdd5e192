//! A zone written record by record.

use std::sync::Arc;

use portolan::model::{
    AccountId, AccountSettings, LoadedZone, Record, RecordTags, World, ZoneContent, ZoneData,
};
use portolan::wire::{Name, RrType};

use super::{name, rdata};

/// A zone while it is written.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) origin: Name,
    pub(crate) records: Vec<Record>,
}

impl Zone {
    /// A zone with SOA and NS.
    pub(crate) fn new(origin: &str) -> Zone {
        let origin = name(origin);
        let server = name("ns.outside.invalid.");
        let mut zone = Zone { origin: origin.clone(), records: Vec::new() };
        zone.add(&origin, RrType::SOA, rdata::soa(&server, &server, 1, 900));
        zone.add(&origin, RrType::NS, rdata::one_name(&server));
        zone
    }

    /// Adds a record with a TTL of one hour and without tags.
    pub(crate) fn add(&mut self, owner: &Name, rtype: RrType, rdata: Vec<u8>) {
        let line = self.records.len() as u32 + 1;
        self.records.push(Record {
            owner: owner.clone(),
            rtype,
            ttl: 3600,
            rdata: rdata.into(),
            tags: RecordTags::default(),
            file: 0,
            line,
        });
    }

    /// A world of this zone alone.
    pub(crate) fn world(&self) -> World {
        let account = AccountId::default_account();
        let mut world = World::default();
        world.accounts.insert(account.clone(), AccountSettings::new(account.clone()));
        let data = ZoneData {
            origin: self.origin.clone(),
            files: vec!["generated.zone".into()],
            records: self.records.clone(),
        };
        let content = ZoneContent::Good(Arc::new(data));
        world.zones.push(LoadedZone { origin: self.origin.clone(), account, content });
        world
    }
}
