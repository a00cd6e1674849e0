//! From a page to what its target gives. Pure.

use super::plan::Plan;
use super::reduce::Given;
use crate::page::{FaultKind, PageFault, PageLimits, Picked, Rates, SeriesKey, pick};
use crate::sources::failure::{Failure, FailureKind};
use crate::sources::time::{MAX_AHEAD, Moment};
use spillway_core::Timestamp;
use std::fmt;

/// Rounds that a counter may be missing from, and still have a rate over the gap.
const KEPT_ROUNDS: u32 = 4;

/// The counters of one target, by selector and series.
pub(super) type Counters = Rates<(usize, SeriesKey)>;

/// No counters yet.
pub(super) fn no_counters() -> Counters {
    Rates::new(PageLimits::default().samples, KEPT_ROUNDS)
}

/// Reads what the plan wants out of a target's page, one [`Given`] for each quantity. `target`
/// names it in failures; `begun` is when the scrape began.
pub(super) fn read_page(
    plan: &Plan,
    target: &str,
    counters: &mut Counters,
    page: &[u8],
    begun: Moment,
) -> Vec<Given> {
    let found = pick(page, &plan.selectors, &PageLimits::default());
    let mut sums = vec![Sums::new(begun.wall); plan.selectors.len()];
    for picked in &found.samples {
        let is_counter = |quantity: &super::plan::Quantity| {
            quantity.rate && quantity.selector == picked.selector
        };
        let counters = plan
            .quantities
            .iter()
            .any(is_counter)
            .then_some(&mut *counters);
        sums[picked.selector].add(picked, counters, begun);
    }
    let given = |quantity: &super::plan::Quantity| {
        let selector = quantity.selector;
        if let Some(fault) = found.faults.iter().find(|fault| fault.selector == selector) {
            return Given::Unreadable(unreadable(target, fault));
        }
        sums[selector].given(quantity.rate).map_or_else(
            |(kind, what)| {
                let detail = format!("{target}: {what} of {}", plan.selectors[selector]);
                Given::Nothing(Failure::new(kind, detail))
            },
            |(value, at)| Given::Sum { value, at },
        )
    };
    plan.quantities.iter().map(given).collect()
}

fn unreadable(target: &str, fault: &PageFault) -> Failure {
    let kind = match fault.kind {
        FaultKind::TooManySamples
        | FaultKind::TooManyLabels
        | FaultKind::LabelTooLong
        | FaultKind::LineTooLong => FailureKind::TooMany,
        FaultKind::Malformed(_)
        | FaultKind::DuplicateSeries
        | FaultKind::NotUtf8
        | FaultKind::NotANumber
        | FaultKind::ParserDisagrees => FailureKind::Malformed,
    };
    Failure::new(kind, format!("{target}: {fault}"))
}

/// The series of one selector, added up.
#[derive(Debug, Clone)]
struct Sums {
    n_series: usize,
    value: f64,
    n_rates: usize,
    rate: f64,
    oldest: Timestamp,
    unusable: Option<Unusable>,
}

/// Why a sample that was read is of no use. The safe thing is to do without the target: one
/// number that is not a number would make that of a thousand targets none either.
#[derive(Debug, Clone, Copy)]
enum Unusable {
    NotFinite(f64),
    Ahead,
}

impl Sums {
    fn new(begun: Timestamp) -> Self {
        Sums {
            n_series: 0,
            value: 0.0,
            n_rates: 0,
            rate: 0.0,
            oldest: begun,
            unusable: None,
        }
    }

    fn add(&mut self, picked: &Picked, counters: Option<&mut Counters>, begun: Moment) {
        self.n_series += 1;
        if !picked.value.is_finite() {
            self.unusable = Some(Unusable::NotFinite(picked.value));
            return;
        }
        // A time before 1970 is as old as can be.
        let own = picked
            .timestamp_ms
            .map(|ms| Timestamp(u64::try_from(ms).unwrap_or(0)));
        if own.is_some_and(|own| own.since(begun.wall) > MAX_AHEAD) {
            self.unusable = Some(Unusable::Ahead);
            return;
        }
        self.oldest = self.oldest.min(own.unwrap_or(begun.wall));
        self.value += picked.value;
        let counted_at = own.unwrap_or(begun.steady);
        let key = (picked.selector, picked.series);
        let rate = counters.and_then(|counters| counters.update(key, picked.value, counted_at));
        if let Some(rate) = rate {
            self.n_rates += 1;
            self.rate += rate;
        }
    }

    fn given(&self, rate: bool) -> Result<(f64, Timestamp), (FailureKind, Lack)> {
        let value = if rate { self.rate } else { self.value };
        match self.unusable {
            Some(unusable) => Err((FailureKind::Malformed, Lack::Unusable(unusable))),
            None if self.n_series == 0 => Err((FailureKind::Absent, Lack::Series)),
            None if rate && self.n_rates == 0 => Err((FailureKind::Absent, Lack::SecondSample)),
            // Finite numbers may have a sum that is not.
            None if !value.is_finite() => Err((
                FailureKind::Malformed,
                Lack::Unusable(Unusable::NotFinite(value)),
            )),
            None => Ok((value, self.oldest)),
        }
    }
}

/// What is wrong with a series; its name follows.
enum Lack {
    Series,
    SecondSample,
    Unusable(Unusable),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lack::Series => f.write_str("expected a series, there is none"),
            Lack::SecondSample => {
                f.write_str("expected two samples of a counter for a rate, there is one")
            }
            Lack::Unusable(Unusable::NotFinite(value)) => {
                write!(f, "expected a finite number, there is {value} in a series")
            }
            Lack::Unusable(Unusable::Ahead) => {
                write!(
                    f,
                    "expected a time at most {MAX_AHEAD} ahead of our clock, there is a later one \
                     in a series"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Reduce, ScrapeSignal, ScrapeSource};
    use crate::selector::Selector;
    use spillway_core::units::Span;

    const T0: u64 = 1_800_000_000_000;

    /// One signal: `series`, per second if `rate`, over `divide_by`.
    fn plan(series: &str, divide_by: Option<&str>, rate: bool) -> Plan {
        let source = ScrapeSource {
            name: "nodes".to_owned(),
            targets: vec!["http://127.0.0.1/".to_owned()],
            interval: Span::from_secs(15),
            timeout: Span::from_secs(5),
            max_bytes: 1 << 20,
            min_targets_ratio: 0.5,
            token_file: None,
            ca_file: None,
        };
        let selector = |text: &str| Selector::parse(text).expect("a selector");
        let signal = ScrapeSignal {
            source: "nodes".to_owned(),
            series: selector(series),
            divide_by: divide_by.map(selector),
            rate,
            reduce: Reduce::Mean,
            complement: false,
        };
        Plan::new(&source, &[(0, signal)])
    }

    fn at(secs: u64) -> Moment {
        let time = Timestamp(T0 + secs * 1_000);
        Moment {
            wall: time,
            steady: time,
        }
    }

    fn read(plan: &Plan, page: &str) -> Vec<Given> {
        read_page(plan, "t", &mut no_counters(), page.as_bytes(), at(0))
    }

    #[track_caller]
    fn assert_sum(given: &Given, expected: f64, expected_at: u64) {
        let Given::Sum { value, at } = given else {
            panic!("{given:?} is no number");
        };
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
        assert_eq!(at.0, expected_at);
    }

    #[track_caller]
    fn assert_nothing(given: &Given, kind: FailureKind, detail: &str) {
        assert_eq!(*given, Given::Nothing(Failure::new(kind, detail)));
    }

    #[test]
    fn series_of_a_target_are_added_up() {
        let plan = plan("a{x!=\"2\"}", Some("b"), false);
        let given = read(&plan, "a{x=\"0\"} 1\na{x=\"1\"} 2\na{x=\"2\"} 4\nb 8\n");
        assert_sum(&given[0], 3.0, T0);
        assert_sum(&given[1], 8.0, T0);
    }

    #[test]
    fn what_is_not_there_is_absent_and_does_not_hurt_the_other() {
        let given = read(&plan("a{x=\"1\"}", Some("b"), false), "b 8\n");
        let detail = "t: expected a series, there is none of a{x=\"1\"}";
        assert_nothing(&given[0], FailureKind::Absent, detail);
        assert_sum(&given[1], 8.0, T0);
    }

    #[test]
    fn a_line_that_cannot_be_read_makes_its_quantity_unreadable_and_no_other() {
        let plan = plan("a", Some("b"), false);
        for (line, kind) in [
            ("a five", FailureKind::Malformed),
            ("a 1\na 1", FailureKind::Malformed),
            ("a{x=\"1\" 1", FailureKind::Malformed),
            (
                &format!("a{{x=\"{}\"}} 1", "x".repeat(5_000)),
                FailureKind::TooMany,
            ),
            (&format!("a{}1", " ".repeat(100_000)), FailureKind::TooMany),
        ] {
            let given = read(&plan, &format!("b 8\n{line}\n"));
            let Given::Unreadable(failure) = &given[0] else {
                panic!("{:?}", given[0]);
            };
            assert_eq!(failure.kind, kind);
            assert!(failure.detail.starts_with("t: line "), "{failure}");
            assert_sum(&given[1], 8.0, T0);
        }
    }

    #[test]
    fn a_number_that_is_none_takes_the_target_out() {
        let plan = plan("a", None, false);
        for (text, shown) in [
            ("NaN", "NaN"),
            ("+Inf", "inf"),
            ("1e999", "inf"),
            ("-Inf", "-inf"),
        ] {
            let given = read(&plan, &format!("a{{x=\"1\"}} 1\na{{x=\"2\"}} {text}\n"));
            let detail = format!("t: expected a finite number, there is {shown} in a series of a");
            assert_nothing(&given[0], FailureKind::Malformed, &detail);
        }
        let given = read(&plan, "a{x=\"1\"} 1e308\na{x=\"2\"} 1e308\n");
        let detail = "t: expected a finite number, there is inf in a series of a";
        assert_nothing(&given[0], FailureKind::Malformed, detail);
    }

    #[test]
    fn a_page_may_say_that_its_numbers_are_old_but_not_that_they_are_of_tomorrow() {
        let plan = plan("a", None, false);
        let page = |ms: i64| format!("a{{x=\"1\"}} 1\na{{x=\"2\"}} 1 {ms}\n");
        #[allow(clippy::cast_possible_wrap)]
        let t0 = T0 as i64;
        assert_sum(&read(&plan, &page(t0 - 60_000))[0], 2.0, T0 - 60_000);
        assert_sum(&read(&plan, &page(t0 + 5_000))[0], 2.0, T0);
        assert_sum(&read(&plan, &page(-1))[0], 2.0, 0);
        let detail = "t: expected a time at most 5.000 s ahead of our clock, there is a later one \
                      in a series of a";
        assert_nothing(
            &read(&plan, &page(t0 + 5_001))[0],
            FailureKind::Malformed,
            detail,
        );
    }

    #[test]
    fn a_counter_is_taken_per_second_since_the_target_s_last_scrape() {
        let plan = plan("a", None, true);
        let mut counters = no_counters();
        let mut read = |page: &str, secs: u64| {
            let given = read_page(&plan, "t", &mut counters, page.as_bytes(), at(secs));
            counters.end_cycle();
            given[0].clone()
        };
        let detail = "t: expected two samples of a counter for a rate, there is one of a";
        let first = read("a{x=\"1\"} 100\na{x=\"2\"} 100\n", 0);
        assert_nothing(&first, FailureKind::Absent, detail);
        let grown = read("a{x=\"1\"} 130\na{x=\"2\"} 160\n", 10);
        assert_sum(&grown, 9.0, T0 + 10_000);
        let one_began_again = read("a{x=\"1\"} 10\na{x=\"2\"} 170\n", 20);
        assert_sum(&one_began_again, 2.0, T0 + 20_000);
        let one_is_new = read("a{x=\"1\"} 20\na{x=\"3\"} 7\n", 30);
        assert_sum(&one_is_new, 1.0, T0 + 30_000);
        let its_clock = read("a{x=\"1\"} 30 1800000035000\n", 40);
        assert_sum(&its_clock, 2.0, T0 + 35_000);
    }
}
