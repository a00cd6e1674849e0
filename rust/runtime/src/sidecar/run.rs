//! The loop: waits for whatever happens next, tells the engine, and lets it publish.

use super::engine::Engine;
use super::journal_tail::{Batch, JournalTail};
use super::operator::{Asked, Commands};
use super::server::{Server, ServerState};
use super::state_file::StateError;
use super::tasks::Tasks;
use crate::config::Config;
use crate::policy_file::{PolicyFile, Refreshed};
use crate::sources::Event;
use crate::view::View;
use spillway_core::Timestamp;
use spillway_core::gate::GateState;
use spillway_core::scope::Scope;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

/// Events that may wait for the loop; a source that is faster waits itself.
const MAX_WAITING_EVENTS: usize = 1_024;

/// Time between two looks at a journal that had nothing new.
const LOOK_AT_JOURNAL_EVERY: Duration = Duration::from_millis(250);

/// Longest time between two looks at the clock: gates dwell and forced ones end by it.
const TICK: Duration = Duration::from_millis(500);

/// Time between two writings of the state, besides those that a command asks for.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Why the sidecar did not start, or ended.
#[derive(Debug, Error)]
pub enum RunError {
    /// The policy file is unusable; everything that is wrong with it.
    #[error("{0}")]
    Config(String),
    /// The state file is unusable.
    #[error(transparent)]
    State(#[from] StateError),
    /// The address cannot be listened on, or a signal not be waited for.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Runs the sidecar on a policy file until SIGTERM or SIGINT; SIGHUP looks at the file at once.
///
/// # Errors
/// [`RunError`]; after the start only what ends the process.
pub async fn run(path: &Path) -> Result<(), RunError> {
    let mut policy_file = PolicyFile::new(path.to_owned());
    let config = match policy_file.refresh(now()) {
        Refreshed::Taken(config) => config,
        Refreshed::Refused(why) => return Err(RunError::Config(why)),
        Refreshed::Unchanged => unreachable!("a file that was never looked at is new"),
    };
    let engine = Engine::new(Arc::clone(&config), path.to_owned(), owner(), now())?;
    let (commands, asked) = Commands::new();
    let (views, view) = watch::channel(Arc::new(engine.view()));
    let (journal_path, journal_path_seen) = watch::channel(config.journal.path.clone());
    let state = ServerState {
        view,
        commands,
        journal_path: journal_path_seen,
    };
    let server = Server::bind(&config.sidecar, state)?;
    info!(
        address = %server.address(), config = %path.display(), mode = config.policy.mode.name(),
        "Sidecar starts"
    );
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(server.run(async move {
        // An error is the loop's own end.
        drop(ended.await);
    }));
    let (gates, gates_seen) = watch::channel(engine.effective_gates());
    let (tasks, happened) = start(&config, &gates_seen);
    let sidecar = Sidecar {
        tasks,
        happened,
        gates,
        gates_seen,
        journal: tail(&config, &engine),
        journal_path,
        engine,
        policy_file,
        views,
    };
    let result = sidecar.run(asked).await;
    drop(end);
    if let Ok(Err(error)) = served.await {
        warn!(%error, "Server ended badly");
    }
    result
}

struct Sidecar {
    engine: Engine,
    policy_file: PolicyFile,
    views: watch::Sender<Arc<View>>,
    tasks: Tasks,
    happened: mpsc::Receiver<Event>,
    gates: watch::Sender<BTreeMap<Scope, GateState>>,
    gates_seen: watch::Receiver<BTreeMap<Scope, GateState>>,
    journal: Tail,
    journal_path: watch::Sender<PathBuf>,
}

/// A journal that is followed by a task of its own: reading a backlog takes time.
struct Tail {
    path: PathBuf,
    batches: mpsc::Receiver<Batch>,
    task: JoinHandle<()>,
}

impl Sidecar {
    async fn run(mut self, mut asked: mpsc::Receiver<Asked>) -> Result<(), RunError> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut save = tokio::time::interval(SAVE_EVERY);
        save.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(event) = self.happened.recv() => {
                    self.engine.take(event);
                    // Whatever waits already is one step, not many.
                    while let Ok(event) = self.happened.try_recv() {
                        self.engine.take(event);
                    }
                }
                Some(batch) = self.journal.batches.recv() => self.engine.tailed(batch),
                Some((command, answer)) = asked.recv() => {
                    let result = self.engine.obey(&command);
                    // Whoever asked sees what came of it in the view.
                    self.step();
                    // They may have gone; the command holds all the same.
                    drop(answer.send(result));
                }
                _ = tick.tick() => self.look_at_policy(),
                _ = save.tick() => self.save(),
                _ = hangup.recv() => self.look_at_policy(),
                () = ends(&mut terminate, &mut interrupt) => break,
            }
            self.step();
        }
        info!("Sidecar ends");
        self.tasks.stop();
        self.journal.task.abort();
        self.engine.save()?;
        Ok(())
    }

    fn step(&mut self) {
        for (scope, state) in self.engine.step(now()) {
            info!(%scope, state = state.name(), "Gate changed");
        }
        let effective = self.engine.effective_gates();
        self.gates.send_if_modified(|gates| {
            let is_new = *gates != effective;
            *gates = effective;
            is_new
        });
        let view = Arc::new(self.engine.view());
        let before = self.views.send_replace(Arc::clone(&view));
        log_changes(&before, &view);
    }

    fn save(&mut self) {
        if let Err(error) = self.engine.save() {
            error!(%error, "State cannot be written; a restart would go back to an older one");
        }
    }

    fn look_at_policy(&mut self) {
        match self.policy_file.refresh(now()) {
            Refreshed::Unchanged => {}
            Refreshed::Refused(why) => {
                error!(%why, "Policy file refused");
                self.engine.refuse_config(why);
            }
            Refreshed::Taken(config) => self.reconfigure(config),
        }
    }

    fn reconfigure(&mut self, config: Arc<Config>) {
        let before = Arc::clone(self.engine.config());
        info!(digest = %config.digest, mode = config.policy.mode.name(), "Policy file taken");
        if before.sidecar != config.sidecar {
            warn!("[sidecar] changed: restart the sidecar for it");
        }
        self.engine.reconfigure(Arc::clone(&config));
        // Even when the sources are the same: signals are known to them by position. What the old
        // ones still had to say goes with them, for the same reason.
        self.tasks.stop();
        (self.tasks, self.happened) = start(&config, &self.gates_seen);
        if self.journal.path != config.journal.path {
            self.journal.task.abort();
            self.journal = tail(&config, &self.engine);
            self.journal_path.send_replace(config.journal.path.clone());
        }
    }
}

/// Says once what broke, and once that it works again.
fn log_changes(before: &View, now: &View) {
    match (&before.snapshot.error, &now.snapshot.error) {
        (None, Some(error)) => error!(%error, "Snapshot cannot be written"),
        (Some(_), None) => info!("Snapshot is written again"),
        _ => {}
    }
    match (&before.journal.error, &now.journal.error) {
        (None, Some(error)) => warn!(%error, "Journal cannot be read"),
        (Some(_), None) => info!("Journal is read again"),
        _ => {}
    }
    for signal in &now.signals {
        let was = before.signals.iter().find(|was| was.name == signal.name);
        match (was.and_then(|was| was.error.as_ref()), &signal.error) {
            (None, Some(error)) => warn!(signal = signal.name, %error, "Signal has no new value"),
            (Some(_), None) => info!(signal = signal.name, "Signal has values again"),
            _ => {}
        }
    }
    for host in &now.burst_hosts {
        let was = before.burst_hosts.iter().find(|was| was.name == host.name);
        match (was.and_then(|was| was.error.as_ref()), &host.error) {
            (None, Some(error)) => warn!(burst_host = host.name, %error, "Burst host is silent"),
            (Some(_), None) => info!(burst_host = host.name, "Burst host reports again"),
            _ => {}
        }
    }
}

fn start(
    config: &Arc<Config>,
    gates: &watch::Receiver<BTreeMap<Scope, GateState>>,
) -> (Tasks, mpsc::Receiver<Event>) {
    let (events, happened) = mpsc::channel(MAX_WAITING_EVENTS);
    (Tasks::start(config, &events, gates), happened)
}

async fn ends(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn tail(config: &Config, engine: &Engine) -> Tail {
    let path = config.journal.path.clone();
    let mut tail = JournalTail::new(path.clone(), engine.journal_positions());
    // One batch at a time: the next is read when the loop has taken this one.
    let (sender, batches) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        loop {
            let read = tokio::task::spawn_blocking(move || {
                let batch = tail.read();
                (tail, batch)
            });
            let Ok((same, batch)) = read.await else {
                return;
            };
            tail = same;
            let has_more = batch.lag_bytes > 0 && !batch.lines.is_empty();
            if sender.send(batch).await.is_err() {
                return;
            }
            if !has_more {
                tokio::time::sleep(LOOK_AT_JOURNAL_EVERY).await;
            }
        }
    });
    Tail {
        path,
        batches,
        task,
    }
}

/// The time, in Unix milliseconds.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }))
}

/// Host and process, for whoever finds the snapshot.
fn owner() -> String {
    // Not from /proc: the service of the package sees little of it.
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    format!("{host}:{}", std::process::id())
}
