//! The policy file: defaults, then the TOML file, then the environment.

mod checked;
mod diagnostics;

pub use checked::{BurstHostConfig, Config, Ec2Options, JournalConfig, Provider, SnapshotConfig};
pub use diagnostics::{Diagnostic, Diagnostics};

/// Returns a commented policy file that is made from the schema and passes the check.
#[must_use]
pub fn example() -> String {
    unimplemented!()
}

/// Returns the configuration reference in Markdown, made from the schema.
#[must_use]
pub fn reference() -> String {
    unimplemented!()
}
