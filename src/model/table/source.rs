//! The text of a file with an index of its lines: places and excerpts without counting from the start each time.

use std::ops::Range;
use std::sync::Arc;

use crate::model::diagnostic::MAX_EXCERPT;
use crate::model::{Diagnostic, Place, Severity};

/// A file's text. A place costs a binary search, so that a file with a hundred thousand faults is still told
/// about in one breath.
#[derive(Debug)]
pub struct Source<'t> {
    file: Arc<str>,
    text: &'t str,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl<'t> Source<'t> {
    /// Indexes a text.
    pub fn new(file: &Arc<str>, text: &'t str) -> Source<'t> {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Source { file: file.clone(), text, lines: std::iter::once(0).chain(starts).collect() }
    }

    /// The file.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The place of a byte range; one over several lines is cut to its first.
    pub fn place(&self, range: Range<usize>) -> Place {
        let start = self.floor(range.start);
        let line = self.lines.partition_point(|&at| at <= start).max(1);
        let line_start = self.lines.get(line - 1).copied().unwrap_or_default();
        let line_end = line_start + self.line_text(line).len();
        let end = self.floor(range.end).clamp(start, line_end.max(start));
        let count = |range: Range<usize>| self.text.get(range).map_or(0, |text| text.chars().count());
        Place {
            file: self.file.clone(),
            line: number(line),
            column: number(count(line_start..start)).saturating_add(1),
            length: number(count(start..end)).max(1),
        }
    }

    /// A diagnostic at a byte range, with its source line.
    pub fn diagnostic(
        &self,
        severity: Severity,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        let place = self.place(range);
        let excerpt = self.line_text(place.line as usize).chars().take(MAX_EXCERPT).collect();
        Diagnostic { excerpt: Some(excerpt), ..Diagnostic::new(severity, code, place, message) }
    }

    /// A line, from 1, without its end.
    fn line_text(&self, line: usize) -> &'t str {
        let start = line.checked_sub(1).and_then(|line| self.lines.get(line)).copied();
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        let text = start.and_then(|start| self.text.get(start..end)).unwrap_or_default();
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.strip_suffix('\r').unwrap_or(text)
    }

    /// The start of the character that holds a byte.
    fn floor(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        (0..=at).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or_default()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_agree_with_those_counted_from_the_start() {
        let text = "a = 1\r\nü = \"x\"\n\n\tö";
        let source = Source::new(&"m.toml".into(), text);
        for start in 0..=text.len() + 2 {
            for end in start..=text.len() + 2 {
                let (counted, indexed) =
                    (Place::of_range(&"m.toml".into(), text, start, end), source.place(start..end));
                assert_eq!((counted.line, counted.column), (indexed.line, indexed.column), "{start}..{end}");
                assert!(indexed.length >= 1 && indexed.length <= counted.length);
            }
        }
        let at = text.find('"').unwrap();
        let found = source.diagnostic(Severity::Error, "x", at..at + 3, "y");
        assert_eq!((found.place.line, found.place.column, found.place.length), (2, 5, 3));
        assert_eq!(found.excerpt.as_deref(), Some("ü = \"x\""));
    }

    #[test]
    fn an_empty_text_has_one_line() {
        let place = Source::new(&"m.toml".into(), "").place(0..0);
        assert_eq!((place.line, place.column, place.length), (1, 1, 1));
    }
}
