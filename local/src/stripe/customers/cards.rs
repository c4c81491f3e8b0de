//! Cards of new customers: `payment_method` and `invoice_settings[default_payment_method]`.

use serde::{Deserialize, Serialize};

use crate::stripe::error::Error;
use crate::stripe::form::Form;
use crate::stripe::state::State;
use crate::stripe::subscriptions::Card;

/// Stripe's test cards that can be attached: name, last four digits, outcome of a charge.
/// <https://docs.stripe.com/testing>
const TEST_CARDS: [(&str, &str, Card); 2] = [
    ("pm_card_visa", "4242", Card::Good),
    ("pm_card_chargeCustomerFail", "0341", Card::Declined),
];

/// A card that is attached to a customer, under its own id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct PaymentMethod {
    pub(super) id: String,
    pub(super) last4: String,
    pub(super) card: Card,
}

/// Takes the parameters of a new customer's card; returns the card for its subscriptions.
///
/// A card that is attached without being the default is not charged, and is not kept. The message for a default that
/// is not attached is assumed.
pub(super) fn default_payment_method(
    state: &mut State,
    form: &mut Form,
) -> Result<Option<PaymentMethod>, Error> {
    let attached = form.text("payment_method", 5_000)?;
    let param = "invoice_settings[default_payment_method]";
    let default = form.text(param, 5_000)?;
    let mut cards = TEST_CARDS.into_iter();
    let card = attached.as_deref().map(|name| {
        let card = cards.find(|(known, ..)| *known == name);
        card.ok_or_else(|| Error::no_such("PaymentMethod", "payment_method", name))
    });
    let card = card.transpose()?;
    let Some(default) = default.filter(|default| !default.is_empty()) else {
        return Ok(None);
    };
    let (_, last4, card) = card
        .filter(|(known, ..)| *known == default)
        .ok_or_else(|| {
            let message = format!(
                "The customer does not have a payment method with the ID {default}. The payment \
                 method must be attached to the customer."
            );
            Error::param("resource_missing", param, message)
        })?;
    Ok(Some(PaymentMethod {
        id: state.next_id("pm_"),
        last4: last4.to_owned(),
        card,
    }))
}
