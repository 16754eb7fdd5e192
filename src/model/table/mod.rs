//! Strict reading of the TOML files that operators write: `portolan.toml`, `account.toml`, address maps.
//!
//! A file is parsed once into a [`Document`]; the reader of a format then asks [`Table`]s and [`Value`]s for what
//! it knows. Nothing stops at the first fault: whatever does not fit becomes a diagnostic with its exact place
//! and is answered `None`, so that one run shows everything.
//!
//! Invariant: every key of a file is either asked for by the format or reported; none is silently ignored.
//! This is the only place that knows the crate `toml`.

mod document;
mod moment;
mod schema;
mod similar;
mod source;
mod value;

pub use document::{Document, in_file_order};
pub use schema::schema_of;
pub use similar::closest;
pub use source::Source;
pub use value::{Key, Keys, Table, Value};

/// Declares the codes of a room's diagnostics: one constant each, and `ALL` for the test that holds the manual.
macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident = $code:literal; )*) => {
        $( $(#[$doc])* pub const $name: &str = $code; )*
        /// Every code of this module.
        pub const ALL: &[&str] = &[ $( $code, )* ];
    };
}
pub(crate) use codes;

/// Codes of the faults that every TOML file can have.
pub mod code {
    super::codes! {
        /// Bytes that are not UTF-8.
        NOT_UTF8 = "not-utf8";
        /// Not TOML.
        TOML_SYNTAX = "toml-syntax";
        /// A key that the format does not have.
        UNKNOWN_KEY = "unknown-key";
        /// A key that the format requires.
        MISSING_KEY = "missing-key";
        /// A value of another type than the format has there.
        WRONG_TYPE = "wrong-type";
        /// A value of the right type that is none of those allowed.
        BAD_VALUE = "bad-value";
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manual_explains_every_code() {
        super::testing::assert_manual("Every TOML file", super::code::ALL);
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! What the formats' tests share.

    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    /// Holds the codes of a room against its section of the manual: each has a row, and there are no others.
    pub(crate) fn assert_manual(section: &str, codes: &[&str]) {
        let manual = include_str!("../../manual/diagnostics-addrmap.md");
        let heading = format!("\n## {section}\n");
        let (_, text) = manual.split_once(&heading).unwrap_or_else(|| panic!("no section {section}"));
        let text = text.split("\n## ").next().unwrap();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
            .collect();
        let told: BTreeSet<String> = rows.iter().map(|row| row[0].trim_matches('`').to_string()).collect();
        assert_eq!(told, codes.iter().map(ToString::to_string).collect(), "codes of {section}");
        assert_eq!(told.len(), rows.len(), "each code has one row");
        for row in rows {
            assert_eq!(row.len(), 4, "{row:?}");
            assert!(
                ["error", "error, or warning", "warning", "note"].contains(&row[1])
                    && row[2].len() > 10
                    && row[3].len() > 5,
                "{row:?}"
            );
        }
        for code in codes {
            assert!(
                code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
            );
        }
    }

    /// Holds a generated schema against `src/schema/<name>.schema.json`; rewrites it under `PORTOLAN_BLESS=1`.
    pub(crate) fn assert_schema_is_fresh(name: &str, schema: &Value) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/schema/{name}.schema.json"));
        let fresh = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
        if std::env::var_os("PORTOLAN_BLESS").is_some_and(|bless| bless == "1") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &fresh).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == fresh, "{} is stale: run the tests with PORTOLAN_BLESS=1", path.display());
    }

    /// Holds the keys that a walker knows against one object of its schema: the same keys, nothing else allowed.
    pub(crate) fn assert_keys(schema: &Value, pointer: &str, keys: &super::Keys) {
        let object = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {schema:#}"));
        let described: BTreeSet<&str> =
            object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(described, keys.known.iter().copied().collect(), "keys of {pointer:?}");
        assert_eq!(object["additionalProperties"], false, "{pointer:?} is closed");
        let required: BTreeSet<&str> = object["required"]
            .as_array()
            .map(|required| required.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        assert_eq!(required, keys.required.iter().copied().collect(), "required keys of {pointer:?}");
    }
}
