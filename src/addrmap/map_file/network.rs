//! Networks as they are written: an address and a length, without host bits.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::code;
use crate::model::table::Value;

/// A network.
pub(super) fn network(value: &Value<'_>) -> Option<IpNet> {
    let text = value.text()?;
    let Ok(network) = text.parse::<IpNet>() else {
        let hint = match text.trim().parse::<IpAddr>() {
            Ok(address) => format!("add the length: \"{}\"", IpNet::from(address)),
            Err(_) => "write a network and its length: \"203.0.113.0/24\" or \"2001:db8::/48\"".to_owned(),
        };
        value.error(code::BAD_CIDR, format!("not a network: {text}"), hint);
        return None;
    };
    if network != network.trunc() {
        let message = format!("a network with host bits: {text}");
        let hint = format!("write the network, \"{}\", or one address, \"{}\"", network.trunc(), {
            IpNet::from(network.addr())
        });
        value.error(code::HOST_BITS, message, hint);
        return None;
    }
    if let Some(mapped) = mapped(network) {
        let message = format!("an IPv4-mapped network: {text}");
        value.error(code::UNUSABLE_NETWORK, message, format!("write the IPv4 network: \"{mapped}\""));
        return None;
    }
    Some(network)
}

/// A network that can be a prefix: one that somebody can own, and whose addresses clients can connect to.
pub(super) fn prefix(value: &Value<'_>) -> Option<IpNet> {
    let network = network(value)?;
    let address = network.addr();
    let fault = match () {
        () if network.prefix_len() == 0 => "the whole address space",
        () if address.is_unspecified() => "the network of the unspecified address",
        () if address.is_loopback() => "a loopback network",
        () if address.is_multicast() => "a multicast network",
        () => return Some(network),
    };
    let hint = "write a prefix that an account brought, as it is announced";
    value.error(code::UNUSABLE_NETWORK, format!("{fault} is nobody's prefix: {network}"), hint);
    None
}

/// The networks of a list, which must name some: an empty one could mean all as well as none.
pub(super) fn networks(list: &Value<'_>) -> Option<Vec<IpNet>> {
    let values = list.list()?;
    if is_empty(list, &values) {
        return None;
    }
    let written = values.len();
    let networks: Vec<IpNet> = values.iter().filter_map(network).collect();
    // With one that cannot be read the others would say something else.
    (networks.len() == written).then_some(networks)
}

/// Tells a list that holds nothing.
pub(super) fn is_empty(list: &Value<'_>, values: &[Value<'_>]) -> bool {
    if values.is_empty() {
        let message = format!("an empty list means neither all nor nothing: {} = []", list.key());
        list.error(code::EMPTY_LIST, message, "list what is meant, or remove the key");
    }
    values.is_empty()
}

/// The IPv4 network that an IPv4-mapped one stands for.
fn mapped(network: IpNet) -> Option<Ipv4Net> {
    let IpNet::V6(v6) = network else { return None };
    let length = v6.prefix_len().checked_sub(96)?;
    Ipv4Net::new(v6.addr().to_ipv4_mapped()?, length).ok()
}
