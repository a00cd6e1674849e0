//! What is declared of a metric.

use super::text::Page;
use crate::view::View;
use std::fmt::{self, Display};

/// Metrics of one name.
pub(super) struct Family {
    /// The name, with its unit.
    pub(super) name: &'static str,
    /// Its type.
    pub(super) kind: Kind,
    /// What it says, one or two sentences, without a line break or a backslash.
    pub(super) help: &'static str,
    /// Its labels, each with the values that it can have.
    pub(super) labels: &'static [(&'static str, &'static str)],
    /// How many series it can have.
    pub(super) series: Series,
    /// Writes its samples.
    pub(super) collect: fn(&View, &mut Page),
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, or begins at 0 again.
    Counter,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        }
    }
}

/// How many series a family can have at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series {
    most: usize,
    per: Per,
}

/// What a family has series for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Per {
    Sidecar,
    Gate,
    Signal,
    Source,
    BurstHost,
    Offer,
}

impl Series {
    pub(super) const fn of(most: usize) -> Self {
        Series::per(most, Per::Sidecar)
    }

    pub(super) const fn per(most: usize, per: Per) -> Self {
        Series { most, per }
    }
}

/// As the reference has it: `2 per gate`.
impl Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.per {
            Per::Sidecar => return write!(f, "{}", self.most),
            Per::Gate => "gate",
            Per::Signal => "signal",
            Per::Source => "source",
            Per::BurstHost => "burst host",
            Per::Offer => "offer",
        };
        write!(f, "{} per {what}", self.most)
    }
}
