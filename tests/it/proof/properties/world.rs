//! The sound files of the cases, and what is done to them.

use std::sync::Arc;

use portolan::addrmap::{Scope, read_map_file};
use portolan::model::{
    AccountId, AccountSettings, AddressMap, Assertion, AssertionScope, Binding, Claim, Ledger, LoadedZone,
    MapId, Member, Membership, NoFiles, Place, Prefix, Record, Service, World, ZoneContent, ZoneData,
    ZoneSettings,
};
use portolan::zonefile::{ReadOptions, read_zone};

use crate::support::name;

/// The lines that cases name are those of this text.
pub(super) const MAPS: &str = r#"[anycast]
ipv4 = ["192.0.2.10", "192.0.2.11"]
ipv6 = ["2001:db8::10"]

[[address_map]]
id = "shop-eu"
account = "acme"
enabled = true
ips = ["203.0.113.1", "2001:db8:1::1"]
zones = ["shop.example"]

[[address_map]]
id = "acme-wide"
account = "acme"
enabled = true
ips = ["203.0.113.9", "2001:db8:1::9"]
account_wide = true

[[address_map]]
id = "acme-next"
account = "acme"
enabled = false
ips = ["203.0.113.17", "2001:db8:1::17"]
zones = ["shop.example"]

[[address_map]]
id = "globex-safe"
account = "globex"
enabled = true
immutable = true
ips = ["198.51.100.1", "2001:db8:2::1"]

[[address_map]]
id = "initech-own"
account = "initech"
enabled = true
ips = ["203.0.113.200", "2001:db8:3::1"]
account_wide = true
"#;

/// The records of every zone.
pub(super) const ZONE: &str = r#"$TTL 3600
@ IN SOA ns.outside.invalid. admin.outside.invalid. 1 3600 900 604800 900
@ IN NS ns.outside.invalid.
www IN A 192.0.2.150 ; cf_tags=cf-proxied:true
ftp IN A 192.0.2.151
alias IN CNAME www
@ IN MX 10 www
old IN CNAME origin.outside.invalid. ; cf_tags=cf-proxied:true
www IN TXT "text"
"#;

pub(super) const ZONES: [(&str, &str); 5] = [
    ("acme", "shop.example"),
    ("acme", "blog.example"),
    ("globex", "vault.example"),
    ("initech", "office.example"),
    ("default", "plain.example"),
];

pub(super) fn account(id: &str) -> AccountId {
    AccountId::new(id).expect("an id")
}

pub(super) fn place(file: &str, line: u32) -> Place {
    Place::line(&file.into(), line)
}

/// Files in which nothing is wrong.
pub(super) fn sound() -> World {
    let mut world = World::default();
    for (id, origin) in ZONES {
        let id = account(id);
        world.accounts.entry(id.clone()).or_insert_with(|| AccountSettings::new(id.clone()));
        let file: Arc<str> = format!("{origin}.zone").into();
        let origin = name(&format!("{origin}."));
        let options = ReadOptions { require_tags: false };
        let (data, _) = read_zone(&file, ZONE.as_bytes(), &origin, options, &NoFiles);
        let content = ZoneContent::Good(Arc::new(data.expect("a good zone")));
        world.zones.push(LoadedZone { origin, account: id, content });
    }
    settings(&mut world, "initech").shared_addresses = false;
    let file = read_map_file(&"maps.toml".into(), MAPS.as_bytes(), Scope::Operator, &NoFiles, &[]);
    assert!(file.findings.is_empty(), "{:?}", file.findings);
    world.maps = file.maps.into_iter().map(Arc::new).collect();
    world.anycast = file.anycast;
    let prefixes = [
        ("203.0.113.0/25", "acme"),
        ("2001:db8:1::/48", "acme"),
        ("198.51.100.0/24", "globex"),
        ("2001:db8:2::/48", "globex"),
        ("203.0.113.128/25", "initech"),
        ("2001:db8:3::/48", "initech"),
    ];
    let prefix = |(line, (cidr, owner)): (u32, (&str, &str))| {
        let cidr = cidr.parse().expect("a network");
        let place = place("ledger.toml", line);
        Prefix {
            cidr,
            account: account(owner),
            asn: None,
            description: None,
            approved: true,
            advertised: true,
            bindings: vec![Binding { cidr, service: Service::Cdn, place: place.clone() }],
            delegations: Vec::new(),
            place,
        }
    };
    let prefixes = (1..).zip(prefixes).map(prefix).collect();
    world.ledger = Arc::new(Ledger { prefixes, static_ips: Vec::new() });
    world.assertions = [
        (
            AssertionScope::Everything,
            within(&["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"]),
        ),
        (AssertionScope::Account(account("acme")), never(&["192.0.2.0/24"])),
        (AssertionScope::Everything, Claim::FamilyRequired { ipv4: true, ipv6: true }),
        (AssertionScope::Zone(name("shop.example.")), governed_by("shop-eu")),
        (AssertionScope::Account(account("globex")), governed_by("globex-safe")),
    ]
    .into_iter()
    .zip(1..)
    .map(|((scope, claim), line)| {
        Arc::new(Assertion { scope, author: None, claim, place: place("assert.toml", line) })
    })
    .collect();
    world
}

pub(super) fn nets(nets: &[&str]) -> Vec<ipnet::IpNet> {
    nets.iter().map(|net| net.parse().expect("a network")).collect()
}

pub(super) fn within(list: &[&str]) -> Claim {
    Claim::AnswersWithin(nets(list))
}

pub(super) fn never(list: &[&str]) -> Claim {
    Claim::NeverAnswersWithin(nets(list))
}

pub(super) fn governed_by(map: &str) -> Claim {
    Claim::GovernedBy(MapId::new(map).expect("an id"))
}

pub(super) fn assert_that(world: &mut World, scope: AssertionScope, claim: Claim) {
    world.assertions.push(Arc::new(Assertion {
        scope,
        author: None,
        claim,
        place: place("assert.toml", 77),
    }));
}

pub(super) fn of(id: &str) -> AssertionScope {
    AssertionScope::Account(account(id))
}

pub(super) fn settings<'w>(world: &'w mut World, id: &str) -> &'w mut AccountSettings {
    world.accounts.get_mut(&account(id)).expect("an account")
}

pub(super) fn map<'w>(world: &'w mut World, id: &str) -> &'w mut AddressMap {
    let map = world.maps.iter_mut().find(|map| map.id.as_str() == id);
    Arc::make_mut(map.expect("a map"))
}

pub(super) fn remove_map(world: &mut World, id: &str) {
    world.maps.retain(|map| map.id.as_str() != id);
}

/// Another map like one that is there.
pub(super) fn copy(world: &mut World, id: &str, other: &str, line: u32) {
    let mut copy = map(world, id).clone();
    copy.id = MapId::new(other).expect("an id");
    copy.place = place("extra.toml", line);
    let members = copy.memberships.iter().cloned();
    copy.memberships =
        members.map(|membership| Membership { place: place("extra.toml", line), ..membership }).collect();
    world.maps.push(Arc::new(copy));
}

pub(super) fn join(world: &mut World, id: &str, member: Member, line: u32) {
    let map = map(world, id);
    let more = Membership { member, place: place("extra.toml", line) };
    map.memberships = map.memberships.iter().cloned().chain([more]).collect();
}

pub(super) fn data<'w>(world: &'w mut World, origin: &str) -> &'w mut ZoneData {
    let origin = name(origin);
    let zone = world.zones.iter_mut().find(|zone| zone.origin == origin).expect("a zone");
    let ZoneContent::Good(data) = &mut zone.content else { panic!("a good zone") };
    Arc::make_mut(data)
}

/// The record of a line.
pub(super) fn record<'w>(world: &'w mut World, origin: &str, line: u32) -> &'w mut Record {
    data(world, origin).records.iter_mut().find(|record| record.line == line).expect("a record")
}

pub(super) fn pause(world: &mut World, id: &str, origin: &str) {
    let zone = ZoneSettings { paused: true, ..ZoneSettings::default() };
    settings(world, id).zones.insert(name(origin), zone);
}

pub(super) fn prefix(world: &mut World, at: usize) -> &mut Prefix {
    &mut Arc::make_mut(&mut world.ledger).prefixes[at]
}

pub(super) fn remove_zone(world: &mut World, origin: &str) {
    let origin = name(origin);
    world.zones.retain(|zone| zone.origin != origin);
}
