//! The end that asks.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::message::{self, BadLine, Reply, Request};
use super::{MAX_PATH, TalkError};

/// Asks the server behind a socket and waits for its answer, however long that takes.
pub fn ask(path: &Path, request: &Request) -> Result<Reply, TalkError> {
    let path = path.to_owned();
    if path.as_os_str().len() > MAX_PATH {
        return Err(TalkError::PathTooLong { path });
    }
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(source) => {
            return Err(match source.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => TalkError::Nobody { path, source },
                ErrorKind::PermissionDenied => TalkError::Permission { path },
                _ => TalkError::Talk { path, source },
            });
        }
    };
    // A server that does not want the whole request may have answered and hung up: its answer says more than the
    // failed write.
    let sent = stream.write_all(&message::write(request));
    let mut line = Vec::new();
    let read = BufReader::new(stream).read_until(b'\n', &mut line);
    if line.ends_with(b"\n") {
        return message::read(&line).map_err(|bad| match bad {
            BadLine::Version { version, program } => TalkError::Version { version, program },
            BadLine::Unreadable(source) => TalkError::Unreadable { path, source },
        });
    }
    match sent.and_then(|()| read.map(drop)) {
        Err(source) if !hung_up(&source) => Err(TalkError::Talk { path, source }),
        _ => Err(TalkError::Gone { path }),
    }
}

fn hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}
