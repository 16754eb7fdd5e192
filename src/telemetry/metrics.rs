//! Metrics as text: the Prometheus exposition format 0.0.4.

use std::fmt::{self, Display, Write};
use std::time::{Duration, SystemTime};

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

/// All metrics.
pub fn render(counters: &Counters, facts: &Facts, started: SystemTime) -> String {
    let mut page = Page(String::with_capacity(8 * 1024));
    // Writing to a String cannot fail.
    let _ = write_all(&mut page, counters, facts, started);
    page.0
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
        ("portolan_receive_errors_total", Cell::ReceiveErrors, "Receives that failed."),
        ("portolan_send_errors_total", Cell::SendErrors, "Answers that could not be sent."),
    ] {
        page.head(name, "counter", help)?;
        for transport in Transport::ALL {
            let count = counters.sum(Some(transport), None).get(cell);
            page.sample(name, &[("transport", transport.as_str())], count)?;
        }
    }
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
    let since_epoch = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    page.head(
        "portolan_start_time_seconds",
        "gauge",
        "When the server started, in seconds since the epoch.",
    )?;
    page.sample("portolan_start_time_seconds", &[], since_epoch.as_secs_f64())?;
    page.head("portolan_build_info", "gauge", "Always 1; the version stands in the label.")?;
    page.sample("portolan_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1)
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) -> fmt::Result {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    /// Label values come from tables of ours and need no escapes.
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
        let facts = Facts { zones: 3, held_back: 1, names: 40, maps: 5, generation: 7 };
        render(&counters, &facts, SystemTime::UNIX_EPOCH + Duration::from_millis(1500))
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
                assert!(matches!(kind, "counter" | "gauge"), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(typed.insert(name), "two heads: {name}");
            } else if !line.starts_with("# HELP ") {
                let (series, value) = line.rsplit_once(' ').unwrap();
                value.parse::<f64>().unwrap();
                let name = series.split('{').next().unwrap();
                assert!(typed.contains(name), "no head before {line}");
                assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
                assert_eq!(series.contains('{'), series.ends_with('}'), "{line}");
                assert!(samples.insert(series), "two samples: {series}");
            }
        }
        assert!(samples.len() > 30);
    }
}
