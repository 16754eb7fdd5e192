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
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manual_explains_every_code() {
        crate::model::table::testing::assert_manual("Address maps and accounts", super::ALL);
    }
}
