//! Feeds `fuzzing::signature_header`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::signature_header(data));
