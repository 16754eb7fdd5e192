//! What a change of the ledger takes away from maps that answer for names. Answers do not change by it; but what they
//! hang on does, and what is taken away wrongly is held before the maps follow.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use crate::addrmap::LedgerIndex;
use crate::addrmap::eligibility::Right;
use crate::model::{AddressMap, MapId};
use crate::snapshot::Weight;

/// Maps that answer with addresses of which the ledger would say less than it did: no right any more, or that they are
/// no longer announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerLoss {
    maps: BTreeMap<MapId, Lost>,
}

/// A map that loses something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lost {
    map: Arc<AddressMap>,
    /// What it governed when it lost it.
    weight: Weight,
    /// The addresses, each with what it was before.
    addresses: BTreeMap<IpAddr, Standing>,
}

/// What a ledger says of an address in a map, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Fine,
    /// It may serve, and its prefix is not announced.
    Withdrawn,
    /// It may not serve.
    Refused,
}

impl LedgerLoss {
    /// Compares two ledgers by what they say of maps, each with what it governs; of one map there may be several
    /// versions. Without a ledger before nothing is taken away.
    pub fn between(
        before: &LedgerIndex,
        after: &LedgerIndex,
        maps: impl IntoIterator<Item = (Arc<AddressMap>, Weight)>,
    ) -> LedgerLoss {
        let mut loss = LedgerLoss::default();
        if before.ledger().is_empty() {
            return loss;
        }
        for (map, weight) in maps.into_iter().filter(|(_, weight)| weight.names > 0) {
            let were = map.addresses().map(|address| (address, standing(before, &map, address).0));
            let addresses: BTreeMap<IpAddr, Standing> =
                were.filter(|(address, was)| standing(after, &map, *address).0 > *was).collect();
            if !addresses.is_empty() {
                loss.put(Lost { map, weight, addresses });
            }
        }
        loss
    }

    /// Whether nothing is taken away.
    pub fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// Adds what was taken away at another time. A map that loses twice counts once, with the most that it governed.
    pub fn absorb(&mut self, other: LedgerLoss) {
        other.maps.into_values().for_each(|lost| self.put(lost));
    }

    fn put(&mut self, lost: Lost) {
        match self.maps.entry(lost.map.id.clone()) {
            Entry::Vacant(place) => drop(place.insert(lost)),
            Entry::Occupied(mut known) => known.get_mut().absorb(lost),
        }
    }

    /// Forgets what the ledger gives again.
    pub fn retain_lost(&mut self, now: &LedgerIndex) {
        self.maps.retain(|_, Lost { map, addresses, .. }| {
            addresses.retain(|address, was| standing(now, map, *address).0 > *was);
            !addresses.is_empty()
        });
    }

    /// What the maps that lose something govern, together.
    pub fn weight(&self) -> Weight {
        let mut sum = Weight::default();
        self.maps.values().for_each(|lost| sum += lost.weight);
        sum
    }

    /// How many addresses it is about, each counted once a map.
    pub fn addresses(&self) -> u64 {
        self.maps.values().map(|lost| lost.addresses.len() as u64).sum()
    }

    /// The first addresses, each with its map and what the ledger would say of it.
    pub fn first(&self, most: usize, now: &LedgerIndex) -> Vec<String> {
        let all =
            self.maps.values().flat_map(|lost| lost.addresses.keys().map(|address| (&lost.map, *address)));
        let told = all.take(most).map(|(map, address)| {
            let (_, why) = standing(now, map, address);
            format!("{address} of map {} of account {} ({why})", map.id, map.account)
        });
        told.collect()
    }
}

impl Lost {
    fn absorb(&mut self, other: Lost) {
        for (address, was) in other.addresses {
            let known = self.addresses.entry(address).or_insert(was);
            *known = was.min(*known);
        }
        if other.weight.names > self.weight.names {
            self.weight = other.weight;
        }
    }
}

/// What a ledger says of an address in a map, and in words.
fn standing(ledger: &LedgerIndex, map: &AddressMap, address: IpAddr) -> (Standing, String) {
    match ledger.right(map, address) {
        Err(why) => (Standing::Refused, why.to_string()),
        Ok(Right::Owned(prefix, _) | Right::Delegated(prefix, ..)) if !prefix.advertised => {
            (Standing::Withdrawn, format!("in prefix {}, which is not announced", prefix.cidr))
        }
        Ok(right) => (Standing::Fine, right.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addrmap::{Scope, read_map_file};
    use crate::config::Guards;
    use crate::judge::guards::{self, Since};
    use crate::model::NoFiles;

    const ACME: &str = "[[prefix]]\ncidr = \"203.0.113.0/24\"\naccount = \"acme\"\napproved = true\nadvertised = true\n\
                        binding = [{ cidr = \"203.0.113.0/24\", service = \"CDN\" }]\n\
                        delegation = [{ cidr = \"203.0.113.64/26\", account = \"globex\" }]\n";
    const LEASE: &str = "[[static_ips]]\naccount = \"acme\"\nmap = \"leased\"\nips = [\"192.0.2.200\"]\n";
    const MAPS: &str = "[[address_map]]\nid = \"a\"\naccount = \"acme\"\nenabled = true\n\
                        ips = [\"203.0.113.1\", \"203.0.113.2\"]\naccount_wide = true\n\
                        [[address_map]]\nid = \"g\"\naccount = \"globex\"\nenabled = true\n\
                        ips = [\"203.0.113.65\"]\naccount_wide = true\n\
                        [[address_map]]\nid = \"leased\"\naccount = \"acme\"\nenabled = true\n\
                        ips = [\"192.0.2.200\"]\nzones = [\"a.example\"]\n";

    fn index(text: &str) -> LedgerIndex {
        let read = read_map_file(&"l.toml".into(), text.as_bytes(), Scope::Operator, &NoFiles, &[]);
        assert!(read.findings.is_empty(), "{:?}", read.findings);
        LedgerIndex::new(read.ledger.into())
    }

    /// The maps, each with so many names in a zone.
    fn maps(names: u64) -> Vec<(Arc<AddressMap>, Weight)> {
        let read = read_map_file(&"m.toml".into(), MAPS.as_bytes(), Scope::Operator, &NoFiles, &[]);
        read.maps.into_iter().map(|map| (Arc::new(map), Weight { zones: 1, names })).collect()
    }

    fn loss(after: &str, names: u64) -> LedgerLoss {
        LedgerLoss::between(&index(&format!("{ACME}{LEASE}")), &index(after), maps(names))
    }

    fn told(after: &str) -> Vec<String> {
        loss(after, 1).first(9, &index(after))
    }

    #[test]
    fn whatever_takes_a_right_away_counts_and_nothing_else() {
        let both = format!("{ACME}{LEASE}");
        let (a, b) = ("203.0.113.1 of map a of account acme", "203.0.113.2 of map a of account acme");
        let (g, l) = ("203.0.113.65 of map g of account globex", "192.0.2.200 of map leased of account acme");
        let all = |why: &str| [a, b, g].map(|of| format!("{of} ({why})")).to_vec();
        let one = |of: &str, why: &str| vec![format!("{of} ({why})")];
        let approved = "approved = true";
        let binding = "binding = [{ cidr = \"203.0.113.0/24\", service = \"CDN\" }";
        let spectrum = format!("{binding}, {{ cidr = \"203.0.113.2/32\", service = \"Spectrum\" }}");
        for (after, expected) in [
            (both.clone(), vec![]),
            // What is added, and what only people read.
            (format!("{both}{}", ACME.replace("203.0.113", "198.51.100")), vec![]),
            (both.replace(approved, "approved = true\nasn = 7\ndescription = \"moved\""), vec![]),
            (
                both.replace(
                    "\"globex\" }",
                    "\"globex\" }, { cidr = \"203.0.113.0/28\", account = \"hooli\" }",
                ),
                vec![],
            ),
            (both.replace("\"192.0.2.200\"", "\"192.0.2.200\", \"192.0.2.201\""), vec![]),
            // Gone, narrowed, somebody else's.
            (LEASE.to_owned(), all("in no prefix of the ledger")),
            (
                both.replace("203.0.113.0/24", "203.0.113.64/26"),
                [a, b].map(|of| format!("{of} (in no prefix of the ledger)")).to_vec(),
            ),
            (
                both.replace("account = \"acme\"\napproved", "account = \"hooli\"\napproved"),
                [a, b].map(|of| format!("{of} (in another account's prefix)")).to_vec(),
            ),
            // No approval, another binding, or no announcement.
            (
                both.replace(approved, "approved = false"),
                all("in prefix 203.0.113.0/24, which is not approved"),
            ),
            (
                both.replace("service = \"CDN\"", "service = \"Magic Transit\""),
                all("in 203.0.113.0/24, bound to Magic Transit and not to CDN"),
            ),
            (both.replace(binding, &spectrum), one(b, "in 203.0.113.2/32, bound to Spectrum and not to CDN")),
            (
                both.replace("advertised = true", "advertised = false"),
                all("in prefix 203.0.113.0/24, which is not announced"),
            ),
            // Delegations and leases.
            (both.replace("203.0.113.64/26", "203.0.113.128/26"), one(g, "in another account's prefix")),
            (ACME.to_owned(), one(l, "in no prefix of the ledger")),
            (
                both.replace("192.0.2.200", "192.0.2.201"),
                one(l, "not leased, as all addresses of this map are"),
            ),
            (both.replace("\"leased\"", "\"other\""), one(l, "leased for map other and no other")),
        ] {
            assert_eq!(told(&after), expected, "{after}");
        }
        assert!(LedgerLoss::between(&index(""), &index(LEASE), maps(1)).is_empty(), "there was no ledger");
        assert!(loss("", 0).is_empty(), "they answer for nothing");
        assert_eq!(loss("", 1).weight(), Weight { zones: 3, names: 3 });
    }

    #[test]
    fn what_is_lost_once_and_again_counts_once_and_what_comes_back_not_at_all() {
        let withdrawn = format!("{ACME}{LEASE}").replace("advertised = true", "advertised = false");
        let mut lost = loss(&withdrawn, 5);
        lost.absorb(LedgerLoss::between(&index(&withdrawn), &index(LEASE), maps(3)));
        assert_eq!((lost.weight(), lost.addresses()), (Weight { zones: 2, names: 10 }, 3));
        let mut still = lost.clone();
        still.retain_lost(&index(&withdrawn));
        assert_eq!(still, lost, "it was announced once");
        still.retain_lost(&index(&format!("{ACME}{LEASE}").replace("64/26", "128/26")));
        assert_eq!((still.weight().names, still.addresses()), (5, 1));
        lost.retain_lost(&index(ACME));
        assert!(lost.is_empty());
        // What was withdrawn before is not lost again by being so.
        let mut twice = LedgerLoss::between(&index(&withdrawn), &index(LEASE), maps(3));
        assert_eq!(twice.addresses(), 3);
        twice.retain_lost(&index(&withdrawn));
        assert!(twice.is_empty());
    }

    #[test]
    fn the_ledger_says_less_of_names_up_to_the_limit() {
        let trip = |names, since| {
            guards::judge_ledger(&loss(LEASE, names), &index(LEASE), &Guards::default(), since)
        };
        assert_eq!(trip(500, Since::Served), None);
        let exact = Guards { ledger_names: 1001, ..Guards::default() };
        let above = guards::judge_ledger(&loss(LEASE, 501), &index(LEASE), &exact, Since::Served);
        assert!(above.is_some_and(|trip| !trip.message.contains("hour")));
        let tripped = trip(501, Since::HourAgo).expect("1,002 names");
        assert_eq!(
            (tripped.code, tripped.scope.to_string().as_str(), tripped.setting),
            ("guard-ledger-names", "the operator's ledger", "guards.ledger_names")
        );
        assert_eq!(
            tripped.message,
            "1002 names in 2 zones are answered with addresses that would lose their entry in the ledger, or be \
             withdrawn: 203.0.113.1 of map a of account acme (in no prefix of the ledger), 203.0.113.2 of map a of \
             account acme (in no prefix of the ledger), 203.0.113.65 of map g of account globex (in no prefix of the \
             ledger); within an hour, this change and those before it together"
        );
        let last = Guards { ledger_names: 1002, ..Guards::default() };
        assert_eq!(guards::judge_ledger(&loss(LEASE, 501), &index(LEASE), &last, Since::Served), None);
    }
}
