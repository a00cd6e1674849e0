//! What the sidecar serves: the status page, `/metrics`, `/healthz`, `/readyz`, and the API under
//! `/api/v1`.
//!
//! Everything shown is made at the time of the request from the newest [`View`]; nothing is
//! counted here. A request can change something only through [`Commands`].

mod access;
mod api;
mod command;
mod connections;
mod health;
mod history;
mod metrics;
mod openapi;
mod page;
mod reply;
mod tls;

pub use metrics::reference as metrics_reference;
pub use openapi::document as openapi;

use super::operator::Commands;
use crate::config::SidecarConfig;
use crate::view::View;
use access::Access;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};
use axum::{Router, middleware};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsAcceptor;
use connections::Limited;
use history::Searches;
use spillway_core::Timestamp;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Longest body of a request, bytes. The largest command has some hundred.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Connections at one time; one more is closed at once. A browser opens six.
const MAX_CONNECTIONS: usize = 128;
/// Longest time that a client may take for the head of a request, and to send the next one on a
/// connection that it keeps.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for the rest of a request and its answer; a search through a long journal is the
/// slowest.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// What connections get to end by themselves at a shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// What requests are answered from.
#[derive(Debug, Clone)]
pub struct ServerState {
    /// What is shown.
    pub view: watch::Receiver<Arc<View>>,
    /// Where an operator's word goes.
    pub commands: Commands,
    /// The journal as the policy has it now, for decisions that are no longer in the view.
    pub journal_path: watch::Receiver<PathBuf>,
}

/// What every handler has.
#[derive(Clone)]
struct Answering {
    view: watch::Receiver<Arc<View>>,
    commands: Commands,
    journal_path: watch::Receiver<PathBuf>,
    searches: Searches,
}

impl From<ServerState> for Answering {
    fn from(state: ServerState) -> Self {
        Answering {
            view: state.view,
            commands: state.commands,
            journal_path: state.journal_path,
            searches: history::searches(),
        }
    }
}

impl Answering {
    /// The newest view and the time now.
    fn now(&self) -> (Arc<View>, Timestamp) {
        let view = Arc::clone(&self.view.borrow());
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since_epoch.map_or(0, |time| time.as_millis());
        (view, Timestamp(u64::try_from(millis).unwrap_or(u64::MAX)))
    }
}

/// A server that has its port and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    tls: Option<tls::Certificate>,
}

impl Server {
    /// Takes the port, and reads the token and the certificate.
    ///
    /// # Errors
    /// The port is taken or not ours to take, the token's file cannot be read or is empty, or the
    /// certificate and its key are none or do not belong together. The text says which.
    pub fn bind(config: &SidecarConfig, state: ServerState) -> io::Result<Server> {
        let access = Access::new(config)?;
        let tls = config
            .tls
            .as_ref()
            .map(tls::Certificate::read)
            .transpose()?;
        let listener = TcpListener::bind(config.listen).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen on {}: {error}", config.listen),
            )
        })?;
        Ok(Server {
            address: listener.local_addr()?,
            listener,
            router: router(state.into(), access),
            tls,
        })
    }

    /// Where it listens; the port is a real one, also when the configured one was 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for a browser.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", self.address)
    }

    /// Answers until `shutdown` ends, then lets requests under way finish for a short time.
    ///
    /// # Errors
    /// The listener broke.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let handle = Handle::new();
        let stopping = handle.clone();
        let stop = tokio::spawn(async move {
            shutdown.await;
            stopping.graceful_shutdown(Some(SHUTDOWN_TIMEOUT));
        });
        let mut server = axum_server::from_tcp(self.listener)?
            .handle(handle)
            .first_request_timeout(HEAD_TIMEOUT)
            .http1_only()
            .acceptor(Limited::new(MAX_CONNECTIONS));
        server
            .http_builder()
            .http1()
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_BODY_BYTES);
        let service = self.router.into_make_service();
        let served = match self.tls {
            None => server.serve(service).await,
            Some(certificate) => {
                let config = certificate.config();
                let following = certificate.follow();
                let secured = server
                    .map(|limited| RustlsAcceptor::new(config).acceptor(limited))
                    .serve(service)
                    .await;
                following.abort();
                secured
            }
        };
        stop.abort();
        served
    }
}

/// Every path and method that is answered, as `docs/openapi.json` has them.
#[must_use]
pub fn routes() -> Vec<(&'static str, Method)> {
    let table = table().into_iter();
    table.map(|(path, method, _)| (path, method)).collect()
}

fn table() -> Vec<(&'static str, Method, MethodRouter<Answering>)> {
    let read = |path, handler| (path, Method::GET, handler);
    let write = |path, handler| (path, Method::POST, handler);
    vec![
        read("/", get(page::answer)),
        read("/healthz", get(health::healthz)),
        read("/readyz", get(health::readyz)),
        read("/metrics", get(metrics::answer)),
        read("/api/v1/openapi.json", get(openapi::answer)),
        read("/api/v1/status", get(api::status)),
        read("/api/v1/signals", get(api::signals)),
        read("/api/v1/gates", get(api::gates)),
        read("/api/v1/sources", get(api::sources)),
        read("/api/v1/offers", get(api::offers)),
        read("/api/v1/burst-hosts", get(api::burst_hosts)),
        read("/api/v1/decisions", get(history::decisions)),
        read("/api/v1/explain/{id}", get(history::explain)),
        write("/api/v1/gate", post(command::gate)),
        write("/api/v1/pause", post(command::pause)),
        write("/api/v1/resume", post(command::resume)),
        write("/api/v1/mode", post(command::mode)),
    ]
}

fn router(state: Answering, access: Access) -> Router {
    let mut router = Router::new();
    for (path, _, handler) in table() {
        router = router.route(path, handler);
    }
    router
        .fallback(reply::not_found)
        .method_not_allowed_fallback(reply::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(|request, next| {
            reply::in_time(REQUEST_TIMEOUT, request, next)
        }))
        .layer(middleware::from_fn_with_state(
            Arc::new(access),
            access::guard,
        ))
        .layer(middleware::map_response(reply::with_headers))
        .with_state(state)
}
