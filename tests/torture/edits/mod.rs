//! The writer: every way of changing files that operators and their tools have, one random edit after the other.

mod files;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use files::*;

use crate::bad;
use crate::client::dns::Ask;
use crate::client::server::portolan;
use crate::clients::Seen;
use crate::world::{Layout, Rng, World, operator_file, shared_file};

/// What is waited for comes within this time, on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(60);

/// A file that a writer has opened and half written.
struct Half {
    file: File,
    rest: String,
}

/// A writer that pauses.
struct Paused {
    version: u32,
    files: Vec<Half>,
    /// It goes on when so many questions are answered.
    until: u64,
}

/// What the writer knows of an account.
#[derive(Default)]
struct Books {
    version: u32,
    /// What the files say, where they are good.
    good: Option<u32>,
    paused: Option<Paused>,
    removed: bool,
}

pub(crate) struct Writer<'a> {
    world: Arc<World>,
    seen: Arc<Seen>,
    state: &'a Path,
    rng: Rng,
    books: Vec<Books>,
    staged: u32,
    bad: usize,
    /// Accounts that may be held, by what the server calls the unit.
    pub(crate) may_be_held: BTreeSet<String>,
    /// How often each kind of edit was made.
    pub(crate) made: BTreeMap<&'static str, u32>,
    /// How long what was waited for took, from the end of the edit to the first answer.
    pub(crate) arrivals: Vec<Duration>,
}

/// Lays out all accounts at version 2.
pub(crate) fn lay_out(world: &World) {
    for account in &world.accounts {
        account.completes(2);
        match account.layout {
            Layout::Plain | Layout::Named => write_files(&world.top, account, 2),
            Layout::ConfigMap => {
                for tree in ["zones", "addrmaps"] {
                    let folder = world.folder(tree, account);
                    fs::create_dir_all(&folder).unwrap();
                    config_map(tree, account, &folder, 2);
                    for (_, name, _) in account.files(2).iter().filter(|(of, ..)| *of == tree) {
                        symlink(format!("..data/{name}"), folder.join(name)).unwrap();
                    }
                }
            }
            Layout::Linked => linked(world, account, 2),
            Layout::Default => {
                fs::write(world.zones().join("shared.inc"), shared_file(2)).unwrap();
                for zone in ["d1", "d2"] {
                    let text = "$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n  NS ns\nns A 192.0.2.53\n$INCLUDE shared.inc\n";
                    fs::write(world.zones().join(format!("{zone}.example.zone")), text).unwrap();
                }
            }
            Layout::Operator => {
                let folder = world.zones().join("any");
                fs::create_dir_all(&folder).unwrap();
                let text = "$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n  NS ns\nns A 192.0.2.53\n\
                            *.p 1 A 100.80.0.1 ; cf_tags=cf-proxied:true\n";
                fs::write(folder.join("any.example.zone"), text).unwrap();
                fs::write(world.addrmaps().join("operator.toml"), operator_file(2)).unwrap();
            }
            Layout::Git => repository(world, account),
        }
    }
}

impl<'a> Writer<'a> {
    pub(crate) fn new(world: &Arc<World>, seen: &Arc<Seen>, state: &'a Path, rng: Rng) -> Writer<'a> {
        let first = || Books { version: 2, good: Some(2), ..Books::default() };
        Writer {
            world: world.clone(),
            seen: seen.clone(),
            state,
            rng,
            books: world.accounts.iter().map(|_| first()).collect(),
            staged: 0,
            bad: 0,
            may_be_held: BTreeSet::new(),
            made: BTreeMap::new(),
            arrivals: Vec::new(),
        }
    }

    /// One edit, and perhaps a pause.
    pub(crate) fn edit(&mut self) {
        self.finish_paused(false);
        let index = self.rng.below(self.world.accounts.len() + 2);
        if index >= self.world.accounts.len() {
            return self.elsewhere();
        }
        let world = self.world.clone();
        let account = &world.accounts[index];
        if self.books[index].paused.is_some() {
            return self.elsewhere();
        }
        if self.books[index].removed {
            return self.put_back(index);
        }
        match account.layout {
            Layout::Plain | Layout::Named => self.plain(index),
            Layout::Git => {
                let branch = if self.books[index].version == 2 { "odd" } else { "even" };
                self.edits(index, "git checkout");
                git(&world, &["checkout", branch]);
                account.note("checked out");
                self.books[index].version ^= 1;
            }
            _ => self.whole(index),
        }
        match self.rng.below(16) {
            0 | 1 => self.wait(index),
            2..=5 => {
                let answers = self.seen.answers() + self.rng.below(2000) as u64;
                self.until("answers", || self.seen.answers() >= answers);
            }
            _ => {}
        }
    }

    fn count(&mut self, kind: &'static str) {
        *self.made.entry(kind).or_default() += 1;
    }

    /// An edit of one account.
    fn edits(&mut self, index: usize, kind: &'static str) {
        self.count(kind);
        self.world.accounts[index].note(kind);
    }

    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let since = Instant::now();
        while !done() {
            if since.elapsed() > DEADLINE || self.seen.has_faults() {
                let stories = self
                    .world
                    .accounts
                    .iter()
                    .map(|account| format!("  {}\n{}", account.name, account.story()));
                let stories: String = stories.collect();
                panic!("waited for {what}; done:\n{stories}status:\n{}", self.status().0);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the account's files are served, where they are good.
    fn wait(&mut self, index: usize) {
        let world = self.world.clone();
        let account = &world.accounts[index];
        let Some(version) = self.books[index].good else { return };
        if self.books[index].paused.is_some() || self.books[index].removed {
            return;
        }
        let (version, since) = (version.max(self.books[index].version), Instant::now());
        match account.layout {
            Layout::Git => {
                // An answer from before the checkout is none.
                account.last.store(0, Ordering::SeqCst);
                let what = format!("{} at {version}", account.name);
                self.until(&what, || account.last.load(Ordering::SeqCst) == version);
            }
            _ => {
                let what = format!("{} at {version}", account.name);
                self.until(&what, || account.seen.load(Ordering::SeqCst) >= version);
            }
        }
        self.arrivals.push(since.elapsed());
    }

    /// A new version of the account; the next edits write it.
    fn next_version(&mut self, index: usize) -> u32 {
        self.books[index].version += 1;
        self.books[index].version
    }

    /// Notes that a version is on disk.
    fn done(&mut self, index: usize, version: u32) {
        let account = &self.world.accounts[index];
        account.is_in_place();
        account.note("done");
        self.books[index].good = Some(version);
    }

    fn put_back(&mut self, index: usize) {
        let world = self.world.clone();
        let account = &world.accounts[index];
        self.until(&format!("{} gone", account.name), || account.absent.load(Ordering::SeqCst) > 0);
        let version = self.next_version(index);
        account.completes(version);
        write_files(&world.top, account, version);
        self.done(index, version);
        self.books[index].removed = false;
        self.wait(index);
        account.may_be_absent.store(false, Ordering::SeqCst);
    }

    /// All files of a version are written, one of them with a fault.
    fn fault(&mut self, index: usize, mut files: Vec<(PathBuf, String)>) {
        // The fault comes first, for what is written before it may be served before it.
        let which = 0;
        let count = files.len();
        files.swap(which, self.rng.below(count));
        for (number, (path, content)) in files.iter().enumerate() {
            let spoilt: Vec<u8> = match self.rng.below(6) {
                _ if number != which => content.clone().into_bytes(),
                _ if path.extension().is_some_and(|found| found == "txt") => b"not a zone name\n".to_vec(),
                0 => vec![0xff, 0xfe, 0, 1, 2, 0x80, b'\n', 0],
                1 => half(content).0.as_bytes().to_vec(),
                2 => format!("{content}\n\"never ends").into_bytes(),
                3 => format!("{content}\n)(]][[\n").into_bytes(),
                4 => format!("x{}\n{content}", "y".repeat(100_000)).into_bytes(),
                _ => format!("= = =\n{content}").into_bytes(),
            };
            match self.rng.below(2) {
                0 => fs::write(path, spoilt).unwrap(),
                _ => rename_over(path, &spoilt),
            }
        }
        self.books[index].good = None;
        if self.rng.one_in(4) {
            let unit = format!("account {}", self.world.accounts[index].name);
            self.until_held(&unit);
        }
    }

    fn pause(&mut self, index: usize, version: u32, files: Vec<(PathBuf, String)>) {
        let files = files.iter().map(|(path, content)| {
            let (first, rest) = half(content);
            let mut file = File::create(path).unwrap();
            file.write_all(first.as_bytes()).unwrap();
            Half { file, rest: rest.to_owned() }
        });
        let files = files.collect();
        let until = self.seen.answers() + 200 + self.rng.below(20_000) as u64;
        self.books[index].paused = Some(Paused { version, files, until });
        self.books[index].good = None;
    }

    fn finish_paused(&mut self, all: bool) {
        for index in 0..self.books.len() {
            let answers = self.seen.answers();
            if self.books[index].paused.as_ref().is_none_or(|paused| !all && paused.until > answers) {
                continue;
            }
            let mut paused = self.books[index].paused.take().unwrap();
            for half in &mut paused.files {
                half.file.write_all(half.rest.as_bytes()).unwrap();
            }
            self.world.accounts[index].completes(paused.version);
            drop(paused.files);
            self.done(index, paused.version);
            if self.rng.one_in(4) {
                self.wait(index);
            }
        }
    }

    /// A copy of a large file is killed on its way. It says what is served already, so that nothing is new when it
    /// ends nevertheless.
    fn kill_copy(&mut self, index: usize, version: u32) {
        let world = self.world.clone();
        let account = &world.accounts[index];
        let (_, name, content) = account.files(version).swap_remove(0);
        let to = world.folder("zones", account).join(&name);
        let long = format!("{}{content}", "; a long comment, for it is long\n".repeat(60_000));
        let from = world.top.join("large");
        fs::write(&from, &long).unwrap();
        self.books[index].good = None;
        if self.rng.one_in(2) {
            self.edits(index, "killed cp");
            let mut cp = Command::new("cp").arg(&from).arg(&to).spawn().unwrap();
            self.kill_when(&mut cp, &to, content.len() as u64);
        } else {
            self.edits(index, "killed dd");
            let mut dd = Command::new("dd");
            dd.arg(format!("of={}", to.display())).arg("bs=4096").stdin(Stdio::piped()).stderr(Stdio::null());
            let mut dd = dd.spawn().unwrap();
            let mut pipe = dd.stdin.take().unwrap();
            pipe.write_all(&long.as_bytes()[..long.len() / 2]).unwrap();
            self.kill_when(&mut dd, &to, content.len() as u64);
            drop(pipe);
        }
    }

    /// Kills a copying process as soon as the file is larger than it was, or when it has ended anyway.
    fn kill_when(&self, child: &mut Child, to: &Path, before: u64) {
        let since = Instant::now();
        let larger = || fs::metadata(to).is_ok_and(|found| found.len() > before);
        while !larger() && child.try_wait().unwrap().is_none() && since.elapsed() < DEADLINE {
            std::hint::spin_loop();
        }
        let _ = child.kill();
        child.wait().unwrap();
    }

    /// Something that changes no account: the account that is broken, commands, what editors leave behind.
    fn elsewhere(&mut self) {
        match self.rng.below(8) {
            0 | 1 => {
                self.count("reload");
                self.command(&["reload", "--json"]);
            }
            2 => {
                self.count("status");
                let (text, code) = self.status();
                assert!(matches!(code, Some(0 | 1)), "status exits with {code:?}: {text}");
            }
            3 => {
                self.count("what editors leave behind");
                let account = &self.world.accounts[self.rng.below(3)];
                let folder = self.world.folder("zones", account);
                for name in ["4913", ".one.a0.example.zone.swp", "one.a0.example.zone~", "x.tmp"] {
                    if fs::write(folder.join(name), "(((").is_ok() {
                        let _ = fs::remove_file(folder.join(name));
                    }
                }
            }
            _ => {
                self.count("the bad account");
                self.may_be_held.insert("account bad".to_owned());
                let world = self.world.clone();
                bad::clear(&world);
                bad::lay(&world, self.bad);
                self.bad += 1 + self.rng.below(3);
            }
        }
    }

    /// Waits until a unit is held.
    pub(crate) fn until_held(&self, unit: &str) {
        let held = format!("\"unit\": \"{unit}\"");
        self.until(&format!("{unit} held"), || self.status().0.contains(&held));
    }

    /// What `status --json` says, and its exit code.
    pub(crate) fn status(&self) -> (String, Option<i32>) {
        self.command(&["status", "--json"])
    }

    fn command(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let mut command = portolan();
        command.current_dir(&self.world.top).args(arguments).arg("--state").arg(self.state);
        let output = command.output().unwrap();
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {output:?}");
        (String::from_utf8(output.stdout).unwrap(), code)
    }

    /// Everything becomes good again and is waited for; then nothing is held.
    pub(crate) fn make_good(&mut self) {
        self.finish_paused(true);
        let world = self.world.clone();
        bad::clear(&world);
        bad::lay_good(&world);
        for (index, account) in world.accounts.iter().enumerate() {
            if self.books[index].removed {
                self.put_back(index);
            }
            let version = match account.layout {
                Layout::Git => {
                    self.books[index].good = Some(2);
                    continue;
                }
                _ => self.next_version(index),
            };
            account.completes(version);
            match account.layout {
                Layout::Plain | Layout::Named => {
                    for (tree, name, content) in account.files(version) {
                        rename_over(&world.folder(tree, account).join(name), content);
                    }
                }
                Layout::Linked => linked(&world, account, version),
                Layout::ConfigMap => {
                    for tree in ["zones", "addrmaps"] {
                        config_map(tree, account, &world.folder(tree, account), version);
                    }
                }
                Layout::Default => rename_over(&world.zones().join("shared.inc"), shared_file(version)),
                Layout::Operator => {
                    rename_over(&world.addrmaps().join("operator.toml"), operator_file(version));
                }
                Layout::Git => {}
            }
            self.done(index, version);
        }
        for index in 0..world.accounts.len() {
            self.wait(index);
        }
        let good = || {
            let reply = Ask::new("www.bad.example", 1).send(self.seen.address);
            reply
                .is_some_and(|reply| reply.sections[0].iter().any(|record| record.rdata == bad::GOOD_ADDRESS))
        };
        self.until("the bad account is good", good);
        self.until("nothing held", || self.status().1 == Some(0));
    }

    /// A new version of one account, by truncating and writing; not waited for.
    pub(crate) fn rewrite(&mut self, index: usize) {
        let world = self.world.clone();
        let account = &world.accounts[index];
        let version = self.next_version(index);
        let mut open = Vec::new();
        for (tree, name, content) in account.files(version) {
            let mut file = File::create(world.folder(tree, account).join(name)).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            open.push(file);
        }
        account.completes(version);
        drop(open);
        self.done(index, version);
    }

    /// Waits for an account.
    pub(crate) fn arrive(&mut self, index: usize) {
        self.wait(index);
    }
}
