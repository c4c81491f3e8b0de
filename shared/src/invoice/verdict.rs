//! Judges an invoice: whether it grants a plan's Sparks, how many, and until when. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::catalog::Order;
use crate::stripe::{Invoice, InvoiceLine};

/// Why invoices are made that pay for a whole period of a plan.
/// <https://docs.stripe.com/api/invoices/object#invoice_object-billing_reason>
const PERIODS: [&str; 2] = ["subscription_create", "subscription_cycle"];

/// How long Sparks can be used at least that came in after their period.
const LATE_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What an invoice comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It pays for a period of a plan.
    Grant(Period),
    /// It grants nothing, for this reason.
    Nothing(&'static str),
    /// A field is not what the plan's terms say.
    Mismatch(&'static str),
}

/// A period that is paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// At which terms.
    pub(super) order: Order,
    /// When it ends.
    pub(super) end: Timestamp,
}

impl Period {
    /// When its Sparks end: with the period and some grace, or 30 days from now when they come in after it.
    pub(super) fn expires_at(&self, grace: SignedDuration, now: Timestamp) -> Timestamp {
        let with_grace = self.end.saturating_add(grace).unwrap_or(Timestamp::MAX);
        if now <= self.end {
            return with_grace;
        }
        let late = now.saturating_add(LATE_FOR).unwrap_or(Timestamp::MAX);
        with_grace.max(late)
    }
}

/// Judges an invoice. `terms` has the order of one plan by its price.
///
/// Only a whole period grants: a proration, a trial and what else Stripe may ask for grant nothing. A discount
/// changes nothing, since a line's amount is before it.
pub(super) fn of(
    invoice: &Invoice,
    livemode: bool,
    ours: bool,
    terms: impl Fn(&str) -> Option<Order>,
) -> Verdict {
    if invoice.livemode != livemode {
        return Verdict::Mismatch("livemode");
    }
    if invoice.status.as_deref() != Some("paid") {
        return Verdict::Nothing(super::NOT_PAID);
    }
    let reason = invoice.billing_reason.as_deref().unwrap_or_default();
    if !PERIODS.contains(&reason) {
        return Verdict::Nothing("no_period");
    }
    let whole = |line: &&InvoiceLine| !line.is_proration() && line.amount != 0;
    let mut paid: Option<Period> = None;
    let mut other = invoice.lines.has_more;
    for line in invoice.lines.data.iter().filter(whole) {
        let Some(one) = line.price_id().and_then(&terms) else {
            other = true;
            continue;
        };
        if invoice.currency != one.currency {
            return Verdict::Mismatch("currency");
        }
        let Some(period) = period(line, &one) else {
            return Verdict::Mismatch("amount");
        };
        paid = match paid.map_or(Some(period.clone()), |paid| together(&paid, &period)) {
            Some(paid) => Some(paid),
            None => return Verdict::Mismatch("amount"),
        };
    }
    match paid {
        Some(period) => Verdict::Grant(period),
        // Somebody has paid for what was bought here, at a price that nobody here knows.
        None if other && ours => Verdict::Mismatch("price"),
        None if other => Verdict::Nothing("no_plan"),
        None => Verdict::Nothing("nothing_to_pay"),
    }
}

/// The period that a line pays for; nothing when it is not what so many cost.
fn period(line: &InvoiceLine, one: &Order) -> Option<Period> {
    let quantity = line.quantity.unwrap_or(1);
    let times = i64::from(quantity);
    let amount = one.amount.checked_mul(times)?;
    let sparks = one.sparks.milli().checked_mul(times)?;
    (line.amount == amount && quantity > 0).then_some(())?;
    Some(Period {
        order: Order {
            quantity,
            amount,
            sparks: crate::sparks::Sparks::from_milli(sparks),
            ..one.clone()
        },
        end: Timestamp::from_second(line.period.end).ok()?,
    })
}

/// Two lines of one invoice.
fn together(first: &Period, second: &Period) -> Option<Period> {
    let (one, other) = (&first.order, &second.order);
    let order = Order {
        quantity: one.quantity.checked_add(other.quantity)?,
        amount: one.amount.checked_add(other.amount)?,
        sparks: one.sparks.checked_add(other.sparks)?,
        ..one.clone()
    };
    Some(Period {
        order,
        end: first.end.max(second.end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use serde_json::{Value, json};

    fn line(changes: &Value) -> Value {
        let mut line = json!({
            "amount": 2000, "quantity": 1, "period": {"start": 0, "end": 1000},
            "parent": {"subscription_item_details": {"proration": false}},
            "pricing": {"price_details": {"price": "price_plus"}},
        });
        for (field, value) in changes.as_object().unwrap() {
            line[field] = value.clone();
        }
        line
    }

    fn invoice(changes: &Value, lines: &[Value]) -> Invoice {
        let mut invoice = json!({
            "id": "in_1", "livemode": false, "status": "paid", "currency": "usd", "amount_paid": 2000,
            "billing_reason": "subscription_cycle", "lines": {"data": lines, "has_more": false},
        });
        for (field, value) in changes.as_object().unwrap() {
            invoice[field] = value.clone();
        }
        serde_json::from_value(invoice).unwrap()
    }

    fn judge(invoice: &Invoice, ours: bool) -> Verdict {
        let prices = [("plus".to_owned(), "price_plus".to_owned())].into();
        of(invoice, false, ours, |price| {
            catalog::plan_of_price(price, &prices)
        })
    }

    fn granted(verdict: Verdict) -> (i64, i64) {
        match verdict {
            Verdict::Grant(period) => (period.order.sparks.milli(), period.end.as_second()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_paid_period_of_a_plan_grants_its_sparks_until_its_own_end() {
        for reason in ["subscription_create", "subscription_cycle"] {
            let found = invoice(&json!({"billing_reason": reason}), &[line(&json!({}))]);
            assert_eq!(granted(judge(&found, true)), (500_000_000, 1_000));
        }
        let discounted = invoice(&json!({"amount_paid": 0}), &[line(&json!({}))]);
        assert_eq!(granted(judge(&discounted, true)).0, 500_000_000);
        let two = invoice(
            &json!({}),
            &[
                line(&json!({"quantity": 2, "amount": 4000})),
                line(&json!({"period": {"start": 0, "end": 2000}})),
                line(
                    &json!({"amount": -700, "parent": {"subscription_item_details": {"proration": true}}}),
                ),
            ],
        );
        assert_eq!(granted(judge(&two, true)), (1_500_000_000, 2_000));
    }

    #[test]
    fn what_was_ordered_is_all_that_was_paid_for() {
        let two = line(&json!({"quantity": 2, "amount": 4000}));
        let one = line(&json!({}));
        for (lines, quantity, amount) in [
            (vec![one.clone()], 1, 2_000),
            (vec![two.clone()], 2, 4_000),
            (vec![two, one], 3, 6_000),
        ] {
            let Verdict::Grant(period) = judge(&invoice(&json!({}), &lines), true) else {
                panic!("{lines:?}");
            };
            let order = period.order;
            assert_eq!((order.quantity, order.amount), (quantity, amount));
        }
        let nothing = line(&json!({"quantity": 0, "amount": 0}));
        let nothing: InvoiceLine = serde_json::from_value(nothing).unwrap();
        let prices = [("plus".to_owned(), "price_plus".to_owned())].into();
        let plan = catalog::plan_of_price("price_plus", &prices).unwrap();
        assert_eq!(period(&nothing, &plan), None);
    }

    #[test]
    fn what_is_no_whole_period_grants_nothing() {
        let proration = json!({"parent": {"subscription_item_details": {"proration": true}}});
        let other_price = json!({"pricing": {"price_details": {"price": "price_other"}}});
        for (changes, lines, reason) in [
            (
                json!({"status": "open"}),
                vec![line(&json!({}))],
                "not_paid",
            ),
            (
                json!({"status": "void"}),
                vec![line(&json!({}))],
                "not_paid",
            ),
            (json!({"status": null}), vec![line(&json!({}))], "not_paid"),
            (
                json!({"billing_reason": "subscription_update"}),
                vec![line(&json!({}))],
                "no_period",
            ),
            (
                json!({"billing_reason": "manual"}),
                vec![line(&json!({}))],
                "no_period",
            ),
            (
                json!({}),
                vec![line(&json!({"amount": 0}))],
                "nothing_to_pay",
            ),
            (json!({}), vec![line(&proration)], "nothing_to_pay"),
            (json!({}), vec![], "nothing_to_pay"),
            (json!({}), vec![line(&other_price)], "no_plan"),
        ] {
            let found = invoice(&changes, &lines);
            assert_eq!(judge(&found, false), Verdict::Nothing(reason), "{changes}");
        }
    }

    #[test]
    fn what_was_paid_at_other_terms_is_looked_at() {
        let other_price = line(&json!({"pricing": {"price_details": {"price": "price_other"}}}));
        for (changes, line, field) in [
            (json!({"livemode": true}), line(&json!({})), "livemode"),
            (json!({"currency": "eur"}), line(&json!({})), "currency"),
            (json!({}), line(&json!({"amount": 1999})), "amount"),
            (json!({}), line(&json!({"quantity": 2})), "amount"),
            (json!({}), line(&json!({"quantity": 0})), "amount"),
            (json!({}), other_price, "price"),
        ] {
            let found = invoice(&changes, &[line]);
            assert_eq!(judge(&found, true), Verdict::Mismatch(field), "{changes}");
        }
    }

    #[test]
    fn sparks_end_with_the_period_and_some_grace_but_not_before_they_could_be_used() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let prices = [("plus".to_owned(), "price_plus".to_owned())].into();
        let period = Period {
            order: catalog::plan_of_price("price_plus", &prices).unwrap(),
            end: at(1_000_000),
        };
        let days = |days: i64| days * 86_400;
        for (now, grace_hours, end) in [
            (0, 0, 1_000_000),
            (0, 24, 1_000_000 + days(1)),
            (1_000_000, 24, 1_000_000 + days(1)),
            (1_000_001, 24, 1_000_001 + days(30)),
            (1_000_001, 24 * 40, 1_000_000 + days(40)),
        ] {
            let grace = SignedDuration::from_hours(grace_hours);
            assert_eq!(period.expires_at(grace, at(now)), at(end), "{now}");
        }
    }
}
