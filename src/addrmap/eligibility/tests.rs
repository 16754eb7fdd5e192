use super::*;
use crate::addrmap::{Scope, check_ledger, read_map_file};
use crate::model::{AccountId, AddressPlaces, MapOwner, NoFiles};

fn account(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

fn ledger(text: &str) -> LedgerIndex {
    let read = read_map_file(&"ledger.toml".into(), text.as_bytes(), Scope::Operator, &NoFiles, &[]);
    assert!(read.findings.is_empty(), "{:?}", read.findings);
    assert_eq!(check_ledger(&read.ledger), []);
    LedgerIndex::new(read.ledger.into())
}

/// A map of an account, enabled unless it is said otherwise, whose addresses stand on line 4, from column 8 on.
fn map(id: &str, of: &str, ips: &[&str], enabled: bool) -> AddressMap {
    let list = ips.iter().map(|ip| format!("{ip:?}")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "[[address_map]]\nid = \"{id}\"\nenabled = {enabled}\nips = [{list}]\nzones = [\"a.example\"]\n"
    );
    let owner = account(of);
    let mut read = read_map_file(&"map.toml".into(), text.as_bytes(), Scope::Account(&owner), &NoFiles, &[]);
    assert!(read.findings.is_empty(), "{:?}", read.findings);
    read.maps.pop().unwrap()
}

const LEDGER: &str = r#"
[[prefix]]
cidr       = "203.0.113.0/24"
account    = "acme"
binding    = [
    { cidr = "203.0.113.0/24", service = "CDN" },
    { cidr = "203.0.113.16/28", service = "Spectrum" },
    { cidr = "203.0.113.16/32", service = "CDN" },
]
delegation = [{ cidr = "203.0.113.64/26", account = "globex" }]
[[prefix]]
cidr       = "198.51.100.0/24"
account    = "acme"
advertised = false
binding    = [{ cidr = "198.51.100.0/24", service = "CDN" }]
[[prefix]]
cidr       = "192.0.2.0/25"
account    = "acme"
approved   = false
delegation = [{ cidr = "192.0.2.0/25", account = "globex" }]
[[prefix]]
cidr       = "2001:db8:1::/48"
account    = "acme"
binding    = [
    { cidr = "2001:db8:1::/48", service = "Magic Transit" },
    { cidr = "2001:db8:1:1::/64", service = "CDN" },
]
[[static_ips]]
account = "acme"
map     = "leased"
ips     = ["192.0.2.200", "2001:db8:9::1"]
[[static_ips]]
account = "globex"
map     = "others"
ips     = ["192.0.2.201"]
"#;

#[test]
fn by_what_an_address_may_serve() {
    let ledger = ledger(LEDGER);
    let told = |id: &str, of: &str, ip: &str| {
        let map = map(id, of, &[ip], true);
        let address = ip.parse().unwrap();
        match ledger.right(&map, address) {
            Ok(right) => format!("{right} | {}", right.place()),
            Err(why) => format!("NO {why} | {}", why.place().map(Place::to_string).unwrap_or_default()),
        }
    };
    for (id, of, ip, expected) in [
        (
            "m",
            "acme",
            "203.0.113.0",
            "in prefix 203.0.113.0/24 of account acme, bound to CDN | ledger.toml:3:14",
        ),
        (
            "m",
            "acme",
            "203.0.113.255",
            "in prefix 203.0.113.0/24 of account acme, bound to CDN | ledger.toml:3:14",
        ),
        (
            "m",
            "acme",
            "203.0.113.16",
            "in prefix 203.0.113.0/24 of account acme, 203.0.113.16/32 bound to CDN | ledger.toml:3:14",
        ),
        (
            "m",
            "acme",
            "203.0.113.17",
            "NO in 203.0.113.16/28, bound to Spectrum and not to CDN | ledger.toml:7:14",
        ),
        (
            "m",
            "acme",
            "203.0.113.31",
            "NO in 203.0.113.16/28, bound to Spectrum and not to CDN | ledger.toml:7:14",
        ),
        // What is delegated stays its owner's as well.
        (
            "m",
            "acme",
            "203.0.113.64",
            "in prefix 203.0.113.0/24 of account acme, bound to CDN | ledger.toml:3:14",
        ),
        (
            "m",
            "globex",
            "203.0.113.64",
            "in 203.0.113.64/26, delegated from prefix 203.0.113.0/24 of account acme, bound to CDN | ledger.toml:10:24",
        ),
        (
            "m",
            "globex",
            "203.0.113.127",
            "in 203.0.113.64/26, delegated from prefix 203.0.113.0/24 of account acme, bound to CDN | ledger.toml:10:24",
        ),
        ("m", "globex", "203.0.113.63", "NO in another account's prefix | ledger.toml:3:14"),
        ("m", "globex", "203.0.113.128", "NO in another account's prefix | ledger.toml:3:14"),
        ("m", "initech", "203.0.113.64", "NO in another account's prefix | ledger.toml:3:14"),
        (
            "m",
            "acme",
            "198.51.100.1",
            "in prefix 198.51.100.0/24 of account acme, which is not announced, bound to CDN | ledger.toml:12:14",
        ),
        ("m", "acme", "192.0.2.1", "NO in prefix 192.0.2.0/25, which is not approved | ledger.toml:17:14"),
        ("m", "globex", "192.0.2.1", "NO in prefix 192.0.2.0/25, which is not approved | ledger.toml:17:14"),
        ("m", "initech", "192.0.2.1", "NO in another account's prefix | ledger.toml:17:14"),
        ("m", "acme", "192.0.2.128", "NO in no prefix of the ledger | "),
        ("m", "acme", "203.0.112.255", "NO in no prefix of the ledger | "),
        ("m", "acme", "203.0.114.0", "NO in no prefix of the ledger | "),
        ("m", "acme", "1.0.0.1", "NO in no prefix of the ledger | "),
        (
            "m",
            "acme",
            "2001:db8:1:2::1",
            "NO in 2001:db8:1::/48, bound to Magic Transit and not to CDN | ledger.toml:25:14",
        ),
        (
            "m",
            "acme",
            "2001:db8:1:1::1",
            "in prefix 2001:db8:1::/48 of account acme, 2001:db8:1:1::/64 bound to CDN | ledger.toml:22:14",
        ),
        ("m", "acme", "::203.0.113.1", "NO in no prefix of the ledger | "),
        ("leased", "acme", "192.0.2.200", "leased to account acme for this map | ledger.toml:28:1"),
        ("m", "acme", "192.0.2.200", "NO leased for map leased and no other | ledger.toml:28:1"),
        ("leased", "globex", "192.0.2.200", "NO leased to another account | ledger.toml:28:1"),
        ("leased", "acme", "192.0.2.201", "NO leased to another account | ledger.toml:32:1"),
        (
            "leased",
            "acme",
            "203.0.113.1",
            "NO not leased, as all addresses of this map are | ledger.toml:28:1",
        ),
        (
            "others",
            "acme",
            "203.0.113.1",
            "in prefix 203.0.113.0/24 of account acme, bound to CDN | ledger.toml:3:14",
        ),
    ] {
        assert_eq!(told(id, of, ip), expected, "{ip} in {id} of {of}");
    }
}

fn lines(found: &[Diagnostic]) -> Vec<String> {
    let line = |found: &Diagnostic| {
        assert!(found.hint.is_some());
        format!("{} {} {}: {}", found.place, found.severity, found.code, found.message)
    };
    found.iter().map(line).collect()
}

#[test]
fn a_map_is_told_of_each_of_its_addresses() {
    let ledger = ledger(LEDGER);
    let ips = ["203.0.113.1", "192.0.2.250", "198.51.100.7", "198.51.100.8", "2001:db8:2::1"];
    let enabled = map("m", "acme", &ips, true);
    let warned =
        "warning withdrawn-prefix: map m has addresses of a prefix that is not announced: 198.51.100.0/24";
    let text = "an address may not serve in map m, it is in no prefix of the ledger";
    assert_eq!(
        lines(&ledger.findings(&enabled, Ownership::Enforce)),
        [
            format!("map.toml:4:23 error ineligible-address: {text}: 192.0.2.250"),
            format!("map.toml:4:70 error ineligible-address: {text}: 2001:db8:2::1"),
            format!("map.toml:4:38 {warned}"),
        ]
    );
    assert_eq!(
        lines(&ledger.findings(&enabled, Ownership::Warn)),
        [
            format!("map.toml:4:23 warning ineligible-address: {text}: 192.0.2.250"),
            format!("map.toml:4:70 warning ineligible-address: {text}: 2001:db8:2::1"),
            format!("map.toml:4:38 {warned}"),
        ]
    );
    assert_eq!(ledger.findings(&enabled, Ownership::Off), []);
    let later = "an address may not serve in map m once that is enabled, it is in no prefix of the ledger";
    // Latent: it would be an error, and nothing is withdrawn from under it yet.
    assert_eq!(
        lines(&ledger.findings(&map("m", "acme", &ips, false), Ownership::Enforce)),
        [
            format!("map.toml:4:23 warning ineligible-address: {later}: 192.0.2.250"),
            format!("map.toml:4:70 warning ineligible-address: {later}: 2001:db8:2::1"),
        ]
    );
    assert_eq!(LedgerIndex::default().findings(&enabled, Ownership::Enforce), []);
}

#[test]
fn a_map_of_leased_addresses_holds_just_these() {
    let ledger = ledger(LEDGER);
    let told = |ips: &[&str]| lines(&ledger.findings(&map("leased", "acme", ips, true), Ownership::Enforce));
    assert_eq!(told(&["2001:db8:9::1", "192.0.2.200"]), Vec::<String>::new());
    let missing = "error leased-address-missing: map leased does not hold an address that is leased for it";
    assert_eq!(told(&["192.0.2.200"]), [format!("map.toml:1:1 {missing}: 2001:db8:9::1")]);
    assert_eq!(
        told(&["203.0.113.1"]),
        [
            "map.toml:4:8 error ineligible-address: an address may not serve in map leased, \
             it is not leased, as all addresses of this map are: 203.0.113.1"
                .to_owned(),
            format!("map.toml:1:1 {missing}: 192.0.2.200"),
            format!("map.toml:1:1 {missing}: 2001:db8:9::1"),
        ]
    );
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as u32 % sides
    }
}

/// The last octets of 192.0.2.0/27 in both families: all addresses there are.
const SPACE: u32 = 32;
const ACCOUNTS: [&str; 3] = ["a", "b", "c"];

/// A network of the space: first octet and length below /27.
#[derive(Clone, Copy, Debug)]
struct Net {
    ipv6: bool,
    first: u32,
    bits: u32,
}

impl Net {
    fn holds(self, ipv6: bool, octet: u32) -> bool {
        ipv6 == self.ipv6 && octet >> (5 - self.bits) == self.first >> (5 - self.bits)
    }

    fn text(self) -> String {
        match self.ipv6 {
            true => format!("2001:db8::{:x}/{}", self.first, 123 + self.bits),
            false => format!("192.0.2.{}/{}", self.first, 27 + self.bits),
        }
    }

    /// A network within.
    fn part(self, dice: &mut Dice) -> Net {
        let bits = self.bits + dice.below(6 - self.bits);
        let first = self.first + (dice.below(1 << (bits - self.bits)) << (5 - bits));
        Net { bits, first, ..self }
    }
}

struct PlainPrefix {
    net: Net,
    account: usize,
    approved: bool,
    bindings: Vec<(Net, &'static str)>,
    delegations: Vec<(Net, usize)>,
}

/// Account, map and addresses.
type PlainLease = (usize, &'static str, Vec<(bool, u32)>);

fn address(ipv6: bool, octet: u32) -> String {
    if ipv6 { format!("2001:db8::{octet:x}") } else { format!("192.0.2.{octet}") }
}

/// A ledger that is sound, as a file and as it is meant.
fn random(dice: &mut Dice) -> (String, Vec<PlainPrefix>, Vec<PlainLease>) {
    let mut prefixes: Vec<PlainPrefix> = Vec::new();
    for _ in 0..dice.below(6) {
        let all = Net { ipv6: dice.below(2) == 0, first: 0, bits: 0 };
        let net = all.part(dice);
        let shares = |other: &PlainPrefix| {
            (0..SPACE).any(|octet| net.holds(net.ipv6, octet) && other.net.holds(net.ipv6, octet))
        };
        if prefixes.iter().any(shares) {
            continue;
        }
        let account = dice.below(3) as usize;
        let mut bindings = vec![(net, ["CDN", "CDN", "Spectrum", "Magic Transit"][dice.below(4) as usize])];
        for _ in 0..dice.below(4) {
            let part = net.part(dice);
            if bindings.iter().all(|(other, _)| (other.first, other.bits) != (part.first, part.bits)) {
                bindings.push((part, ["CDN", "Spectrum"][dice.below(2) as usize]));
            }
        }
        let mut delegations: Vec<(Net, usize)> = Vec::new();
        for _ in 0..dice.below(3) {
            let (part, to) = (net.part(dice), (account + 1 + dice.below(2) as usize) % 3);
            let is_same = |(other, other_to): &(Net, usize)| {
                (other.first, other.bits, *other_to) == (part.first, part.bits, to)
            };
            if !delegations.iter().any(is_same) {
                delegations.push((part, to));
            }
        }
        prefixes.push(PlainPrefix { net, account, approved: dice.below(4) > 0, bindings, delegations });
    }
    let mut leases: Vec<PlainLease> = Vec::new();
    for map in ["m", "n"] {
        let free = |(ipv6, octet): &(bool, u32)| {
            !prefixes.iter().any(|prefix| prefix.net.holds(*ipv6, *octet))
                && !leases.iter().any(|(_, _, ips)| ips.contains(&(*ipv6, *octet)))
        };
        let mut ips: Vec<(bool, u32)> =
            (0..3).map(|_| (dice.below(2) == 0, 1 + dice.below(SPACE - 1))).filter(free).collect();
        ips.sort_unstable();
        ips.dedup();
        if !ips.is_empty() && dice.below(2) == 0 {
            leases.push((dice.below(3) as usize, map, ips));
        }
    }
    let mut text = String::new();
    for prefix in &prefixes {
        let bindings = prefix.bindings.iter();
        let bindings = bindings
            .map(|(net, service)| format!("{{ cidr = \"{}\", service = \"{service}\" }}", net.text()));
        let delegations = prefix.delegations.iter();
        let delegations = delegations
            .map(|(net, to)| format!("{{ cidr = \"{}\", account = \"{}\" }}", net.text(), ACCOUNTS[*to]));
        text += &format!(
            "[[prefix]]\ncidr = \"{}\"\naccount = \"{}\"\napproved = {}\nbinding = [{}]\ndelegation = [{}]\n",
            prefix.net.text(),
            ACCOUNTS[prefix.account],
            prefix.approved,
            bindings.collect::<Vec<_>>().join(", "),
            delegations.collect::<Vec<_>>().join(", "),
        );
    }
    for (account, map, ips) in &leases {
        let ips: Vec<String> =
            ips.iter().map(|(ipv6, octet)| format!("{:?}", address(*ipv6, *octet))).collect();
        text += &format!(
            "[[static_ips]]\naccount = \"{}\"\nmap = \"{map}\"\nips = [{}]\n",
            ACCOUNTS[*account],
            ips.join(", ")
        );
    }
    (text, prefixes, leases)
}

/// Every address of small random ledgers, in two maps of three accounts, against the rules written out plainly.
#[test]
fn it_is_what_plain_rules_say() {
    let mut dice = Dice(5);
    let (mut eligible, mut ineligible) = (0, 0);
    for _ in 0..300 {
        let (text, prefixes, leases) = random(&mut dice);
        let index = ledger(&text);
        for (at, of) in ACCOUNTS.iter().enumerate() {
            for id in ["m", "n"] {
                let empty = AddressMap {
                    ipv4: Vec::new(),
                    owner: MapOwner::Account,
                    address_places: AddressPlaces::default(),
                    ..map(id, of, &["192.0.2.1"], true)
                };
                let own_lease = leases.iter().find(|(account, map, _)| *account == at && *map == id);
                let mut missing = own_lease.map_or(0, |(_, _, ips)| ips.len());
                if text.is_empty() {
                    missing = 0;
                }
                assert_eq!(index.ineligible(&empty).len(), missing, "{text}");
                for ipv6 in [false, true] {
                    for octet in 1..SPACE {
                        let expected = match leases.iter().find(|(_, _, ips)| ips.contains(&(ipv6, octet))) {
                            Some((account, map, _)) => *account == at && *map == id,
                            None if own_lease.is_some() => false,
                            None => prefixes.iter().any(|prefix| {
                                let bound = prefix.bindings.iter().filter(|(net, _)| net.holds(ipv6, octet));
                                prefix.net.holds(ipv6, octet)
                                    && (prefix.account == at
                                        || prefix
                                            .delegations
                                            .iter()
                                            .any(|(net, to)| *to == at && net.holds(ipv6, octet)))
                                    && prefix.approved
                                    && bound
                                        .max_by_key(|(net, _)| net.bits)
                                        .is_some_and(|(_, to)| *to == "CDN")
                            }),
                        };
                        let address: IpAddr = address(ipv6, octet).parse().unwrap();
                        let right = index.right(&empty, address);
                        assert_eq!(right.is_ok(), expected, "{address} in {id} of {of}: {right:?}\n{text}");
                        *(if expected { &mut eligible } else { &mut ineligible }) += 1;
                    }
                }
            }
        }
    }
    assert!(eligible > 5_000 && ineligible > 5_000, "{eligible} {ineligible}");
}
