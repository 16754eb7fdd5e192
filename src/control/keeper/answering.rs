//! What the thread answers whom the control socket brings.

use super::Loop;
use crate::control::commands::Back;
use crate::control::engine::{How, log};
use crate::control::folder;
use crate::control::look::Ask;
use crate::control::report::{Change, Problem, Trigger};
use crate::control::talk::{Reply, Request};
use crate::control::watched::Rule;
use crate::model::{AccountId, MapId};
use crate::wire::{Name, RrType};

impl Loop {
    /// What came of a command.
    fn commanded(&mut self, done: Result<Change, String>) -> Reply {
        match done {
            Ok(change) => {
                self.done(&change);
                Reply::Change(Box::new(change))
            }
            Err(message) => Reply::failed(message),
        }
    }

    /// What a client of the control socket is told.
    pub(super) fn answer(&mut self, request: Request) -> Reply {
        match request {
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
            Request::Reload { what, without_state } => {
                let ask = match self.engine.asked(&what) {
                    Ok(ask) => ask,
                    Err(message) => return Reply::failed(message),
                };
                (self.manager.reloading)();
                let change = self.reload(Trigger::Reload, &ask, How { without_state, ..How::default() });
                (self.manager.ready)();
                Reply::Change(Box::new(change))
            }
            Request::Explain { name, rtype } => answered(
                question(&name, &rtype).map(|(name, rtype)| self.engine.explain(&name, rtype)),
                Reply::Explained,
            ),
            Request::ExplainAt { name, rtype, at } => answered(
                question(&name, &rtype).and_then(|(name, rtype)| self.engine.explain_at(&name, rtype, at)),
                Reply::Explained,
            ),
            Request::Blame { name, rtype } => answered(
                question(&name, &rtype).and_then(|(name, rtype)| self.engine.blame(&name, rtype)),
                Reply::Blamed,
            ),
            Request::History { limit } => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                Reply::History(Box::new(self.engine.history(limit)))
            }
            Request::Plan { since } => {
                let (engine, mut gate) = self.gated(Rule::Closed);
                let planned = engine.plan(since, &mut gate);
                let open = gate.open.iter().map(Problem::from);
                answered(planned, |mut report| {
                    report.problems.extend(open);
                    Reply::Planned(report)
                })
            }
            Request::Approve { digests, by, reason } => {
                let approved = self.engine.approve(&digests, &by, &reason);
                self.commanded(approved)
            }
            Request::Rollback { generation, account, by, reason } => match account_of(account) {
                Ok(account) => {
                    let back = self.engine.roll_back(&Back { generation, account, by: Some(by), reason });
                    self.commanded(back)
                }
                Err(message) => Reply::failed(message),
            },
            Request::Resume { account } => match account_of(account) {
                Ok(account) => {
                    // What was saved just now is meant as well.
                    self.reload(Trigger::Files, &Ask::Everything, How::default());
                    let resumed = self.engine.resume(account.as_ref());
                    self.commanded(resumed)
                }
                Err(message) => Reply::failed(message),
            },
            Request::Show { at } => answered(self.engine.show(at), Reply::Shown),
            Request::Diff { from, to } => answered(self.engine.diff(from, to), Reply::Differs),
            Request::ForgetMap { id, reason } => {
                let Some(map) = MapId::new(&id) else {
                    return Reply::failed(format!("not a map id: {id}"));
                };
                match self.engine.forget_map(&map, &reason) {
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
