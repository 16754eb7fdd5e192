//! The ways of changing the files of one account.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::Writer;
use super::files::*;
use crate::world::{Account, Layout, operator_file, shared_file};

impl Writer<'_> {
    /// Layouts that are changed in one way, by one swap, or by one file.
    pub(super) fn whole(&mut self, index: usize) {
        let world = self.world.clone();
        let account = &world.accounts[index];
        let version = self.next_version(index);
        let one_file = match account.layout {
            Layout::Default => Some((world.zones().join("shared.inc"), shared_file(version))),
            Layout::Operator => Some((world.addrmaps().join("operator.toml"), operator_file(version))),
            _ => None,
        };
        let Some((path, content)) = one_file else {
            self.edits(
                index,
                if account.layout == Layout::Linked { "folder link swap" } else { "..data swap" },
            );
            // The files lie elsewhere before the swap: nobody reads them.
            account.completes(version);
            match account.layout {
                Layout::Linked => linked(&world, account, version),
                _ => {
                    for tree in ["zones", "addrmaps"] {
                        config_map(tree, account, &world.folder(tree, account), version);
                    }
                }
            }
            return self.done(index, version);
        };
        let units = match account.layout {
            Layout::Default => vec!["zone d1.example.", "zone d2.example."],
            _ => vec!["the operator's files", "account any"],
        };
        match self.rng.below(4) {
            0 => {
                self.edits(index, "fault in a shared file");
                self.may_be_held.extend(units.into_iter().map(str::to_owned));
                fs::write(&path, content.replacen('\n', "\n\"never ends\n(", 1)).unwrap();
                self.books[index].good = None;
            }
            1 => {
                self.edits(index, "rename of a shared file");
                account.completes(version);
                rename_over(&path, &content);
                self.done(index, version);
            }
            2 => {
                self.edits(index, "paused writer of a shared file");
                self.may_be_held.extend(units.into_iter().map(str::to_owned));
                self.pause(index, version, vec![(path, content)]);
            }
            _ => {
                self.edits(index, "write of a shared file");
                account.completes(version);
                fs::write(&path, &content).unwrap();
                self.done(index, version);
            }
        }
    }

    pub(super) fn plain(&mut self, index: usize) {
        let world = self.world.clone();
        let account = &world.accounts[index];
        let unit = format!("account {}", account.name);
        let kind = self.rng.below(16);
        if kind == 0 {
            if let Some(good) = self.books[index].good {
                self.may_be_held.insert(unit);
                self.kill_copy(index, good);
            }
            return;
        }
        let version = self.next_version(index);
        let files: Vec<(PathBuf, String)> = account
            .files(version)
            .into_iter()
            .map(|(tree, name, content)| (world.folder(tree, account).join(name), content))
            .collect();
        let staged = self.stage(account, version);
        match kind {
            1 => {
                self.edits(index, "fault");
                self.may_be_held.insert(unit);
                return self.fault(index, files);
            }
            2 => {
                self.edits(index, "paused writer");
                self.may_be_held.insert(unit);
                return self.pause(index, version, files);
            }
            3 => {
                self.edits(index, "removed folders");
                account.may_be_absent.store(true, Ordering::SeqCst);
                account.absent.store(0, Ordering::SeqCst);
                for tree in ["zones", "addrmaps"] {
                    fs::remove_dir_all(world.folder(tree, account)).unwrap();
                }
                (self.books[index].removed, self.books[index].good) = (true, None);
                return;
            }
            4 | 5 => {
                self.edits(index, "truncate and write");
                let mut open: Vec<File> = files.iter().map(|(path, _)| File::create(path).unwrap()).collect();
                for (file, (_, content)) in open.iter_mut().zip(&files) {
                    file.write_all(content.as_bytes()).unwrap();
                }
                account.completes(version);
                drop(open);
            }
            6 | 7 => {
                self.edits(index, "write and rename");
                for (path, content) in &files {
                    fs::write(path.with_extension("tmp"), content).unwrap();
                }
                account.completes(version);
                for (path, _) in &files {
                    fs::rename(path.with_extension("tmp"), path).unwrap();
                }
            }
            8 => {
                self.edits(index, "delete and create");
                account.completes(version);
                for (path, content) in &files {
                    fs::remove_file(path).unwrap();
                    fs::write(path, content).unwrap();
                }
            }
            9 | 10 => {
                let program = if kind == 9 { "cp" } else { "rsync" };
                self.edits(index, program);
                account.completes(version);
                for tree in ["zones", "addrmaps"] {
                    let from = staged.join(tree).join(&account.name).join(".");
                    copy(program, &from, &world.folder(tree, account));
                }
            }
            11 => {
                self.edits(index, "mv of folders");
                account.completes(version);
                for tree in ["zones", "addrmaps"] {
                    let trash = staged.join(format!("{tree}-before"));
                    fs::rename(world.folder(tree, account), trash).unwrap();
                    fs::rename(staged.join(tree).join(&account.name), world.folder(tree, account)).unwrap();
                }
            }
            12 => {
                self.edits(index, "hard link");
                account.completes(version);
                for (tree, name, _) in account.files(version) {
                    let to = world.folder(tree, account).join(&name);
                    fs::remove_file(&to).unwrap();
                    fs::hard_link(staged.join(tree).join(&account.name).join(&name), &to).unwrap();
                }
            }
            13 => {
                self.edits(index, "link swap");
                for (path, content) in &files {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    let folder = path.with_file_name(format!(".v{version}"));
                    fs::create_dir_all(&folder).unwrap();
                    fs::write(folder.join(name), content).unwrap();
                    symlink(format!(".v{version}/{name}"), path.with_extension("tmp")).unwrap();
                }
                account.completes(version);
                for (path, _) in &files {
                    fs::rename(path.with_extension("tmp"), path).unwrap();
                }
            }
            _ => {
                self.edits(index, "folders removed and made");
                account.completes(version);
                for tree in ["zones", "addrmaps"] {
                    fs::remove_dir_all(world.folder(tree, account)).unwrap();
                }
                write_files(&world.top, account, version);
            }
        }
        self.done(index, version);
        let _ = fs::remove_dir_all(staged);
    }

    /// The files of an account at a version, where nobody watches.
    pub(super) fn stage(&mut self, account: &Account, version: u32) -> PathBuf {
        self.staged += 1;
        let folder = self.world.top.join(format!("stage-{}", self.staged));
        write_files(&folder, account, version);
        folder
    }
}
