//! The sidecar's state and everything that happens to it. Reads and writes files, but opens no
//! socket, starts no task and asks no clock: the loop in [`super::run`] does.

use super::counts::Counts;
use super::gates::Gates;
use super::journal_tail::{Batch, Position};
use super::operator::{Command, Operator, Refused};
use super::recent::Recent;
use super::signals::Signals;
use super::source_states::{SourceStates, spend_view};
use super::state_file::{Kept, StateError, StateFile};
use crate::config::Config;
use crate::sources::Event;
use crate::view::{
    ConfigView, DecisionCount, JournalView, LimitsView, ModeView, OutcomeCount, SnapshotView, View,
};
use crate::wire::{Publication, PublishedGate};
use spillway_core::gate::GateState;
use spillway_core::load::{OperatorWord, Spend};
use spillway_core::policy::GatePolicy;
use spillway_core::scope::Scope;
use spillway_core::{Offer, Timestamp, Usd};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that the sidecar knows.
#[derive(Debug)]
pub(super) struct Engine {
    config: Arc<Config>,
    config_view: ConfigView,
    owner: String,
    started_at: Timestamp,
    now: Timestamp,
    state_file: StateFile,
    operator: Operator,
    signals: Signals,
    gates: Gates,
    sources: SourceStates,
    journal: JournalState,
    recent: Recent,
    snapshot: SnapshotView,
    published: Option<Published>,
}

#[derive(Debug, Default)]
struct JournalState {
    positions: Vec<Position>,
    counts: Counts,
    lag_bytes: u64,
    error: Option<String>,
}

/// What was last published; anything else is published at once.
#[derive(Debug, Clone, PartialEq)]
struct Published {
    word: OperatorWord,
    gates: Vec<PublishedGate>,
    offers: Vec<Offer>,
    spend: Option<Spend>,
}

impl Engine {
    /// Takes the state file and goes on where it says.
    pub(super) fn new(
        config: Arc<Config>,
        path: PathBuf,
        owner: String,
        now: Timestamp,
    ) -> Result<Engine, StateError> {
        let (state_file, kept) = StateFile::open(&config.sidecar.state_path)?;
        let signals = Signals::of(&config, &Signals::default());
        let gates = Gates::of(&signals, kept.gates, now);
        let sources = SourceStates::of(&config, SourceStates::default());
        Ok(Engine {
            config_view: ConfigView {
                path: path.display().to_string(),
                digest: config.digest.clone(),
                taken_at_ms: now.0,
                taken: 1,
                ..ConfigView::default()
            },
            snapshot: SnapshotView::default(),
            owner,
            started_at: now,
            now,
            state_file,
            operator: kept.operator,
            signals,
            gates,
            sources,
            journal: JournalState {
                positions: kept.journal,
                counts: kept.counts,
                ..JournalState::default()
            },
            recent: Recent::default(),
            published: None,
            config,
        })
    }

    pub(super) fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// How far the journal was read.
    pub(super) fn journal_positions(&self) -> Vec<Position> {
        self.journal.positions.clone()
    }

    /// The state of each gate that counts.
    pub(super) fn effective_gates(&self) -> BTreeMap<Scope, GateState> {
        self.gates.effective(&self.operator)
    }

    /// Takes in what a source says.
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Sampled { signal, sample } => self.signals.sampled(signal, sample),
            Event::Interim { signal, sample } => self.signals.interim(signal, sample),
            Event::Unmeasured { signal, failure } => self.signals.unmeasured(signal, failure),
            Event::Read { source, report } => self.sources.read(&source, &report, self.now),
            Event::Broker { connected } => self.sources.broker(connected),
            Event::Notified { by_event, poison } => {
                self.sources.notified(&by_event, poison, self.now);
            }
            Event::BurstHost { name, report } => self.sources.burst_host(&name, report, self.now),
        }
    }

    /// Takes in new lines of the journal.
    pub(super) fn tailed(&mut self, batch: Batch) {
        self.journal.positions = batch.positions;
        self.journal.lag_bytes = batch.lag_bytes;
        self.journal.error = batch.error;
        for line in batch.lines {
            self.journal.counts.count(&line);
            if let Ok(line) = line {
                self.recent.take(line);
            }
        }
    }

    /// Takes a new policy.
    pub(super) fn reconfigure(&mut self, config: Arc<Config>) {
        self.signals = Signals::of(&config, &self.signals);
        self.gates = Gates::of(&self.signals, self.gates.states(), self.now);
        self.sources = SourceStates::of(&config, std::mem::take(&mut self.sources));
        if self.config.snapshot.path != config.snapshot.path {
            // Nothing is published where schedulers look from now on.
            self.published = None;
        }
        self.config_view.digest.clone_from(&config.digest);
        self.config_view.taken_at_ms = self.now.0;
        self.config_view.taken += 1;
        self.config_view.refusal = None;
        self.config = config;
    }

    /// Takes in that the policy file is unusable as it is now.
    pub(super) fn refuse_config(&mut self, why: String) {
        self.config_view.refused += 1;
        self.config_view.refusal = Some(why);
    }

    /// Carries out an operator's command, writes it down and publishes it.
    pub(super) fn obey(&mut self, command: &Command) -> Result<(), Refused> {
        let scopes = self.gates.scopes();
        self.operator
            .obey(command, self.config.policy.mode, &scopes, self.now)?;
        self.save()
            .map_err(|error| Refused::NotWritten(error.to_string()))?;
        self.publish();
        match &self.snapshot.error {
            Some(error) => Err(Refused::NotWritten(error.clone())),
            None => Ok(()),
        }
    }

    /// Looks at every signal and gate, and publishes what changed. Returns the gates that the
    /// signals changed.
    pub(super) fn step(&mut self, now: Timestamp) -> Vec<(Scope, GateState)> {
        if now < self.now {
            self.signals.forget_after(now);
        }
        self.now = now;
        self.operator.expire(now);
        let changes = self.gates.step(&self.gate_policy(), &self.signals, now);
        if self.is_due() {
            self.publish();
        }
        changes
    }

    /// The policy of the gates, with the lead that is in effect.
    fn gate_policy(&self) -> GatePolicy {
        let configured = self.config.policy.gate.forecast_lead;
        let measured = || {
            let stale_after = self.config.snapshot.stale_after;
            self.sources.start_time(stale_after, self.now)
        };
        GatePolicy {
            forecast_lead: match self.config.forecast {
                true => configured.or_else(measured),
                false => None,
            },
            ..self.config.policy.gate
        }
    }

    fn is_due(&self) -> bool {
        let written = self.snapshot.written_at_ms.map(Timestamp);
        let is_old = written
            .is_none_or(|at| at > self.now || self.now.since(at) >= self.config.sidecar.interval);
        is_old || self.published.as_ref() != Some(&self.publication())
    }

    fn publication(&self) -> Published {
        let stale_after = self.config.snapshot.stale_after;
        Published {
            word: self.operator.word,
            gates: self.gates.published(&self.operator, &self.signals),
            offers: self.sources.offers(stale_after, self.now),
            spend: self.sources.spend(stale_after, self.now),
        }
    }

    fn publish(&mut self) {
        let published = self.publication();
        let publication = Publication {
            written_at: self.now,
            owner: &self.owner,
            word: published.word,
            gates: &published.gates,
            offers: &published.offers,
            spend: published.spend.as_ref(),
        };
        match publication.write(&self.config.snapshot.path) {
            Ok(()) => {
                self.snapshot.writes += 1;
                self.snapshot.written_at_ms = Some(self.now.0);
                self.snapshot.error = None;
                self.published = Some(published);
            }
            Err(error) => {
                let path = self.config.snapshot.path.display();
                self.snapshot.failures += 1;
                self.snapshot.error = Some(format!("{path}: {error}"));
            }
        }
    }

    /// Writes down what has to survive.
    pub(super) fn save(&mut self) -> Result<(), StateError> {
        let kept = Kept {
            operator: self.operator.clone(),
            gates: self.gates.states(),
            journal: self.journal.positions.clone(),
            counts: self.journal.counts.clone(),
        };
        self.state_file.save(&kept)
    }

    /// Everything that is shown.
    pub(super) fn view(&self) -> View {
        let policy = self.gate_policy();
        let stale_after = self.config.snapshot.stale_after;
        let word = self.operator.word;
        View {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at_ms: self.now.0,
            started_at_ms: self.started_at.0,
            mode: ModeView {
                effective: word.mode_under(self.config.policy.mode).name().to_owned(),
                policy: self.config.policy.mode.name().to_owned(),
                operator: word.mode.map(|mode| mode.name().to_owned()),
            },
            paused: word.paused,
            config: self.config_view.clone(),
            snapshot: SnapshotView {
                path: self.config.snapshot.path.display().to_string(),
                stale_after_ms: stale_after.0,
                ..self.snapshot.clone()
            },
            gates: self
                .gates
                .views(&self.operator, &policy, &self.signals, self.now),
            signals: self.signals.views(policy.forecast_lead, self.now),
            sources: self.sources.views(),
            burst_hosts: self.sources.burst_host_views(),
            spend: self
                .sources
                .spend(stale_after, self.now)
                .as_ref()
                .map(spend_view),
            limits: self.limits(),
            journal: self.journal_view(),
            decisions: self.recent.views(),
        }
    }

    fn limits(&self) -> LimitsView {
        let total = self.config.policy.money.total;
        LimitsView {
            hourly_soft_usd: total.hourly.soft.map(Usd::dollars),
            hourly_hard_usd: total.hourly.hard.map(Usd::dollars),
            monthly_soft_usd: total.monthly.soft.map(Usd::dollars),
            monthly_hard_usd: total.monthly.hard.map(Usd::dollars),
        }
    }

    fn journal_view(&self) -> JournalView {
        let counts = &self.journal.counts;
        JournalView {
            path: self.config.journal.path.display().to_string(),
            lines: counts.lines.clone(),
            bad_lines: counts.bad_lines,
            lag_bytes: self.journal.lag_bytes,
            error: self.journal.error.clone(),
            decisions: counts
                .decisions
                .iter()
                .map(|((attempt, reason, shadow), count)| DecisionCount {
                    attempt: attempt.clone(),
                    reason: reason.clone(),
                    shadow_attempt: shadow.clone(),
                    count: *count,
                })
                .collect(),
            outcomes: counts
                .outcomes
                .iter()
                .map(|((result, path), count)| OutcomeCount {
                    result: result.clone(),
                    path: path.clone(),
                    count: *count,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::event::BurstHostReport;
    use crate::sources::{Failure, FailureKind};
    use crate::wire::{Observed, SnapshotFile};
    use spillway_core::Load;
    use spillway_core::gate::Sample;
    use spillway_core::load::SpendOf;
    use spillway_core::policy::Mode;
    use spillway_core::units::Span;

    const POLICY: &str = r#"
mode = "active"
deployment = "demo"
[snapshot]
path = "FOLDER/snapshot.json"
[journal]
path = "FOLDER/journal.jsonl"
[sidecar]
state_path = "FOLDER/state.json"
[gate]
open_after_secs = 10
close_after_secs = 20
[sources.placement]
[[signals]]
name = "used"
open_at = 0.8
close_at = 0.6
placement = { resource_class = "VCPU" }
[[signals]]
name = "zone"
scope = "zone:nova"
open_at = 0.8
close_at = 0.6
placement = { resource_class = "VCPU" }
[[burst_hosts]]
name = "cloud1"
provider = "ec2"
ec2 = { region = "us-east-1", subnet_id = "subnet-1" }
sizes = [{ name = "small", vcpus = 2, memory_mb = 2048, price_usd_per_hour = 0.02 }]
images = [{ provider_image = "ami-1" }]
"#;

    /// A sidecar without its loop: the test is the clock and the sources.
    struct Sidecar {
        folder: tempfile::TempDir,
        engine: Engine,
        now: u64,
    }

    impl Sidecar {
        fn start(policy: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let engine = Self::engine(folder.path(), policy, 1_000_000).expect("an engine");
            Sidecar {
                folder,
                engine,
                now: 1_000_000,
            }
        }

        fn engine(folder: &std::path::Path, policy: &str, now: u64) -> Result<Engine, StateError> {
            let config = Self::config(folder, policy);
            Engine::new(config, "policy".into(), "host:1".to_owned(), Timestamp(now))
        }

        fn config(folder: &std::path::Path, policy: &str) -> Arc<Config> {
            let text = policy.replace("FOLDER", &folder.display().to_string());
            Arc::new(Config::from_toml(&text, "policy").unwrap_or_else(|error| panic!("{error}")))
        }

        /// The signal has this value for so many seconds, sampled each second.
        fn load(&mut self, signal: usize, value: f64, secs: u64) {
            for _ in 0..secs {
                self.now += 1_000;
                let sample = Sample {
                    value,
                    at: Timestamp(self.now),
                };
                self.engine.take(Event::Sampled { signal, sample });
                self.engine.step(Timestamp(self.now));
            }
        }

        fn wait(&mut self, secs: u64) {
            for _ in 0..secs {
                self.now += 1_000;
                self.engine.step(Timestamp(self.now));
            }
        }

        /// What nova-scheduler reads now.
        fn observed(&self) -> Arc<Observed> {
            let path = self.folder.path().join("snapshot.json");
            SnapshotFile::new(path, Span::from_secs(30)).read(Timestamp(self.now))
        }

        fn open_gates(&self) -> Vec<String> {
            match &self.observed().load {
                Load::Known(view) => view
                    .gates
                    .iter()
                    .filter(|gate| gate.effective() == GateState::Open)
                    .map(|gate| gate.scope.to_string())
                    .collect(),
                Load::Unknown(fault) => panic!("{fault:?}"),
            }
        }
    }

    #[test]
    fn load_opens_the_gate_of_its_scope_and_its_end_closes_it() {
        let mut sidecar = Sidecar::start(POLICY);
        sidecar.load(1, 0.9, 10);
        assert!(sidecar.open_gates().is_empty());
        sidecar.load(1, 0.9, 1);
        assert_eq!(sidecar.open_gates(), ["zone:nova"]);
        sidecar.load(1, 0.1, 20);
        assert_eq!(sidecar.open_gates(), ["zone:nova"]);
        sidecar.load(1, 0.1, 1);
        assert!(sidecar.open_gates().is_empty());
        let view = sidecar.engine.view();
        assert_eq!((view.gates[1].opened, view.gates[1].closed), (1, 1));
        assert_eq!(view.gates[0].scope, "cloud");
    }

    #[test]
    fn a_quiet_sidecar_publishes_at_its_interval_and_a_change_at_once() {
        let mut sidecar = Sidecar::start(POLICY);
        sidecar.wait(11);
        // At 1 s, and every 5 s after that.
        assert_eq!(sidecar.engine.view().snapshot.writes, 3);
        sidecar.engine.obey(&Command::Pause).expect("taken");
        assert_eq!(sidecar.engine.view().snapshot.writes, 4);
        assert!(sidecar.observed().load.word().paused);
    }

    #[test]
    fn a_word_the_gates_and_the_counts_survive_a_restart() {
        let mut sidecar = Sidecar::start(POLICY);
        sidecar.load(0, 0.9, 11);
        for command in [
            Command::Mode(Some(Mode::Shadow)),
            Command::Gate {
                scope: Some(Scope::Zone("nova".to_owned())),
                forced: Some(GateState::Open),
                lasts: Some(Span::from_secs(60)),
            },
        ] {
            sidecar.engine.obey(&command).expect("taken");
        }
        let Sidecar {
            folder,
            engine,
            now,
        } = sidecar;
        drop(engine);
        let engine = Sidecar::engine(folder.path(), POLICY, now + 5_000).expect("an engine");
        let mut sidecar = Sidecar {
            folder,
            engine,
            now: now + 5_000,
        };
        sidecar.wait(1);
        assert_eq!(sidecar.open_gates(), ["cloud", "zone:nova"]);
        assert_eq!(sidecar.observed().load.word().mode, Some(Mode::Shadow));
        // Nobody measures: the open gate is held, the forced one ends with its time.
        sidecar.wait(55);
        assert_eq!(sidecar.open_gates(), ["cloud"]);
    }

    #[test]
    fn a_new_policy_keeps_gates_and_what_is_known_of_signals_that_stay() {
        let mut sidecar = Sidecar::start(POLICY);
        sidecar.load(0, 0.9, 11);
        let changed = POLICY.replacen("open_at = 0.8", "open_at = 0.85", 1);
        let changed = changed.replace("scope = \"zone:nova\"", "scope = \"zone:other\"");
        let config = Sidecar::config(sidecar.folder.path(), &changed);
        sidecar.engine.refuse_config("line 3 is odd".to_owned());
        assert!(sidecar.engine.view().config.refusal.is_some());
        sidecar.engine.reconfigure(config);
        sidecar.wait(1);
        let view = sidecar.engine.view();
        assert_eq!(view.config.refusal, None);
        assert_eq!((view.config.taken, view.config.refused), (2, 1));
        assert_eq!(sidecar.open_gates(), ["cloud"]);
        assert_eq!(view.signals[0].value, Some(0.9));
        assert_eq!(view.gates[1].scope, "zone:other");
    }

    #[test]
    fn a_signal_that_cannot_be_measured_grows_stale_and_says_why() {
        let mut sidecar = Sidecar::start(POLICY);
        sidecar.load(0, 0.9, 11);
        let failure = Failure::new(FailureKind::Timeout, "no answer within 5 s");
        sidecar
            .engine
            .take(Event::Unmeasured { signal: 0, failure });
        sidecar.wait(61);
        let view = sidecar.engine.view();
        assert_eq!(view.signals[0].reading, "stale");
        let error = view.signals[0].error.as_deref();
        assert_eq!(error, Some("no answer within 5 s (timeout)"));
        assert_eq!(sidecar.open_gates(), ["cloud"], "when_missing = hold");
        assert!(
            view.gates[0].why.contains("held open"),
            "{}",
            view.gates[0].why
        );
    }

    /// A value that was measured "tomorrow" must not keep today's out once the clock is right.
    #[test]
    fn a_clock_that_is_set_back_does_not_blind_the_signals() {
        let mut sidecar = Sidecar::start(POLICY);
        sidecar.load(0, 0.1, 1);
        sidecar.now -= 500_000;
        sidecar.load(0, 0.9, 2);
        assert_eq!(sidecar.engine.view().signals[0].value, Some(0.9));
        assert!(matches!(sidecar.observed().load, Load::Known(_)));
    }

    #[test]
    fn spend_is_the_sum_of_the_burst_hosts_and_unknown_when_one_is_silent() {
        let mut sidecar = Sidecar::start(POLICY);
        let spend = Spend {
            total: SpendOf {
                hourly: Usd::from_dollars(0.5).expect("an amount"),
                month: Usd::from_dollars(7.0).expect("an amount"),
            },
            projects: BTreeMap::new(),
        };
        let report = BurstHostReport {
            spend: Some(spend.clone()),
            start_time: Some(Span::from_secs(40)),
            ..BurstHostReport::default()
        };
        let name: Arc<str> = "cloud1".into();
        sidecar.wait(1);
        let known = |sidecar: &Sidecar| match &sidecar.observed().load {
            Load::Known(view) => view.spend.clone(),
            Load::Unknown(fault) => panic!("{fault:?}"),
        };
        assert_eq!(known(&sidecar), None);
        let report = Ok(report);
        sidecar.engine.take(Event::BurstHost { name, report });
        sidecar.wait(1);
        assert_eq!(known(&sidecar), Some(spend));
        sidecar.wait(31);
        assert_eq!(known(&sidecar), None);
    }

    #[test]
    fn a_rise_opens_early_by_the_time_that_a_burst_server_takes_to_start() {
        let forecast = "forecast = true\nforecast_lead_secs = 30\n";
        let policy = POLICY.replace("[gate]\n", &format!("[gate]\n{forecast}"));
        let opened_at = |policy: &str| {
            let mut sidecar = Sidecar::start(policy);
            for secs in 0..200_u32 {
                sidecar.load(0, 0.01 * f64::from(secs), 1);
                if !sidecar.open_gates().is_empty() {
                    return secs;
                }
            }
            panic!("it never opened");
        };
        // Over 0.8 at second 80, and ten seconds of dwell.
        assert_eq!(opened_at(POLICY), 90);
        assert_eq!(opened_at(&policy), 60);
    }

    /// A large fleet is asked over some time; its course has one sample of each round.
    #[test]
    fn what_is_told_during_a_round_counts_at_once_and_is_no_point_of_the_course() {
        let mut sidecar = Sidecar::start(POLICY);
        sidecar.load(0, 0.1, 1);
        let at = sidecar.engine.now;
        let sample = Sample { at, value: 0.95 };
        sidecar.engine.take(Event::Interim { signal: 0, sample });
        sidecar.wait(1);
        let view = sidecar.engine.view();
        assert_eq!(view.signals[0].value, Some(0.95));
        assert!(view.signals[0].course.iter().all(|point| point.1 < 0.5));
    }
}
