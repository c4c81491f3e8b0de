//! The key and the versions of the API that the fake accepts.

/// The secret key that the fake accepts.
pub const SECRET_KEY: &str = "sk_test_local";

/// The version of Stripe's API that the fake accepts.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Returns whether a path belongs to version 2.
pub(crate) fn is_v2(path: &str) -> bool {
    path.starts_with("/v2/")
}
