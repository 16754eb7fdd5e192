//! What may be served, by all that was written into the files and told to the server.

use std::collections::{BTreeMap, BTreeSet};

use portolan::control::report::{Change, Outcome, Status, Why};

use super::parts::{FIRST, Kind, PARTS, Part, Seen, Version, Versions};

/// What the server is told to do.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Reload,
    /// Of what a part's files hold now.
    Approve {
        part: Part,
        digest: String,
    },
    Rollback {
        generation: Option<u64>,
        account: Option<Part>,
    },
    Resume {
        account: Option<Part>,
    },
    ForgetMap,
    Plan,
    History,
    Show(u64),
    Diff(u64, u64),
    Blame(Part),
    ExplainAt(u64, Part),
}

impl Command {
    /// Whether it may change anything.
    pub(crate) fn is_change(&self) -> bool {
        use Command::{Approve, ForgetMap, Reload, Resume, Rollback};
        matches!(self, Reload | Approve { .. } | Rollback { .. } | Resume { .. } | ForgetMap)
    }
}

/// What is believed of one part.
#[derive(Clone, Debug)]
struct Belief {
    /// What its files hold.
    disk: Version,
    /// Whether the server has looked at them since.
    looked: bool,
    /// What may be served.
    may: BTreeSet<Version>,
    /// What was approved, and whether that was confirmed.
    approved: BTreeMap<Version, bool>,
}

/// What a command that is refused leaves as it was.
#[derive(Clone, Debug)]
pub(crate) struct Beliefs {
    parts: BTreeMap<Part, Belief>,
    /// What is pinned, all where no part is named, and whether that is certain.
    pins: BTreeMap<Option<Part>, bool>,
    /// Whether the immutable map may answer, and whether it may not.
    fixed: BTreeSet<bool>,
    fixed_in_files: bool,
}

pub(crate) struct World {
    pub(crate) versions: Versions,
    pub(crate) beliefs: Beliefs,
    /// Every generation that was seen.
    pub(crate) known: BTreeMap<u64, Seen>,
    /// Every generation that the server said it published.
    pub(crate) promised: BTreeSet<u64>,
    /// Why, where a command was confirmed.
    pub(crate) reasons: BTreeMap<u64, String>,
}

impl World {
    /// The first versions are in the files.
    pub(crate) fn new() -> World {
        let belief =
            Belief { disk: FIRST, looked: true, may: BTreeSet::from([FIRST]), approved: BTreeMap::new() };
        let beliefs = Beliefs {
            parts: PARTS.map(|part| (part, belief.clone())).into(),
            pins: BTreeMap::new(),
            fixed: BTreeSet::from([true]),
            fixed_in_files: true,
        };
        World {
            versions: PARTS.map(|part| ((part, FIRST.number), FIRST)).into(),
            beliefs,
            known: BTreeMap::new(),
            promised: BTreeSet::new(),
            reasons: BTreeMap::new(),
        }
    }

    /// Whether what the server holds of a part is what its files hold.
    pub(crate) fn was_looked_at(&self, part: Part) -> bool {
        self.beliefs.parts[&part].looked
    }

    pub(crate) fn disk(&self, part: Part) -> Version {
        self.beliefs.parts[&part].disk
    }

    pub(crate) fn has_pins(&self) -> bool {
        !self.beliefs.pins.is_empty()
    }

    /// Whether something is pinned for certain.
    pub(crate) fn has_certain_pins(&self) -> bool {
        self.beliefs.pins.values().any(|certain| *certain)
    }

    /// Whatever was pinned, it was told to follow the files again.
    pub(crate) fn no_pins(&mut self) {
        self.beliefs.pins.clear();
    }

    pub(crate) fn is_fixed_in_files(&self) -> bool {
        self.beliefs.fixed_in_files
    }

    /// The files of a part hold this from now on, and are looked at or not.
    pub(crate) fn wrote(&mut self, part: Part, version: Version) {
        self.versions.insert((part, version.number), version);
        let belief = self.beliefs.parts.get_mut(&part).unwrap();
        (belief.disk, belief.looked) = (version, false);
        self.follow();
    }

    pub(crate) fn wrote_fixed(&mut self, there: bool) {
        self.beliefs.fixed_in_files = there;
        let operator = self.beliefs.parts.get_mut(&Part::Operator).unwrap();
        operator.looked = false;
        // What was approved was something else.
        operator.approved.values_mut().for_each(|certain| *certain = false);
        self.follow();
    }

    /// Whatever the files hold may be served, unless something is in its way.
    pub(crate) fn follow(&mut self) {
        for part in PARTS {
            if self.may_follow(part) {
                let belief = self.beliefs.parts.get_mut(&part).unwrap();
                belief.may.insert(belief.disk);
            }
        }
        if self.beliefs.fixed_in_files && !self.is_pinned(Part::Operator) {
            self.beliefs.fixed.insert(true);
        }
    }

    fn may_follow(&self, part: Part) -> bool {
        let Belief { disk, may, approved, .. } = &self.beliefs.parts[&part];
        let passes = approved.contains_key(disk) || may.iter().any(|live| !part.is_risky(*disk, *live));
        disk.kind != Kind::Broken && !self.is_pinned(part) && passes
    }

    /// Whether a rollback certainly keeps a part as it is.
    fn is_pinned(&self, part: Part) -> bool {
        self.pins_of(part).any(|certain| certain)
    }

    /// The pins that concern a part, and whether each is certain.
    fn pins_of(&self, part: Part) -> impl Iterator<Item = bool> {
        let concerns = move |scope: &Option<Part>| scope.is_none_or(|scope| scope == part);
        self.beliefs.pins.iter().filter(move |(scope, _)| concerns(scope)).map(|(_, certain)| *certain)
    }

    /// A command is on its way.
    pub(crate) fn sent(&mut self, command: &Command) {
        let beliefs = &mut self.beliefs;
        match command {
            Command::Reload => {}
            Command::Approve { part, .. } => {
                let belief = beliefs.parts.get_mut(part).unwrap();
                belief.approved.entry(belief.disk).or_insert(false);
            }
            Command::Rollback { generation, account } => {
                let targets: Vec<&Seen> = match generation {
                    Some(generation) => vec![&self.known[generation]],
                    None => self.known.values().collect(),
                };
                for (part, belief) in &mut beliefs.parts {
                    if account.is_none_or(|account| account == *part) {
                        belief.may.extend(targets.iter().map(|seen| seen.live[part]));
                    }
                }
                if account.is_none() {
                    beliefs.fixed.insert(true);
                }
                beliefs.pins.entry(*account).or_insert(false);
            }
            Command::Resume { account } => {
                let concerned = |scope: &Option<Part>| account.is_none() || scope == account;
                let pins = beliefs.pins.iter_mut().filter(|(scope, _)| concerned(scope));
                pins.for_each(|(_, certain)| *certain = false);
            }
            Command::ForgetMap => drop(beliefs.fixed.insert(false)),
            _ => return,
        }
        self.follow();
    }

    /// The server said what came of a command.
    pub(crate) fn confirmed(&mut self, command: &Command, change: &Change, reason: &str) {
        if change.outcome == Outcome::Published {
            self.promised.insert(change.generation);
            if !matches!(command, Command::Reload | Command::Resume { .. }) {
                self.reasons.insert(change.generation, reason.to_owned());
            }
        }
        let beliefs = &mut self.beliefs;
        match command {
            Command::Approve { part, .. } => {
                let is_held = change.held.iter().any(|held| held.unit == part.unit());
                let belief = beliefs.parts.get_mut(part).unwrap();
                belief.approved.insert(belief.disk, true);
                if !is_held && belief.may.contains(&belief.disk) {
                    belief.may = BTreeSet::from([belief.disk]);
                }
            }
            Command::Rollback { generation, account } => {
                beliefs.pins.insert(*account, true);
                let Some(generation) = generation else { return };
                for (part, belief) in &mut beliefs.parts {
                    if account.is_none_or(|account| account == *part) {
                        belief.may = BTreeSet::from([self.known[generation].live[part]]);
                    }
                }
            }
            Command::Resume { account: None } => beliefs.pins.clear(),
            Command::Resume { account } => drop(beliefs.pins.remove(account)),
            Command::ForgetMap => beliefs.fixed = BTreeSet::from([false, beliefs.fixed_in_files]),
            _ => {}
        }
    }

    /// Everything was looked at, and the server says how it is: what is not held is as the files say.
    pub(crate) fn looked(&mut self, status: &Status) {
        for part in PARTS {
            let held = status.held.iter().find(|held| held.unit == part.unit());
            let belief = &self.beliefs.parts[&part];
            let told = format!("{part:?} {belief:?}, pins {:?}\n{status:#?}", self.beliefs.pins);
            let why = held.map(|held| held.why);
            match why {
                None => assert!(belief.disk.kind != Kind::Broken, "a fault is not held: {told}"),
                Some(Why::Fault) => assert!(belief.disk.kind == Kind::Broken, "held for no fault: {told}"),
                Some(Why::Guard) => {
                    assert!(belief.approved.get(&belief.disk) != Some(&true), "an approval is lost: {told}");
                    assert!(!self.is_pinned(part), "a pin is lost: {told}");
                }
                Some(Why::Pinned) => {
                    assert!(self.pins_of(part).next().is_some(), "pinned by nobody: {told}");
                    let concerned: Vec<Option<Part>> = [None, Some(part)]
                        .into_iter()
                        .filter(|scope| self.beliefs.pins.contains_key(scope))
                        .collect();
                    if let [only] = concerned[..] {
                        self.beliefs.pins.insert(only, true);
                    }
                }
            }
            let belief = self.beliefs.parts.get_mut(&part).unwrap();
            belief.looked = true;
            if why.is_none() {
                belief.may = BTreeSet::from([belief.disk]);
            }
        }
    }

    /// What is served must be what may be served, and nothing else may be from now on.
    pub(crate) fn saw(&mut self, seen: &Seen, log: &str) {
        for part in PARTS {
            let belief = self.beliefs.parts.get_mut(&part).unwrap();
            let live = seen.live[&part];
            assert!(
                belief.may.contains(&live),
                "{part:?} is served in {live:?}: {belief:#?}\n{seen:?}\n{log}"
            );
            belief.may = BTreeSet::from([live]);
        }
        assert!(self.beliefs.fixed.contains(&seen.fixed), "{seen:?} {:?}\n{log}", self.beliefs.fixed);
        self.beliefs.fixed = BTreeSet::from([seen.fixed]);
        let known = self.known.entry(seen.generation).or_insert_with(|| seen.clone());
        assert_eq!(known, seen, "one generation in two forms\n{log}");
        self.promised.insert(seen.generation);
    }

    /// After a kill: where a rollback that nobody confirmed is served, it was a whole one, with its pin.
    pub(crate) fn saw_the_end_of(&mut self, command: &Command, before: &Seen, seen: &Seen) {
        let Command::Rollback { generation: Some(generation), account } = command else { return };
        let target = &self.known[generation];
        let of_scope = |seen: &Seen| -> Vec<Version> {
            let parts = PARTS.iter().filter(|part| account.is_none_or(|account| account == **part));
            parts.map(|part| seen.live[part]).collect()
        };
        let disk: Vec<Version> = PARTS
            .iter()
            .filter(|part| account.is_none_or(|account| account == **part))
            .map(|part| self.disk(*part))
            .collect();
        if seen.live != before.live && of_scope(seen) == of_scope(target) && of_scope(seen) != disk {
            self.beliefs.pins.insert(*account, true);
        }
    }
}
