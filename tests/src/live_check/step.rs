//! The steps of the script, in their order.

use std::fmt;

use serde::{Serialize, Serializer};

/// A step of the script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `sparks stripe-setup` on an account that may have no objects of the stage.
    #[default]
    Setup,
    /// `sparks stripe-setup` once more.
    SetupAgain,
    /// The customer of an account.
    Customer,
    /// A Checkout Session for a pack: created, read, listed and expired.
    PackSession,
    /// A Checkout Session for a plan, likewise.
    PlanSession,
    /// Portal sessions.
    PortalSession,
    /// A meter event.
    MeterEvent,
    /// Lists and objects of a customer that does not exist.
    UnknownCustomer,
    /// Customers with cards, one of which never pays.
    Cards,
    /// A subscription that is paid at once, and one in its trial.
    Subscriptions,
    /// Portal sessions that open at a change of the subscription.
    PortalFlows,
    /// The next period, which one card pays and the other does not.
    Renewal,
    /// The invoices of the paid subscription, and their payments.
    PaidInvoices,
    /// A partial refund.
    Refund,
    /// A credit note to the balance of a customer who has paid, and its void.
    CreditNote,
    /// Disputes and early fraud warnings.
    Disputes,
    /// The open invoice of a renewal that was not paid: credited, and the note voided.
    UnpaidRenewal,
    /// The cancellation of both subscriptions.
    Cancellation,
    /// The hours that the meter has counted.
    MeterSummaries,
    /// The deletion of the endpoint, the event destination and the customer.
    CleanUp,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 20] = [
        Self::Setup,
        Self::SetupAgain,
        Self::Customer,
        Self::PackSession,
        Self::PlanSession,
        Self::PortalSession,
        Self::MeterEvent,
        Self::UnknownCustomer,
        Self::Cards,
        Self::Subscriptions,
        Self::PortalFlows,
        Self::Renewal,
        Self::PaidInvoices,
        Self::Refund,
        Self::CreditNote,
        Self::Disputes,
        Self::UnpaidRenewal,
        Self::Cancellation,
        Self::MeterSummaries,
        Self::CleanUp,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::SetupAgain => "setup again",
            Self::Customer => "customer",
            Self::PackSession => "pack session",
            Self::PlanSession => "plan session",
            Self::PortalSession => "portal session",
            Self::MeterEvent => "meter event",
            Self::UnknownCustomer => "unknown customer",
            Self::Cards => "cards",
            Self::Subscriptions => "subscriptions",
            Self::PortalFlows => "portal flows",
            Self::Renewal => "renewal",
            Self::PaidInvoices => "paid invoices",
            Self::Refund => "refund",
            Self::CreditNote => "credit note",
            Self::Disputes => "disputes",
            Self::UnpaidRenewal => "unpaid renewal",
            Self::Cancellation => "cancellation",
            Self::MeterSummaries => "meter summaries",
            Self::CleanUp => "clean up",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
