//! What is answered: nothing that is stored at a proxied name, and all else as the records say.

use portolan::compile::compile;
use portolan::judge::proof::code;
use portolan::model::{Record, World, ZoneContent};
use portolan::wire::RrType;

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

    // One of two addresses is missing.
    cases.ahead(code::WRONG_ANSWER, "shop.example.zone:5", by("acme"), |world| {
        let mut second = record(world, "shop.example.", 5).clone();
        second.rdata = [192, 0, 2, 153].into();
        data(world, "shop.example.").records.push(second);
    });
    // A zone that fails, and one that is not there at all.
    let mut proven = sound();
    let plain = proven.zones.iter_mut().find(|zone| zone.origin == name("plain.example."));
    plain.expect("a zone").content = ZoneContent::Faulty;
    let mut served = sound();
    remove_zone(&mut served, "plain.example.");
    let (snapshot, unit) = (compile(&served, 1).snapshot, zone_unit("plain.example."));
    cases.0.push(Case { code: code::WRONG_ANSWER, place: "plain.example.", unit, proven, snapshot });
    // Glue is seen in the additional section alone: another address, and one of two.
    for (files, served) in [(&[1][..], &[2][..]), (&[1, 2], &[1])] {
        let mut proven = sound();
        delegate(&mut proven, files);
        let mut other = sound();
        delegate(&mut other, served);
        let (place, unit) = ("office.example.zone:21", by("initech"));
        let snapshot = compile(&other, 1).snapshot;
        cases.0.push(Case { code: code::WRONG_ANSWER, place, unit, proven, snapshot });
    }

    for (origin, place) in [
        ("shop.example.", "shop.example."),
        ("vault.example.", "vault.example."),
        ("plain.example.", "plain.example."),
    ] {
        cases.ahead(code::UNKNOWN_ZONE, place, zone_unit(origin), |world| remove_zone(world, origin));
    }
}

/// A delegation with glue of these last octets.
fn delegate(world: &mut World, glue: &[u8]) {
    let server = name("ns.sub.office.example.");
    let ftp = record(world, "office.example.", 5).clone();
    let (owner, rdata) = (name("sub.office.example."), server.as_wire().into());
    let cut = Record { owner, rtype: RrType::NS, rdata, line: 20, ..ftp.clone() };
    let address = |last: &u8| Record {
        owner: server.clone(),
        rdata: [192, 0, 2, *last].into(),
        line: 21,
        ..ftp.clone()
    };
    let glue: Vec<Record> = glue.iter().map(address).collect();
    data(world, "office.example.").records.extend([cut].into_iter().chain(glue));
}
