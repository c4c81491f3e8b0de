//! Grants a plan's Sparks for what its invoices paid, once per invoice. This is the one way an invoice becomes
//! Sparks: webhooks, verification and readers of a subscription all come here.

mod verdict;

use jiff::Timestamp;
use tracing::{error, info};

use crate::catalog::{self, Order, Terms};
use crate::desk::Desk;
use crate::id::{AccountId, IntentId, InvoiceId};
use crate::ledger::{self, Account, Credited, Incident, Ledger, NewCredit, Purchase, Source};
use crate::patience::Patience;
use crate::payment::STRIPE_TIMEOUT;
use crate::sparks::Sparks;
use crate::stripe::{self, INTENT, Invoice, STAGE};
use crate::telemetry::{self, Step};
use verdict::{Period, Verdict};

/// The one reason of [`Outcome::Nothing`] that may pass.
pub const NOT_PAID: &str = "not_paid";

/// What became of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its Sparks are there; the account, where they came in now.
    Granted(Sparks, Option<Account>),
    /// It grants nothing, for this reason.
    Nothing(&'static str),
    /// It is of another product or deployment.
    NotOurs(&'static str),
}

/// Why it is unknown what an invoice comes to, or nothing can be done with it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Stripe did not answer.
    #[error("stripe did not say how the invoice stands")]
    Stripe(#[from] stripe::Error),
    /// The ledger failed. Whether it is granted is unknown; asking again tells.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
    /// Stripe has no invoice of this id.
    #[error("stripe has no such invoice; is its key of another account?")]
    NoInvoice,
    /// It is of this deployment, and nobody knows its customer.
    #[error("the invoice's customer is not known here")]
    NoCustomer,
    /// Stripe has something else than the plan's terms. It is kept for somebody to look at.
    #[error("the invoice's `{0}` is not what the plan's terms say")]
    Mismatch(&'static str),
}

/// Reads an invoice from Stripe, and grants what it paid for unless that was done before.
pub async fn reconcile(
    desk: Desk<'_>,
    id: &InvoiceId,
    now: Timestamp,
    patience: &Patience,
) -> Result<Outcome, Error> {
    let Desk {
        ledger,
        stripe,
        terms,
    } = desk;
    let timeout = patience.left().min(STRIPE_TIMEOUT);
    let ids = [id.as_str().to_owned()];
    let (invoice, granted) =
        tokio::join!(stripe.invoice(id, timeout), ledger.credited(&ids, patience));
    if let Some(sparks) = granted?.remove(id.as_str()) {
        return Ok(Outcome::Granted(sparks, None));
    }
    let invoice = invoice?.ok_or(Error::NoInvoice)?;
    let granting = Granting {
        ledger,
        terms,
        livemode: stripe.livemode(),
        now,
        patience,
    };
    granting.grant(&invoice).await
}

/// Grants what these invoices of one customer paid for and was not granted yet, oldest first.
pub async fn reconcile_all(
    desk: Desk<'_>,
    newest_first: &[Invoice],
    now: Timestamp,
    patience: &Patience,
) -> Result<(), Error> {
    let Desk {
        ledger,
        stripe,
        terms,
    } = desk;
    let ids: Vec<String> = newest_first
        .iter()
        .map(|invoice| invoice.id.to_string())
        .collect();
    let granted = ledger.credited(&ids, patience).await?;
    let granting = Granting {
        ledger,
        terms,
        livemode: stripe.livemode(),
        now,
        patience,
    };
    let missing = newest_first.iter().rev();
    for invoice in missing.filter(|invoice| !granted.contains_key(invoice.id.as_str())) {
        match granting.grant(invoice).await {
            // It is kept, and stands in nobody's way.
            Ok(_) | Err(Error::Mismatch(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What an invoice should have brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owed {
    /// So many Sparks, to this account.
    Sparks(AccountId, Sparks),
    /// It is this account's, and this field is not what the plan's terms say.
    Mismatch(AccountId, &'static str),
    /// Nothing, or nothing here.
    Nothing,
}

/// Says what an invoice should have brought, by the rules by which it is granted. Nothing is written.
pub async fn owed(
    desk: Desk<'_>,
    invoice: &Invoice,
    now: Timestamp,
    patience: &Patience,
) -> Result<Owed, Error> {
    let granting = Granting {
        ledger: desk.ledger,
        terms: desk.terms,
        livemode: desk.stripe.livemode(),
        now,
        patience,
    };
    Ok(match granting.judge(invoice).await? {
        Judged::Ours {
            account, verdict, ..
        } => match verdict {
            Verdict::Grant(period) => Owed::Sparks(account, period.order.sparks),
            Verdict::Mismatch(field) => Owed::Mismatch(account, field),
            Verdict::Nothing(_) => Owed::Nothing,
        },
        Judged::NotOurs(_) => Owed::Nothing,
    })
}

/// An invoice with whose it is.
enum Judged {
    Ours {
        account: AccountId,
        intent: Option<IntentId>,
        verdict: Verdict,
    },
    NotOurs(&'static str),
}

/// What an invoice is granted with.
struct Granting<'a> {
    ledger: &'a Ledger,
    terms: &'a Terms,
    livemode: bool,
    now: Timestamp,
    patience: &'a Patience,
}

impl Granting<'_> {
    async fn grant(&self, invoice: &Invoice) -> Result<Outcome, Error> {
        let (account, intent, verdict) = match self.judge(invoice).await? {
            Judged::Ours {
                account,
                intent,
                verdict,
            } => (account, intent, verdict),
            Judged::NotOurs(reason) => return Ok(Outcome::NotOurs(reason)),
        };
        match verdict {
            Verdict::Nothing(reason) => Ok(Outcome::Nothing(reason)),
            Verdict::Grant(period) => self.credit(invoice, account, intent, period).await,
            Verdict::Mismatch(field) => {
                self.refuse(invoice, account, field).await?;
                Err(Error::Mismatch(field))
            }
        }
    }

    async fn judge(&self, invoice: &Invoice) -> Result<Judged, Error> {
        let stage = invoice.subscription_metadata(STAGE);
        let ours = stage == Some(&*self.terms.stage);
        let Some(account) = self.account(invoice).await? else {
            return match stage {
                Some(_) if ours => Err(Error::NoCustomer),
                Some(_) => Ok(Judged::NotOurs("other_stage")),
                None => Ok(Judged::NotOurs("other_product")),
            };
        };
        let (intent, agreed) = self.agreed(invoice, &account).await?.unzip();
        // What was agreed stays, whatever happens to the catalogue.
        let terms = |price: &str| {
            let agreed = agreed.clone().filter(|order| order.price_id == price);
            agreed.or_else(|| catalog::plan_of_price(price, &self.terms.price_ids))
        };
        Ok(Judged::Ours {
            account,
            intent,
            verdict: verdict::of(invoice, self.livemode, ours, terms),
        })
    }

    async fn account(&self, invoice: &Invoice) -> Result<Option<AccountId>, Error> {
        match invoice.customer.as_deref().map(str::parse) {
            Some(Ok(customer)) => Ok(self.ledger.account_of(&customer, self.patience).await?),
            _ => Ok(None),
        }
    }

    /// What the account had asked for when it subscribed.
    async fn agreed(
        &self,
        invoice: &Invoice,
        account: &AccountId,
    ) -> Result<Option<(IntentId, Order)>, Error> {
        let intent = invoice.subscription_metadata(INTENT).map(str::parse);
        let Some(Ok(intent)) = intent else {
            return Ok(None);
        };
        let intent = self.ledger.intent(&intent, self.patience).await?;
        Ok(intent
            .filter(|intent| intent.account == *account)
            .map(|intent| (intent.id, intent.order)))
    }

    async fn credit(
        &self,
        invoice: &Invoice,
        account: AccountId,
        intent: Option<IntentId>,
        period: Period,
    ) -> Result<Outcome, Error> {
        let expires_at = period.expires_at(self.terms.grace, self.now);
        let sparks = period.order.sparks;
        let credit = NewCredit {
            id: invoice.id.to_string(),
            account,
            source: Source::Plan,
            sparks,
            expires_at: Some(expires_at),
            reason: None,
            free_plan: false,
            purchase: Some(Purchase {
                intent,
                order: period.order,
                payment_intent: None,
                amount_paid: invoice.amount_paid,
            }),
        };
        telemetry::account(&credit.account);
        let crediting = self.ledger.credit(&credit, self.now, self.patience);
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
            // It came in meanwhile, at the terms of then.
            Credited::Reused | Credited::TooMany => {
                let ids = [credit.id];
                let mut known = self.ledger.credited(&ids, self.patience).await?;
                let sparks = known.remove(&ids[0]);
                let lost = || ledger::Error::Broken("an invoice's credit is gone".into());
                Ok(Outcome::Granted(sparks.ok_or_else(lost)?, None))
            }
        }
    }

    async fn refuse(
        &self,
        invoice: &Invoice,
        account: AccountId,
        field: &'static str,
    ) -> Result<(), Error> {
        error!(
            invoice.id = %invoice.id,
            invoice.field = field,
            "the `{field}` of `{}` is not what the plan's terms say; `sparks doctor` lists it", invoice.id
        );
        let incident = Incident {
            subject: invoice.id.to_string(),
            code: format!("mismatch_{field}"),
            detail: format!(
                "The invoice's {field} is not what the plan's terms say. Nothing is credited."
            ),
            account: Some(account),
            seen_at: self.now,
        };
        self.ledger.keep_incident(&incident, self.patience).await?;
        Ok(())
    }
}
