//! The published conformance data: zones and queries with the answers on which other servers agreed.
//!
//! The data lies beside the project (`../shared/conformance`, or where `PORTOLAN_CONFORMANCE` says); without it
//! there is nothing to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use portolan::answer::Settings;
use portolan::compile::compile;
use portolan::model::diagnostic::has_errors;
use portolan::model::{AccountId, AccountSettings, LoadedZone, NoFiles, World, ZoneContent};
use portolan::snapshot::Snapshot;
use portolan::wire::reader::Section;
use portolan::wire::{Name, Rcode, RrType};
use portolan::zonefile::{ReadOptions, read_zone};
use serde_json::Value;

use crate::support::ask::{Ask, Opt, Reply};
use crate::support::row::{Row, Rows, lines};
use crate::support::{name, rdata};

#[test]
fn ferret_sample() {
    conforms("ferret-sample.tar.gz", 2000);
}

#[test]
fn rfc_4592_examples() {
    conforms("rfc4592.tar.gz", 1);
}

fn data_folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("PORTOLAN_CONFORMANCE").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn conforms(archive: &str, zones: usize) {
    let Some(folder) = data_folder() else {
        println!("skipped: no conformance data; PORTOLAN_CONFORMANCE names its folder");
        return;
    };
    let unpacked = tempfile::tempdir().expect("a temporary folder");
    let mut tar = Command::new("tar");
    tar.arg("xzf").arg(folder.join(archive)).arg("-C").arg(unpacked.path());
    assert!(tar.status().expect("tar runs").success(), "cannot unpack {archive}");
    let mut files = Vec::new();
    collect(unpacked.path(), &mut files);

    let mut misses = Vec::new();
    let world = load(&files, &mut misses);
    assert_eq!(world.zones.len(), zones, "zones of {archive}");
    let snapshot = compile(&world, 1).snapshot;
    let (mut asked, mut judged) = (0, 0);
    for file in files.iter().filter(|file| file.ends_with("queries.jsonl")) {
        for line in fs::read_to_string(file).expect("queries can be read").lines() {
            let query: Value = serde_json::from_str(line).expect("one object a line");
            asked += 1;
            judged += usize::from(query.get("expected").is_some());
            misses.extend(miss(&snapshot, &query));
        }
    }
    println!(
        "{archive}: {zones} zones, {asked} queries, {judged} with an answer to meet, {} misses",
        misses.len()
    );
    assert!(asked > 0, "no queries in {archive}");
    assert!(misses.is_empty(), "{} misses in {archive}:\n{}", misses.len(), misses.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// All zones in one world, their origins from the file names.
fn load(files: &[PathBuf], misses: &mut Vec<String>) -> World {
    let mut world = World::default();
    let account = AccountId::default_account();
    world.accounts.insert(account.clone(), AccountSettings::new(account.clone()));
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "zone")) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a file name in UTF-8");
        let origin = Name::parse(stem, Some(&Name::root())).expect("a file named by its origin");
        let file: Arc<str> = path.to_string_lossy().into();
        let content = fs::read(path).expect("a zone can be read");
        let (zone, diagnostics) = read_zone(&file, &content, &origin, ReadOptions::default(), &NoFiles);
        let content = match zone {
            Some(zone) if !has_errors(&diagnostics) => ZoneContent::Good(Arc::new(zone)),
            _ => {
                let said: Vec<String> = diagnostics
                    .iter()
                    .map(|d| format!("  {} {}: {}", d.place, d.severity, d.message))
                    .collect();
                misses.push(format!("zone {origin} is valid but was refused:\n{}", said.join("\n")));
                ZoneContent::Faulty
            }
        };
        world.zones.push(LoadedZone { origin, account: account.clone(), content });
    }
    world
}

/// What is wrong with the answer to one query, if anything is.
fn miss(snapshot: &Snapshot, query: &Value) -> Option<String> {
    let text = |key: &str| query[key].as_str().expect("a text");
    let mut ask = Ask::new(name(text("qname")), text("qtype").parse().expect("a type"));
    ask.recursion_desired = query["rd"] == true;
    ask.opt = (query["edns"] == true).then_some(Opt { size: 1232, dnssec_ok: false });
    let reply = match ask.of(snapshot, &Settings::default()) {
        Ok(reply) => reply,
        Err(fault) => return Some(format!("{} {}: {fault}", text("id"), text("qname"))),
    };
    let expected = query.get("expected")?;
    let origin = name(text("zone"));
    let rcode: Rcode = expected["rcode"].as_str()?.parse().expect("a response code");
    let answer = parse_rows(&expected["answer"]);
    let authority = without_apex_ns(parse_rows(&expected["authority"]), &origin);
    let same = reply.message.rcode() == rcode
        && expected["aa"] == reply.is_authoritative()
        && rows(&reply, Section::Answer) == answer
        && without_apex_ns(rows(&reply, Section::Authority), &origin) == authority;
    (!same).then(|| {
        format!(
            "{} {} {} of zone {origin}\n  expected {rcode} aa={}\n{}   authority\n{}  answered {} aa={}\n{}   authority\n{}",
            text("id"),
            ask.name,
            ask.qtype,
            expected["aa"],
            lines(&answer),
            lines(&authority),
            reply.message.rcode(),
            reply.is_authoritative(),
            lines(&rows(&reply, Section::Answer)),
            lines(&rows(&reply, Section::Authority)),
        )
    })
}

fn rows(reply: &Reply, section: Section) -> Rows {
    reply.message.section(section).map(Row::from).collect()
}

/// The zone's own NS set may be added or left out.
fn without_apex_ns(mut rows: Rows, origin: &Name) -> Rows {
    rows.retain(|row| row.rtype != RrType::NS || row.name() != *origin);
    rows
}

fn parse_rows(records: &Value) -> Rows {
    records
        .as_array()
        .expect("a list")
        .iter()
        .map(|record| parse_row(record.as_str().expect("a text")))
        .collect()
}

/// One record in presentation form, of the few types that the data has.
fn parse_row(line: &str) -> Row {
    let mut fields = line.splitn(5, ' ');
    let mut next = || fields.next().expect("owner, TTL, class, type and data");
    let (owner, ttl, _class, rtype, data) = (name(next()), next(), next(), next(), next());
    let rtype: RrType = rtype.parse().expect("a type");
    let words: Vec<&str> = data.split(' ').collect();
    let number = |at: usize| words[at].parse::<u32>().expect("a number");
    let rdata = match rtype {
        RrType::A => rdata::a(data.parse().expect("an address")),
        RrType::AAAA => rdata::aaaa(data.parse().expect("an address")),
        RrType::NS | RrType::CNAME | RrType::DNAME => rdata::one_name(&name(data)),
        RrType::MX => rdata::mx(number(0) as u16, &name(words[1])),
        RrType::SRV => rdata::srv(number(0) as u16, number(1) as u16, number(2) as u16, &name(words[3])),
        RrType::TXT => {
            let strings: Vec<&[u8]> = data.split('"').skip(1).step_by(2).map(str::as_bytes).collect();
            rdata::txt(&strings)
        }
        RrType::SOA => {
            let mut rdata = [name(words[0]).as_wire(), name(words[1]).as_wire()].concat();
            rdata.extend((2..7).flat_map(|at| number(at).to_be_bytes()));
            rdata
        }
        _ => panic!("the data has no {rtype}"),
    };
    Row::new(&owner, rtype, ttl.parse().expect("a TTL"), &rdata)
}
