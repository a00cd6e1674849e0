//! Whether the process lives, and whether it does its work.

use super::Answering;
use crate::view::View;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use spillway_core::Timestamp;

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Alive {
    alive: bool,
}

/// The answer of `/readyz`. It needs no token, so it names no file, host or value.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Ready {
    ready: bool,
    /// What is wrong, one sentence each.
    why: Vec<String>,
}

pub(super) async fn healthz() -> Json<Alive> {
    Json(Alive { alive: true })
}

pub(super) async fn readyz(State(state): State<Answering>) -> (StatusCode, Json<Ready>) {
    let (view, now) = state.now();
    let why = wrong(&view, now);
    let status = if why.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let ready = why.is_empty();
    (status, Json(Ready { ready, why }))
}

fn wrong(view: &View, now: Timestamp) -> Vec<String> {
    let mut why = Vec::new();
    match view.snapshot.written_at_ms {
        None => why.push("no snapshot was written yet".to_owned()),
        Some(at) => {
            let age_ms = now.0.saturating_sub(at);
            if age_ms > view.snapshot.stale_after_ms {
                why.push(format!(
                    "the snapshot is {} s old, and stale after {} s",
                    age_ms / 1_000,
                    view.snapshot.stale_after_ms / 1_000
                ));
            }
        }
    }
    if view.config.refusal.is_some() {
        why.push("the policy file as it is now was refused, the last good one counts".to_owned());
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let mut view = View::default();
        view.snapshot.written_at_ms = Some(100_000);
        view.snapshot.stale_after_ms = 30_000;
        view
    }

    #[test]
    fn a_fresh_snapshot_and_a_good_policy_are_ready() {
        assert_eq!(wrong(&view(), Timestamp(130_000)), Vec::<String>::new());
    }

    #[test]
    fn a_stale_or_missing_snapshot_is_not() {
        assert!(wrong(&view(), Timestamp(131_000))[0].contains("31 s old"));
        assert!(wrong(&View::default(), Timestamp(0))[0].contains("no snapshot"));
    }

    #[test]
    fn a_refused_policy_is_not_and_its_text_stays_inside() {
        let mut view = view();
        view.config.refusal = Some("line 3: secret".to_owned());
        let why = wrong(&view, Timestamp(100_000));
        assert_eq!(why.len(), 1);
        assert!(!why[0].contains("secret"));
    }
}
