//! The accounts of the test and their files. Every file of an account carries the account's version, in such a way that
//! many answers are made of two or three files: an answer of two versions is a mixture of two generations.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Versions per account.
pub(crate) const VERSIONS: usize = 8192;
/// Zones of the account that is a git repository.
pub(crate) const GIT_ZONES: u32 = 500;

/// A version whose files are not complete at one moment nearly (the server waits 200 ms) may be seen in two halves.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How an account is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Files in its two folders.
    Plain,
    /// The same, with `$INCLUDE` and `zones_file`.
    Named,
    /// Links to `..data/FILE`, and `..data` is swapped, as Kubernetes does.
    ConfigMap,
    /// Its folders are links.
    Linked,
    /// Many zones, checked out by git.
    Git,
    /// Two zones of the account `default` that include one file.
    Default,
    /// The anycast defaults, in the operator's file.
    Operator,
}

/// An account, and what the clients may see of it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) layout: Layout,
    /// Whether a version was ever written as a whole and without a fault.
    complete: Vec<AtomicU8>,
    /// The newest version that a client was answered.
    pub(crate) seen: AtomicU32,
    /// The one that a client was answered last.
    pub(crate) last: AtomicU32,
    /// It has been removed, and perhaps put back.
    pub(crate) may_be_absent: AtomicBool,
    /// Absence seen since it was removed.
    pub(crate) absent: AtomicU32,
    /// Versions whose writing took so long that its halves may have been published one after the other.
    slow: Mutex<BTreeSet<u32>>,
    /// The version that is being put in place, and since when.
    window: Mutex<Option<(u32, Instant)>>,
    /// What was done with it, the last of it, with the time.
    done: Mutex<VecDeque<String>>,
}

impl Account {
    fn new(name: &str, layout: Layout) -> Account {
        Account {
            name: name.to_owned(),
            layout,
            complete: (0..VERSIONS).map(|_| AtomicU8::new(0)).collect(),
            seen: AtomicU32::new(0),
            last: AtomicU32::new(0),
            may_be_absent: AtomicBool::new(false),
            absent: AtomicU32::new(0),
            slow: Mutex::default(),
            window: Mutex::default(),
            done: Mutex::default(),
        }
    }

    /// Notes what is done with it, for whoever has to find out what went wrong.
    pub(crate) fn note(&self, what: &str) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let mut done = self.done.lock().unwrap();
        done.push_back(format!("{}.{:06} {what}", now.as_secs() % 60, now.subsec_micros()));
        if done.len() > 12 {
            done.pop_front();
        }
    }

    /// The last things that were done with it.
    pub(crate) fn story(&self) -> String {
        self.done.lock().unwrap().iter().map(|line| format!("    {line}\n")).collect()
    }

    /// From now on a version may be answered.
    pub(crate) fn completes(&self, version: u32) {
        *self.window.lock().unwrap() = Some((version, Instant::now()));
        self.note(&format!("version {version} is complete"));
        self.complete[version as usize].store(1, Ordering::SeqCst);
    }

    /// The version is in place.
    pub(crate) fn is_in_place(&self) {
        let window = self.window.lock().unwrap().take();
        if let Some((version, since)) = window
            && since.elapsed() > AT_ONCE
        {
            self.slow.lock().unwrap().insert(version);
        }
    }

    /// Whether a version was put in place so slowly that it may be seen in two halves.
    pub(crate) fn is_slow(&self, version: u32) -> bool {
        let window = *self.window.lock().unwrap();
        let is_slow_now = window.is_some_and(|(of, since)| of == version && since.elapsed() > AT_ONCE);
        is_slow_now || self.slow.lock().unwrap().contains(&version)
    }

    pub(crate) fn is_complete(&self, version: u32) -> bool {
        self.complete.get(version as usize).is_some_and(|complete| complete.load(Ordering::SeqCst) == 1)
    }

    /// Its files at a version: tree, path below the account's folders, content.
    pub(crate) fn files(&self, version: u32) -> Vec<(&'static str, String, String)> {
        let name = &self.name;
        let origin = |zone: &str| format!("{zone}.{name}.example");
        let (v, [hi, lo]) = (version, (version as u16).to_be_bytes());
        let texts = |owner: &str| format!("{owner} TXT \"v={v} a\"\n{owner} TXT \"v={v} b\"\n");
        let proxied = format!("*.p 1 A 100.80.{hi}.{lo} ; cf_tags=cf-proxied:true\n");
        let head = format!(
            "$TTL 60\n@ SOA ns h ( {v} 3600 600 86400 60 )\n  NS ns\nns A 192.0.2.53\n{}",
            texts("@")
        );
        let one = format!(
            "{head}chain CNAME v{v}.t.{}.\nchaina CNAME v{v}.p.{}.\nchainp CNAME v{v}.p.{}.\n{}",
            origin("two"),
            origin("two"),
            origin("three"),
            texts("end")
        );
        let shared = format!("{proxied}{}", texts("*.t"));
        let two = match self.layout {
            Layout::Named => format!("{head}$INCLUDE common/version.inc\n{}", texts("end")),
            _ => format!("{head}{shared}{}", texts("end")),
        };
        let three = format!("{head}{proxied}{}", texts("end"));
        let paused = v % 2 == 1;
        let settings = format!("name = \"{name} v{v}\"\n[zone.\"{}\"]\npaused = {paused}\n", origin("three"));
        let map = |id: &str, members: String| {
            format!(
                "[[address_map]]\nid = \"{name}-{id}\"\nenabled = true\n{members}\
                 ips = [\"198.18.{hi}.{lo}\", \"198.19.{hi}.{lo}\", \"2001:db8::{v:x}\", \"2001:db8:1::{v:x}\"]\n\
                 description = \"v{v}\"\n"
            )
        };
        let own = match self.layout {
            Layout::Named => "zones_file = \"members.txt\"\n".to_owned(),
            _ => format!("zones = [\"{}\"]\n", origin("three")),
        };
        let mut files = vec![
            ("zones", format!("{}.zone", origin("one")), one),
            ("zones", format!("{}.zone", origin("two")), two),
            ("zones", format!("{}.zone", origin("three")), three),
            ("zones", "account.toml".to_owned(), settings),
            ("addrmaps", "wide.toml".to_owned(), map("wide", "account_wide = true\n".to_owned())),
            ("addrmaps", "own.toml".to_owned(), map("own", own)),
        ];
        if self.layout == Layout::Named {
            files.push(("zones", "common/version.inc".to_owned(), shared));
            files.push(("addrmaps", "members.txt".to_owned(), format!("# v{v}\n{}\n", origin("three"))));
        }
        files
    }
}

/// One zone of the account that is a git repository.
pub(crate) fn git_zone(zone: u32, version: u32) -> String {
    let (v, next) = (version, (zone + 1) % GIT_ZONES);
    format!(
        "$TTL 60\n@ SOA ns h ( {v} 3600 600 86400 60 )\n  NS ns\nns A 192.0.2.53\n@ TXT \"v={v} a\"\n@ TXT \"v={v} b\"\n\
         chain CNAME v{v}.t.g{next}.git.example.\n*.t TXT \"v={v} a\"\n*.t TXT \"v={v} b\"\n"
    )
}

/// The operator's file.
pub(crate) fn operator_file(version: u32) -> String {
    let [hi, lo] = (version as u16).to_be_bytes();
    format!("[anycast]\nipv4 = [\"198.18.{hi}.{lo}\", \"198.19.{hi}.{lo}\"]\n# \"end\"\n")
}

/// The file that two zones of the account `default` include.
pub(crate) fn shared_file(version: u32) -> String {
    let v = version;
    format!("chain CNAME v{v}.t.d2.example.\n*.t TXT \"v={v} a\"\n*.t TXT \"v={v} b\"\n")
}

/// The folder in which the server runs, and the accounts.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) top: PathBuf,
    pub(crate) accounts: Vec<Account>,
}

impl World {
    /// All accounts at their first version, which is 2 (an even one).
    pub(crate) fn new(top: &Path, git: bool) -> World {
        let mut accounts = vec![
            Account::new("a0", Layout::Plain),
            Account::new("a1", Layout::Plain),
            Account::new("a2", Layout::Plain),
            Account::new("n0", Layout::Named),
            Account::new("n1", Layout::Named),
            Account::new("cfg", Layout::ConfigMap),
            Account::new("lnk", Layout::Linked),
            Account::new("default", Layout::Default),
            Account::new("operator", Layout::Operator),
        ];
        if git {
            accounts.push(Account::new("git", Layout::Git));
        }
        World { top: top.to_path_buf(), accounts }
    }

    pub(crate) fn zones(&self) -> PathBuf {
        self.top.join("zones")
    }

    pub(crate) fn addrmaps(&self) -> PathBuf {
        self.top.join("addrmaps")
    }

    /// The folder of an account in a tree.
    pub(crate) fn folder(&self, tree: &str, account: &Account) -> PathBuf {
        self.top.join(tree).join(&account.name)
    }
}

/// A small generator that gives the same numbers for the same seed everywhere (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Rng(pub u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}
