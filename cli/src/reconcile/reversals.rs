//! Compares refunds, disputes and credit notes at Stripe with the reversals in the ledger.

use std::collections::HashSet;

use shared::payments::reversal::{self, Finding, review};
use shared::providers::stripe::MoneyBack;
use shared::words::entry_id::EntryId;
use shared::words::id::AccountId;
use shared::words::reversal_kind::ReversalKind;

use super::look::{Look, TIMEOUT, stripe_is_busy};
use super::table::Table;
use crate::Error;

/// Lists the day's refunds, disputes and credit notes that the ledger does not match. Also lists reversals unknown to
/// Stripe.
pub(super) async fn compare(look: &mut Look<'_, '_>, table: &Table) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for kind in [
        ReversalKind::Refund,
        ReversalKind::Dispute,
        ReversalKind::CreditNote,
    ] {
        let stripe = &look.payments.stripe;
        let found = look
            .made(
                &look.during,
                async |made| stripe.moneys_back(kind, made, TIMEOUT).await,
                |found: &MoneyBack| found.id.to_string(),
            )
            .await?;
        match kind {
            ReversalKind::Refund => look.report.checked.refunds = found.len() as u64,
            ReversalKind::Dispute => look.report.checked.disputes = found.len() as u64,
            ReversalKind::CreditNote => look.report.checked.credit_notes = found.len() as u64,
        }
        for one in &found {
            compare_one(look, kind, one).await?;
            seen.insert(EntryId::from(&one.id));
        }
    }
    for (id, account) in &table.reversals {
        look.report.checked.reversals += 1;
        if !seen.contains(id) {
            compare_booked(look, id.as_str(), account).await?;
        }
    }
    Ok(())
}

async fn compare_one(
    look: &mut Look<'_, '_>,
    kind: ReversalKind,
    found: &MoneyBack,
) -> Result<(), Error> {
    let reviewed = look
        .asked(is_busy, async || {
            review(
                &look.payments,
                kind,
                found,
                &look.deadline().starting(look.now),
            )
            .await
        })
        .await;
    let id = found.id.as_str();
    let review = match reviewed {
        Ok(Some(review)) => review,
        Ok(None) => return Ok(()),
        Err(error) if may_be_looked_at(&error) => {
            let detail = shared::process::telemetry::chain(&error);
            look.report.differ("unclear", id, None, detail);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let (difference, detail) = match (review.finding, kind) {
        (Finding::NotTaken, ReversalKind::Refund) => (
            "refund_not_taken",
            "was refunded, but its Sparks were not taken back",
        ),
        (Finding::NotTaken, ReversalKind::Dispute) => (
            "dispute_not_taken",
            "is disputed, but its Sparks were not taken back",
        ),
        (Finding::NotTaken, ReversalKind::CreditNote) => (
            "credit_note_not_taken",
            "was credited back, but its Sparks were not taken back",
        ),
        (Finding::NotRestored, _) => (
            "not_restored",
            "is no longer refunded, disputed or credited back, but its Sparks were not given back",
        ),
    };
    let option = kind.as_str().replace('_', "-");
    let detail = format!(
        "{} {detail}: `sparks reconcile --{option} {id}`",
        review.purchase
    );
    look.report
        .differ(difference, id, review.account.as_ref(), detail);
    Ok(())
}

/// Returns whether the error concerns only this object, so that the comparison can go on.
fn may_be_looked_at(error: &reversal::Error) -> bool {
    use shared::payments::invoice::Error::{NoCustomer, NoInvoice};
    matches!(
        error,
        reversal::Error::NotThere | reversal::Error::Invoice(NoCustomer | NoInvoice)
    )
}

fn is_busy(error: &reversal::Error) -> bool {
    matches!(error, reversal::Error::Stripe(error) if stripe_is_busy(error))
}

/// Compares a reversal booked on the day for a refund or dispute of another day.
async fn compare_booked(
    look: &mut Look<'_, '_>,
    id: &str,
    account: &AccountId,
) -> Result<(), Error> {
    let found = match id.parse() {
        Ok(id) => {
            let kind = ReversalKind::of(&id);
            let call = async || look.payments.stripe.money_back(kind, &id, TIMEOUT).await;
            let found = look.asked(stripe_is_busy, call).await?;
            found.map(|found| (kind, found))
        }
        Err(_) => None,
    };
    if let Some((kind, found)) = found {
        return compare_one(look, kind, &found).await;
    }
    let detail = "its Sparks were taken back, but Stripe has no object of this id";
    look.report
        .differ("reversal_without_refund", id, Some(account), detail);
    Ok(())
}
