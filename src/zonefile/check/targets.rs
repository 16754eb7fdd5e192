//! Where records point to: proxied names, aliases, addresses written as names, name servers without address.
//!
//! Invariant: only names of this zone are judged; others are another zone's matter.

use crate::wire::RrType;
use crate::wire::name::{fmt_wire, labels};

use super::super::codes;
use super::super::rdata;
use super::index::{Found, Index, target};
use super::{Check, Part};

/// What Cloudflare's exports of about 2018 hold in place of the name servers.
const PLACEHOLDER: &[u8] = b"REPLACE&ME$WITH^YOUR@NAMESERVER";

impl Check<'_, '_> {
    /// Checks the target of every record that is served or delegates.
    pub(super) fn targets(&mut self, index: &Index<'_>) {
        for at in 0..self.records.len() as u32 {
            let records = self.records;
            let rtype = records[at as usize].rtype;
            let Some(target) = target(rtype, &records[at as usize].rdata) else { continue };
            let marks = &self.marks[at as usize];
            let node = &index.nodes[marks.node as usize];
            let delegates = node.hidden_by.is_none() && rtype == RrType::NS;
            if marks.dropped || !(node.is_served() || delegates) {
                continue;
            }
            if matches!(rtype, RrType::SVCB | RrType::HTTPS) {
                self.service(index, at, node.proxied, target);
                continue;
            }
            if looks_like_address(target) {
                self.add(codes::TARGET_IS_ADDRESS, at, Part::Data, |_| {
                    format!("{rtype} to a name that looks like an address: {}", text(target))
                });
                continue;
            }
            match rtype {
                RrType::NS => self.name_server(index, at, target),
                RrType::MX | RrType::SRV => self.host(index, at, target),
                _ => {}
            }
        }
    }

    /// Parameters of SVCB and HTTPS.
    fn service(&mut self, index: &Index<'_>, at: u32, proxied: bool, target: &[u8]) {
        let records = self.records;
        let rdata = &records[at as usize].rdata;
        let alias = rdata.starts_with(&[0, 0]);
        if alias && rdata::has_params(rdata) {
            self.add(codes::ALIAS_MODE_PARAMS, at, Part::Data, |record| {
                format!(
                    "{} record of priority 0 with parameters, which nobody reads: {}",
                    record.rtype, record.owner
                )
            });
        }
        let target_proxied =
            matches!(index.find(target), Found::Node(node) if index.nodes[node as usize].proxied);
        if rdata::address_hints(rdata) && (proxied || target_proxied) {
            self.add(codes::HINT_AT_PROXIED, at, Part::Data, |record| {
                let name = if proxied { record.owner.to_string() } else { text(target) };
                format!("address hint for a proxied name: {name}")
            });
        }
    }

    fn name_server(&mut self, index: &Index<'_>, at: u32, target: &[u8]) {
        if target.windows(PLACEHOLDER.len()).any(|window| window.eq_ignore_ascii_case(PLACEHOLDER)) {
            return self.add(codes::PLACEHOLDER_NS, at, Part::Data, |_| {
                format!("placeholder of an export in place of a name server: {}", text(target))
            });
        }
        let code = match index.find(target) {
            Found::Outside => return,
            Found::Node(node) => {
                let node = &index.nodes[node as usize];
                if node.proxied || node.cname.is_some() {
                    return self.host(index, at, target);
                }
                if node.address {
                    return;
                }
                codes::NS_WITHOUT_ADDRESS
            }
            Found::Missing => codes::NS_WITHOUT_ADDRESS,
            Found::Hidden(Some(node)) if index.nodes[node as usize].address => return,
            Found::Hidden(_) => codes::MISSING_GLUE,
        };
        // The address may be in what could not be read.
        if !self.incomplete {
            self.add(code, at, Part::Data, |_| {
                format!("name server of this zone without an address: {}", text(target))
            });
        }
    }

    /// A host that answers are about to name.
    fn host(&mut self, index: &Index<'_>, at: u32, target: &[u8]) {
        let Found::Node(node) = index.find(target) else { return };
        let node = &index.nodes[node as usize];
        let (code, what) = match (node.proxied, node.cname) {
            (true, _) => (codes::TARGET_PROXIED, "a proxied name"),
            (false, Some(_)) => (codes::TARGET_IS_CNAME, "a CNAME"),
            (false, None) => return,
        };
        self.add(code, at, Part::Data, |record| format!("{} to {what}: {}", record.rtype, text(target)));
    }
}

/// Whether the first four labels are numbers of an IPv4 address, with or without an origin that was added.
fn looks_like_address(name: &[u8]) -> bool {
    let octet = |label: &[u8]| {
        label.len() <= 3
            && label.iter().all(u8::is_ascii_digit)
            && label.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')) <= 255
    };
    labels(name).take(4).filter(|label| octet(label)).count() == 4
}

fn text(name: &[u8]) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = fmt_wire(name, &mut out);
    out
}
