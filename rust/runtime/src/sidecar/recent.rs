//! The newest decisions, each with its outcome once that is known.

use crate::view::DecisionView;
use crate::wire::JournalLine;
use std::collections::VecDeque;

/// Decisions that are shown at once.
const MAX_DECISIONS: usize = 50;

/// The newest decisions, newest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<DecisionView>);

impl Recent {
    /// Takes a line of the journal in.
    pub(super) fn take(&mut self, line: JournalLine) {
        match line {
            JournalLine::Policy(_) => {}
            JournalLine::Decision(decision) => {
                self.0.push_front(decision.into());
                self.0.truncate(MAX_DECISIONS);
            }
            // One whose decision is no longer shown is not shown either.
            JournalLine::Outcome(outcome) => {
                let decision = self.0.iter_mut().find(|shown| shown.id == outcome.decision);
                if let Some(decision) = decision {
                    decision.outcome = Some(outcome.into());
                }
            }
        }
    }

    pub(super) fn views(&self) -> Vec<DecisionView> {
        self.0.iter().cloned().collect()
    }
}
