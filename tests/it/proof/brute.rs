//! The verdict by asking everything and judging by plain rules.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portolan::answer::Settings;
use portolan::judge::proof::Proof;
use portolan::judge::proof::code;
use portolan::model::{
    AccountId, AddressMap, AddressSource, AssertionScope, Claim, LoadedZone, Member, Ownership, Service,
    Severity, World, ZoneContent,
};
use portolan::snapshot::{Fallback, Snapshot};
use portolan::wire::reader::Section;
use portolan::wire::{Name, Rcode, RrType};

use super::tamper;
use crate::oracle;
use crate::support::ask::{Ask, Reply};
use crate::support::name;
use crate::support::row::Rows;

/// What is broken.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Some answer is not what it must be.
    answers: bool,
    /// Some account falls back to something else than it must.
    fallbacks: bool,
    /// A zone is served that is not in the world.
    strangers: bool,
    two_zone_governors: bool,
    two_account_governors: bool,
    two_immutable: bool,
    immutable_unfit: bool,
    ineligible: bool,
    /// A map gives a shared address to an account that is never answered one.
    shared: bool,
    /// The assertions broken: code and place.
    claims: BTreeSet<(String, String)>,
}

impl Verdict {
    /// What a run must meet.
    pub(super) const KINDS: &[&str] = &[
        "broken: answers",
        "broken: fallbacks",
        "broken: strangers",
        "broken: two zone governors",
        "broken: two account governors",
        "broken: two immutable",
        "broken: immutable unfit",
        "broken: ineligible",
        "broken: shared",
        "broken: assert-answers-within",
        "broken: assert-never-answers-within",
        "broken: assert-family-required",
        "broken: assert-governed-by",
        "sound",
    ];

    /// The kinds of what is broken.
    pub(super) fn kinds(&self) -> Vec<String> {
        let flags = [
            (self.answers, "answers"),
            (self.fallbacks, "fallbacks"),
            (self.strangers, "strangers"),
            (self.two_zone_governors, "two zone governors"),
            (self.two_account_governors, "two account governors"),
            (self.two_immutable, "two immutable"),
            (self.immutable_unfit, "immutable unfit"),
            (self.ineligible, "ineligible"),
            (self.shared, "shared"),
        ];
        let flags = flags.iter().filter(|(is, _)| *is).map(|(_, kind)| (*kind).to_owned());
        let kinds: BTreeSet<String> = flags.chain(self.claims.iter().map(|(code, _)| code.clone())).collect();
        if kinds.is_empty() {
            return vec!["sound".to_owned()];
        }
        kinds.iter().map(|kind| format!("broken: {kind}")).collect()
    }

    /// Where answers are wrong, what they would break besides is not compared: it depends on which answer is taken. Nor
    /// are answers where a zone is served that is not in the world.
    pub(super) fn agrees_with(&self, other: &Verdict) -> bool {
        if self.strangers || other.strangers {
            return self.strangers == other.strangers;
        }
        if self.answers || other.answers {
            return self.answers == other.answers && self.fallbacks == other.fallbacks;
        }
        self == other
    }

    pub(super) fn of_proof(zones: &Proof, accounts: &Proof, strangers: &Proof) -> Verdict {
        let mut verdict = Verdict { strangers: strangers.report.broken > 0, ..Verdict::default() };
        for (_, found) in &zones.broken {
            match found.code {
                code::TWO_ZONE_GOVERNORS => verdict.two_zone_governors = true,
                code::INELIGIBLE_ADDRESS => verdict.ineligible = true,
                code::SHARED_ADDRESS if found.message.contains("of [anycast]") => verdict.shared = true,
                claim if claim.starts_with("assert-") => {
                    let place = found.message.rsplit_once('(').and_then(|(_, rest)| rest.split_once(')'));
                    let place = place.expect("the place of the assertion").0;
                    verdict.claims.insert((claim.to_owned(), place.to_owned()));
                }
                _ => verdict.answers = true,
            }
        }
        for (_, found) in accounts.broken.iter().filter(|(_, found)| found.severity == Severity::Error) {
            match found.code {
                code::TWO_ACCOUNT_GOVERNORS => verdict.two_account_governors = true,
                code::TWO_IMMUTABLE_GOVERNORS => verdict.two_immutable = true,
                code::IMMUTABLE_NOT_HONOURED if found.message.starts_with("immutable map") => {
                    verdict.immutable_unfit = true;
                }
                _ => verdict.fallbacks = true,
            }
        }
        verdict
    }

    pub(super) fn by_brute_force(world: &World, snapshot: &Snapshot) -> Verdict {
        let strangers = snapshot.zones.iter().any(|entry| {
            !world.zones.iter().any(|zone| *zone.origin.to_lower_wire() == *entry.zone.origin())
        });
        let mut verdict = Verdict { strangers, ..Verdict::default() };
        let names = names(world);
        verdict.answers = !verdict.strangers && names.iter().any(|name| is_wrong(world, snapshot, name));
        verdict.fallbacks = world.accounts.keys().any(|account| falls_wrong(world, snapshot, account));
        verdict.maps(world);
        let proxied = |zone: &&LoadedZone| {
            let of_zone = |name: &Name| {
                oracle::proxied_in(world, name).is_some_and(|holder| holder.origin == zone.origin)
            };
            names.iter().any(of_zone)
        };
        if !world.faulty_operator {
            for zone in world.zones.iter().filter(proxied) {
                verdict.zone(world, zone);
            }
        }
        verdict
    }

    /// Maps that contradict each other.
    fn maps(&mut self, world: &World) {
        let enabled = |map: &&std::sync::Arc<AddressMap>| map.enabled && !map.immutable;
        for zone in &world.zones {
            let naming = world.maps.iter().filter(enabled).filter(|map| map.account == zone.account);
            self.two_zone_governors |= naming.filter(|map| tamper::names(map, zone)).count() > 1;
        }
        for account in world.accounts.keys() {
            let own = || world.maps.iter().filter(|map| map.account == *account);
            let wide = |map: &&std::sync::Arc<AddressMap>| {
                map.memberships.iter().any(|membership| membership.member == Member::Account)
            };
            self.two_account_governors |= own().filter(enabled).filter(wide).count() > 1;
            self.two_immutable |= own().filter(|map| map.immutable).count() > 1;
        }
        self.immutable_unfit = world.maps.iter().any(|map| map.immutable && (!map.enabled || map.is_empty()));
    }

    /// What governs a zone with proxied names, and what is said of it.
    fn zone(&mut self, world: &World, zone: &LoadedZone) {
        let governor = governor(world, zone);
        let mut addresses = Vec::new();
        for family in [RrType::A, RrType::AAAA] {
            let rows = oracle::addresses_of(world, zone, family);
            addresses.extend(rows.iter().flatten().map(|row| address(&row.rdata)));
        }
        if let Some(map) = governor {
            self.ineligible |= addresses.iter().any(|address| !may_serve(world, map, *address));
            let settings = &world.accounts[&zone.account];
            let never = !settings.shared_addresses
                || world.maps.iter().any(|map| map.immutable && map.account == zone.account);
            let shared = |address: &IpAddr| {
                world.anycast.as_ref().is_some_and(|anycast| match address {
                    IpAddr::V4(ip) => anycast.ipv4.contains(ip),
                    IpAddr::V6(ip) => anycast.ipv6.contains(ip),
                })
            };
            self.shared |= never && addresses.iter().any(shared);
        }
        for assertion in &world.assertions {
            let is_about = match &assertion.scope {
                AssertionScope::Everything => true,
                AssertionScope::Account(account) => *account == zone.account,
                AssertionScope::Zone(origin) => *origin == zone.origin,
            };
            let (code, holds) = match &assertion.claim {
                Claim::AnswersWithin(nets) => (
                    "assert-answers-within",
                    addresses.iter().all(|address| nets.iter().any(|net| net.contains(address))),
                ),
                Claim::NeverAnswersWithin(nets) => (
                    "assert-never-answers-within",
                    !addresses.iter().any(|address| nets.iter().any(|net| net.contains(address))),
                ),
                Claim::FamilyRequired { ipv4, ipv6 } => (
                    "assert-family-required",
                    (!ipv4 || addresses.iter().any(IpAddr::is_ipv4))
                        && (!ipv6 || addresses.iter().any(IpAddr::is_ipv6)),
                ),
                Claim::GovernedBy(map) => {
                    ("assert-governed-by", governor.is_some_and(|governor| governor.id == *map))
                }
            };
            if is_about && !holds {
                self.claims.insert((code.to_owned(), assertion.place.to_string()));
            }
        }
    }
}

/// The map that governs a zone, in the order of the rules.
fn governor<'w>(world: &'w World, zone: &LoadedZone) -> Option<&'w AddressMap> {
    let own = || {
        let maps = world.maps.iter().map(|map| &**map);
        maps.filter(|map| map.account == zone.account && map.enabled && !map.is_empty())
    };
    let wide =
        |map: &&AddressMap| map.memberships.iter().any(|membership| membership.member == Member::Account);
    let ordinary = || own().filter(|map| !map.immutable);
    let by_zone = ordinary().find(|map| tamper::names(map, zone));
    by_zone.or_else(|| ordinary().find(wide)).or_else(|| own().find(|map| map.immutable))
}

/// The level that answers for a zone, if any does.
fn level(world: &World, zone: &LoadedZone) -> AddressSource {
    match governor(world, zone) {
        None => AddressSource::AnycastDefaults,
        Some(map) if map.immutable => AddressSource::ImmutableMap,
        Some(map) if tamper::names(map, zone) => AddressSource::ZoneMap,
        Some(_) => AddressSource::AccountMap,
    }
}

fn address(octets: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(octets) {
        Ok(octets) => octets.into(),
        Err(_) => <[u8; 16]>::try_from(octets).expect("an address").into(),
    }
}

/// Whether an address may serve in a map, by a look at the whole ledger.
fn may_serve(world: &World, map: &AddressMap, address: IpAddr) -> bool {
    let ledger = &world.ledger;
    if world.ownership != Ownership::Enforce || (ledger.prefixes.is_empty() && ledger.static_ips.is_empty()) {
        return true;
    }
    let mut leases = ledger.static_ips.iter().filter(|lease| lease.ips.contains(&address)).peekable();
    if leases.peek().is_some() {
        return leases.any(|lease| lease.account == map.account && lease.map == map.id);
    }
    ledger.prefixes.iter().filter(|prefix| prefix.cidr.contains(&address)).any(|prefix| {
        let delegated = prefix
            .delegations
            .iter()
            .any(|delegation| delegation.account == map.account && delegation.cidr.contains(&address));
        let mut bindings: Vec<_> =
            prefix.bindings.iter().filter(|binding| binding.cidr.contains(&address)).collect();
        bindings.sort_by_key(|binding| binding.cidr.prefix_len());
        (prefix.account == map.account || delegated)
            && prefix.approved
            && bindings.last().is_some_and(|binding| binding.service == Service::Cdn)
    })
}

/// Every owner and target in the zones, all above them, and a name below each.
fn names(world: &World) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for zone in &world.zones {
        names.insert(zone.origin.clone());
        let ZoneContent::Good(data) = &zone.content else { continue };
        for record in &data.records {
            let alias = matches!(record.rtype, RrType::CNAME | RrType::DNAME);
            let target = Name::from_wire(&record.rdata).ok().filter(|_| alias);
            for owner in [Some(record.owner.clone()), target].into_iter().flatten() {
                let mut above = Some(owner);
                while let Some(here) = above.filter(|here| here.is_at_or_below(&data.origin)) {
                    names.extend(here.child(b"zz").ok());
                    above = here.parent();
                    names.insert(here);
                }
            }
        }
    }
    names
}

/// Types whose answers bring addresses along.
const BRINGING: [RrType; 5] = [RrType::NS, RrType::MX, RrType::SRV, RrType::SVCB, RrType::HTTPS];

/// Whether anything that is asked of a name is answered wrongly.
fn is_wrong(world: &World, snapshot: &Snapshot, name: &Name) -> bool {
    let mut types = vec![RrType::A, RrType::AAAA, RrType::CNAME, RrType::ANY];
    let proxied = oracle::proxied_in(world, name);
    let further = oracle::types_at(world, name);
    types.extend(further.into_iter().filter(|rtype| proxied.is_some() || BRINGING.contains(rtype)));
    types.into_iter().filter(|rtype| *rtype != RrType::DS).any(|qtype| {
        let expected = oracle::expect(world, name, qtype);
        let reply = Ask::new(name.clone(), qtype).of(snapshot, &Settings::default()).expect("a reply");
        let rcode = Some(reply.message.rcode());
        if let (Some(zone), Some(source), true) = (proxied, reply.answered.source, qtype.is_address())
            && source != level(world, zone)
        {
            return true;
        }
        if rcode != expected.rcode || rcode == Some(Rcode::SERVFAIL) {
            return rcode != expected.rcode;
        }
        let of_ns =
            |rows: &Rows| -> Rows { rows.iter().filter(|row| row.rtype == RrType::NS).cloned().collect() };
        reply.rows(Section::Answer).expect("no record twice") != expected.answer
            || of_ns(&reply.rows(Section::Authority).expect("no record twice")) != of_ns(&expected.authority)
            || brings_wrong(world, name, qtype, &reply)
    })
}

/// Whether an answer brings addresses along that their owner does not have.
fn brings_wrong(world: &World, name: &Name, qtype: RrType, reply: &Reply) -> bool {
    let additional = reply.rows(Section::Additional).expect("no record twice");
    let Some(account) = oracle::zone_for(world, name, qtype).map(|zone| &zone.account) else { return false };
    let sets: BTreeSet<(Box<[u8]>, RrType)> =
        additional.iter().map(|row| (row.owner.clone(), row.rtype)).collect();
    sets.into_iter().any(|(owner, rtype)| {
        let rows: Rows =
            additional.iter().filter(|row| row.owner == owner && row.rtype == rtype).cloned().collect();
        let owner = Name::from_wire(&owner).expect("an owner");
        !oracle::true_addresses(world, account, &owner, rtype).contains(&rows)
    })
}

/// Whether an account's zones without a map of their own are answered from something else than they must be.
fn falls_wrong(world: &World, snapshot: &Snapshot, account: &AccountId) -> bool {
    let origin = name("nothing.names.this.");
    let zone = LoadedZone { origin, account: account.clone(), content: ZoneContent::Faulty };
    let faulty = world.faulty_accounts.contains(account);
    let wanted = [RrType::A, RrType::AAAA].map(|family| {
        let rows = oracle::addresses_of(world, &zone, family).filter(|_| !faulty);
        rows.map(|rows| rows.iter().map(|row| row.rdata.clone()).collect::<BTreeSet<_>>())
    });
    let mut entries = snapshot.accounts.iter().filter(|entry| entry.id == *account).peekable();
    entries.peek().is_some()
        && !entries.any(|entry| {
            let found = [RrType::A, RrType::AAAA].map(|family| match entry.fallback {
                Fallback::Nothing(_) => None,
                Fallback::Set(_, set) => {
                    let family = snapshot.sets.get(set).expect("a set").family(family);
                    let octets = family.bytes.chunks(family.stride).map(|record| record[12..].into());
                    Some(octets.collect::<BTreeSet<Box<[u8]>>>())
                }
            });
            found == wanted
        })
}
