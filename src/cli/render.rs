//! Diagnostics as people and as programs read them.
//!
//! A file may hold anything, and what it holds is shown on somebody's terminal: every text that comes out of a
//! diagnostic is made harmless first.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::control::report::Problem;
use crate::model::{Diagnostic, Place};

/// Most columns of a source line that are shown.
const WIDTH: usize = 100;
/// Columns shown in front of the place where a long line is cut.
const BEFORE: usize = 30;
/// What stands where a line is cut.
const CUT: &str = "...";
/// Columns from one tab stop to the next.
const TAB: usize = 4;

/// A diagnostic to be shown: one of this program, or one that a server sent.
#[derive(Clone, Copy, Debug)]
pub struct View<'d> {
    severity: &'d str,
    code: &'d str,
    /// Empty where there is none.
    file: &'d str,
    /// From 1, as [`crate::model::Place`] has it; 0 for none, and so the others.
    line: u32,
    column: u32,
    length: u32,
    message: &'d str,
    hint: Option<&'d str>,
    excerpt: Option<&'d str>,
}

impl<'d> From<&'d Diagnostic> for View<'d> {
    fn from(found: &'d Diagnostic) -> View<'d> {
        let Diagnostic { place, severity, code, message, hint, excerpt } = found;
        View {
            severity: severity.as_str(),
            code,
            file: &place.file,
            line: place.line,
            column: place.column,
            length: place.length,
            message,
            hint: hint.as_deref(),
            excerpt: excerpt.as_deref(),
        }
    }
}

impl<'d> From<&'d Problem> for View<'d> {
    fn from(found: &'d Problem) -> View<'d> {
        let Problem { severity, code, file, line, column, length, message, hint, excerpt } = found;
        View {
            severity,
            code,
            file,
            line: *line,
            column: *column,
            length: *length,
            message,
            hint: hint.as_deref(),
            excerpt: excerpt.as_deref(),
        }
    }
}

/// One diagnostic with its source line, its place underlined; ends with a line end.
///
/// ```text
/// error[unknown-key]: unknown key in [[address_map]]: enabld
///  --> addrmaps/acme/eu.toml:3:1
///   |
/// 3 | enabld = true
///   | ^^^^^^
///   |
///   = help: did you mean enabled?
/// ```
pub fn text<'d>(diagnostic: impl Into<View<'d>>, colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, diagnostic.into(), paint);
    out
}

fn write(out: &mut String, diagnostic: View<'_>, paint: Paint) -> std::fmt::Result {
    let View { severity, code, file, line, column, length, message, hint, excerpt } = diagnostic;
    let tone = match severity {
        "warning" => Tone::Yellow,
        "note" => Tone::Green,
        _ => Tone::Red,
    };
    let head = paint.with(tone, &harmless(&format!("{severity}[{code}]")));
    writeln!(out, "{head}{}", paint.with(Tone::Bold, &format!(": {}", harmless(message))))?;
    let number = line.to_string();
    let indent = " ".repeat(number.len());
    let bar = paint.with(Tone::Blue, "|");
    if !file.is_empty() {
        let place = Place { file: file.into(), line, column, length };
        writeln!(out, "{indent}{} {}", paint.with(Tone::Blue, "-->"), harmless(&place.to_string()))?;
    }
    if let (Some(excerpt), 1..) = (excerpt, line) {
        let shown = Shown::new(excerpt, column, length);
        writeln!(out, "{indent} {bar}")?;
        writeln!(out, "{} {bar} {}", paint.with(Tone::Blue, &number), shown.line)?;
        if shown.carets > 0 {
            let carets = paint.with(tone, &"^".repeat(shown.carets));
            writeln!(out, "{indent} {bar} {}{carets}", " ".repeat(shown.before))?;
        }
        if hint.is_some() {
            writeln!(out, "{indent} {bar}")?;
        }
    }
    if let Some(hint) = hint {
        let equals = paint.with(Tone::Blue, "=");
        writeln!(out, "{indent} {equals} {}: {}", paint.with(Tone::Bold, "help"), harmless(hint))?;
    }
    Ok(())
}

/// One diagnostic for programs. Texts are as they are: JSON escapes them.
pub fn json(diagnostic: &Diagnostic) -> Value {
    let View { severity, code, file, line, column, length, message, hint, excerpt } = diagnostic.into();
    let known = |number: u32| (number > 0).then_some(number);
    json!({
        "severity": severity,
        "code": code,
        "message": message,
        "file": file,
        "line": known(line),
        "column": known(column),
        "length": known(length),
        "hint": hint,
        "excerpt": excerpt,
    })
}

/// One diagnostic as a workflow command of GitHub, which becomes an annotation of the line in a pull request.
pub fn github(diagnostic: &Diagnostic) -> String {
    let View { severity, code, file, line, column, length, message, hint, .. } = diagnostic.into();
    let command = if severity == "note" { "notice" } else { severity };
    let mut out = format!("::{command} file={}", property(file));
    // Writing to a string cannot fail.
    if line > 0 {
        let _ = write!(out, ",line={line}");
    }
    if line > 0 && column > 0 {
        let _ = write!(out, ",col={column},endColumn={}", column + length.max(1));
    }
    let _ = write!(out, ",title={}::{}", property(code), data(message));
    if let Some(hint) = hint {
        let _ = write!(out, "%0A{}", data(hint));
    }
    out
}

/// The text of a workflow command, escaped as its reader undoes it.
fn data(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    harmless(&escaped)
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A source line as it is shown, with the columns before the carets and the number of carets.
struct Shown {
    line: String,
    before: usize,
    carets: usize,
}

impl Shown {
    /// `column` and `length` count the characters of the line as it is in the file.
    fn new(excerpt: &str, column: u32, length: u32) -> Shown {
        let mut columns: Vec<char> = Vec::new();
        // Where each character of the line starts when it is shown: a tab takes several columns.
        let mut starts: Vec<usize> = Vec::new();
        for character in excerpt.trim_end().chars() {
            starts.push(columns.len());
            match character {
                '\t' => columns.resize((columns.len() / TAB + 1) * TAB, ' '),
                _ => columns.push(visible(character)),
            }
        }
        let column_of = |at: usize| starts.get(at).copied().unwrap_or(columns.len());
        let (start, end) = match (column as usize).checked_sub(1) {
            Some(at) => (column_of(at), column_of(at.saturating_add(length as usize))),
            None => (0, 0),
        };
        let carets = if column == 0 { 0 } else { end.saturating_sub(start).max(1) };
        if columns.len() <= WIDTH {
            return Shown { line: columns.iter().collect(), before: start, carets };
        }
        let room = WIDTH - 2 * CUT.len();
        let from = if end <= WIDTH - CUT.len() { 0 } else { start.saturating_sub(BEFORE) };
        let to = columns.len().min(from + room);
        let lead = if from > 0 { CUT } else { "" };
        let tail = if to < columns.len() { CUT } else { "" };
        let middle: String = columns.get(from..to).unwrap_or_default().iter().collect();
        let before = lead.len() + start - from;
        Shown {
            line: format!("{lead}{middle}{tail}"),
            before,
            carets: carets.min((to - from).saturating_sub(start - from).max(1)),
        }
    }
}

/// A text for a terminal: one line, nothing that a terminal obeys.
pub fn harmless(text: &str) -> String {
    text.chars().map(|character| if character == '\t' { ' ' } else { visible(character) }).collect()
}

/// Control characters as their pictures; what reorders or hides text as a replacement character.
fn visible(character: char) -> char {
    match character {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        other => other,
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

#[derive(Clone, Copy)]
enum Tone {
    Bold,
    Red,
    Green,
    Yellow,
    Blue,
}

impl Paint {
    fn with(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_string();
        }
        let code = match tone {
            Tone::Bold => "1",
            Tone::Red => "1;31",
            Tone::Green => "1;32",
            Tone::Yellow => "1;33",
            Tone::Blue => "1;34",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32, length: u32, excerpt: &str) -> Diagnostic {
        let place = Place { file: "addrmaps/acme/eu.toml".into(), line, column, length };
        let found = Diagnostic::error("unknown-key", place, "unknown key in [[address_map]]: enabld");
        Diagnostic { excerpt: Some(excerpt.into()), ..found.hint("did you mean enabled?") }
    }

    #[test]
    fn a_workflow_command_escapes_what_would_end_it() {
        let mut found = at(3, 2, 4, "x");
        found.place.file = "addrmaps/a,b:c%.toml".into();
        found.message = "100% wrong\r\nhere, there: \u{1b}".into();
        assert_eq!(
            github(&found),
            "::error file=addrmaps/a%2Cb%3Ac%25.toml,line=3,col=2,endColumn=6,title=unknown-key\
             ::100%25 wrong%0D%0Ahere, there: \u{241b}%0Adid you mean enabled?"
        );
        let note = Diagnostic::note("x", Place::file(&"f".into()), "y");
        assert_eq!(github(&note), "::notice file=f,title=x::y");
    }

    #[test]
    fn the_place_is_underlined_as_a_compiler_does() {
        assert_eq!(
            text(&at(3, 1, 6, "enabld = true"), false),
            "error[unknown-key]: unknown key in [[address_map]]: enabld\n\
             \x20--> addrmaps/acme/eu.toml:3:1\n\
             \x20 |\n\
             3 | enabld = true\n\
             \x20 | ^^^^^^\n\
             \x20 |\n\
             \x20 = help: did you mean enabled?\n"
        );
        assert_eq!(
            text(&at(120, 3, 2, "x abc"), false),
            "error[unknown-key]: unknown key in [[address_map]]: enabld\n\
             \x20  --> addrmaps/acme/eu.toml:120:3\n\
             \x20   |\n\
             120 | x abc\n\
             \x20   |   ^^\n\
             \x20   |\n\
             \x20   = help: did you mean enabled?\n"
        );
    }

    #[test]
    fn without_a_line_or_a_hint_there_is_less_to_show() {
        let place = Place::file(&"a.toml".into());
        let whole = Diagnostic::warning("x", place.clone(), "y");
        assert_eq!(text(&whole, false), "warning[x]: y\n --> a.toml\n");
        let note = Diagnostic::note("x", Place { line: 2, ..place }, "y");
        assert_eq!(text(&note, false), "note[x]: y\n --> a.toml:2\n");
        let note = Diagnostic { excerpt: Some("a = 1".into()), ..note };
        assert_eq!(text(&note, false), "note[x]: y\n --> a.toml:2\n  |\n2 | a = 1\n");
        assert_eq!(
            text(&note.hint("z"), false),
            "note[x]: y\n --> a.toml:2\n  |\n2 | a = 1\n  |\n  = help: z\n"
        );
    }

    fn source(diagnostic: &Diagnostic) -> (String, String) {
        let text = text(diagnostic, false);
        let mut lines = text.lines().skip(3);
        let mut next = || lines.next().unwrap().to_string();
        (next(), next())
    }

    #[test]
    fn tabs_keep_the_carets_in_place() {
        assert_eq!(
            source(&at(3, 4, 2, "\ta\tbc\td")),
            ("3 |     a   bc  d".to_string(), "  |         ^^".to_string())
        );
        assert_eq!(source(&at(3, 3, 2, "\ta\tbc")).1, "  |      ^^^^");
    }

    #[test]
    fn what_a_server_sent_looks_the_same() {
        let found = at(3, 1, 6, "enabld = true");
        assert_eq!(text(&Problem::from(&found), true), text(&found, true));
        let warning = Diagnostic::warning("x", Place::file(&"a.toml".into()), "y").hint("z");
        assert_eq!(text(&Problem::from(&warning), true), text(&warning, true));
        // What is not in a file has no place.
        let problem = Problem { file: String::new(), ..Problem::from(&warning) };
        assert_eq!(text(&problem, false), "warning[x]: y\n  = help: z\n");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        let mut found = at(3, 2, 1, "a\u{1b}[31m\u{202e}b\u{7f}\u{9b}c");
        assert_eq!(source(&found).0, "3 | a␛[31m\u{fffd}b␡\u{fffd}c");
        found.message = "x\u{1b}]0;y\u{7}\nz".into();
        found.hint = Some("\r\u{0}".into());
        found.place.file = "a\u{1b}.toml".into();
        let text = text(&found, false);
        assert!(text.starts_with("error[unknown-key]: x␛]0;y␇␊z\n --> a␛.toml:3:2\n"), "{text}");
        assert!(text.ends_with("= help: ␍␀\n"));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}HERE{}", "a".repeat(200), "b".repeat(190));
        let (shown, carets) = source(&at(3, 201, 4, &line));
        assert_eq!(shown, format!("3 | ...{}HERE{}...", "a".repeat(30), "b".repeat(60)));
        assert_eq!(carets, format!("  | {}^^^^", " ".repeat(33)));
        // At the start nothing is cut in front, at the end nothing behind.
        let (shown, carets) = source(&at(3, 1, 4, &line));
        assert_eq!((shown.as_str(), carets.as_str()), (&*format!("3 | {}...", "a".repeat(94)), "  | ^^^^"));
        let (shown, _) = source(&at(3, 394, 1, &line));
        assert_eq!(shown, format!("3 | ...{}", "b".repeat(31)));
        // A place longer than the room is underlined as far as it is shown.
        let (shown, carets) = source(&at(3, 1, 394, &line));
        assert_eq!(shown.len(), carets.len() + CUT.len());
    }

    #[test]
    fn a_place_beyond_the_line_does_no_harm() {
        assert_eq!(source(&at(3, 9, 1, "ab")).1, "  |   ^");
        assert_eq!(source(&at(3, u32::MAX, u32::MAX, "ab")).1, "  |   ^");
        assert_eq!(source(&at(3, 900, 3, &"a".repeat(400))).1, format!("  | {}^", " ".repeat(33)));
        assert_eq!(source(&at(3, 1, 1, "")).1, "  | ^");
    }

    #[test]
    fn colours_are_only_around_the_same_text() {
        let found = at(3, 1, 6, "enabld = true");
        let coloured = text(&found, true);
        assert!(
            coloured.starts_with("\x1b[1;31merror[unknown-key]\x1b[0m\x1b[1m: unknown key"),
            "{coloured:?}"
        );
        let mut plain = coloured.clone();
        for code in ["\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, text(&found, false));
    }

    #[test]
    fn the_json_form_has_everything() {
        assert_eq!(
            json(&at(3, 1, 6, "enabld = \u{1b}")),
            json!({
                "severity": "error",
                "code": "unknown-key",
                "message": "unknown key in [[address_map]]: enabld",
                "file": "addrmaps/acme/eu.toml",
                "line": 3,
                "column": 1,
                "length": 6,
                "hint": "did you mean enabled?",
                "excerpt": "enabld = \u{1b}",
            })
        );
        let whole = json(&Diagnostic::note("x", Place::file(&"a.toml".into()), "y"));
        assert_eq!(whole["line"], Value::Null);
        assert_eq!(whole["hint"], Value::Null);
    }
}
