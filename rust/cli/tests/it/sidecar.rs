//! A sidecar that always says the same: an HTTP server over the API's own types.

use serde_json::{Value, json};
use spillway_runtime::view::{
    AskingView, BurstHostView, ConfigView, DecisionView, GateView, JournalView, LimitsView,
    ModeView, OfferView, OutcomeView, ReasonView, SignalView, SnapshotView, SourceView, SpendView,
    View,
};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// A request that it got.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path with query.
    pub(crate) path: String,
    /// Headers, names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

type Answer = dyn Fn(&Request) -> (u16, Value) + Send + Sync;

/// A running server. It ends with the test's process.
pub(crate) struct Sidecar {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Sidecar {
    /// One that has this view.
    pub(crate) fn with(view: View) -> Self {
        Self::answering(move |request| answer(&view, request))
    }

    pub(crate) fn answering(
        answer: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Sidecar { url, requests }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("a list").clone()
    }
}

fn serve(stream: TcpStream, answer: &Answer, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let Some(request) = read(&mut reader) else {
        return;
    };
    seen.lock().expect("a list").push(request.clone());
    let (status, body) = answer(&request);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} .\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    // The client may have gone away, as `--follow` does.
    drop((&stream).write_all(format!("{head}{body}").as_bytes()));
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let length = headers
        .get("content-length")
        .and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

fn answer(view: &View, request: &Request) -> (u16, Value) {
    let path = request.path.split('?').next().unwrap_or_default();
    let ok = |value: Value| (200, value);
    match (request.method.as_str(), path) {
        ("GET", "/api/v1/status") => ok(json!(view)),
        ("GET", "/api/v1/gates") => ok(json!({"gates": view.gates})),
        ("GET", "/api/v1/signals") => ok(json!({"signals": view.signals})),
        ("GET", "/api/v1/offers") => {
            let hosts = view.burst_hosts.iter();
            let offers: Vec<_> = hosts.flat_map(|host| &host.offers).collect();
            ok(json!({"offers": offers}))
        }
        ("GET", "/api/v1/decisions") => ok(json!({"decisions": view.decisions})),
        ("POST", _) => told(view.clone(), path, &request.body),
        _ => (
            404,
            json!({"error": format!("there is no {path}"), "expected": "another path"}),
        ),
    }
}

/// How things stand after a command; nothing is kept of it.
fn told(mut view: View, path: &str, body: &str) -> (u16, Value) {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match path {
        "/api/v1/gate" => {
            let lasts = body["for_secs"].as_u64();
            for gate in &mut view.gates {
                gate.forced = body["state"].as_str().map(str::to_owned);
                gate.effective = gate.forced.clone().unwrap_or_default();
                gate.forced_until_ms = lasts.map(|secs| now_ms() + secs * 1_000 + 500);
            }
        }
        "/api/v1/pause" => view.paused = true,
        "/api/v1/mode" if body["mode"] == "active" && view.mode.policy == "shadow" => {
            let error = "the policy file says mode \"shadow\", and \"active\" goes beyond it: \
                         change the file";
            return (409, json!({"error": error}));
        }
        "/api/v1/mode" => {
            view.mode.operator = body["mode"].as_str().map(str::to_owned);
            view.mode.effective = view.mode.operator.clone().unwrap_or_default();
        }
        _ => {}
    }
    let standing = json!({"mode": view.mode, "paused": view.paused, "gates": view.gates});
    (200, json!({"status": standing}))
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time");
    u64::try_from(since.as_millis()).expect("milliseconds")
}

/// A small cloud under load; nothing is wrong with it.
pub(crate) fn view() -> View {
    let now = now_ms();
    let ago = |secs: u64| now - secs * 1_000 - 500;
    View {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at_ms: now,
        started_at_ms: ago(183_900),
        mode: ModeView {
            effective: "active".to_owned(),
            policy: "active".to_owned(),
            operator: None,
        },
        config: ConfigView {
            path: "/etc/spillway/spillway.toml".to_owned(),
            digest: "5c1f0a9b27d3e846".to_owned(),
            taken_at_ms: ago(7_500),
            taken: 1,
            ..ConfigView::default()
        },
        snapshot: SnapshotView {
            path: "/var/lib/spillway/snapshot.json".to_owned(),
            written_at_ms: Some(ago(1)),
            stale_after_ms: 3_600_000,
            writes: 18_390,
            ..SnapshotView::default()
        },
        gates: vec![GateView {
            scope: "cloud".to_owned(),
            effective: "open".to_owned(),
            state: "open".to_owned(),
            since_ms: ago(1_265),
            why: "cpu has been at or over 0.85 since 22 min".to_owned(),
            asking: vec![AskingView {
                signal: "cpu".to_owned(),
                since_ms: ago(1_325),
                by_forecast: false,
            }],
            opened: 1,
            ..GateView::default()
        }],
        signals: vec![
            signal("cpu", Some(0.912), ago(4), 0.85, 0.7),
            signal("arrivals", Some(3.5), ago(2), 20.0, 10.0),
        ],
        sources: vec![
            source("nodes", "scrape", 12),
            source("notifications", "notifications", 1),
        ],
        burst_hosts: vec![burst_host()],
        spend: Some(SpendView {
            hourly_usd: 0.0416,
            month_usd: 12.5,
        }),
        limits: LimitsView {
            hourly_soft_usd: Some(5.0),
            hourly_hard_usd: Some(10.0),
            ..LimitsView::default()
        },
        journal: JournalView {
            path: "/var/log/spillway/journal.jsonl".to_owned(),
            lines: BTreeMap::from([("decision".to_owned(), 4_211)]),
            ..JournalView::default()
        },
        decisions: decisions(now),
        ..View::default()
    }
}

fn signal(name: &str, value: Option<f64>, at: u64, open_at: f64, close_at: f64) -> SignalView {
    SignalView {
        name: name.to_owned(),
        scope: "cloud".to_owned(),
        source: "nodes".to_owned(),
        reading: "fresh".to_owned(),
        value,
        value_at_ms: Some(at),
        open_at,
        close_at,
        stale_after_ms: 60_000,
        when_missing: "hold".to_owned(),
        ..SignalView::default()
    }
}

fn source(name: &str, kind: &str, targets_up: u32) -> SourceView {
    SourceView {
        name: name.to_owned(),
        kind: kind.to_owned(),
        last_good_at_ms: Some(now_ms() - 4_500),
        targets_up,
        ..SourceView::default()
    }
}

fn burst_host() -> BurstHostView {
    let offer = |size: &str, price, room| OfferView {
        burst_host: "cloud1".to_owned(),
        size: size.to_owned(),
        price_usd_per_hour: Some(price),
        room,
        ..OfferView::default()
    };
    BurstHostView {
        name: "cloud1".to_owned(),
        provider: "ec2".to_owned(),
        up: true,
        seen_at_ms: Some(now_ms() - 4_500),
        servers: BTreeMap::from([("running".to_owned(), 2)]),
        spend: Some(SpendView {
            hourly_usd: 0.0416,
            month_usd: 12.5,
        }),
        start_time_ms: Some(31_400),
        offers: vec![
            offer("t3.small", 0.0208, Some(18)),
            offer("t3.medium", 0.0416, None),
        ],
        ..BurstHostView::default()
    }
}

fn decisions(now: u64) -> Vec<DecisionView> {
    let decision =
        |id: &str, secs: u64, attempt: &str, code: &str, sentence: &str, host: &str| DecisionView {
            id: id.to_owned(),
            at_ms: now - secs * 1_000,
            request_id: Some(format!("req-{id}")),
            instance_uuids: vec!["8d3e5a52-2f5c-4f0e-9d57-0c9a5f1b7f11".to_owned()],
            project_id: "3f1c".to_owned(),
            flavor: "m1.small".to_owned(),
            attempt: attempt.to_owned(),
            shadow_attempt: None,
            reasons: vec![ReasonView {
                code: code.to_owned(),
                sentence: sentence.to_owned(),
            }],
            outcome: Some(OutcomeView {
                result: "placed".to_owned(),
                path: Some(attempt.to_owned()),
                hosts: BTreeMap::from([("8d3e".to_owned(), host.to_owned())]),
                elapsed_ms: Some(41.5),
                detail: String::new(),
            }),
        };
    vec![
        decision(
            "1a3-7f-2",
            40,
            "hybrid",
            "gate_open",
            "the cloud gate is open",
            "cloud1",
        ),
        decision(
            "1a3-7f-1",
            2_000,
            "filter",
            "overflow_allowed",
            "private first, bursts when no valid host is found",
            "private1",
        ),
    ]
}
