//! How many answers each broken property is told of: one that is not looked at is one too few, although another tells of
//! the same fault.

use portolan::compile::compile;
use portolan::judge::proof::code;
use portolan::model::{Record, World};
use portolan::wire::RrType;

use super::case::whole;
use super::world::{data, map, record, remove_map, sound};
use crate::support::name;

/// The properties that a snapshot of the served files breaks, each with the number of answers; assertions are left out,
/// for they are counted otherwise.
fn told(proven: &World, served: &World) -> Vec<(&'static str, u64)> {
    let snapshot = compile(served, 1).snapshot;
    let count = |message: &str| {
        let more = message.rsplit_once("; so are ").and_then(|(_, more)| more.strip_suffix(" more answers"));
        more.map_or(1, |more| 1 + more.parse::<u64>().expect("a number"))
    };
    let broken = whole(proven, &snapshot).broken;
    let mut told: Vec<_> = (broken.iter())
        .map(|(_, found)| (found.code, count(&found.message)))
        .filter(|(code, _)| !code.starts_with("assert-"))
        .collect();
    told.sort();
    told
}

/// Files in which nothing is wrong or prepared.
fn files() -> World {
    let mut world = sound();
    remove_map(&mut world, "acme-next");
    world
}

/// A record of plain.example that has no tags.
fn plain(owner: &str, rtype: RrType, rdata: &[u8], world: &mut World) {
    let ftp = record(world, "plain.example.", 5).clone();
    let owner = name(&format!("{owner}.plain.example."));
    data(world, "plain.example.").records.push(Record { owner, rtype, rdata: rdata.into(), line: 20, ..ftp });
}

fn leads(owner: &str, rtype: RrType, target: &str, world: &mut World) {
    plain(owner, rtype, name(target).as_wire(), world);
}

#[test]
fn every_alias_on_the_way_is_compared() {
    let made = |second: &str| {
        let mut world = files();
        leads("first", RrType::CNAME, "second.plain.example.", &mut world);
        leads("second", RrType::CNAME, second, &mut world);
        plain("other", RrType::A, &[192, 0, 2, 151], &mut world);
        world
    };
    // It ends with the same address. The second one by four types, and the first one by its addresses.
    let (proven, served) = (made("ftp.plain.example."), made("other.plain.example."));
    assert_eq!(told(&proven, &proven), []);
    assert_eq!(told(&proven, &served), [(code::WRONG_ANSWER, 6)]);
    // Nothing but the aliases is seen of a DNAME that leads away: at a name below it, by four types.
    let made = |target: &str| {
        let mut world = files();
        leads("away", RrType::DNAME, target, &mut world);
        world
    };
    let (proven, served) = (made("one.invalid."), made("two.invalid."));
    assert_eq!(told(&proven, &proven), []);
    assert_eq!(told(&proven, &served), [(code::WRONG_ANSWER, 4)]);
}

#[test]
fn another_referral_is_not_the_one_expected() {
    let mut proven = files();
    leads("sub", RrType::NS, "ns.sub.plain.example.", &mut proven);
    plain("ns.sub", RrType::A, &[192, 0, 2, 53], &mut proven);
    assert_eq!(told(&proven, &proven), []);
    // The cut by five types and a name below it by four, which are no referral any more; its server and a name below
    // that by four each, which are another one.
    let mut served = files();
    leads("ns.sub", RrType::NS, "ns.outside.invalid.", &mut served);
    assert_eq!(told(&proven, &served), [(code::WRONG_ANSWER, 5 + 4 + 4 + 4)]);
}

#[test]
fn an_answer_in_part_is_not_the_answer() {
    // Of two addresses of a map one: of `www`, `alias` and `old`, and along with the MX.
    let mut proven = files();
    map(&mut proven, "shop-eu").ipv4.push([203, 0, 113, 2].into());
    assert_eq!(told(&proven, &proven), []);
    assert_eq!(told(&proven, &files()), [(code::WRONG_ADDRESSES, 3), (code::WRONG_ANSWER, 1)]);
    // Of two texts one.
    let mut proven = files();
    let mut second = record(&mut proven, "shop.example.", 9).clone();
    second.rdata = b"\x04more".as_slice().into();
    data(&mut proven, "shop.example.").records.push(second);
    assert_eq!(told(&proven, &proven), []);
    assert_eq!(told(&proven, &files()), [(code::WRONG_ANSWER, 1)]);
}

#[test]
fn stored_content_is_seen_wherever_it_is_shown() {
    let mut served = files();
    record(&mut served, "shop.example.", 4).tags.proxied = None;
    // As the address of `www`, at the end of `alias`, and along with the MX; IPv6 is missing at the first two.
    assert_eq!(told(&files(), &served), [(code::NOT_PROXIED, 2), (code::STORED_CONTENT, 3)]);
}
