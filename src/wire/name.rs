//! Domain names in wire form: an owned one for data, an inline one for the way of a query.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::{MAX_LABEL, MAX_NAME};

/// Why a text or some bytes are not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing between two dots, or before the first one.
    #[error("empty label")]
    EmptyLabel,
    /// A label of more than 63 octets.
    #[error("label longer than 63 octets")]
    LabelTooLong,
    /// More than 255 octets in wire form.
    #[error("name longer than 255 octets")]
    NameTooLong,
    /// A backslash at the end, or `\DDD` that is no octet.
    #[error("bad escape")]
    BadEscape,
    /// A relative name where no origin is known.
    #[error("relative name without an origin")]
    NoOrigin,
    /// Bytes that end early, a label type that does not exist, or a compression pointer out of place.
    #[error("malformed name")]
    Malformed,
}

/// An absolute name, uncompressed, its case as it was written. Compares and hashes without regard to case
/// (RFC 4343), in the canonical order of RFC 4034 section 6.1. Cloning shares the octets.
#[derive(Clone)]
pub struct Name(Arc<[u8]>);

impl Name {
    /// The root.
    pub fn root() -> Name {
        Name(Arc::new([0]))
    }

    /// Takes exactly one uncompressed name in wire form.
    pub fn from_wire(wire: &[u8]) -> Result<Name, NameError> {
        match name_len(wire)? {
            len if len == wire.len() => Ok(Name(wire.into())),
            _ => Err(NameError::Malformed),
        }
    }

    /// Reads presentation form (RFC 1035 section 5.1): `\X` and `\DDD` escapes, `@` is not special here.
    /// A name without its final dot is completed with `origin`.
    pub fn parse(text: &str, origin: Option<&Name>) -> Result<Name, NameError> {
        Name::parse_bytes(text.as_bytes(), origin)
    }

    /// [`Name::parse`] for text that need not be UTF-8.
    pub fn parse_bytes(text: &[u8], origin: Option<&Name>) -> Result<Name, NameError> {
        let mut wire = Vec::with_capacity(text.len() + 2);
        if text == b"." {
            return Ok(Name::root());
        }
        let mut label_at = 0;
        wire.push(0);
        let mut bytes = text.iter().copied();
        let mut absolute = false;
        let mut open = false;
        while let Some(byte) = bytes.next() {
            absolute = false;
            match byte {
                b'.' => {
                    close_label(&mut wire, label_at)?;
                    label_at = wire.len();
                    wire.push(0);
                    absolute = true;
                    open = false;
                }
                b'\\' => {
                    wire.push(unescape(&mut bytes)?);
                    open = true;
                }
                _ => {
                    wire.push(byte);
                    open = true;
                }
            }
        }
        if absolute {
            // The zero that opened the next label is the root label.
        } else {
            if !open {
                return Err(NameError::EmptyLabel);
            }
            close_label(&mut wire, label_at)?;
            wire.extend_from_slice(origin.ok_or(NameError::NoOrigin)?.as_wire());
        }
        if wire.len() > MAX_NAME { Err(NameError::NameTooLong) } else { Ok(Name(wire.into())) }
    }

    /// The name in wire form, root label included.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The name in wire form in lower case.
    pub fn to_lower_wire(&self) -> Box<[u8]> {
        // Length octets are below 'A', so lowering every octet leaves them alone.
        self.0.to_ascii_lowercase().into()
    }

    /// The same name in lower case.
    pub fn to_lower(&self) -> Name {
        Name(self.to_lower_wire().into())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Number of labels, the root label not counted.
    pub fn label_count(&self) -> usize {
        labels(&self.0).count()
    }

    /// The labels, leftmost first, without the root label.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        labels(&self.0)
    }

    /// Whether the leftmost label is `*` (RFC 4592 section 2.1.1).
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// The name one label up; the root has none.
    pub fn parent(&self) -> Option<Name> {
        let len = usize::from(self.0[0]);
        (len != 0).then(|| Name(self.0[1 + len..].into()))
    }

    /// Whether the name is `ancestor` or lies below it.
    pub fn is_at_or_below(&self, ancestor: &Name) -> bool {
        is_at_or_below(&self.0, &ancestor.0)
    }

    /// The labels in front of `origin` in wire form, without a root label; `None` where the name is not at or
    /// below it.
    pub fn relative_to(&self, origin: &Name) -> Option<&[u8]> {
        self.is_at_or_below(origin).then(|| &self.0[..self.0.len() - origin.0.len()])
    }

    /// `label` in front of this name.
    pub fn child(&self, label: &[u8]) -> Result<Name, NameError> {
        if label.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if label.len() > MAX_LABEL {
            return Err(NameError::LabelTooLong);
        }
        let mut wire = Vec::with_capacity(1 + label.len() + self.0.len());
        wire.push(label.len() as u8);
        wire.extend_from_slice(label);
        wire.extend_from_slice(&self.0);
        if wire.len() > MAX_NAME { Err(NameError::NameTooLong) } else { Ok(Name(wire.into())) }
    }
}

fn close_label(wire: &mut [u8], at: usize) -> Result<(), NameError> {
    match wire.len() - at - 1 {
        0 => Err(NameError::EmptyLabel),
        len if len > MAX_LABEL => Err(NameError::LabelTooLong),
        len => {
            wire[at] = len as u8;
            Ok(())
        }
    }
}

/// Reads what follows a backslash: three digits are an octet, anything else stands for itself.
fn unescape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(NameError::BadEscape)?;
        value = value * 10 + u32::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.as_wire() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        let (mine, theirs) = (Borders::of(&self.0), Borders::of(&other.0));
        for (a, b) in mine.descending(&self.0).zip(theirs.descending(&other.0)) {
            let order = a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase));
            if order != Ordering::Equal {
                return order;
            }
        }
        mine.count.cmp(&theirs.count)
    }
}

/// Where the labels of a name begin; at most 127 of them fit into a name.
struct Borders {
    starts: [u8; MAX_NAME.div_ceil(2)],
    count: usize,
}

impl Borders {
    fn of(wire: &[u8]) -> Borders {
        let mut borders = Borders { starts: [0; MAX_NAME.div_ceil(2)], count: 0 };
        let mut at = 0;
        while wire[at] != 0 {
            borders.starts[borders.count] = at as u8;
            borders.count += 1;
            at += 1 + usize::from(wire[at]);
        }
        borders
    }

    /// The labels, the one next to the root first.
    fn descending<'w>(&self, wire: &'w [u8]) -> impl Iterator<Item = &'w [u8]> {
        self.starts[..self.count].iter().rev().map(|&start| {
            let start = usize::from(start);
            &wire[start + 1..start + 1 + usize::from(wire[start])]
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_wire(&self.0, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name held inline: no allocation, for the way of a query. It is made where it stays: a move copies all of its
/// room.
pub struct NameBuf(ArrayVec<u8, MAX_NAME>);

impl NameBuf {
    /// Room for a name; empty, which is no name, until one is [set](NameBuf::set).
    #[inline]
    pub fn new() -> NameBuf {
        NameBuf(ArrayVec::new())
    }

    /// Copies one uncompressed wire name.
    pub fn from_wire(wire: &[u8]) -> Result<NameBuf, NameError> {
        let mut name = NameBuf::new();
        name.set(wire)?;
        Ok(name)
    }

    /// `labels` (wire form without a root label) in front of `suffix` (a whole wire name).
    pub fn concat(labels: &[u8], suffix: &[u8]) -> Result<NameBuf, NameError> {
        let mut name = NameBuf(ArrayVec::new());
        for part in [labels, suffix] {
            name.0.try_extend_from_slice(part).map_err(|_| NameError::NameTooLong)?;
        }
        Ok(name)
    }

    /// Becomes the uncompressed wire name at the start of `wire`; stays as it is where there is none.
    pub fn set(&mut self, wire: &[u8]) -> Result<(), NameError> {
        let len = name_len(wire)?;
        self.0.clear();
        self.0.try_extend_from_slice(&wire[..len]).map_err(|_| NameError::NameTooLong)
    }

    /// A name in lower case.
    pub fn lower_of(name: &Name) -> NameBuf {
        let mut lower = NameBuf(ArrayVec::new());
        lower.0.try_extend_from_slice(&name.0).expect("a Name has at most 255 octets");
        lower.make_lower();
        lower
    }

    /// Turns every letter to lower case.
    pub fn make_lower(&mut self) {
        // Length octets are below 'A', so lowering every octet leaves them alone.
        make_lower(&mut self.0);
    }

    /// The same name in lower case.
    pub fn to_lower(&self) -> NameBuf {
        let mut lower = self.clone();
        lower.make_lower();
        lower
    }

    /// The name in wire form, root label included.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The same as an owned [`Name`].
    pub fn to_name(&self) -> Name {
        Name(self.as_wire().into())
    }
}

impl Default for NameBuf {
    fn default() -> NameBuf {
        NameBuf::new()
    }
}

impl Clone for NameBuf {
    fn clone(&self) -> NameBuf {
        let mut bytes = ArrayVec::new();
        bytes.try_extend_from_slice(&self.0).expect("both have the same room");
        NameBuf(bytes)
    }
}

/// Lower case for ASCII letters, in steps of fixed length: they compile to a few wide instructions each.
fn make_lower(bytes: &mut [u8]) {
    match bytes.len() {
        16.. => make_lower_by::<16>(bytes),
        8.. => make_lower_by::<8>(bytes),
        _ => bytes.make_ascii_lowercase(),
    }
}

fn make_lower_by<const N: usize>(bytes: &mut [u8]) {
    bytes.as_chunks_mut::<N>().0.iter_mut().for_each(|step| step.make_ascii_lowercase());
    // The last step overlaps the one before it: lowering twice changes nothing.
    if let Some(step) = bytes.last_chunk_mut::<N>() {
        step.make_ascii_lowercase();
    }
}

impl fmt::Display for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_wire(self.as_wire(), f)
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_wire(self.as_wire(), f)
    }
}

/// Length of the uncompressed name at the start of `bytes`, root label included.
pub fn name_len(bytes: &[u8]) -> Result<usize, NameError> {
    let mut at = 0;
    loop {
        let len = usize::from(*bytes.get(at).ok_or(NameError::Malformed)?);
        if len > MAX_LABEL {
            return Err(NameError::Malformed);
        }
        at += 1 + len;
        if at > MAX_NAME {
            return Err(NameError::NameTooLong);
        }
        if len == 0 {
            return Ok(at);
        }
    }
}

/// The labels of well-formed wire bytes, up to a root label or the end of the slice.
pub fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (&len, tail) = rest.split_first()?;
        if len == 0 {
            return None;
        }
        let (label, tail) = tail.split_at_checked(usize::from(len))?;
        rest = tail;
        Some(label)
    })
}

/// Whether the wire name `name` is `ancestor` or lies below it, without regard to case.
pub fn is_at_or_below(name: &[u8], ancestor: &[u8]) -> bool {
    let Some(cut) = name.len().checked_sub(ancestor.len()) else { return false };
    let mut at = 0;
    while at < cut {
        at += 1 + usize::from(name[at]);
    }
    at == cut && name[cut..].eq_ignore_ascii_case(ancestor)
}

/// Writes presentation form: absolute, with the escapes that a master file needs (RFC 1035 section 5.1).
pub fn fmt_wire(wire: &[u8], f: &mut impl fmt::Write) -> fmt::Result {
    let mut any = false;
    for label in labels(wire) {
        any = true;
        for &byte in label {
            match byte {
                b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => write!(f, "\\{}", byte as char)?,
                0x21..=0x7e => f.write_char(byte as char)?,
                _ => write!(f, "\\{byte:03}")?,
            }
        }
        f.write_char('.')?;
    }
    if any { Ok(()) } else { f.write_char('.') }
}

#[cfg(test)]
mod tests;
