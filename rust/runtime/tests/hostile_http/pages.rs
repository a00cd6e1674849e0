//! Pages that arrive whole and lie.

use crate::heard::{ATTACKED, Heard, WELL, mean_of, scrape_source};
use crate::server::{Server, ok};
use spillway_runtime::config::ScrapeSignal;
use spillway_runtime::sources::{Event, FailureKind};
use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.expect("a clock").as_millis()).expect("a time")
}

/// A page whose `load` lies; another signal of the same page has to go on.
async fn check(page: &str, kind: FailureKind, detail: &str) {
    let server = Server::of_page(format!("{page}healthy 3\n")).await;
    let mut source = scrape_source(vec![server.url("/metrics")]);
    source.max_bytes = 64 << 20;
    source.interval = spillway_core::units::Span(5_000);
    source.timeout = source.interval;
    let mut heard = Heard::nothing_yet();
    heard.scrape(
        source,
        vec![(ATTACKED, mean_of("load")), (WELL, mean_of("healthy"))],
    );
    let failure = heard.failure(ATTACKED).await;
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.detail.contains(detail), "{failure}");
    assert!((heard.value(WELL).await - 3.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn what_is_not_a_number_is_a_failure() {
    for text in ["NaN", "+Inf", "-Inf", "1e999"] {
        check(
            &format!("load {text}\n"),
            FailureKind::Malformed,
            "a finite number",
        )
        .await;
    }
    check("load five\n", FailureKind::Malformed, "line 1: ").await;
}

#[tokio::test]
async fn the_same_series_twice_is_a_failure() {
    let page = "load{a=\"1\",b=\"2\"} 1\nload{b=\"2\",a=\"1\"} 2\n";
    check(
        page,
        FailureKind::Malformed,
        "line 2: expected each series once",
    )
    .await;
}

#[tokio::test]
async fn a_time_that_is_yet_to_come_is_a_failure() {
    let ahead = format!("load 1 {}\n", now_ms() + 3_600_000);
    check(&ahead, FailureKind::Malformed, "ahead of our clock").await;
}

#[tokio::test]
async fn a_million_labels_and_a_line_without_end_are_failures() {
    let labels: String = (0..1_000_000).map(|n| format!("l{n}=\"\",")).collect();
    check(
        &format!("load{{{labels}}} 1\n"),
        FailureKind::TooMany,
        "shorter line",
    )
    .await;
    let few: String = (0..100).map(|n| format!("l{n}=\"\",")).collect();
    check(
        &format!("load{{{few}}} 1\n"),
        FailureKind::TooMany,
        "fewer labels",
    )
    .await;
    let long = "x".repeat(10 << 20);
    check(
        &format!("load{{l=\"{long}\"}} 1\n"),
        FailureKind::TooMany,
        "shorter line",
    )
    .await;
}

/// A series that nobody asked for cannot hurt, however large it is.
#[tokio::test]
async fn a_million_samples_of_another_series_hurt_nobody() {
    let page: String = (0..1_000_000)
        .map(|n| format!("other{{n=\"{n}\"}} 1\n"))
        .collect();
    check(&page, FailureKind::Absent, "of load").await;
}

#[tokio::test]
async fn a_million_samples_are_too_many() {
    let page: String = (0..1_000_000)
        .map(|n| format!("load{{n=\"{n}\"}} 1\n"))
        .collect();
    let server = Server::of_page(page).await;
    let mut source = scrape_source(vec![server.url("/metrics")]);
    source.max_bytes = 64 << 20;
    source.interval = spillway_core::units::Span(10_000);
    source.timeout = source.interval;
    let mut heard = Heard::nothing_yet();
    heard.scrape(source, vec![(ATTACKED, mean_of("load"))]);
    assert_eq!(heard.failure(ATTACKED).await.kind, FailureKind::TooMany);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_a_failure() {
    let server = Server::start(|mut exchange| async move {
        let page = b"load{a=\"\xff\xfe\"} 1\nhealthy 3\n";
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
        exchange.send(head.as_bytes()).await;
        exchange.send(page).await;
    })
    .await;
    let mut heard = Heard::nothing_yet();
    let source = scrape_source(vec![server.url("/metrics")]);
    heard.scrape(
        source,
        vec![(ATTACKED, mean_of("load")), (WELL, mean_of("healthy"))],
    );
    let failure = heard.failure(ATTACKED).await;
    assert_eq!(failure.kind, FailureKind::Malformed);
    assert!(failure.detail.contains("expected UTF-8"), "{failure}");
    assert!((heard.value(WELL).await - 3.0).abs() < f64::EPSILON);
}

/// One of three targets lies with a number that is none: it is left out and counted as down.
#[tokio::test]
async fn one_target_without_a_finite_number_does_not_take_the_mean_away() {
    let well = Server::of_page("load 2\n").await;
    let lying = Server::of_page("load NaN\n").await;
    let targets = vec![well.url("/1"), lying.url("/2"), well.url("/3")];
    let mut heard = Heard::nothing_yet();
    heard.scrape(scrape_source(targets), vec![(WELL, mean_of("load"))]);
    assert!((heard.value(WELL).await - 2.0).abs() < f64::EPSILON);
    let report = heard.next(|event| match event {
        Event::Read { report, .. } => Some(report),
        _ => None,
    });
    let report = report.await;
    assert_eq!((report.targets_up, report.failures.len()), (2, 1));
    assert!(
        report.failures[0]
            .detail
            .contains("/2: expected a finite number, there is NaN")
    );
}

fn rate_of(series: &str) -> ScrapeSignal {
    ScrapeSignal {
        rate: true,
        ..mean_of(series)
    }
}

#[tokio::test]
async fn a_counter_that_begins_again_has_a_rate_and_never_a_negative_one() {
    let server = Server::start(|mut exchange| async move {
        let counter = match exchange.n_before {
            0 => 1_000_000,
            1 => 1_000_100,
            n => n,
        };
        exchange
            .send(ok(&format!("work_total {counter}\n")).as_bytes())
            .await;
    })
    .await;
    let mut heard = Heard::nothing_yet();
    let source = scrape_source(vec![server.url("/metrics")]);
    heard.scrape(source, vec![(ATTACKED, rate_of("work_total"))]);
    let failure = heard.failure(ATTACKED).await;
    assert_eq!(
        failure.kind,
        FailureKind::Absent,
        "one sample has no rate: {failure}"
    );
    let before = heard.value(ATTACKED).await;
    assert!(before > 1.0, "100 in about half a second: {before}");
    for _ in 0..3 {
        let rate = heard.value(ATTACKED).await;
        assert!((0.0..20.0).contains(&rate), "{rate}");
    }
}

/// The target's own times jump back by an hour: there is no rate over the jump, and there is one
/// again behind it. Its samples are as old as it says.
#[tokio::test]
async fn times_that_jump_back_give_no_rate_once_and_old_samples() {
    let begun = now_ms();
    let server = Server::start(move |mut exchange| async move {
        let n = exchange.n_before;
        let jump = if n < 2 { 0 } else { 3_600_000 };
        let at = begun - 10_000 + n * 1_000 - jump;
        let page = format!("work_total {} {at}\n", 1_000 + n * 10);
        exchange.send(ok(&page).as_bytes()).await;
    })
    .await;
    let mut heard = Heard::nothing_yet();
    let source = scrape_source(vec![server.url("/metrics")]);
    heard.scrape(source, vec![(ATTACKED, rate_of("work_total"))]);
    assert_eq!(heard.failure(ATTACKED).await.kind, FailureKind::Absent);
    let sample = heard.of(ATTACKED).await.expect("a rate");
    assert!((sample.value - 10.0).abs() < 1e-9);
    assert_eq!(sample.at.0, begun - 9_000);
    assert_eq!(heard.failure(ATTACKED).await.kind, FailureKind::Absent);
    let sample = heard.of(ATTACKED).await.expect("a rate");
    assert!((sample.value - 10.0).abs() < 1e-9);
    assert_eq!(sample.at.0, begun - 7_000 - 3_600_000);
}
