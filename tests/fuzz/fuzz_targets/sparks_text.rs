//! Feeds `fuzzing::sparks_text`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::sparks_text(data));
