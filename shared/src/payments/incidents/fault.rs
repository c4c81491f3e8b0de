//! Faults that no retry can handle, with the sentence that the operator reads about each. Pure.

use std::borrow::Cow;

use super::code::IncidentCode;
use crate::payments::field::Field;
use crate::words::id::{PaymentIntentId, SubscriptionId};

/// A fault of an object at Stripe, with everything that its sentence names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault<'a> {
    /// An event does not name its object.
    NoObjectId,
    /// Stripe does not have an event's object.
    NotThere,
    /// Stripe could not count meter events that it does not name.
    MeterErrors,
    /// A session's metadata names no order of this deployment.
    Metadata,
    /// A session was not made here, but for a customer of ours.
    NotMadeHere,
    /// A session's order is not in the table.
    NoOrder,
    /// Stripe cannot finalise an invoice.
    NotFinalized,
    /// A reversal that was undone takes effect again.
    TakenAgain,
    /// The share of a reversal cannot be computed.
    NoShare {
        /// The purchase that it reverses.
        purchase: &'a str,
    },
    /// A card issuer suspects fraud.
    EarlyFraudWarning {
        /// The suspected payment, `pi_…`.
        payment: &'a PaymentIntentId,
        /// The purchase that it paid.
        purchase: &'a str,
    },
    /// An account pays for two plans.
    SecondSubscription {
        /// The older one, `sub_…`.
        other: &'a SubscriptionId,
    },
    /// This field of one line of a credited invoice does not match the plan's terms.
    MismatchedLine(Field),
    /// This field of a paid invoice does not match the plan's terms.
    MismatchedInvoice(Field),
    /// This field of a session is not what was ordered.
    MismatchedSession(Field),
    /// This field of a session has a value that is not known here.
    UnknownValue(Field),
}

impl Fault<'_> {
    /// The code under which it is stored.
    pub const fn code(self) -> IncidentCode {
        match self {
            Self::NoObjectId => IncidentCode::NoObjectId,
            Self::NotThere => IncidentCode::NotThere,
            Self::MeterErrors => IncidentCode::MeterErrors,
            Self::Metadata => IncidentCode::Metadata,
            Self::NotMadeHere => IncidentCode::NotMadeHere,
            Self::NoOrder => IncidentCode::NoOrder,
            Self::NotFinalized => IncidentCode::NotFinalized,
            Self::TakenAgain => IncidentCode::TakenAgain,
            Self::NoShare { .. } => IncidentCode::NoShare,
            Self::EarlyFraudWarning { .. } => IncidentCode::EarlyFraudWarning,
            Self::SecondSubscription { .. } => IncidentCode::SecondSubscription,
            Self::MismatchedLine(_) => IncidentCode::MismatchLine,
            Self::MismatchedInvoice(field) | Self::MismatchedSession(field) => {
                IncidentCode::Mismatch(field)
            }
            Self::UnknownValue(field) => IncidentCode::Unknown(field),
        }
    }

    /// Explains it in a sentence.
    pub(super) fn detail(self) -> Cow<'static, str> {
        match self {
            Self::NoObjectId => "The event does not name its object.".into(),
            Self::NotThere => {
                "Stripe sent an event about an object that it does not have. Is the key another account's?".into()
            }
            Self::MeterErrors => {
                "Stripe could not count meter events and does not name all of them. `sparks reconcile` finds them.".into()
            }
            Self::Metadata => {
                "The session's metadata names no order of this deployment.".into()
            }
            Self::NotMadeHere => {
                "A customer of an account used a session that was not made here.".into()
            }
            Self::NoOrder => {
                "The session names an order of this deployment that is not in the table.".into()
            }
            Self::NotFinalized => {
                "Stripe cannot finalise the invoice, so the customer is not charged: often an address is missing, which tax needs.".into()
            }
            Self::TakenAgain => {
                "A refund or dispute that had failed or been won takes effect again. Its Sparks were restored before.".into()
            }
            Self::NoShare { purchase } => format!(
                "Its share of `{purchase}` cannot be computed: nothing was paid, or in another currency. All Sparks are taken back."
            )
            .into(),
            Self::EarlyFraudWarning { payment, purchase } => format!(
                "The card issuer suspects that `{payment}`, which paid `{purchase}`, is fraud. Nothing is taken back before a refund or a dispute."
            )
            .into(),
            Self::SecondSubscription { other } => {
                format!("The account already pays for a plan with `{other}`.").into()
            }
            Self::MismatchedLine(field) => format!(
                "A line's {field} does not match the plan's terms. The other lines are credited."
            )
            .into(),
            Self::MismatchedInvoice(Field::Proration) => {
                "The invoice pays for only a part of a period. Nothing is credited.".into()
            }
            Self::MismatchedInvoice(field) => format!(
                "The invoice is paid, but its {field} does not match the plan's terms. Nothing is credited."
            )
            .into(),
            Self::MismatchedSession(field) => {
                format!("The session's {field} is not what was ordered. Nothing is credited.").into()
            }
            Self::UnknownValue(field) => format!(
                "The session's {field} has a value that is not known here. A newer version may know it."
            )
            .into(),
        }
    }
}
