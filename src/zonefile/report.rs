//! Collects what is wrong in a zone.
//!
//! Invariant: of one code and one file at most [`MAX_PER_CODE`] diagnostics are kept; the rest is counted, so
//! that a broken file of a million lines costs neither time nor memory.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use crate::model::{Diagnostic, Diagnostics, Place, Severity};

use super::codes::Code;
use super::source::{Sources, Span};

/// Most diagnostics of one code for one file.
pub(super) const MAX_PER_CODE: usize = 100;

/// A fault in an entry. It is handed on as one word, since every field of every record may be one and hardly any is.
#[derive(Debug)]
pub(super) struct Fault(Box<Found>);

/// What a fault says, its place in octets of the text being read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) code: &'static Code,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) message: String,
    /// In place of the code's own hint.
    pub(super) hint: Option<String>,
}

impl Deref for Fault {
    type Target = Found;

    fn deref(&self) -> &Found {
        &self.0
    }
}

impl DerefMut for Fault {
    fn deref_mut(&mut self) -> &mut Found {
        &mut self.0
    }
}

impl Fault {
    #[cold]
    pub(super) fn new(code: &'static Code, at: (u32, u32), message: impl Into<String>) -> Fault {
        Fault(Box::new(Found { code, start: at.0, end: at.1, message: message.into(), hint: None }))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.0.hint = Some(hint.into());
        self
    }
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Report {
    found: Vec<(Option<Span>, &'static Code, String, Option<String>)>,
    counts: BTreeMap<(u16, &'static str), (usize, &'static Code)>,
    errors: usize,
}

impl Report {
    /// Adds a fault; `message` is only made where it is kept.
    pub(super) fn add(&mut self, code: &'static Code, span: Span, message: impl FnOnce() -> String) {
        if self.count(code, span.file) {
            self.found.push((Some(span), code, message(), None));
        }
    }

    /// Adds a fault of an entry.
    pub(super) fn fault(&mut self, file: u16, fault: Fault) {
        if self.count(fault.code, file) {
            let span = Span { file, start: fault.start, end: fault.end };
            let Found { code, message, hint, .. } = *fault.0;
            self.found.push((Some(span), code, message, hint));
        }
    }

    /// Adds a fault of the master file as a whole.
    pub(super) fn whole(&mut self, code: &'static Code, message: impl Into<String>) {
        if self.count(code, 0) {
            self.found.push((None, code, message.into(), None));
        }
    }

    /// Number of errors so far, those that are not kept included.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    fn count(&mut self, code: &'static Code, file: u16) -> bool {
        self.errors += usize::from(code.severity == Severity::Error);
        let count = self.counts.entry((file, code.name)).or_insert((0, code));
        count.0 += 1;
        count.0 <= MAX_PER_CODE
    }

    /// The diagnostics by file and place; what was only counted comes last.
    pub(super) fn finish(mut self, sources: &Sources<'_>) -> Diagnostics {
        self.found.sort_by_key(|(span, ..)| span.map(|span| (span.file, span.start)));
        // What `$GENERATE` makes may be faulty many times at one place.
        self.found.dedup_by(|(a, code_a, said_a, _), (b, code_b, said_b, _)| {
            (a, code_a, said_a) == (b, code_b, said_b)
        });
        let placed = self.found.into_iter().map(|(span, code, message, hint)| {
            let (place, excerpt) = match span.map(|span| sources.locate(span)) {
                Some((place, excerpt)) => (place, Some(excerpt)),
                None => (Place::file(sources.file(0)), None),
            };
            let mut diagnostic = Diagnostic::new(code.severity, code.name, place, message);
            diagnostic.hint = Some(hint.unwrap_or_else(|| code.hint.to_owned()));
            diagnostic.excerpt = excerpt;
            diagnostic
        });
        let rest =
            self.counts.iter().filter(|(_, (count, _))| *count > MAX_PER_CODE).map(|((file, _), count)| {
                let (count, code) = count;
                let message = format!("and {} more", count - MAX_PER_CODE);
                Diagnostic::new(code.severity, code.name, Place::file(sources.file(*file)), message)
                    .hint(code.hint)
            });
        placed.chain(rest).collect()
    }
}
