//! Why a name is answered what it is answered.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::addrmap::precedence::Verdict;
use crate::addrmap::{Decision, LedgerIndex, Precedence, eligibility};
use crate::answer::{self, Frame, Step};
use crate::model::{AddressMap, LoadedZone, Ownership, Place, RecordTags, World, ZoneContent, ZoneData};
use crate::snapshot::{Node, Snapshot, Zone, ZoneEntry};
use crate::wire::Header;
use crate::wire::reader::Message;
use crate::wire::{Edns, Name, NameBuf, Query, Question, RrType};

/// The walk to an answer, and the answer: plain data, so that a running server can send it to who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The name asked for, with its final dot.
    pub name: String,
    /// The type asked for.
    pub qtype: String,
    /// The turns of the walk, in order.
    pub turns: Vec<TurnTold>,
    /// The octets of the answer as a resolver with a large EDNS buffer gets it.
    pub answer: Vec<u8>,
}

/// One turn in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnTold {
    /// A stable name of the kind of turn: `zone`, `wildcard`, `proxied`.
    pub kind: Cow<'static, str>,
    /// What it is, in a sentence without a full stop.
    pub text: String,
    /// The file and line behind it.
    pub place: Option<Place>,
    /// The levels of the precedence, where the turn is that the name is proxied.
    pub levels: Vec<LevelTold>,
    /// By what each address answered may serve, where the turn is that the name is proxied and a map governs; nothing
    /// where there is no ledger.
    pub addresses: Vec<AddressTold>,
}

/// By what an address may serve in the map that governs, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressTold {
    /// The address.
    pub address: IpAddr,
    /// Whether it may.
    pub eligible: bool,
    /// By what, or why not, as the end of a sentence that begins with the address.
    pub text: String,
    /// The entry of the ledger.
    pub place: Option<Place>,
}

/// One level of the precedence in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelTold {
    /// The level: `zone map`.
    pub level: Cow<'static, str>,
    /// The same as one word: `zone_map`.
    pub source: Cow<'static, str>,
    /// Whether its addresses are answered.
    pub verdict: Verdict,
    /// Why or why not.
    pub reason: String,
    /// The maps considered, each with the place where it is written.
    pub maps: Vec<(String, Place)>,
}

impl Explanation {
    /// The answer, read; `None` where the octets are no message, which is nothing that we wrote.
    pub fn message(&self) -> Option<Message> {
        Message::parse(&self.answer)
    }

    /// Whether two explanations come to the same answer on the same way. Places do not count: a line that moved
    /// changes no answer.
    pub fn agrees_with(&self, other: &Explanation) -> bool {
        self.without_places() == other.without_places()
    }

    fn without_places(&self) -> Explanation {
        let mut bare = self.clone();
        for turn in &mut bare.turns {
            turn.place = None;
            turn.addresses.iter_mut().for_each(|told| told.place = None);
            for (_, place) in turn.levels.iter_mut().flat_map(|level| &mut level.maps) {
                *place = Place::file(&"".into());
            }
        }
        bare
    }
}

/// Walks to the answer of a question of class IN and tells every turn. `snapshot` must be compiled from `world`.
pub fn explain(world: &World, snapshot: &Snapshot, name: &Name, qtype: RrType) -> Explanation {
    let lower = NameBuf::lower_of(name);
    let question = Question::new(&lower, qtype);
    let mut steps: Vec<Step<'_>> = Vec::new();
    let outcome = answer::resolve(snapshot, &question, &mut steps);
    let edns = Edns::of_size(u16::MAX);
    let header = Header { id: 0, flags: 0 };
    let query = Query { header, question, edns: Some(edns), tsig_at: None };
    let mut bytes = vec![0; usize::from(u16::MAX)];
    question.put(header, name, &mut bytes).expect("any question fits into 65535 octets");
    let frame = Frame { limit: bytes.len(), turn: None, keepalive: None, nsid: &[], tail: &[] };
    let written = answer::write(&outcome, &query, frame, &mut bytes);
    bytes.truncate(written.len);
    let mut teller = Teller { world, qtype, snapshot, turns: Vec::new(), entry: None, node: None };
    for step in steps {
        teller.tell(step);
    }
    Explanation { name: name.to_string(), qtype: qtype.to_string(), turns: teller.turns, answer: bytes }
}

/// The addresses of a family in words.
fn listed<T: ToString>(family: &str, addresses: &[T]) -> String {
    match addresses {
        [] => format!("no {family} address: no data"),
        _ => addresses.iter().map(T::to_string).collect::<Vec<_>>().join(", "),
    }
}

struct Teller<'s> {
    world: &'s World,
    qtype: RrType,
    snapshot: &'s Snapshot,
    turns: Vec<TurnTold>,
    /// The zone and the name that the last turns were about.
    entry: Option<&'s ZoneEntry>,
    node: Option<Node<'s>>,
}

impl<'s> Teller<'s> {
    fn say(&mut self, kind: &'static str, text: String, place: Option<Place>) {
        self.turns.push(TurnTold {
            kind: kind.into(),
            text,
            place,
            levels: Vec::new(),
            addresses: Vec::new(),
        });
    }

    fn tell(&mut self, step: Step<'s>) {
        match step {
            Step::NoZone(name) => self.say("no_zone", format!("no zone here holds {name}: refused"), None),
            Step::Zone(name, entry) => self.tell_zone(&name, entry),
            Step::FaultyZone => self.tell_faulty(),
            Step::Exact(node) => {
                self.about(node, "exact", "the name exists");
                self.tell_stored(node);
            }
            Step::EmptyNonTerminal(node) => {
                self.about(
                    node,
                    "empty_non_terminal",
                    "the name owns nothing itself, names below it do: no data",
                );
            }
            Step::AtCut(node) => self.about(node, "zone_cut", "the name is delegated: a zone cut"),
            Step::BelowCut(node) => {
                let text = format!("the name is below the zone cut {}: a referral", self.owner(node));
                self.about(node, "below_cut", &text);
            }
            Step::BelowDname(node) => {
                let text = format!("the name is below the DNAME of {}", self.owner(node));
                self.about(node, "below_dname", &text);
            }
            Step::Wildcard(node) => {
                let text =
                    format!("the name does not exist; the source of synthesis is {}", self.owner(node));
                self.about(node, "wildcard", &text);
                self.tell_stored(node);
            }
            Step::Missing(node) => {
                let text = format!(
                    "the name does not exist; its closest encloser {} has no wildcard",
                    self.owner(node)
                );
                self.say("nonexistent", text, None);
            }
            Step::Proxied(entry) => self.tell_proxied(entry),
            Step::ProxiedStored => {
                let text =
                    "the name is proxied: A, AAAA and CNAME are hidden, other types are answered as stored";
                let place = self.record_place(tagged);
                self.say("proxied", text.into(), place);
            }
            Step::Ipv6Off => {
                let place = self.loaded().and_then(|zone| self.settings_place(zone));
                self.say("ipv6_off", "the zone has ipv6 = \"off\": no AAAA for proxied names".into(), place);
            }
            Step::Alias(target) => {
                let place = self.record_place(|rtype, _| rtype == RrType::CNAME || rtype == RrType::DNAME);
                self.say("alias", format!("an alias leads to {target}"), place);
            }
            Step::Flatten(target) => {
                let place = self.record_place(|rtype, _| rtype == RrType::CNAME);
                self.say("flatten", format!("the alias is answered as the addresses of {target}"), place);
            }
            Step::NotHere => {
                self.say("not_here", "no zone here holds that name: the resolver goes on".into(), None)
            }
            Step::OtherAccount => {
                let text = "that name belongs to another account: it is not followed, the resolver goes on";
                self.say("other_account", text.into(), None);
            }
            Step::Loop => {
                self.say(
                    "loop",
                    "that name was in the chain before: the aliases go round in a circle".into(),
                    None,
                );
            }
            Step::TooManyLinks => {
                let text = format!("more than {} aliases in a row: SERVFAIL", answer::MAX_LINKS);
                self.say("too_many_aliases", text, None);
            }
            Step::NameTooLong => {
                self.say("name_too_long", "the DNAME would make a name of more than 255 octets".into(), None);
            }
        }
    }

    fn tell_zone(&mut self, name: &NameBuf, entry: &'s ZoneEntry) {
        self.entry = Some(entry);
        self.node = None;
        let loaded = self.loaded();
        let account = loaded.map_or("?", |zone| zone.account.as_str()).to_owned();
        let place = loaded.and_then(good).map(|zone| Place::file(&zone.files[0]));
        let text = format!("{name} is looked up in zone {} of account {account}", origin(&entry.zone));
        self.say("zone", text, place);
    }

    /// Why a name that is not proxied is not, and where its records are.
    fn tell_stored(&mut self, node: Node<'s>) {
        if node.is_proxied() {
            return;
        }
        if self.record_place(tagged).is_none() {
            let qtype = self.qtype;
            if let Some(place) = self.record_place(|rtype, _| rtype == qtype || rtype == RrType::CNAME) {
                self.say("stored", "it is not proxied: answered as stored".into(), Some(place));
            }
            return;
        }
        let Some(zone) = self.loaded() else { return };
        let Some(account) = self.world.accounts.get(&zone.account) else { return };
        let (why, place) = if account.enforce_dns_only {
            (format!("account {} has enforce_dns_only", account.id), account.place.clone())
        } else {
            ("the zone is paused".to_owned(), account.zone(&zone.origin).place)
        };
        self.say("stored", format!("it is tagged as proxied, but {why}: what is stored is shown"), place);
    }

    fn tell_faulty(&mut self) {
        let account = self.loaded().map(|zone| &zone.account);
        let text = match account.filter(|account| self.world.faulty_accounts.contains(account)) {
            Some(account) => format!("the settings or maps of account {account} have an error: SERVFAIL"),
            None => "the zone's files have an error: SERVFAIL".to_owned(),
        };
        self.say("faulty", text, None);
    }

    fn about(&mut self, node: Node<'s>, kind: &'static str, text: &str) {
        self.node = Some(node);
        self.say(kind, text.to_owned(), None);
    }

    fn tell_proxied(&mut self, entry: &'s ZoneEntry) {
        let place = self.record_place(tagged);
        let Some(zone) = self.loaded() else { return };
        let walk = Precedence::new(self.world).walk(&zone.account, &zone.origin);
        let text = match walk.decision {
            Decision::Addresses { source, map, ipv4, ipv6 } => {
                let map = map.map(|map| format!(" {}", map.id)).unwrap_or_default();
                let given = match self.qtype {
                    RrType::A => listed("IPv4", ipv4),
                    _ => listed("IPv6", ipv6),
                };
                format!("the name is proxied: addresses come from the {source}{map}, which has {given}")
            }
            Decision::Nothing(why) => format!("the name is proxied, but {why}: SERVFAIL"),
        };
        let levels = walk.levels.into_iter().map(|level| LevelTold {
            level: level.source.name().into(),
            source: level.source.as_str().into(),
            verdict: level.verdict,
            reason: level.reason,
            maps: level
                .maps
                .iter()
                // Beside the one that governs the others are no reason.
                .filter(|considered| considered.chosen || level.verdict != Verdict::Chosen)
                .map(|considered| (considered.map.id.to_string(), considered.map.place.clone()))
                .collect(),
        });
        let levels = levels.collect();
        debug_assert!(self.snapshot.governing(entry).is_ok() == walk.decision.source().is_some());
        let addresses = walk.decision.map().map(|map| self.addresses(map)).unwrap_or_default();
        self.turns.push(TurnTold { kind: "proxied".into(), text, place, levels, addresses });
    }

    /// By what the addresses of a map that are answered may serve.
    fn addresses(&self, map: &AddressMap) -> Vec<AddressTold> {
        if self.world.ownership == Ownership::Off {
            return Vec::new();
        }
        let index = LedgerIndex::new(self.world.ledger.clone());
        let asked = eligibility::of(map, &index)
            .filter(|(address, _)| address.is_ipv4() == (self.qtype == RrType::A));
        let told = asked.map(|(address, right)| match right {
            Ok(right) => AddressTold {
                address,
                eligible: true,
                text: right.to_string(),
                place: Some(right.place().clone()),
            },
            Err(why) => {
                AddressTold { address, eligible: false, text: why.to_string(), place: why.place().cloned() }
            }
        });
        told.collect()
    }

    /// The sources of the zone that the walk is in.
    fn loaded(&self) -> Option<&'s LoadedZone> {
        let wire = self.entry?.zone.origin();
        self.world.zones.iter().find(|zone| zone.origin.as_wire().eq_ignore_ascii_case(wire))
    }

    fn settings_place(&self, zone: &LoadedZone) -> Option<Place> {
        self.world.accounts.get(&zone.account)?.zone(&zone.origin).place
    }

    /// The full name of a node of the zone that the walk is in.
    fn owner(&self, node: Node<'_>) -> String {
        let origin = self.entry.map_or(&[0][..], |entry| entry.zone.origin());
        NameBuf::concat(node.relative_name(), origin).map_or_else(|_| "?".into(), |name| name.to_string())
    }

    /// Where the first fitting record of the name that the walk is at stands.
    fn record_place(&self, fits: impl Fn(RrType, RecordTags) -> bool) -> Option<Place> {
        let zone = self.loaded().and_then(good)?;
        let relative = self.node?.relative_name();
        let owner = NameBuf::concat(relative, zone.origin.as_wire()).ok()?.to_name();
        let record =
            zone.records.iter().find(|record| record.owner == owner && fits(record.rtype, record.tags))?;
        Some(zone.place(record))
    }
}

/// Whether a record makes its name proxied.
fn tagged(rtype: RrType, tags: RecordTags) -> bool {
    (rtype.is_address() || rtype == RrType::CNAME) && tags.proxied == Some(true)
}

fn good(zone: &LoadedZone) -> Option<&ZoneData> {
    match &zone.content {
        ZoneContent::Good(data) => Some(data),
        ZoneContent::Faulty => None,
    }
}

fn origin(zone: &Zone) -> String {
    NameBuf::from_wire(zone.origin()).map_or_else(|_| "?".into(), |name| name.to_string())
}
