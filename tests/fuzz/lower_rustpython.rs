//! Fuzzes `targets::lower_rustpython`.
#![no_main]

mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::lower_rustpython(data));
