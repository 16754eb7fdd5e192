//! Helpers shared by the test binaries: records as they are compared, RDATA, packets, text.

pub(crate) mod ask;
pub(crate) mod rdata;
pub(crate) mod row;
pub(crate) mod text;
pub(crate) mod zone;

use portolan::wire::Name;

/// A name out of a literal.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text, None).expect("a well-formed name")
}
