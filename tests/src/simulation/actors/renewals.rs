//! Renewals as Stripe plays them. A draft waits for an hour, a charge may fail, and dunning takes days.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::process::clock;

use crate::simulation::World;
use crate::simulation::items::{list, text};

/// The statuses of a subscription that is renewed.
const RENEWED: [&str; 3] = ["active", "past_due", "unpaid"];

/// The outcomes of dunning that an account can configure.
const DUNNING_ENDS: [&str; 3] = ["cancel", "unpaid", "past_due"];

/// The largest customer balance for the next invoice, in cents. It is more than a plan costs.
const MOST_BALANCE: u64 = 2_500;

/// The longest time for which the Sparks of a period remain usable after its end.
const GRACE: SignedDuration = SignedDuration::from_hours(25);

/// The most steps of dunning until nothing is due. Each invoice is charged at most four times.
const MOST_STEPS: u32 = 40;

impl World {
    /// Advances to the end of a period, through the draft hour and through dunning. Faults strike in the draft hour
    /// only.
    ///
    /// Two hours after each payment, the payment must be credited, without a request of the customer.
    pub(in crate::simulation) async fn renew_plans(self: &Arc<Self>) {
        let mut random = self.random("renewals");
        // In the other runs the first period's Sparks expire undisturbed.
        if random.u8(0..3) == 0 {
            return;
        }
        let Some(renewed) = self.end_period(&mut random).await else {
            return;
        };
        self.network.is_faulty(true);
        for _ in 0..2 {
            self.clock.sleep(Duration::from_mins(31)).await;
            self.deliver().await;
        }
        self.network.is_faulty(false);
        self.stripe_is(&json!({ "periods": "control" })).await;
        self.look_for_payments().await;
        self.end_plans(GRACE).await;
        // The cards work again from one of the attempts on, or never.
        let mut bad_attempts = random.u8(0..6);
        for _ in 0..MOST_STEPS {
            let Some(due) = self.next_at_stripe() else {
                return;
            };
            if bad_attempts == 0 {
                for subscription in &renewed {
                    self.give_card(subscription, "succeeded").await;
                }
            }
            bad_attempts = bad_attempts.saturating_sub(1);
            let wait = clock::until(due, self.clock.now());
            self.clock.sleep(wait + Duration::from_secs(1)).await;
            if random.u8(0..4) == 0 {
                self.forgive(&mut random).await;
            }
            self.look_for_payments().await;
        }
        self.network
            .violation("something is due at Stripe forever".to_owned());
    }

    /// Waits for the first end of a period, after which Stripe renews by its clock. Returns the subscriptions.
    async fn end_period(&self, random: &mut Rng) -> Option<Vec<String>> {
        let state = self.stripe.state();
        let subscriptions = list(&state["subscriptions"])
            .filter(|one| RENEWED.contains(&one["status"].as_str().unwrap_or_default()));
        let subscriptions: Vec<&Value> = subscriptions.collect();
        let ends = subscriptions
            .iter()
            .filter_map(|one| one["items"]["data"][0]["current_period_end"].as_i64());
        let end = Timestamp::from_second(ends.min()?).ok()?;
        let dunning_ends = DUNNING_ENDS[random.usize(0..DUNNING_ENDS.len())];
        self.stripe_is(&json!({ "dunning_ends": dunning_ends, "periods": "clock" }))
            .await;
        let mut renewed = Vec::new();
        for subscription in subscriptions {
            let id = subscription["id"].as_str()?;
            if random.bool() {
                let customer = subscription["customer"].as_str().unwrap_or_default();
                let path = format!("/v1/customers/{customer}/balance_transactions");
                let cents = random.u64(1..=MOST_BALANCE);
                let form = format!("amount=-{cents}&currency=usd");
                self.stripe_itself(Method::POST, &path, &form).await;
            }
            let outcome = ["succeeded", "failed"][random.usize(0..2)];
            self.give_card(id, outcome).await;
            renewed.push(id.to_owned());
        }
        let wait = clock::until(end, self.clock.now());
        self.clock.sleep(wait + Duration::from_secs(1)).await;
        self.stripe.pass_time();
        self.network.stir_stripe();
        Some(renewed)
    }

    /// Credits open invoices, in part or whole, before they are paid, as an operator does.
    async fn forgive(&self, random: &mut Rng) {
        let state = self.stripe.state();
        let open = list(&state["invoices"]).filter(|invoice| invoice["status"] == "open");
        for invoice in open {
            let remaining = invoice["amount_remaining"].as_u64().unwrap_or_default();
            let (Some(id), 1..) = (invoice["id"].as_str(), remaining) else {
                continue;
            };
            let parts = [remaining, random.u64(1..=remaining)];
            let cents = parts[random.usize(0..parts.len())];
            let form = format!("invoice={id}&amount={cents}");
            self.stripe_itself(Method::POST, "/v1/credit_notes", &form)
                .await;
        }
    }

    async fn stripe_is(&self, settings: &Value) {
        self.at_stripe("/_local/settings", settings).await;
    }

    async fn give_card(&self, subscription: &str, outcome: &str) {
        let path = format!("/_local/subscriptions/{subscription}/card");
        self.at_stripe(&path, &json!({ "outcome": outcome })).await;
    }

    /// Lets two hours pass, and checks that every payment is credited.
    async fn look_for_payments(self: &Arc<Self>) {
        self.settle_webhooks().await;
        for _ in 0..2 {
            self.clock.sleep(Duration::from_mins(55)).await;
            self.deliver().await;
        }
        for wrong in self.credits_wrong(&self.items(), &self.stripe.state()) {
            self.network.violation(format!("two hours after: {wrong}"));
        }
    }

    /// Returns the time at which Stripe next finalizes or charges an invoice by itself.
    fn next_at_stripe(&self) -> Option<Timestamp> {
        let state = self.stripe.state();
        let due = list(&state["invoices"]).flat_map(|invoice| {
            let times = ["automatically_finalizes_at", "next_payment_attempt"];
            times.map(|name| invoice[name].as_i64())
        });
        Timestamp::from_second(due.flatten().min()?).ok()
    }

    /// Returns incidents without a reason, and accounts that pay for two plans without an incident.
    pub(in crate::simulation) fn incidents_wrong(items: &[Value], stripe: &Value) -> Vec<String> {
        let is_told = |id: &str| {
            let of_it = format!("{id}#second_subscription");
            items.iter().any(|item| text(item, "sk") == of_it)
        };
        let incidents = items.iter().filter(|item| text(item, "pk") == "INCIDENTS");
        let mut wrong: Vec<String> = incidents
            .filter(|item| !has_reason(item, stripe))
            .map(|item| format!("there is no reason for {item}"))
            .collect();
        let live = list(&stripe["subscriptions"])
            .filter(|one| RENEWED.contains(&one["status"].as_str().unwrap_or_default()));
        let live: Vec<&Value> = live.collect();
        for one in &live {
            let own = live.iter().filter(|it| it["customer"] == one["customer"]);
            let ids: Vec<&str> = own.filter_map(|it| it["id"].as_str()).collect();
            if ids.len() > 1 && !ids.iter().any(|id| is_told(id)) {
                wrong.push(format!(
                    "{ids:?} are both paid for, but there is no incident"
                ));
            }
        }
        wrong
    }
}

/// Returns whether a run explains an incident: the customer has had two plans.
fn has_reason(incident: &Value, stripe: &Value) -> bool {
    let Some(id) = text(incident, "sk").strip_suffix("#second_subscription") else {
        return false;
    };
    let all = || list(&stripe["subscriptions"]);
    let found = all().find(|one| one["id"] == id);
    found.is_some_and(|one| all().filter(|it| it["customer"] == one["customer"]).count() > 1)
}
