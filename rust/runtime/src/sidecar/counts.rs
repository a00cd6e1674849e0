//! What the lines of the journal come to: the counters of `/metrics`. Pure.

use crate::wire::{BadLine, JournalLine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was counted in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Lines by kind.
    pub(super) lines: BTreeMap<String, u64>,
    /// Lines that could not be read.
    pub(super) bad_lines: u64,
    /// Decisions by kind of the first attempt, code of the deciding reason, and kind of the
    /// attempt that active mode would have made.
    pub(super) decisions: Vec<((String, String, String), u64)>,
    /// Outcomes by result and path.
    pub(super) outcomes: Vec<((String, String), u64)>,
}

impl Counts {
    /// Counts one line.
    pub(super) fn count(&mut self, line: &Result<JournalLine, BadLine>) {
        let kind = match line {
            Err(_) => {
                self.bad_lines += 1;
                return;
            }
            Ok(JournalLine::Policy(_)) => "policy",
            Ok(JournalLine::Decision(decision)) => {
                let reason = decision.reasons.first().map(|(code, _)| code.clone());
                let key = (
                    decision.attempt.clone(),
                    reason.unwrap_or_default(),
                    decision.shadow_attempt.clone().unwrap_or_default(),
                );
                add(&mut self.decisions, key);
                "decision"
            }
            Ok(JournalLine::Outcome(outcome)) => {
                let path = outcome.path.clone().unwrap_or_else(|| "none".to_owned());
                add(&mut self.outcomes, (outcome.result.clone(), path));
                "outcome"
            }
        };
        *self.lines.entry(kind.to_owned()).or_default() += 1;
    }
}

/// Most different keys that are counted: attempts and reasons are closed sets, and a journal that
/// holds others is broken.
const MAX_KEYS: usize = 1_000;

fn add<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K) {
    if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == key) {
        *count += 1;
    } else if counts.len() < MAX_KEYS {
        counts.push((key, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_a_closed_set() {
        let mut counts = Counts::default();
        for n in 0..2 * MAX_KEYS {
            let line = format!(
                "{{\"format\":1,\"kind\":\"outcome\",\"at_ms\":1,\"decision\":\"a\",\"result\":\"{n}\"}}"
            );
            counts.count(&JournalLine::read(line.as_bytes()));
        }
        assert_eq!(counts.outcomes.len(), MAX_KEYS);
        assert_eq!(counts.lines["outcome"], 2 * MAX_KEYS as u64);
    }
}
