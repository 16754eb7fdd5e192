//! Commands with arguments that nobody should give them: each says in a line or two what is wrong, with the exit code
//! for it, and the server goes on as it was.

use std::fs;
use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use super::client::lives::{Lives, Ran};
use super::{PATIENCE, answer, answers, lives, zone};

/// A server that holds the account `acme`, whose names would all stop being proxied, and its digest.
fn holding(folder: &Path) -> (Lives, String) {
    let mut lives = lives(folder);
    lives.start(&["--watch", "off"]);
    fs::write(folder.join("zones/b.example.zone"), zone("2")).unwrap();
    assert_eq!(lives.run(&["reload"]).code, Some(0));
    let bare = zone("2").replace(" ; cf_tags=cf-proxied:true", "") + "$INCLUDE a.inc\n";
    fs::write(folder.join("zones/acme/a.example.zone"), bare).unwrap();
    assert_eq!(lives.run(&["reload"]).code, Some(1));
    let digest = lives.status().held[0].digest.clone().unwrap();
    (lives, digest)
}

/// It failed, and says so in few lines that hold this.
fn failed(ran: &Ran, code: i32, says: &str, what: &str) {
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{what}: {ran:?}");
    assert!(ran.stderr.contains(says), "{what}: {says:?} in {}", ran.stderr);
    // What the reader of arguments adds stands apart.
    let said = ran.stderr.split("\n\n").next().unwrap_or_default();
    assert!(said.len() < 1_000 && said.lines().count() <= 3, "{what}: {}", ran.stderr);
}

#[test]
fn arguments_that_make_no_sense_change_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    let (mut lives, digest) = holding(folder);
    let (before, was) = (answers(&lives), lives.status());
    let served = was.generation.to_string();
    let other = "0123456789abcdef0123456789abcdef";
    let (short, long) = (&digest[..7], format!("{digest}00"));
    let huge = "x".repeat(100_000);
    let digits = "99999999999999999999";
    for folder in ["faulty/zones", "faulty/addrmaps", "empty"] {
        fs::create_dir_all(parent.path().join(folder)).unwrap();
    }
    fs::write(folder.join("file"), "").unwrap();
    let table: Vec<(Vec<&str>, &str)> = vec![
        (vec!["approve"], "required"),
        (vec!["approve", "--reason", "r"], "required"),
        (vec!["approve", &digest], "--reason"),
        (vec!["approve", "", "--reason", "r"], "a value is required"),
        (vec!["approve", " ", "--reason", "r"], "not a digest"),
        (vec!["approve", &digest, "", "--reason", "r"], "a value is required"),
        (vec!["approve", &digest, "--reason", ""], "a value is required"),
        (vec!["approve", &digest, "--reason", " \n"], "--reason is empty"),
        (vec!["approve", &digest, "--reason", &huge], "at most 4096"),
        (vec!["approve", short, "--reason", "r"], "8 or more digits"),
        (vec!["approve", &long, "--reason", "r"], "nothing that a guard holds"),
        (vec!["approve", other, "--reason", "r"], "nothing that a guard holds"),
        (vec!["approve", &digest, other, "--reason", "r"], "nothing that a guard holds"),
        (vec!["approve", "*", "--reason", "r"], "not a digest"),
        (vec!["approve", "acme", "--reason", "r"], "not a digest"),
        (vec!["approve", &huge, "--reason", "r"], "not a digest"),
        (vec!["rollback"], "--reason"),
        (vec!["rollback", "", "--reason", "r"], "invalid value ''"),
        (vec!["rollback", "0", "--reason", "r"], "generation 0 is not remembered"),
        (vec!["rollback", "-1", "--reason", "r"], "unexpected argument '-1'"),
        (vec!["rollback", digits, "--reason", "r"], "invalid value"),
        (vec!["rollback", "yesterday", "--reason", "r"], "invalid value"),
        (vec!["rollback", &served, "--reason", "r"], "is what is served now"),
        (vec!["rollback", "--account", "", "--reason", "r"], "a value is required"),
        (vec!["rollback", "--account", " ", "--reason", "r"], "no account"),
        (vec!["rollback", "--account", "nobody", "--reason", "r"], "there is no account nobody"),
        (vec!["rollback", &served, "--account", "nobody", "--reason", "r"], "there is no account nobody"),
        (vec!["rollback", "--account", "../acme", "--reason", "r"], "not an account"),
        (vec!["rollback", "--account", &huge, "--reason", "r"], "not an account"),
        (vec!["resume"], "nothing was rolled back"),
        (vec!["resume", "--account", ""], "a value is required"),
        (vec!["resume", "--account", "acme"], "was not rolled back by itself"),
        (vec!["resume", "acme"], "unexpected argument"),
        (vec!["reload", ""], "an empty name is neither a zone nor a file"),
        (vec!["reload", "nowhere.example"], "no such zone is served"),
        (vec!["reload", "/etc/passwd"], "neither in"),
        (vec!["reload", &huge], "not a zone"),
        (vec!["retire-immutable", "", "--reason", "r"], "not a map id"),
        (vec!["retire-immutable", "fixed", "--reason", "r"], "no immutable map of that id"),
        (vec!["retire-immutable", "fixed", "--reason", ""], "--reason is empty"),
        (vec!["history", "--limit", "0"], "--limit"),
        (vec!["history", "--limit", "-1"], "unexpected argument"),
        (vec!["history", "--limit", "18446744073709551616"], "--limit"),
        (vec!["show", ""], "it is empty"),
        (vec!["show", "0"], "generation 0 is not remembered"),
        (vec!["diff", &served, "1"], "generation 1 is not remembered"),
        (vec!["diff", &served], "required"),
        (vec!["blame", ""], "invalid value ''"),
        (vec!["blame", ".."], "invalid value"),
        (vec!["blame", &huge], "invalid value"),
        (vec!["blame", "v.a.example", ""], "not a record type"),
        (vec!["blame", "v.a.example", "TYPE65536"], "not a record type"),
        (vec!["blame", "v.a.example", "ALL"], "not a record type"),
        (vec!["explain", "v.a.example", "--at", ""], "it is empty"),
        (vec!["explain", "v.a.example", "--at", "2030-01-01T00:00:00Z"], "in the future"),
        (vec!["explain", "v.a.example", "--at", "1970-01-01T00:00:00Z"], "is not remembered"),
        (vec!["explain", "v.a.example", "--at", "tomorrow"], "neither a generation nor a time"),
        (vec!["plan", "--from", ""], "a value is required"),
        (vec!["plan", "--from", "absent"], "absent"),
        (vec!["plan", "--from", "file"], "file"),
        (vec!["plan", "--from", "empty"], "empty/zones"),
        (vec!["plan", "--from-addrmaps", "empty"], "--from"),
        (vec!["plan", "--json", "--markdown"], "cannot be used with"),
        (vec!["compare"], "required"),
        (vec!["compare", ""], "not a server"),
        (vec!["compare", "@"], "not a server"),
        (vec!["compare", "@:53"], "not a server"),
        (vec!["compare", "@127.0.0.1:"], "not a"),
        (vec!["compare", "@127.0.0.1:99999"], "not a port"),
        (vec!["compare", "@127.0.0.1:1", ""], "an empty name is no zone"),
        (vec!["compare", "@127.0.0.1:1", "nowhere.example"], "no zone of that name"),
        (vec!["compare", "@127.0.0.1:1", "--timeout", "0"], "--timeout"),
        (vec!["compare", "@127.0.0.1:1"], "nothing listens at 127.0.0.1:1"),
        (vec!["compare", "@no.such.invalid"], "no.such.invalid"),
        (vec!["check", "--format", "yaml"], "invalid value"),
        (vec!["check", "--format", ""], "a value is required"),
        (vec!["check", "--json", "--format", "github"], "cannot be used with"),
        (vec!["check", "--if-enabled", ""], "not the id of a map"),
        (vec!["explain", "v.a.example", "--if-enabled", "x"], "--files"),
        (vec!["status", "--socket", ""], "--socket"),
    ];
    for (arguments, says) in &table {
        let told: String = arguments.join(" ").chars().take(80).collect();
        failed(&lives.run(arguments), 2, says, &told);
    }
    let now = lives.status();
    assert_eq!((now.generation, &now.held, answers(&lives)), (was.generation, &was.held, before));
    // Digits in capitals, and fewer of them, name it as well; what is said is kept as it is.
    let ran = lives.run(&["approve", &digest[..8].to_uppercase(), "--reason", "two\nlines\u{1b}[31m"]);
    assert_eq!((ran.code, answer(&lives, "v.a.example", 16).as_str()), (Some(0), "2"), "{ran:?}");
    let shown = lives.run(&["show", &lives.status().generation.to_string()]);
    assert!(shown.stdout.contains("two␊lines␛[31m"), "{shown:?}");
    lives.stop();
}

/// Waits for the answer to what was sent, however it ends.
fn heard(mut stream: UnixStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8(reply).unwrap()
}

#[test]
fn requests_that_no_program_of_ours_makes_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (mut lives, digest) = holding(parent.path());
    let was = lives.status();
    let line = |body: &str| format!("{{\"version\":1,\"program\":\"test\",\"body\":{body}}}\n");
    let huge = "x".repeat(900_000);
    let blank = format!("{{\"approve\":{{\"digests\":[\"{digest}\"],\"by\":\"t\",\"reason\":\" \"}}}}");
    let nobody = blank.replace("\"t\"", "\"\"").replace("\" \"", "\"r\"");
    let long = blank.replace("\" \"", &format!("\"{huge}\""));
    for (body, says) in [
        (blank.as_str(), "the reason is empty"),
        (&nobody, "the name of who says so is empty"),
        (&long, "the reason has 900000 octets, at most 4096"),
        ("{\"approve\":{\"digests\":[],\"by\":\"t\",\"reason\":\"r\"}}", "no digest is named"),
        ("{\"approve\":{\"digests\":[\"\"],\"by\":\"t\",\"reason\":\"r\"}}", "not a digest"),
        ("{\"rollback\":{\"generation\":null,\"account\":\"\",\"by\":\"t\",\"reason\":\"r\"}}", "no account"),
        (
            "{\"rollback\":{\"generation\":-1,\"account\":null,\"by\":\"t\",\"reason\":\"r\"}}",
            "cannot be read",
        ),
        ("{\"resume\":{\"account\":\"\"}}", "no account"),
        ("{\"reload\":{\"what\":[\"\"],\"without_state\":false}}", "an empty name"),
        ("{\"forget_map\":{\"id\":\"\",\"reason\":\"r\"}}", "not a map id"),
        ("{\"blame\":{\"name\":\"\",\"rtype\":\"A\"}}", "not a name"),
        ("{\"explain\":{\"name\":\"a.example\",\"rtype\":\"\"}}", "not a record type"),
        ("{\"drop_all\":{}}", "cannot be read"),
    ] {
        let mut stream = UnixStream::connect(lives.state.join("control.sock")).unwrap();
        stream.write_all(line(body).as_bytes()).unwrap();
        let reply = heard(stream);
        let told: String = body.chars().take(80).collect();
        assert!(reply.contains("failed") && reply.contains(says) && reply.len() < 1_000, "{told}: {reply}");
    }
    // A hundred megabytes without a line's end: it takes the first of them, and says so.
    let mut stream = UnixStream::connect(lives.state.join("control.sock")).unwrap();
    let piece = vec![b'{'; 1 << 20];
    let sent = (0..100).take_while(|_| stream.write_all(&piece).is_ok()).count();
    assert!(sent < 10, "{sent}");
    assert!(heard(stream).contains("octets"));
    // One that hangs up when it has asked, and before it has.
    for text in [line("\"plan\""), "{\"version\":1,".to_owned()] {
        UnixStream::connect(lives.state.join("control.sock")).unwrap().write_all(text.as_bytes()).unwrap();
    }
    let now = lives.status();
    assert_eq!((now.generation, now.held), (was.generation, was.held));
    lives.stop();
}

/// A server that answers each question as it is told, if it answers.
fn answering(how: fn(&[u8]) -> Option<Vec<u8>>) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; 4096];
        while let Ok((len, from)) = socket.recv_from(&mut packet) {
            if let Some(answer) = how(&packet[..len]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    format!("@{address}")
}

#[test]
fn whatever_answers_a_comparison_it_ends() {
    let parent = tempfile::tempdir().unwrap();
    let lives = lives(parent.path());
    let compare = |server: &str| lives.run(&["compare", server, "--timeout", "1", "b.example"]);
    for (how, says) in [
        ((|_| None) as fn(&[u8]) -> Option<Vec<u8>>, "no answer from"),
        (|_| Some(Vec::new()), "no answer from"),
        (|_| Some(vec![0xff; 512]), "no answer from"),
        // Another question's number.
        (
            |question| {
                let mut answer = question.to_vec();
                (answer[0], answer[2]) = (answer[0].wrapping_add(1), 0x84);
                Some(answer)
            },
            "no answer from",
        ),
        // The question itself.
        (|question| Some(question.to_vec()), "no answer from"),
    ] {
        failed(&compare(&answering(how)), 2, says, says);
    }
    for how in [
        // Cut off, without a TCP listener behind it.
        (|question| {
            let mut answer = question.to_vec();
            answer[2] = 0x86;
            Some(answer)
        }) as fn(&[u8]) -> Option<Vec<u8>>,
        // A head that promises records that do not come.
        |question| {
            let mut answer = question[..12].to_vec();
            (answer[2], answer[7]) = (0x84, 9);
            Some(answer)
        },
        // NXDOMAIN for everything.
        |question| {
            let mut answer = question.to_vec();
            (answer[2], answer[3]) = (0x84, 3);
            Some(answer)
        },
    ] {
        let ran = compare(&answering(how));
        assert_eq!(ran.code, Some(1), "{ran:?}");
    }
}

#[test]
fn commands_at_once_are_all_answered() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    let (mut lives, digest) = holding(folder);
    let served = lives.status().generation.to_string();
    let commands: [&[&str]; 7] = [
        &["approve", &digest, "--reason", "r"],
        &["rollback", "--reason", "r"],
        &["rollback", &served, "--reason", "r"],
        &["rollback", "--account", "acme", "--reason", "r"],
        &["resume"],
        &["plan"],
        &["blame", "v.b.example", "TXT"],
    ];
    std::thread::scope(|scope| {
        for number in 0..21 {
            let (lives, command) = (&lives, commands[number % commands.len()]);
            scope.spawn(move || {
                for _ in 0..3 {
                    let ran = lives.run(command);
                    assert!(matches!(ran.code, Some(0..=2)), "{ran:?}");
                    assert!(!ran.stdout.is_empty() || ran.stderr.starts_with("portolan: "), "{ran:?}");
                }
            });
        }
        for text in 3..30 {
            let beside = folder.join("zones/b.tmp");
            fs::write(&beside, zone(&text.to_string())).unwrap();
            fs::rename(beside, folder.join("zones/b.example.zone")).unwrap();
        }
    });
    let until = Instant::now() + PATIENCE;
    while lives.run(&["resume"]).code == Some(0) {
        assert!(Instant::now() < until);
    }
    lives.run(&["reload"]);
    assert_eq!(answer(&lives, "v.b.example", 16), "29");
    lives.stop();
}
