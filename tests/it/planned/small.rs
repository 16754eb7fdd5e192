//! Plans of small changes, whole.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;

use portolan::compile::{
    AccountWords, Applied, Builder, Edit, OperatorWords, Seed, ZoneChange, compile_zone,
};
use portolan::judge::plan::{Detail, Plan, What, Why, plan, plan_with};
use portolan::model::{
    AccountId, AccountSettings, AddressMap, AnycastDefaults, MapId, MapOwner, Member, Membership, NoFiles,
    Place, ZoneSettings,
};
use portolan::snapshot::{Snapshot, Touched};
use portolan::zonefile::{ReadOptions, read_zone};

use crate::support::name;

/// A server of which one thing is changed after the other.
struct Server {
    builder: Builder,
    before: Snapshot,
}

impl Server {
    /// Account acme with the map `eu` over shop.example, globex on the defaults.
    fn new() -> Server {
        let mut builder = Builder::new(Seed::random());
        let before = builder.apply(Edit::default(), 1).snapshot;
        let mut server = Server { builder, before };
        server.change(vec![
            put("acme", "shop.example", SHOP),
            put(
                "acme",
                "blog.example",
                "www 1 A 198.51.100.9 ; cf_tags=cf-proxied:true\nold 60 CNAME www.shop.example.\n",
            ),
            put("globex", "corp.example", "www 1 A 198.51.100.10 ; cf_tags=cf-proxied:true\n"),
            maps("acme", &[map("eu", &["203.0.113.1", "2001:db8::1"], &["shop.example"])]),
            defaults(Some(&["192.0.2.10", "2001:db8:10::1"])),
        ]);
        server
    }

    fn change(&mut self, changes: Vec<Edit>) -> Plan {
        let mut edit = Edit::default();
        for change in changes {
            edit.zones.extend(change.zones);
            edit.accounts.extend(change.accounts);
            edit.operator = change.operator.or(edit.operator);
        }
        for (origin, change) in &mut edit.zones {
            if let ZoneChange::Put { zone, .. } = change {
                // Compiled here, where the seed is.
                let text = TEXTS.with_borrow(|texts| texts[&origin.to_string()].clone());
                *zone = compiled(&origin.to_string(), &text, self.before.generation, self.builder.seed());
            }
        }
        let Applied { snapshot, touched, .. } = self.builder.apply(edit, self.before.generation + 1);
        let plan = plan(&self.before, &snapshot, &touched);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        self.before = snapshot;
        plan
    }
}

const SHOP: &str = "www 1 A 198.51.100.7 ; cf_tags=cf-proxied:true\n\
                    app 1 CNAME origin.invalid. ; cf_tags=cf-proxied:true\n\
                    mail 60 A 198.51.100.8\n\
                    a.sub 60 A 198.51.100.20\n";

thread_local! {
    static TEXTS: std::cell::RefCell<std::collections::HashMap<String, String>> = Default::default();
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn compiled(origin: &str, text: &str, serial: u64, seed: &Seed) -> portolan::snapshot::Zone {
    let text =
        format!("@ 60 IN SOA ns.invalid. ns.invalid. {serial} 2 3 4 60\n@ 60 IN NS ns.invalid.\n{text}");
    let (zone, found) =
        read_zone(&"z.zone".into(), text.as_bytes(), &name(origin), ReadOptions::default(), &NoFiles);
    compile_zone(&zone.unwrap_or_else(|| panic!("{found:?}")), true, seed).unwrap()
}

fn put(of: &str, origin: &str, text: &str) -> Edit {
    let origin = name(&format!("{origin}."));
    TEXTS.with_borrow_mut(|texts| texts.insert(origin.to_string(), text.to_owned()));
    let zone = portolan::snapshot::Zone::faulty(&origin.to_lower_wire());
    Edit { zones: vec![(origin, ZoneChange::Put { account: account(of), zone })], ..Edit::default() }
}

fn remove(origin: &str) -> Edit {
    Edit { zones: vec![(name(&format!("{origin}.")), ZoneChange::Remove)], ..Edit::default() }
}

fn map(id: &str, ips: &[&str], zones: &[&str]) -> AddressMap {
    let place = Place::file(&"m.toml".into());
    let member = |zone: &&str| Membership {
        member: if zone.is_empty() { Member::Account } else { Member::Zone(name(&format!("{zone}."))) },
        place: place.clone(),
    };
    AddressMap {
        id: MapId::new(id).unwrap(),
        account: account("acme"),
        description: None,
        enabled: true,
        ipv4: ips.iter().filter_map(|ip| ip.parse().ok()).collect(),
        ipv6: ips.iter().filter_map(|ip| ip.parse().ok()).collect(),
        memberships: zones.iter().map(member).collect(),
        default_sni: None,
        immutable: false,
        owner: MapOwner::Account,
        place,
        address_places: Default::default(),
    }
}

fn maps(of: &str, maps: &[AddressMap]) -> Edit {
    let maps = maps.iter().cloned().map(Arc::new).collect();
    Edit {
        accounts: vec![(account(of), AccountWords { maps, ..AccountWords::default() })],
        ..Edit::default()
    }
}

fn defaults(ips: Option<&[&str]>) -> Edit {
    let anycast = ips.map(|ips| AnycastDefaults {
        ipv4: ips.iter().filter_map(|ip| ip.parse().ok()).collect(),
        ipv6: ips.iter().filter_map(|ip| ip.parse().ok()).collect(),
        place: Place::file(&"a.toml".into()),
    });
    Edit { operator: Some(OperatorWords { anycast, faulty: false }), ..Edit::default() }
}

fn addresses(ips: &[std::net::IpAddr]) -> Vec<String> {
    ips.iter().map(ToString::to_string).collect()
}

/// What is listed by name: the zone, the name, what becomes of it and why.
fn listed(plan: &Plan) -> Vec<(String, String, What, Why)> {
    let zones = plan.accounts.iter().flat_map(|account| &account.zones);
    let names = |zone: &portolan::judge::plan::ZonePlan| {
        let zone_name = zone.zone.clone();
        let names = zone.names.iter();
        names.map(move |told| (zone_name.clone(), told.name.clone(), told.what, told.why)).collect::<Vec<_>>()
    };
    zones.flat_map(names).collect()
}

fn one(zone: &str, name: &str, what: What, why: Why) -> (String, String, What, Why) {
    (zone.to_owned(), name.to_owned(), what, why)
}

#[test]
fn names_that_stop_being_proxied_come_first_with_what_would_become_public() {
    let mut server = Server::new();
    let bare = SHOP.replace(" ; cf_tags=cf-proxied:true", "");
    let plan = server.change(vec![put("acme", "shop.example", &bare)]);
    let told: Vec<_> = (plan.exposed.iter())
        .map(|name| (name.name.as_str(), addresses(&name.was), name.public.join(" ")))
        .collect();
    let was = vec!["203.0.113.1".to_owned(), "2001:db8::1".to_owned()];
    assert_eq!(
        told,
        [
            ("app.shop.example.", was.clone(), "CNAME origin.invalid.".to_owned()),
            ("www.shop.example.", was, "A 198.51.100.7".to_owned()),
        ]
    );
    let zone = &plan.accounts[0].zones[0];
    assert_eq!((zone.names_unproxied, zone.proxied_before, zone.proxied_after), (2, 2, 0));
    assert_eq!((plan.counts.names_unproxied, plan.exposed_left_out), (2, 0));
    assert_eq!(zone.why, [Why::Unproxied]);
    // What leads there is answered otherwise as well, and the map answers for nobody.
    assert_eq!(
        listed(&plan)[2..],
        [one("blog.example.", "old.blog.example.", What::Changed, Why::AliasTarget)]
    );
    assert_eq!((plan.counts.addresses_before, plan.counts.addresses_gone), (4, 2));
}

#[test]
fn a_new_serial_is_no_change_and_records_are() {
    let mut server = Server::new();
    assert!(server.change(vec![put("acme", "shop.example", SHOP)]).is_empty());
    let text =
        SHOP.replace("198.51.100.8", "198.51.100.18").replace("a.sub", "b.sub") + "more 60 A 198.51.100.8\n";
    let plan = server.change(vec![put("acme", "shop.example", &text)]);
    assert_eq!(
        listed(&plan),
        [
            one("shop.example.", "mail.shop.example.", What::Changed, Why::ZoneData),
            one("shop.example.", "more.shop.example.", What::New, Why::ZoneData),
            one("shop.example.", "a.sub.shop.example.", What::Gone, Why::ZoneData),
            one("shop.example.", "b.sub.shop.example.", What::New, Why::ZoneData),
        ]
    );
    let answers = &plan.accounts[0].zones[0].names[0].answers;
    assert_eq!((answers.len(), answers[0].rtype.as_str()), (1, "A"));
    assert_eq!(
        (&answers[0].was[..], &answers[0].is[..]),
        (&["A 198.51.100.8".to_owned()][..], &["A 198.51.100.18".to_owned()][..])
    );
    let counts = &plan.counts;
    assert_eq!((counts.names_new, counts.names_gone, counts.names_changed), (2, 1, 1));
    assert_eq!((counts.names_harmed(), counts.zones_changed), (2, 1));
}

#[test]
fn zones_come_and_go() {
    let mut server = Server::new();
    let plan =
        server.change(vec![remove("corp.example"), put("globex", "new.example", "www 60 A 192.0.2.1\n")]);
    let counts = &plan.accounts[0].counts;
    assert_eq!((counts.zones_before, counts.zones_after, counts.zones_new, counts.zones_gone), (1, 1, 1, 1));
    assert_eq!((counts.names_gone, counts.names_new), (2, 2));
    let whys: Vec<_> =
        plan.accounts[0].zones.iter().map(|zone| (zone.zone.as_str(), &zone.why[..])).collect();
    assert_eq!(whys, [("corp.example.", &[Why::ZoneRemoved][..]), ("new.example.", &[Why::ZoneAdded][..])]);
    assert_eq!(plan.counts.names_unproxied, 0);
    // The same zone with another account: nothing is lost but by the first one.
    let plan = server.change(vec![put("acme", "new.example", "www 60 A 192.0.2.1\n")]);
    let counts = |at: usize| (plan.accounts[at].counts.zones_new, plan.accounts[at].counts.zones_gone);
    assert_eq!((counts(0), counts(1)), ((1, 0), (0, 1)));
    assert_eq!((plan.counts.zones_new, plan.counts.zones_gone, plan.counts.names_otherwise()), (0, 0, 0));
}

#[test]
fn a_zone_below_takes_names_from_the_one_above() {
    let mut server = Server::new();
    let plan = server.change(vec![put("globex", "sub.shop.example", "b 60 A 192.0.2.9\n")]);
    let found = listed(&plan);
    assert!(
        found.contains(&one("shop.example.", "a.sub.shop.example.", What::Gone, Why::ZoneBelow)),
        "{found:?}"
    );
    assert!(
        found.contains(&one("sub.shop.example.", "b.sub.shop.example.", What::New, Why::ZoneAdded)),
        "{found:?}"
    );
}

#[test]
fn another_set_is_counted_and_not_listed() {
    let mut server = Server::new();
    let plan =
        server.change(vec![maps("acme", &[map("eu", &["203.0.113.2", "2001:db8::1"], &["shop.example"])])]);
    let account = &plan.accounts[0];
    assert!(account.zones.is_empty());
    let [set] = &account.sets[..] else { panic!("{account:?}") };
    assert_eq!((set.why, set.extends, set.zones, set.names), (Why::Addresses, false, 1, 2));
    assert_eq!((set.was.map.as_deref(), set.was.source.as_deref()), (Some("eu"), Some("zone_map")));
    assert_eq!(addresses(&set.is.addresses), ["203.0.113.2", "2001:db8::1"]);
    assert_eq!(set.examples, ["shop.example."]);
    assert_eq!((plan.counts.names_changed, plan.counts.addresses_gone), (2, 1));
    assert_eq!(addresses(&plan.counts.gone), ["203.0.113.1"]);
    // Another order is nothing, one more address harms nobody, a family less is told.
    let other = |ips: &[&str]| vec![maps("acme", &[map("eu", ips, &["shop.example"])])];
    let plan = server.change(other(&["203.0.113.2", "203.0.113.3", "2001:db8::1"]));
    assert_eq!((plan.counts.names_extended, plan.counts.names_harmed()), (2, 0));
    assert!(server.change(other(&["203.0.113.3", "203.0.113.2", "2001:db8::1"])).is_empty());
    let plan = server.change(other(&["203.0.113.3", "203.0.113.2"]));
    let counts = &plan.accounts[0].counts;
    assert_eq!((counts.zones_losing_ipv4, counts.zones_losing_ipv6, counts.zones_losing_family), (0, 1, 1));
}

#[test]
fn another_governor_is_told_with_both() {
    let mut server = Server::new();
    let eu = map("eu", &["203.0.113.1", "2001:db8::1"], &["shop.example"]);
    let us = map("us", &["203.0.113.3"], &["shop.example"]);
    let off = AddressMap { enabled: false, ..eu.clone() };
    let plan = server.change(vec![maps("acme", &[off, us.clone()])]);
    let zone = &plan.accounts[0].zones[0];
    let map_of = |governed: &Option<portolan::judge::plan::Governed>| governed.clone().unwrap().map;
    assert_eq!((map_of(&zone.was).as_deref(), map_of(&zone.is).as_deref()), (Some("eu"), Some("us")));
    assert_eq!((zone.why.clone(), zone.names_changed, zone.loses_ipv6), (vec![Why::Governor], 2, true));
    // The account gets a map over all that has none: by the account, not zone by zone.
    let wide = map("wide", &["203.0.113.4"], &[""]);
    let plan = server.change(vec![maps("acme", &[us, wide])]);
    let [set] = &plan.accounts[0].sets[..] else { panic!("{plan:?}") };
    assert_eq!(
        (set.why, set.was.source.as_deref(), set.is.source.as_deref()),
        (Why::Governor, Some("anycast_defaults"), Some("account_map"))
    );
    assert_eq!((set.zones, set.names, &set.examples[..]), (1, 1, &["blog.example.".to_owned()][..]));
    assert_eq!(plan.counts.names_by_operator, 0);
}

#[test]
fn switched_ipv6_is_told() {
    let mut server = Server::new();
    let mut settings = AccountSettings::new(account("globex"));
    settings.zones.insert(name("corp.example."), ZoneSettings { ipv6: false, paused: false, place: None });
    let words = AccountWords { settings: Some(Arc::new(settings)), ..AccountWords::default() };
    let plan = server.change(vec![Edit { accounts: vec![(account("globex"), words)], ..Edit::default() }]);
    assert_eq!(listed(&plan), [one("corp.example.", "www.corp.example.", What::Changed, Why::Ipv6)]);
    assert_eq!(plan.counts.zones_losing_ipv6, 1);
}

#[test]
fn what_the_defaults_change_is_the_operators() {
    let mut server = Server::new();
    let plan = server.change(vec![defaults(Some(&["192.0.2.11", "2001:db8:10::1"]))]);
    assert!(plan.accounts.is_empty());
    let [set] = &plan.operator[..] else { panic!("{plan:?}") };
    assert_eq!((set.why, set.zones, set.names), (Why::Addresses, 2, 2));
    assert_eq!((plan.counts.names_by_operator, plan.counts.names_harmed()), (2, 0));
    let plan = server.change(vec![defaults(None)]);
    assert!(plan.accounts.is_empty());
    let [set] = &plan.operator[..] else { panic!("{plan:?}") };
    assert_eq!((set.why, set.names, set.is.error.is_some()), (Why::Governor, 2, true));
    assert_eq!((plan.counts.zones_losing_family, plan.counts.addresses_gone), (2, 2));
    let plan = server.change(vec![defaults(Some(&["192.0.2.11"]))]);
    assert_eq!((plan.operator.len(), plan.counts.names_by_operator), (1, 0));
}

/// Totals and shares, of the server and of each account.
#[test]
fn totals_are_those_of_the_whole_and_of_each_account() {
    let mut server = Server::new();
    let more = format!("{SHOP}mail 60 A 198.51.100.9\n");
    let plan = server.change(vec![
        remove("corp.example"),
        put("globex", "new.example", "www 60 A 192.0.2.1\n"),
        put("globex", "too.example", ""),
        put("acme", "shop.example", &more),
    ]);
    let counts = &plan.counts;
    assert_eq!((counts.zones_before, counts.zones_after), (3, 4));
    assert_eq!((counts.zones_new, counts.zones_gone, counts.zones_changed), (2, 1, 1));
    // Five of the shop, three of the blog, two of globex; `sub` owns nothing.
    assert_eq!((counts.names_before, counts.names_after), (10, 11));
    assert_eq!((counts.names_new, counts.names_gone, counts.names_changed), (3, 2, 0));
    assert_eq!((counts.names_extended, counts.names_otherwise()), (1, 6));
    // The zone that went took the only name that the defaults answered in globex; the blog still needs them.
    assert_eq!((counts.addresses_before, counts.addresses_gone), (4, 0));
    let [acme, globex] = &plan.accounts[..] else { panic!("{plan:?}") };
    assert_eq!((acme.counts.names_before, acme.counts.names_extended, acme.counts.zones_new), (8, 1, 0));
    assert_eq!((acme.counts.addresses_before, globex.counts.addresses_before), (2, 0));
    assert_eq!(
        (globex.counts.names_before, globex.counts.zones_before, globex.counts.zones_after),
        (2, 1, 2)
    );
    assert_eq!((globex.counts.zones_new, globex.counts.zones_gone, globex.counts.zones_changed), (2, 1, 0));
}

#[test]
fn names_behind_a_set_that_answers_nothing_any_more_are_gone() {
    let mut server = Server::new();
    // An account that may have nothing of the defaults loses the one map that answers for its blog.
    let settings = AccountSettings { shared_addresses: false, ..AccountSettings::new(account("acme")) };
    let words = |maps: &[AddressMap]| {
        let maps = maps.iter().cloned().map(Arc::new).collect();
        let words = AccountWords { settings: Some(Arc::new(settings.clone())), maps, faulty: false };
        vec![Edit { accounts: vec![(account("acme"), words)], ..Edit::default() }]
    };
    let eu = map("eu", &["203.0.113.1", "2001:db8::1"], &["shop.example"]);
    let wide = map("wide", &["203.0.113.4"], &[""]);
    server.change(words(&[eu.clone(), wide]));
    let plan = server.change(words(&[eu]));
    assert_eq!((plan.counts.names_gone, plan.counts.names_changed, plan.counts.addresses_gone), (1, 0, 1));
    let [set] = &plan.accounts[0].sets[..] else { panic!("{plan:?}") };
    assert!(set.is.error.is_some() && set.is.addresses.is_empty(), "{set:?}");
    assert_eq!((plan.counts.zones_losing_ipv4, plan.counts.zones_losing_ipv6), (1, 0));
}

/// What loses most comes first, whatever its name, and what is left out is counted.
#[test]
fn the_worst_comes_first_and_what_is_left_out_is_counted() {
    let mut server = Server::new();
    let proxied = |names: &[&str]| -> String {
        let line = |name: &&str| format!("{name} 1 A 198.51.100.7 ; cf_tags=cf-proxied:true\n");
        names.iter().map(line).collect()
    };
    let (three, two) = (proxied(&["z", "a", "m"]), proxied(&["b", "y"]));
    server.change(vec![
        put("acme", "z.example", &three),
        put("acme", "y.example", &two),
        put("acme", "a.example", "a 60 A 198.51.100.7\n"),
    ]);
    let bare = |text: &str| text.replace(" ; cf_tags=cf-proxied:true", "");
    let edit = Edit {
        zones: [put("acme", "z.example", &bare(&three)), put("acme", "y.example", &bare(&two))]
            .into_iter()
            .chain([put("acme", "a.example", "a 60 A 198.51.100.8\n")])
            .flat_map(|edit| edit.zones)
            .collect(),
        ..Edit::default()
    };
    let before = server.before.clone();
    let whole = server.change(vec![edit]);
    let order: Vec<&str> = whole.accounts[0].zones.iter().map(|zone| zone.zone.as_str()).collect();
    assert_eq!(order, ["z.example.", "y.example.", "a.example."]);
    let exposed: Vec<&str> = whole.exposed.iter().map(|name| name.name.as_str()).collect();
    // By zone and name.
    assert_eq!(exposed, ["b.y.example.", "y.y.example.", "a.z.example.", "m.z.example.", "z.z.example."]);
    let touched = Touched::between(&before, &server.before);
    let detail = Detail { names_of_zone: 2, names: 100, zones: 2, exposed: 3, examples: 0 };
    let part = plan_with(&before, &server.before, &touched, detail);
    assert_eq!((part.counts.clone(), part.exposed.len(), part.exposed_left_out), (whole.counts, 3, 2));
    let account = &part.accounts[0];
    let zones: Vec<_> =
        account.zones.iter().map(|zone| (&*zone.zone, zone.names.len(), zone.names_left_out)).collect();
    assert_eq!(zones, [("z.example.", 2, 1), ("y.example.", 2, 0)]);
    assert_eq!(account.zones_left_out, 1);
}

/// Names that stop being proxied are told by account, whatever their zones are called, and of many the first ones.
#[test]
fn names_that_stop_being_proxied_are_told_by_account() {
    let mut server = Server::new();
    let www = "www 1 A 198.51.100.7 ; cf_tags=cf-proxied:true\n";
    let both = |text: &str| vec![put("globex", "a.example", text), put("acme", "z.example", text)];
    server.change(both(www));
    let before = server.before.clone();
    let whole = server.change(both("www 1 A 198.51.100.7\n"));
    let told = |plan: &Plan| -> Vec<(String, String)> {
        plan.exposed.iter().map(|name| (name.account.clone(), name.name.clone())).collect()
    };
    let expected = [("acme", "www.z.example."), ("globex", "www.a.example.")];
    let expected = expected.map(|(account, name)| (account.to_owned(), name.to_owned()));
    assert_eq!(told(&whole), expected);
    let touched = Touched::between(&before, &server.before);
    let detail = Detail { exposed: 1, ..Detail::default() };
    let part = plan_with(&before, &server.before, &touched, detail);
    assert_eq!((told(&part), part.exposed_left_out), (expected[..1].to_vec(), 1));
}

/// What failed and fails in another way is no loss, nor is what only fails.
#[test]
fn what_had_no_address_loses_none() {
    let mut server = Server::new();
    server.change(vec![defaults(None)]);
    let plan = server.change(vec![put(
        "globex",
        "corp.example",
        "www 1 A 198.51.100.10 ; cf_tags=cf-proxied:true\nftp 60 A 192.0.2.1\n",
    )]);
    assert_eq!((plan.counts.names_new, plan.counts.names_harmed(), plan.counts.names_extended), (1, 0, 0));
    let plan = server.change(vec![maps(
        "globex",
        &[AddressMap { account: account("globex"), ..map("own", &["203.0.113.9"], &[""]) }],
    )]);
    assert_eq!((plan.counts.names_extended, plan.counts.names_harmed()), (1, 0));
}

/// A map of globex.
fn of_globex(id: &str, ips: &[&str], zones: &[&str]) -> AddressMap {
    AddressMap { account: account("globex"), ..map(id, ips, zones) }
}

#[test]
fn a_name_counts_once_however_many_things_change_behind_it() {
    let mut server = Server::new();
    // The zone and the addresses of its map.
    let text = SHOP.replace("198.51.100.8", "198.51.100.18");
    let eu = map("eu", &["203.0.113.2", "2001:db8::1"], &["shop.example"]);
    let plan =
        server.change(vec![put("acme", "shop.example", &text), maps("acme", std::slice::from_ref(&eu))]);
    assert_eq!((plan.counts.names_changed, plan.accounts[0].sets.len()), (4, 0), "{plan:?}");
    // What an account falls back to, and the addresses there.
    let wide = map("wide", &["203.0.113.4"], &[""]);
    server.change(vec![maps("acme", &[eu.clone(), wide])]);
    let plan = server.change(vec![maps("acme", &[eu]), defaults(Some(&["192.0.2.99", "2001:db8:10::1"]))]);
    assert_eq!((plan.counts.names_by_operator, plan.counts.names_changed), (1, 1), "{plan:?}");
}

#[test]
fn aliases_follow_what_governs_their_target() {
    let mut server = Server::new();
    let text = "www 1 A 198.51.100.10 ; cf_tags=cf-proxied:true\nin 60 CNAME www\n";
    server.change(vec![put("globex", "corp.example", text)]);
    let plan = server.change(vec![maps("globex", &[of_globex("own", &["203.0.113.9"], &["corp.example"])])]);
    assert_eq!(
        listed(&plan),
        [
            one("corp.example.", "in.corp.example.", What::Changed, Why::AliasTarget),
            one("corp.example.", "www.corp.example.", What::Changed, Why::Governor),
        ]
    );
}

/// From SERVFAIL to no data: nothing was answered, and nothing is.
#[test]
fn another_way_to_answer_nothing_is_no_change() {
    let mut server = Server::new();
    let mut settings = AccountSettings::new(account("globex"));
    settings.zones.insert(name("corp.example."), ZoneSettings { ipv6: false, paused: false, place: None });
    let words = |maps: &[AddressMap]| {
        let maps = maps.iter().cloned().map(Arc::new).collect();
        let words = AccountWords { settings: Some(Arc::new(settings.clone())), maps, faulty: false };
        Edit { accounts: vec![(account("globex"), words)], ..Edit::default() }
    };
    server.change(vec![words(&[]), defaults(None)]);
    let plan = server.change(vec![words(&[of_globex("own", &["2001:db8::9"], &["corp.example"])])]);
    assert_eq!(plan.counts.names_otherwise(), 0, "{plan:?}");
}
