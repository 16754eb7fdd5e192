//! What can go wrong between the two ends of the socket.

use std::io;
use std::path::{Path, PathBuf};

use super::{MAX_PATH, SOCKET};

/// The socket cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// A Unix socket cannot have such a path.
    #[error(
        "the path of the control socket is too long ({} octets, at most {MAX_PATH}): {}; name a shorter one with --socket",
        .path.as_os_str().len(), .path.display()
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// Another server answers there.
    #[error("another portolan listens on {}: stop that one, or give this one a socket of its own with --socket", .path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// What is there is no socket.
    #[error("{} is no socket: remove it, or name another path with --socket", .path.display())]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("cannot listen on the control socket {}: {source}; its folder must exist and be writable", .path.display())]
    Bind {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody answers there.
    #[error("no portolan is running {} ({source}): start it, or name its socket with --socket", whose(.path))]
    Nobody {
        /// The path.
        path: PathBuf,
        /// What the attempt came to.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error("no permission to use {}: run this as the user that portolan runs as", .path.display())]
    Permission {
        /// The path.
        path: PathBuf,
    },
    /// The server went away before it had answered.
    #[error("the server behind {} ended before it had answered; its log says why", .path.display())]
    Gone {
        /// The path.
        path: PathBuf,
    },
    /// The other end is of another time.
    #[error(
        "the server is {program} and speaks version {version} of the control protocol, this program version {ours}: \
         use the program that the server was started from",
        ours = super::message::VERSION
    )]
    Version {
        /// What the server speaks.
        version: u32,
        /// Name and version of its program.
        program: String,
    },
    /// What came back is no answer.
    #[error("what answers behind {} is no portolan: {source}", .path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
    /// Anything else.
    #[error("cannot talk to the server behind {}: {source}", .path.display())]
    Talk {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Which server is meant: an operator knows the state directory rather than the socket in it.
fn whose(path: &Path) -> String {
    match path.parent() {
        Some(state) if path.file_name().is_some_and(|name| name == SOCKET) => {
            let state = if state.as_os_str().is_empty() { Path::new(".") } else { state };
            format!("with the state directory {}", state.display())
        }
        _ => format!("behind the socket {}", path.display()),
    }
}
