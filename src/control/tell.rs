//! What the engine tells: its status, and why a name is answered what it is answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::Stamp;
use super::desk::{Desk, Shelf};
use super::engine::{Engine, How};
use super::entry::Said;
use super::look::{Looked, Open};
use super::plan::lost_immutable_maps;
use super::report::{Change, Problem, Status, Trigger, Watching};
use super::state::{Manifest, PinScope, Remembered};
use crate::answer::{self, Step};
use crate::judge::{self, Explanation};
use crate::model::{
    AccountId, AccountSettings, Diagnostic, LoadedZone, MapId, Place, Unit, World, ZoneContent,
};
use crate::wire::{Name, NameBuf, Question, RrType};
use crate::zonefile::{self, ReadOptions};

impl Engine {
    /// What is served, what is held and why. `watching` and `being_written` are the watcher's.
    pub fn status(
        &self,
        watching: Watching,
        being_written: Vec<String>,
        watch_fault: Option<Problem>,
    ) -> Status {
        let snapshot = self.publisher.current();
        let totals = snapshot.totals;
        // Where all are good none is looked at.
        let faulty = self.books.zones.iter().filter(|(_, zone)| zone.faulty).take(totals.faulty);
        let mut faulty_zones: Vec<String> = faulty.map(|(origin, _)| origin.to_string()).collect();
        faulty_zones.sort();
        let problems = self.faults.iter().chain(&self.books.restored).map(Problem::from);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.started,
            generation: snapshot.generation,
            content: snapshot.content.to_string(),
            published: self.books.published,
            accounts: totals.owners as u64,
            zones: snapshot.zones.len() as u64,
            faulty_zones,
            names: totals.names,
            maps: snapshot.maps as u64,
            in_sync: self.is_in_sync(),
            watching,
            being_written,
            state_error: self.store.error.clone(),
            held: self.books.held.keys().filter_map(|unit| self.held_unit(unit)).collect(),
            pins: self.books.standing.pins_told(),
            problems: problems.chain(watch_fault).collect(),
            changes: self.changes.iter().cloned().collect(),
            audit: self.audit.clone(),
        }
    }

    /// Whether what is served is what the files say, as far as they were looked at.
    pub fn is_in_sync(&self) -> bool {
        self.has_looked
            && self.books.differing.is_empty()
            && self.books.held.is_empty()
            && self.books.waiting.is_empty()
            && self.faults.is_empty()
            && self.books.restored.is_empty()
    }

    /// Why an account cannot follow its files again by itself, and what to write instead.
    pub(super) fn not_pinned(&self, account: &AccountId) -> String {
        let pins = &self.books.standing.pins;
        let accounts: Vec<String> = pins
            .keys()
            .filter_map(|scope| match scope {
                PinScope::Account(account) => Some(account.to_string()),
                PinScope::Everything => None,
            })
            .collect();
        let pinned = match (pins.contains_key(&PinScope::Everything), &accounts[..]) {
            (true, _) => "everything was; follow all files again with: portolan resume".to_owned(),
            (false, []) => "nothing was rolled back".to_owned(),
            (false, [one]) => format!("account {one} was: portolan resume --account {one}"),
            (false, several) => format!("these were: {}", several.join(", ")),
        };
        match self.is_known(account) {
            true => format!("account {account} was not rolled back by itself: {pinned}"),
            false => format!("there is no account {account}, so it was not rolled back: {pinned}"),
        }
    }

    /// Whether anything is served of an account, or any file is there of it.
    fn is_known(&self, account: &AccountId) -> bool {
        self.books.is_served(account) || self.books.files.keys().any(|path| path.is_of(account))
    }

    /// Walks to the answer of a question in what is served. The sources of the zones on the way are read again from
    /// what is remembered of them.
    pub fn explain(&self, name: &Name, rtype: RrType) -> Explanation {
        let snapshot = self.publisher.current();
        let lower = NameBuf::lower_of(name);
        let question = Question::new(&lower, rtype);
        let mut steps: Vec<Step<'_>> = Vec::new();
        answer::resolve(&snapshot, &question, &mut steps);
        let origins: BTreeSet<Name> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Zone(_, entry) => NameBuf::from_wire(entry.zone.origin()).ok(),
                _ => None,
            })
            .map(|origin| origin.to_name())
            .collect();
        let world = self.world_of(&origins);
        judge::explain(&world, &snapshot, name, rtype)
    }

    /// The master files of some zones and what they include, as they are remembered.
    fn served_files(&self, origins: &BTreeSet<Name>) -> Manifest {
        let paths = origins.iter().filter_map(|origin| self.books.zones.get(origin)).map(|zone| &zone.path);
        let with_named = paths
            .flat_map(|path| std::iter::once(path).chain(self.books.names.get(path).into_iter().flatten()));
        let files = with_named.filter_map(|path| {
            let digest = self.books.files.get(path)?.served?;
            Some((path.clone(), Remembered { digest, stamp: Stamp::default() }))
        });
        Manifest { files: files.collect(), ..Manifest::default() }
    }

    /// All that is served but zones, and the words of accounts.
    fn operators_words(&self) -> World {
        World {
            anycast: self.books.operator.anycast().cloned(),
            ledger: self.books.operator.ledger.ledger().clone(),
            ownership: self.rules.ownership,
            assertions: self.books.assertions_after(&[]),
            faulty_accounts: self.books.faulty.accounts.clone(),
            faulty_operator: self.books.faulty.operator,
            ..World::default()
        }
    }

    /// All that is served but zones.
    pub(super) fn words(&self) -> World {
        let mut world = self.operators_words();
        for (account, served) in &self.books.accounts {
            let settings = served.settings.as_deref().cloned();
            let settings = settings.unwrap_or_else(|| AccountSettings::new(account.clone()));
            world.accounts.insert(account.clone(), settings);
            world.maps.extend(served.maps());
        }
        world
    }

    /// The sources of some zones as they are served.
    pub(super) fn world_of(&self, origins: &BTreeSet<Name>) -> World {
        let mut world = self.operators_words();
        let needed = self.served_files(origins);
        let desk = Desk::new(&self.sources, Shelf::Memory(&self.store, &needed));
        for origin in origins {
            let Some(zone) = self.books.zones.get(origin) else { continue };
            let account = &zone.account;
            let served = self.books.accounts.get(account);
            let settings = served.and_then(|served| served.settings.as_deref().cloned());
            let settings = settings.unwrap_or_else(|| AccountSettings::new(account.clone()));
            let options = ReadOptions { require_tags: settings.require_tags };
            let data = match desk.read(&zone.path) {
                super::desk::Found::Content(copy) if !zone.faulty => {
                    let namer = desk.namer(&zone.path);
                    let shown = desk.shown(&zone.path);
                    zonefile::read_zone(&shown, &copy.content, origin, options, &namer).0
                }
                _ => None,
            };
            let content = data.map_or(ZoneContent::Faulty, |data| ZoneContent::Good(Arc::new(data)));
            if world.accounts.insert(account.clone(), settings).is_none() {
                world.maps.extend(served.into_iter().flat_map(|served| served.maps()));
            }
            world.zones.push(LoadedZone { origin: origin.clone(), account: account.clone(), content });
        }
        world
    }
}

impl Engine {
    /// Takes a remembered immutable map away, for a reason that the journal keeps. A map that the files still hold
    /// stays: it would be remembered again.
    pub(super) fn forget_map(&mut self, id: &MapId, reason: &str) -> Result<Change, Box<Diagnostic>> {
        let place = || Place::file(&"state (remembered)".into());
        let refuse = |message: String| Box::new(Diagnostic::error("map-not-forgotten", place(), message));
        let Some(map) = self.books.immutable.get(id).cloned() else {
            return Err(refuse(format!("no immutable map of that id is remembered: {id}")));
        };
        let in_files = self.books.operator.files.values().flat_map(|file| &file.maps);
        if let Some(held) = in_files.into_iter().find(|held| held.id == *id && held.immutable && held.enabled)
        {
            return Err(refuse(format!(
                "take the map out of the files first, it is at {}: {id}",
                held.place
            )));
        }
        let begun = Instant::now();
        let remembered = self.books.immutable.remove(id);
        let mut units = BTreeSet::from([Unit::Account(map.account.clone()), Unit::Operator]);
        units.extend(self.books.waiting.iter().cloned());
        let (faults, lost) = (self.faults.clone(), self.lost.clone());
        let looked = Looked { units, faults, lost, ..Looked::default() };
        self.forgotten = Some((id.clone(), map.account.clone()));
        self.said = Said { by: None, reason: Some(reason.to_owned()) };
        let change = self.change(begun, Trigger::Reload, looked, &mut Open, How::default());
        self.said = Said::default();
        if self.forgotten.take().is_some() {
            // It was not published: it is remembered as before.
            self.books.immutable.extend(remembered.map(|map| (id.clone(), map)));
            self.books.restored = lost_immutable_maps(&self.books);
            return Err(refuse(format!(
                "the map could not be taken away, its account or the state is held: {id}"
            )));
        }
        tracing::warn!(map = %id, account = %map.account, reason, "an immutable map was taken away");
        Ok(change)
    }
}
