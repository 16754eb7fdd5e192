//! Clients that ask without pause and look at every answer: whole, of one version, of one that was ever complete, never
//! older than the last.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crate::client::dns::{Ask, Record, Reply};
use crate::world::{Account, GIT_ZONES, Layout, Rng, World};

/// An answer that takes longer is lost.
const LOST: Duration = Duration::from_secs(10);
/// A client takes a new socket after so many questions.
const SOCKET: u64 = 500;

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const TXT: u16 = 16;
const AAAA: u16 = 28;

/// What the clients share.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Whom they ask.
    pub(crate) address: SocketAddr,
    stop: AtomicBool,
    /// Questions that were answered.
    pub(crate) answers: AtomicU64,
    /// Of these over TCP.
    pub(crate) over_tcp: AtomicU64,
    /// Mixtures where the writer was too slow to write at once.
    pub(crate) excused: AtomicU64,
    /// What must not be.
    pub(crate) faults: Mutex<Vec<String>>,
}

impl Seen {
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.lock().unwrap().is_empty()
    }

    fn fault(&self, fault: String) {
        let mut faults = self.faults.lock().unwrap();
        if faults.len() < 5 {
            faults.push(fault);
        }
    }
}

/// The clients at work.
pub(crate) struct Clients {
    pub(crate) seen: Arc<Seen>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    pub(crate) fn start(count: u64, world: &Arc<World>, address: SocketAddr, seed: u64) -> Clients {
        let seen = Arc::new(Seen {
            address,
            stop: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            over_tcp: AtomicU64::new(0),
            excused: AtomicU64::new(0),
            faults: Mutex::default(),
        });
        let threads = (0..count).map(|client| {
            let (world, seen) = (world.clone(), seen.clone());
            std::thread::spawn(move || {
                let work = || ask_on(&world, &seen, address, Rng(seed + client));
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
                    seen.fault(format!("client {client} panicked, see above"));
                }
            })
        });
        let threads = threads.collect();
        Clients { seen, threads }
    }

    /// Ends them.
    pub(crate) fn stop(mut self) -> Arc<Seen> {
        self.end();
        self.seen.clone()
    }

    fn end(&mut self) {
        self.seen.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.end();
    }
}

fn socket(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(LOST)).unwrap();
    socket
}

fn ask_on(world: &World, seen: &Seen, address: SocketAddr, mut rng: Rng) {
    let mut udp = socket(address);
    let mut newest = vec![0; world.accounts.len()];
    let mut asked = 0;
    while !seen.stop.load(Ordering::SeqCst) {
        let index = rng.below(world.accounts.len());
        let account = &world.accounts[index];
        let (mut ask, expected) = question(account, &mut rng);
        ask.tcp = rng.one_in(100);
        let may_be_absent = account.may_be_absent.load(Ordering::SeqCst);
        let reply = if ask.tcp {
            seen.over_tcp.fetch_add(1, Ordering::SeqCst);
            ask.send(address)
        } else {
            ask.send_over(&udp, asked as u16)
        };
        let may_be_absent = may_be_absent || account.may_be_absent.load(Ordering::SeqCst);
        asked += 1;
        if asked % SOCKET == 0 {
            udp = socket(address);
        }
        let told = |what: &str| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let at = format!("{}.{:06}", now.as_secs() % 60, now.subsec_micros());
            format!("{at} {} type {}: {what}\n{}", ask.name, ask.rtype, account.story())
        };
        let Some(reply) = reply else {
            seen.fault(told("no answer"));
            udp = socket(address);
            continue;
        };
        seen.answers.fetch_add(1, Ordering::SeqCst);
        if reply.rcode == 5 && may_be_absent {
            account.absent.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        match version_of(account, &reply, &expected) {
            Ok(version) => {
                if version < newest[index] && account.layout != Layout::Git {
                    seen.fault(told(&format!("version {version} after {}: {reply:?}", newest[index])));
                }
                newest[index] = version;
                account.seen.fetch_max(version, Ordering::SeqCst);
                account.last.store(version, Ordering::SeqCst);
            }
            Err(Fault::Excused) => {
                seen.excused.fetch_add(1, Ordering::SeqCst);
            }
            Err(Fault::Wrong(what)) => seen.fault(told(&format!("{what}: {reply:?}"))),
        }
    }
}

/// A question about an account, and how many records of each type answer it.
fn question(account: &Account, rng: &mut Rng) -> (Ask, Vec<(&'static str, usize)>) {
    let name = &account.name;
    let (name, rtype, expected) = match account.layout {
        Layout::Default => ("chain.d1.example".to_owned(), TXT, vec![("CNAME", 1), ("TXT", 2)]),
        Layout::Operator => ("w.p.any.example".to_owned(), A, vec![("A", 2)]),
        Layout::Git => {
            let zone = rng.below(GIT_ZONES as usize);
            match rng.below(4) {
                0 => (format!("g{zone}.git.example"), SOA, vec![("SOA", 1)]),
                1 => (format!("g{zone}.git.example"), TXT, vec![("TXT", 2)]),
                _ => (format!("chain.g{zone}.git.example"), TXT, vec![("CNAME", 1), ("TXT", 2)]),
            }
        }
        _ => match rng.below(8) {
            0 => (format!("one.{name}.example"), SOA, vec![("SOA", 1)]),
            1 => (format!("two.{name}.example"), TXT, vec![("TXT", 2)]),
            2 => (format!("chain.one.{name}.example"), CNAME, vec![("CNAME", 1)]),
            3 => (format!("chain.one.{name}.example"), TXT, vec![("CNAME", 1), ("TXT", 2)]),
            4 => (format!("chaina.one.{name}.example"), A, vec![("CNAME", 1), ("A", 2)]),
            5 => (format!("chaina.one.{name}.example"), AAAA, vec![("CNAME", 1), ("AAAA", 2)]),
            _ => (format!("chainp.one.{name}.example"), A, vec![("CNAME", 1), ("A", 0)]),
        },
    };
    (Ask::new(&name, rtype), expected)
}

enum Fault {
    /// The writer was too slow for it to be one change.
    Excused,
    Wrong(String),
}

fn version_of(account: &Account, reply: &Reply, expected: &[(&str, usize)]) -> Result<u32, Fault> {
    let wrong = |what: String| Err(Fault::Wrong(what));
    let mut versions = BTreeSet::new();
    let mut stored = None;
    for record in &reply.sections[0] {
        match mark(record) {
            Some(mark) => {
                versions.insert(mark);
            }
            None => return wrong(format!("no version in {record:?}")),
        }
        if record.rtype == "A" {
            stored = Some(record.rdata.starts_with("100.80."));
        }
    }
    let is_slow = |version: u32| account.is_slow(version);
    if versions.iter().next_back().is_some_and(|newest| is_slow(*newest)) && versions.len() > 1 {
        return Err(Fault::Excused);
    }
    let [version] = versions.iter().copied().collect::<Vec<_>>()[..] else {
        return wrong(format!("versions {versions:?} in one answer"));
    };
    if reply.rcode != 0 {
        return wrong(format!("rcode {}", reply.rcode));
    }
    if !account.is_complete(version) {
        return wrong(format!("version {version} never was complete"));
    }
    for (rtype, count) in expected {
        let found = reply.sections[0].iter().filter(|record| record.rtype == *rtype).count();
        // Stored content is one address, a map has two; which of them is a matter of the version.
        let count = if *count == 0 { 2 - (version % 2) as usize } else { *count };
        if found != count {
            if is_slow(version) || is_slow(version + 1) {
                return Err(Fault::Excused);
            }
            return wrong(format!("{found} {rtype} records instead of {count}"));
        }
    }
    if expected.contains(&("A", 0)) && stored != Some(version % 2 == 1) {
        if is_slow(version) || is_slow(version + 1) {
            return Err(Fault::Excused);
        }
        return wrong(format!("stored content is {stored:?} at version {version}"));
    }
    if expected.contains(&("A", 2)) && stored != Some(false) {
        return wrong("stored content".to_owned());
    }
    Ok(version)
}

/// The version that a record carries.
fn mark(record: &Record) -> Option<u32> {
    let octets = |parts: Vec<u32>| Some(parts.get(2)? << 8 | parts.get(3)?);
    match record.rtype.as_str() {
        "TXT" => record.rdata.strip_prefix("\"v=")?.split(' ').next()?.parse().ok(),
        "CNAME" => record.rdata.strip_prefix('v')?.split('.').next()?.parse().ok(),
        "SOA" => record.rdata.split(' ').nth(2)?.parse().ok(),
        "A" => octets(record.rdata.split('.').filter_map(|part| part.parse().ok()).collect()),
        "AAAA" => u32::from_str_radix(record.rdata.rsplit(':').next()?, 16).ok(),
        _ => None,
    }
}
