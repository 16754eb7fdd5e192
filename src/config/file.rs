//! The reader of `portolan.toml`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{ANSWERS, FILE, GUARDS, HISTORY, SHARE, TCP};
use super::{
    AddressOrder, Answers, DEFAULT_PORT, Guards, History, Listen, LogFormat, MAX_CONNECTIONS, MAX_GUARD,
    MAX_HISTORY, MAX_IDLE_SECONDS, MAX_WORKERS, ServerVersion, Settings, Share, Tcp, Watch, code,
};
use crate::model::diagnostic::has_errors;
use crate::model::table::{Document, Table, Value};
use crate::model::{Diagnostics, Ownership};

/// Longest text of one character-string (RFC 1035 section 3.3).
const MAX_TEXT: usize = 255;

pub(super) fn read(file: &Arc<str>, content: &[u8]) -> (Option<Settings>, Diagnostics) {
    let document = Document::parse(file, content);
    let root = document.root(&FILE);
    let folder = Path::new(&**file).parent().unwrap_or_else(|| Path::new(""));
    let default = Settings::default();
    let named = |key: &str, what: &str| root.get(key).and_then(|value| path(value, what));
    let path = |key: &str, default: PathBuf| folder.join(named(key, "folder").unwrap_or(default));
    let watches = [("events", Watch::Events), ("poll", Watch::Poll), ("off", Watch::Off)];
    let ownerships = [("enforce", Ownership::Enforce), ("warn", Ownership::Warn), ("off", Ownership::Off)];
    let settings = Settings {
        zones: path("zones", default.zones),
        addrmaps: path("addrmaps", default.addrmaps),
        state: path("state", default.state),
        listen: root.get("listen").and_then(listen).unwrap_or(default.listen),
        workers: root.get("workers").and_then(workers),
        metrics: root.get("metrics").and_then(|value| socket_address(&value)),
        log: root
            .get("log")
            .and_then(|value| value.choice(&[("human", LogFormat::Human), ("json", LogFormat::Json)]))
            .unwrap_or_default(),
        watch: root.get("watch").and_then(|value| value.choice(&watches)).unwrap_or_default(),
        strict: root.get("strict").and_then(|value| value.boolean()).unwrap_or_default(),
        ownership: root.get("ownership").and_then(|value| value.choice(&ownerships)).unwrap_or_default(),
        socket: named("socket", "file").map(|socket| folder.join(socket)),
        tcp: root.get("tcp").and_then(|value| value.table(&TCP)).map(|table| tcp(&table)).unwrap_or_default(),
        history: root
            .get("history")
            .and_then(|value| value.table(&HISTORY))
            .map(|table| history(&table))
            .unwrap_or_default(),
        answers: root
            .get("answers")
            .and_then(|value| value.table(&ANSWERS))
            .map(|table| answers(&table))
            .unwrap_or_default(),
        guards: root
            .get("guards")
            .and_then(|value| value.table(&GUARDS))
            .map(|table| guards(&table))
            .unwrap_or_default(),
    };
    let found = document.take();
    ((!has_errors(&found)).then_some(settings), found)
}

/// A path; `what` it is to be the path of.
fn path(value: Value<'_>, what: &str) -> Option<PathBuf> {
    let text = value.text()?;
    if text.is_empty() || text.contains('\0') {
        let hint = format!("write the path of a {what}");
        value.error(code::BAD_PATH, format!("{} names no {what}", value.key()), hint);
        return None;
    }
    Some(text.into())
}

fn listen(list: Value<'_>) -> Option<Vec<Listen>> {
    let values = list.list()?;
    if values.is_empty() {
        let hint = format!("write listen = [\"127.0.0.1:{DEFAULT_PORT}\"], or remove it for the default");
        list.error(code::LISTENS_NOWHERE, "listen has no address", hint);
    }
    let mut addresses: Vec<Listen> = Vec::new();
    for value in values {
        let Some(address) = socket_address(&value) else { continue };
        let listen = Listen { address, is_default: false };
        // Port 0 is whatever port is free, a new one each time.
        if address.port() != 0 && addresses.contains(&listen) {
            value.error(code::DUPLICATE_LISTEN, format!("address twice in listen: {address}"), "remove it");
        } else {
            addresses.push(listen);
        }
    }
    Some(addresses)
}

fn socket_address(value: &Value<'_>) -> Option<SocketAddr> {
    let text = value.text()?;
    let address = text.parse().ok();
    if address.is_none() {
        let hint = match text.parse::<IpAddr>() {
            Ok(address) => format!("add the port: \"{}\"", SocketAddr::from((address, DEFAULT_PORT))),
            Err(_) => "write an address and a port: \"192.0.2.1:53\" or \"[2001:db8::1]:53\"".to_string(),
        };
        let message = format!("{} must be an address with a port, not: {text}", value.key());
        value.error(code::BAD_SOCKET_ADDRESS, message, hint);
    }
    address
}

fn workers(value: Value<'_>) -> Option<u16> {
    let number = value.integer()?;
    let workers = u16::try_from(number).ok().filter(|workers| (1..=MAX_WORKERS).contains(workers));
    if workers.is_none() {
        let hint = "write the number of cores to use, or remove it to use all";
        value.error(code::BAD_WORKERS, format!("workers must be 1 to {MAX_WORKERS}, not: {number}"), hint);
    }
    workers
}

fn tcp(table: &Table<'_>) -> Tcp {
    let default = Tcp::default();
    let limit = |key, most| table.get(key).and_then(|value| limit(&value, most));
    Tcp {
        connections: limit("connections", MAX_CONNECTIONS).unwrap_or(default.connections),
        connections_per_prefix: limit("connections_per_prefix", MAX_CONNECTIONS)
            .unwrap_or(default.connections_per_prefix),
        idle_seconds: limit("idle_seconds", MAX_IDLE_SECONDS).unwrap_or(default.idle_seconds),
    }
}

fn history(table: &Table<'_>) -> History {
    let default = History::default();
    let limit = |key| table.get(key).and_then(|value| limit(&value, MAX_HISTORY));
    History {
        generations: limit("generations").unwrap_or(default.generations),
        days: limit("days").unwrap_or(default.days),
        mebibytes: limit("mebibytes").unwrap_or(default.mebibytes),
    }
}

/// A number from 1 to `most`.
fn limit(value: &Value<'_>, most: u32) -> Option<u32> {
    let number = value.integer()?;
    let limit = u32::try_from(number).ok().filter(|limit| (1..=most).contains(limit));
    if limit.is_none() {
        let message = format!("{} must be 1 to {most}, not: {number}", value.key());
        value.error(code::BAD_LIMIT, message, "write a number in this range, or remove it for the default");
    }
    limit
}

fn guards(table: &Table<'_>) -> Guards {
    let default = Guards::default();
    let count = |key, otherwise: u64| {
        let value: Option<Value<'_>> = table.get(key);
        value.and_then(|value| up_to(&value, MAX_GUARD)).map_or(otherwise, u64::from)
    };
    let share = |key, otherwise: Share| {
        let value: Option<Value<'_>> = table.get(key);
        value.and_then(|value| value.table(&SHARE)).map_or(otherwise, |table| {
            let number = |key, most| table.get(key).and_then(|value| up_to(&value, most));
            Share {
                percent: number("percent", 100).unwrap_or(otherwise.percent),
                floor: number("floor", MAX_GUARD).map_or(otherwise.floor, u64::from),
            }
        })
    };
    let allowed = table.get("unproxied_zone").and_then(|value| value.boolean());
    Guards {
        unproxied_names: count("unproxied_names", default.unproxied_names),
        unproxied_zone: allowed.unwrap_or(default.unproxied_zone),
        zones_gone: share("zones_gone", default.zones_gone),
        names_changed: share("names_changed", default.names_changed),
        zone_names_gone: share("zone_names_gone", default.zone_names_gone),
        addresses_gone: share("addresses_gone", default.addresses_gone),
        zones_losing_family: count("zones_losing_family", default.zones_losing_family),
        operator_names: count("operator_names", default.operator_names),
        ledger_names: count("ledger_names", default.ledger_names),
    }
}

/// A number from 0 to `most`.
fn up_to(value: &Value<'_>, most: u32) -> Option<u32> {
    let number = value.integer()?;
    let limit = u32::try_from(number).ok().filter(|limit| *limit <= most);
    if limit.is_none() {
        let message = format!("{} must be 0 to {most}, not: {number}", value.key());
        value.error(code::BAD_LIMIT, message, "write a number in this range, or remove it for the default");
    }
    limit
}

fn answers(table: &Table<'_>) -> Answers {
    let order = table
        .get("address_order")
        .and_then(|value| value.choice(&[("rotate", AddressOrder::Rotate), ("fixed", AddressOrder::Fixed)]));
    Answers {
        address_order: order.unwrap_or_default(),
        version_bind: table.get("version_bind").and_then(version_bind).unwrap_or_default(),
        id_server: table.get("id_server").and_then(id_server),
        nsid: table.get("nsid").and_then(|value| value.boolean()).unwrap_or(true),
    }
}

fn version_bind(value: Value<'_>) -> Option<ServerVersion> {
    if value.is_text() {
        return server_text(&value).map(ServerVersion::Text);
    }
    match value.is_boolean() {
        true => value.boolean().map(|own| if own { ServerVersion::Own } else { ServerVersion::Hidden }),
        false => {
            value.wrong_type("true, false or a string", "write true for name and version, false for nothing");
            None
        }
    }
}

fn id_server(value: Value<'_>) -> Option<String> {
    if value.is_text() {
        return server_text(&value);
    }
    if !value.is_boolean() || value.boolean() == Some(true) {
        value.wrong_type("a string or false", "write the name that this server goes by, or false for none");
    }
    None
}

/// A text that fits one character-string.
fn server_text(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.is_empty() || text.len() > MAX_TEXT {
        let message = format!("{} must have 1 to {MAX_TEXT} octets, it has {}", value.key(), text.len());
        value.error(code::BAD_SERVER_TEXT, message, "write a shorter text, or false for none");
        return None;
    }
    Some(text.to_string())
}
