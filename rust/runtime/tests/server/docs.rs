//! What `docs/` says about the server is what it does.

use super::serving::Serving;
use super::views;
use serde_json::{Value, json};
use spillway_runtime::sidecar::server::{metrics_reference, openapi, routes};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

/// The sidecar's part of `docs/metrics.md` begins with its head and ends at the next one.
#[test]
fn the_metrics_reference_is_made_from_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = fs::read_to_string(&path).expect("docs/metrics.md");
    let made = metrics_reference();
    let start = page.find("## Sidecar\n").unwrap_or(page.len());
    let rest = &page[start..];
    let end = rest.match_indices("\n## ").map(|(at, _)| at + 1).next();
    let end = end.unwrap_or(rest.len());
    let kept = rest[..end].trim_end();
    if env::var_os("UPDATE_DOCS").is_some() {
        let after = &rest[end..];
        let gap = if after.is_empty() { "" } else { "\n" };
        let before = page[..start].trim_end();
        let whole = format!("{before}\n\n{made}{gap}{after}");
        fs::write(&path, whole).expect("a file in docs/ that can be written");
        return;
    }
    assert!(
        kept == made.trim_end(),
        "docs/metrics.md differs from the code; \
         `UPDATE_DOCS=1 cargo test -p spillway-runtime --features engine` writes it anew"
    );
}

#[test]
fn the_description_of_the_api_is_made_from_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = openapi();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).expect("a file in docs/ that can be written");
    }
    let kept = fs::read_to_string(&path).expect("docs/openapi.json");
    assert!(
        kept == made,
        "docs/openapi.json differs from the code; \
         `UPDATE_DOCS=1 cargo test -p spillway-runtime --features engine` writes it anew"
    );
}

#[test]
fn every_route_is_described_and_every_description_has_a_route() {
    let document: Value = serde_json::from_str(&openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods");
            methods
                .keys()
                .map(|method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let routes: BTreeSet<_> = routes()
        .into_iter()
        .map(|(path, method)| (path.to_owned(), method.to_string()))
        .collect();
    assert_eq!(described, routes);
}

/// Asks for everything that is described, and holds the answers to their schemas' keys.
#[tokio::test]
async fn every_described_operation_answers_as_described() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("journal.jsonl");
    let (line, id) = recorded_decision();
    fs::write(&journal, line).expect("a journal");
    let serving = Serving::start_with(views::busy, None, journal).await;
    let document = serving.json("/api/v1/openapi.json").await;
    let paths = document["paths"].as_object().expect("paths");
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            let answer = match method.as_str() {
                "get" => serving.get(&path.replace("{id}", &id)).await,
                _ => serving.command(path, &body_of(path)).await,
            };
            assert_eq!(answer.status(), 200, "{method} {path}");
            let kind = answer.headers()["content-type"]
                .to_str()
                .expect("text")
                .to_owned();
            let content = &operation["responses"]["200"]["content"];
            let (documented, described) = content
                .as_object()
                .and_then(|content| content.iter().next())
                .expect("content");
            assert!(kind.starts_with(documented), "{path}: {kind}");
            if documented == "application/json" {
                let body: Value = answer.json().await.expect("JSON");
                conforms(&document, &described["schema"], &body, path);
            }
        }
    }
}

fn body_of(path: &str) -> Value {
    match path {
        "/api/v1/gate" => json!({"scope": "cloud", "state": "open", "for_secs": 7200}),
        "/api/v1/mode" => json!({"mode": "off"}),
        _ => json!({}),
    }
}

/// A decision line of `docs/files.md` and its id.
pub(crate) fn recorded_decision() -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/files.md");
    let page = fs::read_to_string(path).expect("docs/files.md");
    let blocks = page.split("```json\n").skip(1);
    let mut lines = blocks.filter_map(|rest| {
        let line: Value = serde_json::from_str(rest.split("```").next()?).ok()?;
        (line["kind"] == "decision").then_some(line)
    });
    let line = lines.next().expect("a decision");
    let id = line["id"].as_str().expect("an id").to_owned();
    (format!("{line}\n"), id)
}

/// Holds a value to a schema as far as this API's schemas go: types, required and known keys.
fn conforms(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        let schema = document.pointer(pointer).expect("a schema");
        return conforms(document, schema, value, at);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        if value.is_null() {
            assert!(
                choices.iter().any(|choice| choice["type"] == "null"),
                "{at} is null"
            );
            return;
        }
        let choice = choices.iter().find(|choice| choice["type"] != "null");
        return conforms(document, choice.expect("a choice"), value, at);
    }
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let matches = |kind: &Value| kind == actual || (kind == "number" && actual == "integer");
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(matches),
        kind => matches(kind),
    };
    assert!(fits, "{at} is {actual}, documented as {}", schema["type"]);
    for (at_item, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            conforms(
                document,
                &schema["items"],
                item,
                &format!("{at}[{at_item}]"),
            );
        }
    }
    let (Some(object), Some(known)) = (value.as_object(), schema["properties"].as_object()) else {
        return;
    };
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().expect("a key");
        assert!(object.contains_key(key), "{at} lacks {key}");
    }
    for (key, value) in object {
        let schema = known.get(key);
        let schema = schema.unwrap_or_else(|| panic!("{at}.{key} is not documented"));
        conforms(document, schema, value, &format!("{at}.{key}"));
    }
}
