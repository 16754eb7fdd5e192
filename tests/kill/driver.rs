//! Edits files, tells the server what to do, and looks whether it is as it may be.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portolan::control::history::{History, Shown};
use portolan::control::report::{Change, Outcome, Status, Why};
use portolan::control::talk::{self, Reply};

use super::client::lives::Lives;
use super::parts::{self, Kind, PARTS, Part, Seen, Version};
use super::telling::{Done, arguments, json, outcome, request};
use super::world::{Command, World};
use super::{Random, start_in_sync};

/// The server, what was done to it, and what is known of it.
pub(crate) struct Driver {
    pub(crate) lives: Lives,
    pub(crate) folder: PathBuf,
    pub(crate) random: Random,
    pub(crate) world: World,
    /// What is served, as it was seen last.
    pub(crate) seen: Seen,
    pub(crate) next: u32,
    pub(crate) said: u32,
    pub(crate) watches: bool,
    /// Microseconds that a change takes, about.
    pub(crate) takes: u64,
    pub(crate) counts: Counts,
    pub(crate) story: Vec<String>,
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
pub(crate) struct Counts {
    pub(crate) kills: u32,
    pub(crate) at_start: u32,
    pub(crate) commands: u32,
    pub(crate) refused: u32,
    pub(crate) held: u32,
    pub(crate) lone: u32,
    pub(crate) torn: u32,
    pub(crate) newer: u32,
    pub(crate) starved: u32,
}

impl Driver {
    pub(crate) fn start(folder: &Path, state: &Path, seed: u64) -> Driver {
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
    pub(crate) fn edit(&mut self) {
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
    pub(crate) fn choose(&mut self) -> Command {
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

    pub(crate) fn reason(&mut self) -> String {
        self.said += 1;
        format!("reason {}", self.said)
    }

    /// Runs a command to its end, by the binary, and looks at what is served then.
    pub(crate) fn run(&mut self, command: &Command) {
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
    pub(crate) fn refused(&self, command: &Command, message: &str, had_pins: bool) {
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
    pub(crate) fn look(&mut self) {
        self.seen = parts::observe(self.lives.address, &self.world.versions);
        self.story.push(format!("saw {:?}", self.seen));
        self.world.saw(&self.seen, &self.lives.log());
    }

    /// Has everything read, and looks whether what the server says is what it does.
    pub(crate) fn settle(&mut self) {
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
    pub(crate) fn history(&mut self) {
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

    /// Starts it, and waits until it has looked at the files: what is written meanwhile might be read half.
    pub(crate) fn boot(&mut self, watches: bool) {
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
    pub(crate) fn revive(&mut self) {
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
    pub(crate) fn steps(&mut self) {
        for _ in 0..self.random.below(3) {
            if !self.random.once_in(3) {
                self.edit();
                self.settle();
            }
            let command = self.choose();
            self.run(&command);
        }
    }

    /// Tells what was done, and stops the server.
    pub(crate) fn end(mut self) {
        let Driver { counts, world, takes, .. } = &self;
        eprintln!("{counts:?}, {} generations, a change takes {takes} us", world.promised.len());
        self.lives.stop();
    }
}
