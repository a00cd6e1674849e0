//! Views to look at: one as of a busy afternoon, one of a new installation, one that is as large
//! as it gets, and one full of text that wants to be markup.

use spillway_runtime::view::{
    AskingView, BurstHostView, ConfigView, DecisionCount, DecisionView, GateView, JournalView,
    LimitsView, ModeView, OfferView, OutcomeCount, OutcomeView, ReasonView, ResourceView,
    SignalView, SnapshotView, SourceView, SpendView, View,
};
use std::collections::BTreeMap;

/// A busy afternoon: the gate is open, one signal is stale, one burst host does not answer.
pub(crate) fn busy(now_ms: u64) -> View {
    View {
        version: "0.1.0".to_owned(),
        at_ms: now_ms,
        started_at_ms: now_ms - 5 * 3_600_000,
        mode: mode("active", "active", None),
        paused: false,
        config: config(now_ms),
        snapshot: snapshot(now_ms),
        gates: gates(now_ms),
        signals: signals(now_ms),
        sources: sources(now_ms),
        burst_hosts: burst_hosts(now_ms),
        spend: Some(SpendView {
            hourly_usd: 3.84,
            month_usd: 412.5,
        }),
        limits: LimitsView {
            hourly_soft_usd: Some(4.0),
            hourly_hard_usd: Some(6.0),
            monthly_soft_usd: Some(1_000.0),
            monthly_hard_usd: Some(1_500.0),
        },
        journal: journal(),
        decisions: (0..12).map(|at| decision(at, now_ms)).collect(),
    }
}

/// A new installation: shadow mode, nothing configured but the policy's head.
pub(crate) fn new(now_ms: u64) -> View {
    View {
        version: "0.1.0".to_owned(),
        at_ms: now_ms,
        started_at_ms: now_ms - 20_000,
        mode: mode("shadow", "shadow", None),
        config: config(now_ms),
        snapshot: snapshot(now_ms),
        journal: JournalView {
            path: "/var/log/spillway/journal.jsonl".to_owned(),
            ..JournalView::default()
        },
        ..View::default()
    }
}

/// A bad day: the policy file is refused, an operator stepped in, the spend is not known.
pub(crate) fn bad_day(now_ms: u64) -> View {
    let mut view = busy(now_ms);
    view.paused = true;
    view.mode = mode("shadow", "active", Some("shadow"));
    view.spend = None;
    view.config.refusal = Some(
        "/etc/spillway/spillway.toml:12:13: signals[0].open_at is 1.2\n   |\n12 | open_at = 1.2\n   \
         |           ^^^ expected a number above close_at, which is 1.5"
            .to_owned(),
    );
    view.config.refused = 1;
    view.snapshot.error = Some("/var/lib/spillway/snapshot.json: no space left".to_owned());
    view.snapshot.written_at_ms = Some(now_ms - 95_000);
    view.snapshot.failures = 19;
    view.journal.error = Some("/var/log/spillway/journal.jsonl: permission denied".to_owned());
    view.gates[0].forced = Some("closed".to_owned());
    view.gates[0].effective = "closed".to_owned();
    view.gates[0].forced_until_ms = Some(now_ms + 5_400_000);
    for source in &mut view.sources {
        source.error = Some("connection refused".to_owned());
        source.targets_up = 0;
    }
    view
}

/// As large as a page may get: 10 signals with a full course, 50 decisions.
pub(crate) fn large(now_ms: u64) -> View {
    let mut view = busy(now_ms);
    view.signals = (0..10)
        .map(|at| {
            let name = format!("share_of_private_hosts_cpu_{at}");
            signal(&name, now_ms, 0.8, 0.6, |x| {
                0.7 + 0.2 * (x * (at + 1) as f64).sin()
            })
        })
        .collect();
    view.decisions = (0..50).map(|at| decision(at, now_ms)).collect();
    view
}

/// Longer in everything than the page shows, in characters that take six bytes each.
pub(crate) fn overfull(now_ms: u64) -> View {
    let mut view = hostile(now_ms);
    let text = || "\"".repeat(2_000);
    view.config.refusal = Some(text());
    view.config.path = text();
    view.config.digest = text();
    view.snapshot.error = Some(text());
    view.snapshot.path = text();
    view.journal.error = Some(text());
    view.journal.path = text();
    view.mode = mode(&text(), &text(), Some(&text()));
    let long_gate = GateView {
        scope: text(),
        why: text(),
        state: text(),
        forced: Some(text()),
        ..GateView::default()
    };
    view.gates = vec![long_gate; 40];
    let mut long_signal = view.signals[0].clone();
    long_signal.name = text();
    long_signal.scope = text();
    long_signal.source = text();
    long_signal.measured_by = text();
    long_signal.error = Some(text());
    view.signals = vec![long_signal; 40];
    let mut long_source = view.sources[0].clone();
    long_source.name = text();
    long_source.kind = text();
    long_source.error = Some(text());
    view.sources = vec![long_source; 40];
    let mut long_host = view.burst_hosts[0].clone();
    long_host.name = text();
    long_host.provider = text();
    long_host.error = Some(text());
    for offer in &mut long_host.offers {
        offer.size = text();
    }
    for limit in &mut long_host.limits {
        limit.resource = text();
    }
    view.burst_hosts = vec![long_host; 40];
    for decision in &mut view.decisions {
        decision.flavor = text();
        decision.shadow_attempt = Some(text());
        decision.reasons = vec![
            ReasonView {
                code: text(),
                sentence: text(),
            };
            9
        ];
    }
    let decision = view.decisions[0].clone();
    view.decisions = vec![decision; 50];
    view
}

/// Whatever a view can say is said.
pub(crate) fn full(now_ms: u64) -> View {
    let mut view = busy(now_ms);
    for signal in &mut view.signals {
        signal.crosses_in_ms = Some(40_000);
    }
    view
}

/// Every text wants to be markup.
pub(crate) fn hostile(now_ms: u64) -> View {
    const TEXT: &str = "\"><script>window.pwned=1</script><img src=x onerror=window.pwned=1>'`&lt;";
    let mut view = bad_day(now_ms);
    let text = || TEXT.to_owned();
    view.version = text();
    view.mode = mode(TEXT, TEXT, Some(TEXT));
    view.config.path = text();
    view.config.digest = text();
    view.config.refusal = Some(text());
    view.snapshot.path = text();
    view.snapshot.error = Some(text());
    view.journal.path = text();
    view.journal.error = Some(text());
    for gate in &mut view.gates {
        gate.scope = text();
        gate.why = text();
        gate.state = text();
        gate.forced = Some(text());
    }
    for signal in &mut view.signals {
        signal.name = text();
        signal.scope = text();
        signal.source = text();
        signal.measured_by = text();
        signal.reading = text();
        signal.when_missing = text();
        signal.error = Some(text());
    }
    for source in &mut view.sources {
        source.name = text();
        source.kind = text();
        source.error = Some(text());
        source.failures = BTreeMap::from([(text(), 1)]);
    }
    for host in &mut view.burst_hosts {
        host.name = text();
        host.provider = text();
        host.error = Some(text());
        host.servers = BTreeMap::from([(text(), 1)]);
        host.launches = BTreeMap::from([(text(), 1), ("failed".to_owned(), 1)]);
        for limit in &mut host.limits {
            limit.resource = text();
        }
        for offer in &mut host.offers {
            offer.size = text();
        }
    }
    for decision in &mut view.decisions {
        decision.flavor = text();
        decision.project_id = text();
        decision.attempt = text();
        decision.shadow_attempt = Some(text());
        for reason in &mut decision.reasons {
            *reason = ReasonView {
                code: text(),
                sentence: text(),
            };
        }
        if let Some(outcome) = &mut decision.outcome {
            outcome.detail = text();
            outcome.path = Some(text());
            outcome.hosts = BTreeMap::from([(text(), text())]);
        }
    }
    view
}

fn mode(effective: &str, policy: &str, operator: Option<&str>) -> ModeView {
    ModeView {
        effective: effective.to_owned(),
        policy: policy.to_owned(),
        operator: operator.map(str::to_owned),
    }
}

fn config(now_ms: u64) -> ConfigView {
    ConfigView {
        path: "/etc/spillway/spillway.toml".to_owned(),
        digest: "3f7a91c0d2e84b5596aa1f0c7be2d9e1".to_owned(),
        taken_at_ms: now_ms - 4 * 3_600_000,
        refusal: None,
        taken: 2,
        refused: 0,
    }
}

fn snapshot(now_ms: u64) -> SnapshotView {
    SnapshotView {
        path: "/var/lib/spillway/snapshot.json".to_owned(),
        written_at_ms: Some(now_ms - 1_200),
        error: None,
        writes: 3_612,
        failures: 0,
        stale_after_ms: 30_000,
    }
}

fn gates(now_ms: u64) -> Vec<GateView> {
    let gate = |scope: &str, state: &str, since_ms, why: &str| GateView {
        scope: scope.to_owned(),
        effective: state.to_owned(),
        state: state.to_owned(),
        since_ms,
        why: why.to_owned(),
        opened: 3,
        closed: 2,
        ..GateView::default()
    };
    let mut cloud = gate(
        "cloud",
        "open",
        now_ms - 7 * 60_000,
        "cpu_busy has stood over 0.8 since 14:02, longer than open_after_secs",
    );
    cloud.asking = vec![AskingView {
        signal: "cpu_busy".to_owned(),
        since_ms: now_ms - 9 * 60_000,
        by_forecast: false,
    }];
    vec![
        cloud,
        gate(
            "zone:az-2",
            "closed",
            now_ms - 9_000_000,
            "every signal stands under its close_at",
        ),
        gate(
            "aggregate:gpu",
            "closed",
            now_ms - 50_000_000,
            "every signal stands under its close_at",
        ),
    ]
}

fn signals(now_ms: u64) -> Vec<SignalView> {
    let mut stale = signal("queue_wait", now_ms - 150_000, 20.0, 5.0, |x| {
        6.0 + 4.0 * x.cos()
    });
    stale.reading = "stale".to_owned();
    stale.source = "prometheus".to_owned();
    stale.error = Some("the query's answer did not come within 5 s".to_owned());
    let mut rising = signal("memory_used", now_ms, 0.85, 0.7, |x| 0.55 + 0.022 * x);
    rising.crosses_in_ms = Some(540_000);
    rising.source = "placement".to_owned();
    rising.measured_by = "used_ratio of MEMORY_MB".to_owned();
    let mut arrivals = signal("arrivals", now_ms, 30.0, 10.0, |x| {
        ((x * 3.0).sin().abs() * 14.0).round()
    });
    arrivals.source = "notifications".to_owned();
    arrivals.measured_by = "arrivals_per_minute over 300 s".to_owned();
    let mut absent = signal("gpu_use", now_ms, 0.9, 0.7, |_| 0.0);
    absent.scope = "aggregate:gpu".to_owned();
    absent.reading = "absent".to_owned();
    absent.when_missing = "ignore".to_owned();
    (absent.value, absent.value_at_ms, absent.course) = (None, None, Vec::new());
    absent.error = Some("no target has the series dcgm_fi_dev_gpu_util".to_owned());
    vec![
        signal("cpu_busy", now_ms, 0.8, 0.6, |x| {
            0.62 + 0.3 / (1.0 + (6.0 - x).exp())
        }),
        rising,
        arrivals,
        stale,
        absent,
    ]
}

/// A signal with a course over ten minutes that ends at `until_ms`; `shape` takes 0 to 10.
fn signal(
    name: &str,
    until_ms: u64,
    open_at: f64,
    close_at: f64,
    shape: impl Fn(f64) -> f64,
) -> SignalView {
    let course: Vec<_> = (0..120_u32)
        .map(|at| {
            let at_ms = until_ms - 2_000 - u64::from(119 - at) * 5_000;
            (at_ms, shape(f64::from(at) / 12.0))
        })
        .collect();
    SignalView {
        name: name.to_owned(),
        scope: "cloud".to_owned(),
        source: "hosts".to_owned(),
        measured_by: "mean of private_cpu_busy_ratio".to_owned(),
        reading: "fresh".to_owned(),
        value: course.last().map(|point| point.1),
        value_at_ms: course.last().map(|point| point.0),
        open_at,
        close_at,
        stale_after_ms: 45_000,
        when_missing: "hold".to_owned(),
        crosses_in_ms: None,
        error: None,
        course,
    }
}

fn sources(now_ms: u64) -> Vec<SourceView> {
    let source = |name: &str, kind: &str, up, down| SourceView {
        name: name.to_owned(),
        kind: kind.to_owned(),
        last_good_at_ms: Some(now_ms - 3_000),
        took_ms: Some(38),
        reads: 3_590,
        targets_up: up,
        targets_down: down,
        bytes: 91_004_112,
        ..SourceView::default()
    };
    let mut hosts = source("hosts", "scrape", 47, 1);
    hosts.error = Some("http://10.0.3.17:9100/metrics: connection refused".to_owned());
    hosts.failures = BTreeMap::from([("connect".to_owned(), 212), ("timeout".to_owned(), 3)]);
    let mut prometheus = source("prometheus", "promql", 0, 1);
    prometheus.error = Some("the answer did not come within 5 s".to_owned());
    prometheus.failures = BTreeMap::from([("timeout".to_owned(), 29)]);
    prometheus.last_good_at_ms = Some(now_ms - 152_000);
    let mut notifications = source("notifications", "notifications", 1, 0);
    notifications.connected = Some(true);
    notifications.reconnects = 1;
    notifications.notifications = BTreeMap::from([
        ("instance.create.start".to_owned(), 812),
        ("instance.create.end".to_owned(), 790),
        ("instance.create.error".to_owned(), 22),
    ]);
    notifications.poison = 2;
    let mut burst_hosts = source("burst_hosts", "burst_hosts", 1, 1);
    burst_hosts.error = Some("burst-2: connection refused".to_owned());
    burst_hosts.failures = BTreeMap::from([("connect".to_owned(), 14)]);
    let placement = source("placement", "placement", 1, 0);
    vec![hosts, prometheus, notifications, placement, burst_hosts]
}

fn burst_hosts(now_ms: u64) -> Vec<BurstHostView> {
    let offer = |host: &str, size: &str, price, room| OfferView {
        burst_host: host.to_owned(),
        size: size.to_owned(),
        price_usd_per_hour: price,
        room,
        ..OfferView::default()
    };
    let mut barred = offer("burst-1", "c5.4xlarge", Some(0.776), Some(2));
    barred.barred_until_ms = Some(now_ms + 240_000);
    barred.recent_failures = 2;
    let limit = |resource: &str, used, limit| ResourceView {
        resource: resource.to_owned(),
        used,
        limit,
    };
    let first = BurstHostView {
        name: "burst-1".to_owned(),
        provider: "ec2".to_owned(),
        up: true,
        not_read: false,
        seen_at_ms: Some(now_ms - 4_000),
        error: None,
        servers: BTreeMap::from([("running".to_owned(), 14), ("pending".to_owned(), 1)]),
        spend: Some(SpendView {
            hourly_usd: 2.88,
            month_usd: 401.7,
        }),
        start_time_ms: Some(41_000),
        launches: BTreeMap::from([
            ("launched".to_owned(), 61),
            ("adopted".to_owned(), 0),
            ("refused".to_owned(), 4),
            ("failed".to_owned(), 1),
        ]),
        limits: vec![
            limit("servers", 15.0, 20.0),
            limit("vcpus", 44.0, 64.0),
            limit("memory_mb", 131_072.0, 131_072.0),
            limit("disk_gb", 900.0, 4_000.0),
        ],
        offers: vec![
            offer("burst-1", "m5.large", Some(0.096), Some(5)),
            offer("burst-1", "m5.xlarge", Some(0.192), Some(5)),
            barred,
        ],
    };
    let second = BurstHostView {
        name: "burst-2".to_owned(),
        provider: "ec2".to_owned(),
        up: false,
        seen_at_ms: Some(now_ms - 400_000),
        error: Some("connection refused".to_owned()),
        offers: vec![offer("burst-2", "m5.large", None, None)],
        ..BurstHostView::default()
    };
    vec![first, second]
}

fn journal() -> JournalView {
    let decisions = |attempt: &str, reason: &str, shadow: &str, count| DecisionCount {
        attempt: attempt.to_owned(),
        reason: reason.to_owned(),
        shadow_attempt: shadow.to_owned(),
        count,
    };
    let outcomes = |result: &str, path: &str, count| OutcomeCount {
        result: result.to_owned(),
        path: path.to_owned(),
        count,
    };
    JournalView {
        path: "/var/log/spillway/journal.jsonl".to_owned(),
        lines: BTreeMap::from([
            ("decision".to_owned(), 1_840),
            ("outcome".to_owned(), 1_839),
            ("policy".to_owned(), 6),
        ]),
        bad_lines: 1,
        lag_bytes: 0,
        error: None,
        decisions: vec![
            decisions("filter", "gate_closed", "", 1_700),
            decisions("hybrid", "gate_open", "", 120),
            decisions("filter", "mode_shadow", "hybrid", 20),
        ],
        outcomes: vec![
            outcomes("placed", "filter", 1_715),
            outcomes("placed", "hybrid", 118),
            outcomes("no_valid_host", "none", 6),
        ],
    }
}

/// The decision before `back` others.
fn decision(back: u32, now_ms: u64) -> DecisionView {
    let kind = back % 5;
    let bursts = matches!(kind, 0 | 1);
    let reason = |code: &str, sentence: &str| ReasonView {
        code: code.to_owned(),
        sentence: sentence.to_owned(),
    };
    let reasons = match kind {
        0 | 1 => vec![
            reason(
                "gate_open",
                "the gate of the cloud is open, so rule 'web' bursts it",
            ),
            reason(
                "cheapest",
                "burst-1 has the lowest price, 0.0960 USD per hour",
            ),
        ],
        2 => vec![reason("no_rule", "no rule lets this request burst")],
        3 => vec![reason(
            "overflow_allowed",
            "private hosts first; rule 'web' lets it overflow",
        )],
        _ => vec![reason("rule_never", "rule 'databases' keeps it private")],
    };
    let host = if bursts { "burst-1" } else { "compute-17" };
    let uuid = format!("6b1f0c9e-52f4-4a51-9a77-{back:012}");
    let no_host = kind == 3;
    let outcome = OutcomeView {
        result: if no_host { "no_valid_host" } else { "placed" }.to_owned(),
        path: (!no_host).then(|| if bursts { "hybrid" } else { "filter" }.to_owned()),
        hosts: if no_host {
            BTreeMap::new()
        } else {
            BTreeMap::from([(uuid.clone(), host.to_owned())])
        },
        elapsed_ms: Some(212.0),
        detail: String::new(),
    };
    DecisionView {
        id: format!("decision-{back:06}"),
        at_ms: now_ms - 9_000 - u64::from(back) * 47_000,
        request_id: Some(format!("req-6b1f0c9e-52f4-4a51-9a77-{back:012}")),
        instance_uuids: vec![uuid],
        project_id: "8d2f6c0b6b9d4a1fb2f9d2f0c1a7e55d".to_owned(),
        flavor: ["m1.small", "m1.large", "c1.xlarge"][back as usize % 3].to_owned(),
        attempt: if bursts { "hybrid" } else { "filter" }.to_owned(),
        shadow_attempt: None,
        reasons,
        outcome: (back != 0).then_some(outcome),
    }
}
