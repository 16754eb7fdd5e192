//! Additional data: addresses that an answer brings along are seen in the message only.

use std::net::IpAddr;
use std::rc::Rc;

use super::agreement::may_stand_for;
use super::blame::{NOT_OF_THESE_FILES, leak, place_of, zone_unit};
use super::code;
use super::expected::Zone;
use super::zone::{Pass, address};
use crate::answer::{End, Frame, Outcome, write};
use crate::model::Diagnostic;
use crate::wire::reader::{Message, Section};
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
        for record in message.section(Section::Additional).filter(|record| record.rtype.is_address()) {
            let Some(found) = address(&record.rdata) else { continue };
            self.additional(zone, question, &NameBuf::lower_of(&record.owner), record.rtype, found);
        }
    }

    /// The message that a client with a large buffer gets.
    fn written(&mut self, question: &Question<'_>, outcome: &Outcome<'s>) -> Option<Message> {
        self.message.resize(usize::from(u16::MAX), 0);
        let header = Header { id: 0, flags: 0 };
        let query = Query { header, question: *question, edns: Some(Edns::of_size(u16::MAX)), tsig_at: None };
        question.put(header, &question.lower.to_name(), &mut self.message)?;
        let frame = Frame { limit: self.message.len(), turn: None, keepalive: None, tail: &[] };
        let written = write(outcome, &query, frame, &mut self.message);
        Message::parse(&self.message[..written.len])
    }

    /// One address of a name that is in the zone of the RRset.
    fn additional(
        &mut self,
        zone: &Rc<Zone<'r, 'w>>,
        question: &Question<'_>,
        owner: &NameBuf,
        rtype: RrType,
        found: IpAddr,
    ) {
        let octets = match found {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let Some(reading) = &zone.reading else { return };
        let number = reading.find(owner.as_wire());
        let stored = number.and_then(|number| {
            let mut records = reading.records(number);
            records.find(|record| record.rtype == rtype && *record.rdata == *octets)
        });
        let is_proxied = number.is_some_and(|number| reading.is_proxied(number));
        let may = if is_proxied { may_stand_for(zone, rtype, &octets) } else { stored.is_some() };
        if may {
            return;
        }
        let (unit, finding) = match stored {
            Some(record) => leak(zone, question.lower, question.qtype, record),
            None => {
                let message = format!(
                    "{} {} brings along {found} for {owner}, which has no such address",
                    question.lower, question.qtype
                );
                let place = number.and_then(|number| reading.records(number).next());
                let place = place.or_else(|| reading.records(0).next());
                let place = place.map(|record| place_of(zone, record));
                let Some(place) = place else { return };
                (
                    zone_unit(zone),
                    Diagnostic::error(code::WRONG_ANSWER, place, message).hint(NOT_OF_THESE_FILES),
                )
            }
        };
        self.tell_here(unit, finding);
    }
}
