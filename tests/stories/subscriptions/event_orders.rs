//! A subscription's webhooks lead to one result in any order, duplicated or late.

use std::ops::Range;

use serde_json::{Value, json};
use tests::{CARD, World};

/// Kinds of events that Stripe sends to the endpoint of `sparks stripe-setup`.
const SENT: [&str; 7] = [
    "charge.dispute.",
    "checkout.session.",
    "customer.subscription.",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "refund.",
];

struct Life<'a> {
    world: &'a World,
    random: fastrand::Rng,
    account: String,
    /// Number of events before this life.
    before: usize,
}

impl Life<'_> {
    /// Returns the events that Stripe would have sent so far.
    fn events(&self) -> Vec<Value> {
        let state = self.world.stack.stripe.state();
        let all = state["events"].as_array().unwrap().iter();
        all.skip(self.before)
            .filter(|event| {
                let kind = event["type"].as_str().unwrap();
                SENT.iter().any(|sent| kind.starts_with(sent))
            })
            .cloned()
            .collect()
    }

    /// Delivers a random part of the events so far, in random order. A later call may deliver an event again.
    async fn some_arrive(&mut self, chance_percent: u8) {
        let mut events = self.events();
        self.random.shuffle(&mut events);
        for event in events {
            if self.random.u8(0..100) < chance_percent {
                self.arrives(&event).await;
            }
        }
    }

    /// Delivers all events in random order, about a third of them twice.
    async fn all_arrive(&mut self) {
        let mut events = self.events();
        let random = &mut self.random;
        let again: Vec<Value> = events
            .iter()
            .filter(|_| random.u8(0..3) == 0)
            .cloned()
            .collect();
        events.extend(again);
        self.random.shuffle(&mut events);
        for event in &events {
            self.arrives(event).await;
        }
    }

    async fn arrives(&self, event: &Value) {
        let answer = self.world.signed_webhook(event).await;
        assert_eq!(answer.status, 200, "{event}: {answer:?}");
    }

    /// Subscribes, fails one renewal, and pays the next. Then is refunded half, loses a dispute over the rest, and
    /// ends.
    async fn live(&mut self) {
        let (world, account) = (self.world, self.account.clone());
        let session = world.open(&account, "plus").await;
        world.pay(&session, CARD).await;
        self.some_arrive(20).await;
        let at_stripe = format!("/v1/checkout/sessions/{session}");
        let subscription = world.get_from_stripe(&at_stripe).await["subscription"].clone();
        let subscription = subscription.as_str().unwrap();
        world.renew(subscription, "failed").await;
        self.some_arrive(20).await;
        let invoice = world.renew(subscription, "succeeded").await;
        let payments = format!(
            "/v1/invoice_payments?invoice={}",
            invoice["id"].as_str().unwrap()
        );
        let payments = world.get_from_stripe(&payments).await;
        let payment = payments["data"][0]["payment"]["payment_intent"].as_str();
        let payment = payment.unwrap().to_owned();
        world.refund(&payment, 1_000).await;
        self.some_arrive(20).await;
        let dispute = world.dispute(&payment, 1_000, "needs_response").await;
        self.some_arrive(20).await;
        world.dispute_is(&dispute, "won").await;
        world.delete_subscription(subscription).await;
        self.all_arrive().await;
    }
}

async fn lives(seeds: Range<u64>) {
    for first in seeds.step_by(10) {
        ten_lives(first..first + 10).await;
    }
}

async fn ten_lives(seeds: Range<u64>) {
    let world = World::start().await;
    world.drop_webhooks();
    for seed in seeds {
        let before = world.stripe_objects("events").len();
        let mut life = Life {
            world: &world,
            random: fastrand::Rng::with_seed(seed),
            account: format!("acct_{seed}"),
            before,
        };
        life.live().await;

        let account = life.account;
        assert_eq!(world.available(&account).await, "760000.000", "seed {seed}");
        let entries = world.entries(&account);
        let kinds = |prefix: &str| {
            entries
                .iter()
                .filter(|(id, _)| id.starts_with(prefix))
                .count()
        };
        let counted = ["in_", "re_", "free#"].map(kinds);
        assert_eq!(counted, [2, 1, 1], "seed {seed}: {entries:?}");
        // A dispute that is won before its first webhook takes nothing; otherwise it gives back what it took.
        let sum: i64 = entries.iter().map(|(_, amount)| amount).sum();
        assert_eq!(sum, 760_000_000, "seed {seed}: {entries:?}");
        let stored = &world.item(&format!("A#{account}"), "U");
        let all: Value =
            serde_json::from_str(stored["subscriptions"]["S"].as_str().unwrap()).unwrap();
        assert_eq!(
            (all.as_array().unwrap().len(), &all[0]["status"]),
            (1, &json!("canceled"))
        );
    }
    assert!(world.items("INCIDENTS").is_empty());
    world.sparks(&["verify"]).await.unwrap();
}

#[tokio::test]
async fn fifty_orders_of_webhooks_lead_to_one_result() {
    lives(0..50).await;
}

#[tokio::test]
async fn fifty_more_orders_of_webhooks_lead_to_one_result() {
    lives(50..100).await;
}

#[tokio::test]
async fn a_third_fifty_orders_of_webhooks_lead_to_one_result() {
    lives(100..150).await;
}

#[tokio::test]
async fn a_fourth_fifty_orders_of_webhooks_lead_to_one_result() {
    lives(150..200).await;
}
