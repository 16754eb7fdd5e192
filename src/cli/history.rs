//! `history` and `show`: what is remembered of earlier generations.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::args::{HistoryOptions, ShowOptions};
use super::moment::Moment;
use super::render::harmless;
use super::setup::Setup;
use super::status::trigger;
use super::told::{self, INDENT, counted};
use super::{ask, print};
use crate::control::history::{FileTold, History, Shown};
use crate::control::report::Entry;
use crate::control::talk::{Reply, Request};
use crate::judge::plan::Counts;

/// Digits of a commit that tell it from all others.
const COMMIT: usize = 12;

pub(super) fn history(setup: &Setup, options: &HistoryOptions) -> Result<ExitCode, String> {
    let Reply::History(history) = ask::ask(setup, &Request::History { limit: options.limit })? else {
        return Err(ask::BESIDE_THE_POINT.to_owned());
    };
    print(&if options.json { told::json(&history) } else { listed(&history, Moment::now()) })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show(setup: &Setup, options: &ShowOptions) -> Result<ExitCode, String> {
    let Reply::Shown(shown) = ask::ask(setup, &Request::Show { at: options.at })? else {
        return Err(ask::BESIDE_THE_POINT.to_owned());
    };
    print(&if options.json { told::json(&shown) } else { whole(&shown, Moment::now()) })?;
    Ok(ExitCode::SUCCESS)
}

fn listed(history: &History, now: Moment) -> String {
    let mut text = String::new();
    for entry in &history.entries {
        let mark = if entry.generation == history.served { '*' } else { ' ' };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark} {}", line(entry, now));
    }
    let more = history.kept.saturating_sub(history.entries.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "  and {more} older: --limit {}", history.kept);
    }
    text
}

/// A generation on one line.
pub(super) fn line(entry: &Entry, now: Moment) -> String {
    let at = Moment(entry.at);
    let mut text = format!("{}  {at} ({} ago)", entry.generation, at.age(now));
    if is_unknown(entry) {
        return text + ", by an earlier version: nothing is noted";
    }
    let changed = told::changed(&entry.units, &entry.zones);
    // Writing to a String cannot fail.
    let _ = write!(text, ", {}: {changed}", trigger(entry.trigger));
    if let Some(commit) = &entry.commit {
        let _ = write!(text, ", commit {}", short(commit));
    }
    if let Some(by) = &entry.by {
        let _ = write!(text, ", by {}", harmless(by));
    }
    if let Some(reason) = &entry.reason {
        let _ = write!(text, ": {}", harmless(reason));
    }
    if let Some(approval) = entry.approved.first() {
        let more = match entry.approved.len() - 1 {
            0 => String::new(),
            more => format!(" and {}", counted(more as u64, "more approval")),
        };
        let _ =
            write!(text, ", approved by {}: {}{more}", harmless(&approval.by), harmless(&approval.reason));
    }
    text
}

/// Whether nothing was noted when it was published.
fn is_unknown(entry: &Entry) -> bool {
    let nothing = Entry { generation: entry.generation, at: entry.at, ..Entry::default() };
    *entry == nothing
}

/// A commit as people write it; what is more than an id is left as it is.
fn short(commit: &str) -> String {
    let is_id = commit.len() > COMMIT && commit.bytes().all(|octet| octet.is_ascii_hexdigit());
    if is_id { commit[..COMMIT].to_owned() } else { harmless(commit) }
}

fn whole(shown: &Shown, now: Moment) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, shown, now);
    text
}

fn write(text: &mut String, shown: &Shown, now: Moment) -> std::fmt::Result {
    let entry = &shown.entry;
    let at = Moment(entry.at);
    let served = if shown.is_served { ", served now" } else { "" };
    writeln!(text, "generation  {}, published {at} ({} ago){served}", entry.generation, at.age(now))?;
    if is_unknown(entry) {
        writeln!(text, "noted       nothing: an earlier version published it")?;
    } else {
        writeln!(text, "trigger     {}", trigger(entry.trigger))?;
        writeln!(text, "changed     {}", told::changed(&entry.units, &entry.zones))?;
    }
    let fields = [("commit", &entry.commit), ("by", &entry.by), ("reason", &entry.reason)];
    for (label, value) in fields {
        if let Some(value) = value {
            writeln!(text, "{label:<12}{}", harmless(value))?;
        }
    }
    text.push_str(&told::approvals(&entry.approved));
    if let Some(counts) = &entry.plan {
        writeln!(text, "plan        {}", plan_words(counts))?;
    }
    if let Some(proof) = &entry.proof {
        let (zones, questions) = (counted(proof.zones, "zone"), counted(proof.questions, "question"));
        writeln!(text, "proof       {zones}, {questions}, {} broken", proof.broken)?;
    }
    for earlier in &shown.earlier {
        writeln!(text, "with it     {}", line(earlier, now))?;
    }
    if shown.is_oldest {
        return writeln!(text, "files       the oldest that is remembered: what it changed is not known");
    }
    text.push_str(&files(&shown.files, shown.files_changed));
    Ok(())
}

/// Files that differ, a line each.
pub(super) fn files(files: &[FileTold], count: u64) -> String {
    let mut text = format!("files       {} changed\n", counted(count, "file"));
    for file in files {
        text.push_str(&format!("{INDENT}{} {}\n", file.change, harmless(&file.file)));
    }
    let more = count.saturating_sub(files.len() as u64);
    if more > 0 {
        text.push_str(&format!("{INDENT}and {more} more\n"));
    }
    text
}

/// What a generation answered otherwise, on one line.
fn plan_words(counts: &Counts) -> String {
    let mut words = vec![format!("{} answered otherwise", counted(counts.names_otherwise(), "name"))];
    let more = [
        (counts.names_unproxied, "no longer proxied"),
        (counts.zones_new, "zones new"),
        (counts.zones_gone, "zones gone"),
        (counts.addresses_gone, "addresses gone"),
    ];
    words.extend(more.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::report::{ApprovalTold, Outcome, Trigger};

    const NOW: Moment = Moment(1_795_356_131);

    fn entry() -> Entry {
        Entry {
            generation: 1_795_356_000,
            at: 1_795_356_000,
            trigger: Trigger::Files,
            units: vec!["account acme".into()],
            zones: vec!["~shop.example.".into()],
            outcome: Outcome::Published,
            commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
            by: Some("al\u{7}ice".into()),
            reason: Some("the partner moved".into()),
            ..Entry::default()
        }
    }

    #[test]
    fn a_generation_takes_a_line() {
        let bare = Entry { generation: 7, at: 1_795_356_000, ..Entry::default() };
        let history = History { served: 1_795_356_000, kept: 5, entries: vec![entry(), bare] };
        assert_eq!(
            listed(&history, NOW),
            "* 1795356000  2026-11-22 14:00:00Z (2 min ago), files: 1 zone of account acme changed \
             (~shop.example.), commit 0123456789ab, by al␇ice: the partner moved\n\
             \x20 7  2026-11-22 14:00:00Z (2 min ago), by an earlier version: nothing is noted\n\
             \x20 and 3 older: --limit 5\n"
        );
    }

    #[test]
    fn whoever_approved_is_told() {
        let approval = |by: &str| ApprovalTold {
            unit: "account acme".into(),
            digest: "3067f35cb6992724c08ceeb66535f8d2".into(),
            by: by.into(),
            reason: "moved away".into(),
            place: None,
        };
        let told = |approved: Vec<ApprovalTold>| Entry { approved, by: None, reason: None, ..entry() };
        let one = told(vec![approval("kim")]);
        assert!(line(&one, NOW).ends_with(", approved by kim: moved away"), "{}", line(&one, NOW));
        let two = told(vec![approval("kim"), approval("lee")]);
        assert!(line(&two, NOW).ends_with(", approved by kim: moved away and 1 more approval"));
        let shown = Shown { entry: two, ..Shown::default() };
        let text = whole(&shown, NOW);
        assert!(
            text.contains(
                "approved    account acme by kim: moved away\napproved    account acme by lee: moved away\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn one_generation_is_told_whole() {
        let file = FileTold {
            change: "~".into(),
            file: "zones/acme/shop.example.zone".into(),
            ..FileTold::default()
        };
        let shown = Shown {
            entry: entry(),
            is_served: true,
            files_changed: 2,
            files: vec![file],
            ..Shown::default()
        };
        assert_eq!(
            whole(&shown, NOW),
            "generation  1795356000, published 2026-11-22 14:00:00Z (2 min ago), served now\n\
             trigger     files\n\
             changed     1 zone of account acme changed (~shop.example.)\n\
             commit      0123456789abcdef0123456789abcdef01234567\n\
             by          al␇ice\n\
             reason      the partner moved\n\
             files       2 files changed\n\
             \x20           ~ zones/acme/shop.example.zone\n\
             \x20           and 1 more\n"
        );
    }
}
