//! How much of what is really asked a change concerns.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::said::{Said, write};
use crate::snapshot::Snapshot;
use crate::wire::reader::Message;
use crate::wire::{Name, RrType};

/// Most questions that are named.
const TOP: usize = 10;

/// Of the questions asked last, those that would be answered differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Questions that are known.
    pub asked: u64,
    /// Those of them that would be answered differently: another code, flag, record or TTL. The order of records does
    /// not count, nor does the SOA beside a negative answer.
    pub differing: u64,
    /// The questions behind most of them, at most ten, those asked most first.
    pub top: Vec<Busy>,
}

/// A question and how often it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Busy {
    /// The name, with its final dot.
    pub name: String,
    /// The type.
    pub qtype: String,
    /// How often it is among the questions.
    pub asked: u64,
}

/// Answers questions of class IN from both snapshots. Each is answered once, however often it is among them.
pub fn traffic(questions: &[(Name, RrType)], before: &Snapshot, after: &Snapshot) -> Traffic {
    let mut counts: HashMap<(&Name, RrType), u64> = HashMap::new();
    for (name, qtype) in questions {
        *counts.entry((name, *qtype)).or_default() += 1;
    }
    counts.retain(|(name, qtype), _| differs(name, *qtype, before, after));
    let differing = counts.values().sum();
    let mut top: Vec<_> = counts.into_iter().collect();
    top.sort_by(|(a, often), (b, oftener)| oftener.cmp(often).then_with(|| a.cmp(b)));
    let told = |((name, qtype), asked): ((&Name, RrType), u64)| Busy {
        name: name.to_string(),
        qtype: qtype.to_string(),
        asked,
    };
    Traffic { asked: questions.len() as u64, differing, top: top.into_iter().take(TOP).map(told).collect() }
}

fn differs(name: &Name, qtype: RrType, before: &Snapshot, after: &Snapshot) -> bool {
    let [before, after] = [before, after].map(|snapshot| write(snapshot, name, qtype, &mut ()));
    if before == after {
        return false;
    }
    let said = |bytes: &[u8]| Message::parse(bytes).map(|message| Said::by(&message).without_soa());
    said(&before) != said(&after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{ZONE, name, world};

    fn counted(changed: &str, questions: &[(&str, RrType)]) -> Traffic {
        let [before, after] = [ZONE, changed].map(|text| crate::compile::compile(&world(text), 1).snapshot);
        let questions: Vec<_> = questions.iter().map(|(text, qtype)| (name(text), *qtype)).collect();
        traffic(&questions, &before, &after)
    }

    #[test]
    fn only_what_is_answered_differently_counts_and_what_is_asked_most_comes_first() {
        let changed =
            ZONE.replace("192.0.2.1", "192.0.2.99").replace("SOA ns.invalid. h. 1 ", "SOA ns.invalid. h. 2 ");
        assert_ne!(changed, ZONE);
        let questions = [
            ("b.w.example.", RrType::A),
            ("plain.example.", RrType::A),
            ("a.w.example.", RrType::A),
            ("plain.example.", RrType::A),
            ("plain.example.", RrType::AAAA),
            ("none.example.", RrType::A),
            ("www.example.", RrType::A),
            ("example.", RrType::SOA),
            ("else.where.", RrType::A),
        ];
        let counted = counted(&changed, &questions);
        assert_eq!((counted.asked, counted.differing), (9, 3));
        let top: Vec<_> =
            counted.top.iter().map(|busy| (busy.name.as_str(), &*busy.qtype, busy.asked)).collect();
        assert_eq!(top, [("plain.example.", "A", 2), ("example.", "SOA", 1)]);
    }

    #[test]
    fn the_order_of_records_is_no_difference_and_their_ttl_is() {
        let two = "two 60 IN A 192.0.2.7\ntwo 60 IN A 192.0.2.8\n";
        let (one, other) = (format!("{ZONE}{two}"), "two 60 IN A 192.0.2.8\ntwo 60 IN A 192.0.2.7\n");
        let before = crate::compile::compile(&world(&one), 1).snapshot;
        for (text, differing) in [(other.to_owned(), 0), (other.replace("60", "61"), 1)] {
            let after = crate::compile::compile(&world(&format!("{ZONE}{text}")), 1).snapshot;
            assert_eq!(traffic(&[(name("two.example."), RrType::A)], &before, &after).differing, differing);
        }
    }

    #[test]
    fn what_is_asked_most_comes_first_whatever_its_name() {
        let names = ["a.w.example.", "plain.example.", "b.w.example.", "c.w.example."];
        let changed: String = "*.w 60 IN A 192.0.2.78\n".to_owned();
        for most in names {
            let questions: Vec<(&str, RrType)> =
                names.iter().chain([&most]).map(|name| (*name, RrType::A)).collect();
            let text = ZONE.replace("192.0.2.1", "192.0.2.99") + &changed;
            let counted = counted(&text, &questions);
            assert_eq!((counted.top[0].name.as_str(), counted.top[0].asked), (most, 2), "{:?}", counted.top);
        }
    }

    #[test]
    fn nothing_asked_is_nothing_told() {
        assert_eq!(counted("", &[]), Traffic::default());
    }
}
