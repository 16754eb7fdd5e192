//! Earlier generations, made again from what is remembered of them: as a world, as a snapshot, or as an engine that
//! serves nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::engine::Engine;
use super::report::Change;
use super::source::Kind;
use super::state::{Intent, Manifest, Retention, StateError};
use super::store::Store;
use super::{SourcePath, Tree};
use crate::model::{AccountId, World};
use crate::snapshot::Snapshot;
use crate::wire::Name;

impl Engine {
    /// What is kept of earlier generations from now on.
    pub fn retain(&mut self, retention: Retention) {
        self.store.state.retain(retention);
    }

    /// An engine that serves nobody and looks at what is remembered now, for another thread: it has nothing in common with
    /// this one, and what is written later does not disturb it. Costs little, however much is served. Fails where no
    /// further file can be open.
    pub(super) fn beside(&self) -> Result<Engine, StateError> {
        let store = Store::new(self.store.state.reader()?);
        let mut past = Engine::bare(self.sources.clone(), store, self.builder.seed().clone());
        past.books.generation = self.books.generation;
        past.samples = self.samples.clone();
        Ok(past)
    }

    /// Asks an engine from [`Engine::beside`]. Fails where something could not be read, rather than answer without it.
    pub(super) fn ask<T>(mut self, look: impl FnOnce(&mut Engine) -> Result<T, String>) -> Result<T, String> {
        let seen = look(&mut self)?;
        match self.store.unread() {
            Some(error) => Err(error.to_owned()),
            None => Ok(seen),
        }
    }

    /// Everything that a remembered generation says. What of it is not good in this version is faulty.
    pub fn world_at(&mut self, manifest: &Manifest) -> World {
        self.with_past(manifest.clone(), |past| {
            let origins: BTreeSet<Name> = past.books.zones.keys().cloned().collect();
            past.world_of(&origins)
        })
    }

    /// What a remembered generation answers, with the seed of what is served, so that the two can be compared.
    pub fn snapshot_at(&mut self, manifest: &Manifest) -> Arc<Snapshot> {
        self.with_past(manifest.clone(), |past| past.snapshot())
    }

    /// Looks at an engine that serves a remembered generation, or a part of one, to nobody.
    pub(super) fn with_past<T>(&mut self, manifest: Manifest, look: impl FnOnce(&Engine) -> T) -> T {
        self.store.find_contents();
        let store = std::mem::replace(&mut self.store, Store::closed());
        let mut past = Engine::bare(self.sources.clone(), store, self.builder.seed().clone());
        past.remember_immutable(&manifest);
        past.take_from_memory(manifest, &mut Change::default());
        let seen = look(&past);
        self.store = past.store;
        seen
    }
}

/// The part of a generation that can matter for some names.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// The names.
    pub(super) names: BTreeSet<Name>,
    /// The accounts whose zones may hold them; all where it is `None`.
    pub(super) accounts: Option<BTreeSet<AccountId>>,
}

impl Scope {
    /// Whether a source can matter: the master file of a zone that may hold one of the names, the operator's maps,
    /// settings and maps of the accounts, and whatever another file may name: the files in the two top folders reach into
    /// those of every account.
    pub(super) fn holds(&self, path: &SourcePath) -> bool {
        match (path.kind(), path.account()) {
            (Kind::Zone(origin), _) => self.names.iter().any(|name| name.is_at_or_below(&origin)),
            (Kind::Other, _) => true,
            (_, None) => path.tree == Tree::Maps,
            (_, Some(account)) => self.has(&account),
        }
    }

    fn has(&self, account: &AccountId) -> bool {
        self.accounts.as_ref().is_none_or(|accounts| accounts.contains(account))
    }

    /// Leaves of an intent only what can matter.
    pub(super) fn narrow(&self, intent: &mut Intent) {
        intent.files.retain(|(path, _)| self.holds(path));
        intent.views.retain(|(account, _)| self.has(account));
        if let Some(faulty) = &mut intent.faulty {
            faulty.zones.retain(|origin, _| self.names.iter().any(|name| name.is_at_or_below(origin)));
            faulty.accounts.retain(|account| self.has(account));
        }
        intent.approvals.clear();
        intent.pins.clear();
    }

    /// Leaves of a generation only what can matter.
    pub(super) fn narrowed(&self, manifest: &Manifest) -> Manifest {
        let mut intent = Intent::between(&Manifest::default(), manifest);
        self.narrow(&mut intent);
        let mut narrow = Manifest::default();
        narrow.apply(&intent);
        narrow
    }
}
