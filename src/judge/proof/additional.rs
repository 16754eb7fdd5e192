//! Additional data: addresses that an answer brings along are seen in the message only.

use std::rc::Rc;

use super::agreement::may_stand_for;
use super::blame::{NOT_OF_THESE_FILES, leak, place_of, zone_unit};
use super::code;
use super::expected::Zone;
use super::zone::{Pass, address};
use crate::answer::{End, Frame, Outcome, write};
use crate::model::Diagnostic;
use crate::wire::reader::{Message, MessageRecord, Section};
use crate::wire::{Edns, Header, NameBuf, Query, Question, RrType};

impl<'r, 'w, 's> Pass<'r, 'w, 's> {
    /// Judges the addresses that an answer brings along.
    pub(super) fn additionals(
        &mut self,
        zone: &Rc<Zone<'r, 'w>>,
        question: &Question<'_>,
        outcome: &Outcome<'s>,
    ) {
        let brings = match outcome.end {
            End::Rrset(_, rrset) => rrset.additionals().next().is_some(),
            End::Referral(_, cut) => {
                cut.rrset(RrType::NS).is_some_and(|rrset| rrset.additionals().next().is_some())
            }
            _ => false,
        };
        if !brings {
            return;
        }
        let Some(message) = self.written(question, outcome) else { return };
        let records = message.section(Section::Additional).filter(|record| record.rtype.is_address());
        let records: Vec<&MessageRecord> = records.collect();
        // The records of a set stand together.
        for set in records.chunk_by(|a, b| (a.rtype, &a.owner) == (b.rtype, &b.owner)) {
            self.set(zone, question, set);
        }
    }

    /// The message that a client with a large buffer gets.
    fn written(&mut self, question: &Question<'_>, outcome: &Outcome<'s>) -> Option<Message> {
        self.message.resize(usize::from(u16::MAX), 0);
        let header = Header { id: 0, flags: 0 };
        let query = Query { header, question: *question, edns: Some(Edns::of_size(u16::MAX)), tsig_at: None };
        question.put(header, &question.lower.to_name(), &mut self.message)?;
        let frame = Frame { limit: self.message.len(), turn: None, keepalive: None, nsid: &[], tail: &[] };
        let written = write(outcome, &query, frame, &mut self.message);
        Message::parse(&self.message[..written.len])
    }

    /// All addresses of one family of a name that is in the zone of the RRset: the whole set or nothing.
    fn set(&mut self, zone: &Rc<Zone<'r, 'w>>, question: &Question<'_>, set: &[&MessageRecord]) {
        let (Some(reading), Some(first)) = (&zone.reading, set.first()) else { return };
        let rtype = first.rtype;
        let owner = NameBuf::lower_of(&first.owner);
        let number = reading.find(owner.as_wire());
        let stored = |number| reading.records(number).filter(move |record| record.rtype == rtype);
        let is_proxied = number.is_some_and(|number| reading.is_proxied(number));
        let whole = match number {
            _ if is_proxied => zone.governor.addresses(rtype).len(),
            Some(number) => stored(number).count(),
            None => 0,
        };
        let mut wrong = (set.len() != whole).then_some(*first);
        for record in set {
            let content = number.and_then(|number| stored(number).find(|own| *own.rdata == *record.rdata));
            if is_proxied && may_stand_for(zone, rtype, &record.rdata) || !is_proxied && content.is_some() {
                continue;
            }
            if let Some(content) = content {
                let (unit, found) = leak(zone, question.lower, question.qtype, content);
                return self.tell_here(unit, found);
            }
            wrong = Some(record);
        }
        let Some(wrong) = wrong else { return };
        let brought = address(&wrong.rdata).map_or_else(|| rtype.to_string(), |address| address.to_string());
        let message = format!(
            "{} {} brings {brought} along for {owner}, which does not have just that",
            question.lower, question.qtype
        );
        let place = number.and_then(|number| reading.records(number).next());
        let place = place.or_else(|| reading.records(0).next()).map(|record| place_of(zone, record));
        let Some(place) = place else { return };
        let found = Diagnostic::error(code::WRONG_ANSWER, place, message);
        self.tell_here(zone_unit(zone), found.hint(NOT_OF_THESE_FILES));
    }
}
