//! A zone read name by name: what each owns, what hides it, and which wildcard stands below it.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::model::{Record, ZoneData};
use crate::wire::{Name, RrType};

use super::governor::parent;

/// The number of a name in its zone; the apex is 0.
pub(in crate::judge::proof) type Number = u32;

/// Nothing: no name, no record.
const NONE: u32 = u32::MAX;

/// What is known of a name. Records are numbers into [`ZoneData::records`].
#[derive(Clone, Debug)]
struct Known {
    /// The name in lower case, whole, in the reading's text.
    start: u32,
    len: u8,
    /// Its first record; the others follow by `Reading::next`.
    first: u32,
    last: u32,
    above: Number,
    /// The name with an asterisk in front.
    wildcard: Number,
    /// The cut or DNAME above it, the one next to the apex.
    hidden_by: Number,
    ns: bool,
    proxied: bool,
    flatten: bool,
    /// Has a type that is none of A, AAAA and CNAME.
    others: bool,
    cname: u32,
    dname: u32,
}

/// The names of a zone.
#[derive(Debug)]
pub(in crate::judge::proof) struct Reading<'w> {
    /// The zone as read.
    pub(in crate::judge::proof) data: &'w ZoneData,
    /// Whether tags take effect.
    proxies: bool,
    text: Vec<u8>,
    names: Vec<Known>,
    next: Vec<u32>,
    /// Open addressing: the number of a name and one, or zero.
    table: Vec<u32>,
    state: RandomState,
}

impl<'w> Reading<'w> {
    /// Reads a zone.
    pub(in crate::judge::proof) fn new(data: &'w ZoneData, proxies: bool) -> Reading<'w> {
        let records = &data.records;
        let mut reading = Reading {
            data,
            proxies,
            text: Vec::with_capacity(24 * records.len()),
            names: Vec::with_capacity(records.len()),
            next: vec![NONE; records.len()],
            table: vec![0; (2 * records.len() + 2).next_power_of_two()],
            state: RandomState::default(),
        };
        let origin = data.origin.as_wire();
        reading.ensure(origin, origin.len());
        let mut last: Option<(&Name, Number)> = None;
        for (at, record) in (0..).zip(records) {
            let name = match last {
                Some((owner, name)) if owner.as_wire() == record.owner.as_wire() => name,
                _ => reading.ensure(record.owner.as_wire(), origin.len()),
            };
            last = Some((&record.owner, name));
            reading.add(name, at, record);
        }
        reading.hide();
        reading
    }

    /// The number of a name, made with all above it where it is missing.
    fn ensure(&mut self, name: &[u8], origin: usize) -> Number {
        let start = self.text.len();
        self.text.extend(name.iter().map(u8::to_ascii_lowercase));
        if let Some(found) = self.find(&self.text[start..]) {
            self.text.truncate(start);
            return found;
        }
        self.insert(start as u32, name.len(), origin)
    }

    /// Adds the name that stands at `start` of the text, and those above it, of which the text is there as well.
    fn insert(&mut self, start: u32, len: usize, origin: usize) -> Number {
        let above = if len == origin {
            0
        } else {
            let label = 1 + usize::from(self.text[start as usize]);
            let upper = start as usize + label;
            match self.find(&self.text[upper..upper + len - label]) {
                Some(above) => above,
                None => self.insert(upper as u32, len - label, origin),
            }
        };
        if 2 * (self.names.len() + 1) > self.table.len() {
            self.grow();
        }
        let number = self.names.len() as u32;
        self.names.push(Known {
            start,
            len: len as u8,
            first: NONE,
            last: NONE,
            above,
            wildcard: NONE,
            hidden_by: NONE,
            ns: false,
            proxied: false,
            flatten: false,
            others: false,
            cname: NONE,
            dname: NONE,
        });
        if number != 0 && self.name(number).starts_with(b"\x01*") {
            self.names[above as usize].wildcard = number;
        }
        self.put(number);
        number
    }

    fn put(&mut self, number: Number) {
        let mask = self.table.len() - 1;
        let mut slot = self.state.hash_one(self.name(number)) as usize & mask;
        while self.table[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.table[slot] = number + 1;
    }

    fn grow(&mut self) {
        self.table = vec![0; 2 * self.table.len()];
        for number in 0..self.names.len() as u32 {
            self.put(number);
        }
    }

    fn add(&mut self, name: Number, at: u32, record: &Record) {
        let known = &mut self.names[name as usize];
        match known.last {
            NONE => known.first = at,
            last => self.next[last as usize] = at,
        }
        known.last = at;
        match record.rtype {
            RrType::A | RrType::AAAA => {}
            RrType::CNAME => {
                known.cname = known.cname.min(at);
                known.flatten |= record.tags.flatten;
            }
            RrType::NS => (known.ns, known.others) = (true, true),
            RrType::DNAME => (known.dname, known.others) = (known.dname.min(at), true),
            _ => known.others = true,
        }
        known.proxied |= can_be_proxied(record.rtype) && record.tags.proxied == Some(true);
    }

    /// Finds what hides each name; those above a name were made before it.
    fn hide(&mut self) {
        for number in 1..self.names.len() {
            let above = self.names[number].above;
            let upper = &self.names[above as usize];
            self.names[number].hidden_by = match upper.hidden_by {
                NONE if (above != 0 && upper.ns) || upper.dname != NONE => above,
                hidden_by => hidden_by,
            };
        }
    }

    /// How many names there are.
    pub(in crate::judge::proof) fn len(&self) -> Number {
        self.names.len() as u32
    }

    /// A name in wire form and lower case.
    pub(in crate::judge::proof) fn name(&self, number: Number) -> &[u8] {
        let known = &self.names[number as usize];
        &self.text[known.start as usize..][..usize::from(known.len)]
    }

    /// The number of a name in lower case.
    pub(in crate::judge::proof) fn find(&self, name: &[u8]) -> Option<Number> {
        let mask = self.table.len() - 1;
        let mut slot = self.state.hash_one(name) as usize & mask;
        loop {
            let number = self.table[slot].checked_sub(1)?;
            if self.name(number) == name {
                return Some(number);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The records of a name in the order read.
    pub(in crate::judge::proof) fn records(&self, number: Number) -> impl Iterator<Item = &'w Record> {
        let first = self.names[number as usize].first;
        let numbers = std::iter::successors(Some(first), |at| self.next.get(*at as usize).copied());
        let data = self.data;
        numbers.take_while(|at| *at != NONE).map(move |at| &data.records[at as usize])
    }

    /// Whether a name owns no record.
    pub(in crate::judge::proof) fn is_empty(&self, number: Number) -> bool {
        self.names[number as usize].first == NONE
    }

    /// Whether the addresses of a name come from a map.
    pub(in crate::judge::proof) fn is_proxied(&self, number: Number) -> bool {
        self.proxies && self.names[number as usize].proxied
    }

    /// Whether a name owns other types than those that can be proxied.
    pub(in crate::judge::proof) fn has_others(&self, number: Number) -> bool {
        self.names[number as usize].others
    }

    /// The CNAME of a name.
    pub(in crate::judge::proof) fn cname(&self, number: Number) -> Option<&'w Record> {
        self.data.records.get(self.names[number as usize].cname as usize)
    }

    /// Whether that CNAME is answered as addresses of its target.
    pub(in crate::judge::proof) fn is_flattened(&self, number: Number) -> bool {
        number == 0 || self.names[number as usize].flatten
    }

    /// What a name is that lies in this zone.
    pub(in crate::judge::proof) fn locate(&self, name: &[u8]) -> Located<'w> {
        let mut here = Some(name);
        let mut exact = true;
        while let Some(lower) = here {
            if let Some(number) = self.find(lower) {
                return if exact { self.at(number) } else { self.below(number) };
            }
            exact = false;
            here = parent(lower);
        }
        Located::Missing
    }

    /// What a name of the zone is.
    pub(in crate::judge::proof) fn at(&self, number: Number) -> Located<'w> {
        let known = &self.names[number as usize];
        match known.hidden_by {
            NONE if number != 0 && known.ns => Located::Cut(number),
            NONE => Located::Here(number),
            hidden_by => self.hidden(hidden_by),
        }
    }

    /// What a name is that does not exist itself and whose closest encloser is this one.
    pub(in crate::judge::proof) fn below(&self, encloser: Number) -> Located<'w> {
        let known = &self.names[encloser as usize];
        match known.hidden_by {
            NONE if (encloser != 0 && known.ns) || known.dname != NONE => self.hidden(encloser),
            NONE if known.wildcard == NONE => Located::Missing,
            NONE => Located::Wildcard(known.wildcard),
            hidden_by => self.hidden(hidden_by),
        }
    }

    /// At a name with NS and DNAME the delegation is met first.
    fn hidden(&self, by: Number) -> Located<'w> {
        let known = &self.names[by as usize];
        match self.data.records.get(known.dname as usize) {
            Some(dname) if !(by != 0 && known.ns) => Located::Redirected(by, dname),
            _ => Located::Cut(by),
        }
    }
}

/// What a name is in its zone.
#[derive(Clone, Copy, Debug)]
pub(in crate::judge::proof) enum Located<'w> {
    /// It exists.
    Here(Number),
    /// It does not, but this wildcard makes it.
    Wildcard(Number),
    /// It is at or below this cut.
    Cut(Number),
    /// It is below this DNAME.
    Redirected(Number, &'w Record),
    /// It does not exist.
    Missing,
}

/// What a `cf-proxied` tag can stand on.
fn can_be_proxied(rtype: RrType) -> bool {
    matches!(rtype, RrType::A | RrType::AAAA | RrType::CNAME)
}
