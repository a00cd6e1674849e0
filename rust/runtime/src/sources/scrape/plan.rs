//! What a source looks for in every page, and when it asks which target. Pure.

use super::reduce::Reduction;
use crate::config::{ScrapeSignal, ScrapeSource};
use crate::selector::Selector;
use crate::sources::time::duration;
use std::time::Duration;

/// Targets that wait for an answer at once. Hanging ones hold their places until the time limit,
/// so there are more places than well targets need: those answer within milliseconds. Half of the
/// threads that may look names up, so that one source's dead name server does not take them all.
pub(super) const MAX_IN_FLIGHT: usize = 256;

/// Time between the scrapes of two targets, so that a large fleet is not asked all at once: up to
/// 2,000 a second, which is a sixth of a core with pages of 100 kB. A hundred targets are asked
/// within 50 ms, so that a change is known one interval and less than 100 ms later.
const GAP: Duration = Duration::from_micros(500);

/// Targets that are asked together: waking up for each alone costs as much as reading its page.
const BURST: usize = 16;

/// What is read out of each page, and how signals are made of it.
#[derive(Debug)]
pub(super) struct Plan {
    /// The source's name.
    pub(super) source: std::sync::Arc<str>,
    /// Each once.
    pub(super) selectors: Vec<Selector>,
    /// Each once; what a target gives is in this order.
    pub(super) quantities: Vec<Quantity>,
    /// Position of the signal in the policy file, and how it is made.
    pub(super) signals: Vec<(usize, Reduction)>,
    /// Smallest share of targets that has to have given a number.
    pub(super) min_targets_ratio: f64,
    /// Time between two rounds.
    pub(super) interval: Duration,
    /// Time between the scrapes of two targets.
    pub(super) gap: Duration,
    /// Longest time of one scrape. A round ends before the next begins, so it is shorter than the
    /// source's own where that leaves no time.
    pub(super) timeout: Duration,
}

/// The series of a selector, added up: as they are, or per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity {
    /// Position of the selector.
    pub(super) selector: usize,
    /// Per second.
    pub(super) rate: bool,
}

impl Plan {
    pub(super) fn new(source: &ScrapeSource, signals: &[(usize, ScrapeSignal)]) -> Self {
        let interval = duration(source.interval);
        let n_targets = u32::try_from(source.targets.len())
            .unwrap_or(u32::MAX)
            .max(1);
        let gap = GAP.min(interval / 2 / n_targets);
        let mut plan = Plan {
            source: source.name.as_str().into(),
            selectors: Vec::new(),
            quantities: Vec::new(),
            signals: Vec::new(),
            min_targets_ratio: source.min_targets_ratio,
            interval,
            gap,
            timeout: duration(source.timeout).min(interval - gap * n_targets),
        };
        for (index, signal) in signals {
            let series = plan.quantity(&signal.series, signal.rate);
            let divide_by = &signal.divide_by;
            let divide_by = divide_by.as_ref().map(|by| plan.quantity(by, signal.rate));
            let reduction = Reduction {
                series,
                divide_by,
                reduce: signal.reduce,
                complement: signal.complement,
            };
            plan.signals.push((*index, reduction));
        }
        plan
    }

    /// When the target is asked, from the begin of a round.
    pub(super) fn offset(&self, turn: usize) -> Duration {
        self.gap * u32::try_from(turn - turn % BURST).unwrap_or(u32::MAX)
    }

    fn quantity(&mut self, selector: &Selector, rate: bool) -> usize {
        let selector = position_or_push(&mut self.selectors, selector.clone());
        position_or_push(&mut self.quantities, Quantity { selector, rate })
    }
}

fn position_or_push<T: PartialEq>(list: &mut Vec<T>, wanted: T) -> usize {
    let known = list.iter().position(|one| *one == wanted);
    known.unwrap_or_else(|| {
        list.push(wanted);
        list.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Reduce;
    use spillway_core::units::Span;

    fn source(n_targets: usize, interval: u64, timeout: u64) -> ScrapeSource {
        ScrapeSource {
            name: "nodes".to_owned(),
            targets: vec!["http://127.0.0.1/".to_owned(); n_targets],
            interval: Span(interval),
            timeout: Span(timeout),
            max_bytes: 1 << 20,
            min_targets_ratio: 0.5,
            token_file: None,
            ca_file: None,
        }
    }

    fn signal(series: &str, divide_by: Option<&str>, rate: bool) -> ScrapeSignal {
        let selector = |text: &str| Selector::parse(text).expect("a selector");
        ScrapeSignal {
            source: "nodes".to_owned(),
            series: selector(series),
            divide_by: divide_by.map(selector),
            rate,
            reduce: Reduce::Mean,
            complement: false,
        }
    }

    #[test]
    fn what_several_signals_want_is_read_once() {
        let signals = [
            (3, signal("a", Some("b"), false)),
            (1, signal("b", None, false)),
            (2, signal("a", Some("b"), true)),
        ];
        let plan = Plan::new(&source(1, 1_000, 500), &signals);
        assert_eq!(plan.selectors.len(), 2);
        assert_eq!(plan.quantities.len(), 4);
        let made: Vec<_> = plan
            .signals
            .iter()
            .map(|(index, how)| (*index, how.series, how.divide_by))
            .collect();
        assert_eq!(made, [(3, 0, Some(1)), (1, 1, None), (2, 2, Some(3))]);
    }

    #[test]
    fn a_round_is_over_before_the_next_one_begins() {
        for (n_targets, interval, timeout) in [
            (1, 200, 5_000),
            (100, 1_000, 5_000),
            (10_000, 15_000, 5_000),
            (100_000, 5_000, 300_000),
        ] {
            let plan = Plan::new(&source(n_targets, interval, timeout), &[]);
            let last = plan.offset(n_targets - 1) + plan.timeout;
            assert!(last <= plan.interval, "{n_targets} targets: {last:?}");
            assert!(
                plan.timeout >= plan.interval / 2
                    || plan.timeout.as_millis() == u128::from(timeout)
            );
        }
    }

    #[test]
    fn a_hundred_targets_are_asked_within_50_ms() {
        let plan = Plan::new(&source(100, 15_000, 5_000), &[]);
        assert!(plan.offset(99) < Duration::from_millis(50));
        assert_eq!(plan.timeout, Duration::from_secs(5));
    }
}
