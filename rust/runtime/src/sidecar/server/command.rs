//! What an operator can say over the API.

use super::Answering;
use super::reply::Problem;
use crate::sidecar::operator::{Command, Refused};
use crate::view::{GateView, ModeView};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use spillway_core::gate::GateState;
use spillway_core::policy::Mode;
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use std::sync::Arc;

/// Longest time that a gate may be forced for, seconds: a year.
const MAX_FOR_SECS: u64 = 366 * 24 * 3_600;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateBody {
    /// `cloud`, `zone:NAME` or `aggregate:NAME`; null or absent is every gate.
    #[serde(default)]
    scope: Option<String>,
    /// What it is forced to; `auto` leaves it to the signals again.
    state: GateWord,
    /// For how long it is forced; null or absent is until it is taken back. Not with `auto`.
    #[serde(default)]
    #[schemars(range(min = 1, max = MAX_FOR_SECS))]
    for_secs: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum GateWord {
    Open,
    Closed,
    Auto,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModeBody {
    /// The lesser of this and the policy file's counts; `policy` takes the word back.
    mode: ModeWord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ModeWord {
    Off,
    Shadow,
    Active,
    /// Whatever the policy file says.
    Policy,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// How things stand after a command.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Obeyed {
    status: Standing,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Standing {
    mode: ModeView,
    paused: bool,
    gates: Vec<GateView>,
}

type Answer = Result<Json<Obeyed>, Problem>;
type Body = Result<Bytes, BytesRejection>;

pub(super) async fn gate(State(state): State<Answering>, body: Body) -> Answer {
    let expected = "{\"scope\": \"cloud\" or null, \"state\": \"open\", \"closed\" or \"auto\", \
                    \"for_secs\": 7200 or null}";
    let body: GateBody = read(body, expected)?;
    let scope = match &body.scope {
        None => None,
        Some(text) => Some(Scope::parse(text).ok_or_else(|| {
            let text: String = text.chars().take(100).collect();
            Problem::malformed(
                format!("\"{text}\" is no scope"),
                "\"cloud\", \"zone:NAME\", \"aggregate:NAME\" or null",
            )
        })?),
    };
    let forced = match body.state {
        GateWord::Open => Some(GateState::Open),
        GateWord::Closed => Some(GateState::Closed),
        GateWord::Auto => None,
    };
    let lasts = match body.for_secs {
        Some(secs) if forced.is_none() || secs == 0 || secs > MAX_FOR_SECS => {
            return Err(Problem::malformed(
                format!("for_secs cannot be {secs} here"),
                format!("1 to {MAX_FOR_SECS} with \"open\" or \"closed\", null with \"auto\""),
            ));
        }
        secs => secs.map(Span::from_secs),
    };
    let command = Command::Gate {
        scope,
        forced,
        lasts,
    };
    obey(&state, command).await
}

pub(super) async fn pause(State(state): State<Answering>, body: Body) -> Answer {
    let Nothing {} = read(body, "{}")?;
    obey(&state, Command::Pause).await
}

pub(super) async fn resume(State(state): State<Answering>, body: Body) -> Answer {
    let Nothing {} = read(body, "{}")?;
    obey(&state, Command::Resume).await
}

pub(super) async fn mode(State(state): State<Answering>, body: Body) -> Answer {
    let expected = "{\"mode\": \"off\", \"shadow\", \"active\" or \"policy\"}";
    let body: ModeBody = read(body, expected)?;
    let mode = match body.mode {
        ModeWord::Off => Some(Mode::Off),
        ModeWord::Shadow => Some(Mode::Shadow),
        ModeWord::Active => Some(Mode::Active),
        ModeWord::Policy => None,
    };
    obey(&state, Command::Mode(mode)).await
}

fn read<T: DeserializeOwned>(body: Body, expected: &str) -> Result<T, Problem> {
    let body = body.map_err(|refused| {
        Problem::new(refused.status(), refused.body_text()).expecting(expected)
    })?;
    // serde takes a list for an object, too.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::malformed("the body is no JSON object", expected));
    }
    serde_json::from_slice(&body).map_err(|error| Problem::malformed(error.to_string(), expected))
}

async fn obey(state: &Answering, command: Command) -> Answer {
    let said = format!("{command:?}");
    match state.commands.send(command).await {
        Ok(()) => tracing::info!(command = said, "An operator's command was carried out."),
        Err(refused) => {
            tracing::warn!(command = said, %refused, "An operator's command was refused.");
            let status = match refused {
                Refused::NoSuchGate { .. } | Refused::BeyondPolicy { .. } => StatusCode::CONFLICT,
                Refused::NotWritten(_) => StatusCode::INTERNAL_SERVER_ERROR,
                Refused::Ending => StatusCode::SERVICE_UNAVAILABLE,
            };
            return Err(Problem::new(status, refused.to_string()));
        }
    }
    let view = Arc::clone(&state.view.borrow());
    Ok(Json(Obeyed {
        status: Standing {
            mode: view.mode.clone(),
            paused: view.paused,
            gates: view.gates.clone(),
        },
    }))
}
