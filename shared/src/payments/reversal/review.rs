//! Compares a refund or a dispute in the ledger with Stripe, without changing anything.

use super::Error;
use super::origin::{self, PaymentOrigin};
use super::state::{self, ReversalState};
use crate::ledger::PurchaseWithReversals;
use crate::payments::Payments;
use crate::payments::invoice::{self, Owed};
use crate::process::deadline::Deadline;
use crate::providers::stripe::{self, MoneyBack};
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, InvoiceId};
use crate::words::reversal_kind::ReversalKind;

/// A refund or a dispute on which the ledger and Stripe differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The difference.
    pub finding: Finding,
    /// The purchase, `cs_…` or `in_…`.
    pub purchase: EntryId,
    /// The account; None for a session that was never credited.
    pub account: Option<AccountId>,
}

/// An effect that is missing in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The money is gone, but its Sparks were not taken back.
    NotTaken,
    /// The money is back, but its Sparks were not restored.
    NotRestored,
}

/// Reviews a refund or a dispute by the rules of its reconciliation. None if the ledger agrees.
pub async fn review(
    payments: &Payments,
    kind: ReversalKind,
    found: &MoneyBack,
    deadline: &Deadline,
) -> Result<Option<Review>, Error> {
    let state = state::of(found);
    let is_empty = kind == ReversalKind::CreditNote && found.amount.minor() == 0;
    if state == ReversalState::Inquiry || is_empty {
        return Ok(None);
    }
    let origin = origin::of_reversal(payments, found, deadline).await?;
    let purchase = match &origin {
        PaymentOrigin::Session(session) => EntryId::from(session),
        PaymentOrigin::Invoice(invoice) => EntryId::from(invoice),
        PaymentOrigin::NotOurs(_) => return Ok(None),
    };
    let purchased = payments.ledger.purchased(&purchase, deadline).await?;
    let review = |finding, account| Review {
        finding,
        purchase,
        account,
    };
    if let Some(purchased) = purchased {
        let finding = compare(&purchased, found, state);
        return Ok(finding.map(|finding| review(finding, Some(purchased.credit.account))));
    }
    if state == ReversalState::Undone {
        return Ok(None);
    }
    // An uncredited purchase is credited before it is taken back; but an invoice may grant nothing.
    let account = match origin {
        PaymentOrigin::Invoice(id) => match owed(payments, &id, deadline).await? {
            Some(account) => Some(account),
            None => return Ok(None),
        },
        PaymentOrigin::Session(_) | PaymentOrigin::NotOurs(_) => None,
    };
    Ok(Some(review(Finding::NotTaken, account)))
}

fn compare(
    purchased: &PurchaseWithReversals,
    found: &MoneyBack,
    state: ReversalState,
) -> Option<Finding> {
    purchased.credit.purchase.as_ref()?;
    let known = purchased.reversals.get(&found.id);
    match (state, known) {
        (ReversalState::Taken, None) => Some(Finding::NotTaken),
        (ReversalState::Taken, Some(known)) if known.restored => Some(Finding::NotTaken),
        (ReversalState::Undone, Some(known)) if !known.restored => Some(Finding::NotRestored),
        _ => None,
    }
}

/// Returns the account that should have got an invoice's Sparks. None if the invoice grants nothing.
async fn owed(
    payments: &Payments,
    id: &InvoiceId,
    deadline: &Deadline,
) -> Result<Option<AccountId>, Error> {
    let timeout = stripe::timeout(deadline);
    let invoice = payments.stripe.invoice(id, timeout).await?;
    let invoice = invoice.ok_or(Error::NotThere)?;
    Ok(match invoice::owed(payments, &invoice, deadline).await? {
        Owed::Sparks(account, _) | Owed::Mismatch(account, _) => Some(account),
        Owed::Nothing => None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ledger::{CreditEntry, Purchase, Reversals, Source};
    use crate::pricing::catalog;
    use crate::providers::stripe::{MoneyBackStatus, Paid};
    use crate::words::money::{Currency, Money};
    use crate::words::sparks::Sparks;
    use serde_json::json;

    fn purchased(total: i64, reversals: &serde_json::Value) -> PurchaseWithReversals {
        let prices = [("pack_500k".to_owned(), "price_1".into())].into();
        let reversals: Reversals = serde_json::from_value(reversals.clone()).unwrap();
        PurchaseWithReversals {
            credit: CreditEntry {
                joins: None,
                id: "cs_1".parse().unwrap(),
                account: "acct_a".parse().unwrap(),
                source: Source::Pack,
                sparks: Sparks::from_milli(500_000_000),
                expires_at: None,
                reason: None,
                free_plan: false,
                purchase: Some(Purchase {
                    order: None,
                    terms: catalog::order("pack_500k", 1, &prices).unwrap(),
                    payment_intent: None,
                    total: Money::new(total, Currency::USD),
                }),
                recorded_at: Timestamp::UNIX_EPOCH,
            },
            reversals,
        }
    }

    #[test]
    fn a_review_finds_missing_claw_backs_and_restorations() {
        let known = |restored| json!([{"id": "re_1", "wanted": "1.0", "taken": "1.0", "restored": restored}]);
        let refund = MoneyBack {
            id: "re_1".parse().unwrap(),
            amount: Money::new(500, Currency::USD),
            created: 0,
            of: Paid::Payment("pi_1".parse().unwrap()),
            charge: None,
            status: MoneyBackStatus::Succeeded,
            is_resolved: false,
            moved: Vec::new(),
        };
        for (paid, noted, state, finding) in [
            (
                2_000,
                json!([]),
                ReversalState::Taken,
                Some(Finding::NotTaken),
            ),
            (0, json!([]), ReversalState::Taken, Some(Finding::NotTaken)),
            (2_000, known(false), ReversalState::Taken, None),
            (
                2_000,
                known(true),
                ReversalState::Taken,
                Some(Finding::NotTaken),
            ),
            (
                2_000,
                known(false),
                ReversalState::Undone,
                Some(Finding::NotRestored),
            ),
            (2_000, known(true), ReversalState::Undone, None),
            (2_000, json!([]), ReversalState::Undone, None),
        ] {
            let purchased = purchased(paid, &noted);
            let found = compare(&purchased, &refund, state);
            assert_eq!(found, finding, "{paid} {noted} {state:?}");
        }
    }
}
