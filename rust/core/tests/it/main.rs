//! Properties that hold for every policy, load, request and series of samples.

mod arbitrary;
mod decisions;
mod dependencies;
mod gates;
