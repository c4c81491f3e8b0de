//! Feeds `fuzzing::usage_body`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::usage_body(data));
