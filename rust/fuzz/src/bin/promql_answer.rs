//! Fuzzes `fuzz_targets::promql_answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| spillway_fuzz::fuzz_targets::promql_answer(input));
