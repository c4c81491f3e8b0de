//! Refunds and disputes: money that goes back to a buyer.
//! <https://docs.stripe.com/api/refunds> <https://docs.stripe.com/api/disputes>

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Error, List, Stripe};
use crate::id::{CustomerId, IntentId, ReversalId, SessionId};

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The seller gave it back.
    Refund,
    /// The buyer's bank took it back.
    Dispute,
}

impl Reason {
    /// What Stripe calls them in addresses.
    pub(super) const fn objects(self) -> &'static str {
        match self {
            Self::Refund => "refunds",
            Self::Dispute => "disputes",
        }
    }
}

/// A refund or a dispute as Stripe has it, as far as it is of interest.
#[derive(Clone, Debug, Deserialize)]
pub struct MoneyBack {
    /// Its id, `re_…` or `dp_…`.
    pub id: ReversalId,
    /// How much, in the currency's smallest unit.
    pub amount: i64,
    /// The currency, in small letters.
    pub currency: String,
    /// The payment that it is of, `pi_…`.
    #[serde(default)]
    pub payment_intent: Option<String>,
    /// How it stands; other words may come.
    #[serde(default)]
    pub status: Option<String>,
}

/// What a payment says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct PaidPayment {
    /// Its id, `pi_…`.
    pub id: String,
    /// What we wrote on it.
    #[serde(default)]
    pub metadata: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Session {
    id: SessionId,
    #[serde(default)]
    client_reference_id: Option<String>,
}

impl Stripe {
    /// Reads a refund (`re_…`) or a dispute (`dp_…`); nothing when Stripe has none of this id.
    pub async fn money_back(
        &self,
        reason: Reason,
        id: &ReversalId,
        timeout: Duration,
    ) -> Result<Option<MoneyBack>, Error> {
        let objects = reason.objects();
        self.read(&format!("/v1/{objects}/{id}"), timeout).await
    }

    /// Reads a payment; nothing when Stripe has none of this id.
    pub async fn payment(&self, id: &str, timeout: Duration) -> Result<Option<PaidPayment>, Error> {
        self.read(&format!("/v1/payment_intents/{id}"), timeout)
            .await
    }

    /// The checkout session that was made for an intent, among the newest hundred of a customer.
    pub async fn session_of_intent(
        &self,
        customer: &CustomerId,
        intent: &IntentId,
        timeout: Duration,
    ) -> Result<Option<SessionId>, Error> {
        let path = format!("/v1/checkout/sessions?customer={customer}&limit=100");
        let found: Option<List<Session>> = self.read(&path, timeout).await?;
        let sessions = found.into_iter().flat_map(|list| list.data);
        let own = Some(intent.as_str());
        let mut own = sessions.filter(|one| one.client_reference_id.as_deref() == own);
        Ok(own.next().map(|session| session.id))
    }

    /// The checkout session that a payment was made at; nothing where it was made elsewhere.
    pub async fn session_of_payment(
        &self,
        payment_intent: &str,
        timeout: Duration,
    ) -> Result<Option<SessionId>, Error> {
        let path = format!("/v1/checkout/sessions?payment_intent={payment_intent}&limit=1");
        let found: Option<List<Session>> = self.read(&path, timeout).await?;
        let first = found.and_then(|list| list.data.into_iter().next());
        Ok(first.map(|session| session.id))
    }
}
