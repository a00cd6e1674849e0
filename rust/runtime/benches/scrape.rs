//! What a scrape costs beside a bare socket read of the same page, in CPU time of this process and
//! in turn. `python -m tests.benchmarks scrapes` judges it, and adds a Prometheus server.
//!
//! `serve` N: serve the page at N addresses, print the port, and end with the standard input.
//! `scrape` N PORT SECS: only scrape; print what it takes. Anything else: compare.
#![allow(missing_docs, clippy::print_stdout, reason = "it is a program")]

use rustix::time::{ClockId, clock_gettime};
use spillway_core::units::Span;
use spillway_runtime::config::{Reduce, ScrapeSignal, ScrapeSource};
use spillway_runtime::selector::Selector;
use spillway_runtime::sources::{Event, scrape};
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Addresses of the loopback network that are listened at; more targets share them.
const MAX_ADDRESSES: usize = 1_000;
const ROUNDS: usize = 9;
const AT_ONCE: usize = 64;

fn main() {
    let arguments: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let number = |index: usize| {
        arguments
            .get(index)
            .and_then(|text| text.parse::<usize>().ok())
    };
    match arguments.first().map(String::as_str) {
        Some("serve") => runtime().block_on(serve(number(1).unwrap_or(1))),
        Some("scrape") => {
            let port = number(2)
                .and_then(|port| u16::try_from(port).ok())
                .expect("a port");
            let n_targets = number(1).expect("a number of targets");
            runtime().block_on(only_scrape(n_targets, port, number(3).unwrap_or(60)));
        }
        first => compare(first.and_then(|text| text.parse().ok()).unwrap_or(1_000)),
    }
}

fn runtime() -> Runtime {
    let built = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    built.expect("a runtime")
}

/// A node exporter's page, and again under other names: 100 kB, as of a host with many devices.
fn page() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/pages");
    let page = fs::read_to_string(folder.join("node_exporter.prom")).expect("a page");
    let again = page.replace("\nnode_", "\nagain_");
    format!("{page}{again}")
}

/// What a policy may want of a host: eight signals, among them counters.
fn signals() -> Vec<(usize, ScrapeSignal)> {
    let signal = |series: &str, rate: bool, reduce: Reduce, divide_by: Option<&str>| ScrapeSignal {
        source: "nodes".to_owned(),
        series: Selector::parse(series).expect("a selector"),
        divide_by: divide_by.map(|text| Selector::parse(text).expect("a selector")),
        rate,
        reduce,
        complement: false,
    };
    let (available, all) = (
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
    );
    let signals = vec![
        signal("node_load1", false, Reduce::Mean, None),
        signal("node_load5", false, Reduce::Quantile(0.9), None),
        signal(
            "node_cpu_seconds_total{mode=\"idle\"}",
            true,
            Reduce::Mean,
            None,
        ),
        signal(available, false, Reduce::Sum, Some(all)),
        signal("node_procs_running", false, Reduce::Sum, None),
        signal("node_procs_blocked", false, Reduce::Max, None),
        signal("node_boot_time_seconds", false, Reduce::Min, None),
        signal("node_filesystem_avail_bytes", false, Reduce::Sum, None),
    ];
    signals.into_iter().enumerate().collect()
}

fn address(target: usize, port: u16) -> SocketAddr {
    let [_, _, high, low] = u32::try_from(target % MAX_ADDRESSES)
        .unwrap_or(0)
        .to_be_bytes();
    (Ipv4Addr::new(127, 1, high, low), port).into()
}

fn source(n_targets: usize, port: u16, interval: Span) -> ScrapeSource {
    ScrapeSource {
        name: "nodes".to_owned(),
        targets: (0..n_targets)
            .map(|n| format!("http://{}/{n}", address(n, port)))
            .collect(),
        interval,
        timeout: Span::from_secs(5),
        max_bytes: 16 << 20,
        min_targets_ratio: 0.9,
        token_file: None,
        ca_file: None,
    }
}

async fn serve(n_targets: usize) {
    let page = page();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n",
        page.len()
    );
    let answer: Arc<[u8]> = format!("{head}{page}").into_bytes().into();
    let first = TcpListener::bind(address(0, 0)).await.expect("a free port");
    let port = first.local_addr().expect("an address").port();
    let mut listeners = vec![first];
    for target in 1..n_targets.min(MAX_ADDRESSES) {
        listeners.push(
            TcpListener::bind(address(target, port))
                .await
                .expect("the same port"),
        );
    }
    for listener in listeners {
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_all(stream, Arc::clone(&answer)));
            }
        });
    }
    println!("{port}");
    let until_closed =
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    drop(until_closed.await);
}

async fn answer_all(mut stream: TcpStream, answer: Arc<[u8]>) {
    drop(stream.set_nodelay(true));
    let mut request = [0; 2_048];
    // A request comes in one piece over the loopback network.
    while stream
        .read(&mut request)
        .await
        .is_ok_and(|n_read| n_read > 0)
    {
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// The page's server, in a process of its own, so that its CPU time is not ours.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(n_targets: usize) -> Self {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["serve", &n_targets.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let port = line.trim().parse().expect("a port");
        Server { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Connections that are kept, as the cheapest client would.
#[derive(Default)]
struct Bare {
    streams: Vec<Option<TcpStream>>,
}

impl Bare {
    async fn cycle(&mut self, n_targets: usize, port: u16) {
        self.streams.resize_with(n_targets, || None);
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for (target, stream) in self.streams.drain(..).enumerate() {
            let turns = Arc::clone(&turns);
            running.spawn(async move {
                let _turn = turns.acquire().await;
                read_bare(stream, target, port).await
            });
        }
        while let Some(stream) = running.join_next().await {
            self.streams.push(stream.ok());
        }
    }
}

async fn read_bare(stream: Option<TcpStream>, target: usize, port: u16) -> TcpStream {
    let mut stream = match stream {
        Some(stream) => stream,
        None => TcpStream::connect(address(target, port))
            .await
            .expect("a connection"),
    };
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("it is sent");
    let mut buffer = vec![0; 64 << 10];
    let mut n_read = stream.read(&mut buffer).await.expect("an answer");
    let head = buffer[..n_read]
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head");
    let text = String::from_utf8_lossy(&buffer[..head]);
    let length = text
        .rsplit(": ")
        .next()
        .and_then(|text| text.parse::<usize>().ok());
    let whole = head + 4 + length.expect("a length");
    while n_read < whole {
        n_read += stream.read(&mut buffer).await.expect("the rest");
    }
    stream
}

/// Scrapes that many rounds behind the first one; returns the CPU time of one scrape.
async fn ours(n_targets: usize, port: u16) -> Duration {
    // Long enough for a round on a busy machine; what the waiting costs is part of ours.
    let interval = Span((n_targets as u64 * 2).max(1_000));
    let (sender, mut events) = mpsc::channel(64);
    let task = tokio::spawn(scrape::run(
        source(n_targets, port, interval),
        signals(),
        sender,
    ));
    round(&mut events, n_targets).await;
    let begun = cpu();
    round(&mut events, n_targets).await;
    let spent = cpu() - begun;
    task.abort();
    spent / u32::try_from(n_targets).unwrap_or(1)
}

/// Waits for a round's end; every target has to have answered.
async fn round(events: &mut mpsc::Receiver<Event>, n_targets: usize) {
    while let Some(event) = events.recv().await {
        if let Event::Read { report, .. } = event {
            assert_eq!(
                report.targets_up as usize,
                n_targets,
                "{:?}",
                report.failures.first()
            );
            return;
        }
    }
}

fn compare(n_targets: usize) {
    let server = Server::start(n_targets);
    let runtime = runtime();
    let (mut ours_us, mut bare_us) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let mut bare = Bare::default();
        bare.cycle(n_targets, server.port).await;
        for _ in 0..ROUNDS {
            ours_us.push(micros(ours(n_targets, server.port).await));
            let begun = cpu();
            bare.cycle(n_targets, server.port).await;
            bare_us.push(micros(cpu() - begun) / n_targets as f64);
        }
    });
    println!(
        "{{\"targets\":{n_targets},\"page_bytes\":{},\"ours_us\":{:.1},\"bare_us\":{:.1}}}",
        page().len(),
        median(&mut ours_us),
        median(&mut bare_us)
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Scrapes every 15 s for that time; prints the share of a core and the memory that it took.
async fn only_scrape(n_targets: usize, port: u16, secs: usize) {
    let (sender, mut events) = mpsc::channel(64);
    let source = source(n_targets, port, Span::from_secs(15));
    let task = tokio::spawn(scrape::run(source, signals(), sender));
    let mut rounds = 0;
    let (mut begun, mut cpu_begun) = (Instant::now(), cpu());
    while begun.elapsed().as_secs() < secs as u64 || rounds < 2 {
        round(&mut events, n_targets).await;
        rounds += 1;
        if rounds == 1 {
            (begun, cpu_begun) = (Instant::now(), cpu());
        }
    }
    let (wall, spent) = (begun.elapsed(), cpu() - cpu_begun);
    task.abort();
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    println!(
        "{{\"targets\":{n_targets},\"core_percent\":{:.3},\"scrape_us\":{:.1},\"rss_kib\":{},\
         \"peak_kib\":{}}}",
        100.0 * spent.as_secs_f64() / wall.as_secs_f64(),
        micros(spent) / (n_targets * (rounds - 1)) as f64,
        kib("VmRSS:"),
        kib("VmHWM:"),
    );
}
