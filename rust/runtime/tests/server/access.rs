//! Who may ask, and what a page of another site cannot do.

use super::serving::Serving;
use super::views;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header;
use std::fs;

const TOKEN: &str = "0f3c9f1e5a7b4d2c8e6a";

#[tokio::test]
async fn a_token_is_needed_for_everything_but_the_health() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    fs::write(&file, format!("{TOKEN}\n")).expect("a file");
    let serving = Serving::start_with(views::busy, Some(file), "none".into()).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(serving.get(path).await.status(), 200, "{path}");
    }
    for path in ["/", "/metrics", "/api/v1/status", "/nowhere"] {
        let answer = serving.get(path).await;
        assert_eq!(answer.status(), 401, "{path}");
        assert!(answer.headers().contains_key(header::WWW_AUTHENTICATE));
    }
    let authorized = async |value: String| {
        let request = serving.client().get(serving.url("/api/v1/status"));
        let answer = request.header(header::AUTHORIZATION, value).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(authorized(format!("Bearer {TOKEN}")).await, 200);
    let basic = BASE64.encode(format!("anyone:{TOKEN}"));
    assert_eq!(authorized(format!("Basic {basic}")).await, 200);
    for wrong in [
        format!("Bearer {TOKEN}x"),
        format!("Bearer {}", &TOKEN[1..]),
        "Bearer ".to_owned(),
        format!("Basic {TOKEN}"),
        format!("Digest {TOKEN}"),
        TOKEN.to_owned(),
    ] {
        assert_eq!(authorized(wrong.clone()).await, 401, "{wrong}");
    }
}

#[tokio::test]
async fn a_new_token_counts_at_once_and_a_lost_file_lets_nobody_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    fs::write(&file, TOKEN).expect("a file");
    let serving = Serving::start_with(views::busy, Some(file.clone()), "none".into()).await;
    let with = async |token: &str| {
        let request = serving.client().get(serving.url("/metrics"));
        let answer = request.bearer_auth(token).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(with(TOKEN).await, 200);
    fs::write(&file, "another-token").expect("a file");
    assert_eq!((with(TOKEN).await, with("another-token").await), (401, 200));
    fs::remove_file(&file).expect("removed");
    assert_eq!(with("another-token").await, 503);
    fs::write(&file, TOKEN).expect("a file");
    assert_eq!(with(TOKEN).await, 200);
}

#[tokio::test]
async fn a_token_file_that_cannot_be_used_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(views::new).await;
    let file = folder.path().join("token");
    fs::write(&file, " \n").expect("a file");
    for path in [folder.path().join("none"), folder.path().into(), file] {
        let error = serving.bind_with_token(path.clone()).expect_err("no token");
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
    }
}

/// DNS rebinding: a page of another site has its name point at 127.0.0.1.
#[tokio::test]
async fn a_name_that_is_not_ours_gets_nothing() {
    let serving = Serving::start(views::busy).await;
    let port = serving.address().port();
    let status = async |host: String| {
        let request = serving.client().get(serving.url("/api/v1/status"));
        let answer = request.header(header::HOST, host).send().await;
        answer.expect("an answer").status().as_u16()
    };
    for ours in ["localhost", "LOCALHOST", "127.0.0.1", "127.0.0.9", "[::1]"] {
        assert_eq!(status(format!("{ours}:{port}")).await, 200, "{ours}");
    }
    for other in [
        "rebound.example",
        "localhost.example",
        "192.0.2.1",
        "127.0.0.1.example",
    ] {
        assert_eq!(status(format!("{other}:{port}")).await, 421, "{other}");
    }
    assert_eq!(status("a b".to_owned()).await, 400);
}

/// CSRF: a page of another site sends a form or a request of its own.
#[tokio::test]
async fn another_sites_page_cannot_command() {
    let serving = Serving::start(views::busy).await;
    let url = serving.url("/api/v1/pause");
    let post = || serving.client().post(&url).body("{}");
    let json = || post().header(header::CONTENT_TYPE, "application/json");
    let ours = format!("http://{}", serving.address());
    let cases = [
        (post(), 415),
        (post().header(header::CONTENT_TYPE, "text/plain"), 415),
        (json().header(header::ORIGIN, "https://evil.example"), 403),
        (json().header(header::ORIGIN, "null"), 403),
        (json().header("Sec-Fetch-Site", "cross-site"), 403),
        (json().header(header::ORIGIN, &ours), 200),
        (json().header("Sec-Fetch-Site", "same-origin"), 200),
        (json(), 200),
    ];
    for (at, (request, expected)) in cases.into_iter().enumerate() {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), expected, "case {at}");
    }
    assert_eq!(serving.said(), ["Pause"; 3]);
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_doing_anything_with_it() {
    let serving = Serving::start(views::busy).await;
    for path in ["/", "/metrics", "/api/v1/status", "/nowhere", "/healthz"] {
        let answer = serving.get(path).await;
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    }
}
