//! What a question is answered: RFC 1034 section 4.3.2 with wildcards (RFC 4592), DNAME (RFC 6672) and proxied names.

use arrayvec::ArrayVec;

use super::locate::{Found, Located, relative};
use super::outcome::{End, Link, LinkKind, Outcome};
use super::trace::{Step, Trace};
use crate::model::AUTOMATIC_TTL;
use crate::snapshot::{AccountIndex, Node, Snapshot, ZoneEntry};
use crate::wire::edns::ExtendedError;
use crate::wire::{NameBuf, Question, Rcode, RrType};

/// Most aliases that are followed; a chain with more is answered SERVFAIL (semantics 4.11).
pub const MAX_LINKS: usize = 16;

const NOT_SERVED: ExtendedError = ExtendedError { code: ExtendedError::NOT_AUTHORITATIVE, text: "" };
const NO_TRANSFERS: ExtendedError =
    ExtendedError { code: ExtendedError::NOT_SUPPORTED, text: "no transfers" };
const ZONE_NOT_READY: ExtendedError =
    ExtendedError { code: ExtendedError::NOT_READY, text: "the zone was not accepted" };
const LONG_CHAIN: ExtendedError =
    ExtendedError { code: ExtendedError::OTHER, text: "more than 16 aliases in a row" };
const FLATTEN_OUTSIDE: ExtendedError = ExtendedError {
    code: ExtendedError::OTHER,
    text: "the apex CNAME leads to a name that is not served here",
};

/// Decides what a question of class IN is answered.
pub fn resolve<'s>(
    snapshot: &'s Snapshot,
    question: &Question<'_>,
    trace: &mut impl Trace<'s>,
) -> Outcome<'s> {
    let located = Located::of(snapshot, question.lower.as_wire(), question.qtype);
    let mut outcome = Outcome::code(snapshot, Rcode::NOERROR, None);
    resolve_located(question, located, trace, &mut outcome);
    outcome
}

/// [`resolve`] where it is known already where the name stands. `outcome` is as [`Outcome::code`] makes it; it is
/// filled in its place because it has room for all links.
pub(super) fn resolve_located<'s>(
    question: &Question<'_>,
    located: Option<Located<'s>>,
    trace: &mut impl Trace<'s>,
    outcome: &mut Outcome<'s>,
) {
    match question.qtype {
        RrType::AXFR | RrType::IXFR => return outcome.fail(Rcode::REFUSED, Some(NO_TRANSFERS)),
        RrType::MAILA | RrType::MAILB => return outcome.fail(Rcode::NOTIMP, None),
        _ => {}
    }
    let Some(Located { entry, node }) = located else {
        trace.step(|| Step::NoZone(question.lower.clone()));
        return outcome.fail(Rcode::REFUSED, Some(NOT_SERVED));
    };
    let mut walk = Walk {
        snapshot: outcome.snapshot,
        qname: question.lower.as_wire(),
        qtype: question.qtype,
        account: entry.account,
        outcome,
        seen: ArrayVec::new(),
        flattened: None,
        trace,
    };
    let mut next = walk.visit(entry, question.lower.as_wire(), node);
    loop {
        match next {
            Turn::Ends(rcode, end) => return walk.finish(rcode, end),
            Turn::Fails(error) => return walk.outcome.fail(Rcode::SERVFAIL, Some(error)),
            Turn::Leads => next = walk.follow(),
        }
    }
}

/// Where a name led.
enum Turn<'s> {
    /// An alias leads on, to the last of the names seen.
    Leads,
    /// SERVFAIL.
    Fails(ExtendedError),
    /// The end of the chain.
    Ends(Rcode, End<'s>),
}

struct Walk<'s, 'q, T> {
    snapshot: &'s Snapshot,
    qname: &'q [u8],
    qtype: RrType,
    /// Aliases are followed within one account only.
    account: AccountIndex,
    /// Takes the links on the way.
    outcome: &'q mut Outcome<'s>,
    /// The targets of the aliases followed, those behind a flattened one included.
    seen: ArrayVec<NameBuf, MAX_LINKS>,
    /// The CNAME that is being replaced by the addresses of its target.
    flattened: Option<Flattened<'s>>,
    trace: &'q mut T,
}

impl<'s, T: Trace<'s>> Walk<'s, '_, T> {
    /// An alias leads to `target`. Where the chain was there before, all there is to say has been said.
    fn lead(&mut self, target: NameBuf) -> Turn<'s> {
        let was_there = |name: &[u8]| name == target.as_wire();
        if was_there(self.qname) || self.seen.iter().any(|seen| was_there(seen.as_wire())) {
            self.trace.step(|| Step::Loop);
            return Turn::Ends(Rcode::NOERROR, End::Nothing);
        }
        self.seen.push(target);
        Turn::Leads
    }

    /// Goes to the target of an alias.
    fn follow(&mut self) -> Turn<'s> {
        let target = self.seen.last().expect("an alias led here").clone();
        let located = Located::of(self.snapshot, target.as_wire(), self.qtype);
        let Some(Located { entry, node }) = located else {
            self.trace.step(|| Step::NotHere);
            return Turn::Ends(Rcode::NOERROR, End::Nothing);
        };
        if entry.account != self.account {
            self.trace.step(|| Step::OtherAccount);
            return Turn::Ends(Rcode::NOERROR, End::Nothing);
        }
        self.visit(entry, target.as_wire(), node)
    }

    /// Looks at a name in its zone, where it has this node of its own.
    #[inline]
    fn visit(&mut self, entry: &'s ZoneEntry, name: &[u8], node: Option<Node<'s>>) -> Turn<'s> {
        let zone = &entry.zone;
        self.trace.step(|| Step::Zone(NameBuf::from_wire(name).expect("a name was looked up"), entry));
        if zone.is_faulty() {
            self.trace.step(|| Step::FaultyZone);
            return Turn::Fails(ZONE_NOT_READY);
        }
        let relative = relative(entry, name);
        match Found::of(zone, &self.snapshot.seed, relative, node) {
            Found::Exact(node) if node.is_cut() => {
                self.trace.step(|| Step::AtCut(node));
                // Only DS is the parent's at a cut (RFC 4035 section 3.1.4.1).
                if self.qtype == RrType::DS { self.stored(entry, node) } else { referral(entry, node) }
            }
            Found::Exact(node) => {
                let empty = node.is_empty_non_terminal();
                self.trace.step(|| if empty { Step::EmptyNonTerminal(node) } else { Step::Exact(node) });
                self.at(entry, node)
            }
            Found::Wildcard(node) => {
                self.trace.step(|| Step::Wildcard(node));
                self.outcome.wildcard = true;
                self.at(entry, node)
            }
            Found::Covered(node) if node.is_cut() => {
                self.trace.step(|| Step::BelowCut(node));
                referral(entry, node)
            }
            Found::Covered(node) => {
                self.trace.step(|| Step::BelowDname(node));
                self.redirect(entry, node, relative)
            }
            Found::Missing(encloser) => {
                self.trace.step(|| Step::Missing(encloser));
                Turn::Ends(Rcode::NXDOMAIN, End::Negative(entry, zone.negative_ttl()))
            }
        }
    }

    /// The name exists, itself or by a wildcard.
    #[inline]
    fn at(&mut self, entry: &'s ZoneEntry, node: Node<'s>) -> Turn<'s> {
        if node.is_proxied() {
            if self.qtype.is_address() {
                self.trace.step(|| Step::Proxied(entry));
                return self.mapped(entry);
            }
            self.trace.step(|| Step::ProxiedStored);
        }
        if self.qtype == RrType::ANY && !node.is_empty_non_terminal() {
            let cname = node.rrset(RrType::CNAME).filter(|_| !node.is_apex());
            return Turn::Ends(Rcode::NOERROR, cname.map_or(End::Hinfo, |cname| End::Rrset(entry, cname)));
        }
        if node.is_cname() {
            if node.is_flattened() && self.qtype.is_address() {
                return self.flatten(entry, node);
            }
            // At the apex the CNAME stands for addresses only and is never shown.
            if self.qtype != RrType::CNAME && !node.is_apex() {
                return self.alias(entry, node);
            }
            if node.is_apex() && self.qtype == RrType::CNAME {
                return no_data(entry, node);
            }
        }
        self.stored(entry, node)
    }

    #[inline]
    fn stored(&self, entry: &'s ZoneEntry, node: Node<'s>) -> Turn<'s> {
        match node.rrset(self.qtype) {
            Some(rrset) => Turn::Ends(Rcode::NOERROR, End::Rrset(entry, rrset)),
            None => no_data(entry, node),
        }
    }

    /// The addresses of the set that governs the zone, whole, or none: no other level is asked for a family.
    fn mapped(&mut self, entry: &'s ZoneEntry) -> Turn<'s> {
        let none = Turn::Ends(Rcode::NOERROR, End::Negative(entry, capped_ttl(entry)));
        if self.qtype == RrType::AAAA && !entry.ipv6 {
            self.trace.step(|| Step::Ipv6Off);
            return none;
        }
        match self.snapshot.governing(entry) {
            Err(error) => Turn::Fails(error),
            Ok(governing) if governing.set.family(self.qtype).is_empty() => none,
            Ok(governing) => {
                Turn::Ends(Rcode::NOERROR, End::Addresses(governing.set, governing.source, self.qtype))
            }
        }
    }

    /// Whether one more alias may be followed.
    fn may_follow(&mut self) -> bool {
        if self.seen.is_full() {
            self.trace.step(|| Step::TooManyLinks);
        }
        !self.seen.is_full()
    }

    fn push(&mut self, link: Link<'s>) {
        if self.flattened.is_none() {
            self.outcome.links.try_push(link).expect("no more links than were counted");
        }
    }

    fn alias(&mut self, entry: &'s ZoneEntry, node: Node<'s>) -> Turn<'s> {
        let Some(rrset) = node.rrset(RrType::CNAME) else { return no_data(entry, node) };
        if !self.may_follow() {
            return Turn::Fails(LONG_CHAIN);
        }
        self.push(Link { entry, rrset, kind: LinkKind::Cname });
        let target = entry.zone.target_of(rrset);
        self.trace.step(|| Step::Alias(target.clone()));
        self.lead(target)
    }

    fn flatten(&mut self, entry: &'s ZoneEntry, node: Node<'s>) -> Turn<'s> {
        let Some(rrset) = node.rrset(RrType::CNAME) else { return no_data(entry, node) };
        if !self.may_follow() {
            return Turn::Fails(LONG_CHAIN);
        }
        let target = entry.zone.target_of(rrset);
        self.trace.step(|| Step::Flatten(target.clone()));
        let link = Link { entry, rrset, kind: LinkKind::Cname };
        self.flattened.get_or_insert_with(|| Flattened { link, apex: node.is_apex() });
        self.lead(target)
    }

    /// Below a DNAME: the labels in front of its owner go in front of its target (RFC 6672 section 2.2).
    fn redirect(&mut self, entry: &'s ZoneEntry, node: Node<'s>, relative: &[u8]) -> Turn<'s> {
        let Some(rrset) = node.rrset(RrType::DNAME) else { return no_data(entry, node) };
        if !self.may_follow() {
            return Turn::Fails(LONG_CHAIN);
        }
        let owner_len = node.relative_name().len() + entry.zone.origin().len();
        let prefix = &relative[..relative.len() - node.relative_name().len()];
        let Ok(target) = NameBuf::concat(prefix, rrset.first_rdata()) else {
            self.trace.step(|| Step::NameTooLong);
            self.push(Link { entry, rrset, kind: LinkKind::Overflow(owner_len) });
            return Turn::Ends(Rcode::YXDOMAIN, End::Nothing);
        };
        self.push(Link { entry, rrset, kind: LinkKind::Dname(owner_len) });
        // The CNAME that the DNAME makes is itself what was asked for.
        if self.qtype == RrType::CNAME {
            return Turn::Ends(Rcode::NOERROR, End::Nothing);
        }
        let target = target.to_lower();
        self.trace.step(|| Step::Alias(target.clone()));
        self.lead(target)
    }

    fn finish(&mut self, rcode: Rcode, end: End<'s>) {
        let outcome = &mut *self.outcome;
        (outcome.rcode, outcome.end) = match self.flattened {
            None => (rcode, end),
            Some(Flattened { link, apex }) => match end {
                End::Rrset(_, rrset) => (rcode, End::Flattened(rrset)),
                End::Negative(..) => (Rcode::NOERROR, End::Negative(link.entry, capped_ttl(link.entry))),
                End::Addresses(..) => (rcode, end),
                _ if apex => return outcome.fail(Rcode::SERVFAIL, Some(FLATTEN_OUTSIDE)),
                // What cannot be flattened here is left to the resolver.
                _ => {
                    outcome.links.try_push(link).expect("no more links than were counted");
                    (Rcode::NOERROR, End::Nothing)
                }
            },
        };
        outcome.authoritative = !(outcome.links.is_empty() && matches!(end, End::Referral(..)));
    }
}

/// A CNAME that is being flattened.
#[derive(Clone, Copy)]
struct Flattened<'s> {
    link: Link<'s>,
    apex: bool,
}

fn referral<'s>(entry: &'s ZoneEntry, cut: Node<'s>) -> Turn<'s> {
    Turn::Ends(Rcode::NOERROR, End::Referral(entry, cut))
}

/// NODATA; at a proxied name with the TTL that a family added later is waited for (semantics 3.9).
fn no_data<'s>(entry: &'s ZoneEntry, node: Node<'s>) -> Turn<'s> {
    let ttl = if node.is_proxied() { capped_ttl(entry) } else { entry.zone.negative_ttl() };
    Turn::Ends(Rcode::NOERROR, End::Negative(entry, ttl))
}

fn capped_ttl(entry: &ZoneEntry) -> u32 {
    entry.zone.negative_ttl().min(AUTOMATIC_TTL)
}
