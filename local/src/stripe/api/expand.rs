//! Expansion: replaces ids in a response by whole objects.

use serde_json::{Value, json};

use super::lists::show;
use crate::stripe::state::State;
use crate::stripe::wire::json::text;
use crate::stripe::wire::{Error, Result};

/// The fields of each object that can be expanded here.
///
/// A field with a dot is only a part of a longer path.
const EXPANDABLE: [(&str, &str); 13] = [
    // A refund of a credit note and the payment of an invoice have no `object` of their own.
    ("", "refund payment_intent"),
    ("balance_transaction", "source"),
    ("charge", "balance_transaction customer payment_intent"),
    ("checkout.session", "line_items payment_intent"),
    ("credit_note", "customer invoice refunds"),
    ("dispute", "charge payment_intent"),
    ("invoice", "payments"),
    ("invoice_payment", "payment."),
    ("list", "data."),
    ("payment_intent", "customer latest_charge"),
    ("radar.early_fraud_warning", "charge payment_intent"),
    (
        "refund",
        "balance_transaction charge customer payment_intent",
    ),
    ("subscription", "latest_invoice"),
];

/// The kind of the objects whose ids have a prefix.
const PREFIXES: [(&str, &str); 8] = [
    ("ch", "charges"),
    ("cus", "customers"),
    ("cn", "credit_notes"),
    ("dp", "disputes"),
    ("in", "invoices"),
    ("pi", "payment_intents"),
    ("re", "refunds"),
    ("txn", "balance_transactions"),
];

/// Expands the fields of a response, each named by a path such as `latest_charge.balance_transaction`.
pub(crate) fn expand(state: &State, found: &mut Value, paths: &[String]) -> Result<()> {
    for path in paths {
        if !put(state, found, path) {
            let message = format!("This property cannot be expanded ({path}).");
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}

/// Expands one path below `value`; returns false if it cannot be expanded.
fn put(state: &State, value: &mut Value, path: &str) -> bool {
    if let Some(values) = value.as_array_mut() {
        return values.iter_mut().all(|one| put(state, one, path));
    }
    let (field, rest) = path.split_once('.').unwrap_or((path, ""));
    let object = text(value, "object");
    let known = EXPANDABLE.iter().filter(|(name, _)| *name == object);
    let mut known = known.flat_map(|(_, fields)| fields.split(' '));
    let is_known = known.any(|known| {
        known == field || (known.strip_suffix('.') == Some(field) && !rest.is_empty())
    });
    if !is_known {
        return false;
    }
    if let Some(absent) = absent(state, value, field) {
        value[field] = absent;
    }
    let Some(next) = value.get_mut(field) else {
        return false;
    };
    if let Some(whole) = next.as_str().and_then(|id| whole(state, id)) {
        *next = whole;
    }
    rest.is_empty() || next.is_null() || put(state, next, rest)
}

/// Returns a list that an object has only when it is expanded.
fn absent(state: &State, object: &Value, field: &str) -> Option<Value> {
    let id = text(object, "id");
    let (url, all) = match field {
        "line_items" => {
            let url = format!("/v1/checkout/sessions/{id}/line_items");
            (url, state.session(id).ok()?.lines_json())
        }
        "payments" => {
            let links = state.objects.all("invoice_payments").rev();
            let own = links.filter(|link| link["invoice"] == id);
            let url = "/v1/invoice_payments".to_owned();
            (url, own.cloned().collect())
        }
        _ => return None,
    };
    Some(json!({ "object": "list", "url": url, "has_more": false, "data": all }))
}

/// Returns the object of an id, by the id's prefix.
fn whole(state: &State, id: &str) -> Option<Value> {
    let (prefix, _) = id.split_once('_')?;
    let (_, kind) = PREFIXES.iter().find(|(known, _)| *known == prefix)?;
    show(state, kind, id)
}
