//! The first usage, step by step: grant Sparks, record, and follow the trace and the meter event.

use serde_json::{Value, json};

use super::flow::{ACCOUNT, Error, Flow, answer, expect, expect_that, list, milli, text};
use super::{operator, say};
use crate::client::plain;
use crate::clock::Clock;

/// The usage of the demo account: 1,000 tokens, which cost 100 Sparks.
pub(super) const USAGE: &str =
    r#"{"usage":[{"meter":"ai_tokens","input_tokens":800,"output_tokens":200}]}"#;
const CHARGE_MILLI: i64 = 100_000;

/// The Sparks that are granted to the demo account.
const GRANTED: &str = "10000";

/// Grants Sparks, records a usage, and checks it at Langfuse and Stripe. Returns the balance in thousandths.
pub(super) async fn run(flow: &Flow<'_>) -> Result<i64, Error> {
    grant(flow).await?;
    say(format_args!(
        "\n1 granted   {GRANTED} Sparks to {ACCOUNT}, with `sparks grant`"
    ));
    let before = flow.available().await?;

    let receipt = record(flow).await?;
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

    follow_trace(flow, &receipt["delivery"]["langfuse"]).await?;
    follow_meter(flow, &receipt["delivery"]["stripe"]).await?;

    let after = flow.available().await?;
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
    Ok(after)
}

async fn grant(flow: &Flow<'_>) -> Result<(), Error> {
    let arguments = ["grant", ACCOUNT, GRANTED, "--reason", "make dev"];
    operator::sparks(flow.environment, &arguments).await?;
    Ok(())
}

async fn record(flow: &Flow<'_>) -> Result<Value, Error> {
    let url = format!("{}/v1/usage", flow.gateway.url());
    let key = format!("make-dev-{}", Clock::system().now().as_millisecond());
    let request = plain()
        .post(&url)
        .bearer_auth(flow.gateway.token(ACCOUNT, None))
        .header("idempotency-key", key)
        .header("content-type", "application/json")
        .body(USAGE);
    let (status, receipt) = answer(&url, request).await?;
    expect_that("a usage recorded (201)", status == 201, &receipt)?;
    Ok(receipt)
}

async fn follow_trace(flow: &Flow<'_>, delivery: &Value) -> Result<(), Error> {
    let confirmed = delivery["status"] == "confirmed";
    expect_that("the trace confirmed by Langfuse", confirmed, delivery)?;
    let trace = expect("a trace id", delivery["trace_id"].as_str(), delivery)?;
    if flow.fakes.langfuse {
        let url = format!("{}/_local/state", flow.environment["LANGFUSE_HOST"]);
        let (_, state) = answer(&url, plain().get(&url)).await?;
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

async fn follow_meter(flow: &Flow<'_>, delivery: &Value) -> Result<(), Error> {
    let confirmed = delivery["status"] == "confirmed";
    expect_that("the meter event confirmed by Stripe", confirmed, delivery)?;
    let identifier = expect("an identifier", delivery["identifier"].as_str(), delivery)?;
    if flow.fakes.stripe {
        let url = format!("{}/_local/state", flow.environment["STRIPE_API_BASE"]);
        let (_, state) = answer(&url, plain().get(&url)).await?;
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
