//! The clocks of sources.

use spillway_core::units::{Span, Timestamp};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How far ahead of our clock a time that someone else gives may be: clocks differ a little.
pub(super) const MAX_AHEAD: Span = Span::from_secs(5);

/// The time by the wall clock.
pub(super) fn now() -> Timestamp {
    // A clock before 1970 makes every sample old, and so unusable.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(Timestamp(0), |since| Timestamp(span(since).0))
}

/// A span as the runtime takes it.
pub(super) fn duration(span: Span) -> Duration {
    Duration::from_millis(span.0)
}

/// A time of the runtime as a span, in whole milliseconds.
pub(super) fn span(duration: Duration) -> Span {
    Span(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// One moment by two clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// By the wall clock, which people and other machines know.
    pub(super) wall: Timestamp,
    /// By a clock that nobody sets, which rates are made with. It began at the wall clock's time.
    pub(super) steady: Timestamp,
}

/// Tells [`Moment`]s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    began: Instant,
    began_at: Timestamp,
}

impl Clock {
    pub(super) fn start() -> Self {
        Clock {
            began: Instant::now(),
            began_at: now(),
        }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            wall: now(),
            steady: Timestamp(self.began_at.0 + span(self.began.elapsed()).0),
        }
    }
}
