//! The HTTP server: the metrics for Prometheus, and nothing else.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::board::View;
use crate::connections::{self, SharedCounts, Trouble, within};
use crate::metrics;
use crate::status::Status;

const INDEX: &str = "utcd, a precision time daemon\n\n/metrics  for Prometheus\n";
const PLAIN: &str = "text/plain; charset=utf-8";
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; more get a 503.
    pub connections: usize,
    /// Time to send the head of the request.
    pub head: Duration,
    /// Time for the whole connection, which serves one request: whoever reads too slowly
    /// loses it.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 16, head: Duration::from_secs(5), total: Duration::from_secs(10) }
    }
}

/// Largest head of a request, bytes (the least that hyper takes), and the most header
/// lines in it. A scrape needs a tenth of it.
const HEAD_BYTES: usize = 8192;
const HEAD_LINES: usize = 32;

/// What the pages are made from.
#[derive(Debug, Clone)]
pub struct Feeds {
    /// Clocks and sources. Once it is over, nobody keeps the clocks any more, and
    /// the metrics answer 503 rather than show what is no longer true.
    pub status: View,
    /// Servers whose connections are counted in the metrics, with the value of the label.
    pub servers: Vec<(&'static str, SharedCounts)>,
}

/// The metrics of one snapshot are made once, however many clients ask.
#[derive(Debug)]
struct Pages {
    feeds: Feeds,
    made: Mutex<Option<(Arc<Status>, Bytes)>>,
}

/// Serves until the future is dropped, which closes every connection.
pub async fn serve(
    listener: TcpListener,
    feeds: Feeds,
    limits: Limits,
    counts: SharedCounts,
) -> Infallible {
    let pages = Arc::new(Pages { feeds, made: Mutex::new(None) });
    connections::serve(&listener, limits.connections, BUSY, &counts, |stream| {
        answer(stream, Arc::clone(&pages), limits)
    })
    .await
}

/// One connection: one request, one response.
async fn answer(stream: TcpStream, pages: Arc<Pages>, limits: Limits) -> Result<(), Trouble> {
    let service = service_fn(move |request| {
        let response = pages.respond(&request);
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_LINES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    within(limits.total, async { connection.await.map_err(|error| trouble(&error)) }).await
}

fn trouble(error: &hyper::Error) -> Trouble {
    match error {
        error if error.is_timeout() => Trouble::Timeout,
        error if error.is_parse_too_large() => Trouble::TooLong,
        error if error.is_parse() || error.is_incomplete_message() => Trouble::Malformed,
        _ => Trouble::Failed,
    }
}

impl Pages {
    fn respond(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        match request.uri().path() {
            "/" => plain(StatusCode::OK, INDEX),
            "/metrics" => self.metrics(),
            _ => plain(StatusCode::NOT_FOUND, "there are / and /metrics\n"),
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        if self.feeds.status.is_over() {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "utcd is stopping\n");
        }
        let status = self.feeds.status.current();
        // Nobody panics under this lock; a poisoned one still holds whole pages.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, page)) = made.as_ref().filter(|(of, _)| Arc::ptr_eq(of, &status)) {
            return response(StatusCode::OK, metrics::CONTENT_TYPE, page.clone());
        }
        match metrics::text(&status, &self.feeds.servers) {
            Ok(text) => {
                let page = Bytes::from(text);
                *made = Some((status, page.clone()));
                response(StatusCode::OK, metrics::CONTENT_TYPE, page)
            }
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be written");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n")
            }
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    response(status, PLAIN, Bytes::from_static(text.as_bytes()))
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
