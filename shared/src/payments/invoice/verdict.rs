//! Judges an invoice: the period of a plan that it pays for, if any. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::payments::field::Field;
use crate::payments::outcome::NoGrant;
use crate::pricing::catalog::OrderTerms;
use crate::pricing::price_id::PriceId;
use crate::providers::stripe::{Invoice, InvoiceLine};
use crate::words::money::Money;
use crate::words::sparks::Sparks;

/// Minimum life of Sparks that were granted after their period had ended.
const LATE_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The verdict on an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It pays for a period of a plan. `unclear` names what is wrong with another line, which grants nothing.
    Grant {
        period: Period,
        total: Money,
        unclear: Option<Field>,
    },
    /// It rightly grants nothing, for this reason.
    Nothing(NoGrant),
    /// It is paid but grants nothing, because this field does not match the plan's terms.
    Mismatch(Field),
}

/// A paid period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// The terms that were paid for.
    pub(super) terms: OrderTerms,
    /// The end of the period.
    pub(super) end: Timestamp,
}

impl Period {
    /// Returns the expiry of its Sparks: the period's end plus grace.
    ///
    /// If the period is over, it is at least 30 days from now.
    pub(super) fn expires_at(&self, grace: SignedDuration, now: Timestamp) -> Timestamp {
        let with_grace = self.end.saturating_add(grace).unwrap_or(Timestamp::MAX);
        if now <= self.end {
            return with_grace;
        }
        let late = now.saturating_add(LATE_FOR).unwrap_or(Timestamp::MAX);
        with_grace.max(late)
    }
}

/// Judges an invoice by its lines. `terms` returns the terms of one plan by its price.
///
/// Each line that is exactly a whole period of a plan grants it, whatever the invoice was made for: Stripe bills whole
/// periods as `subscription_create` and `subscription_cycle`, and also as `subscription_update` (a trial that ended,
/// a new billing anchor, another interval) or `quote_accept`. Prorations grant nothing. Discounts change nothing, since
/// a line's amount is before discounts. An invoice of this deployment that is paid and grants nothing is a mismatch.
/// <https://docs.stripe.com/api/invoices/object#invoice_object-billing_reason>
pub(super) fn of(
    invoice: &Invoice,
    livemode: bool,
    ours: bool,
    terms: impl Fn(&PriceId) -> Option<OrderTerms>,
) -> Verdict {
    if invoice.livemode != livemode {
        return Verdict::Mismatch(Field::Livemode);
    }
    if !invoice.is_paid() {
        return Verdict::Nothing(NoGrant::NotPaid);
    }
    let Some(owed) = invoice.owed() else {
        return Verdict::Mismatch(Field::Amount);
    };
    if invoice.total().minor() > 0 && owed.minor() <= 0 {
        return Verdict::Nothing(NoGrant::CreditedBeforePayment);
    }
    let mut lines = Lines::default();
    for line in &invoice.lines.data {
        lines.add(line, invoice.amount_of(line), &terms);
    }
    let Lines {
        paid,
        wrong,
        is_of_plan,
        has_others,
    } = lines;
    if let Some(period) = paid {
        return Verdict::Grant {
            period,
            total: owed,
            unclear: wrong,
        };
    }
    if invoice.total().minor() <= 0 {
        return Verdict::Nothing(NoGrant::NothingToPay);
    }
    match wrong {
        Some(field) => Verdict::Mismatch(field),
        None if has_others && ours => Verdict::Mismatch(Field::Price),
        None if is_of_plan || ours => Verdict::Mismatch(Field::Proration),
        None => Verdict::Nothing(NoGrant::NoPlan),
    }
}

/// The lines of an invoice, added up.
#[derive(Default)]
struct Lines {
    /// All whole periods together.
    paid: Option<Period>,
    /// The mismatch of a line at a plan's price. It is neither a proration nor a whole period.
    wrong: Option<Field>,
    /// A line with a positive amount has a plan's price.
    is_of_plan: bool,
    /// A line with a positive amount has a price that is not in the catalogue.
    has_others: bool,
}

impl Lines {
    fn add(
        &mut self,
        line: &InvoiceLine,
        amount: Money,
        terms: &impl Fn(&PriceId) -> Option<OrderTerms>,
    ) {
        // Trials cost nothing, and the unused time of a change has a negative amount.
        if amount.minor() <= 0 {
            return;
        }
        let Some(plan) = line.price_id().and_then(terms) else {
            self.has_others |= !line.is_proration();
            return;
        };
        self.is_of_plan = true;
        if line.is_proration() {
            return;
        }
        if plan.price.currency() != amount.currency() {
            self.wrong = Some(Field::Currency);
            return;
        }
        let paid = match (period(line, amount, &plan), &self.paid) {
            (Some(period), Some(paid)) => together(paid, &period),
            (period, _) => period,
        };
        match paid {
            Some(paid) => self.paid = Some(paid),
            None => self.wrong = Some(Field::Amount),
        }
    }
}

/// Returns the period that a line pays for. None if its amount is not the price of its quantity.
fn period(line: &InvoiceLine, amount: Money, one: &OrderTerms) -> Option<Period> {
    let quantity = line.quantity.unwrap_or(1);
    let price = one.price.checked_mul(quantity)?;
    let sparks = one.sparks.milli().checked_mul(quantity.into())?;
    (amount == price && quantity > 0).then_some(())?;
    Some(Period {
        terms: OrderTerms {
            quantity,
            price,
            sparks: Sparks::from_milli(sparks),
            ..one.clone()
        },
        end: Timestamp::from_second(line.period.end).ok()?,
    })
}

/// Adds up two lines of one invoice; None if that overflows.
fn together(first: &Period, second: &Period) -> Option<Period> {
    let (one, other) = (&first.terms, &second.terms);
    let terms = OrderTerms {
        quantity: one.quantity.checked_add(other.quantity)?,
        price: one.price.checked_add(other.price)?,
        sparks: one.sparks.checked_add(other.sparks)?,
        ..one.clone()
    };
    Some(Period {
        terms,
        end: first.end.max(second.end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::catalog;
    use serde_json::{Value, json};

    fn line(changes: &Value) -> Value {
        let mut line = json!({
            "id": "il_1", "amount": 2000, "quantity": 1, "period": {"start": 0, "end": 1000},
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
            "id": "in_1", "livemode": false, "status": "paid", "currency": "usd", "total": 2000, "created": 0,
            "billing_reason": "subscription_cycle", "lines": {"data": lines, "has_more": false},
        });
        for (field, value) in changes.as_object().unwrap() {
            invoice[field] = value.clone();
        }
        serde_json::from_value(invoice).unwrap()
    }

    fn judge(invoice: &Invoice, ours: bool) -> Verdict {
        let prices = [("plus".to_owned(), "price_plus".into())].into();
        of(invoice, false, ours, |price| {
            catalog::plan_of_price(price, &prices)
        })
    }

    fn granted(verdict: Verdict) -> (i64, i64) {
        match verdict {
            Verdict::Grant {
                period,
                unclear: None,
                ..
            } => (period.terms.sparks.milli(), period.end.as_second()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_paid_period_of_a_plan_grants_its_sparks_until_its_own_end() {
        for reason in [
            "subscription_create",
            "subscription_cycle",
            "subscription_update",
            "quote_accept",
            "manual",
        ] {
            let found = invoice(&json!({"billing_reason": reason}), &[line(&json!({}))]);
            assert_eq!(granted(judge(&found, true)), (500_000_000, 1_000));
        }
        let discounted = invoice(&json!({"total": 0}), &[line(&json!({}))]);
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
    fn the_order_is_the_sum_of_all_paid_lines() {
        let two = line(&json!({"quantity": 2, "amount": 4000}));
        let one = line(&json!({}));
        for (lines, quantity, amount) in [
            (vec![one.clone()], 1, 2_000),
            (vec![two.clone()], 2, 4_000),
            (vec![two, one], 3, 6_000),
        ] {
            let Verdict::Grant { period, .. } = judge(&invoice(&json!({}), &lines), true) else {
                panic!("{lines:?}");
            };
            let terms = period.terms;
            assert_eq!((terms.quantity, terms.price.minor()), (quantity, amount));
        }
        let nothing = line(&json!({"quantity": 0, "amount": 0}));
        let nothing: InvoiceLine = serde_json::from_value(nothing).unwrap();
        let prices = [("plus".to_owned(), "price_plus".into())].into();
        let plan = catalog::plan_of_price(&"price_plus".into(), &prices).unwrap();
        let amount = Money::new(0, plan.price.currency());
        assert_eq!(period(&nothing, amount, &plan), None);
    }

    /// Prorations of a change within a period: one billed at once, one pending. The latter waits for the next invoice.
    fn prorations() -> [Value; 2] {
        ["subscription_item_details", "invoice_item_details"]
            .map(|parent| json!({"parent": {parent: {"proration": true}}}))
    }

    #[test]
    fn a_whole_period_beside_prorations_is_granted() {
        for parent in prorations() {
            let with_amount = |amount: i64| {
                let mut line = line(&parent);
                line["amount"] = amount.into();
                line
            };
            let lines = [with_amount(-1_000), with_amount(1_500), line(&json!({}))];
            let found = invoice(&json!({"total": 2_500}), &lines);
            assert_eq!(granted(judge(&found, true)).0, 500_000_000, "{parent}");
        }
    }

    #[test]
    fn a_wrong_line_does_not_prevent_the_grant_of_another() {
        let odd = line(&json!({"amount": 1_999}));
        for lines in [[odd.clone(), line(&json!({}))], [line(&json!({})), odd]] {
            let found = invoice(&json!({"total": 3_999}), &lines);
            let Verdict::Grant {
                period, unclear, ..
            } = judge(&found, true)
            else {
                panic!("{lines:?}");
            };
            assert_eq!(period.terms.sparks.milli(), 500_000_000);
            assert_eq!(unclear, Some(Field::Amount));
        }
    }

    #[test]
    fn an_invoice_without_a_paid_period_grants_nothing() {
        use NoGrant::{NoPlan, NotPaid, NothingToPay};
        let [proration, _] = prorations();
        let other_price = json!({"pricing": {"price_details": {"price": "price_other"}}});
        for (changes, lines, reason) in [
            (json!({"status": "open"}), vec![line(&json!({}))], NotPaid),
            (json!({"status": "draft"}), vec![line(&json!({}))], NotPaid),
            (json!({"status": "void"}), vec![line(&json!({}))], NotPaid),
            (json!({"status": null}), vec![line(&json!({}))], NotPaid),
            (
                json!({"total": 0}),
                vec![line(&json!({"amount": 0}))],
                NothingToPay,
            ),
            (json!({"total": -700}), vec![line(&proration)], NothingToPay),
            (json!({"total": 0}), vec![], NothingToPay),
            (json!({}), vec![line(&other_price)], NoPlan),
        ] {
            let found = invoice(&changes, &lines);
            assert_eq!(judge(&found, false), Verdict::Nothing(reason), "{changes}");
        }
    }

    #[test]
    fn a_paid_invoice_that_grants_nothing_is_a_mismatch() {
        use Field::{Amount, Currency, Livemode, Price, Proration};
        let other_price = line(&json!({"pricing": {"price_details": {"price": "price_other"}}}));
        let [proration, pending] = prorations();
        for (changes, line, field) in [
            (json!({"livemode": true}), line(&json!({})), Livemode),
            (json!({"currency": "eur"}), line(&json!({})), Currency),
            (json!({}), line(&json!({"amount": 1999})), Amount),
            (json!({}), line(&json!({"quantity": 2})), Amount),
            (json!({}), line(&json!({"quantity": 0})), Amount),
            (
                json!({"pre_payment_credit_notes_amount": i64::MIN}),
                line(&json!({})),
                Amount,
            ),
            (json!({}), other_price, Price),
            (json!({}), line(&proration), Proration),
            (json!({}), line(&pending), Proration),
        ] {
            let found = invoice(&changes, &[line]);
            assert_eq!(judge(&found, true), Verdict::Mismatch(field), "{changes}");
        }
    }

    #[test]
    fn sparks_end_with_the_period_and_grace_or_30_days_after_a_late_grant() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let prices = [("plus".to_owned(), "price_plus".into())].into();
        let period = Period {
            terms: catalog::plan_of_price(&"price_plus".into(), &prices).unwrap(),
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
