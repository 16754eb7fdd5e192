//! What a source is called, what is in it, and how a changed one is told from an unchanged one.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt;
use std::fs::Metadata;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Sources;
use crate::model::{AccountId, Unit};
use crate::wire::Name;

/// One of the two folders of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// Master files and account settings.
    Zones,
    /// Address maps.
    Maps,
}

/// A file of the sources: its tree and its path below the tree's folder. It is the same wherever the folder lies, so
/// that what is remembered under it survives a move.
///
/// The order is that of the parts of the path: what lies in a folder stands together, behind the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePath {
    /// The tree.
    pub tree: Tree,
    /// The path below its folder, without `.` and `..`.
    pub below: Arc<Path>,
}

/// As the parts of the paths compare, many times as fast: of all octets the one between two parts is the lowest. Only
/// for paths of which no part is empty.
pub(super) fn order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    let rank = |octet: u8| if octet == b'/' { 0 } else { octet };
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((&a, &b)) => rank(a).cmp(&rank(b)),
        None => a.len().cmp(&b.len()),
    }
}

impl Ord for SourcePath {
    fn cmp(&self, other: &SourcePath) -> Ordering {
        self.tree.cmp(&other.tree).then_with(|| order(&self.below, &other.below))
    }
}

impl PartialOrd for SourcePath {
    fn partial_cmp(&self, other: &SourcePath) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for SourcePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tree.hash(state);
        self.below.as_os_str().as_bytes().hash(state);
    }
}

/// What is read from a file, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The master file of a zone.
    Zone(Name),
    /// `account.toml`.
    Settings,
    /// A file of maps.
    Maps,
    /// Nothing, unless another file names it.
    Other,
}

impl SourcePath {
    /// A file below the folder of a tree.
    pub fn new(tree: Tree, below: &Path) -> SourcePath {
        let octets = below.as_os_str().as_bytes();
        let is_plain =
            !octets.ends_with(b"/") && !octets.windows(2).any(|pair| pair == b"//" || pair == b"/.");
        match is_plain {
            true => SourcePath { tree, below: below.into() },
            false => SourcePath { tree, below: below.components().collect::<PathBuf>().into() },
        }
    }

    /// The source that a path is, if it begins with one of the two folders; links are not looked at.
    pub fn of(path: &Path, sources: &Sources) -> Option<SourcePath> {
        // What a folder's listing made begins with the folder's name, octet by octet.
        let octets = path.as_os_str().as_bytes();
        let quick = |root: &Path| {
            let rest = octets.strip_prefix(root.as_os_str().as_bytes())?.strip_prefix(b"/")?;
            (!rest.starts_with(b"/")).then(|| Path::new(OsStr::from_bytes(rest)))
        };
        let below = |tree, root: &Path| {
            let rest = quick(root).or_else(|| path.strip_prefix(root).ok())?;
            Some(SourcePath::new(tree, rest))
        };
        below(Tree::Zones, &sources.zones).or_else(|| below(Tree::Maps, &sources.addrmaps))
    }

    /// Where the file lies.
    pub fn on_disk(&self, sources: &Sources) -> PathBuf {
        sources.root(self.tree).join(&self.below)
    }

    /// What is read from it.
    pub fn kind(&self) -> Kind {
        let extension = self.below.extension().unwrap_or_default();
        match self.tree {
            Tree::Zones if extension == "zone" => {
                let stem = self.below.file_stem().unwrap_or_default();
                Name::parse_bytes(stem.as_bytes(), Some(&Name::root()))
                    .map_or(Kind::Other, |origin| Kind::Zone(origin.to_lower()))
            }
            Tree::Zones if self.below.file_name().is_some_and(|name| name == "account.toml") => {
                match self.below.components().count() {
                    1 | 2 => Kind::Settings,
                    _ => Kind::Other,
                }
            }
            Tree::Maps if extension == "toml" => Kind::Maps,
            _ => Kind::Other,
        }
    }

    /// The unit that is accepted or held with it; `None` in a folder whose name is no account, and for a file of the
    /// account `default` that is neither a zone nor its settings.
    pub fn unit(&self) -> Option<Unit> {
        let in_root = self.below.components().nth(1).is_none();
        match (self.tree, self.kind()) {
            (Tree::Maps, _) if in_root => Some(Unit::Operator),
            (Tree::Zones, Kind::Zone(origin)) if in_root => Some(Unit::Zone(origin)),
            (Tree::Zones, kind) if in_root && kind != Kind::Settings => None,
            _ => self.account().map(Unit::Account),
        }
    }

    /// The account whose folder the file is in; `None` for the operator's map files. What stands in `zones/` itself
    /// is the account `default`'s. A folder whose name is no account has none either.
    pub fn account(&self) -> Option<AccountId> {
        let mut parts = self.below.components();
        let (first, rest) = (parts.next()?, parts.next());
        match (self.tree, rest) {
            (Tree::Zones, None) => Some(AccountId::default_account()),
            (Tree::Maps, None) => None,
            (_, Some(_)) => {
                AccountId::new(first.as_os_str().to_str()?).filter(|account| !account.is_default())
            }
        }
    }

    /// Whether it is a file of an account; `false` tells nothing of one in a folder whose name is no account.
    pub(super) fn is_of(&self, account: &AccountId) -> bool {
        let octets = self.below.as_os_str().as_bytes();
        match octets.iter().position(|octet| *octet == b'/') {
            None => self.tree == Tree::Zones && account.is_default(),
            Some(end) => &octets[..end] == account.as_str().as_bytes(),
        }
    }

    /// Whether it does not stand in the top folder itself.
    pub(super) fn is_in_folder(&self) -> bool {
        self.below.as_os_str().as_bytes().contains(&b'/')
    }

    /// Where the settings of an account are.
    pub(super) fn settings_of(account: &AccountId) -> SourcePath {
        let folder = if account.is_default() { "" } else { account.as_str() };
        SourcePath::new(Tree::Zones, &Path::new(folder).join("account.toml"))
    }

    /// The path as octets that [`SourcePath::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tree = match self.tree {
            Tree::Zones => b'z',
            Tree::Maps => b'm',
        };
        [&[tree], self.below.as_os_str().as_bytes()].concat()
    }

    /// Reads what [`SourcePath::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<SourcePath> {
        let (tree, below) = bytes.split_first()?;
        let tree = match tree {
            b'z' => Tree::Zones,
            b'm' => Tree::Maps,
            _ => return None,
        };
        Some(SourcePath { tree, below: Path::new(OsStr::from_bytes(below)).into() })
    }
}

impl Sources {
    /// The folder of a tree.
    pub fn root(&self, tree: Tree) -> &Path {
        match tree {
            Tree::Zones => &self.zones,
            Tree::Maps => &self.addrmaps,
        }
    }
}

/// What a content is known by: BLAKE3, 32 octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of a content.
    pub fn of(content: &[u8]) -> Digest {
        Digest(*blake3::hash(content).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the file system says of a file: as long as it says the same, the content is the same, but for a change within
/// the tick of its clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The file system and the file on it.
    pub file: (u64, u64),
    /// Octets.
    pub size: u64,
    /// When the content changed, in nanoseconds since the epoch.
    pub modified: i64,
    /// When anything about the file changed, in nanoseconds since the epoch.
    pub changed: i64,
}

impl Stamp {
    /// The stamp of a file, links followed.
    pub fn of(found: &Metadata) -> Stamp {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
        Stamp {
            file: (found.dev(), found.ino()),
            size: found.len(),
            modified: nanos(found.mtime(), found.mtime_nsec()),
            changed: nanos(found.ctime(), found.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(tree: Tree, below: &str) -> Option<String> {
        SourcePath::new(tree, Path::new(below)).account().map(|account| account.to_string())
    }

    #[test]
    fn a_source_knows_whose_it_is() {
        assert_eq!(account(Tree::Zones, "a.example.zone").as_deref(), Some("default"));
        assert_eq!(account(Tree::Zones, "acme/deep/a.example.zone").as_deref(), Some("acme"));
        assert_eq!(account(Tree::Maps, "acme/eu.toml").as_deref(), Some("acme"));
        assert_eq!(account(Tree::Maps, "operator.toml"), None);
        assert_eq!(account(Tree::Zones, "default/a.example.zone"), None);
        assert_eq!(account(Tree::Zones, "No Account/a.example.zone"), None);
    }

    #[test]
    fn sources_stand_in_the_order_of_their_parts() {
        let paths =
            ["a", "a/b", "a/b/c", "a-b", "a-b/c", "a.zone", "a0", "b", "", "a/b.c", "a//b", "a/./b", "a/"];
        for a in paths {
            for b in paths {
                let (one, two) =
                    (SourcePath::new(Tree::Zones, Path::new(a)), SourcePath::new(Tree::Zones, Path::new(b)));
                assert_eq!(one.cmp(&two), Path::new(a).cmp(Path::new(b)), "{a} {b}");
                assert_eq!(one == two, Path::new(a) == Path::new(b), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_source_survives_its_octets() {
        for (tree, below) in [(Tree::Zones, "acme/a.zone"), (Tree::Maps, "x.toml")] {
            let path = SourcePath::new(tree, Path::new(below));
            assert_eq!(SourcePath::from_bytes(&path.to_bytes()), Some(path));
        }
        assert_eq!(SourcePath::from_bytes(b""), None);
        assert_eq!(SourcePath::from_bytes(b"xa"), None);
    }
}
