//! A decision, as the journal records it.

use super::amount::Dollars;
use serde::{Serialize, Serializer};
use spillway_core::{Attempt, Decision, Placement, Reason};

#[derive(Serialize)]
pub(super) struct DecisionShape<'a> {
    attempts: Vec<AttemptShape<'a>>,
    shadow_attempts: Vec<AttemptShape<'a>>,
    reasons: Vec<ReasonShape<'a>>,
    wants_evidence: bool,
}

impl<'a> DecisionShape<'a> {
    pub(super) fn of(decision: &'a Decision) -> Self {
        let attempts = |attempts: &'a [Attempt]| attempts.iter().map(AttemptShape::of).collect();
        DecisionShape {
            attempts: attempts(&decision.attempts),
            shadow_attempts: attempts(&decision.shadow_attempts),
            reasons: decision.reasons.iter().map(ReasonShape::of).collect(),
            wants_evidence: decision.wants_evidence,
        }
    }
}

/// `{"kind": "filter"}`, or with the placement's keys flat beside it; an unknown price is null.
#[derive(Serialize)]
struct AttemptShape<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_count: Option<u32>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    placement: Option<PlacementShape<'a>>,
}

#[derive(Serialize)]
struct PlacementShape<'a> {
    burst_host: &'a str,
    size: &'a str,
    price_usd_per_hour: Option<Dollars>,
}

impl<'a> AttemptShape<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        let (private_count, placement) = match attempt {
            Attempt::Stock | Attempt::Filter | Attempt::BurstOnly => (None, None),
            Attempt::Hybrid(burst) => (None, Some(burst)),
            Attempt::Split { private, burst } => (Some(*private), Some(burst)),
        };
        AttemptShape {
            kind: attempt.kind(),
            private_count,
            placement: placement.map(|burst: &Placement| PlacementShape {
                burst_host: &burst.burst_host,
                size: &burst.size,
                price_usd_per_hour: burst.price.map(Dollars),
            }),
        }
    }
}

#[derive(Serialize)]
struct ReasonShape<'a> {
    code: &'static str,
    sentence: Sentence<'a>,
}

impl<'a> ReasonShape<'a> {
    fn of(reason: &'a Reason) -> Self {
        ReasonShape {
            code: reason.code(),
            sentence: Sentence(reason),
        }
    }
}

struct Sentence<'a>(&'a Reason);

impl Serialize for Sentence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}
