//! Judges a session from Stripe against what was ordered. Pure.

use crate::payments::field::Field;
use crate::payments::orders::Order;
use crate::pricing::catalog::Kind;
use crate::providers::stripe::{
    CheckoutSession, PaymentIntent, PaymentStatus, SessionMode, SessionStatus,
};

/// The verdict on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is paid, or there was nothing to pay.
    Paid,
    /// It is complete, and the payment is processing, or the buyer must still send it. A bank transfer, for example, is
    /// sent later.
    Processing,
    /// It is open; a declined card leaves it open.
    Open,
    /// It is complete, and the payment failed for good.
    Failed,
    /// It ended without a payment.
    Expired,
    /// This field does not match the order.
    Mismatch(Field),
    /// This field has a value that is not known here.
    Unknown(Field),
}

/// Judges a session: first against the order, then by its status.
///
/// The subtotal is compared, since discounts and taxes change the total. A session without anything to pay,
/// such as one with a discount of 100 %, is paid.
/// <https://docs.stripe.com/checkout/fulfillment>
pub(super) fn of(session: &CheckoutSession, order: &Order, livemode: bool) -> Verdict {
    if let Some(field) = difference(session, order, livemode) {
        return Verdict::Mismatch(field);
    }
    let payment = session.payment_intent.as_ref();
    match &session.status {
        Some(SessionStatus::Complete) => match &session.payment_status {
            PaymentStatus::Paid | PaymentStatus::NoPaymentRequired => Verdict::Paid,
            PaymentStatus::Unpaid if payment.is_some_and(PaymentIntent::has_failed) => {
                Verdict::Failed
            }
            PaymentStatus::Unpaid => Verdict::Processing,
            PaymentStatus::Other(_) => Verdict::Unknown(Field::PaymentStatus),
        },
        Some(SessionStatus::Open) => Verdict::Open,
        Some(SessionStatus::Expired) => Verdict::Expired,
        Some(SessionStatus::Other(_)) | None => Verdict::Unknown(Field::Status),
    }
}

/// Returns the first field that does not match the order; None if all do.
fn difference(session: &CheckoutSession, order: &Order, livemode: bool) -> Option<Field> {
    let terms = &order.terms;
    let mode = match terms.kind {
        Kind::Pack => SessionMode::Payment,
        Kind::Plan => SessionMode::Subscription,
    };
    let line = match session.line_items.as_deref() {
        Some([line]) => Some(line),
        _ => None,
    };
    let price = line.and_then(|line| line.price.as_ref());
    let checks = [
        (
            Field::ClientReferenceId,
            session.client_reference_id.as_deref() == Some(order.id.as_str()),
        ),
        (Field::Livemode, session.livemode == livemode),
        (Field::Mode, session.mode == mode),
        (Field::LineItems, line.is_some()),
        (
            Field::Price,
            price.is_some_and(|price| price.id == terms.price_id),
        ),
        (
            Field::Quantity,
            line.and_then(|line| line.quantity) == Some(terms.quantity),
        ),
        (
            Field::Currency,
            session.currency == Some(terms.price.currency()),
        ),
        (
            Field::AmountSubtotal,
            session.subtotal() == Some(terms.price),
        ),
    ];
    checks
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RequestHash;
    use crate::payments::orders::OrderStatus;
    use crate::pricing::catalog::{self, OFFERS};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    fn order(item: &str) -> Order {
        let price_ids = OFFERS
            .iter()
            .map(|offer| {
                (
                    offer.item.to_owned(),
                    format!("price_{}", offer.item).as_str().into(),
                )
            })
            .collect();
        Order {
            id: "chk_1".parse().unwrap(),
            account: "acct_1".parse().unwrap(),
            request_hash: RequestHash([0; 32]),
            terms: catalog::order(item, 1, &price_ids).unwrap(),
            success_url: String::new(),
            cancel_url: String::new(),
            promotion_codes: false,
            automatic_tax: false,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            status: OrderStatus::Open,
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
                Verdict::Unknown(Field::PaymentStatus),
            ),
            (
                "paused",
                "paid",
                json!(null),
                Verdict::Unknown(Field::Status),
            ),
        ] {
            let found = session(&json!({
                "status": status, "payment_status": payment_status, "payment_intent": payment,
            }));
            let judged = of(&found, &order("pack_500k"), false);
            assert_eq!(judged, verdict, "{status} {payment_status}");
        }
    }

    #[test]
    fn a_session_that_does_not_match_the_order_is_refused() {
        let lines = |data: Value| json!({ "line_items": {"data": data} });
        for (changes, field) in [
            (
                json!({"client_reference_id": "chk_2"}),
                Field::ClientReferenceId,
            ),
            (
                json!({"client_reference_id": null}),
                Field::ClientReferenceId,
            ),
            (json!({"livemode": true}), Field::Livemode),
            (json!({"mode": "subscription"}), Field::Mode),
            (json!({"mode": "setup"}), Field::Mode),
            (json!({"currency": "eur"}), Field::Currency),
            (json!({"currency": null}), Field::Currency),
            (json!({"amount_subtotal": 1999}), Field::AmountSubtotal),
            (
                json!({"amount_subtotal": 1, "amount_total": 2000}),
                Field::AmountSubtotal,
            ),
            (json!({"line_items": null}), Field::LineItems),
            (lines(json!([])), Field::LineItems),
            (
                lines(
                    json!([{"price": {"id": "price_pack_500k"}, "quantity": 1}, {"price": null, "quantity": 1}]),
                ),
                Field::LineItems,
            ),
            (
                lines(json!([{"price": {"id": "price_pack_125k"}, "quantity": 1}])),
                Field::Price,
            ),
            (lines(json!([{"price": null, "quantity": 1}])), Field::Price),
            (
                lines(json!([{"price": {"id": "price_pack_500k"}, "quantity": 2}])),
                Field::Quantity,
            ),
        ] {
            let judged = of(&session(&changes), &order("pack_500k"), false);
            assert_eq!(judged, Verdict::Mismatch(field), "{changes}");
        }
        assert_eq!(
            of(&session(&json!({})), &order("pack_500k"), true),
            Verdict::Mismatch(Field::Livemode)
        );
        assert_eq!(
            of(&session(&json!({})), &order("plus"), false),
            Verdict::Mismatch(Field::Mode)
        );
    }

    #[test]
    fn discounts_and_taxes_are_no_mismatch() {
        for total in [0, 1_600, 2_200] {
            let found = session(&json!({"amount_total": total}));
            assert_eq!(of(&found, &order("pack_500k"), false), Verdict::Paid);
        }
    }
}
