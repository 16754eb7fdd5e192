//! The small world that commands are run in: parts that are accepted or held by themselves, whose files say in each
//! version which one they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::client::dns::{Ask, Edns};

/// Guards so small that some edits are held.
pub(crate) const SETTINGS: &str =
    "[guards]\nzone_names_gone = { percent = 20, floor = 5 }\noperator_names = 1\n";

pub(crate) const PARTS: [Part; 4] = [Part::Acme, Part::Globex, Part::Solo, Part::Operator];

/// What is accepted or held by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// An account with two zones, a file that they include and a map.
    Acme,
    /// An account with one zone and a map.
    Globex,
    /// A zone of the account `default`, proxied by the operator's defaults.
    Solo,
    /// The operator's files: the defaults, and an immutable map of the account `initech`.
    Operator,
}

/// What is the matter with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Calm,
    /// Nothing is proxied: a guard minds where it was.
    Bare,
    /// Many names are missing: a guard minds where they were there.
    Thin,
    /// One file has an error.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) number: u32,
    pub(crate) kind: Kind,
}

pub(crate) const FIRST: Version = Version { number: 1, kind: Kind::Calm };

/// Names that a thin version lacks.
const FILLER: u32 = 12;
const STORED: &str = "203.0.113.7";
const FIXED: &str = "192.0.2.77";
const FIXED_FILE: &str = "addrmaps/fixed.toml";
/// Proxied names that nobody edits: what the defaults answer shows there.
const ANCHORS: [&str; 3] = ["www.anchor.example", "www2.anchor.example", "www3.anchor.example"];

impl Part {
    /// As `status` calls it.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Part::Acme => "account acme",
            Part::Globex => "account globex",
            Part::Solo => "zone solo.example.",
            Part::Operator => "the operator's files",
        }
    }

    /// The account that a command names it by.
    pub(crate) fn account(self) -> Option<&'static str> {
        match self {
            Part::Acme => Some("acme"),
            Part::Globex => Some("globex"),
            Part::Solo => Some("default"),
            Part::Operator => None,
        }
    }

    /// Its zones, each with its file.
    fn zones(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Part::Acme => &[
                ("a.acme.example", "zones/acme/a.acme.example.zone"),
                ("b.acme.example", "zones/acme/sub/b.acme.example.zone"),
            ],
            Part::Globex => &[("globex.example", "zones/globex/globex.example.zone")],
            Part::Solo => &[("solo.example", "zones/solo.example.zone")],
            Part::Operator => &[],
        }
    }

    /// A name whose TXT record says the version; of the operator none does.
    pub(crate) fn versioned(self) -> Option<String> {
        self.zones().first().map(|(zone, _)| format!("v.{zone}"))
    }

    /// Whether a guard minds that this version follows on that.
    pub(crate) fn is_risky(self, after: Version, before: Version) -> bool {
        match (self, after.kind) {
            (Part::Operator, _) => after != before,
            (_, Kind::Bare | Kind::Thin) => after.kind != before.kind,
            _ => false,
        }
    }

    fn files(self, version: Version) -> Vec<(String, String)> {
        let Version { number, kind } = version;
        let address = self.address(number);
        let (Some(account), true) = (self.account(), self != Part::Operator) else {
            return vec![("addrmaps/main.toml".into(), format!("[anycast]\nipv4 = [\"{address}\"]\n"))];
        };
        let www = if kind == Kind::Bare { "" } else { " ; cf_tags=cf-proxied:true" };
        let filler: String = (0..if kind == Kind::Thin { 0 } else { FILLER })
            .map(|name| format!("n{name} TXT \"{number}\"\n"))
            .collect();
        let broken = if kind == Kind::Broken { "broken A nothing\n" } else { "" };
        let mut files = Vec::new();
        for (zone, file) in self.zones() {
            let text = format!(
                "$TTL 60\n@ SOA ns.{zone}. host.{zone}. {number} 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n\
                 v TXT \"{number}\"\nwww 60 A {STORED}{www}\n{filler}{broken}"
            );
            files.push(((*file).to_owned(), text));
        }
        if self == Part::Acme {
            for (_, text) in &mut files {
                text.push_str("$INCLUDE common.inc\n");
            }
            files[1].1 = files[1].1.replace("common.inc", "../common.inc");
            files.push(("zones/acme/common.inc".into(), format!("included TXT \"{number}\"\n")));
        }
        if self != Part::Solo {
            let map = format!(
                "[[address_map]]\nid = \"{account}\"\nenabled = true\naccount_wide = true\nips = [\"{address}\"]\n"
            );
            files.push((format!("addrmaps/{account}/map.toml"), map));
        }
        files
    }

    fn address(self, number: u32) -> String {
        let net = if self == Part::Operator { "198.52" } else { "198.51" };
        format!("{net}.{}.{}", number / 250, number % 250)
    }

    /// What a version answers, while the defaults are `shared`.
    fn answers(self, version: Version, shared: &str) -> Vec<(String, u16, String)> {
        let number = version.number.to_string();
        let mapped = match (self, version.kind) {
            (_, Kind::Bare) => STORED.to_owned(),
            (Part::Solo | Part::Operator, _) => shared.to_owned(),
            _ => self.address(version.number),
        };
        if self == Part::Operator {
            return ANCHORS.iter().map(|name| ((*name).to_owned(), 1, mapped.clone())).collect();
        }
        let mut answers = Vec::new();
        for (zone, _) in self.zones() {
            let filler = if version.kind == Kind::Thin { "rcode 3".to_owned() } else { number.clone() };
            answers.push((format!("v.{zone}"), 16, number.clone()));
            answers.push((format!("n0.{zone}"), 16, filler));
            answers.push((format!("www.{zone}"), 1, mapped.clone()));
            if self == Part::Acme {
                answers.push((format!("included.{zone}"), 16, number.clone()));
            }
        }
        answers
    }
}

/// Writes files that nobody edits.
pub(crate) fn lay_out(folder: &Path) {
    let head = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";
    let proxied = |name: &str| format!("{name} 1 A {STORED} ; cf_tags=cf-proxied:true\n");
    let anchor = format!("{head}{}{}{}", proxied("www"), proxied("www2"), proxied("www3"));
    put(
        folder,
        vec![
            ("portolan.toml".into(), SETTINGS.into()),
            ("zones/anchor.example.zone".into(), anchor),
            ("zones/initech/initech.example.zone".into(), format!("{head}{}", proxied("www"))),
        ],
    );
}

/// The account that tells whether a server has looked at the files since its start.
pub(crate) const EPOCH: &str = "account epoch";

/// Writes what only a server that has looked since can answer.
pub(crate) fn write_epoch(folder: &Path, epoch: u32) {
    let text =
        format!("$TTL 60\n@ SOA ns host {epoch} 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nv TXT \"{epoch}\"\n");
    put(folder, vec![("zones/epoch/epoch.example.zone".into(), text)]);
}

/// The epoch that is served.
pub(crate) fn epoch(address: SocketAddr) -> Option<u32> {
    let reply = Ask::new("v.epoch.example", 16).send(address)?;
    reply.sections[0].first()?.rdata.trim_matches('"').parse().ok()
}

/// Writes a version of a part: beside the files first, so that all of them change at nearly one moment.
pub(crate) fn write(folder: &Path, part: Part, version: Version) {
    put(folder, part.files(version));
}

/// Puts the immutable map into the operator's files, or takes it out of them.
pub(crate) fn fix(folder: &Path, there: bool) {
    if there {
        let map = format!(
            "[[address_map]]\nid = \"fixed\"\naccount = \"initech\"\nenabled = true\nimmutable = true\nips = [\"{FIXED}\"]\n"
        );
        put(folder, vec![(FIXED_FILE.into(), map)]);
    } else {
        let _ = fs::remove_file(folder.join(FIXED_FILE));
    }
}

fn put(folder: &Path, files: Vec<(String, String)>) {
    let paths: Vec<_> = files.iter().map(|(path, _)| folder.join(path)).collect();
    for (path, (_, text)) in paths.iter().zip(&files) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path.with_extension("tmp"), text).unwrap();
    }
    for path in &paths {
        fs::rename(path.with_extension("tmp"), path).unwrap();
    }
}

/// All versions ever written.
pub(crate) type Versions = BTreeMap<(Part, u32), Version>;

/// What is served: one whole version of each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) generation: u64,
    /// The digest of what is served.
    pub(crate) content: String,
    pub(crate) live: BTreeMap<Part, Version>,
    /// Whether the immutable map answers.
    pub(crate) fixed: bool,
}

/// Asks for everything, and takes no mixture: neither of versions nor of generations.
pub(crate) fn observe(address: SocketAddr, versions: &Versions) -> Seen {
    for _ in 0..50 {
        if let Some(seen) = try_to_observe(address, versions) {
            return seen;
        }
    }
    panic!("what is served never stays the same");
}

/// Nothing where a new generation was published meanwhile.
fn try_to_observe(address: SocketAddr, versions: &Versions) -> Option<Seen> {
    let mut told = BTreeSet::new();
    let mut ask = |name: &str, rtype: u16| {
        let edns = Some(Edns { size: 1232, nsid: true, ..Edns::default() });
        let reply = Ask { edns, ..Ask::new(name, rtype) }.send(address).expect("an answer");
        told.insert(reply.opt.expect("an OPT record").nsid.expect("an NSID"));
        let answer = reply.sections[0].first().map(|record| record.rdata.trim_matches('"').to_owned());
        answer.unwrap_or_else(|| format!("rcode {}", reply.rcode))
    };
    let shared = ask(ANCHORS[0], 1);
    let mut found = Vec::new();
    for part in PARTS {
        let number = match part.versioned() {
            Some(name) => ask(&name, 16).parse().ok(),
            None => (1..10_000).find(|number| part.address(*number) == shared),
        };
        let version = number.and_then(|number| versions.get(&(part, number)));
        let wanted = version.map(|version| part.answers(*version, &shared)).unwrap_or_default();
        let answers: Vec<_> =
            wanted.iter().map(|(name, rtype, _)| (name.clone(), *rtype, ask(name, *rtype))).collect();
        found.push((part, version.copied(), wanted, answers));
    }
    let fixed = ask("www.initech.example", 1);
    let nsid = told.pop_first()?;
    if !told.is_empty() {
        return None;
    }
    let mut live = BTreeMap::new();
    for (part, version, wanted, answers) in found {
        assert_eq!(answers, wanted, "{part:?} is served as a mixture");
        live.insert(part, version.unwrap_or_else(|| panic!("{part:?} is served in no version, {nsid}")));
    }
    assert!(fixed == FIXED || fixed == shared, "initech is answered {fixed}");
    let (generation, content) = nsid.strip_prefix('g').and_then(|nsid| nsid.split_once('-')).unwrap();
    let (generation, content) = (generation.parse().unwrap(), content.to_owned());
    Some(Seen { generation, content, live, fixed: fixed == FIXED })
}
