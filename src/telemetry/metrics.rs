//! Metrics as text: the Prometheus exposition format 0.0.4.

use std::fmt::{self, Display, Write};
use std::time::{Duration, SystemTime};

use super::changes::{Changes, OUTCOMES};
use super::counters::{Cell, Counters, Family, NONE, Transport};
use crate::model::AddressSource;

/// The `Content-Type` of [`render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is served, in numbers; the caller fills it from the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Zones served.
    pub zones: u64,
    /// Zones that are answered SERVFAIL because their files have errors.
    pub held_back: u64,
    /// Names in all zones.
    pub names: u64,
    /// Address maps.
    pub maps: u64,
    /// Number of the state that is served.
    pub generation: u64,
}

/// All metrics. `now` is what the ages of what is held are counted to.
pub fn render(
    counters: &Counters,
    facts: &Facts,
    changes: &Changes,
    started: SystemTime,
    now: SystemTime,
) -> String {
    let mut page = Page(String::with_capacity(8 * 1024));
    // Writing to a String cannot fail.
    let _ =
        write_all(&mut page, counters, facts, started).and_then(|()| write_changes(&mut page, changes, now));
    page.0
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

fn write_changes(page: &mut Page, changes: &Changes, now: SystemTime) -> fmt::Result {
    let counted = changes.read();
    page.head("portolan_changes_total", "counter", "Changes taken up, by what came of them.")?;
    for (outcome, count) in OUTCOMES.iter().zip(counted.outcomes) {
        page.sample("portolan_changes_total", &[("outcome", outcome)], count)?;
    }
    let name = "portolan_change_duration_seconds";
    page.head(name, "summary", "From reading to publishing, of all changes.")?;
    page.sample(&format!("{name}_sum"), &[], counted.took.as_secs_f64())?;
    page.sample(&format!("{name}_count"), &[], counted.outcomes.iter().sum::<u64>())?;
    page.head("portolan_last_change_duration_seconds", "gauge", "The same of the last change.")?;
    page.sample("portolan_last_change_duration_seconds", &[], counted.last.took.as_secs_f64())?;
    for (name, value, help) in [
        ("portolan_files_read_total", counted.files_read, "Files whose content was read for changes."),
        ("portolan_zones_compiled_total", counted.zones_compiled, "Zones compiled for changes."),
    ] {
        page.head(name, "counter", help)?;
        page.sample(name, &[], value)?;
    }
    for (name, value, help) in [
        (
            "portolan_last_change_success_timestamp_seconds",
            counted.last_success,
            "When a change was last published or found to change nothing, in seconds since the epoch; 0 for never.",
        ),
        ("portolan_last_change_files", counted.last.files_read, "Files read for the last change."),
        ("portolan_last_change_zones", counted.last.zones_compiled, "Zones compiled for the last change."),
        (
            "portolan_accounts_held",
            counted.held,
            "Accounts, zones of the account default and operator's files whose change is not accepted.",
        ),
        (
            "portolan_sources_in_sync",
            counted.in_sync.into(),
            "1 if what is served is what the files say, else 0.",
        ),
        (
            "portolan_state_writable",
            counted.state_writable.into(),
            "1 if the state folder can be written, else 0: then changes are refused.",
        ),
    ] {
        page.head(name, "gauge", help)?;
        page.sample(name, &[], value)?;
    }
    let now = since_epoch(now).as_secs();
    let help = "1 if what is served was found to be what is remembered, and proven, else 0; nothing before the first audit.";
    page.head("portolan_audit_ok", "gauge", help)?;
    if let Some((ok, _)) = counted.audit {
        page.sample("portolan_audit_ok", &[], u64::from(ok))?;
    }
    page.head("portolan_audit_age_seconds", "gauge", "Since the last audit.")?;
    if let Some((_, at)) = counted.audit {
        page.sample("portolan_audit_age_seconds", &[], now.saturating_sub(at))?;
    }
    page.head("portolan_held_seconds", "gauge", "For how long a unit is held; of many the first hundred.")?;
    for (unit, since) in &counted.named {
        page.sample("portolan_held_seconds", &[("unit", &escaped(unit))], now.saturating_sub(*since))?;
    }
    Ok(())
}

/// A text as the value of a label (exposition format 0.0.4): backslash, quote and line end are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn write_all(page: &mut Page, counters: &Counters, facts: &Facts, started: SystemTime) -> fmt::Result {
    page.head(
        "portolan_queries_total",
        "counter",
        "Messages answered, by transport, type and response code.",
    )?;
    for transport in Transport::ALL {
        for (rtype, rcode, count) in counters.sum(Some(transport), None).answers() {
            let labels = [("transport", transport.as_str()), ("type", rtype), ("rcode", rcode)];
            page.sample("portolan_queries_total", &labels, count)?;
        }
    }
    let all = counters.sum(None, None);
    page.head(
        "portolan_answers_total",
        "counter",
        "Answers by the level that gave the addresses of a proxied name.",
    )?;
    for source in AddressSource::ALL {
        page.sample("portolan_answers_total", &[("source", source.as_str())], all.source(Some(source)))?;
    }
    page.sample("portolan_answers_total", &[("source", NONE)], all.source(None))?;

    for (name, cell, help) in [
        ("portolan_messages_received_total", Cell::Received, "Messages received, answered or not."),
        ("portolan_received_bytes_total", Cell::BytesReceived, "Octets of the messages received."),
        ("portolan_sent_bytes_total", Cell::BytesSent, "Octets of the answers."),
    ] {
        page.head(name, "counter", help)?;
        for transport in Transport::ALL {
            for family in Family::ALL {
                let count = counters.sum(Some(transport), Some(family)).get(cell);
                let labels = [("transport", transport.as_str()), ("family", family.as_str())];
                page.sample(name, &labels, count)?;
            }
        }
    }
    for (name, cell, help) in [
        ("portolan_truncated_total", Cell::Truncated, "Answers with the TC bit."),
        ("portolan_malformed_total", Cell::Malformed, "Messages that were no well-formed query."),
        ("portolan_dropped_total", Cell::Dropped, "Messages that got no answer."),
        ("portolan_panics_total", Cell::Panics, "Messages whose answer ended in a panic; each is logged."),
        (
            "portolan_unusual_total",
            Cell::Unusual,
            "Messages that plain load is not made of, answered beside it at lower priority.",
        ),
        (
            "portolan_unusual_dropped_total",
            Cell::UnusualDropped,
            "Unusual messages dropped because too many waited.",
        ),
        ("portolan_receive_errors_total", Cell::ReceiveErrors, "Receives that failed."),
        ("portolan_send_errors_total", Cell::SendErrors, "Answers that could not be sent."),
    ] {
        page.head(name, "counter", help)?;
        for transport in Transport::ALL {
            let count = counters.sum(Some(transport), None).get(cell);
            page.sample(name, &[("transport", transport.as_str())], count)?;
        }
    }
    write_connections(page, counters)?;
    for (name, value, help) in [
        ("portolan_zones", facts.zones, "Zones served."),
        ("portolan_zones_held_back", facts.held_back, "Zones answered SERVFAIL for errors in their files."),
        ("portolan_names", facts.names, "Names in the zones served."),
        ("portolan_address_maps", facts.maps, "Address maps known."),
        ("portolan_generation", facts.generation, "Number of the state that is served."),
    ] {
        page.head(name, "gauge", help)?;
        page.sample(name, &[], value)?;
    }
    page.head(
        "portolan_start_time_seconds",
        "gauge",
        "When the server started, in seconds since the epoch.",
    )?;
    page.sample("portolan_start_time_seconds", &[], since_epoch(started).as_secs_f64())?;
    page.head("portolan_build_info", "gauge", "Always 1; the version stands in the label.")?;
    page.sample("portolan_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1)
}

/// The connections of TCP.
fn write_connections(page: &mut Page, counters: &Counters) -> fmt::Result {
    let sums = Family::ALL.map(|family| (family, counters.sum(Some(Transport::Tcp), Some(family))));
    page.head("portolan_tcp_connections", "gauge", "TCP connections that are open.")?;
    for (family, sums) in &sums {
        let open = sums.get(Cell::Accepted).saturating_sub(sums.get(Cell::Closed));
        page.sample("portolan_tcp_connections", &[("family", family.as_str())], open)?;
    }
    page.head("portolan_tcp_accepted_total", "counter", "TCP connections accepted.")?;
    for (family, sums) in &sums {
        let labels = [("family", family.as_str())];
        page.sample("portolan_tcp_accepted_total", &labels, sums.get(Cell::Accepted))?;
    }
    for (name, help, reasons) in [
        (
            "portolan_tcp_refused_total",
            "TCP connections refused because there were too many, overall or from one network.",
            &[("limit", Cell::RefusedLimit), ("prefix", Cell::RefusedPrefix)][..],
        ),
        (
            "portolan_tcp_cut_total",
            "TCP connections closed by the server: idle, too slow, or to make room for another.",
            &[("idle", Cell::ClosedIdle), ("slow", Cell::ClosedSlow), ("room", Cell::ClosedForRoom)],
        ),
    ] {
        page.head(name, "counter", help)?;
        for (reason, cell) in reasons {
            for (family, sums) in &sums {
                let labels = [("reason", *reason), ("family", family.as_str())];
                page.sample(name, &labels, sums.get(*cell))?;
            }
        }
    }
    Ok(())
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) -> fmt::Result {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    /// Label values come from tables of ours and need no escapes; others are [`escaped`] before.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) -> fmt::Result {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            write!(self.0, "{}{label}=\"{text}\"", if index == 0 { '{' } else { ',' })?;
        }
        writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::changes::{Done, MAX_HELD};
    use super::super::counters::Reply;
    use super::*;
    use crate::wire::{Rcode, RrType};

    fn page() -> String {
        let counters = Counters::new();
        let block = counters.block(Transport::Udp, Family::V4);
        block.received(33);
        block.replied(&Reply {
            len: 49,
            rcode: Rcode::NOERROR,
            qtype: Some(RrType::A),
            source: Some(AddressSource::AccountMap),
            truncated: false,
            malformed: false,
        });
        let tcp = counters.block(Transport::Tcp, Family::V6);
        for cell in [Cell::Accepted, Cell::Accepted, Cell::Accepted, Cell::Closed, Cell::ClosedSlow] {
            tcp.bump(cell);
        }
        tcp.bump(Cell::RefusedPrefix);
        let facts = Facts { zones: 3, held_back: 1, names: 40, maps: 5, generation: 7 };
        render(&counters, &facts, &changes(), at(1.5), at(2000.9))
    }

    fn at(seconds: f64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    fn changes() -> Changes {
        let changes = Changes::new();
        let took = Duration::from_millis(250);
        changes.done(Done { outcome: "published", at: 1000, took, files_read: 3, zones_compiled: 2 });
        changes.done(Done { outcome: "held", at: 1500, took: 2 * took, files_read: 1, zones_compiled: 0 });
        changes.hold([("account acme", 1500), ("zone a\\\"\n.example.", 3000)]);
        changes.set_in_sync(false);
        changes
    }

    #[test]
    fn changes_are_counted_by_what_came_of_them() {
        let page = page();
        for line in [
            r#"portolan_changes_total{outcome="published"} 1"#,
            r#"portolan_changes_total{outcome="unchanged"} 0"#,
            r#"portolan_changes_total{outcome="held"} 1"#,
            "portolan_change_duration_seconds_sum 0.75",
            "portolan_change_duration_seconds_count 2",
            "portolan_last_change_duration_seconds 0.5",
            "portolan_files_read_total 4",
            "portolan_zones_compiled_total 2",
            // The last one was held: no success.
            "portolan_last_change_success_timestamp_seconds 1000",
            "portolan_last_change_files 1",
            "portolan_last_change_zones 0",
            "portolan_accounts_held 2",
            "portolan_sources_in_sync 0",
            "portolan_state_writable 1",
            r#"portolan_held_seconds{unit="account acme"} 500"#,
            // Held from a moment that this clock has not seen yet, and named by somebody who means harm.
            r#"portolan_held_seconds{unit="zone a\\\"\n.example."} 0"#,
        ] {
            assert!(page.lines().any(|found| found == line), "missing: {line}\n{page}");
        }
    }

    #[test]
    fn many_that_are_held_are_counted_but_not_named() {
        let changes = Changes::new();
        let units: Vec<String> = (0..MAX_HELD + 1).map(|unit| format!("account a{unit}")).collect();
        changes.hold(units.iter().map(|unit| (unit.as_str(), 0)));
        let page = render(&Counters::new(), &Facts::default(), &changes, at(0.0), at(0.0));
        assert!(page.contains("\nportolan_accounts_held 101\n"));
        assert_eq!(page.matches("portolan_held_seconds{").count(), MAX_HELD);
        changes.hold([]);
        changes.set_state_writable(false);
        let page = render(&Counters::new(), &Facts::default(), &changes, at(0.0), at(0.0));
        assert!(page.contains("\nportolan_accounts_held 0\n") && !page.contains("portolan_held_seconds{"));
        assert!(page.contains("\nportolan_state_writable 0\n"));
    }

    #[test]
    fn samples_read_as_the_names_promise() {
        let page = page();
        for line in [
            r#"portolan_queries_total{transport="udp",type="A",rcode="NOERROR"} 1"#,
            r#"portolan_answers_total{source="account_map"} 1"#,
            r#"portolan_answers_total{source="none"} 0"#,
            r#"portolan_received_bytes_total{transport="udp",family="ipv4"} 33"#,
            r#"portolan_sent_bytes_total{transport="udp",family="ipv4"} 49"#,
            r#"portolan_truncated_total{transport="tcp"} 0"#,
            r#"portolan_tcp_connections{family="ipv6"} 2"#,
            r#"portolan_tcp_accepted_total{family="ipv6"} 3"#,
            r#"portolan_tcp_refused_total{reason="prefix",family="ipv6"} 1"#,
            r#"portolan_tcp_cut_total{reason="slow",family="ipv6"} 1"#,
            r#"portolan_tcp_cut_total{reason="idle",family="ipv6"} 0"#,
            "portolan_zones 3",
            "portolan_zones_held_back 1",
            "portolan_names 40",
            "portolan_address_maps 5",
            "portolan_generation 7",
            "portolan_start_time_seconds 1.5",
        ] {
            assert!(page.lines().any(|found| found == line), "missing: {line}\n{page}");
        }
    }

    /// The rules of the text format that a scraper depends on.
    #[test]
    fn every_family_has_one_head_and_every_line_is_a_sample_or_a_head() {
        let page = page();
        assert!(page.ends_with('\n'));
        let mut typed = BTreeSet::new();
        let mut samples = BTreeSet::new();
        for line in page.lines() {
            if let Some(head) = line.strip_prefix("# TYPE ") {
                let (name, kind) = head.split_once(' ').unwrap();
                assert!(matches!(kind, "counter" | "gauge" | "summary"), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(typed.insert(name), "two heads: {name}");
            } else if !line.starts_with("# HELP ") {
                let (series, value) = line.rsplit_once(' ').unwrap();
                value.parse::<f64>().unwrap();
                let name = series.split('{').next().unwrap();
                let of_summary = name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count"));
                assert!(
                    typed.contains(name) || of_summary.is_some_and(|name| typed.contains(name)),
                    "no head before {line}"
                );
                assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
                assert_eq!(series.contains('{'), series.ends_with('}'), "{line}");
                assert!(samples.insert(series), "two samples: {series}");
            }
        }
        assert!(samples.len() > 30);
    }
}
