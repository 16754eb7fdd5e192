//! `explain`: why a name is answered what it is answered.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::ExplainOptions;
use super::print;
use super::setup::Setup;
use crate::addrmap::precedence::Verdict;
use crate::compile::compile;
use crate::judge::explain::TurnTold;
use crate::judge::{self, Explanation};
use crate::model::Place;
use crate::wire::reader::{MessageRecord, Section};
use crate::zonefile::rdata_text;

/// The files have no generation: they were not published.
const UNPUBLISHED: u64 = 0;

pub(super) fn explain(setup: &Setup, options: &ExplainOptions) -> Result<ExitCode, String> {
    let loaded = setup.load()?;
    setup.tell_errors(&loaded.diagnostics);
    let snapshot = compile(&loaded.world, UNPUBLISHED).snapshot;
    let explanation = judge::explain(&loaded.world, &snapshot, &options.name, options.rtype);
    if options.json {
        print(&format!("{:#}\n", as_json(&explanation)))?;
    } else {
        print(&as_text(&explanation, super::coloured(&std::io::stdout())))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_text(explanation: &Explanation, colour: bool) -> String {
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
    }
    text.push('\n');
    text.push_str(&judge::dig_text(&explanation.answer));
    text
}

fn at(place: Option<&Place>) -> String {
    place.map_or_else(String::new, |place| format!(" ({place})"))
}

fn as_json(explanation: &Explanation) -> Value {
    let answer = &explanation.answer;
    let section = |section| answer.section(section).map(record_json).collect::<Vec<_>>();
    let flag = |bit| answer.header.flags & bit != 0;
    json!({
        "name": explanation.name.to_string(),
        "type": explanation.qtype.to_string(),
        "walk": explanation.turns.iter().map(turn_json).collect::<Vec<_>>(),
        "response": {
            "rcode": answer.rcode().to_string(),
            "aa": flag(crate::wire::Header::AA),
            "answer": section(Section::Answer),
            "authority": section(Section::Authority),
            "additional": section(Section::Additional),
        },
    })
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
