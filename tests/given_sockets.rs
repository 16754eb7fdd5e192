//! Sockets that a service manager gives (LISTEN_FDS): the real binary answers on them, and leaves them as they were for
//! the next process. Python stands for the service manager; where there is none, nothing is tested.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

mod client;

use client::dns::Ask;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Binds a UDP socket and a listener on one port, tells the port, and runs the arguments twice with both as 3 and 4.
/// LISTEN_PID is the child's own, so the variable is set behind the fork.
const MANAGER: &str = r#"
import os, socket, sys
while True:
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.bind(tcp.getsockname())
        break
    except OSError:
        pass
udp.setblocking(False)
first, second = os.dup(udp.fileno()), os.dup(tcp.fileno())
while min(first, second) < 5:
    first, second = os.dup(first), os.dup(second)
print(tcp.getsockname()[1], flush=True)
for _ in range(2):
    child = os.fork()
    if child == 0:
        os.dup2(first, 3)
        os.dup2(second, 4)
        os.environ["LISTEN_FDS"] = "2"
        os.environ["LISTEN_PID"] = str(os.getpid())
        os.execv(sys.argv[1], sys.argv[1:])
    print(child, flush=True)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        sys.exit(1)
"#;

/// Ends the manager where a test fails; its server ends with its own error or by the test's signal.
struct Manager(Child);

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn sockets_that_are_given_are_used_and_left_as_they_were() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("zones")).unwrap();
    let soa =
        "@ 3600 IN SOA ns.a.example. h.a.example. 1 2 3 4 5\n@ IN NS ns.b.example.\nw IN TXT \"given\"\n";
    fs::write(root.path().join("zones/a.example.zone"), soa).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", MANAGER, env!("CARGO_BIN_EXE_portolan"), "--workers", "3"]);
    // An address that no machine has: it would be an error to bind it.
    command.args(["--listen", "192.0.2.1:53"]).current_dir(root.path());
    command.env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(child) = command.spawn() else { return };
    let mut manager = Manager(child);
    let mut said = BufReader::new(manager.0.stdout.take().unwrap());
    let mut log = BufReader::new(manager.0.stderr.take().unwrap());
    let mut number = || {
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        line.trim().parse::<i32>().ok()
    };
    let Some(port) = number() else { return };
    let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()));
    for _ in 0..2 {
        let server = Pid::from_raw(number().unwrap());
        let mut lines = String::new();
        while !lines.contains("portolan ready") {
            assert!(log.read_line(&mut lines).unwrap() > 0, "ended before it was ready:\n{lines}");
        }
        assert!(lines.contains(&address.to_string()), "{lines}");
        for tcp in [false, true] {
            let ask = Ask { tcp, ..Ask::new("w.a.example", 16) };
            let reply = ask.send(address).expect("an answer");
            assert_eq!(reply.sections[0][0].rdata, "\"given\"");
        }
        kill(server, Signal::SIGTERM).unwrap();
    }
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(manager.0.wait().unwrap().success(), "{rest}");
}
