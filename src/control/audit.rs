//! The server's look at itself: what is served is made again from what is remembered, zone by zone, compared octet by
//! octet, proven as a whole, and asked over every address that is bound.
//!
//! Invariant: it reads the state as anybody could and changes nothing; at a time it holds the data of some thousand
//! zones. It runs when nothing else wants the core.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use super::desk::{Desk, Found, Shelf};
use super::engine::{Engine, Rules};
use super::report::{Change, Problem};
use super::source::Kind;
use super::state::{Manifest, Opened, Remembered, State};
use super::store::Store;
use super::{SourcePath, Sources, cores};
use crate::answer::{self, Transport};
use crate::compile::compile_zone;
use crate::judge::proof::{Proof, Prover, Report};
use crate::model::{AccountSettings, LoadedZone, Severity, World, ZoneContent};
use crate::snapshot::Snapshot;
use crate::wire::{Name, RrType};
use crate::zonefile::{self, ReadOptions};

/// Zones whose data is held at a time.
const ZONES: usize = 4096;
/// Zones that are asked for over each address and transport.
const ASKED: usize = 3;
/// How long an answer of one's own is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most problems that are told.
const TOLD: usize = 20;
/// How far behind everything else (`nice`).
const NICE: i32 = 19;

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// When it ended, in seconds since the epoch.
    pub at: u64,
    /// What was served.
    pub generation: u64,
    /// Whether all is as it should be.
    pub ok: bool,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Zones that were made again and compared.
    pub zones: u64,
    /// What was proven.
    pub proof: Report,
    /// Questions that it asked itself over the network.
    pub asked: u64,
    /// What is not as it should be; of much the first.
    pub problems: Vec<Problem>,
    /// What is wrong and sleeps: faults of disabled maps. They answer nothing, and all is as it should be.
    #[serde(default)]
    pub warnings: Vec<Problem>,
}

/// All that an audit needs; nothing of it is the control thread's.
#[derive(Debug)]
pub(super) struct Auditor {
    pub(super) sources: Sources,
    pub(super) state: PathBuf,
    pub(super) rules: Rules,
    pub(super) served: Arc<Snapshot>,
    pub(super) settings: answer::Settings,
    pub(super) addresses: Vec<SocketAddr>,
}

impl Auditor {
    /// Audits what is served. `None` where that was replaced meanwhile, so that nothing can be said.
    pub(super) fn run(self) -> Option<Audit> {
        step_back();
        let begun = Instant::now();
        let mut audit = Audit { generation: self.served.generation, ..Audit::default() };
        match State::open(&self.state) {
            Err(error) => audit.tell("state-unreadable", error.to_string()),
            Ok(Opened { state, confirmed, .. }) => {
                let manifest = confirmed.filter(|manifest| manifest.generation == self.served.generation)?;
                self.make_again(state, manifest, &mut audit);
            }
        }
        self.ask(&mut audit);
        audit.problems.truncate(TOLD);
        audit.ok = audit.problems.is_empty();
        audit.took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        Some(audit)
    }

    /// Makes what is served again, and proves it.
    fn make_again(&self, state: State, manifest: Manifest, audit: &mut Audit) {
        let (files, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            manifest.files.clone().into_iter().partition(|(path, _)| matches!(path.kind(), Kind::Zone(_)));
        let seed = self.served.seed.clone();
        let mut past = Engine::bare(self.sources.clone(), Store::new(state), seed);
        past.rules = self.rules;
        past.remember_immutable(&manifest);
        past.take_from_memory(Manifest { files: rest, ..manifest.clone() }, &mut Change::default());
        let mut world = past.words();
        let zones: Vec<(&SourcePath, &Remembered)> = files.iter().collect();
        for (path, _) in &zones {
            if let Some(account) = path.account() {
                world.accounts.entry(account.clone()).or_insert_with(|| AccountSettings::new(account));
            }
        }
        let desk = |manifest| Desk::new(&self.sources, Shelf::Memory(&past.store, manifest));
        for some in zones.chunks(ZONES) {
            // A desk keeps what it has read.
            let desk = desk(&manifest);
            let read = |_: &mut (), some: &[(&SourcePath, &Remembered)]| -> Vec<_> {
                let again = |(path, _): &(&SourcePath, &Remembered)| {
                    cores::breathe();
                    self.zone_again(path, &desk, &world)
                };
                some.iter().filter_map(again).collect()
            };
            let made = cores::in_chunks(some, read);
            let mut loaded = Vec::new();
            for (zone, same) in made.into_iter().flatten() {
                audit.zones += 1;
                if !same {
                    audit.tell(
                        "audit-differs",
                        format!("zone {} is not served as it is remembered", zone.origin),
                    );
                }
                loaded.push(zone);
            }
            world.zones = loaded;
            let prover = Prover::new(&world);
            let prove = |_: &mut (), zones: &[LoadedZone]| {
                prover.zones_in_steps(&self.served, zones, &cores::breathe)
            };
            for proof in cores::in_chunks(&world.zones, prove) {
                audit.take(proof);
            }
        }
        world.zones.clear();
        audit.take(Prover::new(&world).accounts(&self.served));
        let there = audit.zones + self.served.totals.faulty as u64;
        if there != self.served.zones.len() as u64 {
            let message = format!("{} zones are served and {there} are remembered", self.served.zones.len());
            audit.tell("audit-differs", message);
        }
    }

    /// A zone as it is remembered, and whether it is served like that; `None` for one that never was good.
    fn zone_again(&self, path: &SourcePath, desk: &Desk<'_>, world: &World) -> Option<(LoadedZone, bool)> {
        let Kind::Zone(origin) = path.kind() else { return None };
        let account = path.account()?;
        let settings = world.accounts.get(&account)?;
        let entry = self.served.zones.get(&self.served.seed, &origin.to_lower_wire());
        let Found::Content(copy) = desk.read(path) else { return None };
        let namer = desk.namer(path);
        let options = ReadOptions { require_tags: settings.require_tags };
        let data = zonefile::read_zone(&desk.shown(path), &copy.content, &origin, options, &namer).0?;
        let made = compile_zone(&data, settings.proxies(&origin), &self.served.seed);
        let same =
            matches!((made, entry), (Ok(made), Some(entry)) if made == entry.zone || entry.zone.is_faulty());
        Some((LoadedZone { origin, account, content: ZoneContent::Good(Arc::new(data)) }, same))
    }

    /// Asks over every bound address and transport, and compares the answers with what is served.
    fn ask(&self, audit: &mut Audit) {
        let zones: Vec<Name> = self
            .served
            .zones
            .iter()
            .filter(|entry| !entry.zone.is_faulty())
            .filter_map(|entry| Name::from_wire(entry.zone.origin()).ok())
            .take(ASKED)
            .collect();
        for address in &self.addresses {
            let address = reachable(*address);
            for (number, zone) in (1..).zip(&zones) {
                let query = query(number, zone);
                for transport in [Transport::Udp, Transport::Stream] {
                    let mut expected = vec![0; usize::from(u16::MAX)];
                    let answered =
                        answer::respond(&self.served, &self.settings, &query, transport, 0, &mut expected);
                    let Some(answered) = answered else { continue };
                    expected.truncate(answered.len);
                    audit.asked += 1;
                    let over = match transport {
                        Transport::Udp => over_udp(address, &query).map_err(|error| ("UDP", error)),
                        Transport::Stream => over_tcp(address, &query).map_err(|error| ("TCP", error)),
                    };
                    match over {
                        Ok(answer) if answer == expected => {}
                        Ok(_) => audit
                            .tell("audit-other-answer", format!("{address} answers {zone} SOA otherwise")),
                        Err((over, error)) => {
                            audit.tell(
                                "audit-no-answer",
                                format!("{address} does not answer over {over}: {error}"),
                            );
                        }
                    }
                }
            }
        }
    }
}

impl Audit {
    fn tell(&mut self, code: &str, message: String) {
        if self.problems.len() < TOLD {
            let (severity, code) = ("error".to_owned(), code.to_owned());
            self.problems.push(Problem { severity, code, message, ..Problem::default() });
        }
    }

    fn take(&mut self, proof: Proof) {
        for (_, found) in &proof.broken {
            let list = match found.severity {
                Severity::Error => &mut self.problems,
                Severity::Warning | Severity::Note => &mut self.warnings,
            };
            if list.len() < TOLD {
                list.push(Problem::from(found));
            }
        }
        self.proof.absorb(&proof.report);
    }

    /// Writes what was found into the log; warnings only where the audit before did not have them.
    pub(super) fn log(&self, before: Option<&Audit>) {
        for problem in &self.problems {
            tracing::error!(code = problem.code, "audit: {}", problem.message);
        }
        let is_known = |warning: &Problem| before.is_some_and(|before| before.warnings.contains(warning));
        for Problem { code, file, line, message, .. } in self.warnings.iter().filter(|told| !is_known(told)) {
            tracing::warn!(code, "audit: {file}:{line}: {message}");
        }
        let Audit { generation, zones, ok, took_us, .. } = *self;
        let (names, warnings) = (self.proof.names, self.warnings.len());
        tracing::info!(generation, zones, names, warnings, ok, took_us, "audited");
    }
}

/// Lets everything else go before this thread and those that it starts: whoever wants the core has it at once
/// (`SCHED_IDLE`), where low priority alone would let a worker wait for the rest of a time slice. Some kernels still let
/// it wait for the next tick unless this thread calls them: see [`cores::breathe`].
fn step_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    // It fails where the priority is low already and may not be raised, which matters to no idle thread.
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// The address by which one reaches one's own socket.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// A query for the SOA of a zone.
fn query(id: u16, zone: &Name) -> Vec<u8> {
    let mut packet: Vec<u8> = [id, 0, 1, 0, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    packet.extend_from_slice(zone.as_wire());
    packet.extend(RrType::SOA.0.to_be_bytes());
    packet.extend([0, 1]);
    packet
}

fn over_udp(address: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(address)?;
    socket.send(query)?;
    let mut answer = vec![0; 4096];
    let len = socket.recv(&mut answer)?;
    answer.truncate(len);
    Ok(answer)
}

fn over_tcp(address: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let len = u16::try_from(query.len()).unwrap_or_default();
    stream.write_all(&[&len.to_be_bytes(), query].concat())?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_steps_back_is_idle_and_so_is_whom_it_starts() {
        let policy = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // Behind the name of the command, which may hold spaces: see proc_pid_stat(5).
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            (fields[38].to_owned(), fields[16].to_owned())
        };
        let run = move || {
            step_back();
            (policy(), std::thread::spawn(policy).join().unwrap())
        };
        let idle = ("5".to_owned(), "19".to_owned());
        assert_eq!(std::thread::spawn(run).join().unwrap(), (idle.clone(), idle));
    }
}
