//! What the README and the samples show is run through the real binary: every `console` block of the README, and every
//! comment in `zones/` that says what dig answers.
//!
//! A `dig` command is asked by the tests' own client, so that dig need not be installed; where it is, it is run as well.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use client::dns::{Ask, Edns, Record, Reply};
use client::server::{Server, portolan};
use client::{entries, present, root, text};

/// What the examples write for the address of the server.
const SERVER: &str = "@127.0.0.1 -p 5300";

#[test]
fn the_readme_shows_what_is_so() {
    // In a copy of the samples, for some commands change them.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for tree in ["zones", "addrmaps"] {
        let copied = Command::new("cp").arg("-r").arg(root().join(tree)).arg(folder).status().unwrap();
        assert!(copied.success());
    }
    std::os::unix::fs::symlink(root().join("tests"), folder.join("tests")).unwrap();
    // Not followed, so that what `reload` tells is all that happened.
    let server = Server::start_with(folder, &folder.join("state"), &["--watch", "off"]);
    let readme = text(&root().join("README.md"));
    let commands = commands(&readme);
    let digs = commands.iter().filter(|(command, _)| command.starts_with("dig ")).count();
    assert!(digs >= 10 && digs < commands.len(), "{digs} of {} commands are dig", commands.len());
    for (command, expected) in &commands {
        let program = command.split_whitespace().next().unwrap();
        match program {
            "dig" => check_dig(server.address, command, expected),
            "sed" => edit(folder, command),
            _ => assert_eq!(steady(&run(folder, command)), steady(expected), "$ {command}"),
        }
    }
    server.stop();
}

/// The load test of the README: every question is answered, and nearly all names are there.
#[test]
fn the_load_script_asks_for_what_is_served() {
    if Command::new("dnsperf").arg("-h").output().is_err() {
        println!("not tested: dnsperf is not installed");
        return;
    }
    let server = Server::start(root());
    let (ip, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let output = Command::new(root().join("benches/load/run.sh"))
        .current_dir(root())
        .args(["--zones", "zones", "--server", &ip, "--port", &port, "--seconds", "1", "--questions", "1000"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let figure = |of: &str| -> f64 {
        let line = said.lines().find(|line| line.contains(of)).unwrap_or_else(|| panic!("no {of}: {said}"));
        line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
    };
    assert!(figure("Queries completed") > 1000.0 && figure("Queries lost") == 0.0, "{said}");
    assert!(said.contains("NXDOMAIN") && said.contains("NOERROR") && !said.contains("REFUSED"), "{said}");
    server.stop();
}

#[test]
fn the_comments_of_the_samples_say_what_is_so() {
    let server = Server::start(root());
    let mut count = 0;
    for file in files(&root().join("zones")) {
        for line in text(&file).lines() {
            let Some((command, expected)) = line.split_once("->") else { continue };
            let command = command.trim_start_matches([';', ' ']);
            if !command.starts_with("dig ") {
                continue;
            }
            let dig = Dig::parse(command);
            let reply = dig.ask.clone().over(server.address);
            let place = file.display();
            assert_eq!(outcome(&reply), sorted(expected.split_whitespace()), "{place}: {command}");
            count += 1;
        }
    }
    assert!(count > 40, "only {count} comments were found");
    server.stop();
}

#[test]
fn the_samples_have_no_errors_and_the_warnings_that_they_tell_of() {
    let output = portolan().current_dir(root()).args(["check", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes = found["diagnostics"].as_array().unwrap().iter();
    let codes: Vec<&str> = codes.map(|diagnostic| diagnostic["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["family-missing", "unanswered-zone", "soa-owner"]);
}

/// Every metric that the README names is served.
#[test]
fn the_metrics_are_there() {
    let server = Server::start(root());
    let mut stream = TcpStream::connect(server.metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let readme = text(&root().join("README.md"));
    let named: Vec<&str> = readme.split('`').filter(|word| word.starts_with("portolan_")).collect();
    assert!(named.len() > 5);
    for metric in named {
        assert!(page.contains(&format!("# TYPE {metric} ")), "{metric} is not served");
    }
    server.stop();
}

/// The commands of the `console` blocks, each with the output that follows it.
fn commands(readme: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut within = false;
    for line in readme.lines() {
        match line.strip_prefix("$ ") {
            _ if line.starts_with("```") => within = line == "```console",
            Some(command) if within => commands.push((command.to_owned(), String::new())),
            None if within => {
                let (_, output) = commands.last_mut().expect("a command comes first");
                output.push_str(line);
                output.push('\n');
            }
            _ => {}
        }
    }
    commands
}

/// Edits a file of the copy.
fn edit(folder: &Path, command: &str) {
    let sums = |mut command: Command| command.output().unwrap().stdout;
    let listing = || {
        let mut listing = Command::new("find");
        listing.current_dir(folder).args(["zones", "addrmaps", "-type", "f", "-exec", "cksum", "{}", "+"]);
        listing
    };
    let before = sums(listing());
    let status = Command::new("sh").current_dir(folder).args(["-c", command]).status().unwrap();
    assert!(status.success() && sums(listing()) != before, "$ {command}: nothing was changed");
}

/// Lines with single blanks, without what differs from run to run: generations, times, processes. What `status` says
/// of earlier changes is left out, and what `plan` says of the questions that were asked.
fn steady(text: &str) -> Vec<String> {
    let lines = normal(text);
    let lines = lines.iter().filter(|line| {
        !line.starts_with("changes ") && !line.starts_with("traffic ") && !line.contains("Z (")
    });
    let kept = lines.map(|line| {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for at in 0..words.len() {
            let after_pid = at > 0 && words[at - 1] == "pid";
            let before_unit =
                words.get(at + 1).is_some_and(|next| matches!(next.trim_end_matches(','), "ms" | "s" | "µs"));
            let digits = words[at].chars().filter(char::is_ascii_digit).count();
            if after_pid
                || before_unit
                || digits >= 10 && words[at].chars().all(|c| c.is_ascii_digit() || c == ':' || c == ',')
            {
                words[at] = "#".to_owned();
            }
        }
        // The server of the test waits for the commands, that of a reader follows the files.
        words.join(" ").replace("not watched: changes wait for a reload", "watched by events")
    });
    kept.collect()
}

/// Runs a command of ours in the copy.
fn run(folder: &Path, command: &str) -> String {
    let ours = command.strip_prefix("portolan ").or_else(|| command.strip_prefix("cargo run --release -- "));
    let arguments = ours.unwrap_or_else(|| panic!("not a command that can be run here: {command}"));
    let output = portolan().current_dir(folder).args(arguments.split_whitespace()).output().unwrap();
    assert!(output.stderr.is_empty(), "$ {command}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A text with single blanks.
fn normal(text: &str) -> Vec<String> {
    text.trim_end().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The lines of an answer, in any order: that of addresses changes.
fn sorted<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words.sort();
    words
}

fn check_dig(server: SocketAddr, command: &str, expected: &str) {
    let dig = Dig::parse(command);
    let expected = normal(expected);
    let expected = sorted(expected.iter().map(String::as_str));
    let shown = dig.show(&dig.ask.clone().over(server));
    assert_eq!(sorted(shown.iter().map(String::as_str)), expected, "$ {command}");
    if let Some(real) = real_dig(server, command) {
        assert_eq!(sorted(real.iter().map(String::as_str)), expected, "$ {command}, run by dig");
    }
}

/// What dig itself prints, if there is one.
fn real_dig(server: SocketAddr, command: &str) -> Option<Vec<String>> {
    let command = command.replace(SERVER, &format!("@127.0.0.1 -p {}", server.port()));
    let output = Command::new("dig").args(command.split_whitespace().skip(1)).output().ok()?;
    let lines = normal(&String::from_utf8(output.stdout).unwrap());
    Some(lines.into_iter().filter(|line| !line.is_empty()).collect())
}

/// A `dig` command.
struct Dig {
    ask: Question,
    short: bool,
    sections: [bool; 3],
}

#[derive(Clone)]
struct Question(Ask);

impl Question {
    fn over(self, server: SocketAddr) -> Reply {
        self.0.send(server).expect("an answer")
    }
}

impl Dig {
    fn parse(command: &str) -> Dig {
        let arguments = command.strip_prefix("dig ").and_then(|rest| rest.strip_prefix(SERVER));
        let arguments = arguments.unwrap_or_else(|| panic!("does not begin with dig {SERVER}: {command}"));
        let mut dig = Dig { ask: Question(Ask::new("", 1)), short: false, sections: [false; 3] };
        // As dig asks: EDNS and RD.
        dig.ask.0.edns = Some(Edns { size: 1232, ..Edns::default() });
        dig.ask.0.recursion = true;
        for word in arguments.split_whitespace() {
            match word {
                "+short" => dig.short = true,
                "+noall" => {}
                "+answer" => dig.sections[0] = true,
                "+authority" => dig.sections[1] = true,
                "+additional" => dig.sections[2] = true,
                "+tcp" => dig.ask.0.tcp = true,
                _ if dig.ask.0.name.is_empty() => dig.ask.0.name = word.to_owned(),
                _ => dig.ask.0.rtype = present::type_code(word).unwrap_or_else(|| panic!("{command}")),
            }
        }
        assert!(
            dig.short || dig.sections.contains(&true),
            "neither +short nor +noall and a section: {command}"
        );
        dig
    }

    /// An answer as dig shows it.
    fn show(&self, reply: &Reply) -> Vec<String> {
        if self.short {
            return reply.sections[0].iter().map(|record| record.rdata.clone()).collect();
        }
        let chosen = reply.sections.iter().zip(self.sections).filter(|(_, shown)| *shown);
        chosen.flat_map(|(records, _)| records.iter().map(line)).collect()
    }
}

fn line(record: &Record) -> String {
    let Record { owner, ttl, class, rtype, rdata } = record;
    format!("{owner} {ttl} {class} {rtype} {rdata}")
}

/// An answer in the words of the samples' comments.
fn outcome(reply: &Reply) -> Vec<String> {
    let [answer, authority, _] = &reply.sections;
    if reply.rcode != 0 {
        return vec![present::rcode(reply.rcode)];
    }
    let words = match (answer.is_empty(), authority.first()) {
        (false, _) => answer.iter().map(|record| record.rdata.as_str()).collect::<Vec<_>>().join(" "),
        (true, Some(record)) if record.rtype == "NS" => format!("referral to {}", record.owner),
        _ => "no data".to_owned(),
    };
    sorted(words.split_whitespace())
}

/// All files at any depth.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| self::files(folder)));
    files
}
