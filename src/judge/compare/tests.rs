use super::*;
use crate::judge::testing::{ZONE, data, name, world};
use crate::wire::Header;

/// What a server answers that holds this zone and knows nothing of proxied names.
fn server(text: &str) -> Snapshot {
    Candidate::new(&mut world(text)).stored
}

/// The reasons of all differences between a server and files, by question.
fn differences(server_text: &str, files: &str) -> Vec<(String, Reason)> {
    let (server, candidate) = (server(server_text), Candidate::new(&mut world(files)));
    let compared = questions(&data(files)).into_iter().filter_map(|(name, qtype)| {
        let theirs = say(&server, &name, qtype).0;
        let found = candidate.compare(&name, qtype, &theirs)?;
        Some((format!("{name} {qtype}"), found.reason))
    });
    compared.collect()
}

/// The same, of what counts.
fn counted(server: &str, files: &str) -> Vec<(String, Reason)> {
    let mut found = differences(server, files);
    found.retain(|(_, reason)| reason.weight() == Weight::Difference);
    found
}

fn one(question: &str, reason: Reason) -> (String, Reason) {
    (question.to_owned(), reason)
}

#[test]
fn the_same_files_differ_only_where_names_are_proxied() {
    let found = differences(ZONE, ZONE);
    let named: Vec<_> = found.iter().map(|(question, _)| question.as_str()).collect();
    // The alias hides all types there; what it hides is told by its CNAME.
    let of_alias = ["A", "AAAA", "CNAME", "DNAME", "MX", "NS", "SOA", "SRV", "TXT"]
        .map(|qtype| format!("alias.example. {qtype}"));
    assert!(of_alias.iter().all(|question| named.contains(&question.as_str())), "{named:?}");
    assert!(named.contains(&"www.example. A") && named.contains(&"www.example. AAAA"), "{named:?}");
    assert_eq!(named.len(), of_alias.len() + 2, "{named:?}");
    assert!(found.iter().all(|(_, reason)| *reason == Reason::Proxied), "{found:?}");
}

#[test]
fn every_difference_has_its_reason() {
    let with = |from: &str, to: &str| {
        let text = ZONE.replace(from, to);
        assert_ne!(text, ZONE);
        text
    };
    let cases = [
        (with("A 192.0.2.1\n", "A 192.0.2.9\n"), "plain.example. A", Reason::Records),
        (with("plain 60 IN A", "plain 61 IN A"), "plain.example. A", Reason::Ttl),
        (with("plain 60", "plain 60 IN A 192.0.2.8\nplain 60"), "plain.example. A", Reason::Missing),
        (with("deep.er 60 IN AAAA", "deep.er 60 IN TXT a ;"), "deep.er.example. AAAA", Reason::Extra),
        (with("deep.er", "deeper"), "deep.er.example. AAAA", Reason::Rcode),
        (with("sub 60 IN NS ns.sub\n", ""), "sub.example. A", Reason::Authoritative),
        (with("sub 60 IN NS ns.sub\n", "sub 60 IN NS ns.else.\n"), "sub.example. A", Reason::Records),
        (with("3600 IN NS ns.invalid.", "3600 IN NS ns.other."), "example. NS", Reason::NameServers),
        (with("h. 1 7200", "h. 2 7200"), "example. SOA", Reason::Serial),
        (with("h. 1 7200", "h. 2 7201"), "example. SOA", Reason::Records),
        (with("A 198.51.100.1", "A 198.51.100.77"), "www.example. A", Reason::Origin),
        (with("www 60 IN A 198.51.100.1 ; cf_tags=cf-proxied:true\n", ""), "www.example. A", Reason::Rcode),
        (with("d 60 IN DNAME else.", "d 60 IN DNAME other."), "d.example. DNAME", Reason::Records),
    ];
    for (text, question, reason) in &cases {
        let found = counted(text, ZONE);
        assert!(found.contains(&one(question, *reason)), "{question} {reason:?}: {found:?}");
    }
}

#[test]
fn a_wildcard_that_only_the_server_has_is_found() {
    let found = counted(&format!("{ZONE}*.plain 60 IN A 192.0.2.7\n"), ZONE);
    assert!(found.contains(&one("portolan-compare.plain.example. A", Reason::Rcode)), "{found:?}");
}

#[test]
fn the_stored_ttl_of_a_proxied_name_does_not_matter() {
    let text = ZONE.replace("www 60", "www 1").replace("alias 60", "alias 9");
    assert_eq!(counted(&text, ZONE), []);
}

#[test]
fn other_types_of_a_proxied_name_are_compared_as_they_are() {
    let text = format!("{ZONE}www 60 IN TXT \"one\"\n");
    let (ttl, other) = (text.replace("www 60 IN TXT", "www 61 IN TXT"), text.replace("\"one\"", "\"two\""));
    assert_eq!(counted(&ttl, &text), [one("www.example. TXT", Reason::Ttl)]);
    assert_eq!(counted(&other, &text), [one("www.example. TXT", Reason::Records)]);
}

#[test]
fn what_stands_beside_an_answer_is_only_told() {
    let candidate = Candidate::new(&mut world(ZONE));
    let question = (name("plain.example."), RrType::A);
    let mut theirs = say(&candidate.served, &question.0, question.1).0;
    assert_eq!(candidate.compare(&question.0, question.1, &theirs), None);
    let apex = say(&candidate.served, &name("example."), RrType::NS).0;
    for (section, reason) in
        [(Section::Additional, Reason::Additional), (Section::Authority, Reason::Authority)]
    {
        theirs.records.push(crate::wire::reader::MessageRecord { section, ..apex.records[0].clone() });
        let found = candidate.compare(&question.0, question.1, &theirs).unwrap();
        assert_eq!((found.reason, found.reason.weight()), (reason, Weight::Note));
    }
    theirs.header.flags &= !Header::AA;
    let found = candidate.compare(&question.0, question.1, &theirs).unwrap();
    assert_eq!(found.reason, Reason::Authoritative);
    assert_eq!(found.server, "NOERROR 60 A 192.0.2.1");
    assert_eq!(found.files, "NOERROR aa 60 A 192.0.2.1");
}

/// `out` leads out of the zone. A server that has the target too follows it.
#[test]
fn an_alias_that_one_of_them_follows_further_is_only_told() {
    let candidate = Candidate::new(&mut world(ZONE));
    let out = name("out.example.");
    let mut theirs = say(&candidate.served, &out, RrType::A).0;
    let mut address = say(&candidate.served, &name("plain.example."), RrType::A).0.records.remove(0);
    address.owner = name("plain.invalid.");
    theirs.records.insert(1, address);
    assert_eq!(candidate.compare(&out, RrType::A, &theirs).unwrap().reason, Reason::Alias);
    // The target is ours, and the server says that it is not there: that is no alias left open.
    let inside = name("in.example.");
    let mut theirs = say(&candidate.served, &inside, RrType::A).0;
    theirs.records.retain(|record| record.rtype != RrType::A);
    assert_eq!(candidate.compare(&inside, RrType::A, &theirs).unwrap().reason, Reason::Alias);
    theirs.header.flags |= Rcode::NXDOMAIN.0;
    assert_eq!(candidate.compare(&inside, RrType::A, &theirs).unwrap().reason, Reason::Rcode);
    // And the other way round: the files lack the target, in a zone of theirs.
    let lacking = ZONE.replace("plain 60 IN A 192.0.2.1\n", "");
    let found = differences(ZONE, &lacking);
    assert!(found.contains(&one("in.example. A", Reason::Rcode)), "{found:?}");
}

#[test]
fn the_case_of_names_and_the_order_of_records_do_not_count() {
    let text = format!("{ZONE}two 60 IN MX 1 plain\ntwo 60 IN MX 2 in\n");
    let shuffled =
        format!("{}two 60 IN MX 2 IN\nTWO 60 IN MX 1 Plain\n", ZONE.replace("ns.invalid", "NS.Invalid"));
    assert_eq!(counted(&shuffled, &text), []);
}

#[test]
fn a_report_counts_by_reason_and_keeps_the_first() {
    let mut gathered = Gathered::default();
    let finding = |reason| Some(Finding { reason, server: "s".into(), files: "f".into() });
    for number in 0..KEPT + 5 {
        gathered.add(&name(&format!("n{number:03}.example.")), RrType::A, finding(Reason::Ttl));
    }
    gathered.add(&name("p.example."), RrType::A, finding(Reason::Proxied));
    gathered.add(&name("a.example."), RrType::MX, finding(Reason::Authority));
    gathered.add(&name("b.example."), RrType::MX, None);
    gathered.add(&name("c.example."), RrType::MX, finding(Reason::NoAnswer));
    assert_eq!(gathered.so_far(), (KEPT as u64 + 9, KEPT as u64 + 6));
    let report = gathered.report();
    assert_eq!((report.differences, report.expected, report.notes), (KEPT as u64 + 6, 1, 1));
    let reasons: Vec<_> = report.groups.iter().map(|group| group.reason).collect();
    assert_eq!(reasons, [Reason::NoAnswer, Reason::Ttl, Reason::Proxied, Reason::Authority]);
    assert_eq!((report.groups[1].count, report.groups[1].first.len()), (KEPT as u64 + 5, KEPT));
    let json = serde_json::to_value(&report.groups[1]).unwrap();
    assert_eq!(
        (&json["reason"], &json["weight"], &json["first"][0]["type"]),
        (&"ttl".into(), &"difference".into(), &"A".into())
    );
}

#[test]
fn every_reason_has_its_row_in_the_manual() {
    let page = include_str!("../../manual/compare.md");
    for reason in Reason::ALL {
        let word = serde_json::to_value(reason).unwrap();
        let weight = match reason.weight() {
            Weight::Difference => "difference",
            Weight::Expected => "by design",
            Weight::Note => "note",
        };
        let row = format!("| `{}` | {weight} |", word.as_str().unwrap());
        assert!(page.contains(&row), "{row}");
    }
}
