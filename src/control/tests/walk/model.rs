//! What a server should do, plainly: contents, guards by counting names, the table of states.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use crate::config::{Guards, Share};
use crate::control::tests::NO_GUARDS;

/// How far guards look back, in seconds.
const HOUR: u64 = 3600;

/// The guards of these worlds: a share of few names, and any harm that the defaults do. The accounts together are few
/// beside one that never changes, so that nothing trips for the whole server.
pub(super) const GUARDS: Guards = Guards {
    unproxied_zone: false,
    zones_gone: Share { percent: 50, floor: 0 },
    names_changed: Share { percent: 40, floor: 4 },
    zone_names_gone: Share { percent: 60, floor: 4 },
    operator_names: 0,
    ..NO_GUARDS
};

/// A unit. `Dee` is a zone of the account `default`; `Initech` has an immutable map of the operator and none of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Operator,
    Acme,
    Globex,
    Initech,
    Dee,
}

pub(super) const ALL: [Who; 5] = [Who::Operator, Who::Acme, Who::Globex, Who::Initech, Who::Dee];

impl Who {
    /// The account, where it has one.
    pub(super) fn account(self) -> Option<&'static str> {
        [None, Some("acme"), Some("globex"), Some("initech"), Some("default")][self as usize]
    }

    /// As `status` names it.
    pub(super) fn shown(self) -> String {
        match self {
            Who::Operator => "the operator's files".into(),
            Who::Dee => "zone dee.example.".into(),
            _ => format!("account {}", self.account().unwrap()),
        }
    }

    /// Its zones, and how many names each may have.
    pub(super) fn zones(self) -> &'static [(&'static str, usize)] {
        match self {
            Who::Operator => &[],
            Who::Acme => &[("a1.example", 16), ("a2.example", 6)],
            Who::Globex => &[("g1.example", 16), ("g2.example", 6)],
            Who::Initech => &[("i1.example", 12)],
            Who::Dee => &[("dee.example", 14)],
        }
    }

    /// Names of other zones that its account has, which never change.
    fn others(self) -> (u64, u64) {
        if self == Who::Dee { (1, 6) } else { (0, 0) }
    }
}

/// A name of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Absent,
    Proxied,
    /// With an A record of its own.
    Plain(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Zone {
    /// What its name `v` says.
    pub(super) version: u32,
    pub(super) slots: Vec<Slot>,
}

impl Zone {
    /// Names that own something: the apex and `v` always do.
    fn names(&self) -> u64 {
        2 + self.slots.iter().filter(|slot| **slot != Slot::Absent).count() as u64
    }
}

/// What holds a unit whatever is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Syntax,
    /// Its map has an address of somebody else.
    Ineligible,
    /// Its map has an address that its own assertion forbids.
    Assertion,
}

/// What the files of a unit say, or what is served of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Content {
    pub(super) zones: Vec<Option<Zone>>,
    /// Of its map, or of the defaults; each address by a number, those of IPv6 above 100. An account without is
    /// answered by the defaults.
    pub(super) addresses: BTreeSet<u8>,
    /// How many addresses Initech's immutable map has: of the operator as the files say, of Initech as is served.
    pub(super) kept: u8,
    /// `[[approve]]`: digests, and when they are void.
    pub(super) approvals: Vec<(String, Option<u64>)>,
    pub(super) fault: Option<Fault>,
}

impl Content {
    /// An assertion is about proxied names: without any it is not broken.
    fn is_faulty(&self) -> bool {
        let mut slots = self.zones.iter().flatten().flat_map(|zone| &zone.slots);
        self.fault.is_some_and(|fault| fault != Fault::Assertion || slots.any(|slot| *slot == Slot::Proxied))
    }
}

pub(super) type World = [Rc<Content>; 5];

/// The address behind a number.
pub(super) fn address(who: Who, number: u8) -> IpAddr {
    let of = who as u8;
    match number.checked_sub(100) {
        None if who == Who::Operator => Ipv4Addr::new(192, 0, 2, number).into(),
        None => Ipv4Addr::new(203, 0, 113, (of - 1) * 64 + number).into(),
        Some(number) => Ipv6Addr::new(0x2001, 0xdb8, of.into(), 0, 0, 0, 0, number.into()).into(),
    }
}

/// Numbers of the addresses of Initech's immutable map.
pub(super) fn kept(number: u8) -> impl Iterator<Item = u8> {
    (1..=number).map(|at| if at % 3 == 0 { 100 + at } else { at })
}

fn addresses(who: Who, numbers: impl Iterator<Item = u8>) -> BTreeSet<IpAddr> {
    numbers.map(|number| address(who, number)).collect()
}

/// What proxied names of a unit are answered with.
pub(super) fn governing(who: Who, content: &Content, operator: &Content) -> BTreeSet<IpAddr> {
    match who {
        Who::Initech => addresses(who, kept(content.kept)),
        Who::Acme | Who::Globex if !content.addresses.is_empty() => {
            addresses(who, content.addresses.iter().copied())
        }
        _ => addresses(Who::Operator, operator.addresses.iter().copied()),
    }
}

fn by_defaults(who: Who, content: &Content) -> bool {
    who != Who::Initech && content.addresses.is_empty()
}

/// What a name is answered with.
pub(super) fn answer(slot: Slot, governing: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
    match slot {
        Slot::Absent => BTreeSet::new(),
        Slot::Proxied => governing.clone(),
        Slot::Plain(last) => [Ipv4Addr::new(198, 51, 100, last).into()].into(),
    }
}

/// Whether a guard minds what a unit would be, beside what it was at some moment.
fn trips(who: Who, before: &World, after: &Content, operator: &Content) -> bool {
    let (was, was_operator) = (&*before[who as usize], &*before[0]);
    if who == Who::Operator {
        return !was.addresses.is_subset(&after.addresses);
    }
    let (had, has) = (governing(who, was, was_operator), governing(who, after, operator));
    let (mut zones, mut zones_gone) = (who.others().0, 0);
    let (mut names, mut harmed) = (who.others().1, 0);
    for (was_zone, is_zone) in was.zones.iter().zip(&after.zones) {
        let Some(was_zone) = was_zone else { continue };
        zones += 1;
        names += was_zone.names();
        let Some(is_zone) = is_zone else {
            zones_gone += 1;
            harmed += was_zone.names();
            continue;
        };
        if was_zone == is_zone && by_defaults(who, was) && by_defaults(who, after) {
            // The operator's doing.
            continue;
        }
        let (mut gone, mut exposed) = (0, 0);
        for (was, is) in was_zone.slots.iter().zip(&is_zone.slots) {
            let lost = !answer(*was, &had).is_subset(&answer(*is, &has));
            harmed += u64::from(lost);
            gone += u64::from(lost && *is == Slot::Absent);
            exposed += u64::from(*was == Slot::Proxied && matches!(is, Slot::Plain(_)));
        }
        harmed += u64::from(was_zone.version != is_zone.version);
        let proxied = is_zone.slots.contains(&Slot::Proxied);
        if GUARDS.zone_names_gone.is_exceeded(gone, was_zone.names()) || exposed > 0 && !proxied {
            return true;
        }
    }
    GUARDS.zones_gone.is_exceeded(zones_gone, zones) || GUARDS.names_changed.is_exceeded(harmed, names)
}

fn key(who: Who, content: &Content, served: &World) -> (Who, Content) {
    let in_files = who != Who::Initech || served[0].kept > 0;
    let kept = if in_files { content.kept } else { 0 };
    // Approvals stand in a file of their own.
    (who, Content { kept, approvals: Vec::new(), ..content.clone() })
}

/// What a unit is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Live,
    Fault,
    Guard,
    Pinned,
}

/// Digests as they were seen.
pub(super) type Digests = BTreeMap<(Who, Content), String>;

/// A server.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) served: World,
    pub(super) states: [State; 5],
    /// Rolled back: everything, and by unit.
    pub(super) all_pinned: Option<u64>,
    pub(super) pinned: [Option<u64>; 5],
    /// By a command.
    pub(super) approved: BTreeSet<(Who, Content)>,
    /// What was served until when; a unit that began anew is there as it was then.
    past: Vec<(u64, World)>,
    /// Times that something was held only for what was served an hour ago, and that an approval let something pass.
    pub(super) seen: (usize, usize),
}

impl Server {
    pub(super) fn new(served: World) -> Server {
        Server {
            served,
            states: [State::Live; 5],
            all_pinned: None,
            pinned: [None; 5],
            approved: BTreeSet::new(),
            past: Vec::new(),
            seen: (0, 0),
        }
    }

    pub(super) fn of(&self, who: Who) -> &Content {
        &self.served[who as usize]
    }

    /// What the files would make of a unit.
    pub(super) fn candidate(&self, who: Who, files: &World) -> Rc<Content> {
        let file = &files[who as usize];
        match who {
            Who::Initech => {
                let kept = self.of(who).kept.max(self.of(Who::Operator).kept);
                Rc::new(Content { kept, ..(**file).clone() })
            }
            _ => file.clone(),
        }
    }

    /// What a digest is of: a map that the operator's files do not hold is no part of it.
    pub(super) fn key(&self, who: Who, content: &Content) -> (Who, Content) {
        key(who, content, &self.served)
    }

    fn is_approved(&self, who: Who, content: &Content, digests: &Digests, now: u64) -> bool {
        let key = self.key(who, content);
        let by_file = digests.get(&key).is_some_and(|digest| {
            let operator = if who == Who::Operator { content } else { self.of(Who::Operator) };
            let approvals = operator.approvals.iter();
            approvals.clone().any(|(of, expires)| of == digest && expires.is_none_or(|at| at > now))
        });
        by_file || self.approved.contains(&key)
    }

    /// What was served an hour ago, or first since.
    fn ago(&self, now: u64) -> Option<&World> {
        self.past.iter().find(|(until, _)| until + HOUR >= now).map(|(_, world)| world)
    }

    /// Follows the files, unit by unit.
    pub(super) fn follow(&mut self, files: &World, digests: &Digests, now: u64) {
        let before = self.served.clone();
        let mut anew = Vec::new();
        for who in ALL {
            let at = who as usize;
            let candidate = self.candidate(who, files);
            self.states[at] = if candidate == self.served[at] {
                State::Live
            } else if self.all_pinned.is_some() || self.pinned[at].is_some() {
                State::Pinned
            } else if candidate.is_faulty() {
                State::Fault
            } else {
                let trips = |before: &World| trips(who, before, &candidate, &self.served[0]);
                let (at_once, slowly) = (trips(&self.served), self.ago(now).is_some_and(trips));
                let minded = at_once || slowly;
                let approved = minded && self.is_approved(who, &candidate, digests, now);
                self.seen.0 += usize::from(slowly && !at_once && !approved);
                self.seen.1 += usize::from(approved);
                if minded && !approved {
                    State::Guard
                } else {
                    if approved {
                        anew.push(who);
                    }
                    if approved && who == Who::Operator {
                        // What accounts change beside it is not held for it.
                        self.past.iter_mut().for_each(|(_, world)| world[at] = candidate.clone());
                    }
                    self.served[at] = candidate;
                    State::Live
                }
            };
        }
        self.published(before, &anew, now);
    }

    /// Notes what was served before.
    fn published(&mut self, before: World, anew: &[Who], now: u64) {
        if before != self.served {
            self.past.push((now, before));
        }
        for who in anew {
            let at = *who as usize;
            self.past.iter_mut().for_each(|(_, world)| world[at] = self.served[at].clone());
        }
    }

    /// What it would serve after going back, of everything or of one account.
    pub(super) fn back_to(&self, then: &World, whose: Option<Who>) -> World {
        let mut after = self.served.clone();
        for who in ALL.into_iter().filter(|who| whose.is_none_or(|whose| whose == *who)) {
            after[who as usize] = then[who as usize].clone();
        }
        // It never loses what it had.
        let at = Who::Initech as usize;
        let mut initech = Content { kept: self.of(Who::Initech).kept, ..(*after[at]).clone() };
        if whose.is_some() && initech != *self.served[at] {
            // It goes with the operator's files as they are served.
            initech.kept = initech.kept.max(after[0].kept);
        }
        after[at] = Rc::new(initech);
        after
    }

    /// Goes back, whatever guards say.
    pub(super) fn roll_back(&mut self, after: World, whose: Option<Who>, generation: u64, now: u64) {
        let before = std::mem::replace(&mut self.served, after);
        for who in ALL {
            let left = key(who, &before[who as usize], &before);
            if left != key(who, &self.served[who as usize], &self.served) {
                self.approved.remove(&left);
            }
        }
        match whose {
            None => {
                self.past.clear();
                self.pinned = [None; 5];
                self.all_pinned = Some(generation);
            }
            Some(who) => {
                self.published(before, &[who], now);
                self.pinned[who as usize] = Some(generation);
            }
        }
    }

    /// A restart knows nothing of the hour before it.
    pub(super) fn restart(&mut self) {
        self.past.clear();
    }
}
