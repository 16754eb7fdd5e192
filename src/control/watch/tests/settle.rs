use super::*;
use Noted::{Changed, Closed, Created, Folder, FolderGone, Found, MovedIn, Removed, Rescan, Written};

/// A machine and the moment at which it began.
struct Bench {
    start: Instant,
    settle: Settle,
}

impl Bench {
    fn new() -> Bench {
        let sources = Sources { zones: "zones".into(), addrmaps: "maps".into() };
        Bench { start: Instant::now(), settle: Settle::new(&sources) }
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    fn note(&mut self, millis: u64, what: fn(PathBuf) -> Noted, path: &str) {
        self.settle.note(self.at(millis), what(path.into()));
    }

    /// The batches until a moment, each with its own, as a loop takes them that wakes when it is told to.
    fn batches(&mut self, until: u64) -> Vec<(u64, Vec<String>)> {
        self.batches_with_git(until, 0..0)
    }

    fn batches_with_git(&mut self, until: u64, git: std::ops::Range<u64>) -> Vec<(u64, Vec<String>)> {
        let mut batches = Vec::new();
        while let Some(next) = self.settle.deadline().filter(|next| *next <= self.at(until)) {
            let millis = next.duration_since(self.start).as_millis() as u64;
            if let Some(batch) = self.settle.take(next, git.contains(&millis)) {
                let mut paths: Vec<_> = batch.paths.iter().map(|path| path.display().to_string()).collect();
                paths.extend(batch.everything.then(|| "everything".to_owned()));
                batches.push((millis, paths));
            }
            assert!(self.settle.deadline().is_none_or(|later| later > next), "no progress at {millis}");
        }
        batches
    }

    fn written(&self) -> Vec<String> {
        self.settle.being_written().map(|path| path.display().to_string()).collect()
    }
}

fn batch<const N: usize>(millis: u64, paths: [&str; N]) -> (u64, Vec<String>) {
    (millis, paths.map(str::to_owned).into())
}

#[test]
fn what_is_changed_together_is_one_batch() {
    let mut bench = Bench::new();
    bench.note(0, Closed, "zones/acme/a.zone");
    bench.note(150, MovedIn, "maps/x.toml");
    bench.note(300, Changed, "zones/b.zone");
    assert_eq!(bench.batches(499), []);
    assert_eq!(bench.batches(9999), [batch(500, ["maps/x.toml", "zones/acme/a.zone", "zones/b.zone"])]);
    assert_eq!(bench.settle.deadline(), None);
    assert!(bench.settle.units.is_empty());
}

#[test]
fn a_quiet_unit_does_not_wait_for_a_busy_one_for_ever() {
    let mut bench = Bench::new();
    bench.note(0, Closed, "zones/acme/a.zone");
    let mut batches = Vec::new();
    for millis in (50..12_000).step_by(50) {
        bench.note(millis, Closed, "zones/busy/a.zone");
        batches.extend(bench.batches(millis + 49));
    }
    let (at, paths) = &batches[0];
    assert!((1000..1250).contains(at), "{at}");
    assert_eq!(paths, &["zones/acme/a.zone"]);
    let (at, paths) = &batches[1];
    assert!((10_050..10_300).contains(at), "{at}");
    assert_eq!(paths, &["zones/busy/a.zone"]);
    assert_eq!(batches.len(), 2);
}

#[test]
fn units_are_accounts_files_in_the_root_and_the_operators_maps() {
    let sources = Bench::new().settle.sources;
    for (path, unit) in [
        ("zones/acme/deep/a.zone", "zones/acme"),
        ("zones/acme", "zones/acme"),
        ("zones/a.zone", "zones/a.zone"),
        ("zones", "zones"),
        ("maps/a.toml", "maps"),
        ("maps", "maps"),
        ("maps/acme/a.toml", "zones/acme"),
        ("maps/acme", "zones/acme"),
        ("maps/eu.txt", "maps"),
        ("/etc/shared/a.inc", "/etc/shared/a.inc"),
    ] {
        assert_eq!(unit_of(Path::new(path), &sources), PathBuf::from(unit), "{path}");
    }
}

/// The account is accepted as one, so what changes in both of its folders waits together, however much goes on
/// elsewhere.
#[test]
fn both_folders_of_an_account_are_one_unit() {
    let mut bench = Bench::new();
    bench.note(0, Closed, "zones/acme/a.zone");
    bench.note(150, MovedIn, "maps/acme/x.toml");
    for millis in (200..3000).step_by(100) {
        bench.note(millis, Changed, "zones/busy.zone");
    }
    let batches = bench.batches(9999);
    let of_acme = batches.iter().filter(|(_, paths)| paths.iter().any(|path| path.contains("acme")));
    let paths: Vec<_> = of_acme.map(|(_, paths)| paths.clone()).collect();
    assert_eq!(paths.len(), 1, "{batches:?}");
    assert!(paths[0].contains(&"maps/acme/x.toml".to_owned()), "{batches:?}");

    // A file that is open in one folder holds what is closed in the other.
    let mut bench = Bench::new();
    bench.note(0, Written, "zones/acme/a.zone");
    bench.note(10, Closed, "maps/acme/x.toml");
    assert_eq!(bench.batches(20_000), []);
    bench.note(20_000, Closed, "zones/acme/a.zone");
    assert_eq!(bench.batches(30_000), [batch(20_200, ["maps/acme/x.toml", "zones/acme/a.zone"])]);
}

#[test]
fn an_open_file_holds_its_unit_and_no_other() {
    let mut bench = Bench::new();
    bench.note(0, Created, "zones/acme/a.zone");
    bench.note(0, Written, "zones/acme/a.zone");
    bench.note(10, Closed, "zones/acme/b.zone");
    bench.note(10, Closed, "zones/globex/c.zone");
    assert_eq!(bench.batches(5000), [batch(210, ["zones/globex/c.zone"])]);
    assert_eq!(bench.written(), ["zones/acme/a.zone"]);
    assert!(bench.settle.holds(Path::new("zones/acme/b.zone")));
    assert!(!bench.settle.holds(Path::new("zones/globex/c.zone")));
    bench.note(5000, Closed, "zones/acme/a.zone");
    assert_eq!(bench.batches(9999), [batch(5200, ["zones/acme/a.zone", "zones/acme/b.zone"])]);
    assert_eq!(bench.written(), [""; 0]);
}

#[test]
fn an_open_file_holds_its_unit_for_a_minute() {
    let mut bench = Bench::new();
    bench.note(0, Written, "zones/acme/a.zone");
    bench.note(10_000, Closed, "zones/acme/b.zone");
    assert_eq!(bench.batches(59_999), []);
    assert_eq!(bench.batches(60_000), [batch(60_000, ["zones/acme/b.zone"])]);
    assert_eq!(bench.written(), ["zones/acme/a.zone"]);
    // Its writer goes on and on; the others of the unit are free now.
    bench.note(61_000, Closed, "zones/globex/c.zone");
    for millis in (61_000..62_000).step_by(100) {
        bench.note(millis, Written, "zones/acme/a.zone");
    }
    assert_eq!(bench.batches(61_999), [batch(61_200, ["zones/globex/c.zone"])]);
    bench.note(62_000, Closed, "zones/acme/b.zone");
    assert_eq!(bench.batches(70_000), [batch(62_200, ["zones/acme/b.zone"])]);
    assert!(bench.settle.holds(Path::new("zones/acme/a.zone")));
    assert!(!bench.settle.holds(Path::new("zones/acme/b.zone")));
    bench.note(70_000, Closed, "zones/acme/a.zone");
    assert_eq!(bench.batches(80_000), [batch(70_200, ["zones/acme/a.zone"])]);
}

#[test]
fn one_writer_after_another_holds_the_unit_for_a_minute_in_all() {
    let mut bench = Bench::new();
    bench.note(0, Closed, "zones/acme/a.zone");
    let mut batches = Vec::new();
    for second in 0..70 {
        bench.note(second * 1000, Written, "zones/acme/b.zone");
        batches.extend(bench.batches(second * 1000 + 499));
        bench.note(second * 1000 + 499, Closed, "zones/acme/b.zone");
        bench.note(second * 1000 + 499, Written, "zones/acme/c.zone");
        batches.extend(bench.batches(second * 1000 + 999));
        bench.note(second * 1000 + 999, Closed, "zones/acme/c.zone");
    }
    let (at, paths) = &batches[0];
    assert!((60_000..60_500).contains(at), "{at}");
    assert!(paths.contains(&"zones/acme/a.zone".to_owned()));
}

#[test]
fn a_closed_file_that_is_written_again_is_open() {
    let mut bench = Bench::new();
    bench.note(0, Closed, "zones/a.zone");
    bench.note(100, Written, "zones/a.zone");
    assert_eq!(bench.batches(5000), []);
    bench.note(5000, Closed, "zones/a.zone");
    assert_eq!(bench.batches(9000), [batch(5200, ["zones/a.zone"])]);
}

#[test]
fn a_removal_waits_and_an_open_file_that_is_removed_is_forgotten() {
    let mut bench = Bench::new();
    bench.note(0, Removed, "zones/acme/a.zone");
    bench.note(0, Closed, "zones/globex/b.zone");
    bench.note(500, Removed, "zones/acme/c.zone");
    bench.note(500, Closed, "zones/acme/d.zone");
    bench.note(600, Written, "zones/acme/e.zone");
    bench.note(700, Removed, "zones/acme/e.zone");
    assert_eq!(bench.written(), [""; 0]);
    assert_eq!(
        bench.batches(9999),
        [
            batch(900, ["zones/globex/b.zone"]),
            batch(2700, ["zones/acme/a.zone", "zones/acme/c.zone", "zones/acme/d.zone", "zones/acme/e.zone"])
        ]
    );
}

#[test]
fn what_was_removed_and_is_there_again_is_an_edit() {
    for back in [Created, MovedIn, Closed] {
        let mut bench = Bench::new();
        bench.note(0, Removed, "zones/acme/a.zone");
        bench.note(100, back, "zones/acme/a.zone");
        assert_eq!(bench.batches(9999), [batch(300, ["zones/acme/a.zone"])]);
    }
    let mut bench = Bench::new();
    bench.note(0, Removed, "zones/acme/a.zone");
    bench.note(100, Created, "zones/acme/a.zone");
    bench.note(100, Written, "zones/acme/a.zone");
    bench.note(200, Closed, "zones/acme/a.zone");
    bench.note(300, Removed, "zones/acme/a.zone");
    // It was there before all this, so that its removal is one.
    assert_eq!(bench.batches(9999), [batch(2300, ["zones/acme/a.zone"])]);
}

#[test]
fn what_was_never_seen_is_not_missed() {
    let mut bench = Bench::new();
    bench.note(0, Created, "zones/acme/new.zone");
    bench.note(0, Written, "zones/acme/new.zone");
    bench.note(10, Closed, "zones/acme/new.zone");
    bench.note(20, Removed, "zones/acme/new.zone");
    bench.note(20, MovedIn, "zones/acme/a.zone");
    assert_eq!(bench.batches(9999), [batch(220, ["zones/acme/a.zone", "zones/acme/new.zone"])]);
    // Moved in, perhaps over a file that was served.
    bench.note(10_000, MovedIn, "zones/acme/a.zone");
    bench.note(10_100, Removed, "zones/acme/a.zone");
    assert_eq!(bench.batches(20_000), [batch(12_100, ["zones/acme/a.zone"])]);
}

#[test]
fn a_zone_that_changes_hands_is_one_batch() {
    let mut bench = Bench::new();
    bench.note(0, Removed, "zones/acme/a.zone");
    bench.note(0, MovedIn, "zones/globex/deep/a.zone");
    bench.note(0, MovedIn, "zones/other/b.zone");
    assert_eq!(
        bench.batches(9999),
        [batch(200, ["zones/other/b.zone"]), batch(2000, ["zones/acme/a.zone", "zones/globex/deep/a.zone"])]
    );
}

#[test]
fn a_zone_is_not_gone_while_its_new_place_is_written() {
    let mut bench = Bench::new();
    bench.note(0, Removed, "zones/acme/a.zone");
    bench.note(100, Created, "zones/globex/a.zone");
    bench.note(100, Written, "zones/globex/b.zone");
    assert_eq!(bench.batches(4999), []);
    bench.note(5000, Closed, "zones/globex/b.zone");
    assert_eq!(
        bench.batches(9999),
        [batch(5200, ["zones/acme/a.zone", "zones/globex/a.zone", "zones/globex/b.zone"])]
    );
}

#[test]
fn an_edit_elsewhere_of_a_file_of_the_same_name_does_not_wait() {
    let mut bench = Bench::new();
    bench.note(0, Removed, "zones/acme/account.toml");
    bench.note(0, Closed, "zones/globex/account.toml");
    assert_eq!(
        bench.batches(9999),
        [batch(200, ["zones/globex/account.toml"]), batch(2000, ["zones/acme/account.toml"])]
    );
}

#[test]
fn a_chain_of_moves_is_one_batch() {
    let mut bench = Bench::new();
    bench.note(0, Removed, "zones/a/1.zone");
    bench.note(0, MovedIn, "zones/b/1.zone");
    bench.note(500, Removed, "zones/b/2.zone");
    bench.note(500, MovedIn, "zones/c/2.zone");
    let batches = bench.batches(9999);
    assert_eq!(
        batches,
        [batch(2500, ["zones/a/1.zone", "zones/b/1.zone", "zones/b/2.zone", "zones/c/2.zone"])]
    );
}

#[test]
fn a_folder_that_goes_waits_as_a_file_does() {
    let mut bench = Bench::new();
    bench.note(0, Written, "zones/acme/deep/a.zone");
    bench.note(10, FolderGone, "zones/acme/deep");
    assert_eq!(bench.written(), [""; 0]);
    assert_eq!(bench.batches(9999), [batch(2010, ["zones/acme/deep"])]);
    bench.note(10_000, FolderGone, "zones/acme");
    bench.note(11_000, Folder, "zones/acme");
    assert_eq!(bench.batches(20_000), [batch(11_200, ["zones/acme"])]);
}

#[test]
fn removals_without_end_wait_a_minute() {
    let mut bench = Bench::new();
    let mut batches = Vec::new();
    for second in 0..61 {
        bench.note(second * 1000, Removed, &format!("zones/acme/{second}.zone"));
        batches.extend(bench.batches(second * 1000 + 999));
    }
    assert_eq!(batches.len(), 1);
    assert!((60_000..60_300).contains(&batches[0].0), "{}", batches[0].0);
}

#[test]
fn a_file_that_was_found_waits_a_little_unless_it_is_closed() {
    let mut bench = Bench::new();
    bench.note(0, Found, "zones/acme/a.zone");
    bench.note(0, Folder, "zones/acme");
    assert_eq!(bench.batches(9999), [batch(500, ["zones/acme", "zones/acme/a.zone"])]);
    bench.note(10_000, Found, "zones/acme/a.zone");
    bench.note(10_010, Closed, "zones/acme/a.zone");
    assert_eq!(bench.batches(19_999), [batch(10_210, ["zones/acme/a.zone"])]);
    bench.note(20_000, Found, "zones/acme/a.zone");
    bench.note(20_010, Written, "zones/acme/a.zone");
    assert_eq!(bench.batches(29_999), []);
    bench.note(30_000, Found, "zones/acme/a.zone");
    assert_eq!(bench.written(), ["zones/acme/a.zone"]);
}

#[test]
fn after_a_rescan_nobody_is_known_to_write() {
    let mut bench = Bench::new();
    bench.note(0, Written, "zones/acme/a.zone");
    bench.note(0, Closed, "zones/acme/b.zone");
    bench.settle.note(bench.at(100), Rescan);
    assert_eq!(bench.written(), [""; 0]);
    assert_eq!(bench.batches(9999), [batch(300, ["zones/acme/b.zone", "everything"])]);
    assert_eq!(bench.settle.deadline(), None);
}

#[test]
fn a_rescan_does_not_wait_for_ever() {
    let mut bench = Bench::new();
    bench.settle.note(bench.at(0), Rescan);
    let mut batches = Vec::new();
    for millis in (50..1500).step_by(50) {
        bench.note(millis, Written, "zones/busy/a.zone");
        batches.extend(bench.batches(millis + 49));
    }
    assert_eq!(batches.len(), 1);
    assert!((1000..1250).contains(&batches[0].0), "{}", batches[0].0);
}

#[test]
fn git_holds_everything_until_it_is_done() {
    let mut bench = Bench::new();
    bench.note(0, Closed, "zones/acme/a.zone");
    let mut batches = Vec::new();
    for millis in (100..=3000).step_by(100) {
        bench.note(millis, Closed, &format!("zones/{millis}/a.zone"));
        batches.extend(bench.batches_with_git(millis + 99, 0..3050));
    }
    assert_eq!(batches, []);
    let batches = bench.batches_with_git(9999, 0..3050);
    assert_eq!(batches.len(), 1);
    assert!((3250..3350).contains(&batches[0].0), "{}", batches[0].0);
    assert_eq!(batches[0].1.len(), 31);
}

#[test]
fn a_lock_that_nobody_removes_is_stale() {
    let mut bench = Bench::new();
    bench.note(0, Closed, "zones/a.zone");
    let batches = bench.batches_with_git(100_000, 0..100_000);
    assert_eq!(batches.len(), 1);
    assert!((10_200..10_400).contains(&batches[0].0), "{}", batches[0].0);
    assert!(bench.settle.lock_is_stale(bench.at(10_400)));
    // From then on nothing waits for it.
    bench.note(20_000, Closed, "zones/a.zone");
    assert_eq!(bench.batches_with_git(90_000, 0..100_000), [batch(20_200, ["zones/a.zone"])]);
    assert!(!bench.settle.waits_for_git(bench.at(90_000), false));
    assert!(!bench.settle.lock_is_stale(bench.at(90_000)));
    // The next one is waited for again.
    assert!(bench.settle.waits_for_git(bench.at(90_100), true));
}

/// Whatever happens in whatever order: what was told is in a batch at last, and no open file is in one.
#[test]
fn nothing_told_is_lost_and_nothing_open_is_read() {
    let whats = [Written, Closed, MovedIn, Created, Found, Removed, Changed];
    let paths =
        ["zones/acme/a.zone", "zones/acme/b.zone", "zones/globex/a.zone", "zones/c.zone", "maps/x.toml"];
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for _ in 0..500 {
        let mut bench = Bench::new();
        let mut told: BTreeMap<&str, u64> = BTreeMap::new();
        let mut open: BTreeSet<&str> = BTreeSet::new();
        let mut millis = 0;
        let check =
            |batches: Vec<(u64, Vec<String>)>, open: &BTreeSet<&str>, told: &mut BTreeMap<&str, u64>| {
                for (_, paths) in batches {
                    for path in paths {
                        assert!(!open.contains(path.as_str()), "{path} is open");
                        told.remove(path.as_str());
                    }
                }
            };
        for _ in 0..60 {
            millis += [0, 1, 30, 250, 700, 3000][random(6)];
            check(bench.batches(millis), &open, &mut told);
            let (what, path) = (whats[random(whats.len())], paths[random(paths.len())]);
            bench.note(millis, what, path);
            match what(PathBuf::new()) {
                Written(_) => drop(open.insert(path)),
                Closed(_) | MovedIn(_) | Removed(_) => drop(open.remove(path)),
                _ => {}
            }
            told.insert(path, millis);
        }
        for path in std::mem::take(&mut open) {
            bench.note(millis, Closed, path);
        }
        check(bench.batches(millis + 70_000), &open, &mut told);
        assert!(told.is_empty(), "{told:?}");
        assert!(bench.settle.units.is_empty() && bench.settle.deadline().is_none());
    }
}
