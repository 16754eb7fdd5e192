//! Files of an account, as the layouts have them, and ways of writing one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{Account, GIT_ZONES, World, git_zone};

pub(super) fn write_files(top: &Path, account: &Account, version: u32) {
    for (tree, name, content) in account.files(version) {
        let path = top.join(tree).join(&account.name).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// `..data -> ..VERSION`, swapped by a rename.
pub(super) fn config_map(tree: &str, account: &Account, folder: &Path, version: u32) {
    let data = folder.join(format!("..{version}"));
    fs::create_dir_all(&data).unwrap();
    for (_, name, content) in account.files(version).iter().filter(|(of, ..)| *of == tree) {
        fs::write(data.join(name), content).unwrap();
    }
    let link = folder.join("..data_tmp");
    symlink(format!("..{version}"), &link).unwrap();
    let before = fs::read_link(folder.join("..data")).ok();
    fs::rename(&link, folder.join("..data")).unwrap();
    if let Some(before) = before {
        fs::remove_dir_all(folder.join(before)).unwrap();
    }
}

/// The folders of the account are links to folders elsewhere, swapped by renames.
pub(super) fn linked(world: &World, account: &Account, version: u32) {
    let store = world.top.join(format!("store-{version}"));
    write_files(&store, account, version);
    for tree in ["zones", "addrmaps"] {
        let link = world.top.join(tree).join(format!(".{}.tmp", account.name));
        symlink(store.join(tree).join(&account.name), &link).unwrap();
        fs::rename(&link, world.folder(tree, account)).unwrap();
    }
}

pub(super) fn git(world: &World, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(world.zones()).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.stdin(Stdio::null());
    let done = command.output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {done:?}");
}

/// A repository in `zones/` with two branches of the account's 500 zones; version 2 is checked out.
pub(super) fn repository(world: &World, account: &Account) {
    git(world, &["init"]);
    for (branch, version) in [("odd", 3), ("even", 2)] {
        account.completes(version);
        git(world, &["checkout", "-B", branch]);
        for zone in 0..GIT_ZONES {
            let folder = world.folder("zones", account).join(format!("{}", zone / 50));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("g{zone}.git.example.zone")), git_zone(zone, version)).unwrap();
        }
        git(world, &["add", "git"]);
        git(world, &["-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-m", branch]);
    }
}

/// A copy by a program; where it is not installed, by `cp`.
pub(super) fn copy(program: &str, from: &Path, to: &Path) {
    let mut command = Command::new(program);
    match program {
        "rsync" => command.args(["-ac", "--delete", "--exclude=.v*"]).arg(format!("{}/", from.display())),
        _ => command.arg("-r").arg(from),
    };
    match command.arg(to).output() {
        Ok(done) => assert!(done.status.success(), "{done:?}"),
        Err(_) if program != "cp" => copy("cp", from, to),
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Writes beside the file and moves over it.
pub(super) fn rename_over(path: &Path, content: impl AsRef<[u8]>) {
    let beside = path.with_extension("tmp");
    fs::write(&beside, content).unwrap();
    fs::rename(beside, path).unwrap();
}

/// A content in two parts, the first of which is a fault: it ends within a string. But for a list of zones, which is
/// the same in all versions and has no strings.
pub(super) fn half(content: &str) -> (&str, &str) {
    let mut quotes = content.rmatch_indices('"').map(|(at, _)| at);
    match (quotes.next(), quotes.next()) {
        (Some(_), Some(open)) => content.split_at(open + 1),
        _ => (content, ""),
    }
}
