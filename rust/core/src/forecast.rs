//! When a signal will reach a threshold, if it goes on as it did.
//!
//! A straight line through the recent course, and only where the course looks like one. Anything
//! cleverer needs days of history and is harder to explain to the person it woke.

use crate::gate::Sample;
use crate::units::{Finite, Span, Timestamp};

/// Fewest samples that make a course. Three lie on a line too often by chance.
pub const MIN_SAMPLES: usize = 4;

/// Smallest share of the course's variance that the line has to explain. A load that just wobbles
/// stays under a half.
pub const MIN_FIT: f64 = 0.7;

/// Returns how long it takes until the course's line reaches `threshold`, counted from `now`.
///
/// Zero when the line is there already. `None` when the course does not rise, does not look like a
/// line, has fewer than [`MIN_SAMPLES`] finite samples, or reaches the threshold in more than ten
/// times the time that it spans: nothing is known about that. Samples from after `now` are passed
/// over. O(samples).
#[must_use]
pub fn time_to_cross(course: &[Sample], threshold: Finite, now: Timestamp) -> Option<Span> {
    let usable = course
        .iter()
        .filter(|sample| sample.value.is_finite() && sample.at <= now);
    // Seconds before now, so that the line's value at zero is its value now.
    let points: Vec<(f64, f64)> = usable
        .map(|sample| (-now.since(sample.at).secs(), sample.value))
        .collect();
    if points.len() < MIN_SAMPLES {
        return None;
    }
    let line = Line::through(&points)?;
    if line.slope <= 0.0 || line.fit < MIN_FIT {
        return None;
    }
    let spanned = points.iter().map(|(x, _)| -x).fold(0.0, f64::max);
    let missing = threshold.get() - line.value_now;
    if missing <= 0.0 {
        return Some(Span(0));
    }
    let secs = missing / line.slope;
    if secs > 10.0 * spanned {
        return None;
    }
    // At most ten times a span of milliseconds that came from a `u64`: finite and not negative.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(Span((secs * 1_000.0).ceil() as u64))
}

/// A least-squares line.
struct Line {
    /// Units of the signal per second.
    slope: f64,
    value_now: f64,
    /// Share of the variance that the line explains, 0 to 1.
    fit: f64,
}

impl Line {
    /// `None` when all points have one time or one value, or a sum is no number.
    fn through(points: &[(f64, f64)]) -> Option<Line> {
        #[allow(clippy::cast_precision_loss)]
        let n = points.len() as f64;
        let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
        let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in points {
            let (dx, dy) = (x - mean_x, y - mean_y);
            xx += dx * dx;
            xy += dx * dy;
            yy += dy * dy;
        }
        if !(xx > 0.0 && yy > 0.0 && xy.is_finite() && xx.is_finite() && yy.is_finite()) {
            return None;
        }
        let slope = xy / xx;
        Some(Line {
            slope,
            value_now: mean_y - slope * mean_x,
            fit: (xy * xy) / (xx * yy),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(values: &[f64], every_secs: u64) -> Vec<Sample> {
        values
            .iter()
            .zip(1_u64..)
            .map(|(value, nth)| Sample {
                value: *value,
                at: Timestamp(nth * every_secs * 1_000),
            })
            .collect()
    }

    fn cross(values: &[f64], threshold: f64) -> Option<Span> {
        let course = course(values, 10);
        let now = course.last().map_or(Timestamp(0), |sample| sample.at);
        time_to_cross(&course, Finite::new(threshold).unwrap(), now)
    }

    #[test]
    fn a_steady_rise_is_followed_to_the_threshold() {
        // 0.1 every ten seconds, 0.2 to go.
        let secs = cross(&[0.4, 0.5, 0.6, 0.7], 0.9).unwrap().secs();
        assert!((secs - 20.0).abs() < 0.01, "{secs}");
    }

    #[test]
    fn a_line_that_is_over_already_takes_no_time() {
        assert_eq!(cross(&[0.7, 0.8, 0.9, 1.0], 0.9), Some(Span(0)));
    }

    #[test]
    fn what_falls_stands_still_or_wobbles_is_not_followed() {
        assert_eq!(cross(&[0.7, 0.6, 0.5, 0.4], 0.9), None);
        assert_eq!(cross(&[0.5, 0.5, 0.5, 0.5], 0.9), None);
        assert_eq!(cross(&[0.5, 0.7, 0.4, 0.8, 0.5, 0.7], 0.9), None);
    }

    #[test]
    fn too_few_or_broken_samples_say_nothing() {
        assert_eq!(cross(&[0.4, 0.5, 0.6], 0.9), None);
        assert_eq!(cross(&[0.4, f64::NAN, 0.5, f64::INFINITY, 0.6], 0.9), None);
        assert_eq!(cross(&[0.1, 1e308, -1e308, 1e308], 0.9), None);
    }

    #[test]
    fn a_threshold_far_beyond_the_course_is_not_guessed_at() {
        assert_eq!(cross(&[0.01, 0.02, 0.03, 0.04], 900.0), None);
    }
}
