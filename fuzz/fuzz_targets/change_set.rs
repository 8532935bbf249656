//! See `fuzz::change_set`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::change_set::run(data));
