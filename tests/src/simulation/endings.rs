//! Several refunds and disputes of a purchase at once, after everything else is completed.
//!
//! For plans there is a second such moment weeks later: the expiry of their Sparks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use shared::process::clock;

use super::World;
use super::actors::banks::{self, Parts};
use super::auditor::verdict::entries;
use super::calls::Call;
use super::items::{number, text};
use super::plan::Webhooks;

/// The time between the beginning and the expiry.
const BEFORE: Duration = Duration::from_millis(300);

/// The number of balance reads around the expiry, and the time that they span.
const READS: u8 = 4;
const READ_WITHIN_MS: u64 = 1_500;

/// The most attempts of a call.
const ATTEMPTS: u32 = 5;

/// The most redeliveries of refused webhooks.
const MOST_REDELIVERIES: u32 = 10;

impl World {
    /// Plays refunds and disputes of two purchases at once, or twice as many of one.
    pub(super) async fn take_purchase_back(self: &Arc<Self>) {
        let purchases = self.purchases();
        if self.plan.webhooks == Webhooks::Never || purchases.is_empty() {
            return;
        }
        let mut random = self.random("parts of a purchase");
        let mut taking = || {
            let (source, purchase) = &purchases[random.usize(0..purchases.len())];
            let mut random = random.fork();
            async move {
                if source == "pack" {
                    banks::take_back_of_pack(self, purchase, &mut random).await;
                } else {
                    banks::take_back_of(self, purchase, Parts::Small, &mut random).await;
                }
            }
        };
        let both = [taking(), taking()];
        self.network.is_faulty(true);
        self.network.only_tears(true);
        join_all(both).await;
        self.clock.sleep(Duration::from_secs(10)).await;
        self.network.only_tears(false);
        self.network.is_faulty(false);
        self.settle_webhooks().await;
    }

    /// Returns the packs and plans that were bought.
    ///
    /// Each has the source and the id of its credit, which is a Checkout Session or an invoice.
    fn purchases(&self) -> Vec<(String, String)> {
        let items = self.items();
        let credits = entries(&items).filter(|entry| text(entry, "kind") == "credit");
        let bought = credits.filter(|entry| matches!(text(entry, "source"), "pack" | "plan"));
        bought
            .map(|credit| {
                (
                    text(credit, "source").to_owned(),
                    text(credit, "id").to_owned(),
                )
            })
            .collect()
    }

    /// Advances to each expiry of a plan's Sparks within this time. Plays refunds and disputes at it.
    pub(super) async fn end_plans(self: &Arc<Self>, within: SignedDuration) {
        if self.plan.webhooks == Webhooks::Never {
            return;
        }
        let now = self.clock.now();
        let last = now.saturating_add(within).unwrap_or(Timestamp::MAX);
        for ((ends_ms, invoice), account) in self.plans() {
            let Ok(ends) = Timestamp::from_millisecond(ends_ms) else {
                continue;
            };
            if ends < now || ends > last {
                continue;
            }
            let wait = clock::until(ends, self.clock.now()).saturating_sub(BEFORE);
            self.clock.sleep(wait).await;
            self.network.is_faulty(true);
            let mut random = self.random(&format!("end of {invoice}"));
            self.network.only_tears(random.u8(0..4) > 0);
            let reads = (0..READS).map(|_| {
                let (world, account, mut random) =
                    (Arc::clone(self), account.clone(), random.fork());
                async move {
                    world.pause(&mut random, READ_WITHIN_MS).await;
                    world.insist(&Call::balance(&account), ATTEMPTS).await;
                }
            });
            let reads: Vec<_> = reads.collect();
            let backs = banks::take_back_of(self, &invoice, Parts::Any, &mut random);
            tokio::join!(join_all(reads), backs);
            self.clock.sleep(Duration::from_secs(10)).await;
            self.network.only_tears(false);
            self.network.is_faulty(false);
            self.settle_webhooks().await;
        }
    }

    /// Returns the paid plans' accounts, by the expiry of their Sparks and by invoice.
    fn plans(&self) -> BTreeMap<(i64, String), String> {
        let items = self.items();
        let plans = entries(&items).filter(|entry| text(entry, "source") == "plan");
        let credits = plans.filter(|entry| text(entry, "kind") == "credit");
        let ends = credits.map(|credit| {
            let (account, invoice) = (text(credit, "account"), text(credit, "id"));
            let ends = number(credit, "expires_at");
            ((ends, invoice.to_owned()), account.to_owned())
        });
        ends.collect()
    }

    /// Waits until all invocations have ended, and every webhook is accepted.
    pub(super) async fn settle_webhooks(self: &Arc<Self>) {
        for _ in 0..MOST_REDELIVERIES {
            while self.at_work() > 0 {
                self.clock.sleep(Duration::from_secs(1)).await;
            }
            self.clock.sleep(Duration::from_mins(10)).await;
            // After a violation a webhook may be refused forever, each time after thousands of requests.
            if !self.network.violations().is_empty() || !self.redeliver().await {
                return;
            }
        }
        self.network.violation(
            "a webhook of a refund, dispute or credit note is never accepted".to_owned(),
        );
    }
}
