//! The ledger of one account in a table, stepped through a history.

use jiff::Timestamp;
use serde_json::json;
use shared::ledger::{
    Charge, Charged, Corrected, Deliveries, DeliveryState, Ledger, NewCredit, NewReversal,
    RequestHash, TraceLabels, UsageEntry,
};
use shared::pricing::price_book;
use shared::process::clock::Clock;
use shared::process::deadline::Deadline;
use shared::words::entry_id::EntryId;
use shared::words::id::{AccountId, IdempotencyKey, KeySpace, UsageId};
use shared::words::meter::Line;
use tests::model::Step;

use super::{entry, part, purchase, reversal, source, sparks};

/// Ledger of one account in a table.
pub(super) struct Table {
    pub(super) ledger: Ledger,
    pub(super) clock: Clock,
    pub(super) id: AccountId,
}

impl Table {
    pub(super) async fn apply(&self, step: &Step, now: Timestamp) -> bool {
        let deadline = Deadline::lasting(&self.clock, std::time::Duration::from_secs(20));
        let deadline = &deadline.starting(now);
        let new_reversal = |id: &str, of: &str, cents| NewReversal {
            id: reversal(id),
            account: self.id.clone(),
            purchase: entry(of),
            part: part(cents),
        };
        match step {
            Step::Debit { key, milli } => {
                let mut charge = Charge {
                    entry: self.usage(key, *milli, now),
                    outcome: None,
                };
                let charges = &mut [&mut charge];
                let done = self.ledger.charge(&self.id, charges, deadline).await;
                done.unwrap();
                return charge.outcome == Some(Charged::Recorded);
            }
            Step::Credit(credit) => {
                let new = NewCredit {
                    id: entry(&credit.id),
                    account: self.id.clone(),
                    source: source(credit),
                    sparks: sparks(credit.milli),
                    expires_at: credit.expires_at,
                    reason: None,
                    free_plan: false,
                    purchase: purchase(credit),
                };
                self.ledger.credit(&new, deadline).await.unwrap();
            }
            Step::Reverse {
                id,
                purchase,
                cents,
            } => {
                let new = new_reversal(id, purchase, *cents);
                self.ledger.reverse(&new, deadline).await.unwrap();
            }
            Step::Restore { id, purchase } => {
                let ended = new_reversal(id, purchase, 0);
                self.ledger.restore(&ended, deadline).await.unwrap();
            }
            Step::TakeOut { credit } => {
                let credit = entry(credit);
                let corrected = self.ledger.correct(&credit, "test", deadline);
                assert!(matches!(corrected.await, Ok(Corrected::Recorded(..))));
            }
            Step::GiveBack { key, id } => {
                let usage = EntryId::from(&self.usage_id(&key.parse().unwrap()));
                let corrected = self.ledger.correct(&usage, "test", deadline);
                return match corrected.await.unwrap() {
                    Corrected::Recorded(correction, _) => correction.id == entry(id),
                    other => {
                        assert_eq!(other, Corrected::NoEntry);
                        false
                    }
                };
            }
            Step::Read => {
                let read = self.ledger.settled_account(&self.id, deadline);
                read.await.unwrap();
            }
        }
        true
    }

    fn usage_id(&self, key: &IdempotencyKey) -> UsageId {
        UsageId::derive("local", &self.id, KeySpace::OwnTokens, key)
    }

    fn usage(&self, key: &str, milli: i64, now: Timestamp) -> UsageEntry {
        let key: IdempotencyKey = key.parse().unwrap();
        let line = json!({"meter": "ai_tokens", "input_tokens": milli / 100});
        let line: Line = serde_json::from_value(line).unwrap();
        let price = price_book::price(&[line], now).unwrap();
        assert_eq!(price.total, sparks(milli));
        UsageEntry {
            id: self.usage_id(&key),
            account: self.id.clone(),
            member: None,
            request_hash: RequestHash([0; 32]),
            sparks: price.total,
            lines: price.lines,
            price_version: "1".into(),
            occurred_at: now,
            recorded_at: now,
            trace: TraceLabels::default(),
            deliveries: Deliveries {
                langfuse: DeliveryState::Off,
                stripe: DeliveryState::Off,
            },
        }
    }
}
