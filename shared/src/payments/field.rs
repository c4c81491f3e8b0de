//! Fields of Checkout Sessions and invoices that are compared with what was ordered. Pure.

use std::fmt;

/// A field of a Checkout Session or invoice, or a property of its lines together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The order that a session is for.
    ClientReferenceId,
    /// True if real money moves.
    Livemode,
    /// A single payment or a subscription.
    Mode,
    /// The lines of a session.
    LineItems,
    /// The price of a line.
    Price,
    /// The quantity of a line.
    Quantity,
    /// The currency of all amounts.
    Currency,
    /// The sum of a session's lines before discounts and taxes.
    AmountSubtotal,
    /// The amount of an invoice's line.
    Amount,
    /// The lines of an invoice that pay for a part of a period.
    Proration,
    /// The status of a session.
    Status,
    /// The status of a session's payment.
    PaymentStatus,
}

impl Field {
    const ALL: [Self; 12] = [
        Self::ClientReferenceId,
        Self::Livemode,
        Self::Mode,
        Self::LineItems,
        Self::Price,
        Self::Quantity,
        Self::Currency,
        Self::AmountSubtotal,
        Self::Amount,
        Self::Proration,
        Self::Status,
        Self::PaymentStatus,
    ];

    /// The name in logs, problems and codes of incidents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientReferenceId => "client_reference_id",
            Self::Livemode => "livemode",
            Self::Mode => "mode",
            Self::LineItems => "line_items",
            Self::Price => "price",
            Self::Quantity => "quantity",
            Self::Currency => "currency",
            Self::AmountSubtotal => "amount_subtotal",
            Self::Amount => "amount",
            Self::Proration => "proration",
            Self::Status => "status",
            Self::PaymentStatus => "payment_status",
        }
    }

    /// Returns the field of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
