//! The command `spillway`: the sidecar, and what asks it.
//!
//! `arguments` is what can be typed and the manual of it; `commands` has one file per command.
//! Those that talk to a sidecar do so through `client`, which finds it by `address`; `output`
//! prints, `times` knows lengths of time and ages, `failure` knows exit codes.
#![forbid(unsafe_code)]

mod address;
mod arguments;
mod client;
mod commands;
mod failure;
mod output;
mod times;

use arguments::Arguments;
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::execute(arguments.command) {
        Ok(code) => code.into(),
        Err(failure) => {
            // Whoever closed standard error does not want to hear of it.
            drop(writeln!(std::io::stderr(), "spillway: {failure}"));
            failure.code().into()
        }
    }
}
