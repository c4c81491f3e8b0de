//! What must hold at every moment, and what must have come of everything in the end.

use std::collections::{BTreeMap, BTreeSet};

use local::dynamodb::Tables;
use local::langfuse::Langfuse;
use local::stack::TABLE;
use local::stripe::Stripe;
use serde_json::Value;

use super::Outcome;

/// What clients were told.
#[derive(Default)]
pub(super) struct Books(Vec<Told>);

struct Told {
    account: String,
    key: String,
    tokens: u64,
    outcome: Option<Outcome>,
}

impl Books {
    pub(super) fn expect(
        &mut self,
        account: &str,
        key: &str,
        tokens: u64,
        outcome: Option<Outcome>,
    ) {
        self.0.push(Told {
            account: account.to_owned(),
            key: key.to_owned(),
            tokens,
            outcome,
        });
    }

    /// What is wrong when everything has come to its end.
    pub(super) fn settle(
        &self,
        tables: &Tables,
        stripe: &Stripe,
        langfuse: &Langfuse,
    ) -> Vec<String> {
        let mut wrong = wrong_now(tables);
        let items = items(tables);
        let mut usages: BTreeMap<&str, &Value> = usages(&items).collect();
        for Told {
            account,
            key,
            tokens,
            outcome,
        } in &self.0
        {
            match outcome {
                None => wrong.push(format!("{account} {key} was never answered")),
                Some(Outcome::Refused) => {}
                Some(Outcome::Charged(receipt)) => {
                    let id = receipt["usage_id"].as_str().unwrap_or_default();
                    let Some(entry) = usages.remove(id) else {
                        wrong.push(format!(
                            "{account} {key} is not in the ledger, or twice: {receipt}"
                        ));
                        continue;
                    };
                    let milli = i64::try_from(*tokens).unwrap_or(i64::MAX) * 100;
                    if text(entry, "account") != account || number(entry, "amount") != -milli {
                        wrong.push(format!(
                            "{account} {key} of {milli} is another entry: {entry}"
                        ));
                    }
                }
            }
        }
        wrong.extend(
            usages
                .into_keys()
                .map(|id| format!("nobody was told of {id}")),
        );
        wrong.extend(undelivered(&items, stripe, langfuse));
        wrong
    }
}

/// What is wrong with the table right now: an account's balance is the sum of its entries, and none is below zero.
pub(super) fn wrong_now(tables: &Tables) -> Vec<String> {
    let items = items(tables);
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in items
        .iter()
        .filter(|item| text(item, "pk").starts_with("E#"))
    {
        *sums.entry(text(entry, "account")).or_default() += number(entry, "amount");
    }
    let mut wrong = Vec::new();
    for account in items.iter().filter(|item| text(item, "sk") == "A") {
        let name = text(account, "pk").trim_start_matches("A#");
        let (available, sum) = (
            number(account, "available"),
            sums.remove(name).unwrap_or_default(),
        );
        if available != sum || available < 0 {
            wrong.push(format!(
                "{name} has {available}, and its entries come to {sum}"
            ));
        }
    }
    wrong.extend(
        sums.into_keys()
            .map(|name| format!("{name} has entries and no balance")),
    );
    wrong
}

/// Whether something waits for the outbox.
pub(super) fn any_pending(tables: &Tables) -> bool {
    let items = items(tables);
    let mut buckets = items.iter().map(|item| text(item, "pending_bucket"));
    buckets.any(|bucket| bucket.starts_with("P#"))
}

/// Usages that Stripe's meter or Langfuse does not have, or has twice.
fn undelivered(items: &[Value], stripe: &Stripe, langfuse: &Langfuse) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut sum = 0;
    for (id, entry) in usages(items) {
        sum -= number(entry, "amount");
        for provider in ["langfuse", "stripe"] {
            let state = text(entry, provider);
            if state != "confirmed" {
                wrong.push(format!("{id} is {state} at {provider}"));
            }
        }
    }
    let (stripe, langfuse) = (stripe.state(), langfuse.state());
    let events = stripe["meter_events"].as_array().into_iter().flatten();
    let mut identifiers = BTreeSet::new();
    for event in events {
        let value: i64 = event["payload"]["value"]
            .as_str()
            .and_then(|value| value.parse().ok())
            .unwrap_or_default();
        sum -= value;
        if !identifiers.insert(event["identifier"].as_str().unwrap_or_default()) {
            wrong.push(format!("the meter has {} twice", event["identifier"]));
        }
    }
    if sum != 0 {
        wrong.push(format!("the meter lacks {sum} milli-Sparks"));
    }
    let spans = langfuse["spans"].as_array().into_iter().flatten();
    let mut traces: BTreeMap<&str, u32> = BTreeMap::new();
    for span in spans {
        *traces
            .entry(span["trace_id"].as_str().unwrap_or_default())
            .or_default() += 1;
    }
    for (id, _) in usages(items) {
        let trace = shared::langfuse::trace_id(id);
        match traces.remove(trace.as_str()) {
            Some(1) => {}
            found => wrong.push(format!(
                "Langfuse has {} traces of {id}",
                found.unwrap_or_default()
            )),
        }
    }
    wrong.extend(
        traces
            .into_keys()
            .map(|trace| format!("Langfuse has {trace} of nobody")),
    );
    wrong
}

fn items(tables: &Tables) -> Vec<Value> {
    tables.items(TABLE).unwrap_or_default()
}

fn usages(items: &[Value]) -> impl Iterator<Item = (&str, &Value)> {
    let entries = items
        .iter()
        .filter(|item| text(item, "pk").starts_with("E#use_"));
    entries.map(|entry| (text(entry, "id"), entry))
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

fn number(item: &Value, name: &str) -> i64 {
    item[name]["N"]
        .as_str()
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}
