//! One look at one thing, and what came of it.

use serde::Serialize;
use shared::process::telemetry::chain;

use crate::Error;

/// One look at one thing.
#[derive(Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// Whether it is in order.
    pub(crate) ok: bool,
    /// Whether somebody should think about it all the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    warning: bool,
    /// What was seen, in a sentence.
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

    /// In order, but is it meant?
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

    /// A look that fails is a bad sign, too.
    pub(crate) fn or_bad(name: &'static str, check: Result<Self, Error>) -> Self {
        check.unwrap_or_else(|error| Self::bad(name, chain(&error)))
    }

    /// What it comes to, in one word.
    pub(crate) const fn verdict(&self) -> &'static str {
        match (self.ok, self.warning) {
            (true, false) => "ok",
            (true, true) => "warn",
            (false, _) => "bad",
        }
    }
}
