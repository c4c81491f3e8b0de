//! The three ways in which money goes back to a customer.

use super::id::ReversalId;

/// The kind of a reversal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReversalKind {
    /// The seller refunded the payment.
    Refund,
    /// The customer's bank took the payment back.
    Dispute,
    /// The seller credited it to the customer's balance, or outside of Stripe.
    CreditNote,
}

impl ReversalKind {
    const ALL: [Self; 3] = [Self::Refund, Self::Dispute, Self::CreditNote];

    /// The name in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Dispute => "dispute",
            Self::CreditNote => "credit_note",
        }
    }

    /// Returns the kind of the object with an id, by Stripe's prefix.
    pub fn of(id: &ReversalId) -> Self {
        match id.as_str().split('_').next() {
            Some("dp" | "du") => Self::Dispute,
            Some("cn") => Self::CreditNote,
            _ => Self::Refund,
        }
    }

    /// Returns the kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
