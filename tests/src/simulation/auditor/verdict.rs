//! The checks at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use local::dynamodb::Item;
use local::stack::TABLE;
use serde_json::Value;

use crate::model::PLAN;
use crate::simulation::World;
use crate::simulation::actors::buyers::ITEMS;
use crate::simulation::actors::operator::GRANTED;
use crate::simulation::items::{list, number, owed, text};

/// The work that waits for the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Waiting {
    Nothing,
    /// Only orders that are not settled.
    Orders,
    Usages,
}

impl World {
    /// Checks that everything is completed, and correct.
    pub(in super::super) fn judge(&self) {
        let items = self.items();
        let (stripe, langfuse) = (self.stripe.state(), self.langfuse.state());
        let mut wrong = self.expectations.unanswered();
        wrong.extend(self.usages_wrong(&items));
        wrong.extend(metered_wrong(&items, &stripe));
        wrong.extend(traced_wrong(&items, &langfuse));
        wrong.extend(self.credits_wrong(&items, &stripe));
        wrong.extend(self.reversals_wrong(&items, &stripe));
        wrong.extend(Self::incidents_wrong(&items, &stripe));
        wrong.extend(customers_wrong(&items, &stripe));
        for wrong in wrong {
            self.network.violation(wrong);
        }
    }

    /// Returns charged usages that the ledger lacks. Also returns usages in the ledger that no caller was charged for.
    fn usages_wrong(&self, items: &[Value]) -> Vec<String> {
        let mut charged = self.expectations.charged();
        let mut wrong = Vec::new();
        for (id, entry) in usages(items) {
            match charged.remove(id) {
                None => wrong.push(format!("no caller was charged for {id}: {entry}")),
                Some((account, milli)) => {
                    if text(entry, "account") != account || number(entry, "amount") != -milli {
                        wrong.push(format!(
                            "{id} of {account} over {milli} is another entry: {entry}"
                        ));
                    }
                }
            }
        }
        let lost = charged.into_iter();
        wrong.extend(lost.map(|(id, of)| format!("{id} of {of:?} is not in the ledger, or twice")));
        wrong
    }

    /// Returns payments without a credit, and credits without a payment.
    pub(in super::super) fn credits_wrong(&self, items: &[Value], stripe: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut credits: BTreeMap<&str, &Value> = entries(items)
            .filter(|entry| text(entry, "kind") == "credit")
            .filter(|entry| matches!(text(entry, "source"), "pack" | "plan"))
            .map(|entry| (text(entry, "id"), entry))
            .collect();
        let mut expect = |id: &str, account: Option<String>, milli: i64| match credits.remove(id) {
            None => Some(format!("{id} of {account:?} is paid but not credited")),
            Some(entry) => {
                let of = account.is_none_or(|account| text(entry, "account") == account);
                let right = of && number(entry, "amount") == milli;
                (!right).then(|| format!("{id} over {milli} is another credit: {entry}"))
            }
        };
        let orders = self.expectations.all_orders();
        let accounts = accounts_of_customers(stripe);
        for session in list(&stripe["checkout_sessions"]) {
            let id = session["id"].as_str().unwrap_or_default();
            if session["mode"] != "payment" || session["payment_status"] != "paid" {
                continue;
            }
            let order = orders
                .iter()
                .find(|order| order.session.as_deref() == Some(id));
            let item = order.map_or("", |order| order.item);
            let milli = ITEMS.iter().find(|(name, _)| *name == item);
            let milli = milli.map_or(0, |(_, milli)| *milli);
            wrong.extend(expect(id, order.map(|order| order.account.clone()), milli));
        }
        for invoice in list(&stripe["invoices"]) {
            let paid = invoice["status"] == "paid" && owed(invoice) > 0;
            if paid {
                let id = invoice["id"].as_str().unwrap_or_default();
                let customer = invoice["customer"].as_str().unwrap_or_default();
                let account = accounts.get(customer).map(|account| (*account).to_owned());
                wrong.extend(expect(id, account, PLAN.1));
            }
        }
        let unpaid = credits.into_values();
        wrong.extend(unpaid.map(|entry| format!("there is no payment for {entry}")));
        wrong.extend(self.grants_wrong(items));
        wrong
    }

    /// Returns the operator's grants that are missing, were not requested, or have another amount.
    fn grants_wrong(&self, items: &[Value]) -> Vec<String> {
        let mut wrong = Vec::new();
        for account in self.accounts() {
            let own = entries(items).filter(|entry| {
                text(entry, "source") == "manual" && text(entry, "account") == account
            });
            let own: Vec<&Value> = own.collect();
            let (tried, known) = self.expectations.grants_of(&account);
            if own.len() < known || own.len() > tried {
                let found = own.len();
                let what =
                    format!("{account} has {found} grants: {tried} requested, {known} confirmed");
                wrong.push(what);
            }
            let other = own
                .into_iter()
                .filter(|entry| number(entry, "amount") != GRANTED);
            wrong.extend(other.map(|entry| format!("the operator did not grant {entry}")));
        }
        wrong
    }

    /// Returns the work that waits for the outbox, due or not. A subscription always waits, for its next period.
    pub(in super::super) fn waiting(&self) -> Waiting {
        let is_listed = |item: &Item| {
            let bucket = item.text("pending_bucket").unwrap_or_default();
            bucket.starts_with("P#")
        };
        let waits = |kinds: &[&str]| {
            self.any_item(|item| {
                is_listed(item) && item.text("sk").is_some_and(|kind| kinds.contains(&kind))
            })
        };
        if waits(&["E", "B"]) {
            Waiting::Usages
        } else if waits(&["I"]) {
            Waiting::Orders
        } else {
            Waiting::Nothing
        }
    }

    /// Returns whether any delivery is parked.
    pub(in super::super) fn any_parked(&self) -> bool {
        self.any_item(|item| {
            item.text("stripe") == Some("parked") || item.text("langfuse") == Some("parked")
        })
    }

    fn any_item(&self, is: impl Fn(&Item) -> bool) -> bool {
        let mut any = false;
        let seen = self.tables.each_item(TABLE, |item| any |= is(item));
        seen.expect("the table");
        any
    }
}

/// Returns usages that Stripe's meter lacks, has twice, or has for another account or time.
fn metered_wrong(items: &[Value], stripe: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let accounts = accounts_of_customers(stripe);
    let mut told: BTreeMap<&str, &Value> = BTreeMap::new();
    for event in list(&stripe["meter_events"]) {
        let identifier = event["identifier"].as_str().unwrap_or_default();
        if told.insert(identifier, event).is_some() {
            wrong.push(format!("the meter has {identifier} twice"));
        }
    }
    // A usage's own event, or its parcel's: account, value, and the latest time.
    let mut expected: BTreeMap<&str, (&str, i64, i64)> = BTreeMap::new();
    for (id, entry) in usages(items) {
        // The meter gets no event for a usage that costs nothing.
        let free = number(entry, "amount") == 0;
        if text(entry, "stripe") != if free { "off" } else { "confirmed" } {
            wrong.push(format!("{id} is {} at stripe", text(entry, "stripe")));
        }
        if free {
            continue;
        }
        let parcel = text(entry, "parcel");
        let identifier = if parcel.is_empty() { id } else { parcel };
        let (_, value, second) =
            expected
                .entry(identifier)
                .or_insert((text(entry, "account"), 0, i64::MIN));
        *value -= number(entry, "amount");
        *second = (*second).max(number(entry, "occurred_at").div_euclid(1_000));
    }
    for (identifier, (account, value, second)) in expected {
        let Some(event) = told.remove(identifier) else {
            wrong.push(format!(
                "the meter lacks {identifier} of {account} over {value}"
            ));
            continue;
        };
        let customer = event["payload"]["stripe_customer_id"]
            .as_str()
            .unwrap_or_default();
        let same = event["payload"]["value"] == value.to_string().as_str()
            && event["timestamp"].as_i64() == Some(second)
            && accounts.get(customer) == Some(&account);
        if !same {
            wrong.push(format!(
                "the meter has {event} for {account}'s {value} at {second}"
            ));
        }
    }
    let strange = told.into_keys();
    wrong.extend(
        strange.map(|identifier| format!("the meter has {identifier}, which no usage explains")),
    );
    wrong
}

/// Returns the account of each customer, according to Stripe.
fn accounts_of_customers(stripe: &Value) -> BTreeMap<&str, &str> {
    let customers = list(&stripe["customers"]);
    let told = customers.filter_map(|customer| {
        let account = customer["metadata"]["account"].as_str()?;
        Some((customer["id"].as_str()?, account))
    });
    told.collect()
}

/// Returns usages that Langfuse lacks, has twice, or has at another time.
fn traced_wrong(items: &[Value], langfuse: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut traces: BTreeMap<&str, u32> = BTreeMap::new();
    let mut starts: BTreeMap<String, String> = BTreeMap::new();
    for span in list(&langfuse["spans"]) {
        let trace = span["trace_id"].as_str().unwrap_or_default();
        *traces.entry(trace).or_default() += 1;
    }
    for (id, entry) in usages(items) {
        if text(entry, "langfuse") != "confirmed" {
            wrong.push(format!("{id} is {} at langfuse", text(entry, "langfuse")));
        }
        let at = Timestamp::from_millisecond(number(entry, "occurred_at")).unwrap_or_default();
        starts.insert(
            shared::providers::langfuse::trace_id(id),
            format!("{at:.3}"),
        );
        let trace = shared::providers::langfuse::trace_id(id);
        let found = traces.remove(trace.as_str()).unwrap_or_default();
        if found != 1 {
            wrong.push(format!("Langfuse has {found} traces of {id}"));
        }
    }
    for span in list(&langfuse["spans"]) {
        let trace = span["trace_id"].as_str().unwrap_or_default();
        let start = span["start"].as_str().unwrap_or_default();
        if starts.get(trace).is_some_and(|known| known != start) {
            wrong.push(format!("Langfuse has {trace} at another time, {start}"));
        }
    }
    let strange = traces.into_keys();
    wrong.extend(strange.map(|trace| format!("Langfuse has {trace}, which no usage explains")));
    wrong
}

/// Returns customers in use that belong to no account, and accounts with two customers.
fn customers_wrong(items: &[Value], stripe: &Value) -> Vec<String> {
    let known = items.iter().filter(|item| text(item, "sk") == "X");
    let known: BTreeMap<&str, &str> = known
        .map(|item| {
            (
                text(item, "pk").trim_start_matches("X#"),
                text(item, "customer_of"),
            )
        })
        .collect();
    let events = list(&stripe["meter_events"]).map(|event| &event["payload"]["stripe_customer_id"]);
    let sessions = list(&stripe["checkout_sessions"]).map(|session| &session["customer"]);
    let used: BTreeSet<&str> = events.chain(sessions).filter_map(Value::as_str).collect();
    let strange = used
        .into_iter()
        .filter(|customer| !known.contains_key(customer));
    let mut wrong: Vec<String> = strange
        .map(|customer| format!("{customer} is used, but belongs to no account"))
        .collect();
    let accounts: BTreeSet<&&str> = known.values().collect();
    if accounts.len() < known.len() {
        wrong.push(format!("an account has two customers: {known:?}"));
    }
    wrong
}

pub(in super::super) fn entries(items: &[Value]) -> impl Iterator<Item = &Value> {
    items.iter().filter(|item| text(item, "sk") == "E")
}

fn usages(items: &[Value]) -> impl Iterator<Item = (&str, &Value)> {
    let usages = entries(items).filter(|entry| text(entry, "kind") == "usage");
    usages.map(|entry| (text(entry, "id"), entry))
}
