//! Fuzzes `fuzz_targets::page`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| spillway_fuzz::fuzz_targets::page(input));
