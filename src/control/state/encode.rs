//! Intents as octets. Numbers that are large anyway are eight octets, little end first; lengths and counts take seven
//! bits an octet, the least first.

use super::super::{Digest, SourcePath, Stamp};
use super::manifest::{Approved, Faulty, Intent, Pin, PinScope, Remembered, View};
use crate::model::{AccountId, MapId};
use crate::wire::Name;

/// The octets that [`decode`] reads.
pub(super) fn encode(intent: &Intent) -> Vec<u8> {
    let mut out = Vec::new();
    fixed(&mut out, intent.generation);
    fixed(&mut out, intent.time);
    count(&mut out, intent.files.len());
    for (path, file) in &intent.files {
        text(&mut out, &path.to_bytes());
        optional(&mut out, file.as_ref(), |out, file| {
            out.extend_from_slice(&file.digest.0);
            let stamp = &file.stamp;
            for number in [stamp.file.0, stamp.file.1, stamp.size] {
                fixed(out, number);
            }
            out.extend_from_slice(&stamp.modified.to_le_bytes());
            out.extend_from_slice(&stamp.changed.to_le_bytes());
        });
    }
    count(&mut out, intent.views.len());
    for (account, view) in &intent.views {
        text(&mut out, account.as_str().as_bytes());
        optional(&mut out, view.as_ref(), |out, view| {
            count(out, view.len());
            for (path, digest) in view {
                text(out, &path.to_bytes());
                out.extend_from_slice(&digest.0);
            }
        });
    }
    optional(&mut out, intent.faulty.as_ref(), |out, faulty| {
        out.push(u8::from(faulty.operator));
        count(out, faulty.accounts.len());
        for account in &faulty.accounts {
            text(out, account.as_str().as_bytes());
        }
        count(out, faulty.zones.len());
        for (zone, account) in &faulty.zones {
            text(out, zone.as_wire());
            text(out, account.as_str().as_bytes());
        }
    });
    count(&mut out, intent.immutable.len());
    for (map, content) in &intent.immutable {
        text(&mut out, map.as_str().as_bytes());
        optional(&mut out, content.as_ref(), |out, content| text(out, content.as_bytes()));
    }
    if intent.approvals.is_empty() && intent.pins.is_empty() {
        // As it was written before there were any.
        return out;
    }
    count(&mut out, intent.approvals.len());
    for (digest, approved) in &intent.approvals {
        text(&mut out, digest.as_bytes());
        optional(&mut out, approved.as_ref(), |out, approved| {
            text(out, approved.by.as_bytes());
            text(out, approved.reason.as_bytes());
            fixed(out, approved.at);
            optional(out, approved.expires.as_ref(), |out, expires| fixed(out, *expires));
        });
    }
    count(&mut out, intent.pins.len());
    for (which, pin) in &intent.pins {
        scope(&mut out, which);
        optional(&mut out, pin.as_ref(), |out, pin| {
            fixed(out, pin.generation);
            fixed(out, pin.at);
            text(out, pin.reason.as_bytes());
        });
    }
    out
}

fn scope(out: &mut Vec<u8>, scope: &PinScope) {
    match scope {
        PinScope::Everything => out.push(0),
        PinScope::Account(account) => {
            out.push(1);
            text(out, account.as_str().as_bytes());
        }
    }
}

fn fixed(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn count(out: &mut Vec<u8>, number: usize) {
    let mut left = number as u64;
    while left >= 0x80 {
        out.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

fn text(out: &mut Vec<u8>, octets: &[u8]) {
    count(out, octets.len());
    out.extend_from_slice(octets);
}

fn optional<T>(out: &mut Vec<u8>, value: Option<&T>, write: impl FnOnce(&mut Vec<u8>, &T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        write(out, value);
    }
}

/// Reads what [`encode`] wrote; `None` for any other octets. What it allocates is bounded by what it is given.
pub(super) fn decode(octets: &[u8]) -> Option<Intent> {
    let mut from = Octets(octets);
    let mut intent = Intent {
        generation: from.fixed()?,
        time: from.fixed()?,
        files: from.list(|from| Some((from.path()?, from.optional(Octets::remembered)?)))?,
        views: from.list(|from| Some((from.account()?, from.optional(Octets::view)?)))?,
        faulty: from.optional(Octets::faulty)?,
        immutable: from.list(|from| {
            let map = MapId::new(from.utf8()?)?;
            Some((map, from.optional(|from| from.utf8().map(str::to_owned))?))
        })?,
        ..Intent::default()
    };
    if !from.0.is_empty() {
        intent.approvals =
            from.list(|from| Some((from.utf8()?.to_owned(), from.optional(Octets::approved)?)))?;
        intent.pins = from.list(|from| Some((from.scope()?, from.optional(Octets::pin)?)))?;
    }
    from.0.is_empty().then_some(intent)
}

/// What is left to be read.
struct Octets<'o>(&'o [u8]);

impl<'o> Octets<'o> {
    fn take(&mut self, len: usize) -> Option<&'o [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn fixed(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn signed(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.array()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn count(&mut self) -> Option<usize> {
        let mut number = 0_u64;
        // Nine octets hold 63 bits, more than any length.
        for shift in (0..63).step_by(7) {
            let [octet] = self.array()?;
            number |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'o [u8]> {
        let len = self.count()?;
        self.take(len)
    }

    fn utf8(&mut self) -> Option<&'o str> {
        std::str::from_utf8(self.text()?).ok()
    }

    /// No room is made ahead: the count may be wrong, but every element takes an octet at least.
    fn list<T>(&mut self, mut element: impl FnMut(&mut Octets<'o>) -> Option<T>) -> Option<Vec<T>> {
        let len = self.count()?;
        let mut list = Vec::new();
        for _ in 0..len {
            list.push(element(self)?);
        }
        Some(list)
    }

    fn optional<T>(&mut self, value: impl FnOnce(&mut Octets<'o>) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { value(self).map(Some) } else { Some(None) }
    }

    fn path(&mut self) -> Option<SourcePath> {
        SourcePath::from_bytes(self.text()?)
    }

    fn account(&mut self) -> Option<AccountId> {
        AccountId::new(self.utf8()?)
    }

    fn digest(&mut self) -> Option<Digest> {
        self.array().map(Digest)
    }

    fn remembered(&mut self) -> Option<Remembered> {
        let digest = self.digest()?;
        let file = (self.fixed()?, self.fixed()?);
        let stamp = Stamp { file, size: self.fixed()?, modified: self.signed()?, changed: self.signed()? };
        Some(Remembered { digest, stamp })
    }

    fn view(&mut self) -> Option<View> {
        let files = self.list(|from| Some((from.path()?, from.digest()?)))?;
        Some(files.into_iter().collect())
    }

    fn approved(&mut self) -> Option<Approved> {
        let (by, reason) = (self.utf8()?.to_owned(), self.utf8()?.to_owned());
        Some(Approved { by, reason, at: self.fixed()?, expires: self.optional(Octets::fixed)? })
    }

    fn pin(&mut self) -> Option<Pin> {
        Some(Pin { generation: self.fixed()?, at: self.fixed()?, reason: self.utf8()?.to_owned() })
    }

    fn scope(&mut self) -> Option<PinScope> {
        match self.array()? {
            [0] => Some(PinScope::Everything),
            [1] => self.account().map(PinScope::Account),
            _ => None,
        }
    }

    fn faulty(&mut self) -> Option<Faulty> {
        let operator = self.flag()?;
        let accounts = self.list(Octets::account)?.into_iter().collect();
        let zones = self.list(|from| Some((Name::from_wire(from.text()?).ok()?, from.account()?)))?;
        Some(Faulty { operator, accounts, zones: zones.into_iter().collect() })
    }
}
