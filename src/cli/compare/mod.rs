//! `compare`: what the server that is to be replaced answers against what the files would answer.

mod asker;
mod show;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use self::asker::{Asker, Heard};
use super::args::CompareOptions;
use super::setup::Setup;
use super::{FOUND, print};
use crate::judge::compare::{Candidate, Gathered, Reason, Report, questions, questions_of_apex};
use crate::model::{LoadedZone, World, ZoneContent};
use crate::wire::{Name, RrType};

/// The port of DNS.
const DNS: u16 = 53;

/// A server to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name or address.
    host: String,
    port: u16,
}

impl Target {
    /// Reads `@SERVER[:PORT]`; an IPv6 address with a port stands in brackets.
    pub fn parse(text: &str) -> Result<Target, String> {
        const HINT: &str = "write @192.0.2.53, @ns.example:5353 or @[2001:db8::53]:5353";
        let server = text.strip_prefix('@').filter(|server| !server.is_empty());
        let server = server.ok_or_else(|| format!("not a server; {HINT}"))?;
        let target = |host: &str, port| Target { host: host.to_owned(), port };
        if let Ok(address) = server.parse::<SocketAddr>() {
            return Ok(target(&address.ip().to_string(), address.port()));
        }
        let bare = server.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(server);
        if bare.parse::<IpAddr>().is_ok() {
            return Ok(target(bare, DNS));
        }
        let (host, port) = match server.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| format!("not a port: {port}; {HINT}"))?),
            None => (server, DNS),
        };
        if host.is_empty() || port == 0 {
            return Err(format!("not a server; {HINT}"));
        }
        Ok(target(host, port))
    }

    fn address(&self) -> Result<SocketAddr, String> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let mut found = found.map_err(|error| format!("cannot find {}: {error}", self.host))?;
        found.next().ok_or_else(|| format!("{} has no address", self.host))
    }
}

pub(super) fn compare(setup: &Setup, options: &CompareOptions) -> Result<ExitCode, String> {
    let loaded = setup.load()?;
    setup.tell_errors(&loaded.diagnostics);
    let mut world = loaded.world;
    let candidate = Candidate::new(&mut world);
    let zones = chosen(&world, &options.origins)?;
    let server = options.server.address()?;
    let mut asker = Asker::new(server, Duration::from_secs(options.timeout.into()))?;
    let report = ask(&candidate, &zones, &mut asker)?;
    let text = if options.json {
        show::json(server, zones.len(), &report)
    } else {
        show::text(server, zones.len(), &report)
    };
    print(&text)?;
    let counts = report.differences > 0 || (options.strict && report.expected > 0);
    Ok(if counts { ExitCode::from(FOUND) } else { ExitCode::SUCCESS })
}

/// The zones of these names; all where none is named.
fn chosen<'w>(world: &'w World, names: &[Name]) -> Result<Vec<&'w LoadedZone>, String> {
    let names: BTreeSet<Name> = names.iter().map(Name::to_lower).collect();
    let is_chosen = |zone: &&LoadedZone| names.is_empty() || names.contains(&zone.origin);
    let zones: Vec<_> = world.zones.iter().filter(is_chosen).collect();
    if let Some(unknown) = names.iter().find(|name| !zones.iter().any(|zone| zone.origin == **name)) {
        return Err(format!("the files hold no zone of that name: {unknown}"));
    }
    if zones.is_empty() {
        return Err("there is nothing to ask: the files hold no zone".to_owned());
    }
    Ok(zones)
}

fn ask(candidate: &Candidate, zones: &[&LoadedZone], asker: &mut Asker) -> Result<Report, String> {
    let mut gathered = Gathered::default();
    let mut progress = show::Progress::new();
    // One zone's questions at a time are at hand.
    let asked = zones.iter().flat_map(|zone| of_zone(zone));
    asker.ask(asked, |(name, qtype), heard| {
        let found = match heard {
            Heard::Answer(message) => candidate.compare(&name, qtype, &message),
            Heard::Unreadable => Some(candidate.unanswered(&name, qtype, Reason::Unreadable)),
            Heard::Nothing => Some(candidate.unanswered(&name, qtype, Reason::NoAnswer)),
        };
        gathered.add(&name, qtype, found);
        progress.at(gathered.so_far());
    })?;
    drop(progress);
    Ok(gathered.report())
}

fn of_zone(zone: &LoadedZone) -> Vec<(Name, RrType)> {
    match &zone.content {
        ZoneContent::Good(data) => questions(data),
        ZoneContent::Faulty => questions_of_apex(&zone.origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_or_a_name_with_or_without_a_port() {
        let parsed = |text| Target::parse(text).map(|target| format!("{} {}", target.host, target.port)).ok();
        for (text, target) in [
            ("@192.0.2.53", "192.0.2.53 53"),
            ("@192.0.2.53:5353", "192.0.2.53 5353"),
            ("@::1", "::1 53"),
            ("@[::1]", "::1 53"),
            ("@[::1]:5353", "::1 5353"),
            ("@ns.example", "ns.example 53"),
            ("@ns.example:5353", "ns.example 5353"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(target), "{text}");
        }
        for text in ["", "@", "192.0.2.53", "@:53", "@ns:", "@ns:x", "@ns:0", "@ns:65536", "@ns:5:3"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
