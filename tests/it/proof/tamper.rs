//! What generated worlds lack, and what goes wrong with them: a ledger, assertions, and a snapshot that was made of
//! something else.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::IpNet;
use portolan::compile::compile;
use portolan::model::{
    AccountId, AddressMap, Assertion, AssertionScope, Binding, Claim, Delegation, Ledger, LoadedZone, MapId,
    Member, Membership, Ownership, Place, Prefix, Service, StaticIps, World, ZoneContent, ZoneData,
};
use portolan::snapshot::{AddressSet, Snapshot};
use portolan::wire::RrType;

/// Small numbers out of one large one.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `of`.
    pub(super) fn roll(&mut self, of: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % of.max(1) as u64) as usize
    }

    /// Once in so many times.
    fn once_in(&mut self, of: usize) -> bool {
        self.roll(of) == 0
    }
}

fn place(file: &str, line: usize) -> Place {
    Place::line(&Arc::from(file), line as u32)
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

/// Adds a ledger and assertions.
pub(super) fn furnish(world: &mut World, dice: &mut Dice) {
    let accounts: Vec<AccountId> = world.accounts.keys().cloned().collect();
    if dice.once_in(3) {
        world.ledger = Arc::new(ledger(world, &accounts, dice));
        world.ownership = [Ownership::Enforce, Ownership::Enforce, Ownership::Warn][dice.roll(3)];
    }
    if dice.once_in(8)
        && let Some(map) = pick(&mut world.maps, dice)
        && let Some(first) = Arc::make_mut(map).ipv4.first_mut()
    {
        // One of the anycast defaults.
        *first = Ipv4Addr::new(10, 255, 0, 1);
    }
    for line in 1..=dice.roll(4) {
        let scope = match dice.roll(4) {
            0 => AssertionScope::Everything,
            1 if !world.zones.is_empty() => {
                AssertionScope::Zone(world.zones[dice.roll(world.zones.len())].origin.clone())
            }
            _ => AssertionScope::Account(accounts[dice.roll(accounts.len())].clone()),
        };
        let nets =
            ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/15", "10.255.0.0/24", "2001:db8::/32", "2001:db8:2::/48"];
        let mut some = || (0..=dice.roll(2)).map(|_| net(nets[dice.roll(nets.len())])).collect();
        let (first, second): (Vec<IpNet>, Vec<IpNet>) = (some(), some());
        let claim = match dice.roll(4) {
            0 => Claim::AnswersWithin([first, second, vec![net("2001:db8::/33")]].concat()),
            1 => Claim::NeverAnswersWithin(first),
            2 => Claim::FamilyRequired { ipv4: dice.roll(2) == 0, ipv6: dice.roll(2) == 0 },
            _ => Claim::GovernedBy(MapId::new(&format!("map-{}", 1 + dice.roll(4))).expect("an id")),
        };
        world.assertions.push(Arc::new(Assertion {
            scope,
            author: None,
            claim,
            place: place("assert.toml", line),
        }));
    }
}

/// A prefix of each family for most maps, each with a chance to be wrong in one of the ways there are.
fn ledger(world: &World, accounts: &[AccountId], dice: &mut Dice) -> Ledger {
    let mut ledger = Ledger::default();
    let gentle = dice.once_in(2);
    for (number, map) in (1..).zip(&world.maps) {
        for cidr in [format!("10.{number}.0.0/16"), format!("2001:db8:{number}::/48")] {
            let fault = if gentle { 9 } else { dice.roll(10) };
            let cidr = net(&cidr);
            let place = place("ledger.toml", ledger.prefixes.len() + 1);
            let other = accounts[dice.roll(accounts.len())].clone();
            if fault == 0 {
                continue;
            }
            let mut bindings = vec![Binding { cidr, service: Service::Cdn, place: place.clone() }];
            let host = cidr.hosts().next().map(IpNet::from).unwrap_or(cidr);
            if fault == 1 {
                bindings.push(Binding { cidr: host, service: Service::Spectrum, place: place.clone() });
            }
            if fault == 2 {
                bindings[0].service = Service::MagicTransit;
                bindings.push(Binding { cidr: host, service: Service::Cdn, place: place.clone() });
            }
            let delegate = if fault == 4 { other.clone() } else { map.account.clone() };
            let delegations = match fault {
                3 | 4 => vec![Delegation { cidr, account: delegate, place: place.clone() }],
                _ => Vec::new(),
            };
            ledger.prefixes.push(Prefix {
                cidr,
                account: if (3..6).contains(&fault) { other } else { map.account.clone() },
                asn: None,
                description: None,
                approved: fault != 6,
                advertised: fault != 7,
                bindings,
                delegations,
                place,
            });
        }
        if !gentle
            && dice.once_in(6)
            && let Some(ip) = map.ipv4.first()
        {
            let id = if dice.once_in(2) { map.id.clone() } else { world.maps[0].id.clone() };
            ledger.static_ips.push(StaticIps {
                account: map.account.clone(),
                map: id,
                ips: vec![IpAddr::from(*ip)],
                place: place("ledger.toml", 99),
            });
        }
    }
    ledger
}

/// A world, a snapshot that may have been made of another one, and how.
pub(super) struct Tampered {
    pub(super) proven: World,
    pub(super) snapshot: Snapshot,
    pub(super) what: &'static str,
}

/// Compiles a world, and often does something wrong: to the world before, to the world afterwards, to both, or to the
/// snapshot.
pub(super) fn tamper(world: World, dice: &mut Dice) -> Tampered {
    let kind = dice.roll(24);
    if kind < 5 {
        return Tampered { snapshot: compile(&world, 1).snapshot, proven: world, what: "nothing" };
    }
    if kind < 8 {
        let mut snapshot = compile(&world, 1).snapshot;
        let what = spoil(&mut snapshot, dice);
        return Tampered { proven: world, snapshot, what };
    }
    let mut other = world.clone();
    if kind < 10 {
        let what = contradict(&mut other, dice);
        return Tampered { snapshot: compile(&other, 1).snapshot, proven: other, what };
    }
    let what = change(&mut other, dice);
    let (proven, served) = if dice.once_in(2) { (world, other) } else { (other, world) };
    Tampered { snapshot: compile(&served, 1).snapshot, proven, what }
}

fn pick<'l, T>(list: &'l mut [T], dice: &mut Dice) -> Option<&'l mut T> {
    let at = dice.roll(list.len());
    list.get_mut(at)
}

/// Changes a snapshot as no compiler would.
fn spoil(snapshot: &mut Snapshot, dice: &mut Dice) -> &'static str {
    let entries: Vec<_> = snapshot.zones.iter().cloned().collect();
    let sets = snapshot.sets.iter().count();
    let Some(mut entry) = entries.get(dice.roll(entries.len())).cloned() else { return "nothing" };
    let what = match dice.roll(3) {
        0 if sets > 0 => {
            let at = dice.roll(sets) as u32;
            let map = snapshot.sets.get(at).and_then(|set| set.map.clone());
            let set = AddressSet::new(map, &[Ipv4Addr::new(10, 77, 0, 1)], &[]);
            snapshot.sets.store([(at, Arc::new(set))].into());
            return "a set with other addresses";
        }
        1 => {
            entry.own_set = match entry.own_set {
                Some(_) => None,
                None => (sets > 0).then(|| dice.roll(sets) as u32),
            };
            "a zone with another set"
        }
        _ => {
            entry.ipv6 = !entry.ipv6;
            "a zone with the other ipv6"
        }
    };
    let seed = snapshot.seed.clone();
    snapshot.zones.put(&seed, entry);
    what
}

/// Makes maps contradict each other: a fault of the files themselves.
fn contradict(world: &mut World, dice: &mut Dice) -> &'static str {
    let Some(map) = pick(&mut world.maps, dice).cloned() else { return "nothing" };
    let id = MapId::new("map-9").expect("an id");
    let ipv4 = vec![Ipv4Addr::new(10, 9, 0, 1)];
    world.maps.push(Arc::new(AddressMap { id, ipv4, ipv6: Vec::new(), ..(*map).clone() }));
    "a map twice"
}

/// One change of the files.
fn change(world: &mut World, dice: &mut Dice) -> &'static str {
    let zone = dice.roll(world.zones.len());
    match dice.roll(15) {
        0 | 1 => {
            let mut maps: Vec<_> = world.maps.iter_mut().filter(|map| !map.immutable).collect();
            let Some(map) = pick(&mut maps, dice) else { return "nothing" };
            let map = Arc::make_mut(map);
            map.enabled = !map.enabled;
            "a map switched on or off"
        }
        2 => {
            let Some(map) = pick(&mut world.maps, dice) else { return "nothing" };
            let map = Arc::make_mut(map);
            if map.ipv4.pop().is_none() {
                map.ipv4.push(Ipv4Addr::new(10, 88, 0, 1));
            }
            "an address of a map"
        }
        3 => {
            let mut maps: Vec<_> = world.maps.iter_mut().filter(|map| !map.immutable).collect();
            let Some(map) = pick(&mut maps, dice) else { return "nothing" };
            let map = Arc::make_mut(map);
            let members: Vec<Membership> = map.memberships.iter().skip(1).cloned().collect();
            map.memberships = members.into();
            "a member of a map"
        }
        4 => {
            let mut settings: Vec<_> = world.accounts.values_mut().collect();
            let Some(settings) = pick(&mut settings, dice) else { return "nothing" };
            settings.shared_addresses = !settings.shared_addresses;
            "shared_addresses"
        }
        5 => {
            let at = dice.roll(world.maps.len());
            if at < world.maps.len() {
                world.maps.remove(at);
            }
            "a map gone"
        }
        6 | 7 => tags(world, zone, Some(true), None, dice),
        8 | 9 => tags(world, zone, None, Some(true), dice),
        10 => {
            let Some(LoadedZone { origin, account, .. }) = world.zones.get(zone).cloned() else {
                return "nothing";
            };
            let settings = world.accounts.get_mut(&account).expect("every account has settings");
            let zone = settings.zones.entry(origin).or_default();
            if dice.once_in(2) {
                zone.paused = !zone.paused;
                return "a pause";
            }
            zone.ipv6 = !zone.ipv6;
            "ipv6"
        }
        11 => {
            if zone < world.zones.len() {
                world.zones.remove(zone);
            }
            "a zone gone"
        }
        12 => {
            if let Some(anycast) = &mut world.anycast {
                anycast.ipv4.reverse();
                anycast.ipv4.pop();
                if anycast.ipv4.is_empty() {
                    anycast.ipv4.push(Ipv4Addr::new(10, 255, 0, 9));
                }
            }
            "anycast"
        }
        13 => {
            let mut settings: Vec<_> = world.accounts.values_mut().collect();
            let Some(settings) = pick(&mut settings, dice) else { return "nothing" };
            settings.enforce_dns_only = !settings.enforce_dns_only;
            "enforce_dns_only"
        }
        _ => {
            let Some(zone) = world.zones.get_mut(zone) else { return "nothing" };
            zone.content = ZoneContent::Faulty;
            "a faulty zone"
        }
    }
}

/// Changes the tag of one record that is no glue.
fn tags(
    world: &mut World,
    zone: usize,
    from: Option<bool>,
    to: Option<bool>,
    dice: &mut Dice,
) -> &'static str {
    let Some(LoadedZone { content: ZoneContent::Good(data), .. }) = world.zones.get_mut(zone) else {
        return "nothing";
    };
    let data: &mut ZoneData = Arc::make_mut(data);
    let cuts = data.records.iter().filter(|record| record.rtype == RrType::NS && record.owner != data.origin);
    let cuts: Vec<_> = cuts.map(|record| record.owner.clone()).collect();
    let taggable = |rtype: RrType| rtype.is_address() || rtype == RrType::CNAME;
    let mut records: Vec<_> = data
        .records
        .iter_mut()
        .filter(|record| taggable(record.rtype) && record.tags.proxied == from)
        .filter(|record| !cuts.iter().any(|cut| record.owner.is_at_or_below(cut)))
        .collect();
    let Some(record) = pick(&mut records, dice) else { return "nothing" };
    record.tags.proxied = to;
    if to.is_some() {
        record.tags.flatten = false;
        return "a tag more";
    }
    "a tag less"
}

/// Whether a map names a zone.
pub(super) fn names(map: &AddressMap, zone: &LoadedZone) -> bool {
    map.memberships.iter().any(|membership| membership.member == Member::Zone(zone.origin.clone()))
}
