//! The model's contents as files, and servers that follow them, looked at from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;

use super::model::{self, ALL, Content, Digests, Fault, GUARDS, Server, Slot, State, Who, World};
use crate::answer::{self, End};
use crate::control::commands::Back;
use crate::control::report::Why;
use crate::control::state::PinScope;
use crate::control::tests::{BROKEN, Place, Running};
use crate::control::{Digest, Engine, Rules, StartFrom};
use crate::model::AccountId;
use crate::snapshot::Snapshot;
use crate::wire::{Name, NameBuf, Question, RrType};

const SOA: &str = "@ 60 IN SOA ns.invalid. ns.invalid. 1 7200 900 1209600 300\n@ 60 IN NS ns.invalid.\n";

/// The files, and every content that a unit ever had.
pub(super) struct Tree {
    pub(super) place: Place,
    pub(super) files: World,
    pub(super) known: [Vec<Rc<Content>>; 5],
    by_files: BTreeMap<(Who, BTreeMap<String, Digest>), Rc<Content>>,
    names: Vec<(Who, usize, Vec<NameBuf>)>,
}

impl Tree {
    pub(super) fn new(first: World) -> Tree {
        let place = Place::with(&[]);
        for zone in 0..12 {
            let names = (0..30).map(|name| proxied(name, 9));
            place.write(
                &format!("zones/bulk/b{zone}.example.zone"),
                &format!("{SOA}{}", names.collect::<String>()),
            );
        }
        place.write("addrmaps/bulk/maps.toml", &map("bulk", ["203.0.113.193".parse().unwrap()]));
        let others = (0..3).map(|name| proxied(name, 8)).collect::<String>();
        place.write(
            "zones/eff.example.zone",
            &format!("{SOA}{others}n3 60 IN A 198.51.100.8\nn4 60 IN A 198.51.100.8\n"),
        );
        let name = |text: String| NameBuf::lower_of(&Name::parse(&text, Some(&Name::root())).unwrap());
        let names =
            ALL.into_iter().flat_map(|who| who.zones().iter().enumerate().map(move |zone| (who, zone)));
        let names = names.map(|(who, (at, (zone, slots)))| {
            let all = (0..*slots).map(|slot| format!("n{slot}.{zone}"));
            (who, at, all.chain([format!("v.{zone}")]).map(name).collect())
        });
        let names = names.collect();
        let nothing = std::array::from_fn(|_| Rc::default());
        let mut tree =
            Tree { place, files: nothing, known: Default::default(), by_files: BTreeMap::new(), names };
        for who in ALL {
            tree.write(who, (*first[who as usize]).clone());
        }
        tree
    }

    /// Lets the files of a unit say something else.
    pub(super) fn write(&mut self, who: Who, content: Content) {
        let (before, after) = (render(who, &self.files[who as usize]), render(who, &content));
        for path in before.keys().filter(|path| !after.contains_key(*path)) {
            if self.place.path(path).exists() {
                self.place.remove(path);
            }
        }
        for (path, text) in after
            .iter()
            .filter(|(path, _)| before.get(*path) != after.get(*path) || !self.place.path(path).exists())
        {
            self.place.write(path, text);
        }
        let digests = after.into_iter().map(|(path, text)| (path, Digest::of(text.as_bytes()))).collect();
        let content = Rc::new(content);
        self.by_files.insert((who, digests), content.clone());
        let known = &mut self.known[who as usize];
        if !known.contains(&content) {
            known.push(content.clone());
        }
        self.files[who as usize] = content;
    }
}

fn proxied(name: usize, last: u8) -> String {
    format!("n{name} 1 IN A 198.51.100.{last} ; cf_tags=cf-proxied:true\n")
}

fn map(id: &str, addresses: impl IntoIterator<Item = IpAddr>) -> String {
    let ips: Vec<String> = addresses.into_iter().map(|ip| format!("\"{ip}\"")).collect();
    format!(
        "[[address_map]]\nid = \"{id}\"\nenabled = true\nips = [{}]\naccount_wide = true\n",
        ips.join(", ")
    )
}

/// The files of a unit.
fn render(who: Who, content: &Content) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let folder = match who.account() {
        Some("default") | None => String::new(),
        Some(account) => format!("{account}/"),
    };
    for ((origin, _), zone) in who.zones().iter().zip(&content.zones) {
        let Some(zone) = zone else { continue };
        let mut text = format!("{SOA}v 60 IN TXT \"{}\"\n", zone.version);
        for (name, slot) in zone.slots.iter().enumerate() {
            match slot {
                Slot::Absent => {}
                Slot::Proxied => text += &proxied(name, 7),
                Slot::Plain(last) => {
                    writeln!(text, "n{name} 60 IN A 198.51.100.{last} ; cf_tags=cf-proxied:false").unwrap();
                }
            }
        }
        if content.fault == Some(Fault::Syntax) && folder.is_empty() | (who == Who::Initech) {
            text += "bad 60 IN A 198.51.100.300\n";
        }
        files.insert(format!("zones/{folder}{origin}.zone"), text);
    }
    let addresses = content.addresses.iter().map(|number| model::address(who, *number));
    let mut ips: Vec<IpAddr> = addresses.collect();
    match who {
        Who::Operator => {
            let list = |v4: bool| {
                let of = ips.iter().filter(|ip| ip.is_ipv4() == v4).map(|ip| format!("\"{ip}\""));
                of.collect::<Vec<_>>().join(", ")
            };
            let mut text = format!("[anycast]\nipv4 = [{}]\nipv6 = [{}]\n", list(true), list(false));
            for (at, account) in ["acme", "globex", "initech", "bulk"].iter().enumerate() {
                for cidr in [format!("203.0.113.{}/26", at * 64), format!("2001:db8:{}::/48", at + 1)] {
                    writeln!(
                        text,
                        "[[prefix]]\ncidr = \"{cidr}\"\naccount = \"{account}\"\n\
                         binding = [{{ cidr = \"{cidr}\", service = \"CDN\" }}]"
                    )
                    .unwrap();
                }
            }
            if content.fault.is_some() {
                text += BROKEN;
            }
            files.insert("addrmaps/main.toml".into(), text);
            if content.kept > 0 {
                let ips: Vec<String> = model::kept(content.kept)
                    .map(|number| format!("\"{}\"", model::address(Who::Initech, number)))
                    .collect();
                files.insert(
                    "addrmaps/kept.toml".into(),
                    format!(
                        "[[address_map]]\nid = \"kept\"\naccount = \"initech\"\nenabled = true\n\
                         immutable = true\nips = [{}]\n",
                        ips.join(", ")
                    ),
                );
            }
            let approvals = content.approvals.iter().map(|(digest, expires)| {
                let expires = expires.map(|at| format!("expires = \"{}\"\n", moment(at)));
                format!(
                    "[[approve]]\ndigest = \"{digest}\"\nby = \"ops\"\nreason = \"reviewed\"\n{}",
                    expires.unwrap_or_default()
                )
            });
            if !content.approvals.is_empty() {
                files.insert("addrmaps/approvals.toml".into(), approvals.collect());
            }
        }
        Who::Acme | Who::Globex => {
            let account = who.account().unwrap();
            match content.fault {
                Some(Fault::Ineligible) => ips.push("203.0.113.200".parse().unwrap()),
                Some(Fault::Assertion) => ips.push("203.0.113.120".parse().unwrap()),
                Some(Fault::Syntax) | None => {}
            }
            let text = match content.fault {
                Some(Fault::Syntax) => BROKEN.to_owned(),
                _ => map(&format!("{account}-map"), ips.iter().copied()),
            };
            if content.fault.is_some() || !ips.is_empty() {
                files.insert(format!("addrmaps/{account}/maps.toml"), text);
            }
            if who == Who::Globex {
                let text = "[[assert]]\nanswers_within = [\"203.0.113.64/27\", \"2001:db8:2::/48\"]\n";
                files.insert("addrmaps/globex/rules.toml".into(), text.into());
            }
        }
        Who::Initech | Who::Dee => {}
    }
    files
}

/// A moment as files write it.
fn moment(at: u64) -> String {
    let (days, second) = (at / 86_400, at % 86_400);
    let mut left = days;
    let mut year = 1970;
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", left + 1)
}

/// A server, with the model of it.
pub(super) struct Site {
    state: PathBuf,
    pub(super) running: Option<Running>,
    pub(super) model: Server,
    /// It has not seen the last edits.
    pub(super) lags: bool,
    /// By their number, what each generation served.
    pub(super) history: BTreeMap<u64, World>,
}

impl Site {
    pub(super) fn start(tree: &Tree, state: &str) -> Site {
        let state = tree.place.path(state);
        fs::create_dir_all(&state).unwrap();
        let mut served = tree.files.clone();
        let initech = Content { kept: tree.files[0].kept, ..(*tree.files[Who::Initech as usize]).clone() };
        served[Who::Initech as usize] = Rc::new(initech);
        let mut site =
            Site { state, running: None, model: Server::new(served), lags: false, history: BTreeMap::new() };
        site.open(tree, 0);
        site
    }

    /// Starts from what is remembered.
    fn open(&mut self, tree: &Tree, ahead: u64) {
        let rules = Rules { guards: GUARDS, ..Rules::default() };
        let (engine, first) = Engine::start_with(
            tree.place.sources(),
            &self.state,
            StartFrom::State,
            rules,
            tree.place.seed.clone(),
            Default::default(),
        )
        .unwrap();
        let mut running = Running { engine, first };
        running.engine.remember_start();
        running.engine.clock.ahead = ahead;
        self.running = Some(running);
    }

    pub(super) fn restart(&mut self, tree: &Tree) {
        let ahead = self.running().engine.clock.ahead;
        self.running = None;
        self.open(tree, ahead);
    }

    /// A restart of which the last octets of the state are lost.
    pub(super) fn crash(&mut self, tree: &Tree, length: u64) {
        let ahead = self.running().engine.clock.ahead;
        self.running = None;
        let pack = fs::OpenOptions::new().write(true).open(self.state.join("pack")).unwrap();
        pack.set_len(length).unwrap();
        drop(pack);
        self.open(tree, ahead);
    }

    /// The octets of the state, and which file they are.
    pub(super) fn pack(&self) -> (u64, u64) {
        use std::os::unix::fs::MetadataExt;
        let found = fs::metadata(self.state.join("pack")).unwrap();
        (found.len(), found.ino())
    }

    pub(super) fn running(&mut self) -> &mut Running {
        self.running.as_mut().unwrap()
    }

    fn engine(&self) -> &Engine {
        &self.running.as_ref().unwrap().engine
    }

    pub(super) fn now(&self) -> u64 {
        self.engine().clock.now()
    }

    pub(super) fn roll_back(&mut self, generation: Option<u64>, whose: Option<Who>) -> Result<(), String> {
        let account = whose.map(|who| AccountId::new(who.account().unwrap()).unwrap());
        let back = Back {
            generation: generation.map(crate::control::history::When::Generation),
            account,
            by: None,
            reason: "outage".to_owned(),
        };
        self.running().engine.roll_back(&back, &mut crate::control::look::Open).map(drop)
    }

    pub(super) fn resume(&mut self, whose: Option<Who>) -> Result<(), String> {
        let account = whose.map(|who| AccountId::new(who.account().unwrap()).unwrap());
        self.running().engine.resume(account.as_ref(), &mut crate::control::look::Open).map(drop)
    }

    /// What is held by a guard, with its digest.
    pub(super) fn asking(&self) -> Vec<(Who, String)> {
        let held = self.engine().held().into_iter().filter(|held| held.why == Why::Guard);
        held.filter_map(|held| Some((ALL.into_iter().find(|who| who.shown() == held.unit)?, held.digest?)))
            .collect()
    }

    /// Generations that are remembered since it was asked last; every one holds whole contents.
    pub(super) fn note_history(&mut self, tree: &Tree) -> Result<(), String> {
        let state = &self.running.as_ref().unwrap().engine.store.state;
        let kept: BTreeSet<u64> = state.generations().iter().map(|kept| kept.generation).collect();
        self.history.retain(|generation, _| kept.contains(generation));
        for generation in kept {
            if self.history.contains_key(&generation) {
                continue;
            }
            let manifest = state.manifest_at(generation).unwrap().unwrap();
            let mut files: BTreeMap<Who, BTreeMap<String, Digest>> = BTreeMap::new();
            for (path, file) in &manifest.files {
                let unit = path.unit().unwrap().to_string();
                let Some(who) = ALL.into_iter().find(|who| who.shown() == unit) else { continue };
                let on_disk = path.on_disk(&tree.place.sources());
                let below = on_disk.strip_prefix(tree.place.path("")).unwrap().display().to_string();
                files.entry(who).or_default().insert(below, file.digest);
            }
            let mut world: Vec<Rc<Content>> = Vec::new();
            for who in ALL {
                let key = (who, files.remove(&who).unwrap_or_default());
                match tree.by_files.get(&key) {
                    Some(content) => world.push(content.clone()),
                    None => {
                        return Err(format!("generation {generation} holds a mixture of {who:?}: {key:?}"));
                    }
                }
            }
            self.history.insert(generation, world.try_into().unwrap());
        }
        Ok(())
    }

    /// Whether it answers what the model says, with the same approvals and pins.
    pub(super) fn remembers(&self, tree: &Tree, digests: &Digests) -> Result<(), String> {
        self.answers(tree)?;
        let standing = &self.engine().books.standing;
        let scopes = standing.pins.iter().map(|(scope, pin)| match scope {
            PinScope::Everything => ("everything".to_owned(), pin.generation),
            PinScope::Account(account) => (account.to_string(), pin.generation),
        });
        let pins: BTreeMap<String, u64> = scopes.collect();
        let by_unit =
            ALL.into_iter().filter_map(|who| Some((who.account()?.into(), self.model.pinned[who as usize]?)));
        let wanted: BTreeMap<String, u64> =
            by_unit.chain(self.model.all_pinned.map(|at| ("everything".into(), at))).collect();
        if pins != wanted {
            return Err(format!("pinned are {pins:?}, not {wanted:?}"));
        }
        let approved: BTreeSet<&String> = standing.approvals.keys().collect();
        let wanted: BTreeSet<&String> =
            self.model.approved.iter().filter_map(|key| digests.get(key)).collect();
        match approved == wanted {
            true => Ok(()),
            false => Err(format!("approved are {approved:?}, not {wanted:?}")),
        }
    }

    /// Whether it is what the model says.
    pub(super) fn check(&self, tree: &Tree, digests: &mut Digests) -> Result<(), String> {
        self.remembers(tree, digests)?;
        let held = self.engine().held();
        for who in ALL {
            let found = held.iter().find(|held| held.unit == who.shown());
            let state = match found.map(|held| held.why) {
                None => State::Live,
                Some(Why::Fault) => State::Fault,
                Some(Why::Guard) => State::Guard,
                Some(Why::Pinned) => State::Pinned,
            };
            let wanted = self.model.states[who as usize];
            if state != wanted {
                let problems = found.map(|held| &held.problems);
                return Err(format!("{who:?} is {state:?}, not {wanted:?}: {problems:?}"));
            }
            if state == State::Guard {
                let digest = found.and_then(|held| held.digest.clone()).ok_or("no digest")?;
                let key = self.model.key(who, &self.model.candidate(who, &tree.files));
                let known = digests.entry(key.clone()).or_insert_with(|| digest.clone());
                if *known != digest {
                    return Err(format!("{who:?} has the digest {digest}, and had {known}"));
                }
                if let Some((other, _)) = digests.iter().find(|(other, of)| **of == digest && **other != key)
                {
                    return Err(format!("{digest} is of {key:?} and of {other:?}"));
                }
            }
        }
        let mut others = held.iter().map(|held| &held.unit);
        match others.find(|unit| !ALL.iter().any(|who| who.shown() == **unit)) {
            Some(unit) => Err(format!("{unit} is held")),
            None => Ok(()),
        }
    }

    /// Whether every name is answered as the model says, all of a unit in one version.
    pub(super) fn answers(&self, tree: &Tree) -> Result<(), String> {
        let snapshot = self.engine().snapshot();
        let operator = self.model.of(Who::Operator);
        for (who, zone, names) in &tree.names {
            let content = self.model.of(*who);
            let governing = model::governing(*who, content, operator);
            for (at, name) in names.iter().enumerate() {
                let wanted = match &content.zones[*zone] {
                    None => "REFUSED".to_owned(),
                    Some(zone) => match zone.slots.get(at) {
                        None => format!("NOERROR {}", zone.version),
                        Some(Slot::Absent) => "NXDOMAIN".to_owned(),
                        Some(slot) => format!("NOERROR {:?}", model::answer(*slot, &governing)),
                    },
                };
                let is_version = at + 1 == names.len();
                let found = if is_version { version(&snapshot, name) } else { both(&snapshot, name) };
                if found != wanted {
                    return Err(format!("{who:?} zone {zone} name {at} answers {found}, not {wanted}"));
                }
            }
        }
        // A zone that falls back to the defaults and never changes.
        let name = Name::parse("n1.eff.example", Some(&Name::root())).unwrap();
        let (found, wanted) = (
            both(&snapshot, &NameBuf::lower_of(&name)),
            format!("NOERROR {:?}", model::governing(Who::Dee, self.model.of(Who::Dee), operator)),
        );
        if found != wanted {
            return Err(format!("the defaults answer {found}, not {wanted}"));
        }
        Ok(())
    }
}

/// The addresses of a name, of both families.
fn both(snapshot: &Snapshot, name: &NameBuf) -> String {
    let mut found: BTreeSet<IpAddr> = BTreeSet::new();
    let mut rcodes = BTreeSet::new();
    for rtype in [RrType::A, RrType::AAAA] {
        let outcome = answer::resolve(snapshot, &Question::new(name, rtype), &mut ());
        rcodes.insert(outcome.rcode.to_string());
        match outcome.end {
            End::Addresses(set, _, rtype) => {
                let family = set.family(rtype);
                found.extend(family.bytes.chunks(family.stride).map(|record| ip(&record[12..])));
            }
            End::Rrset(_, rrset) => {
                found.insert(ip(rrset.first_rdata()));
            }
            _ => {}
        }
    }
    let rcodes: Vec<String> = rcodes.into_iter().collect();
    match found.is_empty() {
        true => rcodes.join("/"),
        false => format!("{} {found:?}", rcodes.join("/")),
    }
}

fn version(snapshot: &Snapshot, name: &NameBuf) -> String {
    let outcome = answer::resolve(snapshot, &Question::new(name, RrType::TXT), &mut ());
    match outcome.end {
        End::Rrset(_, rrset) => {
            format!("{} {}", outcome.rcode, String::from_utf8_lossy(&rrset.first_rdata()[1..]))
        }
        _ => outcome.rcode.to_string(),
    }
}

fn ip(octets: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(octets) {
        Ok(octets) => octets.into(),
        Err(_) => <[u8; 16]>::try_from(octets).unwrap().into(),
    }
}
