//! Whether an answer is the one expected.

use super::expected::{Addresses, End as Wanted, Expected, Governor, Zone};
use crate::answer::{End, LinkKind, Outcome};
use crate::model::{AddressSource, Record};
use crate::snapshot::layout::record as layout;
use crate::snapshot::{AddressSet, Family, Rrset, ZoneEntry};
use crate::wire::{NameBuf, RrType};

/// Whether an outcome is what was expected, aliases on the way included.
pub(super) fn agrees(expected: &Expected<'_, '_>, links: &[&Record], outcome: &Outcome<'_>) -> bool {
    outcome.rcode == expected.rcode && same_links(links, outcome) && same_end(expected, outcome)
}

fn same_links(links: &[&Record], outcome: &Outcome<'_>) -> bool {
    links.len() == outcome.links.len()
        && links.iter().zip(&outcome.links).all(|(record, link)| {
            let is_cname = link.kind == LinkKind::Cname;
            is_cname == (record.rtype == RrType::CNAME)
                && (target(link.entry, link.rrset))
                    .is_some_and(|target| is_name(&record.rdata, target.as_wire()))
        })
}

fn same_end(expected: &Expected<'_, '_>, outcome: &Outcome<'_>) -> bool {
    let zone = expected.zone.as_deref();
    match (expected.end, outcome.end) {
        (Wanted::Nothing, End::Nothing)
        | (Wanted::Negative, End::Negative(..))
        | (Wanted::Hinfo, End::Hinfo) => true,
        (Wanted::Stored(name, RrType::CNAME), End::Rrset(entry, rrset)) => {
            let cname = zone.and_then(|zone| zone.reading.as_ref()?.cname(name));
            let found = target(entry, rrset).filter(|_| of(rrset).all(|(rtype, _)| rtype == RrType::CNAME));
            cname.zip(found).is_some_and(|(cname, found)| is_name(&cname.rdata, found.as_wire()))
        }
        (Wanted::Stored(name, rtype), End::Rrset(_, rrset))
        | (Wanted::Flattened(name, rtype), End::Flattened(rrset)) => zone
            .and_then(|zone| zone.reading.as_ref())
            .is_some_and(|reading| same_records(|| reading.records(name), rtype, rrset)),
        (Wanted::Addresses(wanted), End::Addresses(set, source, family)) => {
            wanted == family && zone.is_some_and(|zone| is_governor(zone.governor, source, set, family))
        }
        (Wanted::Referral(cut), End::Referral(entry, node)) => {
            zone.and_then(|zone| zone.reading.as_ref()).is_some_and(|reading| {
                let name = reading.name(cut);
                let (front, origin) = name.split_at(node.relative_name().len().min(name.len()));
                front == node.relative_name() && origin == entry.zone.origin()
            })
        }
        _ => false,
    }
}

/// Whether a set at a level is what governs, with the addresses that are written.
fn is_governor(governor: Governor<'_>, source: AddressSource, set: &AddressSet, family: RrType) -> bool {
    governor.source() == Some(source)
        && is_map_of(governor, set)
        && same_addresses(governor.addresses(family), set.family(family))
}

/// Whether a set is that of the governing map, or of the defaults.
pub(super) fn is_map_of(governor: Governor<'_>, set: &AddressSet) -> bool {
    set.map.as_ref() == governor.map().map(|map| &map.id)
}

/// Whether a set holds the addresses that are written, in whatever order.
pub(super) fn same_addresses(written: Addresses<'_>, family: Family<'_>) -> bool {
    let count = written.len();
    if family.bytes.len() != count * family.stride {
        return false;
    }
    let mut all = octets(family).enumerate();
    all.all(|(at, octets)| written.is(at, octets) || (0..count).any(|at| written.is(at, octets)))
}

/// The octets of each address.
pub(super) fn octets<'s>(family: Family<'s>) -> impl Iterator<Item = &'s [u8]> {
    family.bytes.chunks_exact(family.stride).filter_map(|record| record.get(layout::RDATA..))
}

/// Whether an RRset is that of the records: as many, of the type, and addresses one by one.
fn same_records<'r, I: Iterator<Item = &'r Record>>(
    records: impl Fn() -> I,
    rtype: RrType,
    rrset: Rrset<'_>,
) -> bool {
    let of_type = || records().filter(|record| record.rtype == rtype);
    of_type().count() == usize::from(rrset.len())
        && of(rrset).all(|(found, rdata)| {
            found == rtype && (!found.is_address() || of_type().any(|record| *record.rdata == *rdata))
        })
}

/// Types and RDATA of the records of an RRset, as they are stored: names may end in a pointer that is set later.
pub(super) fn of(rrset: Rrset<'_>) -> impl Iterator<Item = (RrType, &[u8])> {
    let mut rest = rrset.bytes();
    std::iter::from_fn(move || {
        let head = rest.get(..layout::RDATA)?;
        let rtype = RrType(u16::from_be_bytes([head[layout::TYPE], head[layout::TYPE + 1]]));
        let len = usize::from(u16::from_be_bytes([head[layout::RDLENGTH], head[layout::RDLENGTH + 1]]));
        let rdata = rest.get(layout::RDATA..layout::RDATA + len)?;
        rest = &rest[layout::RDATA + len..];
        Some((rtype, rdata))
    })
}

/// The target of an alias in lower case.
pub(super) fn target(entry: &ZoneEntry, rrset: Rrset<'_>) -> Option<NameBuf> {
    let rdata = rrset.first_rdata();
    let target = match rrset.is_patched() {
        true => NameBuf::concat(rdata.get(..rdata.len().checked_sub(2)?)?, entry.zone.origin()),
        false => NameBuf::from_wire(rdata),
    };
    target.ok().map(|target| target.to_lower())
}

fn is_name(rdata: &[u8], name: &[u8]) -> bool {
    rdata.eq_ignore_ascii_case(name)
}

/// Whether an address that stands in an additional section may stand there for a proxied name of a zone.
pub(super) fn may_stand_for(zone: &Zone<'_, '_>, rtype: RrType, octets: &[u8]) -> bool {
    let written = zone.governor.addresses(rtype);
    (rtype != RrType::AAAA || zone.ipv6) && (0..written.len()).any(|at| written.is(at, octets))
}
