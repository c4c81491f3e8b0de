//! Outcomes of processing an object at Stripe: its effect here, or the reason for none. Pure.

use crate::payments::incidents::Fault;

/// The outcome of following an event, a refund, a dispute or a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is recorded.
    Done,
    /// It has no effect for now, for this reason.
    Nothing(NoEffect),
    /// It belongs to another product or deployment.
    NotOurs(OtherOwner),
    /// It does not match the order. An incident is kept already.
    Mismatch,
    /// It cannot be settled automatically. The operator must look at it.
    Unclear(Fault<'static>),
}

/// The owner of an object that is not this deployment's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherOwner {
    /// Another product in the same Stripe account.
    Product,
    /// Another deployment of Sparks.
    Stage,
}

/// The reason for which an object of ours has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEffect {
    /// The event is of Stripe's other mode, whose objects these keys cannot read.
    OtherMode,
    /// The body is no event.
    UnknownObject,
    /// No code follows events of this type.
    UnknownType,
    /// The customer was not deleted.
    NotDeleted,
    /// The invoice grants nothing.
    NoGrant(NoGrant),
    /// The deployment does not store credit notes yet.
    NotEnabled,
    /// The reversed invoice does not match the plan's terms, which the operator may correct.
    InvoiceMismatch,
    /// The dispute is an inquiry, and the money may still be taken.
    Inquiry,
    /// The credit note credits nothing beyond its refunds.
    NothingCredited,
    /// The purchase that it reverses granted nothing.
    NothingGranted,
}

/// The reason for which an invoice rightly grants nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoGrant {
    /// It is not paid. Only this may be temporary.
    NotPaid,
    /// Credit notes took off all of it before it was paid.
    CreditedBeforePayment,
    /// Its total is zero.
    NothingToPay,
    /// It has no plan of ours.
    NoPlan,
}

impl Outcome {
    /// Returns the reason for no effect, as logs and commands show it; None if done.
    pub fn reason(self) -> Option<String> {
        match self {
            Self::Done => None,
            Self::Nothing(reason) => Some(reason.as_str().to_owned()),
            Self::NotOurs(owner) => Some(owner.as_str().to_owned()),
            Self::Mismatch => Some("mismatch".to_owned()),
            Self::Unclear(fault) => Some(fault.code().to_string()),
        }
    }
}

impl OtherOwner {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Product => "other_product",
            Self::Stage => "other_stage",
        }
    }
}

impl NoEffect {
    const fn as_str(self) -> &'static str {
        match self {
            Self::OtherMode => "other_mode",
            Self::UnknownObject => "unknown_object",
            Self::UnknownType => "unknown_type",
            Self::NotDeleted => "not_deleted",
            Self::NoGrant(reason) => reason.as_str(),
            Self::NotEnabled => "not_enabled",
            Self::InvoiceMismatch => "mismatch",
            Self::Inquiry => "inquiry",
            Self::NothingCredited => "nothing_credited",
            Self::NothingGranted => "nothing_granted",
        }
    }
}

impl NoGrant {
    /// The name in logs and in the output of commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPaid => "not_paid",
            Self::CreditedBeforePayment => "credited_before_payment",
            Self::NothingToPay => "nothing_to_pay",
            Self::NoPlan => "no_plan",
        }
    }
}
