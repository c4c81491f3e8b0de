//! Refunds, disputes, credit notes: money that goes back to a buyer. Also warnings that it may.
//! <https://docs.stripe.com/api/refunds> <https://docs.stripe.com/api/disputes>

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::status::SessionMode;
use super::{Error, List, Made, STAGE, Stripe};
use crate::words::id::{
    CustomerId, InvoiceId, OrderId, PaymentIntentId, ReversalId, SessionId, WarningId,
};
use crate::words::money::{Currency, Money};
use crate::words::reversal_kind::ReversalKind;

/// A refund, dispute or credit note at Stripe, with only the members that Sparks uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyBack {
    /// Its id, `re_…`, `dp_…` or `cn_…`.
    pub id: ReversalId,
    /// Its amount; of a credit note, the part that is no refund.
    pub amount: Money,
    /// The time of its creation, in seconds since 1970.
    pub created: i64,
    /// The payment or invoice.
    pub of: Paid,
    /// Its charge, `ch_…`.
    pub charge: Option<String>,
    /// Its status.
    pub status: MoneyBackStatus,
    /// True for a dispute that a refund to the cardholder has resolved. There is no refund object.
    pub is_resolved: bool,
    /// Amounts that a dispute has moved on the Stripe account's balance; withdrawals are negative.
    pub moved: Vec<Money>,
}

/// The status of a refund, a dispute or a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyBackStatus {
    /// Nothing is decided yet, or Stripe says something that is not known here.
    Undecided,
    /// A refund has succeeded. The bank may still return it.
    Succeeded,
    /// A refund has failed or was cancelled.
    Failed,
    /// An inquiry, which may become a dispute.
    Inquiry,
    /// An inquiry that was closed.
    InquiryClosed,
    /// A dispute that was won.
    Won,
    /// A dispute that was lost.
    Lost,
    /// A dispute that was prevented before it arose.
    Prevented,
    /// A credit note that counts.
    Issued,
    /// A credit note that was voided.
    Void,
}

impl MoneyBackStatus {
    /// Reads Stripe's word for the status of an object of this kind.
    pub(crate) fn read(kind: ReversalKind, word: Option<&str>) -> Self {
        match (kind, word.unwrap_or_default()) {
            (ReversalKind::Refund, "succeeded") => Self::Succeeded,
            (ReversalKind::Refund, "failed" | "canceled") => Self::Failed,
            (ReversalKind::Dispute, "won") => Self::Won,
            (ReversalKind::Dispute, "lost") => Self::Lost,
            (ReversalKind::Dispute, "prevented") => Self::Prevented,
            (ReversalKind::Dispute, "warning_closed") => Self::InquiryClosed,
            (ReversalKind::Dispute, word) if word.starts_with("warning_") => Self::Inquiry,
            (ReversalKind::Refund | ReversalKind::Dispute, _) => Self::Undecided,
            (ReversalKind::CreditNote, "void") => Self::Void,
            (ReversalKind::CreditNote, _) => Self::Issued,
        }
    }
}

/// The payment or invoice that money goes back from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paid {
    /// A payment, `pi_…`.
    Payment(PaymentIntentId),
    /// An invoice.
    Invoice(InvoiceId),
    /// Something that Stripe does not name.
    Unknown,
}

/// A refund or a dispute on the wire.
#[derive(Deserialize)]
struct Reversal {
    id: ReversalId,
    amount: i64,
    currency: Currency,
    created: i64,
    #[serde(default)]
    payment_intent: Option<PaymentIntentId>,
    #[serde(default)]
    charge: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    payment_method_details: Option<MethodDetails>,
    /// Movements on the Stripe account's balance. They are amounts before fees, in the currency of the balance.
    #[serde(default)]
    balance_transactions: Vec<Money>,
}

#[derive(Deserialize)]
struct MethodDetails {
    #[serde(default)]
    card: Option<DisputedCard>,
}

#[derive(Deserialize)]
struct DisputedCard {
    #[serde(default)]
    case_type: Option<String>,
}

/// A credit note on the wire, without its refunded part. That is followed as a refund under its own id.
#[derive(Deserialize)]
#[serde(try_from = "WholeCreditNote")]
struct CreditNote(MoneyBack);

/// <https://docs.stripe.com/api/credit_notes/object>
#[derive(Deserialize)]
struct WholeCreditNote {
    id: ReversalId,
    invoice: InvoiceId,
    currency: Currency,
    created: i64,
    status: String,
    /// The part that was given back after payment. The reduction of an open invoice was never paid.
    post_payment_amount: i64,
    #[serde(default)]
    refunds: Vec<Refunded>,
}

#[derive(Deserialize)]
struct Refunded {
    amount_refunded: i64,
    #[serde(default)]
    refund: Option<String>,
}

impl Reversal {
    fn money_back(self, kind: ReversalKind) -> MoneyBack {
        let card = self.payment_method_details.and_then(|details| details.card);
        let case_type = card.and_then(|card| card.case_type);
        MoneyBack {
            id: self.id,
            amount: Money::new(self.amount, self.currency),
            created: self.created,
            of: self.payment_intent.map_or(Paid::Unknown, Paid::Payment),
            charge: self.charge,
            status: MoneyBackStatus::read(kind, self.status.as_deref()),
            is_resolved: case_type.as_deref() == Some("resolution"),
            moved: self.balance_transactions,
        }
    }
}

impl TryFrom<WholeCreditNote> for CreditNote {
    type Error = &'static str;

    fn try_from(found: WholeCreditNote) -> Result<Self, &'static str> {
        let mut refunds = found.refunds.iter().filter(|one| one.refund.is_some());
        let left = refunds.try_fold(found.post_payment_amount, |left, one| {
            left.checked_sub(one.amount_refunded)
        });
        let left = left.ok_or("the amounts of a credit note do not fit")?;
        Ok(Self(MoneyBack {
            id: found.id,
            amount: Money::new(left.max(0), found.currency),
            created: found.created,
            of: Paid::Invoice(found.invoice),
            charge: None,
            status: MoneyBackStatus::read(ReversalKind::CreditNote, Some(&found.status)),
            is_resolved: false,
            moved: Vec::new(),
        }))
    }
}

/// A card issuer's warning that a payment may be fraud.
/// <https://docs.stripe.com/api/radar/early_fraud_warnings/object>
#[derive(Clone, Debug, Deserialize)]
pub struct FraudWarning {
    /// Its id, `issfr_…`.
    pub id: WarningId,
    /// The payment that it is about.
    #[serde(default)]
    pub payment_intent: Option<PaymentIntentId>,
}

/// A PaymentIntent, with only the members that Sparks uses.
#[derive(Clone, Debug, Deserialize)]
pub struct PaidPayment {
    /// Its id, `pi_…`.
    pub id: PaymentIntentId,
    /// The metadata that we set.
    #[serde(default)]
    pub metadata: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Session {
    id: SessionId,
    mode: SessionMode,
    #[serde(default)]
    client_reference_id: Option<String>,
    #[serde(default)]
    metadata: Option<HashMap<String, String>>,
}

impl Session {
    /// The deployment that made it.
    fn stage(&self) -> Option<&str> {
        self.metadata.as_ref()?.get(STAGE).map(String::as_str)
    }
}

impl Stripe {
    /// Reads a refund, a dispute or a credit note. None if Stripe has none of this id.
    pub async fn money_back(
        &self,
        kind: ReversalKind,
        id: &ReversalId,
        timeout: Duration,
    ) -> Result<Option<MoneyBack>, Error> {
        let path = format!("/v1/{}/{id}", objects(kind));
        Ok(match kind {
            ReversalKind::CreditNote => {
                let found: Option<CreditNote> = self.read(&path, timeout).await?;
                found.map(|note| note.0)
            }
            ReversalKind::Refund | ReversalKind::Dispute => {
                let found: Option<Reversal> = self.read(&path, timeout).await?;
                found.map(|found| found.money_back(kind))
            }
        })
    }

    /// One page of refunds, disputes or credit notes, newest first.
    pub async fn moneys_back(
        &self,
        kind: ReversalKind,
        made: Made<'_>,
        timeout: Duration,
    ) -> Result<List<MoneyBack>, Error> {
        let objects = objects(kind);
        Ok(match kind {
            ReversalKind::CreditNote => {
                let found = self.made::<CreditNote>(objects, "", made, timeout);
                found.await?.map(|note| note.0)
            }
            ReversalKind::Refund | ReversalKind::Dispute => {
                let found = self.made::<Reversal>(objects, "", made, timeout);
                found.await?.map(|found| found.money_back(kind))
            }
        })
    }

    /// Reads what a charge has moved on the Stripe account's balance. None if Stripe does not say.
    pub async fn settled_amount(
        &self,
        charge: &str,
        timeout: Duration,
    ) -> Result<Option<Money>, Error> {
        #[derive(Deserialize)]
        struct Charge {
            #[serde(default)]
            balance_transaction: Option<Money>,
        }
        let path = format!("/v1/charges/{charge}?expand[]=balance_transaction");
        let found: Option<Charge> = self.read(&path, timeout).await?;
        Ok(found.and_then(|charge| charge.balance_transaction))
    }

    /// Reads a warning of fraud; None if Stripe has none of this id.
    pub async fn fraud_warning(
        &self,
        id: &WarningId,
        timeout: Duration,
    ) -> Result<Option<FraudWarning>, Error> {
        let path = format!("/v1/radar/early_fraud_warnings/{id}");
        self.read(&path, timeout).await
    }

    /// Reads a payment; None if Stripe has none of this id.
    pub async fn payment(
        &self,
        id: &PaymentIntentId,
        timeout: Duration,
    ) -> Result<Option<PaidPayment>, Error> {
        self.read(&format!("/v1/payment_intents/{id}"), timeout)
            .await
    }

    /// The Checkout Session created for an order, among the newest hundred of a customer.
    pub async fn session_of_order(
        &self,
        customer: &CustomerId,
        order: &OrderId,
        timeout: Duration,
    ) -> Result<Option<SessionId>, Error> {
        let path = format!("/v1/checkout/sessions?customer={customer}&limit=100");
        let found: Option<List<Session>> = self.read(&path, timeout).await?;
        let sessions = found.into_iter().flat_map(|list| list.data);
        let own = Some(order.as_str());
        let mut own = sessions.filter(|one| one.client_reference_id.as_deref() == own);
        Ok(own.next().map(|session| session.id))
    }

    /// A customer's open Checkout Sessions. A plan of this deployment can still be paid in each.
    pub async fn open_plan_sessions(
        &self,
        customer: &CustomerId,
        stage: &str,
        timeout: Duration,
    ) -> Result<Vec<SessionId>, Error> {
        let path = format!("/v1/checkout/sessions?customer={customer}&status=open&limit=100");
        let found: Option<List<Session>> = self.read(&path, timeout).await?;
        let sessions = found.into_iter().flat_map(|list| list.data);
        let of_plans = sessions
            .filter(|one| one.mode == SessionMode::Subscription && one.stage() == Some(stage));
        Ok(of_plans.map(|session| session.id).collect())
    }

    /// Expires an open session, so that it can no longer be paid. A session that is not open stays as it is.
    /// <https://docs.stripe.com/api/checkout/sessions/expire>
    pub async fn expire_session(
        &self,
        session: &SessionId,
        timeout: Duration,
    ) -> Result<(), Error> {
        let path = format!("/v1/checkout/sessions/{session}/expire");
        let key = format!("expire:{session}");
        match self
            .make::<serde::de::IgnoredAny>(&path, &[], &key, timeout)
            .await
        {
            Ok(_) => Ok(()),
            // It was paid, or has expired.
            Err(Error::Refused(refusal)) if refusal.status == http::StatusCode::BAD_REQUEST => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The Checkout Session at which a payment was made; None if it was made elsewhere.
    pub async fn session_of_payment(
        &self,
        payment_intent: &PaymentIntentId,
        timeout: Duration,
    ) -> Result<Option<SessionId>, Error> {
        let path = format!("/v1/checkout/sessions?payment_intent={payment_intent}&limit=1");
        let found: Option<List<Session>> = self.read(&path, timeout).await?;
        let first = found.and_then(|list| list.data.into_iter().next());
        Ok(first.map(|session| session.id))
    }
}

/// Returns Stripe's name of the objects of a kind, in addresses.
const fn objects(kind: ReversalKind) -> &'static str {
    match kind {
        ReversalKind::Refund => "refunds",
        ReversalKind::Dispute => "disputes",
        ReversalKind::CreditNote => "credit_notes",
    }
}
