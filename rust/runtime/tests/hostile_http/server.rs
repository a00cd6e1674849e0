//! An HTTP server that does to its client whatever a test says.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A connection whose request was read.
pub(crate) struct Exchange<S = TcpStream> {
    pub(crate) stream: S,
    /// Request line, headers and, where there is one, the body.
    pub(crate) request: String,
    /// How many requests were there before.
    pub(crate) n_before: u64,
}

type Answer = Pin<Box<dyn Future<Output = ()> + Send>>;
type Serve = dyn Fn(Exchange) -> Answer + Send + Sync;

/// Listens until it is dropped. Every request has a connection of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves each request with a future of the closure's.
    pub(crate) async fn start<A>(serve: impl Fn(Exchange) -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = ()> + Send + 'static,
    {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Server::start_at(any_port, serve).await
    }

    pub(crate) async fn start_at<A>(
        address: SocketAddr,
        serve: impl Fn(Exchange) -> A + Send + Sync + 'static,
    ) -> Self
    where
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let serve: Arc<Serve> = Arc::new(move |exchange| Box::pin(serve(exchange)));
        let task = tokio::spawn(listen(listener, serve));
        Server { address, task }
    }

    /// Serves that page to everyone.
    pub(crate) async fn of_page(page: impl Into<String>) -> Self {
        let page = page.into();
        Server::start(move |mut exchange| {
            let answer = ok(&page);
            async move { exchange.send(answer.as_bytes()).await }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, serve: Arc<Serve>) {
    let n_requests = AtomicU64::new(0);
    let mut running = tokio::task::JoinSet::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            continue;
        };
        let n_before = n_requests.fetch_add(1, Ordering::Relaxed);
        let serve = Arc::clone(&serve);
        running.spawn(async move {
            let request = read_request(&mut stream).await;
            serve(Exchange {
                stream,
                request,
                n_before,
            })
            .await;
        });
    }
}

/// Reads a request with its body.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while !is_whole(&bytes) {
        match stream.read(&mut chunk).await {
            Ok(n_read) if n_read > 0 => bytes.extend_from_slice(&chunk[..n_read]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}

impl<S: AsyncWrite + Unpin> Exchange<S> {
    /// Sends as much as the client takes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // A client that has enough closes the connection.
        drop(self.stream.write_all(bytes).await);
        drop(self.stream.flush().await);
    }

    /// Returns when the client has closed the connection.
    pub(crate) async fn hang(&mut self)
    where
        S: AsyncRead,
    {
        let mut chunk = [0; 64];
        while matches!(self.stream.read(&mut chunk).await, Ok(n_read) if n_read > 0) {}
    }
}

/// A whole answer with a page of metrics.
pub(crate) fn ok(page: &str) -> String {
    answer("200 OK", "text/plain; version=0.0.4", page)
}

pub(crate) fn answer(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The head of an answer whose body ends with the connection.
pub(crate) const ENDLESS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
