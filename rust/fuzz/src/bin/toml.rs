//! Fuzzes `fuzz_targets::toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| spillway_fuzz::fuzz_targets::toml(input));
