//! A message as dig would show it.

use std::fmt::Write;

use crate::wire::Header;
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
    for (code, why) in message.opt().map(|opt| extended_errors(&opt.rdata)).unwrap_or_default() {
        let _ = writeln!(
            text,
            "; EDE: {code}{}",
            if why.is_empty() { String::new() } else { format!(" ({why})") }
        );
    }
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

/// The extended DNS errors of an OPT (RFC 8914): code and text.
fn extended_errors(mut options: &[u8]) -> Vec<(u16, String)> {
    const EDE: u16 = 15;
    let mut found = Vec::new();
    while let Some((&[a, b, c, d], rest)) = options.split_first_chunk::<4>() {
        let (option, tail) = rest.split_at(usize::from(u16::from_be_bytes([c, d])).min(rest.len()));
        if let (EDE, Some((code, text))) = (u16::from_be_bytes([a, b]), option.split_first_chunk::<2>()) {
            found.push((u16::from_be_bytes(*code), String::from_utf8_lossy(text).into_owned()));
        }
        options = tail;
    }
    found
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
