//! Asking the running server.

use super::setup::Setup;
use crate::control::talk::{self, Reply, Request};

/// The server answered another question.
pub(super) const BESIDE_THE_POINT: &str = "the server answered something else than was asked";

/// What the server answers; a request that it could not do is an error.
pub(super) fn ask(setup: &Setup, request: &Request) -> Result<Reply, String> {
    match talk::ask(&setup.socket(), request).map_err(|error| error.to_string())? {
        Reply::Failed { message } => Err(message),
        reply => Ok(reply),
    }
}
