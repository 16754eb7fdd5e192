//! A thread for questions that take their time, so that no change waits for one. They are answered one after the other,
//! and few may wait.
//!
//! Invariant: whoever asks is told something, come what may: the answer, that too many wait, that answering failed, or
//! that the server is stopping.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;

use super::folder::locked;
use super::talk::Reply;

/// Questions that may wait, beside the one that is answered.
const WAITING: usize = 4;
/// How far behind everything else, changes among it (`nice`).
const NICE: i32 = 15;

/// What comes to an answer. It has all that it needs.
pub(super) type Work = Box<dyn FnOnce() -> Reply + Send>;

/// The thread, which begins with the first question. Dropping it lets go whoever waits, and ends it: at once, or when it is
/// done with the question that it is at, whose answer nobody hears.
#[derive(Debug, Default)]
pub(super) struct Aside(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    desk: Mutex<Questions>,
    /// Something came, or it ends.
    come: Condvar,
}

#[derive(Default)]
struct Questions {
    waiting: VecDeque<(Work, Sender<Reply>)>,
    /// Who asked what is being answered.
    asker: Option<Sender<Reply>>,
    has_thread: bool,
    ended: bool,
}

impl std::fmt::Debug for Questions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Questions").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Aside {
    /// Lets a question be answered. Returns at once.
    pub(super) fn ask(&self, work: Work, asker: Sender<Reply>) {
        let refused = {
            let mut desk = locked(&self.0.desk);
            match desk.take(&self.0) {
                Ok(()) => {
                    desk.waiting.push_back((work, asker));
                    self.0.come.notify_one();
                    return;
                }
                Err(message) => message,
            }
        };
        tell(&asker, Reply::failed(refused));
    }
}

impl Questions {
    /// Makes room for a question, and a thread that answers it.
    fn take(&mut self, shared: &Arc<Shared>) -> Result<(), String> {
        if self.waiting.len() >= WAITING {
            return Err(format!(
                "busy: {WAITING} questions about earlier generations wait already; ask again in a while"
            ));
        }
        if !self.has_thread {
            let shared = shared.clone();
            let started = Builder::new().name("aside".to_owned()).spawn(move || shared.answer());
            started
                .map_err(|error| format!("no thread can be started to answer this: {error}; ask again"))?;
            self.has_thread = true;
        }
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let mut desk = locked(&self.0.desk);
        desk.ended = true;
        let waiting: Vec<_> = desk.waiting.drain(..).collect();
        let asker = desk.asker.take();
        self.0.come.notify_one();
        drop(desk);
        for asker in asker.into_iter().chain(waiting.into_iter().map(|(_, asker)| asker)) {
            tell(&asker, Reply::failed("the server is stopping"));
        }
    }
}

impl Shared {
    /// Answers questions until it ends.
    fn answer(&self) {
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "questions are answered at the control thread's priority");
        }
        while let Some(work) = self.next() {
            // What it was at is thrown away with it: nothing is left half changed.
            let answered = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                tracing::error!("a question about earlier generations ended in a panic");
                Reply::failed("answering this failed, by a fault of portolan; the log of the server has more")
            });
            let asker = locked(&self.desk).asker.take();
            if let Some(asker) = asker {
                tell(&asker, answered);
            }
        }
    }

    /// Waits for the next question.
    fn next(&self) -> Option<Work> {
        let mut desk = locked(&self.desk);
        loop {
            if desk.ended {
                return None;
            }
            if let Some((work, asker)) = desk.waiting.pop_front() {
                desk.asker = Some(asker);
                return Some(work);
            }
            desk = self.come.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn tell(asker: &Sender<Reply>, reply: Reply) {
    // Who asked may be gone.
    let _ = asker.send(reply);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A question that is answered when its sender is dropped or sends.
    fn slow(aside: &Aside) -> (Sender<()>, Receiver<()>, Receiver<Reply>) {
        let (go, gone) = channel::<()>();
        let (begin, begun) = channel();
        let work = move || {
            let _ = begin.send(());
            let _ = gone.recv();
            Reply::failed("slow")
        };
        (go, begun, ask(aside, work))
    }

    fn ask(aside: &Aside, work: impl FnOnce() -> Reply + Send + 'static) -> Receiver<Reply> {
        let (asker, told) = channel();
        aside.ask(Box::new(work), asker);
        told
    }

    /// What was told, and nothing else was.
    fn message(told: &Receiver<Reply>) -> String {
        let reply = told.recv().unwrap();
        assert!(told.try_recv().is_err());
        let Reply::Failed { message } = reply else { panic!("{reply:?}") };
        message
    }

    /// What was told already.
    fn at_once(told: &Receiver<Reply>) -> String {
        let reply = told.try_recv();
        let Ok(Reply::Failed { message }) = reply else { panic!("{reply:?}") };
        message
    }

    #[test]
    fn few_wait_and_all_are_told_in_their_order() {
        let aside = Aside::default();
        let (go, begun, first) = slow(&aside);
        begun.recv().unwrap();
        let waiting: Vec<_> =
            (0..WAITING).map(|number| ask(&aside, move || Reply::failed(number.to_string()))).collect();
        let busy = ask(&aside, || panic!("it was refused"));
        assert!(at_once(&busy).starts_with("busy: 4 questions"));
        assert!(first.try_recv().is_err());
        drop(go);
        assert_eq!(message(&first), "slow");
        for (number, told) in waiting.iter().enumerate() {
            assert_eq!(message(told), number.to_string());
        }
        assert_eq!(message(&ask(&aside, || Reply::failed("again"))), "again");
    }

    #[test]
    fn a_panic_is_told_and_the_next_question_is_answered() {
        let aside = Aside::default();
        for _ in 0..2 {
            let told = ask(&aside, || panic!("of a test"));
            assert!(message(&told).starts_with("answering this failed"));
        }
        assert_eq!(message(&ask(&aside, || Reply::failed("next"))), "next");
    }

    #[test]
    fn whoever_waits_is_let_go_at_the_end_and_the_thread_ends() {
        let aside = Aside::default();
        let (go, begun, first) = slow(&aside);
        begun.recv().unwrap();
        let waits = ask(&aside, || panic!("nobody waits for it"));
        let shared = Arc::downgrade(&aside.0);
        drop(aside);
        assert_eq!(at_once(&first), "the server is stopping");
        assert_eq!(at_once(&waits), "the server is stopping");
        drop(go);
        // The thread holds it as long as it lives.
        while shared.strong_count() > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_is_far_behind() {
        let aside = Aside::default();
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // Behind the name of the command, which may hold spaces: see proc_pid_stat(5).
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            fields[16].to_owned()
        };
        assert_eq!(message(&ask(&aside, move || Reply::failed(nice()))), NICE.to_string());
    }
}
