//! The courier of Stripe's webhooks. It delivers them late, twice, out of order or never, and forges some.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use local::stripe::{Due, signature};
use serde_json::{Value, json};

use crate::simulation::World;
use crate::simulation::calls::Call;
use crate::simulation::plan::Webhooks;

/// The interval between two polls, and the number of polls after a change at Stripe.
const EVERY: Duration = Duration::from_millis(500);
const LOOKS: u32 = 30;

/// The longest delays of a webhook. They are without a fault, of a reversal, and with a fault.
///
/// Webhooks of reversals are quick, so that several of one payment meet.
const SOON_MS: u64 = 2_000;
const AT_ONCE_MS: [u64; 2] = [20, 300];
const LATE_MS: u64 = 200_000;

/// Delivers due webhooks for as long as the run lasts.
pub(in crate::simulation) async fn run(world: Arc<World>) {
    let mut looks = 0;
    loop {
        if looks == 0 {
            world.network.something_at_stripe().await;
            looks = LOOKS;
        }
        looks -= 1;
        world.clock.sleep(EVERY).await;
        for due in world.stripe.due() {
            let event: Value = serde_json::from_slice(due.request.body()).unwrap_or_default();
            let kind = event["type"].as_str().unwrap_or_default();
            if world.plan.webhooks.lack(kind) {
                world.report(due.delivery, Ok(200));
                continue;
            }
            tokio::spawn(deliver(Arc::clone(&world), due));
        }
    }
}

async fn deliver(world: Arc<World>, due: Due) {
    let network = &world.network;
    let header = due.request.headers().get("stripe-signature");
    let header = header
        .and_then(|header| header.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = String::from_utf8_lossy(due.request.body()).into_owned();
    if network.strikes("webhook", "lost_on_the_way", 10) {
        world.report(due.delivery, Err("lost".to_owned()));
        return;
    }
    let times = if network.strikes("webhook", "twice", 8) {
        2
    } else {
        1
    };
    for _ in 0..times {
        let goes_back = ["refund.", "charge.dispute.", "credit_note."];
        let is_money_back = goes_back
            .iter()
            .any(|kind| body.contains(&format!("\"type\":\"{kind}")));
        let longest = if network.strikes("webhook", "delayed", 8) {
            LATE_MS
        } else if is_money_back {
            AT_ONCE_MS[usize::from(network.number(2) == 0)]
        } else {
            SOON_MS
        };
        let pause = Duration::from_millis(network.number(longest));
        world.clock.sleep(pause).await;
        let forged = network.strikes("webhook", "forged", 12);
        if forged {
            forge(&world, &header, &body).await;
        }
        let answer = world.call(&Call::webhook(&header, &body)).await;
        let outcome = match answer {
            Some(answer) => Ok(u16::try_from(answer.status).unwrap_or_default()),
            None => Err("no answer".to_owned()),
        };
        // A webhook that is too late for its signature is retried with a new one.
        world.report(due.delivery, outcome);
    }
}

/// Delivers a forged webhook, which must be refused.
async fn forge(world: &Arc<World>, header: &str, body: &str) {
    let now = world.clock.now().as_second();
    let forged = match world.network.number(4) {
        // A valid signature of another body.
        0 => (header.to_owned(), body.replacen("evt_", "evt_x", 1)),
        // A valid signature that is too old.
        1 => {
            let old = signature(&world.webhook_secret, now - 400, body);
            (old, body.to_owned())
        }
        // A signature by another secret.
        2 => (signature("whsec_other", now, body), body.to_owned()),
        _ => (format!("t={now}"), body.to_owned()),
    };
    let answer = world.call(&Call::webhook(&forged.0, &forged.1)).await;
    if answer.is_some_and(|answer| answer.is_final() && answer.status != 400) {
        world
            .network
            .violation(format!("a forged webhook was accepted: {body}"));
    }
}

impl World {
    /// Reports the outcome of a delivery to Stripe, which retries one that was not accepted.
    fn report(&self, delivery: u64, outcome: Result<u16, String>) {
        self.stripe.report(delivery, outcome);
        self.network.stir_stripe();
    }

    /// Redelivers the events that were not accepted; returns whether there were any.
    pub(in crate::simulation) async fn redeliver(&self) -> bool {
        if self.plan.webhooks == Webhooks::Never {
            return false;
        }
        let state = self.stripe.state();
        let deliveries = state["deliveries"].as_array().into_iter().flatten();
        let mut states: BTreeMap<&str, bool> = BTreeMap::new();
        for delivery in deliveries {
            let event = delivery["event"].as_str().unwrap_or_default();
            let state = delivery["state"].as_str().unwrap_or_default();
            *states.entry(event).or_default() |= state != "failed";
        }
        let lost: Vec<&str> = states
            .iter()
            .filter_map(|(event, taken)| (!taken).then_some(*event))
            .collect();
        for event in &lost {
            let path = format!("/_local/webhooks/{event}/redeliver");
            self.at_stripe(&path, &json!({})).await;
        }
        !lost.is_empty()
    }
}
