//! Tables and values of a document, asked for by type; what does not fit is reported and answered `None`.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Document, closest, code};
use crate::model::{Diagnostic, Place, Severity};

/// The keys of one table of a format.
#[derive(Debug)]
pub struct Keys {
    /// The table as one would write it, for messages: `[anycast]`.
    pub title: &'static str,
    /// The keys that it may have.
    pub known: &'static [&'static str],
    /// Those of them that it must have.
    pub required: &'static [&'static str],
}

/// A table of a document.
#[derive(Clone, Copy, Debug)]
pub struct Table<'d> {
    document: &'d Document<'d>,
    table: &'d DeTable<'d>,
    start: usize,
    end: usize,
    keys: &'static Keys,
}

/// A key as it is written.
#[derive(Clone, Copy, Debug)]
pub struct Key<'d> {
    /// The key.
    pub text: &'d str,
    document: &'d Document<'d>,
    start: usize,
    end: usize,
}

/// A value with the key that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    key: &'d str,
    start: usize,
    end: usize,
    value: &'d DeValue<'d>,
}

impl<'d> Table<'d> {
    pub(super) fn root(document: &'d Document<'d>, keys: &'static Keys) -> Table<'d> {
        Table::open(document, &document.root, 0..0, keys)
    }

    /// Reports at once what the table has and the format has not, and the other way round.
    fn open(
        document: &'d Document<'d>,
        table: &'d DeTable<'d>,
        at: Range<usize>,
        keys: &'static Keys,
    ) -> Table<'d> {
        let opened = Table { document, table, start: at.start, end: at.end, keys };
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if !keys.known.contains(&name) {
                document.push(opened.unknown(name, key.span()));
            }
        }
        for &key in keys.required {
            if opened.get(key).is_none() {
                opened.missing(key, format!("add {key} to {}", keys.title));
            }
        }
        opened
    }

    fn unknown(&self, name: &str, range: Range<usize>) -> Diagnostic {
        let source = self.document.source();
        let message = format!("unknown key in {}: {name}", self.keys.title);
        let hint = match closest(name, self.keys.known.iter().copied()) {
            Some(known) => format!("did you mean {known}?"),
            None => format!("the keys of {} are {}", self.keys.title, self.keys.known.join(", ")),
        };
        source.diagnostic(Severity::Error, code::UNKNOWN_KEY, range, message).hint(hint)
    }

    /// The value of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<Value<'d>> {
        debug_assert!(
            self.keys.known.contains(&key),
            "{key} is asked for, but is no key of {}",
            self.keys.title
        );
        let (key, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Value::new(self.document, key.get_ref(), value))
    }

    /// Reports that a key is missing which is required only here.
    pub fn missing(&self, key: &str, hint: impl Into<String>) {
        let message = format!("{} without a key: {key}", self.keys.title);
        self.absent(Severity::Error, code::MISSING_KEY, message, hint);
    }

    /// Reports something at the table's start because it is not in the table.
    pub fn absent(
        &self,
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let found = self.document.source().diagnostic(severity, code, self.start..self.end, message);
        self.document.push_absent(found.hint(hint));
    }

    /// The document.
    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// Where the table starts.
    pub fn place(&self) -> Place {
        self.document.source().place(self.start..self.end)
    }
}

impl Key<'_> {
    /// Where the key stands.
    pub fn place(&self) -> Place {
        self.document.source().place(self.start..self.end)
    }

    /// Reports an error at the key.
    pub fn error(&self, code: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        let source = self.document.source();
        self.document
            .push(source.diagnostic(Severity::Error, code, self.start..self.end, message).hint(hint));
    }
}

impl<'d> Value<'d> {
    fn new(document: &'d Document<'d>, key: &'d str, value: &'d Spanned<DeValue<'d>>) -> Value<'d> {
        let Range { start, end } = value.span();
        Value { document, key, start, end, value: value.get_ref() }
    }

    /// The key that the value, or the list that it stands in, belongs to.
    pub fn key(&self) -> &'d str {
        self.key
    }

    /// Where the value stands.
    pub fn place(&self) -> Place {
        self.document.source().place(self.start..self.end)
    }

    /// Reports an error at the value.
    pub fn error(&self, code: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Error, code, message, hint);
    }

    /// Reports something at the value.
    pub fn report(
        &self,
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let source = self.document.source();
        self.document.push(source.diagnostic(severity, code, self.start..self.end, message).hint(hint));
    }

    /// A text.
    pub fn text(&self) -> Option<&'d str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => {
                self.wrong_type("a string", format!("put it in double quotes: {:?}", self.written()));
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.wrong_type("true or false", "write true or false, without quotes");
                None
            }
        }
    }

    /// A whole number.
    pub fn integer(&self) -> Option<i64> {
        let number = match self.value {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok(),
            _ => {
                self.wrong_type("an integer", "write a whole number, without quotes");
                return None;
            }
        };
        if number.is_none() {
            self.error(
                code::BAD_VALUE,
                format!("{} is out of range: {}", self.key, self.written()),
                "write a smaller number",
            );
        }
        number
    }

    /// The values of a list.
    pub fn list(&self) -> Option<Vec<Value<'d>>> {
        match self.value {
            DeValue::Array(list) => {
                Some(list.iter().map(|value| Value::new(self.document, self.key, value)).collect())
            }
            _ => {
                self.wrong_type("a list", format!("put it in brackets: {} = [{}]", self.key, self.written()));
                None
            }
        }
    }

    /// A table with the keys of the format.
    pub fn table(&self, keys: &'static Keys) -> Option<Table<'d>> {
        match self.value {
            DeValue::Table(table) => Some(Table::open(self.document, table, self.start..self.end, keys)),
            _ => {
                self.wrong_type("a table", format!("write it as {}", keys.title));
                None
            }
        }
    }

    /// The values of a list of tables, to be opened one by one.
    pub fn tables(&self, keys: &'static Keys) -> Vec<Value<'d>> {
        match self.value {
            DeValue::Array(_) => self.list().unwrap_or_default(),
            _ => {
                self.wrong_type("a list of tables", format!("write it as {}", keys.title));
                Vec::new()
            }
        }
    }

    /// The entries of a table whose keys are chosen by who writes the file.
    pub fn entries(&self, title: &str) -> Vec<(Key<'d>, Value<'d>)> {
        let document = self.document;
        match self.value {
            DeValue::Table(table) => table
                .iter()
                .map(|(key, value)| {
                    let Range { start, end } = key.span();
                    (
                        Key { text: key.get_ref(), document, start, end },
                        Value::new(document, key.get_ref(), value),
                    )
                })
                .collect(),
            _ => {
                self.wrong_type("a table", format!("write it as {title}"));
                Vec::new()
            }
        }
    }

    /// The path that follows from this value where it holds nothing but one table in another: what a name with dots
    /// becomes when it is written without quotes.
    pub fn dotted(&self) -> Option<String> {
        let mut path = String::new();
        let mut value = self.value;
        while let DeValue::Table(table) = value
            && let (1, Some((key, inner))) = (table.len(), table.iter().next())
            && let DeValue::Table(_) = inner.get_ref()
        {
            path.push('.');
            path.push_str(key.get_ref());
            value = inner.get_ref();
        }
        (!path.is_empty()).then_some(path)
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let quoted = || choices.iter().map(|(word, _)| format!("{word:?}")).collect::<Vec<_>>().join(" or ");
        let DeValue::String(text) = self.value else {
            self.wrong_type(&quoted(), format!("write {}", quoted()));
            return None;
        };
        let chosen = choices.iter().find(|(word, _)| word == text).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let message = format!("{} must be {}, not: {text}", self.key, quoted());
            let hint = match closest(text, choices.iter().map(|(word, _)| *word)) {
                Some(word) => format!("did you mean {word:?}?"),
                None => format!("write {}", quoted()),
            };
            self.error(code::BAD_VALUE, message, hint);
        }
        chosen
    }

    /// Whether the value is a text, for keys that take several types.
    pub fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// Whether the value is `true` or `false`, for keys that take several types.
    pub fn is_boolean(&self) -> bool {
        matches!(self.value, DeValue::Boolean(_))
    }

    /// Whether the value is a date or a time, for keys that take several types.
    pub fn is_date(&self) -> bool {
        matches!(self.value, DeValue::Datetime(_))
    }

    /// A day or a moment, with quotes or without, in seconds since the epoch: a day begins in UTC, a moment has an
    /// offset (RFC 3339). Whatever has no one meaning is not reported.
    pub fn moment(&self) -> Option<u64> {
        match self.value {
            DeValue::Datetime(moment) => super::moment::seconds(moment),
            DeValue::String(text) => super::moment::seconds(&text.parse().ok()?),
            _ => None,
        }
    }

    /// Reports a value of another type than `wanted`.
    pub fn wrong_type(&self, wanted: &str, hint: impl Into<String>) {
        let message = format!("{} must be {wanted}, not {}", self.key, self.type_name());
        self.error(code::WRONG_TYPE, message, hint);
    }

    fn type_name(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    /// The value as it is written, cut to what fits a hint.
    pub fn written(&self) -> String {
        let text = self.document.source().text().get(self.start..self.end).unwrap_or_default();
        text.lines().next().unwrap_or_default().chars().take(40).collect()
    }
}
