//! Which commit of git the files were taken from, read from the files of the repository: no process is started.

use std::fs;
use std::path::{Path, PathBuf};

use super::Sources;

/// References that lead to references, at most.
const MAX_LINKS: usize = 5;
/// Octets of `.git`, `HEAD`, `commondir` and a loose reference, at most.
const SMALL: u64 = 4096;
/// Octets of `packed-refs`, at most: beyond that looking is not worth its while.
const PACKED: u64 = 16 << 20;

/// The commit that is checked out where the sources lie. Where the two trees are in different work trees, both, each
/// with its tree.
pub(super) fn commit_of(sources: &Sources) -> Option<String> {
    match (commit_at(&sources.zones), commit_at(&sources.addrmaps)) {
        (Some(zones), Some(maps)) if zones != maps => Some(format!("{zones} (zones), {maps} (addrmaps)")),
        (Some(zones), _) => Some(zones),
        (None, maps) => maps,
    }
}

/// The commit that is checked out in the work tree that a folder is in.
fn commit_at(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let git = folder.ancestors().find_map(git_dir)?;
    // The references of a linked work tree are with those of the repository.
    let common = match small(&git.join("commondir")) {
        Some(common) => git.join(common.trim_end()),
        None => git.clone(),
    };
    let mut head = small(&git.join("HEAD"))?;
    for _ in 0..MAX_LINKS {
        let Some(name) = head.trim_end().strip_prefix("ref: ") else { return id(head.trim_end()) };
        if !name.starts_with("refs/") || name.split('/').any(|part| part == "..") {
            return None;
        }
        let loose = small(&git.join(name)).or_else(|| small(&common.join(name)));
        head = loose.or_else(|| packed(&common, name))?;
    }
    None
}

/// The folder of a repository whose work tree is here: `.git`, or what a file of that name says.
fn git_dir(work_tree: &Path) -> Option<PathBuf> {
    let git = work_tree.join(".git");
    let found = fs::metadata(&git).ok()?;
    if found.is_dir() {
        return git.join("HEAD").exists().then_some(git);
    }
    let said = small(&git)?;
    Some(work_tree.join(said.trim_end().strip_prefix("gitdir: ")?))
}

/// A reference among those that git has gathered in one file.
fn packed(common: &Path, name: &str) -> Option<String> {
    let refs = text(&common.join("packed-refs"), PACKED)?;
    let found = refs.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' '));
    found.map(str::to_owned)
}

/// A commit id, by SHA-1 or SHA-256.
fn id(text: &str) -> Option<String> {
    let is_id = matches!(text.len(), 40 | 64) && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    is_id.then(|| text.to_owned())
}

fn small(path: &Path) -> Option<String> {
    text(path, SMALL)
}

fn text(path: &Path, most: u64) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    (found.is_file() && found.len() <= most).then(|| fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef01234567";
    const B: &str = "76543210fedcba9876543210fedcba9876543210";

    fn write(root: &Path, below: &str, text: &str) {
        let path = root.join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn heads_of_every_form_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("repo/zones/acme")).unwrap();
        let zones = root.join("repo/zones/acme");
        assert_eq!(commit_at(&zones), None);
        write(root, "repo/.git/HEAD", "ref: refs/heads/main\n");
        // A branch without a commit.
        assert_eq!(commit_at(&zones), None);
        write(
            root,
            "repo/.git/packed-refs",
            &format!(
                "# pack-refs\n{A} refs/heads/xmain\n{A} refs/remotes/refs/heads/main\n{B} refs/heads/main\n"
            ),
        );
        assert_eq!(commit_at(&zones).as_deref(), Some(B));
        write(root, "repo/.git/refs/heads/main", &format!("{A}\n"));
        assert_eq!(commit_at(&zones).as_deref(), Some(A));
        write(root, "repo/.git/HEAD", &format!("{B}\n"));
        assert_eq!(commit_at(&zones).as_deref(), Some(B));
        for bad in ["ref: ../../secret\n", "ref: refs/../../secret\n", "nonsense\n", "ref: refs/heads/loop\n"]
        {
            write(root, "repo/.git/refs/heads/loop", "ref: refs/heads/loop\n");
            write(root, "repo/.git/HEAD", bad);
            assert_eq!(commit_at(&zones), None, "{bad}");
        }

        // A linked work tree, as `git worktree add` makes it.
        write(root, "linked/.git", "gitdir: ../repo/.git/worktrees/linked\n");
        write(root, "repo/.git/worktrees/linked/HEAD", "ref: refs/heads/main\n");
        write(root, "repo/.git/worktrees/linked/commondir", "../..\n");
        assert_eq!(commit_at(&root.join("linked")).as_deref(), Some(A));
        write(root, "repo/.git/HEAD", &format!("{B}\n"));
        let both = |zones: &str, maps: &str| Sources { zones: root.join(zones), addrmaps: root.join(maps) };
        assert_eq!(commit_of(&both("repo/zones", "missing")).as_deref(), Some(B));
        assert_eq!(commit_of(&both("repo/zones", "repo")).as_deref(), Some(B));
        assert_eq!(commit_of(&both("missing", "linked")).as_deref(), Some(A));
        let said = commit_of(&both("repo", "linked")).unwrap();
        assert_eq!(said, format!("{B} (zones), {A} (addrmaps)"));
    }

    #[test]
    fn what_git_writes_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let output = Command::new("git")
                .args(["-c", "user.name=T", "-c", "user.email=t@example.com"])
                .args(args)
                .current_dir(dir.path())
                .output();
            output.ok().filter(|output| output.status.success()).map(|output| output.stdout)
        };
        if git(&["init", "-q"]).is_none() {
            eprintln!("not tested: no git here");
            return;
        }
        git(&["commit", "-q", "--allow-empty", "-m", "one"]).unwrap();
        let head = String::from_utf8(git(&["rev-parse", "HEAD"]).unwrap()).unwrap();
        assert_eq!(commit_at(dir.path()).as_deref(), Some(head.trim_end()));
        git(&["pack-refs", "--all"]).unwrap();
        assert_eq!(commit_at(dir.path()).as_deref(), Some(head.trim_end()));
        git(&["checkout", "-q", "--detach"]).unwrap();
        assert_eq!(commit_at(dir.path()).as_deref(), Some(head.trim_end()));
    }
}
