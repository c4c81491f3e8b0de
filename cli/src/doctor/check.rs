//! The result of a check.

use serde::Serialize;
use shared::process::telemetry::chain;

use crate::Error;

/// Result of one check.
#[derive(Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// True if the check passed.
    pub(crate) ok: bool,
    /// True if the check passed, but the operator should review the finding.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    warning: bool,
    /// The finding, in a sentence.
    pub(crate) detail: String,
}

impl Check {
    pub(crate) fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            ok: true,
            warning: false,
            detail: detail.into(),
        }
    }

    /// Passed, but possibly not intended.
    pub(crate) fn warning(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::good(name, detail)
        }
    }

    pub(crate) fn bad(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            ok: false,
            ..Self::good(name, detail)
        }
    }

    /// Returns the check; one that could not be made counts as failed.
    pub(crate) fn or_bad(name: &'static str, check: Result<Self, Error>) -> Self {
        check.unwrap_or_else(|error| Self::bad(name, chain(&error)))
    }

    /// The verdict, in one word.
    pub(crate) const fn verdict(&self) -> &'static str {
        match (self.ok, self.warning) {
            (true, false) => "ok",
            (true, true) => "warn",
            (false, _) => "bad",
        }
    }
}
