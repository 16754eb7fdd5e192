//! Random edits of the files of a few accounts.

use std::fmt;

use proptest::prelude::*;

use crate::control::tests::*;

/// Accounts with folders of their own.
pub(super) const ACCOUNTS: [&str; 3] = ["acme", "globex", "initech"];
/// Zones that any account, and `default`, may have; each account has a file for each.
pub(super) const ORIGINS: [&str; 4] = ["one.example", "two.example", "sub.two.example", "four.example"];

/// What an operator does.
#[derive(Clone)]
pub(in crate::control::tests) enum Edit {
    /// Writes a file; the variant says what.
    Write(usize, u8),
    Remove(usize),
    /// Moves a file over another one of its kind.
    Move(usize, usize),
    /// Moves the folder of an account in one tree, or swaps two.
    MoveFolder(&'static str, usize, usize),
    RemoveFolder(&'static str, usize),
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = files();
        match self {
            Edit::Write(file, variant) => write!(f, "write {} as {variant}", files[*file].0),
            Edit::Remove(file) => write!(f, "remove {}", files[*file].0),
            Edit::Move(from, to) => write!(f, "move {} to {}", files[*from].0, files[*to].0),
            Edit::MoveFolder(tree, from, to) => {
                write!(f, "move {tree}/{} to {}", ACCOUNTS[*from], ACCOUNTS[*to])
            }
            Edit::RemoveFolder(tree, of) => write!(f, "remove {tree}/{}", ACCOUNTS[*of]),
        }
    }
}

/// Edits, whether the server is told of everything or of the paths only, or not yet.
#[derive(Clone, Debug)]
pub(in crate::control::tests) struct Step {
    pub(in crate::control::tests) edits: Vec<Edit>,
    pub(super) told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::control::tests) enum Told {
    Everything,
    Paths,
    /// Of the last edit only; the others are told with a later step.
    Last,
}

/// The files there are, each with its kind.
pub(super) fn files() -> Vec<(String, Kind)> {
    let mut files = Vec::new();
    for account in ACCOUNTS {
        for origin in ORIGINS {
            files.push((format!("zones/{account}/{origin}.zone"), Kind::Zone));
        }
        files.push((format!("zones/{account}/part.inc"), Kind::Include));
        files.push((format!("zones/{account}/account.toml"), Kind::Settings));
        files.push((format!("addrmaps/{account}/maps.toml"), Kind::Maps));
        files.push((format!("addrmaps/{account}/more.toml"), Kind::Maps));
        files.push((format!("addrmaps/{account}/list.txt"), Kind::List));
    }
    for origin in ORIGINS {
        files.push((format!("zones/{origin}.zone"), Kind::Zone));
    }
    files.push(("zones/acme/a/one.example.zone".into(), Kind::Zone));
    files.push(("zones/globex/z/four.example.zone".into(), Kind::Zone));
    files.push(("zones/part.inc".into(), Kind::Include));
    files.push(("zones/account.toml".into(), Kind::Settings));
    files.push(("addrmaps/main.toml".into(), Kind::Operator));
    files.push(("addrmaps/extra.toml".into(), Kind::Operator));
    files.push(("addrmaps/list.txt".into(), Kind::List));
    files
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Zone,
    Include,
    Settings,
    Maps,
    List,
    Operator,
}

/// Number of variants; those from `GOOD` on have faults, or may have.
pub(super) const VARIANTS: u8 = 12;

pub(super) fn content(path: &str, kind: Kind, variant: u8) -> String {
    let account = path.split('/').nth(1).unwrap_or_default();
    let stem = path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    match kind {
        Kind::Zone => match variant {
            0 | 1 => zone(&variant.to_string()),
            2 | 3 => zone_with(&variant.to_string(), "part.inc"),
            4 => format!("{}other 60 IN A 198.51.100.3\n", zone("4")),
            5 => zone("5").replace("www 1", "*.www 1"),
            6 => zone("6").replace("cf-proxied:true", "cf-proxied:false"),
            7 => zone_with("7", "nowhere.inc"),
            8 => format!("{}other 60 IN A 198.51.100.300\n", zone("8")),
            9 => String::new(),
            10 => zone_with("10", "acme/part.inc"),
            _ => zone("many"),
        },
        Kind::Include => match variant {
            0..=5 => format!("inc 60 IN TXT \"{variant}\"\n"),
            6 | 7 => format!("inc 1 IN A 198.51.100.{variant}\n"),
            8 => "inc 60 IN A nothing\n".into(),
            _ => format!("inc 60 IN TXT \"many {variant}\"\n"),
        },
        Kind::Settings => match variant {
            0 => "name = \"A\"\n".into(),
            1 => "require_tags = true\n".into(),
            2 => "enforce_dns_only = true\n".into(),
            3 => "shared_addresses = \"never\"\n".into(),
            4 => "[zone.\"one.example\"]\npaused = true\n".into(),
            5 => "[zone.\"two.example\"]\nipv6 = \"off\"\n[zone.\"one.example\"]\nipv6 = \"off\"\n".into(),
            6 => BROKEN.into(),
            7 => "colour = 1\n".into(),
            _ => String::new(),
        },
        Kind::Maps => {
            let id = format!("{account}-{stem}");
            match variant {
                0 | 1 => map(&id, &format!("203.0.113.{variant}"), "account_wide = true"),
                2 => map(&id, "203.0.113.2", "zones = [\"one.example\", \"two.example\"]"),
                3 => map(&id, "203.0.113.3", "zones_file = \"list.txt\""),
                4 => map(&id, "203.0.113.4", "account_wide = true").replace("true\nips", "false\nips"),
                5 => map(&id, "203.0.113.5", "zones = [\"four.example\"]\ndefault_sni = \"four.example\""),
                6 => map("contested", "203.0.113.6", "zones = [\"one.example\"]"),
                7 => BROKEN.into(),
                8 => map(&id, "203.0.113.300", "account_wide = true"),
                9 => map(&id, "203.0.113.5", "zones = [\"one.example\"]\ndefault_sni = \"one.example\""),
                10 => {
                    map(&id, "203.0.113.9", "zones_file = \"list.txt\"")
                        + &map(&format!("{id}-2"), "203.0.113.7", "")
                }
                _ => String::new(),
            }
        }
        Kind::List => match variant {
            0..=3 => "one.example\n".into(),
            4..=6 => "two.example\nfour.example\n".into(),
            7 => "no..name\n".into(),
            _ => "sub.two.example\n".into(),
        },
        Kind::Operator => {
            let map = |account: &str, last: u8, rest: &str| {
                operators_map(&format!("{stem}-{account}"), account, &format!("192.0.2.{last}"), rest)
            };
            match variant {
                0 | 1 => anycast(&format!("192.0.2.{variant}")),
                2 | 3 => {
                    anycast("192.0.2.3")
                        + &map("acme", 100 + variant, "account_wide = true")
                        + &map("globex", 110 + variant, "zones = [\"one.example\"]")
                }
                4 => {
                    map("acme", 104, "zones_file = \"list.txt\"")
                        + &map("default", 104, "account_wide = true")
                }
                5 => map("default", 105, "zones = [\"one.example\"]") + &anycast("192.0.2.5"),
                6 => BROKEN.into(),
                7 => {
                    anycast("192.0.2.7")
                        + &map("acme", 107, "account_wide = 7")
                        + &map("globex", 117, "zones = [\"one.example\"]")
                }
                8 => map("initech", 108, "").replace("[\"192.0.2.108\"]", "[\"192.0.2.300\"]"),
                9 => map("globex", 109, "account_wide = true").replace("main-globex", "contested"),
                10 => map("initech", 110, "immutable = true") + &anycast("192.0.2.10"),
                _ => String::new(),
            }
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let all = files().len();
    let folder = (prop_oneof![Just("zones"), Just("addrmaps")], 0..ACCOUNTS.len(), 0..ACCOUNTS.len());
    prop_oneof![
        12 => (0..all, 0..VARIANTS).prop_map(|(file, variant)| Edit::Write(file, variant)),
        2 => (0..all).prop_map(Edit::Remove),
        2 => (0..all, 0..all).prop_map(|(from, to)| Edit::Move(from, to)),
        1 => folder.clone().prop_map(|(tree, from, to)| Edit::MoveFolder(tree, from, to)),
        1 => folder.prop_map(|(tree, of, _)| Edit::RemoveFolder(tree, of)),
    ]
}

pub(in crate::control::tests) fn step() -> impl Strategy<Value = Step> {
    let told = prop_oneof![3 => Just(Told::Everything), 3 => Just(Told::Paths), 2 => Just(Told::Last)];
    (prop::collection::vec(edit(), 1..5), told).prop_map(|(edits, told)| Step { edits, told })
}

/// Does it, and names the paths that were touched.
pub(in crate::control::tests) fn take(place: &Place, edit: &Edit) -> Vec<String> {
    let files = files();
    match edit {
        Edit::Write(file, variant) => {
            let (path, kind) = &files[*file];
            place.write(path, &content(path, *kind, *variant));
            vec![path.clone()]
        }
        Edit::Remove(file) => {
            let path = &files[*file].0;
            if place.path(path).exists() {
                place.remove(path);
            }
            vec![path.clone()]
        }
        Edit::Move(from, to) => {
            let ((from, of), (to, kind)) = (&files[*from], &files[*to]);
            if of == kind && from != to && place.path(from).exists() {
                place.rename(from, to);
                return vec![from.clone(), to.clone()];
            }
            Vec::new()
        }
        Edit::MoveFolder(tree, from, to) => {
            let [from, to] = [from, to].map(|account| format!("{tree}/{}", ACCOUNTS[*account]));
            if from == to || !place.path(&from).exists() {
                return Vec::new();
            }
            if place.path(&to).exists() {
                let aside = format!("{tree}/.aside");
                place.rename(&to, &aside);
                place.rename(&from, &to);
                place.rename(&aside, &from);
            } else {
                place.rename(&from, &to);
            }
            vec![from, to]
        }
        Edit::RemoveFolder(tree, of) => {
            let path = format!("{tree}/{}", ACCOUNTS[*of]);
            if place.path(&path).exists() {
                place.remove(&path);
            }
            vec![path]
        }
    }
}
