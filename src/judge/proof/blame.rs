//! Which property an unexpected answer breaks, and where it is to be mended.

use std::rc::Rc;

use super::agreement::{is_map_of, octets, of, target};
use super::code;
use super::expected::{End as Wanted, Expected, Governor, Located, Zone};
use super::zone::{Pass, address, membership};
use crate::answer::{End, Outcome, Step, resolve};
use crate::model::{AddressSource, Diagnostic, Member, Place, Record, Unit};
use crate::snapshot::{AddressSet, Rrset, Snapshot};
use crate::wire::{NameBuf, Question, Rcode, RrType};

/// What is to be done where what is served is not what the files say.
pub(super) const NOT_OF_THESE_FILES: &str =
    "what is served was not made from these files: let them be read again; nothing is to be written";
/// Most addresses that are shown.
const SHOWN: usize = 3;

/// The property that an answer breaks.
pub(super) fn disagreement<'r, 'w, 's>(
    pass: &Pass<'r, 'w, 's>,
    zone: &Rc<Zone<'r, 'w>>,
    name: &NameBuf,
    located: Located<'w>,
    expected: &Expected<'r, 'w>,
    outcome: &Outcome<'s>,
    qtype: RrType,
) -> (Unit, Diagnostic) {
    if let Some((holder, record)) = leaked(pass, zone, name, outcome) {
        return leak(&holder, name, qtype, record);
    }
    let mut steps: Vec<Step<'s>> = Vec::new();
    resolve(pass.snapshot, &Question::new(name, qtype), &mut steps);
    let unserved = steps.iter().any(|step| matches!(step, Step::NoZone(_) | Step::FaultyZone));
    let proxied_in = steps.iter().find_map(|step| match step {
        Step::Proxied(entry) => Some(*entry),
        _ => None,
    });
    let at_end = expected.zone.as_ref().unwrap_or(zone);
    let message = format!(
        "{name} {qtype} is answered {} instead of {}",
        answered(outcome),
        wanted(expected, at_end, qtype)
    );
    let wrong_record = |code| {
        let found = Diagnostic::error(code, record_place(zone, located), message.clone());
        (zone_unit(zone), found.hint(NOT_OF_THESE_FILES))
    };
    match (expected.mapped, proxied_in) {
        (true, None) if !unserved => wrong_record(code::NOT_PROXIED),
        (false, Some(_)) => wrong_record(code::WRONGLY_PROXIED),
        (true, Some(entry)) => {
            let actual = pass.snapshot.governing(entry).ok();
            let code = level_code(at_end, actual.map(|actual| (actual.set, actual.source)), outcome);
            // Numbers of names are those of one zone.
            let there = if at_end.place == zone.place { located } else { Located::Here(0) };
            let (unit, place) = governor_place(pass, at_end, there);
            (unit, Diagnostic::error(code, place, message).hint(NOT_OF_THESE_FILES))
        }
        _ => wrong_record(code::WRONG_ANSWER),
    }
}

/// What is wrong about the addresses of a proxied name.
pub(super) fn level_code(
    zone: &Zone<'_, '_>,
    actual: Option<(&AddressSet, AddressSource)>,
    outcome: &Outcome<'_>,
) -> &'static str {
    let is_shared = actual.is_some_and(|(_, source)| source == AddressSource::AnycastDefaults);
    let same = match actual {
        Some((set, source)) => zone.governor.source() == Some(source) && is_map_of(zone.governor, set),
        None => zone.governor.source().is_none(),
    };
    if is_shared && zone.account.never_shared() && matches!(outcome.end, End::Addresses(..)) {
        code::SHARED_ADDRESS
    } else if zone.governor.source() == Some(AddressSource::ImmutableMap) {
        code::IMMUTABLE_NOT_HONOURED
    } else if same {
        code::WRONG_ADDRESSES
    } else {
        code::WRONG_LEVEL
    }
}

/// Stored content of a proxied name.
pub(super) fn leak(
    holder: &Zone<'_, '_>,
    name: &NameBuf,
    qtype: RrType,
    record: &Record,
) -> (Unit, Diagnostic) {
    let message =
        format!("{name} {qtype} shows the stored {} of {}, which is proxied", record.rtype, record.owner);
    let place = place_of(holder, record);
    let found = Diagnostic::error(code::STORED_CONTENT, place, message);
    (zone_unit(holder), found.hint(NOT_OF_THESE_FILES))
}

/// The record of a proxied name whose content stands in the answer section.
fn leaked<'r, 'w>(
    pass: &Pass<'r, 'w, '_>,
    zone: &Rc<Zone<'r, 'w>>,
    name: &NameBuf,
    outcome: &Outcome<'_>,
) -> Option<(Rc<Zone<'r, 'w>>, &'w Record)> {
    let mut owner = name.clone();
    for link in &outcome.links {
        if let Some(found) = shown_at(pass, zone, owner.as_wire(), link.rrset) {
            return Some(found);
        }
        owner = target(link.entry, link.rrset)?;
    }
    match outcome.end {
        End::Rrset(_, rrset) => shown_at(pass, zone, owner.as_wire(), rrset),
        End::Flattened(rrset) => {
            // The names passed on the way are not in the answer: the records tell them.
            let mut name = owner.as_wire().to_vec();
            for _ in 0..=crate::answer::MAX_LINKS {
                if let Some(found) = shown_at(pass, zone, &name, rrset) {
                    return Some(found);
                }
                let holder = pass.zones.holding(&name, zone)?;
                let number = stands(&holder, &name)?;
                name = holder.reading.as_ref()?.cname(number)?.rdata.to_ascii_lowercase();
            }
            None
        }
        _ => None,
    }
}

/// The record of a proxied name whose type stands in an RRset shown for it.
fn shown_at<'r, 'w>(
    pass: &Pass<'r, 'w, '_>,
    zone: &Rc<Zone<'r, 'w>>,
    owner: &[u8],
    rrset: Rrset<'_>,
) -> Option<(Rc<Zone<'r, 'w>>, &'w Record)> {
    let holder = pass.zones.holding(owner, zone)?;
    let number = stands(&holder, owner)?;
    let reading = holder.reading.as_ref()?;
    if !reading.is_proxied(number) {
        return None;
    }
    let can_leak = |rtype: RrType| rtype.is_address() || rtype == RrType::CNAME;
    let (shown, _) = of(rrset).find(|(rtype, _)| can_leak(*rtype))?;
    let record = reading.records(number).find(|record| record.rtype == shown)?;
    Some((holder.clone(), record))
}

/// The name that answers for another one: itself, or a wildcard.
fn stands(zone: &Zone<'_, '_>, name: &[u8]) -> Option<u32> {
    match zone.reading.as_ref()?.locate(name) {
        Located::Here(number) | Located::Wildcard(number) => Some(number),
        _ => None,
    }
}

/// The unit whose zone it is.
pub(super) fn zone_unit(zone: &Zone<'_, '_>) -> Unit {
    match zone.loaded.account.is_default() {
        true => Unit::Zone(zone.loaded.origin.clone()),
        false => Unit::Account(zone.loaded.account.clone()),
    }
}

pub(super) fn place_of(zone: &Zone<'_, '_>, record: &Record) -> Place {
    zone.reading.as_ref().map_or_else(|| unnamed(zone), |reading| reading.data.place(record))
}

/// A zone without a file of its own that could be named.
fn unnamed(zone: &Zone<'_, '_>) -> Place {
    Place::file(&zone.loaded.origin.to_string().into())
}

/// Where the records of a name stand, or the zone's first one.
fn record_place(zone: &Zone<'_, '_>, located: Located<'_>) -> Place {
    let Some(reading) = &zone.reading else { return unnamed(zone) };
    let number = match located {
        Located::Here(number) | Located::Wildcard(number) => number,
        Located::Cut(number) | Located::Redirected(number, _) => number,
        Located::Missing => 0,
    };
    let tagged = reading.records(number).find(|record| record.is_proxied());
    let record = tagged.or_else(|| reading.records(number).next());
    record.map_or_else(|| unnamed(zone), |record| reading.data.place(record))
}

/// Where what must govern is written, and whose that is.
pub(super) fn governor_place(
    pass: &Pass<'_, '_, '_>,
    zone: &Zone<'_, '_>,
    located: Located<'_>,
) -> (Unit, Place) {
    match zone.governor {
        Governor::Map(source, map) => {
            let place = match source {
                AddressSource::ZoneMap => membership(map, zone),
                AddressSource::AccountMap => {
                    let mut members = map.memberships.iter();
                    let own = members.find(|membership| membership.member == Member::Account);
                    own.map_or_else(|| map.place.clone(), |membership| membership.place.clone())
                }
                _ => map.place.clone(),
            };
            (Unit::Account(map.account.clone()), place)
        }
        Governor::Anycast(anycast) => (Unit::Operator, anycast.place.clone()),
        Governor::Nothing => {
            let settings = pass.prover.rules.world.accounts.get(&zone.loaded.account);
            let written = settings.and_then(|settings| settings.place.clone());
            (zone_unit(zone), written.unwrap_or_else(|| record_place(zone, located)))
        }
    }
}

/// An answer in words.
fn answered(outcome: &Outcome<'_>) -> String {
    match outcome.end {
        End::Addresses(set, source, family) => {
            let addresses = octets(set.family(family)).filter_map(address);
            let shown: Vec<String> = addresses.take(SHOWN).map(|address| address.to_string()).collect();
            let by = match &set.map {
                Some(map) => format!("map {map} as {source}"),
                None => format!("the {source}"),
            };
            format!("{} of {by}", shown.join(", "))
        }
        End::Rrset(_, rrset) | End::Flattened(rrset) => {
            let rtype = of(rrset).next().map_or(RrType::ANY, |(rtype, _)| rtype);
            format!("{} stored {rtype}", rrset.len())
        }
        End::Negative(..) if outcome.rcode == Rcode::NOERROR => "no data".to_owned(),
        End::Referral(..) => "a referral".to_owned(),
        End::Hinfo => "HINFO".to_owned(),
        End::Nothing if outcome.rcode == Rcode::NOERROR => "an alias alone".to_owned(),
        _ => outcome.rcode.to_string(),
    }
}

/// What an answer should be, in words.
fn wanted(expected: &Expected<'_, '_>, zone: &Zone<'_, '_>, qtype: RrType) -> String {
    match expected.end {
        Wanted::Addresses(family) => {
            let addresses = zone.governor.addresses(family).to_vec();
            let shown: Vec<String> = addresses.iter().take(SHOWN).map(ToString::to_string).collect();
            let by = match zone.governor {
                Governor::Map(source, map) => format!("map {} as {source}", map.id),
                _ => "the anycast defaults".to_owned(),
            };
            format!("{} of {by}", shown.join(", "))
        }
        Wanted::Stored(_, rtype) | Wanted::Flattened(_, rtype) => format!("the stored {rtype}"),
        Wanted::Negative if expected.rcode == Rcode::NOERROR => "no data".to_owned(),
        Wanted::Referral(_) => "a referral".to_owned(),
        Wanted::Hinfo => "HINFO".to_owned(),
        Wanted::Nothing if expected.rcode == Rcode::NOERROR && qtype != RrType::CNAME => {
            "an alias alone".to_owned()
        }
        _ => expected.rcode.to_string(),
    }
}

/// The governing set of a zone's entry in words, for those who look at no answer.
pub(super) fn fallback_told(snapshot: &Snapshot, fallback: &crate::snapshot::Fallback) -> String {
    match fallback {
        crate::snapshot::Fallback::Set(source, index) => match snapshot.sets.get(*index) {
            Some(set) => match &set.map {
                Some(map) => format!("map {map} as {source}"),
                None => format!("the {source}"),
            },
            None => "an unknown set".to_owned(),
        },
        crate::snapshot::Fallback::Nothing(_) => "nothing".to_owned(),
    }
}
