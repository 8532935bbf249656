//! See `fuzz::cookie_lines`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::cookie_lines::run(data));
