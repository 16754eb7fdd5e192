//! `$ORIGIN`, `$TTL` and `$INCLUDE` (RFC 1035 section 5.1, RFC 2308 section 4).
//!
//! Invariant: what an included file does to origin, TTL and owner ends with it; includes are finite in depth,
//! number and octets.

use super::codes::{self, Code};
use super::context::{Context, Line};
use super::head::read_ttl;
use super::lexer::Token;
use super::names;
use super::parser::Parser;
use super::report::Fault;
use super::source::{MAX_TEXT, Text, shown};

/// Deepest nesting of includes.
const MAX_DEPTH: usize = 16;
/// Most includes of one zone.
const MAX_INCLUDES: usize = 1024;
/// Most octets that all includes of one zone may have.
const MAX_INCLUDED_OCTETS: usize = 256 << 20;

impl Parser<'_> {
    /// Carries out the directive that an entry holds.
    pub(super) fn directive(&mut self, line: Line<'_>, comments: &[(u32, u32)], context: &mut Context) {
        let Some((name, arguments)) = line.tokens.split_first() else { return };
        let is = |word: &[u8]| name.of(line.text).eq_ignore_ascii_case(word);
        if is(b"$GENERATE") {
            let tags = self.tags(line.text, comments, context);
            return self.generate(line, arguments, &tags, context);
        }
        self.refuse_tags(line, comments, context);
        let done = if is(b"$ORIGIN") {
            self.origin(line, name, arguments, context)
        } else if is(b"$TTL") {
            ttl(line, name, arguments).map(|ttl| context.default_ttl = Some(ttl))
        } else if is(b"$INCLUDE") {
            self.include(line, name, arguments, context)
        } else {
            let message = format!("unknown directive: {}", shown(name.of(line.text)));
            Err(Fault::new(codes::UNKNOWN_DIRECTIVE, name.place(), message))
        };
        if let Err(fault) = done {
            self.fault(context, fault);
        }
    }

    /// A tag beside a directive would be lost without a word.
    fn refuse_tags(&mut self, line: Line<'_>, comments: &[(u32, u32)], context: &Context) {
        let tags = self.tags(line.text, comments, context);
        if let Some(place) = tags.proxied_at.or(tags.flatten_at) {
            let fault =
                Fault::new(codes::TAG_ON_DIRECTIVE, place, "tag that follows a directive, not a record");
            self.report.fault(context.file, fault);
        }
    }

    fn origin(
        &mut self,
        line: Line<'_>,
        name: &Token,
        arguments: &[Token],
        context: &mut Context,
    ) -> Result<(), Fault> {
        let [argument] = arguments else { return Err(wrong_arguments(line, name, arguments, 1)) };
        context.origin = self.owner(line.text, argument, context)?;
        context.origin_given = true;
        context.owner_at = None;
        Ok(())
    }

    fn include(
        &mut self,
        line: Line<'_>,
        name: &Token,
        arguments: &[Token],
        context: &Context,
    ) -> Result<(), Fault> {
        let (path, origin) = match arguments {
            [path] => (path, None),
            [path, origin] => (path, Some(origin)),
            _ => return Err(wrong_arguments(line, name, arguments, 2)),
        };
        let origin = match origin {
            Some(origin) => self.owner(line.text, origin, context)?,
            None => context.origin.clone(),
        };
        let fault = |code: &'static Code, message: String| Err(Fault::new(code, path.place(), message));
        let mut octets = Vec::new();
        let written = shown(path.of(line.text));
        if let Err(at) = names::append_string(&mut octets, path.of(line.text)) {
            let at = path.start + at as u32;
            return Err(Fault::new(
                codes::BAD_ESCAPE,
                (at, at + 1),
                format!("bad escape in a file name: {written}"),
            ));
        }
        let Ok(wanted) = String::from_utf8(octets) else {
            return fault(codes::INCLUDE_FAILED, format!("file name that is not UTF-8: {written}"));
        };
        if self.including.len() >= MAX_DEPTH {
            return fault(
                codes::INCLUDE_LIMIT,
                format!("includes nested deeper than {MAX_DEPTH}: {written}"),
            );
        }
        if self.includes >= MAX_INCLUDES {
            return fault(codes::INCLUDE_LIMIT, format!("more than {MAX_INCLUDES} includes: {written}"));
        }
        let from = self.sources.file(context.file).clone();
        let found = match self.files.open(&from, &wanted) {
            Ok(found) => found,
            Err(message) => return fault(codes::INCLUDE_FAILED, message),
        };
        if self.including.contains(&found.identity) {
            return fault(
                codes::INCLUDE_CYCLE,
                format!("file that is being read includes itself: {written}"),
            );
        }
        self.included_octets = self.included_octets.saturating_add(found.content.len());
        if found.content.len() > MAX_TEXT || self.included_octets > MAX_INCLUDED_OCTETS {
            return fault(codes::INCLUDE_LIMIT, format!("more than 256 MiB of included text: {written}"));
        }
        let text = found.content.clone();
        let Some(file) = self.sources.add(found.file, Text::Shared(found.content)) else {
            return fault(codes::INCLUDE_LIMIT, format!("too many files: {written}"));
        };
        self.includes += 1;
        self.including.push(found.identity);
        let mut inner = Context { file, origin, origin_given: true, owner_at: None, ..context.clone() };
        self.text(&text, &mut inner);
        self.including.pop();
        Ok(())
    }
}

fn ttl(line: Line<'_>, name: &Token, arguments: &[Token]) -> Result<u32, Fault> {
    match arguments {
        [argument] => read_ttl(line.text, argument),
        _ => Err(wrong_arguments(line, name, arguments, 1)),
    }
}

/// The fault of a directive with too few or, beyond `most`, too many arguments.
fn wrong_arguments(line: Line<'_>, name: &Token, arguments: &[Token], most: usize) -> Fault {
    match arguments.get(most) {
        Some(extra) => {
            let message = format!("more than the directive takes: {}", shown(extra.of(line.text)));
            Fault::new(codes::BAD_DIRECTIVE, extra.place(), message)
        }
        None => {
            let message = format!("directive without its argument: {}", shown(name.of(line.text)));
            Fault::new(codes::BAD_DIRECTIVE, name.place(), message)
        }
    }
}
