//! The tags in the comment of a record: `; any words cf_tags=cf-proxied:true`.
//!
//! Invariant: a comment that mentions `cf-proxied` either yields what it says or a fault; nothing that was meant
//! as a tag passes as "not proxied".

use std::borrow::Cow;

use crate::model::RecordTags;

use super::codes::{self, Code};
use super::json;
use super::report::Fault;
use super::source::shown;

/// What the comments of one record say.
#[derive(Debug, Default)]
pub(super) struct Tags {
    pub(super) tags: RecordTags,
    /// Where `cf-proxied` stands.
    pub(super) proxied_at: Option<(u32, u32)>,
    /// Where `cf-flatten-cname` stands.
    pub(super) flatten_at: Option<(u32, u32)>,
    /// What could not be read; where there is an error, `tags` is not to be relied on.
    pub(super) faults: Vec<Fault>,
}

const KEY: &[u8] = b"cf_tags=";
const PROXIED: &str = "cf-proxied";
const FLATTEN: &str = "cf-flatten-cname";

/// Reads the comments of a record, given as ranges of `text` that begin with their semicolon.
pub(super) fn read(text: &[u8], comments: &[(u32, u32)]) -> Tags {
    let mut all = Tags::default();
    for &(start, end) in comments {
        let comment = &text[start as usize..end as usize];
        // Nearly all comments end here.
        if !may_hold_tags(comment) {
            continue;
        }
        let errors = all.faults.len();
        let said = all.proxied_at;
        if let Some(list) = list_start(comment) {
            Reader { text: &text[..end as usize], at: start as usize + list, all: &mut all }.list();
        }
        if all.proxied_at == said
            && all.faults.len() == errors
            && let Some(at) = mention(comment)
        {
            let at = start + at as u32;
            let place = (at, at + PROXIED.len() as u32);
            all.faults.push(Fault::new(
                codes::UNREAD_TAG,
                place,
                "cf-proxied in a comment is not read as a tag",
            ));
        }
    }
    all
}

/// Where a comment that belongs to no record says `cf-proxied` as a tag all the same. A record that was
/// commented out does not count: its tag stands in a comment within the comment.
pub(super) fn stray(text: &[u8], (start, end): (u32, u32)) -> Option<(u32, u32)> {
    let comment = &text[start as usize..end as usize];
    if !may_hold_tags(comment) {
        return None;
    }
    let semicolons = comment.iter().take_while(|byte| matches!(byte, b';' | b' ' | b'\t')).count();
    let Some(list) = list_start(comment) else {
        // A comment may speak of tags; one that is nothing but a tag was meant as one.
        return mention(comment).filter(|at| *at == semicolons).map(|at| (start + at as u32, end));
    };
    if comment.get(semicolons..list).is_some_and(|front| front.contains(&b';')) {
        return None;
    }
    let mut tags = Tags::default();
    Reader { text: &text[..end as usize], at: start as usize + list, all: &mut tags }.list();
    // A tag that cannot be read was meant as one all the same.
    tags.proxied_at.or_else(|| mention(comment).map(|at| (start + at as u32, end)))
}

/// Whether `cf` with a hyphen or underscore stands anywhere.
fn may_hold_tags(comment: &[u8]) -> bool {
    let (mut before, mut last) = (0, 0);
    comment.iter().any(|&byte| {
        let found = matches!(byte, b'-' | b'_') && matches!((before, last), (b'c' | b'C', b'f' | b'F'));
        (before, last) = (last, byte);
        found
    })
}

/// Where the list of the last `cf_tags=` starts, which follows a blank or the semicolon.
fn list_start(comment: &[u8]) -> Option<usize> {
    let mut end = comment.len();
    loop {
        end = comment[..end].iter().rposition(|byte| *byte == b'=')?;
        if let Some([.., b' ' | b'\t' | b';']) = comment[..=end].strip_suffix(KEY) {
            return Some(end + 1);
        }
    }
}

/// Where `cf-proxied`, or `cf_proxied`, stands in whatever case.
fn mention(comment: &[u8]) -> Option<usize> {
    comment.windows(PROXIED.len()).position(|window| {
        window
            .iter()
            .zip(PROXIED.bytes())
            .all(|(byte, wanted)| byte.eq_ignore_ascii_case(&wanted) || (wanted == b'-' && *byte == b'_'))
    })
}

struct Reader<'t, 'a> {
    /// Up to the end of the comment.
    text: &'t [u8],
    at: usize,
    all: &'a mut Tags,
}

impl<'t> Reader<'t, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn fault(&mut self, code: &'static Code, start: usize, message: &str) {
        let value = shown(&self.text[start..self.at]);
        let place = (start as u32, self.at as u32);
        self.all.faults.push(Fault::new(code, place, format!("{message}: {value}")));
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Reads the list up to the end of the comment, or to the first thing that cannot be read.
    fn list(&mut self) {
        loop {
            self.skip_blanks();
            if !self.tag() {
                return;
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return,
            }
        }
    }

    /// Reads one tag and what blanks follow it; `false` where reading cannot go on.
    fn tag(&mut self) -> bool {
        let start = self.at;
        let rest = &self.text[start..];
        let other = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let name = &rest[..rest.iter().position(other).unwrap_or(rest.len())];
        self.at += name.len();
        let name_end = self.at;
        self.skip_blanks();
        let value = match self.peek() {
            Some(b':') if !name.is_empty() => {
                self.at += 1;
                self.skip_blanks();
                match self.value() {
                    Some(value) => value,
                    None => {
                        self.skip_rest();
                        self.fault(codes::BAD_TAG, start, "tag with a value that cannot be read");
                        return false;
                    }
                }
            }
            None | Some(b',') => Cow::Borrowed(&[][..]),
            Some(_) => {
                self.skip_rest();
                self.fault(codes::BAD_TAG, start, "not a list of tags");
                return false;
            }
        };
        let end = self.at;
        self.skip_blanks();
        if !matches!(self.peek(), None | Some(b',')) {
            self.skip_rest();
            self.fault(codes::BAD_TAG, start, "tag with a value that cannot be read");
            return false;
        }
        let after = std::mem::replace(&mut self.at, end.max(name_end));
        self.judge(start, name, &value);
        self.at = after;
        true
    }

    fn skip_rest(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.trim_ascii_end().len();
    }

    /// Reads a value: a JSON string, or anything up to a comma without `"`, `=` and `\`.
    fn value(&mut self) -> Option<Cow<'t, [u8]>> {
        let start = self.at;
        if self.peek() == Some(b'"') {
            self.at += 1;
            while let Some(byte) = self.peek() {
                self.at += match byte {
                    b'\\' => 2,
                    b'"' => {
                        self.at += 1;
                        let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
                        return json::string(text).map(|text| Cow::Owned(text.into_bytes()));
                    }
                    _ => 1,
                };
            }
            self.at = self.text.len();
            return None;
        }
        let rest = &self.text[start..];
        let end = rest.iter().position(|byte| matches!(byte, b',' | b'"' | b'=' | b'\\'));
        let end = end.unwrap_or(rest.len());
        if !matches!(rest.get(end), None | Some(b',')) {
            self.at += end;
            return None;
        }
        let value = rest[..end].trim_ascii_end();
        self.at += value.len();
        Some(Cow::Borrowed(value))
    }

    /// Takes over what a tag says; the tag ends at the present place.
    fn judge(&mut self, start: usize, name: &[u8], value: &[u8]) {
        let place = (start as u32, self.at as u32);
        if name.eq_ignore_ascii_case(PROXIED.as_bytes()) {
            let proxied = match value {
                b"true" => true,
                b"false" => false,
                _ => return self.fault(codes::BAD_TAG, start, "cf-proxied must be true or false"),
            };
            if self.all.tags.proxied.is_some_and(|before| before != proxied) {
                return self.fault(codes::CONFLICTING_TAGS, start, "cf-proxied was given with another value");
            }
            self.all.tags.proxied = Some(proxied);
            self.all.proxied_at = Some(place);
            return;
        }
        if name.eq_ignore_ascii_case(FLATTEN.as_bytes()) {
            if !value.is_empty() {
                return self.fault(codes::BAD_TAG, start, "cf-flatten-cname takes no value");
            }
            self.all.tags.flatten = true;
            self.all.flatten_at = Some(place);
            return;
        }
        let lower = name.to_ascii_lowercase();
        if lower.starts_with(b"cf-") || lower.starts_with(b"cf_") {
            self.fault(codes::UNKNOWN_TAG, start, "unknown tag that begins with cf-");
        } else if lower.windows(7).any(|window| window == b"proxied") {
            self.fault(codes::SUSPICIOUS_TAG, start, "tag that does not make the record proxied");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proxied and flatten, or the codes.
    fn tags(comment: &str) -> Result<(Option<bool>, bool), Vec<&'static str>> {
        let tags = read(comment.as_bytes(), &[(0, comment.len() as u32)]);
        match tags.faults.is_empty() {
            true => Ok((tags.tags.proxied, tags.tags.flatten)),
            false => Err(tags.faults.iter().map(|fault| fault.code.name).collect()),
        }
    }

    #[test]
    fn tags_that_are_read() {
        for (comment, wanted) in [
            ("; cf_tags=cf-proxied:true", (Some(true), false)),
            (";cf_tags=cf-proxied:false", (Some(false), false)),
            (";    cf_tags=cf-proxied:true  ", (Some(true), false)),
            (";\tcf_tags=CF-Proxied:true", (Some(true), false)),
            ("; the shop cf_tags=cf-proxied:true", (Some(true), false)),
            ("; cf_tags=cf-proxied:\"true\"", (Some(true), false)),
            ("; cf_tags=cf-proxied:\"\\u0074rue\"", (Some(true), false)),
            ("; cf_tags=cf-flatten-cname,cf-proxied:false", (Some(false), true)),
            ("; cf_tags=cf-flatten-cname:,cf-flatten-cname:\"\"", (None, true)),
            ("; cf_tags=cf-proxied:true,cf-proxied:true", (Some(true), false)),
            ("; says cf_tags=cf-proxied:false here cf_tags=cf-proxied:true", (Some(true), false)),
            ("; we set cf-proxied here cf_tags=cf-proxied:true", (Some(true), false)),
            ("; cf_tags=owner:\"a,b=\\\"c\\\\\",cf-proxied:true", (Some(true), false)),
            ("; cf_tags=team:two words,cf-proxied:true,", (Some(true), false)),
            ("; cf_tags= cf-proxied: true , x", (Some(true), false)),
        ] {
            assert_eq!(tags(comment), Ok(wanted), "{comment}");
        }
    }

    #[test]
    fn comments_that_are_no_tags_are_ignored() {
        for comment in [
            ";",
            "; hello",
            "; cf_tags=",
            "; cf_tags=team:web,bare,empty:,quoted:\"x\"",
            "; see cf_tags",
            "; c",
            "; cf",
            "; cf-",
            "; cf-worker route",
            "; xcf_tags=1",
            "; cf_tags=1",
        ] {
            assert_eq!(tags(comment), Ok((None, false)), "{comment}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_fault() {
        for (comment, code) in [
            ("; cf-proxied:true", "unread-tag"),
            ("; CF-PROXIED", "unread-tag"),
            ("; cf_proxied:true", "unread-tag"),
            ("; cf_tags: cf-proxied:true", "unread-tag"),
            (";cf_tags = cf-proxied", "unread-tag"),
            ("; CF_TAGS=cf-proxied:true", "unread-tag"),
            ("; xcf_tags=cf-proxied:true", "unread-tag"),
            ("; cf_tags=note:\"cf-proxied:true\"", "unread-tag"),
            ("; cf_tags=cf-proxied:true cf_tags=team:web", "unread-tag"),
            ("; cf_tags=cf-proxied", "bad-tag"),
            ("; cf_tags=cf-proxied:", "bad-tag"),
            ("; cf_tags=cf-proxied:\"\"", "bad-tag"),
            ("; cf_tags=cf-proxied:yes", "bad-tag"),
            ("; cf_tags=cf-proxied:True", "bad-tag"),
            ("; cf_tags=cf-proxied:true and more", "bad-tag"),
            ("; cf_tags=cf-proxied:true;", "bad-tag"),
            ("; cf_tags=cf-proxied=true", "bad-tag"),
            ("; cf_tags=team:\"open,cf-proxied:true", "bad-tag"),
            ("; cf_tags=team:\"a\"b,cf-proxied:true", "bad-tag"),
            ("; cf_tags=a b,cf-proxied:true", "bad-tag"),
            ("; cf_tags=team:a=b,cf-proxied:true", "bad-tag"),
            ("; cf_tags=\"cf-proxied:true\"", "bad-tag"),
            ("; cf_tags=cf-flatten-cname:true", "bad-tag"),
            ("; cf_tags=cf-proxie:true", "unknown-tag"),
            ("; cf_tags=cf_proxied:true", "unknown-tag"),
            ("; cf_tags=cf-:1", "unknown-tag"),
            ("; cf_tags=cf-proxied:true,cf-proxied:false", "conflicting-tags"),
            ("; cf_tags=proxied:true", "suspicious-tag"),
        ] {
            assert_eq!(tags(comment), Err(vec![code]), "{comment}");
        }
    }

    #[test]
    fn several_comments_of_one_record_must_agree() {
        let both = |first: &str, second: &str| {
            let text = format!("{first}{second}");
            let middle = first.len() as u32;
            let tags = read(text.as_bytes(), &[(0, middle), (middle, text.len() as u32)]);
            (tags.tags.proxied, tags.faults.iter().map(|fault| fault.code.name).collect::<Vec<_>>())
        };
        assert_eq!(both("; one", "; cf_tags=cf-proxied:true"), (Some(true), vec![]));
        assert_eq!(both("; cf_tags=cf-proxied:true", "; cf_tags=team:x"), (Some(true), vec![]));
        let conflict = both("; cf_tags=cf-proxied:true", "; cf_tags=cf-proxied:false");
        assert_eq!(conflict.1, ["conflicting-tags"]);
        assert_eq!(both("; cf_tags=cf-proxied:true", "; cf-proxied:false").1, ["unread-tag"]);
    }

    #[test]
    fn comments_beside_no_record_are_told_from_records_commented_out() {
        let at = |comment: &str| stray(comment.as_bytes(), (0, comment.len() as u32));
        assert_eq!(at("; cf_tags=cf-proxied:true"), Some((10, 25)));
        assert_eq!(at(";; cf_tags=cf-proxied:true"), Some((11, 26)));
        assert_eq!(at(";www A 192.0.2.1 ; cf_tags=cf-proxied:true"), None);
        assert_eq!(at(";; A tag cf-proxied is explained below"), None);
    }
}
