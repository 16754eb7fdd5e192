//! What the service manager is told, where there is one (sd_notify(3)), and the sockets that it gives (sd_listen_fds(3)).
//!
//! Nothing here needs systemd: without the variables of the environment that it sets, nothing happens.

use std::io;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use socket2::SockRef;

use crate::server::Given;

/// Says that the server answers, after the start and after a reload.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Says that files are being read again; [`ready`] says when that is done.
pub fn reloading() {
    // Since version 253 systemd wants the time with it, to tell this reload from an earlier one.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager is not told of the reload"),
    }
}

/// Says that the server is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How often [`watchdog_ping`] is to be called: twice in the time after which the service manager gives this process
/// up; `None` where it does not watch it.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|interval| !interval.is_zero())
}

/// Says that the server is alive.
pub fn watchdog_ping() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager behind NOTIFY_SOCKET cannot be told how the server is");
    }
}

/// A socket of LISTEN_FDS that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "socket {number} of LISTEN_FDS is neither a UDP socket nor a listening TCP socket ({source}): \
     give ListenDatagram= and ListenStream= with an address and a port"
)]
pub struct GivenError {
    /// Which, from 1.
    number: usize,
    /// Why.
    source: io::Error,
}

/// The sockets that LISTEN_FDS gives to this process; none where it gives none, or gives them to another. Called once,
/// before there are threads: the variables are taken out of the environment.
pub fn given_sockets() -> Result<Given, GivenError> {
    let mut given = Given::default();
    // Unlike sd_listen_fds, listenfd takes sockets without a word of whom they are for.
    let is_ours = |pid: String| pid.parse() == Ok(std::process::id());
    if !std::env::var("LISTEN_PID").is_ok_and(is_ours) {
        return Ok(given);
    }
    let mut sockets = ListenFd::from_env();
    for index in 0..sockets.len() {
        let failed = |source| GivenError { number: index + 1, source };
        // What is not of the one kind is left in place for the other.
        if let Ok(Some(socket)) = sockets.take_udp_socket(index) {
            given.udp.push(socket);
        } else if let Some(socket) = sockets.take_tcp_listener(index).map_err(failed)? {
            if !SockRef::from(&socket).is_listener().map_err(failed)? {
                return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen")));
            }
            given.tcp.push(socket);
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::process::{Command, Stdio};

    use super::*;

    /// Runs this very test program as a process of its own with the environment of a service.
    fn child(test: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", &format!("cli::systemd::tests::{test}")]);
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"] {
            command.env_remove(variable);
        }
        command.stdout(Stdio::null());
        command
    }

    #[test]
    fn the_service_manager_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let status =
            child("says_everything").env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "3000000").status();
        assert!(status.unwrap().success());
        // All was sent before the child ended: nothing is waited for.
        manager.set_nonblocking(true).unwrap();
        let mut told = Vec::new();
        let mut buffer = [0; 1024];
        while let Ok(len) = manager.recv(&mut buffer) {
            told.push(String::from_utf8(buffer[..len].to_vec()).unwrap());
        }
        let reloading = told.remove(1);
        assert_eq!(told, ["READY=1\n", "STOPPING=1\n", "WATCHDOG=1\n"]);
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(time.trim_end().parse::<u64>().unwrap() > 0, "{reloading}");
    }

    #[test]
    #[ignore = "run by the_service_manager_is_told, in a process of its own"]
    fn says_everything() {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return; // run by hand
        }
        ready();
        reloading();
        stopping();
        watchdog_ping();
        assert_eq!(watchdog_interval(), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn without_a_service_manager_nothing_happens() {
        assert!(child("says_everything_to_nobody").status().unwrap().success());
        // One that watches another process, and sockets for another.
        let mut command = child("says_everything_to_nobody");
        command.env("WATCHDOG_USEC", "3000000").env("WATCHDOG_PID", "1");
        command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
        assert!(command.status().unwrap().success());
        let mut command = child("says_everything_to_nobody");
        assert!(command.env("LISTEN_FDS", "1").status().unwrap().success());
    }

    #[test]
    #[ignore = "run by without_a_service_manager_nothing_happens, in a process of its own"]
    fn says_everything_to_nobody() {
        ready();
        reloading();
        stopping();
        watchdog_ping();
        assert_eq!(watchdog_interval(), None);
        assert!(given_sockets().unwrap().is_empty());
    }
}
