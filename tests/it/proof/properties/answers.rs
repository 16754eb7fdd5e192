//! What is answered: nothing that is stored at a proxied name, and all else as the records say.

use portolan::compile::compile;
use portolan::judge::proof::code;

use super::case::{Case, Cases, by, zone_unit};
use super::world::{data, pause, record, remove_zone, settings, sound};
use crate::support::name;

pub(super) fn answers(cases: &mut Cases) {
    cases.stale(code::STORED_CONTENT, "shop.example.zone:4", by("acme"), |world| {
        record(world, "shop.example.", 4).tags.proxied = None;
    });
    cases.stale(code::STORED_CONTENT, "vault.example.zone:4", by("globex"), |world| {
        pause(world, "globex", "vault.example.");
    });
    cases.stale(code::STORED_CONTENT, "plain.example.zone:8", zone_unit("plain.example."), |world| {
        record(world, "plain.example.", 8).tags.proxied = None;
    });
    // The alias of a name whose stored content is shown at its end, and the same flattened.
    for flatten in [false, true] {
        let mut proven = sound();
        record(&mut proven, "blog.example.", 6).tags.flatten = flatten;
        data(&mut proven, "blog.example.").records.retain(|record| record.line != 7);
        let mut served = proven.clone();
        record(&mut served, "blog.example.", 4).tags.proxied = Some(false);
        let snapshot = compile(&served, 1).snapshot;
        let place = "blog.example.zone:4";
        cases.0.push(Case { code: code::STORED_CONTENT, place, unit: by("acme"), proven, snapshot });
    }

    cases.stale(code::NOT_PROXIED, "shop.example.zone:4", by("acme"), |world| {
        record(world, "shop.example.", 4).tags.proxied = None;
    });
    cases.stale(code::NOT_PROXIED, "office.example.zone:4", by("initech"), |world| {
        settings(world, "initech").enforce_dns_only = true;
    });
    cases.stale(code::NOT_PROXIED, "plain.example.zone:4", zone_unit("plain.example."), |world| {
        data(world, "plain.example.").records.retain(|record| record.line != 4);
    });

    cases.stale(code::WRONGLY_PROXIED, "shop.example.zone:5", by("acme"), |world| {
        record(world, "shop.example.", 5).tags.proxied = Some(true);
    });
    cases.ahead(code::WRONGLY_PROXIED, "vault.example.zone:4", by("globex"), |world| {
        pause(world, "globex", "vault.example.");
    });
    cases.ahead(code::WRONGLY_PROXIED, "plain.example.zone:4", zone_unit("plain.example."), |world| {
        settings(world, "default").enforce_dns_only = true;
    });

    cases.stale(code::WRONG_ANSWER, "shop.example.zone:5", by("acme"), |world| {
        record(world, "shop.example.", 5).rdata = [192, 0, 2, 152].into();
    });
    cases.stale(code::WRONG_ANSWER, "shop.example.zone:6", by("acme"), |world| {
        let target = name("ftp.shop.example.");
        record(world, "shop.example.", 6).rdata = target.as_wire().into();
    });
    cases.stale(code::WRONG_ANSWER, "plain.example.zone:2", zone_unit("plain.example."), |world| {
        remove_zone(world, "plain.example.");
    });
    cases.stale(code::WRONG_ANSWER, "office.example.zone:5", by("initech"), |world| {
        data(world, "office.example.").records.retain(|record| record.line != 5);
    });

    for (origin, place) in [
        ("shop.example.", "shop.example."),
        ("vault.example.", "vault.example."),
        ("plain.example.", "plain.example."),
    ] {
        cases.ahead(code::UNKNOWN_ZONE, place, zone_unit(origin), |world| remove_zone(world, origin));
    }
}
