//! Whoever looks only at what the batches name knows all files as they are, whatever was done to them.

use std::collections::BTreeMap;

use super::*;

/// What is known of the files of both trees, by path.
type Known = BTreeMap<PathBuf, Vec<u8>>;

/// Reads what is at a path and below it.
fn look(path: &Path, known: &mut Known) {
    let name = path.file_name().unwrap().to_string_lossy();
    if name.starts_with('.') {
        return;
    }
    if path.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| look(&entry.path(), known));
    } else if let Ok(content) = fs::read(path) {
        known.insert(path.to_path_buf(), content);
    }
}

#[test]
fn whoever_looks_at_what_the_batches_name_knows_everything() {
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut scene = Scene::new(|_| {});
    let zones = scene.path("zones");
    let mut known = Known::new();
    look(&zones, &mut known);
    for round in 0..12 {
        let mut script = String::from("cd zones\n");
        for _ in 0..=random(40) {
            let (a, b) = (random(4), random(4));
            let (f, g) = (format!("{}.zone", random(5)), format!("{}.zone", random(5)));
            let n = random(1 << 20);
            let step = match random(16) {
                0 => format!("rm -rf acc{a}"),
                1 => format!("mv acc{a} acc{b}"),
                2 => format!("mv acc{a} ../away{a}"),
                3 => format!("rm -rf acc{a}; mv ../away{a} acc{a}"),
                4 => format!("cp -r acc{a} acc{b}"),
                5 => format!("mkdir -p acc{a}/deep/er; echo {n} > acc{a}/deep/er/{f}"),
                6 => format!("mv acc{a}/{f} acc{b}/{g}"),
                // Writing to a file by one of its names tells nobody who watches the other.
                7 => format!("echo {n} > acc{a}/.l; ln -f acc{a}/.l acc{b}/{g}; rm acc{a}/.l"),
                8 => format!("ln -sfn {f} acc{a}/l{g}"),
                9 => format!(
                    "mkdir -p acc{a}/..{n}; echo {n} > acc{a}/..{n}/{f}; ln -sfn ..{n} acc{a}/..data; ln -sfn ..data/{f} acc{a}/m{f}"
                ),
                10 => format!("rm -f acc{a}/{f}"),
                11 => format!("mkdir -p acc{a}; echo {n} > acc{a}/.new; mv acc{a}/.new acc{a}/{f}"),
                12 => format!(
                    "mkdir -p acc{a}/..{n}; echo {n} > acc{a}/..{n}/x{f}; ln -sfn ..{n} acc{a}/folder"
                ),
                13 => {
                    format!("cd ..; mv zones swap; cp -r swap zones; rm -rf swap; echo {n} > zones/{f}")
                }
                _ => format!("mkdir -p acc{a}; echo {n} > acc{a}/{f}"),
            };
            script.push_str(&format!("({step}) 2>/dev/null || :\n"));
        }
        let top = scene.top.path().to_path_buf();
        let script_again = script.clone();
        let writer = std::thread::spawn(move || sh(&top, &script));
        let mut expected = None;
        let mut since = Instant::now();
        loop {
            for batch in std::mem::take(&mut scene.batches) {
                assert!(!batch.everything);
                for path in batch.paths {
                    known.retain(|below, _| !below.starts_with(&path));
                    look(&path, &mut known);
                }
            }
            if writer.is_finished() && expected.is_none() {
                let mut found = Known::new();
                look(&zones, &mut found);
                (expected, since) = (Some(found), Instant::now());
            }
            if let Some(expected) = &expected {
                if known == *expected {
                    break;
                }
                if since.elapsed() > Duration::from_secs(15) {
                    let differ = |(path, content): &(&PathBuf, &Vec<u8>)| {
                        known.get(*path) != Some(*content) || expected.get(*path) != Some(*content)
                    };
                    let differ: BTreeSet<_> =
                        known.iter().chain(expected).filter(differ).map(|(path, _)| path).collect();
                    panic!("round {round}: not known: {differ:?}\n{script_again}");
                }
            }
            scene.step();
        }
        writer.join().unwrap();
    }
}
