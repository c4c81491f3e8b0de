//! Lines of an invoice: the cost of a price for a period.

use serde::{Deserialize, Serialize};

use super::item::Item;
use super::price::Price;

/// A span of time, in Unix seconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Period {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// A line: the cost of a price for a period.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) item: String,
    pub(crate) price: Price,
    pub(crate) amount: i64,
    pub(crate) quantity: i64,
    pub(crate) proration: bool,
    pub(crate) period: Period,
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) parent: Parent,
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
pub(crate) enum Parent {
    /// An item of the subscription.
    #[default]
    SubscriptionItem,
    /// An invoice item, by its id.
    InvoiceItem(String),
}

impl Line {
    /// Returns the line of an item for its current period.
    pub(crate) fn of(id: String, item: &Item) -> Self {
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
}
