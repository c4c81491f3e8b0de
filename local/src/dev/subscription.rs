//! The first subscription, step by step: subscribe, cancel in the portal, and read it.

use serde_json::{Value, json};

use super::flow::{ACCOUNT, Error, Flow, answer, expect, expect_that, text};
use super::{payment, say};
use crate::client::plain;

/// The plan that is subscribed to.
const PLAN: &str = "plus";

/// Subscribes to a plan and cancels it for the end of its period.
pub(super) async fn run(flow: &Flow<'_>) -> Result<(), Error> {
    let page = payment::open(flow, PLAN).await?;
    let session = expect("a session id", page["session_id"].as_str(), &page)?;
    payment::pay(flow, session).await?;
    let verified = payment::verify(flow, session).await?;
    expect_that("the plan paid", verified["status"] == "paid", &verified)?;
    say(format_args!(
        "\n10 plan     {PLAN} is paid, {} Sparks granted for its first month",
        text(&verified["sparks_credited"])
    ));

    let portal = portal(flow).await?;
    let url = expect("the portal's address", portal["url"].as_str(), &portal)?;
    let begun = read(flow).await?;
    let subscription = begun["subscriptions"][0]["id"].as_str();
    let subscription = expect("a subscription", subscription, &begun)?;
    let back = cancel(url, subscription).await?;
    say(format_args!(
        "11 portal   {PLAN} cancelled there for the end of the period, and sent back to {back}"
    ));

    let standing = read(flow).await?;
    let cancelled = standing["cancel_at_period_end"] == true;
    expect_that("a cancellation at period end", cancelled, &standing)?;
    say(format_args!(
        "12 answered {} until {}, and not renewed after that",
        text(&standing["status"]),
        text(&standing["cancel_at"])
    ));
    Ok(())
}

async fn portal(flow: &Flow<'_>) -> Result<Value, Error> {
    let api = flow.gateway.url();
    let url = format!("{api}/v1/portal");
    let body = json!({"return_url": format!("{api}/account"), "flow": "subscription_cancel"});
    let request = plain()
        .post(&url)
        .bearer_auth(flow.gateway.token(ACCOUNT, None))
        .header("content-type", "application/json")
        .body(body.to_string());
    let (status, portal) = answer(&url, request).await?;
    expect_that("a portal session (201)", status == 201, &portal)?;
    Ok(portal)
}

/// Cancels in the portal; returns the URL it redirects to.
async fn cancel(url: &str, subscription: &str) -> Result<String, Error> {
    let url = format!("{url}/cancel");
    let request = plain()
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("subscription={subscription}"));
    let response = request.send().await;
    let response = response.map_err(|source| Error::Call { url, source })?;
    let back = response.headers().get("location");
    let back = back.and_then(|back| back.to_str().ok());
    expect("a redirect", back, &json!(response.status().as_u16())).map(str::to_owned)
}

async fn read(flow: &Flow<'_>) -> Result<Value, Error> {
    let url = format!("{}/v1/subscription", flow.gateway.url());
    let request = plain()
        .get(&url)
        .bearer_auth(flow.gateway.token(ACCOUNT, None));
    let (status, standing) = answer(&url, request).await?;
    expect_that("the subscription (200)", status == 200, &standing)?;
    Ok(standing)
}
