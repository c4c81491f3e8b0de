//! The quantities of a usage, and their cost.

use serde_json::{Value, json};

/// The quantities of a usage, of tokens at no model's price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens.
    pub tokens: u64,
    /// Milliseconds of compute.
    pub milliseconds: u64,
    /// Gigabyte-hours of storage.
    pub gigabyte_hours: u64,
}

impl Usage {
    /// Returns the cost in milli-Sparks, added up exactly and rounded up once.
    ///
    /// The prices are 0.1 Spark a token, 50 Sparks a minute, and 500 Sparks a gigabyte-month of 730 hours.
    pub fn milli(self) -> i64 {
        // In parts of 1/438 milli-Spark: a token costs 100 milli-Sparks, a millisecond 5/6, a gigabyte-hour 50,000/73.
        let parts =
            self.tokens * 100 * 438 + self.milliseconds * 5 * 73 + self.gigabyte_hours * 50_000 * 6;
        i64::try_from(parts.div_ceil(438)).unwrap_or(i64::MAX)
    }

    /// Returns the body that records it. It has a line for each quantity, and one of no tokens if there is none.
    pub fn body(self) -> Value {
        let mut lines = Vec::new();
        if self.tokens > 0 || (self.milliseconds == 0 && self.gigabyte_hours == 0) {
            lines.push(json!({"meter": "ai_tokens", "input_tokens": self.tokens}));
        }
        if self.milliseconds > 0 {
            lines.push(json!({"meter": "compute", "milliseconds": self.milliseconds}));
        }
        if self.gigabyte_hours > 0 {
            let hours = self.gigabyte_hours.to_string();
            lines.push(json!({"meter": "storage", "gigabyte_hours": hours}));
        }
        json!({ "usage": lines })
    }
}
