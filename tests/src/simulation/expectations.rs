//! The answers that callers received, from which the auditor knows what the ledger must hold.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::World;
use super::calls::Answer;
use super::items::{milli, number};
use crate::model::Usage;

/// The last known outcome of a usage.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// No final answer yet.
    Unknown,
    /// Charged under this id and at this time. `known_at` is when the caller knew it first.
    Charged {
        id: String,
        at: String,
        known_at: Timestamp,
    },
    /// Refused, because there were too few Sparks.
    Refused,
}

/// A usage as an app records it, and its outcome.
#[derive(Clone, Debug)]
struct Known {
    usage: Usage,
    outcome: Outcome,
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
type Usages = BTreeMap<(String, String), Known>;

/// The answers that callers received.
#[derive(Default)]
pub(super) struct Expectations {
    usages: Mutex<Usages>,
    orders: Mutex<Vec<Order>>,
    /// The operator's grants by account and key; true if the grant was confirmed.
    grants: Mutex<BTreeMap<(String, String), bool>>,
}

impl Expectations {
    fn usages(&self) -> MutexGuard<'_, Usages> {
        self.usages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn orders_mut(&self) -> MutexGuard<'_, Vec<Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a usage that is about to be recorded.
    pub(super) fn begins(&self, account: &str, key: &str, usage: &Usage) {
        let known = Known {
            usage: *usage,
            outcome: Outcome::Unknown,
        };
        self.usages()
            .insert((account.to_owned(), key.to_owned()), known);
    }

    /// Returns whether a usage is known to be charged.
    pub(super) fn is_charged(&self, account: &str, key: &str) -> bool {
        let usages = self.usages();
        let known = usages.get(&(account.to_owned(), key.to_owned()));
        known.is_some_and(|known| matches!(known.outcome, Outcome::Charged { .. }))
    }

    /// Marks the outcome of a usage as unknown.
    pub(super) fn is_unknown(&self, account: &str, key: &str) {
        let mut usages = self.usages();
        if let Some(known) = usages.get_mut(&(account.to_owned(), key.to_owned()))
            && known.outcome == Outcome::Refused
        {
            known.outcome = Outcome::Unknown;
        }
    }

    /// Returns all usages, to be sent again.
    pub(super) fn asked(&self) -> Vec<(String, String, Usage)> {
        let usages = self.usages();
        let asked = usages.iter();
        asked
            .map(|((account, key), known)| (account.clone(), key.clone(), known.usage))
            .collect()
    }

    /// Returns the ids of all charged usages, each with its account and its amount.
    pub(super) fn charged(&self) -> BTreeMap<String, (String, i64)> {
        let usages = self.usages();
        let charged = usages.iter().filter_map(|((account, _), known)| {
            let Outcome::Charged { id, .. } = &known.outcome else {
                return None;
            };
            Some((id.clone(), (account.clone(), known.usage.milli())))
        });
        charged.collect()
    }

    /// Returns the usages that never got a final answer.
    pub(super) fn unanswered(&self) -> Vec<String> {
        let usages = self.usages();
        let silent = usages
            .iter()
            .filter(|(_, known)| known.outcome == Outcome::Unknown);
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
    pub(super) fn grant(&self, account: &str, key: &str, confirmed: bool) {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        *grants
            .entry((account.to_owned(), key.to_owned()))
            .or_default() |= confirmed;
    }

    /// Returns how many grants of an account the operator requested, and how many were confirmed.
    pub(super) fn grants_of(&self, account: &str) -> (usize, usize) {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let own = grants.iter().filter(|((of, _), _)| of == account);
        let confirmed = own.clone().filter(|(_, confirmed)| **confirmed).count();
        (own.count(), confirmed)
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

impl World {
    /// Adds an answer to a usage, and checks that it is true.
    pub(super) async fn hears(&self, account: &str, key: &str, usage: &Usage, answer: &Answer) {
        let Answer { status, body, .. } = answer;
        let wrong = |what: &str| {
            let what = format!("{account} {key}: {what}: {status} {body}");
            self.network.violation(what);
        };
        let outcome = match *status {
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
                Outcome::Charged {
                    id,
                    at,
                    known_at: self.clock.now(),
                }
            }
            402 => {
                let (required, available) = (milli(&body["required"]), milli(&body["available"]));
                if required != usage.milli() || available >= required {
                    wrong("is refused");
                }
                Outcome::Refused
            }
            _ => return wrong("has an unexpected answer"),
        };
        let mut usages = self.expectations.usages();
        let known = usages.get_mut(&(account.to_owned(), key.to_owned()));
        let known = known.expect("a usage that was begun");
        match (&known.outcome, &outcome) {
            (
                Outcome::Charged { id, at, .. },
                Outcome::Charged {
                    id: again,
                    at: then,
                    ..
                },
            ) if (id, at) == (again, then) => {}
            // A concurrent request was refused before the Sparks came in.
            (Outcome::Charged { known_at, .. }, Outcome::Refused)
                if answer.asked_at < *known_at => {}
            (Outcome::Charged { .. }, _) => wrong(&format!("was {:?} before", known.outcome)),
            _ => known.outcome = outcome,
        }
    }
}
