//! Answers of the API.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which is always JSON.
    pub body: Value,
}

impl Answer {
    /// Returns the status and the problem's code.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// Returns whether the answer is a replay.
    pub fn is_replay(&self) -> bool {
        self.headers
            .get("idempotent-replayed")
            .is_some_and(|value| value == "true")
    }

    /// Asserts that the answer has this status, and returns it.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "often the status is all that matters"
    )]
    pub fn expect(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status.as_u16(), "{self:?}");
        self
    }
}

/// Returns how many answers have this status.
pub fn count(answers: &[Answer], status: u16) -> usize {
    let found = answers.iter().filter(|answer| answer.status == status);
    found.count()
}

/// Sends a request; returns its answer.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("the gateway answers");
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.bytes().await.expect("a body");
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("not JSON: {body:?}"));
    Answer {
        status,
        headers,
        body,
    }
}
