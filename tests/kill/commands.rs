//! Killed while commands are at work, guards on: plan, approve, rollback, resume, history, show, diff, blame,
//! explain --at, retire-immutable and reload; and the same in a file system that is full at some moment.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use portolan::control::report::{Outcome, Why};
use portolan::control::talk::{self, Reply};

use super::disk::{fill, in_a_small_file_system, make_room};
use super::driver::Driver;
use super::parts::{self, Kind, Part, Version};
use super::telling::{Done, arguments, outcome, request};
use super::world::Command;
use super::{kills, put_aside};

/// Octets of a page of memory; a reason may be as long.
const PAGE: usize = 4096;

impl Driver {
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

    /// An approval and a rollback on a full disk: each is refused and says why, and nothing that was served, held or pinned
    /// is otherwise than before, nor after a restart; with room each goes through.
    fn without_room(&mut self, disk: &Path) {
        self.lives.kill();
        self.boot(false);
        self.settle();
        if self.world.has_pins() {
            self.run(&Command::Resume { account: None });
            self.world.no_pins();
        }
        // Of whatever is served it is the proxied names that a guard minds.
        for kind in [Kind::Calm, Kind::Bare] {
            self.next += 1;
            let version = Version { number: self.next, kind };
            parts::write(&self.folder, Part::Acme, version);
            self.world.wrote(Part::Acme, version);
            self.settle();
        }
        let held = self.lives.status().held;
        let acme = held.into_iter().find(|held| held.unit == Part::Acme.unit()).expect("it is held");
        assert_eq!(acme.why, Why::Guard, "{acme:?}");
        let digest = acme.digest.expect("the digest of what a guard holds");
        self.refused_for_want_of_room(&Command::Approve { part: Part::Acme, digest: digest.clone() }, disk);
        self.refused_for_want_of_room(&Command::Rollback { generation: None, account: None }, disk);
        self.run(&Command::Rollback { generation: None, account: None });
        self.run(&Command::Resume { account: None });
        self.world.no_pins();
        self.settle();
        // The same content has the same digest, and what was refused is no approval.
        self.run(&Command::Approve { part: Part::Acme, digest });
        assert_eq!(self.seen.live[&Part::Acme], self.world.disk(Part::Acme));
    }

    /// A command that changes something, refused because nothing can be remembered.
    fn refused_for_want_of_room(&mut self, command: &Command, disk: &Path) {
        let stands = |driver: &Driver| {
            // That of the epoch changes with every start.
            let held = driver.lives.status().held.into_iter().filter(|held| held.unit != parts::EPOCH);
            held.map(|held| (held.unit, held.why, held.digest)).collect::<Vec<_>>()
        };
        let before = (self.seen.clone(), stands(self));
        fill(disk);
        // The pack may end within a page that has room: a reason of a page has none there.
        let reason = "x".repeat(PAGE);
        let ran = self.lives.run(&arguments(command, &reason));
        self.story.push(format!("ran {command:?} without room: {ran:?}"));
        let Done::Changed(change) = outcome(command, &ran) else { panic!("{ran:?}") };
        assert_eq!((change.outcome, ran.code), (Outcome::Refused, Some(1)), "{change:#?}");
        assert!(change.problems.iter().any(|problem| problem.code == "state-not-written"), "{change:#?}");
        assert!(ran.stdout.contains("No space left"), "{ran:?}");
        self.look();
        assert_eq!((self.seen.clone(), stands(self)), before, "{ran:?}");
        self.lives.kill();
        self.remembers(&[], Some(disk));
        assert_eq!(self.seen, before.0, "a restart serves what was served");
        self.boot(false);
        self.settle();
        assert_eq!(stands(self), before.1, "a restart holds and pins what was held and pinned");
    }
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
    driver.end();
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
    driver.without_room(disk);
    for _ in 0..kills(20).div_ceil(4) {
        driver.steps();
        driver.starved(disk);
        driver.fatal(Some(disk));
    }
    driver.end();
}
