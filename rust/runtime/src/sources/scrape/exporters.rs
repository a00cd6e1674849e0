//! The HTTP client of a fleet of exporters: every connection is kept, and none keeps much.
//!
//! Its limits are those of [`crate::sources::fetch`], whose client lets the buffer of a connection
//! grow with its answers: a thousand of those would need 225 MiB.

use crate::sources::failure::{Failure, FailureKind};
use crate::sources::fetch::{
    LARGE_BYTES, MAX_LARGE_AT_ONCE, broken, install_tls, success, too_large, within,
};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, USER_AGENT};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Buffer of a connection, bytes: what a socket has at once when a page of 100 kB arrives.
const BUFFER_BYTES: usize = 16 << 10;

/// A connection that was not used for this long is closed; exporters close theirs sooner.
const MAX_IDLE: Duration = Duration::from_secs(90);

/// A client with limits. One per source, so that no source can use up another's connections.
#[derive(Debug, Clone)]
pub(super) struct Exporters {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    timeout: Duration,
    max_bytes: u64,
    large: Arc<Semaphore>,
}

impl Exporters {
    /// A client that trusts the certificates of `ca_file`, or the system's.
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub(super) fn new(
        timeout: Duration,
        max_bytes: u64,
        ca_file: Option<&Path>,
    ) -> Result<Self, Failure> {
        install_tls();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust(ca_file)?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(MAX_IDLE)
            .http1_read_buf_exact_size(BUFFER_BYTES)
            .build(connector);
        Ok(Exporters {
            client,
            timeout,
            max_bytes,
            large: Arc::new(Semaphore::new(MAX_LARGE_AT_ONCE)),
        })
    }

    /// Reads the page at an address into a buffer that is emptied before; returns the headers.
    ///
    /// # Errors
    /// Any [`Failure`]; a status other than success is one, redirects included.
    pub(super) async fn read(
        &self,
        url: &str,
        headers: HeaderMap,
        page: &mut Vec<u8>,
    ) -> Result<HeaderMap, Failure> {
        within(self.timeout, self.answer(url, headers, page)).await
    }

    async fn answer(
        &self,
        url: &str,
        headers: HeaderMap,
        page: &mut Vec<u8>,
    ) -> Result<HeaderMap, Failure> {
        page.clear();
        let mut request = Request::get(url)
            .body(Empty::new())
            .map_err(|error| Failure::new(FailureKind::Malformed, error.to_string()))?;
        *request.headers_mut() = headers;
        // Compression costs more time than the parser takes, so none is asked for.
        let identity = HeaderValue::from_static("identity");
        request.headers_mut().insert(ACCEPT_ENCODING, identity);
        let agent = HeaderValue::from_static(concat!("spillway/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let sent = self.client.request(request).await;
        let mut response = sent.map_err(|error| broken(&error, error.is_connect()))?;
        success(response.status())?;
        let headers = std::mem::take(response.headers_mut());
        let mut body = response.into_body();
        let mut large = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error, false))?;
            let Some(chunk) = frame.data_ref() else {
                continue;
            };
            let n_bytes = (page.len() + chunk.len()) as u64;
            if n_bytes > LARGE_BYTES && large.is_none() {
                // It is never closed.
                large = self.large.acquire().await.ok();
            }
            if n_bytes > self.max_bytes {
                return Err(too_large(self.max_bytes));
            }
            page.extend_from_slice(chunk);
        }
        self.unfold(&headers, page)?;
        Ok(headers)
    }

    /// What comes compressed although nobody asked for it is read, and counted as it unfolds.
    fn unfold(&self, headers: &HeaderMap, page: &mut Vec<u8>) -> Result<(), Failure> {
        let Some(encoding) = headers.get(CONTENT_ENCODING) else {
            return Ok(());
        };
        if encoding == "identity" {
            return Ok(());
        }
        let malformed = |detail: String| Failure::new(FailureKind::Malformed, detail);
        if encoding != "gzip" {
            return Err(malformed(
                "an encoding other than identity or gzip".to_owned(),
            ));
        }
        let folded = std::mem::take(page);
        let mut decoder = MultiGzDecoder::new(folded.as_slice()).take(self.max_bytes + 1);
        decoder
            .read_to_end(page)
            .map_err(|error| malformed(format!("no gzip: {error}")))?;
        if page.len() as u64 > self.max_bytes {
            return Err(too_large(self.max_bytes));
        }
        Ok(())
    }
}

fn trust(ca_file: Option<&Path>) -> Result<ClientConfig, Failure> {
    let unusable = |what: &dyn std::fmt::Display| Failure::new(FailureKind::Tls, what.to_string());
    let Some(path) = ca_file else {
        let builder = ClientConfig::builder();
        let trusting = builder
            .try_with_platform_verifier()
            .map_err(|error| unusable(&error))?;
        return Ok(trusting.with_no_client_auth());
    };
    let unusable = |what: &dyn std::fmt::Display| {
        unusable(&format_args!(
            "{}: {what}; expected PEM certificates",
            path.display()
        ))
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"no certificate"));
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    Ok(builder.with_no_client_auth())
}
