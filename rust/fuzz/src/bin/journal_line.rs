//! Fuzzes `fuzz_targets::journal_line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| spillway_fuzz::fuzz_targets::journal_line(input));
