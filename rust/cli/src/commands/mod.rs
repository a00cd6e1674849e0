//! One file per command.

mod check;
mod decisions;
mod explain;
mod lists;
mod operate;
mod run;
mod shell;
mod status;
mod top;

use crate::arguments::Command;
use crate::failure::{Code, Failure};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Does what was asked.
pub(crate) fn execute(command: Command) -> Result<Code, Failure> {
    match command {
        Command::Run(run) => run::run(&run),
        Command::Check(check) => check::check(&check),
        Command::Status(listing) => status::status(&listing),
        Command::Explain(explain) => explain::explain(&explain),
        Command::Decisions(decisions) => decisions::decisions(&decisions),
        Command::Gate(gate) => operate::gate(&gate),
        Command::Pause(listing) => operate::pause(&listing),
        Command::Resume(listing) => operate::resume(&listing),
        Command::Mode(mode) => operate::mode(&mode),
        Command::Signals(listing) => lists::signals(&listing),
        Command::Offers(listing) => lists::offers(&listing),
        Command::Top(top) => top::top(&top),
        Command::Completions(completions) => shell::completions(&completions),
        Command::Man(man) => shell::man(&man),
    }
}

/// Reads an answer as what it should be.
fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    T::deserialize(value)
        .map_err(|error| Failure::new(format!("the sidecar answered something else: {error}")))
}

/// Reads the list that an answer has under `key`.
fn read_list<T: DeserializeOwned>(value: &Value, key: &str) -> Result<Vec<T>, Failure> {
    read(&value[key])
}
