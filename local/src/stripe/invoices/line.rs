//! Lines of an invoice: the cost of a price for a period.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::invoice::Invoice;
use crate::stripe::prices::Price;
use crate::stripe::subscriptions::Item;

/// A span of time, in Unix seconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(in crate::stripe) struct Period {
    pub(in crate::stripe) start: i64,
    pub(in crate::stripe) end: i64,
}

/// A line: the cost of a price for a period.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::stripe) struct Line {
    pub(in crate::stripe) id: String,
    pub(in crate::stripe) item: String,
    pub(in crate::stripe) price: Price,
    pub(in crate::stripe) amount: i64,
    pub(in crate::stripe) quantity: i64,
    pub(in crate::stripe) proration: bool,
    pub(in crate::stripe) period: Period,
    pub(in crate::stripe) description: String,
    #[serde(default)]
    pub(in crate::stripe) parent: Parent,
}

/// The object that a line was made from.
///
/// A pending proration is an invoice item, and so is the parent of its line on the next invoice. A proration that is
/// invoiced at once may have either parent: both have a `proration` field in the pinned types, and the documentation
/// does not say which one Stripe uses, so a client has to handle both. Here it is the subscription item, as it was
/// before flexible billing.
/// <https://docs.stripe.com/api/invoice-line-item/object#invoice_line_item_object-parent>
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::stripe) enum Parent {
    /// An item of the subscription.
    #[default]
    SubscriptionItem,
    /// An invoice item, by its id.
    InvoiceItem(String),
}

impl Line {
    /// Returns the line of an item for its current period.
    pub(in crate::stripe) fn of(id: String, item: &Item) -> Self {
        Self {
            id,
            item: item.id.clone(),
            price: item.price.clone(),
            amount: item.amount(),
            quantity: item.quantity,
            proration: false,
            period: Period {
                start: item.current_period_start,
                end: item.current_period_end,
            },
            description: format!("{} × {}", item.quantity, item.price.product),
            parent: Parent::SubscriptionItem,
        }
    }

    fn parent_json(&self, invoice: &Invoice) -> Value {
        let proration_details = json!({ "credited_items": null });
        match &self.parent {
            Parent::SubscriptionItem => json!({
                "type": "subscription_item_details",
                "invoice_item_details": null,
                "subscription_item_details": {
                    "invoice_item": null,
                    "proration": self.proration,
                    "proration_details": proration_details,
                    "subscription": invoice.subscription,
                    "subscription_item": self.item,
                },
            }),
            Parent::InvoiceItem(id) => json!({
                "type": "invoice_item_details",
                "invoice_item_details": {
                    "invoice_item": id,
                    "proration": self.proration,
                    "proration_details": proration_details,
                    "subscription": invoice.subscription,
                },
                "subscription_item_details": null,
            }),
        }
    }

    pub(super) fn to_json(&self, invoice: &Invoice, discount: i64) -> Value {
        let discounted = discount != 0;
        let discounts = discounted.then(|| json!({ "amount": discount, "discount": "di_Local" }));
        json!({
            "id": self.id,
            "object": "line_item",
            "amount": self.amount,
            "currency": invoice.currency,
            "description": self.description,
            "discount_amounts": discounts.into_iter().collect::<Vec<_>>(),
            "discountable": !self.proration,
            "discounts": [],
            "invoice": invoice.id,
            "livemode": false,
            "metadata": invoice.subscription_metadata,
            "parent": self.parent_json(invoice),
            "period": self.period,
            "pretax_credit_amounts": [],
            "pricing": {
                "type": "price_details",
                "price_details": { "price": self.price.id, "product": self.price.product },
                "unit_amount_decimal": self.price.unit_amount.to_string(),
            },
            "quantity": self.quantity,
            "quantity_decimal": self.quantity.to_string(),
            "subtotal": self.amount,
            "taxes": [],
        })
    }
}
