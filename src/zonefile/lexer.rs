//! Cuts a master file into entries, and entries into tokens with their places (RFC 1035 section 5.1).
//!
//! Invariant: total and linear: any octets give entries, each octet is looked at a bounded number of times, and
//! nothing is allocated per token. Escapes are left in place; whoever knows the field resolves them.

use super::codes;
use super::report::Fault;

/// A field of an entry, as a range of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// First octet; of a quoted one the octet behind the quote.
    pub(super) start: u32,
    /// Behind the last octet; of a quoted one the closing quote.
    pub(super) end: u32,
    /// Whether it stands in quotes.
    pub(super) quoted: bool,
}

impl Token {
    /// The token's octets.
    pub(super) fn of<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start as usize..self.end as usize]
    }

    /// Its place with the quotes.
    pub(super) fn place(&self) -> (u32, u32) {
        let quote = u32::from(self.quoted);
        (self.start - quote, self.end + quote)
    }
}

/// One entry: a line, or several that parentheses make one. Its buffers are used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) tokens: Vec<Token>,
    /// Comments with their semicolon, without the line's end.
    pub(super) comments: Vec<(u32, u32)>,
    /// Whether the first column is blank, so that the owner is the last one.
    pub(super) blank_owner: bool,
    /// The line of the first token, from 1.
    pub(super) line: u32,
    /// What is wrong with the text; an entry with a fault is not read further.
    pub(super) faults: Vec<Fault>,
}

impl Entry {
    #[cold]
    fn unbalanced(&mut self, at: u32, message: &str) {
        self.faults.push(Fault::new(codes::UNBALANCED_PARENTHESIS, (at, at + 1), message));
    }
}

/// What an octet means outside of quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Blank,
    NewLine,
    Comment,
    Quote,
    Open,
    Close,
    Backslash,
}

const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Plain; 256];
    kinds[b' ' as usize] = Kind::Blank;
    kinds[b'\t' as usize] = Kind::Blank;
    kinds[b'\r' as usize] = Kind::Blank;
    kinds[b'\n' as usize] = Kind::NewLine;
    kinds[b';' as usize] = Kind::Comment;
    kinds[b'"' as usize] = Kind::Quote;
    kinds[b'(' as usize] = Kind::Open;
    kinds[b')' as usize] = Kind::Close;
    kinds[b'\\' as usize] = Kind::Backslash;
    kinds
};

fn kind(byte: u8) -> Kind {
    KINDS[usize::from(byte)]
}

/// How often reading starts again behind a parenthesis that is never closed.
const MAX_RETRIES: u32 = 16;

/// Reads entries from a text of at most [`super::source::MAX_TEXT`] octets.
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    line: u32,
    retries: u32,
}

impl<'t> Lexer<'t> {
    /// Starts at octet `at`, the first of line 1.
    pub(super) fn new(text: &'t [u8], at: usize) -> Lexer<'t> {
        Lexer { text, at, line: 1, retries: 0 }
    }

    /// Reads the next entry, which may have no tokens; `false` at the end of the text.
    pub(super) fn next(&mut self, entry: &mut Entry) -> bool {
        entry.tokens.clear();
        entry.comments.clear();
        entry.faults.clear();
        let Some(first) = self.text.get(self.at) else { return false };
        entry.blank_owner = kind(*first) == Kind::Blank;
        entry.line = self.line;
        let text = self.text;
        let mut at = self.at;
        let mut depth = 0_u32;
        // The first open parenthesis: its octet, the next line's first octet and number.
        let mut opened = (0, 0, 0);
        while let Some(&byte) = text.get(at) {
            match kind(byte) {
                Kind::Blank => at += 1,
                Kind::NewLine => {
                    at += 1;
                    self.line += 1;
                    if depth == 0 {
                        self.at = at;
                        return true;
                    }
                    if entry.tokens.is_empty() {
                        entry.line = self.line;
                    }
                    if opened.1 == 0 {
                        opened = (opened.0, at, self.line);
                    }
                }
                Kind::Comment => {
                    let end = line_end(text, at);
                    entry.comments.push((at as u32, end as u32));
                    at = end;
                }
                Kind::Open => {
                    if depth == 0 {
                        opened = (at as u32, 0, 0);
                    }
                    depth += 1;
                    at += 1;
                }
                Kind::Close => {
                    match depth.checked_sub(1) {
                        Some(less) => depth = less,
                        None => entry.unbalanced(at as u32, "closing parenthesis without an open one"),
                    }
                    at += 1;
                }
                Kind::Quote => at = quoted(text, at, entry),
                Kind::Plain | Kind::Backslash => at = plain(text, at, entry),
            }
        }
        self.at = at;
        if depth > 0 {
            entry.unbalanced(opened.0, "parenthesis that is never closed");
            // What was swallowed up to the end of the text is read again, from the next line on.
            if opened.1 > 0 && self.retries < MAX_RETRIES {
                self.retries += 1;
                (self.at, self.line) = (opened.1, opened.2);
            }
        }
        true
    }
}

/// Where the line of an octet ends, a carriage return in front of the line feed left out.
fn line_end(text: &[u8], at: usize) -> usize {
    let rest = &text[at..];
    let len = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    at + rest[..len].strip_suffix(b"\r").map_or(len, <[u8]>::len)
}

/// Reads the token that begins at `start`; tells where reading goes on.
fn plain(text: &[u8], start: usize, entry: &mut Entry) -> usize {
    let mut at = start;
    loop {
        while let Some(&byte) = text.get(at)
            && kind(byte) == Kind::Plain
        {
            at += 1;
        }
        if text.get(at) != Some(&b'\\') {
            break;
        }
        at = escape(text, at, entry);
    }
    entry.tokens.push(Token { start: start as u32, end: at as u32, quoted: false });
    at
}

/// Steps over the backslash at `at` and the octet behind it, but never over the end of a line.
// Within the loop over entries this would take registers from the way of every octet; a string as well.
#[inline(never)]
fn escape(text: &[u8], at: usize, entry: &mut Entry) -> usize {
    if !matches!(text.get(at + 1), None | Some(b'\n' | b'\r')) {
        return at + 2;
    }
    let place = (at as u32, at as u32 + 1);
    entry.faults.push(Fault::new(codes::BAD_ESCAPE, place, "backslash at the end of a line"));
    at + 1
}

/// Reads the string whose quote stands at `quote`; tells where reading goes on.
#[inline(never)]
fn quoted(text: &[u8], quote: usize, entry: &mut Entry) -> usize {
    let start = quote + 1;
    let mut at = start;
    loop {
        match text.get(at) {
            None | Some(b'\n') => {
                let end = at - usize::from(text[at - 1] == b'\r');
                let place = (quote as u32, end as u32);
                entry.faults.push(Fault::new(
                    codes::UNCLOSED_QUOTE,
                    place,
                    "string without its closing quote",
                ));
                break;
            }
            Some(b'"') => break,
            Some(b'\\') => at = escape(text, at, entry),
            Some(_) => at += 1,
        }
    }
    entry.tokens.push(Token { start: start as u32, end: at as u32, quoted: true });
    at + usize::from(text.get(at) == Some(&b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<String> {
        let mut lexer = Lexer::new(text.as_bytes(), 0);
        let mut entry = Entry::default();
        let mut out = Vec::new();
        while lexer.next(&mut entry) {
            let tokens: Vec<String> = entry
                .tokens
                .iter()
                .map(|token| {
                    let text = String::from_utf8_lossy(token.of(text.as_bytes())).into_owned();
                    if token.quoted { format!("\"{text}\"") } else { text }
                })
                .collect();
            let comments = entry.comments.iter().map(|(from, to)| &text[*from as usize..*to as usize]);
            let faults = entry.faults.iter().map(|fault| fault.code.name);
            let blank = if entry.blank_owner { "_ " } else { "" };
            let parts: Vec<&str> = tokens.iter().map(String::as_str).chain(comments).chain(faults).collect();
            out.push(format!("{} {blank}{}", entry.line, parts.join("|")));
        }
        out
    }

    #[test]
    fn lines_tokens_quotes_and_comments() {
        assert_eq!(
            entries("a  b\tc ; x \r\n \"q ; ( \\\" r\"z;y\n\n;c"),
            ["1 a|b|c|; x ", "2 _ \"q ; ( \\\" r\"|z|;y", "3 ", "4 ;c"]
        );
    }

    #[test]
    fn parentheses_join_lines_and_every_comment_is_kept() {
        assert_eq!(entries("a ( b ; one\n c (d)\n) e ; two\nf"), ["1 a|b|c|d|e|; one|; two", "4 f"]);
        assert_eq!(entries("\n( \n a )\nb"), ["1 ", "3 a", "4 b"]);
    }

    #[test]
    fn faults_end_with_their_entry() {
        assert_eq!(entries("a ) b\nc"), ["1 a|b|unbalanced-parenthesis", "2 c"]);
        assert_eq!(entries("a \"b\r\nc"), ["1 a|\"b\r\"|unclosed-quote", "2 c"]);
        assert_eq!(entries("a ( \"b\n) c\nd"), ["1 a|\"b\"|c|unclosed-quote", "3 d"]);
        assert_eq!(entries("a\\\nb"), ["1 a\\|bad-escape", "2 b"]);
        assert_eq!(entries("a ( b\nc d\ne"), ["1 a|b|c|d|e|unbalanced-parenthesis", "2 c|d", "3 e"]);
        assert_eq!(entries("a ("), ["1 a|unbalanced-parenthesis"]);
    }

    #[test]
    fn many_open_parentheses_cost_no_square_of_time() {
        let text = "a (\n".repeat(20_000);
        assert!(entries(&text).len() <= 18);
    }
}
