//! Log lines: to stderr, for people or for machines.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// The shape of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people, coloured on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `RUST_LOG` cannot be read.
    #[error(
        "RUST_LOG is \"{text}\": {reason}; write a level such as info, or target=level pairs with commas"
    )]
    Filter {
        /// What it says.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a log already.
    #[error("the log is already set up")]
    Twice,
}

/// Sends log lines to stderr. `RUST_LOG` chooses what is logged, `info` where it is not set.
pub fn init(format: LogFormat) -> Result<(), LogError> {
    let filter = filter(std::env::var("RUST_LOG").ok().as_deref())?;
    // A log that cannot be written must not end the server: telling stderr about it would panic.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match format {
        LogFormat::Human => {
            let colour = wants_colour(io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
            builder.with_ansi(colour).with_target(false).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    }
    .map_err(|_| LogError::Twice)
}

/// Colour only on a terminal and only where `NO_COLOR` is not set (no-color.org: set and not empty).
fn wants_colour(terminal: bool, no_color: Option<&std::ffi::OsStr>) -> bool {
    terminal && no_color.is_none_or(|value| value.is_empty())
}

/// The filter that `text` asks for.
fn filter(text: Option<&str>) -> Result<EnvFilter, LogError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("info");
    EnvFilter::try_new(text)
        .map_err(|error| LogError::Filter { text: text.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_is_the_default() {
        for (text, found) in
            [(None, "info"), (Some(" "), "info"), (Some(" warn,portolan=debug "), "portolan=debug,warn")]
        {
            assert_eq!(filter(text).unwrap().to_string(), found);
        }
    }

    #[test]
    fn a_bad_filter_says_what_to_write() {
        let error = filter(Some("portolan=loud")).unwrap_err().to_string();
        assert!(error.contains("portolan=loud") && error.contains("target=level"), "{error}");
    }

    #[test]
    fn colour_needs_a_terminal_and_no_objection() {
        assert!(wants_colour(true, None));
        assert!(wants_colour(true, Some("".as_ref())));
        assert!(!wants_colour(true, Some("1".as_ref())));
        assert!(!wants_colour(false, None));
    }
}
