//! Commands as the binary is told them and as the server is, and what they came to.

use portolan::control::history::When;
use portolan::control::report::Change;
use portolan::control::talk::Request;

use super::client::lives::Ran;
use super::parts::Part;
use super::world::Command;

pub(crate) enum Done {
    /// A command that changes nothing told something.
    Told,
    Failed(String),
    Changed(Box<Change>),
}

pub(crate) fn arguments<'a>(command: &Command, reason: &'a str) -> Vec<&'a str> {
    let owned = |text: String| -> &'static str { text.leak() };
    let number = |generation: u64| owned(generation.to_string());
    let account = |part: Option<Part>| -> Vec<&'static str> {
        part.and_then(Part::account).map_or_else(Vec::new, |account| vec!["--account", account])
    };
    let mut arguments: Vec<&'a str> = match command {
        Command::Reload => vec!["reload"],
        Command::Approve { digest, .. } => vec!["approve", owned(digest.clone()), "--reason", reason],
        Command::Rollback { generation, account: of } => {
            let mut words = vec!["rollback", "--reason", reason];
            words.extend(generation.map(number));
            words.extend(account(*of));
            words
        }
        Command::Resume { account: of } => [vec!["resume"], account(*of)].concat(),
        Command::ForgetMap => vec!["retire-immutable", "fixed", "--reason", reason],
        Command::Plan => vec!["plan"],
        Command::History => vec!["history"],
        Command::Show(generation) => vec!["show", number(*generation)],
        Command::Diff(from, to) => vec!["diff", number(*from), number(*to)],
        Command::Blame(part) => vec!["blame", owned(part.versioned().unwrap()), "TXT"],
        Command::ExplainAt(at, part) => {
            vec!["explain", owned(part.versioned().unwrap()), "TXT", "--at", number(*at)]
        }
    };
    arguments.push("--json");
    arguments
}

pub(crate) fn request(command: &Command, reason: &str) -> Request {
    let (by, reason) = ("tester".to_owned(), reason.to_owned());
    let named = |part: Option<Part>| part.and_then(Part::account).map(str::to_owned);
    match command {
        Command::Reload => Request::Reload { what: Vec::new(), without_state: false },
        Command::Approve { digest, .. } => Request::Approve { digests: vec![digest.clone()], by, reason },
        Command::Rollback { generation, account } => Request::Rollback {
            generation: generation.map(When::Generation),
            account: named(*account),
            by,
            reason,
        },
        Command::Resume { account } => Request::Resume { account: named(*account) },
        Command::ForgetMap => Request::ForgetMap { id: "fixed".into(), reason },
        Command::Plan => Request::Plan { since: None },
        Command::History => Request::History { limit: 20 },
        Command::Show(generation) => Request::Show { at: When::Generation(*generation) },
        Command::Diff(from, to) => Request::Diff { from: When::Generation(*from), to: When::Generation(*to) },
        Command::Blame(part) => Request::Blame { name: part.versioned().unwrap(), rtype: "TXT".into() },
        Command::ExplainAt(at, part) => {
            let name = part.versioned().unwrap();
            Request::ExplainAt { name, rtype: "TXT".into(), at: When::Generation(*at) }
        }
    }
}

/// What a command came to.
pub(crate) fn outcome(command: &Command, ran: &Ran) -> Done {
    if ran.code == Some(2) {
        assert!(ran.stdout.is_empty() && ran.stderr.starts_with("portolan: "), "{command:?}: {ran:?}");
        return Done::Failed(ran.stderr.clone());
    }
    if command.is_change() {
        return Done::Changed(Box::new(json(ran)));
    }
    let fine = ran.code == Some(0) || (ran.code == Some(1) && matches!(command, Command::Plan));
    assert!(fine, "{command:?}: {ran:?}");
    Done::Told
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(ran: &Ran) -> T {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}
