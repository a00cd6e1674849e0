//! From what each target gave to one number for a signal. Pure.

use crate::config::Reduce;
use crate::sources::failure::{Failure, FailureKind};
use spillway_core::Timestamp;
use spillway_core::gate::Sample;

/// What one target's page gave for one quantity.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// The target's series, added up; finite.
    Sum {
        /// The number.
        value: f64,
        /// When it was measured: the oldest of the series.
        at: Timestamp,
    },
    /// Nothing to count with; the target takes no part.
    Nothing(Failure),
    /// Lines that cannot be read. Nobody knows what they say, so the signal has no value.
    Unreadable(Failure),
}

/// What came of one target in one round: what it gave for each quantity, or why it gave nothing.
pub(super) type Reading = Result<Vec<Given>, Failure>;

/// How a signal is made from quantities, which are named by their position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reduction {
    /// The quantity.
    pub(super) series: usize,
    /// Divisor of a ratio of sums.
    pub(super) divide_by: Option<usize>,
    /// How targets become one number where there is no divisor.
    pub(super) reduce: Reduce,
    /// 1 minus the number.
    pub(super) complement: bool,
}

/// Reduces the readings of all targets to one sample. Its time is that of the oldest number in it.
/// The value may be NaN or infinite, as zero divided by zero is; the gate judges that.
///
/// # Errors
/// A target's page cannot be read where the signal looks, or too few targets gave a number.
pub(super) fn reduce(
    reduction: &Reduction,
    readings: &[Reading],
    min_targets_ratio: f64,
) -> Result<Sample, Failure> {
    let mut parts = Parts::default();
    for reading in readings {
        match part(reduction, reading) {
            Part::Number(value, divisor, at) => parts.add(value, divisor, at),
            Part::Nothing(failure) => parts.missing.push(failure),
            Part::Unreadable(failure) => return Err(failure.clone()),
        }
    }
    let n_targets = readings.len();
    #[allow(clippy::cast_precision_loss)]
    let ratio = parts.values.len() as f64 / n_targets as f64;
    let oldest = match parts.oldest {
        Some(oldest) if ratio >= min_targets_ratio => oldest,
        _ => return Err(too_few(&parts, n_targets, min_targets_ratio)),
    };
    let value = match reduction.divide_by {
        Some(_) => parts.values.iter().sum::<f64>() / parts.divisors.iter().sum::<f64>(),
        None => over_targets(reduction.reduce, parts.values),
    };
    let value = if reduction.complement {
        1.0 - value
    } else {
        value
    };
    Ok(Sample { value, at: oldest })
}

#[derive(Default)]
struct Parts<'a> {
    values: Vec<f64>,
    divisors: Vec<f64>,
    oldest: Option<Timestamp>,
    missing: Vec<&'a Failure>,
}

impl Parts<'_> {
    fn add(&mut self, value: f64, divisor: f64, at: Timestamp) {
        self.values.push(value);
        self.divisors.push(divisor);
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
    }
}

/// What one target contributes to a signal.
enum Part<'a> {
    /// Value, divisor, and the older one's time.
    Number(f64, f64, Timestamp),
    Nothing(&'a Failure),
    Unreadable(&'a Failure),
}

fn part<'a>(reduction: &Reduction, reading: &'a Reading) -> Part<'a> {
    let quantities = match reading {
        Ok(quantities) => quantities,
        Err(failure) => return Part::Nothing(failure),
    };
    let series = &quantities[reduction.series];
    let divisor = reduction.divide_by.map(|divisor| &quantities[divisor]);
    match (series, divisor) {
        (Given::Unreadable(failure), _) | (_, Some(Given::Unreadable(failure))) => {
            Part::Unreadable(failure)
        }
        (Given::Nothing(failure), _) | (_, Some(Given::Nothing(failure))) => Part::Nothing(failure),
        (Given::Sum { value, at }, None) => Part::Number(*value, 1.0, *at),
        (
            Given::Sum { value, at },
            Some(Given::Sum {
                value: divisor,
                at: divisor_at,
            }),
        ) => Part::Number(*value, *divisor, *at.min(divisor_at)),
    }
}

/// Of many targets, too few; of one target, its own failure. The same holds when all failed alike.
fn too_few(parts: &Parts<'_>, n_targets: usize, min_targets_ratio: f64) -> Failure {
    let Some(first) = parts.missing.first() else {
        return Failure::new(FailureKind::TooFewTargets, "there is no target");
    };
    if n_targets == 1 {
        return (*first).clone();
    }
    let n_given = parts.values.len();
    let all_alike = n_given == 0 && parts.missing.iter().all(|other| other.kind == first.kind);
    let kind = if all_alike {
        first.kind
    } else {
        FailureKind::TooFewTargets
    };
    let percent = min_targets_ratio * 100.0;
    let detail = format!(
        "{n_given} of {n_targets} targets gave a value, expected at least {percent} %; the first \
         that did not: {}",
        first.detail
    );
    Failure::new(kind, detail)
}

/// `values` is not empty.
fn over_targets(reduce: Reduce, mut values: Vec<f64>) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let n_values = values.len() as f64;
    match reduce {
        Reduce::Mean => values.iter().sum::<f64>() / n_values,
        Reduce::Sum => values.iter().sum(),
        Reduce::Max => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
        Reduce::Min => values.into_iter().fold(f64::INFINITY, f64::min),
        Reduce::Quantile(quantile) => {
            values.sort_unstable_by(f64::total_cmp);
            quantile_of(&values, quantile)
        }
    }
}

/// As Prometheus' `quantile`: between two values the result lies on the line that joins them.
fn quantile_of(sorted: &[f64], quantile: f64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let rank = quantile.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let weight = rank - rank.floor();
    sorted[below] * (1.0 - weight) + sorted[above] * weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(value: f64, at: u64) -> Given {
        Given::Sum {
            value,
            at: Timestamp(at),
        }
    }

    fn absent() -> Failure {
        Failure::new(FailureKind::Absent, "t: no such series")
    }

    fn by(reduce: Reduce) -> Reduction {
        Reduction {
            series: 0,
            divide_by: None,
            reduce,
            complement: false,
        }
    }

    fn value(reduction: &Reduction, values: &[f64]) -> f64 {
        let readings: Vec<Reading> = values.iter().map(|one| Ok(vec![sum(*one, 7)])).collect();
        reduce(reduction, &readings, 1.0).expect("a sample").value
    }

    #[track_caller]
    fn check(reduction: &Reduction, values: &[f64], expected: f64) {
        let found = value(reduction, values);
        assert!(
            (found - expected).abs() < 1e-12,
            "{found} is not {expected}"
        );
    }

    #[test]
    fn values_of_targets_become_one() {
        let values = [4.0, 1.0, 3.0, 8.0];
        check(&by(Reduce::Mean), &values, 4.0);
        check(&by(Reduce::Sum), &values, 16.0);
        check(&by(Reduce::Max), &values, 8.0);
        check(&by(Reduce::Min), &values, 1.0);
        check(&by(Reduce::Quantile(0.0)), &values, 1.0);
        check(&by(Reduce::Quantile(0.5)), &values, 3.5);
        check(&by(Reduce::Quantile(0.9)), &values, 6.8);
        check(&by(Reduce::Quantile(1.0)), &values, 8.0);
        check(&by(Reduce::Quantile(0.3)), &[5.0], 5.0);
    }

    #[test]
    fn a_complement_is_taken_of_the_reduced_value() {
        let reduction = Reduction {
            complement: true,
            ..by(Reduce::Max)
        };
        check(&reduction, &[0.25, 0.5], 0.5);
    }

    #[test]
    fn a_ratio_is_that_of_the_sums_and_of_targets_that_gave_both() {
        let reduction = Reduction {
            divide_by: Some(1),
            ..by(Reduce::Max)
        };
        let readings = [
            Ok(vec![sum(1.0, 9), sum(2.0, 8)]),
            Ok(vec![sum(3.0, 9), sum(14.0, 9)]),
            Ok(vec![sum(1_000.0, 1), Given::Nothing(absent())]),
        ];
        let sample = reduce(&reduction, &readings, 0.5).expect("a sample");
        assert!((sample.value - 0.25).abs() < 1e-12);
        assert_eq!(sample.at, Timestamp(8), "the oldest number in it");
        let zero = [Ok(vec![sum(0.0, 9), sum(0.0, 9)])];
        let sample = reduce(&reduction, &zero, 0.5).expect("the gate judges it");
        assert!(sample.value.is_nan());
    }

    #[test]
    fn too_few_targets_say_how_many_and_the_first_failure() {
        let timeout = Failure::new(FailureKind::Timeout, "t2: no whole answer within 5 s");
        let readings = [
            Ok(vec![sum(1.0, 9)]),
            Err(timeout.clone()),
            Ok(vec![Given::Nothing(absent())]),
        ];
        let refused = reduce(&by(Reduce::Mean), &readings, 0.5).expect_err("too few");
        assert_eq!(refused.kind, FailureKind::TooFewTargets);
        assert_eq!(
            refused.detail,
            "1 of 3 targets gave a value, expected at least 50 %; the first that did not: t2: no \
             whole answer within 5 s"
        );
        assert!(reduce(&by(Reduce::Mean), &readings, 0.33).is_ok());
        let none = [Err(timeout.clone()), Err(timeout.clone())];
        let refused = reduce(&by(Reduce::Mean), &none, 0.0).expect_err("none");
        assert_eq!(refused.kind, FailureKind::Timeout, "all failed alike");
        let one = [Err(timeout.clone())];
        assert_eq!(reduce(&by(Reduce::Mean), &one, 0.5), Err(timeout));
        assert!(reduce(&by(Reduce::Mean), &[], 0.0).is_err());
    }

    #[test]
    fn an_unreadable_line_of_one_target_fails_the_signal_and_no_other() {
        let unreadable = Failure::new(FailureKind::Malformed, "t2: line 3: expected a value");
        let readings = [
            Ok(vec![sum(1.0, 9), sum(1.0, 9)]),
            Ok(vec![Given::Unreadable(unreadable.clone()), sum(2.0, 9)]),
        ];
        assert_eq!(reduce(&by(Reduce::Sum), &readings, 0.0), Err(unreadable));
        let other = Reduction {
            series: 1,
            ..by(Reduce::Sum)
        };
        assert!(reduce(&other, &readings, 1.0).is_ok());
    }

    proptest! {
        #[test]
        fn a_reduced_value_lies_between_the_smallest_and_the_largest(
            values in proptest::collection::vec(-1e9..1e9_f64, 1..20), quantile in 0.0..=1.0,
        ) {
            let smallest = value(&by(Reduce::Min), &values);
            let largest = value(&by(Reduce::Max), &values);
            for reduce in [Reduce::Mean, Reduce::Quantile(quantile)] {
                let between = value(&by(reduce), &values);
                prop_assert!(between >= smallest - 1e-6 && between <= largest + 1e-6);
            }
        }
    }
}
