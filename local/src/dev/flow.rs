//! The running stack as the steps of the demonstration use it, and their checks of responses.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::operator;
use super::options::Fakes;
use crate::client::plain;
use crate::gateway::Gateway;

/// The demo account.
pub(super) const ACCOUNT: &str = "acct_demo";

/// The step that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator's command failed.
    #[error(transparent)]
    Operator(#[from] operator::Error),
    /// The server did not respond.
    #[error("no response from {url}")]
    Call {
        /// The URL that was called.
        url: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The response is not JSON.
    #[error("the response from {url} is not JSON")]
    Json {
        /// The URL that was called.
        url: String,
        /// The place where the JSON is malformed.
        #[source]
        source: serde_json::Error,
    },
    /// A step saw something unexpected.
    #[error("{step}: {found}")]
    Step {
        /// The expectation.
        step: &'static str,
        /// The response or state that was seen.
        found: String,
    },
}

/// The running stack of a demonstration.
pub(super) struct Flow<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) environment_file: &'a Path,
    pub(super) fakes: Fakes,
}

impl Flow<'_> {
    /// Returns the account's available Sparks, in thousandths.
    pub(super) async fn available(&self) -> Result<i64, Error> {
        let url = format!("{}/v1/balance", self.gateway.url());
        let token = self.gateway.token(ACCOUNT, None);
        let (status, balance) = answer(&url, plain().get(&url).bearer_auth(token)).await?;
        let available = milli(&balance["available"]).filter(|_| status == 200);
        expect("a balance (200)", available, &balance)
    }
}

/// Returns the status and the JSON body of a response.
pub(super) async fn answer(
    url: &str,
    request: reqwest::RequestBuilder,
) -> Result<(u16, Value), Error> {
    let failed = |source| Error::Call {
        url: url.to_owned(),
        source,
    };
    let response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(failed)?;
    let body = serde_json::from_slice(&body);
    Ok((
        status,
        body.map_err(|source| Error::Json {
            url: url.to_owned(),
            source,
        })?,
    ))
}

pub(super) fn expect<T>(step: &'static str, value: Option<T>, seen: &Value) -> Result<T, Error> {
    value.ok_or_else(|| Error::Step {
        step,
        found: seen.to_string(),
    })
}

pub(super) fn expect_that(step: &'static str, truth: bool, seen: &Value) -> Result<(), Error> {
    expect(step, truth.then_some(()), seen)
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a text without its quotes, or any other value as JSON.
pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Parses Sparks as the API writes them, into thousandths.
pub(super) fn milli(sparks: &Value) -> Option<i64> {
    let text = sparks.as_str()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let fraction: i64 = match fraction.len() {
        0..=3 => format!("{fraction:0<3}").parse().ok()?,
        _ => return None,
    };
    let whole = whole.parse::<i64>().ok()?.checked_mul(1000)?;
    whole.checked_add(if negative { -fraction } else { fraction })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sparks_are_read_to_the_thousandth() {
        for (text, expected) in [
            ("9900.000", Some(9_900_000)),
            ("137.2", Some(137_200)),
            ("5", Some(5_000)),
            ("-0.5", Some(-500)),
            ("1.0000", None),
            ("many", None),
        ] {
            assert_eq!(milli(&json!(text)), expected, "{text}");
        }
    }
}
