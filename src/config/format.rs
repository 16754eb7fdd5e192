//! `portolan.toml` as types: where its JSON Schema comes from, and the keys that the reader knows.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::table::{Keys, schema_of};

/// Settings of the server, read at start: `portolan.toml`. The command line goes before it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Portolan")]
pub struct FileFormat {
    /// Folder of the master files, relative to this file. Default: "zones".
    pub zones: Option<String>,
    /// Folder of the address maps, relative to this file. Default: "addrmaps".
    pub addrmaps: Option<String>,
    /// Folder of what the server must remember, relative to this file. Default: "state".
    pub state: Option<String>,
    /// Addresses to serve on, each with a port: `192.0.2.1:53`, `[2001:db8::1]:53`.
    /// Default: `127.0.0.1:5300` and `[::1]:5300`.
    #[schemars(length(min = 1), inner(regex(pattern = r"^[0-9a-fA-F:.\[\]]+:[0-9]{1,5}$")))]
    pub listen: Option<Vec<String>>,
    /// Number of workers. Default: one for each core.
    #[schemars(range(min = 1, max = 256))]
    pub workers: Option<u16>,
    /// Address and port to serve metrics on. Default: none.
    #[schemars(regex(pattern = r"^[0-9a-fA-F:.\[\]]+:[0-9]{1,5}$"))]
    pub metrics: Option<String>,
    /// Form of the log. Default: "human".
    pub log: Option<Log>,
    /// How changes of files are noticed. Default: "events".
    pub watch: Option<WatchFormat>,
    /// Whether a change is taken as a whole or not at all, instead of account by account. Default: false.
    pub strict: Option<bool>,
    /// What becomes of maps whose addresses their account may not use by the ledger. Default: "enforce".
    pub ownership: Option<OwnershipFormat>,
    /// Socket to talk to the running server, relative to this file, at most 107 octets with its folder.
    /// Default: `control.sock` in the state folder.
    pub socket: Option<String>,
    /// Limits on TCP connections.
    pub tcp: Option<TcpFormat>,
    /// How long earlier generations are remembered: within all of these limits.
    pub history: Option<HistoryFormat>,
    /// How answers look.
    pub answers: Option<AnswersFormat>,
    /// How much may be lost at once without anybody's approval.
    pub guards: Option<GuardsFormat>,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// How changes of files are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchFormat {
    /// The kernel tells.
    Events,
    /// Files are looked at every few seconds.
    Poll,
    /// Only when told to reload.
    Off,
}

/// What becomes of maps whose addresses their account may not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OwnershipFormat {
    /// It is an error.
    Enforce,
    /// It is a warning.
    Warn,
    /// Nobody looks.
    Off,
}

/// Limits on TCP connections.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpFormat {
    /// Most connections at a time; above it the one that is idle longest is closed. Default: 4096.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: Option<u32>,
    /// Most of them from one network, an IPv4 /24 or an IPv6 /56. Default: 256.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_prefix: Option<u32>,
    /// Seconds without a query after which a connection is closed. Default: 10.
    #[schemars(range(min = 1, max = 6553))]
    pub idle_seconds: Option<u32>,
}

/// How long earlier generations are remembered: within all of these limits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryFormat {
    /// Generations; what is served is among them. Default: 1000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub generations: Option<u32>,
    /// Days. Default: 90.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub days: Option<u32>,
    /// Size of the state with all of it in MiB; what is served is kept whatever it takes. Default: 1024.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub mebibytes: Option<u32>,
}

/// How answers look.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswersFormat {
    /// Order of the addresses of a map: another one first in each answer, or as written. Default: "rotate".
    pub address_order: Option<Order>,
    /// What `version.bind CH TXT` is answered: true for name and version, false to refuse, or a text.
    /// Default: true.
    pub version_bind: Option<TextOrSwitch>,
    /// What `id.server CH TXT` is answered: a text, or false to refuse. Default: false.
    pub id_server: Option<TextOrFalse>,
    /// Whether `dig +nsid` is told the generation and the digest of what is served. Default: true.
    pub nsid: Option<bool>,
}

/// How much may be lost at once without anybody's approval.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardsFormat {
    /// Most names that may stop being proxied. Default: 10.
    #[schemars(range(max = 1_000_000_000))]
    pub unproxied_names: Option<u32>,
    /// Whether all proxied names of a zone may stop being proxied. Default: false.
    pub unproxied_zone: Option<bool>,
    /// Zones that may go. Default: 2 percent, 10.
    pub zones_gone: Option<ShareFormat>,
    /// Names that may lose data or be answered otherwise. Default: 10 percent, 1000.
    pub names_changed: Option<ShareFormat>,
    /// Names that one zone may lose. Default: 50 percent, 50.
    pub zone_names_gone: Option<ShareFormat>,
    /// Addresses that may leave service. Default: 10 percent, 20.
    pub addresses_gone: Option<ShareFormat>,
    /// Most zones whose proxied names may lose the addresses of a family. Default: 10.
    #[schemars(range(max = 1_000_000_000))]
    pub zones_losing_family: Option<u32>,
    /// Most names that the operator's defaults may answer otherwise. Default: 1000.
    #[schemars(range(max = 1_000_000_000))]
    pub operator_names: Option<u32>,
    /// Most names whose addresses may lose their entry in the ledger, or be withdrawn. Default: 1000.
    #[schemars(range(max = 1_000_000_000))]
    pub ledger_names: Option<u32>,
}

/// A limit that is exceeded only by what is more than both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareFormat {
    /// Of a hundred; with 100 the limit is never exceeded.
    #[schemars(range(max = 100))]
    pub percent: Option<u32>,
    /// At least so many.
    #[schemars(range(max = 1_000_000_000))]
    pub floor: Option<u32>,
}

/// Order of the addresses of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Another address first in each answer.
    Rotate,
    /// As written.
    Fixed,
}

/// A text, or true or false.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TextOrSwitch {
    /// On or off.
    Switch(bool),
    /// This text.
    Text(#[schemars(length(min = 1, max = 255))] String),
}

/// A text, or false for none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TextOrFalse {
    /// None.
    #[schemars(extend("const" = false))]
    Off(bool),
    /// This text.
    Text(#[schemars(length(min = 1, max = 255))] String),
}

pub(super) static FILE: Keys = Keys {
    title: "portolan.toml",
    known: &[
        "zones",
        "addrmaps",
        "state",
        "listen",
        "workers",
        "metrics",
        "log",
        "watch",
        "strict",
        "ownership",
        "socket",
        "tcp",
        "history",
        "answers",
        "guards",
    ],
    required: &[],
};
pub(super) static TCP: Keys =
    Keys { title: "[tcp]", known: &["connections", "connections_per_prefix", "idle_seconds"], required: &[] };
pub(super) static HISTORY: Keys =
    Keys { title: "[history]", known: &["generations", "days", "mebibytes"], required: &[] };
pub(super) static ANSWERS: Keys = Keys {
    title: "[answers]",
    known: &["address_order", "version_bind", "id_server", "nsid"],
    required: &[],
};
pub(super) static GUARDS: Keys = Keys {
    title: "[guards]",
    known: &[
        "unproxied_names",
        "unproxied_zone",
        "zones_gone",
        "names_changed",
        "zone_names_gone",
        "addresses_gone",
        "zones_losing_family",
        "operator_names",
        "ledger_names",
    ],
    required: &[],
};
pub(super) static SHARE: Keys =
    Keys { title: "a limit of [guards]", known: &["percent", "floor"], required: &[] };

/// The JSON Schema of `portolan.toml`.
pub fn schema() -> serde_json::Value {
    schema_of::<FileFormat>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::testing::{assert_keys, assert_schema_is_fresh};

    #[test]
    fn the_schema_in_the_repository_is_fresh() {
        assert_schema_is_fresh("portolan", &schema());
    }

    #[test]
    fn the_types_describe_what_the_reader_knows() {
        assert_keys(&schema(), "", &FILE);
        assert_keys(&schema(), "/properties/tcp", &TCP);
        assert_keys(&schema(), "/properties/history", &HISTORY);
        assert_keys(&schema(), "/properties/answers", &ANSWERS);
        assert_keys(&schema(), "/properties/guards", &GUARDS);
        assert_keys(&schema(), "/properties/guards/properties/zones_gone", &SHARE);
    }
}
