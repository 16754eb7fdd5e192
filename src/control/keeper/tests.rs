//! Questions that take their time beside the thread on which everything changes.

use std::sync::mpsc::channel;

use super::*;
use crate::control::Retention;
use crate::control::history::When;
use crate::control::tests::{Place, Running, anycast, zone};

const ONE: &str = "zones/acme/one.example.zone";

fn place() -> Place {
    Place::with(&[
        (ONE, &zone("1")),
        ("zones/globex/four.example.zone", &zone("1")),
        ("addrmaps/main.toml", &anycast("192.0.2.10")),
    ])
}

/// The control thread's loop, on this thread.
fn control(place: &Place) -> Loop {
    let Running { engine, first } = place.start();
    let (tasks, queue) = channel();
    let nothing = || {};
    let manager = Manager { reloading: nothing, ready: nothing, watchdog: None };
    let parts = KeeperParts {
        engine,
        watch: WatchMode::Off,
        socket: place.path("state/control.sock"),
        changes: Arc::default(),
        samples: Arc::default(),
        manager,
        first,
        addresses: Vec::new(),
        settings: answer::Settings::default(),
    };
    Loop::new(parts, None, tasks, queue)
}

impl Loop {
    /// Hands a request in; what is answered on this thread is there at once.
    fn hand(&mut self, request: Request) -> Receiver<Reply> {
        let (asker, told) = channel();
        assert!(!self.task(Task::Asked(request, asker)));
        told
    }

    /// Keeps the other thread busy until the sender is gone.
    fn busy(&self) -> Sender<()> {
        let (go, gone) = channel::<()>();
        let (begin, begun) = channel();
        let work = move || {
            let _ = begin.send(());
            let _ = gone.recv();
            Reply::failed("slow")
        };
        self.aside.ask(Box::new(work), channel().0);
        begun.recv().unwrap();
        go
    }

    #[track_caller]
    fn reloads(&mut self) -> Change {
        let all = Request::Reload { what: Vec::new(), without_state: false };
        let told = self.hand(all).try_recv();
        let Ok(Reply::Change(change)) = told else { panic!("no change waits for a question: {told:?}") };
        assert_eq!(change.outcome, Outcome::Published, "{change:?}");
        *change
    }
}

/// One of each that looks back.
fn questions(from: u64, to: u64) -> Vec<Request> {
    let (name, rtype) = ("v.one.example".to_owned(), "TXT".to_owned());
    let (from, to) = (When::Generation(from), When::Generation(to));
    vec![
        Request::History { limit: 10 },
        Request::Show { at: to },
        Request::Diff { from, to },
        Request::ExplainAt { name: name.clone(), rtype: rtype.clone(), at: from },
        Request::Blame { name, rtype },
        Request::Plan { since: Some(from) },
        Request::Show { at: When::Generation(1) },
        Request::Blame { name: "..".to_owned(), rtype: "A".to_owned() },
    ]
}

#[test]
fn no_change_waits_for_a_question_which_is_answered_as_of_when_it_was_asked() {
    for number in 0..questions(0, 0).len() {
        let place = place();
        let mut control = control(&place);
        let first = control.engine.snapshot().generation;
        place.write(ONE, &zone("2"));
        let second = control.reloads().generation;
        let request = questions(first, second).swap_remove(number);
        let alone = control.hand(request.clone()).recv().unwrap();
        assert_eq!(matches!(alone, Reply::Failed { .. }), number > 5, "{alone:?}");
        let go = control.busy();
        let told = control.hand(request.clone());
        place.write(ONE, &zone("3"));
        control.reloads();
        // What it is about is forgotten, and what is not lies in another file.
        let state = &mut control.engine.store.state;
        state.retain(Retention { generations: 1, ..Retention::default() });
        assert!(state.compact(0).unwrap());
        assert_eq!(state.generations().len(), 1);
        if number < 7 {
            assert!(told.try_recv().is_err(), "it waits for the one before: {request:?}");
        }
        drop(go);
        assert_eq!(told.recv().unwrap(), alone, "{request:?}");
    }
}

#[test]
fn too_many_questions_are_told_so_and_changes_go_on() {
    let place = place();
    let mut control = control(&place);
    let go = control.busy();
    let waiting: Vec<_> = (0..4).map(|_| control.hand(Request::History { limit: 1 })).collect();
    let Ok(Reply::Failed { message }) = control.hand(Request::History { limit: 1 }).try_recv() else {
        panic!("there is no end of them")
    };
    assert!(message.starts_with("busy: "), "{message}");
    place.write(ONE, &zone("2"));
    control.reloads();
    assert!(matches!(control.hand(Request::Status).try_recv(), Ok(Reply::Status(_))));
    drop(go);
    for told in waiting {
        assert!(matches!(told.recv().unwrap(), Reply::History(_)));
    }
}

#[test]
fn the_end_of_the_server_waits_for_no_question() {
    let place = place();
    let mut control = control(&place);
    let go = control.busy();
    let told = control.hand(Request::History { limit: 1 });
    control.tasks.send(Task::Stop).unwrap();
    control.run();
    assert_eq!(told.recv().unwrap(), Reply::failed("the server is stopping"));
    drop(go);
}

#[test]
fn what_cannot_be_read_is_told_rather_than_left_out() {
    use std::os::unix::fs::FileExt;
    let place = place();
    let mut control = control(&place);
    let first = control.engine.snapshot().generation;
    place.write(ONE, &zone("2"));
    control.reloads();
    let digest = crate::control::Digest::of(zone("1").as_bytes());
    // Where its content begins: behind the head of its record.
    let at = control.engine.store.place(&digest).unwrap() + 53;
    let pack = std::fs::OpenOptions::new().write(true).open(place.path("state/pack")).unwrap();
    pack.write_all_at(b"X", at).unwrap();
    let (name, rtype) = ("v.one.example".to_owned(), "TXT".to_owned());
    let at = When::Generation(first);
    for request in
        [Request::ExplainAt { name: name.clone(), rtype: rtype.clone(), at }, Request::Blame { name, rtype }]
    {
        let Reply::Failed { message } = control.hand(request).recv().unwrap() else { panic!("an answer") };
        assert!(message.contains(&digest.to_string()), "{message}");
    }
}
