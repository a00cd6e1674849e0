//! Query APIs that answer badly.

use crate::heard::{ATTACKED, Heard, WELL, promql_source, query};
use crate::server::{ENDLESS, Exchange, Server, answer};
use spillway_runtime::sources::FailureKind;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;

fn vector(series: &str) -> String {
    format!(
        "{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":[{series}]}}}}"
    )
}

fn json(status: &str, body: &str) -> String {
    answer(status, "application/json", body)
}

/// The signal fails in that way, and the next query of the same source has its answer.
async fn check(answer: String, kind: FailureKind, detail: &str) {
    let server = Server::start(move |mut exchange: Exchange| {
        let answer = if exchange.request.contains("query=well") {
            json(
                "200 OK",
                &vector(r#"{"metric":{},"value":[1700000000,"3"]}"#),
            )
        } else {
            answer.clone()
        };
        async move { exchange.send(answer.as_bytes()).await }
    })
    .await;
    let mut heard = Heard::nothing_yet();
    let signals = vec![(ATTACKED, query("attacked")), (WELL, query("well"))];
    heard.promql(promql_source(server.url("")), signals);
    let failure = heard.failure(ATTACKED).await;
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.detail.contains(detail), "{failure}");
    assert!(failure.detail.contains("/api/v1/query: "), "{failure}");
    let sample = heard.of(WELL).await.expect("a sample");
    assert!((sample.value - 3.0).abs() < f64::EPSILON);
    assert_eq!(sample.at.0, 1_700_000_000_000, "an old answer stays old");
}

#[tokio::test]
async fn every_bad_answer_is_a_failure_of_its_kind() {
    let sample = r#"{"metric":{},"value":[1700000000,"3"]}"#;
    let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    for (answer, kind, detail) in [
        (
            json("200 OK", &vector("")),
            FailureKind::Absent,
            "no series",
        ),
        (
            json("200 OK", &vector(&format!("{sample},{sample}"))),
            FailureKind::TooMany,
            "2 series, expected one; aggregate",
        ),
        (
            json("200 OK", refused),
            FailureKind::Status,
            "bad_data: parse error",
        ),
        (
            json("400 Bad Request", refused),
            FailureKind::Status,
            "answered 400 Bad Request: bad_data: parse error",
        ),
        (
            json("503 x", "<html>gateway</html>"),
            FailureKind::Status,
            "answered 503 Service Unavailable",
        ),
        (
            json("500 x", &vector(sample)),
            FailureKind::Status,
            "answered 500",
        ),
        (json("401 x", ""), FailureKind::Unauthorized, "answered 401"),
        (
            "HTTP/1.1 302 x\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n".to_owned(),
            FailureKind::Status,
            "answered 302 Found",
        ),
        (
            json("200 OK", "<html>login</html>"),
            FailureKind::Malformed,
            "no answer of the query API",
        ),
        (
            json("200 OK", &vector(sample)[..40]),
            FailureKind::Malformed,
            "no answer of the query API",
        ),
        (
            json("200 OK", &vector(sample).replace("vector", "matrix")),
            FailureKind::Malformed,
            "a range, expected an instant",
        ),
        (
            json(
                "200 OK",
                &vector(&sample.replace("1700000000", "99999999999")),
            ),
            FailureKind::Malformed,
            "ahead of our clock",
        ),
        (
            json("200 OK", &"[".repeat(100_000)),
            FailureKind::Malformed,
            "no answer of the query API",
        ),
        (
            json("200 OK", &vector(&vec![sample; 100_000].join(","))),
            FailureKind::TooLarge,
            "larger than 1048576 bytes",
        ),
    ] {
        check(answer, kind, detail).await;
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off_and_a_slow_query_hurts_only_its_own_signal() {
    let server = Server::start(|mut exchange: Exchange| async move {
        if exchange.request.contains("query=well") {
            let body = vector(r#"{"metric":{},"value":[1700000000,"3"]}"#);
            exchange.send(json("200 OK", &body).as_bytes()).await;
        } else if exchange.request.contains("query=slow") {
            exchange.hang().await;
        } else {
            exchange.send(ENDLESS.as_bytes()).await;
            while exchange.stream.write_all(&[b' '; 65_536]).await.is_ok() {}
        }
    })
    .await;
    let (slow, endless) = (2, 3);
    let signals = vec![
        (slow, query("slow")),
        (endless, query("endless")),
        (WELL, query("well")),
    ];
    let mut source = promql_source(server.url(""));
    source.interval = spillway_core::units::Span(1_500);
    source.timeout = spillway_core::units::Span(1_000);
    let mut heard = Heard::nothing_yet();
    heard.promql(source, signals);
    // The well one is told before the slow one's time is up.
    let mut order = Vec::new();
    while order.len() < 3 {
        order.push(
            heard
                .next(|event| match event {
                    spillway_runtime::sources::Event::Sampled { signal, .. } => {
                        Some((signal, None))
                    }
                    spillway_runtime::sources::Event::Unmeasured { signal, failure } => {
                        Some((signal, Some(failure.kind)))
                    }
                    _ => None,
                })
                .await,
        );
    }
    assert_eq!(order[2], (slow, Some(FailureKind::Timeout)), "{order:?}");
    assert!(order.contains(&(WELL, None)), "{order:?}");
    assert!(
        order.contains(&(endless, Some(FailureKind::TooLarge))),
        "{order:?}"
    );
    let report = heard.next(|event| match event {
        spillway_runtime::sources::Event::Read { report, .. } => Some(report),
        _ => None,
    });
    let report = report.await;
    assert_eq!((report.targets_up, report.failures.len()), (1, 2));
}

#[tokio::test]
async fn a_query_is_sent_as_it_is_written_with_tenant_however_long_it_is() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let server = Server::start(move |mut exchange: Exchange| {
        kept.lock()
            .expect("no panic")
            .push(exchange.request.clone());
        async move {
            let body = vector(r#"{"metric":{},"value":[1700000000,"NaN"]}"#);
            exchange.send(json("200 OK", &body).as_bytes()).await;
        }
    })
    .await;
    let mut source = promql_source(server.url("/prometheus"));
    source.tenant = Some("clouds".to_owned());
    let long = format!("sum(up{{a=\"{}\"}}) + 1", "x".repeat(10_000));
    let mut heard = Heard::nothing_yet();
    heard.promql(
        source,
        vec![
            (ATTACKED, query("sum(up{a=\"b&c\"}) + 1")),
            (WELL, query(&long)),
        ],
    );
    for _ in 0..2 {
        let sample = heard.next(|event| match event {
            spillway_runtime::sources::Event::Sampled { sample, .. } => Some(sample),
            _ => None,
        });
        assert!(sample.await.value.is_nan(), "the gate judges it");
    }
    let requests = requests.lock().expect("no panic");
    let short = "GET /prometheus/api/v1/query?query=sum%28up%7Ba%3D%22b%26c%22%7D%29+%2B+1\
         &partial_response=false HTTP/1.1";
    assert!(
        requests.iter().any(|request| request.starts_with(short)),
        "{requests:?}"
    );
    let long = requests
        .iter()
        .find(|request| request.starts_with("POST /prometheus/api/v1/query "));
    let long = long.expect("a POST");
    assert!(long.contains("content-type: application/x-www-form-urlencoded\r\n"));
    assert!(
        long.ends_with("%22%7D%29+%2B+1&partial_response=false"),
        "the whole query is in the body"
    );
    assert!(
        requests
            .iter()
            .all(|request| request.contains("x-scope-orgid: clouds\r\n"))
    );
}
