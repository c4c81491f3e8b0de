//! Feeds `fuzzing::cursor`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::cursor(data));
