//! The command line: arguments, rendering, wiring.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 fine, 1 problems found, 2 could not run;
//! `plan --exit-code` adds 3 for changes.

pub mod args;
mod ask;
mod blame;
mod check;
pub mod compare;
mod explain;
mod history;
mod moment;
mod plan;
mod progress;
mod reload;
pub mod render;
pub mod serve;
mod setup;
mod status;
pub mod systemd;
mod told;
mod when;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;
use setup::Setup;

/// Problems were found.
const FOUND: u8 = 1;
/// The command could not run.
const FAILED: u8 = 2;

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let started = std::time::Instant::now();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data; a wrong argument is not. Nothing can be done where neither can be printed.
            let text = error.render().to_string();
            let _ = match bounded(&text) {
                bounded if bounded == text => error.print(),
                bounded => write!(io::stderr(), "{bounded}"),
            };
            return if error.use_stderr() { ExitCode::from(FAILED) } else { ExitCode::SUCCESS };
        }
    };
    let done = Setup::new(&cli).and_then(|setup| match &cli.command {
        None | Some(Command::Serve(_)) => setup.serve(started, cli.serve_options().start),
        Some(Command::Check(options)) => check::check(&setup, options),
        Some(Command::Compare(options)) => compare::compare(&setup, options),
        Some(Command::Explain(options)) => explain::explain(&setup, options),
        Some(Command::Status(options)) => status::status(&setup, options),
        Some(Command::Reload(options)) => reload::reload(&setup, options),
        Some(Command::Approve(options)) => reload::approve(&setup, options),
        Some(Command::Rollback(options)) => reload::rollback(&setup, options),
        Some(Command::Resume(options)) => reload::resume(&setup, options),
        Some(Command::History(options)) => history::history(&setup, options),
        Some(Command::Show(options)) => history::show(&setup, options),
        Some(Command::Diff(options)) => blame::diff(&setup, options),
        Some(Command::Blame(options)) => blame::blame(&setup, options),
        Some(Command::Plan(options)) => plan::plan(&setup, options),
        Some(Command::ForgetMap(options)) => reload::forget_map(&setup, options),
    });
    done.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "portolan: {}", bounded(&error));
        ExitCode::from(FAILED)
    })
}

/// A message in which what somebody wrote is repeated only as far as it tells anything, and nothing of it is obeyed by
/// a terminal.
fn bounded(message: &str) -> String {
    const WORD: usize = 200;
    const KEPT: usize = 60;
    let word = |word: &str| match word.chars().count() {
        0..=WORD => render::harmless(word),
        count => {
            let begin: String = word.chars().take(KEPT).collect();
            format!("{}... ({count} characters)", render::harmless(&begin))
        }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    message.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Whether to colour what is written to a stream: on a terminal only, and not where `NO_COLOR` is set.
fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes to stdout; a reader that went away (`| head`) is no error.
fn print(text: &str) -> Result<(), String> {
    match io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write: {error}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn a_message_repeats_what_was_written_as_far_as_it_tells_anything() {
        let fine = "error: no such zone: a.example\n\n  help: two  spaces";
        assert_eq!(bounded(fine), fine);
        assert_eq!(bounded("not a zone: \u{1b}[31m"), "not a zone: ␛[31m");
        let cut = format!("not a zone: {}... (201 characters)", "x".repeat(60));
        assert_eq!(bounded(&format!("not a zone: {}", "x".repeat(201))), cut);
        assert_eq!(bounded(&"é".repeat(200)), "é".repeat(200));
    }
}
