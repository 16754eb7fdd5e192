//! Integration tests, all in one binary: whole answers against a second opinion, and the shape of the code.

#![allow(clippy::print_stdout, reason = "figures and what was skipped are part of a result")]

mod architecture;
mod batches;
mod conformance;
mod empty_values;
mod incremental;
mod oracle;
mod oracle_agrees;
mod planned;
mod proof;
mod support;
mod worlds;
mod zone_files;
