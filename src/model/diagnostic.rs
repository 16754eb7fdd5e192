//! What is wrong in a file, where, and what to write instead.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Told for information; nothing needs to be done.
    Note,
    /// Served all the same, but probably not what was meant.
    Warning,
    /// The unit that the file belongs to is not accepted.
    Error,
}

impl Severity {
    /// The severity as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file, as the operator would name it (relative to where the command runs).
    pub file: Arc<str>,
    /// Line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 where the whole line is meant.
    pub column: u32,
    /// Length in characters of what is meant; at least 1 where there is a column.
    pub length: u32,
}

impl Place {
    /// A whole file.
    pub fn file(file: &Arc<str>) -> Place {
        Place { file: file.clone(), line: 0, column: 0, length: 0 }
    }

    /// A whole line of a file.
    pub fn line(file: &Arc<str>, line: u32) -> Place {
        Place { file: file.clone(), line, column: 0, length: 0 }
    }

    /// The place of the byte range `start..end` of `text`; a range over several lines is cut to its first.
    pub fn of_range(file: &Arc<str>, text: &str, start: usize, end: usize) -> Place {
        let floor =
            |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let (start, end) = (floor(start), floor(end));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[..start].bytes().filter(|&byte| byte == b'\n').count() as u32 + 1;
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let length = text[start..end.clamp(start, line_end)].chars().count().max(1) as u32;
        Place { file: file.clone(), line, column: text[line_start..start].chars().count() as u32 + 1, length }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// One fault or remark.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// How bad.
    pub severity: Severity,
    /// A stable name of this kind of fault, lower case with hyphens: `no-soa`.
    pub code: &'static str,
    /// What is wrong: lower case, no full stop, the value last after a colon.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The source line, cut at 400 characters, so that it can be shown when the file has changed meanwhile.
    pub excerpt: Option<String>,
}

/// Longest source line kept in a diagnostic, in characters.
pub const MAX_EXCERPT: usize = 400;

impl Diagnostic {
    /// A diagnostic without hint and excerpt.
    pub fn new(
        severity: Severity,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { place, severity, code, message: message.into(), hint: None, excerpt: None }
    }

    /// An error.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, place, message)
    }

    /// A warning.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, place, message)
    }

    /// A note.
    pub fn note(code: &'static str, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Note, code, place, message)
    }

    /// Adds what to write instead.
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the source line that the place names, out of the file's text.
    pub fn excerpt_from(mut self, text: &str) -> Diagnostic {
        let index = (self.place.line as usize).checked_sub(1);
        let line = index.and_then(|index| text.lines().nth(index));
        self.excerpt = line.map(|line| line.chars().take(MAX_EXCERPT).collect());
        self
    }
}

/// All that was found, in the order in which it was found.
pub type Diagnostics = Vec<Diagnostic>;

/// Whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_ranges_become_lines_and_columns_in_characters() {
        let text = "a = 1\nü = \"x\"\n";
        let at = text.find('"').unwrap();
        let place = Place::of_range(&"m.toml".into(), text, at, at + 3);
        assert_eq!((place.line, place.column, place.length), (2, 5, 3));
        assert_eq!(place.to_string(), "m.toml:2:5");
        let diagnostic = Diagnostic::error("x", place, "y").excerpt_from(text);
        assert_eq!(diagnostic.excerpt.as_deref(), Some("ü = \"x\""));
        // A range beyond the text or inside a character does no harm.
        Place::of_range(&"m.toml".into(), text, 7, 99);
        Place::of_range(&"m.toml".into(), text, 99, 7);
    }
}
