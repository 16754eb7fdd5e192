//! How many connections there may be, overall and from one network, and how long they may wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::conversation::Waits;

/// File descriptors that everything but connections may need.
const OTHER_DESCRIPTORS: u64 = 256;
/// File descriptors that are opened after the connections were limited: folders, files of the state, the control socket
/// and who talks through it.
const LATER_DESCRIPTORS: u64 = 24;
/// A message must be whole so long after its first octet, however its octets trickle.
const WHOLE_MESSAGE: Duration = Duration::from_secs(5);
/// Answers that the socket did not take must all be gone after so long: some 10 KiB a second at the least.
const ANSWERS_TAKEN: Duration = Duration::from_secs(10);
/// With every place taken connections may wait only for this part of their time.
const UNDER_PRESSURE: u32 = 10;

/// Limits on TCP connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// Most connections at a time, at least 1. At the limit the one that is idle longest makes room (RFC 7766 section
    /// 6.2.3). Lowered with a warning where the process may not open so many files.
    pub connections: usize,
    /// Most of them from one /24 of IPv4 or one /56 of IPv6, at least 1; what comes above is closed at once.
    pub per_prefix: usize,
}

impl Default for TcpLimits {
    fn default() -> TcpLimits {
        TcpLimits { connections: 4096, per_prefix: 256 }
    }
}

impl TcpLimits {
    /// The limits that the process can keep. Raises its soft limit on open files where that is what it takes.
    pub(super) fn within_open_files(self) -> TcpLimits {
        let open = open_files();
        let wanted = self.connections as u64 + OTHER_DESCRIPTORS.max(open + LATER_DESCRIPTORS);
        let files = getrlimit(Resource::Nofile);
        let mut allowed = files.current.unwrap_or(u64::MAX);
        if allowed < wanted {
            let raised = wanted.min(files.maximum.unwrap_or(u64::MAX));
            let raise = Rlimit { current: Some(raised), maximum: files.maximum };
            if raised > allowed && setrlimit(Resource::Nofile, raise).is_ok() {
                allowed = raised;
            }
        }
        let fitted = self.within(allowed, open);
        if fitted.connections < self.connections {
            tracing::warn!(
                open_files = allowed,
                open_already = open,
                asked = self.connections,
                connections = fitted.connections,
                "fewer TCP connections than asked for: the limit on open files is too low; raise it \
                 (LimitNOFILE=, ulimit -n) or lower connections in [tcp]"
            );
        }
        fitted
    }

    /// The limits where so many files may be open, and so many are.
    fn within(self, files: u64, open: u64) -> TcpLimits {
        let free = files.saturating_sub(open.saturating_add(LATER_DESCRIPTORS));
        let left = files.saturating_sub(OTHER_DESCRIPTORS).max(files / 2).min(free).max(1);
        let connections = self.connections.max(1).min(usize::try_from(left).unwrap_or(usize::MAX));
        TcpLimits { connections, per_prefix: self.per_prefix.max(1) }
    }
}

/// File descriptors that the process has open; 0 where it cannot be told.
fn open_files() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |open| open.count() as u64)
}

/// The network that a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Prefix(u64);

impl Prefix {
    /// The /24 or /56 of an address.
    pub(super) fn of(address: IpAddr) -> Prefix {
        match address.to_canonical() {
            // Above all that 56 bits can be.
            IpAddr::V4(address) => Prefix(1 << 63 | u64::from(u32::from(address) >> 8)),
            IpAddr::V6(address) => Prefix((u128::from(address) >> 72) as u64),
        }
    }
}

/// The connections of all threads, counted. Only opening and closing one touches it.
#[derive(Debug)]
pub(super) struct Places {
    limits: TcpLimits,
    idle: Duration,
    open: AtomicUsize,
    by_prefix: Mutex<HashMap<Prefix, usize>>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// All are taken.
    Full,
    /// All of this network are.
    PrefixFull,
}

impl Places {
    /// All free. `idle` is how long a connection may wait for its next message.
    pub(super) fn new(limits: TcpLimits, idle: Duration) -> Places {
        Places { limits, idle, open: AtomicUsize::new(0), by_prefix: Mutex::default() }
    }

    /// Takes a place for a connection from here.
    pub(super) fn take(&self, prefix: Prefix) -> Result<(), Refused> {
        let mut by_prefix = self.by_prefix.lock().unwrap_or_else(PoisonError::into_inner);
        if by_prefix.get(&prefix).is_some_and(|taken| *taken >= self.limits.per_prefix) {
            return Err(Refused::PrefixFull);
        }
        // Only changed under the lock.
        let open = self.open.load(Relaxed);
        if open >= self.limits.connections {
            return Err(Refused::Full);
        }
        self.open.store(open + 1, Relaxed);
        *by_prefix.entry(prefix).or_insert(0) += 1;
        Ok(())
    }

    /// Gives one back.
    pub(super) fn free(&self, prefix: Prefix) {
        let mut by_prefix = self.by_prefix.lock().unwrap_or_else(PoisonError::into_inner);
        self.open.store(self.open.load(Relaxed).saturating_sub(1), Relaxed);
        if let Some(taken) = by_prefix.get_mut(&prefix) {
            *taken -= 1;
            if *taken == 0 {
                by_prefix.remove(&prefix);
            }
        }
    }

    /// How long a connection may wait for this at the moment: above three quarters of the places ever shorter.
    pub(super) fn patience(&self, waits: Waits) -> Duration {
        let whole = match waits {
            Waits::Message => self.idle,
            Waits::Rest => WHOLE_MESSAGE,
            Waits::Room => return ANSWERS_TAKEN,
        };
        let limit = self.limits.connections;
        let free = limit.saturating_sub(self.open.load(Relaxed));
        let quarter = limit.div_ceil(4);
        if free >= quarter {
            return whole;
        }
        (whole.mul_f64(free as f64 / quarter as f64)).max(whole / UNDER_PRESSURE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(address: &str) -> Prefix {
        Prefix::of(address.parse().unwrap())
    }

    #[test]
    fn a_network_is_24_or_56_bits() {
        assert_eq!(prefix("192.0.2.1"), prefix("192.0.2.255"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.3.1"));
        assert_eq!(prefix("::ffff:192.0.2.1"), prefix("192.0.2.1"));
        assert_eq!(prefix("2001:db8:0:1200::1"), prefix("2001:db8:0:12ff:1::2"));
        assert_ne!(prefix("2001:db8:0:1200::1"), prefix("2001:db8:0:1300::1"));
        assert_ne!(prefix("ffff:ffff:ffff:ff00::"), prefix("255.255.255.0"));
    }

    #[test]
    fn places_are_limited_overall_and_by_network() {
        let limits = TcpLimits { connections: 4, per_prefix: 2 };
        let places = Places::new(limits, Duration::from_secs(10));
        let [a, b, c] = ["192.0.2.1", "198.51.100.1", "2001:db8::1"].map(prefix);
        assert_eq!(
            [a, a, a, b, b, b].map(|prefix| places.take(prefix).is_ok()),
            [true, true, false, true, true, false]
        );
        assert_eq!(places.take(c), Err(Refused::Full));
        // A network that has its share is told so, or it could drive others out.
        assert_eq!(places.take(a), Err(Refused::PrefixFull));
        places.free(a);
        assert_eq!(places.take(c), Ok(()));
        [a, b, b, c].into_iter().for_each(|prefix| places.free(prefix));
        assert_eq!(places.open.load(Relaxed), 0);
        assert!(places.by_prefix.lock().unwrap().is_empty());
    }

    #[test]
    fn patience_ends_as_places_do() {
        let places = Places::new(TcpLimits { connections: 100, per_prefix: 100 }, Duration::from_secs(10));
        let mut patience = Vec::new();
        for open in 0..=100 {
            patience.push(places.patience(Waits::Message));
            assert_eq!(places.patience(Waits::Room), ANSWERS_TAKEN);
            if open < 100 {
                places.take(prefix("192.0.2.1")).unwrap();
            }
        }
        assert!(patience[..=75].iter().all(|patience| *patience == Duration::from_secs(10)));
        assert!(patience[75..=97].is_sorted_by(|a, b| a > b));
        assert_eq!(patience[100], Duration::from_secs(1));
        assert_eq!(places.patience(Waits::Rest), WHOLE_MESSAGE / 10);
    }

    #[test]
    fn open_files_bound_the_connections() {
        let within = |files| TcpLimits::default().within(files, 8).connections;
        assert_eq!([0, 64, 300, 1024, 4352, u64::MAX].map(within), [1, 32, 150, 768, 4096, 4096]);
        // What is open already, workers by address for the most part, leaves less.
        let beside = |open| TcpLimits::default().within(64, open).connections;
        assert_eq!([0, 8, 20, 39, 40, 1000, u64::MAX].map(beside), [32, 32, 20, 1, 1, 1, 1]);
        assert_eq!(TcpLimits::default().within(1024, 900).connections, 100);
    }

    #[test]
    fn open_files_are_counted() {
        let before = open_files();
        // Other tests open and close some as well.
        let held: Vec<_> = (0..200).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
        assert!(before > 0 && open_files() > 200, "{before}");
        drop(held);
    }
}
