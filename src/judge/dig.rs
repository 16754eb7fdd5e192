//! A message as dig would show it.

use std::fmt::Write;

use crate::wire::query::Header;
use crate::wire::reader::{Message, MessageRecord, Section};
use crate::zonefile::rdata_text;

/// The message in the form of dig, without its statistics.
pub fn dig_text(message: &Message) -> String {
    let mut text = String::new();
    let flags = flags(message.header);
    let count = |section| message.section(section).count();
    let opt = usize::from(message.opt().is_some());
    let (answer, authority) = (count(Section::Answer), count(Section::Authority));
    let additional = count(Section::Additional) + opt;
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, ";; ->>HEADER<<- opcode: {}, status: {}", message.header.opcode(), message.rcode());
    let _ = writeln!(
        text,
        ";; flags: {flags}; QUERY: 1, ANSWER: {answer}, AUTHORITY: {authority}, ADDITIONAL: {additional}"
    );
    if let Some((name, rtype, class)) = &message.question {
        let _ = writeln!(text, "\n;; QUESTION SECTION:\n;{name}\t{class}\t{rtype}");
    }
    for (section, title) in
        [(Section::Answer, "ANSWER"), (Section::Authority, "AUTHORITY"), (Section::Additional, "ADDITIONAL")]
    {
        if count(section) > 0 {
            let _ = writeln!(text, "\n;; {title} SECTION:");
            for record in message.section(section) {
                let _ = writeln!(text, "{}", record_text(record));
            }
        }
    }
    text
}

/// One record on one line, its fields set apart by tabs.
pub(super) fn record_text(record: &MessageRecord) -> String {
    let rdata = rdata_text(record.rtype, &record.rdata);
    format!("{}\t{}\t{}\t{}\t{rdata}", record.owner, record.ttl, record.class, record.rtype)
}

fn flags(header: Header) -> String {
    let named = [
        (Header::QR, "qr"),
        (Header::AA, "aa"),
        (Header::TC, "tc"),
        (Header::RD, "rd"),
        (Header::RA, "ra"),
        (Header::CD, "cd"),
    ];
    let set: Vec<&str> =
        named.iter().filter(|(bit, _)| header.flags & bit != 0).map(|(_, name)| *name).collect();
    set.join(" ")
}
