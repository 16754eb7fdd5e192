//! What is published enters the books.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ahead::Plain;
use super::books::{Known, ServedZone};
use super::engine::Engine;
use super::plan::{Plan, ZonePlan, lost_immutable_maps};
use super::remembered_map;
use super::state::Intent;
use crate::addrmap::LedgerIndex;
use crate::model::{Ledger, MapId};

impl Engine {
    /// Enters the files of zones that have no plans.
    pub(super) fn know_plain(&mut self, plain: &[Plain]) {
        let books = &mut self.books;
        let known = |zone: &Plain| Known { served: Some(zone.digest), seen: Some(zone.stamp) };
        let files = plain.iter().map(|zone| (zone.path.clone(), known(zone)));
        if books.files.is_empty() {
            // Built at once its nodes are full.
            books.files = files.collect();
        } else {
            books.files.extend(files);
        }
    }

    /// Enters zones that have no plans.
    pub(super) fn enter_plain(&mut self, plain: Vec<Plain>) {
        let books = &mut self.books;
        books.zones.reserve(plain.len());
        books.zones.extend(plain.into_iter().map(|zone| {
            let Plain { origin, account, path, .. } = zone;
            (origin, ServedZone { account, path, faulty: false })
        }));
    }

    /// Enters what was published.
    pub(super) fn enter(&mut self, accepted: Vec<Plan>, intent: Intent) {
        let books = &mut self.books;
        books.generation = intent.generation;
        books.published = intent.time;
        self.remembered_standing = books.standing.clone();
        self.base = None;
        for (path, remembered) in &intent.files {
            match remembered {
                Some(remembered) => {
                    books.files.entry(path.clone()).or_default().served = Some(remembered.digest);
                }
                None => {
                    if let Some(known) = books.files.get_mut(path) {
                        known.served = None;
                    }
                }
            }
        }
        if let Some(faulty) = intent.faulty {
            books.faulty = faulty;
        }
        let (mut by_operator, mut ledger_changes) = (false, false);
        // What goes goes first, so that what moved is there in the end.
        for (origin, (path, zone)) in accepted.iter().flat_map(|plan| &plan.zones) {
            if matches!(zone, ZonePlan::Removed)
                && books.zones.get(origin).is_some_and(|zone| zone.path == *path)
            {
                books.zones.remove(origin);
            }
        }
        for mut plan in accepted {
            for (origin, (path, zone)) in std::mem::take(&mut plan.zones) {
                if let (false, Some(account)) = (matches!(zone, ZonePlan::Removed), path.account()) {
                    let faulty = matches!(zone, ZonePlan::Faulty);
                    books.zones.insert(origin, ServedZone { account, path, faulty });
                }
            }
            for (path, copy) in &plan.files {
                if copy.is_none() {
                    books.set_names(path, BTreeSet::new());
                }
            }
            for (path, names) in std::mem::take(&mut plan.names) {
                books.set_names(&path, names);
            }
            for (path, file) in std::mem::take(&mut plan.operator_files) {
                by_operator = true;
                let before = match file {
                    Some(file) => books.operator.files.insert(path.clone(), file),
                    None => books.operator.files.remove(&path),
                };
                let after = books.operator.files.get(&path).map(|file| &file.ledger);
                let nothing = Ledger::default();
                let before = before.as_ref().map_or(&nothing, |file| &file.ledger);
                ledger_changes |= before != after.unwrap_or(&nothing);
            }
            by_operator |= plan.operators.is_some();
            books.enter_account(plan);
        }
        for (account, view) in intent.views {
            books.set_view(account, view);
        }
        let is_gone = |id: &MapId| intent.immutable.iter().any(|(gone, text)| gone == id && text.is_none());
        self.forgotten.take_if(|(id, _)| is_gone(id));
        for (id, text) in intent.immutable {
            match text.and_then(|text| remembered_map::read(&text)) {
                Some(map) => books.immutable.insert(id, Arc::new(map)),
                None => books.immutable.remove(&id),
            };
        }
        if ledger_changes {
            let mut ledger = Ledger::default();
            books.operator.files.values().for_each(|file| ledger.absorb(file.ledger.clone()));
            books.operator.ledger = Arc::new(LedgerIndex::new(ledger.into()));
        }
        if by_operator {
            books.restored = lost_immutable_maps(books);
        }
    }
}
