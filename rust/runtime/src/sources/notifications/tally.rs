//! Counts over time: pure, callers pass the time, and bounded whatever arrives.
//!
//! What counts is when a notification arrived, by a clock that is never set: senders' clocks may be
//! wrong. So what waited in the queue while no one read it, the backlog, is followed for the sake of
//! servers that are being built, and left out of every rate.

use super::body::{Instance, Kind, Notification};
use crate::config::{NotificationsMeasure, NotificationsSignal};
use crate::sources::failure::{Failure, FailureKind};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Within this time the same event of the same server on the same host is the same event: Nova
/// sends it in both formats at once, and a broker may deliver it again.
const SAME_EVENT: Duration = Duration::from_secs(60);

/// Within this time a server that is built again was rescheduled, and arrived once.
const SAME_ARRIVAL: Duration = Duration::from_secs(600);

/// A build that was not heard of for so long is forgotten; its end was lost.
const LONGEST_BUILD: Duration = Duration::from_secs(3600);

/// Most events or servers that are remembered at once.
const MAX_REMEMBERED: usize = 65_536;

/// How finely a window is told, milliseconds.
const SLOT_MILLIS: u64 = 250;

/// A rate needs to have been watched for this long, or for its whole window where that is shorter.
const SHORTEST_WATCH: Duration = Duration::from_secs(10);

/// What was counted.
#[derive(Debug)]
pub struct Tally {
    origin: Instant,
    watched_since: Instant,
    longest_window: Duration,
    arrivals: Buckets,
    refusals: Buckets,
    builds: Buckets,
    building: Remembered<Instance, Build>,
    events: Remembered<(Kind, Instance, Option<String>), ()>,
    arrived: Remembered<Instance, ()>,
}

/// A build under way.
#[derive(Debug, Clone, Copy)]
struct Build {
    heard: Instant,
    /// `None` when its start lay in the backlog, so that nobody knows how long it takes.
    started: Option<Instant>,
}

impl Tally {
    /// A tally that serves windows up to this long.
    #[must_use]
    pub fn new(longest_window: Duration, now: Instant) -> Self {
        Tally {
            origin: now,
            watched_since: now,
            longest_window,
            arrivals: Buckets::default(),
            refusals: Buckets::default(),
            builds: Buckets::default(),
            building: Remembered::new(LONGEST_BUILD),
            events: Remembered::new(SAME_EVENT),
            arrived: Remembered::new(SAME_ARRIVAL),
        }
    }

    /// Begins to watch anew, as after the broker was away. With `lost`, notifications may have been
    /// dropped meanwhile, so what was being built is no longer known.
    pub fn watch(&mut self, lost: bool, now: Instant) {
        self.watched_since = now;
        for counted in [&mut self.arrivals, &mut self.refusals, &mut self.builds] {
            counted.clear();
        }
        if lost {
            self.building = Remembered::new(LONGEST_BUILD);
        }
    }

    /// Counts a notification; false when it was counted before.
    pub fn record(&mut self, notification: &Notification, in_backlog: bool, now: Instant) -> bool {
        let Notification {
            kind,
            instance,
            host,
            ..
        } = notification;
        if !self
            .events
            .insert((*kind, *instance, host.clone()), (), now)
        {
            return false;
        }
        let slot = self.slot(now);
        match kind {
            Kind::CreateStart => {
                let is_arrival = self.arrived.insert(*instance, (), now);
                if is_arrival && !in_backlog {
                    self.arrivals.add(slot, 0.0, self.longest_window);
                }
                let started = (!in_backlog).then_some(now);
                let build = Build {
                    heard: now,
                    started,
                };
                self.building.remove(instance);
                self.building.insert(*instance, build, now);
            }
            Kind::CreateEnd => {
                let build = self.building.remove(instance);
                if let Some(started) = build.and_then(|build| build.started)
                    && !in_backlog
                {
                    let took = now.duration_since(started).as_secs_f64();
                    self.builds.add(slot, took, self.longest_window);
                }
            }
            Kind::CreateError | Kind::DeleteEnd | Kind::BuildError => {
                self.building.remove(instance);
            }
            Kind::NoHost => {
                self.building.remove(instance);
                if !in_backlog {
                    self.refusals.add(slot, 0.0, self.longest_window);
                }
            }
            Kind::ResizePrepStart => {}
        }
        true
    }

    /// The value of a signal now.
    ///
    /// # Errors
    /// [`FailureKind::Absent`] when it was not watched for long enough, or no build ended in the
    /// window.
    pub fn measure(&self, signal: NotificationsSignal, now: Instant) -> Result<f64, Failure> {
        let window = Duration::from_millis(signal.window.0);
        let watched = now.duration_since(self.watched_since);
        let needed = SHORTEST_WATCH.min(window);
        if watched < needed && signal.measure != NotificationsMeasure::Building {
            let (watched, needed) = (watched.as_secs_f64(), needed.as_secs_f64());
            let detail =
                format!("the queue is read since {watched:.1} s; a rate needs {needed:.0} s");
            return Err(Failure::new(FailureKind::Absent, detail));
        }
        let over = window.min(watched);
        let after = self.slot(now.checked_sub(over).unwrap_or(self.origin));
        let per_minute = |counted: &Buckets| {
            #[allow(clippy::cast_precision_loss)]
            let n = counted.after(after).0 as f64;
            n * 60.0 / over.as_secs_f64()
        };
        match signal.measure {
            NotificationsMeasure::ArrivalsPerMinute => Ok(per_minute(&self.arrivals)),
            NotificationsMeasure::NoValidHostPerMinute => Ok(per_minute(&self.refusals)),
            NotificationsMeasure::Building => {
                let current = |build: &&Build| now.duration_since(build.heard) <= LONGEST_BUILD;
                #[allow(clippy::cast_precision_loss)]
                let n = self.building.known.values().filter(current).count() as f64;
                Ok(n)
            }
            NotificationsMeasure::BuildSecs => match self.builds.after(after) {
                (0, _) => {
                    let detail = format!("no build ended in the last {} s", over.as_secs());
                    Err(Failure::new(FailureKind::Absent, detail))
                }
                #[allow(clippy::cast_precision_loss)]
                (n, sum) => Ok(sum / n as f64),
            },
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn slot(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.origin).as_millis() as u64 / SLOT_MILLIS
    }
}

/// Numbers and sums by the slot of time they came in.
#[derive(Debug, Default)]
struct Buckets {
    newest_last: VecDeque<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    slot: u64,
    n: u64,
    sum: f64,
}

impl Buckets {
    #[allow(clippy::cast_possible_truncation)]
    fn add(&mut self, slot: u64, amount: f64, longest_window: Duration) {
        let oldest = slot.saturating_sub(longest_window.as_millis() as u64 / SLOT_MILLIS + 1);
        while self
            .newest_last
            .front()
            .is_some_and(|first| first.slot < oldest)
        {
            self.newest_last.pop_front();
        }
        match self.newest_last.back_mut() {
            Some(last) if last.slot == slot => {
                last.n += 1;
                last.sum += amount;
            }
            _ => self.newest_last.push_back(Bucket {
                slot,
                n: 1,
                sum: amount,
            }),
        }
    }

    /// Number and sum of what came in that slot and in later ones.
    fn after(&self, slot: u64) -> (u64, f64) {
        let newest_first = self.newest_last.iter().rev();
        newest_first
            .take_while(|bucket| bucket.slot >= slot)
            .fold((0, 0.0), |(n, sum), bucket| {
                (n + bucket.n, sum + bucket.sum)
            })
    }

    fn clear(&mut self) {
        self.newest_last.clear();
    }
}

/// What is known of keys for some time. The oldest are forgotten first, and the oldest of too many.
#[derive(Debug)]
struct Remembered<K, V> {
    kept: Duration,
    known: HashMap<K, V>,
    /// Keys that were removed stay here until their time is up.
    oldest_first: VecDeque<(Instant, K)>,
}

impl<K: Clone + Eq + Hash, V> Remembered<K, V> {
    fn new(kept: Duration) -> Self {
        Remembered {
            kept,
            known: HashMap::new(),
            oldest_first: VecDeque::new(),
        }
    }

    /// Adds a key; false when it is known, which changes nothing.
    fn insert(&mut self, key: K, value: V, now: Instant) -> bool {
        while let Some((at, _)) = self.oldest_first.front() {
            let is_old = now.duration_since(*at) > self.kept;
            if !is_old && self.oldest_first.len() < MAX_REMEMBERED {
                break;
            }
            if let Some((_, forgotten)) = self.oldest_first.pop_front() {
                self.known.remove(&forgotten);
            }
        }
        if self.known.contains_key(&key) {
            return false;
        }
        self.known.insert(key.clone(), value);
        self.oldest_first.push_back((now, key));
        true
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        self.known.remove(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::notifications::body;
    use spillway_core::units::Span;

    fn event(kind: Kind, instance: u32, host: &str) -> Notification {
        let message = serde_json::json!({
            "event_type": "instance.create.start",
            "publisher_id": format!("nova-compute:{host}"),
            "payload": {"nova_object.data": {"uuid": format!("{instance:032x}")}},
        });
        let envelope =
            serde_json::json!({"oslo.version": "2.0", "oslo.message": message.to_string()});
        let read = body::read(envelope.to_string().as_bytes());
        Notification {
            kind,
            ..read.unwrap().unwrap()
        }
    }

    fn signal(measure: NotificationsMeasure, window_secs: u64) -> NotificationsSignal {
        NotificationsSignal {
            measure,
            window: Span::from_secs(window_secs),
        }
    }

    const ARRIVALS: NotificationsMeasure = NotificationsMeasure::ArrivalsPerMinute;

    struct Clock(Instant);

    impl Clock {
        fn at(&self, secs: f64) -> Instant {
            self.0 + Duration::from_secs_f64(secs)
        }
    }

    fn begin() -> (Clock, Tally) {
        let now = Instant::now();
        (Clock(now), Tally::new(Duration::from_secs(300), now))
    }

    #[test]
    fn a_rate_is_over_the_time_that_was_watched() {
        let (clock, mut tally) = begin();
        for n in 0..4 {
            tally.record(
                &event(Kind::CreateStart, n, "a"),
                false,
                clock.at(f64::from(n)),
            );
        }
        let early = tally
            .measure(signal(ARRIVALS, 300), clock.at(5.0))
            .unwrap_err();
        assert_eq!(early.kind, FailureKind::Absent);
        assert_eq!(
            tally.measure(signal(ARRIVALS, 300), clock.at(20.0)),
            Ok(12.0)
        );
        assert_eq!(
            tally.measure(signal(ARRIVALS, 300), clock.at(120.0)),
            Ok(2.0)
        );
        // A window that is shorter than the least watch is enough.
        assert_eq!(tally.measure(signal(ARRIVALS, 2), clock.at(3.9)), Ok(60.0));
    }

    #[test]
    fn a_rate_falls_while_nothing_arrives() {
        let (clock, mut tally) = begin();
        for n in 0..10 {
            tally.record(&event(Kind::NoHost, n, "a"), false, clock.at(1.0));
        }
        let refused = signal(NotificationsMeasure::NoValidHostPerMinute, 60);
        assert_eq!(tally.measure(refused, clock.at(60.0)), Ok(10.0));
        assert_eq!(tally.measure(refused, clock.at(62.0)), Ok(0.0));
    }

    #[test]
    fn an_event_in_both_formats_or_twice_counts_once() {
        let (clock, mut tally) = begin();
        assert!(tally.record(&event(Kind::CreateStart, 1, "a"), false, clock.at(11.0)));
        assert!(!tally.record(&event(Kind::CreateStart, 1, "a"), false, clock.at(11.1)));
        assert!(tally.record(&event(Kind::CreateEnd, 1, "a"), false, clock.at(12.0)));
        assert_eq!(tally.measure(signal(ARRIVALS, 60), clock.at(30.0)), Ok(2.0));
    }

    #[test]
    fn a_server_that_is_rescheduled_arrives_once() {
        let (clock, mut tally) = begin();
        tally.record(&event(Kind::CreateStart, 1, "a"), false, clock.at(1.0));
        tally.record(&event(Kind::CreateError, 1, "a"), false, clock.at(2.0));
        assert!(tally.record(&event(Kind::CreateStart, 1, "b"), false, clock.at(3.0)));
        assert_eq!(tally.measure(signal(ARRIVALS, 60), clock.at(60.0)), Ok(1.0));
        let building = signal(NotificationsMeasure::Building, 60);
        assert_eq!(tally.measure(building, clock.at(4.0)), Ok(1.0));
    }

    #[test]
    fn the_mean_of_no_build_is_absent() {
        let (clock, mut tally) = begin();
        let mean = signal(NotificationsMeasure::BuildSecs, 60);
        for (n, took) in [(1, 4.0), (2, 8.0)] {
            tally.record(&event(Kind::CreateStart, n, "a"), false, clock.at(10.0));
            tally.record(
                &event(Kind::CreateEnd, n, "a"),
                false,
                clock.at(10.0 + took),
            );
        }
        assert_eq!(tally.measure(mean, clock.at(20.0)), Ok(6.0));
        let none = tally.measure(mean, clock.at(100.0)).unwrap_err();
        assert_eq!(none.kind, FailureKind::Absent);
    }

    #[test]
    fn the_backlog_is_followed_and_not_counted() {
        let (clock, mut tally) = begin();
        for n in 0..100 {
            tally.record(&event(Kind::CreateStart, n, "a"), true, clock.at(0.1));
        }
        tally.record(&event(Kind::CreateEnd, 1, "a"), true, clock.at(0.2));
        tally.record(&event(Kind::CreateEnd, 2, "a"), false, clock.at(15.0));
        assert_eq!(tally.measure(signal(ARRIVALS, 60), clock.at(20.0)), Ok(0.0));
        let building = signal(NotificationsMeasure::Building, 60);
        assert_eq!(tally.measure(building, clock.at(20.0)), Ok(98.0));
        // The start of a build in the backlog has no known time.
        let mean = signal(NotificationsMeasure::BuildSecs, 60);
        assert!(tally.measure(mean, clock.at(20.0)).is_err());
    }

    #[test]
    fn after_a_gap_the_windows_begin_anew() {
        let (clock, mut tally) = begin();
        for n in 0..30 {
            tally.record(&event(Kind::CreateStart, n, "a"), false, clock.at(1.0));
        }
        tally.watch(false, clock.at(50.0));
        assert!(
            tally
                .measure(signal(ARRIVALS, 300), clock.at(55.0))
                .is_err()
        );
        assert_eq!(
            tally.measure(signal(ARRIVALS, 300), clock.at(60.0)),
            Ok(0.0)
        );
        let building = signal(NotificationsMeasure::Building, 60);
        assert_eq!(tally.measure(building, clock.at(60.0)), Ok(30.0));
        tally.watch(true, clock.at(61.0));
        assert_eq!(tally.measure(building, clock.at(61.0)), Ok(0.0));
    }

    #[test]
    fn memory_is_bounded_whatever_arrives() {
        let (clock, mut tally) = begin();
        let kept = event(Kind::CreateStart, 0, "a");
        for n in 0..200_000_u32 {
            let mut notification = kept.clone();
            notification.instance = Instance::of(n);
            tally.record(&notification, false, clock.at(f64::from(n) / 100.0));
        }
        assert!(tally.building.oldest_first.len() <= MAX_REMEMBERED);
        assert!(tally.events.oldest_first.len() <= MAX_REMEMBERED);
        assert!(tally.arrived.oldest_first.len() <= MAX_REMEMBERED);
        assert!(tally.building.known.len() <= MAX_REMEMBERED);
        assert!(tally.arrivals.newest_last.len() <= 300 * 4 + 2);
        assert_eq!(
            tally.measure(signal(ARRIVALS, 300), clock.at(2_000.0)),
            Ok(6_000.0)
        );
    }
}
