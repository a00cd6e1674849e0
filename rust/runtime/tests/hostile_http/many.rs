//! Many targets.

use crate::heard::{ATTACKED, Heard, WELL, mean_of, scrape_source};
use crate::server::{ENDLESS, Exchange, Server, ok};
use spillway_core::units::Span;
use spillway_runtime::config::{Reduce, ScrapeSignal};
use spillway_runtime::selector::Selector;
use spillway_runtime::sources::{Event, FailureKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

/// 200 targets, each with the number in its path; a tenth of them answers 500.
#[tokio::test]
async fn two_hundred_targets_are_one_sample() {
    let server = Server::start(|mut exchange: Exchange| async move {
        let path = exchange.request.split(' ').nth(1).unwrap_or_default();
        let number: u32 = path.trim_start_matches('/').parse().unwrap_or(0);
        let answer = if number % 10 == 9 {
            "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n".to_owned()
        } else {
            ok(&format!("busy {number}\nall 1000\n"))
        };
        exchange.send(answer.as_bytes()).await;
    })
    .await;
    let mut source = scrape_source((0..200).map(|n| server.url(&format!("/{n}"))).collect());
    source.interval = Span(10_000);
    source.timeout = Span(5_000);
    let how = |reduce| ScrapeSignal {
        reduce,
        ..mean_of("busy")
    };
    let ratio = ScrapeSignal {
        divide_by: Some(Selector::parse("all").expect("a selector")),
        complement: true,
        ..mean_of("busy")
    };
    let mut heard = Heard::nothing_yet();
    let signals = [
        how(Reduce::Max),
        how(Reduce::Min),
        how(Reduce::Sum),
        how(Reduce::Quantile(0.5)),
        ratio,
    ];
    heard.scrape(source, signals.into_iter().enumerate().collect());
    let given: Vec<f64> = (0..200).filter(|n| n % 10 != 9).map(f64::from).collect();
    let sum: f64 = given.iter().sum();
    for (signal, expected) in [198.0, 0.0, sum, 99.0, 1.0 - sum / 180_000.0]
        .into_iter()
        .enumerate()
    {
        let value = heard.value(signal).await;
        assert!(
            (value - expected).abs() < 1e-9,
            "{signal}: {value} is not {expected}"
        );
    }
    let report = heard.next(|event| match event {
        Event::Read { report, .. } => Some(report),
        _ => None,
    });
    let report = report.await;
    assert_eq!((report.targets_up, report.failures.len()), (180, 20));
    assert!(
        report.failures[0]
            .detail
            .ends_with("/9: answered 500 Internal Server Error")
    );
}

/// A change at the target is told within one interval and 100 ms. The bound is on our part: the
/// time that a busy machine takes for the rest is measured by the page's own clock and taken off.
#[tokio::test]
async fn a_change_is_told_within_one_interval() {
    let load = Arc::new(AtomicU64::new(1));
    let served = Arc::clone(&load);
    let server = Server::start(move |mut exchange: Exchange| {
        let page = ok(&format!("load {}\n", served.load(Ordering::Relaxed)));
        async move { exchange.send(page.as_bytes()).await }
    })
    .await;
    let mut source = scrape_source((0..20).map(|n| server.url(&format!("/{n}"))).collect());
    source.interval = Span(1_000);
    source.timeout = Span(1_000);
    let mut heard = Heard::nothing_yet();
    heard.scrape(source, vec![(WELL, mean_of("load"))]);
    let mut fastest = Duration::MAX;
    for value in 2_u32..5 {
        heard.value(WELL).await;
        // Behind the round that was just told: the worst moment.
        load.store(u64::from(value), Ordering::Relaxed);
        let changed = Instant::now();
        assert!((heard.value(WELL).await - f64::from(value)).abs() < f64::EPSILON);
        fastest = fastest.min(changed.elapsed());
    }
    assert!(fastest < Duration::from_millis(1_100), "{fastest:?}");
}

/// The most memory that this process ever had, bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.expect("a number").parse::<u64>().expect("a number") << 10
}

/// 100 targets at once send 8 MiB each and more: without a bound over all of them that would be
/// 800 MiB. Where the machine is too busy for so much, the time limit ends some.
#[tokio::test]
async fn a_fleet_of_endless_bodies_has_a_bounded_memory() {
    let lines = Arc::new("load 1\n".repeat(10_000));
    let server = Server::start(move |mut exchange: Exchange| {
        let lines = Arc::clone(&lines);
        async move {
            exchange.send(ENDLESS.as_bytes()).await;
            while exchange.stream.write_all(lines.as_bytes()).await.is_ok() {}
        }
    })
    .await;
    let mut source = scrape_source((0..100).map(|n| server.url(&format!("/{n}"))).collect());
    source.interval = Span(20_000);
    source.timeout = Span(15_000);
    source.max_bytes = 8 << 20;
    let mut heard = Heard::nothing_yet();
    heard.scrape(source, vec![(ATTACKED, mean_of("load"))]);
    let report = heard.next(|event| match event {
        Event::Read { report, .. } => Some(report),
        _ => None,
    });
    let report = report.await;
    assert_eq!(report.failures.len(), 100);
    let kinds: Vec<FailureKind> = report.failures.iter().map(|failure| failure.kind).collect();
    let is_expected = |kind| matches!(kind, FailureKind::TooLarge | FailureKind::Timeout);
    assert!(kinds.iter().copied().all(is_expected), "{kinds:?}");
    assert!(kinds.contains(&FailureKind::TooLarge), "{kinds:?}");
    assert!(peak_memory() < 640 << 20, "{}", peak_memory());
}
