//! The history: what it holds, how long, and that it is never torn from what was published.

use std::fs;

use super::*;

/// The octets of what looks random, the same for the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// A generation that differs from `from` in a few places, and the contents that it needs.
pub(super) fn any_change(random: &mut Random, from: &Manifest) -> (Intent, Vec<Vec<u8>>) {
    let mut to = from.clone();
    let mut contents = Vec::new();
    to.generation += 1 + random.below(3);
    to.published += random.below(100);
    for _ in 0..random.below(4) {
        let path = zone(&random.below(6).to_string());
        if random.below(3) == 0 {
            to.files.remove(&path);
        } else {
            let content = vec![random.below(8) as u8; 100 + random.below(40) as usize];
            to.files.insert(path, remembered(&content));
            contents.push(content);
        }
    }
    match random.below(8) {
        0 => {
            let view = from.files.iter().take(2).map(|(path, file)| (path.clone(), file.digest)).collect();
            to.views.insert(account("acme"), view);
        }
        1 => to.views.clear(),
        2 => to.faulty.operator = !to.faulty.operator,
        3 => {
            let approved = Approved { by: "me".into(), reason: "so".into(), at: 3, expires: None };
            to.approvals.insert(random.below(4).to_string(), approved);
        }
        4 => to.approvals.clear(),
        5 => {
            let pin = Pin { generation: from.generation, at: 4, reason: "back".into() };
            to.pins.insert(PinScope::Account(account("acme")), pin);
        }
        6 => to.pins.clear(),
        _ => {}
    }
    (Intent::between(from, &to), contents)
}

/// Checks that the state remembers just these generations, with every content that they need.
pub(super) fn assert_remembers(state: &State, expected: &[(Manifest, Intent)]) {
    let known: Vec<u64> = state.generations().iter().map(|known| known.generation).collect();
    let wanted: Vec<u64> = expected.iter().map(|(manifest, _)| manifest.generation).collect();
    assert_eq!(known, wanted);
    for (at, (manifest, intent)) in expected.iter().enumerate() {
        let generation = manifest.generation;
        assert_eq!(state.manifest_at(generation).unwrap().as_ref(), Some(manifest));
        for digest in manifest.contents() {
            assert_eq!(Digest::of(&state.read(&digest).unwrap()), digest);
        }
        assert_eq!(state.journal(generation).unwrap(), Some(entry(generation)));
        if state.generations()[at].is_base {
            assert_eq!(at, 0);
            let whole = Intent::between(&Manifest::default(), manifest);
            assert_eq!(state.intent_at(generation).unwrap(), Some(whole));
        } else {
            assert_eq!(state.intent_at(generation).unwrap().as_ref(), Some(intent));
            assert_eq!(state.generations()[at].files_changed, intent.files.len() as u64);
        }
        let later = expected.get(at + 1).map(|(later, _)| later.published);
        if later != Some(manifest.published) {
            assert_eq!(state.at_time(manifest.published), Some(generation));
            assert_eq!(state.at_time(later.unwrap_or(u64::MAX) - 1), Some(generation));
        }
    }
    let first = expected.first().map_or(0, |(manifest, _)| manifest.published);
    assert_eq!(state.at_time(first.wrapping_sub(1)).filter(|_| first > 0), None);
    for unknown in [0, wanted.last().map_or(1, |last| last + 1)] {
        assert_eq!(state.manifest_at(unknown).unwrap(), None);
        assert_eq!(state.journal(unknown).unwrap(), None);
        assert_eq!(state.intent_at(unknown).unwrap(), None);
    }
}

#[test]
fn every_generation_is_what_was_served_then() {
    for seed in 1..40 {
        let dir = tempfile::tempdir().unwrap();
        let mut state = State::open(dir.path()).unwrap().state;
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut served: Vec<(Manifest, Intent)> = Vec::new();
        let mut manifest = Manifest { generation: 100, published: 5000, ..Manifest::default() };
        // The first is relative to nothing.
        let mut before = Manifest::default();
        for _ in 0..60 {
            let (mut intent, contents) = any_change(&mut random, &manifest);
            if before == Manifest::default() {
                let mut to = manifest.clone();
                to.apply(&intent);
                intent = Intent::between(&before, &to);
            }
            let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
            match random.below(12) {
                // Refused: it is no part of the history.
                0 => {
                    let contents: Vec<_> =
                        contents.iter().map(|octets| (Digest::of(octets), *octets)).collect();
                    state.intend(&intent, &contents, b"refused").unwrap();
                    continue;
                }
                1 => state = State::open(dir.path()).unwrap().state,
                2 => {
                    let generations = 1 + random.below(12);
                    keep(&mut state, generations);
                    let newest = served.last().map(|(manifest, _)| manifest.clone());
                    if state.compact(0).unwrap() {
                        let gone = served.len().saturating_sub(generations as usize);
                        served.drain(..gone);
                    }
                    assert_eq!(served.last().map(|(manifest, _)| manifest), newest.as_ref());
                }
                _ => {}
            }
            publish(&mut state, &mut before, &intent, &contents);
            manifest = before.clone();
            served.push((manifest.clone(), intent));
            assert_remembers(&state, &served);
        }
        let found = State::open(dir.path()).unwrap();
        assert_eq!(found.confirmed, Some(manifest));
        assert_remembers(&found.state, &served);
    }
}

#[test]
fn the_retention_limits_generations_seconds_and_octets() {
    let dir = tempfile::tempdir().unwrap();
    let published = |state: &mut State| {
        let mut manifest = Manifest::default();
        let mut all = Vec::new();
        for generation in 1..=40_u64 {
            // Each 1,000 octets that only this one needs; one every ten seconds.
            let content = [generation as u8; 1000];
            let intent = Intent { time: generation * 10, ..edit(generation, "a", &content) };
            publish(state, &mut manifest, &intent, &[&content]);
            all.push((manifest.clone(), intent));
        }
        all
    };
    let default = Retention::default();
    let cases: &[(Retention, usize)] = &[
        (Retention { generations: 7, ..default }, 7),
        (Retention { generations: 1, ..default }, 1),
        (Retention { generations: 0, ..default }, 1),
        // What was served 55 seconds before the last change began 60 seconds before it.
        (Retention { seconds: 55, ..default }, 7),
        (Retention { seconds: 60, ..default }, 8),
        (Retention { seconds: 0, ..default }, 2),
        (Retention { octets: 0, ..default }, 1),
    ];
    for (retention, expected) in cases {
        let _ = fs::remove_file(dir.path().join(FILE));
        let mut state = State::open(dir.path()).unwrap().state;
        let all = published(&mut state);
        state.retain(*retention);
        assert!(state.compact(0).unwrap(), "{retention:?}");
        assert_remembers(&state, &all[all.len() - expected..]);
        assert!(state.size() < 2000 + *expected as u64 * 1400, "{retention:?}: {}", state.size());
        let found = State::open(dir.path()).unwrap();
        assert_remembers(&found.state, &all[all.len() - expected..]);
    }
    // By octets: never more than that, and not much less.
    for octets in [3_000, 10_000, 20_000] {
        let _ = fs::remove_file(dir.path().join(FILE));
        let mut state = State::open(dir.path()).unwrap().state;
        let all = published(&mut state);
        state.retain(Retention { octets, ..default });
        assert!(state.compact(0).unwrap());
        let kept = state.generations().len();
        assert_remembers(&state, &all[all.len() - kept..]);
        assert!(state.size() <= octets && state.size() + 1500 > octets, "{octets}: {}", state.size());
    }
}

#[test]
fn what_is_estimated_is_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    for generation in 1..=30 {
        let content = [generation as u8; 500];
        publish(&mut state, &mut manifest, &edit(generation, "a", &content), &[&content]);
    }
    keep(&mut state, 10);
    let kept = state.kept().unwrap().unwrap();
    assert_eq!(kept.oldest, 20);
    assert!(state.compact(0).unwrap());
    assert_eq!(kept.octets, state.size());
}

#[test]
fn a_pack_without_journals_has_a_history_without_entries() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    state.ready().unwrap();
    // As the former version wrote: contents, intent, confirm.
    let mut out = state.pack().append(PACK_HEAD as u64);
    for generation in 1..=3 {
        let intent = edit(generation, "a", b"A");
        if generation == 1 {
            out.record(Kind::Content, Digest::of(b"A"), b"A").unwrap();
        }
        let payload = encode(&intent);
        out.record(Kind::Intent, Digest::of(&payload), &payload).unwrap();
        out.confirm(generation).unwrap();
        manifest.apply(&intent);
    }
    out.finish().unwrap();
    let Opened { mut state, confirmed, .. } = State::open(dir.path()).unwrap();
    assert_eq!(confirmed.as_ref(), Some(&manifest));
    assert_eq!(state.generations().len(), 3);
    assert_eq!(state.journal(2).unwrap(), Some(Vec::new()));
    assert_eq!(state.intent_at(2).unwrap(), Some(edit(2, "a", b"A")));
    publish(&mut state, &mut manifest, &edit(4, "b", b"B"), &[b"B"]);
    keep(&mut state, 3);
    assert!(!state.compact(10_000).unwrap());
    let state = State::open(dir.path()).unwrap().state;
    assert_eq!(state.journal(3).unwrap(), Some(Vec::new()));
    assert_eq!(state.journal(4).unwrap(), Some(entry(4)));
    assert_eq!(state.manifest_at(4).unwrap(), Some(manifest));
}

#[test]
fn a_journal_is_the_next_intents_or_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    let before = state.size();
    state.intend(&edit(2, "a", b"A"), &[], b"torn from its intent").unwrap();
    // Cut off behind the journal.
    let journal = (RECORD_HEAD + b"torn from its intent".len()) as u64;
    let pack = fs::OpenOptions::new().write(true).open(dir.path().join(FILE)).unwrap();
    pack.set_len(before + journal).unwrap();
    let (mut state, said, notes) = open(dir.path()).unwrap();
    assert_eq!((said, notes), ((Some(manifest.clone()), None), Vec::new()));
    assert_eq!(state.generations().len(), 1);
    publish(&mut state, &mut manifest, &edit(3, "b", b"A"), &[]);
    let (state, said, _) = open(dir.path()).unwrap();
    assert_eq!(said, (Some(manifest), None));
    assert_eq!(state.journal(3).unwrap(), Some(entry(3)));
}

#[test]
fn what_an_earlier_version_noted_is_passed_by() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    let note = |state: &mut State| {
        state.append(|_, out| out.record(Kind::Note, Digest::of(b"said"), b"said")).unwrap();
    };
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    note(&mut state);
    // It may stand between an intent and its confirm.
    state.intend(&edit(2, "a", b"A"), &[], &entry(2)).unwrap();
    note(&mut state);
    state.confirm(2).unwrap();
    manifest.apply(&edit(2, "a", b"A"));
    note(&mut state);
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));
    let mut state = State::open(dir.path()).unwrap().state;
    let noted = state.size();
    publish(&mut state, &mut manifest, &edit(3, "b", b"B"), &[b"B"]);
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));
    assert!(state.size() > noted);
    assert_eq!(state.generations().len(), 3);
    let journals = [1, 2, 3].map(|generation| state.journal(generation).unwrap());
    assert_eq!(journals, [1, 2, 3].map(|generation| Some(entry(generation))));
    keep(&mut state, 1);
    let kept = state.kept().unwrap().unwrap();
    assert!(state.compact(0).unwrap());
    assert_eq!(kept.octets, state.size(), "nothing of them is copied");
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
    // One that is torn is the end of a pack like any other record.
    let whole = fs::read(dir.path().join(FILE)).unwrap();
    note(&mut state);
    let with = fs::read(dir.path().join(FILE)).unwrap();
    for length in whole.len() + 1..with.len() {
        fs::write(dir.path().join(FILE), &with[..length]).unwrap();
        assert_eq!(open(dir.path()).unwrap().1, reopened_of(&whole), "{length}");
    }
}

/// What a pack of these octets says.
fn reopened_of(octets: &[u8]) -> Said {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), octets).unwrap();
    open(dir.path()).unwrap().1
}

#[test]
fn an_edit_costs_its_own_size_however_long_the_history_and_the_pack_does_not_grow_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    let limit = Retention { generations: 100, octets: 60_000, ..Retention::default() };
    state.retain(limit);
    let (mut largest, mut compacted, mut costs) = (0, 0, Vec::new());
    for generation in 1..=4_000_u64 {
        let content = generation.to_le_bytes().repeat(50);
        let intent = edit(generation, "a", &content);
        let cost = state.intend(&intent, &[(Digest::of(&content), &content)], &entry(generation)).unwrap();
        costs.push(cost);
        state.confirm(generation).unwrap();
        manifest.apply(&intent);
        // As the server does, with another threshold.
        if state.end >= state.worth_at {
            compacted += u64::from(state.compact(10_000).unwrap());
        } else if generation == 1 {
            state.worth_at = 20_000;
        }
        largest = largest.max(state.size());
    }
    // The confirm that another write did already makes the only difference, and the length of a number.
    let (least, most) = (costs.iter().min().unwrap(), costs.iter().max().unwrap());
    assert!(most - least <= record::CONFIRM + 8, "{least} to {most}");
    assert!(largest < 2 * limit.octets + 20_000, "{largest}");
    assert!(state.generations().len() < 400, "{}", state.generations().len());
    // A rewriting pays for as much as it writes.
    assert!((10..200).contains(&compacted), "{compacted}");
    assert_eq!(State::open(dir.path()).unwrap().confirmed, Some(manifest));
}

#[test]
fn a_damaged_content_of_the_past_does_not_stop_compaction() {
    use std::os::unix::fs::FileExt;
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    let contents: Vec<Vec<u8>> = (1..=20_u8).map(|octet| vec![octet; 500]).collect();
    for (generation, content) in (1..).zip(&contents) {
        publish(&mut state, &mut manifest, &edit(generation, "a", content), &[content]);
    }
    let damaged = Digest::of(&contents[17]);
    let at = state.place(&damaged).unwrap() + RECORD_HEAD as u64;
    let pack = fs::OpenOptions::new().write(true).open(dir.path().join(FILE)).unwrap();
    pack.write_all_at(b"X", at).unwrap();
    keep(&mut state, 5);
    assert!(state.compact(0).unwrap());
    assert!(matches!(state.read(&damaged), Err(StateError::Missing { .. })));
    let known: Vec<u64> = state.generations().iter().map(|known| known.generation).collect();
    assert_eq!(known, [16, 17, 18, 19, 20]);
    assert_eq!(state.read(&Digest::of(&contents[18])).unwrap(), contents[18]);
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));
    // And again, although it is not there at all any more.
    for generation in 21..30 {
        publish(&mut state, &mut manifest, &edit(generation, "b", &contents[1]), &[&contents[1]]);
    }
    keep(&mut state, 11);
    state.compact(0).unwrap();
    keep(&mut state, 2);
    assert!(state.compact(0).unwrap());
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}
