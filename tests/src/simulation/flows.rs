//! All runs of each flow alone, with a fault at one or two chosen requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::actors::{buyers, usages};
use super::calls::Call;
use super::plan::{Flow, Options};
use super::{World, play};
use crate::model::Usage;

/// The most attempts of a call in a flow: more than there are faults.
const ATTEMPTS: u32 = 6;

/// The account of all flows.
const ACCOUNT: &str = "acct_0";

/// The most kinds of faults that one request can meet.
const KINDS: usize = 17;

/// The kinds that leave most in doubt. They are a lost reply, and a crash before and after.
const CRASHES: [usize; 3] = [2, 8, 9];

/// Returns runs of a flow with each kind of fault at each request.
pub fn singles(flow: Flow) -> Vec<Options> {
    with_one(flow, &std::array::from_fn::<usize, KINDS, _>(|kind| kind))
}

/// Returns runs of a flow with a fault at each request. There is a crash before it, a crash after it, and a lost reply.
pub fn crashes(flow: Flow) -> Vec<Options> {
    with_one(flow, &CRASHES)
}

fn with_one(flow: Flow, kinds: &[usize]) -> Vec<Options> {
    let requests = play(&Options::of_flow(flow, BTreeMap::new())).requests;
    let at = (0..requests).flat_map(|request| kinds.iter().map(move |kind| (request, *kind)));
    at.map(|fault| Options::of_flow(flow, BTreeMap::from([fault])))
        .collect()
}

/// Returns runs of a flow: a crash or lost reply at each pair of requests.
pub fn pairs(flow: Flow) -> Vec<Options> {
    let requests = play(&Options::of_flow(flow, BTreeMap::new())).requests;
    let mut pairs = Vec::new();
    for first in 0..requests {
        // A fault leads to further requests.
        for second in first + 1..requests + 8 {
            for one in CRASHES {
                for other in CRASHES {
                    let at = BTreeMap::from([(first, one), (second, other)]);
                    pairs.push(Options::of_flow(flow, at));
                }
            }
        }
    }
    pairs
}

/// Plays a flow.
pub(super) async fn go_through(world: Arc<World>, flow: Flow) {
    match flow {
        Flow::Usage => record(&world, "k").await,
        Flow::Batch => {
            let both = ["k0", "k1"].map(|key| (key.to_owned(), used()));
            for (key, usage) in &both {
                world.expectations.begins(ACCOUNT, key, usage);
            }
            usages::record_batch(&world, ACCOUNT, &both, ATTEMPTS).await;
        }
        Flow::Outbox => {
            world.network.is_down("stripe", true);
            world.network.is_down("langfuse", true);
            record(&world, "k").await;
            world.network.is_down("stripe", false);
            world.network.is_down("langfuse", false);
        }
        Flow::Pack => {
            buy(&world, "pack_125k").await;
        }
        Flow::Plan => {
            if let Some(session) = buy(&world, "plus").await {
                let body = json!({ "return_url": "https://app.local/" });
                world.insist(&Call::portal(ACCOUNT, &body), ATTEMPTS).await;
                if let Some(subscription) = world.subscription_of(&session).await {
                    let path = format!("/_local/subscriptions/{subscription}/renew");
                    world.at_stripe(&path, &json!({})).await;
                }
                world.insist(&Call::subscription(ACCOUNT), ATTEMPTS).await;
            }
        }
        Flow::Refund => {
            if let Some(session) = buy(&world, "pack_125k").await {
                pay_back(&world, &session).await;
            }
        }
    }
    // Webhooks arrive, and usages that were not delivered become due.
    world.clock.sleep(Duration::from_mins(4)).await;
    world.deliver().await;
}

fn used() -> Usage {
    Usage {
        tokens: 1_234,
        ..Usage::default()
    }
}

async fn record(world: &Arc<World>, key: &str) {
    world.expectations.begins(ACCOUNT, key, &used());
    usages::record_one(world, ACCOUNT, key, &used(), ATTEMPTS).await;
}

/// Buys an item; returns the session's id.
async fn buy(world: &Arc<World>, item: &'static str) -> Option<String> {
    world.expectations.orders(ACCOUNT, "order", item);
    let session = buyers::open(world, ACCOUNT, "order", item, ATTEMPTS).await?;
    let path = format!("/_local/checkout/{session}/pay");
    let card = json!({"card": "4242424242424242"});
    world.at_stripe(&path, &card).await;
    buyers::ask(world, ACCOUNT, &session).await;
    Some(session)
}

async fn pay_back(world: &Arc<World>, session: &str) {
    let path = format!("/v1/checkout/sessions/{session}");
    let session = world.stripe_itself(Method::GET, &path, "").await;
    let payment = session["payment_intent"].as_str().unwrap_or_default();
    let form = format!("payment_intent={payment}&amount=200");
    let refund = world
        .stripe_itself(Method::POST, "/v1/refunds", &form)
        .await;
    world.clock.sleep(Duration::from_secs(20)).await;
    let refund = refund["id"].as_str().unwrap_or_default();
    let path = format!("/_local/refunds/{refund}");
    world.at_stripe(&path, &json!({"status": "failed"})).await;
}
