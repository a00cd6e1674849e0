//! What private hosts gained and lost since Placement was last asked, as notifications tell it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Changes older than this are forgotten: Placement has been asked since, or its readings are too
/// old to be corrected.
const KEPT: Duration = Duration::from_secs(3600);

/// Most changes that are kept. Some hours of a cloud with ten boots a second.
const MAX_CHANGES: usize = 65_536;

/// A change of what is taken of a private host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it was heard of. A monotonic clock: the wall clock may be set.
    pub at: Instant,
    /// Nova's name of the host.
    pub host: String,
    /// Virtual CPUs; negative when they were given back.
    pub vcpus: i64,
    /// Memory, MiB.
    pub memory_mb: i64,
    /// Disk, GiB.
    pub disk_gb: i64,
}

/// What changed between two readings of Placement.
///
/// A claim precedes the notification that tells of it by about a second, so a reading that falls
/// in between counts the server twice until the next one. That is the size of the error: the
/// servers of one second, for one interval.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Held only while copying, never across an await.
    changes: Mutex<VecDeque<Change>>,
    notify: Notify,
}

impl Ledger {
    /// Adds a change, and wakes whoever waits in [`Ledger::changed`].
    pub fn record(&self, change: Change) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = change.at.checked_sub(KEPT);
        while changes
            .front()
            .is_some_and(|first| changes.len() >= MAX_CHANGES || Some(first.at) < oldest)
        {
            changes.pop_front();
        }
        changes.push_back(change);
        drop(changes);
        self.notify.notify_one();
    }

    /// The changes after a moment, oldest first.
    #[must_use]
    pub fn since(&self, at: Instant) -> Vec<Change> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let newest_first = changes.iter().rev().take_while(|change| change.at > at);
        let mut found: Vec<Change> = newest_first.cloned().collect();
        found.reverse();
        found
    }

    /// Returns when something was recorded since the last call returned. For one waiter.
    pub async fn changed(&self) {
        self.notify.notified().await;
    }
}

impl Change {
    /// How much of a resource class changed; 0 for classes that a flavor does not name.
    #[must_use]
    pub fn of(&self, resource_class: &str) -> i64 {
        match resource_class {
            "VCPU" => self.vcpus,
            "MEMORY_MB" => self.memory_mb,
            "DISK_GB" => self.disk_gb,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: Instant, vcpus: i64) -> Change {
        Change {
            at,
            host: "compute-0".to_owned(),
            vcpus,
            memory_mb: 512 * vcpus,
            disk_gb: 0,
        }
    }

    #[test]
    fn what_came_after_a_reading_is_found_in_order() {
        let start = Instant::now();
        let ledger = Ledger::default();
        for second in 1..=3 {
            ledger.record(change(start + Duration::from_secs(second), second as i64));
        }
        let found = ledger.since(start + Duration::from_secs(1));
        assert_eq!(
            found
                .iter()
                .map(|change| change.of("VCPU"))
                .collect::<Vec<_>>(),
            [2, 3]
        );
        assert_eq!(found[0].of("MEMORY_MB"), 1024);
        assert_eq!(found[0].of("CUSTOM_GPU"), 0);
    }

    #[test]
    fn memory_is_bounded_by_number_and_age() {
        let start = Instant::now();
        let ledger = Ledger::default();
        for _ in 0..MAX_CHANGES + 10 {
            ledger.record(change(start, 1));
        }
        assert_eq!(ledger.changes.lock().unwrap().len(), MAX_CHANGES);
        ledger.record(change(start + KEPT + Duration::from_secs(1), 1));
        assert_eq!(ledger.changes.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_waiter_hears_of_a_change_that_came_before_it_waited() {
        let ledger = Ledger::default();
        ledger.record(change(Instant::now(), 1));
        tokio::time::timeout(Duration::from_secs(5), ledger.changed())
            .await
            .expect("woken");
    }
}
