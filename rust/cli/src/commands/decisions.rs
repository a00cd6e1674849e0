//! `spillway decisions`.

use super::read_list;
use crate::arguments::{Decisions, Format};
use crate::client::{Client, block_on};
use crate::failure::{Code, Failure};
use crate::output::{self, plain, print_value, table};
use crate::times::date;
use serde_json::{Value, json};
use spillway_runtime::explain;
use spillway_runtime::view::{DecisionView, OutcomeView};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Time between two looks for new decisions.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Most decisions of one look; those of a burst in between are not missed.
const MAX_AT_ONCE: u16 = 1_000;

pub(super) fn decisions(decisions: &Decisions) -> Result<Code, Failure> {
    let source = match &decisions.journal {
        Some(journal) => {
            super::explain::files_of(journal)?;
            Source::Journal(journal.clone())
        }
        None => Source::Sidecar(Box::new(Client::new(&decisions.listing.connection)?)),
    };
    let format = decisions.listing.output;
    if decisions.follow {
        return block_on(follow(&source, decisions.limit, format));
    }
    let value = block_on(source.newest(decisions.limit, None))?;
    print_value(&value, format, || {
        let decisions: Vec<DecisionView> = read_list(&value, "decisions")?;
        let headings = [
            "time", "decision", "project", "flavor", "attempt", "why", "outcome",
        ];
        Ok(table(headings, decisions.iter().map(row)))
    })?;
    Ok(Code::Ok)
}

/// Where decisions come from.
enum Source {
    Journal(PathBuf),
    Sidecar(Box<Client>),
}

impl Source {
    /// The newest decisions, newest first, as the API has them; those after `after` only.
    async fn newest(&self, limit: u16, after: Option<&str>) -> Result<Value, Failure> {
        match self {
            Source::Sidecar(client) => {
                let limit = limit.to_string();
                let mut query = vec![("limit", limit.as_str())];
                query.extend(after.map(|id| ("after", id)));
                client.get("decisions", &query).await
            }
            Source::Journal(journal) => {
                let found = explain::recent(journal, usize::from(limit), None);
                let mut found = found.map_err(Failure::new)?;
                if let Some(at) = found.iter().position(|found| Some(&*found.id) == after) {
                    found.truncate(at);
                }
                Ok(json!({"decisions": found}))
            }
        }
    }
}

/// Prints decisions as they come, oldest first, until the reader goes away.
async fn follow(source: &Source, limit: u16, format: Format) -> Result<Code, Failure> {
    let mut last: Option<String> = None;
    let mut limit = limit;
    let mut is_first = true;
    let mut complained = false;
    loop {
        match source.newest(limit, last.as_deref()).await {
            Ok(mut value) => {
                complained = false;
                limit = MAX_AT_ONCE;
                let decisions = value["decisions"].as_array_mut();
                for decision in decisions.into_iter().flat_map(|list| list.drain(..).rev()) {
                    last = decision["id"].as_str().map(str::to_owned);
                    if !print_one(decision, format, std::mem::take(&mut is_first))? {
                        return Ok(Code::Ok);
                    }
                }
            }
            // The first look tells whether it can work at all; later the sidecar may restart.
            Err(failure) if is_first && !complained && last.is_none() => return Err(failure),
            Err(failure) => {
                if !std::mem::replace(&mut complained, true) {
                    writeln!(std::io::stderr(), "spillway: {failure}; trying on")?;
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Prints a decision on its own; `false` when nobody reads any more.
fn print_one(decision: Value, format: Format, is_first: bool) -> Result<bool, Failure> {
    let text = match format {
        Format::Json => decision.to_string(),
        Format::Table => {
            let view: DecisionView = super::read(&decision)?;
            row(&view).map(|cell| plain(&cell)).join("  ")
        }
        Format::Yaml => format!("---\n{}", output::yaml(&decision)?.trim_end()),
        Format::Csv => {
            let text = output::csv(&json!({"decisions": [decision]}))?;
            let rows = if is_first { 0 } else { 1 };
            text.lines().skip(rows).collect::<Vec<_>>().join("\n")
        }
    };
    output::print_while_read(&text)
}

fn row(decision: &DecisionView) -> [String; 7] {
    let attempt = match &decision.shadow_attempt {
        Some(shadow) => format!("{} (active: {shadow})", decision.attempt),
        None => decision.attempt.clone(),
    };
    let why = decision.reasons.first().map(|reason| reason.code.clone());
    let outcome = decision.outcome.as_ref();
    [
        date(decision.at_ms),
        decision.id.clone(),
        decision.project_id.clone(),
        decision.flavor.clone(),
        attempt,
        why.unwrap_or_default(),
        outcome.map_or_else(|| "unknown".to_owned(), outcome_text),
    ]
}

/// What became of a decision, in a few words.
pub(super) fn outcome_text(outcome: &OutcomeView) -> String {
    let mut hosts: Vec<_> = outcome.hosts.values().map(String::as_str).collect();
    hosts.sort_unstable();
    hosts.dedup();
    match hosts.as_slice() {
        [] => outcome.result.clone(),
        [host] => format!("{} on {host}", outcome.result),
        [host, more @ ..] => format!("{} on {host} and {} more", outcome.result, more.len()),
    }
}
