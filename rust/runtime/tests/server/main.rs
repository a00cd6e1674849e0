//! The server as a client sees it, over real connections.
#![forbid(unsafe_code)]

mod access;
mod docs;
mod history;
mod limits;
mod metrics;
mod serving;
mod tls;
#[path = "../../examples/status_page/views.rs"]
mod views;

use serving::Serving;
use spillway_runtime::view::View;

#[tokio::test]
async fn the_status_is_the_view_as_it_stands() {
    let serving = Serving::start(views::busy).await;
    let expected = serde_json::to_value(&*serving.view()).expect("JSON");
    assert_eq!(serving.json("/api/v1/status").await, expected);
    for (path, key) in [
        ("/api/v1/signals", "signals"),
        ("/api/v1/gates", "gates"),
        ("/api/v1/sources", "sources"),
        ("/api/v1/burst-hosts", "burst_hosts"),
    ] {
        assert_eq!(serving.json(path).await[key], expected[key], "{path}");
    }
    let offers = serving.json("/api/v1/offers").await;
    assert_eq!(offers["offers"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_new_view_is_shown_at_once() {
    let serving = Serving::start(views::new).await;
    serving.publish(views::busy);
    let status = serving.json("/api/v1/status").await;
    assert_eq!(status["mode"]["effective"], "active");
    let metrics = serving.text("/metrics").await;
    assert!(metrics.contains("spillway_gate_open{scope=\"cloud\"} 1\n"));
}

#[tokio::test]
async fn it_is_ready_while_the_snapshot_is_fresh_and_the_policy_good() {
    let serving = Serving::start(views::busy).await;
    assert_eq!(serving.get("/readyz").await.status(), 200);
    assert_eq!(serving.get("/healthz").await.status(), 200);
    serving.publish(views::bad_day);
    let answer = serving.get("/readyz").await;
    assert_eq!(answer.status(), 503);
    let body: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(body["why"].as_array().map(Vec::len), Some(2), "{body}");
    assert_eq!(serving.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_command_is_carried_out_before_it_is_answered() {
    let serving = Serving::start(views::busy).await;
    let body = serde_json::json!({"scope": "cloud", "state": "closed", "for_secs": 60});
    let (status, answer) = serving.post("/api/v1/gate", &body).await;
    assert_eq!(status, 200, "{answer}");
    let said = serving.said();
    assert_eq!(
        said,
        ["Gate { scope: Some(Cloud), forced: Some(Closed), lasts: Some(Span(60000)) }"]
    );
    assert_eq!(
        answer["status"]["paused"], true,
        "the answer shows the view after the command"
    );
    for (path, body, command) in [
        ("pause", serde_json::json!({}), "Pause"),
        ("resume", serde_json::json!({}), "Resume"),
        (
            "mode",
            serde_json::json!({"mode": "off"}),
            "Mode(Some(Off))",
        ),
        ("mode", serde_json::json!({"mode": "policy"}), "Mode(None)"),
        (
            "gate",
            serde_json::json!({"state": "auto"}),
            "Gate { scope: None, forced: None, lasts: None }",
        ),
    ] {
        let (status, answer) = serving.post(&format!("/api/v1/{path}"), &body).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(serving.said().last().map(String::as_str), Some(command));
    }
}

#[tokio::test]
async fn a_refused_command_is_a_conflict_with_its_reason() {
    let serving = Serving::start(views::busy).await;
    serving.refuse();
    let body = serde_json::json!({"mode": "active"});
    let (status, answer) = serving.post("/api/v1/mode", &body).await;
    assert_eq!(status, 409);
    let error = answer["error"].as_str().expect("a sentence");
    assert!(error.contains("change the file"), "{error}");
}

#[tokio::test]
async fn a_malformed_command_says_what_was_expected() {
    let serving = Serving::start(views::busy).await;
    for (path, body) in [
        ("gate", serde_json::json!({"state": "ajar"})),
        (
            "gate",
            serde_json::json!({"state": "open", "scope": "planet"}),
        ),
        ("gate", serde_json::json!({"state": "open", "for_secs": 0})),
        ("gate", serde_json::json!({"state": "auto", "for_secs": 60})),
        ("gate", serde_json::json!({"state": "open", "for_hours": 2})),
        ("pause", serde_json::json!({"really": true})),
        ("pause", serde_json::json!([])),
        ("mode", serde_json::json!({})),
        ("mode", serde_json::json!({"mode": "on"})),
    ] {
        let (status, answer) = serving.post(&format!("/api/v1/{path}"), &body).await;
        assert_eq!(status, 400, "{path} {body}");
        assert!(answer["expected"].is_string(), "{answer}");
    }
    assert_eq!(serving.said(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_has_the_view_in_words_and_stays_small() {
    let serving = Serving::start(views::large).await;
    let page = serving.text("/").await;
    assert!(page.len() < 64 * 1024, "{} bytes", page.len());
    let view: std::sync::Arc<View> = serving.view();
    for signal in &view.signals {
        assert!(page.contains(&signal.name), "{}", signal.name);
    }
    assert!(page.contains("the gate of the cloud is open"));
    assert!(!page.contains("http-equiv=\"refresh\" content=\"5\"></head>"));
    let content = serving.text("/?content=1").await;
    assert!(content.starts_with("<div id=\"content\""), "{content}");
    assert!(page.contains(content.split("clock").next().expect("a head")));
}

/// Whatever is in the view: every list ends before the page is too long, and says so.
#[tokio::test]
async fn no_view_makes_a_page_of_64_kib() {
    for make in [views::overfull, views::hostile, views::large, views::full] {
        let serving = Serving::start(make).await;
        let page = serving.text("/").await;
        assert!(page.len() < 64 * 1024, "{} bytes", page.len());
        for tag in [
            "table", "tr", "td", "p", "div", "article", "section", "span", "svg",
        ] {
            let begun = page.matches(&format!("<{tag} ")).count()
                + page.matches(&format!("<{tag}>")).count();
            let ended = page.matches(&format!("</{tag}>")).count();
            assert_eq!(begun, ended, "{tag}");
        }
    }
    let serving = Serving::start(views::overfull).await;
    let page = serving.text("/").await;
    for (item, path) in [
        ("<article class=\"card signal\">", "/api/v1/signals"),
        ("<article class=\"card\">", "/api/v1/burst-hosts"),
        ("<tr><td class=\"when\">", "/api/v1/decisions"),
        ("<table class=\"gates\">", "/api/v1/gates"),
        ("<table class=\"sources\">", "/api/v1/sources"),
    ] {
        assert!(page.contains(item), "{item}");
        let more = page.contains(&format!("more: <a href=\"{path}\">"));
        assert!(more || path == "/api/v1/decisions", "{path}");
    }
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let serving = Serving::start(views::hostile).await;
    let page = serving.text("/").await;
    assert!(!page.contains("<script>window.pwned"), "a script got in");
    assert!(!page.contains("<img"), "an image got in");
    assert!(page.contains("&lt;script&gt;window.pwned=1"));
}

#[tokio::test]
async fn a_taken_port_is_an_error_at_once_that_names_it() {
    let serving = Serving::start(views::new).await;
    let error = serving
        .bind_again()
        .expect_err("the port is taken")
        .to_string();
    assert!(error.contains(&serving.address().to_string()), "{error}");
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let serving = Serving::start(views::new).await;
    let address = serving.address();
    serving.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
