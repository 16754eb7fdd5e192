use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use super::listen::Limits;
use super::message::{self, Reply, Request};
use super::*;
use crate::control::report::Status;

/// Long enough never to be waited for.
const NEVER: Duration = Duration::from_secs(600);

fn socket() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(SOCKET);
    (dir, path)
}

fn serve(path: &Path, limits: Limits, ask: impl Fn(Request) -> Reply + Send + Sync + 'static) -> Listener {
    let mut listener = Listener::bind_with(path, limits).unwrap();
    listener.serve(ask).unwrap();
    listener
}

/// Answers with what it was asked.
fn echo(request: Request) -> Reply {
    match request {
        Request::Status => Reply::Status(Box::new(Status { generation: 7, ..Status::default() })),
        other => Reply::failed(format!("{other:?}")),
    }
}

/// Whatever the server writes until it hangs up.
fn rest(mut stream: UnixStream) -> String {
    let mut text = String::new();
    // What was not read by the server resets the connection behind the answer.
    let _ = stream.read_to_string(&mut text);
    text
}

fn failure(reply: Reply) -> String {
    let Reply::Failed { message } = reply else { panic!("{reply:?}") };
    message
}

#[test]
fn a_question_is_answered() {
    let (_dir, path) = socket();
    let _listener = serve(&path, Limits::default(), echo);
    let Reply::Status(status) = ask(&path, &Request::Status).unwrap() else { panic!("no status") };
    assert_eq!(status.generation, 7);
    let long = "x".repeat(100_000);
    let reload = Request::Reload { what: vec![long.clone()], without_state: false };
    assert!(failure(ask(&path, &reload).unwrap()).contains(&long));
}

#[test]
fn only_its_owner_can_use_the_socket() {
    let (_dir, path) = socket();
    let _listener = Listener::bind(&path).unwrap();
    assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn the_end_takes_the_socket_away_and_waits_for_nobody() {
    let (_dir, path) = socket();
    let (asked, is_asked) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let limits = Limits { connections: 2, patience: NEVER, ..Limits::default() };
    let listener = serve(&path, limits, move |request| {
        asked.send(()).unwrap();
        may_go.lock().unwrap().recv().unwrap();
        echo(request)
    });
    // One that is worked on, and one that has not asked yet.
    let waiting = std::thread::spawn({
        let path = path.clone();
        move || ask(&path, &Request::Status)
    });
    is_asked.recv().unwrap();
    let mut silent = UnixStream::connect(&path).unwrap();
    // The third is taken after the second, and sent away because of it.
    assert!(failure(ask(&path, &Request::Status).unwrap()).contains("at work already"));
    drop(listener);
    assert!(!path.exists());
    silent.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert!(matches!(ask(&path, &Request::Status), Err(TalkError::Nobody { .. })));
    // What was worked on is answered all the same.
    go.send(()).unwrap();
    assert!(matches!(waiting.join().unwrap(), Ok(Reply::Status(_))));
}

#[test]
fn what_a_dead_server_left_is_replaced_and_nothing_else() {
    let (_dir, path) = socket();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = serve(&path, Limits::default(), echo);
    let error = Listener::bind(&path).unwrap_err();
    assert!(matches!(error, TalkError::InUse { .. }), "{error}");
    assert!(matches!(ask(&path, &Request::Status), Ok(Reply::Status(_))));
    // A file that took its place is not ours to remove.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    drop(first);
    let error = Listener::bind(&path).unwrap_err();
    assert!(matches!(error, TalkError::NoSocket { .. }), "{error}");
    assert!(path.exists());
}

#[test]
fn a_request_that_is_too_large_is_told_so() {
    let (_dir, path) = socket();
    let limits = Limits { request: 1000, ..Limits::default() };
    let _listener = serve(&path, limits, echo);
    let large = Request::Reload { what: vec!["x".repeat(4 << 20)], without_state: false };
    assert_eq!(failure(ask(&path, &large).unwrap()), "the request has more than 1000 octets");
    assert!(matches!(ask(&path, &Request::Status), Ok(Reply::Status(_))));
}

#[test]
fn who_is_slow_is_let_go() {
    let (_dir, path) = socket();
    let limits = Limits { patience: Duration::from_millis(50), ..Limits::default() };
    let _listener = serve(&path, limits, echo);
    let mut slow = UnixStream::connect(&path).unwrap();
    slow.write_all(br#"{"version":1,"#).unwrap();
    assert_eq!(rest(slow), "");
    assert!(matches!(ask(&path, &Request::Status), Ok(Reply::Status(_))));
}

#[test]
fn who_goes_away_does_no_harm() {
    let (_dir, path) = socket();
    let (done, is_done) = mpsc::channel();
    let (gone, is_gone) = mpsc::channel::<()>();
    let is_gone = Mutex::new(is_gone);
    let _listener = serve(&path, Limits { connections: 1, ..Limits::default() }, move |request| {
        if request == Request::Status {
            return echo(request);
        }
        is_gone.lock().unwrap().recv().unwrap();
        done.send(()).unwrap();
        echo(request)
    });
    let mut client = UnixStream::connect(&path).unwrap();
    let request = Request::Reload { what: Vec::new(), without_state: false };
    client.write_all(&message::write(&request)).unwrap();
    drop(client);
    gone.send(()).unwrap();
    is_done.recv().unwrap();
    // Its place becomes free; until then the server says that it is busy.
    while !matches!(ask(&path, &Request::Status), Ok(Reply::Status(_))) {}
}

#[test]
fn more_than_a_few_at_a_time_are_sent_away() {
    let (_dir, path) = socket();
    let (asked, is_asked) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let _listener = serve(&path, Limits { connections: 2, ..Limits::default() }, move |request| {
        if request == Request::Status {
            asked.send(()).unwrap();
            may_go.lock().unwrap().recv().unwrap();
        }
        echo(request)
    });
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let path = path.clone();
            let waiting = std::thread::spawn(move || ask(&path, &Request::Status));
            is_asked.recv().unwrap();
            waiting
        })
        .collect();
    // Even one who has much to say hears it.
    let large = Request::Reload { what: vec!["x".repeat(4 << 20)], without_state: false };
    assert!(failure(ask(&path, &large).unwrap()).starts_with("2 requests are at work already"));
    (0..2).for_each(|_| go.send(()).unwrap());
    for answered in waiting {
        assert!(matches!(answered.join().unwrap(), Ok(Reply::Status(_))));
    }
}

#[test]
fn a_server_of_another_version_and_a_stranger_are_named() {
    for (answer, expected) in [
        (&b"{\"version\":2,\"program\":\"portolan 9.0.0\",\"mood\":1}\n"[..], "the server is portolan 9.0.0"),
        (b"220 smtp.example ESMTP\n", "is no portolan"),
        (b"", "ended before it had answered"),
        (b"{\"version\":1,", "ended before it had answered"),
    ] {
        let (_dir, path) = socket();
        let server = UnixListener::bind(&path).unwrap();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer).unwrap();
        });
        let error = ask(&path, &Request::Status).unwrap_err().to_string();
        answering.join().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_client_of_another_version_is_told_so() {
    let (_dir, path) = socket();
    let _listener = serve(&path, Limits::default(), echo);
    for (line, expected) in [
        (r#"{"version":9,"program":"portolan 9.0.0","body":"dance"}"#, "portolan 9.0.0 asks in version 9"),
        (
            r#"{"version":1,"program":"x","body":"dance"}"#,
            "the request cannot be read: unknown variant `dance`",
        ),
        ("GET / HTTP/1.1", "the request cannot be read"),
    ] {
        let mut stream = UnixStream::connect(&path).unwrap();
        writeln!(stream, "{line}").unwrap();
        let reply = rest(stream);
        assert!(reply.contains(expected), "{reply}");
        assert!(reply.starts_with("{\"version\":1,\"program\":\"portolan "), "{reply}");
    }
}

#[test]
fn errors_say_what_to_do() {
    let (dir, path) = socket();
    let told = |path: &Path| ask(path, &Request::Status).unwrap_err().to_string();
    let state = dir.path().display();
    let missing = told(&path);
    assert!(missing.starts_with(&format!("no portolan is running with the state directory {state} (")));
    assert!(missing.ends_with("): start it, or name its socket with --socket"), "{missing}");
    drop(UnixListener::bind(&path).unwrap());
    // A process that another test is just starting may hold the socket for a moment.
    let refused = (0..1000).any(|_| told(&path).contains("refused"));
    assert!(refused, "{}", told(&path));
    let other = dir.path().join("other.sock");
    assert!(
        told(&other).starts_with(&format!("no portolan is running behind the socket {}", other.display()))
    );
    assert!(told(Path::new(SOCKET)).starts_with("no portolan is running with the state directory . ("));

    let long = dir.path().join("x".repeat(100));
    for error in [told(&long), Listener::bind(&long).unwrap_err().to_string()] {
        assert!(error.contains("too long") && error.contains("--socket"), "{error}");
    }
    // As long as it may be, but not longer.
    let fits = dir.path().join("x".repeat(MAX_PATH - 1 - dir.path().as_os_str().len()));
    Listener::bind(&fits).unwrap();
    let error = Listener::bind(&dir.path().join("missing/control.sock")).unwrap_err().to_string();
    assert!(error.contains("its folder must exist"), "{error}");
}
