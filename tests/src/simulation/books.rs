//! The answers that callers received, against which the ledger is checked.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::World;
use super::calls::Answer;
use super::items::number;

/// A usage as an app records it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) tokens: u64,
    pub(super) milliseconds: u64,
    pub(super) gigabyte_hours: u64,
}

impl Usage {
    /// Returns the cost in milli-Sparks, added up exactly and rounded up once.
    ///
    /// The prices are 0.1 Spark a token, 50 Sparks a minute, and 500 Sparks a gigabyte-month of 730 hours.
    pub(super) fn milli(&self) -> i64 {
        // In parts of 1/438 milli-Spark: a token costs 100 milli-Sparks, a millisecond 5/6, a gigabyte-hour 50,000/73.
        let parts =
            self.tokens * 100 * 438 + self.milliseconds * 5 * 73 + self.gigabyte_hours * 50_000 * 6;
        i64::try_from(parts.div_ceil(438)).unwrap_or(i64::MAX)
    }
}

/// The last known outcome of a usage.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    /// No final answer yet.
    Nothing,
    /// Charged under this id and at this time; `heard_at` is when the caller knew it first.
    Charged {
        id: String,
        at: String,
        heard_at: Timestamp,
    },
    /// Refused, because there were too few Sparks.
    Refused,
}

#[derive(Clone, Debug)]
struct Told {
    usage: Usage,
    heard: Heard,
}

/// An order, and the Checkout Session that it was answered with.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) account: String,
    pub(super) key: String,
    pub(super) item: &'static str,
    pub(super) session: Option<String>,
}

/// Usages by account and key.
type Usages = BTreeMap<(String, String), Told>;

/// The answers that callers received.
#[derive(Default)]
pub(super) struct Books {
    usages: Mutex<Usages>,
    orders: Mutex<Vec<Order>>,
    /// The operator's grants by account and key; true if the grant was confirmed.
    grants: Mutex<BTreeMap<(String, String), bool>>,
}

impl Books {
    fn usages(&self) -> MutexGuard<'_, Usages> {
        self.usages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn orders_mut(&self) -> MutexGuard<'_, Vec<Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a usage that is about to be recorded.
    pub(super) fn begins(&self, account: &str, key: &str, usage: &Usage) {
        let told = Told {
            usage: usage.clone(),
            heard: Heard::Nothing,
        };
        self.usages()
            .insert((account.to_owned(), key.to_owned()), told);
    }

    /// Returns whether a usage is known to be charged.
    pub(super) fn is_charged(&self, account: &str, key: &str) -> bool {
        let usages = self.usages();
        let told = usages.get(&(account.to_owned(), key.to_owned()));
        told.is_some_and(|told| matches!(told.heard, Heard::Charged { .. }))
    }

    /// Marks the outcome of a usage as unknown.
    pub(super) fn is_unknown(&self, account: &str, key: &str) {
        let mut usages = self.usages();
        if let Some(told) = usages.get_mut(&(account.to_owned(), key.to_owned()))
            && told.heard == Heard::Refused
        {
            told.heard = Heard::Nothing;
        }
    }

    /// Returns all usages, to be sent again.
    pub(super) fn asked(&self) -> Vec<(String, String, Usage)> {
        let usages = self.usages();
        let asked = usages.iter();
        asked
            .map(|((account, key), told)| (account.clone(), key.clone(), told.usage.clone()))
            .collect()
    }

    /// Returns the ids of all charged usages, each with its account and its amount.
    pub(super) fn charged(&self) -> BTreeMap<String, (String, i64)> {
        let usages = self.usages();
        let charged = usages.iter().filter_map(|((account, _), told)| {
            let Heard::Charged { id, .. } = &told.heard else {
                return None;
            };
            Some((id.clone(), (account.clone(), told.usage.milli())))
        });
        charged.collect()
    }

    /// Returns the usages that never got a final answer.
    pub(super) fn unanswered(&self) -> Vec<String> {
        let usages = self.usages();
        let silent = usages
            .iter()
            .filter(|(_, told)| told.heard == Heard::Nothing);
        silent
            .map(|((account, key), _)| format!("{account} {key} was never answered"))
            .collect()
    }

    /// Adds an order that is about to be made.
    pub(super) fn orders(&self, account: &str, key: &str, item: &'static str) {
        self.orders_mut().push(Order {
            account: account.to_owned(),
            key: key.to_owned(),
            item,
            session: None,
        });
    }

    /// Adds a grant that the operator requests, or marks it as confirmed.
    pub(super) fn grant(&self, account: &str, key: &str, told: bool) {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        *grants
            .entry((account.to_owned(), key.to_owned()))
            .or_default() |= told;
    }

    /// Returns how many grants of an account the operator requested, and how many were confirmed.
    pub(super) fn grants_of(&self, account: &str) -> (usize, usize) {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let own = grants.iter().filter(|((of, _), _)| of == account);
        let told = own.clone().filter(|(_, told)| **told).count();
        (own.count(), told)
    }

    /// Returns all orders.
    pub(super) fn all_orders(&self) -> Vec<Order> {
        self.orders_mut().clone()
    }

    /// Sets the Checkout Session of an order; fails if the order had another one before.
    pub(super) fn opened(&self, account: &str, key: &str, session: &str) -> Result<(), String> {
        let mut orders = self.orders_mut();
        let mut own = orders.iter_mut();
        let order = own.find(|order| order.account == account && order.key == key);
        let order = order.expect("an order");
        let before = order.session.replace(session.to_owned());
        match before {
            Some(before) if before != session => {
                Err(format!("{account} {key} is {before}, but then {session}"))
            }
            _ => Ok(()),
        }
    }
}

/// Parses printed Sparks as milli-Sparks.
pub(super) fn milli(text: &Value) -> i64 {
    let text = text.as_str().unwrap_or_default().replace('.', "");
    text.parse().unwrap_or(i64::MIN)
}

impl World {
    /// Adds an answer to a usage, and checks that it is true.
    pub(super) async fn hears(&self, account: &str, key: &str, usage: &Usage, answer: &Answer) {
        let Answer { status, body, .. } = answer;
        let wrong = |what: &str| {
            let what = format!("{account} {key}: {what}: {status} {body}");
            self.network.violation(what);
        };
        let heard = match *status {
            201 => {
                let id = body["usage_id"].as_str().unwrap_or_default().to_owned();
                if milli(&body["sparks"]) != usage.milli() {
                    wrong(&format!("costs {} milli-Sparks", usage.milli()));
                }
                // A usage that is answered must be in the table by now.
                let entry = self.item(&format!("E#{id}"), "E").await;
                if entry.is_none_or(|entry| number(&entry, "amount") != -usage.milli()) {
                    wrong("is not in the ledger");
                }
                let at = body["recorded_at"].as_str().unwrap_or_default().to_owned();
                Heard::Charged {
                    id,
                    at,
                    heard_at: self.clock.now(),
                }
            }
            402 => {
                let (required, available) = (milli(&body["required"]), milli(&body["available"]));
                if required != usage.milli() || available >= required {
                    wrong("is refused");
                }
                Heard::Refused
            }
            _ => return wrong("has an unexpected answer"),
        };
        let mut usages = self.books.usages();
        let told = usages.get_mut(&(account.to_owned(), key.to_owned()));
        let told = told.expect("a usage that was begun");
        match (&told.heard, &heard) {
            (
                Heard::Charged { id, at, .. },
                Heard::Charged {
                    id: again,
                    at: then,
                    ..
                },
            ) if (id, at) == (again, then) => {}
            // A concurrent request was refused before the Sparks came in.
            (Heard::Charged { heard_at, .. }, Heard::Refused) if answer.asked_at < *heard_at => {}
            (Heard::Charged { .. }, _) => wrong(&format!("was {:?} before", told.heard)),
            _ => told.heard = heard,
        }
    }
}
