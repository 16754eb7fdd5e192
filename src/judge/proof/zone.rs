//! One zone after the other: every question that shows anything, its answer, and what governs.

use std::net::IpAddr;
use std::rc::Rc;

use super::agreement::{agrees, octets};
use super::claims::{self, Answers};
use super::expected::{Expected, Located, Number, Reading, Zone, Zones, parent};
use super::report::Findings;
use super::{Prover, blame, code};
use crate::answer::{End, Outcome, resolve};
use crate::model::{AddressMap, AddressSource, AssertionScope, Diagnostic, Member, Place, Unit};
use crate::snapshot::{AddressSet, Snapshot};
use crate::wire::{MAX_NAME, NameBuf, Question, RrType};

/// What is asked of every name.
const ASKED: [RrType; 4] = [RrType::A, RrType::AAAA, RrType::CNAME, RrType::ANY];

/// Types whose answers bring addresses of the names in their RDATA.
pub(super) fn brings_additionals(rtype: RrType) -> bool {
    matches!(rtype, RrType::NS | RrType::MX | RrType::SRV | RrType::SVCB | RrType::HTTPS)
}

/// Names from pause to pause: some fifty microseconds.
const STEP: u32 = 32;

/// A proof of zones on its way.
pub(super) struct Pass<'r, 'w, 's> {
    pub(super) prover: &'r Prover<'w>,
    pub(super) snapshot: &'s Snapshot,
    pub(super) zones: Zones<'r, 'w>,
    pub(super) proof: Findings,
    /// The zone at hand.
    at: u32,
    /// What is broken in the zone at hand, each with the number of answers.
    pub(super) here: Vec<(Unit, Diagnostic, u64)>,
    /// What its first proxied name is answered for A and AAAA, once asked.
    mapped: [Option<Mapped<'s>>; 2],
    /// The message of an answer that brings additional data.
    pub(super) message: Vec<u8>,
    /// Addresses of the zone at hand.
    addresses: Vec<IpAddr>,
    /// Names since the last pause, and who is called in it.
    names: u32,
    between: &'r dyn Fn(),
}

/// What a proxied name is answered: a set and its level, or nothing.
type Mapped<'s> = Option<(&'s AddressSet, AddressSource)>;

impl<'r, 'w, 's> Pass<'r, 'w, 's> {
    pub(super) fn new(
        prover: &'r Prover<'w>,
        snapshot: &'s Snapshot,
        between: &'r dyn Fn(),
    ) -> Pass<'r, 'w, 's> {
        Pass {
            prover,
            snapshot,
            zones: Zones::new(&prover.rules),
            proof: Findings::default(),
            at: 0,
            here: Vec::new(),
            mapped: [None; 2],
            message: Vec::new(),
            addresses: Vec::new(),
            names: 0,
            between,
        }
    }

    /// Proves the zone at a place of the world.
    pub(super) fn prove(&mut self, place: u32) {
        let zone = self.zones.read(place);
        self.mapped = [None; 2];
        self.at = place;
        self.proof.report.zones += 1;
        let mut name = NameBuf::new();
        match &zone.reading {
            Some(reading) => {
                for number in 0..reading.len() {
                    let report = &mut self.proof.report;
                    match reading.is_empty(number) {
                        true => report.empty_names += 1,
                        false => report.names += 1,
                    }
                    self.name(&zone, reading, number, &mut name);
                    self.names += 1;
                    if self.names >= STEP {
                        self.names = 0;
                        (self.between)();
                    }
                }
            }
            None => {
                // Whatever is asked of it fails.
                let _ = name.set(&zone.loaded.origin.to_lower_wire());
                self.ask_all(&zone, &name, Located::Missing);
            }
        }
        self.governors(&zone);
        self.standing(&zone);
        for (unit, mut found, answers) in std::mem::take(&mut self.here) {
            if answers > 1 {
                found.message += &format!("; so are {} more answers", answers - 1);
            }
            self.proof.tell(unit, found, None);
        }
    }

    /// A name, and one below it that does not exist.
    fn name(&mut self, zone: &Rc<Zone<'r, 'w>>, reading: &Reading<'w>, number: Number, name: &mut NameBuf) {
        let lower = reading.name(number);
        if name.set(lower).is_err() {
            return;
        }
        let elsewhere = self.elsewhere(zone, lower);
        let (holder, located) = match &elsewhere {
            Some(holder) => (holder, self.zones.locate(holder, lower)),
            None => (zone, reading.at(number)),
        };
        self.ask_all(holder, name, located);
        if elsewhere.is_none() {
            self.further_types(zone, reading, number, name, located);
        }
        if below(lower, reading, name) {
            let elsewhere = self.elsewhere(zone, name.as_wire());
            match &elsewhere {
                Some(holder) => {
                    let located = self.zones.locate(holder, name.as_wire());
                    self.ask_all(holder, name, located);
                }
                None => self.ask_all(zone, name, reading.below(number)),
            }
        }
    }

    /// The zone below this one that holds a name, if another one does.
    fn elsewhere(&self, zone: &Rc<Zone<'r, 'w>>, lower: &[u8]) -> Option<Rc<Zone<'r, 'w>>> {
        if !self.prover.rules.encloses(zone.place) {
            return None;
        }
        self.zones.holding(lower, zone).filter(|holder| holder.place != zone.place)
    }

    fn ask_all(&mut self, zone: &Rc<Zone<'r, 'w>>, name: &NameBuf, located: Located<'w>) {
        for qtype in ASKED {
            self.ask(zone, name, located, qtype);
        }
    }

    /// The types stored at a proxied name, and whatever brings additional data.
    fn further_types(
        &mut self,
        zone: &Rc<Zone<'r, 'w>>,
        reading: &Reading<'w>,
        number: Number,
        name: &NameBuf,
        located: Located<'w>,
    ) {
        if !reading.has_others(number) {
            return;
        }
        match located {
            Located::Here(_) => {
                let mut asked: Option<RrType> = None;
                let proxied = reading.is_proxied(number);
                for record in reading.records(number) {
                    let rtype = record.rtype;
                    // Sets mostly stand together; asking for one of them twice does no harm.
                    if asked == Some(rtype) || ASKED.contains(&rtype) || rtype == RrType::DS {
                        continue;
                    }
                    if proxied || brings_additionals(rtype) {
                        asked = Some(rtype);
                        self.ask(zone, name, located, rtype);
                    }
                }
            }
            // The name servers of the delegation and their addresses.
            Located::Cut(cut) if cut == number => self.ask(zone, name, located, RrType::NS),
            _ => {}
        }
    }

    fn ask(&mut self, zone: &Rc<Zone<'r, 'w>>, name: &NameBuf, located: Located<'w>, qtype: RrType) {
        self.proof.report.questions += 1;
        let expected = self.zones.expect(zone, name.as_wire(), located, qtype);
        let snapshot = self.snapshot;
        let question = Question::new(name, qtype);
        let outcome = resolve(snapshot, &question, &mut ());
        if !agrees(&expected, &self.zones.links, &outcome) {
            return self.disagree(zone, name, located, &expected, &outcome, qtype);
        }
        if qtype.is_address() && expected.mapped && outcome.links.is_empty() {
            self.remember(&expected, &outcome, qtype);
        }
        if let (true, Some(holder)) = (brings_additionals(qtype), &expected.zone) {
            self.additionals(holder, &question, &outcome);
        }
    }

    /// Keeps what the first proxied name of the zone is answered.
    fn remember(&mut self, expected: &Expected<'r, 'w>, outcome: &Outcome<'s>, qtype: RrType) {
        let at = usize::from(qtype == RrType::AAAA);
        let is_own = expected.zone.as_ref().is_some_and(|at| at.place == self.at);
        if self.mapped[at].is_none() && is_own {
            self.mapped[at] = Some(match outcome.end {
                End::Addresses(set, source, _) => Some((set, source)),
                _ => None,
            });
        }
    }

    /// An answer that is not the one expected.
    fn disagree(
        &mut self,
        zone: &Rc<Zone<'r, 'w>>,
        name: &NameBuf,
        located: Located<'w>,
        expected: &Expected<'r, 'w>,
        outcome: &Outcome<'s>,
        qtype: RrType,
    ) {
        if self.lead_beyond(name, outcome) {
            self.proof.report.beyond += 1;
            return;
        }
        if expected.mapped && qtype.is_address() && outcome.links.is_empty() {
            self.remember(expected, outcome, qtype);
        }
        let (unit, found) = blame::disagreement(self, zone, name, located, expected, outcome, qtype);
        self.tell_here(unit, found);
    }

    /// Whether the question is about a zone that is served and not in the world, or its chain leads there.
    fn lead_beyond(&self, name: &NameBuf, outcome: &Outcome<'_>) -> bool {
        let is_beyond = |name: &[u8]| {
            let entry = self.snapshot.zones.closest(&self.snapshot.seed, name, 0);
            entry.is_some_and(|entry| self.prover.rules.zone_of(entry.zone.origin()).is_none())
        };
        let target = |link: &crate::answer::Link<'_>| super::agreement::target(link.entry, link.rrset);
        is_beyond(name.as_wire())
            || self.zones.seen.iter().any(|name| is_beyond(name))
            || outcome.links.iter().filter_map(target).any(|name| is_beyond(name.as_wire()))
    }

    /// Counts one more of its kind.
    pub(super) fn tell_here(&mut self, unit: Unit, found: Diagnostic) {
        match self.here.iter_mut().find(|(of, told, _)| told.code == found.code && *of == unit) {
            Some((_, _, answers)) => *answers += 1,
            None => self.here.push((unit, found, 1)),
        }
    }

    /// Of two enabled maps that name the zone only one can govern it.
    fn governors(&mut self, zone: &Zone<'r, 'w>) {
        let naming = || self.prover.rules.naming(zone.place, &zone.loaded.account);
        let Some((first, second)) = naming().next().zip(naming().nth(1)) else { return };
        let shown = shown(zone);
        let message = format!(
            "zone {shown} has two governors: map {} at {}, and map {}",
            first.id, first.place, second.id
        );
        let found = Diagnostic::error(code::TWO_ZONE_GOVERNORS, membership(second, zone), message);
        let hint = format!("remove {shown} from map {} or from map {}, or disable one", second.id, first.id);
        self.proof.tell(Unit::Account(second.account.clone()), found.hint(hint), None);
    }

    /// What governs the zone, whether its addresses may serve, and the assertions about it.
    fn standing(&mut self, zone: &Zone<'r, 'w>) {
        if self.mapped.iter().all(Option::is_none) {
            return;
        }
        self.proof.report.levels.count(zone.governor.source());
        if self.prover.rules.world.faulty_operator {
            // Nothing can be said before they are repaired, which is told.
            return;
        }
        let of_family = [RrType::A, RrType::AAAA].into_iter().zip(self.mapped);
        let sets = of_family.filter_map(|(family, mapped)| Some((family, mapped.flatten()?)));
        let mut addresses = std::mem::take(&mut self.addresses);
        addresses.clear();
        for (family, (set, _)) in sets.clone() {
            addresses.extend(octets(set.family(family)).filter_map(address));
        }
        let actual = sets.clone().next().map(|(_, actual)| actual);
        if let (Some(map), Some((set, _))) = (zone.governor.map(), actual)
            && set.map.as_ref() == Some(&map.id)
        {
            self.may_serve(zone, map, &addresses);
        }
        let answers = Answers {
            map: match actual {
                Some((set, _)) => set.map.as_ref(),
                None => zone.governor.map().map(|map| &map.id),
            },
            source: actual.map_or_else(|| zone.governor.source(), |(_, source)| Some(source)),
            addresses: &addresses,
        };
        self.judge(zone, &answers);
        self.addresses = addresses;
    }

    /// Whether the account of a map may use its addresses, and none is a shared one where that is forbidden.
    fn may_serve(&mut self, zone: &Zone<'r, 'w>, map: &AddressMap, addresses: &[IpAddr]) {
        let unit = || Unit::Account(map.account.clone());
        let prover = self.prover;
        for address in addresses {
            if let Some(why) = prover.eligibility.objection(map, *address) {
                let message = format!("map {} gives {address}, but {why}", map.id);
                let place = map.place_of(*address);
                let found = Diagnostic::error(code::INELIGIBLE_ADDRESS, place, message);
                let hint =
                    format!("remove {address} from map {}, or have it put right in the ledger", map.id);
                self.proof.tell(unit(), found.hint(hint), Some(shown(zone)));
            }
            if zone.account.never_shared() && prover.is_shared(*address) {
                let message = format!(
                    "account {} is never answered a shared address, but map {} gives {address} of [anycast]",
                    map.account, map.id
                );
                let found = Diagnostic::error(code::SHARED_ADDRESS, map.place_of(*address), message);
                let hint = format!("remove {address} from map {}", map.id);
                self.proof.tell(unit(), found.hint(hint), Some(shown(zone)));
            }
        }
    }

    /// The assertions about the zone.
    fn judge(&mut self, zone: &Zone<'r, 'w>, answers: &Answers<'_>) {
        let prover = self.prover;
        for assertion in prover.claims.about(zone) {
            self.proof.report.assertions += 1;
            let Some((code, what, hint)) = claims::objection(assertion, answers) else { continue };
            let message = format!("{what} ({})", assertion.place);
            let by_operator = assertion.scope == AssertionScope::Everything
                && answers.source == Some(AddressSource::AnycastDefaults);
            let unit = match by_operator {
                true => Unit::Operator,
                false => Unit::Account(zone.loaded.account.clone()),
            };
            let governs = zone.governor.map().filter(|map| Some(&map.id) == answers.map);
            let at_fault = |map: &AddressMap| {
                let address = claims::address_at_fault(assertion, answers);
                address.map_or_else(|| map.place.clone(), |address| map.place_of(address))
            };
            let anycast = prover.rules.world.anycast.as_ref();
            let place = match (governs, answers.source) {
                (Some(map), _) => at_fault(map),
                (None, Some(AddressSource::AnycastDefaults)) => {
                    anycast.map_or_else(|| assertion.place.clone(), |anycast| anycast.place.clone())
                }
                (None, _) => assertion.place.clone(),
            };
            let found = Diagnostic::error(code, place, message).hint(hint);
            self.proof.tell(unit, found, Some(shown(zone)));
        }
    }
}

/// The origin as people write it.
pub(super) fn shown(zone: &Zone<'_, '_>) -> String {
    let text = zone.loaded.origin.to_string();
    text.strip_suffix('.').filter(|text| !text.is_empty()).map_or_else(|| text.clone(), str::to_owned)
}

/// Where a map names a zone, or the account.
pub(super) fn membership(map: &AddressMap, zone: &Zone<'_, '_>) -> Place {
    let mut members = map.memberships.iter();
    let own = members.find(|membership| match &membership.member {
        Member::Zone(origin) => *origin == zone.loaded.origin,
        Member::Account => false,
    });
    own.map_or_else(|| map.place.clone(), |membership| membership.place.clone())
}

/// Four or sixteen octets as an address.
pub(super) fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
    }
}

/// Makes `name` a name just below another that the zone does not have. Not where it would be too long.
fn below(lower: &[u8], reading: &Reading<'_>, name: &mut NameBuf) -> bool {
    let mut wire = [0; MAX_NAME + 2];
    for digit in b'0'..=b'9' {
        let len = lower.len() + 3;
        let Some(room) = wire.get_mut(..len).filter(|_| len <= MAX_NAME) else { return false };
        room[..3].copy_from_slice(&[2, b'w', digit]);
        room[3..].copy_from_slice(lower);
        if reading.find(room).is_none() {
            debug_assert!(parent(room) == Some(lower));
            return name.set(room).is_ok();
        }
    }
    false
}
