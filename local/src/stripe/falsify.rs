//! Falsified fields: a test sets values that an object shows in place of its own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::state::State;

impl State {
    /// Falsifies a field of a session, a subscription or an invoice.
    ///
    /// The field is a name, or a pointer to one that exists (`/lines/data/0/amount`). For a session, it may also be the
    /// `price` or `quantity` of its line.
    pub(super) fn falsify(&mut self, id: &str, field: &str, value: Value) {
        let overrides = if let Some(session) = self.checkout_sessions.get_mut(id) {
            &mut session.overrides
        } else if let Some(subscription) = self.subscriptions.get_mut(id) {
            &mut subscription.overrides
        } else if let Some(invoice) = self.invoices.get_mut(id) {
            &mut invoice.overrides
        } else {
            return;
        };
        overrides.insert(field.to_owned(), value);
    }
}

/// Overwrites the shown fields with the falsified ones.
pub(super) fn overwrite(shown: &mut Value, overrides: &BTreeMap<String, Value>) {
    for (field, value) in overrides {
        if !field.starts_with('/') {
            shown[field] = value.clone();
        } else if let Some(place) = shown.pointer_mut(field) {
            *place = value.clone();
        }
    }
}
