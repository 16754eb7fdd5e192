//! Killed while commands are at work, guards on: plan, approve, rollback, resume, history, show, diff, blame,
//! explain --at, retire-immutable and reload; and the same in a file system that is full at some moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portolan::control::history::{History, Shown, When};
use portolan::control::report::{Change, Outcome, Status, Why};
use portolan::control::talk::{self, Reply, Request};

use super::client::lives::{Lives, Ran};
use super::disk::{fill, in_a_small_file_system, make_room};
use super::parts::{self, Kind, PARTS, Part, Seen, Version};
use super::world::{Command, World};
use super::{Random, kills, put_aside, start_in_sync};

/// Edits files, tells the server what to do, kills it, and looks whether it is as it may be.
struct Driver {
    lives: Lives,
    folder: PathBuf,
    random: Random,
    world: World,
    /// What is served, as it was seen last.
    seen: Seen,
    next: u32,
    said: u32,
    watches: bool,
    /// Microseconds that a change takes, about.
    takes: u64,
    counts: Counts,
    story: Vec<String>,
}

impl Drop for Driver {
    /// What led to a failure.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let last = self.story.len().saturating_sub(25);
            eprintln!("{}\n{}", self.story[last..].join("\n"), self.lives.log_if_running());
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    kills: u32,
    at_start: u32,
    commands: u32,
    refused: u32,
    held: u32,
    lone: u32,
    torn: u32,
    newer: u32,
    starved: u32,
}

impl Driver {
    fn start(folder: &Path, state: &Path, seed: u64) -> Driver {
        parts::lay_out(folder);
        parts::fix(folder, true);
        PARTS.iter().for_each(|part| parts::write(folder, *part, parts::FIRST));
        parts::write_epoch(folder, 0);
        let mut lives = Lives::new(folder, state);
        start_in_sync(&mut lives, &["--watch", "off"]);
        let mut world = World::new();
        let seen = parts::observe(lives.address, &world.versions);
        world.saw(&seen, "");
        let (folder, random) = (folder.to_path_buf(), Random(seed));
        let mut driver = Driver {
            lives,
            folder,
            random,
            world,
            seen,
            next: 2,
            said: 0,
            watches: false,
            takes: 20_000,
            counts: Counts::default(),
            story: Vec::new(),
        };
        driver.settle();
        driver
    }

    /// Writes other versions of some parts.
    fn edit(&mut self) {
        for _ in 0..=self.random.below(2) {
            let parts = [Part::Acme, Part::Acme, Part::Globex, Part::Globex, Part::Solo, Part::Operator];
            let part = *self.random.pick(&parts);
            let version = if self.random.once_in(5) {
                let mut written = self.world.versions.iter().filter(|((of, _), _)| *of == part);
                let count = written.clone().count() as u64;
                *written.nth(self.random.below(count) as usize).unwrap().1
            } else {
                use Kind::{Bare, Broken, Calm, Thin};
                let kinds = [Calm, Calm, Calm, Calm, Calm, Calm, Bare, Thin, Bare, Broken];
                let kind = if part == Part::Operator { Calm } else { *self.random.pick(&kinds) };
                self.next += 1;
                Version { number: self.next, kind }
            };
            parts::write(&self.folder, part, version);
            self.story.push(format!("wrote {part:?} {version:?}"));
            self.world.wrote(part, version);
        }
        if self.random.once_in(6) {
            let there = !self.world.is_fixed_in_files();
            parts::fix(&self.folder, there);
            self.story.push(format!("the immutable map is in the files: {there}"));
            self.world.wrote_fixed(there);
        }
    }

    /// Something to tell the server.
    fn choose(&mut self) -> Command {
        let generations: Vec<u64> = self.world.known.keys().copied().collect();
        let newest = &generations[generations.len().saturating_sub(12)..];
        let account = match self.random.below(2) {
            0 => None,
            _ => Some(*self.random.pick(&[Part::Acme, Part::Globex, Part::Solo])),
        };
        match self.random.below(20) {
            0..=3 => Command::Reload,
            4..=9 => {
                let status = self.lives.status();
                let held = |part: Part| status.held.iter().find(|held| held.unit == part.unit());
                let waiting: Vec<(Part, String)> = PARTS
                    .into_iter()
                    .filter(|part| self.world.was_looked_at(*part))
                    .filter_map(|part| {
                        let held = held(part).filter(|held| held.why == Why::Guard)?;
                        Some((part, held.digest.clone().expect("the digest of what a guard holds")))
                    })
                    .collect();
                match waiting.is_empty() {
                    true => Command::Reload,
                    false => {
                        let (part, digest) = self.random.pick(&waiting).clone();
                        Command::Approve { part, digest }
                    }
                }
            }
            10 | 11 => {
                let generation = (self.random.below(3) > 0).then(|| *self.random.pick(newest));
                Command::Rollback { generation, account }
            }
            12 | 13 if self.world.has_pins() || self.random.once_in(4) => {
                Command::Resume { account: account.filter(|_| self.random.once_in(2)) }
            }
            12..=14 => Command::ForgetMap,
            15 => Command::Plan,
            16 => Command::History,
            17 => Command::Show(*self.random.pick(newest)),
            18 => Command::Diff(*self.random.pick(newest), *self.random.pick(newest)),
            _ => match self.random.once_in(2) {
                true => Command::Blame(*self.random.pick(&[Part::Acme, Part::Globex, Part::Solo])),
                false => Command::ExplainAt(
                    *self.random.pick(newest),
                    *self.random.pick(&[Part::Acme, Part::Solo]),
                ),
            },
        }
    }

    fn reason(&mut self) -> String {
        self.said += 1;
        format!("reason {}", self.said)
    }

    /// Runs a command to its end, by the binary, and looks at what is served then.
    fn run(&mut self, command: &Command) {
        let reason = self.reason();
        let before = self.world.beliefs.clone();
        let had_pins = self.world.has_certain_pins();
        self.world.sent(command);
        let ran = self.lives.run(&arguments(command, &reason));
        self.counts.commands += 1;
        self.story.push(format!(
            "ran {command:?}: {:?} {}{}",
            ran.code,
            ran.stdout.get(..300).unwrap_or(&ran.stdout),
            ran.stderr
        ));
        match outcome(command, &ran) {
            Done::Told => {}
            Done::Failed(message) => {
                self.counts.refused += 1;
                self.refused(command, &message, had_pins);
                self.world.beliefs = before;
                if self.watches {
                    self.world.follow();
                }
            }
            Done::Changed(change) => {
                if change.outcome == Outcome::Refused {
                    self.counts.refused += 1;
                    self.world.beliefs = before;
                } else {
                    self.world.confirmed(command, &change, &reason);
                }
            }
        }
        self.look();
    }

    /// A refusal must be one that there is a reason for.
    fn refused(&self, command: &Command, message: &str, had_pins: bool) {
        if message.contains("No space left") {
            return;
        }
        let expected: &[&str] = match command {
            Command::Rollback { .. } => &["is what is served now", "nothing else was served before"],
            Command::Resume { account: None } if had_pins => &[],
            Command::Resume { .. } => &["nothing was rolled back", "was not rolled back by itself"],
            Command::ForgetMap => {
                &["no immutable map of that id", "take the map out of the files first", "is held"]
            }
            // The files were written meanwhile.
            Command::Approve { .. } if self.watches => &["nothing that a guard holds has this digest"],
            _ => &[],
        };
        assert!(
            expected.iter().any(|text| message.contains(text)),
            "{command:?}: {message}\n{}",
            self.lives.log()
        );
    }

    /// Looks at what is served.
    fn look(&mut self) {
        self.seen = parts::observe(self.lives.address, &self.world.versions);
        self.story.push(format!("saw {:?}", self.seen));
        self.world.saw(&self.seen, &self.lives.log());
    }

    /// Has everything read, and looks whether what the server says is what it does.
    fn settle(&mut self) {
        self.world.follow();
        let mut change = self.reload();
        while change.problems.iter().any(|problem| problem.code == "being-written") {
            change = self.reload();
        }
        let status = self.lives.status();
        self.world.looked(&status);
        self.look();
        self.agrees(&status);
        self.counts.held += status.held.len() as u32;
    }

    fn reload(&mut self) -> Change {
        let begun = Instant::now();
        let reply = talk::ask(&self.lives.state.join(talk::SOCKET), &request(&Command::Reload, ""));
        let Ok(Reply::Change(change)) = reply else { panic!("{reply:?}\n{}", self.lives.log()) };
        if change.outcome == Outcome::Published {
            self.takes = (3 * self.takes + begun.elapsed().as_micros() as u64) / 4;
        }
        self.story.push(format!("reloaded: {:?} {}", change.outcome, change.generation));
        assert!(change.outcome != Outcome::Refused, "{change:#?}\n{}", self.lives.log());
        self.world.confirmed(&Command::Reload, &change, "");
        *change
    }

    /// What the server says of itself is what is seen.
    fn agrees(&self, status: &Status) {
        let Seen { generation, content, live, fixed } = &self.seen;
        assert_eq!((status.generation, &status.content), (*generation, content), "{}", self.lives.log());
        let differing: Vec<Part> =
            PARTS.into_iter().filter(|part| live[part] != self.world.disk(*part)).collect();
        for part in PARTS {
            let is_held = status.held.iter().any(|held| held.unit == part.unit());
            assert!(is_held || !differing.contains(&part), "{part:?}: {status:#?}\n{}", self.lives.log());
        }
        if status.in_sync {
            assert_eq!((differing, *fixed), (Vec::new(), self.world.is_fixed_in_files()), "{status:#?}");
        }
    }

    /// Whether everything that is remembered is there and can be read.
    fn history(&mut self) {
        let history: History = json(&self.lives.run(&["history", "--limit", "1000000", "--json"]));
        let generations: Vec<u64> = history.entries.iter().map(|entry| entry.generation).collect();
        assert!(generations.is_sorted_by(|newer, older| newer > older), "{generations:?}");
        assert_eq!((history.served, history.kept), (self.seen.generation, generations.len() as u64));
        assert_eq!(generations.first(), Some(&self.seen.generation));
        for promised in &self.world.promised {
            let at = generations.binary_search_by(|found| promised.cmp(found));
            let entry = at.map(|at| &history.entries[at]);
            let entry = entry.unwrap_or_else(|_| panic!("generation {promised} is lost: {generations:?}"));
            assert!(entry.at > 0 && entry.outcome == Outcome::Published, "{entry:?}");
            if let Some(reason) = self.world.reasons.get(promised) {
                assert_eq!(entry.reason.as_ref(), Some(reason), "{entry:?}");
            }
        }
        let newest = self.seen.generation.to_string();
        let shown: Shown = json(&self.lives.run(&["show", &newest, "--json"]));
        assert!(shown.is_served && shown.entry == history.entries[0], "{shown:?}");
        // An earlier one is what it was.
        let known: Vec<u64> = self.world.known.keys().copied().collect();
        let (generation, part) =
            (*self.random.pick(&known), *self.random.pick(&[Part::Acme, Part::Globex, Part::Solo]));
        let name = part.versioned().unwrap();
        let explained = self.lives.run(&["explain", &name, "TXT", "--at", &generation.to_string(), "--json"]);
        let explained: serde_json::Value = json(&explained);
        let told = explained["response"]["answer"][0]["data"].as_str().unwrap().trim_matches('"').to_owned();
        assert_eq!(
            told,
            self.world.known[&generation].live[&part].number.to_string(),
            "generation {generation}"
        );
    }

    /// Kills the server while a command is at work, or several are.
    fn fatal(&mut self, disk: Option<&Path>) {
        self.counts.kills += 1;
        let how = self.random.below(5);
        if how > 0 {
            self.edit();
        }
        let mut commands = vec![if how > 1 { Command::Reload } else { self.choose() }];
        // Digests are of what the files hold.
        if !matches!(commands[0], Command::Approve { .. }) && self.random.once_in(4) {
            commands.push(match self.random.once_in(2) {
                true => Command::Plan,
                false => Command::Rollback { generation: None, account: None },
            });
        }
        let before = self.world.beliefs.clone();
        let reason = self.reason();
        commands.iter().for_each(|command| self.world.sent(command));
        self.world.follow();
        let moment = Duration::from_micros(self.random.below(self.takes * 3 / 2));
        let full = disk.filter(|_| self.random.once_in(2));
        // Sometimes as soon as the state begins to be written.
        let (at_writing, patience) = (self.random.once_in(2), Duration::from_micros(self.takes * 2));
        let soon = Duration::from_micros(self.random.below(3_000));
        let lives = &mut self.lives;
        let replies: Vec<_> = std::thread::scope(|scope| {
            let socket = lives.state.join(talk::SOCKET);
            let asked: Vec<_> = commands
                .iter()
                .map(|command| {
                    let (request, socket) = (request(command, &reason), socket.clone());
                    scope.spawn(move || talk::ask(&socket, &request))
                })
                .collect();
            if at_writing {
                let length = || fs::metadata(lives.state.join("pack")).unwrap().len();
                let (begun, before) = (Instant::now(), length());
                while length() == before && begun.elapsed() < patience {}
                std::thread::sleep(soon);
            } else {
                std::thread::sleep(moment);
            }
            full.inspect(|disk| fill(disk));
            lives.kill();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        self.story.push(format!("killed at {commands:?}: {replies:?}").chars().take(600).collect());
        match (&commands[..], &replies[..]) {
            ([command], [Ok(Reply::Change(change))]) if change.outcome != Outcome::Refused => {
                self.world.confirmed(command, change, &reason);
            }
            ([_], [Ok(Reply::Change(_) | Reply::Failed { .. })]) => {
                self.world.beliefs = before;
                self.world.follow();
            }
            _ => {
                let changes = replies.iter().filter_map(|reply| match reply {
                    Ok(Reply::Change(change)) if change.outcome == Outcome::Published => {
                        Some(change.generation)
                    }
                    _ => None,
                });
                self.world.promised.extend(changes);
            }
        }
        while self.random.once_in(3) {
            self.counts.at_start += 1;
            self.lives.spawn(&[]);
            std::thread::sleep(Duration::from_micros(self.random.below(80_000)));
            self.lives.kill();
            self.story.push("killed while it started".to_owned());
        }
        self.remembers(&commands, full);
        self.revive();
    }

    /// Looks at what the state remembers, without the files.
    fn remembers(&mut self, commands: &[Command], full: Option<&Path>) {
        put_aside(&self.folder, true);
        self.story.push("started without files".to_owned());
        self.lives.start(&["--watch", "off"]);
        let before = self.seen.clone();
        self.look();
        self.counts.newer += u32::from(self.seen.live != before.live);
        if let [command] = commands {
            self.world.saw_the_end_of(command, &before, &self.seen);
        }
        // It looks for the files, and an account that was held beside the operator's files may catch up with them.
        self.lives.wait_for_log("the folder of address maps cannot be read");
        let status = self.lives.status();
        self.look();
        self.history();
        assert_eq!((status.generation, &status.content), (self.seen.generation, &self.seen.content));
        let log = self.lives.kill();
        self.counts.lone += u32::from(log.contains("not confirmed when the server ended"));
        self.counts.torn += u32::from(log.contains("cut short"));
        put_aside(&self.folder, false);
        full.inspect(|disk| make_room(disk));
    }

    /// Starts it, and waits until it has looked at the files: what is written meanwhile might be read half.
    fn boot(&mut self, watches: bool) {
        self.watches = watches;
        self.said += 1;
        self.story.push(format!("started, watches: {watches}"));
        parts::write_epoch(&self.folder, self.said);
        self.lives.start(&["--watch", if watches { "events" } else { "off" }]);
        let until = Instant::now() + Duration::from_secs(30);
        let is_held = |lives: &Lives| lives.status().held.iter().any(|held| held.unit == parts::EPOCH);
        while parts::epoch(self.lives.address) != Some(self.said) && !is_held(&self.lives) {
            assert!(Instant::now() < until, "it never looked: {}", self.lives.log());
        }
    }

    /// Starts it again as it is used, and has it follow the files.
    fn revive(&mut self) {
        let watches = self.random.once_in(2);
        self.boot(watches);
        self.settle();
        if self.world.has_pins() && !self.random.once_in(3) {
            self.run(&Command::Resume { account: None });
            self.world.no_pins();
            self.settle();
        }
    }

    /// Commands without a kill.
    fn steps(&mut self) {
        for _ in 0..self.random.below(3) {
            if !self.random.once_in(3) {
                self.edit();
                self.settle();
            }
            let command = self.choose();
            self.run(&command);
        }
    }

    /// A command on a disk that is full: what cannot be remembered is refused, and says so.
    fn starved(&mut self, disk: &Path) {
        self.counts.starved += 1;
        self.lives.kill();
        self.boot(false);
        self.settle();
        self.edit();
        let command = self.choose();
        fill(disk);
        let before = self.seen.clone();
        let beliefs = self.world.beliefs.clone();
        self.world.sent(&command);
        let reason = self.reason();
        let had_pins = self.world.has_certain_pins();
        let ran = self.lives.run(&arguments(&command, &reason));
        self.story.push(format!("ran {command:?} on a full disk: {ran:?}"));
        match outcome(&command, &ran) {
            Done::Told => {}
            Done::Changed(change) if change.outcome != Outcome::Refused => {
                self.world.confirmed(&command, &change, &reason);
            }
            Done::Changed(change) => {
                let told = |code: &str| change.problems.iter().any(|problem| problem.code == code);
                assert!(told("state-not-written"), "{change:#?}");
                assert!(ran.stdout.contains("No space left"), "{ran:?}");
                assert_eq!(ran.code, Some(1), "{ran:?}");
                self.counts.refused += 1;
                self.world.beliefs = beliefs;
            }
            Done::Failed(message) => {
                self.refused(&command, &message, had_pins);
                self.world.beliefs = beliefs;
            }
        }
        self.look();
        if !self.world.promised.contains(&self.seen.generation) {
            assert_eq!(self.seen, before, "{ran:?}");
        }
        if self.random.once_in(2) {
            self.lives.kill();
            self.remembers(&[], Some(disk));
            self.revive();
        } else {
            make_room(disk);
            self.settle();
        }
        self.lives.wait_for_status("written", |status| status.state_error.is_none());
    }
}

enum Done {
    /// A command that changes nothing told something.
    Told,
    Failed(String),
    Changed(Box<Change>),
}

fn arguments<'a>(command: &Command, reason: &'a str) -> Vec<&'a str> {
    let owned = |text: String| -> &'static str { text.leak() };
    let number = |generation: u64| owned(generation.to_string());
    let account = |part: Option<Part>| -> Vec<&'static str> {
        part.and_then(Part::account).map_or_else(Vec::new, |account| vec!["--account", account])
    };
    let mut arguments: Vec<&'a str> = match command {
        Command::Reload => vec!["reload"],
        Command::Approve { digest, .. } => vec!["approve", owned(digest.clone()), "--reason", reason],
        Command::Rollback { generation, account: of } => {
            let mut words = vec!["rollback", "--reason", reason];
            words.extend(generation.map(number));
            words.extend(account(*of));
            words
        }
        Command::Resume { account: of } => [vec!["resume"], account(*of)].concat(),
        Command::ForgetMap => vec!["retire-immutable", "fixed", "--reason", reason],
        Command::Plan => vec!["plan"],
        Command::History => vec!["history"],
        Command::Show(generation) => vec!["show", number(*generation)],
        Command::Diff(from, to) => vec!["diff", number(*from), number(*to)],
        Command::Blame(part) => vec!["blame", owned(part.versioned().unwrap()), "TXT"],
        Command::ExplainAt(at, part) => {
            vec!["explain", owned(part.versioned().unwrap()), "TXT", "--at", number(*at)]
        }
    };
    arguments.push("--json");
    arguments
}

fn request(command: &Command, reason: &str) -> Request {
    let (by, reason) = ("tester".to_owned(), reason.to_owned());
    let named = |part: Option<Part>| part.and_then(Part::account).map(str::to_owned);
    match command {
        Command::Reload => Request::Reload { what: Vec::new(), without_state: false },
        Command::Approve { digest, .. } => Request::Approve { digests: vec![digest.clone()], by, reason },
        Command::Rollback { generation, account } => {
            Request::Rollback { generation: *generation, account: named(*account), by, reason }
        }
        Command::Resume { account } => Request::Resume { account: named(*account) },
        Command::ForgetMap => Request::ForgetMap { id: "fixed".into(), reason },
        Command::Plan => Request::Plan { since: None },
        Command::History => Request::History { limit: 20 },
        Command::Show(generation) => Request::Show { at: When::Generation(*generation) },
        Command::Diff(from, to) => Request::Diff { from: When::Generation(*from), to: When::Generation(*to) },
        Command::Blame(part) => Request::Blame { name: part.versioned().unwrap(), rtype: "TXT".into() },
        Command::ExplainAt(at, part) => {
            let name = part.versioned().unwrap();
            Request::ExplainAt { name, rtype: "TXT".into(), at: When::Generation(*at) }
        }
    }
}

/// What a command came to.
fn outcome(command: &Command, ran: &Ran) -> Done {
    if ran.code == Some(2) {
        assert!(ran.stdout.is_empty() && ran.stderr.starts_with("portolan: "), "{command:?}: {ran:?}");
        return Done::Failed(ran.stderr.clone());
    }
    if command.is_change() {
        return Done::Changed(Box::new(json(ran)));
    }
    let fine = ran.code == Some(0) || (ran.code == Some(1) && matches!(command, Command::Plan));
    assert!(fine, "{command:?}: {ran:?}");
    Done::Told
}

fn json<T: serde::de::DeserializeOwned>(ran: &Ran) -> T {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn seed() -> u64 {
    let seed =
        std::env::var("PORTOLAN_KILL_SEED").map_or(0x9e37_79b9_7f4a_7c15, |seed| seed.parse().unwrap());
    eprintln!("PORTOLAN_KILL_SEED={seed}");
    seed
}

#[test]
fn a_server_killed_while_commands_are_at_work_is_one_whole_generation() {
    let folder = tempfile::tempdir().unwrap();
    let mut driver = Driver::start(folder.path(), &folder.path().join("state"), seed());
    for _ in 0..kills(20) {
        driver.steps();
        driver.fatal(None);
    }
    eprintln!(
        "{:?}, {} generations, a change takes {} us",
        driver.counts,
        driver.world.promised.len(),
        driver.takes
    );
    driver.lives.stop();
}

#[test]
fn commands_on_a_disk_that_is_full_at_some_moment_are_whole_or_refused() {
    in_a_small_file_system("commands::commands_on_a_small_disk", "generations");
}

#[test]
#[ignore = "started by another test, in a file system of its own"]
fn commands_on_a_small_disk() {
    let Some(disk) = std::env::var_os("PORTOLAN_DISK") else { return };
    let disk = Path::new(&disk);
    let folder = tempfile::tempdir().unwrap();
    let mut driver = Driver::start(folder.path(), &disk.join("state"), seed());
    for _ in 0..kills(20).div_ceil(4) {
        driver.steps();
        driver.starved(disk);
        driver.fatal(Some(disk));
    }
    eprintln!(
        "{:?}, {} generations, a change takes {} us",
        driver.counts,
        driver.world.promised.len(),
        driver.takes
    );
    driver.lives.stop();
}
