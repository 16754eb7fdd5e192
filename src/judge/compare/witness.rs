//! The names that show what a zone answers, and the types to ask them for.

use std::collections::BTreeSet;

use crate::model::ZoneData;
use crate::wire::{Name, RrType};

/// Asked of every name, whether it is stored anywhere or not.
const ALWAYS: [RrType; 7] =
    [RrType::A, RrType::AAAA, RrType::CNAME, RrType::NS, RrType::SOA, RrType::MX, RrType::TXT];
/// The label of a name that nobody has, as far as the zone tells.
const NOBODY: &str = "portolan-compare";

/// Questions about a zone: every owner and every name between an owner and the apex, for the common types and all that
/// the zone stores anywhere; below each of these one name that does not exist, which shows wildcards, cuts and DNAMEs,
/// for the common types and those that a wildcard would give it.
pub fn questions(zone: &ZoneData) -> Vec<(Name, RrType)> {
    let mut names: BTreeSet<Name> = BTreeSet::from([zone.origin.to_lower()]);
    let mut stored = BTreeSet::from(ALWAYS);
    let mut by_wildcards: BTreeSet<(Name, RrType)> = BTreeSet::new();
    for record in &zone.records {
        let owner = record.owner.to_lower();
        stored.insert(record.rtype);
        if owner.is_wildcard() {
            by_wildcards.extend(owner.parent().map(|parent| (parent, record.rtype)));
        }
        let mut next = Some(owner);
        while let Some(name) = next.filter(|name| name.is_at_or_below(&zone.origin) && !names.contains(name))
        {
            next = name.parent();
            names.insert(name);
        }
    }
    let mut questions = Vec::with_capacity(names.len() * (stored.len() + ALWAYS.len()));
    for name in &names {
        questions.extend(stored.iter().map(|rtype| (name.clone(), *rtype)));
        let Some(child) = nobody_below(name, &names) else { continue };
        let given = by_wildcards.range((name.clone(), RrType(0))..).take_while(|(parent, _)| parent == name);
        let types: BTreeSet<RrType> = given.map(|(_, rtype)| *rtype).chain(ALWAYS).collect();
        questions.extend(types.into_iter().map(|rtype| (child.clone(), rtype)));
    }
    questions
}

/// The questions about a zone of which nothing is known but its name.
pub fn questions_of_apex(origin: &Name) -> Vec<(Name, RrType)> {
    ALWAYS.map(|rtype| (origin.to_lower(), rtype)).into()
}

/// A name below another that the zone does not hold; `None` where the name is too long to have any.
fn nobody_below(name: &Name, names: &BTreeSet<Name>) -> Option<Name> {
    let mut children = (0..).map_while(|number| {
        let label = if number == 0 { NOBODY.to_owned() } else { format!("{NOBODY}-{number}") };
        name.child(label.as_bytes()).ok()
    });
    children.find(|child| !names.contains(child))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{ZONE, data, name};

    fn asked(text: &str) -> BTreeSet<(String, String)> {
        let questions = questions(&data(text));
        let told: BTreeSet<_> =
            questions.iter().map(|(name, qtype)| (name.to_string(), qtype.to_string())).collect();
        assert_eq!(told.len(), questions.len(), "nothing is asked twice");
        told
    }

    #[test]
    fn owners_names_between_and_one_below_each_are_asked() {
        let asked = asked(ZONE);
        let has = |name: &str, qtype: &str| asked.contains(&(name.to_owned(), qtype.to_owned()));
        for name in
            ["example.", "www.example.", "*.w.example.", "w.example.", "er.example.", "ns.sub.example."]
        {
            for qtype in ["A", "AAAA", "CNAME", "NS", "SOA", "MX", "TXT", "SRV", "DNAME"] {
                assert!(has(name, qtype), "{name} {qtype}");
            }
            let child = format!("portolan-compare.{name}");
            assert!(has(&child, "A") && !has(&child, "DNAME"), "{child}");
        }
        assert!(has("portolan-compare.sub.example.", "NS") && has("portolan-compare.d.example.", "CNAME"));
        assert!(has("portolan-compare.w.example.", "SRV") && !has("portolan-compare.www.example.", "SRV"));
        assert!(!asked.iter().any(|(name, _)| !name.ends_with("example.")));
    }

    #[test]
    fn the_name_that_nobody_has_is_one_that_nobody_has() {
        let asked = asked(&format!("{ZONE}portolan-compare 60 IN A 192.0.2.3\n"));
        assert!(asked.contains(&("portolan-compare-1.example.".into(), "MX".into())));
        let long = format!("{0}.{0}.{0}.{1}.", "x".repeat(63), "y".repeat(55));
        assert_eq!(nobody_below(&name(&long), &BTreeSet::new()), None);
    }
}
