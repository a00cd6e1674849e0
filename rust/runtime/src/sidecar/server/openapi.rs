//! The description of the API, made from the types that are sent and taken.

use super::api::{BurstHosts, Gates, Offers, Signals, Sources};
use super::command::{GateBody, ModeBody, Nothing, Obeyed};
use super::health::{Alive, Ready};
use super::history::Decisions;
use super::reply::Problem;
use crate::explain::Explanation;
use crate::view::View;
use axum::http::header;
use axum::response::IntoResponse;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static DOCUMENT: LazyLock<String> = LazyLock::new(document);

pub(super) async fn answer() -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, DOCUMENT.as_str())
}

/// One thing that can be asked for.
struct Operation {
    path: &'static str,
    summary: &'static str,
    answers: Answers,
    /// What else it answers with than 200 and errors.
    not_ready: bool,
    parameters: fn() -> Value,
    body: Option<fn(&mut SchemaGenerator) -> Schema>,
}

enum Answers {
    Json(fn(&mut SchemaGenerator) -> Schema),
    Text(&'static str),
    AnyJson,
}

fn read(path: &'static str, summary: &'static str, answers: Answers) -> Operation {
    Operation {
        path,
        summary,
        answers,
        not_ready: false,
        parameters: || json!([]),
        body: None,
    }
}

fn command(
    path: &'static str,
    summary: &'static str,
    body: fn(&mut SchemaGenerator) -> Schema,
) -> Operation {
    Operation {
        body: Some(body),
        ..read(
            path,
            summary,
            Answers::Json(SchemaGenerator::subschema_for::<Obeyed>),
        )
    }
}

fn operations() -> Vec<Operation> {
    use Answers::{AnyJson, Json, Text};
    vec![
        read("/", "The status page.", Text("text/html")),
        read(
            "/healthz",
            "Whether the process lives. Needs no token.",
            Json(SchemaGenerator::subschema_for::<Alive>),
        ),
        Operation {
            not_ready: true,
            ..read(
                "/readyz",
                "Whether the snapshot is fresh and the policy file as it is counts. Needs no token.",
                Json(SchemaGenerator::subschema_for::<Ready>),
            )
        },
        read(
            "/metrics",
            "Metrics in Prometheus' text format.",
            Text("text/plain"),
        ),
        read("/api/v1/openapi.json", "This description.", AnyJson),
        read(
            "/api/v1/status",
            "Everything that the page shows.",
            Json(SchemaGenerator::subschema_for::<View>),
        ),
        read(
            "/api/v1/signals",
            "The signals.",
            Json(SchemaGenerator::subschema_for::<Signals>),
        ),
        read(
            "/api/v1/gates",
            "The gates, the cloud's first.",
            Json(SchemaGenerator::subschema_for::<Gates>),
        ),
        read(
            "/api/v1/sources",
            "The sources.",
            Json(SchemaGenerator::subschema_for::<Sources>),
        ),
        read(
            "/api/v1/offers",
            "The offers of all burst hosts.",
            Json(SchemaGenerator::subschema_for::<Offers>),
        ),
        read(
            "/api/v1/burst-hosts",
            "The burst hosts.",
            Json(SchemaGenerator::subschema_for::<BurstHosts>),
        ),
        Operation {
            parameters: decisions_parameters,
            ..read(
                "/api/v1/decisions",
                "Decisions from the journal, newest first.",
                Json(SchemaGenerator::subschema_for::<Decisions>),
            )
        },
        Operation {
            parameters: explain_parameters,
            ..read(
                "/api/v1/explain/{id}",
                "Why a decision is what it is, and what would have changed it.",
                Json(SchemaGenerator::subschema_for::<Explanation>),
            )
        },
        command(
            "/api/v1/gate",
            "Forces a gate, or leaves it to the signals again.",
            SchemaGenerator::subschema_for::<GateBody>,
        ),
        command(
            "/api/v1/pause",
            "Stops all launches.",
            SchemaGenerator::subschema_for::<Nothing>,
        ),
        command(
            "/api/v1/resume",
            "Takes a pause back.",
            SchemaGenerator::subschema_for::<Nothing>,
        ),
        command(
            "/api/v1/mode",
            "Takes the mode down, or leaves it to the policy file again.",
            SchemaGenerator::subschema_for::<ModeBody>,
        ),
    ]
}

fn decisions_parameters() -> Value {
    let parameter = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "query", "description": description, "schema": schema});
    let id = || json!({"type": "string", "minLength": 1, "maxLength": 256});
    json!([
        parameter(
            "limit",
            "At most so many; 50 if not given.",
            json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}),
        ),
        parameter(
            "before",
            "Only those that are older than the one of this id.",
            id()
        ),
        parameter(
            "after",
            "Only those that are newer than the one of this id, as far as limit goes.",
            id(),
        ),
    ])
}

fn explain_parameters() -> Value {
    json!([{
        "name": "id",
        "in": "path",
        "required": true,
        "description": "A server's uuid, a request id or a decision id.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 256},
    }])
}

/// Returns the description as JSON, in version 3.1 of OpenAPI.
#[must_use]
pub fn document() -> String {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for operation in operations() {
        let method = if operation.body.is_some() {
            "post"
        } else {
            "get"
        };
        let described = described(&operation, &mut generator);
        paths.insert(operation.path.to_owned(), json!({ method: described }));
    }
    let problem = generator.subschema_for::<Problem>();
    let whole = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Spillway's sidecar",
            "version": "1",
            "description": "Times are Unix milliseconds where a name ends in _ms, money is US \
                            dollars. Keys may be added within this version; what is here stays. \
                            When the sidecar has a token, every path but /healthz and /readyz \
                            needs it. A POST has to be JSON, and a browser's page of another \
                            site is refused.",
        },
        "security": [{}, {"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Any user, with the token as password.",
                },
            },
            "responses": {
                "Problem": {
                    "description": "It was refused or did not work; a sentence says why.",
                    "content": {"application/json": {"schema": problem}},
                },
            },
            "schemas": generator.take_definitions(true),
        },
    });
    format!("{whole:#}\n")
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let content = match &operation.answers {
        Answers::Json(schema) => json!({"application/json": {"schema": schema(generator)}}),
        Answers::Text(kind) => json!({ *kind: {"schema": {"type": "string"}} }),
        Answers::AnyJson => json!({"application/json": {"schema": {"type": "object"}}}),
    };
    let good = json!({"description": "As asked for.", "content": content});
    let mut responses = json!({
        "200": good,
        "default": {"$ref": "#/components/responses/Problem"},
    });
    if operation.not_ready {
        responses["503"] = json!({"description": "It is not ready.", "content": content});
    }
    let mut described = json!({
        "summary": operation.summary,
        "parameters": (operation.parameters)(),
        "responses": responses,
    });
    if let Some(body) = operation.body {
        let schema = body(generator);
        described["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": schema}},
        });
    }
    described
}
