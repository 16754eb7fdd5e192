//! Portolan: an authoritative DNS server that answers *proxied* names from *address maps*.
//!
//! # The house
//!
//! A folder is a room with one job; its first lines say which, and what never happens there. A room imports rooms of
//! lower levels only, never one beside it; a test holds this.
//!
//! | level | room | job |
//! | --- | --- | --- |
//! | 0 | [`wire`] | bytes of DNS messages |
//! | 1 | [`model`] | the words: accounts, zones as read, maps, diagnostics |
//! | 2 | [`zonefile`] | master files to zone data and back |
//! | 2 | [`addrmap`] | map files to model, the precedence with its reason |
//! | 2 | [`snapshot`] | the immutable data served |
//! | 2 | [`config`], [`telemetry`] | settings; logs, counters, metrics |
//! | 3 | [`compile`](mod@compile) | sources to snapshot |
//! | 3 | [`answer`] | question and snapshot to outcome to bytes |
//! | 4 | [`judge`] | why a name is answered as it is; the proof of what is to be served |
//! | 4 | [`server`] | sockets |
//! | 5 | [`control`] | a change on its way: watched, judged, weighed, remembered, published, taken back |
//! | 6 | [`api`] | HTTP: metrics |
//! | 7 | [`cli`] | arguments, rendering, wiring |
//!
//! # Two ways through it
//!
//! *A query*: [`server`] takes packets, over UDP up to 32 at a time; [`wire::Query`] reads each; [`answer::resolve`] finds
//! what the name is in the [`snapshot`]; [`answer::write`](fn@answer::write) appends ready RRsets to header and question; [`server`]
//! sends. UDP and TCP, and `explain`, share all of it but the first and the last step. An [`answer::Batch`] takes the same
//! steps side by side, so that its packets wait for memory together. What plain load is not made of goes through a bounded
//! queue to a thread of its own.
//!
//! *The sources*: [`control::load`] walks the folders; [`zonefile::read_zone`] and [`addrmap::read_map_file`] read them,
//! every fault with its place; the checks between files follow; [`compile::compile`] makes the snapshot that
//! [`snapshot::Publisher`] publishes.
//!
//! What is answered in every situation, and why, is in [`manual::answers`]. "Semantics 3.9" and the like in comments are
//! rows of the project's table of situations, of which `tests/golden/answers/` has a case each.

pub mod addrmap;
pub mod answer;
pub mod api;
pub mod cli;
pub mod compile;
pub mod config;
pub mod control;
pub mod judge;
pub mod manual;
pub mod model;
pub mod server;
pub mod snapshot;
pub mod telemetry;
pub mod wire;
pub mod zonefile;
