//! Presentation form by a writer of the tests' own, so that the product's writer is not its own judge.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use portolan::model::{World, ZoneContent, ZoneData};
use portolan::wire::{Name, RrType};

/// RDATA in the form of its type where the tests build that type, otherwise RFC 3597.
pub(crate) fn rdata(rtype: RrType, rdata: &[u8]) -> String {
    known(rtype, rdata).unwrap_or_else(|| generic(rdata))
}

/// RDATA in the form of RFC 3597 section 5.
pub(crate) fn generic(rdata: &[u8]) -> String {
    let mut text = format!("\\# {} ", rdata.len());
    for octet in rdata {
        let _ = write!(text, "{octet:02x}");
    }
    text.trim_end().to_owned()
}

fn known(rtype: RrType, rdata: &[u8]) -> Option<String> {
    let word = |at: usize| Some(u16::from_be_bytes(*rdata.get(at..)?.first_chunk()?));
    Some(match rtype {
        RrType::A => Ipv4Addr::from(<[u8; 4]>::try_from(rdata).ok()?).to_string(),
        RrType::AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(rdata).ok()?).to_string(),
        RrType::NS | RrType::CNAME | RrType::DNAME | RrType::PTR => whole_name(rdata)?,
        RrType::MX => format!("{} {}", word(0)?, whole_name(rdata.get(2..)?)?),
        RrType::SRV => format!("{} {} {} {}", word(0)?, word(2)?, word(4)?, whole_name(rdata.get(6..)?)?),
        RrType::TXT => strings(rdata)?,
        RrType::SOA => {
            let (mname, rest) = first_name(rdata)?;
            let (rname, numbers) = first_name(rest)?;
            let mut text = format!("{mname} {rname}");
            for number in numbers.as_chunks::<4>().0 {
                let _ = write!(text, " {}", u32::from_be_bytes(*number));
            }
            text
        }
        RrType::DS => {
            let digest: String = rdata.get(4..)?.iter().map(|octet| format!("{octet:02X}")).collect();
            format!("{} {} {} {digest}", word(0)?, rdata[2], rdata[3])
        }
        RrType::CAA => {
            let tag_end = 2 + usize::from(*rdata.get(1)?);
            let tag = std::str::from_utf8(rdata.get(2..tag_end)?).ok()?;
            format!("{} {tag} {}", rdata[0], quoted(rdata.get(tag_end..)?))
        }
        _ => return None,
    })
}

fn first_name(rdata: &[u8]) -> Option<(Name, &[u8])> {
    let mut end = 0;
    while *rdata.get(end)? != 0 {
        end += 1 + usize::from(rdata[end]);
    }
    Some((Name::from_wire(&rdata[..=end]).ok()?, &rdata[end + 1..]))
}

fn whole_name(rdata: &[u8]) -> Option<String> {
    Name::from_wire(rdata).ok().map(|target| absolute(&target))
}

fn strings(mut rdata: &[u8]) -> Option<String> {
    let mut texts = Vec::new();
    while let Some((&len, rest)) = rdata.split_first() {
        let (text, rest) = rest.split_at_checked(usize::from(len))?;
        texts.push(quoted(text));
        rdata = rest;
    }
    Some(texts.join(" "))
}

fn quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for &octet in text {
        match octet {
            b'"' | b'\\' => out.extend(['\\', octet as char]),
            0x20..=0x7e => out.push(octet as char),
            _ => out.push_str(&format!("\\{octet:03}")),
        }
    }
    out + "\""
}

/// A name with everything but letters, digits, hyphen, underscore and asterisk as `\DDD`.
pub(crate) fn absolute(name: &Name) -> String {
    let mut text = String::new();
    for label in name.labels() {
        for &octet in label {
            match octet {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'*' => text.push(octet as char),
                _ => text.push_str(&format!("\\{octet:03}")),
            }
        }
        text.push('.');
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

/// A zone as a master file: absolute names, every field on every line, tags behind what has them.
pub(crate) fn master_file(zone: &ZoneData) -> String {
    let mut text = String::new();
    for record in &zone.records {
        let owner = absolute(&record.owner);
        let _ =
            write!(text, "{owner} {} IN {} {}", record.ttl, record.rtype, rdata(record.rtype, &record.rdata));
        let proxied = record.tags.proxied.map(|proxied| format!("cf-proxied:{proxied}"));
        let flatten = record.tags.flatten.then(|| "cf-flatten-cname".to_owned());
        let tags: Vec<String> = proxied.into_iter().chain(flatten).collect();
        if !tags.is_empty() {
            let _ = write!(text, " ; cf_tags={}", tags.join(","));
        }
        text.push('\n');
    }
    text
}

/// Everything that a world holds, for a person who has to see why two answers differ.
pub(crate) fn world(world: &World) -> String {
    let mut text = String::new();
    for account in world.accounts.values() {
        let _ = writeln!(
            text,
            "account {}: shared_addresses={} enforce_dns_only={}{}",
            account.id,
            account.shared_addresses,
            account.enforce_dns_only,
            if world.faulty_accounts.contains(&account.id) { " FAULTY" } else { "" },
        );
        for (origin, zone) in &account.zones {
            let _ = writeln!(text, "  zone {origin}: ipv6={} paused={}", zone.ipv6, zone.paused);
        }
    }
    for map in &world.maps {
        let members: Vec<_> = map.memberships.iter().map(|membership| &membership.member).collect();
        let _ = writeln!(
            text,
            "map {} of {}: enabled={} immutable={} members={members:?} {:?} {:?}",
            map.id, map.account, map.enabled, map.immutable, map.ipv4, map.ipv6,
        );
    }
    match &world.anycast {
        Some(anycast) => writeln!(text, "anycast: {:?} {:?}", anycast.ipv4, anycast.ipv6),
        None => writeln!(text, "anycast: none"),
    }
    .expect("a String takes everything");
    if world.faulty_operator {
        text.push_str("the operator's files are FAULTY\n");
    }
    for zone in &world.zones {
        let _ = writeln!(text, "--- zone {} of {}", zone.origin, zone.account);
        match &zone.content {
            ZoneContent::Good(data) => text.push_str(&master_file(data)),
            ZoneContent::Faulty => text.push_str("FAULTY\n"),
        }
    }
    text
}
