//! Real files, real events: each way of writing ends in a batch that names the right paths, and never too early.

mod edits;
mod links;
mod modes;
mod writing;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::*;

/// No test waits as long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is told is told in order: when this file is, all that happened before it has been.
const SENTINEL: &str = "zones/sentinel.zone";

/// Both trees in a folder of their own, under watch.
struct Scene {
    top: tempfile::TempDir,
    signals: mpsc::Receiver<Signal>,
    watch: Watch,
    /// Files that the test holds open for writing.
    open: BTreeSet<PathBuf>,
    batches: Vec<Batch>,
}

impl Scene {
    /// Watches what `prepare` leaves behind.
    fn new(prepare: impl FnOnce(&Path)) -> Scene {
        let top = tempfile::tempdir().unwrap();
        prepare(top.path());
        if !top.path().join("zones").is_symlink() {
            fs::create_dir_all(top.path().join("zones/acme")).unwrap();
            fs::create_dir_all(top.path().join("addrmaps")).unwrap();
        }
        let sources = Sources { zones: top.path().join("zones"), addrmaps: top.path().join("addrmaps") };
        let (sender, signals) = mpsc::channel();
        let tell = move |signal| drop(sender.send(signal));
        let watch = Watch::start(&sources, WatchMode::Events, Instant::now(), tell);
        assert_eq!(watch.watching(), Watching::Events, "{:?}", watch.trouble());
        Scene { top, signals, watch, open: BTreeSet::new(), batches: Vec::new() }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.top.path().join(below)
    }

    fn write(&self, below: &str, content: &str) {
        fs::write(self.path(below), content).unwrap();
    }

    /// Runs a shell in the top folder.
    fn sh(&self, script: &str) {
        sh(self.top.path(), script);
    }

    /// Takes batches until the condition holds for all that came since the last call.
    fn until(&mut self, what: &str, done: impl Fn(&Scene) -> bool) -> BTreeSet<String> {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "never: {what}; so far {:?}", self.batches);
            self.step();
        }
        let paths = self.seen();
        self.batches.clear();
        paths
    }

    /// Hears what was told, or waits a little, and takes what is ready.
    fn step(&mut self) {
        let until = self.watch.deadline().map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
        if let Ok(signal) = self.signals.recv_timeout(until.min(Duration::from_millis(50))) {
            self.watch.hear(Instant::now(), signal);
        }
        while let Ok(signal) = self.signals.try_recv() {
            self.watch.hear(Instant::now(), signal);
        }
        if let Some(batch) = self.watch.take(Instant::now()) {
            let early: Vec<_> = batch.paths.intersection(&self.open).collect();
            assert!(early.is_empty(), "still open: {early:?}");
            self.batches.push(batch);
        }
    }

    /// Takes batches until all paths were in one; tells all that were.
    fn until_seen(&mut self, paths: &[&str]) -> BTreeSet<String> {
        let expected: BTreeSet<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        self.until(&format!("{paths:?}"), |scene| scene.seen().is_superset(&expected))
    }

    /// Takes batches until all that happened before was in one; these paths and no others were.
    fn until_only(&mut self, paths: &[&str]) {
        self.write(SENTINEL, "");
        let mut seen = self.until_seen(&[paths, &[SENTINEL]].concat());
        seen.remove(SENTINEL);
        assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), paths);
    }

    /// The paths of all batches since the last call, below the top folder.
    fn seen(&self) -> BTreeSet<String> {
        let paths = self.batches.iter().flat_map(|batch| &batch.paths);
        paths.map(|path| path.strip_prefix(self.top.path()).unwrap_or(path).display().to_string()).collect()
    }

    /// Takes batches until all that happened before was in one, unless something holds it back.
    fn settle(&mut self) -> BTreeSet<String> {
        self.write(SENTINEL, "");
        self.until_seen(&[SENTINEL])
    }
}

fn sh(folder: &Path, script: &str) {
    let mut command = Command::new("sh");
    command.args(["-e", "-c", script]).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "n").env(format!("GIT_{who}_EMAIL"), "n@example.com");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}
