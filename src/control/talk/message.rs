//! What goes over the socket: one line of JSON each way, with the version of this protocol in front.
//!
//! The version is read by itself first, so that two programs of different age can tell each other so.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::control::history::{Blame, Diff, History, Shown, When};
use crate::control::report::{Change, PlanReport, Status};
use crate::judge::Explanation;

/// Version of the protocol: another one where an older program would misread what is sent.
pub const VERSION: u32 = 1;

/// What the server is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// How it is.
    Status,
    /// To read files again, and to say what came of it when that is done.
    Reload {
        /// Zones by name and files by absolute path; all files where it is empty.
        what: Vec<String>,
        /// To go on where the state cannot be written.
        without_state: bool,
    },
    /// Why a name is answered what it is answered.
    Explain {
        /// The name, as it is written in a master file.
        name: String,
        /// The type, by its mnemonic or as `TYPE65`.
        rtype: String,
    },
    /// What the files would change; nothing is published.
    Plan {
        /// The former generation that it is compared with; what is served where none is named.
        since: Option<When>,
    },
    /// To let content pass that a guard holds.
    Approve {
        /// Its digests, as `status` shows them.
        digests: Vec<String>,
        /// Who says so.
        by: String,
        /// Why, for the journal.
        reason: String,
    },
    /// To serve again what a former generation served.
    Rollback {
        /// Which; the one before what is served where it is not named.
        generation: Option<When>,
        /// Of which account; of all where none is named.
        account: Option<String>,
        /// Who says so.
        by: String,
        /// Why, for the journal.
        reason: String,
    },
    /// To follow the files again after a rollback.
    Resume {
        /// Of which account; of all where none is named.
        account: Option<String>,
    },
    /// Why a name was answered what it was answered.
    ExplainAt {
        /// The name, as it is written in a master file.
        name: String,
        /// The type, by its mnemonic or as `TYPE65`.
        rtype: String,
        /// When.
        at: When,
    },
    /// Which generations are remembered.
    History {
        /// How many are told, from the newest on.
        limit: u64,
    },
    /// What is remembered of one generation.
    Show {
        /// Which.
        at: When,
    },
    /// What two generations answer differently.
    Diff {
        /// The one.
        from: When,
        /// The other.
        to: When,
    },
    /// Which generation last changed an answer.
    Blame {
        /// The name, as it is written in a master file.
        name: String,
        /// The type, by its mnemonic or as `TYPE65`.
        rtype: String,
    },
    /// To take a remembered immutable map away.
    ForgetMap {
        /// The map.
        id: String,
        /// Why, for the journal.
        reason: String,
    },
}

/// Most octets of a reason: it is kept with the history for as long as that is.
pub const MAX_REASON: usize = 4096;
/// Most octets of whoever gives it.
const MAX_BY: usize = 256;

impl Request {
    /// What is wrong with it as it stands, whatever is served: an empty value where one is expected never means
    /// everything.
    pub(super) fn fault(&self) -> Option<String> {
        let (by, reason, account) = match self {
            Request::Reload { what, .. } => {
                let is_empty = what.iter().any(|what| what.trim().is_empty());
                return is_empty.then(|| {
                    "an empty name is neither a zone nor a file; leave it out to read all files again"
                        .to_owned()
                });
            }
            Request::Approve { digests, .. } if digests.is_empty() => {
                return Some("no digest is named: status shows those of what is held".to_owned());
            }
            Request::Approve { by, reason, .. } => (Some(by), Some(reason), None),
            Request::Rollback { by, reason, account, .. } => (Some(by), Some(reason), account.as_ref()),
            Request::Resume { account } => (None, None, account.as_ref()),
            Request::ForgetMap { reason, .. } => (None, Some(reason), None),
            _ => return None,
        };
        let length = |text: &String, what: &str, most: usize| match text.len() {
            _ if text.trim().is_empty() => Some(format!("the {what} is empty")),
            length if length > most => {
                Some(format!("the {what} has {length} octets, at most {most}: write less"))
            }
            _ => None,
        };
        let account = account.filter(|account| account.trim().is_empty());
        let account = account.map(|_| "an empty name is no account; leave it out for all of them".to_owned());
        let reason = reason.and_then(|reason| length(reason, "reason", MAX_REASON));
        account.or(reason).or_else(|| by.and_then(|by| length(by, "name of who says so", MAX_BY)))
    }
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Plan`].
    Planned(Box<PlanReport>),
    /// To everything that may publish something.
    Change(Box<Change>),
    /// To [`Request::Explain`] and [`Request::ExplainAt`].
    Explained(Box<Explanation>),
    /// To [`Request::History`].
    History(Box<History>),
    /// To [`Request::Show`].
    Shown(Box<Shown>),
    /// To [`Request::Diff`].
    Differs(Box<Diff>),
    /// To [`Request::Blame`].
    Blamed(Box<Blame>),
    /// The request could not be done at all.
    Failed {
        /// Why, and what to do instead.
        message: String,
    },
}

impl Reply {
    /// A request that could not be done.
    pub fn failed(message: impl Into<String>) -> Reply {
        Reply::Failed { message: message.into() }
    }
}

/// A line that is not what it should be.
#[derive(Debug)]
pub(super) enum BadLine {
    /// It speaks another version of the protocol.
    Version {
        /// Which.
        version: u32,
        /// The program that wrote it.
        program: String,
    },
    /// It cannot be read.
    Unreadable(serde_json::Error),
}

/// What every version of the protocol has.
#[derive(Deserialize)]
struct Head {
    version: u32,
    /// Name and version of the program.
    #[serde(default)]
    program: String,
}

/// What this version has.
#[derive(Serialize, Deserialize)]
struct Line<'a, T> {
    version: u32,
    program: Cow<'a, str>,
    body: T,
}

/// The program that this is.
const PROGRAM: &str = concat!("portolan ", env!("CARGO_PKG_VERSION"));

/// A message as a line with its line end.
pub(super) fn write<T: Serialize>(body: &T) -> Vec<u8> {
    let line = Line { version: VERSION, program: PROGRAM.into(), body };
    let mut octets = serde_json::to_vec(&line).expect("plain data with texts as keys is always JSON");
    octets.push(b'\n');
    octets
}

/// Reads a line, with or without its line end.
pub(super) fn read<T: DeserializeOwned>(line: &[u8]) -> Result<T, BadLine> {
    let head: Head = serde_json::from_slice(line).map_err(BadLine::Unreadable)?;
    if head.version != VERSION {
        return Err(BadLine::Version { version: head.version, program: head.program });
    }
    serde_json::from_slice::<Line<'_, T>>(line).map(|line| line.body).map_err(BadLine::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::report::{Held, Problem};

    #[test]
    fn every_message_survives_its_line() {
        let requests = [
            Request::Status,
            Request::Reload { what: vec!["a.example.".into()], without_state: true },
            Request::Explain { name: "w\\010w.a.example.".into(), rtype: "TYPE65".into() },
            Request::Plan { since: None },
            Request::Plan { since: Some(When::Time(7)) },
            Request::Approve { digests: vec!["12ab".into()], by: "ops".into(), reason: "meant".into() },
            Request::Rollback {
                generation: Some(When::Generation(7)),
                account: None,
                by: "ops".into(),
                reason: "outage".into(),
            },
            Request::Resume { account: Some("acme".into()) },
            Request::ExplainAt { name: ".".into(), rtype: "A".into(), at: When::Time(7) },
            Request::History { limit: 3 },
            Request::Show { at: When::Generation(7) },
            Request::Diff { from: When::Generation(7), to: When::Time(8) },
            Request::Blame { name: ".".into(), rtype: "A".into() },
            Request::ForgetMap { id: "eu".into(), reason: "two\nlines".into() },
        ];
        for request in requests {
            let line = write(&request);
            assert_eq!(line.iter().filter(|octet| **octet == b'\n').count(), 1, "{line:?}");
            assert_eq!(read::<Request>(&line).unwrap(), request);
        }
        let held =
            Held { unit: "account acme".into(), problems: vec![Problem::default()], ..Held::default() };
        let replies = [
            Reply::Status(Box::new(Status { generation: 7, held: vec![held], ..Status::default() })),
            Reply::Change(Box::default()),
            Reply::failed("no"),
        ];
        for reply in replies {
            assert_eq!(read::<Reply>(&write(&reply)).unwrap(), reply);
        }
    }

    #[test]
    fn another_version_is_told_from_what_cannot_be_read() {
        let newer = br#"{"version":2,"program":"portolan 9.0.0","body":{"dance":{}},"mood":1}"#;
        let error = read::<Request>(newer).unwrap_err();
        assert!(matches!(error, BadLine::Version { version: 2, ref program } if program == "portolan 9.0.0"));
        for bad in ["", "{}", "status", r#"{"version":1}"#, r#"{"version":1,"body":{"dance":{}}}"#] {
            assert!(matches!(read::<Request>(bad.as_bytes()), Err(BadLine::Unreadable(_))), "{bad}");
        }
    }
}
