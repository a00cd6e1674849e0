//! Counters as rates per second.

use spillway_core::Timestamp;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// The last sample of every counter of one source, to make rates of. `K` names a series within
/// it, such as target, selector and [`super::SeriesKey`].
///
/// One cycle is one round of updates, closed by [`Rates::end_cycle`].
#[derive(Debug, Clone)]
pub struct Rates<K> {
    last: HashMap<K, Last>,
    max_series: usize,
    keep_cycles: u32,
    refused: u64,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    value: f64,
    at: Timestamp,
    cycles_ago: u32,
}

impl<K: Eq + Hash> Rates<K> {
    /// Remembers at most `max_series` series, and each for `keep_cycles` cycles in which it was
    /// not seen.
    #[must_use]
    pub fn new(max_series: usize, keep_cycles: u32) -> Self {
        Rates {
            last: HashMap::new(),
            max_series,
            keep_cycles,
            refused: 0,
        }
    }

    /// Returns how much the counter grew per second since its last sample, and remembers this one.
    ///
    /// A value below the last one means that the counter began again at zero meanwhile, as in
    /// Prometheus: all of it is growth. None when there is no last sample, no time passed since
    /// it, time ran backwards, or the value is negative or not finite, which no counter's is.
    pub fn update(&mut self, series: K, value: f64, at: Timestamp) -> Option<f64> {
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        let now = Last {
            value,
            at,
            cycles_ago: 0,
        };
        let is_full = self.last.len() >= self.max_series;
        match self.last.entry(series) {
            Entry::Occupied(mut entry) => {
                let before = entry.get_mut();
                if before.at == at {
                    before.cycles_ago = 0;
                    return None;
                }
                // After a clock was set back, rates begin anew from here.
                let before = std::mem::replace(before, now);
                let secs = at.since(before.at).secs();
                let growth = if value < before.value {
                    value
                } else {
                    value - before.value
                };
                Some(growth / secs).filter(|rate| secs > 0.0 && rate.is_finite())
            }
            Entry::Vacant(_) if is_full => {
                self.refused += 1;
                None
            }
            Entry::Vacant(entry) => {
                entry.insert(now);
                None
            }
        }
    }

    /// Closes a cycle: forgets the series that were not seen in this one and the `keep_cycles`
    /// before it.
    pub fn end_cycle(&mut self) {
        let keep_cycles = self.keep_cycles;
        self.last.retain(|_, last| {
            let is_kept = last.cycles_ago <= keep_cycles;
            last.cycles_ago = last.cycles_ago.saturating_add(1);
            is_kept
        });
        if self.last.capacity() > 4 * self.last.len().max(16) {
            self.last.shrink_to_fit();
        }
    }

    /// How many series are remembered.
    #[must_use]
    pub fn n_series(&self) -> usize {
        self.last.len()
    }

    /// How many updates had no room since this was made. Not zero: some series have no rate.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const T0: u64 = 1_800_000_000_000;

    fn at(secs: u64) -> Timestamp {
        Timestamp(T0 + secs * 1_000)
    }

    #[test]
    fn a_counter_grows_per_second_and_begins_again_at_zero() {
        let mut rates = Rates::new(10, 2);
        assert_eq!(rates.update("a", 100.0, at(0)), None);
        assert_eq!(rates.update("a", 130.0, at(15)), Some(2.0));
        assert_eq!(rates.update("a", 130.0, at(30)), Some(0.0));
        assert_eq!(rates.update("a", 30.0, at(45)), Some(2.0), "reset");
        assert_eq!(rates.update("b", 30.0, at(45)), None, "another series");
    }

    #[test]
    fn time_that_stands_or_runs_backwards_gives_no_rate() {
        let mut rates = Rates::new(10, 2);
        rates.update("a", 100.0, at(3_600));
        assert_eq!(rates.update("a", 200.0, at(3_600)), None);
        assert_eq!(
            rates.update("a", 110.0, at(3_610)),
            Some(1.0),
            "from the first sample of that time"
        );
        assert_eq!(
            rates.update("a", 120.0, at(10)),
            None,
            "the clock was set back"
        );
        assert_eq!(
            rates.update("a", 130.0, at(20)),
            Some(1.0),
            "and from there on"
        );
    }

    #[test]
    fn what_no_counter_can_be_is_not_remembered() {
        let mut rates = Rates::new(10, 2);
        rates.update("a", 100.0, at(0));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
            assert_eq!(rates.update("a", value, at(5)), None);
        }
        assert_eq!(rates.update("a", 110.0, at(10)), Some(1.0));
    }

    #[test]
    fn a_series_that_vanished_is_forgotten_after_its_cycles() {
        let mut rates = Rates::new(10, 2);
        rates.update("gone", 1.0, at(0));
        for cycle in 0..4 {
            rates.update("here", 1.0, at(cycle));
            rates.end_cycle();
            assert_eq!(rates.n_series(), if cycle < 3 { 2 } else { 1 });
        }
        assert_eq!(rates.update("gone", 5.0, at(9)), None, "as new");
    }

    #[test]
    fn a_full_memory_refuses_new_series_and_says_so() {
        let mut rates = Rates::new(2, 0);
        for series in 0..5 {
            rates.update(series, 1.0, at(0));
        }
        assert_eq!((rates.n_series(), rates.refused()), (2, 3));
        assert_eq!(rates.update(0, 3.0, at(1)), Some(2.0), "known ones go on");
        rates.end_cycle();
        rates.end_cycle();
        assert_eq!(rates.n_series(), 0);
        rates.update(9, 1.0, at(2));
        assert_eq!(rates.n_series(), 1, "there is room again");
    }

    proptest! {
        #[test]
        fn a_rate_is_never_negative_or_not_finite(
            samples in proptest::collection::vec((any::<f64>(), any::<u64>()), 0..20),
        ) {
            let mut rates = Rates::new(1, 1);
            for (value, ms) in samples {
                if let Some(rate) = rates.update((), value, Timestamp(ms)) {
                    prop_assert!(rate >= 0.0 && rate.is_finite());
                }
            }
        }
    }
}
