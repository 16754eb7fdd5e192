//! What people tell the engine beside "read the files": approve, roll back, resume.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::books::{Books, HeldUnit};
use super::engine::{Engine, How};
use super::entry::Said;
use super::history::When;
use super::look::{Ask, Gate, Looked, Open, look};
use super::report::{Change, Outcome, Trigger};
use super::source::Kind;
use super::standing::Standing;
use super::state::{Approved, Intent, Manifest, Pin, PinScope, Remembered};
use super::weigh::hour::Hour;
use super::{SourcePath, Tree};
use crate::model::{AccountId, Unit};

/// Fewest digits of a digest that a command may name it by.
const LEAST_DIGITS: usize = 8;

/// What is to be served again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Back {
    /// The generation, by its number or a time; `None` for the one before what is served.
    pub(super) generation: Option<When>,
    /// Whose; `None` for everything.
    pub(super) account: Option<AccountId>,
    pub(super) by: Option<String>,
    pub(super) reason: String,
}

/// What a command may change beside what is served.
struct Stands {
    standing: Standing,
    held: BTreeMap<Unit, HeldUnit>,
    waiting: BTreeSet<Unit>,
}

impl Engine {
    /// Lets content pass that a guard holds. Fails where nothing that is held has such a digest.
    pub(super) fn approve(
        &mut self,
        digests: &[String],
        by: &str,
        reason: &str,
        gate: &mut dyn Gate,
    ) -> Result<Change, String> {
        let mut approved: BTreeMap<String, BTreeSet<Unit>> = BTreeMap::new();
        for wanted in digests {
            let wanted = wanted.trim().to_ascii_lowercase();
            if wanted.len() < LEAST_DIGITS || !wanted.bytes().all(|octet| octet.is_ascii_hexdigit()) {
                return Err(format!(
                    "not a digest: {wanted:?}; write {LEAST_DIGITS} or more digits of one that status shows"
                ));
            }
            let held = self.books.held.iter().filter_map(|(unit, held)| Some((unit, held.digest.as_ref()?)));
            let fitting: Vec<_> = held.filter(|(_, digest)| digest.starts_with(&wanted)).collect();
            let distinct: BTreeSet<&String> = fitting.iter().map(|(_, digest)| *digest).collect();
            if distinct.len() > 1 {
                return Err(format!("more than one thing held begins with {wanted}: write more digits"));
            }
            if fitting.is_empty() {
                return Err(format!("nothing that a guard holds has this digest: {wanted}"));
            }
            for (unit, digest) in fitting {
                approved.entry(digest.clone()).or_default().insert(unit.clone());
            }
        }
        let before = self.stands();
        let at = self.clock.now();
        for digest in approved.keys() {
            let approval = Approved { by: by.to_owned(), reason: reason.to_owned(), at, expires: None };
            self.books.standing.approvals.insert(digest.clone(), approval);
        }
        let units = approved.into_values().flatten().collect();
        self.said = Said { by: Some(by.to_owned()), reason: Some(reason.to_owned()) };
        let change = self.again(Trigger::Approve, units, gate);
        self.said = Said::default();
        self.kept(before, change)
    }

    /// Serves again what a former generation served, and keeps to it whatever the files say until [`Engine::resume`].
    /// Immutable maps that were ever served are served on. Fails where there is no such generation, or nothing of it
    /// differs from what is served.
    pub(super) fn roll_back(&mut self, back: &Back, gate: &mut dyn Gate) -> Result<Change, String> {
        let begun = Instant::now();
        let served = manifest(&self.books);
        let waiting = self.books.differing.clone();
        let mut last = None;
        loop {
            let (generation, target) = match back.generation {
                Some(when) => self.remembered(when)?,
                None => self.one_before(&served, back.account.as_ref(), last)?,
            };
            let after = overlaid(&served, &target, back.account.as_ref());
            let touched = differing(&served, &after);
            if let Some(account) = back.account.as_ref().filter(|_| touched.is_empty())
                && !has_files_of(&served, account)
            {
                return Err(format!(
                    "there is no account {account}, neither now nor in generation {generation}"
                ));
            }
            let change = self.go_back(back, generation, &served, &after, &touched);
            if change.outcome == Outcome::Unchanged && change.held.is_empty() {
                // What differed is kept in memory whatever is served, such as immutable maps.
                last = Some(generation);
                match back.generation {
                    Some(_) => {
                        return Err(format!("what generation {generation} served is what is served now"));
                    }
                    None => continue,
                }
            }
            let published = change.outcome == Outcome::Published;
            let change = self.done(begun, change);
            // The files say otherwise now, or still what is served: they are looked at, so that it is known what waits.
            let paths = touched.union(&waiting).map(|path| path.on_disk(&self.sources)).collect();
            let mut looked = look(&self.sources, &mut self.books, &self.lost, &Ask::Paths(paths), gate);
            looked.units.extend(self.books.held.keys().cloned());
            looked.units.extend(after.views.into_keys().map(Unit::Account));
            let after = self.change(begun, Trigger::Rollback, looked, gate, How::default());
            let held = if published { after.held } else { change.held };
            return Ok(Change { held, ..change });
        }
    }

    /// Serves what was served and pins it, unless nothing comes of it.
    fn go_back(
        &mut self,
        back: &Back,
        generation: u64,
        served: &Manifest,
        after: &Manifest,
        touched: &BTreeSet<SourcePath>,
    ) -> Change {
        let at = self.clock.now();
        let mut change =
            Change { at, trigger: Trigger::Rollback, generation: self.books.generation, ..Change::default() };
        // Of one account the operator's files are no part: it sees them as they are served.
        let seeing = if back.account.is_none() { seeing(served, after) } else { BTreeSet::new() };
        if touched.is_empty() && seeing.is_empty() {
            return change;
        }
        let before = self.books.standing.clone();
        if back.account.is_none() {
            // What single accounts were kept at is served no more.
            self.books.standing.pins.clear();
        }
        let scope = back.account.clone().map_or(PinScope::Everything, PinScope::Account);
        let pin = Pin { generation, at, reason: back.reason.clone() };
        self.books.standing.pins.insert(scope, pin);
        let how = How { unguarded: true, ..How::default() };
        self.said = Said { by: back.by.clone(), reason: Some(back.reason.clone()) };
        // Of everything guards look back no further; of one account the others go on as they were.
        let hour = back.account.is_none().then(|| std::mem::take(&mut self.hour));
        self.round(Some(after), touched, seeing, &mut Open, how, &mut change);
        self.said = Said::default();
        let published = change.outcome == Outcome::Published;
        match (published, hour) {
            (true, Some(_)) => self.hour = Hour::default(),
            (false, Some(hour)) => self.hour = hour,
            (_, None) => {}
        }
        if !published {
            self.books.standing = before;
        }
        change
    }

    /// Follows the files again where they were rolled back. Fails where they were not.
    pub(super) fn resume(
        &mut self,
        account: Option<&AccountId>,
        gate: &mut dyn Gate,
    ) -> Result<Change, String> {
        self.may_resume(account)?;
        let before = self.stands();
        match account {
            None => self.books.standing.pins.clear(),
            Some(account) => drop(self.books.standing.pins.remove(&PinScope::Account(account.clone()))),
        }
        let units = self.books.held.keys().cloned().collect();
        let change = self.again(Trigger::Resume, units, gate);
        self.kept(before, change)
    }

    /// Fails, and says why, where nothing was rolled back that could be followed again.
    pub(super) fn may_resume(&self, account: Option<&AccountId>) -> Result<(), String> {
        let pins = &self.books.standing.pins;
        match account {
            None if pins.is_empty() => Err("nothing was rolled back".to_owned()),
            Some(account) if !pins.contains_key(&PinScope::Account(account.clone())) => {
                Err(self.not_pinned(account))
            }
            _ => Ok(()),
        }
    }

    /// Judges units again although nothing happened to their files.
    fn again(&mut self, trigger: Trigger, mut units: BTreeSet<Unit>, gate: &mut dyn Gate) -> Change {
        let begun = Instant::now();
        units.extend(self.books.waiting.iter().cloned());
        let (faults, lost) = (self.faults.clone(), self.lost.clone());
        let looked = Looked { units, faults, lost, ..Looked::default() };
        self.change(begun, trigger, looked, gate, How::default())
    }

    fn stands(&self) -> Stands {
        let Books { standing, held, waiting, .. } = &self.books;
        Stands { standing: standing.clone(), held: held.clone(), waiting: waiting.clone() }
    }

    /// What stands, and what is held for it, is as before where it could not be remembered.
    fn kept(&mut self, before: Stands, change: Change) -> Result<Change, String> {
        if self.standing_differs() {
            let Stands { standing, held, waiting } = before;
            self.books.standing = standing;
            self.books.held = held;
            self.books.waiting.extend(waiting);
            if change.problems.is_empty() {
                return Err("it could not be remembered".to_owned());
            }
            return Ok(Change { outcome: Outcome::Refused, ..change });
        }
        Ok(change)
    }

    /// Whether something stands that is not remembered.
    pub(super) fn standing_differs(&self) -> bool {
        self.books.standing != self.remembered_standing
    }

    fn done(&mut self, begun: Instant, mut change: Change) -> Change {
        change.generation = self.books.generation;
        change.took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.remember(&change);
        change
    }

    /// The last generation that served something else than what is served now, or than what was rolled back to; before the
    /// last one that was tried.
    fn one_before(
        &self,
        served: &Manifest,
        account: Option<&AccountId>,
        last: Option<u64>,
    ) -> Result<(u64, Manifest), String> {
        let pins = &self.books.standing.pins;
        let scope = account.cloned().map_or(PinScope::Everything, PinScope::Account);
        let from = last.unwrap_or_else(|| pins.get(&scope).map_or(served.generation, |pin| pin.generation));
        let kept = self.store.state.generations();
        let earlier = kept.iter().rev().map(|kept| kept.generation).filter(|kept| *kept < from);
        for generation in earlier {
            let (_, target) = self.remembered(When::Generation(generation))?;
            let after = overlaid(served, &target, account);
            let sees = || account.is_none() && !seeing(served, &after).is_empty();
            if !differing(served, &after).is_empty() || sees() {
                return Ok((generation, target));
            }
        }
        match account.filter(|account| !has_files_of(served, account)) {
            Some(account) => {
                Err(format!("there is no account {account}, nor was one as far as is remembered"))
            }
            None => Err("nothing else was served before, as far as is remembered".to_owned()),
        }
    }
}

/// The sources that hold something else. When a file was written makes no difference.
fn differing(one: &Manifest, other: &Manifest) -> BTreeSet<SourcePath> {
    let files = Intent::between(one, other).files.into_iter();
    let digest = |manifest: &Manifest, path: &SourcePath| manifest.files.get(path).map(|file| file.digest);
    files.map(|(path, _)| path).filter(|path| digest(one, path) != digest(other, path)).collect()
}

/// The accounts that see the operator's files differently.
fn seeing(one: &Manifest, other: &Manifest) -> BTreeSet<Unit> {
    Intent::between(one, other).views.into_iter().map(|(account, _)| Unit::Account(account)).collect()
}

/// Whether a source is an account's.
fn is_its(path: &SourcePath, account: &AccountId) -> bool {
    path.is_of(account) || (account.is_default() && path.tree == Tree::Zones && !path.is_in_folder())
}

fn has_files_of(manifest: &Manifest, account: &AccountId) -> bool {
    manifest.files.keys().any(|path| is_its(path, account))
}

/// Whether nothing was served of a source because it never had been good: nobody wants that back, and it stays.
fn was_faulty(target: &Manifest, path: &SourcePath) -> bool {
    let faulty = &target.faulty;
    match (path.kind(), path.account()) {
        (Kind::Zone(origin), _) if faulty.zones.contains_key(&origin) => true,
        (Kind::Other, Some(account)) if faulty.zones.values().any(|of| *of == account) => {
            !target.files.contains_key(path)
        }
        (_, Some(account)) => faulty.accounts.contains(&account),
        (_, None) => faulty.operator && path.tree == Tree::Maps,
    }
}

/// What is served, with the files of an account, or all, as they were; what was faulty then stays.
fn overlaid(served: &Manifest, target: &Manifest, account: Option<&AccountId>) -> Manifest {
    let Some(account) = account else {
        let mut files = target.files.clone();
        files.extend(
            served
                .files
                .iter()
                .filter(|(path, _)| was_faulty(target, path))
                .map(|(path, file)| (path.clone(), *file)),
        );
        return Manifest { files, views: target.views.clone(), ..served.clone() };
    };
    let mut files = served.files.clone();
    let mut views = served.views.clone();
    views.remove(account);
    files.retain(|path, _| !is_its(path, account) || was_faulty(target, path));
    files.extend(
        target
            .files
            .iter()
            .filter(|(path, _)| is_its(path, account))
            .map(|(path, file)| (path.clone(), *file)),
    );
    Manifest { files, views, ..served.clone() }
}

/// The files that are served, as the state remembers them.
fn manifest(books: &Books) -> Manifest {
    let files = books.files.iter().filter_map(|(path, known)| {
        let digest = known.served?;
        let same = !books.differing.contains(path);
        let stamp = known.seen.filter(|_| same).unwrap_or_default();
        Some((path.clone(), Remembered { digest, stamp }))
    });
    let views = books.accounts.iter().filter_map(|(id, account)| Some((id.clone(), account.view.clone()?)));
    Manifest {
        generation: books.generation,
        published: books.published,
        files: files.collect(),
        views: views.collect(),
        ..Manifest::default()
    }
}
