//! The files as types: where the JSON Schemas come from, and the keys that the readers know.
//!
//! The readers do not go through these types, because one fault would hide all others. Tests hold the types, the
//! keys and the readers together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::table::{Keys, schema_of};

/// An address map file: `addrmaps/*.toml` is the operator's, `addrmaps/<account>/**/*.toml` an account's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Portolan address maps")]
pub struct MapFileFormat {
    /// The shared addresses that answer for proxied names which no map governs. Once on the server, only in the
    /// operator's files; may be absent while nothing reaches it.
    pub anycast: Option<AnycastFormat>,
    /// The address maps.
    #[serde(default)]
    pub address_map: Vec<AddressMapFormat>,
    /// The prefixes that accounts brought: which addresses may serve in whose maps. Only in the operator's files.
    #[serde(default)]
    pub prefix: Vec<PrefixFormat>,
    /// Addresses leased to accounts. Only in the operator's files.
    #[serde(default)]
    pub static_ips: Vec<StaticIpsFormat>,
    /// What must always be so.
    #[serde(default)]
    pub assert: Vec<AssertFormat>,
    /// Content that may pass although a guard holds it. Only in the operator's files.
    #[serde(default)]
    pub approve: Vec<ApproveFormat>,
}

/// A prefix of an account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrefixFormat {
    /// The network, without host bits. No two prefixes overlap.
    #[schemars(regex(pattern = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$"))]
    pub cidr: String,
    /// The account that owns it.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,32}$"))]
    pub account: String,
    /// The autonomous system that originates it.
    #[schemars(range(min = 1, max = 4_294_967_294_u32))]
    pub asn: Option<u32>,
    /// A text for people.
    pub description: Option<String>,
    /// Whether the owner has shown that it is theirs. Its addresses serve only if so. Default: true.
    pub approved: Option<bool>,
    /// Whether it is announced. A prefix that is not is warned about where it is used. Default: true.
    pub advertised: Option<bool>,
    /// Which services its addresses are bound to; the most specific binding holds. One over the whole prefix is
    /// required, unless the prefix is not approved.
    #[serde(default)]
    pub binding: Vec<BindingFormat>,
    /// Other accounts that may use part or all of it.
    #[serde(default)]
    pub delegation: Vec<DelegationFormat>,
}

/// Part or all of a prefix, bound to a service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingFormat {
    /// What is bound, within the prefix and without host bits.
    #[schemars(regex(pattern = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$"))]
    pub cidr: String,
    /// The service. Only addresses bound to "CDN" serve in maps; "Magic Transit" takes whole prefixes.
    pub service: ServiceFormat,
}

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ServiceFormat {
    /// Proxied names.
    #[serde(rename = "CDN")]
    Cdn,
    /// Spectrum applications.
    Spectrum,
    /// Routed as a whole.
    #[serde(rename = "Magic Transit")]
    MagicTransit,
}

/// Part or all of a prefix that another account may use as well.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationFormat {
    /// What is delegated, within the prefix and without host bits.
    #[schemars(regex(pattern = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$"))]
    pub cidr: String,
    /// The account that may use it; not the owner.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,32}$"))]
    pub account: String,
}

/// Addresses leased to an account: they serve in one map and in no other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticIpsFormat {
    /// The account.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,32}$"))]
    pub account: String,
    /// The one map. It holds exactly these addresses; its members are free.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,32}$"))]
    pub map: String,
    /// Single IPv4 and IPv6 addresses, in no prefix of the ledger.
    #[schemars(length(min = 1, max = 32), inner(regex(pattern = r"^[0-9a-fA-F:.]+$")))]
    pub ips: Vec<String>,
}

/// A statement that every generation must satisfy: one scope, and at least one claim.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssertFormat {
    /// Scope: the zones of this account. Implied in an account's files that name no zone.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,32}$"))]
    pub account: Option<String>,
    /// Scope: this zone; in an account's files one of its own.
    pub zone: Option<String>,
    /// Scope: every zone. Only in the operator's files, and only ever true.
    #[schemars(extend("const" = true))]
    pub everything: Option<bool>,
    /// Claim: every address answered for a proxied name lies in one of these networks.
    #[schemars(length(min = 1), inner(regex(pattern = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$")))]
    pub answers_within: Option<Vec<String>>,
    /// Claim: none does.
    #[schemars(length(min = 1), inner(regex(pattern = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$")))]
    pub never_answers_within: Option<Vec<String>>,
    /// Claim: proxied names have an address of this family, or of these.
    pub family_required: Option<FamiliesFormat>,
    /// Claim: this map governs.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,32}$"))]
    pub governed_by: Option<String>,
}

/// One address family or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FamiliesFormat {
    /// One.
    One(FamilyFormat),
    /// Several.
    Several(#[schemars(length(min = 1))] Vec<FamilyFormat>),
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FamilyFormat {
    /// A is answered.
    Ipv4,
    /// AAAA is answered.
    Ipv6,
}

/// Content that may pass although a guard holds it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveFormat {
    /// The digest of the content, as `status` and `plan` show it.
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{32,64}$"))]
    pub digest: String,
    /// Who approves.
    #[schemars(length(min = 1))]
    pub by: String,
    /// Why.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// From when on it is void: the begin of a day in UTC, `2026-12-01`, or a moment, `2026-12-01T12:00:00Z`.
    pub expires: Option<ExpiresFormat>,
}

/// A date or a moment: as a text, or written as TOML writes them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ExpiresFormat {
    /// A text.
    Text(#[schemars(length(min = 10))] String),
    /// Without quotes; JSON has no such type.
    #[schemars(skip)]
    Date(serde::de::IgnoredAny),
}

/// The shared anycast addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnycastFormat {
    /// IPv4 addresses; all of them are answered.
    #[serde(default)]
    #[schemars(length(max = 16), inner(regex(pattern = r"^[0-9.]+$")))]
    pub ipv4: Vec<String>,
    /// IPv6 addresses; all of them are answered.
    #[serde(default)]
    #[schemars(length(max = 16), inner(regex(pattern = r"^[0-9a-fA-F:.]+$")))]
    pub ipv6: Vec<String>,
}

/// An address map: the addresses that are answered for the proxied names of its members.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressMapFormat {
    /// The identifier, unique on the server.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,32}$"))]
    pub id: String,
    /// The account that the map belongs to. Required in the operator's files; inside `addrmaps/<account>/` it is
    /// implied.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,32}$"))]
    pub account: Option<String>,
    /// A text for people.
    pub description: Option<String>,
    /// Whether the map has any effect. Required: nothing is on or off by omission.
    pub enabled: bool,
    /// Single IPv4 and IPv6 addresses, at most 16 of each family. All of the family asked for are answered; a map
    /// without an address of a family answers that family without data.
    #[serde(default)]
    #[schemars(length(max = 32), inner(regex(pattern = r"^[0-9a-fA-F:.]+$")))]
    pub ips: Vec<String>,
    /// The zones whose proxied names the map answers for.
    #[serde(default)]
    pub zones: Vec<String>,
    /// A file beside this one with more zones, one origin a line; `#` and `;` begin a comment.
    pub zones_file: Option<String>,
    /// Whether the map answers for all zones of the account that have no map of their own.
    pub account_wide: Option<bool>,
    /// The members in the form of the API.
    #[serde(default)]
    pub memberships: Vec<MembershipFormat>,
    /// Server name for clients that send none: a name in or below a zone of the account, if need be with a
    /// leading `*.`.
    pub default_sni: Option<String>,
    /// An account-wide fallback that the account cannot change. Only in the operator's files.
    pub immutable: Option<bool>,
}

/// A member of an address map.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MembershipFormat {
    /// What is a member.
    pub kind: MembershipKind,
    /// The origin of the zone, or the map's own account.
    pub identifier: String,
}

/// What a membership names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MembershipKind {
    /// One zone.
    Zone,
    /// All zones of the account that have no map of their own.
    Account,
}

/// Settings of an account: `zones/<account>/account.toml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Portolan account")]
pub struct AccountFileFormat {
    /// A name for people.
    pub name: Option<String>,
    /// Whether names of the account may be answered from the shared `[anycast]` addresses. "never": where no map
    /// applies, proxied names are answered SERVFAIL. Default: "allow".
    pub shared_addresses: Option<SharedAddresses>,
    /// Whether an A, AAAA or CNAME record without a `cf-proxied` tag is an error. Default: false.
    pub require_tags: Option<bool>,
    /// Serve all proxied records as DNS-only: origins become public. Default: false.
    pub enforce_dns_only: Option<bool>,
    /// Settings by zone: `[zone."shop.example"]`.
    #[serde(default)]
    pub zone: BTreeMap<String, ZoneFormat>,
}

/// Whether the shared addresses may answer for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SharedAddresses {
    /// They may.
    Allow,
    /// They never do.
    Never,
}

/// Settings of one zone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneFormat {
    /// Whether AAAA is answered for proxied names. Default: "on".
    pub ipv6: Option<Switch>,
    /// Show the stored content of proxied names: origins become public. Default: false.
    pub paused: Option<bool>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

pub(super) static MAP_FILE: Keys = Keys {
    title: "an address map file",
    known: &["anycast", "address_map", "prefix", "static_ips", "assert", "approve"],
    required: &[],
};
pub(super) static PREFIX: Keys = Keys {
    title: "[[prefix]]",
    known: &["cidr", "account", "asn", "description", "approved", "advertised", "binding", "delegation"],
    required: &["cidr", "account"],
};
pub(super) static BINDING: Keys =
    Keys { title: "binding", known: &["cidr", "service"], required: &["cidr", "service"] };
pub(super) static DELEGATION: Keys =
    Keys { title: "delegation", known: &["cidr", "account"], required: &["cidr", "account"] };
pub(super) static STATIC_IPS: Keys =
    Keys { title: "[[static_ips]]", known: &["account", "map", "ips"], required: &["account", "map", "ips"] };
pub(super) static ASSERT: Keys = Keys {
    title: "[[assert]]",
    known: &[
        "account",
        "zone",
        "everything",
        "answers_within",
        "never_answers_within",
        "family_required",
        "governed_by",
    ],
    required: &[],
};
pub(super) static APPROVE: Keys = Keys {
    title: "[[approve]]",
    known: &["digest", "by", "reason", "expires"],
    required: &["digest", "by", "reason"],
};
pub(super) static ANYCAST: Keys = Keys { title: "[anycast]", known: &["ipv4", "ipv6"], required: &[] };
pub(super) static ADDRESS_MAP: Keys = Keys {
    title: "[[address_map]]",
    known: &[
        "id",
        "account",
        "description",
        "enabled",
        "ips",
        "zones",
        "zones_file",
        "account_wide",
        "memberships",
        "default_sni",
        "immutable",
    ],
    required: &["id", "enabled"],
};
pub(super) static MEMBERSHIP: Keys =
    Keys { title: "memberships", known: &["kind", "identifier"], required: &["kind", "identifier"] };
pub(super) static ACCOUNT_FILE: Keys = Keys {
    title: "account.toml",
    known: &["name", "shared_addresses", "require_tags", "enforce_dns_only", "zone"],
    required: &[],
};
pub(super) static ZONE: Keys = Keys { title: "[zone.\"...\"]", known: &["ipv6", "paused"], required: &[] };

/// The JSON Schema of address map files.
pub fn address_map_schema() -> serde_json::Value {
    schema_of::<MapFileFormat>()
}

/// The JSON Schema of `account.toml`.
pub fn account_schema() -> serde_json::Value {
    schema_of::<AccountFileFormat>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::testing::{assert_keys, assert_schema_is_fresh};

    #[test]
    fn the_schemas_in_the_repository_are_fresh() {
        assert_schema_is_fresh("address-map", &address_map_schema());
        assert_schema_is_fresh("account", &account_schema());
    }

    #[test]
    fn the_types_take_the_examples_of_the_design() {
        let maps = r#"
            [anycast]
            ipv4 = ["192.0.2.10"]
            [[address_map]]
            id = "shop-eu"
            enabled = true
            ips = ["203.0.113.1", "2001:db8:1::1"]
            memberships = [{ kind = "zone", identifier = "shop.example" }]
            [[prefix]]
            cidr = "203.0.113.0/24"
            account = "acme"
            binding = [{ cidr = "203.0.113.0/24", service = "Magic Transit" }]
            delegation = [{ cidr = "203.0.113.64/26", account = "globex" }]
            [[static_ips]]
            account = "acme"
            map = "leased"
            ips = ["198.51.100.1"]
            [[assert]]
            account = "acme"
            answers_within = ["203.0.113.0/24", "2001:db8:1::/48"]
            family_required = ["ipv4"]
            [[approve]]
            digest = "00112233445566778899aabbccddeeff"
            by = "kim"
            reason = "moved"
            expires = 2026-12-01
        "#;
        let maps: MapFileFormat = toml::from_str(maps).unwrap();
        assert_eq!(maps.prefix[0].binding[0].service, ServiceFormat::MagicTransit);
        assert_eq!(maps.assert[0].family_required, Some(FamiliesFormat::Several(vec![FamilyFormat::Ipv4])));
        assert_eq!(maps.address_map[0].memberships[0].kind, MembershipKind::Zone);
        let account: AccountFileFormat =
            toml::from_str("shared_addresses = \"never\"\n[zone.\"a.example\"]\nipv6 = \"off\"\n").unwrap();
        assert_eq!(account.shared_addresses, Some(SharedAddresses::Never));
        assert_eq!(account.zone["a.example"].ipv6, Some(Switch::Off));
        assert!(toml::from_str::<AccountFileFormat>("colour = 1").is_err());
    }

    #[test]
    fn the_types_describe_what_the_readers_know() {
        let maps = address_map_schema();
        assert_keys(&maps, "", &MAP_FILE);
        assert_keys(&maps, "/properties/anycast", &ANYCAST);
        assert_keys(&maps, "/properties/address_map/items", &ADDRESS_MAP);
        assert_keys(&maps, "/properties/address_map/items/properties/memberships/items", &MEMBERSHIP);
        assert_keys(&maps, "/properties/prefix/items", &PREFIX);
        assert_keys(&maps, "/properties/prefix/items/properties/binding/items", &BINDING);
        assert_keys(&maps, "/properties/prefix/items/properties/delegation/items", &DELEGATION);
        assert_keys(&maps, "/properties/static_ips/items", &STATIC_IPS);
        assert_keys(&maps, "/properties/assert/items", &ASSERT);
        assert_keys(&maps, "/properties/approve/items", &APPROVE);
        let account = account_schema();
        assert_keys(&account, "", &ACCOUNT_FILE);
        assert_keys(&account, "/properties/zone/additionalProperties", &ZONE);
    }
}
