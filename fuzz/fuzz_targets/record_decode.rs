//! See `fuzz::record_decode`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::record_decode::run(data));
