//! Instructions per answer, by kind of answer, counted by callgrind and held in `benches/instructions.toml`.
//!
//! `cargo bench --bench instructions` fails where a count rose by more than 3 %, and says so where one fell;
//! `cargo bench --bench instructions -- record` writes the counts anew. Unlike times, counts do not depend on what
//! else the machine does. They depend on the compiler, so its version stands beside them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "figures are the result")]

use std::error::Error;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use portolan::answer::{BATCH, Batch, Packet, Settings, Transport, Verdict, respond};
use portolan::compile::{Seed, compile_with};
use portolan::model::{
    AccountId, AddressMap, AnycastDefaults, Files, FoundFile, LoadedZone, MapId, MapOwner, Member,
    Membership, Place, World, ZoneContent,
};
use portolan::snapshot::Snapshot;
use portolan::wire::{Name, Rcode};
use portolan::zonefile::{ReadOptions, read_zone};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.toml");
/// A count may rise by this much before it is a fault, in percent.
const TOLERATED: f64 = 3.0;
/// Batches that are counted of each kind.
const ROUNDS: usize = 20;

/// What is counted: a name for it, the name and type asked for, whether with OPT, and what must be answered: response
/// code and records in all sections, OPT left out.
type Kind = (&'static str, &'static str, u16, bool, Rcode, u16);

const KINDS: &[Kind] = &[
    ("exact A", "host.plain.example.", 1, false, Rcode::NOERROR, 1),
    ("exact A, EDNS", "host.plain.example.", 1, true, Rcode::NOERROR, 1),
    ("exact AAAA", "host.plain.example.", 28, false, Rcode::NOERROR, 1),
    ("exact A in mixed case, EDNS", "HoSt.pLaIn.eXaMpLe.", 1, true, Rcode::NOERROR, 1),
    ("proxied A by zone map", "www.zone-map.example.", 1, false, Rcode::NOERROR, 2),
    ("proxied A by zone map, EDNS", "www.zone-map.example.", 1, true, Rcode::NOERROR, 2),
    ("proxied AAAA by zone map", "www.zone-map.example.", 28, false, Rcode::NOERROR, 2),
    ("proxied A by account map", "www.account-map.example.", 1, false, Rcode::NOERROR, 2),
    ("proxied AAAA by account map", "www.account-map.example.", 28, false, Rcode::NOERROR, 2),
    ("proxied A by defaults", "www.defaults.example.", 1, false, Rcode::NOERROR, 2),
    ("proxied AAAA by defaults", "www.defaults.example.", 28, false, Rcode::NOERROR, 2),
    ("HTTPS at a proxied name", "www.zone-map.example.", 65, false, Rcode::NOERROR, 1),
    ("NODATA", "host.plain.example.", 16, false, Rcode::NOERROR, 1),
    ("NXDOMAIN", "no.such.plain.example.", 1, false, Rcode::NXDOMAIN, 1),
    ("wildcard", "any.wild.plain.example.", 1, false, Rcode::NOERROR, 1),
    ("CNAME and its target", "alias.plain.example.", 1, false, Rcode::NOERROR, 2),
    ("chain of four CNAMEs", "c1.plain.example.", 1, false, Rcode::NOERROR, 5),
    ("referral with glue", "www.sub.plain.example.", 1, false, Rcode::NOERROR, 2),
    ("refused", "www.example.net.", 1, false, Rcode::REFUSED, 0),
    ("SOA at the apex", "plain.example.", 6, false, Rcode::NOERROR, 1),
    ("MX with addresses", "plain.example.", 15, false, Rcode::NOERROR, 2),
];

const ZONE: &str = "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ 3600 IN NS ns1\n@ 3600 IN MX 10 host2\n\
    ns1 3600 IN A 192.0.2.1\nhost 3600 IN A 192.0.2.2\nhost 3600 IN AAAA 2001:db8::2\nhost2 3600 IN A 192.0.2.3\n\
    *.wild 3600 IN A 192.0.2.4\nalias 3600 IN CNAME host\nc1 3600 IN CNAME c2\nc2 3600 IN CNAME c3\n\
    c3 3600 IN CNAME c4\nc4 3600 IN CNAME host\nsub 3600 IN NS ns1.sub\nns1.sub 3600 IN A 192.0.2.5\n\
    www 1 IN A 192.0.2.6 ; cf_tags=cf-proxied:true\n";

fn main() -> ExitCode {
    // What runs under callgrind is this program again.
    let done = match std::env::args().find(|word| word == "record" || word == "count") {
        Some(word) if word == "count" => count(),
        Some(_) => record(),
        None => check(),
    };
    done.map_or_else(
        |fault| {
            eprintln!("{fault}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// Counts under callgrind and compares.
fn check() -> Result<(), Box<dyn Error>> {
    let recorded: toml::Table = std::fs::read_to_string(RECORDED)?.parse()?;
    let (mut faults, mut report) = (0, String::new());
    for (kind, count) in counts()? {
        let before = recorded.get("instructions").and_then(|table| table.get(&kind)?.as_float());
        let change = before.map_or(f64::INFINITY, |before| 100.0 * (count / before - 1.0));
        let word = match change {
            _ if before.is_none() => "not recorded",
            _ if change > TOLERATED => "too many",
            _ if change < -TOLERATED => "fewer: record it",
            _ => "",
        };
        faults += usize::from(change > TOLERATED);
        writeln!(report, "{kind:30} {count:8.1} {change:+7.2} % {word}")?;
    }
    println!("{report}");
    let written_for = recorded.get("rustc").and_then(toml::Value::as_str).unwrap_or("?");
    let rustc = rustc()?;
    if faults != 0 && written_for != rustc {
        return Err(format!("{faults} counts differ, but they are recorded for another compiler: {written_for}, this is {rustc}. Run `cargo +{} bench --bench instructions`, or record them anew with `cargo bench --bench instructions -- record` from a commit that is known to be good", written_for.split(' ').nth(1).unwrap_or_default()).into());
    }
    if faults != 0 {
        return Err(format!("{faults} counts rose by more than {TOLERATED} %: make it leaner, or say in the commit what the instructions buy and run `cargo bench --bench instructions -- record`").into());
    }
    Ok(())
}

/// Counts under callgrind and writes the counts down.
fn record() -> Result<(), Box<dyn Error>> {
    let mut text = String::from(
        "# Instructions per answer in a batch of 32 of one kind, parsing and writing included: see benches/instructions.rs.\n",
    );
    writeln!(text, "rustc = {:?}\n\n[instructions]", rustc()?)?;
    for (kind, count) in counts()? {
        writeln!(text, "{kind:?} = {count:.1}")?;
    }
    print!("{text}");
    Ok(std::fs::write(RECORDED, text)?)
}

fn rustc() -> Result<String, Box<dyn Error>> {
    Ok(String::from_utf8(Command::new("rustc").arg("-V").output()?.stdout)?.trim().to_owned())
}

/// The instructions of an answer of each kind.
fn counts() -> Result<Vec<(String, f64)>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted*"]);
    valgrind.args(["--dump-after=*end_of_kind*"]);
    valgrind.arg(format!("--callgrind-out-file={}", folder.path().join("out").display()));
    valgrind.arg(std::env::current_exe()?).arg("count");
    let output = valgrind.output().map_err(|error| format!("valgrind cannot be run: {error}; install it"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let kinds = String::from_utf8(output.stdout)?;
    let kinds = kinds.lines().filter_map(|line| line.split_once('\t'));
    let mut counts = Vec::new();
    for (at, (answers, kind)) in kinds.enumerate() {
        let total = total(&folder.path().join(format!("out.{}", at + 1)))?;
        counts.push((kind.to_owned(), total as f64 / answers.parse::<f64>()?));
    }
    Ok(counts)
}

/// The sum of one dump of callgrind.
fn total(dump: &Path) -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string(dump).map_err(|error| format!("{}: {error}", dump.display()))?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    Ok(total.ok_or("callgrind wrote no total")?.trim().parse()?)
}

/// What runs under callgrind: answers every kind and says how many answers of it there were.
fn count() -> Result<(), Box<dyn Error>> {
    let snapshot = compile_with(&world(), 1, Seed::fixed()).snapshot;
    for kind in KINDS {
        batches(&snapshot, kind.0, &vec![packet(kind); BATCH]);
    }
    let mixed: Vec<Vec<u8>> = (0..BATCH).map(|at| packet(&KINDS[at % KINDS.len()])).collect();
    batches(&snapshot, "32 mixed", &mixed);
    batches(&snapshot, "exact A, EDNS, alone in its batch", &[packet(&KINDS[1])]);
    let (settings, packet, mut out) = (Settings::default(), packet(&KINDS[1]), [0; 4096]);
    for turn in 0..ROUNDS as u32 {
        let answer = || respond(&snapshot, &settings, &packet, Transport::Stream, turn, &mut out);
        black_box(counted(answer));
    }
    end_of_kind(ROUNDS, "exact A, EDNS, over a stream");
    Ok(())
}

fn batches(snapshot: &Snapshot, kind: &str, packets: &[Vec<u8>]) {
    let settings = Settings::default();
    let mut buffers = vec![[0; 1280]; packets.len()];
    for round in 0..ROUNDS {
        let mut batch = Batch::default();
        for (packet, buffer) in packets.iter().zip(&mut buffers) {
            buffer[..packet.len()].copy_from_slice(packet);
            batch.packets.push(Packet { buffer, len: packet.len(), verdict: None });
        }
        counted(|| batch.respond(snapshot, &settings, (round * BATCH) as u32));
        let answered = |packet: &Packet<'_>| matches!(packet.verdict, Some(Verdict::Answer(_)));
        assert!(batch.packets.iter().all(answered), "{kind}");
    }
    end_of_kind(ROUNDS * packets.len(), kind);
}

/// Callgrind counts what happens in here and nothing else.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// Callgrind writes down what it counted and begins anew.
#[inline(never)]
fn end_of_kind(answers: usize, kind: &str) {
    println!("{answers}\t{kind}");
}

fn packet(&(what, name, rtype, edns, rcode, records): &Kind) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
    packet.extend(Name::parse(name, None).expect("a name").as_wire());
    packet.extend(rtype.to_be_bytes());
    packet.extend([0, 1]);
    if edns {
        packet.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    }
    let snapshot = compile_with(&world(), 1, Seed::fixed()).snapshot;
    let mut out = [0; 4096];
    let answered = respond(&snapshot, &Settings::default(), &packet, Transport::Udp, 0, &mut out);
    let count: u16 = [6, 8, 10].map(|at| u16::from_be_bytes([out[at], out[at + 1]])).iter().sum();
    let found = answered.map(|answered| (answered.rcode, count - u16::from(edns)));
    assert_eq!(found, Some((rcode, records)), "{what}");
    packet
}

struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str, path: &str) -> Result<FoundFile, String> {
        Err(format!("file not found: {path}"))
    }
}

/// Zones that are governed by each of the levels.
fn world() -> World {
    let zone = |account: &AccountId, origin: &str| {
        let origin = Name::parse(origin, None).expect("a name");
        let (zone, found) =
            read_zone(&"zone".into(), ZONE.as_bytes(), &origin, ReadOptions::default(), &NoFiles);
        let zone = zone.unwrap_or_else(|| panic!("the zone is good: {found:?}"));
        LoadedZone { origin, account: account.clone(), content: ZoneContent::Good(Arc::new(zone)) }
    };
    let place = Place::file(&"maps.toml".into());
    let map = |id: &str, account: &AccountId, member: Member| {
        Arc::new(AddressMap {
            id: MapId::new(id).expect("an id"),
            account: account.clone(),
            description: None,
            enabled: true,
            ipv4: vec![[203, 0, 113, 1].into(), [203, 0, 113, 2].into()],
            ipv6: vec![
                "2001:db8::1".parse().expect("an address"),
                "2001:db8::2".parse().expect("an address"),
            ],
            memberships: vec![Membership { member, place: place.clone() }].into(),
            default_sni: None,
            immutable: false,
            owner: MapOwner::Operator,
            place: place.clone(),
            address_places: Default::default(),
        })
    };
    let [one, other] = ["one", "other"].map(|id| AccountId::new(id).expect("an id"));
    let zone_map = zone(&one, "zone-map.example.");
    World {
        maps: vec![
            map("zone", &one, Member::Zone(zone_map.origin.clone())),
            map("account", &other, Member::Account),
        ],
        zones: vec![
            zone_map,
            zone(&one, "plain.example."),
            zone(&one, "defaults.example."),
            zone(&other, "account-map.example."),
        ],
        anycast: Some(AnycastDefaults {
            ipv4: vec![[192, 0, 2, 10].into(), [192, 0, 2, 11].into()],
            ipv6: vec![
                "2001:db8::10".parse().expect("an address"),
                "2001:db8::11".parse().expect("an address"),
            ],
            place,
        }),
        ..World::default()
    }
}
