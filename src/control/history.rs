//! What the server says of earlier generations: the words of `history`, `show`, `diff` and `blame`, as they go over the
//! control socket.

use serde::{Deserialize, Serialize};

use super::report::Entry;
use crate::judge::plan::Plan;
use crate::model::Place;

/// Which generation is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The one of this number.
    Generation(u64),
    /// The one that was served then, in seconds since the epoch.
    Time(u64),
}

/// What `history` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// What is served.
    pub served: u64,
    /// How many generations are remembered.
    pub kept: u64,
    /// The newest of them, newest first.
    pub entries: Vec<Entry>,
}

/// What `show` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// What was noted when it was published. Of one that an earlier version published only number and time are known.
    pub entry: Entry,
    /// What was published shortly before without being remembered, and is part of it.
    pub earlier: Vec<Entry>,
    /// Whether it is served now.
    pub is_served: bool,
    /// Whether it is the oldest that is remembered: what it changed is not known.
    pub is_oldest: bool,
    /// How many files it changed.
    pub files_changed: u64,
    /// The first hundred of them.
    pub files: Vec<FileTold>,
}

/// What `diff` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// The one generation.
    pub from: u64,
    /// The other.
    pub to: u64,
    /// How many files differ.
    pub files_changed: u64,
    /// The first hundred of them.
    pub files: Vec<FileTold>,
    /// How many zones answer differently, or are only in one of the two.
    pub zones_changed: u64,
    /// The first hundred of them, each with what happens: `+a.example.`, `~b.example.`, `-c.example.`.
    pub zones: Vec<String>,
    /// Address maps that are new, changed or gone, in the same form; the first hundred.
    pub maps: Vec<String>,
    /// The names that answer differently, from what to what. Counted are only the accounts of which something differs,
    /// and those of zones above and below.
    #[serde(default)]
    pub plan: Plan,
}

/// A file that differs between two generations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTold {
    /// `+` it is new, `~` its content differs, `-` it is gone.
    pub change: String,
    /// The file.
    pub file: String,
    /// The digest of its content before, if there was one.
    pub before: Option<String>,
    /// The digest of its content after, if there is one.
    pub after: Option<String>,
}

/// What `blame` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blame {
    /// The name asked for, with its final dot.
    pub name: String,
    /// The type asked for.
    pub rtype: String,
    /// What is answered: the records of the answer section, a line each; where there are none, why.
    pub answer: Vec<String>,
    /// What was answered before; `None` where nothing older is remembered.
    pub before: Option<Vec<String>>,
    /// The generation that changed the answer. Where [`Blame::before`] is `None` the oldest that is remembered: the answer
    /// is at least as old.
    pub entry: Entry,
    /// The file and line behind the answer, or behind what was taken away, if that is one of the changed files.
    pub place: Option<Place>,
    /// The files of the generation that can matter for the answer; the first hundred.
    pub files: Vec<FileTold>,
}
