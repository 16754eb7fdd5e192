//! The table of states of `manual/safety.md`, walked at random by two servers on one tree: edits, holds, approvals,
//! rollbacks, resume, restarts, crashes. After every event each unit answers exactly what a plain model says.
//!
//! `WALKS=5000` walks more often, `WALK=17` one walk alone.

mod edits;
mod model;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use edits::{Dice, edit_account, edit_operator, zone};
use model::{ALL, Content, Digests, State, Who, World};
use world::{Site, Tree};

/// Seconds from event to event: no multiple is within a minute of an hour.
const TICK: u64 = 77;
const EVENTS: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Edit,
    Approve,
    ApproveInFiles,
    RollBack,
    Resume,
    Restart,
    Crash,
    Pass,
}

/// What happens; the seed says the rest, beside the moment at which it happens.
#[derive(Clone, Copy, Debug)]
struct Event {
    kind: Kind,
    seed: u64,
}

fn events(seed: u64) -> Vec<Event> {
    use Kind::*;
    let kinds = [
        (Edit, 44),
        (Approve, 14),
        (ApproveInFiles, 8),
        (RollBack, 8),
        (Resume, 8),
        (Restart, 4),
        (Crash, 6),
        (Pass, 8),
    ];
    let kinds: Vec<Kind> = kinds.iter().flat_map(|(kind, weight)| vec![*kind; *weight]).collect();
    let mut dice = Dice(seed);
    (0..EVENTS).map(|_| Event { kind: *dice.of(&kinds), seed: dice.next() }).collect()
}

/// What happened, so that a walk that goes nowhere is noticed.
#[derive(Clone, Debug, Default)]
struct Tally {
    counts: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn count(&mut self, what: &'static str, times: usize) {
        *self.counts.entry(what).or_default() += times;
    }

    fn add(&mut self, other: Tally) {
        other.counts.into_iter().for_each(|(what, times)| self.count(what, times));
    }
}

struct Walk {
    tree: Tree,
    sites: [Site; 2],
    digests: Digests,
    contents: BTreeMap<World, String>,
    version: u32,
    log: Vec<String>,
    tally: Tally,
}

impl Walk {
    fn new() -> Walk {
        let mut dice = Dice(7);
        let first = ALL.map(|who| {
            let zones = who.zones().iter().map(|(_, slots)| Some(zone(*slots, &mut dice))).collect();
            let addresses = match who {
                Who::Operator => [1, 2, 101].into(),
                Who::Acme | Who::Globex => [1, 2, 101].into(),
                Who::Initech | Who::Dee => [].into(),
            };
            let kept = if who == Who::Operator { 2 } else { 0 };
            Rc::new(Content { zones, addresses, kept, ..Content::default() })
        });
        let tree = Tree::new(first);
        let sites = ["state/one", "state/two"].map(|state| Site::start(&tree, state));
        Walk {
            tree,
            sites,
            digests: Digests::new(),
            contents: BTreeMap::new(),
            version: 0,
            log: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn step(&mut self, event: Event) -> Result<(), String> {
        let mut dice = Dice(event.seed);
        self.log.push(format!("{:?}", event.kind));
        let ticks = match event.kind {
            Kind::Pass => *dice.of(&[5, 20, 50]),
            _ => 1,
        };
        for site in &mut self.sites {
            site.running().engine.clock.ahead += ticks * TICK;
        }
        match event.kind {
            Kind::Crash => self.crash(&mut dice),
            kind => self.act(kind, &mut dice, None),
        }
    }

    /// Does something, lets the servers follow, and looks at them.
    fn act(&mut self, kind: Kind, dice: &mut Dice, at: Option<usize>) -> Result<(), String> {
        let site = at.unwrap_or_else(|| dice.below(2));
        if matches!(kind, Kind::Approve | Kind::RollBack | Kind::Resume) {
            self.follow(site)?;
        }
        match kind {
            Kind::Edit => {
                self.edit(dice);
                self.sites[1].lags = at.is_none() && dice.one_in(4);
            }
            Kind::Approve => self.approve(site, dice)?,
            Kind::ApproveInFiles => self.approve_in_files(dice),
            Kind::RollBack => self.roll_back(site, dice)?,
            Kind::Resume => self.resume(site, dice)?,
            Kind::Restart => {
                self.sites[site].restart(&self.tree);
                self.sites[site].model.restart();
                // The candidate is not served by it.
                self.sites[site].answers(&self.tree).map_err(|why| format!("restarted: {why}"))?;
                self.sites[site].lags = false;
            }
            Kind::Pass | Kind::Crash => self.sites[1].lags = false,
        }
        for site in 0..self.sites.len() {
            if self.sites[site].lags {
                self.sites[site].answers(&self.tree)?;
            } else {
                self.follow(site)?;
            }
        }
        Ok(())
    }

    /// Lets a server follow the files, and its model, and compares them.
    fn follow(&mut self, at: usize) -> Result<(), String> {
        let site = &mut self.sites[at];
        site.lags = false;
        let now = site.now();
        site.running().follow();
        let before = site.model.clone();
        site.model.follow(&self.tree.files, &self.digests, now);
        let told = |why: String| format!("server {at}: {why}");
        site.check(&self.tree, &mut self.digests).map_err(told)?;
        site.note_history(&self.tree).map_err(told)?;
        if let Some((generation, last)) = site.history.last_key_value()
            && !same_files(last, &site.model.served)
        {
            return Err(told(format!("generation {generation} is remembered as something else")));
        }
        // While it is held, Initech may see other files of the operator than are served.
        if site.model.states[Who::Initech as usize] == State::Live {
            let content = site.running().engine.snapshot().content.to_string();
            let known = self.contents.entry(site.model.served.clone()).or_insert_with(|| content.clone());
            if *known != content {
                return Err(told(format!("it says that it serves {content}, for the same it was {known}")));
            }
        }
        let tally = &mut self.tally;
        tally.count("published", usize::from(before.served != site.model.served));
        tally.count("only_slowly", site.model.seen.0 - before.seen.0);
        tally.count("passed_by_approval", site.model.seen.1 - before.seen.1);
        for who in ALL {
            let (was, is) = (before.states[who as usize], site.model.states[who as usize]);
            let came = |state| usize::from(was != is && is == state);
            tally.count("faults", came(State::Fault));
            tally.count("guards", came(State::Guard));
            tally.count("pinned", came(State::Pinned));
            tally.count("cleared", came(State::Live));
        }
        tally.count("agreed", usize::from(self.sites[0].model.served == self.sites[1].model.served));
        Ok(())
    }

    fn approve(&mut self, at: usize, dice: &mut Dice) -> Result<(), String> {
        let site = &mut self.sites[at];
        let asking = site.asking();
        let wanted = match dice.below(6) {
            0 => format!("{:032x}", dice.next()),
            1 if !self.digests.is_empty() => {
                self.digests.values().nth(dice.below(self.digests.len())).unwrap().clone()
            }
            _ if !asking.is_empty() => dice.of(&asking).1.clone(),
            _ => "0123456789abcdef".to_owned(),
        };
        let wanted = wanted[..*dice.of(&[12, 16, wanted.len()])].to_owned();
        let whose: Vec<Who> =
            asking.iter().filter(|(_, digest)| digest.starts_with(&wanted)).map(|(who, _)| *who).collect();
        self.log.push(format!("server {at}: approve {wanted}, of {whose:?}"));
        let done = site.running().engine.approve(&[wanted], "ops", "meant", &mut crate::control::look::Open);
        if done.is_ok() == whose.is_empty() {
            return Err(format!("approve: {done:?}"));
        }
        self.tally.count("refused", usize::from(whose.is_empty()));
        for who in whose {
            let candidate = site.model.candidate(who, &self.tree.files);
            let key = site.model.key(who, &candidate);
            site.model.approved.insert(key);
        }
        Ok(())
    }

    fn approve_in_files(&mut self, dice: &mut Dice) {
        let mut content = (*self.tree.files[0]).clone();
        content.fault = None;
        let asking = self.sites[dice.below(2)].asking();
        let digest = match asking.is_empty() {
            false => dice.of(&asking).1.clone(),
            true if self.digests.is_empty() => "0123456789abcdef0123456789abcdef".to_owned(),
            true => self.digests.values().nth(dice.below(self.digests.len())).unwrap().clone(),
        };
        let now = self.sites[0].now();
        let expires = match dice.below(4) {
            0 => Some(now - 1000),
            1 => Some(now + TICK * dice.below(8) as u64 + TICK / 2),
            _ => None,
        };
        if content.approvals.len() > 2 {
            content.approvals.remove(0);
        }
        self.log.push(format!("[[approve]] {digest}, void from {expires:?} (now {now})"));
        content.approvals.push((digest, expires));
        self.tree.write(Who::Operator, content);
    }

    fn roll_back(&mut self, at: usize, dice: &mut Dice) -> Result<(), String> {
        let site = &mut self.sites[at];
        let whose = match dice.one_in(2) {
            true => None,
            false => Some(*dice.of(&ALL[1..])),
        };
        let known: Vec<u64> = site.history.keys().copied().collect();
        let wanted = match dice.below(8) {
            0 => Some(1),
            1..=3 => Some(*dice.of(&known)),
            _ => None,
        };
        let after = |generation: &u64| {
            let after = site.model.back_to(&site.history[generation], whose);
            (!same_files(&after, &site.model.served)).then_some((*generation, after))
        };
        let target = match wanted {
            Some(generation) => known.contains(&generation).then_some(generation).as_ref().and_then(after),
            None => {
                let pin = whose.map_or(site.model.all_pinned, |who| site.model.pinned[who as usize]);
                let from = pin.unwrap_or_else(|| *known.last().unwrap());
                known.iter().rev().filter(|generation| **generation < from).find_map(after)
            }
        };
        let told = target.as_ref().map(|(generation, _)| *generation);
        self.log.push(format!("server {at}: rollback {wanted:?} of {whose:?}, to {told:?}"));
        let now = site.now();
        let done = site.roll_back(wanted, whose);
        if done.is_ok() != target.is_some() {
            return Err(format!("rollback: {done:?}"));
        }
        match target {
            Some((generation, after)) => {
                site.model.roll_back(after, whose, generation, now);
                self.tally.count("rolled_back", 1);
            }
            None => self.tally.count("refused", 1),
        }
        Ok(())
    }

    fn resume(&mut self, at: usize, dice: &mut Dice) -> Result<(), String> {
        let site = &mut self.sites[at];
        let whose = match dice.one_in(3) {
            true => Some(*dice.of(&ALL[1..])),
            false => None,
        };
        self.log.push(format!("server {at}: resume {whose:?}"));
        let model = &mut site.model;
        let expected = match whose {
            Some(who) => model.pinned[who as usize].take().is_some(),
            None => {
                let pins = std::mem::take(&mut model.pinned);
                model.all_pinned.take().is_some() | pins.iter().any(Option::is_some)
            }
        };
        let done = site.resume(whose);
        self.tally.count("resumed", usize::from(expected));
        match done.is_ok() == expected {
            true => Ok(()),
            false => Err(format!("resume: {done:?}")),
        }
    }

    /// Something happens, and the last octets of what was written of it are lost.
    fn crash(&mut self, dice: &mut Dice) -> Result<(), String> {
        let at = dice.below(2);
        let kind = *dice.of(&[
            Kind::Edit,
            Kind::Edit,
            Kind::Approve,
            Kind::ApproveInFiles,
            Kind::RollBack,
            Kind::Resume,
        ]);
        self.follow(at)?;
        let before = self.sites[at].model.clone();
        let (length, file) = self.sites[at].pack();
        let generations = self.sites[at].history.len();
        self.act(kind, dice, Some(at))?;
        let site = &mut self.sites[at];
        let (longer, same_file) = site.pack();
        // Of several generations the model knows the last alone.
        let is_one = site.history.len() == generations + 1 && file == same_file && longer > length;
        let cut = match is_one {
            true if dice.one_in(2) => longer - 1 - dice.below(8) as u64,
            true => length + dice.below((longer - length) as usize + 1) as u64,
            false => longer,
        };
        self.log.push(format!("server {at}: crash, {cut} octets left of {longer}, before it {length}"));
        site.crash(&self.tree, cut);
        let after = site.model.clone();
        let kept = site.remembers(&self.tree, &self.digests);
        if kept.is_err() {
            site.model = before;
            if cut == longer || site.remembers(&self.tree, &self.digests).is_err() {
                site.model = after;
                return kept.map_err(|why| format!("after a crash neither before nor after: {why}"));
            }
            self.tally.count("crashes_lost", 1);
        } else {
            self.tally.count("crashes_kept", 1);
        }
        site.history.clear();
        site.model.restart();
        self.follow(at)
    }

    fn edit(&mut self, dice: &mut Dice) {
        let who = *dice.of(&[
            Who::Operator,
            Who::Acme,
            Who::Acme,
            Who::Acme,
            Who::Globex,
            Who::Globex,
            Who::Initech,
            Who::Initech,
            Who::Dee,
            Who::Dee,
        ]);
        let mut content = (*self.tree.files[who as usize]).clone();
        let what = match dice.below(8) {
            0 | 1 => {
                let served = self.sites[dice.below(2)].model.of(who).clone();
                content = Content { kept: if who == Who::Operator { served.kept } else { 0 }, ..served };
                "as it is served".to_owned()
            }
            2 => {
                content = (**dice.of(&self.tree.known[who as usize])).clone();
                "as it was once".to_owned()
            }
            _ => {
                if dice.one_in(2) {
                    content.fault = None;
                }
                self.version += 1;
                match who {
                    Who::Operator => edit_operator(&mut content, dice),
                    _ => edit_account(who, &mut content, self.version, dice),
                }
            }
        };
        if matches!(who, Who::Initech | Who::Dee) && content.zones[0].is_none() {
            // The fault is in its file.
            content.fault = None;
        }
        self.log.push(format!("edit {who:?}: {what}"));
        self.tree.write(who, content);
    }
}

/// Whether two worlds are the same files. How many addresses Initech's map has is no matter of its own files.
fn same_files(one: &World, other: &World) -> bool {
    let alike = |who: Who| {
        let (one, other) = (&one[who as usize], &other[who as usize]);
        match who {
            Who::Initech => one.zones == other.zones,
            _ => one == other,
        }
    };
    ALL.into_iter().all(alike)
}

/// What became of a walk, and all that was done.
fn walk(events: &[Event]) -> (Result<Tally, String>, Vec<String>) {
    let mut walk = Walk::new();
    let walked = catch_unwind(AssertUnwindSafe(|| events.iter().try_for_each(|event| walk.step(*event))));
    let log = std::mem::take(&mut walk.log);
    match walked {
        Ok(Ok(())) => (Ok(walk.tally), log),
        Ok(Err(why)) => (Err(why), log),
        Err(_) => (Err("it panics".to_owned()), log),
    }
}

/// Leaves out what need not be for a walk to fail.
fn shorten(mut events: Vec<Event>) -> Vec<Event> {
    let mut at = events.len();
    while at > 0 {
        at -= 1;
        let mut fewer = events.clone();
        fewer.remove(at);
        if walk(&fewer).0.is_err() {
            events = fewer;
            at = at.min(events.len());
        }
    }
    events
}

#[test]
#[allow(clippy::print_stdout, reason = "figures are part of a result")]
fn no_walk_leaves_the_table() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match number("WALK") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WALKS").unwrap_or(100),
    };
    let next = AtomicU64::new(seeds.start);
    // What is written waits for the disk: several walks wait together.
    let some_walks = || {
        let mut sum = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return sum;
            }
            let events = events(seed);
            match walk(&events).0 {
                Ok(tally) => sum.add(tally),
                Err(why) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    let (shorter, log) = walk(&shorten(events));
                    panic!("walk {seed}: {why}\nshortened: {:?}\n{}", shorter.err(), log.join("\n"));
                }
            }
        }
    };
    let mut sum = Tally::default();
    std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..4).map(|_| scope.spawn(some_walks)).collect();
        walkers.into_iter().for_each(|walker| sum.add(walker.join().expect("a walk fails, see above")));
    });
    println!("{sum:#?}");
    if seeds.end - seeds.start >= 100 {
        assert!(
            sum.counts.values().all(|count| *count >= 10) && sum.counts.len() == 13,
            "it goes nowhere: {sum:?}"
        );
    }
}
