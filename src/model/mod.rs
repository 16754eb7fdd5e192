//! The words of the domain: accounts, zones as read, address maps, diagnostics. Plain data.
//!
//! Invariant: nothing here reads a file, knows a socket or decides an answer.

pub mod account;
pub mod address_map;
pub mod assertion;
pub mod diagnostic;
pub mod files;
pub mod ids;
pub mod ledger;
pub mod memberships;
pub mod moment;
pub mod table;
pub mod unit;
pub mod world;
pub mod zone;

pub use account::{AccountSettings, ZoneSettings};
pub use address_map::{AddressMap, AddressPlaces, AddressSource, AnycastDefaults, MapOwner};
pub use assertion::{Approval, Assertion, AssertionScope, Claim};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity};
pub use files::{Files, FoundFile, NoFiles};
pub use ids::{AccountId, MapId};
pub use ledger::{Binding, Delegation, Ledger, Ownership, Prefix, Service, StaticIps};
pub use memberships::{Member, Membership, Memberships};
pub use moment::utc;
pub use unit::Unit;
pub use world::{LoadedZone, World, ZoneContent};
pub use zone::{Rdata, Record, RecordTags, ZoneData};

/// TTL of addresses from a map and of records with an automatic TTL, in seconds (semantics 3.9).
pub const AUTOMATIC_TTL: u32 = 300;
/// Most addresses of one family in one map or in the anycast defaults (semantics 3.1).
pub const MAX_ADDRESSES_PER_FAMILY: usize = 16;
