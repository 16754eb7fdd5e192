//! The ledger of addresses: prefixes that an account brought (BYOIP) with their service bindings and delegations, and
//! addresses leased to it. It says which addresses may serve in whose maps.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{AccountId, MapId, Place};

/// A service that addresses are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Proxied names: the only one whose addresses may serve in an address map.
    Cdn,
    /// Spectrum applications.
    Spectrum,
    /// Magic Transit: routed as a whole, and only as the default binding of a prefix.
    MagicTransit,
}

impl Service {
    /// All services.
    pub const ALL: [Service; 3] = [Service::Cdn, Service::Spectrum, Service::MagicTransit];

    /// The service as it is written in files and by the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Cdn => "CDN",
            Service::Spectrum => "Spectrum",
            Service::MagicTransit => "Magic Transit",
        }
    }
}

/// Part or all of a prefix, bound to a service. Of several the most specific holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What is bound, without host bits, within the prefix.
    pub cidr: IpNet,
    /// To which service.
    pub service: Service,
    /// Where it is written.
    pub place: Place,
}

/// Part or all of a prefix that another account may use as well; its bindings stay with the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// What is delegated, without host bits, within the prefix.
    pub cidr: IpNet,
    /// To whom.
    pub account: AccountId,
    /// Where it is written.
    pub place: Place,
}

/// A prefix of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The prefix, without host bits.
    pub cidr: IpNet,
    /// Its owner.
    pub account: AccountId,
    /// The autonomous system that originates it.
    pub asn: Option<u32>,
    /// A text for people.
    pub description: Option<String>,
    /// Whether the owner has shown that it is theirs; `true` where nothing is written.
    pub approved: bool,
    /// Whether it is announced; `true` where nothing is written. A withdrawn prefix only warns (semantics 3.15).
    pub advertised: bool,
    /// Its bindings, the default one over the whole prefix among them.
    pub bindings: Vec<Binding>,
    /// Who else may use it.
    pub delegations: Vec<Delegation>,
    /// Where it is written.
    pub place: Place,
}

impl Prefix {
    /// The binding that holds for an address: the most specific.
    pub fn binding(&self, address: IpAddr) -> Option<&Binding> {
        let covering = self.bindings.iter().filter(|binding| binding.cidr.contains(&address));
        covering.max_by_key(|binding| binding.cidr.prefix_len())
    }
}

/// Addresses leased to an account: they serve in one map that the provider made and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticIps {
    /// The account.
    pub account: AccountId,
    /// The one map: its addresses are these, its members are the account's choice.
    pub map: MapId,
    /// The addresses, each once.
    pub ips: Vec<IpAddr>,
    /// Where they are written.
    pub place: Place,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The prefixes; those of different owners do not overlap.
    pub prefixes: Vec<Prefix>,
    /// The leases.
    pub static_ips: Vec<StaticIps>,
}

impl Ledger {
    /// Whether nothing is known of any address: then nothing can be enforced.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.static_ips.is_empty()
    }

    /// Adds what another file holds.
    pub fn absorb(&mut self, other: Ledger) {
        self.prefixes.extend(other.prefixes);
        self.static_ips.extend(other.static_ips);
    }
}

/// What becomes of a map whose addresses its account may not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// It is an error, once there is a ledger.
    #[default]
    Enforce,
    /// It is a warning.
    Warn,
    /// Nobody looks.
    Off,
}
