//! Identifiers of accounts and maps.

use std::fmt;
use std::sync::Arc;

/// Longest identifier of an account or a map, in octets.
pub const MAX_ID: usize = 32;

fn well_formed(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_ID
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes 1 to 32 of `a-z`, `0-9` and `-`; anything else is `None`.
            pub fn new(text: &str) -> Option<$name> {
                well_formed(text).then(|| $name(text.into()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

id! {
    /// An account: the name of its folder below `zones/` and `addrmaps/`.
    AccountId
}

id! {
    /// An address map, unique on the server.
    MapId
}

impl AccountId {
    /// The account of master files that stand directly in `zones/`.
    pub fn default_account() -> AccountId {
        AccountId("default".into())
    }

    /// Whether this is the account `default`, in which every zone is a unit of its own.
    pub fn is_default(&self) -> bool {
        &*self.0 == "default"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_identifiers_are_taken() {
        assert!(AccountId::new("acme-2").is_some());
        for text in ["", "Acme", "a b", "a.b", "../x", "a_b", &"a".repeat(33)] {
            assert!(AccountId::new(text).is_none(), "{text:?}");
        }
        assert!(MapId::new(&"a".repeat(32)).is_some());
    }
}
