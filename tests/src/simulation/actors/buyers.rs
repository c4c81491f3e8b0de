//! Buyers: they open pages, pay or do not, verify, subscribe, and get money back.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, Request};
use local::http::Reply;
use local::stripe::{API_VERSION, SECRET_KEY};
use serde_json::{Value, json};

use super::banks;
use crate::model::{PACKS, PLAN};
use crate::simulation::World;
use crate::simulation::calls::Call;
use crate::simulation::items::{milli, number};

/// The most attempts of a browser while faults strike.
const ATTEMPTS: u32 = 5;

/// The items for sale, with their Sparks in milli-Sparks.
pub(in crate::simulation) const ITEMS: [(&str, i64); 4] = [PACKS[0], PACKS[1], PACKS[2], PLAN];

/// A marker in the addresses of pages, which only the caller may see.
pub(in crate::simulation) const RETURN: &str = "canary-return-0815";

/// Makes some orders of an account, and pays some of them.
pub(in crate::simulation) async fn buy(world: Arc<World>, account: String) {
    let mut random = world.random(&format!("orders {account}"));
    let mut subscribed = false;
    for number in 0..world.plan.purchases {
        world.pause(&mut random, 10_000).await;
        let mut item = ITEMS[random.usize(0..ITEMS.len())].0;
        if random.u8(0..4) == 0 {
            item = "plus";
        }
        // A second plan is refused, so half of them are packs instead.
        if item == "plus" && subscribed && random.bool() {
            item = "pack_500k";
        }
        subscribed |= item == "plus";
        let key = format!("order{number}");
        world.expectations.orders(&account, &key, item);
        let opening = || open(&world, &account, &key, item, ATTEMPTS);
        let session = if random.u8(0..4) == 0 {
            join_all([opening(), opening()])
                .await
                .into_iter()
                .flatten()
                .next()
        } else {
            opening().await
        };
        // Another Checkout Session for the plan, on another device.
        let other = if item == "plus" && random.u8(0..3) == 0 {
            let key = format!("order{number}b");
            world.expectations.orders(&account, &key, item);
            open(&world, &account, &key, item, ATTEMPTS).await
        } else {
            None
        };
        // Without the address of the page, the buyer cannot pay.
        let Some(session) = session else { continue };
        if random.u8(0..5) == 0 {
            ask(&world, &account, &session).await;
        }
        let mut others = random.fork();
        let paying_other = async {
            if let Some(other) = &other {
                pay(&world, other, &mut others).await;
                ask(&world, &account, other).await;
            }
        };
        tokio::join!(pay(&world, &session, &mut random), paying_other);
        let askers = random.usize(0..3);
        join_all((0..askers).map(|_| ask(&world, &account, &session))).await;
        if random.u8(0..4) == 0 {
            world.strangers_ask(&session).await;
        }
        if item == "plus" {
            live_with(&world, &account, &session, &mut random).await;
        }
        banks::take_back(&world, &session, &mut random).await;
    }
}

/// Creates a Checkout Session; returns its id.
pub(in crate::simulation) async fn open(
    world: &Arc<World>,
    account: &str,
    key: &str,
    item: &str,
    attempts: u32,
) -> Option<String> {
    let body = json!({
        "item": item, "success_url": format!("https://app.local/{RETURN}"), "cancel_url": "https://app.local/",
    });
    let call = Call::checkout(account, key, &body);
    let answer = world.insist(&call, attempts).await?;
    match (answer.status, answer.code()) {
        (201, _) => {
            let session = answer.body["session_id"].as_str().unwrap_or_default();
            if let Err(wrong) = world.expectations.opened(account, key, session) {
                world.network.violation(wrong);
            }
            Some(session.to_owned())
        }
        // The session of an old order has expired.
        (409, "already_subscribed") if item == "plus" => None,
        (409, "checkout_expired") => None,
        _ => {
            let what = format!("{account} {key} {item}: {} {}", answer.status, answer.body);
            world.network.violation(what);
            None
        }
    }
}

/// Pays, or fails to, as buyers do.
async fn pay(world: &Arc<World>, session: &str, random: &mut fastrand::Rng) {
    world.pause(random, 20_000).await;
    let path = format!("/_local/checkout/{session}/pay");
    match random.u8(0..8) {
        0 => {}
        1 => {
            world
                .at_stripe(&path, &json!({"card": "4000000000000002"}))
                .await;
        }
        2 => {
            world
                .at_stripe(&path, &json!({"card": "4000002500003155", "confirm": true}))
                .await;
        }
        3 => {
            world.at_stripe(&path, &json!({"card": "delayed"})).await;
            world.pause(random, 60_000).await;
            let outcome = ["succeeded", "failed"][random.usize(0..2)];
            let path = format!("/_local/checkout/{session}/settle");
            world.at_stripe(&path, &json!({ "outcome": outcome })).await;
        }
        _ => {
            world
                .at_stripe(&path, &json!({"card": "4242424242424242"}))
                .await;
        }
    }
}

/// Verifies a Checkout Session: one that is reported as paid must be credited by then.
pub(in crate::simulation) async fn ask(world: &Arc<World>, account: &str, session: &str) {
    let call = Call::verify(account, session);
    let Some(answer) = world.insist(&call, ATTEMPTS).await else {
        return;
    };
    let body = &answer.body;
    if answer.status != 200 {
        let what = format!("{session} was verified: {} {body}", answer.status);
        return world.network.violation(what);
    }
    let credited = milli(&body["sparks_credited"]);
    if body["status"] == "paid" && body["item"] != "plus" {
        let entry = world.item(&format!("E#{session}"), "E").await;
        let amount = entry.map(|entry| number(&entry, "amount"));
        if amount != Some(credited) || credited <= 0 {
            let what = format!("{session} is paid, but the ledger has {amount:?}: {body}");
            world.network.violation(what);
        }
    } else if body["item"] != "plus" && credited != 0 {
        world
            .network
            .violation(format!("{session} is not paid, but credited: {body}"));
    }
}

/// Renews, cancels and reads a subscription.
async fn live_with(world: &Arc<World>, account: &str, session: &str, random: &mut fastrand::Rng) {
    let body = json!({ "return_url": format!("https://app.local/{RETURN}") });
    for _ in 0..random.u8(0..4) {
        world.pause(random, 20_000).await;
        match random.u8(0..5) {
            0 => {
                world.insist(&Call::portal(account, &body), ATTEMPTS).await;
            }
            1 => {
                world.insist(&Call::subscription(account), ATTEMPTS).await;
            }
            2 => {
                let subscription = world.subscription_of(session).await;
                if let Some(subscription) = subscription {
                    let path = format!("/v1/subscriptions/{subscription}");
                    world
                        .stripe_itself(Method::POST, &path, "cancel_at_period_end=true")
                        .await;
                }
            }
            // Only webhooks report a period that ends early, until the day on which it was due to end.
            _ if world.plan.webhooks.lack("invoice.paid") => {}
            _ => {
                let subscription = world.subscription_of(session).await;
                if let Some(subscription) = subscription {
                    let path = format!("/_local/subscriptions/{subscription}/renew");
                    let outcome = ["succeeded", "succeeded", "failed"][random.usize(0..3)];
                    let body = json!({ "outcome": outcome, "now": random.bool() });
                    world.at_stripe(&path, &body).await;
                }
            }
        }
    }
}

impl World {
    /// Waits a while.
    pub(in crate::simulation) async fn pause(&self, random: &mut fastrand::Rng, longest_ms: u64) {
        self.clock
            .sleep(Duration::from_millis(random.u64(0..longest_ms)))
            .await;
    }

    /// Verifies a Checkout Session as another account, which must not find it.
    async fn strangers_ask(self: &Arc<Self>, session: &str) {
        let call = Call::verify("acct_stranger", session);
        if let Some(answer) = self.insist(&call, ATTEMPTS).await
            && answer.status != 404
        {
            let what = format!("another account verified {session}: {}", answer.status);
            self.network.violation(what);
        }
    }

    /// Returns the subscription that a Checkout Session began.
    pub(in crate::simulation) async fn subscription_of(&self, session: &str) -> Option<String> {
        let path = format!("/v1/checkout/sessions/{session}");
        let session = self.stripe_itself(Method::GET, &path, "").await;
        session["subscription"].as_str().map(str::to_owned)
    }

    /// Uses a control of Stripe for an action of people or banks, without the network.
    pub(in crate::simulation) async fn at_stripe(&self, path: &str, body: &Value) -> Value {
        self.network.note(&format!("{path} {body}"));
        let request = Request::post(format!("https://stripe.local{path}"));
        self.ask_stripe(request.body(body.to_string().into()).expect("a request"))
            .await
    }

    /// Calls Stripe outside the product, with the same key and without the network.
    pub(in crate::simulation) async fn stripe_itself(
        &self,
        method: Method,
        path: &str,
        form: &str,
    ) -> Value {
        let key = format!("own-{}", self.network.number(u64::MAX));
        self.network.note(&format!("{method} {path} {form}"));
        let request = Request::builder()
            .method(method)
            .uri(format!("https://stripe.local{path}"))
            .header("authorization", format!("Bearer {SECRET_KEY}"))
            .header("stripe-version", API_VERSION)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("idempotency-key", key)
            .body(form.to_owned().into());
        self.ask_stripe(request.expect("a request")).await
    }

    async fn ask_stripe(&self, request: Request<bytes::Bytes>) -> Value {
        let reply = self.stripe.handle(request).await;
        self.network.stir_stripe();
        match reply {
            Reply::Answer(answer) => serde_json::from_slice(answer.body()).unwrap_or_default(),
            Reply::HangUp => Value::Null,
        }
    }
}
