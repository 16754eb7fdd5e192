//! `blame`: which generation last changed an answer.

use std::collections::BTreeSet;

use super::engine::{Engine, MAX_TOLD};
use super::history::{Blame, FileTold};
use super::past::Scope;
use super::recall::explained;
use super::source::Kind;
use super::state::{Intent, Manifest};
use crate::judge::Explanation;
use crate::judge::explain::TurnTold;
use crate::model::{AccountId, Place};
use crate::wire::reader::Section;
use crate::wire::{Name, Rcode, RrType};
use crate::zonefile::rdata_text;

/// A generation that may have changed the answer.
struct Step {
    generation: u64,
    /// What it changed that can matter.
    intent: Intent,
    /// What takes that back.
    undo: Intent,
}

/// What was found.
enum Found {
    Changed(Box<Changed>),
    /// The answer leads to names that were not looked at.
    Further(BTreeSet<Name>),
}

/// A generation and what it changed.
struct Changed {
    generation: u64,
    after: Explanation,
    /// What was answered before, and with what; `None` where nothing older is remembered.
    before: Option<Explanation>,
    files: Vec<FileTold>,
}

impl Engine {
    /// The generation that last changed the answer to a question. Those are looked at that touch what can matter for
    /// it; each is made again, so it takes a moment where there are many.
    pub fn blame(&mut self, name: &Name, rtype: RrType) -> Result<Blame, String> {
        let mut names = BTreeSet::from([name.to_lower()]);
        let changed = loop {
            match self.blamed(&names, name, rtype)? {
                Found::Changed(changed) => break changed,
                Found::Further(further) => names.extend(further),
            }
        };
        let told = |explanation: &Explanation| answer_told(explanation);
        let mut places = places_in(&changed.after, &changed.files);
        places.extend(changed.before.iter().flat_map(|before| places_in(before, &changed.files)));
        let place = places.iter().position(|place| place.line > 0).unwrap_or(0);
        let place = (!places.is_empty()).then(|| places.swap_remove(place));
        Ok(Blame {
            name: name.to_string(),
            rtype: rtype.to_string(),
            answer: told(&changed.after),
            before: changed.before.as_ref().map(told),
            entry: self.entry_of(changed.generation),
            place,
            files: changed.files.into_iter().take(MAX_TOLD).collect(),
        })
    }

    fn blamed(&mut self, names: &BTreeSet<Name>, name: &Name, rtype: RrType) -> Result<Found, String> {
        let (mut steps, mut manifest) = self.steps(names)?;
        let is_further = |further: &BTreeSet<Name>| !further.is_subset(names);
        let (mut after, further) = self.with_past(manifest.clone(), |past| explained(past, name, rtype));
        if is_further(&further) {
            return Ok(Found::Further(further));
        }
        let oldest = self.store.state.generations().first().map(|known| known.generation);
        let oldest = oldest.ok_or("nothing is remembered yet")?;
        while let Some(step) = steps.pop() {
            let newer = manifest.clone();
            manifest.apply(&step.undo);
            let (before, further) = self.with_past(manifest.clone(), |past| explained(past, name, rtype));
            if is_further(&further) {
                return Ok(Found::Further(further));
            }
            if answer_told(&before) != answer_told(&after) {
                let paths = step.intent.files.iter().map(|(path, _)| path);
                let files = self.files_told(Some(&manifest), &newer, paths);
                let generation = step.generation;
                return Ok(Found::Changed(Box::new(Changed {
                    generation,
                    after,
                    before: Some(before),
                    files,
                })));
            }
            after = before;
        }
        Ok(Found::Changed(Box::new(Changed { generation: oldest, after, before: None, files: Vec::new() })))
    }

    /// The generations that may have changed what is answered for some names, oldest first, and what is served now, as
    /// far as it can matter.
    fn steps(&self, names: &BTreeSet<Name>) -> Result<(Vec<Step>, Manifest), String> {
        let mut scope = Scope { names: names.clone(), accounts: None };
        let mut intents = Vec::new();
        let mut accounts: BTreeSet<AccountId> = BTreeSet::new();
        for intent in self.store.state.intents() {
            let mut intent = intent.map_err(|error| error.to_string())?;
            scope.narrow(&mut intent);
            let zones = intent.files.iter().filter(|(path, _)| matches!(path.kind(), Kind::Zone(_)));
            accounts.extend(zones.filter_map(|(path, _)| path.account()));
            intents.push(intent);
        }
        scope.accounts = Some(accounts);
        let mut manifest = Manifest::default();
        let mut steps = Vec::new();
        for (at, mut intent) in intents.into_iter().enumerate() {
            scope.narrow(&mut intent);
            let undo = manifest.undo(&intent);
            manifest.apply(&intent);
            let is_nothing = intent.files.is_empty()
                && intent.views.is_empty()
                && intent.faulty.is_none()
                && intent.immutable.is_empty();
            // The oldest is the beginning of what is known.
            if at > 0 && !is_nothing {
                steps.push(Step { generation: intent.generation, intent, undo });
            }
        }
        Ok((steps, manifest))
    }
}

/// What is answered, a record of the answer section a line, sorted; where there is none, why.
fn answer_told(explanation: &Explanation) -> Vec<String> {
    let Some(message) = explanation.message() else { return vec!["no answer".to_owned()] };
    let of = |section| message.section(section);
    let mut lines: Vec<String> = of(Section::Answer)
        .map(|record| {
            let data = rdata_text(record.rtype, &record.rdata);
            format!("{} {} {} {data}", record.owner, record.ttl, record.rtype)
        })
        .collect();
    lines.sort();
    let referral = of(Section::Authority).filter(|record| record.rtype == RrType::NS);
    let mut servers: Vec<String> =
        referral.map(|record| rdata_text(record.rtype, &record.rdata).to_string()).collect();
    servers.sort();
    match message.rcode() {
        Rcode::NOERROR if !lines.is_empty() => {}
        Rcode::NOERROR if !servers.is_empty() => lines.push(format!("referral to {}", servers.join(" "))),
        Rcode::NOERROR => lines.push("no data".to_owned()),
        rcode => lines.push(rcode.to_string()),
    }
    lines
}

/// The places on the way to an answer that are in one of these files, the last first: what decided last is nearest to the
/// answer.
fn places_in(explanation: &Explanation, files: &[FileTold]) -> Vec<Place> {
    let of_turn = |turn: &TurnTold| -> Vec<Place> {
        let chosen = turn.levels.iter().flat_map(|level| &level.maps).map(|(_, place)| place.clone());
        turn.place.iter().cloned().chain(chosen).collect()
    };
    let mut places: Vec<Place> = explanation.turns.iter().flat_map(of_turn).collect();
    places.retain(|place| files.iter().any(|told| told.file == *place.file));
    places.reverse();
    places
}
