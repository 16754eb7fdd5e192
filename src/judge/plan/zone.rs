//! One zone, before and afterwards: which of its names are answered otherwise.

use std::collections::BTreeSet;

use super::asking::{Asker, Both, same_rrset};
use super::governed::{self, Effect};
use super::told::{AnswerPlan, Governed, NamePlan, What, Why, ZonePlan};
use crate::snapshot::{Node, Snapshot, ZoneEntry};
use crate::wire::{Name, NameBuf, RrType};

/// Types that every name is asked by.
pub(super) const TYPES: [RrType; 4] = [RrType::A, RrType::AAAA, RrType::CNAME, RrType::TXT];
/// Most names of a zone that are looked at again for what would become public.
const MAX_EXPOSED: usize = 100;

/// A zone of both.
pub(super) struct Pair<'s> {
    both: Both<'s>,
    pub(super) origin: Name,
    pub(super) was: Option<&'s ZoneEntry>,
    pub(super) is: Option<&'s ZoneEntry>,
    /// A zone below it came or went, so that another zone answers for some of its names.
    reshaped: bool,
}

/// A name with its nodes: those that own something.
struct Owner<'s> {
    name: NameBuf,
    was: Option<Node<'s>>,
    is: Option<Node<'s>>,
}

impl<'s> Pair<'s> {
    pub(super) fn of(both: Both<'s>, origin: &Name, reshaped: bool) -> Pair<'s> {
        let lower = origin.to_lower_wire();
        let entry = |snapshot: &'s Snapshot| snapshot.zones.get(&snapshot.seed, &lower);
        let (was, is) = (entry(both.before), entry(both.after));
        Pair { both, origin: origin.clone(), was, is, reshaped }
    }

    /// Whether both have it, with the same data in the same account.
    fn is_same(&self) -> bool {
        let same = |(was, is): (&ZoneEntry, &ZoneEntry)| was.zone == is.zone;
        self.was.zip(self.is).is_some_and(same) && !self.has_moved()
    }

    /// Whether it went from one account to another.
    pub(super) fn has_moved(&self) -> bool {
        let account = |snapshot: &Snapshot, entry: &ZoneEntry| {
            snapshot.accounts.get(entry.account).map(|account| account.id.clone())
        };
        let moved = |(was, is)| account(self.both.before, was) != account(self.both.after, is);
        self.was.zip(self.is).is_some_and(moved)
    }

    /// Whether nothing but this zone answers for its names, before and afterwards.
    fn stands_alone(&self) -> bool {
        let lower = self.origin.to_lower_wire();
        let above = |snapshot: &Snapshot| snapshot.zones.closest(&snapshot.seed, &lower, 1).is_some();
        !above(self.both.before) && !above(self.both.after)
    }

    /// All types stored in it, without the SOA, whose serial changes with every edit.
    pub(super) fn types(&self) -> BTreeSet<RrType> {
        let mut types = BTreeSet::from(TYPES);
        for entry in [self.was, self.is].into_iter().flatten() {
            for node in entry.zone.nodes() {
                types.extend(node.rrsets().map(|(rtype, _)| rtype));
            }
        }
        types.remove(&RrType::SOA);
        types
    }

    fn owners(&self) -> impl Iterator<Item = Owner<'s>> + '_ {
        let nodes = |entry: Option<&'s ZoneEntry>| {
            entry
                .into_iter()
                .flat_map(|entry| entry.zone.nodes())
                .filter(|node| !node.is_empty_non_terminal())
        };
        let now = nodes(self.is).map(|node| {
            let was = self.find(self.both.before, self.was, node);
            Owner { name: self.name(node), was, is: Some(node) }
        });
        let gone = nodes(self.was).filter(|node| self.find(self.both.after, self.is, *node).is_none());
        now.chain(gone.map(|node| Owner { name: self.name(node), was: Some(node), is: None }))
    }

    /// The node of the same name in the other one.
    fn find(&self, snapshot: &'s Snapshot, entry: Option<&'s ZoneEntry>, node: Node<'_>) -> Option<Node<'s>> {
        let found = entry?.zone.find(&snapshot.seed, node.relative_name())?;
        (!found.is_empty_non_terminal()).then_some(found)
    }

    /// The name of a node, in lower case.
    pub(super) fn name(&self, node: Node<'_>) -> NameBuf {
        let name = NameBuf::concat(node.relative_name(), self.origin.as_wire());
        name.expect("a name of a zone is no longer than names are").to_lower()
    }
}

/// What was found of a zone.
pub(super) struct Draft {
    pub(super) plan: ZonePlan,
    /// The first of its names that are answered otherwise.
    kept: Vec<(Name, What, Why)>,
    /// How many are kept.
    keep: usize,
    /// The types that its names are asked by.
    types: BTreeSet<RrType>,
    origin: Name,
    /// The names that stop being proxied; of many the first ones.
    pub(super) exposed: BTreeSet<Name>,
    why: BTreeSet<Why>,
}

impl Draft {
    fn new(pair: &Pair<'_>, keep: usize) -> Draft {
        let both = pair.both;
        let proxied = |entry: Option<&ZoneEntry>| entry.map_or(0, |entry| entry.zone.proxied().into());
        let plan = ZonePlan {
            zone: pair.origin.to_string(),
            was: pair.was.map(|entry| Governed::of(both.before, entry)),
            is: pair.is.map(|entry| Governed::of(both.after, entry)),
            names_before: pair.was.map_or(0, |entry| entry.zone.names().into()),
            proxied_before: proxied(pair.was),
            proxied_after: proxied(pair.is),
            ..ZonePlan::default()
        };
        let (exposed, why) = (BTreeSet::new(), BTreeSet::new());
        let origin = pair.origin.clone();
        Draft { plan, kept: Vec::new(), keep, types: BTreeSet::new(), origin, exposed, why }
    }

    /// Compares a zone that came, went or changed.
    pub(super) fn of_changed(pair: &Pair<'_>, asker: &mut Asker<'_>, keep: usize) -> Draft {
        let mut draft = Draft::new(pair, keep);
        let effect = draft.effect(pair);
        if let Some(effect) = effect.filter(|_| draft.plan.proxied_before.min(draft.plan.proxied_after) > 0) {
            (draft.plan.loses_ipv4, draft.plan.loses_ipv6) = (effect.loses_ipv4, effect.loses_ipv6);
        }
        match (pair.was, pair.is) {
            (None, None) => {}
            (None, Some(_)) => drop(draft.why.insert(Why::ZoneAdded)),
            (Some(_), None) => drop(draft.why.insert(Why::ZoneRemoved)),
            _ if pair.has_moved() => drop(draft.why.insert(Why::OtherAccount)),
            _ => {}
        }
        draft.types = pair.types();
        if pair.is_same() && !pair.reshaped {
            draft.count_governed(pair, effect, asker);
        } else if pair.was.is_none() != pair.is.is_none() && pair.stands_alone() {
            draft.count_whole(pair);
        } else {
            draft.compare(pair, effect, asker);
        }
        draft
    }

    /// Compares those names of a zone that is what it was that are aliases, or that another zone answers for.
    pub(super) fn of_others(
        pair: &Pair<'_>,
        asker: &mut Asker<'_>,
        types: &BTreeSet<RrType>,
        keep: usize,
    ) -> Draft {
        let mut draft = Draft::new(pair, keep);
        draft.types = types.clone();
        for owner in pair.owners() {
            let moved = pair.reshaped && pair.both.is_moved(&owner.name);
            if moved || is_alias(owner.was) || is_alias(owner.is) {
                draft.ask(owner, asker, |_| if moved { Why::ZoneBelow } else { Why::AliasTarget });
            }
        }
        draft
    }

    /// What it means for its proxied names that what governs it is another.
    fn effect(&self, pair: &Pair<'_>) -> Option<Effect> {
        let (was, is) = pair.was.zip(pair.is)?;
        Effect::of((self.plan.was.as_ref()?, was.ipv6), (self.plan.is.as_ref()?, is.ipv6))
    }

    /// Why its proxied names are answered otherwise.
    fn governor(&self, pair: &Pair<'_>) -> Why {
        let entries = pair.was.zip(pair.is);
        let governed = self.plan.was.as_ref().zip(self.plan.is.as_ref());
        entries.zip(governed).map_or(Why::Governor, |((was, is), (by, now_by))| {
            governed::why((by, was.ipv6), (now_by, is.ipv6))
        })
    }

    /// The zone is the same, what governs it is not: its proxied names are counted without a look at each.
    fn count_governed(&mut self, pair: &Pair<'_>, effect: Option<Effect>, asker: &mut Asker<'_>) {
        let why = self.governor(pair);
        let effect = effect.filter(Effect::is_of_data);
        for owner in pair.owners() {
            let proxied = owner.is.is_some_and(Node::is_proxied);
            match effect.filter(|_| proxied) {
                Some(effect) => self.note(owner.name.to_name(), effect.what(), why),
                None if is_alias(owner.is) => self.ask(owner, asker, |_| Why::AliasTarget),
                None => {}
            }
        }
    }

    /// The zone came or went, and no other answers for its names.
    fn count_whole(&mut self, pair: &Pair<'_>) {
        let (what, why) = match pair.is {
            Some(_) => (What::New, Why::ZoneAdded),
            None => (What::Gone, Why::ZoneRemoved),
        };
        if self.keep == 0 {
            let names = pair.was.or(pair.is).map_or(0, |entry| entry.zone.names().into());
            *self.count(what) += names;
            return;
        }
        for owner in pair.owners() {
            self.note(owner.name.to_name(), what, why);
        }
    }

    /// Looks at every name.
    fn compare(&mut self, pair: &Pair<'_>, effect: Option<Effect>, asker: &mut Asker<'_>) {
        let governor = self.governor(pair);
        for owner in pair.owners() {
            let moved = pair.reshaped && pair.both.is_moved(&owner.name);
            let nodes = owner.was.zip(owner.is);
            let proxied = owner.is.is_some_and(Node::is_proxied);
            let governed_alike = !proxied || effect.is_none();
            if !moved && governed_alike && nodes.is_some_and(|(was, is)| answers_as(was, is)) {
                continue;
            }
            let why = |exposed: bool| match nodes {
                _ if moved => Why::ZoneBelow,
                _ if exposed => Why::Unproxied,
                _ if pair.was.is_none() => Why::ZoneAdded,
                _ if pair.is.is_none() => Why::ZoneRemoved,
                Some((was, is)) if holds_as(was, is) => match () {
                    () if proxied && effect.is_some() => governor,
                    () if pair.has_moved() => Why::OtherAccount,
                    () if is_alias(Some(is)) => Why::AliasTarget,
                    () => Why::ZoneData,
                },
                _ => Why::ZoneData,
            };
            self.ask(owner, asker, why);
        }
    }

    /// Asks for a name by all types.
    fn ask(&mut self, owner: Owner<'_>, asker: &mut Asker<'_>, why: impl FnOnce(bool) -> Why) {
        let (mut had, mut has, mut differs, mut extends) = (false, false, false, true);
        let name = owner.name.to_name();
        for rtype in self.types_of(&name) {
            let asked = asker.ask(&owner.name, rtype);
            had |= asked.had;
            has |= asked.has;
            if let Some([was, is]) = asked.differs {
                differs = true;
                extends &= is.extends(&was);
            }
        }
        if !differs || !had && !has {
            return;
        }
        let what = match (had, has) {
            (false, _) => What::New,
            (true, false) => What::Gone,
            (true, true) if extends => What::Extended,
            (true, true) => What::Changed,
        };
        let was_proxied = owner.was.is_some_and(Node::is_proxied);
        let exposed = was_proxied && asker.exposed(&owner.name).is_some();
        if exposed {
            self.plan.names_unproxied += 1;
            self.why.insert(Why::Unproxied);
            self.exposed.insert(name.clone());
            if self.exposed.len() > MAX_EXPOSED {
                self.exposed.pop_last();
            }
        }
        self.note(name, what, why(exposed));
    }

    /// The types that a name is asked by. The DS of the apex is the parent's, and told there.
    fn types_of(&self, name: &Name) -> Vec<RrType> {
        let apex = *name == self.origin;
        self.types.iter().copied().filter(|rtype| !(apex && *rtype == RrType::DS)).collect()
    }

    fn count(&mut self, what: What) -> &mut u64 {
        match what {
            What::New => &mut self.plan.names_new,
            What::Gone => &mut self.plan.names_gone,
            What::Changed => &mut self.plan.names_changed,
            What::Extended => &mut self.plan.names_extended,
        }
    }

    /// A name is answered otherwise.
    fn note(&mut self, name: Name, what: What, why: Why) {
        *self.count(what) += 1;
        self.why.insert(why);
        if self.keep == 0 {
            return;
        }
        self.kept.push((name, what, why));
        if self.kept.len() > 2 * self.keep {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.kept.sort();
        self.kept.truncate(self.keep);
    }

    /// Names answered otherwise, in any way.
    pub(super) fn otherwise(&self) -> u64 {
        let plan = &self.plan;
        plan.names_new + plan.names_gone + plan.names_changed + plan.names_extended
    }

    /// The whole, with what is answered for the first names; `room` is what is left for names of this and of others.
    pub(super) fn finish(mut self, asker: &mut Asker<'_>, room: &mut usize) -> ZonePlan {
        self.settle();
        self.kept.truncate(*room);
        *room -= self.kept.len();
        self.plan.names_left_out = self.otherwise() - self.kept.len() as u64;
        self.plan.why = std::mem::take(&mut self.why).into_iter().collect();
        for (name, what, why) in std::mem::take(&mut self.kept) {
            let lower = NameBuf::lower_of(&name);
            let mut answers = Vec::new();
            for rtype in self.types_of(&name) {
                let Some([was, is]) = asker.ask(&lower, rtype).differs else { continue };
                let (was, is) = (was.told_beside(&is), is.told_beside(&was));
                answers.push(AnswerPlan { rtype: rtype.to_string(), was, is });
            }
            self.plan.names.push(NamePlan { name: name.to_string(), what, why, answers });
        }
        self.plan
    }
}

/// Whether a name is answered as another one.
fn is_alias(node: Option<Node<'_>>) -> bool {
    node.is_some_and(|node| node.is_cname() || node.covered_by().is_some_and(Node::is_dname))
}

/// Whether two nodes of one name are answered alike whatever else is there, but for what governs proxied names.
fn answers_as(was: Node<'_>, is: Node<'_>) -> bool {
    let covered = was.covered_by().is_some() || is.covered_by().is_some();
    let same = |((a, was), (b, is))| a == b && (a == RrType::SOA || same_rrset(was, is));
    !covered && !was.is_cname() && same_kind(was, is) && was.rrsets().zip(is.rrsets()).all(same)
}

/// Whether two nodes of one name hold the same records.
fn holds_as(was: Node<'_>, is: Node<'_>) -> bool {
    same_kind(was, is)
        && was
            .rrsets()
            .zip(is.rrsets())
            .all(|((a, was), (b, is))| a == b && (a == RrType::SOA || was.bytes() == is.bytes()))
}

fn same_kind(was: Node<'_>, is: Node<'_>) -> bool {
    let kind = |node: Node<'_>| {
        let flags = [node.is_proxied(), node.is_cut(), node.is_dname(), node.is_cname(), node.is_flattened()];
        (flags, node.covered_by().is_some(), node.rrsets().count())
    };
    kind(was) == kind(is)
}
