//! The answers of generated worlds, each compared with the plain lookup over records.

use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use portolan::answer::{Settings, Transport};
use portolan::compile::compile;
use portolan::model::{AddressSource, AnycastDefaults, Place, World};
use portolan::snapshot::Snapshot;
use portolan::wire::reader::Section;
use portolan::wire::{Name, Rcode, RrType};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::batches;
use crate::oracle::{self, Expected};
use crate::support::ask::{Ask, Opt, Reply};
use crate::support::row::{Row, Rows, lines};
use crate::support::zone::Zone;
use crate::support::{name, rdata, text};
use crate::worlds::{FULL, LABELS, names, worlds};

/// The least number of questions of one run.
const QUERIES: u64 = 200_000;
/// How many worlds a run looks at.
const WORLDS: u32 = 100;

/// The types asked of every name; the meta types and an unknown one among them.
const TYPES: &[RrType] = &[
    RrType::A,
    RrType::AAAA,
    RrType::CNAME,
    RrType::NS,
    RrType::SOA,
    RrType::DNAME,
    RrType::MX,
    RrType::SRV,
    RrType::TXT,
    RrType::SVCB,
    RrType::HTTPS,
    RrType::DS,
    RrType::CAA,
    RrType(65280),
    RrType::ANY,
    RrType::AXFR,
];

#[test]
fn answers_agree_with_the_plain_lookup() {
    let number = |variable: &str| std::env::var(variable).ok().and_then(|value| value.parse::<u32>().ok());
    let cases = number("PORTOLAN_ORACLE_WORLDS").unwrap_or(WORLDS);
    let seed = number("PORTOLAN_ORACLE_SEED").unwrap_or(0x50);
    let config = Config { cases, failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    let seed: Vec<u8> = seed.to_be_bytes().repeat(8);
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let coverage = RefCell::new(Coverage::default());
    let result = runner.run(&worlds(FULL), |spec| {
        let world = spec.build(&Name::root());
        let snapshot = compile(&world, 1).snapshot;
        for query in queries(&world) {
            compare(&world, &snapshot, &query, &mut coverage.borrow_mut()).map_err(TestCaseError::fail)?;
        }
        let packets: Vec<Vec<u8>> = queries(&world).map(|query| query.packet()).collect();
        batches::disagreement(&snapshot, &packets).map_or(Ok(()), |fault| Err(TestCaseError::fail(fault)))?;
        Ok(())
    });
    match result {
        Ok(()) => coverage.into_inner().holds(),
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(TestError::Abort(reason)) => panic!("aborted: {reason}"),
    }
}

/// Chains that end just within and just beyond the limit, by CNAME, by DNAME and through the apex.
#[test]
fn the_limit_of_links_is_exact() {
    let origin = name("example.");
    let apex = Zone::new("example.");
    for length in [1, 15, 16, 17, 18] {
        let mut chain = apex.clone();
        let mut redirects = apex.clone();
        let mut flattened = apex.clone();
        for link in 0..length {
            let owner = |prefix: &str, at: u32| name(&format!("{prefix}{at}.example."));
            chain.add(&owner("c", link), RrType::CNAME, rdata::one_name(&owner("c", link + 1)));
            redirects.add(&owner("d", link), RrType::DNAME, rdata::one_name(&owner("d", link + 1)));
        }
        chain.add(&name(&format!("c{length}.example.")), RrType::A, vec![192, 0, 2, 1]);
        redirects.add(&name(&format!("a.d{length}.example.")), RrType::A, vec![192, 0, 2, 1]);
        flattened.records.extend(chain.records[2..].iter().cloned());
        flattened.add(&origin, RrType::CNAME, rdata::one_name(&name("c0.example.")));
        for (zone, asked) in [(chain, "c0.example."), (redirects, "a.d0.example."), (flattened, "example.")] {
            let world = zone.world();
            let snapshot = compile(&world, 1).snapshot;
            for qtype in [RrType::A, RrType::AAAA, RrType::CNAME, RrType::TXT] {
                let query = Ask::new(name(asked), qtype);
                compare(&world, &snapshot, &query, &mut Coverage::default())
                    .unwrap_or_else(|report| panic!("{length} links: {report}"));
            }
        }
    }
    let links = |length: u32| {
        let mut zone = apex.clone();
        for link in 0..length {
            let target = name(&format!("c{}.example.", link + 1));
            zone.add(&name(&format!("c{link}.example.")), RrType::CNAME, rdata::one_name(&target));
        }
        zone.add(&name(&format!("c{length}.example.")), RrType::A, vec![192, 0, 2, 1]);
        oracle::expect(&zone.world(), &name("c0.example."), RrType::A).rcode
    };
    assert_eq!((links(16), links(17)), (Some(Rcode::NOERROR), Some(Rcode::SERVFAIL)));
}

/// Whatever the turn, an address set is answered whole, and the first of the answer changes.
#[test]
fn rotation_turns_the_order_and_nothing_else() {
    let mut zone = Zone::new("example.");
    zone.add(&name("www.example."), RrType::A, vec![203, 0, 113, 1]);
    zone.records.last_mut().expect("just added").tags.proxied = Some(true);
    for count in [1, 2, 3, 16] {
        let mut world = zone.world();
        world.anycast = Some(AnycastDefaults {
            ipv4: (1..=count).map(|last| [10, 0, 0, last].into()).collect(),
            ipv6: vec!["2001:db8::1".parse().expect("an address")],
            place: Place::file(&"maps.toml".into()),
        });
        let snapshot = compile(&world, 1).snapshot;
        let mut firsts = BTreeSet::new();
        for turn in 0..u32::from(count) * 2 {
            let query = Ask { turn, ..Ask::new(name("www.example."), RrType::A) };
            compare(&world, &snapshot, &query, &mut Coverage::default())
                .unwrap_or_else(|report| panic!("{report}"));
            let reply = query.of(&snapshot, &Settings::default()).expect("it was compared");
            firsts.insert(reply.message.records[0].rdata.clone());
            let fixed = Settings { rotate: false, ..Settings::default() };
            let reply = query.of(&snapshot, &fixed).expect("a reply");
            assert_eq!(*reply.message.records[0].rdata, [10, 0, 0, 1], "rotation is off");
        }
        assert_eq!(firsts.len(), usize::from(count), "every address of {count} comes first in turn");
    }
}

/// A DNAME that a chain passes twice, or that is asked for behind itself, stands in the answer once.
#[test]
fn a_set_stands_once_in_an_answer() {
    let mut zone = Zone::new("example.");
    zone.add(&name("d.example."), RrType::DNAME, rdata::one_name(&name("example.")));
    zone.add(&name("a.example."), RrType::A, vec![192, 0, 2, 1]);
    let world = zone.world();
    let snapshot = compile(&world, 1).snapshot;
    for (asked, qtype) in
        [("a.d.d.example.", RrType::A), ("d.d.example.", RrType::DNAME), ("d.d.d.example.", RrType::DNAME)]
    {
        let query = Ask::new(name(asked), qtype);
        compare(&world, &snapshot, &query, &mut Coverage::default())
            .unwrap_or_else(|report| panic!("{report}"));
    }
}

/// Answers of more than 16 KiB, further than a compression pointer reaches (RFC 1035 section 4.1.4), and up to the
/// most that a message holds.
#[test]
fn large_answers_are_whole_or_truncated() {
    for count in [100_u16, 700, 1500, 3000] {
        let mut zone = Zone::new("example.");
        let mut cut = Vec::new();
        for number in 0..count {
            let target = name(&format!("a-mail-exchanger-{number}.example."));
            let server = name(&format!("a-name-server-{number}.sub.example."));
            let address = [vec![192, 0], number.to_be_bytes().to_vec()].concat();
            zone.add(&name("many.example."), RrType::MX, rdata::mx(number, &target));
            zone.add(&name("many.example."), RrType::SRV, rdata::srv(1, 1, number, &target));
            zone.add(&target, RrType::A, address.clone());
            zone.add(&name("sub.example."), RrType::NS, rdata::one_name(&server));
            cut.push((server, address));
        }
        for (server, address) in cut {
            zone.add(&server, RrType::A, address);
        }
        let world = zone.world();
        let compiled = compile(&world, 1);
        if !compiled.too_large.is_empty() {
            continue;
        }
        for (asked, qtype) in [
            ("many.example.", RrType::MX),
            ("many.example.", RrType::SRV),
            ("sub.example.", RrType::NS),
            ("a.sub.example.", RrType::A),
        ] {
            for transport in [Transport::Stream, Transport::Udp] {
                let opt = Some(Opt { size: 4096, dnssec_ok: false });
                let query = Ask { transport, opt, ..Ask::new(name(asked), qtype) };
                let expected = oracle::expect(&world, &query.name, qtype);
                let reply = query.of(&compiled.snapshot, &Settings::default());
                let reply = reply.unwrap_or_else(|fault| {
                    panic!("{count} {asked} {qtype}: {}", &fault[..200.min(fault.len())])
                });
                if reply.is_truncated() {
                    // Glue is found by pointers to its name server, so a referral ends where they do.
                    let reach =
                        if expected.glue.is_empty() { query.limit() } else { query.limit().min(0x3fff) };
                    let rows = expected.answer.len() + expected.authority.len();
                    assert!(rows * 35 > reach, "{count} {asked} {qtype} {transport:?}: TC");
                    continue;
                }
                assert_eq!(reply.rows(Section::Answer), Ok(expected.answer), "{count} {asked} {qtype}");
                assert_eq!(reply.rows(Section::Authority), Ok(expected.authority), "{count} {asked} {qtype}");
                let additional = reply.rows(Section::Additional).expect("no record twice");
                assert!(expected.glue.is_subset(&additional), "{count} {asked} {qtype}: glue");
                assert_eq!(additional_faults(&world, &query, &additional), Vec::<String>::new());
            }
        }
    }
}

/// How often each kind of answer was met, so that no kind is lost from the generator unseen.
#[derive(Default)]
struct Coverage {
    queries: u64,
    kinds: BTreeMap<&'static str, u64>,
}

impl Coverage {
    /// The kinds that a run must meet, each this often at least.
    const KINDS: &[&str] = &[
        "alias of an alias",
        "below a DNAME",
        "chain into a mapped name",
        "glue",
        "mapped by account map",
        "mapped by anycast defaults",
        "mapped by immutable map",
        "mapped by zone map",
        "no data",
        "NXDOMAIN",
        "NXDOMAIN behind an alias",
        "referral",
        "referral behind an alias",
        "REFUSED",
        "SERVFAIL",
        "truncated",
        "YXDOMAIN",
    ];
    const AT_LEAST: u64 = 30;

    fn count(&mut self, expected: &Expected, reply: &Reply) {
        self.queries += 1;
        let aliases = expected.answer.iter().filter(|row| row.rtype == RrType::CNAME).count();
        let of_authority = |rtype: RrType| expected.authority.iter().any(|row| row.rtype == rtype);
        let referral = of_authority(RrType::NS);
        let is = |rcode: Rcode| expected.rcode == Some(rcode);
        let source = reply.answered.source;
        for (kind, met) in [
            ("alias of an alias", aliases > 1),
            ("below a DNAME", aliases > 0 && expected.answer.iter().any(|row| row.rtype == RrType::DNAME)),
            ("chain into a mapped name", aliases > 0 && source.is_some()),
            ("glue", !expected.glue.is_empty()),
            ("mapped by account map", source == Some(AddressSource::AccountMap)),
            ("mapped by anycast defaults", source == Some(AddressSource::AnycastDefaults)),
            ("mapped by immutable map", source == Some(AddressSource::ImmutableMap)),
            ("mapped by zone map", source == Some(AddressSource::ZoneMap)),
            ("no data", is(Rcode::NOERROR) && of_authority(RrType::SOA)),
            ("NXDOMAIN", is(Rcode::NXDOMAIN)),
            ("NXDOMAIN behind an alias", is(Rcode::NXDOMAIN) && aliases > 0),
            ("referral", referral && aliases == 0),
            ("referral behind an alias", referral && aliases > 0),
            ("REFUSED", is(Rcode::REFUSED)),
            ("SERVFAIL", is(Rcode::SERVFAIL)),
            ("truncated", reply.is_truncated()),
            ("YXDOMAIN", is(Rcode::YXDOMAIN)),
        ] {
            *self.kinds.entry(kind).or_default() += u64::from(met);
        }
    }

    fn holds(&self) {
        println!("{} queries agree", self.queries);
        for (kind, count) in &self.kinds {
            println!("  {count:8} {kind}");
        }
        assert!(self.queries >= QUERIES, "only {} queries", self.queries);
        let rare = Coverage::KINDS
            .iter()
            .find(|kind| self.kinds.get(*kind).is_none_or(|met| *met < Coverage::AT_LEAST));
        assert!(rare.is_none(), "hardly ever met: {}", rare.expect("there is one"));
    }
}

/// Every name with every type, in a case, over a transport and with a size that follow from both.
fn queries(world: &World) -> impl Iterator<Item = Ask> {
    let deeper = |name: &Name| LABELS[name.as_wire().len() % LABELS.len()];
    let names = names(world).into_iter().flat_map(move |name| {
        let below = name.child(deeper(&name)).and_then(|child| child.child(b"a")).ok();
        [Some(name), below].into_iter().flatten()
    });
    names.flat_map(|name| TYPES.iter().map(move |&qtype| ask(&name, qtype)))
}

fn ask(name: &Name, qtype: RrType) -> Ask {
    let mut hasher = DefaultHasher::new();
    (name, qtype).hash(&mut hasher);
    let dice = hasher.finish();
    let mut ask = Ask::new(in_another_case(name, dice), qtype);
    ask.id = dice as u16;
    ask.turn = (dice >> 16) as u32 % 7;
    ask.recursion_desired = dice & 0x100 != 0;
    ask.transport = if dice & 0x200 != 0 { Transport::Udp } else { Transport::Stream };
    ask.opt = (dice & 0x400 != 0).then_some(Opt { size: 1232, dnssec_ok: dice & 0x800 != 0 });
    ask
}

/// The same name, the case of each letter by one bit.
fn in_another_case(name: &Name, bits: u64) -> Name {
    let mut wire = name.as_wire().to_vec();
    let mut at = 0;
    while wire[at] != 0 {
        let end = at + 1 + usize::from(wire[at]);
        for (index, octet) in wire[at + 1..end].iter_mut().enumerate() {
            if octet.is_ascii_alphabetic() && bits >> ((at + index) % 64) & 1 != 0 {
                *octet ^= 0x20;
            }
        }
        at = end;
    }
    Name::from_wire(&wire).expect("only letters changed")
}

/// Compares one answer; the error shows the world, the query and both answers.
fn compare(world: &World, snapshot: &Snapshot, ask: &Ask, coverage: &mut Coverage) -> Result<(), String> {
    let expected = oracle::expect(world, &ask.name, ask.qtype);
    let asked = catch_unwind(AssertUnwindSafe(|| ask.of(snapshot, &Settings::default())));
    let reply = asked.unwrap_or_else(|_| Err("panics".to_owned()));
    let faults = match &reply {
        Err(fault) => vec![fault.clone()],
        Ok(reply) => {
            coverage.count(&expected, reply);
            faults(world, snapshot, ask, &expected, reply)
        }
    };
    if faults.is_empty() {
        return Ok(());
    }
    let mut report = format!("{} {} {:?} {:?}\n", ask.name, ask.qtype, ask.transport, ask.opt);
    for fault in faults {
        report += &format!("  * {fault}\n");
    }
    let rcode = expected.rcode.map_or_else(|| "?".to_owned(), |rcode| rcode.to_string());
    report += &format!("  expected: {rcode} aa={}\n", expected.aa);
    report +=
        &format!("    answer\n{}    authority\n{}", lines(&expected.answer), lines(&expected.authority));
    report += &format!("    additional at least\n{}", lines(&expected.glue));
    if let Ok(reply) = &reply {
        report += &format!(
            "  answered: {} aa={} tc={} {:?}\n",
            reply.message.rcode(),
            reply.is_authoritative(),
            reply.is_truncated(),
            reply.answered.source,
        );
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            let rows = reply.message.section(section).map(Row::from).collect();
            report += &format!("    {section:?}\n{}", lines(&rows));
        }
    }
    Err(report + "  in this world:\n" + &text::world(world))
}

fn faults(world: &World, snapshot: &Snapshot, ask: &Ask, expected: &Expected, reply: &Reply) -> Vec<String> {
    if reply.is_truncated() {
        return truncation_faults(snapshot, ask, reply);
    }
    let mut faults = Vec::new();
    let sections: Result<Vec<Rows>, String> = [Section::Answer, Section::Authority, Section::Additional]
        .map(|at| reply.rows(at))
        .into_iter()
        .collect();
    let [answer, authority, additional] = match sections.map(<[Rows; 3]>::try_from) {
        Ok(Ok(sections)) => sections,
        Ok(Err(_)) => return vec!["three sections".to_owned()],
        Err(fault) => return vec![fault],
    };
    if Some(reply.message.rcode()) != expected.rcode {
        faults.push("rcode differs".to_owned());
    } else if expected.rcode == Some(Rcode::SERVFAIL) {
        if answer.iter().any(|row| row.rtype.is_address()) {
            faults.push("addresses in a SERVFAIL".to_owned());
        }
    } else {
        for (what, differs) in [
            ("AA", reply.is_authoritative() != expected.aa),
            ("answer", answer != expected.answer),
            ("authority", authority != expected.authority),
            ("glue", !expected.glue.is_subset(&additional)),
        ] {
            faults.extend(differs.then(|| format!("{what} differs")));
        }
    }
    faults.extend(additional_faults(world, ask, &additional));
    faults
}

/// An empty answer with TC is right only where the whole answer is too long.
fn truncation_faults(snapshot: &Snapshot, ask: &Ask, reply: &Reply) -> Vec<String> {
    let mut faults = Vec::new();
    let whole = Ask { transport: Transport::Stream, ..ask.clone() };
    match whole.of(snapshot, &Settings::default()) {
        Err(fault) => faults.push(fault),
        Ok(whole) if whole.bytes.len() <= ask.limit() => faults.push("TC where all of it fits".to_owned()),
        Ok(whole) if whole.message.rcode() != reply.message.rcode() => {
            faults.push("TC changes the rcode".to_owned());
        }
        Ok(_) => {}
    }
    if reply.message.records.iter().any(|record| record.rtype != RrType::OPT) {
        faults.push("records in an answer with TC".to_owned());
    }
    faults
}

/// Whatever stands in the additional section is a whole set of addresses that its owner really has.
fn additional_faults(world: &World, ask: &Ask, additional: &Rows) -> Vec<String> {
    let mut faults = Vec::new();
    let account = oracle::zone_for(world, &ask.name, ask.qtype).map(|zone| &zone.account);
    let sets: BTreeSet<(Box<[u8]>, RrType)> =
        additional.iter().map(|row| (row.owner.clone(), row.rtype)).collect();
    for (owner, rtype) in sets {
        let rows: Rows =
            additional.iter().filter(|row| row.owner == owner && row.rtype == rtype).cloned().collect();
        let first = rows.first().expect("a set has a record");
        let true_sets = account
            .filter(|_| rtype.is_address())
            .map_or_else(Vec::new, |account| oracle::true_addresses(world, account, &first.name(), rtype));
        if !true_sets.contains(&rows) {
            faults.push(format!("additional is not what its owner has: {first}"));
        }
    }
    faults
}
