//! Bytes of DNS messages: names, types, the question of a query, EDNS, a reader and a writer.
//!
//! Invariant: no I/O, no clock, no hickory, nothing of ours above it. Everything that reads bytes from a
//! stranger is total: any input gives a value or an error, never a panic.

pub mod edns;
pub mod header;
pub mod name;
pub mod query;
pub mod reader;
pub mod types;
pub mod writer;

pub use edns::Edns;
pub use header::Header;
pub use name::{Name, NameBuf, NameError};
pub use query::{Malformed, Query, Question};
pub use types::{Class, Opcode, Rcode, RrType};
pub use writer::Writer;

/// Octets of a message header (RFC 1035 section 4.1.1).
pub const HEADER_LEN: usize = 12;
/// Where the name of the one question stands in every message.
pub const QNAME_AT: usize = HEADER_LEN;
/// Longest name in wire form, root label included (RFC 1035 section 3.1).
pub const MAX_NAME: usize = 255;
/// Longest label (RFC 1035 section 3.1).
pub const MAX_LABEL: usize = 63;
