//! Fuzzes `targets::notebook`.
#![no_main]

mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::notebook(data));
