//! The first payment, step by step: create a Checkout Session, pay, verify, and credit once.

use serde_json::{Value, json};

use super::flow::{ACCOUNT, Error, Flow, answer, expect, expect_that, milli, text};
use super::say;
use crate::client::plain;
use crate::clock::Clock;

/// The item that is bought, and its content in thousandths of a Spark.
const ITEM: &str = "pack_500k";
const HELD_MILLI: i64 = 500_000_000;

/// A card whose payment succeeds at once.
const CARD: &str = r#"{"card":"4242424242424242"}"#;

/// Creates a Checkout Session and, with the fake Stripe, pays it. `before` is the balance in thousandths.
pub(super) async fn run(flow: &Flow<'_>, before: i64) -> Result<(), Error> {
    let page = open(flow, ITEM).await?;
    let session = expect("a session id", page["session_id"].as_str(), &page)?;
    say(format_args!("6 checkout  session {session} for {ITEM}"));
    if !flow.fakes.stripe {
        say(format_args!(
            "            pay there: {}",
            text(&page["url"])
        ));
        return Ok(());
    }

    let redirect = pay(flow, session).await?;
    say(format_args!(
        "7 paid      with 4242 4242 4242 4242, and sent back to {redirect}"
    ));

    let verified = verify(flow, session).await?;
    let credited =
        verified["status"] == "paid" && milli(&verified["sparks_credited"]) == Some(HELD_MILLI);
    expect_that("the pack paid and credited", credited, &verified)?;
    say(format_args!(
        "8 verified  paid, {} Sparks credited",
        text(&verified["sparks_credited"])
    ));

    let again = verify(flow, session).await?;
    let after = flow.available().await?;
    let once = again == verified && before.checked_add(HELD_MILLI) == Some(after);
    expect_that("the pack credited once", once, &json!([before, after]))?;
    say(format_args!(
        "9 answered  {} Sparks left: verified twice and reported by Stripe, credited once",
        text(&again["balance"]["available"])
    ));
    Ok(())
}

/// Creates a Checkout Session for an item.
pub(super) async fn open(flow: &Flow<'_>, item: &str) -> Result<Value, Error> {
    let api = flow.gateway.url();
    let url = format!("{api}/v1/checkout");
    let body = json!({
        "item": item, "success_url": format!("{api}/paid"), "cancel_url": format!("{api}/"),
    });
    let key = format!("make-dev-{item}-{}", Clock::system().now().as_millisecond());
    let request = plain()
        .post(&url)
        .bearer_auth(flow.gateway.token(ACCOUNT, None))
        .header("idempotency-key", key)
        .header("content-type", "application/json")
        .body(body.to_string());
    let (status, page) = answer(&url, request).await?;
    expect_that("a Checkout Session (201)", status == 201, &page)?;
    Ok(page)
}

/// Pays on the payment page; returns the URL it redirects to.
pub(super) async fn pay(flow: &Flow<'_>, session: &str) -> Result<String, Error> {
    let stripe = &flow.environment["STRIPE_API_BASE"];
    let url = format!("{stripe}/_local/checkout/{session}/pay");
    let request = plain()
        .post(&url)
        .header("content-type", "application/json")
        .body(CARD);
    let (_, paid) = answer(&url, request).await?;
    let redirect = paid["redirect"].as_str();
    let redirect = redirect.filter(|redirect| redirect.contains(session));
    expect("a redirect with the session's id", redirect, &paid).map(str::to_owned)
}

/// Verifies a payment.
pub(super) async fn verify(flow: &Flow<'_>, session: &str) -> Result<Value, Error> {
    let url = format!("{}/v1/checkout/{session}/verify", flow.gateway.url());
    let request = plain()
        .post(&url)
        .bearer_auth(flow.gateway.token(ACCOUNT, None));
    let (status, verified) = answer(&url, request).await?;
    expect_that("a payment verified (200)", status == 200, &verified)?;
    Ok(verified)
}
