//! Random histories match the balance and remainders of a plain model. They have debits, grants, expiries, refunds and
//! clocks.

mod table;

use std::collections::HashMap;
use std::ops::Range;

use jiff::Timestamp;
use shared::ledger::{Grant, Holdings, Part, Purchase, Reversals, Source};
use shared::pricing::catalog::{Kind, OrderTerms};
use shared::process::clock::Clock;
use shared::process::deadline::Deadline;
use shared::words::entry_id::EntryId;
use shared::words::id::{AccountId, ReversalId};
use shared::words::money::{Currency, Money};
use shared::words::sparks::Sparks;
use tests::World;
use tests::model::{Account, Credit, History, Left, Step};

use table::Table;

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
        order: None,
        terms: OrderTerms {
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
                self.reverse(id, of, *cents, now);
            }
            Step::Restore { id, purchase } => self.restore(id, purchase, now),
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

    fn reverse(&mut self, id: &str, of: &str, cents: i64, now: Timestamp) {
        self.settle(now);
        let (credit, reversals, ended) = self.purchases.get_mut(of).unwrap();
        let granted = sparks(credit.milli);
        let wanted = purchase(credit).unwrap().share(granted, part(cents));
        let most = sparks(credit.milli - *ended);
        let taken = reversals
            .take(&reversal(id), wanted.unwrap(), most)
            .unwrap();
        self.holdings.take_back(&entry(of), taken).unwrap();
        self.sum -= taken.milli();
    }

    fn restore(&mut self, id: &str, of: &str, now: Timestamp) {
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
        let mut model = Account::new("acct_a", history.free_plan);
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
                (model.sum(), pure.sum),
                (model.available(), model.available()),
                "{}",
                at()
            );
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
    let mut balances: HashMap<String, i64> = HashMap::new();
    for seed in seeds {
        let name = format!("h{seed}");
        let history = History::random(&name, 1_000_000 + seed, 14);
        let table = Table {
            ledger: world.ledger(),
            clock: Clock::system(),
            id: name.parse().unwrap(),
        };
        let mut model = Account::new(&name, history.free_plan);
        let deadline = Deadline::lasting(&table.clock, std::time::Duration::from_secs(20));
        let start = history.steps[0].0;
        let deadline = &deadline.starting(start);
        if history.free_plan {
            let opened = table.ledger.open_account(&table.id, deadline);
            opened.await.unwrap();
            model.settle(start);
        } else {
            let credit = Credit::for_good(&format!("{name}_first"), 100);
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
