//! Spillway's decision core: whether a request for servers bursts to a public cloud, and where.
//!
//! Pure on purpose. There is no I/O, clock, randomness, thread, async or JSON in this crate: time
//! is an argument, everything else is a value, and the same inputs give the same [`Decision`] for
//! ever. `explain` and `replay` stand on that. `clippy.toml` beside this crate bans the calls
//! that would break it.
//!
//! Read in this order: [`request`] (what Nova asks for), [`policy`] (what the operator wants),
//! [`load`] (what is known about the private cloud), [`gate`] (hysteresis over its signals, with a
//! [`forecast`]), [`mod@decide`] (the decision), [`reason`] (why).
#![forbid(unsafe_code)]

pub mod attempt;
pub mod decide;
pub mod eligibility;
pub mod forecast;
pub mod gate;
pub mod load;
pub mod mapping;
pub mod money;
pub mod pattern;
pub mod policy;
mod ranking;
pub mod reason;
pub mod request;
pub mod scope;
pub mod units;

pub use attempt::{Attempt, Placement};
pub use decide::{Decision, Evidence, decide};
pub use load::{Load, Offer, SnapshotFault};
pub use policy::Policy;
pub use reason::Reason;
pub use request::Request;
pub use units::{Timestamp, Usd};
