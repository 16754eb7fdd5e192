use super::*;
use crate::model::{AccountSettings, AnycastDefaults, MapId, MapOwner, Membership, Place};

fn acme() -> AccountId {
    AccountId::new("acme").unwrap()
}

fn origin() -> Name {
    Name::parse("shop.example.", None).unwrap()
}

/// How a level is set up for one row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Absent,
    Disabled,
    Empty,
    Enabled,
}

use Is::{Absent, Disabled, Empty, Enabled};

fn map(id: &str, is: Is, members: &[Member]) -> Option<AddressMap> {
    let place = Place::line(&"m.toml".into(), 1);
    let octet = id.bytes().map(u32::from).sum::<u32>() as u8;
    (is != Absent).then(|| AddressMap {
        id: MapId::new(id).unwrap(),
        account: acme(),
        description: None,
        enabled: is != Disabled,
        ipv4: if is == Empty { Vec::new() } else { vec![Ipv4Addr::new(203, 0, 113, octet)] },
        ipv6: Vec::new(),
        memberships: members
            .iter()
            .map(|member| Membership { member: member.clone(), place: place.clone() })
            .collect(),
        default_sni: None,
        immutable: id.starts_with("fallback"),
        owner: MapOwner::Account,
        place: place.clone(),
        address_places: Default::default(),
    })
}

fn world(zone: Is, account: Is, immutable: Is, anycast: Is, shared: bool) -> World {
    let place = Place::line(&"a.toml".into(), 1);
    let ipv6 = if anycast == Empty { Vec::new() } else { vec!["2001:db8::1".parse().unwrap()] };
    World {
        maps: [
            map("shop", zone, &[Member::Zone(origin())]),
            map("wide", account, &[Member::Account]),
            map("fallback", immutable, &[Member::Account]),
        ]
        .into_iter()
        .flatten()
        .map(Arc::new)
        .collect(),
        anycast: (anycast != Absent).then_some(AnycastDefaults { ipv4: Vec::new(), ipv6, place }),
        accounts: [(acme(), AccountSettings { shared_addresses: shared, ..AccountSettings::new(acme()) })]
            .into(),
        ..World::default()
    }
}

#[test]
fn the_first_level_that_can_answer_decides_alone() {
    let can = |is: Is| is == Enabled;
    let states = [Absent, Disabled, Empty, Enabled];
    let mut rows = 0;
    for zone in states {
        for account in states {
            for immutable in states {
                for anycast in [Absent, Empty, Enabled] {
                    for shared in [true, false] {
                        let world = world(zone, account, immutable, anycast, shared);
                        let precedence = Precedence::new(&world);
                        let below = if can(account) {
                            Ok((AddressSource::AccountMap, Some("wide")))
                        } else if can(immutable) {
                            Ok((AddressSource::ImmutableMap, Some("fallback")))
                        } else if immutable != Absent {
                            Err(NoAddresses::HasImmutableMap)
                        } else if !shared {
                            Err(NoAddresses::SharedForbidden)
                        } else if can(anycast) {
                            Ok((AddressSource::AnycastDefaults, None))
                        } else {
                            Err(NoAddresses::NoDefaults)
                        };
                        let expected =
                            if can(zone) { Ok((AddressSource::ZoneMap, Some("shop"))) } else { below };
                        let row = format!("{zone:?} {account:?} {immutable:?} {anycast:?} {shared}");
                        let flat = |decision: Decision<'_>| match decision {
                            Decision::Addresses { source, map, ipv4, ipv6 } => {
                                // No union and no borrowing: the families are those of the one map.
                                assert_eq!(
                                    (ipv4.len(), ipv6.len()),
                                    if map.is_some() { (1, 0) } else { (0, 1) }
                                );
                                Ok((source, map.map(|map| map.id.to_string())))
                            }
                            Decision::Nothing(reason) => Err(reason),
                        };
                        let named =
                            |(source, id): (AddressSource, Option<&str>)| (source, id.map(str::to_string));
                        let govern = precedence.govern(&acme(), &origin());
                        assert_eq!(flat(govern), expected.map(named), "{row}");
                        assert_eq!(flat(precedence.account_level(&acme())), below.map(named), "{row}");
                        assert_eq!(precedence.zone_level(&acme(), &origin()).is_some(), can(zone), "{row}");
                        walk_agrees(&precedence, &row);
                        rows += 1;
                    }
                }
            }
        }
    }
    assert_eq!(rows, 4 * 4 * 4 * 3 * 2);
}

/// The words tell the same story as the decision.
fn walk_agrees(precedence: &Precedence<'_>, row: &str) {
    let walk = precedence.walk(&acme(), &origin());
    assert_eq!(walk.decision, precedence.govern(&acme(), &origin()), "{row}");
    let chosen: Vec<AddressSource> = walk
        .levels
        .iter()
        .filter(|level| level.verdict == Verdict::Chosen)
        .map(|level| level.source)
        .collect();
    assert_eq!(chosen, Vec::from_iter(walk.decision.source()), "{row}");
    for level in &walk.levels {
        assert!(!level.reason.is_empty() && level.maps.iter().all(|map| !map.reason.is_empty()), "{row}");
        let governors = level.maps.iter().filter(|map| map.chosen).count();
        let expected = level.verdict == Verdict::Chosen && level.source != AddressSource::AnycastDefaults;
        assert_eq!(governors, usize::from(expected), "{row}");
    }
}

fn words(world: &World) -> Vec<String> {
    let walk = Precedence::new(world).walk(&acme(), &origin());
    walk.levels
        .iter()
        .map(|level| format!("{}: {}: {}", level.source, level.verdict.as_str(), level.reason))
        .collect()
}

#[test]
fn the_way_is_told_in_words() {
    assert_eq!(
        words(&world(Enabled, Disabled, Absent, Enabled, true)),
        [
            "zone map: chosen: map shop is enabled and zone shop.example is a member",
            "account map: not_needed: not needed: a stronger level decided",
            "immutable map: not_needed: not needed: a stronger level decided",
            "anycast defaults: not_needed: not needed: a stronger level decided",
        ]
    );
    assert_eq!(
        words(&world(Disabled, Enabled, Absent, Enabled, false)),
        [
            "zone map: passed_over: map shop is disabled",
            "account map: chosen: map wide is enabled and account acme is a member",
            "immutable map: not_needed: not needed: a stronger level decided",
            "anycast defaults: not_needed: account acme does not use shared addresses",
        ]
    );
    assert_eq!(
        words(&world(Absent, Empty, Enabled, Enabled, true)),
        [
            "zone map: passed_over: no such map",
            "account map: passed_over: map wide is enabled and has no address",
            "immutable map: chosen: map fallback is enabled and it is the immutable map of account acme",
            "anycast defaults: not_needed: account acme has an immutable map and never gets shared addresses",
        ]
    );
    assert_eq!(
        words(&world(Absent, Absent, Absent, Enabled, true)).last().unwrap(),
        "anycast defaults: chosen: no map governs the zone and account acme uses shared addresses"
    );
    assert_eq!(
        words(&world(Absent, Absent, Absent, Absent, true)).last().unwrap(),
        "anycast defaults: passed_over: there are no anycast defaults"
    );
    assert_eq!(
        words(&world(Absent, Absent, Absent, Enabled, false)).last().unwrap(),
        "anycast defaults: passed_over: account acme does not use shared addresses"
    );
}

#[test]
fn maps_of_strangers_and_other_zones_do_not_govern() {
    let world = world(Enabled, Enabled, Absent, Enabled, true);
    let precedence = Precedence::new(&world);
    let globex = AccountId::new("globex").unwrap();
    assert_eq!(precedence.govern(&globex, &origin()).source(), Some(AddressSource::AnycastDefaults));
    assert!(precedence.walk(&globex, &origin()).levels[0].maps.is_empty());
    let child = Name::parse("a.shop.example.", None).unwrap();
    assert_eq!(precedence.govern(&acme(), &child).source(), Some(AddressSource::AccountMap));
    let upper = Name::parse("SHOP.Example.", None).unwrap();
    assert_eq!(precedence.govern(&acme(), &upper).source(), Some(AddressSource::ZoneMap));
}

#[test]
fn of_two_governors_the_lower_id_answers_wherever_it_is_written() {
    let mut world = world(Enabled, Absent, Absent, Enabled, true);
    world.maps.insert(0, map("shop-b", Enabled, &[Member::Zone(origin())]).unwrap().into());
    world.maps.push(map("shop-0", Disabled, &[Member::Zone(origin())]).unwrap().into());
    let precedence = Precedence::new(&world);
    assert_eq!(precedence.govern(&acme(), &origin()).map().unwrap().id.as_str(), "shop");
    let walk = precedence.walk(&acme(), &origin());
    let reasons: Vec<&str> = walk.levels[0].maps.iter().map(|map| map.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "map shop is enabled and zone shop.example is a member",
            "map shop-0 is disabled",
            "map shop-b is enabled too, but map shop goes before it",
        ]
    );
}

#[test]
fn nothing_is_answered_from_sources_that_cannot_be_trusted() {
    let mut world = world(Enabled, Enabled, Enabled, Enabled, true);
    world.faulty_accounts.insert(acme());
    let reason = |world: &World| {
        let precedence = Precedence::new(world);
        walk_agrees(&precedence, "faulty");
        match (precedence.govern(&acme(), &origin()), precedence.account_level(&acme())) {
            (Decision::Nothing(zone), Decision::Nothing(account)) if zone == account => Some(zone),
            _ => None,
        }
    };
    assert_eq!(reason(&world), Some(NoAddresses::AccountFaulty));
    world.faulty_operator = true;
    assert_eq!(reason(&world), Some(NoAddresses::OperatorFaulty));
    assert!(words(&world).iter().all(|level| {
        level.ends_with("passed_over: the operator's files have an error and there is no earlier state")
    }));
}
