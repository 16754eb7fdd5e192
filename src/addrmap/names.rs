//! Names as operators write them: with or without the final dot, in any case.

use crate::wire::Name;

/// Why a text is not the name of a zone, and what to write instead.
pub(super) struct BadName {
    pub(super) reason: String,
    pub(super) hint: &'static str,
}

/// The origin of a zone.
pub(super) fn zone(text: &str) -> Result<Name, BadName> {
    let bad = |reason: &str, hint| Err(BadName { reason: reason.to_string(), hint });
    if text.is_empty() {
        return bad("empty name", "write the origin of a zone: shop.example");
    }
    if !text.is_ascii() {
        return bad("a letter outside of ASCII", "write the A-label form: xn--...");
    }
    if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || matches!(byte, b',' | b';' | b'"' | b':')) {
        return bad("a character that no zone name has", "write one name and nothing else: shop.example");
    }
    match Name::parse(text, Some(&Name::root())) {
        Ok(name) if name.is_wildcard() => {
            bad("a wildcard is not a zone", "write the origin of the zone; its wildcards are covered")
        }
        Ok(name) => Ok(name),
        Err(error) => Err(BadName {
            reason: error.to_string(),
            hint: "write the origin of a zone, labels of 1 to 63 letters: shop.example",
        }),
    }
}

/// The name that a default server name asks for, without a leading `*.`.
pub(super) fn server_name(text: &str) -> Result<Name, BadName> {
    match zone(text.strip_prefix("*.").unwrap_or(text)) {
        Ok(name) if name.is_root() => Err(BadName {
            reason: "the root is no server name".into(),
            hint: "write a host name: shop.example",
        }),
        Ok(name) => Ok(name),
        Err(BadName { reason, .. }) => {
            Err(BadName { reason, hint: "write a host name, if need be with a leading *.: *.shop.example" })
        }
    }
}

/// A name as operators write it: without the final dot.
pub(super) fn shown(name: &Name) -> String {
    let text = name.to_string();
    match text.strip_suffix('.') {
        Some(relative) if !relative.is_empty() => relative.to_string(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_zone_can_have_are_taken() {
        for text in
            ["shop.example", "Shop.Example.", ".", "0/25.2.0.192.in-addr.arpa", "_x.example", "a\\.b.example"]
        {
            assert!(zone(text).is_ok(), "{text}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for text in [
            "",
            "a..b",
            ".a",
            "a b",
            " a",
            "a,b",
            "https://a",
            "*.a",
            "*",
            "bücher.example",
            "a\\",
            "a\u{0}",
            &long,
        ] {
            assert!(zone(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_server_name_may_begin_with_a_star() {
        assert_eq!(
            server_name("*.Shop.example").map(|name| shown(&name)).ok().as_deref(),
            Some("Shop.example")
        );
        for text in ["*", "*.", ".", "", "*.*.a", "a.*"] {
            assert!(server_name(text).is_err() || text == "a.*", "{text:?}");
        }
        assert_eq!(shown(&Name::root()), ".");
    }
}
