//! Decisions from the journal, page by page.

use super::serving::Serving;
use super::views;
use serde_json::{Value, json};
use std::fs;

/// The decision of `docs/files.md`, again and again under other ids.
fn journal(number: usize) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let (line, _) = super::docs::recorded_decision();
    let mut line: Value = serde_json::from_str(&line).expect("JSON");
    let lines: Vec<_> = (0..number)
        .map(|at| {
            line["id"] = json!(format!("d-{at}"));
            format!("{line}\n")
        })
        .collect();
    fs::write(&path, lines.concat()).expect("a journal");
    (folder, path)
}

async fn ids(serving: &Serving, query: &str) -> Vec<String> {
    let answer = serving.json(&format!("/api/v1/decisions{query}")).await;
    let decisions = answer["decisions"].as_array().expect("a list");
    let id = |decision: &Value| decision["id"].as_str().expect("an id").to_owned();
    decisions.iter().map(id).collect()
}

#[tokio::test]
async fn pages_go_back_from_the_newest_without_a_gap() {
    let (_folder, path) = journal(120);
    let serving = Serving::start_with(views::new, None, path).await;
    let first = ids(&serving, "").await;
    assert_eq!((first.len(), first[0].as_str()), (50, "d-119"));
    let second = ids(&serving, &format!("?limit=100&before={}", first[49])).await;
    assert_eq!((second.len(), second[0].as_str()), (70, "d-69"));
    assert_eq!(second[69], "d-0");
}

#[tokio::test]
async fn what_is_new_since_the_last_look_can_be_asked_for() {
    let (_folder, path) = journal(10);
    let serving = Serving::start_with(views::new, None, path).await;
    assert_eq!(ids(&serving, "?after=d-7").await, ["d-9", "d-8"]);
    assert_eq!(ids(&serving, "?after=d-9").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_said() {
    let (_folder, path) = journal(1);
    let serving = Serving::start_with(views::new, None, path).await;
    for (path, status) in [
        ("/api/v1/decisions?limit=0", 400),
        ("/api/v1/decisions?limit=1001", 400),
        ("/api/v1/decisions?limit=many", 400),
        ("/api/v1/decisions?limit=1&limit=2", 400),
        ("/api/v1/decisions?size=1", 400),
        ("/api/v1/decisions?before=d-unknown", 404),
        ("/api/v1/explain/d-unknown", 404),
        ("/api/v1/explain/a%20b", 400),
        ("/api/v1/explain/%FF", 400),
    ] {
        let answer = serving.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        assert!(body["error"].is_string(), "{path}: {body}");
    }
}

#[tokio::test]
async fn without_a_journal_there_are_no_decisions() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let serving = Serving::start_with(views::new, None, path).await;
    assert_eq!(ids(&serving, "").await, Vec::<String>::new());
}
