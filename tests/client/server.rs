//! The real binary as a process: started, waited for until it is ready, ended by SIGTERM.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The binary under test.
pub fn portolan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// A running server and its addresses.
pub struct Server {
    child: Child,
    log: Option<JoinHandle<String>>,
    /// Removed with the server; none where the caller has one.
    _state: Option<tempfile::TempDir>,
    pub address: SocketAddr,
    pub metrics: SocketAddr,
}

impl Server {
    /// Serves `zones/` and `addrmaps/` of a folder on a free port, and returns when it says that it is ready.
    pub fn start(folder: &Path) -> Server {
        let state = tempfile::tempdir().unwrap();
        let mut server = Server::start_with(folder, state.path(), &[]);
        server._state = Some(state);
        server
    }

    /// The same with a state that is there already, or stays, and further arguments.
    pub fn start_with(folder: &Path, state: &Path, arguments: &[&str]) -> Server {
        let mut command = portolan();
        command.current_dir(folder).args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
        command.arg("--state").arg(state).args(arguments);
        if !arguments.contains(&"--workers") {
            command.args(["--workers", "1"]);
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let (address, metrics) = loop {
            let start = log.len();
            if stderr.read_line(&mut log).unwrap() == 0 {
                panic!("{}: ended before it was ready:\n{log}", folder.display());
            }
            if let Some(addresses) = ready(&log[start..]) {
                break addresses;
            }
        };
        // What it says later must not fill the pipe.
        let rest = std::thread::spawn(move || {
            let _ = stderr.read_to_string(&mut log);
            log
        });
        Server { child, log: Some(rest), _state: None, address, metrics }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Ends it as an operator would: SIGTERM, and exit code 0. What it said on stderr.
    pub fn stop(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let status = self.child.wait().unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        assert!(status.success(), "{status} after SIGTERM:\n{log}");
        log
    }
}

impl Drop for Server {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        if self.log.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The addresses in the ready line: for DNS and for metrics.
fn ready(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let fields = line.split_once("portolan ready")?.1;
    let field = |name: &str| {
        let value = fields.split_whitespace().find_map(|field| field.strip_prefix(name));
        value.and_then(|value| value.trim_matches('"').parse().ok())
    };
    Some((
        field("listen=").expect("one address is listened on"),
        field("metrics=").expect("metrics are served"),
    ))
}
