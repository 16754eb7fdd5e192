//! A change on its way, and what the server remembers.
//!
//! `read` reads everything at once and `prove` proves it, for commands. `watch` notices, `look` says which sources may differ, `desk` reads them, many at once `ahead` on all cores, `plan` makes of each unit what it would
//! become, `judging` accepts or denies, `weigh` proves the candidate and asks the guards, `commit` remembers (an `intent`) and publishes
//! (`enter`), `commands` approve, roll back and resume (`standing` is what holds whatever the files say), `preview` plans, and `digests` says
//! what guards hold of files without a server, `audit` looks at what is served,
//! `past`, `recall` and `blame` look back, on a thread `aside`; `engine` leads through all of it, `books` keep what is served; `state` is the memory on
//! disk, `talk` the control socket, `keeper` the thread that all of it runs on.
//!
//! Invariants: a unit with a fault stays wholly as it is served, and no other unit waits for it; what is published is
//! remembered first, but for a first start, which has nothing to lose; of all servers with one state directory, one works at a time.

mod ahead;
mod aside;
mod asked;
mod audit;
mod blame;
mod books;
mod commands;
mod commit;
mod commit_id;
mod content;
mod cores;
mod desk;
pub mod digests;
mod engine;
mod enter;
mod entry;
mod faults;
pub mod folder;
pub mod history;
mod intent;
mod judging;
mod keeper;
pub mod lock;
mod look;
mod past;
mod plan;
mod preview;
mod prove;
pub mod read;
mod recall;
mod remembered_map;
pub mod report;
mod settling;
pub mod source;
mod standing;
mod start;
pub mod state;
mod store;
pub mod talk;
mod tell;
#[cfg(test)]
mod tests;
pub mod watch;
mod watched;
mod weigh;

pub use ahead::Progress;
pub use audit::Audit;
pub use engine::{Engine, Rules};
pub use keeper::{Keeper, KeeperParts, Manager};
pub use lock::{LockError, StateLock};
pub use read::{LoadError, Loaded, Sources, load, load_with};
pub use source::{Digest, SourcePath, Stamp, Tree};
pub use start::{EngineError, StartFrom};
pub use state::{
    Approved, Faulty, Generation, Intent, Manifest, Opened, Pin, PinScope, Remembered, Retention, Run, Stash,
    StashBatch, Stashed, State, StateError, View,
};
pub use watch::{Batch, Looks, Signal, Watch, WatchMode};
