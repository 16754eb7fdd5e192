//! The ledger: which maps may come under it, and which of its entries may not go.

use super::*;

/// A prefix with a default binding.
fn bound(cidr: &str, account: &str, service: &str, rest: &str) -> String {
    format!(
        "[[prefix]]\ncidr = \"{cidr}\"\naccount = \"{account}\"\n\
         binding = [{{ cidr = \"{cidr}\", service = \"{service}\" }}]\n{rest}\n"
    )
}

fn prefix(cidr: &str, account: &str, rest: &str) -> String {
    bound(cidr, account, "CDN", rest)
}

const GLOBEX: &str = "[[prefix]]\ncidr = \"198.51.100.0/24\"\naccount = \"globex\"\n\
                      binding = [{ cidr = \"198.51.100.0/24\", service = \"CDN\" }]\n";

/// What is served at first: a prefix each, and globex may use a part of acme's.
fn ledger() -> String {
    let delegation = "delegation = [{ cidr = \"203.0.113.64/26\", account = \"globex\" }]";
    let lease = "[[static_ips]]\naccount = \"acme\"\nmap = \"leased\"\nips = [\"192.0.2.200\"]\n";
    prefix("203.0.113.0/24", "acme", delegation) + GLOBEX + lease
}

fn acme(address: &str) -> String {
    map("a", address, "zones = [\"one.example\"]")
}

pub(super) fn fleet() -> Place {
    Place::with(&[
        ("zones/acme/one.example.zone", &zone("1")),
        ("zones/acme/two.example.zone", &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("addrmaps/any.toml", &anycast("192.0.2.1")),
        ("addrmaps/ledger.toml", &ledger()),
        ("addrmaps/acme/m.toml", &acme("203.0.113.1")),
        ("addrmaps/acme/leased.toml", &map("leased", "192.0.2.200", "zones = [\"two.example\"]")),
        ("addrmaps/globex/m.toml", &map("g", "203.0.113.65", "account_wide = true")),
    ])
}

fn answers(server: &Running) -> [String; 3] {
    ["www.one.example", "www.two.example", "www.four.example"]
        .map(|name| server.a(name).rsplit(' ').next().unwrap_or_default().to_owned())
}

const AT_FIRST: [&str; 3] = ["203.0.113.1", "192.0.2.200", "203.0.113.65"];
const OPERATOR: &str = "the operator's files";

/// The problems that a unit is held for, with place and hint.
fn told(server: &Running, unit: &str) -> Vec<String> {
    let held = server.engine.held().into_iter().filter(|held| held.unit == unit);
    let place = |problem: &Problem| {
        let file = problem.file.rsplit('/').next().unwrap_or_default();
        format!("{file}:{} {}: {}", problem.line, problem.code, problem.message)
    };
    held.flat_map(|held| held.problems).map(|problem| place(&problem)).collect()
}

fn warnings(change: &Change) -> Vec<String> {
    change.problems.iter().map(|problem| format!("{}: {}", problem.code, problem.message)).collect()
}

#[test]
fn an_account_comes_with_its_own_addresses_only() {
    let delegating = format!("{GLOBEX}delegation = [{{ cidr = \"198.51.100.9/32\", account = \"acme\" }}]\n");
    for (address, then) in [
        ("198.51.100.9", ledger().replace(GLOBEX, &delegating)),
        ("192.0.2.77", ledger() + &prefix("192.0.2.77/32", "acme", "")),
    ] {
        let place = fleet();
        let mut server = place.start();
        assert_eq!((answers(&server), server.held()), (AT_FIRST.map(String::from), vec![]));
        place.write("addrmaps/acme/m.toml", &acme(address));
        place.write("zones/globex/four.example.zone", &zone("2"));
        server.follow();
        assert_eq!(server.held(), ["account acme"], "{address}");
        assert_eq!(server.why("account acme"), ["ineligible-address"]);
        assert_eq!(answers(&server), AT_FIRST);
        assert_eq!(server.version("four.example"), "NOERROR 2", "nobody waits for it");
        // A restart changes nothing, before the files are looked at and after.
        drop(server);
        let mut server = place.start();
        assert_eq!(answers(&server), AT_FIRST);
        server.follow();
        assert_eq!(
            (server.held(), answers(&server)),
            (vec!["account acme".into()], AT_FIRST.map(String::from))
        );
        // The operator makes it its own.
        place.write("addrmaps/ledger.toml", &then);
        server.follow_paths(&place, &["addrmaps/ledger.toml"]);
        assert_eq!(server.held(), [""; 0]);
        assert_eq!(answers(&server)[0], address);
    }
}

#[test]
fn a_disabled_map_is_prepared_and_told_what_it_lacks() {
    let place = fleet();
    let mut server = place.start();
    let prepared =
        map("b", "198.51.100.9", "zones = [\"one.example\"]").replace("enabled = true", "enabled = false");
    place.write("addrmaps/acme/b.toml", &prepared);
    let change = server.publishes();
    let expected = "ineligible-address: an address may not serve in map b once that is enabled, \
                    it is in another account's prefix: 198.51.100.9";
    assert_eq!(warnings(&change), [expected]);
    // It is not told again with every change of the account.
    place.write("addrmaps/acme/m.toml", &acme("203.0.113.2"));
    let again = warnings(&server.publishes());
    assert!(!again.iter().any(|told| told.contains("ineligible")), "{again:?}");
    place.write("addrmaps/acme/m.toml", "");
    place.write("addrmaps/acme/b.toml", &prepared.replace("false", "true"));
    server.follow();
    assert_eq!(server.why("account acme"), ["ineligible-address"]);
    assert_eq!(answers(&server)[0], "203.0.113.2");
}

/// Each takes away by what acme's, or globex's, map serves; the entry stays until the map is gone.
#[test]
fn an_entry_in_use_stays() {
    let delegation = "delegation = [{ cidr = \"203.0.113.64/26\", account = \"globex\" }]";
    let acme = prefix("203.0.113.0/24", "acme", delegation);
    let binding = "[{ cidr = \"203.0.113.0/24\", service = \"CDN\" }]";
    let parts = "[{ cidr = \"203.0.113.0/24\", service = \"CDN\" }, { cidr = \"203.0.113.0/28\", service = \"Spectrum\" }]";
    let a = "map a of account acme (m.toml:4:8) serves an address that would be";
    let g = "map g of account globex (m.toml:4:8) serves an address that would be";
    let leased = "map leased of account acme (leased.toml:4:8) serves an address that would be";
    let lease = "[[static_ips]]\naccount = \"acme\"\nmap = \"leased\"\nips = [\"192.0.2.200\"]\n";
    let was = ledger();
    for (without, expected, map) in [
        (
            was.replace(&acme, &prefix("203.0.113.64/26", "acme", delegation)),
            format!("ledger.toml:0 ledger-in-use: {a} in no prefix of the ledger: 203.0.113.1"),
            "acme/m",
        ),
        (
            was.replace(delegation, &format!("{delegation}\napproved = false")),
            format!("ledger.toml:2 ledger-in-use: {a} in prefix 203.0.113.0/24, which is not approved: 203.0.113.1"),
            "both",
        ),
        (
            was.replace(binding, parts),
            format!("ledger.toml:4 ledger-in-use: {a} in 203.0.113.0/28, bound to Spectrum and not to CDN: 203.0.113.1"),
            "acme/m",
        ),
        (
            was.replace(delegation, &delegation.replace("64/26", "128/26")),
            format!("ledger.toml:2 ledger-in-use: {g} in another account's prefix: 203.0.113.65"),
            "globex/m",
        ),
        (
            was.replace(delegation, ""),
            format!("ledger.toml:2 ledger-in-use: {g} in another account's prefix: 203.0.113.65"),
            "globex/m",
        ),
        (
            was.replace(&acme, &acme.replace("account = \"acme\"", "account = \"hooli\"")),
            format!("ledger.toml:2 ledger-in-use: {a} in another account's prefix: 203.0.113.1"),
            "acme/m",
        ),
        (
            was.replace(lease, ""),
            format!("ledger.toml:0 ledger-in-use: {leased} in no prefix of the ledger: 192.0.2.200"),
            "acme/leased",
        ),
        (
            was.replace(lease, &lease.replace("leased\"", "other\"")),
            format!("ledger.toml:10 ledger-in-use: {leased} leased for map other and no other: 192.0.2.200"),
            "acme/leased",
        ),
        (
            was.replace(lease, &lease.replace("acme", "globex")),
            format!("ledger.toml:10 ledger-in-use: {leased} leased to another account: 192.0.2.200"),
            "acme/leased",
        ),
        (
            was.replace(lease, &lease.replace(".200", ".201")),
            format!("ledger.toml:10 ledger-in-use: {leased} not leased, as all addresses of this map are: 192.0.2.200 and 1 more"),
            "acme/leased",
        ),
        (
            was.replace(lease, &lease.replace(".200\"", ".200\", \"192.0.2.201\"")),
            "ledger.toml:10 ledger-in-use: map leased of account acme (leased.toml:1:1) is served without an address \
             leased for it: 192.0.2.201"
                .into(),
            "acme/leased",
        ),
    ] {
        let maps = match map {
            "both" => vec!["addrmaps/acme/m.toml", "addrmaps/globex/m.toml"],
            map => vec![&*format!("addrmaps/{map}.toml").leak()],
        };
        let place = fleet();
        let mut server = place.start();
        place.write("addrmaps/ledger.toml", &without);
        place.write("zones/globex/four.example.zone", &zone("2"));
        server.follow();
        assert_eq!(server.held(), [OPERATOR], "{without}");
        let top = format!("{}/addrmaps/", place.path("zones").with_file_name("").display().to_string().trim_end_matches('/'));
        let short = |line: String| line.replace(&top, "").replace("(acme/", "(").replace("(globex/", "(");
        let found: Vec<String> = told(&server, OPERATOR).into_iter().map(short).collect();
        assert_eq!(found[0], expected);
        assert_eq!(found.len(), maps.len(), "{found:?}");
        assert_eq!((answers(&server), server.version("four.example")), (AT_FIRST.map(String::from), "NOERROR 2".into()));
        // What the old ledger lets through still comes.
        place.write("addrmaps/acme/more.toml", &map_without_members("more", "203.0.113.3"));
        server.follow();
        assert_eq!(server.held(), [OPERATOR]);
        place.remove("addrmaps/acme/more.toml");
        // Once the maps are gone it passes by itself.
        maps.iter().for_each(|map| place.remove(map));
        server.follow_paths(&place, &[&maps[..], &["addrmaps/acme/more.toml"]].concat());
        assert_eq!(server.held(), [""; 0], "{without}");
        assert!(server.engine.is_in_sync());
        // And both together at once.
        let place = fleet();
        let mut server = place.start();
        place.write("addrmaps/ledger.toml", &without);
        maps.iter().for_each(|map| place.remove(map));
        server.publishes();
    }
}

fn map_without_members(id: &str, address: &str) -> String {
    map(id, address, "")
}

/// Of a map and an entry that change in one go, whoever could not have come alone is held, and the other one passes.
#[test]
fn of_two_that_do_not_go_together_one_is_held() {
    // A prefix goes, and a map moves within it.
    let place = fleet();
    let mut server = place.start();
    let narrower = prefix(
        "203.0.113.64/26",
        "acme",
        "delegation = [{ cidr = \"203.0.113.64/26\", account = \"globex\" }]",
    );
    let rest = ledger().split_once(GLOBEX).unwrap().1.to_owned();
    place.write("addrmaps/ledger.toml", &(narrower.clone() + GLOBEX + &rest));
    place.write("addrmaps/acme/m.toml", &acme("203.0.113.2"));
    server.follow();
    assert_eq!((server.held(), &*answers(&server)[0]), (vec![OPERATOR.to_owned()], "203.0.113.2"));
    assert_eq!(server.why(OPERATOR), ["ledger-in-use"]);
    // The map moves to where it may be: then the operator's change comes as well.
    place.write("addrmaps/acme/m.toml", &acme("203.0.113.70"));
    server.publishes();
    assert_eq!(answers(&server)[0], "203.0.113.70");

    // Nobody may hold the operator by moving in while the operator clears out.
    let place = fleet();
    let mut server = place.start();
    place.write("addrmaps/acme/leased.toml", "");
    server.publishes();
    place.write(
        "addrmaps/ledger.toml",
        &(prefix(
            "203.0.113.0/25",
            "acme",
            "delegation = [{ cidr = \"203.0.113.64/26\", account = \"globex\" }]",
        ) + GLOBEX),
    );
    place.write("addrmaps/acme/m.toml", &acme("203.0.113.200"));
    server.follow();
    assert_eq!((server.held(), &*answers(&server)[0]), (vec!["account acme".to_owned()], "203.0.113.1"));
    assert_eq!(server.why("account acme"), ["ineligible-address"]);
    assert_eq!(server.engine.books.operator.ledger.ledger().prefixes[0].cidr.to_string(), "203.0.113.0/25");

    // A prefix comes with the map that uses it.
    place.write("addrmaps/ledger.toml", &(ledger() + &prefix("192.0.2.0/28", "acme", "")));
    place.write("addrmaps/acme/m.toml", &acme("192.0.2.9"));
    server.publishes();
    assert_eq!(answers(&server)[0], "192.0.2.9");
}

#[test]
fn a_map_that_the_operator_writes_holds_its_account() {
    let place = fleet();
    let mut server = place.start();
    place.write("addrmaps/more.toml", &operators_map("more", "acme", "198.51.100.9", ""));
    server.follow();
    assert_eq!(
        (server.held(), server.why("account acme")),
        (vec!["account acme".to_owned()], vec!["ineligible-address".to_owned()])
    );
    // In the ledger's own file as well, and that moves on without the account.
    place.remove("addrmaps/more.toml");
    place.write(
        "addrmaps/ledger.toml",
        &(ledger() + &operators_map("more", "acme", "192.0.2.9", "") + &prefix("10.0.0.0/8", "hooli", "")),
    );
    server.follow();
    assert_eq!(server.held(), ["account acme"]);
    assert_eq!(server.why("account acme"), ["ineligible-address"]);
    assert_eq!(server.engine.books.operator.ledger.ledger().prefixes.len(), 3);
    place.write("addrmaps/ledger.toml", &(ledger() + &operators_map("more", "acme", "203.0.113.9", "")));
    server.publishes();
}

#[test]
fn an_unsound_ledger_holds_the_operator() {
    let place = fleet();
    let mut server = place.start();
    for (more, code) in [
        (prefix("203.0.113.0/25", "globex", ""), "overlapping-prefixes"),
        (prefix("203.0.0.0/16", "acme", ""), "overlapping-prefixes"),
        (prefix("192.0.2.0/24", "acme", ""), "leased-in-prefix"),
        ("[[static_ips]]\naccount = \"acme\"\nmap = \"x\"\nips = [\"192.0.2.200\"]\n".into(), "leased-twice"),
        (prefix("10.0.0.1/8", "acme", ""), "host-bits"),
    ] {
        place.write("addrmaps/more.toml", &more);
        server.follow();
        assert_eq!((server.held().contains(&OPERATOR.to_owned()), &*server.why(OPERATOR)[0]), (true, code));
        assert_eq!(answers(&server), AT_FIRST);
        place.remove("addrmaps/more.toml");
        server.follow();
        assert_eq!(server.held(), [""; 0]);
    }
}

#[test]
fn a_ledger_does_not_vanish() {
    for how in ["file", "folder", "entries", "restart"] {
        let place = fleet();
        let mut server = place.start();
        match how {
            "entries" => place.write("addrmaps/ledger.toml", "# nothing\n"),
            _ => place.remove("addrmaps/ledger.toml"),
        }
        if how == "folder" {
            place.rename("addrmaps/any.toml", "addrmaps/other.toml");
        }
        if how == "restart" {
            drop(server);
            server = place.start();
        }
        server.follow();
        assert!(
            server.why(OPERATOR).contains(&"ledger-gone".to_owned()),
            "{how}: {:?}",
            told(&server, OPERATOR)
        );
        assert_eq!(answers(&server), AT_FIRST);
        place.write("addrmaps/acme/m.toml", &acme("198.51.100.9"));
        server.follow();
        assert_eq!(server.why("account acme"), ["ineligible-address"], "what is served still counts: {how}");
        place.write("addrmaps/acme/m.toml", &acme("203.0.113.2"));
        place.write("addrmaps/ledger.toml", &ledger());
        server.publishes();
        assert_eq!(answers(&server)[0], "203.0.113.2");
    }
    // Where nobody enforces it it may go; with "warn" that is told.
    for (ownership, expected) in [(Ownership::Warn, &["ledger-gone"][..]), (Ownership::Off, &[])] {
        let place = fleet().ownership(ownership);
        let mut server = place.start();
        place.remove("addrmaps/ledger.toml");
        let codes: Vec<String> =
            server.publishes().problems.into_iter().map(|problem| problem.code).collect();
        assert_eq!(codes, expected);
        assert!(server.engine.books.operator.ledger.ledger().is_empty());
    }
}

#[test]
fn other_rules_warn_or_look_away() {
    for (ownership, expected) in [(Ownership::Warn, 1), (Ownership::Off, 0)] {
        let place = fleet().ownership(ownership);
        let mut server = place.start();
        place.write("addrmaps/acme/m.toml", &acme("198.51.100.9"));
        let change = server.publishes();
        let count = |change: &Change, code| change.problems.iter().filter(|found| found.code == code).count();
        assert_eq!(count(&change, "ineligible-address"), expected);
        assert_eq!(answers(&server)[0], "198.51.100.9");
        place.write("addrmaps/ledger.toml", &(prefix("203.0.113.0/24", "acme", "") + GLOBEX));
        let change = server.publishes();
        assert_eq!(count(&change, "ineligible-address"), 2 * expected, "globex and the lease: {change:?}");
        // Once it is enforced, what is served stays, and nothing is held for it.
        drop(server);
        let place = Place { rules: Rules::default(), ..place };
        let mut server = place.start();
        assert_eq!(answers(&server)[0], "198.51.100.9");
        place.write("addrmaps/acme/other.toml", &map_without_members("other", "203.0.113.9"));
        place.write("addrmaps/ledger.toml", &(bound("203.0.113.0/24", "acme", "CDN", "asn = 7") + GLOBEX));
        server.publishes();
        place.write("addrmaps/acme/m.toml", &acme("198.51.100.10"));
        server.follow();
        assert_eq!(server.why("account acme"), ["ineligible-address"]);
    }
}

#[test]
fn what_is_withdrawn_is_told_and_served() {
    let place = fleet();
    let mut server = place.start();
    let text = ledger().replacen("account = \"acme\"\n", "account = \"acme\"\nadvertised = false\n", 1);
    place.write("addrmaps/ledger.toml", &text);
    let told = |map| {
        format!("withdrawn-prefix: map {map} has addresses of a prefix that is not announced: 203.0.113.0/24")
    };
    assert_eq!(warnings(&server.publishes()), [told("a"), told("g")]);
    assert_eq!(answers(&server), AT_FIRST);
}

#[test]
fn the_first_ledger_covers_all_maps() {
    let place = fleet();
    place.remove("addrmaps/ledger.toml");
    let mut server = place.start();
    assert_eq!((answers(&server), server.held()), (AT_FIRST.map(String::from), vec![]));
    place.write("addrmaps/ledger.toml", GLOBEX);
    server.follow();
    assert_eq!(server.held(), [OPERATOR]);
    assert_eq!(told(&server, OPERATOR).len(), 3, "each map by itself");
    assert_eq!(server.why(OPERATOR), ["ledger-in-use"]);
    place.write("addrmaps/ledger.toml", &ledger());
    server.publishes();
}

#[test]
fn at_first_an_account_without_right_is_not_served() {
    let place = fleet();
    place.write("addrmaps/acme/m.toml", &acme("198.51.100.9"));
    let mut server = place.start();
    assert_eq!(server.a("www.one.example"), "SERVFAIL");
    assert_eq!(&*answers(&server)[2], AT_FIRST[2]);
    assert_eq!(server.why("account acme"), ["ineligible-address"]);
    place.write("addrmaps/acme/m.toml", &acme("203.0.113.1"));
    server.follow();
    assert_eq!((answers(&server), server.held()), (AT_FIRST.map(String::from), vec![]));
}

#[test]
fn explain_tells_by_what_an_address_serves() {
    let place = fleet();
    let server = place.start();
    let name = Name::parse("www.four.example", Some(&Name::root())).unwrap();
    let told = |rtype| {
        let explained = server.engine.explain(&name, rtype);
        let turns = explained.turns.into_iter();
        turns.flat_map(|turn| turn.addresses).map(|told| (told.eligible, told.text)).collect::<Vec<_>>()
    };
    let text = "in 203.0.113.64/26, delegated from prefix 203.0.113.0/24 of account acme, bound to CDN";
    assert_eq!(told(RrType::A), [(true, text.to_owned())]);
    assert_eq!(told(RrType::AAAA), []);
}
