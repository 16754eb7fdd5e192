//! What operators and accounts say must always be so.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use ipnet::IpNet;

use super::code;
use super::expected::{Rules, Zone};
use crate::model::{AccountId, AddressSource, Assertion, AssertionScope, Claim, MapId};

/// The assertions by what they are about.
#[derive(Debug, Default)]
pub(super) struct Claims<'w> {
    everything: Vec<&'w Assertion>,
    accounts: HashMap<&'w AccountId, Vec<&'w Assertion>, RandomState>,
    /// By the place of the zone.
    zones: HashMap<u32, Vec<&'w Assertion>, RandomState>,
}

/// What the proxied names of a zone are answered, as far as assertions ask.
#[derive(Debug)]
pub(super) struct Answers<'a> {
    /// The map; none for the anycast defaults, and where nothing answers.
    pub(super) map: Option<&'a MapId>,
    /// The level; none where nothing answers.
    pub(super) source: Option<AddressSource>,
    /// All addresses.
    pub(super) addresses: &'a [IpAddr],
}

impl Answers<'_> {
    /// By whom they are given, in words.
    pub(super) fn given_by(&self) -> String {
        match (self.map, self.source) {
            (Some(map), _) => format!("map {map}"),
            (None, Some(_)) => "the anycast defaults".to_owned(),
            (None, None) => "nothing".to_owned(),
        }
    }
}

impl<'w> Claims<'w> {
    pub(super) fn new(rules: &Rules<'w>) -> Claims<'w> {
        let mut claims = Claims::default();
        for assertion in &rules.world.assertions {
            match &assertion.scope {
                AssertionScope::Everything => claims.everything.push(assertion),
                AssertionScope::Account(account) => {
                    claims.accounts.entry(account).or_default().push(assertion);
                }
                AssertionScope::Zone(origin) => {
                    // What an account says of a zone that became another's is nothing to that one.
                    let is_anothers = |place: u32| {
                        let account = &rules.world.zones[place as usize].account;
                        assertion.author.as_ref().is_some_and(|author| author != account)
                    };
                    if let Some(place) = rules.zone_at(origin).filter(|place| !is_anothers(*place)) {
                        claims.zones.entry(place).or_default().push(assertion);
                    }
                }
            }
        }
        claims
    }

    /// Whether nothing is said of any zone of the world.
    pub(super) fn is_empty(&self) -> bool {
        self.everything.is_empty() && self.accounts.is_empty() && self.zones.is_empty()
    }

    /// The assertions that are about a zone.
    pub(super) fn about(&self, zone: &Zone<'_, '_>) -> impl Iterator<Item = &'w Assertion> {
        let of_account = self.accounts.get(&zone.loaded.account).map(Vec::as_slice).unwrap_or_default();
        let of_zone = self.zones.get(&zone.place).map(Vec::as_slice).unwrap_or_default();
        self.everything.iter().chain(of_account).chain(of_zone).copied()
    }
}

/// The address that should not be answered, where an assertion is about addresses.
pub(super) fn address_at_fault(assertion: &Assertion, answers: &Answers<'_>) -> Option<IpAddr> {
    let within = |nets: &[IpNet], ip: &IpAddr| nets.iter().any(|net| net.contains(ip));
    let mut addresses = answers.addresses.iter().copied();
    match &assertion.claim {
        Claim::AnswersWithin(nets) => addresses.find(|ip| !within(nets, ip)),
        Claim::NeverAnswersWithin(nets) => addresses.find(|ip| within(nets, ip)),
        Claim::FamilyRequired { .. } | Claim::GovernedBy(_) => None,
    }
}

/// What of an assertion these answers break: the code, what is wrong, and the smallest change that mends it.
pub(super) fn objection(
    assertion: &Assertion,
    answers: &Answers<'_>,
) -> Option<(&'static str, String, String)> {
    let by = answers.given_by();
    match &assertion.claim {
        Claim::AnswersWithin(_) => {
            let outside = address_at_fault(assertion, answers)?;
            Some((
                code::ANSWERS_WITHIN,
                format!("{by} gives {outside}, which lies outside of all that answers_within allows"),
                format!("remove {outside} from {by}, or add a network that holds it to answers_within"),
            ))
        }
        Claim::NeverAnswersWithin(nets) => {
            let inside = address_at_fault(assertion, answers)?;
            let net = nets.iter().find(|net| net.contains(&inside))?;
            Some((
                code::NEVER_ANSWERS_WITHIN,
                format!("{by} gives {inside}, which lies in {net} of never_answers_within"),
                format!("remove {inside} from {by}, or {net} from never_answers_within"),
            ))
        }
        Claim::FamilyRequired { ipv4, ipv6 } => {
            let lacks = |wanted: bool, is: fn(&IpAddr) -> bool| wanted && !answers.addresses.iter().any(is);
            let family = match (lacks(*ipv4, IpAddr::is_ipv4), lacks(*ipv6, IpAddr::is_ipv6)) {
                (true, _) => "IPv4",
                (false, true) => "IPv6",
                (false, false) => return None,
            };
            let hint = match answers.source {
                Some(_) => format!("add an {family} address to {by}; for IPv6, see that ipv6 is not off"),
                None => "add the zone to an enabled map with an address of the family".to_owned(),
            };
            let what = match answers.source {
                Some(_) => format!("{by} gives no {family} address, which family_required asks for"),
                None => format!("no map gives an address, and family_required asks for {family}"),
            };
            Some((code::FAMILY_REQUIRED, what, hint))
        }
        Claim::GovernedBy(map) if answers.map == Some(map) => None,
        Claim::GovernedBy(map) => Some((
            code::GOVERNED_BY,
            format!("{by} governs, where governed_by says map {map}"),
            format!(
                "make the zone or its account a member of map {map} and enable it, or change governed_by"
            ),
        )),
    }
}
