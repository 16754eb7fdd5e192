//! Differences by reason, counted, the first of each kept.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Finding, Reason, Weight};
use crate::wire::{Name, RrType};

/// Most questions that are kept of each reason.
pub const KEPT: usize = 100;

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Questions that were asked.
    pub questions: u64,
    /// Answers that differ although nothing here means them to.
    pub differences: u64,
    /// Answers that differ because the name is proxied.
    pub expected: u64,
    /// Answers that say the same in another form.
    pub notes: u64,
    /// By reason.
    pub groups: Vec<Group>,
}

/// The questions whose answers differ for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The reason.
    pub reason: Reason,
    /// Whether it counts.
    pub weight: Weight,
    /// The reason in words.
    pub text: &'static str,
    /// How many there are.
    pub count: u64,
    /// The first of them, at most [`KEPT`].
    pub first: Vec<Differing>,
}

/// A question that is answered differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// The name, with its final dot.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub qtype: String,
    /// What the server answers.
    pub server: String,
    /// What the files say.
    pub files: String,
}

/// Gathers what is found, in any order.
#[derive(Debug, Default)]
pub struct Gathered {
    questions: u64,
    differences: u64,
    groups: BTreeMap<Reason, (u64, Vec<Differing>)>,
}

impl Gathered {
    /// One question was asked, and this was found.
    pub fn add(&mut self, name: &Name, qtype: RrType, found: Option<Finding>) {
        self.questions += 1;
        let Some(found) = found else { return };
        self.differences += u64::from(found.reason.weight() == Weight::Difference);
        let (count, first) = self.groups.entry(found.reason).or_default();
        *count += 1;
        if first.len() < KEPT {
            let Finding { server, files, .. } = found;
            first.push(Differing { name: name.to_string(), qtype: qtype.to_string(), server, files });
        }
    }

    /// Questions asked so far, and answers that differ.
    pub fn so_far(&self) -> (u64, u64) {
        (self.questions, self.differences)
    }

    /// The report: what counts first, then what is meant, then what is only told.
    pub fn report(self) -> Report {
        let group = |(reason, (count, mut first)): (Reason, (u64, Vec<Differing>))| {
            first.sort_by(|a, b| (&a.name, &a.qtype).cmp(&(&b.name, &b.qtype)));
            Group { reason, weight: reason.weight(), text: reason.text(), count, first }
        };
        let groups: Vec<Group> = self.groups.into_iter().map(group).collect();
        let sum =
            |weight| groups.iter().filter(|group| group.weight == weight).map(|group| group.count).sum();
        Report {
            questions: self.questions,
            differences: sum(Weight::Difference),
            expected: sum(Weight::Expected),
            notes: sum(Weight::Note),
            groups,
        }
    }
}
