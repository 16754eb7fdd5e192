//! Every property of the proof: sound files pass, and whatever breaks it is told with its code, file and line.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use portolan::addrmap::{Scope, read_map_file};
use portolan::compile::compile;
use portolan::judge::proof::{Proof, Prover, code, if_enabled, prove};
use portolan::model::{
    AccountId, AccountSettings, AddressMap, Assertion, AssertionScope, Binding, Claim, Ledger, LoadedZone,
    MapId, Member, Membership, Place, Prefix, Record, Service, Severity, StaticIps, Unit, World, ZoneContent,
    ZoneData, ZoneSettings,
};
use portolan::snapshot::{AddressSet, Snapshot};
use portolan::wire::Name;
use portolan::zonefile::{ReadOptions, read_zone};

use crate::support::files::NoFiles;
use crate::support::name;

/// The lines that cases name are those of this text.
const MAPS: &str = r#"[anycast]
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
const ZONE: &str = r#"$TTL 3600
@ IN SOA ns.outside.invalid. admin.outside.invalid. 1 3600 900 604800 900
@ IN NS ns.outside.invalid.
www IN A 192.0.2.150 ; cf_tags=cf-proxied:true
ftp IN A 192.0.2.151
alias IN CNAME www
@ IN MX 10 www
old IN CNAME origin.outside.invalid. ; cf_tags=cf-proxied:true
www IN TXT "text"
"#;

const ZONES: [(&str, &str); 5] = [
    ("acme", "shop.example"),
    ("acme", "blog.example"),
    ("globex", "vault.example"),
    ("initech", "office.example"),
    ("default", "plain.example"),
];

fn account(id: &str) -> AccountId {
    AccountId::new(id).expect("an id")
}

fn place(file: &str, line: u32) -> Place {
    Place::line(&file.into(), line)
}

/// Files in which nothing is wrong.
fn sound() -> World {
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

fn nets(nets: &[&str]) -> Vec<ipnet::IpNet> {
    nets.iter().map(|net| net.parse().expect("a network")).collect()
}

fn within(list: &[&str]) -> Claim {
    Claim::AnswersWithin(nets(list))
}

fn never(list: &[&str]) -> Claim {
    Claim::NeverAnswersWithin(nets(list))
}

fn governed_by(map: &str) -> Claim {
    Claim::GovernedBy(MapId::new(map).expect("an id"))
}

fn assert_that(world: &mut World, scope: AssertionScope, claim: Claim) {
    world.assertions.push(Arc::new(Assertion {
        scope,
        author: None,
        claim,
        place: place("assert.toml", 77),
    }));
}

fn of(id: &str) -> AssertionScope {
    AssertionScope::Account(account(id))
}

fn settings<'w>(world: &'w mut World, id: &str) -> &'w mut AccountSettings {
    world.accounts.get_mut(&account(id)).expect("an account")
}

fn map<'w>(world: &'w mut World, id: &str) -> &'w mut AddressMap {
    let map = world.maps.iter_mut().find(|map| map.id.as_str() == id);
    Arc::make_mut(map.expect("a map"))
}

fn remove_map(world: &mut World, id: &str) {
    world.maps.retain(|map| map.id.as_str() != id);
}

/// Another map like one that is there.
fn copy(world: &mut World, id: &str, other: &str, line: u32) {
    let mut copy = map(world, id).clone();
    copy.id = MapId::new(other).expect("an id");
    copy.place = place("extra.toml", line);
    let members = copy.memberships.iter().cloned();
    copy.memberships =
        members.map(|membership| Membership { place: place("extra.toml", line), ..membership }).collect();
    world.maps.push(Arc::new(copy));
}

fn join(world: &mut World, id: &str, member: Member, line: u32) {
    let map = map(world, id);
    let more = Membership { member, place: place("extra.toml", line) };
    map.memberships = map.memberships.iter().cloned().chain([more]).collect();
}

fn data<'w>(world: &'w mut World, origin: &str) -> &'w mut ZoneData {
    let origin = name(origin);
    let zone = world.zones.iter_mut().find(|zone| zone.origin == origin).expect("a zone");
    let ZoneContent::Good(data) = &mut zone.content else { panic!("a good zone") };
    Arc::make_mut(data)
}

/// The record of a line.
fn record<'w>(world: &'w mut World, origin: &str, line: u32) -> &'w mut Record {
    data(world, origin).records.iter_mut().find(|record| record.line == line).expect("a record")
}

fn pause(world: &mut World, id: &str, origin: &str) {
    let zone = ZoneSettings { paused: true, ..ZoneSettings::default() };
    settings(world, id).zones.insert(name(origin), zone);
}

fn prefix(world: &mut World, at: usize) -> &mut Prefix {
    &mut Arc::make_mut(&mut world.ledger).prefixes[at]
}

fn remove_zone(world: &mut World, origin: &str) {
    let origin = name(origin);
    world.zones.retain(|zone| zone.origin != origin);
}

/// A broken property.
struct Case {
    code: &'static str,
    /// File and line that are named.
    place: &'static str,
    /// The unit that is to mend it.
    unit: Unit,
    proven: World,
    snapshot: Snapshot,
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    /// Files that are faulty in themselves.
    fn files(&mut self, code: &'static str, place: &'static str, unit: Unit, edit: impl Fn(&mut World)) {
        let mut proven = sound();
        edit(&mut proven);
        let snapshot = compile(&proven, 1).snapshot;
        self.0.push(Case { code, place, unit, proven, snapshot });
    }

    /// A snapshot that was made of other files.
    fn stale(&mut self, code: &'static str, place: &'static str, unit: Unit, edit: impl Fn(&mut World)) {
        let mut served = sound();
        edit(&mut served);
        let snapshot = compile(&served, 1).snapshot;
        self.0.push(Case { code, place, unit, proven: sound(), snapshot });
    }

    /// A snapshot of sound files for files that say something else.
    fn ahead(&mut self, code: &'static str, place: &'static str, unit: Unit, edit: impl Fn(&mut World)) {
        let mut proven = sound();
        edit(&mut proven);
        self.0.push(Case { code, place, unit, proven, snapshot: compile(&sound(), 1).snapshot });
    }

    /// A snapshot that no compiler makes.
    fn spoilt(&mut self, code: &'static str, place: &'static str, unit: Unit, edit: impl Fn(&mut Snapshot)) {
        let mut snapshot = compile(&sound(), 1).snapshot;
        edit(&mut snapshot);
        self.0.push(Case { code, place, unit, proven: sound(), snapshot });
    }
}

fn by(id: &str) -> Unit {
    Unit::Account(account(id))
}

fn zone_unit(origin: &str) -> Unit {
    Unit::Zone(name(origin))
}

/// Puts another set in the place of a map's.
fn store(snapshot: &mut Snapshot, id: &str, set: AddressSet) {
    let is_it = |set: &&Arc<AddressSet>| set.map.as_ref().is_some_and(|map| map.as_str() == id);
    let at = (0..).find(|at| snapshot.sets.get(*at).filter(is_it).is_some()).expect("its set");
    snapshot.sets.store([(at, Arc::new(set))].into());
}

fn whole(world: &World, snapshot: &Snapshot) -> Proof {
    let mut proof = prove(world, snapshot);
    proof.absorb(Prover::new(world).strangers(snapshot));
    proof
}

fn cases() -> Vec<Case> {
    let mut cases = Cases::default();
    governors(&mut cases);
    addresses(&mut cases);
    answers(&mut cases);
    assertions(&mut cases);
    latent(&mut cases);
    cases.0
}

fn governors(cases: &mut Cases) {
    let zone = || Member::Zone(name("blog.example."));
    cases.files(code::TWO_ZONE_GOVERNORS, "maps.toml:10", by("acme"), |world| {
        map(world, "acme-next").enabled = true
    });
    cases.files(code::TWO_ZONE_GOVERNORS, "extra.toml:5", by("acme"), |world| {
        join(world, "acme-wide", zone(), 4);
        join(world, "shop-eu", zone(), 5);
    });
    cases.files(code::TWO_ZONE_GOVERNORS, "extra.toml:6", by("acme"), |world| {
        copy(world, "shop-eu", "shop-us", 6)
    });

    cases.files(code::TWO_ACCOUNT_GOVERNORS, "maps.toml:17", by("acme"), |world| {
        map(world, "acme-next").enabled = true;
        join(world, "acme-next", Member::Account, 1);
    });
    cases.files(code::TWO_ACCOUNT_GOVERNORS, "extra.toml:2", by("acme"), |world| {
        join(world, "shop-eu", Member::Account, 2);
    });
    cases.files(code::TWO_ACCOUNT_GOVERNORS, "extra.toml:3", by("initech"), |world| {
        copy(world, "initech-own", "initech-two", 3);
    });

    cases.files(code::TWO_IMMUTABLE_GOVERNORS, "extra.toml:1", by("globex"), |world| {
        copy(world, "globex-safe", "globex-zwei", 1);
    });
    cases.files(code::TWO_IMMUTABLE_GOVERNORS, "extra.toml:2", by("globex"), |world| {
        copy(world, "globex-safe", "globex-zwei", 2);
        map(world, "globex-zwei").enabled = false;
    });
    cases.files(code::TWO_IMMUTABLE_GOVERNORS, "extra.toml:4", by("acme"), |world| {
        for (id, line) in [("a", 3), ("b", 4)] {
            copy(world, "acme-wide", id, line);
            map(world, id).immutable = true;
        }
    });

    cases.stale(code::WRONG_LEVEL, "maps.toml:10", by("acme"), |world| map(world, "shop-eu").enabled = false);
    cases.stale(code::WRONG_LEVEL, "maps.toml:17", by("acme"), |world| remove_map(world, "acme-wide"));
    cases.stale(code::WRONG_LEVEL, "maps.toml:10", by("acme"), |world| {
        map(world, "shop-eu").enabled = false;
        map(world, "acme-next").enabled = true;
    });
    cases.stale(code::WRONG_LEVEL, "maps.toml:1", Unit::Operator, |world| world.anycast = None);
    // The end of a chain into another zone, where nothing may answer.
    let alias = |world: &mut World| {
        remove_map(world, "initech-own");
        world.assertions.clear();
        let zone = world.zones.iter_mut().find(|zone| zone.origin == name("plain.example."));
        zone.expect("a zone").account = account("initech");
        for line in [5, 6] {
            let record = record(world, "plain.example.", line);
            record.rtype = portolan::wire::RrType::CNAME;
            record.rdata = name("www.office.example.").as_wire().into();
        }
        data(world, "office.example.").records.retain(|record| record.line <= 4);
    };
    let mut proven = sound();
    alias(&mut proven);
    let mut served = proven.clone();
    copy(&mut served, "acme-wide", "initech-late", 5);
    map(&mut served, "initech-late").account = account("initech");
    let snapshot = compile(&served, 1).snapshot;
    let place = "plain.example.zone:4";
    cases.0.push(Case { code: code::WRONG_LEVEL, place, unit: by("initech"), proven, snapshot });
    // No zone of the account needs its account-wide map, and it must be right all the same.
    let all_named = |world: &mut World| join(world, "shop-eu", Member::Zone(name("blog.example.")), 1);
    let mut served = sound();
    all_named(&mut served);
    map(&mut served, "acme-wide").enabled = false;
    let mut proven = sound();
    all_named(&mut proven);
    let snapshot = compile(&served, 1).snapshot;
    cases.0.push(Case { code: code::WRONG_LEVEL, place: "maps.toml:17", unit: by("acme"), proven, snapshot });

    cases.stale(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        copy(world, "globex-safe", "globex-wide", 1);
        map(world, "globex-wide").immutable = false;
    });
    cases.stale(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").ipv4.push(Ipv4Addr::new(198, 51, 100, 2));
    });
    cases.stale(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").enabled = false;
    });
    cases.files(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").enabled = false;
    });
    cases.files(code::IMMUTABLE_NOT_HONOURED, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").ipv4.clear();
        map(world, "globex-safe").ipv6.clear();
    });
}

fn addresses(cases: &mut Cases) {
    let other = || Ipv4Addr::new(203, 0, 113, 201);
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:5", by("acme"), |world| {
        map(world, "shop-eu").ipv4.push(other());
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:5", by("acme"), |world| {
        let cidr = "203.0.113.1/32".parse().expect("a network");
        let place = place("ledger.toml", 9);
        prefix(world, 0).bindings.push(Binding { cidr, service: Service::Spectrum, place });
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:12", by("acme"), |world| {
        prefix(world, 1).approved = false
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:33", by("initech"), |world| {
        prefix(world, 5).bindings.clear()
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:26", by("globex"), |world| {
        prefix(world, 2).account = account("acme");
    });
    cases.files(code::INELIGIBLE_ADDRESS, "maps.toml:5", by("acme"), |world| {
        Arc::make_mut(&mut world.ledger).static_ips.push(StaticIps {
            account: account("acme"),
            map: MapId::new("leased").expect("an id"),
            ips: vec![Ipv4Addr::new(203, 0, 113, 1).into()],
            place: place("ledger.toml", 9),
        });
    });

    cases.stale(code::SHARED_ADDRESS, "maps.toml:38", by("initech"), |world| {
        remove_map(world, "initech-own");
        settings(world, "initech").shared_addresses = true;
    });
    cases.stale(code::SHARED_ADDRESS, "maps.toml:26", by("globex"), |world| remove_map(world, "globex-safe"));
    cases.files(code::SHARED_ADDRESS, "maps.toml:33", by("initech"), |world| {
        map(world, "initech-own").ipv4.push(Ipv4Addr::new(192, 0, 2, 10));
    });
    cases.files(code::SHARED_ADDRESS, "maps.toml:26", by("globex"), |world| {
        map(world, "globex-safe").ipv4 = vec![Ipv4Addr::new(192, 0, 2, 11)];
    });

    cases.spoilt(code::WRONG_ADDRESSES, "maps.toml:10", by("acme"), |snapshot| {
        let set =
            AddressSet::new(MapId::new("shop-eu"), &[other()], &["2001:db8:1::1".parse().expect("IPv6")]);
        store(snapshot, "shop-eu", set);
    });
    cases.stale(code::WRONG_ADDRESSES, "maps.toml:17", by("acme"), |world| {
        map(world, "acme-wide").ipv6.clear();
    });
    cases.stale(code::WRONG_ADDRESSES, "maps.toml:1", Unit::Operator, |world| {
        world.anycast.as_mut().expect("defaults").ipv4.pop();
    });
    cases.stale(code::WRONG_ADDRESSES, "maps.toml:10", by("acme"), |world| {
        map(world, "shop-eu").ipv4.push(other());
    });
}

fn answers(cases: &mut Cases) {
    cases.stale(code::STORED_CONTENT, "shop.example.zone:4", by("acme"), |world| {
        record(world, "shop.example.", 4).tags.proxied = None;
    });
    cases.stale(code::STORED_CONTENT, "vault.example.zone:4", by("globex"), |world| {
        pause(world, "globex", "vault.example.");
    });
    cases.stale(code::STORED_CONTENT, "plain.example.zone:8", zone_unit("plain.example."), |world| {
        record(world, "plain.example.", 8).tags.proxied = None;
    });
    // The alias of a name whose stored content is shown at its end, and the same flattened.
    for flatten in [false, true] {
        let mut proven = sound();
        record(&mut proven, "blog.example.", 6).tags.flatten = flatten;
        data(&mut proven, "blog.example.").records.retain(|record| record.line != 7);
        let mut served = proven.clone();
        record(&mut served, "blog.example.", 4).tags.proxied = Some(false);
        let snapshot = compile(&served, 1).snapshot;
        let place = "blog.example.zone:4";
        cases.0.push(Case { code: code::STORED_CONTENT, place, unit: by("acme"), proven, snapshot });
    }

    cases.stale(code::NOT_PROXIED, "shop.example.zone:4", by("acme"), |world| {
        record(world, "shop.example.", 4).tags.proxied = None;
    });
    cases.stale(code::NOT_PROXIED, "office.example.zone:4", by("initech"), |world| {
        settings(world, "initech").enforce_dns_only = true;
    });
    cases.stale(code::NOT_PROXIED, "plain.example.zone:4", zone_unit("plain.example."), |world| {
        data(world, "plain.example.").records.retain(|record| record.line != 4);
    });

    cases.stale(code::WRONGLY_PROXIED, "shop.example.zone:5", by("acme"), |world| {
        record(world, "shop.example.", 5).tags.proxied = Some(true);
    });
    cases.ahead(code::WRONGLY_PROXIED, "vault.example.zone:4", by("globex"), |world| {
        pause(world, "globex", "vault.example.");
    });
    cases.ahead(code::WRONGLY_PROXIED, "plain.example.zone:4", zone_unit("plain.example."), |world| {
        settings(world, "default").enforce_dns_only = true;
    });

    cases.stale(code::WRONG_ANSWER, "shop.example.zone:5", by("acme"), |world| {
        record(world, "shop.example.", 5).rdata = [192, 0, 2, 152].into();
    });
    cases.stale(code::WRONG_ANSWER, "shop.example.zone:6", by("acme"), |world| {
        let target = name("ftp.shop.example.");
        record(world, "shop.example.", 6).rdata = target.as_wire().into();
    });
    cases.stale(code::WRONG_ANSWER, "plain.example.zone:2", zone_unit("plain.example."), |world| {
        remove_zone(world, "plain.example.");
    });
    cases.stale(code::WRONG_ANSWER, "office.example.zone:5", by("initech"), |world| {
        data(world, "office.example.").records.retain(|record| record.line != 5);
    });

    for (origin, place) in [
        ("shop.example.", "shop.example."),
        ("vault.example.", "vault.example."),
        ("plain.example.", "plain.example."),
    ] {
        cases.ahead(code::UNKNOWN_ZONE, place, zone_unit(origin), |world| remove_zone(world, origin));
    }
}

fn assertions(cases: &mut Cases) {
    cases.files(code::ANSWERS_WITHIN, "maps.toml:12", by("acme"), |world| {
        assert_that(world, of("acme"), within(&["203.0.113.0/29", "2001:db8:1::/48"]));
    });
    cases.files(code::ANSWERS_WITHIN, "maps.toml:1", Unit::Operator, |world| {
        assert_that(
            world,
            AssertionScope::Everything,
            within(&["198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"]),
        );
    });
    cases.files(code::ANSWERS_WITHIN, "maps.toml:5", by("acme"), |world| {
        assert_that(world, AssertionScope::Zone(name("SHOP.example.")), within(&["203.0.113.0/24"]));
    });
    // An empty list allows nothing; it never means everything.
    cases.files(code::ANSWERS_WITHIN, "maps.toml:1", by("default"), |world| {
        assert_that(world, of("default"), within(&[]))
    });

    cases.files(code::NEVER_ANSWERS_WITHIN, "maps.toml:26", by("globex"), |world| {
        assert_that(world, AssertionScope::Everything, never(&["198.51.100.0/25"]));
    });
    cases.files(code::NEVER_ANSWERS_WITHIN, "maps.toml:33", by("initech"), |world| {
        assert_that(world, of("initech"), never(&["2001:db8:9::/48", "2001:db8:3::/48"]));
    });
    cases.files(code::NEVER_ANSWERS_WITHIN, "maps.toml:1", by("acme"), |world| {
        remove_map(world, "acme-wide");
    });

    cases.files(code::FAMILY_REQUIRED, "maps.toml:5", by("acme"), |world| map(world, "shop-eu").ipv6.clear());
    cases.files(code::FAMILY_REQUIRED, "maps.toml:26", by("globex"), |world| {
        let zone = ZoneSettings { ipv6: false, ..ZoneSettings::default() };
        settings(world, "globex").zones.insert(name("vault.example."), zone);
    });
    cases.files(code::FAMILY_REQUIRED, "assert.toml:3", by("initech"), |world| {
        map(world, "initech-own").enabled = false;
    });
    cases.files(code::FAMILY_REQUIRED, "maps.toml:1", Unit::Operator, |world| {
        world.anycast.as_mut().expect("defaults").ipv6.clear();
    });

    cases.files(code::GOVERNED_BY, "maps.toml:12", by("acme"), |world| map(world, "shop-eu").enabled = false);
    cases.files(code::GOVERNED_BY, "extra.toml:1", by("globex"), |world| {
        copy(world, "globex-safe", "globex-wide", 1);
        map(world, "globex-wide").immutable = false;
    });
    cases.files(code::GOVERNED_BY, "assert.toml:77", by("initech"), |world| {
        assert_that(world, of("initech"), governed_by("initech-own"));
        map(world, "initech-own").enabled = false;
    });
}

fn latent(cases: &mut Cases) {
    // governed_by of the sound files: acme-next would replace shop-eu.
    cases.files(code::LATENT_FAULT, "maps.toml:19", by("acme"), |_| {});
    cases.files(code::LATENT_FAULT, "maps.toml:19", by("acme"), |world| {
        world.assertions.clear();
        map(world, "acme-next").ipv4.push(Ipv4Addr::new(203, 0, 113, 201));
    });
    cases.files(code::LATENT_FAULT, "extra.toml:8", by("initech"), |world| {
        copy(world, "initech-own", "initech-next", 8);
        let next = map(world, "initech-next");
        (next.enabled, next.ipv6) = (false, Vec::new());
    });
    cases.files(code::LATENT_FAULT, "extra.toml:9", by("globex"), |world| {
        world.assertions.clear();
        world.ledger = Arc::default();
        copy(world, "globex-safe", "globex-next", 9);
        let next = map(world, "globex-next");
        (next.enabled, next.immutable, next.ipv4) = (false, false, vec![Ipv4Addr::new(192, 0, 2, 10)]);
    });
}

#[test]
fn sound_files_pass() {
    let mut world = sound();
    // What is prepared there would break an assertion.
    remove_map(&mut world, "acme-next");
    let proof = whole(&world, &compile(&world, 1).snapshot);
    assert!(proof.broken.is_empty(), "{:#?}", proof.broken);
    let report = proof.report;
    assert_eq!((report.zones, report.names, report.broken, report.beyond), (5, 25, 0, 0));
    assert_eq!((report.levels.zone_map, report.levels.account_map, report.levels.immutable_map), (1, 2, 1));
    assert_eq!((report.levels.anycast_defaults, report.levels.nothing), (1, 0));
    // Two of everything for five zones, one of acme for two, and one each for shop and globex.
    assert_eq!(report.assertions, 14);
    // Five names and one below each, four types; TXT at www, NS and MX at the apex.
    assert_eq!(report.questions, 5 * (10 * 4 + 3));
}

#[test]
fn every_property_is_caught_with_code_file_and_line() {
    let mut caught: BTreeMap<&str, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let proof = whole(&case.proven, &case.snapshot);
        let shown = |place: &Place| match place.line {
            0 => place.file.to_string(),
            line => format!("{}:{line}", place.file),
        };
        let found = proof.broken.iter().find(|(unit, found)| {
            found.code == case.code && shown(&found.place) == case.place && *unit == case.unit
        });
        match found {
            None => {
                faults.push(format!("case {number}, {} at {}: {:#?}", case.code, case.place, proof.broken))
            }
            Some((_, found)) => {
                assert!(found.hint.is_some(), "{found:?}");
                let is_warning = found.code == code::LATENT_FAULT;
                assert_eq!(found.severity == Severity::Warning, is_warning, "{found:?}");
                *caught.entry(case.code).or_default() += 1;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for code in code::ALL {
        assert!(caught.get(code).is_some_and(|cases| *cases >= 3), "{code}: {:?}", caught.get(code));
    }
}

#[test]
fn much_of_one_kind_is_counted_and_told_in_part() {
    let mut world = World::default();
    let id = account("many");
    world.accounts.insert(id.clone(), AccountSettings::new(id.clone()));
    for number in 0..100 {
        let origin = name(&format!("z{number}.example."));
        let file: Arc<str> = format!("z{number}.zone").into();
        let (data, _) =
            read_zone(&file, ZONE.as_bytes(), &origin, ReadOptions { require_tags: false }, &NoFiles);
        let content = ZoneContent::Good(Arc::new(data.expect("a good zone")));
        world.zones.push(LoadedZone { origin, account: id.clone(), content });
    }
    let snapshot = compile(&World::default(), 1).snapshot;
    let prover = Prover::new(&world);
    let mut parts = prover.zones(&snapshot, &world.zones[..50]);
    parts.absorb(prover.zones(&snapshot, &world.zones[50..]));
    assert_eq!((parts.report.zones, parts.report.broken, parts.broken.len()), (100, 100, 20));
    // What is said of many zones for one reason is told once.
    let snapshot = compile(&world, 1).snapshot;
    assert_that(&mut world, AssertionScope::Everything, Claim::FamilyRequired { ipv4: true, ipv6: false });
    let proof = prove(&world, &snapshot);
    assert_eq!((proof.report.broken, proof.broken.len()), (100, 1));
    assert!(proof.broken[0].1.message.ends_with(": zone z0.example and 99 more"), "{:?}", proof.broken[0]);
}

#[test]
fn an_enabled_map_replaces_the_present_holder() {
    let world = sound();
    let id = MapId::new("acme-next").expect("an id");
    let changed = if_enabled(&world, &id).expect("the map");
    let governs = |id: &str| -> Vec<&Name> {
        let map = changed.maps.iter().find(|map| map.id.as_str() == id).expect("a map");
        map.zones().map(|(origin, _)| origin).collect()
    };
    assert_eq!(governs("acme-next"), [&name("shop.example.")]);
    assert!(governs("shop-eu").is_empty());
    let proof = whole(&changed, &compile(&changed, 1).snapshot);
    let codes: Vec<&str> = proof.broken.iter().map(|(_, found)| found.code).collect();
    assert_eq!(codes, [code::GOVERNED_BY]);
    assert!(if_enabled(&world, &MapId::new("no-such-map").expect("an id")).is_none());
}

/// The manual has a row for every code, with its statement, an example and what mends it.
#[test]
fn the_manual_states_every_property() {
    let manual = include_str!("../../../src/manual/proof.md");
    let rows: Vec<&str> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .filter(|(_, rest)| rest.matches(" | ").count() >= 3)
        .map(|(code, _)| code)
        .collect();
    assert_eq!(rows, code::ALL);
}

/// Very many zones of ten names in a thousand accounts, at every level, with a ledger and assertions.
pub(super) fn fleet(zones: usize) -> World {
    let mut world = sound();
    world.zones.clear();
    world.maps.clear();
    let mut text = ZONE.replace("alias", "n0").replace("old", "n1");
    for number in 2..8 {
        text += &format!("n{number} IN A 192.0.2.{number} ; cf_tags=cf-proxied:true\n");
    }
    let members: Vec<Membership> = Vec::new();
    let mut maps: BTreeMap<usize, AddressMap> = BTreeMap::new();
    let base = map(&mut sound(), "shop-eu").clone();
    for number in 0..zones {
        let at = number % 1000;
        let id = account(&format!("acct-{at}"));
        let origin = name(&format!("zone-{number}.example."));
        world.accounts.entry(id.clone()).or_insert_with(|| AccountSettings::new(id.clone()));
        let own = maps.entry(at).or_insert_with(|| AddressMap {
            id: MapId::new(&format!("map-{at}")).expect("an id"),
            account: id.clone(),
            memberships: members.clone().into(),
            ..base.clone()
        });
        let line = place("extra.toml", number as u32);
        if at % 3 == 0 {
            let more = Membership { member: Member::Zone(origin.clone()), place: line };
            let all = own.memberships.iter().cloned().chain([more]);
            own.memberships = all.collect();
        } else if at % 3 == 1 && own.memberships.is_empty() {
            own.memberships = vec![Membership { member: Member::Account, place: line }].into();
        }
        let file: Arc<str> = format!("{origin}zone").into();
        let options = ReadOptions { require_tags: false };
        let (data, _) = read_zone(&file, text.as_bytes(), &origin, options, &NoFiles);
        let content = ZoneContent::Good(Arc::new(data.expect("a good zone")));
        world.zones.push(LoadedZone { origin, account: id, content });
    }
    let mut ledger = Ledger::default();
    for (at, map) in &maps {
        let place = place("ledger.toml", *at as u32);
        for cidr in ["203.0.113.0/24", "2001:db8:1::/48"] {
            let cidr = cidr.parse().expect("a network");
            let delegations = Vec::new();
            let bindings = vec![Binding { cidr, service: Service::Cdn, place: place.clone() }];
            let account = map.account.clone();
            ledger.prefixes.push(Prefix {
                cidr,
                account,
                asn: None,
                description: None,
                approved: true,
                advertised: true,
                bindings,
                delegations,
                place: place.clone(),
            });
        }
        if *at > 0 {
            let own = ledger.prefixes.split_off(ledger.prefixes.len() - 2);
            for (first, own) in ledger.prefixes.iter_mut().zip(own) {
                let cidr = own.cidr;
                first.delegations.push(portolan::model::Delegation {
                    cidr,
                    account: own.account,
                    place: own.place,
                });
            }
        }
    }
    world.ledger = Arc::new(ledger);
    world.maps = maps.into_values().map(Arc::new).collect();
    world.assertions.truncate(1);
    world
}
