//! The account `bad`: every fault that the golden suite knows, and what no parser sees.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::client::{entries, root};
use crate::world::World;

/// Faults beside those of the golden suite.
const OTHERS: usize = 20;

/// How many kinds of fault there are.
pub(crate) fn kinds() -> usize {
    cases().len() + OTHERS
}

fn cases() -> Vec<PathBuf> {
    entries(&root().join("tests/golden/diagnostics")).into_iter().filter(|path| path.is_dir()).collect()
}

fn folders(world: &World) -> [PathBuf; 2] {
    [world.zones().join("bad"), world.addrmaps().join("bad")]
}

/// The account vanishes.
pub(crate) fn clear(world: &World) {
    for folder in folders(world) {
        let mode = fs::Permissions::from_mode(0o755);
        let _ = fs::set_permissions(&folder, mode);
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&folder).unwrap(),
            Ok(_) => fs::remove_file(&folder).unwrap(),
            Err(_) => {}
        }
    }
}

/// A good zone and a good map.
pub(crate) fn lay_good(world: &World) {
    let [zones, maps] = folders(world);
    fs::create_dir_all(&zones).unwrap();
    fs::create_dir_all(&maps).unwrap();
    fs::write(zones.join("bad.example.zone"), GOOD).unwrap();
    let map =
        "[[address_map]]\nid = \"bad\"\nenabled = true\nips = [\"198.51.100.9\"]\naccount_wide = true\n";
    fs::write(maps.join("bad.toml"), map).unwrap();
}

/// What the good map answers with.
pub(crate) const GOOD_ADDRESS: &str = "198.51.100.9";

const GOOD: &str = "$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n  NS ns\nns A 192.0.2.53\n\
                    www 1 A 100.80.0.1 ; cf_tags=cf-proxied:true\n";

/// Breaks the account in one of the ways; numbers wrap around.
pub(crate) fn lay(world: &World, kind: usize) {
    let [zones, maps] = folders(world);
    fs::create_dir_all(&zones).unwrap();
    fs::create_dir_all(&maps).unwrap();
    let cases = cases();
    let kind = kind % (cases.len() + OTHERS);
    if let Some(case) = cases.get(kind) {
        for (tree, to) in [("zones", &zones), ("addrmaps", &maps)] {
            take(&case.join(tree), to, 0);
        }
        return;
    }
    let zone = zones.join("bad.example.zone");
    match kind - cases.len() {
        0 => fs::write(zone, "").unwrap(),
        1 => fs::write(zone, (0..100_000_u32).map(|n| ((n * 7919) >> 3) as u8).collect::<Vec<_>>()).unwrap(),
        2 => fs::write(zone, format!("{GOOD}x TXT {}\n", "y".repeat(5_000_000))).unwrap(),
        3 => symlink("../a0/one.a0.example.zone", zone).unwrap(),
        4 => symlink("/etc/passwd", zone).unwrap(),
        5 => symlink("bad.example.zone", zone).unwrap(),
        6 => assert!(Command::new("mkfifo").arg(zone).status().unwrap().success()),
        7 => fs::create_dir(zone).unwrap(),
        8 => {
            fs::write(&zone, GOOD).unwrap();
            fs::set_permissions(&zone, fs::Permissions::from_mode(0o0)).unwrap();
        }
        9 => fs::set_permissions(&zones, fs::Permissions::from_mode(0o0)).unwrap(),
        // What another account has.
        10 => fs::write(zones.join("one.a0.example.zone"), GOOD).unwrap(),
        11 => fs::write(zones.join("d1.example.zone"), GOOD).unwrap(),
        12 => fs::write(maps.join("a.toml"), map("a0-wide", "account_wide = true")).unwrap(),
        13 => fs::write(maps.join("a.toml"), map("bad", "zones = [\"one.a0.example\"]")).unwrap(),
        14 => {
            fs::write(&zone, format!("{GOOD}$INCLUDE a.inc\n")).unwrap();
            fs::write(zones.join("a.inc"), "$INCLUDE b.inc\n").unwrap();
            fs::write(zones.join("b.inc"), "$INCLUDE a.inc\n").unwrap();
        }
        15 => fs::write(&zone, format!("{GOOD}$INCLUDE ../n0/common/version.inc\n")).unwrap(),
        16 => fs::write(zones.join(std::ffi::OsStr::from_bytes(b"\xff\xfe.zone")), GOOD).unwrap(),
        17 => {
            symlink("..", zones.join("up")).unwrap();
            symlink(".", zones.join("here")).unwrap();
            fs::write(&zone, format!("{GOOD}(")).unwrap();
        }
        18 => {
            let mut deep = zones.clone();
            (0..60).for_each(|_| deep.push("deep"));
            fs::create_dir_all(&deep).unwrap();
            fs::write(deep.join("bad.example.zone"), GOOD).unwrap();
            fs::write(zone, GOOD).unwrap();
        }
        _ => fs::write(maps.join("a.toml"), "[anycast]\nipv4 = [\"192.0.2.1\"]\n").unwrap(),
    }
}

fn map(id: &str, members: &str) -> String {
    format!("[[address_map]]\nid = \"{id}\"\nenabled = true\nips = [\"198.51.100.8\"]\n{members}\n")
}

/// Copies a case: what stands in its root or in the folder of an account into the folder of this one.
fn take(from: &Path, to: &Path, depth: usize) {
    if !from.is_dir() {
        return;
    }
    for entry in entries(from) {
        let name = entry.file_name().unwrap();
        if entry.is_symlink() {
            symlink(fs::read_link(&entry).unwrap(), to.join(name)).unwrap();
        } else if !entry.is_dir() {
            fs::copy(&entry, to.join(name)).unwrap();
        } else if depth == 0 {
            take(&entry, to, 1);
        } else {
            fs::create_dir_all(to.join(name)).unwrap();
            take(&entry, &to.join(name), 2);
        }
    }
}
