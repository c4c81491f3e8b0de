//! Feeds `fuzzing::stripe_answer`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::stripe_answer(data));
