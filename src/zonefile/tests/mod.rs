//! Whole zones: what is read, what is said about it, and where.

mod diagnostics;
mod entries;
mod export;
mod files;
mod print;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::model::{Diagnostic, FoundFile};

/// Files in memory by path; the identity is the path.
#[derive(Default)]
pub(super) struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    pub(super) fn with(files: &[(&str, &str)]) -> Memory {
        Memory(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
    }
}

impl Files for Memory {
    fn open(&self, _from: &str, path: &str) -> Result<FoundFile, String> {
        let content = self.0.get(path).ok_or_else(|| format!("file not found: {path}"))?;
        Ok(FoundFile { file: path.into(), identity: path.into(), content: content.as_slice().into() })
    }
}

pub(super) fn origin() -> Name {
    Name::parse("example.com.", None).unwrap()
}

pub(super) fn read(text: impl AsRef<[u8]>) -> (Option<ZoneData>, Diagnostics) {
    let file: Arc<str> = "example.com.zone".into();
    read_zone(&file, text.as_ref(), &origin(), ReadOptions::default(), &Memory::default())
}

/// A diagnostic as one line: place, length, severity, code, message.
pub(super) fn line(diagnostic: &Diagnostic) -> String {
    let Diagnostic { place, severity, code, message, .. } = diagnostic;
    format!("{}:{}+{} {severity} {code}: {message}", place.line, place.column, place.length)
}

pub(super) fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(line).collect()
}

/// The records as one line each.
pub(super) fn records(zone: &ZoneData) -> Vec<String> {
    let text = |record: &crate::model::Record| {
        let tags = match record.tags.proxied {
            Some(true) => " proxied",
            Some(false) => " dns-only",
            None => "",
        };
        let flatten = if record.tags.flatten { " flatten" } else { "" };
        let rdata = rdata_text(record.rtype, &record.rdata);
        format!("{} {} {} {rdata}{tags}{flatten}", record.owner, record.ttl, record.rtype)
    };
    zone.records.iter().map(text).collect()
}

/// SOA and NS in front, on two lines.
pub(super) const HEAD: &str =
    "@ 60 SOA ns1.example.net. h.example.net. 1 2 3 4 5\n@ 60 NS ns1.example.net.\n";

/// Reads a zone that begins with [`HEAD`], the lines of which are not shown; nothing may be said about it.
pub(super) fn good(text: &str) -> Vec<String> {
    let (zone, diagnostics) = read(format!("{HEAD}{text}"));
    assert_eq!(lines(&diagnostics), Vec::<String>::new(), "{text}");
    records(&zone.unwrap()).split_off(2)
}

/// What is said about a zone that begins with [`HEAD`], so that `text` begins in line 3.
pub(super) fn said(text: &str) -> Vec<String> {
    let (zone, diagnostics) = read(format!("{HEAD}{text}"));
    assert_eq!(zone.is_none(), crate::model::diagnostic::has_errors(&diagnostics), "{text}");
    for diagnostic in &diagnostics {
        assert!(diagnostic.hint.is_some() && diagnostic.excerpt.is_some() == (diagnostic.place.line > 0));
        // What comes last is a value, which may be a name; a sentence it is not.
        assert!(diagnostic.message.contains(": ") || !diagnostic.message.ends_with('.'), "{diagnostic:?}");
        let code = codes::ALL.iter().find(|code| code.name == diagnostic.code).expect("in the table");
        assert_eq!(code.severity, diagnostic.severity);
    }
    lines(&diagnostics)
}

proptest::proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(0_u8..=255, 0..300)) {
        read(octets);
    }

    #[test]
    fn any_mixture_of_words_is_read_or_refused(words in proptest::collection::vec(0_usize..WORDS.len(), 0..40)) {
        let text: String = words.into_iter().map(|word| WORDS[word]).collect();
        let (zone, diagnostics) = read(format!("{HEAD}{text}"));
        proptest::prop_assert_eq!(zone.is_none(), crate::model::diagnostic::has_errors(&diagnostics));
        if let Some(zone) = zone {
            let (again, _) = read(zone_text(&zone));
            proptest::prop_assert_eq!(records(&again.unwrap()), records(&zone));
        }
    }
}

const WORDS: &[&str] = &[
    "\n",
    "\n",
    "\n",
    "\n",
    " ",
    " ",
    " ",
    "@",
    "www",
    "*",
    ".",
    "a.b",
    "A ",
    "AAAA ",
    "CNAME ",
    "TXT ",
    "NS ",
    "MX ",
    "SOA ",
    "DNAME ",
    "HTTPS ",
    " 10 ",
    " 1 ",
    "192.0.2.1",
    "2001:db8::1",
    "\"x\"",
    "\"",
    "(",
    ")",
    ";",
    "\\",
    "\\#",
    "$ORIGIN ",
    "$TTL ",
    "$GENERATE ",
    "$INCLUDE ",
    "1-3",
    "$",
    "${0,3,x}",
    "; cf_tags=cf-proxied:true\n",
    "; cf_tags=cf-proxied:false\n",
    "cf_tags=",
    "cf-proxied",
    ":true",
    ",",
    "\r\n",
    "\t",
    "IN ",
    "TYPE1 ",
    "4 01020304",
    "ipv4hint=192.0.2.1",
    "ns.sub",
    "sub NS ns.sub\n",
    "www A 192.0.2.1\n",
];
