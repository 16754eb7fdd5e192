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

/// A running server and its address.
pub struct Server {
    child: Child,
    log: Option<JoinHandle<String>>,
    state: tempfile::TempDir,
    pub address: SocketAddr,
}

impl Server {
    /// Serves `zones/` and `addrmaps/` of a folder on a free port, and returns when it says that it is ready.
    pub fn start(folder: &Path) -> Server {
        let state = tempfile::tempdir().unwrap();
        let mut command = portolan();
        command.current_dir(folder).args(["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--state"]);
        command.arg(state.path()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let address = loop {
            let start = log.len();
            if stderr.read_line(&mut log).unwrap() == 0 {
                panic!("{}: ended before it was ready:\n{log}", folder.display());
            }
            if let Some(address) = ready(&log[start..]) {
                break address;
            }
        };
        // What it says later must not fill the pipe.
        let rest = std::thread::spawn(move || {
            let _ = stderr.read_to_string(&mut log);
            log
        });
        Server { child, log: Some(rest), state, address }
    }

    /// Ends it as an operator would: SIGTERM, and exit code 0.
    pub fn stop(mut self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
        let status = self.child.wait().unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        assert!(status.success(), "{status} after SIGTERM:\n{log}");
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

/// The address in the ready line.
fn ready(line: &str) -> Option<SocketAddr> {
    let fields = line.split_once("portolan ready")?.1;
    let listen = fields.split_whitespace().find_map(|field| field.strip_prefix("listen="))?;
    Some(listen.trim_matches('"').parse().expect("one address is listened on"))
}
