//! Exporters: their pages are fetched in rounds, and each round is one sample of every signal.

mod exporters;
mod plan;
mod reading;
mod reduce;
mod round;

use super::bearer::authorization;
use super::event::Events;
use super::failure::Failure;
use super::time::Clock;
use crate::config::{ScrapeSignal, ScrapeSource};
use exporters::Exporters;
use plan::Plan;
use round::{Access, Rounds};
use std::sync::Arc;
use tokio::time::MissedTickBehavior;

/// Scrapes the source's targets for ever. `signals` are those of this source, each with its
/// position in the policy file.
pub async fn run(source: ScrapeSource, signals: Vec<(usize, ScrapeSignal)>, events: Events) {
    let plan = Arc::new(Plan::new(&source, &signals));
    let mut rounds = Rounds::new(Arc::clone(&plan), &source.targets, Clock::start());
    let mut exporters = None;
    let mut ticks = tokio::time::interval(plan.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match access(&source, &plan, &mut exporters).await {
            Ok(access) => rounds.next(access, &events).await,
            Err(failure) => rounds.fail(&failure, &events).await,
        }
    }
}

/// Reads the files that the source names. The token is read for every round.
async fn access(
    source: &ScrapeSource,
    plan: &Plan,
    exporters: &mut Option<Exporters>,
) -> Result<Access, Failure> {
    let authorization = match &source.token_file {
        Some(file) => Some(authorization(file).await?),
        None => None,
    };
    let exporters = match exporters {
        Some(exporters) => exporters,
        None => exporters.insert(Exporters::new(
            plan.timeout,
            source.max_bytes,
            source.ca_file.as_deref(),
        )?),
    };
    Ok(Access {
        exporters: exporters.clone(),
        authorization,
    })
}
