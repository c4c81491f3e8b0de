//! Early fraud warnings: `/v1/radar/early_fraud_warnings`, payments that a card's issuer suspects.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::charges::Of;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

/// The kinds of fraud that issuers report.
const FRAUD_TYPES: [&str; 7] = [
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
];

/// A warning.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct EarlyFraudWarning {
    id: String,
    charge: String,
    payment_intent: String,
    fraud_type: String,
    created: i64,
}

impl EarlyFraudWarning {
    /// Stripe's `radar.early_fraud_warning`. It is actionable until the payment is disputed or fully refunded.
    pub(super) fn to_json(&self, state: &State) -> Value {
        let payment = state.payment_intents.get(&self.payment_intent);
        let refunded = state.refunded(&self.payment_intent);
        let left = payment.is_some_and(|payment| refunded < payment.amount);
        let mut disputes = state.disputes.values();
        let is_disputed = disputes.any(|dispute| dispute.payment_intent == self.payment_intent);
        json!({
            "id": self.id,
            "object": "radar.early_fraud_warning",
            "actionable": left && !is_disputed,
            "charge": self.charge,
            "created": self.created,
            "fraud_type": self.fraud_type,
            "livemode": false,
            "payment_intent": self.payment_intent,
        })
    }
}

/// Creates a warning for a payment, as the issuer of its card does.
pub(super) fn warn(state: &mut State, body: &Value, now: i64) -> Result<Value, Error> {
    let fraud_type = body["fraud_type"].as_str().unwrap_or("misc");
    if !FRAUD_TYPES.contains(&fraud_type) {
        let message = format!("fraud_type must be one of {}", FRAUD_TYPES.join(", "));
        return Err(Error::invalid(message));
    }
    let of = Of {
        payment_intent: body["payment_intent"].as_str().map(str::to_owned),
        charge: None,
    };
    let (payment, charge) = of.paid(state)?;
    let warning = EarlyFraudWarning {
        id: state.next_id("issfr_"),
        charge,
        payment_intent: payment.id,
        fraud_type: fraud_type.to_owned(),
        created: now,
    };
    let created = warning.to_json(state);
    state
        .early_fraud_warnings
        .insert(warning.id.clone(), warning);
    state.emit("radar.early_fraud_warning.created", &created, now);
    Ok(created)
}

/// `GET /v1/radar/early_fraud_warnings`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let of = Of::take(form)?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.early_fraud_warnings.values().rev();
    let matching = all.filter(|warning| {
        of.fits(&warning.payment_intent, &warning.charge) && created.holds(warning.created)
    });
    let found = matching.map(|warning| warning.to_json(state)).collect();
    page.of("/v1/radar/early_fraud_warnings", found)
}

/// `GET /v1/radar/early_fraud_warnings/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let warning = state.early_fraud_warnings.get(id);
    let warning = warning.ok_or_else(|| Error::no_such("early fraud warning", "id", id))?;
    Ok(warning.to_json(state))
}
