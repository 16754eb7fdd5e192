//! Talking to the running server: one question and one answer over a Unix socket that only its owner can use.
//!
//! Invariants: the socket is never there with other rights than the owner's; whatever a client sends, is slow with or
//! leaves behind costs the server one of a few threads for a few seconds and nothing else.

mod ask;
mod error;
mod listen;
pub mod message;
#[cfg(test)]
mod tests;

pub use ask::ask;
pub use error::TalkError;
pub use listen::Listener;
pub use message::{Reply, Request};

/// Name of the socket in the state directory.
pub const SOCKET: &str = "control.sock";

/// Longest path of a Unix socket on Linux, in octets (`sun_path` has 108 with its final zero).
pub const MAX_PATH: usize = 107;
