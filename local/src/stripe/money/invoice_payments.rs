//! Invoice payments: the links between invoices and their payments.

use serde_json::{Value, json};

use crate::stripe::state::State;
use crate::stripe::wire::json::{set, text};

const KIND: &str = "invoice_payments";

/// Returns Stripe's own payment of an invoice's amount due, paid or open.
fn default_of<'s>(state: &'s State, invoice: &str) -> Option<&'s Value> {
    let mut links = state.objects.all(KIND);
    links.find(|link| link["invoice"] == invoice && link["is_default"] == true)
}

/// Returns the id of the payment of an invoice's amount due, paid or open.
pub(crate) fn default_payment(state: &State, invoice: &str) -> Option<String> {
    let link = default_of(state, invoice)?;
    Some(text(&link["payment"], "payment_intent").to_owned())
}

/// Records a payment of an invoice, paid or open.
pub(crate) fn link(
    state: &mut State,
    invoice: &str,
    payment: &str,
    is_default: bool,
    paid: bool,
    now: i64,
) {
    let Some(money) = state.objects.get("payment_intents", payment).cloned() else {
        return;
    };
    let known = default_of(state, invoice).filter(|_| is_default).cloned();
    let mut link = known.unwrap_or_else(|| {
        json!({
            "id": state.next_id("inpay_"),
            "object": "invoice_payment",
            "created": now,
            "currency": money["currency"],
            "invoice": invoice,
            "is_default": is_default,
            "livemode": false,
            "payment": { "type": "payment_intent", "payment_intent": payment },
        })
    });
    let changes = json!({
        "amount_paid": paid.then_some(&money["amount"]),
        "amount_requested": money["amount"],
        "status": if paid { "paid" } else { "open" },
        "status_transitions": { "canceled_at": null, "paid_at": paid.then_some(now) },
    });
    set(&mut link, changes);
    let shown = state.keep(KIND, link);
    if paid {
        state.emit("invoice_payment.paid", &shown, now);
    }
}

/// Sets an open default payment to the remaining amount; cancels it if that is zero.
pub(crate) fn ask_default(state: &mut State, invoice: &str, remaining: i64, now: i64) {
    let Some(open) = default_of(state, invoice).filter(|link| link["status"] == "open") else {
        return;
    };
    let mut open = open.clone();
    if remaining == 0 {
        open["status"] = "canceled".into();
        open["status_transitions"]["canceled_at"] = now.into();
    } else {
        open["amount_requested"] = remaining.into();
    }
    state.keep(KIND, open);
}
