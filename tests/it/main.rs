//! Integration tests, all in one binary: whole answers against a second opinion, and the shape of the code.

mod architecture;
mod conformance;
mod oracle;
mod oracle_agrees;
mod support;
mod worlds;
