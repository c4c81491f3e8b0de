//! Judges a session from Stripe against what was ordered. Pure.

use crate::payments::orders::Intent;
use crate::pricing::catalog::Kind;
use crate::providers::stripe::{CheckoutSession, PaymentIntent};

/// The verdict on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is paid, or there was nothing to pay.
    Paid,
    /// It is complete, and the payment is processing, or the buyer still has to send it, such as by bank transfer.
    Processing,
    /// It is open; a declined card leaves it open.
    Open,
    /// It is complete, and the payment failed for good.
    Failed,
    /// It ended without a payment.
    Expired,
    /// This field does not match the order.
    Mismatch(&'static str),
    /// This field has a value that is not known here.
    Unknown(&'static str),
}

/// Judges a session: first against the order, then by its status.
///
/// The subtotal is compared, since discounts and taxes change the total. A session without anything to pay,
/// such as one with a discount of 100 %, is paid.
/// <https://docs.stripe.com/checkout/fulfillment>
pub(super) fn of(session: &CheckoutSession, intent: &Intent, livemode: bool) -> Verdict {
    if let Some(field) = difference(session, intent, livemode) {
        return Verdict::Mismatch(field);
    }
    let payment = session.payment_intent.as_ref();
    match (session.status.as_deref(), session.payment_status.as_str()) {
        (Some("complete"), "paid" | "no_payment_required") => Verdict::Paid,
        (Some("complete"), "unpaid") if payment.is_some_and(PaymentIntent::has_failed) => {
            Verdict::Failed
        }
        (Some("complete"), "unpaid") => Verdict::Processing,
        (Some("open"), _) => Verdict::Open,
        (Some("expired"), _) => Verdict::Expired,
        (Some("complete"), _) => Verdict::Unknown("payment_status"),
        _ => Verdict::Unknown("status"),
    }
}

/// Returns the first field that does not match the order; None if all do.
fn difference(session: &CheckoutSession, intent: &Intent, livemode: bool) -> Option<&'static str> {
    let order = &intent.order;
    let mode = match order.kind {
        Kind::Pack => "payment",
        Kind::Plan => "subscription",
    };
    let line = match session.line_items.as_deref() {
        Some([line]) => Some(line),
        _ => None,
    };
    let price = line
        .and_then(|line| line.price.as_ref())
        .map(|price| price.id.as_str());
    let checks = [
        (
            "client_reference_id",
            session.client_reference_id.as_deref() == Some(intent.id.as_str()),
        ),
        ("livemode", session.livemode == livemode),
        ("mode", session.mode == mode),
        ("line_items", line.is_some()),
        ("price", price == Some(order.price_id.as_str())),
        (
            "quantity",
            line.and_then(|line| line.quantity) == Some(order.quantity),
        ),
        ("currency", session.currency == Some(order.price.currency())),
        ("amount_subtotal", session.subtotal() == Some(order.price)),
    ];
    checks
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RequestHash;
    use crate::payments::orders::CheckoutStatus;
    use crate::pricing::catalog::{self, OFFERS};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    fn intent(item: &str) -> Intent {
        let price_ids = OFFERS
            .iter()
            .map(|offer| (offer.item.to_owned(), format!("price_{}", offer.item)))
            .collect();
        Intent {
            id: "chk_1".parse().unwrap(),
            account: "acct_1".parse().unwrap(),
            request_hash: RequestHash([0; 32]),
            order: catalog::order(item, 1, &price_ids).unwrap(),
            success_url: String::new(),
            cancel_url: String::new(),
            promotion_codes: false,
            automatic_tax: false,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            status: CheckoutStatus::Open,
            session: None,
        }
    }

    /// A session as ordered, changed by `changes`.
    fn session(changes: &Value) -> CheckoutSession {
        let mut session = json!({
            "id": "cs_1", "livemode": false, "mode": "payment", "status": "complete",
            "payment_status": "paid", "currency": "usd", "amount_subtotal": 2000,
            "amount_total": 2000, "client_reference_id": "chk_1", "url": null,
            "payment_intent": {"id": "pi_1", "status": "succeeded"},
            "line_items": {"data": [{"price": {"id": "price_pack_500k"}, "quantity": 1}]},
        });
        for (field, value) in changes.as_object().unwrap() {
            session[field] = value.clone();
        }
        serde_json::from_value(session).unwrap()
    }

    #[test]
    fn the_verdict_follows_from_status_and_payment() {
        let processing = json!({"id": "pi_1", "status": "processing"});
        let failed = json!({"id": "pi_1", "status": "requires_payment_method"});
        let canceled = json!({"id": "pi_1", "status": "canceled"});
        let action = json!({"id": "pi_1", "status": "requires_action"});
        for (status, payment_status, payment, verdict) in [
            ("complete", "paid", json!("pi_1"), Verdict::Paid),
            (
                "complete",
                "no_payment_required",
                json!(null),
                Verdict::Paid,
            ),
            ("complete", "unpaid", processing, Verdict::Processing),
            ("complete", "unpaid", failed.clone(), Verdict::Failed),
            ("complete", "unpaid", canceled, Verdict::Failed),
            ("complete", "unpaid", action, Verdict::Processing),
            ("complete", "unpaid", json!("pi_1"), Verdict::Processing),
            ("complete", "unpaid", json!(null), Verdict::Processing),
            ("open", "unpaid", failed, Verdict::Open),
            ("open", "unpaid", json!(null), Verdict::Open),
            ("open", "paid", json!(null), Verdict::Open),
            ("expired", "unpaid", json!(null), Verdict::Expired),
            (
                "complete",
                "soon",
                json!(null),
                Verdict::Unknown("payment_status"),
            ),
            ("paused", "paid", json!(null), Verdict::Unknown("status")),
        ] {
            let found = session(&json!({
                "status": status, "payment_status": payment_status, "payment_intent": payment,
            }));
            let judged = of(&found, &intent("pack_500k"), false);
            assert_eq!(judged, verdict, "{status} {payment_status}");
        }
    }

    #[test]
    fn a_session_that_does_not_match_the_order_is_refused() {
        let lines = |data: Value| json!({ "line_items": {"data": data} });
        for (changes, field) in [
            (
                json!({"client_reference_id": "chk_2"}),
                "client_reference_id",
            ),
            (json!({"client_reference_id": null}), "client_reference_id"),
            (json!({"livemode": true}), "livemode"),
            (json!({"mode": "subscription"}), "mode"),
            (json!({"mode": "setup"}), "mode"),
            (json!({"currency": "eur"}), "currency"),
            (json!({"currency": null}), "currency"),
            (json!({"amount_subtotal": 1999}), "amount_subtotal"),
            (
                json!({"amount_subtotal": 1, "amount_total": 2000}),
                "amount_subtotal",
            ),
            (json!({"line_items": null}), "line_items"),
            (lines(json!([])), "line_items"),
            (
                lines(
                    json!([{"price": {"id": "price_pack_500k"}, "quantity": 1}, {"price": null, "quantity": 1}]),
                ),
                "line_items",
            ),
            (
                lines(json!([{"price": {"id": "price_pack_125k"}, "quantity": 1}])),
                "price",
            ),
            (lines(json!([{"price": null, "quantity": 1}])), "price"),
            (
                lines(json!([{"price": {"id": "price_pack_500k"}, "quantity": 2}])),
                "quantity",
            ),
        ] {
            let judged = of(&session(&changes), &intent("pack_500k"), false);
            assert_eq!(judged, Verdict::Mismatch(field), "{changes}");
        }
        assert_eq!(
            of(&session(&json!({})), &intent("pack_500k"), true),
            Verdict::Mismatch("livemode")
        );
        assert_eq!(
            of(&session(&json!({})), &intent("plus"), false),
            Verdict::Mismatch("mode")
        );
    }

    #[test]
    fn discounts_and_taxes_are_no_mismatch() {
        for total in [0, 1_600, 2_200] {
            let found = session(&json!({"amount_total": total}));
            assert_eq!(of(&found, &intent("pack_500k"), false), Verdict::Paid);
        }
    }
}
