//! Decisions of the past, from the journal's files.

use super::Answering;
use super::reply::Problem;
use crate::explain::{self, ExplainError, Explanation};
use crate::view::DecisionView;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Most decisions of one answer.
const MAX_LIMIT: usize = 1_000;
const DEFAULT_LIMIT: usize = 50;
/// Searches through the journal at one time; each reads as fast as the disk gives.
const MAX_SEARCHES: usize = 4;

/// The places of searches that may run at one time.
pub(super) type Searches = Arc<Semaphore>;

pub(super) fn searches() -> Searches {
    Arc::new(Semaphore::new(MAX_SEARCHES))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    limit: Option<usize>,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Decisions {
    decisions: Vec<DecisionView>,
}

pub(super) async fn decisions(
    State(state): State<Answering>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Decisions>, Problem> {
    let Query(wanted) = wanted.map_err(|refused| {
        Problem::malformed(refused.body_text(), "limit, before and after, each once")
    })?;
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > MAX_LIMIT {
        let error = format!("limit cannot be {limit}");
        return Err(Problem::malformed(error, format!("1 to {MAX_LIMIT}")));
    }
    let before = wanted.before;
    let search = move |journal: PathBuf| {
        match explain::recent(&journal, limit, before.as_deref()) {
            // Nothing was ever decided.
            Err(error) if is_missing(&error) && before.is_none() => Ok(Vec::new()),
            found => found,
        }
    };
    let mut decisions = in_the_journal(&state, search).await?;
    if let Some(after) = wanted.after {
        let newer = decisions.iter().position(|decision| decision.id == after);
        decisions.truncate(newer.unwrap_or(decisions.len()));
    }
    Ok(Json(Decisions { decisions }))
}

pub(super) async fn explain(
    State(state): State<Answering>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Explanation>, Problem> {
    let Path(id) = id.map_err(|refused| {
        Problem::malformed(
            refused.body_text(),
            "an id as it is, without what is not text",
        )
    })?;
    let wanted = id.clone();
    let search = move |journal: PathBuf| explain::find(&journal, &wanted);
    let found = in_the_journal(&state, search).await?;
    found.map(Json).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("no decision about {id} in the journal"),
        )
        .expecting("a server's uuid, a request id or a decision id")
    })
}

/// Searches where waiting for the disk keeps nobody else waiting.
async fn in_the_journal<T: Send + 'static>(
    state: &Answering,
    search: impl FnOnce(PathBuf) -> Result<T, ExplainError> + Send + 'static,
) -> Result<T, Problem> {
    let searches = Arc::clone(&state.searches);
    let place = searches.acquire_owned().await.map_err(broken)?;
    let journal = state.journal_path.borrow().clone();
    let searched = spawn_blocking(move || {
        // Kept until the search is over, also when whoever asked has gone.
        let _place = place;
        search(journal)
    });
    searched.await.map_err(broken)?.map_err(|error| {
        let status = match error {
            ExplainError::NotAnId { .. } => StatusCode::BAD_REQUEST,
            ExplainError::NoSuchDecision { .. } => StatusCode::NOT_FOUND,
            _ if is_missing(&error) => StatusCode::NOT_FOUND,
            ExplainError::NewerFormat { .. } | ExplainError::Unreadable { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Problem::new(status, error.to_string())
    })
}

/// There is no journal yet.
fn is_missing(error: &ExplainError) -> bool {
    matches!(error, ExplainError::Unreadable { error, .. } if error.kind() == ErrorKind::NotFound)
}

fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("the search ended early: {error}"),
    )
}
