//! An immutable map as the state remembers it: the text of a map file, so that what reads map files reads it back.

use std::fmt::Write;

use crate::addrmap::{self, Scope};
use crate::model::{AddressMap, NoFiles};

/// What diagnostics call a map that is served from memory.
const FILE: &str = "state (remembered)";

/// The map as a map file.
pub(super) fn text(map: &AddressMap) -> String {
    let string = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let ipv4 = map.ipv4.iter().map(ToString::to_string);
    let ips: Vec<String> =
        ipv4.chain(map.ipv6.iter().map(ToString::to_string)).map(|address| string(&address)).collect();
    let mut text = String::from("[[address_map]]\n");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "id = {}", string(map.id.as_str()));
    let _ = writeln!(text, "account = {}", string(map.account.as_str()));
    let _ = writeln!(text, "enabled = true\nimmutable = true\nips = [{}]", ips.join(", "));
    for (key, value) in [("description", &map.description), ("default_sni", &map.default_sni)] {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {}", string(value));
        }
    }
    text
}

/// Reads what [`text`] wrote.
pub(super) fn read(text: &str) -> Option<AddressMap> {
    addrmap::read_map_file(&FILE.into(), text.as_bytes(), Scope::Operator, &NoFiles, &[]).maps.pop()
}
