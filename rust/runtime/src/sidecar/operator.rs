//! What operators say while the sidecar runs, and until when it holds.

use spillway_core::Timestamp;
use spillway_core::gate::GateState;
use spillway_core::load::OperatorWord;
use spillway_core::policy::Mode;
use spillway_core::scope::Scope;
use spillway_core::units::Span;
use std::collections::BTreeMap;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// One thing that an operator says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Forces a gate, or leaves it to the signals again.
    Gate {
        /// Which; `None` is every gate.
        scope: Option<Scope>,
        /// What it is forced to; `None` leaves it to the signals.
        forced: Option<GateState>,
        /// For how long; `None` is until it is taken back.
        lasts: Option<Span>,
    },
    /// Stops all launches.
    Pause,
    /// Takes that back.
    Resume,
    /// Takes the mode down; `None` leaves it to the policy file again.
    Mode(Option<Mode>),
}

/// Why a command was not carried out; a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// There is no gate of that scope.
    #[error("there is no gate of scope {scope}; there are: {known}")]
    NoSuchGate {
        /// What was asked for.
        scope: String,
        /// What there is.
        known: String,
    },
    /// The mode would go beyond the policy file.
    #[error(
        "the policy file says mode \"{policy}\", and \"{asked}\" goes beyond it: change the file"
    )]
    BeyondPolicy {
        /// What was asked for.
        asked: &'static str,
        /// What the file says.
        policy: &'static str,
    },
    /// It was taken, and could not be written down or published.
    #[error("it holds in this process only, since it could not be written: {0}")]
    NotWritten(String),
    /// The sidecar is ending.
    #[error("the sidecar is ending")]
    Ending,
}

/// A command and where its answer goes.
pub type Asked = (Command, oneshot::Sender<Result<(), Refused>>);

/// Hands commands to the sidecar's loop.
#[derive(Debug, Clone)]
pub struct Commands(mpsc::Sender<Asked>);

impl Commands {
    /// The handle, and the end at which the loop listens.
    #[must_use]
    pub fn new() -> (Commands, mpsc::Receiver<Asked>) {
        let (sender, receiver) = mpsc::channel(16);
        (Commands(sender), receiver)
    }

    /// Carries out a command: when this returns, it is written down and published.
    ///
    /// # Errors
    /// [`Refused`], with the reason.
    pub async fn send(&self, command: Command) -> Result<(), Refused> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send((command, answer)).await;
        sent.map_err(|_| Refused::Ending)?;
        answered.await.map_err(|_| Refused::Ending)?
    }
}

/// A gate that was forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forced {
    pub(super) state: GateState,
    /// When it ends; `None` is when it is taken back.
    pub(super) until: Option<Timestamp>,
}

/// All that operators said and did not take back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Operator {
    pub(super) word: OperatorWord,
    pub(super) forced: BTreeMap<Scope, Forced>,
}

impl Operator {
    /// Takes a command in.
    pub(super) fn obey(
        &mut self,
        command: &Command,
        policy: Mode,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Result<(), Refused> {
        match command {
            Command::Pause => self.word.paused = true,
            Command::Resume => self.word.paused = false,
            Command::Mode(Some(mode)) if *mode > policy => {
                return Err(Refused::BeyondPolicy {
                    asked: mode.name(),
                    policy: policy.name(),
                });
            }
            Command::Mode(mode) => self.word.mode = *mode,
            Command::Gate {
                scope,
                forced,
                lasts,
            } => {
                let chosen = chosen(scope.as_ref(), scopes)?;
                for scope in chosen {
                    match forced {
                        None => self.forced.remove(&scope),
                        Some(state) => self.forced.insert(
                            scope,
                            Forced {
                                state: *state,
                                until: lasts.map(|lasts| Timestamp(now.0.saturating_add(lasts.0))),
                            },
                        ),
                    };
                }
            }
        }
        Ok(())
    }

    /// Forgets what was only said until now.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        let before = self.forced.len();
        self.forced
            .retain(|_, forced| forced.until.is_none_or(|until| now < until));
        self.forced.len() != before
    }
}

fn chosen(scope: Option<&Scope>, scopes: &[Scope]) -> Result<Vec<Scope>, Refused> {
    match scope {
        None => Ok(scopes.to_vec()),
        Some(scope) if scopes.contains(scope) => Ok(vec![scope.clone()]),
        Some(scope) => {
            let known: Vec<_> = scopes.iter().map(Scope::to_string).collect();
            Err(Refused::NoSuchGate {
                scope: scope.to_string(),
                known: known.join(", "),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn force(scope: Option<Scope>, forced: Option<GateState>, secs: Option<u64>) -> Command {
        Command::Gate {
            scope,
            forced,
            lasts: secs.map(Span::from_secs),
        }
    }

    #[test]
    fn a_forced_gate_ends_when_its_time_is_over_and_not_before() {
        let mut operator = Operator::default();
        let command = force(None, Some(GateState::Open), Some(10));
        operator
            .obey(&command, Mode::Active, &[Scope::Cloud], NOW)
            .expect("taken");
        assert!(!operator.expire(Timestamp(10_999)));
        assert!(operator.expire(Timestamp(11_000)));
        assert!(operator.forced.is_empty());
    }

    #[test]
    fn the_mode_can_be_taken_down_and_left_to_the_policy_again_but_not_raised() {
        let mut operator = Operator::default();
        let mut say = |mode, policy| operator.obey(&Command::Mode(mode), policy, &[], NOW);
        assert_eq!(say(Some(Mode::Off), Mode::Active), Ok(()));
        let refused = say(Some(Mode::Active), Mode::Shadow).unwrap_err();
        assert!(refused.to_string().contains("change the file"), "{refused}");
        assert_eq!(operator.word.mode, Some(Mode::Off));
        assert_eq!(
            operator.obey(&Command::Mode(None), Mode::Shadow, &[], NOW),
            Ok(())
        );
        assert_eq!(operator.word.mode, None);
    }

    #[test]
    fn a_gate_that_is_not_there_is_refused_with_those_that_are() {
        let command = force(Some(Scope::Zone("x".to_owned())), None, None);
        let refused = Operator::default()
            .obey(&command, Mode::Active, &[Scope::Cloud], NOW)
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "there is no gate of scope zone:x; there are: cloud"
        );
    }
}
