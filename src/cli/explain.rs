//! `explain`: why a name is answered what it is answered.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::ExplainOptions;
use super::setup::Setup;
use super::{ask, print};
use crate::addrmap::precedence::Verdict;
use crate::compile::compile;
use crate::control::talk::{Reply, Request};
use crate::judge::explain::{AddressTold, TurnTold};
use crate::judge::{self, Explanation};
use crate::model::Place;
use crate::wire::reader::{Message, MessageRecord, Section};
use crate::zonefile::rdata_text;

/// The files have no generation: they were not published.
const UNPUBLISHED: u64 = 0;

pub(super) fn explain(setup: &Setup, options: &ExplainOptions) -> Result<ExitCode, String> {
    let colour = super::coloured(&std::io::stdout());
    let text = if options.both {
        let (served, files) = (of_server(setup, options)?, of_files(setup, options)?);
        if options.json { pretty(&both_json(&served, &files)?) } else { both_text(&served, &files, colour)? }
    } else {
        let explanation = if options.files { of_files(setup, options)? } else { of_server(setup, options)? };
        if options.json { pretty(&as_json(&explanation)?) } else { as_text(&explanation, colour)? }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn of_files(setup: &Setup, options: &ExplainOptions) -> Result<Explanation, String> {
    let mut loaded = setup.load()?;
    setup.enable(&mut loaded, options.if_enabled.as_ref())?;
    setup.tell_errors(&loaded.diagnostics);
    let snapshot = compile(&loaded.world, UNPUBLISHED).snapshot;
    Ok(judge::explain(&loaded.world, &snapshot, &options.name, options.rtype))
}

fn of_server(setup: &Setup, options: &ExplainOptions) -> Result<Explanation, String> {
    let (name, rtype) = (options.name.to_string(), options.rtype.to_string());
    let request = match options.at {
        Some(at) => Request::ExplainAt { name, rtype, at },
        None => Request::Explain { name, rtype },
    };
    match ask::ask(setup, &request)? {
        Reply::Explained(explanation) => Ok(*explanation),
        _ => Err(ask::BESIDE_THE_POINT.to_owned()),
    }
}

fn pretty(document: &Value) -> String {
    format!("{document:#}\n")
}

/// Both where they differ, and one with a word where they do not.
fn both_text(served: &Explanation, files: &Explanation, colour: bool) -> Result<String, String> {
    let served_text = as_text(served, colour)?;
    if served.agrees_with(files) {
        return Ok(format!("{served_text}\nthe files say the same\n"));
    }
    let (bold, plain) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let files_text = as_text(files, colour)?;
    Ok(format!(
        "{bold}== served{plain}\n{served_text}\n{bold}== files{plain}\n{files_text}\nthe files say something else than what is served\n"
    ))
}

fn both_json(served: &Explanation, files: &Explanation) -> Result<Value, String> {
    let same = served.agrees_with(files);
    Ok(json!({ "served": as_json(served)?, "files": as_json(files)?, "same": same }))
}

fn message(explanation: &Explanation) -> Result<Message, String> {
    explanation.message().ok_or_else(|| "the server sent an answer that is no DNS message".to_owned())
}

fn as_text(explanation: &Explanation, colour: bool) -> Result<String, String> {
    let (bold, dim, plain) = if colour { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{bold}{} {}{plain}\n", explanation.name, explanation.qtype);
    for turn in &explanation.turns {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}{dim}{}{plain}", turn.text, at(turn.place.as_ref()));
        for level in &turn.levels {
            let mark = if level.verdict == Verdict::Chosen { "->" } else { "  " };
            let places: Vec<String> = level.maps.iter().map(|(_, place)| place.to_string()).collect();
            let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
            let _ = writeln!(text, "    {mark} {:<17} {}{dim}{places}{plain}", level.level, level.reason);
        }
        for AddressTold { address, eligible, text: why, place } in &turn.addresses {
            let (mark, end) = if *eligible { ("  ", "") } else { ("!!", ", and may not serve") };
            let place = at(place.as_ref());
            let _ = writeln!(text, "    {mark} {:<17} {address} is {why}{end}{dim}{place}{plain}", "ledger");
        }
    }
    text.push('\n');
    text.push_str(&judge::dig_text(&message(explanation)?));
    Ok(text)
}

fn at(place: Option<&Place>) -> String {
    place.map_or_else(String::new, |place| format!(" ({place})"))
}

fn as_json(explanation: &Explanation) -> Result<Value, String> {
    let answer = message(explanation)?;
    let section = |section| answer.section(section).map(record_json).collect::<Vec<_>>();
    let flag = |bit| answer.header.flags & bit != 0;
    Ok(json!({
        "name": explanation.name,
        "type": explanation.qtype,
        "walk": explanation.turns.iter().map(turn_json).collect::<Vec<_>>(),
        "response": {
            "rcode": answer.rcode().to_string(),
            "aa": flag(crate::wire::Header::AA),
            "answer": section(Section::Answer),
            "authority": section(Section::Authority),
            "additional": section(Section::Additional),
        },
    }))
}

fn turn_json(turn: &TurnTold) -> Value {
    let mut value =
        json!({ "step": turn.kind, "text": turn.text, "place": turn.place.as_ref().map(place_json) });
    if !turn.levels.is_empty() {
        let levels = turn.levels.iter().map(|level| {
            let maps = level.maps.iter().map(|(id, place)| json!({ "id": id, "place": place_json(place) }));
            json!({
                "source": level.source,
                "verdict": level.verdict.as_str(),
                "reason": level.reason,
                "maps": maps.collect::<Vec<_>>(),
            })
        });
        value["levels"] = levels.collect();
    }
    if !turn.addresses.is_empty() {
        let addresses = turn.addresses.iter().map(|AddressTold { address, eligible, text, place }| {
            json!({
                "address": address.to_string(),
                "eligible": eligible,
                "reason": text,
                "place": place.as_ref().map(place_json),
            })
        });
        value["addresses"] = addresses.collect();
    }
    value
}

fn place_json(place: &Place) -> Value {
    json!({ "file": &*place.file, "line": place.line })
}

fn record_json(record: &MessageRecord) -> Value {
    json!({
        "name": record.owner.to_string(),
        "ttl": record.ttl,
        "class": record.class.to_string(),
        "type": record.rtype.to_string(),
        "data": rdata_text(record.rtype, &record.rdata),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer without records, from a turn at a line.
    fn explanation(text: &str, line: u32) -> Explanation {
        let place = Some(Place::line(&"zones/a.example.zone".into(), line));
        let turn = TurnTold {
            kind: "exact".into(),
            text: text.into(),
            place,
            levels: Vec::new(),
            addresses: Vec::new(),
        };
        let answer = b"\0\0\x84\0\0\0\0\0\0\0\0\0".to_vec();
        Explanation { name: "a.example.".into(), qtype: "A".into(), turns: vec![turn], answer }
    }

    const ANSWER: &str = "\n;; ->>HEADER<<- opcode: QUERY, status: NOERROR\n\
                          ;; flags: qr aa; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0\n";

    #[test]
    fn what_is_the_same_is_shown_once() {
        let (served, files) = (explanation("the name exists", 3), explanation("the name exists", 4));
        let expected = format!(
            "a.example. A\n  the name exists (zones/a.example.zone:3)\n{ANSWER}\nthe files say the same\n"
        );
        assert_eq!(both_text(&served, &files, false).unwrap(), expected);
        assert_eq!(both_json(&served, &files).unwrap()["same"], true);
    }

    #[test]
    fn what_differs_is_shown_twice() {
        let (served, files) = (explanation("the name exists", 3), explanation("the name is gone", 3));
        let expected = format!(
            "== served\na.example. A\n  the name exists (zones/a.example.zone:3)\n{ANSWER}\n\
             == files\na.example. A\n  the name is gone (zones/a.example.zone:3)\n{ANSWER}\n\
             the files say something else than what is served\n"
        );
        assert_eq!(both_text(&served, &files, false).unwrap(), expected);
        let document = both_json(&served, &files).unwrap();
        assert_eq!(document["same"], false);
        assert_eq!(document["files"]["walk"][0]["text"], "the name is gone");
        let other_answer = Explanation { answer: b"\0\0\x80\0\0\0\0\0\0\0\0\0".to_vec(), ..served.clone() };
        assert_eq!(both_json(&served, &other_answer).unwrap()["same"], false);
    }

    #[test]
    fn an_answer_that_is_none_is_an_error() {
        let broken = Explanation { answer: vec![1, 2, 3], ..explanation("x", 1) };
        assert!(as_text(&broken, false).is_err() && as_json(&broken).is_err());
    }
}
