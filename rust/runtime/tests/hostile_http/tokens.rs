//! Secrets.

use crate::heard::{ATTACKED, Heard, mean_of, promql_source, query, scrape_source};
use crate::server::{Exchange, Server, answer, ok};
use spillway_runtime::sources::{Event, FailureKind};
use std::fs;

const VECTOR: &str = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;

/// Serves whoever brings the token of the moment, the other one being `stale`.
async fn guarded(token: &'static str) -> Server {
    Server::start(move |mut exchange: Exchange| async move {
        let wanted = format!("authorization: Bearer {token}");
        let has_token = exchange.request.lines().any(|line| line == wanted);
        let body = if exchange.request.contains("/api/v1/query") {
            VECTOR
        } else {
            ""
        };
        let answer = match (has_token, body) {
            (false, _) => answer("401 Unauthorized", "text/plain", &exchange.request),
            (true, "") => ok("load 1\n"),
            (true, body) => answer("200 OK", "application/json", body),
        };
        exchange.send(answer.as_bytes()).await;
    })
    .await
}

#[tokio::test]
async fn a_replaced_token_is_used_in_the_next_round_and_none_is_ever_shown() {
    let server = guarded("s3cret-new").await;
    let folder = tempfile::tempdir().expect("a folder");
    let token_file = folder.path().join("token");
    for is_scrape in [true, false] {
        fs::write(&token_file, "s3cret-old\n").expect("a file");
        let mut heard = Heard::nothing_yet();
        if is_scrape {
            let mut source = scrape_source(vec![server.url("/metrics?key=s3cret")]);
            source.token_file = Some(token_file.clone());
            heard.scrape(source, vec![(ATTACKED, mean_of("load"))]);
        } else {
            let mut source = promql_source(server.url(""));
            source.token_file = Some(token_file.clone());
            heard.promql(source, vec![(ATTACKED, query("up"))]);
        }
        let mut all = String::new();
        let mut failures = Vec::new();
        loop {
            let event = heard.next(Some).await;
            all.push_str(&format!("{event:?}\n"));
            match event {
                Event::Unmeasured { failure, .. } => {
                    all.push_str(&failure.to_string());
                    failures.push(failure.kind);
                    match failures.len() {
                        1 => fs::remove_file(&token_file).expect("it was there"),
                        2 => fs::write(&token_file, "s3cret-new").expect("a file"),
                        _ => {}
                    }
                }
                Event::Sampled { .. } => break,
                _ => {}
            }
        }
        assert!(
            failures
                .iter()
                .all(|kind| *kind == FailureKind::Unauthorized),
            "{all}"
        );
        assert!(failures.len() >= 2, "{all}");
        assert!(!all.contains("s3cret"), "{all}");
    }
}
