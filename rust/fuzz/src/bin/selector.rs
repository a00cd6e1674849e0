//! Fuzzes `fuzz_targets::selector`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| spillway_fuzz::fuzz_targets::selector(input));
