//! The golden suites of `tests/golden/`: what they hold and how it is written stands in its README.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use client::dns::{Ask, Edns, Reply};
use client::server::{Server, portolan};
use client::{entries, present, root, text};

/// How often a question with `+turns` is asked.
const TURNS: usize = 64;
/// Cases at work at a time.
const THREADS: usize = 4;

#[test]
fn answers() {
    let asked = Mutex::new(0);
    run_all("tests/golden/answers", |case| {
        let queries = queries(&text(&case.join("queries.txt")));
        let server = Server::start(case);
        let by_tcp: Vec<Expected> = queries.iter().filter_map(Expected::by_tcp).collect();
        let asked_for = || queries.iter().chain(&by_tcp);
        let faults: Vec<String> = asked_for().filter_map(|query| query.ask(server.address)).collect();
        server.stop();
        *asked.lock().unwrap() += asked_for().count();
        faults
    });
    let asked = asked.into_inner().unwrap();
    assert!(asked > 500, "only {asked} questions were asked");
}

#[test]
fn diagnostics() {
    let bless = std::env::var_os("PORTOLAN_BLESS").is_some_and(|bless| bless == "1");
    run_all("tests/golden/diagnostics", |case| {
        let output = portolan().current_dir(case).arg("check").output().unwrap();
        let code = output.status.code().map_or_else(|| "none".into(), |code| code.to_string());
        let mut found = String::from_utf8(output.stdout).unwrap();
        if !output.stderr.is_empty() {
            write!(found, "--- stderr\n{}", String::from_utf8_lossy(&output.stderr)).unwrap();
        }
        writeln!(found, "exit {code}").unwrap();
        let path = case.join("expected.txt");
        if bless {
            std::fs::write(&path, &found).unwrap();
        }
        let name = case.file_name().unwrap().to_str().unwrap();
        let mut faults = Vec::new();
        if !found.contains(&format!("[{name}]")) {
            faults.push(format!("does not tell {name}:\n{found}"));
        } else if found != std::fs::read_to_string(&path).unwrap_or_default() {
            faults.push(format!("differs from expected.txt:\n{found}"));
        }
        faults
    });
}

/// Codes whose files would have to be very large; unit tests hold them.
const WITHOUT_CASE: [&str; 2] = ["file-too-large", "rdata-too-long"];

/// Every code that the manual explains has a case, and no case is left over.
#[test]
fn every_diagnostic_has_a_case() {
    let manual = entries(&root().join("src/manual")).into_iter().filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("diagnostics"))
    });
    let told: BTreeSet<String> =
        manual.flat_map(|path| text(&path).lines().filter_map(code_of_row).collect::<Vec<_>>()).collect();
    let cases = entries(&root().join("tests/golden/diagnostics")).into_iter();
    let cases: BTreeSet<String> =
        cases.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let missing = told.difference(&cases).filter(|code| !WITHOUT_CASE.contains(&code.as_str()));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "no case in tests/golden/diagnostics: {missing:?}");
    let unknown: Vec<_> = cases.difference(&told).collect();
    assert!(unknown.is_empty(), "not explained in src/manual: {unknown:?}");
}

/// The code in the first cell of a row of the manual's tables.
fn code_of_row(line: &str) -> Option<String> {
    let (code, rest) = line.strip_prefix("| `")?.split_once('`')?;
    rest.starts_with(" |").then(|| code.to_owned())
}

/// Runs all cases of a folder, and tells the faults of all of them.
fn run_all(folder: &str, run: impl Fn(&Path) -> Vec<String> + Sync) {
    let cases = Mutex::new(entries(&root().join(folder)).into_iter().filter(|path| path.is_dir()));
    let faults = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next: Option<PathBuf> = cases.lock().unwrap().next();
            let Some(case) = next else { break };
            let name = case.file_name().unwrap().to_string_lossy().into_owned();
            let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&case)));
            let found = found.unwrap_or_else(|_| vec!["panicked, see above".into()]);
            faults.lock().unwrap().extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What is expected of the order of addresses.
#[derive(PartialEq)]
enum Order {
    /// Nothing.
    Free,
    /// Each stands first in some answer.
    Turns,
    /// Always as written.
    Fixed,
}

/// A question of `queries.txt` and what is expected.
struct Expected {
    title: String,
    ask: Ask,
    order: Order,
    lines: Vec<String>,
}

/// Reads `queries.txt`.
fn queries(text: &str) -> Vec<Expected> {
    let mut queries: Vec<Expected> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("> ") {
            Some(question) => queries.push(question_of(question)),
            None => queries.last_mut().expect("a question comes first").lines.push(line.to_owned()),
        }
    }
    assert!(!queries.is_empty());
    queries
}

fn question_of(line: &str) -> Expected {
    let mut words = line.split_whitespace();
    let name = words.next().expect("a name");
    let rtype = words.next().and_then(present::type_code).unwrap_or_else(|| panic!("no type: {line}"));
    let mut ask = Ask::new(name, rtype);
    let mut order = Order::Free;
    for word in words {
        let (option, value) = word.split_once('=').unwrap_or((word, ""));
        let edns = || Edns { size: 1232, ..ask.edns.unwrap_or_default() };
        match option {
            "+edns" => ask.edns = Some(Edns { size: value.parse().unwrap(), ..edns() }),
            "+edns-version" => ask.edns = Some(Edns { version: value.parse().unwrap(), ..edns() }),
            "+do" => ask.edns = Some(Edns { dnssec: true, ..ask.edns.unwrap_or_else(edns) }),
            "+class" => ask.class = present::class_code(value).expect("a class"),
            "+opcode" => ask.opcode = value.parse().unwrap(),
            "+rd" => ask.recursion = true,
            "+tcp" => ask.tcp = true,
            "+response" => ask.response = true,
            "+turns" => order = Order::Turns,
            "+fixed" => order = Order::Fixed,
            _ => panic!("unknown option {word}: {line}"),
        }
    }
    Expected { title: line.to_owned(), ask, order, lines: Vec::new() }
}

impl Expected {
    /// The same by the other way. What is cut for a datagram has a question `+tcp` of its own; turns are those of UDP
    /// alone, where no other client comes between.
    fn by_tcp(&self) -> Option<Expected> {
        let is_cut = self.lines.iter().any(|line| line.split(' ').any(|word| word == "tc"));
        let ask = Ask { tcp: true, ..self.ask.clone() };
        let again = || Expected {
            title: format!("{} (by TCP)", self.title),
            ask,
            order: Order::Free,
            lines: self.lines.clone(),
        };
        (!self.ask.tcp && !is_cut).then(again)
    }

    /// Asks, and tells what differs.
    fn ask(&self, to: SocketAddr) -> Option<String> {
        let reply = self.ask.send(to);
        let mut found = self.lines_of(reply.as_ref());
        let mut expected = self.lines.clone();
        for lines in [&mut found, &mut expected] {
            // Names are compared without regard to case; the order inside of a section is free, that of links is not
            // tested here.
            lines.iter_mut().for_each(|line| *line = line.to_ascii_lowercase());
            lines.sort();
        }
        if found != expected {
            let written = self.lines.join("\n  ");
            let answered = self.lines_of(reply.as_ref()).join("\n  ");
            return Some(format!("> {}\n expected\n  {written}\n answered\n  {answered}", self.title));
        }
        if let (Some(reply), Some(edns)) = (&reply, self.ask.edns) {
            let opt = reply.opt.as_ref().expect("was compared");
            if (opt.size, opt.version, opt.dnssec) != (1232, 0, edns.dnssec) {
                return Some(format!("> {}\n wrong OPT: {opt:?}", self.title));
            }
        }
        (self.order != Order::Free).then(|| self.take_turns(to)).flatten()
    }

    /// Asks many times, A and AAAA in turn as clients do, and looks at the record that comes first.
    fn take_turns(&self, to: SocketAddr) -> Option<String> {
        let other = Ask::new(&self.ask.name, if self.ask.rtype == 1 { 28 } else { 1 });
        let first = |_| {
            other.send(to);
            let reply = self.ask.send(to)?;
            let record = reply.sections[0].first()?;
            Some(record.rdata.clone())
        };
        let seen: BTreeSet<String> = (0..TURNS).filter_map(first).collect();
        let written = self.lines.iter().filter(|line| line.starts_with("answer: "));
        let written: Vec<String> =
            written.filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect();
        let expected = if self.order == Order::Fixed { &written[..1] } else { &written[..] };
        (seen != BTreeSet::from_iter(expected.iter().cloned()))
            .then(|| format!("> {}\n first in turn: {seen:?}", self.title))
    }

    /// An answer in the form of `queries.txt`.
    fn lines_of(&self, reply: Option<&Reply>) -> Vec<String> {
        let Some(reply) = reply else { return vec!["silence".into()] };
        let mut status = present::rcode(reply.rcode);
        for (bit, flag) in [(0x400, "aa"), (0x200, "tc"), (0x100, "rd"), (0x80, "ra"), (0x20, "ad")] {
            if reply.flags & bit != 0 {
                write!(status, " {flag}").unwrap();
            }
        }
        let mut lines = vec![status];
        for (section, records) in ["answer", "authority", "additional"].into_iter().zip(&reply.sections) {
            lines.extend(records.iter().map(|record| {
                let client::dns::Record { owner, ttl, class, rtype, rdata } = record;
                format!("{section}: {owner} {ttl} {class} {rtype} {rdata}")
            }));
        }
        match (&reply.opt, self.ask.edns) {
            (Some(opt), Some(_)) => lines.extend(opt.errors.iter().map(|(code, _)| format!("error: {code}"))),
            (None, None) => {}
            (Some(_), None) => lines.push("an OPT record that was not asked for".into()),
            (None, Some(_)) => lines.push("no OPT record".into()),
        }
        lines
    }
}
