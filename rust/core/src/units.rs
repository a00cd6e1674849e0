//! Quantities whose unit is their type.

use std::fmt;
use thiserror::Error;

/// A number that was refused because it cannot be the quantity it was offered as.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{value} is not {expected}")]
pub struct OutOfRange {
    /// The value as it was given.
    pub value: String,
    /// What would have been accepted.
    pub expected: &'static str,
}

/// Unix time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Time from `earlier` to `self`; zero when `earlier` is later, as after a clock jump.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub u64);

impl Span {
    /// A span of whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Span(secs.saturating_mul(1_000))
    }

    /// The span in seconds.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000, self.0 % 1_000)
    }
}

/// An amount of money in micro-dollars, and, where it is called a price, that amount per hour.
///
/// An integer, so that sums do not depend on their order and no amount is NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(u64);

impl Usd {
    /// Micro-dollars in a dollar.
    const MICROS: f64 = 1_000_000.0;
    /// Largest accepted amount, in dollars; anything above is a unit error somewhere.
    const MAX_DOLLARS: f64 = 1e12;

    /// Rounds to the nearest micro-dollar.
    ///
    /// # Errors
    /// [`OutOfRange`] for NaN, infinities, negative amounts and amounts above 10^12 dollars.
    pub fn from_dollars(dollars: f64) -> Result<Self, OutOfRange> {
        if (0.0..=Self::MAX_DOLLARS).contains(&dollars) {
            // The range check makes the cast exact to the micro-dollar.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Ok(Usd((dollars * Self::MICROS).round() as u64))
        } else {
            Err(OutOfRange {
                value: dollars.to_string(),
                expected: "an amount of dollars from 0 to 10^12",
            })
        }
    }

    /// The amount in dollars, for printing and for JSON.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / Self::MICROS
    }

    /// This amount `n` times; stays at the largest value instead of wrapping.
    #[must_use]
    pub fn times(self, n: u32) -> Self {
        Usd(self.0.saturating_mul(u64::from(n)))
    }

    /// Sum; stays at the largest value instead of wrapping.
    #[must_use]
    pub fn plus(self, other: Usd) -> Self {
        Usd(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.6}", self.dollars());
        let kept = text.trim_end_matches('0');
        let decimals = kept.len() - kept.find('.').map_or(kept.len(), |dot| dot + 1);
        // At least cents, at most micro-dollars.
        let shown = if decimals < 2 {
            format!("{:.2}", self.dollars())
        } else {
            kept.to_owned()
        };
        write!(f, "${shown}")
    }
}

/// A measured value that is a number: never NaN, never infinite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Finite(f64);

impl Finite {
    /// `None` for NaN and for infinities.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Finite(value))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_refuses_what_is_no_amount() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.01, 1e13] {
            assert!(Usd::from_dollars(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn money_is_shown_with_cents_or_more() {
        let shown = |dollars: f64| Usd::from_dollars(dollars).unwrap().to_string();
        assert_eq!(shown(10.0), "$10.00");
        assert_eq!(shown(0.0104), "$0.0104");
        assert_eq!(shown(1.5), "$1.50");
    }

    #[test]
    fn time_never_runs_backwards() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Span(0));
    }
}
