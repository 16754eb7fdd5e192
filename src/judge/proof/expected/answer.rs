//! What a question is answered: RFC 1034 section 4.3.2 with wildcards, DNAME and proxied names, over plain records.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;

use super::governor::{AccountRules, Governor, Rules};
use super::reading::{Located, Number, Reading};
use crate::model::{LoadedZone, Record, ZoneContent};
use crate::wire::{MAX_NAME, Rcode, RrType};

/// Most aliases that are followed.
const MAX_ALIASES: usize = 16;
/// Names of zones that are kept read, so that chains between zones do not read them anew.
const KEPT: u32 = 1 << 20;

/// A zone with everything that its answers depend on.
#[derive(Debug)]
pub(in crate::judge::proof) struct Zone<'r, 'w> {
    /// Its place in the world.
    pub(in crate::judge::proof) place: u32,
    pub(in crate::judge::proof) loaded: &'w LoadedZone,
    pub(in crate::judge::proof) account: &'r AccountRules<'w>,
    /// Its names; none where it is answered SERVFAIL.
    pub(in crate::judge::proof) reading: Option<Reading<'w>>,
    pub(in crate::judge::proof) governor: Governor<'w>,
    /// Whether AAAA is answered for proxied names.
    pub(in crate::judge::proof) ipv6: bool,
}

/// What a question must be answered. The aliases on the way stand in [`Zones::links`].
#[derive(Clone, Debug)]
pub(in crate::judge::proof) struct Expected<'r, 'w> {
    pub(in crate::judge::proof) rcode: Rcode,
    pub(in crate::judge::proof) end: End,
    /// The zone that the end of the chain is in; none where the chain leaves the account or the server.
    pub(in crate::judge::proof) zone: Option<Rc<Zone<'r, 'w>>>,
    /// The end is a proxied name of that zone, and an address is asked for.
    pub(in crate::judge::proof) mapped: bool,
}

/// What stands at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::judge::proof) enum End {
    /// No record.
    Nothing,
    /// The records of a type at a name.
    Stored(Number, RrType),
    /// The same under the name of an alias that is answered as addresses.
    Flattened(Number, RrType),
    /// The addresses of what governs the zone.
    Addresses(RrType),
    /// The zone's SOA.
    Negative,
    /// The name servers of a cut.
    Referral(Number),
    /// The answer to all types.
    Hinfo,
}

/// What one zone says of one name.
enum Found<'w> {
    End(Rcode, End),
    Mapped(Rcode, End),
    Referral(Number),
    Alias(&'w Record),
    Redirect(Number, &'w Record),
    Flatten(&'w Record),
}

/// All zones, read as they are needed.
#[derive(Debug)]
pub(in crate::judge::proof) struct Zones<'r, 'w> {
    rules: &'r Rules<'w>,
    kept: RefCell<HashMap<u32, Rc<Zone<'r, 'w>>, RandomState>>,
    kept_names: Cell<u32>,
    /// CNAME and DNAME records that the last answer shows, in order.
    pub(in crate::judge::proof) links: Vec<&'w Record>,
    /// The name asked for and the targets of all aliases followed, in lower case.
    pub(in crate::judge::proof) seen: Vec<Vec<u8>>,
}

impl<'r, 'w> Zones<'r, 'w> {
    pub(in crate::judge::proof) fn new(rules: &'r Rules<'w>) -> Zones<'r, 'w> {
        Zones {
            rules,
            kept: RefCell::default(),
            kept_names: Cell::new(0),
            links: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Reads a zone of the world.
    pub(in crate::judge::proof) fn read(&self, place: u32) -> Rc<Zone<'r, 'w>> {
        let zone = self.named(place);
        let Zone { loaded, account, .. } = zone;
        let is_faulty = self.rules.world.faulty_accounts.contains(&loaded.account);
        let reading = match &loaded.content {
            ZoneContent::Good(data) if !is_faulty => {
                Some(Reading::new(data, account.proxies(&loaded.origin)))
            }
            _ => None,
        };
        Rc::new(Zone { reading, ..zone })
    }

    /// A zone of the world without a look at its records.
    pub(in crate::judge::proof) fn named(&self, place: u32) -> Zone<'r, 'w> {
        let loaded = &self.rules.world.zones[place as usize];
        let account = self.rules.account(&loaded.account);
        let governor = self.rules.governor(place, account);
        Zone { place, loaded, account, reading: None, governor, ipv6: account.ipv6(&loaded.origin) }
    }

    /// A zone that a chain leads to.
    fn kept(&self, place: u32) -> Rc<Zone<'r, 'w>> {
        if let Some(zone) = self.kept.borrow().get(&place) {
            return zone.clone();
        }
        let zone = self.read(place);
        let names = zone.reading.as_ref().map_or(1, Reading::len);
        if self.kept_names.get().saturating_add(names) > KEPT {
            self.kept.borrow_mut().clear();
            self.kept_names.set(0);
        }
        self.kept_names.set(self.kept_names.get().saturating_add(names));
        self.kept.borrow_mut().insert(place, zone.clone());
        zone
    }

    /// The zone that holds a name in lower case; `near` is taken instead of another copy of itself.
    pub(in crate::judge::proof) fn holding(
        &self,
        name: &[u8],
        near: &Rc<Zone<'r, 'w>>,
    ) -> Option<Rc<Zone<'r, 'w>>> {
        let place = self.rules.closest(name)?;
        Some(if place == near.place { near.clone() } else { self.kept(place) })
    }

    /// What a question for a name of a zone is answered, whose place in it is known.
    pub(in crate::judge::proof) fn expect(
        &mut self,
        zone: &Rc<Zone<'r, 'w>>,
        name: &[u8],
        located: Located<'w>,
        qtype: RrType,
    ) -> Expected<'r, 'w> {
        self.links.clear();
        self.seen.clear();
        match look(zone, located, qtype) {
            Found::End(rcode, end) => Expected { rcode, end, zone: Some(zone.clone()), mapped: false },
            Found::Mapped(rcode, end) => Expected { rcode, end, zone: Some(zone.clone()), mapped: true },
            Found::Referral(cut) => {
                let end = End::Referral(cut);
                Expected { rcode: Rcode::NOERROR, end, zone: Some(zone.clone()), mapped: false }
            }
            _ => {
                self.seen.push(name.to_vec());
                let (expected, _) = self.chase(zone.clone(), located, qtype, true);
                if expected.rcode == Rcode::SERVFAIL {
                    self.links.clear();
                }
                expected
            }
        }
    }

    /// Follows a chain from the last of the names seen on. Whether it ends in data, or its absence, of the account.
    fn chase(
        &mut self,
        mut zone: Rc<Zone<'r, 'w>>,
        mut located: Located<'w>,
        qtype: RrType,
        shown: bool,
    ) -> (Expected<'r, 'w>, bool) {
        let ended = |zone: &Rc<Zone<'r, 'w>>, rcode, end, mapped| Expected {
            rcode,
            end,
            zone: Some(zone.clone()),
            mapped,
        };
        let left = |rcode| (Expected { rcode, end: End::Nothing, zone: None, mapped: false }, false);
        loop {
            let may_follow = self.seen.len() <= MAX_ALIASES;
            let (record, target) = match look(&zone, located, qtype) {
                Found::End(rcode, end) => return (ended(&zone, rcode, end, false), true),
                Found::Mapped(rcode, end) => return (ended(&zone, rcode, end, true), true),
                Found::Referral(cut) => {
                    return (ended(&zone, Rcode::NOERROR, End::Referral(cut), false), false);
                }
                _ if !may_follow => return (ended(&zone, Rcode::SERVFAIL, End::Nothing, false), true),
                Found::Flatten(cname) => return self.flatten(&zone, located, cname, qtype, shown),
                Found::Alias(cname) => (cname, lowered(&cname.rdata)),
                Found::Redirect(owner, dname) => {
                    let name = &self.seen[self.seen.len() - 1];
                    let Some(reading) = &zone.reading else { return left(Rcode::SERVFAIL) };
                    let prefix = &name[..name.len() - reading.name(owner).len()];
                    let target = [prefix, &lowered(&dname.rdata)].concat();
                    if shown {
                        self.links.push(dname);
                    }
                    if target.len() > MAX_NAME {
                        return left(Rcode::YXDOMAIN);
                    }
                    if qtype == RrType::CNAME {
                        // The CNAME that the DNAME makes is what was asked for.
                        return (ended(&zone, Rcode::NOERROR, End::Nothing, false), true);
                    }
                    (dname, target)
                }
            };
            if shown && record.rtype == RrType::CNAME {
                self.links.push(record);
            }
            match self.follow(&zone, target) {
                Some((next, at)) => (zone, located) = (next, at),
                None => return left(Rcode::NOERROR),
            }
        }
    }

    /// Goes to the target of an alias, if it is a name of the account that the chain was not at before.
    fn follow(
        &mut self,
        zone: &Rc<Zone<'r, 'w>>,
        target: Vec<u8>,
    ) -> Option<(Rc<Zone<'r, 'w>>, Located<'w>)> {
        if self.seen.contains(&target) {
            return None;
        }
        let next = self.holding(&target, zone);
        self.seen.push(target);
        let next = next.filter(|next| next.loaded.account == zone.loaded.account)?;
        let located = self.locate(&next, &self.seen[self.seen.len() - 1]);
        Some((next, located))
    }

    /// What a name is in the zone that holds it.
    pub(in crate::judge::proof) fn locate(&self, zone: &Zone<'r, 'w>, name: &[u8]) -> Located<'w> {
        zone.reading.as_ref().map_or(Located::Missing, |reading| reading.locate(name))
    }

    /// A CNAME that stands for addresses of its target.
    fn flatten(
        &mut self,
        zone: &Rc<Zone<'r, 'w>>,
        located: Located<'w>,
        cname: &'w Record,
        qtype: RrType,
        shown: bool,
    ) -> (Expected<'r, 'w>, bool) {
        let at_apex = matches!(located, Located::Here(0));
        let inner = self.follow(zone, lowered(&cname.rdata));
        let inner = inner.map(|(next, at)| self.chase(next, at, qtype, false));
        let Some((inner, true)) = inner else {
            if at_apex {
                let failed =
                    Expected { rcode: Rcode::SERVFAIL, end: End::Nothing, zone: None, mapped: false };
                return (failed, false);
            }
            // What cannot be flattened here is left to the resolver.
            if shown {
                self.links.push(cname);
            }
            let left = Expected { rcode: Rcode::NOERROR, end: End::Nothing, zone: None, mapped: false };
            return (left, false);
        };
        let flat = match (inner.rcode, inner.end) {
            (Rcode::NOERROR, End::Stored(name, rtype) | End::Flattened(name, rtype)) => {
                Expected { end: End::Flattened(name, rtype), ..inner }
            }
            (Rcode::NOERROR, End::Addresses(_)) => inner,
            (Rcode::NOERROR | Rcode::NXDOMAIN, _) => {
                let Expected { zone: at, mapped, .. } = inner;
                // The family may be missing at a proxied name elsewhere; the SOA is this zone's.
                let at = if mapped { at } else { Some(zone.clone()) };
                Expected { rcode: Rcode::NOERROR, end: End::Negative, zone: at, mapped }
            }
            _ => inner,
        };
        (flat, true)
    }
}

/// What a zone says of a name.
fn look<'w>(zone: &Zone<'_, 'w>, located: Located<'w>, qtype: RrType) -> Found<'w> {
    let Some(reading) = &zone.reading else { return Found::End(Rcode::SERVFAIL, End::Nothing) };
    let number = match located {
        Located::Here(number) | Located::Wildcard(number) => number,
        Located::Cut(cut) => return Found::Referral(cut),
        Located::Redirected(owner, dname) => return Found::Redirect(owner, dname),
        Located::Missing => return Found::End(Rcode::NXDOMAIN, End::Negative),
    };
    let no_data = Found::End(Rcode::NOERROR, End::Negative);
    let stored = |rtype: RrType| match reading.records(number).any(|record| record.rtype == rtype) {
        true => Found::End(Rcode::NOERROR, End::Stored(number, rtype)),
        false => Found::End(Rcode::NOERROR, End::Negative),
    };
    let is_address = qtype == RrType::A || qtype == RrType::AAAA;
    let is_apex = number == 0;
    let is_proxied = reading.is_proxied(number);
    let cname = reading.cname(number);
    if qtype == RrType::ANY && !reading.is_empty(number) {
        let is_alias = cname.is_some() && !is_apex && !is_proxied;
        return if is_alias { stored(RrType::CNAME) } else { Found::End(Rcode::NOERROR, End::Hinfo) };
    }
    if is_proxied {
        return match qtype {
            RrType::CNAME => no_data,
            _ if is_address => mapped(zone, qtype),
            _ => stored(qtype),
        };
    }
    match cname {
        Some(cname) if is_address && reading.is_flattened(number) => Found::Flatten(cname),
        Some(_) if is_apex && qtype == RrType::CNAME => no_data,
        Some(cname) if !is_apex && qtype != RrType::CNAME => Found::Alias(cname),
        _ => stored(qtype),
    }
}

/// The addresses of what governs the zone, or none: no other level is asked for a family.
fn mapped<'w>(zone: &Zone<'_, 'w>, family: RrType) -> Found<'w> {
    if family == RrType::AAAA && !zone.ipv6 {
        return Found::Mapped(Rcode::NOERROR, End::Negative);
    }
    match zone.governor {
        Governor::Nothing => Found::Mapped(Rcode::SERVFAIL, End::Nothing),
        governor if governor.addresses(family).len() == 0 => Found::Mapped(Rcode::NOERROR, End::Negative),
        _ => Found::Mapped(Rcode::NOERROR, End::Addresses(family)),
    }
}

fn lowered(name: &[u8]) -> Vec<u8> {
    name.to_ascii_lowercase()
}
