//! A slow, obviously right lookup: linear scans over plain records, in the order in which the RFCs say it.
//!
//! It reads the model only. Of the server it knows neither how zones are compiled nor how they are looked up
//! nor how the precedence of maps is decided, so that agreeing with it means something.

use portolan::model::{AccountId, LoadedZone, Member, Record, World, ZoneContent, ZoneData};
use portolan::wire::{Name, Rcode, RrType};

use crate::support::rdata;
use crate::support::row::{Row, Rows};

/// TTL of addresses that come from a map or through flattening.
const MAPPED_TTL: u32 = 300;
/// TTL of the answer to ANY.
const HINFO_TTL: u32 = 3600;
/// Most links of an alias chain.
const MAX_LINKS: usize = 16;

/// What a query must be answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) rcode: Option<Rcode>,
    pub(crate) aa: bool,
    pub(crate) answer: Rows,
    pub(crate) authority: Rows,
    /// What the additional section must hold at least: the in-domain glue of a referral.
    pub(crate) glue: Rows,
}

impl Expected {
    fn end(mut self, rcode: Rcode) -> Expected {
        self.rcode = Some(rcode);
        self
    }

    fn failed() -> Expected {
        Expected::default().end(Rcode::SERVFAIL)
    }
}

/// What one zone says about one name.
enum Found<'w> {
    /// Records of the type asked for.
    Rows(Rows),
    /// The name exists, the type does not; with the TTL of the SOA.
    NoData(u32),
    /// The name does not exist; with the TTL of the SOA.
    NoName(u32),
    /// The name is at or below a cut.
    Referral(Vec<&'w Record>),
    /// A CNAME, stored or synthesised by a DNAME that stands before it.
    Alias(Rows, Name),
    /// A CNAME alone.
    LeftToTheResolver(Rows),
    /// A DNAME whose substitution is longer than 255 octets.
    TooLong(Rows),
    /// Addresses that are not known here, of an apex whose CNAME cannot be shown.
    NotHere,
    /// Nothing can be answered.
    Failed,
}

/// Answers a question of class IN from the world's plain records.
pub(crate) fn expect(world: &World, qname: &Name, qtype: RrType) -> Expected {
    if qtype == RrType::AXFR || qtype == RrType::IXFR {
        return Expected::default().end(Rcode::REFUSED);
    }
    let Some(first) = zone_for(world, qname, qtype) else { return Expected::default().end(Rcode::REFUSED) };
    chase(world, &first.account, qtype, vec![qname.clone()]).0
}

/// Where a chain ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// In data or its absence, of a zone of the account.
    Here,
    /// At a name that is not the account's here, below a cut, or in a circle.
    Elsewhere,
}

/// Follows a chain that has seen these names and stands at the last of them.
fn chase(world: &World, account: &AccountId, qtype: RrType, mut seen: Vec<Name>) -> (Expected, End) {
    let mut expected = Expected { aa: true, ..Expected::default() };
    let mut aliases = 0;
    loop {
        let name = seen[seen.len() - 1].clone();
        let followed = seen.len() - 1;
        let zone = zone_for(world, &name, qtype).filter(|zone| zone.account == *account);
        let Some(zone) = zone else { return (expected.end(Rcode::NOERROR), End::Elsewhere) };
        let Some(data) = good(world, zone) else { return (Expected::failed(), End::Here) };
        let negative = |mut expected: Expected, ttl: u32, rcode: Rcode| {
            expected.authority.insert(Row::new(&data.origin, RrType::SOA, ttl, &soa(data).rdata));
            (expected.end(rcode), End::Here)
        };
        match look_up(world, zone, data, &name, qtype, &seen) {
            Found::Rows(rows) => {
                expected.answer.extend(rows);
                return (expected.end(Rcode::NOERROR), End::Here);
            }
            Found::NoData(ttl) => return negative(expected, ttl, Rcode::NOERROR),
            Found::NoName(ttl) => return negative(expected, ttl, Rcode::NXDOMAIN),
            Found::Referral(cut) => {
                expected.aa = aliases > 0;
                expected.authority.extend(cut.iter().map(|ns| Row::stored(&ns.owner, ns)));
                expected.glue.extend(glue(data, &cut));
                return (expected.end(Rcode::NOERROR), End::Elsewhere);
            }
            Found::Alias(rows, target) => {
                if followed == MAX_LINKS {
                    return (Expected::failed(), End::Here);
                }
                aliases += 1;
                expected.answer.extend(rows);
                if qtype == RrType::CNAME {
                    // The synthesised CNAME is what was asked for.
                    return (expected.end(Rcode::NOERROR), End::Here);
                }
                if seen.contains(&target) {
                    // A circle: all there is to say has been said.
                    return (expected.end(Rcode::NOERROR), End::Elsewhere);
                }
                seen.push(target);
            }
            Found::LeftToTheResolver(rows) => {
                expected.answer.extend(rows);
                return (expected.end(Rcode::NOERROR), End::Elsewhere);
            }
            Found::TooLong(rows) => {
                if followed == MAX_LINKS {
                    return (Expected::failed(), End::Here);
                }
                expected.answer.extend(rows);
                return (expected.end(Rcode::YXDOMAIN), End::Elsewhere);
            }
            Found::NotHere => return (Expected::failed(), End::Elsewhere),
            Found::Failed => return (Expected::failed(), End::Here),
        }
    }
}

/// The closest zone at or above a name.
fn enclosing<'w>(world: &'w World, name: &Name) -> Option<&'w LoadedZone> {
    let zones = world.zones.iter().filter(|zone| name.is_at_or_below(&zone.origin));
    zones.max_by_key(|zone| zone.origin.label_count())
}

/// The zone that answers: for DS at an apex the zone above, if it is here (RFC 4035 section 3.1.4.1) and, where another
/// account has it, delegates.
pub(crate) fn zone_for<'w>(world: &'w World, name: &Name, qtype: RrType) -> Option<&'w LoadedZone> {
    let zone = enclosing(world, name)?;
    if qtype != RrType::DS || zone.origin != *name {
        return Some(zone);
    }
    let above = name.parent().and_then(|parent| enclosing(world, &parent));
    above.filter(|above| above.account == zone.account || delegates(world, above, name)).or(Some(zone))
}

/// Whether the name, or one above it but below the apex, has NS records that are not hidden by a DNAME.
fn delegates(world: &World, zone: &LoadedZone, name: &Name) -> bool {
    let Some(data) = good(world, zone) else { return false };
    for above in path(&data.origin, name) {
        if above != data.origin && !rrset(data, &above, RrType::NS).is_empty() {
            return true;
        }
        if above != *name && !rrset(data, &above, RrType::DNAME).is_empty() {
            return false;
        }
    }
    false
}

/// The data of a zone that can be answered from.
fn good<'w>(world: &World, zone: &'w LoadedZone) -> Option<&'w ZoneData> {
    match &zone.content {
        ZoneContent::Good(data) if !world.faulty_accounts.contains(&zone.account) => Some(data),
        _ => None,
    }
}

fn soa(data: &ZoneData) -> &Record {
    data.records.iter().find(|record| record.rtype == RrType::SOA).expect("every zone has one SOA")
}

/// TTL of the SOA in a negative answer (RFC 2308 section 3).
fn negative_ttl(data: &ZoneData) -> u32 {
    let soa = soa(data);
    soa.ttl.min(rdata::soa_minimum(&soa.rdata))
}

fn records_of<'w>(data: &'w ZoneData, owner: &Name) -> Vec<&'w Record> {
    data.records.iter().filter(|record| record.owner == *owner).collect()
}

fn rrset<'w>(data: &'w ZoneData, owner: &Name, rtype: RrType) -> Vec<&'w Record> {
    let records = data.records.iter();
    records.filter(|record| record.rtype == rtype && record.owner == *owner).collect()
}

/// A name exists if it or a name below it owns a record (RFC 4592 section 2.2.2).
fn exists(data: &ZoneData, name: &Name) -> bool {
    data.records.iter().any(|record| record.owner.is_at_or_below(name))
}

/// The names from the apex down to `name`, both included.
fn path(origin: &Name, name: &Name) -> Vec<Name> {
    let mut names = vec![name.clone()];
    while names[names.len() - 1] != *origin {
        let parent = names[names.len() - 1].parent().expect("the name is at or below the apex");
        names.push(parent);
    }
    names.reverse();
    names
}

/// Addresses that stand in the zone for name servers at or below the cut (RFC 9471).
fn glue(data: &ZoneData, cut: &[&Record]) -> Rows {
    let mut rows = Rows::new();
    for ns in cut {
        let target = Name::from_wire(&ns.rdata).expect("NS holds one name");
        if target.is_at_or_below(&ns.owner) {
            for rtype in [RrType::A, RrType::AAAA] {
                rows.extend(rrset(data, &target, rtype).iter().map(|record| Row::stored(&target, record)));
            }
        }
    }
    rows
}

/// RFC 1034 section 4.3.2 with RFC 4592 and RFC 6672, inside one zone.
fn look_up<'w>(
    world: &'w World,
    zone: &LoadedZone,
    data: &'w ZoneData,
    name: &Name,
    qtype: RrType,
    seen: &[Name],
) -> Found<'w> {
    for above in path(&data.origin, name) {
        let cut = rrset(data, &above, RrType::NS);
        let answered_by_the_parent = qtype == RrType::DS && above == *name;
        if above != data.origin && !cut.is_empty() && !answered_by_the_parent {
            return Found::Referral(cut);
        }
        if let Some(dname) = rrset(data, &above, RrType::DNAME).first().filter(|_| above != *name) {
            return substitute(dname, &above, name);
        }
    }
    if exists(data, name) {
        return at_node(world, zone, data, name, &records_of(data, name), qtype, seen);
    }
    let mut encloser = name.parent().expect("the apex exists");
    while !exists(data, &encloser) {
        encloser = encloser.parent().expect("the apex exists");
    }
    let source = encloser.child(b"*").expect("not longer than the name itself");
    if !exists(data, &source) {
        return Found::NoName(negative_ttl(data));
    }
    at_node(world, zone, data, name, &records_of(data, &source), qtype, seen)
}

/// RFC 6672 section 2.2: the labels in front of the owner, in front of the target.
fn substitute<'w>(dname: &Record, owner: &Name, name: &Name) -> Found<'w> {
    let mut rows = Rows::from([Row::stored(owner, dname)]);
    let prefix = name.relative_to(owner).expect("the name is below the owner");
    let wire = [prefix, &dname.rdata].concat();
    let Ok(target) = Name::from_wire(&wire) else { return Found::TooLong(rows) };
    rows.insert(Row::new(name, RrType::CNAME, dname.ttl, target.as_wire()));
    Found::Alias(rows, target)
}

/// The records of the name itself or of the wildcard that it matches.
fn at_node<'w>(
    world: &'w World,
    zone: &LoadedZone,
    data: &'w ZoneData,
    name: &Name,
    records: &[&'w Record],
    qtype: RrType,
    seen: &[Name],
) -> Found<'w> {
    let of_type = |rtype: RrType| records.iter().filter(move |record| record.rtype == rtype);
    let stored = |rtype: RrType| -> Rows { of_type(rtype).map(|record| Row::stored(name, record)).collect() };
    let is_address = qtype == RrType::A || qtype == RrType::AAAA;
    if qtype == RrType::ANY && !records.is_empty() {
        // RFC 8482 section 4.2, with the CNAME of a name that is an alias (section 4.1).
        let alias = *name != data.origin && !is_proxied(world, zone, records);
        let cname = if alias { stored(RrType::CNAME) } else { Rows::new() };
        let hinfo = || Rows::from([Row::new(name, RrType::HINFO, HINFO_TTL, b"\x07RFC8482\x00")]);
        return Found::Rows(if cname.is_empty() { hinfo() } else { cname });
    }
    if is_proxied(world, zone, records) {
        let no_data = Found::NoData(negative_ttl(data).min(MAPPED_TTL));
        if is_address {
            return match mapped(world, zone, name, qtype) {
                None => Found::Failed,
                Some(rows) if rows.is_empty() => no_data,
                Some(rows) => Found::Rows(rows),
            };
        }
        let rows = stored(qtype);
        return if qtype == RrType::CNAME || rows.is_empty() { no_data } else { Found::Rows(rows) };
    }
    let no_data = Found::NoData(negative_ttl(data));
    let Some(cname) = of_type(RrType::CNAME).next() else {
        let rows = stored(qtype);
        return if rows.is_empty() { no_data } else { Found::Rows(rows) };
    };
    let target = Name::from_wire(&cname.rdata).expect("CNAME holds one name");
    let at_apex = *name == data.origin;
    if is_address && (at_apex || cname.tags.flatten) {
        return match flatten(world, zone, data, name, &target, qtype, seen) {
            Some(found) => found,
            None if at_apex => Found::NotHere,
            // What cannot be flattened here is left to the resolver.
            None => Found::LeftToTheResolver(stored(RrType::CNAME)),
        };
    }
    let rows = stored(qtype);
    match at_apex {
        // At the apex the CNAME stands for addresses only.
        true if qtype == RrType::CNAME || rows.is_empty() => no_data,
        true => Found::Rows(rows),
        // RFC 1034 section 3.6.2, though a CNAME that is not proxied for now may have company.
        false if qtype == RrType::CNAME => Found::Rows(rows),
        false => Found::Alias(stored(RrType::CNAME), target),
    }
}

/// Whether the addresses of a name come from maps: one proxied A, AAAA or CNAME makes all of them proxied.
fn is_proxied(world: &World, zone: &LoadedZone, records: &[&Record]) -> bool {
    let settings = &world.accounts[&zone.account];
    let paused = settings.zones.iter().any(|(origin, settings)| *origin == zone.origin && settings.paused);
    let tagged = records.iter().any(|record| {
        matches!(record.rtype, RrType::A | RrType::AAAA | RrType::CNAME) && record.tags.proxied == Some(true)
    });
    tagged && !paused && !settings.enforce_dns_only
}

/// The addresses of a target at the owner of the alias; `None` where they are not known here.
fn flatten<'w>(
    world: &'w World,
    zone: &LoadedZone,
    data: &ZoneData,
    name: &Name,
    target: &Name,
    qtype: RrType,
    seen: &[Name],
) -> Option<Found<'w>> {
    if seen.len() - 1 == MAX_LINKS {
        return Some(Found::Failed);
    }
    if seen.contains(target) {
        return None;
    }
    let (expected, end) = chase(world, &zone.account, qtype, [seen, std::slice::from_ref(target)].concat());
    if end == End::Elsewhere {
        return None;
    }
    let addresses = expected.answer.iter().filter(|row| row.rtype == qtype);
    let rows: Rows = addresses.map(|row| Row::new(name, qtype, MAPPED_TTL, &row.rdata)).collect();
    Some(match expected.rcode {
        Some(Rcode::NOERROR | Rcode::NXDOMAIN) if rows.is_empty() => {
            Found::NoData(negative_ttl(data).min(MAPPED_TTL))
        }
        Some(Rcode::NOERROR) => Found::Rows(rows),
        _ => Found::Failed,
    })
}

/// The addresses of one family that answer for the proxied names of a zone; `None` where nothing may answer.
fn mapped(world: &World, zone: &LoadedZone, name: &Name, qtype: RrType) -> Option<Rows> {
    let settings = &world.accounts[&zone.account];
    let ipv6_is_off =
        settings.zones.iter().any(|(origin, settings)| *origin == zone.origin && !settings.ipv6);
    if qtype == RrType::AAAA && ipv6_is_off {
        return Some(Rows::new());
    }
    if world.faulty_operator {
        return None;
    }
    let of_account = || world.maps.iter().filter(|map| map.enabled && map.account == zone.account);
    let applicable = || of_account().filter(|map| !(map.ipv4.is_empty() && map.ipv6.is_empty()));
    let account_wide = |map: &portolan::model::AddressMap| {
        map.memberships.iter().any(|membership| membership.member == Member::Account)
    };
    let zone_map = applicable().find(|map| {
        map.memberships.iter().any(|membership| membership.member == Member::Zone(zone.origin.clone()))
    });
    let account_map = applicable().filter(|map| !map.immutable).find(|map| account_wide(map));
    let immutable_map = applicable().filter(|map| map.immutable).find(|map| account_wide(map));
    let (ipv4, ipv6) = match zone_map.or(account_map).or(immutable_map) {
        Some(map) => (&map.ipv4, &map.ipv6),
        None => {
            let anycast = world.anycast.as_ref()?;
            if !settings.shared_addresses || of_account().any(|map| map.immutable) {
                return None;
            }
            (&anycast.ipv4, &anycast.ipv6)
        }
    };
    Some(match qtype {
        RrType::A => ipv4.iter().map(|&ip| Row::new(name, qtype, MAPPED_TTL, &rdata::a(ip))).collect(),
        _ => ipv6.iter().map(|&ip| Row::new(name, qtype, MAPPED_TTL, &rdata::aaaa(ip))).collect(),
    })
}

/// Every set of addresses that may stand for a name in the additional section of an answer of an account: what a
/// zone of the account answers for it without an alias, or holds as glue.
///
/// A zone speaks for itself here: where a parent does not delegate a child that is served beside it, the parent's
/// own records at such a name are as good as the child's, because links never leave a zone.
pub(crate) fn true_addresses(world: &World, account: &AccountId, owner: &Name, rtype: RrType) -> Vec<Rows> {
    let zones = world.zones.iter().filter(|zone| zone.account == *account);
    let mut sets = Vec::new();
    for zone in zones.filter(|zone| owner.is_at_or_below(&zone.origin)) {
        let Some(data) = good(world, zone) else { continue };
        match look_up(world, zone, data, owner, rtype, std::slice::from_ref(owner)) {
            Found::Rows(rows) => sets.push(rows),
            Found::Referral(_) => {
                let glue = rrset(data, owner, rtype);
                sets.push(glue.iter().map(|record| Row::stored(owner, record)).collect());
            }
            _ => {}
        }
    }
    sets
}

/// The zone whose governing addresses a name itself is answered, if it is proxied: no alias is followed.
pub(crate) fn proxied_in<'w>(world: &'w World, name: &Name) -> Option<&'w LoadedZone> {
    let zone = zone_for(world, name, RrType::A)?;
    let data = good(world, zone)?;
    for above in path(&data.origin, name) {
        if above != data.origin && !rrset(data, &above, RrType::NS).is_empty() {
            return None;
        }
        if above != *name && !rrset(data, &above, RrType::DNAME).is_empty() {
            return None;
        }
    }
    let mut source = name.clone();
    while !exists(data, &source) {
        source = source.parent().expect("the apex exists");
    }
    if source != *name {
        source = source.child(b"*").ok()?;
    }
    is_proxied(world, zone, &records_of(data, &source)).then_some(zone)
}

/// The addresses of a family that proxied names of a zone are answered; `None` where nothing may answer.
pub(crate) fn addresses_of(world: &World, zone: &LoadedZone, qtype: RrType) -> Option<Rows> {
    mapped(world, zone, &zone.origin, qtype)
}

/// Whether the name owns records in the zone that holds it, and of which types.
pub(crate) fn types_at(world: &World, name: &Name) -> Vec<RrType> {
    let data = zone_for(world, name, RrType::A).and_then(|zone| good(world, zone));
    let mut types: Vec<RrType> =
        data.map_or_else(Vec::new, |data| records_of(data, name).iter().map(|record| record.rtype).collect());
    types.sort();
    types.dedup();
    types
}
