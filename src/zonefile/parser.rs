//! Entries to records: owner, TTL, class, type, data and tags (RFC 1035 section 5.1).
//!
//! Invariant: a fault costs its own entry only; reading goes on with the next one, so that all faults of a zone
//! are found in one run.

use std::sync::Arc;

use crate::model::{Files, Record};
use crate::wire::{MAX_NAME, Name, NameError, RrType};

use super::cf_tags;
use super::codes;
use super::context::{Context, Line, Marks, Owner, Parsed, TagMarks};
use super::head::{Head, head, refused_type};
use super::lexer::{Entry, Lexer, Token};
use super::names;
use super::period;
use super::rdata;
use super::report::{Fault, Report};
use super::source::{MAX_TEXT, Sources, Span, Text, bom_len, shown};

/// Reads a zone: the master file and what it includes.
pub(super) struct Parser<'a> {
    pub(super) zone: &'a Name,
    pub(super) files: &'a dyn Files,
    pub(super) sources: Sources<'a>,
    pub(super) report: Report,
    pub(super) parsed: Parsed,
    /// The files that are being read, outermost first.
    pub(super) including: Vec<Arc<str>>,
    /// Number of includes and octets included so far.
    pub(super) includes: usize,
    pub(super) included_octets: usize,
    /// Records made by `$GENERATE` so far.
    pub(super) generated: usize,
    /// Octets of text made by all `$GENERATE` so far.
    pub(super) generated_octets: usize,
    /// Wire form of an owner, and then of its record's data.
    wire: Vec<u8>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(zone: &'a Name, files: &'a dyn Files) -> Parser<'a> {
        Parser {
            zone,
            files,
            sources: Sources::default(),
            report: Report::default(),
            parsed: Parsed::default(),
            including: Vec::new(),
            includes: 0,
            included_octets: 0,
            generated: 0,
            generated_octets: 0,
            wire: Vec::with_capacity(MAX_NAME),
        }
    }

    /// Reads the master file.
    pub(super) fn master(&mut self, file: &Arc<str>, content: &'a [u8]) {
        let too_large = content.len() > MAX_TEXT;
        let text = if too_large { &[] } else { content };
        let Some(index) = self.sources.add(file.clone(), Text::Borrowed(text)) else { return };
        if too_large {
            self.report.whole(codes::FILE_TOO_LARGE, format!("file of 4 GiB or more: {}", content.len()));
            self.parsed.incomplete = true;
        }
        // A record takes a line nearly always, and eight octets at least; growth by doubling would copy them all
        // again.
        let lines = lines(text).min(text.len() / 8);
        self.parsed.records.reserve_exact(lines);
        self.parsed.marks.reserve_exact(lines);
        let mut context = Context {
            file: index,
            origin: self.zone.clone(),
            origin_given: false,
            owner: Owner::Absent,
            owner_at: None,
            default_ttl: None,
            last_ttl: None,
        };
        self.text(text, &mut context);
    }

    /// Reads the entries of one text.
    pub(super) fn text(&mut self, text: &[u8], context: &mut Context) {
        let mut lexer = Lexer::new(text, bom_len(text));
        let mut entry = Entry { tokens: Vec::with_capacity(16), ..Entry::default() };
        while lexer.next(&mut entry) {
            self.entry(text, &mut entry, context);
        }
    }

    fn entry(&mut self, text: &[u8], entry: &mut Entry, context: &mut Context) {
        if !entry.faults.is_empty() {
            for fault in entry.faults.drain(..) {
                self.fault(context, fault);
            }
            return;
        }
        let Some(first) = entry.tokens.first() else {
            for comment in &entry.comments {
                if let Some((start, end)) = cf_tags::stray(text, *comment) {
                    let span = Span { file: context.file, start, end };
                    self.report.add(codes::MISPLACED_TAG, span, || {
                        "tag in a comment that follows no record".to_owned()
                    });
                }
            }
            return;
        };
        let line = Line {
            text,
            tokens: &entry.tokens,
            blank_owner: entry.blank_owner,
            number: entry.line,
            made_at: None,
        };
        if !entry.blank_owner && !first.quoted && text[first.start as usize] == b'$' {
            return self.directive(line, &entry.comments, context);
        }
        let tags = match entry.comments.as_slice() {
            [] => TagMarks::default(),
            comments => self.tags(text, comments, context),
        };
        self.record(line, &tags, context);
    }

    /// Reads the tags of an entry and reports what is wrong with them.
    pub(super) fn tags(&mut self, text: &[u8], comments: &[(u32, u32)], context: &Context) -> TagMarks {
        let tags = cf_tags::read(text, comments);
        let before = self.report.errors();
        for fault in tags.faults {
            self.report.fault(context.file, fault);
        }
        TagMarks {
            tags: tags.tags,
            proxied_at: tags.proxied_at,
            flatten_at: tags.flatten_at,
            bad: self.report.errors() > before,
        }
    }

    /// Reports a fault that costs an entry.
    pub(super) fn fault(&mut self, context: &Context, fault: Fault) {
        self.parsed.incomplete = true;
        self.report.fault(context.file, fault);
    }

    /// Reads one record; `false` where it has a fault.
    pub(super) fn record(&mut self, line: Line<'_>, tags: &TagMarks, context: &mut Context) -> bool {
        match self.try_record(line, tags, context) {
            Ok(()) => true,
            Err(Some(mut fault)) => {
                (fault.start, fault.end) = line.place((fault.start, fault.end));
                self.fault(context, fault);
                false
            }
            Err(None) => false,
        }
    }

    /// The error is `None` where the cause was complained about before.
    fn try_record(
        &mut self,
        line: Line<'_>,
        tags: &TagMarks,
        context: &mut Context,
    ) -> Result<(), Option<Fault>> {
        let mut tokens = line.tokens;
        let mut soa_owner = None;
        if !line.blank_owner {
            let (token, rest) = tokens.split_first().ok_or(None)?;
            tokens = rest;
            if !context.is_last_owner(line, token) {
                // Known again once it is read.
                context.owner_at = None;
                context.owner = match self.owner(line.text, token, context) {
                    Ok(name) => Owner::Known(name),
                    Err(fault) => {
                        context.owner = Owner::Faulty;
                        return Err(Some(fault));
                    }
                };
                context.owner_at = line.made_at.is_none().then_some((token.start, token.end));
            }
            soa_owner = Some(token);
        }
        let head = head(line, tokens)?;
        let data = &tokens[head.taken..];
        if head.rtype == RrType::SOA
            && let Some(token) = soa_owner
        {
            self.lenient_soa_owner(line, token, context);
        }
        // A type that is refused is complained about before its data.
        if let Some(fault) = refused_type(head.rtype, head.type_token, line.text) {
            return Err(Some(fault));
        }
        let type_end = head.type_token.end;
        let mut reader = rdata::Reader::new(line.text, data, context.origin.as_wire(), type_end);
        let read = rdata::read(head.rtype, &mut reader, &mut self.wire);
        read.map_err(Some)?;
        let owner = match &context.owner {
            Owner::Known(name) => name.clone(),
            Owner::Faulty => return Err(None),
            Owner::Absent => {
                let place = head.type_token.place();
                return Err(Some(Fault::new(
                    codes::NO_OWNER,
                    place,
                    "record without an owner, and none before it",
                )));
            }
        };
        let (ttl, ttl_of_soa) = self.ttl(&head, context);
        self.check_tags(head.rtype, tags, line, context);
        let owner_at = soa_owner.unwrap_or(&head.type_token).place();
        let data_at = match (data.first(), data.last()) {
            (Some(first), Some(last)) => (first.place().0, last.place().1),
            _ => head.type_token.place(),
        };
        self.parsed.tagged |= tags.tags.proxied.is_some() || tags.bad;
        self.parsed.ttl_of_soa |= ttl_of_soa;
        self.parsed.marks.push(Marks {
            owner: line.place(owner_at),
            data: line.place(data_at),
            tag: tags.proxied_at,
            ttl_of_soa,
            bad_tags: tags.bad,
            dropped: false,
            node: 0,
        });
        self.parsed.records.push(Record {
            owner,
            rtype: head.rtype,
            ttl,
            rdata: self.wire.as_slice().into(),
            tags: tags.tags,
            file: context.file,
            line: line.number,
        });
        Ok(())
    }

    /// Reads a name that stands as an owner or in a directive.
    pub(super) fn owner(&mut self, text: &[u8], token: &Token, context: &Context) -> Result<Name, Fault> {
        let bytes = token.of(text);
        let bad = |error: NameError| {
            let code = if error == NameError::BadEscape { codes::BAD_ESCAPE } else { codes::BAD_NAME };
            Fault::new(code, token.place(), format!("{error}: {}", shown(bytes)))
        };
        if token.quoted {
            let message = format!("name in quotes: {}", shown(bytes));
            return Err(
                Fault::new(codes::BAD_NAME, token.place(), message).hint("write the name without quotes")
            );
        }
        self.wire.clear();
        names::append_name(&mut self.wire, bytes, context.origin.as_wire()).map_err(bad)?;
        if self.wire == context.origin.as_wire() {
            return Ok(context.origin.clone());
        }
        Name::from_wire(&self.wire).map_err(bad)
    }

    /// A Cloudflare export writes the owner of the SOA without its final dot, one of 2018 as `@` below the root.
    fn lenient_soa_owner(&mut self, line: Line<'_>, token: &Token, context: &mut Context) {
        let text = token.of(line.text);
        let Owner::Known(owner) = &context.owner else { return };
        if owner == self.zone {
            return;
        }
        let relative = text != b"@" && text.last() != Some(&b'.');
        let undotted = relative && Name::parse_bytes(text, Some(&Name::root())).as_ref() == Ok(self.zone);
        let below_root = text == b"@" && context.origin.is_root();
        if (undotted && !context.origin_given) || below_root {
            context.owner = Owner::Known(self.zone.clone());
            context.owner_at = None;
            let (start, end) = line.place(token.place());
            let span = Span { file: context.file, start, end };
            let value = shown(text);
            self.report
                .add(codes::SOA_OWNER, span, || format!("owner of the SOA read as the zone itself: {value}"));
        }
    }

    /// The TTL of a record: its own, `$TTL`, the last one, or the SOA's MINIMUM (RFC 1035, RFC 2308 section 4).
    fn ttl(&mut self, head: &Head, context: &mut Context) -> (u32, bool) {
        if let Some(ttl) = head.ttl {
            context.last_ttl = Some(ttl);
            return (ttl, false);
        }
        if let Some(ttl) = context.default_ttl.or(context.last_ttl) {
            return (ttl, false);
        }
        if head.rtype == RrType::SOA
            && let Some(minimum) = self.wire.last_chunk::<4>()
        {
            context.default_ttl = Some(u32::from_be_bytes(*minimum).min(period::MAX_TTL));
        }
        (0, true)
    }

    fn check_tags(&mut self, rtype: RrType, tags: &TagMarks, line: Line<'_>, context: &Context) {
        let mut add = |code, at: Option<(u32, u32)>, message: &str| {
            let (start, end) = at.unwrap_or_else(|| line.end());
            self.report.add(code, Span { file: context.file, start, end }, || format!("{message}: {rtype}"));
        };
        if !(rtype.is_address() || rtype == RrType::CNAME) {
            match tags.tags.proxied {
                Some(true) => {
                    add(codes::TAG_ON_TYPE, tags.proxied_at, "record of a type that cannot be proxied")
                }
                Some(false) => {
                    add(codes::USELESS_TAG, tags.proxied_at, "tag on a type that cannot be proxied")
                }
                None => {}
            }
        }
        if tags.tags.flatten && rtype != RrType::CNAME {
            add(codes::TAG_ON_TYPE, tags.flatten_at, "record of a type that cannot be flattened");
        }
    }
}

/// Number of line feeds. The count of a step fits into an octet, so that many are counted at once.
fn lines(text: &[u8]) -> usize {
    let of_step = |step: &[u8]| step.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    text.chunks(u8::MAX.into()).map(|step| usize::from(of_step(step))).sum()
}
