//! Random histories of debits, grants, expiries, refunds and clocks match the balance and remainders of a plain model.

use std::collections::HashMap;
use std::ops::Range;

use jiff::Timestamp;
use serde_json::json;
use shared::ledger::{
    Charged, Corrected, Deliveries, DeliveryState, Grant, Holdings, Ledger, NewCredit, NewReversal,
    Part, Purchase, RequestHash, Reversals, Source, TraceLabels, UsageEntry,
};
use shared::pricing::catalog::{Kind, Order};
use shared::pricing::price_book;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::deadline::Deadline;
use shared::process::transport::Transport;
use shared::words::entry_id::EntryId;
use shared::words::id::{AccountId, IdempotencyKey, KeySpace, ReversalId, UsageId};
use shared::words::meter::Line;
use shared::words::money::{Currency, Money};
use shared::words::sparks::Sparks;
use tests::World;
use tests::model::{Credit, History, Left, Model, Step};

fn sparks(milli: i64) -> Sparks {
    Sparks::from_milli(milli)
}

fn source(credit: &Credit) -> Source {
    match (credit.priority, credit.paid) {
        (1, _) => Source::Promo,
        (2, _) => Source::Plan,
        (_, Some(_)) => Source::Pack,
        (_, None) => Source::Manual,
    }
}

fn purchase(credit: &Credit) -> Option<Purchase> {
    let total = credit.paid?;
    Some(Purchase {
        intent: None,
        order: Order {
            item: "pack_125k".into(),
            kind: Kind::Pack,
            quantity: 1,
            sparks: sparks(credit.milli),
            price: Money::new(total, Currency::USD),
            price_id: "price_1".into(),
            catalog_version: "1".into(),
        },
        payment_intent: None,
        total: Money::new(total, Currency::USD),
    })
}

fn entry(id: &str) -> EntryId {
    id.parse().unwrap()
}

fn reversal(id: &str) -> ReversalId {
    id.parse().unwrap()
}

fn part(cents: i64) -> Part {
    Part::Amount(Money::new(cents, Currency::USD))
}

fn left(grants: &[Grant]) -> Vec<Left> {
    let mut left: Vec<Left> = grants
        .iter()
        .map(|grant| Left {
            id: grant.id.to_string(),
            milli: grant.remaining.milli(),
        })
        .collect();
    left.sort();
    left
}

/// Settlement code without a table.
struct Pure {
    id: AccountId,
    holdings: Holdings,
    purchases: HashMap<String, (Credit, Reversals, i64)>,
    spent: HashMap<String, Sparks>,
    sum: i64,
}

impl Pure {
    fn settle(&mut self, now: Timestamp) {
        let settlement = self.holdings.settle(&self.id, now).unwrap();
        for grant in &settlement.ended {
            self.sum -= grant.remaining.milli();
            let purchase = grant.restores.as_ref().unwrap_or(&grant.id);
            if let Some((_, _, ended)) = self.purchases.get_mut(purchase.as_str()) {
                *ended += grant.remaining.milli();
            }
        }
        let free = settlement.free.map_or(0, |grant| grant.remaining.milli());
        self.sum += free;
        self.holdings = settlement.holdings;
    }

    fn apply(&mut self, step: &Step, now: Timestamp) -> bool {
        match step {
            Step::Debit { key, milli } => {
                if self.holdings.account.is_due(now) {
                    self.settle(now);
                }
                if self.holdings.account.available.milli() < *milli {
                    return false;
                }
                self.sum -= milli;
                let debit = sparks(*milli);
                self.holdings.account.available =
                    self.holdings.account.available.checked_sub(debit).unwrap();
                self.holdings.account.debited =
                    self.holdings.account.debited.checked_add(debit).unwrap();
                self.spent.insert(key.clone(), debit);
            }
            Step::Credit(credit) => {
                self.settle(now);
                let grant = Grant {
                    id: entry(&credit.id),
                    source: source(credit),
                    remaining: sparks(credit.milli),
                    granted_at: now,
                    expires_at: credit.expires_at,
                    restores: None,
                };
                self.holdings.credit(grant).unwrap();
                self.sum += credit.milli;
                let bought = (credit.clone(), Reversals::default(), 0);
                self.purchases.insert(credit.id.clone(), bought);
            }
            Step::Reverse {
                id,
                purchase: of,
                cents,
            } => {
                self.settle(now);
                let (credit, reversals, ended) = self.purchases.get_mut(of).unwrap();
                let granted = sparks(credit.milli);
                let wanted = purchase(credit).unwrap().share(granted, part(*cents));
                let most = sparks(credit.milli - *ended);
                let taken = reversals
                    .take(&reversal(id), wanted.unwrap(), most)
                    .unwrap();
                self.holdings.take_back(&entry(of), taken).unwrap();
                self.sum -= taken.milli();
            }
            Step::Restore { id, purchase: of } => {
                self.settle(now);
                let (credit, reversals, ended) = self.purchases.get_mut(of).unwrap();
                let most = sparks(credit.milli - *ended);
                let restored = reversals.restore(&reversal(id), most).unwrap();
                let thirty_days = now + jiff::SignedDuration::from_hours(720);
                let grant = Grant {
                    id: entry(&format!("restored#{id}")),
                    source: source(credit),
                    remaining: restored,
                    granted_at: now,
                    expires_at: credit.expires_at.map(|end| end.max(thirty_days)),
                    restores: Some(entry(of)),
                };
                self.holdings.credit(grant).unwrap();
                self.sum += restored.milli();
            }
            Step::TakeOut { credit } => {
                self.settle(now);
                self.sum -= self
                    .holdings
                    .take_out(&entry(credit), sparks(i64::MAX))
                    .unwrap()
                    .milli();
            }
            Step::GiveBack { key, .. } => return self.give_back(key, now),
            Step::Read => {
                if self.holdings.account.is_due(now) {
                    self.settle(now);
                }
            }
        }
        true
    }
}

impl Pure {
    fn give_back(&mut self, key: &str, now: Timestamp) -> bool {
        let Some(spent) = self.spent.remove(key) else {
            return false;
        };
        self.settle(now);
        let grant = Grant {
            id: entry(&format!("returned#{}", self.id)),
            source: Source::Manual,
            remaining: spent,
            granted_at: now,
            expires_at: None,
            restores: None,
        };
        self.holdings.credit(grant).unwrap();
        self.sum += spent.milli();
        true
    }
}

#[test]
fn twenty_thousand_histories_match_the_model() {
    for seed in 0..20_000 {
        let history = History::random("a", seed, 40);
        let mut model = Model::new("acct_a", history.free_plan);
        let mut pure = Pure {
            id: "acct_a".parse().unwrap(),
            holdings: Holdings::new(history.free_plan, Timestamp::UNIX_EPOCH),
            purchases: HashMap::new(),
            spent: HashMap::new(),
            sum: 0,
        };
        for (number, (now, step)) in history.steps.iter().enumerate() {
            let covered = (model.apply(step, *now), pure.apply(step, *now));
            let at = || format!("seed {seed}, step {number}: {step:?} at {now}");
            assert_eq!(covered.0, covered.1, "{}", at());
            assert_eq!(
                model.available(),
                pure.holdings.account.available.milli(),
                "{}",
                at()
            );
            assert_eq!(
                model.left(),
                left(&pure.holdings.grants_left().unwrap()),
                "{}",
                at()
            );
            assert_eq!(
                (model.sum, pure.sum),
                (model.available(), model.available()),
                "{}",
                at()
            );
        }
    }
}

/// Ledger of one account in a table.
struct Table {
    ledger: Ledger,
    clock: Clock,
    id: AccountId,
}

impl Table {
    async fn apply(&self, step: &Step, now: Timestamp) -> bool {
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
                let usage = self.usage(key, *milli, now);
                let charging = self
                    .ledger
                    .charge(&self.id, &[usage], HashMap::new(), deadline)
                    .await;
                assert!(charging.failure.is_none(), "{charging:?}");
                return matches!(charging.outcomes[0], Some(Charged::Recorded(_)));
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
                let usage = UsageId::derive(
                    "local",
                    &self.id,
                    KeySpace::OwnTokens,
                    &key.parse().unwrap(),
                );
                let usage = EntryId::from(&usage);
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

    fn usage(&self, key: &str, milli: i64, now: Timestamp) -> UsageEntry {
        let key: IdempotencyKey = key.parse().unwrap();
        let line = json!({"meter": "ai_tokens", "input_tokens": milli / 100});
        let line: Line = serde_json::from_value(line).unwrap();
        let price = price_book::price(&[line], now).unwrap();
        assert_eq!(price.total, sparks(milli));
        UsageEntry {
            id: UsageId::derive("local", &self.id, KeySpace::OwnTokens, &key),
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

#[tokio::test]
async fn a_hundred_histories_in_the_table_match_the_model_and_verify() {
    through_the_table(0..100).await;
}

#[tokio::test]
async fn another_hundred_histories_in_the_table_match_the_model_and_verify() {
    through_the_table(100..200).await;
}

async fn through_the_table(seeds: Range<u64>) {
    let world = World::start().await;
    let lookup = |name: &str| world.environment().get(name).cloned();
    let environment = Environment::from_lookup(&lookup);
    let aws = environment.aws().unwrap();
    let table = environment.table().unwrap();
    let mut balances: HashMap<String, i64> = HashMap::new();
    for seed in seeds {
        let name = format!("h{seed}");
        let history = History::random(&name, 1_000_000 + seed, 14);
        let table = Table {
            ledger: Ledger::new(&aws, &table, &Transport::network()),
            clock: Clock::system(),
            id: name.parse().unwrap(),
        };
        let mut model = Model::new(&name, history.free_plan);
        let deadline = Deadline::lasting(&table.clock, std::time::Duration::from_secs(20));
        let start = history.steps[0].0;
        let deadline = &deadline.starting(start);
        if history.free_plan {
            let opened = table.ledger.open_account(&table.id, deadline);
            opened.await.unwrap();
            model.settle(start);
        } else {
            let credit = Credit {
                id: format!("{name}_first"),
                priority: 3,
                milli: 100,
                expires_at: None,
                paid: None,
            };
            table.apply(&Step::Credit(credit.clone()), start).await;
            model.credit(&credit, start);
        }
        for (number, (now, step)) in history.steps.iter().enumerate() {
            let at = || format!("seed {seed}, step {number}: {step:?} at {now}");
            let covered = table.apply(step, *now).await;
            assert_eq!(model.apply(step, *now), covered, "{}", at());
            let held = table.ledger.holdings(&table.id, deadline).await.unwrap();
            let held = held.unwrap();
            let available = held.account.available.milli();
            assert_eq!(model.available(), available, "{}", at());
            assert_eq!(model.left(), left(&held.grants_left().unwrap()), "{}", at());
        }
        balances.insert(name, model.available());
    }
    for entry in world.items("E#") {
        let amount: i64 = entry["amount"]["N"].as_str().unwrap().parse().unwrap();
        let account = entry["account"]["S"].as_str().unwrap();
        *balances.get_mut(account).unwrap() -= amount;
    }
    assert!(balances.values().all(|left| *left == 0), "{balances:?}");
    let verified = world.sparks(&["verify"]).await.unwrap();
    assert!(verified.starts_with("100 accounts with "), "{verified}");
}
