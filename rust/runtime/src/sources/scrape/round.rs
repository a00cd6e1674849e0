//! One round: every target is asked once, and then every signal has a sample or a failure.
//!
//! A large fleet is asked over some time, so as not to ask it all at once. A signal follows it while
//! that goes on: what a target has not said in this round yet is taken from the last one.

use super::exporters::Exporters;
use super::plan::{MAX_IN_FLIGHT, Plan};
use super::reading::{Counters, no_counters, read_page};
use super::reduce::{Given, Reading, reduce};
use crate::sources::event::{Event, Events, ReadReport};
use crate::sources::failure::{Failure, FailureKind, excerpt};
use crate::sources::fetch::shown;
use crate::sources::time::{Clock, Moment, span};
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};

/// Buffers that are kept for the pages to come, and how large they may be.
const MAX_KEPT_BUFFERS: usize = 64;
const MAX_KEPT_BUFFER_BYTES: usize = 1 << 20;

/// Time between two looks at a round that goes on. A change reaches the scheduler within an interval
/// and 100 ms; this is half of the latter.
const FOLLOW_EVERY: Duration = Duration::from_millis(50);

/// Larger pages are read on a thread of their own: 16 MiB of lines that are all wanted take a few
/// tenths of a second, for which nothing else would go on.
const MAX_INLINE_BYTES: usize = 1 << 20;

/// How targets are asked in one round.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) exporters: Exporters,
    pub(super) authorization: Option<HeaderValue>,
}

/// The targets, and what is remembered of them from round to round.
#[derive(Debug)]
pub(super) struct Rounds {
    plan: Arc<Plan>,
    clock: Clock,
    targets: Vec<Target>,
    /// Buffers of pages that were read.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Target {
    address: Arc<Address>,
    /// Away while the target is asked.
    counters: Counters,
    /// It let the last round wait until the time limit, so this one does not wait for it.
    is_late: bool,
    /// Of this round, once it has ended.
    reading: Option<Reading>,
    /// Of the last round that was told.
    last: Option<Reading>,
}

#[derive(Debug)]
struct Address {
    /// None when the text of the policy file is no address.
    url: Option<Url>,
    /// Without what may be secret in it.
    shown: String,
}

/// What a target's task brings back.
struct Ended {
    target: usize,
    counters: Counters,
    page: Vec<u8>,
    reading: Reading,
}

/// What became of the targets so far.
#[derive(Debug)]
struct Progress {
    begun: Instant,
    /// Targets in the order in which they are asked.
    order: Vec<usize>,
    /// How many of them were asked.
    n_asked: usize,
    /// How many of those that are not late have not ended.
    n_awaited: usize,
    bytes: u64,
    is_told: bool,
    /// Something ended since the signals were last told.
    has_news: bool,
    follow_at: Instant,
}

impl Rounds {
    pub(super) fn new(plan: Arc<Plan>, targets: &[String], clock: Clock) -> Self {
        let target = |text: &String| Target {
            address: Arc::new(Address::new(text)),
            counters: no_counters(),
            is_late: false,
            reading: None,
            last: None,
        };
        Rounds {
            plan,
            clock,
            targets: targets.iter().map(target).collect(),
            spare: Vec::new(),
        }
    }

    /// Asks every target once. Tells what came of it as soon as all have ended but those that were
    /// late in the last round already, and returns when those have ended too.
    pub(super) async fn next(&mut self, access: Access, events: &Events) {
        let access = Arc::new(access);
        let mut progress = self.begin();
        let mut running = JoinSet::new();
        loop {
            if progress.n_awaited == 0 && !progress.is_told {
                progress.is_told = true;
                self.tell(&progress, events).await;
            }
            let due = progress.begun + self.plan.offset(progress.n_asked);
            let has_room = running.len() < MAX_IN_FLIGHT;
            tokio::select! {
                biased;
                () = sleep_until(progress.follow_at), if progress.has_news && !progress.is_told => {
                    self.follow(events).await;
                    progress.has_news = false;
                    progress.follow_at = Instant::now() + FOLLOW_EVERY;
                }
                Some(ended) = running.join_next() => self.take(ended, &mut progress),
                () = sleep_until(due), if has_room && progress.n_asked < progress.order.len() => {
                    let target = progress.order[progress.n_asked];
                    progress.n_asked += 1;
                    if !self.ask(target, &progress, &access, &mut running) {
                        progress.end(self.targets[target].is_late);
                    }
                }
                else => break,
            }
        }
        if !progress.is_told {
            self.tell(&progress, events).await;
        }
        for target in &mut self.targets {
            target.counters.end_cycle();
        }
    }

    /// Tells that no target could be asked.
    pub(super) async fn fail(&mut self, failure: &Failure, events: &Events) {
        let progress = self.begin();
        for target in &mut self.targets {
            target.reading = Some(Err(failure.clone()));
        }
        self.tell(&progress, events).await;
    }

    fn begin(&mut self) -> Progress {
        let mut order: Vec<usize> = (0..self.targets.len()).collect();
        // Stable: a target's turn is the same in every round while no target is late.
        order.sort_by_key(|target| self.targets[*target].is_late);
        let all_are_late = self.targets.iter().all(|target| target.is_late);
        for target in &mut self.targets {
            target.reading = None;
            // There is nobody whom they could delay.
            target.is_late &= !all_are_late;
        }
        let is_awaited = |target: &&Target| !target.is_late;
        let begun = Instant::now();
        Progress {
            begun,
            follow_at: begun + FOLLOW_EVERY,
            has_news: false,
            order,
            n_asked: 0,
            n_awaited: self.targets.iter().filter(is_awaited).count(),
            bytes: 0,
            is_told: false,
        }
    }

    /// Begins to scrape a target; returns whether it did. It does not when the next round is due.
    fn ask(
        &mut self,
        index: usize,
        progress: &Progress,
        access: &Arc<Access>,
        running: &mut JoinSet<Ended>,
    ) -> bool {
        let target = &mut self.targets[index];
        // A busy machine may be late by any time; a target is left out only when others held it up
        // until its next turn.
        if !running.is_empty() && Instant::now() > progress.begun + self.plan.interval {
            let what = format!("not asked: {MAX_IN_FLIGHT} others were waited for");
            let failure = Failure::new(FailureKind::Timeout, what);
            target.reading = Some(Err(target.address.named(failure)));
            return false;
        }
        let scrape = Scrape {
            target: index,
            plan: Arc::clone(&self.plan),
            access: Arc::clone(access),
            address: Arc::clone(&target.address),
            counters: std::mem::replace(&mut target.counters, no_counters()),
            page: self.spare.pop().unwrap_or_default(),
            begun: self.clock.moment(),
        };
        running.spawn(scrape.run());
        true
    }

    fn take(&mut self, ended: Result<Ended, JoinError>, progress: &mut Progress) {
        let Ok(ended) = ended else {
            // It broke off; which target it was shows when the round is told.
            progress.end(false);
            return;
        };
        let target = &mut self.targets[ended.target];
        progress.end(target.is_late);
        progress.has_news = true;
        progress.bytes += ended.page.len() as u64;
        let hung = matches!(&ended.reading, Err(failure) if failure.kind == FailureKind::Timeout);
        target.is_late = hung;
        target.counters = ended.counters;
        target.reading = Some(ended.reading);
        if ended.page.capacity() <= MAX_KEPT_BUFFER_BYTES && self.spare.len() < MAX_KEPT_BUFFERS {
            self.spare.push(ended.page);
        }
    }

    /// Tells the signals that can be made of what has ended in this round, and of the last one where
    /// a target has not. Failures wait for the end of the round.
    async fn follow(&self, events: &Events) {
        let newest = |target: &Target| target.reading.clone().or_else(|| target.last.clone());
        let Some(readings) = self
            .targets
            .iter()
            .map(newest)
            .collect::<Option<Vec<Reading>>>()
        else {
            // The first round: most targets have said nothing yet.
            return;
        };
        for (signal, reduction) in &self.plan.signals {
            if let Ok(sample) = reduce(reduction, &readings, self.plan.min_targets_ratio) {
                let signal = *signal;
                send(events, Event::Interim { signal, sample }).await;
            }
        }
    }

    async fn tell(&mut self, progress: &Progress, events: &Events) {
        let readings: Vec<Reading> = self.targets.iter_mut().map(Target::reading).collect();
        for (signal, reduction) in &self.plan.signals {
            let signal = *signal;
            let event = match reduce(reduction, &readings, self.plan.min_targets_ratio) {
                Ok(sample) => Event::Sampled { signal, sample },
                Err(failure) => Event::Unmeasured { signal, failure },
            };
            send(events, event).await;
        }
        let failures: Vec<Failure> = readings.iter().filter_map(first_failure).collect();
        for (target, reading) in self.targets.iter_mut().zip(readings) {
            target.last = Some(reading);
        }
        let targets_up = self.targets.len() - failures.len();
        let report = ReadReport {
            targets_up: u32::try_from(targets_up).unwrap_or(u32::MAX),
            failures,
            took: span(progress.begun.elapsed()),
            bytes: progress.bytes,
        };
        let source = Arc::clone(&self.plan.source);
        send(events, Event::Read { source, report }).await;
    }
}

impl Progress {
    fn end(&mut self, is_late: bool) {
        self.n_awaited = self.n_awaited.saturating_sub(usize::from(!is_late));
    }
}

impl Target {
    fn reading(&mut self) -> Reading {
        self.reading.take().unwrap_or_else(|| {
            let failure = if self.is_late {
                Failure::new(FailureKind::Timeout, "no answer, as in the last round")
            } else {
                Failure::new(FailureKind::Malformed, "its scrape broke off")
            };
            Err(self.address.named(failure))
        })
    }
}

impl Address {
    fn new(text: &str) -> Self {
        let url = Url::parse(text).ok();
        let shown = url.as_ref().map_or_else(|| "a target".to_owned(), shown);
        Address { url, shown }
    }

    /// The failure with the target's address in front.
    fn named(&self, failure: Failure) -> Failure {
        let detail = format!("{}: {}", self.shown, failure.detail);
        Failure::new(failure.kind, detail)
    }
}

/// One scrape of one target.
struct Scrape {
    target: usize,
    plan: Arc<Plan>,
    access: Arc<Access>,
    address: Arc<Address>,
    counters: Counters,
    page: Vec<u8>,
    begun: Moment,
}

impl Scrape {
    async fn run(mut self) -> Ended {
        match self.fetch().await {
            Err(failure) => {
                let failure = self.address.named(failure);
                self.ended(Err(failure))
            }
            Ok(()) if self.page.len() > MAX_INLINE_BYTES => spawn_blocking(|| self.read())
                .await
                .unwrap_or_else(|broken| resume_unwind(broken.into_panic())),
            Ok(()) => self.read(),
        }
    }

    fn read(mut self) -> Ended {
        let target = &self.address.shown;
        let given = read_page(
            &self.plan,
            target,
            &mut self.counters,
            &self.page,
            self.begun,
        );
        self.ended(Ok(given))
    }

    fn ended(self, reading: Reading) -> Ended {
        Ended {
            target: self.target,
            counters: self.counters,
            page: self.page,
            reading,
        }
    }

    async fn fetch(&mut self) -> Result<(), Failure> {
        self.page.clear();
        let Some(url) = &self.address.url else {
            let detail = "expected an address such as http://10.0.0.11:9100/metrics";
            return Err(Failure::new(FailureKind::Malformed, detail));
        };
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        if let Some(authorization) = &self.access.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let exporters = &self.access.exporters;
        let headers = exporters
            .read(url.as_str(), headers, &mut self.page)
            .await?;
        is_page(&headers)
    }
}

/// The text format, and OpenMetrics from what has nothing else.
const ACCEPTED: &str = "text/plain;version=0.0.4, application/openmetrics-text;q=0.5";

/// A page of metrics is one of two types; exporters without a type are older than the rule. An
/// HTML page, such as a proxy's login, is not an exporter without series.
fn is_page(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(found) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(found.as_bytes()).to_ascii_lowercase();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if matches!(essence, "text/plain" | "application/openmetrics-text") {
        return Ok(());
    }
    let shown = excerpt(essence);
    let detail = format!("content type \"{shown}\", expected text/plain: no page of metrics");
    Err(Failure::new(FailureKind::Malformed, detail))
}

/// What keeps a target from being counted as well. A series that is not there does not: it may be
/// new, or another exporter's.
fn first_failure(reading: &Reading) -> Option<Failure> {
    let quantities = match reading {
        Ok(quantities) => quantities,
        Err(failure) => return Some(failure.clone()),
    };
    quantities.iter().find_map(|given| match given {
        Given::Unreadable(failure) => Some(failure.clone()),
        Given::Nothing(failure) if failure.kind != FailureKind::Absent => Some(failure.clone()),
        Given::Nothing(_) | Given::Sum { .. } => None,
    })
}

async fn send(events: &Events, event: Event) {
    // Nobody listens any more when the process ends.
    drop(events.send(event).await);
}
