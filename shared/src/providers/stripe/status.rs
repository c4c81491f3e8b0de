//! States of Stripe's objects. A text that Stripe adds later is kept, and each reader decides what it means.

use serde::{Deserialize, Serialize, Serializer};

/// Declares the texts that a field of Stripe has.
macro_rules! status {
    ($(#[$doc:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(from = "String")]
        pub enum $name {
            $($(#[$meaning])* $variant,)*
            /// A text that is not known here.
            Other(String),
        }

        impl $name {
            /// Returns Stripe's text.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

status! {
    /// The status of a subscription.
    /// <https://docs.stripe.com/api/subscriptions/object#subscription_object-status>
    SubscriptionStatus {
        /// Its latest invoice is paid.
        Active = "active",
        /// It is in its trial.
        Trialing = "trialing",
        /// Its latest invoice is not paid, and Stripe charges again.
        PastDue = "past_due",
        /// Its latest invoice is not paid, and Stripe charges no more.
        Unpaid = "unpaid",
        /// Its trial ended without a card.
        Paused = "paused",
        /// Its first invoice is not paid yet. It ends by itself if that does not change.
        Incomplete = "incomplete",
        /// Its first invoice was never paid.
        IncompleteExpired = "incomplete_expired",
        /// It was cancelled.
        Canceled = "canceled",
    }
}

status! {
    /// The status of an invoice.
    /// <https://docs.stripe.com/api/invoices/object#invoice_object-status>
    InvoiceStatus {
        /// It may still change.
        Draft = "draft",
        /// It waits for its payment.
        Open = "open",
        /// It is paid, or there was nothing to pay.
        Paid = "paid",
        /// The seller expects no payment.
        Uncollectible = "uncollectible",
        /// It was made by mistake.
        Void = "void",
    }
}

status! {
    /// The status of a Checkout Session.
    /// <https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-status>
    SessionStatus {
        /// The buyer has not finished.
        Open = "open",
        /// The buyer has finished; the payment may still be processing.
        Complete = "complete",
        /// It ended without a payment.
        Expired = "expired",
    }
}

status! {
    /// The mode of a Checkout Session.
    SessionMode {
        /// A single payment.
        Payment = "payment",
        /// The start of a subscription.
        Subscription = "subscription",
    }
}

status! {
    /// The status of a Checkout Session's payment.
    /// <https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-payment_status>
    PaymentStatus {
        /// The money has arrived.
        Paid = "paid",
        /// The money has not arrived.
        Unpaid = "unpaid",
        /// There is nothing to pay.
        NoPaymentRequired = "no_payment_required",
    }
}

status! {
    /// The status of a PaymentIntent.
    /// <https://docs.stripe.com/payments/paymentintents/lifecycle>
    PaymentIntentStatus {
        /// An attempt has failed, or there was none.
        RequiresPaymentMethod = "requires_payment_method",
        /// It waits to be confirmed.
        RequiresConfirmation = "requires_confirmation",
        /// It waits for the buyer, such as for a bank transfer.
        RequiresAction = "requires_action",
        /// The bank works on it.
        Processing = "processing",
        /// The money is reserved, and not yet taken.
        RequiresCapture = "requires_capture",
        /// It was cancelled.
        Canceled = "canceled",
        /// The money has arrived.
        Succeeded = "succeeded",
    }
}
