//! Purchases, and the shares of them that refunds and disputes claw back. Pure.
//!
//! A reversal claws back its share of what was paid, in Sparks of that purchase. All live reversals of a purchase
//! together never take more than it granted less what of it has expired. If that cap cuts one reversal, it takes the
//! missing part over when another one is restored.

use serde::{Deserialize, Serialize, Serializer};

use crate::pricing::catalog::OrderTerms;
use crate::words::id::{OrderId, PaymentIntentId, ReversalId};
use crate::words::money::{Money, Share};
use crate::words::sparks::Sparks;

/// The purchase that Sparks were bought with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredPurchase")]
pub struct Purchase {
    /// The id of the order; None if a subscription was not made by a checkout.
    #[serde(rename = "intent", skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// The terms of the order.
    #[serde(rename = "order")]
    pub terms: OrderTerms,
    /// The `PaymentIntent` at Stripe. None if there was nothing to pay, or if an invoice leads to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<PaymentIntentId>,
    /// The total after discounts and with taxes, in the order's currency. A card or the customer's credit balance may
    /// have paid it.
    ///
    /// Invoices that earlier releases credited hold only the amount that the card paid.
    #[serde(rename = "amount_paid", serialize_with = "without_currency")]
    pub total: Money,
}

/// A purchase as it is stored. The currency of its total is that of its order.
#[derive(Deserialize)]
struct StoredPurchase {
    #[serde(default)]
    intent: Option<OrderId>,
    order: OrderTerms,
    #[serde(default)]
    payment_intent: Option<PaymentIntentId>,
    amount_paid: i64,
}

impl From<StoredPurchase> for Purchase {
    fn from(stored: StoredPurchase) -> Self {
        Self {
            order: stored.intent,
            total: Money::new(stored.amount_paid, stored.order.price.currency()),
            terms: stored.order,
            payment_intent: stored.payment_intent,
        }
    }
}

fn without_currency<S: Serializer>(total: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(total.minor())
}

/// The part of a purchase that is paid back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// An amount of what was paid.
    Amount(Money),
    /// A share of it, which does not depend on the currency that was paid.
    Share(Share),
}

impl Purchase {
    /// Returns the Sparks of a part of the payment, rounded up once to a milli-Spark.
    ///
    /// None for an amount if nothing was paid, or if it was paid in another currency.
    pub fn share(&self, granted: Sparks, part: Part) -> Option<Sparks> {
        let share = match part {
            Part::Amount(amount) => amount.share_of(self.total)?,
            Part::Share(share) => share,
        };
        Some(share.rounded_up(granted))
    }
}

/// One refund or dispute of a purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversal {
    /// Its id at Stripe, `re_…`, `dp_…` or `cn_…`.
    pub id: ReversalId,
    /// Its share.
    pub wanted: Sparks,
    /// The Sparks it has taken. Fewer than its share if others had taken too much before.
    pub taken: Sparks,
    /// True if it failed or was won, and its Sparks were given back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restored: bool,
}

/// All refunds and disputes of one purchase, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reversals(Vec<Reversal>);

impl Reversals {
    /// Returns each of them, oldest first.
    pub fn all(&self) -> &[Reversal] {
        &self.0
    }

    /// Returns the reversal with an id.
    pub fn get(&self, id: &ReversalId) -> Option<&Reversal> {
        self.0.iter().find(|reversal| reversal.id == *id)
    }

    /// Adds a reversal; returns what it takes, so that all together take at most `most`.
    ///
    /// None if an amount does not fit.
    pub fn take(&mut self, id: &ReversalId, wanted: Sparks, most: Sparks) -> Option<Sparks> {
        let taken = wanted.min(self.room(most)?);
        self.0.push(Reversal {
            id: id.clone(),
            wanted,
            taken,
            restored: false,
        });
        Some(taken)
    }

    /// Ends a live reversal; returns how much of its Sparks is given back. Reversals that were cut take their missing
    /// part over first, oldest first.
    ///
    /// None if it is not live, or if an amount does not fit.
    pub fn restore(&mut self, id: &ReversalId, most: Sparks) -> Option<Sparks> {
        let ending = self.0.iter_mut();
        let ending = ending
            .filter(|reversal| !reversal.restored)
            .find(|reversal| reversal.id == *id)?;
        ending.restored = true;
        let mut left = ending.taken;
        let mut room = self.room(most)?;
        for other in self.0.iter_mut().filter(|other| !other.restored) {
            let cut = other.wanted.checked_sub(other.taken)?;
            let over = cut.min(room).min(left);
            other.taken = other.taken.checked_add(over)?;
            left = left.checked_sub(over)?;
            room = room.checked_sub(over)?;
        }
        Some(left)
    }

    /// Returns the Sparks that may still be taken.
    fn room(&self, most: Sparks) -> Option<Sparks> {
        let live = self.0.iter().filter(|reversal| !reversal.restored);
        let taken = Sparks::checked_sum(live.map(|reversal| reversal.taken))?;
        Some(most.checked_sub(taken)?.max(Sparks::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::money::Currency;
    use proptest::prelude::*;

    fn id(text: &str) -> ReversalId {
        text.parse().unwrap()
    }

    const fn sparks(milli: i64) -> Sparks {
        Sparks::from_milli(milli)
    }

    fn purchase(total: i64) -> Purchase {
        let prices = [("pack_500k".to_owned(), "price_1".into())].into();
        Purchase {
            order: None,
            terms: crate::pricing::catalog::order("pack_500k", 1, &prices).unwrap(),
            payment_intent: None,
            total: Money::new(total, Currency::USD),
        }
    }

    #[test]
    fn a_share_of_the_payment_is_rounded_up_once() {
        for (paid, amount, granted, share) in [
            (2_000, 2_000, 500_000_000, 500_000_000),
            (2_000, 1_000, 500_000_000, 250_000_000),
            // With a discount of 20 %, $8 of $16 are half.
            (1_600, 800, 500_000_000, 250_000_000),
            (3, 1, 100, 34),
            (3, 2, 100, 67),
            (7, 1, 1, 1),
            // Stripe can dispute more than was paid.
            (2_000, 2_500, 500_000_000, 500_000_000),
            (2_000, 0, 500_000_000, 0),
        ] {
            let found = purchase(paid).share(sparks(granted), amount_of(amount, "usd"));
            assert_eq!(found, Some(sparks(share)), "{amount} of {paid}");
            if paid != 2_000 {
                // In another currency, the amounts give the same share.
                let part = Money::new(amount, Currency::USD);
                let part = part.share_of(Money::new(paid, Currency::USD)).unwrap();
                let found = purchase(0).share(sparks(granted), Part::Share(part));
                assert_eq!(found, Some(sparks(share)), "{amount} of {paid}");
            }
        }
    }

    fn amount_of(minor: i64, currency: &str) -> Part {
        Part::Amount(Money::new(minor, currency.parse().unwrap()))
    }

    #[test]
    fn nothing_paid_or_another_currency_has_no_share() {
        let share = |total, part| purchase(total).share(sparks(100), part);
        assert_eq!(share(0, amount_of(1, "usd")), None);
        assert_eq!(share(100, amount_of(1, "eur")), None);
        assert_eq!(share(0, Part::Share(Share::ALL)), Some(sparks(100)));
    }

    #[test]
    fn a_purchase_is_stored_with_one_currency() {
        let stored = r#"{"order":{"item":"pack_500k","kind":"pack","quantity":1,"sparks":"500000.000","amount":2000,"currency":"usd","price_id":"price_1","catalog_version":"2026-11-22"},"amount_paid":1600}"#;
        let read: Purchase = serde_json::from_str(stored).unwrap();
        assert_eq!(read, purchase(1_600));
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    }

    #[test]
    fn a_dispute_takes_over_what_a_failed_refund_had_taken_before_it() {
        let mut reversals = Reversals::default();
        let most = sparks(500);
        assert_eq!(
            reversals.take(&id("re_1"), sparks(250), most),
            Some(sparks(250))
        );
        assert_eq!(
            reversals.take(&id("dp_1"), sparks(500), most),
            Some(sparks(250))
        );
        assert_eq!(reversals.restore(&id("re_1"), most), Some(sparks(0)));
        assert_eq!(reversals.get(&id("dp_1")).unwrap().taken, sparks(500));
        assert_eq!(reversals.restore(&id("re_1"), most), None);
        assert_eq!(reversals.restore(&id("dp_1"), most), Some(sparks(500)));
    }

    #[test]
    fn expired_sparks_are_not_taken() {
        let mut reversals = Reversals::default();
        assert_eq!(
            reversals.take(&id("re_1"), sparks(500), sparks(0)),
            Some(sparks(0))
        );
        assert_eq!(reversals.restore(&id("re_1"), sparks(0)), Some(sparks(0)));
    }

    proptest! {
        #[test]
        fn parts_of_a_purchase_never_take_more_than_it_granted_and_all_the_money_takes_all_of_it(
            parts in prop::collection::vec(0_i64..10_000, 1..20), granted in 0_i64..1_000_000_000,
        ) {
            let total: i64 = parts.iter().sum();
            let purchase = purchase(total.max(1));
            let share = |minor: i64| purchase.share(sparks(granted), amount_of(minor, "usd")).unwrap();
            let (mut reversals, mut paid_back, mut taken_before) = (Reversals::default(), 0, 0);
            for (number, part) in parts.into_iter().enumerate() {
                reversals.take(&id(&number.to_string()), share(part), sparks(granted)).unwrap();
                paid_back += part;
                let taken = reversals.all().iter().map(|reversal| reversal.taken.milli()).sum();
                prop_assert!((taken_before..=granted).contains(&taken));
                prop_assert!(share(paid_back).milli() <= taken);
                taken_before = taken;
            }
            prop_assert_eq!(share(total.max(1)).milli(), granted);
            if total > 0 {
                prop_assert_eq!(taken_before, granted);
            }
        }

        #[test]
        fn live_reversals_take_their_wanted_sum_up_to_the_limit(
            steps in prop::collection::vec((any::<bool>(), 0_usize..6, 1_i64..200), 1..30), most in 0_i64..300,
        ) {
            let mut reversals = Reversals::default();
            let mut balance = 0;
            for (number, (take, which, wanted)) in steps.into_iter().enumerate() {
                if take {
                    let id = id(&number.to_string());
                    balance -= reversals.take(&id, sparks(wanted), sparks(most)).unwrap().milli();
                } else if let Some(id) = reversals.all().get(which).map(|found| found.id.clone()) {
                    balance += reversals.restore(&id, sparks(most)).map_or(0, Sparks::milli);
                }
                let live = || reversals.all().iter().filter(|reversal| !reversal.restored);
                let taken: i64 = live().map(|reversal| reversal.taken.milli()).sum();
                let wanted: i64 = live().map(|reversal| reversal.wanted.milli()).sum();
                prop_assert_eq!(taken, wanted.min(most));
                prop_assert_eq!(balance, -taken);
            }
        }
    }
}
