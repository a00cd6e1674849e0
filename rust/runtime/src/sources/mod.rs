//! What the sidecar reads. Each source is a task of its own that only ever sends [`Event`]s: one
//! that hangs, lies or vanishes makes its own signals stale and nothing else.

mod bearer;
pub mod burst_hosts;
pub mod event;
pub mod failure;
pub mod fetch;
pub mod heat;
pub mod ledger;
pub mod notifications;
pub mod openstack;
pub mod placement;
pub mod promql;
pub mod scrape;
mod time;

pub use event::{Event, Events, ReadReport};
pub use failure::{Failure, FailureKind};
