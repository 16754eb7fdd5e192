//! TCP through hickory's server, one for each address.
//!
//! hickory's accept loop has no limit on connections; a listener of ours will have one.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, ResponseCode};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answerer::Answerer;
use super::bridge;
use crate::answer::Transport;
use crate::snapshot::Publisher;
use crate::telemetry::{Cell, Throttle};

/// A connection without a request for so long is closed (RFC 7766 section 6.2.3 suggests a few seconds).
const IDLE: Duration = Duration::from_secs(10);
/// Answers of one connection that may wait to be written; one request has one answer.
const RESPONSES: usize = 32;
/// Largest message on a stream.
const MESSAGE: usize = 65535;
/// Pause before a listener that died is taken up again.
const RETRY: Duration = Duration::from_millis(100);

/// The runtime of all streams: one thread.
pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()
}

/// Serves every listener until told to stop.
pub(super) async fn serve(listeners: Vec<(TcpListener, Handler)>, stop: CancellationToken) {
    let mut tasks = JoinSet::new();
    for (listener, handler) in listeners {
        tasks.spawn(serve_one(listener, handler, stop.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

/// hickory gives up a listener on some errors and nobody would notice: it is taken up again.
async fn serve_one(listener: TcpListener, handler: Handler, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let error = match serve_once(&listener, handler.clone(), &stop).await {
            Ok(()) => continue,
            Err(error) => error,
        };
        handler.0.answerer.block().bump(Cell::ReceiveErrors);
        if let Some(suppressed) = handler.0.errors.pass() {
            tracing::error!(error, suppressed, "a TCP listener stopped; it is taken up again");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

async fn serve_once(
    listener: &TcpListener,
    handler: Handler,
    stop: &CancellationToken,
) -> Result<(), String> {
    let listener = listener.try_clone().and_then(tokio::net::TcpListener::from_std);
    let mut server = Server::new(handler);
    server.register_listener(listener.map_err(|error| error.to_string())?, IDLE, RESPONSES);
    tokio::select! {
        () = stop.cancelled() => {}
        ended = server.block_until_done() => return ended.map_err(|error| error.to_string()),
    }
    // Answers are written before a connection is polled again, so nothing is in flight between two polls except
    // towards clients that do not read; they are not waited for.
    server.shutdown_gracefully().await.map_err(|error| error.to_string())
}

/// Takes requests from hickory and hands our answers back.
#[derive(Clone, Debug)]
pub(super) struct Handler(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    publisher: Publisher,
    answerer: Answerer,
    buffer: Mutex<Box<[u8]>>,
    errors: Throttle,
}

impl Handler {
    pub(super) fn new(publisher: Publisher, answerer: Answerer) -> Handler {
        let buffer = Mutex::new(vec![0; MESSAGE].into_boxed_slice());
        let errors = Throttle::new(Duration::from_secs(10));
        Handler(Arc::new(Inner { publisher, answerer, buffer, errors }))
    }

    /// The answer in hickory's terms; `Err` says whether a failure is to be answered or nothing at all.
    fn answer(&self, packet: &[u8]) -> Result<bridge::Bridged, Failed> {
        let inner = &*self.0;
        let mut buffer = inner.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = inner.publisher.current();
        let answer = inner
            .answerer
            .answer(&snapshot, packet, Transport::Stream, &mut buffer)
            .ok_or(Failed::Silence)?;
        bridge::bridge(answer).ok_or(Failed::NoMessage)
    }

    fn report(&self, error: &str) {
        self.0.answerer.block().bump(Cell::SendErrors);
        if let Some(suppressed) = self.0.errors.pass() {
            tracing::warn!(error, suppressed, "an answer could not be sent over TCP");
        }
    }
}

enum Failed {
    Silence,
    NoMessage,
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let sent = match self.answer(request.as_slice()) {
            Ok(answer) => {
                let response = MessageResponseBuilder::new(&answer.queries, None).build(
                    answer.metadata,
                    answer.answers.iter(),
                    answer.authorities.iter(),
                    [],
                    answer.additionals.iter(),
                );
                response_handle.send_response(response).await
            }
            Err(Failed::Silence) => return nothing_sent(request),
            Err(Failed::NoMessage) => {
                self.report("our own answer could not be read back; SERVFAIL was sent instead");
                let failure = MessageResponseBuilder::from_message_request(request)
                    .error_msg(&request.metadata, ResponseCode::ServFail);
                response_handle.send_response(failure).await
            }
        };
        sent.unwrap_or_else(|error| {
            self.report(&error.to_string());
            nothing_sent(request)
        })
    }
}

/// hickory wants to be told what was sent; it makes nothing of it.
fn nothing_sent(request: &Request) -> ResponseInfo {
    ResponseInfo::from(Header { metadata: request.metadata, counts: HeaderCounts::default() })
}
