//! The signals: their newest samples and their recent courses.

use crate::config::{
    Config, HeatMeasure, NotificationsMeasure, PlacementMeasure, Reduce, ScrapeSignal, SignalSource,
};
use crate::sources::Failure;
use crate::view::SignalView;
use spillway_core::Timestamp;
use spillway_core::forecast::time_to_cross;
use spillway_core::gate::{Observation, Reading, Sample, judge};
use spillway_core::policy::{SignalPolicy, WhenMissing};
use spillway_core::units::Span;
use std::collections::VecDeque;

/// Samples of a course that are kept: half an hour of one each fifteen seconds.
const MAX_COURSE: usize = 120;

/// A course is forecast from its last so many start times of a burst server: long enough to see a
/// trend, short enough that it is today's.
const LEADS_LOOKED_BACK: u64 = 5;

/// All signals, in the order of the policy file.
#[derive(Debug, Default)]
pub(super) struct Signals(Vec<Signal>);

#[derive(Debug, Clone)]
struct Signal {
    policy: SignalPolicy,
    source: SignalSource,
    course: VecDeque<Sample>,
    /// Newer than the course: told while the source was being read.
    interim: Option<Sample>,
    failure: Option<Failure>,
}

impl Signals {
    /// The signals of a policy. A signal that is measured as before keeps what is known of it.
    pub(super) fn of(config: &Config, before: &Signals) -> Signals {
        let measured = config.policy.signals.iter().zip(&config.signal_sources);
        let signals = measured.map(|(policy, source)| {
            let old = before.0.iter().find(|old| {
                old.policy.name == policy.name
                    && old.policy.scope == policy.scope
                    && old.source == *source
            });
            Signal {
                policy: policy.clone(),
                source: source.clone(),
                course: old.map(|old| old.course.clone()).unwrap_or_default(),
                interim: old.and_then(|old| old.interim),
                failure: old.and_then(|old| old.failure.clone()),
            }
        });
        Signals(signals.collect())
    }

    /// Takes a sample in. One that is older than the newest changes nothing.
    pub(super) fn sampled(&mut self, signal: usize, sample: Sample) {
        let Some(signal) = self.0.get_mut(signal) else {
            return;
        };
        signal.failure = None;
        signal.interim = None;
        match signal.course.back_mut() {
            Some(newest) if sample.at < newest.at => return,
            Some(newest) if sample.at == newest.at => *newest = sample,
            _ => signal.course.push_back(sample),
        }
        if signal.course.len() > MAX_COURSE {
            signal.course.pop_front();
        }
    }

    /// Takes in what a signal is while its source is being read. The course, which a forecast is
    /// made of, has one sample of each reading.
    pub(super) fn interim(&mut self, signal: usize, sample: Sample) {
        if let Some(signal) = self.0.get_mut(signal) {
            let newest = signal.course.back();
            if newest.is_none_or(|newest| sample.at >= newest.at) {
                signal.interim = Some(sample);
            }
        }
    }

    /// Takes in that a signal could not be measured; its newest sample grows old.
    pub(super) fn unmeasured(&mut self, signal: usize, failure: Failure) {
        if let Some(signal) = self.0.get_mut(signal) {
            signal.failure = Some(failure);
        }
    }

    /// After the clock was set back, samples of a time to come would keep newer ones out.
    pub(super) fn forget_after(&mut self, now: Timestamp) {
        for signal in &mut self.0 {
            signal.course.retain(|sample| sample.at <= now);
            signal.interim = signal.interim.filter(|sample| sample.at <= now);
        }
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = &SignalPolicy> {
        self.0.iter().map(|signal| &signal.policy)
    }

    /// What a gate looks at, for the signal at a position.
    pub(super) fn observation(&self, at: usize, lead: Option<Span>, now: Timestamp) -> Observation {
        let Some(signal) = self.0.get(at) else {
            return Observation::default();
        };
        Observation {
            newest: signal.newest(),
            crosses_in: lead.and_then(|lead| signal.crosses_in(lead, now)),
        }
    }

    pub(super) fn views(&self, lead: Option<Span>, now: Timestamp) -> Vec<SignalView> {
        let signals = self.0.iter();
        signals.map(|signal| signal.view(lead, now)).collect()
    }
}

impl Signal {
    fn newest(&self) -> Option<Sample> {
        self.interim.or(self.course.back().copied())
    }

    fn crosses_in(&self, lead: Span, now: Timestamp) -> Option<Span> {
        let looked_back = Span(lead.0.saturating_mul(LEADS_LOOKED_BACK));
        let recent: Vec<_> = self
            .course
            .iter()
            .filter(|sample| now.since(sample.at) <= looked_back)
            .copied()
            .collect();
        time_to_cross(&recent, self.policy.open_at, now)
    }

    fn view(&self, lead: Option<Span>, now: Timestamp) -> SignalView {
        let newest = self.newest();
        let reading = match judge(newest, self.policy.stale_after, now) {
            Reading::Fresh(_) => "fresh",
            Reading::Stale { .. } => "stale",
            Reading::Absent => "absent",
            Reading::NotFinite => "not_finite",
        };
        let finite = self.course.iter().filter(|sample| sample.value.is_finite());
        SignalView {
            name: self.policy.name.clone(),
            scope: self.policy.scope.to_string(),
            source: self.source.source().to_owned(),
            measured_by: describe(&self.source),
            reading: reading.to_owned(),
            value: newest
                .map(|newest| newest.value)
                .filter(|value| value.is_finite()),
            value_at_ms: newest.map(|newest| newest.at.0),
            open_at: self.policy.open_at.get(),
            close_at: self.policy.close_at.get(),
            stale_after_ms: self.policy.stale_after.0,
            when_missing: match self.policy.when_missing {
                WhenMissing::Hold => "hold".to_owned(),
                WhenMissing::Ignore => "ignore".to_owned(),
            },
            crosses_in_ms: lead
                .and_then(|lead| self.crosses_in(lead, now))
                .map(|span| span.0),
            error: self.failure.as_ref().map(Failure::to_string),
            course: finite.map(|sample| (sample.at.0, sample.value)).collect(),
        }
    }
}

/// How a signal is measured, for people.
fn describe(source: &SignalSource) -> String {
    match source {
        SignalSource::Scrape(signal) => describe_scrape(signal),
        SignalSource::Promql(signal) => signal.query.clone(),
        SignalSource::Notifications(signal) => {
            let what = match signal.measure {
                NotificationsMeasure::ArrivalsPerMinute => "servers that arrive per minute",
                NotificationsMeasure::NoValidHostPerMinute => "servers without a host per minute",
                NotificationsMeasure::BuildSecs => "seconds that a build takes",
                NotificationsMeasure::Building => "servers that are being built",
            };
            format!("{what}, over {} s", signal.window.secs())
        }
        SignalSource::Placement(signal) => {
            let what = match signal.measure {
                PlacementMeasure::UsedRatio => "share taken",
                PlacementMeasure::Used => "taken",
                PlacementMeasure::Free => "free",
            };
            format!("{} {what}", signal.resource_class)
        }
        SignalSource::Heat(signal) => match &signal.measure {
            HeatMeasure::Output(output) => format!("output {output} of stack {}", signal.stack),
            HeatMeasure::ScalingGroup(group) => {
                format!("members of {group} in stack {}", signal.stack)
            }
        },
    }
}

fn describe_scrape(signal: &ScrapeSignal) -> String {
    let of = |series: &dyn std::fmt::Display| match signal.rate {
        true => format!("rate of {series}"),
        false => series.to_string(),
    };
    let number = match (&signal.divide_by, signal.reduce) {
        (Some(divisor), _) => format!("{} over {}", of(&signal.series), of(divisor)),
        (None, Reduce::Mean) => format!("mean of {}", of(&signal.series)),
        (None, Reduce::Max) => format!("largest {}", of(&signal.series)),
        (None, Reduce::Min) => format!("smallest {}", of(&signal.series)),
        (None, Reduce::Sum) => format!("sum of {}", of(&signal.series)),
        (None, Reduce::Quantile(q)) => format!("quantile {q} of {}", of(&signal.series)),
    };
    match signal.complement {
        true => format!("1 minus {number}"),
        false => number,
    }
}
