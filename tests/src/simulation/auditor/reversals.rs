//! Checks the Sparks that refunds, disputes and credit notes have clawed back in the end.

use std::collections::BTreeMap;

use serde_json::Value;

use super::verdict::entries;
use crate::model::{self, share};
use crate::simulation::World;
use crate::simulation::items::{list, number, owed, text};
use crate::simulation::plan::Webhooks;

/// A purchase according to Stripe.
struct Purchase<'a> {
    /// The id of its credit.
    id: &'a str,
    payments: Vec<&'a Value>,
    /// The amount due, paid by a card or from the customer's balance.
    cents: i64,
}

/// A refund, a dispute or a credit note.
struct Back<'a> {
    id: &'a str,
    cents: i64,
    /// True if it has failed, was won or was voided.
    is_nothing: bool,
}

impl World {
    /// Returns purchases whose refunds, disputes and credit notes did not take their share.
    ///
    /// Each one that stands takes its part of the amount paid, rounded up; all together take at most what was granted
    /// and has not expired.
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
                let expired = expired(items, purchase.id);
                wrong.extend(purchase.wrong(credit, expired, stripe, &mut booked));
            }
        }
        let strange = booked.into_values();
        wrong.extend(
            strange.map(|entry| format!("no refund, dispute or credit note belongs to {entry}")),
        );
        wrong
    }
}

/// Returns the Checkout Sessions and invoices that were paid.
fn purchases(stripe: &Value) -> Vec<Purchase<'_>> {
    let mut purchases = Vec::new();
    for session in list(&stripe["checkout_sessions"]) {
        let payment = &session["payment_intent"];
        if payment.is_string() {
            let total = &session["amount_total"];
            let total = total.as_i64();
            purchases.extend(Purchase::of(&session["id"], vec![payment], total));
        }
    }
    for invoice in list(&stripe["invoices"]) {
        let paid = list(&stripe["invoice_payments"]);
        let paid = paid.filter(|paid| paid["invoice"] == invoice["id"]);
        let payments = paid.map(|paid| &paid["payment"]["payment_intent"]);
        let payments = payments.collect();
        purchases.extend(Purchase::of(&invoice["id"], payments, Some(owed(invoice))));
    }
    purchases
}

/// Returns the expired amount of a purchase, including restored parts.
fn expired(items: &[Value], purchase: &str) -> i64 {
    let restored = entries(items).filter(|entry| text(entry, "restores") == purchase);
    let grants: Vec<&str> = restored
        .map(|entry| text(entry, "id"))
        .chain([purchase])
        .collect();
    let expired = entries(items).filter(|entry| text(entry, "kind") == "expiry");
    let of_it = expired.filter(|entry| grants.contains(&text(entry, "grant")));
    of_it.map(|entry| -number(entry, "amount")).sum()
}

impl<'a> Purchase<'a> {
    fn of(id: &'a Value, payments: Vec<&'a Value>, cents: Option<i64>) -> Option<Self> {
        Some(Self {
            id: id.as_str()?,
            payments,
            cents: cents?,
        })
    }

    /// Returns its refunds, disputes and credit notes at Stripe.
    fn backs(&self, stripe: &'a Value) -> Vec<Back<'a>> {
        let objects = list(&stripe["refunds"]).chain(list(&stripe["disputes"]));
        let of_payments = objects.filter(|it| self.payments.contains(&&it["payment_intent"]));
        let notes = list(&stripe["credit_notes"]);
        let of_invoice = notes.filter(|note| note["invoice"] == self.id);
        of_payments
            .map(Back::of_payment)
            .chain(of_invoice.filter_map(Back::of_invoice))
            .collect()
    }

    /// Removes its reversals from `booked`, and compares them with those that are due.
    fn wrong(
        &self,
        credit: &Value,
        expired: i64,
        stripe: &Value,
        booked: &mut BTreeMap<&str, &Value>,
    ) -> Vec<String> {
        let (mut wrong, mut taken) = (Vec::new(), 0);
        let paid = self.cents.max(1);
        let mut purchase = model::Purchase {
            granted: number(credit, "amount"),
            expired,
            ..model::Purchase::default()
        };
        for back in self.backs(stripe) {
            let back_id = back.id;
            if !back.is_nothing {
                purchase.reverse(back_id, share(purchase.granted, back.cents, paid));
            }
            let entry = booked.remove(back_id);
            let restored = booked.remove(format!("restored#{back_id}").as_str());
            if !back.is_nothing && (entry.is_none() || restored.is_some()) {
                wrong.push(format!("{back_id} of {} took nothing back", self.id));
            }
            for entry in [entry, restored].into_iter().flatten() {
                taken += number(entry, "amount");
                if text(entry, "account") != text(credit, "account") {
                    wrong.push(format!("{back_id} is of another account: {entry}"));
                }
            }
        }
        let id = self.id;
        if taken != -purchase.due() {
            wrong.push(format!(
                "{taken} of {id} was taken, but due is {purchase:?}"
            ));
        }
        wrong
    }
}

impl<'a> Back<'a> {
    /// Reads a refund or a dispute.
    fn of_payment(object: &'a Value) -> Self {
        let case = &object["payment_method_details"]["card"]["case_type"];
        Self {
            id: object["id"].as_str().unwrap_or_default(),
            cents: object["amount"].as_i64().unwrap_or_default(),
            is_nothing: match object["status"].as_str() {
                Some("failed" | "canceled" | "won") => true,
                // After a resolution, the cardholder has the money.
                Some("prevented") => case == "block",
                _ => false,
            },
        }
    }

    /// Reads a credit note without the part that is a refund. None if all of it is.
    fn of_invoice(note: &'a Value) -> Option<Self> {
        let refunds = list(&note["refunds"]).map(|it| it["amount_refunded"].as_i64());
        let refunded: i64 = refunds.flatten().sum();
        let cents = note["post_payment_amount"].as_i64()? - refunded;
        (cents > 0).then_some(Self {
            id: note["id"].as_str()?,
            cents,
            is_nothing: note["status"] == "void",
        })
    }
}
