//! Packs that are cut, flipped, foreign or replaced.

use std::fs;
use std::os::unix::fs::FileExt;

use super::*;

/// A history with everything in it: the octets of its pack, and what it said after each step, with its length then.
fn history() -> (Vec<u8>, Vec<(u64, Said)>) {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut said: Vec<(u64, Said)> = vec![(0, (None, None))];
    let mut intended = |state: &mut State, intent: &Intent, content: &[u8]| {
        state.intend(intent, &[(Digest::of(content), content)], b"entry").unwrap();
        said.push((state.size(), reopened(dir.path())));
        assert_eq!(said.last().unwrap().1.1.as_ref(), Some(intent));
    };
    intended(&mut state, &edit(1, "a", b"the first"), b"the first");
    state.confirm(1).unwrap();
    intended(&mut state, &edit(2, "a", b"refused"), b"refused");
    intended(&mut state, &edit(3, "b", b"the second"), b"the second");
    state.confirm(3).unwrap();
    // Each process writes on behind the one before.
    drop(state);
    let mut state = State::open(dir.path()).unwrap().state;
    intended(&mut state, &edit(4, "a", b"the third"), b"the third");
    state.confirm(4).unwrap();
    intended(&mut state, &edit(5, "c", b"lone"), b"lone");
    // What the confirms said: one record behind their intent.
    for (at, generation) in [(1, 1), (3, 3), (4, 4)] {
        let (length, (confirmed, intent)) = said[at].clone();
        let mut manifest = confirmed.unwrap_or_default();
        manifest.apply(&intent.unwrap());
        assert_eq!(manifest.generation, generation);
        said.push((length + record::CONFIRM, (Some(manifest), None)));
    }
    said.sort_by_key(|(length, _)| *length);
    (fs::read(dir.path().join(FILE)).unwrap(), said)
}

#[test]
fn a_pack_cut_at_any_octet_is_what_it_was_then() {
    let (octets, said) = history();
    assert_eq!(said.len(), 9);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    for length in 0..=octets.len() {
        fs::write(&path, &octets[..length]).unwrap();
        let (at, expected) = said.iter().rfind(|(at, _)| *at <= length as u64).unwrap();
        let (mut state, found, notes) = open(dir.path()).unwrap();
        assert_eq!(found, *expected, "{length}");
        // Nothing is written before something is to be written.
        assert_eq!(fs::read(&path).unwrap(), octets[..length]);
        if length as u64 > (*at).max(PACK_HEAD as u64) && !notes.is_empty() {
            assert!(notes[0].contains("cut short"), "{notes:?}");
        }
        if let (_, Some(intent)) = expected {
            // An intent is there with its entry or not at all.
            let mut state = State::open(dir.path()).unwrap().state;
            state.confirm(intent.generation).unwrap();
            assert_eq!(state.journal(intent.generation).unwrap().as_deref(), Some(&b"entry"[..]), "{length}");
            fs::write(&path, &octets[..length]).unwrap();
        }
        // And it goes on from there.
        state.intend(&edit(9, "z", b"next"), &[(Digest::of(b"next"), b"next")], b"entry").unwrap();
        assert_eq!(reopened(dir.path()), (expected.0.clone(), Some(edit(9, "z", b"next"))), "{length}");
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_a_whole_earlier_state_never_silence() {
    let (octets, said) = history();
    // Where the last confirm begins and ends.
    let last = said[7].0 as usize;
    let begin = last - record::CONFIRM as usize;
    // The journal of what was never confirmed, which nobody asks for: the second.
    let mut journals = (0..octets.len()).filter(|at| octets[*at..].starts_with(b"entry"));
    let end = journals.nth(1).unwrap() + b"entry".len();
    let refused = end - b"entry".len()..end;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    for at in 0..octets.len() {
        let mut flipped = octets.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        match open(dir.path()) {
            // A content that is no longer served may be damaged.
            Ok((state, found, _)) if at < begin => {
                assert_eq!(found, said[8].1, "{at}");
                let damaged = |content: &[u8]| {
                    matches!(state.read(&Digest::of(content)), Err(StateError::DamagedContent { .. }))
                };
                let of_refused = refused.contains(&at);
                assert!(damaged(b"refused") || damaged(b"the first") || of_refused, "{at}");
            }
            Ok((_, found, notes)) => {
                assert_eq!(notes.len(), 1, "{at}");
                let lone = if at < last { &said[6].1 } else { &said[7].1 };
                assert_eq!(found, *lone, "{at}");
            }
            // Nor may what is remembered of an earlier generation.
            Err(StateError::DamagedHistory { offset, .. }) => {
                let within = offset..offset + RECORD_HEAD as u64 + b"entry".len() as u64;
                assert!(within.contains(&(at as u64)), "{at}");
            }
            Err(error) => {
                assert!(at < begin, "{at}: {error}");
                let text = error.to_string();
                assert!(text.contains(path.to_str().unwrap()), "{text}");
                assert!(text.contains("move the state directory away"), "{text}");
                assert!(at < PACK_HEAD || text.contains("at offset"), "{text}");
            }
        }
    }
}

#[test]
fn what_was_never_confirmed_and_lies_there_as_a_hole_is_torn() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    let at = state.size();
    let content = [b'x'; 5000];
    state.intend(&edit(2, "b", &content), &[(Digest::of(&content), &content)], b"entry").unwrap();
    let pack = fs::OpenOptions::new().write(true).open(dir.path().join(FILE)).unwrap();
    pack.write_all_at(&[0; 4096], at + 500).unwrap();
    let (mut state, said, notes) = open(dir.path()).unwrap();
    assert_eq!(said, (Some(manifest.clone()), None));
    assert_eq!(notes.len(), 1);
    assert!(!state.holds(&Digest::of(&content)));
    publish(&mut state, &mut manifest, &edit(2, "b", &content), &[&content]);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

#[test]
fn a_damaged_content_that_is_given_again_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"the content"), &[b"the content"]);
    let path = dir.path().join(FILE);
    let octets = fs::read(&path).unwrap();
    let at = octets.windows(11).position(|window| window == b"the content").unwrap();
    let pack = fs::OpenOptions::new().write(true).open(&path).unwrap();
    pack.write_all_at(b"T", at as u64).unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let error = state.read(&Digest::of(b"the content")).unwrap_err();
    assert!(matches!(error, StateError::DamagedContent { .. }), "{error}");
    assert!(state.compact(0).is_ok_and(|done| !done));
    publish(&mut state, &mut manifest, &edit(2, "b", b"the content"), &[b"the content"]);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

#[test]
fn a_content_that_looks_like_a_pack_is_a_content() {
    let (octets, _) = history();
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    let at = state.size();
    state.intend(&edit(2, "b", &octets), &[(Digest::of(&octets), &octets)], b"entry").unwrap();
    let path = dir.path().join(FILE);
    let mut pack = fs::read(&path).unwrap();
    // The head of the content's record is torn: what is searched then is the content itself.
    pack[at as usize + 10] ^= 1;
    fs::write(&path, &pack).unwrap();
    let (_, said, notes) = open(dir.path()).unwrap();
    assert_eq!((said, notes.len()), ((Some(manifest), None), 1));
}

#[test]
fn a_pack_and_a_content_may_be_larger_than_four_gib() {
    let dir = tempfile::tempdir().unwrap();
    let mut manifest = Manifest::default();
    publish(&mut State::open(dir.path()).unwrap().state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    let state = State::open(dir.path()).unwrap().state;
    let head = record::RecordHead { kind: Kind::Content, length: 5 << 30, digest: Digest::of(b"huge") };
    let pack = fs::OpenOptions::new().write(true).open(dir.path().join(FILE)).unwrap();
    pack.write_all_at(&head.write(state.pack().marker), state.end).unwrap();
    let end = head.end(state.end).unwrap();
    // A hole takes no room.
    pack.set_len(end).unwrap();
    let intent = edit(2, "b", b"A");
    let payload = encode(&intent);
    let pack = state.pack().reopen(&dir.path().join(FILE)).unwrap().unwrap();
    let mut out = pack.append(end);
    out.record(Kind::Intent, Digest::of(&payload), &payload).unwrap();
    out.confirm(2).unwrap();
    out.finish().unwrap();
    manifest.apply(&intent);

    let mut state = State::open(dir.path()).unwrap().state;
    assert!(state.size() > 5 << 30 && state.holds(&Digest::of(b"huge")));
    publish(&mut state, &mut manifest, &edit(3, "c", b"behind"), &[b"behind"]);
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));
    assert!(state.compact_if_worth().unwrap());
    assert!(state.size() < 2000);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

#[test]
fn a_confirm_of_what_was_not_intended_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    state.intend(&edit(1, "a", b"A"), &[(Digest::of(b"A"), b"A")], b"entry").unwrap();
    let mut out = state.pack().append(state.end);
    out.confirm(2).unwrap();
    out.finish().unwrap();
    let error = State::open(dir.path()).unwrap_err();
    assert!(matches!(error, StateError::Damaged { offset, .. } if offset == state.end), "{error}");
}

#[test]
fn a_record_of_another_pack_is_none_of_this_one() {
    let (ours, other) = (record::Marker([1; 8]), record::Marker([2; 8]));
    let head = record::RecordHead { kind: Kind::Confirm, length: 8, digest: Digest::of(b"x") };
    assert_eq!(record::RecordHead::read(&head.write(ours), ours), Some(head));
    assert_eq!(record::RecordHead::read(&head.write(other), ours), None);
    assert_ne!(record::Marker::draw(), record::Marker::draw());
}

#[test]
fn foreign_files_and_other_formats_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    fs::write(&path, "something else").unwrap();
    let error = State::open(dir.path()).unwrap_err();
    assert!(matches!(error, StateError::NotAPack { .. }), "{error}");

    for format in [0, 2, u32::MAX] {
        let mut head = record::pack_head(record::Marker::draw());
        head[16..20].copy_from_slice(&format.to_le_bytes());
        head[28..33].copy_from_slice(b"9.8.7");
        let checksum = crc32fast::hash(&head[..60]);
        head[60..].copy_from_slice(&checksum.to_le_bytes());
        let whole = [&head[..], b"whatever stands there in another format"].concat();
        fs::write(&path, &whole).unwrap();
        let text = State::open(dir.path()).unwrap_err().to_string();
        assert!(text.contains(&format!("has format {format}, written by portolan 9.8.7")), "{text}");
        assert!(text.contains("which reads format 1: run the version that wrote it"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), whole, "nothing is cut off or written over");
    }

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = State::open(dir.path()).unwrap_err();
    assert!(matches!(error, StateError::Read { .. }), "{error}");
}

/// A later version may write records of kinds that this one does not know: where something was confirmed behind one the pack
/// is not read; else it is told that it is cut off.
#[test]
fn a_record_of_an_unknown_kind_is_never_passed_over_in_silence() {
    use std::os::unix::fs::FileExt;
    for is_confirmed in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let mut state = State::open(dir.path()).unwrap().state;
        let mut manifest = Manifest::default();
        publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
        let at = state.end;
        let head = record::RecordHead { kind: Kind::Note, length: 5, digest: Digest::of(b"later") };
        let mut head = head.write(state.pack().marker);
        head[8] = 7;
        let checksum = crc32fast::hash(&head[..RECORD_HEAD - 4]);
        head[RECORD_HEAD - 4..].copy_from_slice(&checksum.to_le_bytes());
        let record = [&head[..], b"later"].concat();
        let pack = fs::OpenOptions::new().write(true).open(&path).unwrap();
        pack.write_all_at(&record, at).unwrap();
        if is_confirmed {
            let payload = encode(&edit(2, "a", b"A"));
            let mut out = state.pack().append(at + record.len() as u64);
            out.record(Kind::Intent, Digest::of(&payload), &payload).unwrap();
            out.confirm(2).unwrap();
            out.finish().unwrap();
        }
        drop(state);
        let before = fs::read(&path).unwrap();
        match open(dir.path()) {
            Err(error) => {
                assert!(
                    is_confirmed && matches!(error, StateError::Damaged { offset, .. } if offset == at),
                    "{error}"
                );
            }
            Ok((_, said, notes)) => {
                assert!(!is_confirmed && notes.len() == 1, "{notes:?}");
                assert_eq!(said, (Some(manifest), None));
            }
        }
        assert_eq!(fs::read(&path).unwrap(), before, "to open it changes nothing");
    }
}

#[test]
fn a_pack_that_goes_away_under_a_running_server_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    let aside = dir.path().join("aside");
    let next = edit(2, "b", b"A");
    for copied in [false, true] {
        fs::rename(&path, &aside).unwrap();
        if copied {
            fs::copy(&aside, &path).unwrap();
        }
        let error = state.intend(&next, &[], b"entry").unwrap_err();
        assert!(matches!(error, StateError::Replaced { .. }), "{error}");
        fs::rename(&aside, &path).unwrap();
    }
    publish(&mut state, &mut manifest, &next, &[]);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}
