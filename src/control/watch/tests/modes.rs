//! When nobody tells, when everything waits, when everything is looked at.

use super::*;

#[test]
fn one_batch_means_one() {
    let mut scene = Scene::new(|top| sh(top, "git init -q ."));
    scene.write(".git/index.lock", "");
    for account in 0..10 {
        scene.write(&format!("zones/{account}.zone"), "x");
        // Not one of them is ready before git is done.
        scene.until("told", |scene| scene.watch.holds(&scene.path(&format!("zones/{account}.zone"))));
    }
    assert!(scene.watch.stale_lock().is_none());
    fs::remove_file(scene.path(".git/index.lock")).unwrap();
    scene.until("one batch of all", |scene| scene.batches.len() == 1 && scene.seen().len() == 10);
}

#[test]
fn after_an_overflow_everything_is_looked_at_and_watched() {
    let mut scene = Scene::new(|_| {});
    let overflow = notify::Event::new(notify::EventKind::Other).set_flag(notify::event::Flag::Rescan);
    scene.watch.thread.as_ref().unwrap().send(Message::Event(Ok(overflow))).unwrap();
    scene.until("everything", |scene| scene.batches.iter().any(|batch| batch.everything));
    assert_eq!(scene.watch.watching(), Watching::Events);
    scene.write("zones/acme/a.zone", "x");
    scene.until_only(&["zones/acme/a.zone"]);
}

#[test]
fn where_the_kernel_cannot_tell_files_are_polled() {
    let mut scene = Scene::new(|_| {});
    let limit = notify::Error::new(notify::ErrorKind::MaxFilesWatch);
    scene.watch.thread.as_ref().unwrap().send(Message::Event(Err(limit))).unwrap();
    scene.until("everything", |scene| scene.batches.iter().any(|batch| batch.everything));
    assert_eq!(scene.watch.watching(), Watching::Polling);
    assert!(scene.watch.trouble().unwrap().contains("max_user_watches"));
    scene.until("everything again", |scene| scene.batches.iter().any(|batch| batch.everything));
}

#[test]
fn polling_and_off_do_as_they_say() {
    let top = tempfile::tempdir().unwrap();
    let sources = Sources { zones: top.path().to_path_buf(), addrmaps: top.path().join("none") };
    let start = Instant::now();
    let mut watch = Watch::start(&sources, WatchMode::Poll, start, |_| {});
    assert_eq!((watch.watching(), watch.trouble()), (Watching::Polling, None));
    assert_eq!(watch.take(start), None);
    for round in 1..4 {
        assert_eq!(watch.deadline(), Some(start + POLL * round));
        let batch = watch.take(start + POLL * round).unwrap();
        assert!(batch.everything && batch.paths.is_empty());
    }
    let mut watch = Watch::start(&sources, WatchMode::Off, start, |_| {});
    assert_eq!((watch.watching(), watch.deadline()), (Watching::Off, None));
    watch.look_again(start);
    assert_eq!(watch.take(start + PATIENCE), None);
}

/// Takes what is ready, the thread having told all that happened.
fn take(watch: &mut Watch, now: Instant) -> Option<Batch> {
    watch.take(now).or_else(|| {
        watch.hear(now, Signal::CaughtUp(watch.asked));
        watch.take(now)
    })
}

#[test]
fn everything_is_looked_at_now_and_then_whatever_is_told() {
    let mut scene = Scene::new(|_| {});
    let later = Instant::now() + RESCAN;
    assert!(take(&mut scene.watch, later).unwrap().everything);
    assert_eq!(scene.watch.deadline(), Some(later + RESCAN));
    scene.watch.look_again(later);
    assert_eq!(scene.watch.deadline(), Some(later + POLL));
}

#[test]
fn a_lock_of_git_that_is_stale_is_told() {
    let mut scene = Scene::new(|top| sh(top, "git init -q .; : > .git/index.lock"));
    scene.write("zones/acme/a.zone", "x");
    scene.until("told", |scene| scene.watch.holds(&scene.path("zones/acme")));
    let now = Instant::now() + Duration::from_secs(1);
    assert_eq!(take(&mut scene.watch, now), None);
    assert_eq!(scene.watch.stale_lock(), None);
    let later = now + Duration::from_secs(10);
    assert!(take(&mut scene.watch, later).is_some());
    assert!(scene.watch.stale_lock().is_some());
    fs::remove_file(scene.path(".git/index.lock")).unwrap();
    assert!(take(&mut scene.watch, later + RESCAN).is_some());
    assert_eq!(scene.watch.stale_lock(), None);
}

/// What seems to be quiet because the thread is late is not taken before it has told all that happened.
#[test]
fn a_late_thread_is_waited_for() {
    let sources = Sources { zones: "zones".into(), addrmaps: "maps".into() };
    let start = Instant::now();
    let after = |millis| start + Duration::from_millis(millis);
    let (thread, asked) = mpsc::channel();
    let mut watch = Watch::start(&sources, WatchMode::Off, start, |_| {});
    watch.thread = Some(thread);
    let asks = || asked.try_iter().map(|message| matches!(message, Message::CatchUp(_))).collect::<Vec<_>>();
    let noted =
        |noted: fn(PathBuf) -> Noted, name: &str| Signal::Noted(noted(format!("zones/acme/{name}").into()));

    watch.hear(start, noted(Noted::Closed, "a.zone"));
    assert_eq!((watch.take(after(199)), asks()), (None, vec![]));
    assert_eq!((watch.take(after(200)), asks()), (None, vec![true]));
    assert_eq!((watch.take(after(300)), asks()), (None, vec![]));
    // It happened long before it is told.
    watch.hear(after(400), noted(Noted::Written, "b.zone"));
    watch.hear(after(400), Signal::CaughtUp(1));
    assert_eq!((watch.take(after(400)), asks()), (None, vec![]));
    watch.hear(after(500), noted(Noted::Closed, "b.zone"));
    assert_eq!((watch.take(after(700)), asks()), (None, vec![true]));
    // The answer to another question.
    watch.hear(after(700), Signal::CaughtUp(1));
    assert_eq!((watch.take(after(700)), asks()), (None, vec![]));
    watch.hear(after(700), Signal::CaughtUp(2));
    let batch = watch.take(after(700)).unwrap();
    assert_eq!(batch.paths, ["zones/acme/a.zone", "zones/acme/b.zone"].map(PathBuf::from).into());

    // A thread that says nothing is not waited for for ever.
    watch.hear(after(1000), noted(Noted::Closed, "a.zone"));
    assert_eq!((watch.take(after(1200)), asks()), (None, vec![true]));
    assert_eq!(watch.deadline(), Some(after(1200) + LATE));
    assert!(watch.take(after(1200) + LATE).is_some());
}
