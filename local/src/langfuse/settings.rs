//! The kind of Langfuse that the fake plays. It is its version, its ingestion delay, and its read limit.

use http::StatusCode;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The settings of a fake Langfuse, as `/_local/settings` reads and returns them.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Its version and write mode.
    pub mode: Mode,
    /// The delay after which a span becomes readable.
    pub visible_after_ms: u32,
    /// The limit of reads a minute; absent, there is none, as in a self-hosted Langfuse.
    pub reads_per_minute: Option<u32>,
}

/// A version of Langfuse with its write mode.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Langfuse Cloud, or a self-hosted version 4 in v4 write mode.
    #[default]
    V4,
    /// A self-hosted version 4 that still writes as version 3 did. It takes exports, but its observations are not
    /// found.
    V4Legacy,
    /// A self-hosted version 3: it takes exports, but reading observations is not implemented.
    V3,
}

impl Settings {
    /// Returns these settings, with those of a JSON object replaced.
    pub(super) fn with(self, given: &[u8]) -> Result<Self, serde_json::Error> {
        let given: Map<String, Value> = serde_json::from_slice(given)?;
        let mut all: Map<String, Value> = serde_json::from_value(serde_json::to_value(self)?)?;
        all.extend(given);
        serde_json::from_value(all.into())
    }

    /// Returns the delay after which a span becomes readable.
    pub(super) fn visible_after(self) -> SignedDuration {
        SignedDuration::from_millis(self.visible_after_ms.into())
    }
}

impl Mode {
    /// Returns the version that it reports.
    pub(super) const fn version(self) -> &'static str {
        match self {
            Self::V4 | Self::V4Legacy => "4.16.0",
            Self::V3 => "3.225.0",
        }
    }

    /// Returns the refusal of reads; `None` if observations can be read.
    pub(super) fn unreadable(self) -> Option<(StatusCode, Value)> {
        let (status, message, error) = match self {
            Self::V4 => return None,
            Self::V4Legacy => (
                StatusCode::NOT_FOUND,
                "The observations v2 API is only available in a Langfuse v4 write mode.",
                "LangfuseNotFoundError",
            ),
            Self::V3 => (
                StatusCode::NOT_IMPLEMENTED,
                "v2 APIs are currently in beta and only available on Langfuse Cloud",
                "NotImplementedError",
            ),
        };
        Some((status, json!({ "message": message, "error": error })))
    }
}
