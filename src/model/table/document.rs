//! A parsed file and what was found in it.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use toml::de::DeTable;

use super::{Keys, Source, Table, code};
use crate::model::{Diagnostic, Diagnostics, Severity};

/// A TOML file, parsed as far as it can be, with the diagnostics that its readers add.
#[derive(Debug)]
pub struct Document<'t> {
    source: Source<'t>,
    pub(super) root: DeTable<'t>,
    /// Lines on which the syntax is broken: what a reader says about them would only be a consequence.
    broken: BTreeSet<u32>,
    found: RefCell<Diagnostics>,
}

impl<'t> Document<'t> {
    /// Parses a file. Broken syntax is among the findings, and what is well formed elsewhere in the file can still
    /// be read; a file that is no text reads as an empty one with that finding.
    pub fn parse(file: &Arc<str>, content: &'t [u8]) -> Document<'t> {
        let (text, not_text) = match std::str::from_utf8(content) {
            Ok(text) => (text.strip_prefix('\u{feff}').unwrap_or(text), None),
            Err(error) => ("", Some(not_utf8(file, content, error))),
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut document = Document {
            source: Source::new(file, text),
            root: root.into_inner(),
            broken: not_text.iter().map(|found| found.place.line).collect(),
            found: RefCell::new(Vec::from_iter(not_text)),
        };
        let mut structure_is_known = true;
        for error in errors {
            let range = error.span().unwrap_or(text.len()..text.len());
            let found = document
                .source
                .diagnostic(
                    Severity::Error,
                    code::TOML_SYNTAX,
                    range,
                    format!("not TOML: {}", error.message()),
                )
                .hint(syntax_hint(error.message()));
            let header = found.excerpt.as_deref().is_some_and(|line| line.trim_start().starts_with('['));
            structure_is_known &= !header;
            // The first error of a line is the cause, the others follow from it.
            if document.broken.insert(found.place.line) {
                document.found.get_mut().push(found);
            }
        }
        if !structure_is_known {
            // Below a broken header nobody knows which table a key belongs to.
            document.root = DeTable::new();
        }
        document
    }

    /// The table of the whole file.
    pub fn root(&self, keys: &'static Keys) -> Table<'_> {
        Table::root(self, keys)
    }

    /// The text and its places.
    pub fn source(&self) -> &Source<'t> {
        &self.source
    }

    /// Whether the syntax is broken somewhere: what seems to be absent may stand there.
    pub fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Adds a diagnostic, unless it follows from broken syntax on its line.
    pub fn push(&self, found: Diagnostic) {
        if !(found.place.file == *self.source.file() && self.broken.contains(&found.place.line)) {
            self.found.borrow_mut().push(found);
        }
    }

    /// Adds a diagnostic about something absent, which nobody can know where the syntax is broken.
    pub fn push_absent(&self, found: Diagnostic) {
        if !self.is_broken() {
            self.push(found);
        }
    }

    /// Takes out what was found since the last time, in the order of the file.
    pub fn take(&self) -> Diagnostics {
        let mut found = self.found.take();
        found.sort_by(in_file_order);
        found
    }
}

/// The order in which people read: by place, at one place the worst first.
pub fn in_file_order(a: &Diagnostic, b: &Diagnostic) -> Ordering {
    (&a.place, b.severity, a.code, &a.message).cmp(&(&b.place, a.severity, b.code, &b.message))
}

fn syntax_hint(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "write each key once; two lists are written as one"
    } else if message.contains("string values must be quoted") {
        "put the text in double quotes"
    } else {
        "text stands in double quotes, lists in [ ], and each key on a line of its own: key = value"
    }
}

fn not_utf8(file: &Arc<str>, content: &[u8], error: std::str::Utf8Error) -> Diagnostic {
    let good = content.get(..error.valid_up_to()).unwrap_or_default();
    let text = String::from_utf8_lossy(good);
    let source = Source::new(file, &text);
    source
        .diagnostic(Severity::Error, code::NOT_UTF8, text.len()..text.len() + 1, "not UTF-8 text")
        .hint("save the file as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    static KEYS: Keys = Keys { title: "the file", known: &["a", "b", "c"], required: &[] };

    fn found(text: &str) -> Vec<String> {
        let document = Document::parse(&"m.toml".into(), text.as_bytes());
        let root = document.root(&KEYS);
        for key in KEYS.known {
            root.get(key).map(|value| value.integer());
        }
        document
            .take()
            .iter()
            .map(|found| format!("{} {}: {}", found.place, found.code, found.message))
            .collect()
    }

    #[test]
    fn every_broken_line_is_told_and_the_others_are_still_read() {
        assert_eq!(
            found("a = \nb = \"x\"\nc = tru\n"),
            [
                "m.toml:1:5 toml-syntax: not TOML: string values must be quoted, expected literal string",
                "m.toml:2:5 wrong-type: b must be an integer, not a string",
                "m.toml:3:5 toml-syntax: not TOML: invalid boolean, expected `true`",
            ]
        );
        assert_eq!(found("a = 1\na = 2\n"), ["m.toml:2:1 toml-syntax: not TOML: duplicate key"]);
    }

    #[test]
    fn below_a_broken_header_nothing_is_guessed() {
        assert_eq!(
            found("[[x]\nd = 1\n"),
            ["m.toml:1:5 toml-syntax: not TOML: unclosed array table, expected `]`"]
        );
    }

    #[test]
    fn bytes_that_are_no_text_have_a_place() {
        let document = Document::parse(&"m.toml".into(), b"a = 1\nb = \"\xff\"");
        assert!(document.is_broken() && document.root(&KEYS).get("a").is_none());
        let [error] = document.take().try_into().unwrap();
        assert_eq!((error.code, error.place.line, error.place.column), (code::NOT_UTF8, 2, 6));
    }

    #[test]
    fn no_text_makes_it_panic() {
        let pieces =
            ["[", "]", "[[", "=", "\"", "'''", "a", ".", "\n", "#", "{", "}", ",", "\u{0}", "ü", "1e9", "\r"];
        let mut state = 1u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            found(&text);
        }
        found(&"[".repeat(100_000));
        found(&format!("a = {}", "[".repeat(100_000)));
        found(&format!("a = {}", "{a=".repeat(100_000)));
        found(&format!("a{} = 1", ".a".repeat(100_000)));
        found(&format!("[a{}]", ".a".repeat(100_000)));
        found(&(0..2_000).map(|depth| format!("[a{}]\n", ".a".repeat(depth % 200))).collect::<String>());
    }
}
