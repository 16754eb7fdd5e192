//! A server with folders and a state that outlive its process: started, killed, started again.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portolan::control::report::Status;

use super::server::portolan;

/// The folders, and the process where one is running.
pub struct Lives {
    /// Holds `zones/`, `addrmaps/` and, unless it lies elsewhere, `state/`.
    pub folder: PathBuf,
    pub state: PathBuf,
    pub address: SocketAddr,
    running: Option<Running>,
}

struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Lets a server in this folder take any change: small worlds change more at once than anybody would of a large one.
pub fn without_guards(folder: &Path) {
    let guards = "[guards]\nunproxied_names = 1000000000\nunproxied_zone = true\nzones_losing_family = 1000000000\n\
        operator_names = 1000000000\nledger_names = 1000000000\nzones_gone = { percent = 100 }\nnames_changed = { percent = 100 }\n\
        zone_names_gone = { percent = 100 }\naddresses_gone = { percent = 100 }\n";
    std::fs::write(folder.join("portolan.toml"), guards).unwrap();
}

impl Lives {
    pub fn new(folder: &Path, state: &Path) -> Lives {
        let address = "127.0.0.1:0".parse().unwrap();
        Lives { folder: folder.into(), state: state.into(), address, running: None }
    }

    /// Starts a process and does not wait for it.
    pub fn spawn(&mut self, arguments: &[&str]) {
        self.spawn_by(portolan(), arguments);
    }

    /// The same, with a command of the caller's before the program's arguments.
    pub fn spawn_by(&mut self, mut command: Command, arguments: &[&str]) {
        assert!(self.running.is_none(), "it is running already");
        command.current_dir(&self.folder).args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"]);
        command.arg("--state").arg(&self.state).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let into = log.clone();
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|len| len > 0) {
                into.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        self.running = Some(Running { child, log, reader: Some(reader) });
    }

    /// Starts it and waits until it says that it is ready.
    pub fn start(&mut self, arguments: &[&str]) {
        self.spawn(arguments);
        self.ready();
    }

    /// Waits until it says that it is ready.
    pub fn ready(&mut self) {
        let line = self.wait_for_log("portolan ready");
        let field = line.split_whitespace().find_map(|field| field.strip_prefix("listen=")).unwrap();
        self.address = field.trim_matches('"').parse().unwrap();
    }

    /// Waits for a line of the log and returns it. Fails where the process ends, or after a minute.
    pub fn wait_for_log(&mut self, text: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let has_ended = self.process().try_wait().unwrap().is_some();
            if has_ended && let Some(reader) = self.running.as_mut().and_then(|running| running.reader.take())
            {
                reader.join().unwrap();
            }
            let log = self.log();
            let whole = log.rfind('\n').map_or("", |end| &log[..end]);
            if let Some(line) = whole.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(!has_ended, "it ended before it said {text:?}:\n{log}");
            assert!(Instant::now() < until, "it never said {text:?}:\n{log}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until it is ready or has ended; whether it is ready.
    pub fn ready_or_ended(&mut self) -> bool {
        loop {
            if self.log().contains("portolan ready") {
                return true;
            }
            if self.process().try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn process(&mut self) -> &mut Child {
        &mut self.running.as_mut().expect("it is running").child
    }

    pub fn pid(&mut self) -> Pid {
        Pid::from_raw(self.process().id() as i32)
    }

    /// What it said on stderr so far.
    pub fn log(&self) -> String {
        self.running.as_ref().expect("it is running").log.lock().unwrap().clone()
    }

    /// The same, of one that need not be running.
    pub fn log_if_running(&self) -> String {
        self.running.as_ref().map(|running| running.log.lock().unwrap().clone()).unwrap_or_default()
    }

    /// Sends a signal.
    pub fn signal(&mut self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// SIGKILL; returns what it said.
    pub fn kill(&mut self) -> String {
        self.process().kill().unwrap();
        self.ended().1
    }

    /// SIGTERM, which must end it with 0; returns what it said.
    pub fn stop(&mut self) -> String {
        self.signal(Signal::SIGTERM);
        let (code, log) = self.ended();
        assert_eq!(code, Some(0), "{log}");
        log
    }

    /// Waits until it ends by itself; its exit code and what it said.
    pub fn ended(&mut self) -> (Option<i32>, String) {
        let mut running = self.running.take().expect("it is running");
        let status = running.child.wait().unwrap();
        if let Some(reader) = running.reader.take() {
            reader.join().unwrap();
        }
        let log = running.log.lock().unwrap().clone();
        assert!(!log.contains("panicked"), "{log}");
        (status.code(), log)
    }

    /// Runs another command with the same folders.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = portolan();
        command.current_dir(&self.folder).args(arguments).arg("--state").arg(&self.state);
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// What `status` tells.
    pub fn status(&self) -> Status {
        let ran = self.run(&["status", "--json"]);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// Asks for the status until it is as expected; fails after half a minute.
    pub fn wait_for_status(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(Instant::now() < until, "never {what}: {status:#?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Octets of memory that the process has in use.
    pub fn resident(&mut self) -> u64 {
        let mut text = String::new();
        let path = format!("/proc/{}/status", self.process().id());
        std::fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Lives {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}
