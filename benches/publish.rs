//! What one change costs among many zones: from the change in the words of the model to the swap.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use portolan::compile::{AccountWords, Builder, Edit, Seed, ZoneChange, compile_zone};
use portolan::model::{
    AccountId, AddressMap, Files, FoundFile, MapId, MapOwner, Member, Membership, Place, ZoneData,
};
use portolan::snapshot::{Publisher, Retired};
use portolan::wire::Name;
use portolan::zonefile::{ReadOptions, read_zone};

struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str, path: &str) -> Result<FoundFile, String> {
        Err(format!("file not found: {path}"))
    }
}

fn origin(n: usize) -> Name {
    Name::parse(&format!("z{n}.example."), None).expect("a name")
}

/// A zone of 13 names, twelve of them proxied.
fn zone(origin: &Name) -> ZoneData {
    let mut text = String::from("@ 60 IN SOA a. a. 1 7200 900 1209600 300\n@ 60 IN NS a.\n");
    for n in 0..12 {
        text.push_str(&format!("n{n} 1 IN A 192.0.2.{n} ; cf_tags=cf-proxied:true\n"));
    }
    let (zone, found) =
        read_zone(&"z.zone".into(), text.as_bytes(), origin, ReadOptions::default(), &NoFiles);
    zone.unwrap_or_else(|| panic!("the zone is good: {found:?}"))
}

/// A map of all the account's zones.
fn map(account: &AccountId, last: u8) -> AddressMap {
    let place = Place::file(&"maps.toml".into());
    AddressMap {
        id: MapId::new("wide").expect("an id"),
        account: account.clone(),
        description: None,
        enabled: true,
        ipv4: vec![[203, 0, 113, last].into()],
        ipv6: Vec::new(),
        memberships: vec![Membership { member: Member::Account, place: place.clone() }].into(),
        default_sni: None,
        immutable: false,
        owner: MapOwner::Account,
        place,
        address_places: Default::default(),
    }
}

/// So many zones of the origin alone, and a map that governs them.
fn filled(account: &AccountId, zones: usize) -> Builder {
    let mut builder = Builder::new(Seed::random());
    let mut data = zone(&origin(0));
    data.records.truncate(2);
    let zones = (0..zones).map(|n| {
        data.origin = origin(n);
        data.records.iter_mut().for_each(|record| record.owner = origin(n));
        let zone = compile_zone(&data, true, builder.seed()).expect("a small zone");
        (origin(n), ZoneChange::Put { account: account.clone(), zone })
    });
    let words = AccountWords { maps: vec![Arc::new(map(account, 0))], ..AccountWords::default() };
    let edit = Edit { zones: zones.collect(), accounts: vec![(account.clone(), words)], ..Edit::default() };
    builder.apply(edit, 1);
    builder
}

fn publish(c: &mut Criterion) {
    let account = AccountId::default_account();
    for zones in [1_000, 100_000, 1_000_000] {
        let mut builder = filled(&account, zones);
        let publisher = Publisher::new(Arc::new(builder.apply(Edit::default(), 2).snapshot));
        let mut retired = Retired::default();
        let mut generation = 2;
        let mut published = |builder: &mut Builder, edit: Edit| {
            generation += 1;
            retired.push(publisher.publish(Arc::new(builder.apply(edit, generation).snapshot)));
            retired.free()
        };
        // Zones of all shards, so that it is not always the same one that is warm.
        let changed: Vec<ZoneData> = (0..1000).map(|n| zone(&origin(n * zones / 1000))).collect();
        let mut changed = changed.iter().cycle();
        let mut group = c.benchmark_group("publish");
        group.bench_function(BenchmarkId::new("zone", zones), |b| {
            b.iter(|| {
                let data = changed.next().expect("a cycle does not end");
                let zone = compile_zone(data, true, builder.seed()).expect("a small zone");
                let put = (data.origin.clone(), ZoneChange::Put { account: account.clone(), zone });
                published(&mut builder, Edit { zones: vec![put], ..Edit::default() })
            });
        });
        let mut last = 0_u8;
        group.bench_function(BenchmarkId::new("address set", zones), |b| {
            b.iter(|| {
                last = last.wrapping_add(1);
                let maps = vec![Arc::new(map(&account, last))];
                let words = AccountWords { maps, ..AccountWords::default() };
                published(&mut builder, Edit { accounts: vec![(account.clone(), words)], ..Edit::default() })
            });
        });
        group.finish();
    }
}

criterion_group!(benches, publish);
criterion_main!(benches);
