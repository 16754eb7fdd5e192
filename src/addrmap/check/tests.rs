use std::sync::Arc;

use crate::addrmap::{Scope, check, read_account_file, read_map_file};
use crate::model::diagnostic::has_errors;
use crate::model::{AccountId, LoadedZone, NoFiles, Record, RecordTags, Unit, World, ZoneContent, ZoneData};
use crate::wire::{Name, RrType};

mod ledger;

fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

/// A world written as files are. A zone is `account/origin`, with a `!` behind it where it has a proxied record
/// and a `?` where its files have an error.
fn world(zones: &[&str], files: &[(&str, &str)]) -> World {
    let mut world = World::default();
    for zone in zones {
        let (account, origin) = zone.split_once('/').unwrap();
        let origin_text = origin.trim_end_matches(['!', '?']);
        let origin_name = Name::parse(&format!("{origin_text}."), None).unwrap();
        let record = Record {
            owner: origin_name.clone(),
            rtype: RrType::A,
            ttl: 300,
            rdata: [10, 0, 0, 1].into(),
            tags: RecordTags { proxied: Some(origin.ends_with('!')), ..RecordTags::default() },
            file: 0,
            line: 7,
        };
        let data = ZoneData {
            origin: origin_name.clone(),
            files: vec![format!("{origin_text}.zone").into()],
            records: vec![record],
        };
        let faulty = origin.ends_with('?');
        let content = if faulty { ZoneContent::Faulty } else { ZoneContent::Good(Arc::new(data)) };
        world.zones.push(LoadedZone { origin: origin_name, account: id(account), content });
    }
    for (file, text) in files {
        match file.split_once('/') {
            Some((account, "account.toml")) => {
                let (settings, found) = read_account_file(&(*file).into(), text.as_bytes(), &id(account));
                assert!(!has_errors(&found), "{found:?}");
                world.accounts.insert(id(account), settings.unwrap());
            }
            folder => {
                let account = folder.map(|(account, _)| id(account));
                let scope = account.as_ref().map_or(Scope::Operator, Scope::Account);
                let read = read_map_file(&(*file).into(), text.as_bytes(), scope, &NoFiles, &[]);
                assert!(read.findings.is_empty(), "{:?}", read.findings);
                world.maps.extend(read.maps.into_iter().map(Arc::new));
                world.anycast = world.anycast.or(read.anycast);
                Arc::make_mut(&mut world.ledger).absorb(read.ledger);
                world.assertions.extend(read.assertions.into_iter().map(Arc::new));
            }
        }
    }
    world
}

fn map(id: &str, lines: &str) -> String {
    format!("[[address_map]]\nid = \"{id}\"\n{lines}\n")
}

/// An enabled map with both families.
fn enabled(id: &str, members: &str) -> String {
    map(id, &format!("enabled = true\nips = [\"203.0.113.1\", \"2001:db8::1\"]\n{members}"))
}

fn lines(found: &[(Unit, crate::model::Diagnostic)]) -> Vec<String> {
    let line = |(unit, found): &(Unit, crate::model::Diagnostic)| {
        assert!(found.hint.is_some(), "{} has no hint", found.code);
        format!("{unit} | {} {} {}: {}", found.place, found.severity, found.code, found.message)
    };
    found.iter().map(line).collect()
}

fn told(zones: &[&str], files: &[(&str, &str)]) -> Vec<String> {
    lines(&check(&world(zones, files)))
}

const ANYCAST: (&str, &str) = ("any.toml", "[anycast]\nipv4 = [\"192.0.2.1\"]\nipv6 = [\"2001:db8::10\"]\n");

#[test]
fn a_sound_world_is_told_nothing() {
    let maps = [enabled("eu", "zones = [\"a.example\"]"), enabled("us", "account_wide = true")].concat();
    // A disabled map may overlap freely: it is a change being prepared.
    let prepared = map(
        "next",
        "enabled = false\nips = [\"203.0.113.2\"]\nzones = [\"A.example\", \"b.example\"]\naccount_wide = true\n\
         default_sni = \"*.a.example\"",
    );
    let zones = ["acme/a.example!", "acme/b.example!", "globex/c.example!"];
    let files = [ANYCAST, ("acme/m.toml", maps.as_str()), ("acme/n.toml", &prepared)];
    assert_eq!(told(&zones, &files), Vec::<String>::new());
    assert_eq!(told(&[], &[]), Vec::<String>::new());
}

#[test]
fn a_map_id_stands_once_on_the_server() {
    let zones = ["acme/a.example!", "acme/b.example!", "globex/c.example!"];
    let (a, b) = (enabled("eu", "zones = [\"a.example\"]"), enabled("eu", "zones = [\"b.example\"]"));
    assert_eq!(
        told(&zones, &[ANYCAST, ("acme/a.toml", &a), ("acme/b.toml", &b)]),
        [
            "account acme | acme/a.toml:1:1 error duplicate-map-id: \
             map id twice on the server, the other map is at acme/b.toml:1:1: eu",
            "account acme | acme/b.toml:1:1 error duplicate-map-id: \
             map id twice on the server, the other map is at acme/a.toml:1:1: eu",
        ]
    );
}

#[test]
fn an_account_cannot_hold_another_one_by_taking_its_map_id() {
    let zones = ["acme/a.example!", "globex/c.example!"];
    let (mine, theirs) = (enabled("eu", "zones = [\"a.example\"]"), enabled("eu", "zones = [\"c.example\"]"));
    let candidate = world(&zones, &[ANYCAST, ("acme/a.toml", &mine), ("globex/c.toml", &theirs)]);
    // Both are told and neither is held; what the operator wrote goes before.
    assert_eq!(units(&candidate), [Unit::Nothing, Unit::Nothing]);
    let operators = enabled("eu", "account = \"acme\"\nzones = [\"a.example\"]");
    let files = [ANYCAST, ("a.toml", operators.as_str()), ("globex/c.toml", &theirs)];
    let expected = "account globex | globex/c.toml:1:1 error duplicate-map-id: \
                    map id twice on the server, the other map is at a.toml:1:1: eu";
    assert_eq!(told(&zones, &files), [expected]);
}

#[test]
fn a_zone_has_one_enabled_map() {
    let eu = enabled("eu", "zones = [\"a.example\"]");
    let us = enabled("us", "memberships = [{ kind = \"zone\", identifier = \"A.Example.\" }]");
    let found = check(&world(&["acme/a.example!"], &[ANYCAST, ("acme/a.toml", &eu), ("acme/b.toml", &us)]));
    assert_eq!(
        lines(&found),
        [
            "account acme | acme/a.toml:5:10 error zone-in-two-maps: zone a.example is in two enabled maps: eu and us",
            "account acme | acme/b.toml:5:46 error zone-in-two-maps: zone a.example is in two enabled maps: eu and us",
        ]
    );
    assert_eq!(
        found[0].1.hint.as_deref(),
        Some("remove it from all but one, or disable the others; map us has it at acme/b.toml:5:46")
    );
    // A zone that is not there yet has one map as well; three are counted.
    let asia = enabled("asia", "zones = [\"a.example\"]");
    let files = [ANYCAST, ("acme/a.toml", eu.as_str()), ("acme/b.toml", &us), ("acme/c.toml", &asia)];
    let found = told(&["acme/x.example!"], &files);
    let expected = "zone a.example is in 3 enabled maps: asia, eu and us";
    assert_eq!(found.iter().filter(|line| line.ends_with(expected)).count(), 3, "{found:#?}");
}

#[test]
fn an_account_has_one_enabled_ordinary_map_and_one_immutable() {
    let (a, b) = (enabled("a", "account_wide = true"), enabled("b", "account_wide = true"));
    assert_eq!(
        told(&["acme/a.example!"], &[ANYCAST, ("acme/a.toml", &a), ("acme/b.toml", &b)]),
        [
            "account acme | acme/a.toml:5:16 error account-in-two-maps: account acme is in two enabled maps: a and b",
            "account acme | acme/b.toml:5:16 error account-in-two-maps: account acme is in two enabled maps: a and b",
        ]
    );
    let fallback = |id| enabled(id, "account = \"acme\"\nimmutable = true");
    let (c, d) = (fallback("c"), fallback("d"));
    assert_eq!(
        told(&["acme/a.example!"], &[ANYCAST, ("acme/a.toml", &a), ("c.toml", &c)]),
        Vec::<String>::new(),
        "an ordinary and an immutable map go together"
    );
    assert_eq!(
        told(&["acme/a.example!"], &[ANYCAST, ("c.toml", &c), ("d.toml", &d)]),
        [
            "account acme | c.toml:1:1 error two-immutable-maps: account acme has two immutable maps: c and d",
            "account acme | d.toml:1:1 error two-immutable-maps: account acme has two immutable maps: c and d",
        ]
    );
}

#[test]
fn a_zone_of_another_account_is_refused_without_saying_whose_it_is() {
    let mine = enabled("mine", "zones = [\"c.example\"]");
    let theirs = enabled("theirs", "zones = [\"c.example\"]");
    let zones = ["acme/a.example!", "globex/c.example!"];
    let found = told(&zones, &[ANYCAST, ("acme/a.toml", &mine), ("globex/c.toml", &theirs)]);
    assert_eq!(
        found,
        ["nothing | acme/a.toml:5:10 error foreign-zone: not a zone of account acme: c.example"]
    );
    assert!(!found[0].contains("globex"));
    // Two maps that both name it have one fault each, and are no two governors.
    let second = enabled("second", "zones = [\"c.example\"]");
    let found = told(&zones, &[ANYCAST, ("acme/a.toml", &mine), ("acme/b.toml", &second)]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|line| line.contains("foreign-zone")), "{found:#?}");
}

#[test]
fn members_that_are_not_there_are_warned_about() {
    let maps = enabled("m", "zones = [\"www.a.example\", \"x.example\"]\naccount_wide = true");
    let world = world(&["acme/a.example!"], &[ANYCAST, ("acme/a.toml", &maps)]);
    let found = check(&world);
    assert_eq!(
        lines(&found),
        [
            "account acme | acme/a.toml:5:10 warning no-such-zone: no such zone on this server: www.a.example",
            "account acme | acme/a.toml:5:27 warning no-such-zone: no such zone on this server: x.example",
        ]
    );
    assert_eq!(
        found[0].1.hint.as_deref(),
        Some("a map governs whole zones: name a.example, or make www.a.example a zone of its own")
    );
    let stranger = enabled("m", "account = \"nobody\"\naccount_wide = true");
    assert_eq!(
        told(&["acme/a.example!"], &[ANYCAST, ("m.toml", &stranger)]),
        ["account nobody | m.toml:1:1 warning no-such-account: no such account on this server: nobody"]
    );
}

#[test]
fn a_membership_without_effect_is_warned_about() {
    let zone = enabled("m", "zones = [\"a.example\"]");
    let governs_nothing = |zones: &[&str], files: &[(&str, &str)]| {
        let found = told(zones, files);
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].strip_prefix("account acme | acme/m.toml:5:").unwrap().to_string()
    };
    let m = ("acme/m.toml", zone.as_str());
    assert_eq!(
        governs_nothing(&["acme/a.example"], &[ANYCAST, m]),
        "10 warning governs-nothing: governs nothing: zone a.example has no proxied record"
    );
    assert_eq!(
        governs_nothing(
            &["acme/a.example!"],
            &[ANYCAST, m, ("acme/account.toml", "[zone.\"a.example\"]\npaused = true\n")]
        ),
        "10 warning governs-nothing: governs nothing: zone a.example is paused"
    );
    let dns_only = ("acme/account.toml", "enforce_dns_only = true\n");
    assert_eq!(
        governs_nothing(&["acme/a.example!"], &[ANYCAST, m, dns_only]),
        "10 warning governs-nothing: governs nothing: account acme has enforce_dns_only"
    );
    assert!(told(&["acme/a.example?"], &[ANYCAST, m]).is_empty(), "nobody knows what a faulty zone holds");

    let wide = enabled("m", "account_wide = true");
    let m = ("acme/m.toml", wide.as_str());
    let settings = ("acme/account.toml", "name = \"Acme\"\n");
    assert_eq!(
        governs_nothing(&[], &[ANYCAST, m, settings]),
        "16 warning governs-nothing: governs nothing: account acme has no zone"
    );
    assert_eq!(
        governs_nothing(&["acme/a.example"], &[ANYCAST, m]),
        "16 warning governs-nothing: governs nothing: no zone of account acme has proxied names"
    );
    assert_eq!(
        governs_nothing(&["acme/a.example!"], &[ANYCAST, m, dns_only]),
        "16 warning governs-nothing: governs nothing: account acme has enforce_dns_only"
    );
    let own = enabled("own", "zones = [\"a.example\"]");
    assert_eq!(
        governs_nothing(&["acme/a.example!", "acme/b.example"], &[ANYCAST, m, ("acme/o.toml", &own)]),
        "16 warning shadowed-membership: governs nothing: \
         every proxied zone of account acme has a map of its own: own"
    );
    assert!(told(&["acme/a.example!", "acme/b.example!"], &[ANYCAST, m, ("acme/o.toml", &own)]).is_empty());
}

#[test]
fn a_missing_family_is_warned_about() {
    let only = |ip: &str| map("m", &format!("enabled = true\nips = [\"{ip}\"]\nzones = [\"a.example\"]"));
    let (ipv4, ipv6) = (only("203.0.113.1"), only("2001:db8::1"));
    assert_eq!(
        told(&["acme/a.example!"], &[ANYCAST, ("acme/m.toml", &ipv4)]),
        ["account acme | acme/m.toml:1:1 warning family-missing: \
          map m has no IPv6 address: clients without IPv4 cannot reach its names"]
    );
    assert_eq!(
        told(&["acme/a.example!"], &[ANYCAST, ("acme/m.toml", &ipv6)]),
        ["account acme | acme/m.toml:1:1 warning family-missing: \
          map m has no IPv4 address: clients without IPv6 cannot reach its names"]
    );
    let off = ("acme/account.toml", "[zone.\"a.example\"]\nipv6 = \"off\"\n");
    assert!(told(&["acme/a.example!"], &[ANYCAST, ("acme/m.toml", &ipv4), off]).is_empty());
}

#[test]
fn an_empty_map_leaves_it_to_the_next_level() {
    let mut world =
        world(&["acme/a.example!"], &[ANYCAST, ("acme/m.toml", &enabled("m", "account_wide = true"))]);
    Arc::make_mut(&mut world.maps[0]).ipv4.clear();
    Arc::make_mut(&mut world.maps[0]).ipv6.clear();
    assert_eq!(
        lines(&check(&world)),
        ["account acme | acme/m.toml:1:1 warning governs-nothing: \
          map m is enabled and has no address; the next level answers"]
    );
}

#[test]
fn the_anycast_defaults_are_there_where_they_are_reached() {
    let zones = ["acme/a.example!", "acme/b.example!", "acme/c.example"];
    let missing = ["a", "b"].map(|zone| {
        format!(
            "nothing | {zone}.example.zone:7 error anycast-missing: \
             no anycast defaults, but proxied names of this zone need them: {zone}.example"
        )
    });
    let operators = |found: Vec<String>| {
        found.iter().map(|line| line.replace("the operator's files", "operator")).collect::<Vec<_>>()
    };
    assert_eq!(told(&zones, &[]), missing);
    // Nothing reaches them: every account has a map, is DNS-only, or never uses them.
    let wide = enabled("m", "account_wide = true");
    assert!(told(&zones, &[("acme/m.toml", &wide)]).is_empty());
    assert!(told(&zones, &[("acme/account.toml", "enforce_dns_only = true\n")]).is_empty());
    assert_eq!(
        operators(told(&zones, &[("any.toml", "[anycast]\nipv4 = [\"192.0.2.1\"]\n")])),
        ["operator | any.toml:1:1 warning anycast-family-missing: \
          [anycast] has no IPv6 address, but answers for 2 zones, the first is a.example"]
    );
    let off = "[zone.\"a.example\"]\nipv6 = \"off\"\n[zone.\"b.example\"]\nipv6 = \"off\"\n";
    let ipv4 = ("any.toml", "[anycast]\nipv4 = [\"192.0.2.1\"]\n");
    assert!(told(&zones, &[ipv4, ("acme/account.toml", off)]).is_empty());
    // Sources that cannot be trusted are told by whoever found them so.
    let mut faulty = world(&zones, &[]);
    faulty.faulty_operator = true;
    assert!(check(&faulty).is_empty());
}

#[test]
fn zones_that_nothing_answers_for_are_warned_about() {
    let never = ("acme/account.toml", "shared_addresses = \"never\"\n");
    assert_eq!(
        told(&["acme/a.example!", "acme/b.example"], &[ANYCAST, never]),
        ["account acme | a.example.zone:7 warning unanswered-zone: proxied names are answered SERVFAIL, \
          account acme does not use shared addresses and no map governs: a.example"]
    );
    let fallback = enabled("f", "account = \"acme\"\nimmutable = true");
    let mut disabled = world(&["acme/a.example!"], &[ANYCAST, ("f.toml", &fallback)]);
    assert!(check(&disabled).is_empty());
    Arc::make_mut(&mut disabled.maps[0]).enabled = false;
    assert_eq!(
        lines(&check(&disabled)),
        ["account acme | a.example.zone:7 warning unanswered-zone: proxied names are answered SERVFAIL, \
          the immutable map of account acme has no address to give: a.example"]
    );
}

#[test]
fn settings_of_zones_that_are_not_the_accounts_are_warned_about() {
    let settings =
        ("acme/account.toml", "[zone.\"x.example\"]\n[zone.\"c.example\"]\n[zone.\"A.example\"]\n");
    assert_eq!(
        told(&["acme/a.example!", "globex/c.example!"], &[ANYCAST, settings]),
        [
            "account acme | acme/account.toml:1:7 warning settings-without-zone: \
             settings for what is not a zone of account acme: x.example",
            "account acme | acme/account.toml:2:7 warning settings-without-zone: \
             settings for what is not a zone of account acme: c.example",
        ]
    );
}

#[test]
fn a_default_server_name_is_in_a_zone_of_the_account() {
    let with = |sni: &str| {
        let maps = enabled("m", &format!("account_wide = true\ndefault_sni = \"{sni}\""));
        told(&["acme/example!", "globex/c.example!"], &[ANYCAST, ("acme/m.toml", &maps)])
    };
    for fine in ["example", "*.example", "a.b.Example."] {
        assert!(with(fine).is_empty(), "{fine}");
    }
    for foreign in ["x.test", "c.example", "*.c.example"] {
        let expected = format!(
            "nothing | acme/m.toml:1:1 error foreign-default-sni: \
             default_sni is not in a zone of account acme: {foreign}"
        );
        assert_eq!(with(foreign), [expected]);
    }
}

#[test]
fn an_address_has_one_default_server_name() {
    let zones = ["acme/a.example!", "acme/b.example!"];
    let with = |a: &str, b: &str| {
        let a = enabled("a", &format!("zones = [\"a.example\"]\ndefault_sni = \"{a}\""));
        let b = enabled("b", &format!("zones = [\"b.example\"]\ndefault_sni = \"{b}\""));
        told(&zones, &[ANYCAST, ("acme/a.toml", &a), ("acme/b.toml", &b)])
    };
    let message = "error two-default-snis: address 203.0.113.1 has different default_sni: \
                   a.example in map a and b.example in map b";
    assert_eq!(
        with("a.example", "B.example."),
        [
            format!("account acme | acme/a.toml:1:1 {message}"),
            format!("account acme | acme/b.toml:1:1 {message}"),
        ]
    );
    assert!(with("a.example", "A.example.").is_empty());
    // Of two accounts neither holds the other one.
    let mine = enabled("a", "zones = [\"a.example\"]\ndefault_sni = \"a.example\"");
    let theirs = enabled("c", "zones = [\"c.example\"]\ndefault_sni = \"c.example\"");
    let zones = ["acme/a.example!", "globex/c.example!"];
    let candidate = world(&zones, &[ANYCAST, ("acme/a.toml", &mine), ("globex/c.toml", &theirs)]);
    assert_eq!(units(&candidate), [Unit::Nothing, Unit::Nothing]);
}

fn units(world: &World) -> Vec<Unit> {
    check(world).into_iter().map(|(unit, _)| unit).collect()
}
