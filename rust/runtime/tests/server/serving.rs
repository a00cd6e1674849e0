//! A server for one test, and a loop that notes what it is told in the sidecar's stead.

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use spillway_core::units::Span;
use spillway_runtime::config::{SidecarConfig, TlsFiles};
use spillway_runtime::sidecar::operator::{Commands, Refused};
use spillway_runtime::sidecar::server::{Server, ServerState};
use spillway_runtime::view::View;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

type MakeView = fn(u64) -> View;

pub(crate) struct Serving {
    address: SocketAddr,
    client: Client,
    config: SidecarConfig,
    state: ServerState,
    publish: watch::Sender<Arc<View>>,
    said: Arc<Mutex<Vec<String>>>,
    refuses: Arc<AtomicBool>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl Serving {
    pub(crate) async fn start(make: MakeView) -> Serving {
        Serving::start_with(make, None, "journal.jsonl".into()).await
    }

    pub(crate) async fn start_with(
        make: MakeView,
        token_file: Option<PathBuf>,
        journal_path: PathBuf,
    ) -> Serving {
        Serving::start_as(make, config(token_file, None), journal_path).await
    }

    pub(crate) async fn start_as(
        make: MakeView,
        mut config: SidecarConfig,
        journal_path: PathBuf,
    ) -> Serving {
        let (publish, view) = watch::channel(Arc::new(make(now_ms())));
        let (commands, asked) = Commands::new();
        let state = ServerState {
            view,
            commands,
            journal_path: watch::channel(journal_path).1,
        };
        let server = Server::bind(&config, state.clone()).expect("a free port");
        config.listen = server.address();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server.run(async {
            // A sender that is gone means the same.
            stopped.await.unwrap_or_default();
        }));
        let said = Arc::default();
        let refuses = Arc::default();
        tokio::spawn(obey(
            asked,
            publish.clone(),
            Arc::clone(&said),
            Arc::clone(&refuses),
        ));
        // Reqwest wants to know where TLS comes from, also for a client without.
        drop(rustls::crypto::ring::default_provider().install_default());
        Serving {
            address: config.listen,
            client: Client::builder().no_proxy().build().expect("a client"),
            config,
            state,
            publish,
            said,
            refuses,
            stop,
            served,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.state.view.borrow())
    }

    pub(crate) fn publish(&self, make: MakeView) {
        self.publish.send_replace(Arc::new(make(now_ms())));
    }

    /// The commands that were carried out.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().expect("no panic").clone()
    }

    /// Refuses commands from now on.
    pub(crate) fn refuse(&self) {
        self.refuses.store(true, Ordering::Relaxed);
    }

    pub(crate) fn bind_again(&self) -> io::Result<SocketAddr> {
        self.bind_as(self.config.clone())
    }

    pub(crate) fn bind_as(&self, config: SidecarConfig) -> io::Result<SocketAddr> {
        let server = Server::bind(&config, self.state.clone())?;
        Ok(server.address())
    }

    pub(crate) fn bind_with_token(&self, file: PathBuf) -> io::Result<SocketAddr> {
        self.bind_as(config(Some(file), None))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let answer = self.client.get(self.url(path)).send().await;
        answer.expect("an answer")
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("text")
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).expect("JSON")
    }

    pub(crate) async fn command(&self, path: &str, body: &Value) -> Response {
        let answer = self.client.post(self.url(path)).json(body).send().await;
        answer.expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self.command(path, body).await;
        let status = answer.status();
        (status, answer.json().await.expect("JSON"))
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("a server");
        self.served.await.expect("no panic").expect("a good end");
    }
}

/// The `[sidecar]` table of a server on a free port.
pub(crate) fn config(token_file: Option<PathBuf>, tls: Option<TlsFiles>) -> SidecarConfig {
    SidecarConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        interval: Span::from_secs(5),
        state_path: "state.json".into(),
        token_file,
        tls,
    }
}

async fn obey(
    mut asked: tokio::sync::mpsc::Receiver<spillway_runtime::sidecar::operator::Asked>,
    publish: watch::Sender<Arc<View>>,
    said: Arc<Mutex<Vec<String>>>,
    refuses: Arc<AtomicBool>,
) {
    while let Some((command, answer)) = asked.recv().await {
        let result = if refuses.load(Ordering::Relaxed) {
            Err(Refused::BeyondPolicy {
                asked: "active",
                policy: "shadow",
            })
        } else {
            said.lock().expect("no panic").push(format!("{command:?}"));
            publish.send_modify(|view| Arc::make_mut(view).paused = true);
            Ok(())
        };
        answer.send(result).expect("someone who waits");
    }
}

pub(crate) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |time| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    })
}
