//! What is served in one number: the same on every server that serves equal files at equal paths, whatever the order
//! in which it came to them.
//!
//! A sum of what each part comes to: a file by its path and digest, what an account sees of the operator's files where
//! these moved on without it, what never was good, and the immutable maps that are remembered.

use std::collections::BTreeMap;

use super::ahead::Plain;
use super::books::Books;
use super::state::{Faulty, Intent, View};
use super::{Digest, SourcePath, remembered_map};
use crate::model::{AccountId, MapId};
use crate::snapshot::Content;

/// The number, and what is needed to keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) content: Content,
    /// What the immutable maps come to. A map that is being forgotten has left the books before that is published.
    immutable: BTreeMap<MapId, u64>,
}

impl Served {
    /// Of all that is in the books.
    pub(super) fn of(books: &Books) -> Served {
        let files = books.files.iter().filter_map(|(path, known)| Some(file(path, known.served?)));
        let views = books.accounts.iter().filter_map(|(id, account)| Some(view(id, account.view.as_ref()?)));
        let immutable: BTreeMap<MapId, u64> = books
            .immutable
            .iter()
            .map(|(id, map)| (id.clone(), remembered(id, &remembered_map::text(map))))
            .collect();
        let parts = files.chain(views).chain([faulty(&books.faulty)]).chain(immutable.values().copied());
        Served { content: parts.fold(Content::default(), Content::with), immutable }
    }

    /// After a change that is about to be published. The books know it not yet, but for the files of `plain`.
    pub(super) fn after(&self, books: &Books, intent: &Intent, plain: &[Plain]) -> Served {
        let mut after = self.clone();
        let mut replace = |before: Option<u64>, now: Option<u64>| {
            after.content = before.into_iter().fold(after.content, Content::without);
            after.content = now.into_iter().fold(after.content, Content::with);
        };
        for (path, now) in &intent.files {
            let before = books.files.get(path).and_then(|known| known.served);
            let part = |digest| file(path, digest);
            replace(before.map(part), now.as_ref().map(|now| part(now.digest)));
        }
        for zone in plain {
            replace(None, Some(file(&zone.path, zone.digest)));
        }
        for (id, now) in &intent.views {
            let before = books.accounts.get(id).and_then(|account| account.view.as_ref());
            replace(before.map(|before| view(id, before)), now.as_ref().map(|now| view(id, now)));
        }
        if let Some(now) = &intent.faulty {
            replace(Some(faulty(&books.faulty)), Some(faulty(now)));
        }
        for (id, text) in &intent.immutable {
            let now = text.as_ref().map(|text| remembered(id, text));
            replace(self.immutable.get(id).copied(), now);
            match now {
                Some(now) => after.immutable.insert(id.clone(), now),
                None => after.immutable.remove(id),
            };
        }
        after
    }
}

/// What some pieces of one kind come to.
fn part(kind: u8, pieces: &[&[u8]]) -> u64 {
    let mut octets = vec![kind];
    for piece in pieces {
        octets.extend((piece.len() as u64).to_be_bytes());
        octets.extend_from_slice(piece);
    }
    let [a, b, c, d, e, f, g, h, ..] = Digest::of(&octets).0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn file(path: &SourcePath, digest: Digest) -> u64 {
    part(b'f', &[&path.to_bytes(), &digest.0])
}

fn view(account: &AccountId, view: &View) -> u64 {
    let files: Vec<Vec<u8>> =
        view.iter().flat_map(|(path, digest)| [path.to_bytes(), digest.0.to_vec()]).collect();
    let files = files.iter().map(Vec::as_slice);
    let pieces: Vec<&[u8]> = std::iter::once(account.as_str().as_bytes()).chain(files).collect();
    part(b'v', &pieces)
}

/// Of nothing it is 0, as of every kind of part that is not there.
fn faulty(faulty: &Faulty) -> u64 {
    let operator = faulty.operator.then(|| part(b'o', &[]));
    let accounts = faulty.accounts.iter().map(|account| part(b'a', &[account.as_str().as_bytes()]));
    let zones = faulty
        .zones
        .iter()
        .map(|(origin, account)| part(b'z', &[&origin.to_lower_wire(), account.as_str().as_bytes()]));
    operator.into_iter().chain(accounts).chain(zones).fold(0, u64::wrapping_add)
}

fn remembered(id: &MapId, text: &str) -> u64 {
    part(b'i', &[id.as_str().as_bytes(), text.as_bytes()])
}
