//! The commands that talk to a running server, as the real binary: what they print, where, and how they exit. The server
//! is one of the tests' own behind the real socket, so that it can answer whatever is to be shown.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod client;

use std::path::PathBuf;
use std::process::Output;
use std::sync::mpsc::{self, Receiver};

use client::root;
use client::server::portolan;
use portolan::compile::compile;
use portolan::control::report::{Change, Held, Outcome, PinTold, PlanReport, Problem, Status, TripTold, Why};
use portolan::control::talk::{Listener, Reply, Request};
use portolan::control::{Sources, load};
use portolan::judge;
use portolan::wire::Name;

/// A server that answers as it is told, and tells what it was asked.
struct Server {
    _listener: Listener,
    folder: tempfile::TempDir,
    asked: Receiver<Request>,
}

impl Server {
    fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let (tell, asked) = mpsc::channel();
        let mut listener = Listener::bind(&folder.path().join("control.sock")).unwrap();
        listener
            .serve(move |request| {
                let reply = answer(&request);
                tell.send(request).unwrap();
                reply
            })
            .unwrap();
        Server { _listener: listener, folder, asked }
    }

    /// Runs a command against it, in the folder of the samples.
    fn run(&self, arguments: &[&str]) -> Ran {
        let state = self.folder.path().to_str().unwrap();
        run(&[arguments, &["--state", state]].concat())
    }
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = portolan().current_dir(root()).args(arguments).output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn held() -> Held {
    let problem = Problem { severity: "error".into(), code: "no-soa".into(), ..Problem::default() };
    Held { unit: "account acme".into(), serving: true, problems: vec![problem], ..Held::default() }
}

#[test]
fn status_exits_by_what_it_tells() {
    let fine =
        Status { version: "0.1.0".into(), generation: 1_795_270_000, in_sync: true, ..Status::default() };
    let holding = Status { held: vec![held()], ..fine.clone() };
    for (status, code) in [(fine, 0), (holding, 1)] {
        let answer = status.clone();
        let server = Server::start(move |_| Reply::Status(Box::new(answer.clone())));
        let ran = server.run(&["status"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{}", ran.stdout);
        assert!(ran.stdout.contains("\ngeneration  1795270000, published "), "{}", ran.stdout);
        assert_eq!(ran.stdout.contains("\nheld        account acme since "), code == 1, "{}", ran.stdout);
        let ran = server.run(&["status", "--json"]);
        assert_eq!(ran.code, Some(code));
        assert_eq!(serde_json::from_str::<Status>(&ran.stdout).unwrap(), status);
    }
}

#[test]
fn reload_says_what_to_read_and_exits_by_what_came_of_it() {
    let outcomes =
        [(Outcome::Published, 0), (Outcome::Unchanged, 0), (Outcome::Held, 1), (Outcome::Refused, 1)];
    for (outcome, code) in outcomes {
        let change = Change { outcome, generation: 7, ..Change::default() };
        let server = Server::start(move |_| Reply::Change(Box::new(change.clone())));
        let ran = server.run(&["reload", "shop.example", "zones/acme/shop.example.zone"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""));
        assert!(ran.stdout.contains("generation 7"), "{}", ran.stdout);
        let file = root().join("zones/acme/shop.example.zone").to_str().unwrap().to_owned();
        let what = vec!["shop.example".to_owned(), file];
        assert_eq!(server.asked.recv().unwrap(), Request::Reload { what, without_state: false });
        let ran = server.run(&["reload", "--without-state", "--json"]);
        assert_eq!(serde_json::from_str::<Change>(&ran.stdout).unwrap().outcome, outcome);
        let all = Request::Reload { what: Vec::new(), without_state: true };
        assert_eq!(server.asked.recv().unwrap(), all);
    }
}

/// What waits for the rollback is what it is for; what is held for another reason is not served either.
#[test]
fn rollback_exits_by_what_is_held_for_other_reasons() {
    let waits = Held { why: Why::Pinned, unit: "account globex".into(), ..held() };
    let asks = Held { why: Why::Guard, ..held() };
    for (outcome, held, code) in [
        (Outcome::Published, vec![], 0),
        (Outcome::Published, vec![waits.clone()], 0),
        (Outcome::Published, vec![waits.clone(), held()], 1),
        (Outcome::Published, vec![asks], 1),
        (Outcome::Held, vec![held()], 1),
        (Outcome::Refused, vec![], 1),
    ] {
        let pins = vec![PinTold { reason: "outage".into(), ..PinTold::default() }];
        let change = Change { outcome, held, pins, ..Change::default() };
        let server = Server::start(move |_| Reply::Change(Box::new(change.clone())));
        let ran = server.run(&["rollback", "--reason", "outage"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{}", ran.stdout);
        assert!(ran.stdout.contains("\npinned      everything since "), "{}", ran.stdout);
        // A reload that leaves files waiting has not served what it was asked to.
        let ran = server.run(&["reload"]);
        let is_whole = outcome == Outcome::Published && !ran.stdout.contains("\nwaits ") && code == 0;
        assert_eq!(ran.code, Some(i32::from(!is_whole)), "{}", ran.stdout);
    }
}

/// Whatever is in the way refuses by itself: what is held and has no fault, as what a guard holds or what was rolled back;
/// a guard; an error of no unit. A warning does not.
#[test]
fn plan_exits_by_what_is_in_the_way() {
    let problem =
        |severity: &str| Problem { severity: severity.into(), code: "any".into(), ..Problem::default() };
    let waiting = |why| PlanReport {
        held: vec![Held { why, problems: Vec::new(), ..held() }],
        ..PlanReport::default()
    };
    let trip =
        TripTold { code: "guard-zones-gone".into(), scope: "account acme".into(), ..TripTold::default() };
    for (report, code) in [
        (PlanReport::default(), 0),
        (waiting(Why::Guard), 1),
        (waiting(Why::Pinned), 1),
        (PlanReport { trips: vec![trip], ..PlanReport::default() }, 1),
        (PlanReport { problems: vec![problem("error")], ..PlanReport::default() }, 1),
        (PlanReport { problems: vec![problem("warning")], ..PlanReport::default() }, 0),
    ] {
        let answer = report.clone();
        let server = Server::start(move |_| Reply::Planned(Box::new(answer.clone())));
        for arguments in
            [&["plan"][..], &["plan", "--json"], &["plan", "--markdown"], &["plan", "--exit-code"]]
        {
            let ran = server.run(arguments);
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{report:?}: {}", ran.stdout);
        }
    }
}

#[test]
fn a_map_is_forgotten_with_a_reason_only() {
    let server = Server::start(|_| Reply::Change(Box::default()));
    let ran = server.run(&["forget-map", "eu", "--reason", "the customer left"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let expected = Request::ForgetMap { id: "eu".into(), reason: "the customer left".into() };
    assert_eq!(server.asked.recv().unwrap(), expected);
    assert_eq!(server.run(&["forget-map", "eu"]).code, Some(2));
    let ran = server.run(&["forget-map", "eu", "--reason", " "]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--reason is empty"), "{}", ran.stderr);
}

/// Explains what the samples say, or what they say of another name.
fn explaining(other: Option<&'static str>) -> Server {
    let sources = Sources { zones: root().join("zones"), addrmaps: root().join("addrmaps") };
    let world = load(&sources).unwrap().world;
    let snapshot = compile(&world, 7).snapshot;
    Server::start(move |request| {
        let Request::Explain { name, rtype } = request else { panic!("{request:?}") };
        let name = Name::parse(other.unwrap_or(name), None).unwrap();
        Reply::Explained(Box::new(judge::explain(&world, &snapshot, &name, rtype.parse().unwrap())))
    })
}

#[test]
fn explain_asks_the_server() {
    let question = ["jane.users.shop.example", "AAAA"];
    let with = |option| ["explain", question[0], question[1], option];
    let server = explaining(None);
    let served = server.run(&["explain", question[0], question[1]]);
    assert_eq!((served.code, served.stderr.as_str()), (Some(0), ""));
    assert!(served.stdout.contains("2001:db8:1::1"), "{}", served.stdout);
    // The same answer on the same way; the server of this test names its files by absolute paths.
    let files = run(&with("--files")).stdout;
    let folder = format!("{}/", root().display());
    assert_eq!(served.stdout.replace(&folder, ""), files);
    let both = server.run(&with("--both")).stdout;
    assert_eq!(both, served.stdout + "\nthe files say the same\n");

    let server = explaining(Some("www.staging.example."));
    let both = server.run(&with("--both")).stdout;
    assert!(both.starts_with("== served\nwww.staging.example. AAAA\n"), "{both}");
    let differ = "the files say something else than what is served";
    assert!(both.ends_with(&format!("\n== files\n{files}\n{differ}\n")), "{both}");
    let arguments = ["explain", question[0], "--both", "--json"];
    let document: serde_json::Value = serde_json::from_str(&server.run(&arguments).stdout).unwrap();
    assert_eq!((document["same"].as_bool(), document["served"]["type"].as_str()), (Some(false), Some("A")));
    assert_eq!(run(&["explain", question[0], "--both", "--files"]).code, Some(2));
}

#[test]
fn what_cannot_be_asked_is_no_answer() {
    let nowhere: PathBuf = tempfile::tempdir().unwrap().path().join("state");
    let state = nowhere.to_str().unwrap();
    for command in
        [&["status"][..], &["reload"], &["explain", "a.example"], &["forget-map", "a", "--reason", "b"]]
    {
        let ran = run(&[command, &["--state", state]].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{command:?}");
        let expected = format!("portolan: no portolan is running with the state directory {state} (");
        assert!(ran.stderr.starts_with(&expected), "{}", ran.stderr);
        let server = Server::start(|_| Reply::Failed { message: "there is no zone x.example.".into() });
        let ran = server.run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{command:?}");
        assert_eq!(ran.stderr, "portolan: there is no zone x.example.\n");
    }
    // Another path than that in the state directory.
    let server = Server::start(|_| Reply::Status(Box::new(Status { in_sync: true, ..Status::default() })));
    let socket = server.folder.path().join("control.sock");
    let ran = run(&["status", "--state", state, "--socket", socket.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
