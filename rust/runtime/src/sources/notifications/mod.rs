//! Nova's notifications: how many servers arrive, fail for want of a host and are being built, and
//! what private hosts gain and lose between two readings of Placement.
//!
//! Read from a queue of the sidecar's own, bound to Nova's exchange: whoever else listens still
//! gets everything. While the broker is away nothing is kept, and a session is begun again and
//! again with growing pauses.

pub mod body;
mod consumer;
pub mod tally;

use super::event::{Event, Events, ReadReport};
use super::failure::{Failure, FailureKind};
use super::ledger::{Change, Ledger};
use super::time;
use crate::config::{NotificationsSignal, NotificationsSource};
use body::{Kind, Notification};
use consumer::Session;
use futures_util::StreamExt;
use spillway_core::gate::Sample;
use spillway_core::units::Span;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tally::Tally;
use tokio::time::MissedTickBehavior;

/// Name of this source.
const NAME: &str = "notifications";

/// How often signals are measured, so that a rate is seen to fall while nothing arrives.
const MEASURED_EVERY: Duration = Duration::from_secs(1);

/// Pauses between two tries to reach the broker. The longest, with a try's own time, lets us
/// consume again within 10 s of the broker's return.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Deliveries that are acknowledged together, at most; a fifth of what the broker sends ahead.
const ACKNOWLEDGED_TOGETHER: u64 = 100;

/// After so much silence the broker is asked whether it still has our consumer.
const SILENCE: Duration = Duration::from_secs(5);

/// When we were away for longer, the queue may have dropped what it held, and the ends of builds
/// with it.
const NOTHING_LOST_WITHIN: Duration = Duration::from_secs(300);

/// Reads notifications for ever. `burst_hosts` are Nova's names of the hosts that are not private.
pub async fn run(
    source: NotificationsSource,
    signals: Vec<(usize, NotificationsSignal)>,
    ledger: Arc<Ledger>,
    burst_hosts: Vec<String>,
    events: Events,
) {
    let longest = signals.iter().map(|(_, signal)| signal.window.0).max();
    let longest = Duration::from_millis(longest.unwrap_or(0));
    let mut reader = Reader {
        tally: Tally::new(longest, Instant::now()),
        signals,
        ledger,
        burst_hosts,
        events,
        since_told: Told::default(),
    };
    let mut pause = FIRST_PAUSE;
    let mut left: Option<Instant> = None;
    let mut said: Option<Failure> = None;
    loop {
        let began = Instant::now();
        let failure = match Session::open(&source).await {
            Err(failure) => failure,
            Ok(session) => {
                let away = left.map(|left| left.elapsed());
                reader.tally.watch(
                    away.is_none_or(|away| away > NOTHING_LOST_WITHIN),
                    Instant::now(),
                );
                tracing::info!(
                    queue = source.queue,
                    backlog = session.backlog,
                    "Nova's notifications are read; rates count from now on."
                );
                let opened = Instant::now();
                let failure = reader.read(session).await;
                left = Some(Instant::now());
                // A session that ends as soon as it began is as bad as none.
                if opened.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                    said = None;
                }
                failure
            }
        };
        // A broker that is away for an hour is one line, not a thousand.
        if said.as_ref() != Some(&failure) {
            tracing::warn!(%failure, "Nova's notifications are not read; trying again.");
            said = Some(failure.clone());
        }
        reader.tell_away(&failure, began.elapsed()).await;
        tokio::time::sleep(jittered(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What outlives a session.
struct Reader {
    tally: Tally,
    signals: Vec<(usize, NotificationsSignal)>,
    ledger: Arc<Ledger>,
    burst_hosts: Vec<String>,
    events: Events,
    since_told: Told,
}

/// What was taken from the queue since the last events.
#[derive(Default)]
struct Told {
    by_event: BTreeMap<&'static str, u64>,
    poison: u64,
    newest_poison: Option<body::Poison>,
    bytes: u64,
}

impl Reader {
    /// Reads a session to its end, and says what ended it.
    async fn read(&mut self, mut session: Session) -> Failure {
        self.send(Event::Broker { connected: true }).await;
        let mut backlog = u64::from(session.backlog);
        let mut unacknowledged = 0_u64;
        let mut newest_tag = 0_u64;
        let mut heard = Instant::now();
        let mut tick = tokio::time::interval(MEASURED_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = tick.tick() => {
                    self.tell().await;
                    if heard.elapsed() > SILENCE {
                        if let Err(failure) = session.check().await {
                            return failure;
                        }
                        heard = Instant::now();
                    }
                }
                delivery = session.deliveries.next() => {
                    let delivery = match delivery {
                        Some(Ok(delivery)) => delivery,
                        Some(Err(error)) => return consumer::failure(error),
                        None => return ended(),
                    };
                    self.take(&delivery.data, backlog > 0);
                    backlog = backlog.saturating_sub(1);
                    newest_tag = delivery.delivery_tag;
                    unacknowledged += 1;
                    heard = Instant::now();
                    if unacknowledged < ACKNOWLEDGED_TOGETHER {
                        continue;
                    }
                }
                // Nothing more has arrived: what has is acknowledged at once.
                () = std::future::ready(()), if unacknowledged > 0 => {}
            }
            if unacknowledged > 0 {
                if let Err(failure) = session.acknowledge(newest_tag).await {
                    return failure;
                }
                unacknowledged = 0;
            }
        }
    }

    /// Takes one body; whatever it holds, it is done with.
    fn take(&mut self, body: &[u8], in_backlog: bool) {
        self.since_told.bytes += body.len() as u64;
        let name = match body::read(body) {
            Ok(Some(notification)) => {
                self.count(&notification, in_backlog);
                notification.kind.name()
            }
            Ok(None) => "other",
            Err(poison) => {
                self.since_told.poison += 1;
                self.since_told.newest_poison = Some(poison);
                return;
            }
        };
        *self.since_told.by_event.entry(name).or_default() += 1;
    }

    fn count(&mut self, notification: &Notification, in_backlog: bool) {
        let now = Instant::now();
        if !self.tally.record(notification, in_backlog, now) || in_backlog {
            return;
        }
        if let Some(change) = change(notification, now)
            && !self.burst_hosts.contains(&change.host)
        {
            self.ledger.record(change);
        }
    }

    /// Tells the loop what the signals are, and what was taken from the queue.
    async fn tell(&mut self) {
        let told = std::mem::take(&mut self.since_told);
        if let Some(poison) = told.newest_poison {
            tracing::warn!(
                dropped = told.poison,
                newest = %poison,
                "Messages were dropped that are no notifications."
            );
        }
        let now = Instant::now();
        let at = time::now();
        for position in 0..self.signals.len() {
            let (signal, measured) = self.signals[position];
            let event = match self.tally.measure(measured, now) {
                Ok(value) => Event::Sampled {
                    signal,
                    sample: Sample { value, at },
                },
                Err(failure) => Event::Unmeasured { signal, failure },
            };
            self.send(event).await;
        }
        if told.poison > 0 || !told.by_event.is_empty() {
            self.send(Event::Notified {
                by_event: told.by_event,
                poison: told.poison,
            })
            .await;
        }
        let report = ReadReport {
            targets_up: 1,
            failures: Vec::new(),
            took: Span(0),
            bytes: told.bytes,
        };
        self.send(Event::Read {
            source: NAME.into(),
            report,
        })
        .await;
    }

    async fn tell_away(&mut self, failure: &Failure, took: Duration) {
        self.send(Event::Broker { connected: false }).await;
        for position in 0..self.signals.len() {
            let (signal, _) = self.signals[position];
            let failure = failure.clone();
            self.send(Event::Unmeasured { signal, failure }).await;
        }
        let report = ReadReport {
            failures: vec![failure.clone()],
            took: time::span(took),
            ..ReadReport::default()
        };
        self.send(Event::Read {
            source: NAME.into(),
            report,
        })
        .await;
    }

    /// A loop that is gone ends this task, too, so nobody is left to tell.
    async fn send(&self, event: Event) {
        drop(self.events.send(event).await);
    }
}

fn ended() -> Failure {
    Failure::new(FailureKind::Connect, "the broker ended the consumer")
}

/// What an event changes on its host. Room is claimed before a build begins, and given back when
/// it failed.
fn change(notification: &Notification, at: Instant) -> Option<Change> {
    let sign = match notification.kind {
        Kind::CreateStart | Kind::ResizePrepStart => 1,
        Kind::CreateError | Kind::DeleteEnd => -1,
        Kind::CreateEnd | Kind::NoHost | Kind::BuildError => return None,
    };
    let room = notification.room?;
    Some(Change {
        at,
        host: notification.host.clone()?,
        vcpus: sign * i64::from(room.vcpus),
        memory_mb: sign * i64::from(room.memory_mb),
        disk_gb: sign * i64::from(room.disk_gb),
    })
}

/// Between three quarters of the pause and the whole, so that many sidecars do not come back as
/// one.
fn jittered(pause: Duration) -> Duration {
    // A hasher's random keys are the standard library's only source of chance.
    let chance = RandomState::new().hash_one(0) % 1024;
    #[allow(clippy::cast_possible_truncation)]
    let less = pause / 4 * chance as u32 / 1024;
    pause - less
}
