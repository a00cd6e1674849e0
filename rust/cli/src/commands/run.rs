//! `spillway run`.

use crate::arguments::{LogFormat, Run};
use crate::failure::{Code, Failure};
use spillway_runtime::sidecar::{self, RunError};
use std::io;
use tracing_subscriber::EnvFilter;

/// Threads that sources, server and loop share: a scrape that takes its time delays nobody.
const THREADS: usize = 2;

pub(super) fn run(run: &Run) -> Result<Code, Failure> {
    set_up_log(run.log_format)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("spillway")
        .enable_all()
        .build()?
        .block_on(sidecar::run(&run.config))
        .map_err(|error| match error {
            RunError::Config(_) => Failure::bad_config(error),
            _ => Failure::new(error),
        })?;
    Ok(Code::Ok)
}

/// Log lines go to standard error, so that the journal of systemd has them.
fn set_up_log(format: LogFormat) -> Result<(), Failure> {
    const VARIABLE: &str = "SPILLWAY_LOG";
    let filter = match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text).map_err(|error| {
            Failure::usage(format!(
                "{VARIABLE}: {error}; expected such as info, or spillway=debug"
            ))
        })?,
        _ => EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(has_colours()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

fn has_colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && io::IsTerminal::is_terminal(&io::stderr())
}
