//! The hysteresis over a scope's signals.
//!
//! A gate opens when any signal has stood at or over its `open_at` for `open_after`; it closes
//! when all have stood at or under their `close_at` for `close_after`. A signal has stood from its
//! first sample there to its newest one, by the samples' own times: that time passes while an
//! exporter is silent proves nothing. What nobody observed does not count as standing: a gap
//! between two steps or two samples, a clock that jumped, and a signal without a usable value all
//! start the dwell time anew. The state has to have stood for as long, too, so the gate never
//! changes faster than its dwell times whatever the series.

use crate::policy::{GatePolicy, SignalPolicy, WhenMissing};
use crate::units::{Finite, Span, Timestamp};

/// Whether the gate lets eligible requests burst before the private cloud is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GateState {
    /// The private cloud takes requests first.
    #[default]
    Closed,
    /// The private cloud counts as loaded.
    Open,
}

impl GateState {
    /// Stable name, as in the snapshot.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            GateState::Closed => "closed",
            GateState::Open => "open",
        }
    }
}

/// The newest sample of a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The measured number; NaN and infinities are kept here and judged by [`judge`].
    pub value: f64,
    /// When it was measured.
    pub at: Timestamp,
}

/// All that a gate looks at of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Observation {
    /// The newest sample, when there is one.
    pub newest: Option<Sample>,
    /// When its course reaches `open_at` if it goes on like this; see [`crate::forecast`].
    pub crosses_in: Option<Span>,
}

/// What a signal says at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// A number, young enough.
    Fresh(Finite),
    /// The newest sample is too old.
    Stale {
        /// Its age.
        age: Span,
    },
    /// There is no sample, or its time lies in the future.
    Absent,
    /// The sample is NaN or infinite.
    NotFinite,
}

/// Judges a sample's fitness. A sample from the future is absent: its clock cannot be trusted.
#[must_use]
pub fn judge(sample: Option<Sample>, stale_after: Span, now: Timestamp) -> Reading {
    let Some(sample) = sample else {
        return Reading::Absent;
    };
    if sample.at > now {
        return Reading::Absent;
    }
    let age = now.since(sample.at);
    if age > stale_after {
        return Reading::Stale { age };
    }
    Finite::new(sample.value).map_or(Reading::NotFinite, Reading::Fresh)
}

/// A scope's gate: its state and how long each signal has stood where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gate {
    state: GateState,
    since: Timestamp,
    stepped_at: Option<Timestamp>,
    standing: Vec<Standing>,
}

/// Since which sample a signal has stood over or under its thresholds without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Standing {
    /// Time of the newest sample.
    newest: Timestamp,
    over: Option<Timestamp>,
    under: Option<Timestamp>,
    by_forecast: bool,
}

/// A signal that asks for the gate to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Position of the signal among those that the gate was stepped with.
    pub signal: usize,
    /// Time of the first sample of those that ask for it without a break.
    pub since: Timestamp,
    /// It does not stand over `open_at` yet; its course is forecast to.
    pub by_forecast: bool,
}

impl Gate {
    /// A gate as it was before a restart. Dwell times start anew: nobody looked in between.
    #[must_use]
    pub fn restored(state: GateState, since: Timestamp) -> Self {
        Gate {
            state,
            since,
            ..Gate::default()
        }
    }

    /// A closed gate that has seen nothing.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Gate {
            since: now,
            ..Gate::default()
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> GateState {
        self.state
    }

    /// When the state last changed.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// The signals that ask for the gate to be open, in their order.
    pub fn asking(&self) -> impl Iterator<Item = Asking> + '_ {
        let standing = self.standing.iter().enumerate();
        standing.filter_map(|(signal, stands)| {
            stands.over.map(|since| Asking {
                signal,
                since,
                by_forecast: stands.by_forecast,
            })
        })
    }

    /// The gate after looking at each signal.
    ///
    /// `signals` and `observations` go together by position; call it with the same signals in the same
    /// order each time. A longer gap than a signal's `stale_after` between two calls or between its
    /// samples, or a `now` before the last one, starts that signal's dwell time anew.
    #[must_use]
    pub fn step(
        &self,
        policy: &GatePolicy,
        signals: &[SignalPolicy],
        observations: &[Observation],
        now: Timestamp,
    ) -> Gate {
        let mut standing = Vec::with_capacity(signals.len());
        let mut any_over_long = false;
        let mut all_under_long = true;
        let mut taking_part = 0_usize;
        for (position, signal) in signals.iter().enumerate() {
            let observation = observations.get(position).copied().unwrap_or_default();
            let reading = judge(observation.newest, signal.stale_after, now);
            let measured_at = observation.newest.map_or(now, |sample| sample.at);
            let stands = match reading {
                Reading::Fresh(value) => {
                    let before = self.standing_before(position, signal, measured_at, now);
                    // Samples of several targets may come a little out of order.
                    let first =
                        |since: Option<Timestamp>| since.unwrap_or(measured_at).min(measured_at);
                    let by_forecast = value < signal.open_at && soon(observation, policy);
                    let over = value >= signal.open_at || by_forecast;
                    let under = value <= signal.close_at && !by_forecast;
                    Standing {
                        newest: measured_at,
                        over: over.then(|| first(before.over)),
                        under: under.then(|| first(before.under)),
                        by_forecast,
                    }
                }
                Reading::Stale { .. } | Reading::Absent | Reading::NotFinite => Standing::default(),
            };
            let ignored =
                !matches!(reading, Reading::Fresh(_)) && signal.when_missing == WhenMissing::Ignore;
            if !ignored {
                taking_part += 1;
                all_under_long &= stood(stands.under, policy.close_after, measured_at);
            }
            any_over_long |= stood(stands.over, policy.open_after, measured_at);
            standing.push(stands);
        }
        // A clock that was set back starts the state's own dwell time anew.
        let since = self.since.min(now);
        // The signal that opened the gate may have vanished while the others stood low all along,
        // and samples are older than the step that sees them, so the state itself has to have
        // stood, too.
        let state = match self.state {
            GateState::Closed if any_over_long && now.since(since) >= policy.open_after => {
                GateState::Open
            }
            GateState::Open
                if taking_part > 0
                    && all_under_long
                    && !any_over_long
                    && now.since(since) >= policy.close_after =>
            {
                GateState::Closed
            }
            unchanged => unchanged,
        };
        let since = if state == self.state { since } else { now };
        Gate {
            state,
            since,
            stepped_at: Some(now),
            standing,
        }
    }

    fn standing_before(
        &self,
        position: usize,
        signal: &SignalPolicy,
        measured_at: Timestamp,
        now: Timestamp,
    ) -> Standing {
        let observed_without_a_gap = self
            .stepped_at
            .is_some_and(|last| now >= last && now.since(last) <= signal.stale_after);
        let before = self.standing.get(position).copied().unwrap_or_default();
        if observed_without_a_gap && measured_at.since(before.newest) <= signal.stale_after {
            before
        } else {
            Standing::default()
        }
    }
}

fn soon(observation: Observation, policy: &GatePolicy) -> bool {
    matches!(
        (observation.crosses_in, policy.forecast_lead),
        (Some(crosses_in), Some(lead)) if crosses_in <= lead
    )
}

fn stood(since: Option<Timestamp>, at_least: Span, newest: Timestamp) -> bool {
    since.is_some_and(|first| newest.since(first) >= at_least)
}
