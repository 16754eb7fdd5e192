//! `GET /metrics`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics;

/// Makes the page, at each request anew.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// The endpoint could not be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {addr} for metrics: {source}; choose another address with --metrics, or leave it out"
)]
pub struct MetricsError {
    /// The address.
    pub addr: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// Opens the endpoint; port 0 takes any free port.
pub async fn bind(addr: SocketAddr) -> Result<TcpListener, MetricsError> {
    TcpListener::bind(addr).await.map_err(|source| MetricsError { addr, source })
}

/// Serves `/metrics` until told to stop; requests that are being answered are finished.
pub async fn serve(listener: TcpListener, render: Render, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router(render)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn router(render: Render) -> Router {
    Router::new().route(
        "/metrics",
        get(move || {
            let page = render();
            async move { ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page) }
        }),
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn ask(addr: SocketAddr, line: &str) -> String {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn metrics_are_the_only_page() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server =
            tokio::spawn(serve(listener, Arc::new(|| "portolan_zones 3\n".to_owned()), stop.clone()));

        let answer = ask(addr, "GET /metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nportolan_zones 3\n"), "{answer}");
        assert!(ask(addr, "GET /").await.starts_with("HTTP/1.1 404 "));
        assert!(ask(addr, "GET /metrics/x").await.starts_with("HTTP/1.1 404 "));
        assert!(ask(addr, "POST /metrics").await.starts_with("HTTP/1.1 405 "));

        stop.cancel();
        server.await.unwrap().unwrap();
        assert!(TcpStream::connect(addr).await.is_err());
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let addr = first.local_addr().unwrap();
        let error = bind(addr).await.unwrap_err().to_string();
        assert!(error.contains(&addr.to_string()) && error.contains("--metrics"), "{error}");
    }
}
