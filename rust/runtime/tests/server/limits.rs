//! Clients that send too much, too slowly, or too often.

use super::serving::Serving;
use super::views;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn connect(serving: &Serving) -> TcpStream {
    let stream = TcpStream::connect(serving.address()).await;
    stream.expect("a connection")
}

/// What comes until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    // A connection that is closed with unread bytes in it is reset.
    let closed = tokio::time::timeout(Duration::from_secs(60), read).await;
    drop(closed.expect("the server closes it"));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let serving = Serving::start(views::new).await;
    let body = format!("{{\"mode\": \"{}\"}}", "x".repeat(70_000));
    let request = serving.client().post(serving.url("/api/v1/mode"));
    let request = request
        .header("content-type", "application/json")
        .body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 413);
    let body: serde_json::Value = answer.json().await.expect("JSON");
    assert!(body["error"].is_string(), "{body}");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let serving = Serving::start(views::new).await;
    let mut stream = connect(&serving).await;
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}",
        "x".repeat(70_000)
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let answer = rest(&mut stream).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_drips_is_closed() {
    let serving = Serving::start(views::new).await;
    let mut stream = connect(&serving).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: loc")
        .await
        .expect("sent");
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_the_others_go_on() {
    let serving = Serving::start(views::new).await;
    let mut held = Vec::new();
    for _ in 0..128 {
        let mut stream = connect(&serving).await;
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.expect("sent");
        // An answer shows that it was accepted and is kept.
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.expect("an answer");
        assert_eq!(&first, b"HTTP/1.1 200");
        held.push(stream);
    }
    let mut one_more = connect(&serving).await;
    assert_eq!(rest(&mut one_more).await, "");
    drop(held.pop());
    // The place is free as soon as the server has noticed.
    let answered = async {
        while serving
            .client()
            .get(serving.url("/healthz"))
            .send()
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(30), answered).await;
    answered.expect("a free place");
}

#[tokio::test]
async fn what_is_not_there_and_what_cannot_be_done_are_said_as_json() {
    let serving = Serving::start(views::new).await;
    let answer = serving.get("/api/v2/status").await;
    assert_eq!(answer.status(), 404);
    let body: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(body["error"], "there is no /api/v2/status");
    let answer = serving.get("/api/v1/pause").await;
    assert_eq!(answer.status(), 405);
    let body: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(body["error"], "/api/v1/pause does not take GET");
}
