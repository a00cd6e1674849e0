//! HTTP with limits: time, size after decompression, no redirects, checked certificates.

use super::failure::{Failure, FailureKind, excerpt};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};
use tokio::sync::Semaphore;

/// A body larger than this is a large one, bytes.
pub(super) const LARGE_BYTES: u64 = 1 << 20;

/// Large bodies that one client reads at once; others wait, within their time limit. It bounds the
/// memory that a fleet of lying servers takes.
pub(super) const MAX_LARGE_AT_ONCE: usize = 16;

/// A client with limits. One per source, so that no source can use up another's connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client,
    timeout: Duration,
    max_bytes: u64,
    large: Arc<Semaphore>,
}

/// A whole answer within the limits.
#[derive(Debug)]
pub struct Fetched {
    /// Its status; see the method that returned it.
    pub status: StatusCode,
    /// The headers.
    pub headers: header::HeaderMap,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Fetcher {
    /// A client that trusts the certificates of `ca_file`, or the system's. Each connection that
    /// it keeps has a buffer as large as its answers made it grow, up to 400 KiB: for a fleet of
    /// exporters there is a client of its own.
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub fn new(timeout: Duration, max_bytes: u64, ca_file: Option<&Path>) -> Result<Self, Failure> {
        install_tls();
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("spillway/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            builder = builder.tls_certs_only(certificates(path)?);
        }
        let client = builder
            .build()
            .map_err(|error| Failure::new(FailureKind::Tls, format!("no HTTP client: {error}")))?;
        Ok(Fetcher {
            client,
            timeout,
            max_bytes,
            large: Arc::new(Semaphore::new(MAX_LARGE_AT_ONCE)),
        })
    }

    /// A request to an address, for [`Fetcher::send`].
    pub fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    /// A request with a body, for [`Fetcher::send`].
    pub fn post(&self, url: Url) -> RequestBuilder {
        self.client.post(url)
    }

    /// Sends a request and reads the whole answer, whose status is one of success.
    ///
    /// # Errors
    /// Any [`Failure`]; a status other than success is one.
    pub async fn send(&self, request: RequestBuilder) -> Result<Fetched, Failure> {
        self.whole(request, success).await
    }

    /// Sends a request and reads the whole answer, whatever its status: for servers that say in
    /// the body why they refuse.
    ///
    /// # Errors
    /// Any [`Failure`] but those of a status.
    pub async fn exchange(&self, request: RequestBuilder) -> Result<Fetched, Failure> {
        self.whole(request, |_| Ok(())).await
    }

    async fn whole(
        &self,
        request: RequestBuilder,
        judge: fn(StatusCode) -> Result<(), Failure>,
    ) -> Result<Fetched, Failure> {
        within(self.timeout, async {
            let mut response = begin(request).await?;
            let status = response.status();
            judge(status)?;
            let headers = std::mem::take(response.headers_mut());
            let body = self.read(response).await?;
            Ok(Fetched {
                status,
                headers,
                body,
            })
        })
        .await
    }

    /// Reads a body, counted after decompression. What the other side says of its length is not
    /// trusted, and memory is taken as it arrives.
    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        let mut large = None;
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            let n_bytes = (body.len() + chunk.len()) as u64;
            if n_bytes > LARGE_BYTES && large.is_none() {
                // It is never closed.
                large = self.large.acquire().await.ok();
            }
            if n_bytes > self.max_bytes {
                return Err(too_large(self.max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// What every TLS client and server of the process uses.
pub(super) fn install_tls() {
    // A second call finds it installed; both mean the same provider.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// An answer, or that it took too long.
pub(super) async fn within<T>(
    timeout: Duration,
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::new(
            FailureKind::Timeout,
            format!("no whole answer within {} s", timeout.as_secs_f64()),
        )),
    }
}

pub(super) fn too_large(max_bytes: u64) -> Failure {
    let detail = format!("larger than {max_bytes} bytes");
    Failure::new(FailureKind::TooLarge, detail)
}

/// Compression costs more time than the parser takes, so none is asked for; what comes compressed
/// in spite of that is read.
async fn begin(request: RequestBuilder) -> Result<Response, Failure> {
    let request = request.header(header::ACCEPT_ENCODING, "identity");
    request.send().await.map_err(failure)
}

/// An address without what may be secret in it: user, password, query.
pub(super) fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}"));
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
    let port = port.unwrap_or_default();
    excerpt(&format!("{scheme}://{host}{port}{}", url.path()))
}

/// A redirect is no success: the operator has named the address that is meant.
pub(super) fn success(status: StatusCode) -> Result<(), Failure> {
    let kind = match status {
        status if status.is_success() => return Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FailureKind::Unauthorized,
        _ => FailureKind::Status,
    };
    // The reason phrase is the standard's, not what the other side sent.
    Err(Failure::new(kind, format!("answered {status}")))
}

pub(super) fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, Failure> {
    let unusable = |what: &dyn std::fmt::Display| {
        let detail = format!("{}: {what}; expected PEM certificates", path.display());
        Failure::new(FailureKind::Tls, detail)
    };
    let bytes = fs::read(path).map_err(|error| unusable(&error))?;
    let found = reqwest::Certificate::from_pem_bundle(&bytes).map_err(|error| unusable(&error))?;
    if found.is_empty() {
        return Err(unusable(&"no certificate"));
    }
    Ok(found)
}

/// The address is left out: it may be long, and callers say which target it was.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_timeout() {
        return Failure::new(FailureKind::Timeout, "it took too long");
    }
    broken(&error, error.is_connect())
}

/// What broke a connection or an answer, told by the errors that stand behind one another.
pub(super) fn broken(error: &(dyn Error + 'static), is_connect: bool) -> Failure {
    let kind = kind_of(error, is_connect);
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        detail = format!("{detail}: {inner}");
        source = inner.source();
    }
    Failure::new(kind, excerpt(&detail))
}

fn kind_of(error: &(dyn Error + 'static), is_connect: bool) -> FailureKind {
    let mut cut_off = false;
    let mut source = error.source();
    while let Some(inner) = source {
        if is_of_tls(inner) {
            return FailureKind::Tls;
        }
        let io = inner.downcast_ref::<io::Error>();
        cut_off |= io.is_some_and(|io| is_cut_off(io.kind()));
        source = inner.source();
    }
    if is_connect || cut_off {
        FailureKind::Connect
    } else {
        FailureKind::Malformed
    }
}

/// An I/O error may wrap the one of TLS, and another I/O error around it; its `source` leaves out
/// what it wraps.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|wrapped| is_of_tls(wrapped))
}

fn is_cut_off(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        kind,
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}
