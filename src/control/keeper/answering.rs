//! What the thread answers whom the control socket brings. Questions about earlier generations it hands on, with a
//! reading of what is remembered at that moment.

use std::sync::mpsc::Sender;

use super::Loop;
use crate::control::Engine;
use crate::control::aside::Work;
use crate::control::commands::Back;
use crate::control::engine::{How, log};
use crate::control::folder;
use crate::control::look::{Ask, Gate};
use crate::control::report::{Change, Problem, Trigger};
use crate::control::talk::{Reply, Request};
use crate::control::watched::Rule;
use crate::model::{AccountId, MapId};
use crate::wire::{Name, RrType};

/// What a request comes to.
enum Answer {
    Now(Reply),
    /// The answer takes its time, and nothing of it is this thread's.
    Aside(Work),
}

impl Loop {
    /// Answers a request, or lets it be answered aside.
    pub(super) fn asked(&mut self, request: Request, asker: Sender<Reply>) {
        match self.answer(request) {
            // Who asked may be gone.
            Answer::Now(reply) => drop(asker.send(reply)),
            Answer::Aside(work) => self.aside.ask(work, asker),
        }
    }

    /// Lets a thread aside look at what is remembered now.
    fn beside<T>(
        &self,
        look: impl FnOnce(&mut Engine) -> Result<T, String> + Send + 'static,
        reply: impl FnOnce(Box<T>) -> Reply + Send + 'static,
    ) -> Answer {
        match self.engine.beside() {
            Ok(past) => Answer::Aside(Box::new(move || answered(past.ask(look), reply))),
            Err(error) => Answer::Now(Reply::failed(error.to_string())),
        }
    }

    /// What comes of a command. Files that are open for writing are left for later.
    fn command(
        &mut self,
        command: impl FnOnce(&mut Engine, &mut dyn Gate) -> Result<Change, String>,
    ) -> Reply {
        let (engine, mut gate) = self.gated(Rule::Closed);
        let done = command(engine, &mut gate);
        let open: Vec<Problem> = gate.open.iter().map(Problem::from).collect();
        match done {
            Ok(mut change) => {
                change.problems.extend(open);
                self.done(&change);
                Reply::Change(Box::new(change))
            }
            Err(message) => Reply::failed(message),
        }
    }

    /// What a client of the control socket is told.
    fn answer(&mut self, request: Request) -> Answer {
        Answer::Now(match request {
            Request::Status => {
                let open = self.watch.being_written().map(|path| folder::display(path).to_string());
                let trouble = self.watch.trouble().map(|why| Problem {
                    severity: "warning".into(),
                    code: "polled".into(),
                    message: why.to_owned(),
                    ..Problem::default()
                });
                Reply::Status(Box::new(self.engine.status(self.watch.watching(), open.collect(), trouble)))
            }
            Request::Reload { what, without_state } => self.reload_asked(&what, without_state),
            Request::Explain { name, rtype } => answered(
                question(&name, &rtype).map(|(name, rtype)| self.engine.explain(&name, rtype)),
                Reply::Explained,
            ),
            Request::ExplainAt { name, rtype, at } => match question(&name, &rtype) {
                Ok((name, rtype)) => {
                    return self.beside(move |past| past.explain_at(&name, rtype, at), Reply::Explained);
                }
                Err(message) => Reply::failed(message),
            },
            Request::Blame { name, rtype } => match question(&name, &rtype) {
                Ok((name, rtype)) => {
                    return self.beside(move |past| past.blame(&name, rtype), Reply::Blamed);
                }
                Err(message) => Reply::failed(message),
            },
            Request::History { limit } => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                return self.beside(move |past| Ok(past.history(limit)), Reply::History);
            }
            Request::Show { at } => return self.beside(move |past| past.show(at), Reply::Shown),
            Request::Diff { from, to } => {
                return self.beside(move |past| past.diff(from, to), Reply::Differs);
            }
            Request::Plan { since: None } => {
                let (engine, mut gate) = self.gated(Rule::Closed);
                let mut report = engine.plan_files(&mut gate);
                report.problems.extend(gate.open.iter().map(Problem::from));
                Reply::Planned(Box::new(report))
            }
            Request::Plan { since: Some(when) } => {
                let (engine, mut gate) = self.gated(Rule::Closed);
                let (mut report, candidate) = engine.preview(&mut gate);
                report.problems.extend(gate.open.iter().map(Problem::from));
                // What it is compared with takes longer, and is made aside.
                return self.beside(move |past| past.since(when, report, &candidate), Reply::Planned);
            }
            Request::Approve { digests, by, reason } => {
                self.command(|engine, gate| engine.approve(&digests, &by, &reason, gate))
            }
            Request::Rollback { generation, account, by, reason } => match account_of(account) {
                Ok(account) => {
                    let back = Back { generation, account, by: Some(by), reason };
                    self.command(|engine, gate| engine.roll_back(&back, gate))
                }
                Err(message) => Reply::failed(message),
            },
            Request::Resume { account } => match account_of(account) {
                Ok(account) => match self.engine.may_resume(account.as_ref()) {
                    Ok(()) => {
                        // What was saved just now is meant as well.
                        self.reload(Trigger::Files, &Ask::Everything, How::default());
                        self.command(|engine, gate| engine.resume(account.as_ref(), gate))
                    }
                    Err(message) => Reply::failed(message),
                },
                Err(message) => Reply::failed(message),
            },
            Request::ForgetMap { id, reason } => self.forget_asked(&id, &reason),
        })
    }

    fn reload_asked(&mut self, what: &[String], without_state: bool) -> Reply {
        let ask = match self.engine.asked(what) {
            Ok(ask) => ask,
            Err(message) => return Reply::failed(message),
        };
        (self.manager.reloading)();
        let change = self.reload(Trigger::Reload, &ask, How { without_state, ..How::default() });
        (self.manager.ready)();
        Reply::Change(Box::new(change))
    }

    fn forget_asked(&mut self, id: &str, reason: &str) -> Reply {
        let Some(map) = MapId::new(id) else { return Reply::failed(format!("not a map id: {id}")) };
        match self.engine.forget_map(&map, reason) {
            Ok(change) => {
                self.done(&change);
                Reply::Change(Box::new(change))
            }
            Err(found) => {
                log(&found);
                Reply::failed(found.message)
            }
        }
    }
}

/// The account that a command names, if it names one: an empty name is no name.
fn account_of(named: Option<String>) -> Result<Option<AccountId>, String> {
    named.map(|named| AccountId::new(&named).ok_or_else(|| format!("not an account: {named:?}"))).transpose()
}

/// What was asked of the engine, or why it could not be done.
fn answered<T>(done: Result<T, String>, reply: impl FnOnce(Box<T>) -> Reply) -> Reply {
    done.map_or_else(Reply::failed, |done| reply(Box::new(done)))
}

fn question(name: &str, rtype: &str) -> Result<(Name, RrType), String> {
    let parsed = Name::parse(name, Some(&Name::root()));
    let name = parsed.map_err(|error| format!("not a name: {error}: {name}"))?;
    Ok((name, rtype.parse().map_err(|_| format!("not a record type: {rtype}"))?))
}
