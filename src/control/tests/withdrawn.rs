//! 2026-02-20 again, on the ledger: a clean-up that was given everything takes the prefixes of 22 customers a minute away,
//! 1,100 of 4,306 in the end, by edits of the operator's files.

use super::*;
use crate::control::report::Why;

/// Customers, from 1 on.
const CUSTOMERS: usize = 4306;
/// Those that the clean-up takes.
const TAKEN: usize = 1100;
/// How many a minute.
const PACE: usize = 22;
/// Customers in one of the operator's files.
const PER_FILE: usize = 110;
const OPERATOR: &str = "the operator's files";

/// What the clean-up does to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Its prefix, with the bindings.
    Prefix,
    /// The binding to CDN, of which something else is left.
    Binding,
    /// The announcement.
    Announcement,
    /// The prefix and the account's own map.
    PrefixAndMap,
    /// The prefix and its map, which stand in the operator's file beside each other.
    PrefixBesideMap,
}

fn prefix(customer: usize, service: &str, advertised: bool) -> String {
    let cidr = format!("2001:db8:{customer:x}::/48");
    format!(
        "[[prefix]]\ncidr = \"{cidr}\"\naccount = \"c{customer}\"\nadvertised = {advertised}\n\
         binding = [{{ cidr = \"{cidr}\", service = \"{service}\" }}]\n"
    )
}

fn address(customer: usize) -> String {
    format!("2001:db8:{customer:x}::1")
}

fn map_of(customer: usize, rest: &str) -> String {
    map(&format!("m{customer}"), &address(customer), &format!("account_wide = true\n{rest}"))
}

/// One of the operator's files where the clean-up has come as far as `gone`.
fn operators_file(number: usize, gone: usize, takes: Takes) -> String {
    let customers = number * PER_FILE + 1..=((number + 1) * PER_FILE).min(CUSTOMERS);
    let entry = |customer: usize| {
        let beside = match takes {
            Takes::PrefixBesideMap => map_of(customer, &format!("account = \"c{customer}\"")),
            _ => String::new(),
        };
        match takes {
            _ if customer > gone => prefix(customer, "CDN", true) + &beside,
            Takes::Binding => prefix(customer, "Spectrum", true),
            Takes::Announcement => prefix(customer, "CDN", false),
            _ => String::new(),
        }
    };
    customers.map(entry).collect()
}

/// The customers' zones of five proxied names, their maps, and the operator's files.
fn place(takes: Takes, ownership: Ownership) -> Place {
    let place = Place::with(&[("addrmaps/main.toml", &anycast("192.0.2.10"))]).guarded().ownership(ownership);
    let more: String =
        (1..5).map(|name| format!("n{name} 1 IN A 198.51.100.7 ; cf_tags=cf-proxied:true\n")).collect();
    let text = zone("1") + &more;
    for customer in 1..=CUSTOMERS {
        place.write(&format!("zones/c{customer}/z{customer}.example.zone"), &text);
        if takes != Takes::PrefixBesideMap {
            place.write(&own_map(customer), &map_of(customer, ""));
        }
    }
    for number in 0..CUSTOMERS.div_ceil(PER_FILE) {
        place.write(&file(number), &operators_file(number, 0, takes));
    }
    place
}

fn own_map(customer: usize) -> String {
    format!("addrmaps/c{customer}/m.toml")
}

fn file(number: usize) -> String {
    format!("addrmaps/customers-{number}.toml")
}

/// What came of the clean-up.
struct Ended {
    server: Running,
    /// How many had been taken when the operator's files were held first, by what, and in what words.
    operator: Option<(usize, String, String)>,
    /// The same of the first account.
    account: Option<(usize, String, String)>,
}

impl Ended {
    /// Whether a customer is answered as before.
    fn stays(&self, customer: usize) -> bool {
        let answer = self.server.answer_of(&format!("n3.z{customer}.example"), RrType::AAAA);
        let own: std::net::Ipv6Addr = address(customer).parse().unwrap();
        let defaults = "NOERROR anycast_defaults 2001:db8::10";
        assert!(answer == format!("NOERROR account_map {own}") || answer == defaults, "{answer}");
        answer != defaults
    }

    fn all_stay(&self) {
        let fallen: Vec<usize> = (1..=CUSTOMERS).filter(|customer| !self.stays(*customer)).collect();
        assert!(fallen.is_empty(), "{fallen:?}");
    }
}

fn clean_up(takes: Takes, ownership: Ownership) -> Ended {
    let place = place(takes, ownership);
    let server = place.start();
    let mut ended = Ended { server, operator: None, account: None };
    assert_eq!(ended.server.held(), [""; 0]);
    ended.all_stay();
    let (mut gone, mut seen) = (0, 0);
    while gone < TAKEN {
        // What is held some minutes long stays so: then all the rest goes at once.
        let waits_for_accounts = takes == Takes::PrefixAndMap && ended.account.is_none();
        let next = if seen > 3 && !waits_for_accounts { TAKEN } else { gone + PACE };
        let mut touched: Vec<String> = Vec::new();
        let files = gone / PER_FILE..=(next - 1) / PER_FILE;
        for number in files {
            place.write(&file(number), &operators_file(number, next, takes));
            touched.push(file(number));
        }
        if takes == Takes::PrefixAndMap {
            for customer in gone + 1..=next {
                place.remove(&own_map(customer));
                touched.push(own_map(customer));
            }
        }
        gone = next;
        ended.server.engine.clock.ahead += 60;
        let touched: Vec<&str> = touched.iter().map(String::as_str).collect();
        ended.server.follow_paths(&place, &touched);
        let held = ended.server.engine.held();
        seen += usize::from(!held.is_empty());
        for held in held {
            let first = match held.unit.as_str() {
                OPERATOR => &mut ended.operator,
                _ => &mut ended.account,
            };
            let problem = &held.problems[0];
            first.get_or_insert_with(|| (gone, problem.code.clone(), problem.message.clone()));
            let is_guard = problem.code.starts_with("guard-");
            assert_eq!((held.why == Why::Guard, held.digest.is_some()), (is_guard, is_guard), "{held:?}");
        }
    }
    ended
}

/// Under `enforce` the first entry that goes under a map that serves by it is one too many.
#[test]
fn an_entry_in_use_is_never_taken_away_under_enforce() {
    let ended = clean_up(Takes::Prefix, Ownership::Enforce);
    let (gone, code, message) = ended.operator.as_ref().expect("held");
    assert_eq!((*gone, code.as_str()), (PACE, "ledger-in-use"), "{message}");
    assert!(
        message.starts_with("map m1 of account c1 (")
            && message
                .ends_with(") serves an address that would be in no prefix of the ledger: 2001:db8:1::1"),
        "{message}"
    );
    assert_eq!((ended.account.is_none(), ended.server.held()), (true, vec![OPERATOR.to_owned()]));
    ended.all_stay();
    assert_eq!(ended.server.engine.books.operator.ledger.ledger().prefixes.len(), CUSTOMERS);
}

/// The same where only what they are bound to changes: traffic would go to another service.
#[test]
fn a_binding_in_use_is_never_changed_under_enforce() {
    let ended = clean_up(Takes::Binding, Ownership::Enforce);
    let (gone, code, message) = ended.operator.as_ref().expect("held");
    assert_eq!((*gone, code.as_str()), (PACE, "ledger-in-use"), "{message}");
    assert!(
        message.ends_with(
            " serves an address that would be in 2001:db8:1::/48, bound to Spectrum and not to CDN: 2001:db8:1::1"
        ),
        "{message}"
    );
    ended.all_stay();
}

/// What the guard says when the tenth step takes the thousandth name.
fn by_the_guard(ended: &Ended, why: &str) {
    let (gone, code, message) = ended.operator.as_ref().expect("held");
    // Five names each: 198 customers are 990, and 220 are 1,100.
    assert_eq!((*gone, code.as_str()), (220, "guard-ledger-names"), "{message}");
    assert_eq!(
        *message,
        format!(
            "1100 names in 220 zones are answered with addresses that would lose their entry in the ledger, or be \
             withdrawn: 2001:db8:1::1 of map m1 of account c1 ({}), 2001:db8:a::1 of map m10 of account c10 ({}), \
             2001:db8:64::1 of map m100 of account c100 ({}) and 217 more; within an hour, this change and those \
             before it together",
            why.replace('#', "1"),
            why.replace('#', "a"),
            why.replace('#', "64")
        )
    );
}

/// Where the ledger only warns, answers do not follow it; what they hang on is held before the next tool acts on it.
#[test]
fn where_the_ledger_warns_the_guard_holds_it() {
    for (takes, why) in [
        (Takes::Prefix, "in no prefix of the ledger"),
        (Takes::Binding, "in 2001:db8:#::/48, bound to Spectrum and not to CDN"),
    ] {
        let ended = clean_up(takes, Ownership::Warn);
        by_the_guard(&ended, why);
        assert_eq!((ended.account.is_none(), ended.server.held()), (true, vec![OPERATOR.to_owned()]));
        ended.all_stay();
    }
}

/// To withdraw a prefix is not an error: answers go on, and so nothing but the guard stands against it.
#[test]
fn announcements_are_withdrawn_up_to_the_limit() {
    let ended = clean_up(Takes::Announcement, Ownership::Enforce);
    by_the_guard(&ended, "in prefix 2001:db8:#::/48, which is not announced");
    ended.all_stay();
}

/// Nobody looks at the ledger: answers do not hang on it.
#[test]
fn where_nobody_looks_answers_stay() {
    let ended = clean_up(Takes::Prefix, Ownership::Off);
    assert_eq!((&ended.operator, &ended.account), (&None, &None));
    ended.all_stay();
    assert_eq!(ended.server.engine.books.operator.ledger.ledger().prefixes.len(), CUSTOMERS - TAKEN);
}

/// A tool that takes the maps as well: the ledger is held at the tenth step, the maps at the twentieth, for a tenth of
/// all addresses would be gone.
#[test]
fn maps_that_go_with_their_prefixes_are_held_at_a_tenth() {
    for ownership in [Ownership::Enforce, Ownership::Off] {
        let ended = clean_up(Takes::PrefixAndMap, ownership);
        match ownership {
            Ownership::Off => assert_eq!(ended.operator, None),
            _ => by_the_guard(&ended, "in no prefix of the ledger"),
        }
        let (gone, code, message) = ended.account.as_ref().expect("held");
        // 10 % of 4,306 addresses are 430.6.
        assert_eq!((*gone, code.as_str()), (440, "guard-addresses-gone"), "{message}");
        assert!(
            message.starts_with(
                "440 of 4306 addresses (10 %) would leave service: 2001:db8:1::1, 2001:db8:2::1, "
            ) && message.contains(" and 437 more; within an hour"),
            "{message}"
        );
        let stay: Vec<bool> = (1..=CUSTOMERS).map(|customer| ended.stays(customer)).collect();
        assert_eq!(stay.iter().position(|stays| *stays), Some(418), "the twentieth step and all after it");
        assert!(stay[418..].iter().all(|stays| *stays));
    }
}

/// Where the maps stand beside the prefixes they stay with them.
#[test]
fn maps_beside_their_prefixes_are_held_with_them() {
    let ended = clean_up(Takes::PrefixBesideMap, Ownership::Enforce);
    by_the_guard(&ended, "in no prefix of the ledger");
    let stay: Vec<bool> = (1..=CUSTOMERS).map(|customer| ended.stays(customer)).collect();
    assert_eq!(stay.iter().position(|stays| *stays), Some(198), "the tenth step and all after it");
    assert!(stay[198..].iter().all(|stays| *stays));
}

/// Whoever takes the map first and its prefix a little later is no better than one who takes both.
#[test]
fn what_left_within_the_hour_is_looked_at_as_well() {
    let zones = [("zones/c1/z1.example.zone", zone("1")), ("zones/c2/z2.example.zone", zone("1"))];
    let maps = [(own_map(1), map_of(1, "")), (own_map(2), map_of(2, ""))];
    let main = ("addrmaps/main.toml", anycast("192.0.2.10"));
    let ledger = |customers: &[usize]| -> String {
        customers.iter().map(|customer| prefix(*customer, "CDN", true)).collect()
    };
    let mut place = Place::with(&[(main.0, &main.1), ("addrmaps/ledger.toml", &ledger(&[1, 2]))]);
    for (path, text) in &zones {
        place.write(path, text);
    }
    for (path, text) in &maps {
        place.write(path, text);
    }
    place.rules.guards = Guards { ledger_names: 0, ..NO_GUARDS };
    let mut server = place.start();
    place.remove(&own_map(1));
    server.publishes();
    place.write("addrmaps/ledger.toml", &ledger(&[2]));
    server.engine.clock.ahead += 60;
    server.follow();
    assert_eq!(server.why(OPERATOR), ["guard-ledger-names"]);
    let message = server.engine.held()[0].problems[0].message.clone();
    assert!(
        message.starts_with("1 name in 1 zone is answered") && message.contains("within an hour"),
        "{message}"
    );
    // An hour later nobody is answered from it.
    server.engine.clock.ahead += 3600;
    server.publishes();
    // What comes back is not taken away; what only goes elsewhere within the prefix is.
    place.write("addrmaps/ledger.toml", &ledger(&[1, 2]));
    server.publishes();
    place.write(&own_map(2), &map_of(2, "").replace("::1\"", "::2\""));
    server.publishes();
    place.write("addrmaps/ledger.toml", &ledger(&[1]));
    server.follow();
    assert_eq!(server.why(OPERATOR), ["ledger-in-use"]);
}
