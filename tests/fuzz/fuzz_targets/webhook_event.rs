//! Feeds `fuzzing::webhook_event`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::webhook_event(data));
