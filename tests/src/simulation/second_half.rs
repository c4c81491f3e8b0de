//! The second half of a run. It has an outage, the end of all faults, and what must be complete after it.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::World;
use super::actors::{buyers, usages};
use super::auditor::verdict::Waiting;
use super::calls::Call;
use super::fleet::Function;
use super::items::{milli, number, text};
use super::plan::Webhooks;
use crate::model::Usage;

/// The most runs of the outbox until nothing waits.
const DRAINS: u32 = 10;

/// The usage that each account records while a system is down.
const USAGE_OF_OUTAGE: Usage = Usage {
    tokens: 7,
    milliseconds: 0,
    gigabyte_hours: 0,
};

impl World {
    /// Plays a long outage of a system, while accounts record usages and the outbox runs.
    pub(super) async fn sit_out(self: &Arc<Self>) {
        let Some(outage) = self.plan.outage else {
            return;
        };
        self.network.is_down(outage.system, true);
        for account in self.accounts() {
            let (key, usage) = ("outage", USAGE_OF_OUTAGE);
            self.expectations.begins(&account, key, &usage);
            usages::record_one(self, &account, key, &usage, 3).await;
        }
        let parts = 4;
        for _ in 0..parts {
            let part = outage.lasts / parts;
            self.clock
                .sleep(Duration::try_from(part).unwrap_or_default())
                .await;
            self.deliver().await;
        }
        self.network.is_down(outage.system, false);
    }

    /// Retries until every caller has an answer, and lets time pass until nothing waits.
    pub(super) async fn complete(self: &Arc<Self>) {
        while self.at_work() > 0 {
            self.clock.sleep(Duration::from_secs(1)).await;
        }
        for (account, key, usage) in self.expectations.asked() {
            usages::record_one(self, &account, &key, &usage, 20).await;
        }
        for order in self.expectations.all_orders() {
            buyers::open(self, &order.account, &order.key, order.item, 20).await;
        }
        // Webhooks that are on their way arrive within minutes.
        self.clock.sleep(Duration::from_mins(10)).await;
        for _ in 0..DRAINS {
            let redelivered = self.redeliver().await;
            let hours = match self.waiting() {
                Waiting::Nothing if !redelivered => break,
                // A delayed delivery is due after minutes, and an unpaid order after a day.
                Waiting::Orders => 25,
                Waiting::Nothing | Waiting::Usages => 1,
            };
            self.clock.sleep(Duration::from_hours(hours)).await;
            self.deliver_twice().await;
        }
        self.clear_parked().await;
        if self.plan.has_aftermath {
            self.renew_plans().await;
            self.take_purchase_back().await;
        }
        self.end_plans(SignedDuration::MAX).await;
        self.look_at_backs().await;
        for account in self.accounts() {
            self.balances(&account).await;
        }
        if let Err(wrong) = self.sparks(&["verify"]).await {
            self.network.violation(format!("sparks verify: {wrong}"));
        }
    }

    /// Completes refunds, disputes and credit notes whose webhooks never came.
    async fn look_at_backs(&self) {
        let Webhooks::Lack(lost) = self.plan.webhooks else {
            return;
        };
        // The outbox polls undecided disputes daily, and refunds that may fail weekly.
        for hours in [25, 8 * 24] {
            self.clock.sleep(Duration::from_hours(hours)).await;
            self.deliver().await;
        }
        // The operator finds reversals without any webhook.
        let never_heard = ["charge.dispute.", "refund.", "credit_note."];
        if lost.iter().any(|lost| never_heard.contains(lost)) {
            self.reconcile_backs().await;
        }
    }

    /// Checks that the balance that an account reads is the sum of its entries.
    async fn balances(self: &Arc<Self>, account: &str) {
        let answer = self.insist(&Call::balance(account), 20).await;
        let answer = answer.map(|answer| answer.body).unwrap_or_default();
        let entries = self.items();
        let own = entries
            .iter()
            .filter(|item| text(item, "sk") == "E" && text(item, "account") == account);
        let sum: i64 = own.map(|entry| number(entry, "amount")).sum();
        if milli(&answer["available"]) != sum {
            let what = format!("{account} has {sum}, but reads {answer}");
            self.network.violation(what);
        }
    }

    /// Reconciles parked deliveries with the providers, redrives them and delivers them.
    async fn clear_parked(self: &Arc<Self>) {
        if !self.any_parked() {
            return;
        }
        let day = SignedDuration::from_hours(23);
        if self.plan.outage.is_none_or(|outage| outage.lasts < day) {
            self.network.violation("a delivery is parked".to_owned());
        }
        self.clock.sleep(Duration::from_hours(50)).await;
        if self.seed.is_multiple_of(2) {
            // Before a reconciliation has asked Stripe what it has.
            self.redrive().await;
        }
        let mut day = self.plan.start.to_zoned(jiff::tz::TimeZone::UTC).date();
        for _ in 0..4 {
            // It fails if it finds a difference, which is expected here.
            let _found = self.sparks(&["reconcile", "--day", &day.to_string()]).await;
            day = day.tomorrow().expect("a day after");
        }
        self.redrive().await;
        for _ in 0..4 {
            self.clock.sleep(Duration::from_hours(1)).await;
            self.deliver().await;
        }
    }

    async fn redrive(&self) {
        let redriven = self.sparks(&["outbox", "redrive", "--all"]).await;
        self.network.note(&format!("redriven: {redriven:?}"));
    }

    /// Runs the outbox, in some runs twice at once: a schedule invokes at least once.
    async fn deliver_twice(&self) {
        if self.seed.is_multiple_of(8) {
            tokio::join!(self.deliver(), self.deliver());
        } else {
            self.deliver().await;
        }
    }

    /// Runs the outbox once.
    pub(super) async fn deliver(&self) {
        // A run that fails reports its error, and the next one goes on.
        self.invoke(Function::DeliverOutbox, json!({})).await;
    }
}
