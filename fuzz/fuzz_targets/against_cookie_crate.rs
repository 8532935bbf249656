//! See `fuzz::against_cookie_crate`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::against_cookie_crate::run(data));
