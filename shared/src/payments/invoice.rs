//! Grants a plan's Sparks for its paid invoices, once per invoice.
//!
//! No other code turns an invoice into Sparks: webhooks, verification and reads of a subscription all call it.

mod verdict;

use std::collections::BTreeSet;

use tracing::{error, info};

use crate::ledger::{self, Account, Credited, NewCredit, Purchase, Source};
use crate::payments::Payments;
use crate::payments::field::Field;
use crate::payments::incidents::Fault;
use crate::payments::outcome::{NoGrant, OtherOwner};
use crate::pricing::catalog::{self, OrderTerms};
use crate::pricing::price_id::PriceId;
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Step};
use crate::providers::stripe::{self, Invoice, ORDER, STAGE};
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, InvoiceId, OrderId, SubscriptionId};
use crate::words::money::Money;
use crate::words::sparks::Sparks;
use verdict::{Period, Verdict};

/// Maximum number of pages of paid invoices read to find the last one granted.
const MAX_PAGES: usize = 10;

/// The result of reconciling an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its Sparks are granted; with the account if they were granted just now.
    Granted(Sparks, Option<Account>),
    /// It grants nothing, for this reason.
    Nothing(NoGrant),
    /// It belongs to another product or deployment.
    NotOurs(OtherOwner),
}

/// A failure to check or grant an invoice.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not return the invoice.
    #[error("stripe did not return the invoice")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed. The invoice may be granted or not; a retry finds out.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// Stripe has no invoice with this id.
    #[error("stripe has no such invoice; is the key another account's?")]
    NoInvoice,
    /// It belongs to this deployment, but its customer is linked to no account.
    #[error("the invoice's customer is linked to no account")]
    NoCustomer,
    /// The invoice does not match the plan's terms. An incident is kept for the operator.
    #[error("the invoice's `{0}` does not match the plan's terms")]
    Mismatch(Field),
}

/// Reads an invoice from Stripe, and grants what it paid for if not granted yet.
pub async fn reconcile(
    payments: &Payments,
    id: &InvoiceId,
    deadline: &Deadline,
) -> Result<Outcome, Error> {
    let timeout = stripe::timeout(deadline);
    let ids = [EntryId::from(id)];
    let (invoice, granted) = tokio::join!(
        payments.stripe.invoice(id, timeout),
        payments.ledger.credited(&ids, deadline)
    );
    if let Some(sparks) = granted?.remove(&ids[0]) {
        return Ok(Outcome::Granted(sparks, None));
    }
    let invoice = invoice?.ok_or(Error::NoInvoice)?;
    let context = GrantContext { payments, deadline };
    context.grant(&invoice).await
}

/// Grants those invoices that are not granted yet, oldest first. Returns those that are paid but cannot be granted.
pub async fn grant_missing(
    payments: &Payments,
    newest_first: &[Invoice],
    deadline: &Deadline,
) -> Result<BTreeSet<InvoiceId>, Error> {
    let mut refused = BTreeSet::new();
    if newest_first.is_empty() {
        return Ok(refused);
    }
    let granted = credited(payments, newest_first, deadline).await?;
    let context = GrantContext { payments, deadline };
    let missing = newest_first.iter().rev();
    for invoice in missing.filter(|invoice| !granted.contains(&invoice.id)) {
        match context.grant(invoice).await {
            Ok(_) => {}
            // The incident is kept, and the others are granted.
            Err(Error::Mismatch(_)) => {
                refused.insert(invoice.id.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

/// Grants every paid invoice of a subscription since the last one that was granted.
///
/// They are listed by subscription, so that a customer's other invoices do not hide any.
pub async fn catch_up(
    payments: &Payments,
    subscription: &SubscriptionId,
    deadline: &Deadline,
) -> Result<(), Error> {
    let mut invoices: Vec<Invoice> = Vec::new();
    for _ in 0..MAX_PAGES {
        let timeout = stripe::timeout(deadline);
        let after = invoices.last().map(|invoice| &invoice.id);
        let listed = payments
            .stripe
            .paid_invoices_of(subscription, after, timeout);
        let page = listed.await?;
        let is_last = !page.has_more || page.data.is_empty();
        let reaches_granted = !credited(payments, &page.data, deadline).await?.is_empty();
        invoices.extend(page.data);
        if is_last || reaches_granted {
            break;
        }
    }
    grant_missing(payments, &invoices, deadline).await.map(drop)
}

/// Returns the ids of those invoices that were granted.
async fn credited(
    payments: &Payments,
    invoices: &[Invoice],
    deadline: &Deadline,
) -> Result<BTreeSet<InvoiceId>, ledger::Error> {
    if invoices.is_empty() {
        return Ok(BTreeSet::new());
    }
    let ids = invoices.iter().map(|invoice| EntryId::from(&invoice.id));
    let ids: Vec<EntryId> = ids.collect();
    let known = payments.ledger.credited(&ids, deadline).await?;
    let granted = invoices.iter().zip(&ids);
    Ok(granted
        .filter(|(_, id)| known.contains_key(*id))
        .map(|(invoice, _)| invoice.id.clone())
        .collect())
}

/// The grant that should follow from an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owed {
    /// These Sparks, to this account.
    Sparks(AccountId, Sparks),
    /// It belongs to this account, but this field does not match the plan's terms.
    Mismatch(AccountId, Field),
    /// Nothing, or nothing in this deployment.
    Nothing,
}

/// Returns the grant that an invoice should have, by the rules of [`reconcile`]. Writes nothing.
pub async fn owed(
    payments: &Payments,
    invoice: &Invoice,
    deadline: &Deadline,
) -> Result<Owed, Error> {
    let context = GrantContext { payments, deadline };
    Ok(match context.judge(invoice).await? {
        InvoiceJudgement::Ours {
            account, verdict, ..
        } => match verdict {
            Verdict::Grant { period, .. } => Owed::Sparks(account, period.terms.sparks),
            Verdict::Mismatch(field) => Owed::Mismatch(account, field),
            Verdict::Nothing(_) => Owed::Nothing,
        },
        InvoiceJudgement::NotOurs(_) => Owed::Nothing,
    })
}

/// The owner of an invoice, with the verdict on it.
enum InvoiceJudgement {
    Ours {
        account: AccountId,
        order: Option<OrderId>,
        verdict: Verdict,
    },
    NotOurs(OtherOwner),
}

/// The context in which invoices are judged and granted.
struct GrantContext<'a> {
    payments: &'a Payments,
    deadline: &'a Deadline,
}

impl GrantContext<'_> {
    async fn grant(&self, invoice: &Invoice) -> Result<Outcome, Error> {
        let (account, order, verdict) = match self.judge(invoice).await? {
            InvoiceJudgement::Ours {
                account,
                order,
                verdict,
            } => (account, order, verdict),
            InvoiceJudgement::NotOurs(owner) => return Ok(Outcome::NotOurs(owner)),
        };
        match verdict {
            Verdict::Nothing(reason) => Ok(Outcome::Nothing(reason)),
            Verdict::Grant {
                period,
                total,
                unclear,
            } => {
                // The incident is kept first, because a credited invoice is not judged again.
                if let Some(field) = unclear {
                    let fault = Fault::MismatchedLine(field);
                    self.keep(invoice, &account, fault).await?;
                }
                self.credit(invoice, account, order, (period, total)).await
            }
            Verdict::Mismatch(field) => {
                let fault = Fault::MismatchedInvoice(field);
                self.keep(invoice, &account, fault).await?;
                Err(Error::Mismatch(field))
            }
        }
    }

    async fn judge(&self, invoice: &Invoice) -> Result<InvoiceJudgement, Error> {
        let Payments { stripe, terms, .. } = self.payments;
        let stage = invoice.subscription_metadata(STAGE);
        let ours = stage == Some(&*terms.stage);
        let links = &self.payments.customers.links;
        let account = links.account_named(invoice.customer.as_deref(), self.deadline);
        let Some(account) = account.await? else {
            return match stage {
                Some(_) if ours => Err(Error::NoCustomer),
                Some(_) => Ok(InvoiceJudgement::NotOurs(OtherOwner::Stage)),
                None => Ok(InvoiceJudgement::NotOurs(OtherOwner::Product)),
            };
        };
        let (order, agreed) = self.agreed(invoice, &account).await?.unzip();
        // The terms of the order stay valid, whatever happens to the catalogue.
        let terms = |price: &PriceId| {
            let agreed = agreed.clone().filter(|terms| terms.price_id == *price);
            agreed.or_else(|| catalog::plan_of_price(price, &terms.price_ids))
        };
        // A listed invoice has only its first ten lines.
        let whole = if invoice.lines.has_more {
            let timeout = stripe::timeout(self.deadline);
            let whole = stripe.invoice(&invoice.id, timeout).await?;
            Some(whole.ok_or(Error::NoInvoice)?)
        } else {
            None
        };
        let invoice = whole.as_ref().unwrap_or(invoice);
        Ok(InvoiceJudgement::Ours {
            account,
            order,
            verdict: verdict::of(invoice, stripe.livemode(), ours, terms),
        })
    }

    /// Returns the order with which the account subscribed.
    async fn agreed(
        &self,
        invoice: &Invoice,
        account: &AccountId,
    ) -> Result<Option<(OrderId, OrderTerms)>, Error> {
        let order = invoice.subscription_metadata(ORDER).map(str::parse);
        let Some(Ok(order)) = order else {
            return Ok(None);
        };
        let order = self.payments.orders.order(&order, self.deadline).await?;
        Ok(order
            .filter(|order| order.account == *account)
            .map(|order| (order.id, order.terms)))
    }

    async fn credit(
        &self,
        invoice: &Invoice,
        account: AccountId,
        order: Option<OrderId>,
        (period, total): (Period, Money),
    ) -> Result<Outcome, Error> {
        let expires_at = period.expires_at(self.payments.terms.grace, self.deadline.start());
        let sparks = period.terms.sparks;
        let credit = NewCredit {
            id: EntryId::from(&invoice.id),
            account,
            source: Source::Plan,
            sparks,
            expires_at: Some(expires_at),
            reason: None,
            free_plan: false,
            purchase: Some(Purchase {
                order,
                terms: period.terms,
                payment_intent: None,
                total,
            }),
        };
        telemetry::account(&credit.account);
        let crediting = self.payments.ledger.credit(&credit, self.deadline);
        match telemetry::step(Step::Commit, crediting).await? {
            Credited::Recorded(account) => {
                telemetry::credited(sparks);
                info!(
                    account.id = %credit.account,
                    invoice.id = %invoice.id,
                    credit.sparks = %sparks,
                    "credited {sparks} Sparks for `{}`", invoice.id
                );
                Ok(Outcome::Granted(sparks, Some(account)))
            }
            Credited::Replayed => Ok(Outcome::Granted(sparks, None)),
            // It was credited meanwhile, at the terms of that time.
            Credited::Reused | Credited::TooMany => {
                let ids = [credit.id];
                let mut known = self.payments.ledger.credited(&ids, self.deadline).await?;
                let sparks = known.remove(&ids[0]);
                let lost = || ledger::Error::Broken("an invoice's credit is missing".into());
                Ok(Outcome::Granted(sparks.ok_or_else(lost)?, None))
            }
        }
    }

    /// Keeps an incident about a paid invoice that does not fully match the plan's terms.
    async fn keep(
        &self,
        invoice: &Invoice,
        account: &AccountId,
        fault: Fault<'_>,
    ) -> Result<(), ledger::Error> {
        error!(
            invoice.id = %invoice.id,
            incident.code = %fault.code(),
            "`{}` is paid, but does not match the plan's terms; `sparks doctor` lists it", invoice.id
        );
        let (subject, deadline) = (invoice.id.as_str(), self.deadline);
        let incidents = &self.payments.incidents;
        incidents
            .keep(subject, fault, Some(account), deadline)
            .await
    }
}
