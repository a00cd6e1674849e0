//! Targets that attack while they are fetched.

use crate::heard::{ATTACKED, Heard, WELL, mean_of, scrape_source};
use crate::server::{ENDLESS, Exchange, Server, answer, ok};
use flate2::Compression;
use flate2::write::GzEncoder;
use spillway_runtime::sources::{Event, FailureKind};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, interval};

/// Attacks one source while another one is well: the attacked signal has to fail in that way and
/// in time, and the other has to go on as if nothing were there.
async fn attack<A>(
    kind: FailureKind,
    detail: &str,
    serve: impl Fn(Exchange) -> A + Send + Sync + 'static,
) where
    A: Future<Output = ()> + Send + 'static,
{
    let attacker = Server::start(serve).await;
    check(&attacker.url("/metrics"), kind, detail).await;
}

async fn check(url: &str, kind: FailureKind, detail: &str) {
    let healthy = Server::of_page("load 2\n").await;
    let mut heard = Heard::nothing_yet();
    let attacked = scrape_source(vec![url.to_owned()]);
    heard.scrape(attacked, vec![(ATTACKED, mean_of("load"))]);
    let well = scrape_source(vec![healthy.url("/metrics")]);
    heard.scrape(well, vec![(WELL, mean_of("load"))]);
    let mut n_failures = 0;
    let mut n_samples = 0;
    while n_failures < 2 || n_samples < 3 {
        let failure = heard.next(|event| match event {
            Event::Sampled { signal: WELL, .. } => Some(None),
            Event::Unmeasured {
                signal: ATTACKED,
                failure,
            } => Some(Some(failure)),
            Event::Read { report, .. } => {
                assert!(report.took.0 < 5_000, "{report:?}");
                None
            }
            other => panic!("{other:?}"),
        });
        let Some(failure) = failure.await else {
            n_samples += 1;
            continue;
        };
        n_failures += 1;
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.detail.contains(detail), "{failure}");
        assert!(failure.detail.contains("/metrics: "), "{failure}");
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_off_at_the_limit() {
    let most_taken = Arc::new(AtomicU64::new(0));
    let most = Arc::clone(&most_taken);
    let detail = "larger than 1048576 bytes";
    attack(FailureKind::TooLarge, detail, move |mut exchange| {
        let most = Arc::clone(&most);
        async move {
            exchange.send(ENDLESS.as_bytes()).await;
            let lines = "load 1\n".repeat(10_000);
            let mut taken = 0;
            while exchange.stream.write_all(lines.as_bytes()).await.is_ok() {
                taken += lines.len() as u64;
                most.fetch_max(taken, Ordering::Relaxed);
            }
        }
    })
    .await;
    // What lies in the buffers of the two sockets was taken too; it is a few MiB at most.
    let most_taken = most_taken.load(Ordering::Relaxed);
    assert!((1 << 20..32 << 20).contains(&most_taken), "{most_taken}");
}

#[tokio::test]
async fn a_gzip_bomb_is_counted_as_it_unfolds() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..32 {
        encoder.write_all(&[b'\n'; 1 << 20]).expect("memory");
    }
    let bomb = Arc::new(encoder.finish().expect("memory"));
    assert!(bomb.len() < 1 << 20, "it is small on the wire");
    attack(
        FailureKind::TooLarge,
        "larger than 1048576 bytes",
        move |mut exchange| {
            let bomb = Arc::clone(&bomb);
            async move {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n",
                    bomb.len()
                );
                exchange.send(head.as_bytes()).await;
                exchange.send(&bomb).await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn bytes_that_are_not_what_their_encoding_says_are_no_page() {
    attack(FailureKind::Malformed, "", |mut exchange| async move {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\
                    Content-Length: 9\r\nConnection: close\r\n\r\nload 1\n\n\n";
        exchange.send(head.as_bytes()).await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_beyond_the_limit() {
    attack(
        FailureKind::Timeout,
        "no whole answer within",
        |mut exchange| async move {
            exchange.hang().await;
        },
    )
    .await;
}

/// Sends one byte every 50 ms, for ever.
async fn drip(exchange: &mut Exchange, text: &str) {
    let mut ticks = interval(Duration::from_millis(50));
    for byte in text.bytes().cycle() {
        ticks.tick().await;
        if exchange.stream.write_all(&[byte]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn headers_that_drip_are_not_waited_for_beyond_the_limit() {
    attack(
        FailureKind::Timeout,
        "no whole answer within",
        |mut exchange| async move {
            exchange.send(b"HTTP/1.1 200 OK\r\n").await;
            drip(&mut exchange, "X-Slow: 1\r\n").await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_body_that_drips_is_not_waited_for_beyond_the_limit() {
    attack(
        FailureKind::Timeout,
        "no whole answer within",
        |mut exchange| async move {
            exchange.send(ENDLESS.as_bytes()).await;
            drip(&mut exchange, "load 1\n").await;
        },
    )
    .await;
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    attack(FailureKind::Malformed, "", |mut exchange| async move {
        exchange.send(b"HTTP/1.1 200 OK\r\n").await;
        let header = format!("X-Long: {}\r\n", "x".repeat(8_000));
        while exchange.stream.write_all(header.as_bytes()).await.is_ok() {}
    })
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&elsewhere);
    let other = Server::start(move |mut exchange| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { exchange.send(ok("load 1\n").as_bytes()).await }
    })
    .await;
    let target = other.url("/metrics");
    attack(
        FailureKind::Status,
        "answered 302 Found",
        move |mut exchange| {
            let head =
                format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            async move { exchange.send(head.as_bytes()).await }
        },
    )
    .await;
    assert_eq!(elsewhere.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_redirect_loop_is_one_answer() {
    attack(
        FailureKind::Status,
        "answered 301 Moved Permanently",
        |mut exchange| async move {
            let head = "HTTP/1.1 301 x\r\nLocation: /metrics\r\nContent-Length: 0\r\n\r\n";
            exchange.send(head.as_bytes()).await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_status_without_success_is_a_failure_whatever_the_body() {
    for (status, kind) in [
        ("500 Internal Server Error", FailureKind::Status),
        ("503 Service Unavailable", FailureKind::Status),
        ("404 Not Found", FailureKind::Status),
        ("401 Unauthorized", FailureKind::Unauthorized),
        ("403 Forbidden", FailureKind::Unauthorized),
    ] {
        let detail = format!("answered {status}");
        attack(kind, &detail, move |mut exchange| async move {
            let answer = answer(status, "text/plain", "load 1\n");
            exchange.send(answer.as_bytes()).await;
        })
        .await;
    }
}

#[tokio::test]
async fn no_content_has_no_series() {
    attack(FailureKind::Absent, "of load", |mut exchange| async move {
        exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_login_page_is_no_page_of_metrics() {
    attack(
        FailureKind::Malformed,
        "content type \"text/html\"",
        |mut exchange| async move {
            let answer = answer(
                "200 OK",
                "text/html; charset=utf-8",
                "<html>load 1\nload 1\n",
            );
            exchange.send(answer.as_bytes()).await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_a_lost_connection() {
    attack(FailureKind::Connect, "", |mut exchange| async move {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n";
        exchange.send(head.as_bytes()).await;
        exchange.send(b"load 1\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_reset_in_the_body_is_a_lost_connection() {
    attack(FailureKind::Connect, "", |mut exchange| async move {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n";
        exchange.send(head.as_bytes()).await;
        exchange.send(b"load 1\n").await;
        // Closing without the time to linger sends a reset.
        exchange.stream.set_zero_linger().expect("a socket option");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_http_is_no_page() {
    attack(FailureKind::Malformed, "", |mut exchange| async move {
        exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_port_and_an_unknown_name_are_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    check(
        &format!("http://{address}/metrics"),
        FailureKind::Connect,
        "",
    )
    .await;
    // The top-level domain is reserved for names that do not exist (RFC 6761).
    check("http://exporter.invalid/metrics", FailureKind::Connect, "").await;
}

#[tokio::test]
async fn a_target_that_vanished_is_read_again_when_it_is_back() {
    let serve = |mut exchange: Exchange| async move {
        exchange.send(ok("load 2\n").as_bytes()).await;
    };
    let first = Server::start(serve).await;
    let address = first.address;
    let mut heard = Heard::nothing_yet();
    let source = scrape_source(vec![first.url("/metrics")]);
    heard.scrape(source, vec![(ATTACKED, mean_of("load"))]);
    assert!((heard.value(ATTACKED).await - 2.0).abs() < f64::EPSILON);
    drop(first);
    while heard.of(ATTACKED).await.is_ok() {}
    assert_eq!(heard.failure(ATTACKED).await.kind, FailureKind::Connect);
    let _second = Server::start_at(address, serve).await;
    while heard.of(ATTACKED).await.is_err() {}
}

/// The attacked target is one of three of the same source, and hangs: the others' mean goes on,
/// and from the second round on it does not wait for the hanging one.
#[tokio::test]
async fn a_hanging_target_neither_takes_nor_delays_the_others_samples() {
    let well = Server::of_page("load 2\n").await;
    let hanging =
        Server::start(|mut exchange: Exchange| async move { exchange.hang().await }).await;
    let mut source = scrape_source(vec![
        hanging.url("/metrics"),
        well.url("/1"),
        well.url("/2"),
    ]);
    source.interval = spillway_core::units::Span(3_000);
    source.timeout = spillway_core::units::Span(2_500);
    let mut heard = Heard::nothing_yet();
    let begun = Instant::now();
    heard.scrape(source, vec![(WELL, mean_of("load"))]);
    assert!((heard.value(WELL).await - 2.0).abs() < f64::EPSILON);
    assert!(
        begun.elapsed() >= Duration::from_millis(2_400),
        "it was waited for once"
    );
    assert!((heard.value(WELL).await - 2.0).abs() < f64::EPSILON);
    let second = begun.elapsed();
    assert!(second >= Duration::from_millis(2_900), "{second:?}");
    assert!(second < Duration::from_millis(4_500), "{second:?}");
}

/// The sample has to come while the other target is still being waited for.
#[tokio::test]
async fn a_change_is_told_before_the_slowest_target_has_answered() {
    let load = Arc::new(AtomicU64::new(1));
    let served = Arc::clone(&load);
    let quick = Server::start(move |mut exchange| {
        let answer = ok(&format!("load {}\n", served.load(Ordering::Relaxed)));
        async move { exchange.send(answer.as_bytes()).await }
    })
    .await;
    let may_answer = Arc::new(tokio::sync::Semaphore::new(1));
    let asked = Arc::clone(&may_answer);
    let slow = Server::start(move |mut exchange| {
        let asked = Arc::clone(&asked);
        async move {
            asked.acquire().await.expect("it is never closed").forget();
            exchange.send(ok("load 1\n").as_bytes()).await;
        }
    })
    .await;
    let mut source = scrape_source(vec![quick.url("/metrics"), slow.url("/metrics")]);
    source.interval = spillway_core::units::Span::from_secs(5);
    source.timeout = spillway_core::units::Span::from_secs(5);
    let mut heard = Heard::nothing_yet();
    heard.scrape(source, vec![(ATTACKED, mean_of("load"))]);
    assert!((heard.value(ATTACKED).await - 1.0).abs() < f64::EPSILON);
    load.store(3, Ordering::Relaxed);
    let told = heard.next(|event| match event {
        Event::Interim { sample, .. } => Some(sample.value),
        _ => None,
    });
    assert!((told.await - 2.0).abs() < f64::EPSILON);
    may_answer.add_permits(1);
}
