//! The policy file: defaults, then the TOML file, then the environment.
//!
//! `raw` says what can be written and is the manual; `shape` reads that back from its schema,
//! and `document` and `environment` hold the two layers against it, so that each error has
//! its place; figment puts the layers together in `layers`; `check` says what they mean, as a
//! `checked::Config`; `load` does one after the other.

mod check;
mod checked;
mod diagnostics;
mod document;
mod environment;
mod example;
mod layers;
mod load;
mod raw;
mod reference;
mod shape;
mod sidecar;

pub use checked::{BurstHostConfig, Config, Ec2Options, JournalConfig, Provider, SnapshotConfig};
pub use diagnostics::{Diagnostic, Diagnostics, Origin};
pub use example::example;
pub use reference::reference;
pub use sidecar::checked::{
    HeatMeasure, HeatSignal, HeatSource, NotificationsMeasure, NotificationsSignal,
    NotificationsSource, OnGate, OpenStackConfig, PlacementMeasure, PlacementSignal,
    PlacementSource, PromqlSignal, PromqlSource, Reduce, ScrapeSignal, ScrapeSource, SidecarConfig,
    SignalSource, SourcesConfig, TlsFiles,
};
