//! The newest decisions.

use super::find::{ExplainError, check_id, files_of, open, unreadable};
use super::lines::LinesBackwards;
use super::record;
use crate::view::DecisionView;
use crate::wire::{JournalLine, RecordedOutcome};
use std::collections::HashMap;
use std::path::Path;

/// Outcomes that are kept until their decision comes; more than a cloud has requests in flight.
const MAX_PENDING: usize = 100_000;

/// Returns the newest decisions that are older than `before`, newest first and at most `limit`,
/// each with its outcome when there is one.
///
/// Reads the journal from its end, no further than needed. Blocks on the disk.
///
/// # Errors
/// [`ExplainError`] when a file cannot be read or no decision has the id `before`.
pub fn recent(
    journal: &Path,
    limit: usize,
    before: Option<&str>,
) -> Result<Vec<DecisionView>, ExplainError> {
    if let Some(id) = before {
        check_id(id)?;
    }
    let files = files_of(journal)?;
    let mut outcomes: HashMap<String, RecordedOutcome> = HashMap::new();
    let mut decisions = Vec::new();
    let mut skipping = before;
    for path in &files.read {
        let failed = |error| unreadable(path, error);
        let Some(file) = open(path)? else {
            continue;
        };
        let mut lines = LinesBackwards::of(file, None).map_err(failed)?;
        while decisions.len() < limit {
            let Some(line) = lines.next_back().map_err(failed)? else {
                break;
            };
            match JournalLine::read(line.bytes) {
                // An outcome comes after its decision, so it is met before.
                Ok(JournalLine::Outcome(line)) if outcomes.len() < MAX_PENDING => {
                    outcomes.insert(line.decision.clone(), line);
                }
                Ok(JournalLine::Decision(line)) => {
                    let outcome = outcomes.remove(&line.id);
                    match skipping {
                        None => decisions.push(record::view(line, outcome)),
                        Some(id) if line.id == id => skipping = None,
                        Some(_) => {}
                    }
                }
                _ => {}
            }
        }
    }
    match skipping {
        Some(id) if limit > 0 => Err(ExplainError::NoSuchDecision { id: id.to_owned() }),
        _ => Ok(decisions),
    }
}
