//! The codes of this room's diagnostics; `manual/diagnostics-addrmap.md` explains them.
//! Those that every TOML file can have are in [`crate::model::table::code`].

crate::model::table::codes! {
    /// Not an address with a port.
    BAD_SOCKET_ADDRESS = "bad-socket-address";
    /// An address to listen on twice.
    DUPLICATE_LISTEN = "duplicate-listen";
    /// No address to listen on.
    LISTENS_NOWHERE = "listens-nowhere";
    /// A number of workers outside of 1 to 256.
    BAD_WORKERS = "bad-workers";
    /// A limit outside of its range.
    BAD_LIMIT = "bad-limit";
    /// A path that names nothing.
    BAD_PATH = "bad-path";
    /// A text that does not fit an answer.
    BAD_SERVER_TEXT = "bad-server-text";
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manual_explains_every_code() {
        crate::model::table::testing::assert_manual("portolan.toml", super::ALL);
    }
}
