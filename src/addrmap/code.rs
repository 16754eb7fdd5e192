//! The codes of this room's diagnostics; `manual/diagnostics-addrmap.md` explains them.
//! Those that every TOML file can have are in [`crate::model::table::code`].

crate::model::table::codes! {
    /// A map id or account that is not 1 to 32 of `a-z 0-9 -`.
    BAD_ID = "bad-id";
    /// `account` differs from the folder that the file stands in.
    ACCOUNT_MISMATCH = "account-mismatch";
    /// Something that only the operator's files may hold.
    OPERATOR_ONLY = "operator-only";
    /// Not an IP address.
    BAD_ADDRESS = "bad-address";
    /// A network where an address is wanted.
    ADDRESS_HAS_PREFIX_LENGTH = "address-has-prefix-length";
    /// An address that cannot be the address of a service.
    UNUSABLE_ADDRESS = "unusable-address";
    /// An IPv6 address in the list of IPv4 addresses, or the other way round.
    WRONG_FAMILY = "wrong-family";
    /// An address twice in one list.
    DUPLICATE_ADDRESS = "duplicate-address";
    /// A 17th address of one family.
    TOO_MANY_ADDRESSES = "too-many-addresses";
    /// An enabled map with members and without addresses.
    ENABLED_WITHOUT_ADDRESS = "enabled-without-address";
    /// `[anycast]` without any address.
    ANYCAST_WITHOUT_ADDRESS = "anycast-without-address";
    /// Two `[anycast]` tables.
    ANYCAST_TWICE = "anycast-twice";
    /// Not the name of a zone.
    BAD_ZONE_NAME = "bad-zone-name";
    /// A zone twice in one map or in one account's settings.
    DUPLICATE_ZONE = "duplicate-zone";
    /// The account twice in one map.
    DUPLICATE_MEMBER = "duplicate-member";
    /// A file named by `zones_file` that cannot be read.
    ZONES_FILE_UNREADABLE = "zones-file-unreadable";
    /// Two ways of naming members that say opposite things.
    MEMBERS_CONTRADICT = "members-contradict";
    /// An account member that is not the map's own account.
    FOREIGN_ACCOUNT = "foreign-account";
    /// Not a server name.
    BAD_DEFAULT_SNI = "bad-default-sni";
    /// An immutable map with zones.
    IMMUTABLE_WITH_ZONES = "immutable-with-zones";
    /// An immutable map that is disabled.
    IMMUTABLE_DISABLED = "immutable-disabled";
    /// An immutable map without addresses.
    IMMUTABLE_WITHOUT_ADDRESS = "immutable-without-address";
    /// A map without members.
    NO_MEMBERS = "no-members";
    /// Two maps of one id.
    DUPLICATE_MAP_ID = "duplicate-map-id";
    /// A zone in two enabled maps.
    ZONE_IN_TWO_MAPS = "zone-in-two-maps";
    /// An account in two enabled ordinary maps.
    ACCOUNT_IN_TWO_MAPS = "account-in-two-maps";
    /// Two immutable maps of one account.
    TWO_IMMUTABLE_MAPS = "two-immutable-maps";
    /// A member zone that belongs to another account.
    FOREIGN_ZONE = "foreign-zone";
    /// A member zone that this server does not have.
    NO_SUCH_ZONE = "no-such-zone";
    /// A map of an account that this server does not have.
    NO_SUCH_ACCOUNT = "no-such-account";
    /// A membership without any effect.
    GOVERNS_NOTHING = "governs-nothing";
    /// A membership that a stronger one makes ineffective.
    SHADOWED_MEMBERSHIP = "shadowed-membership";
    /// An enabled map without an address of one family.
    FAMILY_MISSING = "family-missing";
    /// Anycast defaults that are absent though proxied names need them.
    ANYCAST_MISSING = "anycast-missing";
    /// Anycast defaults without an address of one family though proxied names need them.
    ANYCAST_FAMILY_MISSING = "anycast-family-missing";
    /// Proxied names that no address may be answered for.
    UNANSWERED_ZONE = "unanswered-zone";
    /// Settings of a zone that the account does not have.
    SETTINGS_WITHOUT_ZONE = "settings-without-zone";
    /// A default server name outside of the account's zones.
    FOREIGN_DEFAULT_SNI = "foreign-default-sni";
    /// Two enabled maps that give one address two default server names.
    TWO_DEFAULT_SNIS = "two-default-snis";
    /// Not a network.
    BAD_CIDR = "bad-cidr";
    /// A network with host bits.
    HOST_BITS = "host-bits";
    /// A network that cannot be a prefix of anybody.
    UNUSABLE_NETWORK = "unusable-network";
    /// Not the number of an autonomous system.
    BAD_ASN = "bad-asn";
    /// A prefix without a binding of the whole of it.
    NO_DEFAULT_BINDING = "no-default-binding";
    /// Magic Transit for a part of a prefix.
    MAGIC_TRANSIT_IN_PART = "magic-transit-in-part";
    /// Two bindings of one network.
    DUPLICATE_BINDING = "duplicate-binding";
    /// A delegation twice.
    DUPLICATE_DELEGATION = "duplicate-delegation";
    /// A binding or delegation of what is not in its prefix.
    OUTSIDE_PREFIX = "outside-prefix";
    /// A delegation to the owner of the prefix.
    DELEGATION_TO_OWNER = "delegation-to-owner";
    /// Two prefixes that share addresses.
    OVERLAPPING_PREFIXES = "overlapping-prefixes";
    /// A leased address that lies in a prefix.
    LEASED_IN_PREFIX = "leased-in-prefix";
    /// An address leased twice.
    LEASED_TWICE = "leased-twice";
    /// Two leases for one map.
    TWO_LEASES = "two-leases";
    /// A list without anything in it, where everything or nothing could be meant.
    EMPTY_LIST = "empty-list";
    /// A text without anything in it.
    EMPTY_TEXT = "empty-text";
    /// An assertion about nothing, or about several things.
    BAD_SCOPE = "bad-scope";
    /// An assertion that claims nothing.
    NO_CLAIM = "no-claim";
    /// Not a digest.
    BAD_DIGEST = "bad-digest";
    /// Not a date.
    BAD_DATE = "bad-date";
    /// An approval whose time is over.
    APPROVAL_EXPIRED = "approval-expired";
    /// A map that this account does not have.
    NO_SUCH_MAP = "no-such-map";
    /// An address that may not serve in this map.
    INELIGIBLE_ADDRESS = "ineligible-address";
    /// A map for leased addresses that does not hold all of them.
    LEASED_ADDRESS_MISSING = "leased-address-missing";
    /// A map with addresses of a prefix that is not announced.
    WITHDRAWN_PREFIX = "withdrawn-prefix";
    /// No ledger, so that no address can be checked.
    NO_LEDGER = "no-ledger";
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manual_explains_every_code() {
        crate::model::table::testing::assert_manual("Address maps and accounts", super::ALL);
    }
}
