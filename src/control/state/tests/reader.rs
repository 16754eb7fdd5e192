//! A reader beside the one that writes: what it reads is what was remembered when it was made.

use std::sync::mpsc;
use std::thread;

use super::history::{Random, any_change, assert_remembers};
use super::*;

/// What is remembered: each generation, and what made it of the one before.
type Remembers = Vec<(Manifest, Intent)>;

/// Checks readers while others write, compact and fail, and all of them again when that is over.
fn check(made: mpsc::Receiver<(State, Remembers)>) -> usize {
    let mut all = Vec::new();
    for (mut reader, expected) in made {
        let known = |reader: &State| reader.generations().len();
        assert_eq!(known(&reader), expected.len(), "without having looked for contents");
        reader.find_contents().unwrap();
        assert_remembers(&reader, &expected);
        all.push((reader, expected));
    }
    all.iter().for_each(|(reader, expected)| assert_remembers(reader, expected));
    all.len()
}

#[test]
fn a_reader_is_whole_whatever_is_written_compacted_or_cut_back_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let (readers, made) = mpsc::channel();
    let checker = thread::spawn(move || check(made));
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut manifest = Manifest::default();
    let mut served: Remembers = Vec::new();
    let (mut compacted, mut refused, mut unconfirmed) = (0, 0, 0);
    for round in 0..300 {
        if round == 0 {
            readers.send((state.reader().unwrap(), Vec::new())).unwrap();
        }
        let (intent, contents) = any_change(&mut random, &manifest);
        let contents: Vec<_> = contents.iter().map(|octets| (Digest::of(octets), &octets[..])).collect();
        match random.below(8) {
            // What is refused, by a disk that is full or by whoever serves, is nobody's.
            0 => {
                fault::after(random.below(300));
                refused += u64::from(state.intend(&intent, &contents, b"refused").is_err());
                fault::after(u64::MAX);
                continue;
            }
            1 => {
                keep(&mut state, 1 + random.below(9));
                if state.compact(0).unwrap() {
                    compacted += 1;
                    let kept = state.generations().len();
                    served.drain(..served.len() - kept);
                }
            }
            2 if !served.is_empty() => {
                let opened = State::open(dir.path()).unwrap();
                state = opened.state;
                // As a start does: it is served, but what was refused.
                if let Some(lone) = opened.intent.filter(|lone| lone.generation == manifest.generation) {
                    state.confirm(lone.generation).unwrap();
                }
            }
            _ => {}
        }
        state.intend(&intent, &contents, &entry(intent.generation)).unwrap();
        if random.below(4) == 0 {
            // It is intended and not served yet: no generation.
            readers.send((state.reader().unwrap(), served.clone())).unwrap();
        }
        if random.below(4) == 0 {
            fault::after(random.below(61));
            unconfirmed += u64::from(state.confirm(intent.generation).is_err());
            fault::after(u64::MAX);
        } else {
            state.confirm(intent.generation).unwrap();
        }
        manifest.apply(&intent);
        served.push((manifest.clone(), intent));
        readers.send((state.reader().unwrap(), served.clone())).unwrap();
    }
    drop(readers);
    assert!(checker.join().unwrap() > 250);
    assert!(compacted > 10 && refused > 5 && unconfirmed > 20, "{compacted} {refused} {unconfirmed}");
}

#[test]
fn a_reader_of_a_damaged_pack_says_so() {
    use std::os::unix::fs::FileExt;
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    publish(&mut state, &mut manifest, &edit(2, "a", b"B"), &[b"B"]);
    let at = state.place(&Digest::of(b"B")).unwrap();
    let damage = |at: u64| {
        let pack = fs::OpenOptions::new().write(true).open(dir.path().join(FILE)).unwrap();
        pack.write_all_at(b"X", at).unwrap();
    };
    damage(at + RECORD_HEAD as u64);
    let mut reader = state.reader().unwrap();
    reader.find_contents().unwrap();
    assert_eq!(reader.read(&Digest::of(b"A")).unwrap(), b"A");
    let error = reader.read(&Digest::of(b"B")).unwrap_err();
    assert!(matches!(error, StateError::DamagedContent { offset, .. } if offset == at), "{error}");
    damage(at);
    let error = state.reader().unwrap().find_contents().unwrap_err();
    assert!(matches!(error, StateError::Damaged { offset, .. } if offset == at), "{error}");
}
