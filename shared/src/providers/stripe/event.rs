//! Events: what has changed at Stripe.
//! <https://docs.stripe.com/api/events>

use serde::Deserialize;
use serde_json::Value;

use crate::words::reversal_kind::ReversalKind;

/// An event. Only its kind and the ids of its objects are trusted; everything else is read from Stripe again.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// Its id, `evt_…`.
    #[serde(default)]
    pub id: String,
    /// `event`, or `v2.core.event` for a thin one.
    #[serde(default)]
    object: String,
    /// Stripe's name of its type, such as `checkout.session.completed`.
    #[serde(default, rename = "type")]
    pub name: String,
    /// True if it is about real money.
    #[serde(default)]
    pub livemode: bool,
    #[serde(default)]
    data: Data,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Data {
    #[serde(default)]
    object: Value,
}

/// The kind of an event: what has changed at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A Checkout Session was completed, was paid later, failed or has expired.
    Session,
    /// An invoice was paid.
    InvoicePaid,
    /// Stripe could not finalise an invoice.
    InvoiceNotFinalized,
    /// A subscription, or an invoice that was not paid.
    Subscription,
    /// A refund, a dispute or a credit note.
    Reversal(ReversalKind),
    /// A customer was deleted.
    CustomerDeleted,
    /// A card issuer warned of fraud.
    FraudWarning,
    /// Stripe accepted meter events that it could not count.
    MeterErrors,
}

/// The part of an event that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownEvent {
    /// The object is no event, or a thin event of an unknown type.
    Object,
    /// The type.
    Type,
}

impl EventKind {
    /// Returns the kind of a snapshot event of this type.
    /// <https://docs.stripe.com/api/events/types>
    fn of_snapshot(name: &str) -> Option<Self> {
        Some(match name {
            "checkout.session.completed"
            | "checkout.session.async_payment_succeeded"
            | "checkout.session.async_payment_failed"
            | "checkout.session.expired" => Self::Session,
            // The same fact twice; the second also comes for charges of other kinds.
            "invoice.paid" | "invoice.payment_succeeded" => Self::InvoicePaid,
            "invoice.finalization_failed" => Self::InvoiceNotFinalized,
            "invoice.payment_failed"
            | "invoice.payment_action_required"
            | "invoice.marked_uncollectible"
            | "invoice.voided" => Self::Subscription,
            "refund.created" | "refund.updated" | "refund.failed" => {
                Self::Reversal(ReversalKind::Refund)
            }
            "customer.deleted" => Self::CustomerDeleted,
            "radar.early_fraud_warning.created" => Self::FraudWarning,
            name if name.starts_with("credit_note.") => Self::Reversal(ReversalKind::CreditNote),
            name if name.starts_with("customer.subscription.") => Self::Subscription,
            name if name.starts_with("charge.dispute.") => Self::Reversal(ReversalKind::Dispute),
            _ => return None,
        })
    }

    /// Returns the kind of a thin event of this type.
    fn of_thin(name: &str) -> Option<Self> {
        match name {
            "v1.billing.meter.error_report_triggered" | "v1.billing.meter.no_meter_found" => {
                Some(Self::MeterErrors)
            }
            _ => None,
        }
    }
}

impl Event {
    /// Returns its kind.
    pub fn kind(&self) -> Result<EventKind, UnknownEvent> {
        match self.object.as_str() {
            "event" => EventKind::of_snapshot(&self.name).ok_or(UnknownEvent::Type),
            "v2.core.event" => EventKind::of_thin(&self.name).ok_or(UnknownEvent::Object),
            _ => Err(UnknownEvent::Object),
        }
    }

    /// The id of the object that it is about.
    pub fn object_id(&self) -> Option<&str> {
        self.data.object["id"].as_str()
    }

    /// The customer to whom its object belongs.
    pub fn customer(&self) -> Option<&str> {
        self.data.object["customer"].as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_members_of_an_event_are_ignored() {
        let text = r#"{"id":"evt_1","object":"event","type":"a.b","livemode":true,"new":[1],
            "data":{"object":{"id":"cs_1","x":{}},"previous_attributes":{}}}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!(
            (event.name.as_str(), event.object_id(), event.livemode),
            ("a.b", Some("cs_1"), true)
        );
        let thin: Event = serde_json::from_str(r#"{"object":"v2.core.event"}"#).unwrap();
        assert_eq!(thin.object_id(), None);
    }

    #[test]
    fn an_event_has_the_kind_of_its_type() {
        let kind = |object: &str, name: &str| {
            let event = json!({"object": object, "type": name});
            serde_json::from_value::<Event>(event).unwrap().kind()
        };
        for (object, name, expected) in [
            ("event", "invoice.paid", Ok(EventKind::InvoicePaid)),
            (
                "event",
                "invoice.finalization_failed",
                Ok(EventKind::InvoiceNotFinalized),
            ),
            ("event", "invoice.voided", Ok(EventKind::Subscription)),
            (
                "event",
                "customer.subscription.of_later",
                Ok(EventKind::Subscription),
            ),
            (
                "event",
                "charge.dispute.closed",
                Ok(EventKind::Reversal(ReversalKind::Dispute)),
            ),
            ("event", "customer.updated", Err(UnknownEvent::Type)),
            (
                "event",
                "v1.billing.meter.no_meter_found",
                Err(UnknownEvent::Type),
            ),
            (
                "v2.core.event",
                "v1.billing.meter.no_meter_found",
                Ok(EventKind::MeterErrors),
            ),
            ("v2.core.event", "invoice.paid", Err(UnknownEvent::Object)),
            ("list", "invoice.paid", Err(UnknownEvent::Object)),
        ] {
            assert_eq!(kind(object, name), expected, "{object} {name}");
        }
    }
}
