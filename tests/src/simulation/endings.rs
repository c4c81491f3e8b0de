//! Plans whose Sparks end while money for them goes back: weeks after everything else has come to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use shared::clock;

use super::World;
use super::banks;
use super::calls::Call;
use super::items::{number, text};
use super::plan::Webhooks;
use super::verdict::entries;

/// How long before the end it begins.
const BEFORE: Duration = Duration::from_secs(1);

/// How many times the balance is read around the end, and over which time.
const READS: u8 = 4;
const READ_WITHIN_MS: u64 = 4_000;

/// How often somebody asks again.
const ATTEMPTS: u32 = 5;

impl World {
    /// Goes on to the end of each plan's Sparks, and lets refunds and disputes meet it.
    pub(super) async fn end_plans(self: &Arc<Self>) {
        if self.plan.webhooks == Webhooks::Never {
            return;
        }
        for (ends_ms, (account, invoice)) in self.plans() {
            let Ok(ends) = Timestamp::from_millisecond(ends_ms) else {
                continue;
            };
            let wait = clock::until(ends, self.clock.now()).saturating_sub(BEFORE);
            self.clock.sleep(wait).await;
            self.network.is_faulty(true);
            let mut random = self.random(&format!("end of {invoice}"));
            let reads = (0..READS).map(|_| {
                let (world, account, mut random) =
                    (Arc::clone(self), account.clone(), random.fork());
                async move {
                    world.pause(&mut random, READ_WITHIN_MS).await;
                    world.insist(&Call::balance(&account), ATTEMPTS).await;
                }
            });
            let reads: Vec<_> = reads.collect();
            let backs = banks::take_back_of(self, &invoice, &mut random);
            tokio::join!(join_all(reads), backs);
            self.clock.sleep(Duration::from_secs(10)).await;
            self.network.is_faulty(false);
            self.settle_webhooks().await;
        }
    }

    /// The plans that were paid, by when their Sparks end: the account and the invoice.
    fn plans(&self) -> BTreeMap<i64, (String, String)> {
        let items = self.items();
        let plans = entries(&items).filter(|entry| text(entry, "source") == "plan");
        let credits = plans.filter(|entry| text(entry, "kind") == "credit");
        let ends = credits.map(|credit| {
            let (account, invoice) = (text(credit, "account"), text(credit, "id"));
            (
                number(credit, "expires_at"),
                (account.to_owned(), invoice.to_owned()),
            )
        });
        ends.collect()
    }

    /// Waits until nobody is at work, and every webhook was taken.
    async fn settle_webhooks(self: &Arc<Self>) {
        loop {
            while self.at_work() > 0 {
                self.clock.sleep(Duration::from_secs(1)).await;
            }
            self.clock.sleep(Duration::from_mins(10)).await;
            if !self.redeliver().await {
                return;
            }
        }
    }
}
