//! What operators and accounts assert, and what disabled maps would break.

use std::net::Ipv4Addr;
use std::sync::Arc;

use portolan::judge::proof::code;
use portolan::model::{AssertionScope, Unit, ZoneSettings};

use super::case::{Cases, by};
use super::world::{assert_that, copy, governed_by, map, never, of, remove_map, settings, within};
use crate::support::name;

pub(super) fn assertions(cases: &mut Cases) {
    cases.files(code::ANSWERS_WITHIN, "maps.toml:16", by("acme"), |world| {
        assert_that(world, of("acme"), within(&["203.0.113.0/29", "2001:db8:1::/48"]));
    });
    cases.files(code::ANSWERS_WITHIN, "maps.toml:1", Unit::Operator, |world| {
        assert_that(
            world,
            AssertionScope::Everything,
            within(&["198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"]),
        );
    });
    cases.files(code::ANSWERS_WITHIN, "maps.toml:9", by("acme"), |world| {
        assert_that(world, AssertionScope::Zone(name("SHOP.example.")), within(&["203.0.113.0/24"]));
    });
    // An empty list allows nothing; it never means everything.
    cases.files(code::ANSWERS_WITHIN, "maps.toml:1", by("default"), |world| {
        assert_that(world, of("default"), within(&[]))
    });

    cases.files(code::NEVER_ANSWERS_WITHIN, "maps.toml:31", by("globex"), |world| {
        assert_that(world, AssertionScope::Everything, never(&["198.51.100.0/25"]));
    });
    cases.files(code::NEVER_ANSWERS_WITHIN, "maps.toml:37", by("initech"), |world| {
        assert_that(world, of("initech"), never(&["2001:db8:9::/48", "2001:db8:3::/48"]));
    });
    cases.files(code::NEVER_ANSWERS_WITHIN, "maps.toml:1", by("acme"), |world| {
        remove_map(world, "acme-wide");
    });

    cases.files(code::FAMILY_REQUIRED, "maps.toml:5", by("acme"), |world| map(world, "shop-eu").ipv6.clear());
    cases.files(code::FAMILY_REQUIRED, "maps.toml:26", by("globex"), |world| {
        let zone = ZoneSettings { ipv6: false, ..ZoneSettings::default() };
        settings(world, "globex").zones.insert(name("vault.example."), zone);
    });
    cases.files(code::FAMILY_REQUIRED, "assert.toml:3", by("initech"), |world| {
        map(world, "initech-own").enabled = false;
    });
    cases.files(code::FAMILY_REQUIRED, "maps.toml:1", Unit::Operator, |world| {
        world.anycast.as_mut().expect("defaults").ipv6.clear();
    });

    cases.files(code::GOVERNED_BY, "maps.toml:12", by("acme"), |world| map(world, "shop-eu").enabled = false);
    cases.files(code::GOVERNED_BY, "extra.toml:1", by("globex"), |world| {
        copy(world, "globex-safe", "globex-wide", 1);
        map(world, "globex-wide").immutable = false;
    });
    cases.files(code::GOVERNED_BY, "assert.toml:77", by("initech"), |world| {
        assert_that(world, of("initech"), governed_by("initech-own"));
        map(world, "initech-own").enabled = false;
    });
}

pub(super) fn latent(cases: &mut Cases) {
    // governed_by of the sound files: acme-next would replace shop-eu.
    cases.files(code::LATENT_FAULT, "maps.toml:19", by("acme"), |_| {});
    cases.files(code::LATENT_FAULT, "maps.toml:19", by("acme"), |world| {
        world.assertions.clear();
        map(world, "acme-next").ipv4.push(Ipv4Addr::new(203, 0, 113, 201));
    });
    cases.files(code::LATENT_FAULT, "extra.toml:8", by("initech"), |world| {
        copy(world, "initech-own", "initech-next", 8);
        let next = map(world, "initech-next");
        (next.enabled, next.ipv6) = (false, Vec::new());
    });
    cases.files(code::LATENT_FAULT, "extra.toml:9", by("globex"), |world| {
        world.assertions.clear();
        world.ledger = Arc::default();
        copy(world, "globex-safe", "globex-next", 9);
        let next = map(world, "globex-next");
        (next.enabled, next.immutable, next.ipv4) = (false, false, vec![Ipv4Addr::new(192, 0, 2, 10)]);
    });
}
