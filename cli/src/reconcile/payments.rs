//! Compares payments at Stripe with credits in the ledger, in both directions.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;
use shared::payments::invoice::{self, Owed};
use shared::providers::stripe::{
    CheckoutSession, Invoice, InvoiceStatus, PaymentStatus, SessionMode, SessionStatus,
};
use shared::words::entry_id::{EntryId, PurchaseId};
use shared::words::id::AccountId;

use super::look::{Look, TIMEOUT, stripe_is_busy};
use super::table::Table;
use crate::Error;
use crate::stripe_account::STAGE;

/// Maximum time between creation and payment of a session. One of the day before may be paid on the day.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// Maximum time between creation and payment of an invoice. Stripe retries a charge for up to two months.
/// <https://docs.stripe.com/billing/revenue-recovery/smart-retries>
const INVOICED_BEFORE: SignedDuration = SignedDuration::from_hours(62 * 24);

/// Number of credits looked up at once, which is the most that the ledger takes.
const TOGETHER: usize = 100;

/// Ids of paid sessions and invoices.
pub(super) type Paid = HashSet<EntryId>;

/// Lists paid sessions and invoices that were not credited; returns all that are paid.
pub(super) async fn paid_is_credited(look: &mut Look<'_, '_>) -> Result<Paid, Error> {
    let start = look.during.start.saturating_sub(BEFORE);
    let made = start.unwrap_or(look.during.start)..look.during.end;
    let stripe = &look.payments.stripe;
    let sessions = look
        .made(
            &made,
            async |made| stripe.complete_sessions(made, TIMEOUT).await,
            |session: &CheckoutSession| session.id.to_string(),
        )
        .await?;
    let ours = sessions.iter().filter(|session| {
        let stage = session.metadata.as_ref().and_then(|it| it.get(STAGE));
        stage == Some(&look.payments.terms.stage)
            && session.mode == SessionMode::Payment
            && is_paid(session)
    });
    let sessions: Vec<EntryId> = ours.map(|session| EntryId::from(&session.id)).collect();
    let invoices = paid_on_the_day(look).await?;
    look.note(&format!(
        "{} sessions and {} invoices are paid at Stripe",
        sessions.len(),
        invoices.len()
    ))?;
    look.report.checked.sessions = sessions.len() as u64;
    let mut paid: Paid = sessions.iter().cloned().collect();
    for session in missing(look, &sessions).await? {
        uncredited_session(look, session.as_str()).await?;
    }
    let ids = invoices.iter().map(|invoice| EntryId::from(&invoice.id));
    let ids: Vec<EntryId> = ids.collect();
    let missing = missing(look, &ids).await?;
    look.report.checked.invoices = (ids.len() - missing.len()) as u64;
    paid.extend(ids);
    let by_id: HashMap<&str, &Invoice> = invoices
        .iter()
        .map(|invoice| (invoice.id.as_str(), invoice))
        .collect();
    for id in missing {
        if let Some(invoice) = by_id.get(id.as_str()) {
            uncredited_invoice(look, invoice).await?;
        }
    }
    Ok(paid)
}

/// Returns the invoices paid on the day, whenever they were created. Stripe lists them by their creation.
async fn paid_on_the_day(look: &Look<'_, '_>) -> Result<Vec<Invoice>, Error> {
    let start = look.during.start.saturating_sub(INVOICED_BEFORE);
    let made = start.unwrap_or(look.during.start)..look.during.end;
    let invoices = look
        .made(
            &made,
            async |made| {
                look.payments
                    .stripe
                    .paid_invoices_of_all(made, TIMEOUT)
                    .await
            },
            |invoice: &Invoice| invoice.id.to_string(),
        )
        .await?;
    let on_the_day = |invoice: &Invoice| {
        let paid_at = invoice.status_transitions.paid_at;
        let paid_at = paid_at.unwrap_or(invoice.created);
        (look.during.start.as_second()..look.during.end.as_second()).contains(&paid_at)
    };
    Ok(invoices.into_iter().filter(on_the_day).collect())
}

fn is_paid(session: &CheckoutSession) -> bool {
    let is_complete = session.status == Some(SessionStatus::Complete);
    match session.payment_status {
        PaymentStatus::Paid | PaymentStatus::NoPaymentRequired => is_complete,
        PaymentStatus::Unpaid | PaymentStatus::Other(_) => false,
    }
}

/// Returns those of some ids that have no credit.
async fn missing(look: &Look<'_, '_>, ids: &[EntryId]) -> Result<Vec<EntryId>, Error> {
    let mut missing = Vec::new();
    for some in ids.chunks(TOGETHER) {
        let credited = look
            .payments
            .ledger
            .credited(some, &look.deadline())
            .await?;
        missing.extend(
            some.iter()
                .filter(|id| !credited.contains_key(*id))
                .cloned(),
        );
    }
    Ok(missing)
}

async fn uncredited_session(look: &mut Look<'_, '_>, id: &str) -> Result<(), Error> {
    let account = match id.parse() {
        Ok(id) => {
            let (orders, deadline) = (&look.payments.orders, look.deadline());
            let session = orders.session(&id, &deadline).await?;
            session.map(|session| session.account)
        }
        Err(_) => None,
    };
    let detail = format!("paid, but not credited: `sparks reconcile --session {id}`");
    look.report
        .differ("payment_not_credited", id, account.as_ref(), detail);
    Ok(())
}

async fn uncredited_invoice(look: &mut Look<'_, '_>, invoice: &Invoice) -> Result<(), Error> {
    let owed = invoice::owed(&look.payments, invoice, &look.deadline().starting(look.now)).await;
    let (account, detail): (Option<AccountId>, String) = match owed {
        Ok(Owed::Nothing) => return Ok(()),
        Ok(Owed::Sparks(account, sparks)) => {
            let detail = format!(
                "paid, but its {sparks} Sparks are not granted: `sparks reconcile --invoice {}`",
                invoice.id
            );
            (Some(account), detail)
        }
        Ok(Owed::Mismatch(account, field)) => {
            let detail = format!("paid, but its {field} does not match the plan's terms");
            (Some(account), detail)
        }
        Err(invoice::Error::NoCustomer) => {
            (None, "paid, but its customer is unknown here".to_owned())
        }
        Err(error) => return Err(error.into()),
    };
    look.report.checked.invoices += 1;
    let id = invoice.id.as_str();
    look.report
        .differ("payment_not_credited", id, account.as_ref(), detail);
    Ok(())
}

/// Lists credits of the day that are not paid at Stripe.
pub(super) async fn credited_is_paid(
    look: &mut Look<'_, '_>,
    table: &Table,
    paid: &Paid,
) -> Result<(), Error> {
    for purchase in &table.purchases {
        look.report.checked.purchases += 1;
        let credit = &purchase.credit;
        if paid.contains(&credit.id) {
            continue;
        }
        if let Some(status) = unpaid(look, &credit.id).await? {
            let detail = format!("{} Sparks were credited, but {status}", credit.sparks);
            look.report.differ(
                "credit_without_payment",
                credit.id.as_str(),
                Some(&credit.account),
                detail,
            );
        }
    }
    Ok(())
}

/// Describes the status of an unpaid payment at Stripe; None if it is paid.
async fn unpaid(look: &Look<'_, '_>, id: &EntryId) -> Result<Option<String>, Error> {
    let stripe = &look.payments.stripe;
    let unknown = || Some("Stripe has no object of this id".to_owned());
    let is = |status: &str| Some(format!("it is {status} at Stripe"));
    match id.purchase() {
        None => Ok(unknown()),
        Some(PurchaseId::Invoice(id)) => {
            let call = async || stripe.invoice(&id, TIMEOUT).await;
            let found = look.asked(stripe_is_busy, call).await?;
            Ok(found.map_or_else(unknown, |invoice| {
                if invoice.is_paid() {
                    return None;
                }
                let status = invoice.status.as_ref();
                is(status.map_or("unknown", InvoiceStatus::as_str))
            }))
        }
        Some(PurchaseId::Session(id)) => {
            let call = async || stripe.checkout_session(&id, TIMEOUT).await;
            let found = look.asked(stripe_is_busy, call).await?;
            Ok(found.map_or_else(unknown, |session| {
                if is_paid(&session) {
                    None
                } else {
                    is(session.payment_status.as_str())
                }
            }))
        }
    }
}
