//! The texts that a zone is read from, and the way from an octet of them to line and column.
//!
//! Invariant: the table of lines of a text is made once, when its first diagnostic asks for it.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::model::Place;
use crate::model::diagnostic::MAX_EXCERPT;

/// Largest text of one file, in octets: offsets are 32 bits wide.
pub(super) const MAX_TEXT: usize = u32::MAX as usize - 16;

/// A range of octets of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    /// Index of the text.
    pub(super) file: u16,
    /// First octet.
    pub(super) start: u32,
    /// The octet behind the last one.
    pub(super) end: u32,
}

/// Content of a file: the caller's, or shared with whoever opened it.
pub(super) enum Text<'a> {
    Borrowed(&'a [u8]),
    Shared(Arc<[u8]>),
}

impl Text<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Text::Borrowed(bytes) => bytes,
            Text::Shared(bytes) => bytes,
        }
    }
}

struct Source<'a> {
    file: Arc<str>,
    text: Text<'a>,
    lines: OnceCell<Vec<u32>>,
}

/// The master file and what it includes, in the order met.
#[derive(Default)]
pub(super) struct Sources<'a>(Vec<Source<'a>>);

/// Octets of a UTF-8 byte order mark at the start of `text`.
pub(super) fn bom_len(text: &[u8]) -> usize {
    if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

impl<'a> Sources<'a> {
    /// Adds a file and tells its index; `None` where there are 65,536 already.
    pub(super) fn add(&mut self, file: Arc<str>, text: Text<'a>) -> Option<u16> {
        let index = u16::try_from(self.0.len()).ok()?;
        self.0.push(Source { file, text, lines: OnceCell::new() });
        Some(index)
    }

    /// The name of a file.
    pub(super) fn file(&self, index: u16) -> &Arc<str> {
        &self.0[usize::from(index)].file
    }

    /// The names of all files.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.0.iter().map(|source| source.file.clone()).collect()
    }

    /// Line, column and length of a span, in characters, and its line as an excerpt. A span over several lines
    /// is cut to its first.
    pub(super) fn locate(&self, span: Span) -> (Place, String) {
        let source = &self.0[usize::from(span.file)];
        let text = source.text.bytes();
        let lines = source.lines.get_or_init(|| {
            let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            std::iter::once(bom_len(text) as u32).chain(ends.map(|(at, _)| at as u32 + 1)).collect()
        });
        let index = lines.partition_point(|start| *start <= span.start).saturating_sub(1);
        let line_start = lines[index] as usize;
        let rest = &text[line_start.min(text.len())..];
        let line = &rest[..rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let from = (span.start as usize).saturating_sub(line_start).min(line.len());
        let to = (span.end as usize).saturating_sub(line_start).clamp(from, line.len());
        let place = Place {
            file: source.file.clone(),
            line: index as u32 + 1,
            column: characters(&line[..from]) + 1,
            length: characters(&line[from..to]).max(1),
        };
        // Enough octets for the characters shown; a line may be the whole file.
        let shown = String::from_utf8_lossy(&line[..line.len().min(4 * MAX_EXCERPT)]);
        let visible = |c: char| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
        (place, shown.chars().take(MAX_EXCERPT).map(visible).collect())
    }
}

fn characters(bytes: &[u8]) -> u32 {
    String::from_utf8_lossy(bytes).chars().count() as u32
}

/// Some octets of a file as they can stand in a message: printable, at most 60 characters.
pub(super) fn shown(bytes: &[u8]) -> String {
    const MAX: usize = 60;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MAX + 4)]);
    let mut shown: String = text.chars().take(MAX).flat_map(visible).collect();
    if text.chars().count() > MAX {
        shown.push_str("...");
    }
    shown
}

fn visible(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let plain = (!c.is_control()).then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_one() {
        let mut sources = Sources::default();
        let text = "\u{feff}a b\r\nüü x\n\nlast".as_bytes();
        let file = sources.add("z".into(), Text::Borrowed(text)).unwrap();
        let span = |word: &str| {
            let start = text.windows(word.len()).position(|window| window == word.as_bytes()).unwrap() as u32;
            Span { file, start, end: start + word.len() as u32 }
        };
        for (word, line, column, length, excerpt) in [
            ("b", 1, 3, 1, "a b"),
            ("üü", 2, 1, 2, "üü x"),
            ("x", 2, 4, 1, "üü x"),
            ("x\n\nlast", 2, 4, 1, "üü x"),
            ("last", 4, 1, 4, "last"),
        ] {
            let (place, shown) = sources.locate(span(word));
            assert_eq!((place.line, place.column, place.length), (line, column, length), "{word}");
            assert_eq!(shown, excerpt);
        }
        // Ranges that do not exist do no harm.
        sources.locate(Span { file, start: 900, end: 2 });
    }

    #[test]
    fn what_is_shown_is_short_and_printable() {
        assert_eq!(shown(b"a\x1b[31m\xff"), "a\\u{1b}[31m\u{fffd}");
        assert_eq!(shown(&[b'x'; 100]).len(), 63);
    }
}
