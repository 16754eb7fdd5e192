//! Ordinary zones, asked of Portolan and of NSD, Knot and BIND: what the three agree on holds for Portolan.
//!
//! Run it by `tests/interop/run.sh`. With `PORTOLAN_INTEROP=peers` the three are compared with each other and with
//! the plain lookup only.

#![allow(clippy::print_stdout, reason = "the summary is the result")]

#[allow(dead_code, reason = "shared with the integration tests")]
#[path = "../it/oracle.rs"]
mod oracle;
mod replace;
mod servers;
#[allow(dead_code, reason = "shared with the integration tests")]
#[path = "../it/support/mod.rs"]
mod support;
#[allow(dead_code, reason = "shared with the integration tests")]
#[path = "../it/worlds.rs"]
mod worlds;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use portolan::answer::Transport;
use portolan::model::{Record, World, ZoneContent, ZoneData};
use portolan::wire::Header;
use portolan::wire::reader::{Message, Section};
use portolan::wire::{Name, Rcode, RrType};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::servers::Server;
use crate::support::ask::{Ask, Opt, read_both};
use crate::support::name;
use crate::support::row::{Row, Rows, lines};
use crate::worlds::{ORDINARY, names, worlds};

/// The least number of queries of one run.
const QUERIES: usize = 20_000;
/// How many worlds are served side by side, each below a name of its own.
const WORLDS: usize = 32;
/// Every so many queries one goes over TCP.
const TCP_EVERY: usize = 8;
/// Most differences that are printed: where the peers agree, and where they do not.
const SHOWN: [usize; 2] = [20, 5];

const TYPES: &[RrType] = &[
    RrType::A,
    RrType::AAAA,
    RrType::CNAME,
    RrType::NS,
    RrType::SOA,
    RrType::DNAME,
    RrType::MX,
    RrType::TXT,
    RrType::SRV,
    RrType::SVCB,
    RrType::DS,
    RrType(65280),
];

/// What is compared of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    rcode: Rcode,
    aa: bool,
    answer: Rows,
    authority: Rows,
}

#[test]
#[ignore = "needs NSD, Knot and BIND: tests/interop/run.sh"]
fn the_peers_and_portolan_agree() {
    let generated = generate();
    let zones: Vec<&ZoneData> = generated.iter().flat_map(good_zones).collect();
    let mut peers = servers::peers(&zones);
    let mut portolan =
        (std::env::var("PORTOLAN_INTEROP").as_deref() != Ok("peers")).then(|| servers::portolan(&zones));
    let mut tally = Tally::default();
    for world in &generated {
        let origins: Vec<&Name> = world.zones.iter().map(|zone| &zone.origin).collect();
        for name in names(world) {
            if !origins.iter().any(|origin| name.is_at_or_below(origin)) {
                continue;
            }
            for &qtype in TYPES {
                compare(world, &name, qtype, &mut peers, portolan.as_mut(), &mut tally);
            }
        }
    }
    tally.print();
    assert!(tally.queries >= QUERIES, "only {} queries", tally.queries);
    assert!(tally.tcp > QUERIES / TCP_EVERY / 2, "only {} queries over TCP", tally.tcp);
    assert_eq!(
        (tally.differences, tally.of_the_lookup),
        (0, 0),
        "differences where the peers agree, or from the plain lookup"
    );
}

fn good_zones(world: &World) -> impl Iterator<Item = &ZoneData> {
    world.zones.iter().filter_map(|zone| match &zone.content {
        ZoneContent::Good(data) => Some(&**data),
        ZoneContent::Faulty => None,
    })
}

/// Ordinary worlds, each below `w<number>.`, all of its zones in one account.
fn generate() -> Vec<World> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[0x49; 32]);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let world = |number: usize| {
        let mut spec = worlds(ORDINARY).new_tree(&mut runner).expect("a world").current();
        spec.zones.iter_mut().for_each(|zone| zone.account = 0);
        let mut world = spec.build(&name(&format!("w{number}.")));
        leave_out_what_is_ours_alone(&mut world);
        world
    };
    (0..WORLDS).map(world).collect()
}

/// Other servers take no CNAME at the apex; NSD nothing below a DNAME, be it in another zone; BIND no zone whose own
/// name servers have no address in it.
fn leave_out_what_is_ours_alone(world: &mut World) {
    let origins: Vec<Name> = world.zones.iter().map(|zone| zone.origin.clone()).collect();
    let below = |name: &Name, dname: &Name| name != dname && name.is_at_or_below(dname);
    let redirects = |record: &Record| {
        record.rtype == RrType::DNAME && !origins.iter().any(|origin| below(origin, &record.owner))
    };
    let owners = good_zones(world).flat_map(|data| data.records.iter().filter(|record| redirects(record)));
    let dnames: Vec<Name> = owners.map(|record| record.owner.clone()).collect();
    for zone in &mut world.zones {
        let ZoneContent::Good(data) = &mut zone.content else { continue };
        Arc::make_mut(data).records.retain(|record| {
            (record.rtype != RrType::DNAME || redirects(record))
                && (record.owner != zone.origin || stands_at_any_apex(record, &zone.origin))
                && !dnames.iter().any(|dname| below(&record.owner, dname))
        });
    }
}

fn stands_at_any_apex(record: &Record, origin: &Name) -> bool {
    match record.rtype {
        RrType::CNAME => false,
        RrType::NS => !Name::from_wire(&record.rdata).is_ok_and(|target| target.is_at_or_below(origin)),
        _ => true,
    }
}

#[derive(Default)]
struct Tally {
    queries: usize,
    tcp: usize,
    differences: usize,
    of_the_lookup: usize,
    peers_disagree: usize,
    alone: usize,
    beyond_the_limit: usize,
    shown: [usize; 2],
    kinds: BTreeMap<String, usize>,
}

impl Tally {
    fn print(&self) {
        println!(
            "interop: {} queries, {} over TCP, {} differences, {} where the peers disagree",
            self.queries, self.tcp, self.differences, self.peers_disagree,
        );
        println!(
            "  the plain lookup differs {} times; {} loops and chains beyond the limit of links are SERVFAIL here; where the peers \
             disagree, Portolan is with none of them {} times",
            self.of_the_lookup, self.beyond_the_limit, self.alone,
        );
        for (kind, count) in &self.kinds {
            println!("  {count:6} {kind}");
        }
    }

    fn show(&mut self, agreed: bool, text: impl FnOnce() -> String) {
        let at = usize::from(!agreed);
        self.shown[at] += 1;
        if self.shown[at] <= SHOWN[at] {
            println!("{}", text());
        }
    }
}

fn compare(
    world: &World,
    name: &Name,
    qtype: RrType,
    peers: &mut [Server],
    portolan: Option<&mut Server>,
    tally: &mut Tally,
) {
    let expected = oracle::expect(world, name, qtype);
    let beyond_the_limit = expected.rcode == Some(Rcode::SERVFAIL);
    let origin = &oracle::zone_for(world, name, qtype).expect("the name is in a zone").origin;
    let mut ask = Ask::new(name.clone(), qtype);
    ask.opt = Some(Opt { size: 1232, dnssec_ok: false });
    ask.id = tally.queries as u16;
    ask.transport = if tally.queries.is_multiple_of(TCP_EVERY) { Transport::Stream } else { Transport::Udp };
    let mut over_tcp = ask.transport == Transport::Stream;
    let mut seen_of = |server: &mut Server| {
        let mut message = exchange(server, &ask);
        if message.header.flags & Header::TC != 0 {
            over_tcp = true;
            message = exchange(server, &Ask { transport: Transport::Stream, ..ask.clone() });
        }
        seen(&message, origin)
    };
    let theirs: Vec<Seen> = peers.iter_mut().map(&mut seen_of).collect();
    let ours = portolan.map(&mut seen_of);
    tally.queries += 1;
    tally.tcp += usize::from(over_tcp);

    let lookup = Seen {
        rcode: expected.rcode.expect("the lookup ends"),
        aa: expected.aa,
        answer: canonical(expected.answer),
        authority: canonical(expected.authority),
    };
    let agreed = theirs.iter().all(|seen| *seen == theirs[0]);
    if beyond_the_limit {
        // A loop, or more aliases than are followed: decided by ourselves.
        tally.beyond_the_limit += 1;
        tally.differences += usize::from(ours.is_some_and(|ours| ours.rcode != Rcode::SERVFAIL));
        return;
    }
    if !agreed {
        tally.peers_disagree += 1;
        let with: Vec<&str> = peers
            .iter()
            .zip(&theirs)
            .filter(|(_, seen)| **seen == lookup)
            .map(|(peer, _)| peer.name)
            .collect();
        *tally.kinds.entry(format!("disagreements, the plain lookup with {with:?}")).or_default() += 1;
    }
    let lookup_differs = if agreed { lookup != theirs[0] } else { !theirs.contains(&lookup) };
    // Where the peers disagree, the plain lookup decides.
    let portolan_differs =
        ours.as_ref().is_some_and(|ours| ours != if agreed { &theirs[0] } else { &lookup });
    let alone = ours.as_ref().is_some_and(|ours| !theirs.contains(ours));
    tally.of_the_lookup += usize::from(agreed && lookup_differs);
    tally.differences += usize::from(portolan_differs);
    tally.alone += usize::from(!agreed && alone);
    let judged_by_the_lookup = ours.is_none() && lookup_differs;
    if judged_by_the_lookup || portolan_differs || (agreed && lookup_differs) {
        tally.show(agreed, || {
            let mut text =
                format!("{name} {qtype}, zone {origin}{}\n", if agreed { "" } else { ", peers disagree" });
            let named = peers.iter().map(|peer| peer.name).zip(&theirs);
            for (who, seen) in
                named.chain([("the plain lookup", &lookup)]).chain(ours.iter().map(|o| ("Portolan", o)))
            {
                let _ = write!(
                    text,
                    "  {who}: {} aa={}\n{}      --\n{}",
                    seen.rcode,
                    seen.aa,
                    lines(&seen.answer),
                    lines(&seen.authority),
                );
            }
            text
        });
    }
}

fn exchange(server: &mut Server, ask: &Ask) -> Message {
    let reply = server.exchange(&ask.packet(), ask.transport);
    let message = read_both(&reply)
        .unwrap_or_else(|fault| panic!("{}: {} {}: {fault}", server.name, ask.name, ask.qtype));
    assert_eq!(message.header.id, ask.id, "{}: {} {}", server.name, ask.name, ask.qtype);
    message
}

fn seen(message: &Message, origin: &Name) -> Seen {
    let rows = |section| canonical(message.section(section).map(Row::from).collect());
    let (answer, authority) = (rows(Section::Answer), rows(Section::Authority));
    let authority = match message.rcode() {
        // The zone's own NS set may be added or left out.
        Rcode::NOERROR => authority.into_iter().filter(|row| !is_apex_ns(row, origin, &answer)).collect(),
        _ => authority,
    };
    Seen { rcode: message.rcode(), aa: message.header.flags & Header::AA != 0, answer, authority }
}

fn is_apex_ns(row: &Row, origin: &Name, answer: &Rows) -> bool {
    row.rtype == RrType::NS && !answer.is_empty() && (row.name() == *origin || origin.is_root())
}

/// Rows with the names in their RDATA in lower case.
fn canonical(rows: Rows) -> Rows {
    rows.into_iter().map(Row::with_lower_names).collect()
}
