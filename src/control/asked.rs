//! What the control thread asks of the engine, and what a reload is to look at.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::SourcePath;
use super::engine::Engine;
use super::look::Ask;
use super::report::Held;
use crate::wire::Name;

impl Engine {
    /// What is held now.
    pub fn held(&self) -> Vec<Held> {
        self.books.held.keys().filter_map(|unit| self.held_unit(unit)).collect()
    }

    /// Why the last writing of the state failed, if it did.
    pub fn state_error(&self) -> Option<&str> {
        self.store.error.as_deref()
    }

    /// Files that other files name since this was asked last.
    pub(super) fn newly_named(&mut self) -> Vec<PathBuf> {
        let named = std::mem::take(&mut self.books.newly_named);
        named.iter().map(|path| path.on_disk(&self.sources)).collect()
    }

    /// What a reload is to look at: zones by name, files and folders by absolute path, everything where none is named.
    pub(super) fn asked(&self, what: &[String]) -> Result<Ask, String> {
        if what.is_empty() {
            return Ok(Ask::Everything);
        }
        let paths =
            what.iter().map(|what| if what.starts_with('/') { self.file(what) } else { self.zone(what) });
        Ok(Ask::Paths(paths.collect::<Result<_, _>>()?))
    }

    fn zone(&self, what: &str) -> Result<PathBuf, String> {
        let name =
            Name::parse(what, Some(&Name::root())).map_err(|error| format!("not a zone: {error}: {what}"))?;
        let zone = self.books.zones.get(&name);
        let path = zone.map(|zone| zone.path.clone()).or_else(|| {
            let is_its = |path: &&SourcePath| path.kind() == super::source::Kind::Zone(name.to_lower());
            self.books.differing.iter().find(is_its).cloned()
        });
        path.map(|path| path.on_disk(&self.sources))
            .ok_or_else(|| format!("no such zone is served: {what}; name its file instead"))
    }

    /// A path where something is or was: to look at another one would tell that nothing changed.
    fn known(&self, path: PathBuf, what: &str) -> Result<PathBuf, String> {
        let source = SourcePath::of(&path, &self.sources);
        let is_known =
            || source.is_none_or(|source| source.below.as_os_str().is_empty() || self.books.knows(&source));
        // A link that leads nowhere is there.
        match path.symlink_metadata() {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) && !is_known() =>
            {
                Err(format!("no such file or folder, and nothing is served from there: {what}"))
            }
            _ => Ok(path),
        }
    }

    /// The path as the engine knows it, relative or through links as the folders were named.
    fn file(&self, what: &str) -> Result<PathBuf, String> {
        let path = Path::new(what);
        for root in [&self.sources.zones, &self.sources.addrmaps] {
            let absolute = std::path::absolute(root).ok();
            for top in absolute.into_iter().chain(root.canonicalize().ok()) {
                if let Ok(below) = path.strip_prefix(&top) {
                    return self.known(root.join(below), what);
                }
            }
        }
        let (zones, maps) = (self.sources.zones.display(), self.sources.addrmaps.display());
        Err(format!("neither in {zones} nor in {maps}: {what}"))
    }
}
