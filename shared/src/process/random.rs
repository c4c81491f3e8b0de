//! Randomness of this process: jitter, and values that must be unique among all execution environments.

use ring::rand::{SecureRandom, SystemRandom};

/// Seeds this thread's generator with the operating system's randomness, once per process.
///
/// By default, it is seeded with the time since the machine started, so environments that start together would share
/// tokens and names.
///
/// # Panics
/// If the operating system has no randomness, without which TLS does not work either.
pub fn seed() {
    let mut seed = [0; 8];
    SystemRandom::new()
        .fill(&mut seed)
        .expect("the operating system has randomness");
    fastrand::seed(u64::from_le_bytes(seed));
}
