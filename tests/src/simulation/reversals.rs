//! What refunds and disputes must have taken back of each purchase in the end.

use std::collections::BTreeMap;

use serde_json::Value;

use super::World;
use super::items::{number, text};
use super::plan::Webhooks;
use super::verdict::{entries, list};

/// A purchase as Stripe knows it.
struct Purchase<'a> {
    /// The id of its credit.
    id: &'a str,
    payment: &'a str,
    /// What was paid.
    cents: i64,
}

impl World {
    /// Purchases of which refunds and disputes took something else than their share.
    ///
    /// What stands of them takes its part of what was paid, each rounded up, and all together at most what was granted
    /// and has not ended.
    pub(super) fn reversals_wrong(&self, items: &[Value], stripe: &Value) -> Vec<String> {
        if self.plan.webhooks == Webhooks::Never {
            return Vec::new();
        }
        let mut booked: BTreeMap<&str, &Value> = entries(items)
            .filter(|entry| matches!(text(entry, "kind"), "reversal" | "restoration"))
            .map(|entry| (text(entry, "id"), entry))
            .collect();
        let mut wrong = Vec::new();
        for purchase in purchases(stripe) {
            let credit = entries(items).find(|entry| text(entry, "id") == purchase.id);
            if let Some(credit) = credit {
                let ended = ended(items, purchase.id);
                wrong.extend(purchase.wrong(credit, ended, stripe, &mut booked));
            }
        }
        let strange = booked.into_values();
        wrong.extend(strange.map(|entry| format!("there is no refund or dispute of {entry}")));
        wrong
    }
}

/// Pages and invoices that were paid.
fn purchases(stripe: &Value) -> Vec<Purchase<'_>> {
    let mut purchases = Vec::new();
    for session in list(&stripe["checkout_sessions"]) {
        purchases.extend(Purchase::of(
            &session["id"],
            &session["payment_intent"],
            &session["amount_total"],
        ));
    }
    for paid in list(&stripe["invoice_payments"]) {
        let payment = &paid["payment"]["payment_intent"];
        purchases.extend(Purchase::of(
            &paid["invoice"],
            payment,
            &paid["amount_paid"],
        ));
    }
    purchases
}

/// What has ended of a purchase, restored parts included.
fn ended(items: &[Value], purchase: &str) -> i64 {
    let restored = entries(items).filter(|entry| text(entry, "restores") == purchase);
    let grants: Vec<&str> = restored
        .map(|entry| text(entry, "id"))
        .chain([purchase])
        .collect();
    let ended = entries(items).filter(|entry| text(entry, "kind") == "expiry");
    let of_it = ended.filter(|entry| grants.contains(&text(entry, "grant")));
    of_it.map(|entry| -number(entry, "amount")).sum()
}

impl<'a> Purchase<'a> {
    fn of(id: &'a Value, payment: &'a Value, cents: &'a Value) -> Option<Self> {
        Some(Self {
            id: id.as_str()?,
            payment: payment.as_str()?,
            cents: cents.as_i64()?,
        })
    }

    /// Compares what was booked of it, which is taken out, with what is due.
    fn wrong(
        &self,
        credit: &Value,
        ended: i64,
        stripe: &Value,
        booked: &mut BTreeMap<&str, &Value>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let (granted, paid) = (number(credit, "amount"), self.cents.max(1));
        let (mut wanted, mut taken) = (0, 0);
        let objects = list(&stripe["refunds"]).chain(list(&stripe["disputes"]));
        for object in objects.filter(|object| object["payment_intent"] == self.payment) {
            let object_id = object["id"].as_str().unwrap_or_default();
            let ended = matches!(
                object["status"].as_str(),
                Some("failed" | "canceled" | "won")
            );
            if !ended {
                let part = granted * object["amount"].as_i64().unwrap_or_default();
                wanted += part.div_euclid(paid) + i64::from(part % paid != 0);
            }
            let entry = booked.remove(object_id);
            let restored = booked.remove(format!("restored#{object_id}").as_str());
            if !ended && (entry.is_none() || restored.is_some()) {
                wrong.push(format!("{object_id} took nothing back: {object}"));
            }
            for entry in [entry, restored].into_iter().flatten() {
                taken += number(entry, "amount");
                if text(entry, "account") != text(credit, "account") {
                    wrong.push(format!("{object_id} is of another account: {entry}"));
                }
            }
        }
        let id = self.id;
        if taken != -wanted.min(granted - ended) {
            wrong.push(format!(
                "{taken} of {id} was taken, and {wanted} of {granted} is due, of which {ended} have ended"
            ));
        }
        wrong
    }
}
