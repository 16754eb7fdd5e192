//! What another server answers against what the files would answer, question by question, with the reason of each
//! difference. Who asks that server is not of this room.

mod report;
mod witness;

pub use report::{Differing, Gathered, Group, KEPT, Report};
pub use witness::{questions, questions_of_apex};

use std::fmt::Write as _;

use serde::Serialize;

use super::said::{Records, Said, say};
use crate::answer::Step;
use crate::compile::compile;
use crate::model::{AccountId, AccountSettings, World};
use crate::snapshot::Snapshot;
use crate::wire::reader::{Message, Section};
use crate::wire::{Name, Rcode, RrType};
use crate::zonefile::rdata_text;

/// Most records of an answer that are told.
const TOLD: usize = 4;

/// Why two answers differ, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The server did not answer, however often it was asked.
    NoAnswer,
    /// What it sent is no DNS message.
    Unreadable,
    /// Another response code.
    Rcode,
    /// One is authoritative, the other refers or disclaims.
    Authoritative,
    /// The server has records that the files lack.
    Missing,
    /// The files have records that the server lacks.
    Extra,
    /// The records differ.
    Records,
    /// The name is proxied, and the server answers other records than the files store for it.
    Origin,
    /// The name servers of a zone differ.
    NameServers,
    /// The records are equal, their TTL is not.
    Ttl,
    /// The SOA differs in its serial alone.
    Serial,
    /// The server answers what the files store; here the name is proxied.
    Proxied,
    /// One of the two follows an alias further than the other; the resolver comes to the same end.
    Alias,
    /// The answers agree, what stands beside them in the authority section does not.
    Authority,
    /// The answers agree, additional records do not.
    Additional,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Whoever moves changes an answer.
    Difference,
    /// By design: the name is proxied.
    Expected,
    /// No resolver sees a difference.
    Note,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 15] = [
        Reason::NoAnswer,
        Reason::Unreadable,
        Reason::Rcode,
        Reason::Authoritative,
        Reason::Missing,
        Reason::Extra,
        Reason::Records,
        Reason::Origin,
        Reason::NameServers,
        Reason::Ttl,
        Reason::Serial,
        Reason::Proxied,
        Reason::Alias,
        Reason::Authority,
        Reason::Additional,
    ];

    /// What it means.
    pub fn weight(self) -> Weight {
        match self {
            Reason::Proxied => Weight::Expected,
            Reason::Alias | Reason::Authority | Reason::Additional => Weight::Note,
            _ => Weight::Difference,
        }
    }

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Reason::NoAnswer => "no answer from the server",
            Reason::Unreadable => "what the server sent is no DNS message",
            Reason::Rcode => "another response code",
            Reason::Authoritative => "authoritative on one side only (AA)",
            Reason::Missing => "records that the files lack",
            Reason::Extra => "records that the server lacks",
            Reason::Records => "other records",
            Reason::Origin => "proxied, and the server has other records than the files store",
            Reason::NameServers => "other name servers (NS)",
            Reason::Ttl => "another TTL",
            Reason::Serial => "another serial (SOA)",
            Reason::Proxied => "proxied: answered from a map instead of what is stored",
            Reason::Alias => "an alias followed further by one of them",
            Reason::Authority => "other records beside the answer (authority section)",
            Reason::Additional => "other additional records",
        }
    }
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Why.
    pub reason: Reason,
    /// What the server answers.
    pub server: String,
    /// What the files say.
    pub files: String,
}

/// What the files would answer, with and without proxied names.
#[derive(Debug)]
pub struct Candidate {
    served: Snapshot,
    /// The same with every account DNS-only: what another server answers from the same files.
    stored: Snapshot,
}

impl Candidate {
    /// Compiles the sources.
    pub fn new(world: &mut World) -> Candidate {
        let served = compile(world, 0).snapshot;
        let accounts: Vec<AccountId> = world.zones.iter().map(|zone| zone.account.clone()).collect();
        for account in accounts {
            let settings = world.accounts.entry(account.clone());
            settings.or_insert_with(|| AccountSettings::new(account)).enforce_dns_only = true;
        }
        Candidate { served, stored: compile(world, 0).snapshot }
    }

    /// Holds an answer of the server against what the files would answer; `None` where they agree.
    pub fn compare(&self, name: &Name, qtype: RrType, theirs: &Message) -> Option<Finding> {
        let (message, steps) = say(&self.served, name, qtype);
        let (ours, other) = (Said::by(&message), Said::by(theirs));
        let mut reason = difference(qtype, &ours, &other, &steps)?;
        let from_map = steps.iter().any(|step| matches!(step, Step::Proxied(_) | Step::Ipv6Off));
        let hidden = steps.iter().any(|step| matches!(step, Step::ProxiedStored));
        if reason.weight() == Weight::Difference && (from_map || hidden) {
            let (stored, steps) = say(&self.stored, name, qtype);
            // The TTL of what is not shown does not matter; other types of the name are shown, but not behind an alias.
            let alias = other.answer.keys().any(|(_, rtype, _)| *rtype == RrType::CNAME);
            match difference(qtype, &Said::by(&stored), &other, &steps) {
                None => reason = Reason::Proxied,
                Some(Reason::Ttl) if from_map || alias => reason = Reason::Proxied,
                Some(rest) if rest.weight() != Weight::Difference => reason = Reason::Proxied,
                Some(_) if from_map && reason != Reason::Rcode => reason = Reason::Origin,
                Some(_) => {}
            }
        }
        Some(Finding { reason, server: told(theirs), files: told(&message) })
    }

    /// That there is nothing to hold against what the files would answer.
    pub fn unanswered(&self, name: &Name, qtype: RrType, reason: Reason) -> Finding {
        let files = told(&say(&self.served, name, qtype).0);
        Finding { reason, server: reason.text().to_owned(), files }
    }
}

/// Why `theirs` is another answer than `ours`, which was found by `steps`.
fn difference(qtype: RrType, ours: &Said, theirs: &Said, steps: &[Step<'_>]) -> Option<Reason> {
    if is_followed_further(qtype, ours, theirs, steps) {
        return Some(Reason::Alias);
    }
    if ours.rcode != theirs.rcode {
        return Some(Reason::Rcode);
    }
    if ours.authoritative != theirs.authoritative {
        return Some(Reason::Authoritative);
    }
    let records = if ours.is_referral() || theirs.is_referral() {
        of_records(&ours.authority_of(RrType::NS), &theirs.authority_of(RrType::NS))
    } else {
        of_records(&ours.answer, &theirs.answer)
    };
    match records {
        Some(Reason::Ttl) => Some(Reason::Ttl),
        Some(_) if qtype == RrType::SOA && without_serial(&ours.answer) == without_serial(&theirs.answer) => {
            Some(Reason::Serial)
        }
        Some(_) if qtype == RrType::NS => Some(Reason::NameServers),
        Some(reason) => Some(reason),
        None if ours.authority != theirs.authority => Some(Reason::Authority),
        None if ours.additional != theirs.additional => Some(Reason::Additional),
        None => None,
    }
}

fn of_records(ours: &Records, theirs: &Records) -> Option<Reason> {
    let missing = theirs.keys().any(|key| !ours.contains_key(key));
    let extra = ours.keys().any(|key| !theirs.contains_key(key));
    match (missing, extra) {
        (true, true) => Some(Reason::Records),
        (true, false) => Some(Reason::Missing),
        (false, true) => Some(Reason::Extra),
        (false, false) => (ours != theirs).then_some(Reason::Ttl),
    }
}

/// Whether one answer ends at an alias that the other follows, and leaves the rest to the resolver: the target is no
/// name of that server's, or belongs to another account. A server that says that the target does not exist ends there
/// as well, but does not leave it open.
fn is_followed_further(qtype: RrType, ours: &Said, theirs: &Said, steps: &[Step<'_>]) -> bool {
    let is_alias = |rtype: &RrType| matches!(*rtype, RrType::CNAME | RrType::DNAME);
    let ends_open = |short: &Said, long: &Said| {
        qtype != RrType::CNAME
            && short.rcode == Rcode::NOERROR
            && short.answer.keys().any(|(_, rtype, _)| *rtype == RrType::CNAME)
            && short.answer.keys().all(|(_, rtype, _)| is_alias(rtype))
            && short.answer.iter().all(|(key, ttl)| long.answer.get(key) == Some(ttl))
            && short.authority_of(RrType::SOA).is_empty()
            && (short.answer.len() < long.answer.len() || short.rcode != long.rcode)
    };
    let left_open = steps.iter().any(|step| matches!(step, Step::NotHere | Step::OtherAccount));
    (left_open && ends_open(ours, theirs)) || ends_open(theirs, ours)
}

/// SOA records without serial and TTL.
fn without_serial(records: &Records) -> Vec<(&Name, Vec<u8>)> {
    let bare = |rdata: &[u8]| {
        let mut rdata = rdata.to_vec();
        let end = rdata.len().saturating_sub(16);
        rdata.drain(end.saturating_sub(4)..end);
        rdata
    };
    records.keys().map(|(owner, _, rdata)| (owner, bare(rdata))).collect()
}

/// An answer on one line.
fn told(message: &Message) -> String {
    let said = Said::by(message);
    let mut text = said.rcode.to_string();
    if said.authoritative {
        text.push_str(" aa");
    }
    let section = if said.is_referral() { Section::Authority } else { Section::Answer };
    let mut records: Vec<_> = message.section(section).collect();
    if said.is_referral() {
        records.retain(|record| record.rtype == RrType::NS);
        text.push_str(" referral:");
    } else if records.is_empty() && said.rcode == Rcode::NOERROR {
        text.push_str(" no data");
    }
    records.sort();
    for (index, record) in records.iter().take(TOLD).enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let data = rdata_text(record.rtype, &record.rdata);
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma} {} {} {data}", record.ttl, record.rtype);
    }
    if records.len() > TOLD {
        let _ = write!(text, " and {} more", records.len() - TOLD);
    }
    text
}

#[cfg(test)]
mod tests;
