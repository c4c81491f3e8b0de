//! Stripe's idempotency layer: a key returns the response of its first call for a day.
//!
//! A response is kept once execution has begun, even a 500. Errors before that (401, 429, an invalid parameter) are
//! not kept. Keys expire after exactly 24 hours, the least that Stripe promises.
//!
//! Version 2 of the API keeps successful responses for 30 days, each for one URL; it executes failed calls again.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use crate::http::{Response, respond};
use crate::stripe::wire::{Call, Error, Result, is_v2};

const KEPT_SECONDS: i64 = 24 * 60 * 60;
const KEPT_SECONDS_OF_V2: i64 = 30 * KEPT_SECONDS;

/// The idempotency keys of an account, with their responses.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Keys(BTreeMap<String, Kept>);

#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    fingerprint: String,
    since: i64,
    answer: Option<Answer>,
    #[serde(skip)]
    in_use: bool,
}

#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    status: u16,
    body: String,
    headers: Vec<(String, String)>,
}

/// The result of claiming a key for a call.
pub(crate) enum Claim {
    /// The call is the first with its key, or has no key: execute it.
    First,
    /// The key has a response already.
    Replay(Response),
}

impl Keys {
    /// Claims the key of a call.
    pub(crate) fn claim(&mut self, call: &Call) -> Result<Claim> {
        let Some(key) = &call.key else {
            return Ok(Claim::First);
        };
        let kept = self.0.get(key);
        let kept_seconds = if is_v2(&call.path) {
            KEPT_SECONDS_OF_V2
        } else {
            KEPT_SECONDS
        };
        let current = |kept: &&Kept| kept.in_use || call.now - kept.since < kept_seconds;
        if let Some(kept) = kept.filter(current) {
            if kept.fingerprint != call.fingerprint {
                return Err(Error::key_reused(key));
            }
            if kept.in_use {
                return Err(Error::key_in_use(key));
            }
            if let Some(answer) = &kept.answer {
                return Ok(Claim::Replay(answer.replay()));
            }
        }
        let kept = Kept {
            fingerprint: call.fingerprint.clone(),
            since: call.now,
            answer: None,
            in_use: true,
        };
        self.0.insert(key.clone(), kept);
        Ok(Claim::First)
    }

    /// Keeps the response to a call under its key.
    pub(crate) fn save(&mut self, call: &Call, response: &Response) {
        let kept = call.key.as_ref().and_then(|key| self.0.get_mut(key));
        if let Some(kept) = kept {
            kept.answer = Some(Answer::of(response));
        }
    }

    /// Releases a key; removes it if it has no response.
    pub(crate) fn release(&mut self, key: &str) {
        match self.0.get_mut(key) {
            Some(kept) if kept.answer.is_some() => kept.in_use = false,
            _ => drop(self.0.remove(key)),
        }
    }
}

impl Answer {
    fn of(response: &Response) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = response.headers().iter();
        Self {
            status: response.status().as_u16(),
            body: text(response.body()),
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
        }
    }

    fn replay(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = respond(status, "application/json", String::new());
        *response.body_mut() = Bytes::from(self.body.clone());
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        let replayed = HeaderValue::from_static("true");
        response
            .headers_mut()
            .insert("idempotent-replayed", replayed);
        response
    }
}
