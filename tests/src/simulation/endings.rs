//! Purchases that several refunds and disputes meet at the same moment, after everything else has come to its end; and
//! plans whose Sparks end at that moment, weeks later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use shared::process::clock;

use super::World;
use super::banks::{self, Parts};
use super::calls::Call;
use super::items::{number, text};
use super::plan::Webhooks;
use super::verdict::entries;

/// How long before the end it begins.
const BEFORE: Duration = Duration::from_millis(300);

/// How many times the balance is read around the end, and over which time.
const READS: u8 = 4;
const READ_WITHIN_MS: u64 = 1_500;

/// How often somebody asks again.
const ATTEMPTS: u32 = 5;

/// The most times that refused webhooks are sent again.
const MOST_REDELIVERIES: u32 = 10;

impl World {
    /// Lets several refunds and disputes of two purchases, or twice as many of one, arrive at the same moment.
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

    /// The packs and plans that were bought: the source and the id of the credit, which is a page or an invoice.
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

    /// Goes on to each end of a plan's Sparks within this time, and lets refunds and disputes meet it.
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

    /// The accounts of the plans that were paid, by when their Sparks end and by invoice.
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

    /// Waits until nobody is at work, and every webhook was taken.
    pub(super) async fn settle_webhooks(self: &Arc<Self>) {
        for _ in 0..MOST_REDELIVERIES {
            while self.at_work() > 0 {
                self.clock.sleep(Duration::from_secs(1)).await;
            }
            self.clock.sleep(Duration::from_mins(10)).await;
            // After a violation a webhook may be refused for ever, and each time after thousands of requests.
            if !self.network.violations().is_empty() || !self.redeliver().await {
                return;
            }
        }
        self.network
            .violation("a webhook about money that goes back is never taken".to_owned());
    }
}
