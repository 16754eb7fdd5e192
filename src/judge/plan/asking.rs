//! One question, asked of both snapshots: whether the answers differ, and in what.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::answer::{self, End, Frame, Outcome, Step, Trace};
use crate::snapshot::{Rrset, Snapshot};
use crate::wire::reader::{Message, MessageRecord, Section};
use crate::wire::{Header, NameBuf, Query, Question, Rcode, RrType};
use crate::zonefile::rdata_text;

/// What is served, and the candidate.
#[derive(Clone, Copy)]
pub(super) struct Both<'s> {
    pub(super) before: &'s Snapshot,
    pub(super) after: &'s Snapshot,
}

impl Both<'_> {
    /// Whether another zone answers for a name than before.
    pub(super) fn is_moved(self, name: &NameBuf) -> bool {
        let holder = |snapshot: &Snapshot| {
            let entry = snapshot.zones.closest(&snapshot.seed, name.as_wire(), 0);
            entry.map(|entry| entry.zone.origin().to_vec())
        };
        holder(self.before) != holder(self.after)
    }
}

/// Asks both snapshots, again and again with the same memory.
pub(super) struct Asker<'s> {
    pub(super) both: Both<'s>,
    octets: [Vec<u8>; 2],
}

/// What came of a question.
pub(super) struct Asked {
    /// Whether there was data before.
    pub(super) had: bool,
    /// Whether there is data now.
    pub(super) has: bool,
    /// Both answers, where they differ.
    pub(super) differs: Option<[Said; 2]>,
}

/// An answer, read: its records as a set, for their order varies from answer to answer.
#[derive(PartialEq, Eq)]
pub(super) struct Said {
    rcode: Rcode,
    authoritative: bool,
    records: BTreeSet<MessageRecord>,
}

impl<'s> Asker<'s> {
    pub(super) fn new(before: &'s Snapshot, after: &'s Snapshot) -> Asker<'s> {
        let octets = || vec![0; usize::from(u16::MAX)];
        Asker { both: Both { before, after }, octets: [octets(), octets()] }
    }

    /// Asks for a name in lower case. The SOA that comes with a negative answer counts by its owner only: its serial
    /// changes with every edit.
    pub(super) fn ask(&mut self, name: &NameBuf, qtype: RrType) -> Asked {
        let question = Question::new(name, qtype);
        let was = answer::resolve(self.both.before, &question, &mut ());
        let is = answer::resolve(self.both.after, &question, &mut ());
        if same_at_once(&was, &is) {
            let data = !matches!(was.end, End::Negative(..) | End::Nothing);
            return Asked { had: data, has: data, differs: None };
        }
        let [first, second] = &mut self.octets;
        let (was, is) = (write(&was, question, first), write(&is, question, second));
        if was == is {
            let said = Said::read(was);
            return Asked { had: said.has_data(), has: said.has_data(), differs: None };
        }
        let (was, is) = (Said::read(was), Said::read(is));
        let (had, has) = (was.has_data(), is.has_data());
        Asked { had, has, differs: (was != is).then_some([was, is]) }
    }

    /// What would become public of a name that was proxied and is not: its records, and the addresses that it was
    /// answered with.
    pub(super) fn exposed(&mut self, name: &NameBuf) -> Option<(Vec<IpAddr>, Vec<String>)> {
        if !is_proxied(self.both.before, name) || is_proxied(self.both.after, name) {
            return None;
        }
        let mut public = Vec::new();
        let mut was = Vec::new();
        for qtype in [RrType::A, RrType::AAAA] {
            let question = Question::new(name, qtype);
            let before = answer::resolve(self.both.before, &question, &mut ());
            if let End::Addresses(set, ..) = before.end {
                was.extend(set.addresses().filter(|address| address.is_ipv4() == (qtype == RrType::A)));
            }
            let after = answer::resolve(self.both.after, &question, &mut ());
            if after.links.is_empty() && matches!(after.end, End::Addresses(..)) {
                continue;
            }
            let said = Said::read(write(&after, question, &mut self.octets[1]));
            for record in said.answers().filter(|record| *record.owner.to_lower_wire() == *name.as_wire()) {
                let text = short_text(record);
                if !public.contains(&text) {
                    public.push(text);
                }
            }
        }
        (!public.is_empty()).then_some((was, public))
    }
}

/// Whether a name is answered from the set that governs its zone.
fn is_proxied(snapshot: &Snapshot, name: &NameBuf) -> bool {
    /// Hears whether the first name of the walk is proxied.
    #[derive(Default)]
    struct Listener {
        over: bool,
        proxied: bool,
    }
    impl<'s> Trace<'s> for Listener {
        fn step(&mut self, make: impl FnOnce() -> Step<'s>) {
            match make() {
                Step::Proxied(_) if !self.over => self.proxied = true,
                Step::Alias(_) | Step::Flatten(_) => self.over = true,
                _ => {}
            }
        }
    }
    let mut listener = Listener::default();
    answer::resolve(snapshot, &Question::new(name, RrType::A), &mut listener);
    listener.proxied
}

/// Whether two outcomes come to the same answer, as far as that can be seen without writing them.
fn same_at_once(was: &Outcome<'_>, is: &Outcome<'_>) -> bool {
    if was.rcode != is.rcode
        || was.authoritative != is.authoritative
        || !was.links.is_empty()
        || !is.links.is_empty()
    {
        return false;
    }
    match (was.end, is.end) {
        (End::Nothing, End::Nothing) => true,
        (End::Negative(was, _), End::Negative(is, _)) => was.zone.origin() == is.zone.origin(),
        (End::Addresses(was, _, family), End::Addresses(is, _, _)) => {
            was.family(family).bytes == is.family(family).bytes
        }
        (End::Rrset(_, was), End::Rrset(_, is)) => same_rrset(was, is),
        _ => false,
    }
}

/// Whether two RRsets are the same octets that depend on nothing else.
pub(super) fn same_rrset(was: Rrset<'_>, is: Rrset<'_>) -> bool {
    was.is_plain() && is.is_plain() && was.bytes() == is.bytes()
}

fn write<'o>(outcome: &Outcome<'_>, question: Question<'_>, octets: &'o mut [u8]) -> &'o [u8] {
    let header = Header { id: 0, flags: 0 };
    let query = Query { header, question, edns: None, tsig_at: None };
    question.put(header, &question.lower.to_name(), octets).expect("any question fits into 65535 octets");
    let frame = Frame { limit: octets.len(), turn: None, keepalive: None, nsid: &[], tail: &[] };
    let written = answer::write(outcome, &query, frame, octets);
    &octets[..written.len]
}

impl Said {
    fn read(octets: &[u8]) -> Said {
        let message = Message::parse(octets).expect("what we write can be read");
        let rcode = message.rcode();
        let authoritative = message.header.flags & Header::AA != 0;
        let records = message.records.into_iter().map(|record| match (record.section, record.rtype) {
            (Section::Authority, RrType::SOA) => MessageRecord { ttl: 0, rdata: Box::default(), ..record },
            _ => record,
        });
        Said { rcode, authoritative, records: records.collect() }
    }

    fn answers(&self) -> impl Iterator<Item = &MessageRecord> {
        self.records.iter().filter(|record| record.section == Section::Answer)
    }

    /// Everything but the SOA that says that there is nothing.
    fn data(&self) -> impl Iterator<Item = &MessageRecord> {
        self.records
            .iter()
            .filter(|record| (record.section, record.rtype) != (Section::Authority, RrType::SOA))
    }

    fn has_data(&self) -> bool {
        self.data().next().is_some()
    }

    /// Whether all that the other one says is said here as well.
    pub(super) fn extends(&self, other: &Said) -> bool {
        let harmless = other.rcode != Rcode::NOERROR || self.rcode == Rcode::NOERROR;
        harmless && other.data().all(|record| self.records.contains(record))
    }

    /// The answer in words: its records, or why there are none.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told: Vec<String> = self.answers().map(short_text).collect();
        if told.is_empty() {
            let servers = self.data().filter(|record| record.section == Section::Authority);
            told.extend(servers.map(|record| format!("referral: {}", short_text(record))));
        }
        if told.is_empty() || self.rcode != Rcode::NOERROR {
            told.push(if self.rcode == Rcode::NOERROR {
                "no data".to_owned()
            } else {
                self.rcode.to_string()
            });
        }
        told
    }
}

impl Said {
    /// The same, and where the other answer would read alike what makes the difference: a TTL, what comes beside the
    /// answer, a flag.
    pub(super) fn told_beside(&self, other: &Said) -> Vec<String> {
        let mut told = self.told();
        if told != other.told() {
            return told;
        }
        let is_own = |record: &&MessageRecord| !other.records.contains(*record);
        for record in self.answers().filter(is_own) {
            let text = short_text(record);
            let same = told.iter_mut().find(|told| **told == text);
            same.into_iter().for_each(|told| told.push_str(&format!(" (TTL {})", record.ttl)));
        }
        let beside = self.data().filter(|record| record.section != Section::Answer).filter(is_own);
        told.extend(
            beside.map(|record| {
                format!("beside it {} {} (TTL {})", record.owner, short_text(record), record.ttl)
            }),
        );
        if self.authoritative != other.authoritative {
            told.push(if self.authoritative { "authoritative" } else { "not authoritative" }.to_owned());
        }
        told
    }
}

/// A record without its owner, TTL and class: `A 192.0.2.1`.
fn short_text(record: &MessageRecord) -> String {
    format!("{} {}", record.rtype, rdata_text(record.rtype, &record.rdata))
}
