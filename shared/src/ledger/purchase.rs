//! Purchases, and the shares of them that refunds and disputes claw back. Pure.
//!
//! A reversal claws back its share of what was paid, in Sparks of that purchase. All live reversals of a purchase
//! together never take more than it granted less what of it has expired. If that cap cuts one reversal, it takes the
//! missing part over when another one is restored.

use serde::{Deserialize, Serialize};

use crate::pricing::catalog::OrderTerms;
use crate::words::id::OrderId;
use crate::words::sparks::Sparks;

/// The purchase that Sparks were bought with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The id of the order; None if a subscription was not made by a checkout.
    #[serde(default, rename = "intent", skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// The terms of the order.
    #[serde(rename = "order")]
    pub terms: OrderTerms,
    /// The `PaymentIntent` at Stripe; None if there was nothing to pay, or if an invoice leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<String>,
    /// The total after discounts and with taxes, in the currency's smallest unit, whether a card or the customer's
    /// credit balance paid it.
    ///
    /// Invoices that earlier releases credited hold only the amount that the card paid.
    #[serde(rename = "amount_paid")]
    pub total: i64,
}

/// The part of a purchase that is paid back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// An amount of what was paid, in the currency's smallest unit.
    Amount {
        /// The amount.
        amount: i64,
        /// The currency, in lower case.
        currency: String,
    },
    /// An amount of a whole, both in one other currency.
    Of {
        /// The amount that is paid back.
        amount: i64,
        /// The amount that was paid; above zero.
        whole: i64,
    },
    /// All of it.
    All,
}

impl Purchase {
    /// Returns the Sparks of a part of what was paid, rounded up once to a milli-Spark.
    ///
    /// None if nothing was paid, or if it was paid in another currency: then only a [`Part::Of`] or all of it can be
    /// taken.
    pub fn share(&self, granted: Sparks, part: &Part) -> Option<Sparks> {
        let (amount, whole) = match part {
            Part::All => return Some(granted),
            Part::Of { amount, whole } => (*amount, *whole),
            Part::Amount { amount, currency } => {
                if *currency != self.terms.currency {
                    return None;
                }
                (*amount, self.total)
            }
        };
        if whole <= 0 {
            return None;
        }
        let whole = i128::from(whole);
        let part = i128::from(amount).clamp(0, whole);
        let share = (i128::from(granted.milli()) * part + whole - 1) / whole;
        i64::try_from(share).ok().map(Sparks::from_milli)
    }
}

/// One refund or dispute of a purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversal {
    /// Its id at Stripe, `re_…` or `dp_…`.
    pub id: String,
    /// Its share.
    pub wanted: Sparks,
    /// The Sparks it has taken; fewer than its share if others had taken too much before.
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
    pub fn get(&self, id: &str) -> Option<&Reversal> {
        self.0.iter().find(|reversal| reversal.id == id)
    }

    /// Adds a reversal; returns what it takes, so that all together take at most `most`.
    ///
    /// None if an amount does not fit.
    pub fn take(&mut self, id: &str, wanted: Sparks, most: Sparks) -> Option<Sparks> {
        let taken = wanted.min(self.room(most)?);
        self.0.push(Reversal {
            id: id.to_owned(),
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
    pub fn restore(&mut self, id: &str, most: Sparks) -> Option<Sparks> {
        let ending = self.0.iter_mut();
        let ending = ending
            .filter(|reversal| !reversal.restored)
            .find(|reversal| reversal.id == id)?;
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
    use proptest::prelude::*;

    const fn sparks(milli: i64) -> Sparks {
        Sparks::from_milli(milli)
    }

    fn purchase(total: i64) -> Purchase {
        let prices = [("pack_500k".to_owned(), "price_1".to_owned())].into();
        Purchase {
            order: None,
            terms: crate::pricing::catalog::order("pack_500k", 1, &prices).unwrap(),
            payment_intent: None,
            total,
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
            let found = purchase(paid).share(sparks(granted), &part(amount, "usd"));
            assert_eq!(found, Some(sparks(share)), "{amount} of {paid}");
            if paid != 2_000 {
                // In another currency, the amounts give the same share.
                let whole = paid;
                let found = purchase(0).share(sparks(granted), &Part::Of { amount, whole });
                assert_eq!(found, Some(sparks(share)), "{amount} of {paid}");
            }
        }
    }

    fn part(amount: i64, currency: &str) -> Part {
        let currency = currency.to_owned();
        Part::Amount { amount, currency }
    }

    #[test]
    fn nothing_paid_or_another_currency_has_no_share() {
        assert_eq!(purchase(0).share(sparks(100), &part(1, "usd")), None);
        assert_eq!(purchase(100).share(sparks(100), &part(1, "eur")), None);
        let of_nothing = Part::Of {
            amount: 1,
            whole: 0,
        };
        assert_eq!(purchase(100).share(sparks(100), &of_nothing), None);
        assert_eq!(
            purchase(0).share(sparks(100), &Part::All),
            Some(sparks(100))
        );
    }

    #[test]
    fn a_dispute_takes_over_what_a_failed_refund_had_taken_before_it() {
        let mut reversals = Reversals::default();
        let most = sparks(500);
        assert_eq!(reversals.take("re_1", sparks(250), most), Some(sparks(250)));
        assert_eq!(reversals.take("dp_1", sparks(500), most), Some(sparks(250)));
        assert_eq!(reversals.restore("re_1", most), Some(sparks(0)));
        assert_eq!(reversals.get("dp_1").unwrap().taken, sparks(500));
        assert_eq!(reversals.restore("re_1", most), None);
        assert_eq!(reversals.restore("dp_1", most), Some(sparks(500)));
    }

    #[test]
    fn expired_sparks_are_not_taken() {
        let mut reversals = Reversals::default();
        assert_eq!(
            reversals.take("re_1", sparks(500), sparks(0)),
            Some(sparks(0))
        );
        assert_eq!(reversals.restore("re_1", sparks(0)), Some(sparks(0)));
    }

    proptest! {
        #[test]
        fn live_reversals_take_their_wanted_sum_up_to_the_limit(
            steps in prop::collection::vec((any::<bool>(), 0_usize..6, 1_i64..200), 1..30), most in 0_i64..300,
        ) {
            let mut reversals = Reversals::default();
            let mut balance = 0;
            for (number, (take, which, wanted)) in steps.into_iter().enumerate() {
                if take {
                    let id = number.to_string();
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
