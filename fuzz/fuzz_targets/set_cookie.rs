//! See `fuzz::set_cookie`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::set_cookie::run(data));
