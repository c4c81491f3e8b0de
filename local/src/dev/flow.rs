//! The demonstration of usage, payment and plan, step by step; this file has the usage.
//!
//! Each step checks what the caller gets, and what arrived at Langfuse and Stripe.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::options::Fakes;
use super::{operator, payment, say, subscription};
use crate::clock::Clock;
use crate::gateway::Gateway;

/// The demo account, the Sparks it is granted, and its usage. That is 1,000 tokens, which cost 100 Sparks.
pub(super) const ACCOUNT: &str = "acct_demo";
const GRANTED: &str = "10000";
const USAGE: &str = r#"{"usage":[{"meter":"ai_tokens","input_tokens":800,"output_tokens":200}]}"#;
const CHARGE_MILLI: i64 = 100_000;

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

/// The demonstration on a running stack.
pub(super) struct Flow<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) environment_file: &'a Path,
    pub(super) fakes: Fakes,
}

impl Flow<'_> {
    /// Grants Sparks, records a usage, checks it at Langfuse and Stripe, and buys a pack. Then it subscribes to a plan
    /// and cancels it.
    pub(super) async fn run(&self) -> Result<(), Error> {
        self.grant().await?;
        say(format_args!(
            "\n1 granted   {GRANTED} Sparks to {ACCOUNT}, with `sparks grant`"
        ));
        let before = self.available().await?;

        let receipt = self.record().await?;
        let usage = expect("a usage id", receipt["usage_id"].as_str(), &receipt)?;
        let sparks = &receipt["sparks"];
        expect_that(
            "100 Sparks charged",
            milli(sparks) == Some(CHARGE_MILLI),
            &receipt,
        )?;
        say(format_args!(
            "2 recorded  usage {usage}: 1,000 tokens are {} Sparks",
            text(sparks)
        ));

        self.follow_trace(&receipt["delivery"]["langfuse"]).await?;
        self.follow_meter(&receipt["delivery"]["stripe"]).await?;

        let after = self.available().await?;
        let exact = before.checked_sub(CHARGE_MILLI) == Some(after);
        expect_that(
            "the charge gone from the balance",
            exact,
            &json!([before, after]),
        )?;
        let available = &receipt["balance"]["available"];
        expect_that(
            "the balance in the receipt",
            milli(available) == Some(after),
            &receipt,
        )?;
        say(format_args!(
            "5 answered  201, with {} Sparks left\n",
            text(available)
        ));
        payment::run(self, after).await?;
        // The real Stripe needs a person to pay first.
        if self.fakes.stripe {
            subscription::run(self).await?;
        }
        Ok(())
    }

    /// Returns the addresses to look at, and commands to paste.
    pub(super) fn invitation(&self) -> String {
        let url = self.gateway.url();
        let of = |name: &str| self.environment.get(name).map_or("", String::as_str);
        let (stripe, langfuse) = (of("STRIPE_API_BASE"), of("LANGFUSE_HOST"));
        let dynamodb = of("AWS_ENDPOINT_URL_DYNAMODB");
        let origins = of("ALLOWED_ORIGINS").replace(',', " ");
        let state = |fake: bool| {
            if fake {
                "/_local/state"
            } else {
                " (the real one)"
            }
        };
        let page = if self.gateway.has_page() {
            format!("{url}/")
        } else {
            "not built: `make web` builds it, with Node.js 20.19, or 22.12 or later".to_owned()
        };
        let listen = if self.fakes.stripe {
            String::new()
        } else {
            format!(
                "\nWebhooks of the real Stripe: start again with STRIPE_WEBHOOK_SECRETS=<what this prints>\n\
                 stripe listen --forward-to {url}/v1/webhooks/stripe\n"
            )
        };
        format!(
            r#"
Page       {page}
API        {url}/_local/health
origins    {origins}
DynamoDB   {dynamodb}/_local/state
Stripe     {stripe}{}
Langfuse   {langfuse}{}
operator   . {} && target/debug/sparks balance {ACCOUNT}

Record another usage:

TOKEN=$(curl -s {url}/_local/token -d '{{"account":"{ACCOUNT}"}}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
curl -s {url}/v1/usage -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%s)" \
  -H 'Content-Type: application/json' -d '{USAGE}'

Buy Sparks: open the `url` of the answer in a browser, and pay there.

curl -s {url}/v1/checkout -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: buy-$(date +%s)" \
  -H 'Content-Type: application/json' \
  -d '{{"item":"pack_500k","success_url":"{url}/paid","cancel_url":"{url}/"}}'
{listen}
Ctrl-C stops everything."#,
            state(self.fakes.stripe),
            state(self.fakes.langfuse),
            self.environment_file.display(),
        )
    }

    async fn grant(&self) -> Result<(), Error> {
        let arguments = ["grant", ACCOUNT, GRANTED, "--reason", "make dev"];
        operator::sparks(self.environment, &arguments).await?;
        Ok(())
    }

    async fn record(&self) -> Result<Value, Error> {
        let url = format!("{}/v1/usage", self.gateway.url());
        let key = format!("make-dev-{}", Clock::system().now().as_millisecond());
        let request = crate::client::plain()
            .post(&url)
            .bearer_auth(self.gateway.token(ACCOUNT, None))
            .header("idempotency-key", key)
            .header("content-type", "application/json")
            .body(USAGE);
        let (status, receipt) = answer(&url, request).await?;
        expect_that("a usage recorded (201)", status == 201, &receipt)?;
        Ok(receipt)
    }

    /// Returns the account's available Sparks, in thousandths.
    pub(super) async fn available(&self) -> Result<i64, Error> {
        let url = format!("{}/v1/balance", self.gateway.url());
        let token = self.gateway.token(ACCOUNT, None);
        let (status, balance) =
            answer(&url, crate::client::plain().get(&url).bearer_auth(token)).await?;
        let available = milli(&balance["available"]).filter(|_| status == 200);
        expect("a balance (200)", available, &balance)
    }

    async fn follow_trace(&self, delivery: &Value) -> Result<(), Error> {
        let confirmed = delivery["status"] == "confirmed";
        expect_that("the trace confirmed by Langfuse", confirmed, delivery)?;
        let trace = expect("a trace id", delivery["trace_id"].as_str(), delivery)?;
        if self.fakes.langfuse {
            let url = format!("{}/_local/state", self.environment["LANGFUSE_HOST"]);
            let (_, state) = answer(&url, crate::client::plain().get(&url)).await?;
            let seen = list(&state["spans"])
                .iter()
                .any(|span| span["trace_id"] == trace);
            expect_that("the trace in Langfuse", seen, &state)?;
        }
        say(format_args!(
            "3 traced    trace {trace}, confirmed by Langfuse"
        ));
        Ok(())
    }

    async fn follow_meter(&self, delivery: &Value) -> Result<(), Error> {
        let confirmed = delivery["status"] == "confirmed";
        expect_that("the meter event confirmed by Stripe", confirmed, delivery)?;
        let identifier = expect("an identifier", delivery["identifier"].as_str(), delivery)?;
        if self.fakes.stripe {
            let url = format!("{}/_local/state", self.environment["STRIPE_API_BASE"]);
            let (_, state) = answer(&url, crate::client::plain().get(&url)).await?;
            let ours = |event: &&Value| event["identifier"] == identifier;
            let events: Vec<_> = list(&state["meter_events"]).iter().filter(ours).collect();
            let value = events.first().map(|event| text(&event["payload"]["value"]));
            let exact = events.len() == 1 && value == Some(CHARGE_MILLI.to_string());
            expect_that(
                "one meter event at Stripe, with the value",
                exact,
                &json!(events),
            )?;
        }
        say(format_args!(
            "4 metered   event {identifier}, confirmed by Stripe"
        ));
        Ok(())
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
