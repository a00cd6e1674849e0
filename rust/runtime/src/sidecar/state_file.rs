//! What has to survive the sidecar: operators' words, the gates, and how far the journal was read
//! together with what was counted in it, so that nothing is counted twice or lost.

use super::counts::Counts;
use super::journal_tail::Position;
use super::operator::{Forced, Operator};
use crate::wire::replace;
use serde::{Deserialize, Serialize};
use spillway_core::Timestamp;
use spillway_core::gate::GateState;
use spillway_core::load::OperatorWord;
use spillway_core::policy::Mode;
use spillway_core::scope::Scope;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Format of the state file that this release writes and reads.
const FORMAT: u32 = 1;

/// Largest state file that is read, bytes.
const MAX_BYTES: u64 = 16 << 20;

/// Everything that survives.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Kept {
    pub(super) operator: Operator,
    /// State of each gate and since when.
    pub(super) gates: Vec<(Scope, GateState, Timestamp)>,
    pub(super) journal: Vec<Position>,
    pub(super) counts: Counts,
}

/// Why there is no usable state.
#[derive(Debug, Error)]
pub enum StateError {
    /// The file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// The file holds something else. It may hold an operator's pause, so nothing is guessed.
    #[error(
        "{}: {what}; expected the state of a sidecar. Move it away to begin without an operator's \
         word and with counters at zero", path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Another sidecar has it.
    #[error("{}: another sidecar runs on this state", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
}

/// The file, held by one sidecar at a time.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Its lock ends with the process, whatever way that ends.
    _lock: File,
    saved: Option<Kept>,
}

impl StateFile {
    /// Takes the file for this process and reads it; a file that is not there is an empty state.
    pub(super) fn open(path: &Path) -> Result<(StateFile, Kept), StateError> {
        let io = |error| StateError::Io {
            path: path.to_owned(),
            error,
        };
        let lock = File::create(path.with_extension("lock")).map_err(io)?;
        lock.try_lock().map_err(|_| StateError::Taken {
            path: path.to_owned(),
        })?;
        let kept = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(io(error)),
            Ok(metadata) if metadata.len() > MAX_BYTES => {
                return Err(StateError::Unusable {
                    path: path.to_owned(),
                    what: format!("larger than {MAX_BYTES} bytes"),
                });
            }
            Ok(_) => {
                let bytes = fs::read(path).map_err(io)?;
                parse(&bytes).map_err(|what| StateError::Unusable {
                    path: path.to_owned(),
                    what,
                })?
            }
        };
        let file = StateFile {
            path: path.to_owned(),
            _lock: lock,
            saved: None,
        };
        Ok((file, kept))
    }

    /// Writes what is kept, if it is not in the file already.
    pub(super) fn save(&mut self, kept: &Kept) -> Result<(), StateError> {
        if self.saved.as_ref() == Some(kept) {
            return Ok(());
        }
        let io = |error| StateError::Io {
            path: self.path.clone(),
            error,
        };
        let content = serde_json::to_vec(&Shape::of(kept)).map_err(io::Error::from);
        replace(&self.path, &content.map_err(io)?).map_err(io)?;
        self.saved = Some(kept.clone());
        Ok(())
    }
}

fn parse(bytes: &[u8]) -> Result<Kept, String> {
    let shape: Shape = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if shape.format != FORMAT {
        return Err(format!("format {}, not {FORMAT}", shape.format));
    }
    shape.kept()
}

#[derive(Serialize, Deserialize)]
struct Shape {
    format: u32,
    paused: bool,
    mode: Option<String>,
    gates: Vec<GateShape>,
    journal: Vec<Position>,
    counts: Counts,
}

#[derive(Serialize, Deserialize)]
struct GateShape {
    scope: String,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    since_ms: u64,
    #[serde(default)]
    forced: Option<String>,
    #[serde(default)]
    forced_until_ms: Option<u64>,
}

impl Shape {
    fn of(kept: &Kept) -> Self {
        let known = kept.gates.iter().map(|(scope, state, since)| GateShape {
            scope: scope.to_string(),
            state: Some(state.name().to_owned()),
            since_ms: since.0,
            forced: None,
            forced_until_ms: None,
        });
        let forced = kept
            .operator
            .forced
            .iter()
            .map(|(scope, forced)| GateShape {
                scope: scope.to_string(),
                state: None,
                since_ms: 0,
                forced: Some(forced.state.name().to_owned()),
                forced_until_ms: forced.until.map(|until| until.0),
            });
        Shape {
            format: FORMAT,
            paused: kept.operator.word.paused,
            mode: kept.operator.word.mode.map(|mode| mode.name().to_owned()),
            gates: known.chain(forced).collect(),
            journal: kept.journal.clone(),
            counts: kept.counts.clone(),
        }
    }

    fn kept(self) -> Result<Kept, String> {
        let mode = match self.mode {
            None => None,
            Some(name) => Some(Mode::parse(&name).ok_or(format!("\"{name}\" is no mode"))?),
        };
        let mut kept = Kept {
            operator: Operator {
                word: OperatorWord {
                    paused: self.paused,
                    mode,
                },
                ..Operator::default()
            },
            gates: Vec::new(),
            journal: self.journal,
            counts: self.counts,
        };
        for gate in self.gates {
            let scope = Scope::parse(&gate.scope);
            let scope = scope.ok_or(format!("\"{}\" is no scope", gate.scope))?;
            if let Some(name) = gate.state {
                kept.gates
                    .push((scope.clone(), state(&name)?, Timestamp(gate.since_ms)));
            }
            if let Some(name) = gate.forced {
                let forced = Forced {
                    state: state(&name)?,
                    until: gate.forced_until_ms.map(Timestamp),
                };
                kept.operator.forced.insert(scope, forced);
            }
        }
        Ok(kept)
    }
}

fn state(name: &str) -> Result<GateState, String> {
    [GateState::Open, GateState::Closed]
        .into_iter()
        .find(|state| state.name() == name)
        .ok_or(format!("\"{name}\" is no state of a gate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.json");
        let (mut file, empty) = StateFile::open(&path).expect("a new state");
        assert_eq!(empty, Kept::default());
        let mut kept = Kept {
            gates: vec![(Scope::Cloud, GateState::Open, Timestamp(7))],
            ..Kept::default()
        };
        kept.operator.word.paused = true;
        kept.operator.word.mode = Some(Mode::Shadow);
        let forced = Forced {
            state: GateState::Closed,
            until: Some(Timestamp(9)),
        };
        kept.operator
            .forced
            .insert(Scope::Zone("nova".to_owned()), forced);
        file.save(&kept).expect("saved");
        drop(file);
        assert_eq!(StateFile::open(&path).expect("the state").1, kept);
    }

    #[test]
    fn only_one_sidecar_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.json");
        let _first = StateFile::open(&path).expect("a new state");
        assert!(matches!(
            StateFile::open(&path),
            Err(StateError::Taken { .. })
        ));
    }

    /// It may hold a pause: what cannot be read is never taken for an empty state.
    #[test]
    fn a_broken_state_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.json");
        for broken in ["", "{\"format\": 1", "{\"format\": 2}", "null"] {
            fs::write(&path, broken).expect("a file");
            let error = StateFile::open(&path).expect_err(broken);
            assert!(matches!(error, StateError::Unusable { .. }), "{error}");
            assert_eq!(fs::read_to_string(&path).expect("the file"), broken);
        }
    }
}
