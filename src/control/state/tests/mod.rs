//! The state, tested: what comes back, what a cut or a flipped bit does, what a failing disk does, what SIGKILL does.

mod damage;
mod disk;
mod history;
mod killed;
mod reader;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::encode::{decode, encode};
use super::record::RECORD_HEAD;
use super::*;
use crate::control::{SourcePath, Stamp, Tree};
use crate::model::{AccountId, MapId};
use crate::wire::Name;

/// Failures of the disk, of this thread only.
pub(in crate::control) mod fault {
    use std::cell::Cell;
    use std::io::{self, ErrorKind};

    thread_local! {
        static POINT: Cell<&'static str> = const { Cell::new("") };
        static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    }

    /// Fails at points of this name; at none where it is empty.
    pub(in super::super) fn at(point: &'static str) {
        POINT.set(point);
    }

    /// Fails to write more octets than this.
    pub(in crate::control) fn after(octets: u64) {
        LEFT.set(octets);
    }

    pub(in super::super) fn point(name: &str) -> io::Result<()> {
        if POINT.get() == name { Err(ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }

    pub(in super::super) fn limit(octets: &[u8]) -> io::Result<&[u8]> {
        let left = LEFT.get();
        if left == 0 && !octets.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        let octets = &octets[..octets.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        LEFT.set(left - octets.len() as u64);
        Ok(octets)
    }
}

fn zone(name: &str) -> SourcePath {
    SourcePath::new(Tree::Zones, Path::new(name))
}

fn account(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn remembered(content: &[u8]) -> Remembered {
    let stamp = Stamp { file: (1, 2), size: content.len() as u64, modified: -3, changed: 4 };
    Remembered { digest: Digest::of(content), stamp }
}

/// A generation that serves one file differently.
fn edit(generation: u64, name: &str, content: &[u8]) -> Intent {
    let files = vec![(zone(name), Some(remembered(content)))];
    Intent { generation, time: generation + 1000, files, ..Intent::default() }
}

/// What is remembered of a generation in these tests.
fn entry(generation: u64) -> Vec<u8> {
    format!("entry {generation}").into_bytes()
}

/// Keeps so many generations.
fn keep(state: &mut State, generations: u64) {
    state.retain(Retention { generations, ..Retention::default() });
}

fn publish(state: &mut State, manifest: &mut Manifest, intent: &Intent, contents: &[&[u8]]) {
    let contents: Vec<(Digest, &[u8])> =
        contents.iter().map(|octets| (Digest::of(octets), *octets)).collect();
    state.intend(intent, &contents, &entry(intent.generation)).unwrap();
    state.confirm(intent.generation).unwrap();
    manifest.apply(intent);
}

/// What a pack says, without its state.
type Said = (Option<Manifest>, Option<Intent>);

/// Opens a state, whose notes are asked for, and reads every content that it names and all that it remembers of earlier
/// generations.
fn open(dir: &Path) -> Result<(State, Said, Vec<String>), StateError> {
    let Opened { state, confirmed, intent, notes } = State::open(dir)?;
    for digest in
        confirmed.iter().flat_map(Manifest::contents).chain(intent.iter().flat_map(Intent::contents))
    {
        state.read(&digest)?;
    }
    let history = state.generations();
    for generation in &history {
        let journal = state.journal(generation.generation)?.unwrap();
        assert!(journal.is_empty() || journal == b"entry" || journal == entry(generation.generation));
    }
    assert!(history.iter().skip(1).all(|generation| !generation.is_base));
    let newest = history.last().map(|generation| state.manifest_at(generation.generation));
    assert_eq!(newest.transpose()?.flatten(), confirmed, "the history leads to what was confirmed");
    Ok((state, (confirmed, intent), notes))
}

fn reopened(dir: &Path) -> Said {
    let (_, said, notes) = open(dir).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    said
}

#[test]
fn what_is_published_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let opened = State::open(dir.path()).unwrap();
    let mut state = opened.state;
    assert!(opened.confirmed.is_none() && opened.intent.is_none() && opened.notes.is_empty());
    assert_eq!(state.size(), 0);
    let mut manifest = Manifest::default();
    let mut first = edit(7, "a", b"A");
    first.files.push((zone("b"), Some(remembered(b"B"))));
    first.immutable.push((MapId::new("m").unwrap(), Some("text".to_owned())));
    first.views.push((account("acme"), Some(BTreeMap::from([(zone("x"), Digest::of(b"A"))]))));
    first.faulty = Some(Faulty { operator: true, ..Faulty::default() });
    publish(&mut state, &mut manifest, &first, &[b"A", b"B"]);
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));

    // What is held is not written again.
    let mut second = edit(8, "b", b"A");
    second.files.push((zone("a"), None));
    second.immutable.push((MapId::new("m").unwrap(), None));
    second.views.push((account("acme"), None));
    let before = state.size();
    assert_eq!(state.intend(&second, &[(Digest::of(b"A"), b"A")], b"entry").unwrap(), state.size() - before);
    assert!(state.size() - before < 360, "{}", state.size() - before);
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), Some(second.clone())));
    state.confirm(8).unwrap();
    manifest.apply(&second);
    assert_eq!((manifest.files.len(), manifest.views.len(), manifest.immutable.len()), (1, 0, 0));
    assert!(manifest.faulty.operator);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
    assert_eq!(state.read(&Digest::of(b"B")).unwrap(), b"B");
    let error = state.read(&Digest::of(b"C")).unwrap_err();
    assert!(matches!(error, StateError::Missing { .. }), "{error}");
}

#[test]
fn the_last_lone_intent_counts_and_only_what_was_intended_last_is_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    publish(&mut state, &mut manifest, &edit(1, "a", b"A"), &[b"A"]);
    state.intend(&edit(2, "b", b"B"), &[(Digest::of(b"B"), b"B")], b"entry").unwrap();
    state.intend(&edit(3, "c", b"C"), &[(Digest::of(b"C"), b"C")], b"entry").unwrap();
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), Some(edit(3, "c", b"C"))));
    assert!(matches!(state.confirm(2), Err(StateError::NotIntended { generation: 2 })));
    state.confirm(3).unwrap();
    // Once more changes nothing.
    let size = state.size();
    state.confirm(3).unwrap();
    assert_eq!(state.size(), size);
    manifest.apply(&edit(3, "c", b"C"));
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));

    // An intent that a process left alone may be confirmed by the next one.
    state.intend(&edit(4, "d", b"A"), &[], b"entry").unwrap();
    drop(state);
    let mut state = State::open(dir.path()).unwrap().state;
    state.confirm(4).unwrap();
    manifest.apply(&edit(4, "d", b"A"));
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
}

#[test]
fn an_intent_may_only_name_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let error = state.intend(&edit(1, "a", b"A"), &[], b"entry").unwrap_err();
    assert!(matches!(&error, StateError::Missing { digest, .. } if *digest == Digest::of(b"A")), "{error}");
    assert!(!dir.path().join(FILE).exists());
}

#[test]
fn compaction_keeps_what_is_served_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = State::open(dir.path()).unwrap().state;
    let mut manifest = Manifest::default();
    let contents: Vec<Vec<u8>> = (0..50_u8).map(|octet| vec![octet; 1000]).collect();
    for (generation, content) in (1..).zip(&contents) {
        publish(&mut state, &mut manifest, &edit(generation, "a", content), &[content]);
    }
    let mut last = edit(51, "b", &contents[20]);
    last.views.push((account("acme"), Some(BTreeMap::from([(zone("v"), Digest::of(&contents[30]))]))));
    publish(&mut state, &mut manifest, &last, &[]);
    state.intend(&edit(52, "b", &contents[0]), &[], b"entry").unwrap();

    keep(&mut state, 1);
    assert!(!state.compact_if_worth().unwrap());
    assert!(!state.compact(80_000).unwrap());
    let before = state.size();
    assert!(state.compact(10_000).unwrap());
    assert!(state.size() < 4000 && before > 50_000, "{} of {before}", state.size());
    assert!(!state.compact(0).unwrap());
    for (at, content) in contents.iter().enumerate() {
        assert_eq!(state.holds(&Digest::of(content)), [20, 30, 49].contains(&at), "{at}");
    }
    assert_eq!(state.read(&Digest::of(&contents[30])).unwrap(), contents[30]);
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));
    // It goes on, also in the next process.
    publish(&mut state, &mut manifest, &edit(60, "a", b"new"), &[b"new"]);
    assert_eq!(reopened(dir.path()), (Some(manifest.clone()), None));
    let mut state = State::open(dir.path()).unwrap().state;
    publish(&mut state, &mut manifest, &edit(61, "c", b"newer"), &[b"newer"]);
    assert_eq!(reopened(dir.path()), (Some(manifest), None));
    assert!(!dir.path().join(NEW).exists());
}

fn any_id() -> impl Strategy<Value = String> {
    "[a-z0-9-]{1,32}"
}

fn any_account() -> impl Strategy<Value = AccountId> {
    any_id().prop_map(|id| AccountId::new(&id).unwrap())
}

fn any_digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn any_path() -> impl Strategy<Value = SourcePath> {
    (any::<bool>(), vec(any::<u8>(), 0..200)).prop_map(|(maps, below)| {
        // What lies below a folder begins with no slash, and no part of it is empty.
        let plain: Vec<u8> =
            below.into_iter().map(|octet| if octet == b'/' { b'-' } else { octet }).collect();
        SourcePath::from_bytes(&[&[if maps { b'm' } else { b'z' }][..], &plain].concat()).unwrap()
    })
}

fn any_remembered() -> impl Strategy<Value = Remembered> {
    (any_digest(), any::<(u64, u64)>(), any::<(u64, i64, i64)>()).prop_map(
        |(digest, file, (size, modified, changed))| Remembered {
            digest,
            stamp: Stamp { file, size, modified, changed },
        },
    )
}

fn any_name() -> impl Strategy<Value = Name> {
    vec("[a-zA-Z0-9*-]{1,20}", 0..4).prop_map(|labels| Name::parse(&(labels.join(".") + "."), None).unwrap())
}

fn any_faulty() -> impl Strategy<Value = Faulty> {
    let (accounts, zones) = (btree_set(any_account(), 0..3), btree_map(any_name(), any_account(), 0..3));
    (any::<bool>(), accounts, zones).prop_map(|(operator, accounts, zones)| Faulty {
        operator,
        accounts,
        zones,
    })
}

fn any_scope() -> impl Strategy<Value = PinScope> {
    prop_oneof![Just(PinScope::Everything), any_account().prop_map(PinScope::Account)]
}

fn any_approved() -> impl Strategy<Value = Approved> {
    (".*", ".*", any::<(u64, Option<u64>)>()).prop_map(|(by, reason, (at, expires))| Approved {
        by,
        reason,
        at,
        expires,
    })
}

fn any_pin() -> impl Strategy<Value = Pin> {
    (any::<(u64, u64)>(), ".*").prop_map(|((generation, at), reason)| Pin { generation, at, reason })
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let views = btree_map(any_account(), btree_map(any_path(), any_digest(), 0..3), 0..3);
    let immutable = btree_map(any_id().prop_map(|id| MapId::new(&id).unwrap()), ".*", 0..3);
    let files = btree_map(any_path(), any_remembered(), 0..8);
    let passes = (btree_map(any_id(), any_approved(), 0..3), btree_map(any_scope(), any_pin(), 0..3));
    (any::<(u64, u64)>(), files, views, any_faulty(), immutable, passes).prop_map(
        |((generation, published), files, views, faulty, immutable, (approvals, pins))| Manifest {
            generation,
            published,
            files,
            views,
            faulty,
            immutable,
            approvals,
            pins,
        },
    )
}

fn any_intent() -> impl Strategy<Value = Intent> {
    let files = vec((any_path(), option::of(any_remembered())), 0..8);
    let views = vec((any_account(), option::of(btree_map(any_path(), any_digest(), 0..3))), 0..3);
    let immutable = vec((any_id().prop_map(|id| MapId::new(&id).unwrap()), option::of(".*")), 0..3);
    let passes =
        (vec((any_id(), option::of(any_approved())), 0..3), vec((any_scope(), option::of(any_pin())), 0..3));
    (any::<(u64, u64)>(), files, views, option::of(any_faulty()), immutable, passes).prop_map(
        |((generation, time), files, views, faulty, immutable, (approvals, pins))| Intent {
            generation,
            time,
            files,
            views,
            faulty,
            immutable,
            approvals,
            pins,
        },
    )
}

proptest! {
    #[test]
    fn an_intent_survives_its_octets(intent in any_intent()) {
        let octets = encode(&intent);
        prop_assert_eq!(decode(&octets), Some(intent.clone()));
        // Before there were approvals and pins an intent ended where these begin.
        let former = Intent { approvals: Vec::new(), pins: Vec::new(), ..intent.clone() };
        let end = encode(&former).len();
        prop_assert_eq!(decode(&octets[..end]), Some(former));
        for len in (0..octets.len()).filter(|len| *len != end) {
            prop_assert_eq!(decode(&octets[..len]), None);
        }
        prop_assert_eq!(decode(&[&octets[..], b"\0"].concat()), None);
    }

    #[test]
    fn octets_are_an_intent_or_none(mut octets in vec(any::<u8>(), 0..300), intent in any_intent(), at: usize, to: u8) {
        let _ = decode(&octets);
        octets = encode(&intent);
        let at = at % octets.len();
        octets[at] = to;
        let _ = decode(&octets);
    }

    #[test]
    fn what_lies_between_two_generations_leads_from_one_to_the_other(
        mut from in any_manifest(), to in any_manifest(), share: bool,
    ) {
        if share {
            from.files.extend(to.files.iter().take(3).map(|(path, file)| (path.clone(), *file)));
            from.faulty = to.faulty.clone();
        }
        let intent = Intent::between(&from, &to);
        if share {
            prop_assert!(intent.faulty.is_none());
        }
        let (before, undo) = (from.clone(), from.undo(&intent));
        from.apply(&intent);
        prop_assert_eq!(&from, &to);
        from.apply(&undo);
        prop_assert_eq!(from, before);
    }
}

#[test]
fn a_count_that_is_too_large_takes_no_room() {
    let mut octets = vec![0; 16];
    octets.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert_eq!(decode(&octets), None);
    octets.truncate(16);
    octets.extend([0xff; 12]);
    assert_eq!(decode(&octets), None);
}
