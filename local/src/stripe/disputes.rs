//! Disputes: `/v1/disputes`, payments that a buyer's bank takes back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::charges::Of;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

/// The statuses in which nothing is decided any more.
const CLOSED: [&str; 4] = ["won", "lost", "warning_closed", "prevented"];

/// A dispute.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Dispute {
    id: String,
    amount: i64,
    currency: String,
    charge: String,
    pub(super) payment_intent: String,
    /// `needs_response`, `lost` and so on; other words may be set.
    status: String,
    created: i64,
}

/// Whether a dispute is no more than a question, for which no money is taken.
fn is_inquiry(status: &str) -> bool {
    status.starts_with("warning_") || status == "prevented"
}

impl Dispute {
    fn is_open(&self) -> bool {
        !CLOSED.contains(&self.status.as_str())
    }

    /// Whether the payment may still be refunded.
    pub(super) fn is_refundable(&self) -> bool {
        is_inquiry(&self.status) || self.status == "won"
    }

    /// Stripe's `dispute`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": [],
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": { "enhanced_evidence": {} },
            "evidence_details": {
                "due_by": null,
                "enhanced_eligibility": {},
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": self.is_refundable(),
            "livemode": false,
            "metadata": {},
            "payment_intent": self.payment_intent,
            "reason": "fraudulent",
            "status": self.status,
        })
    }
}

/// `GET /v1/disputes`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let of = Of::take(form)?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.disputes.values().rev();
    let matching = all.filter(|dispute| {
        of.fits(&dispute.payment_intent, &dispute.charge) && created.holds(dispute.created)
    });
    page.of("/v1/disputes", matching.map(Dispute::to_json).collect())
}

/// `GET /v1/disputes/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let dispute = state.disputes.get(id);
    let dispute = dispute.ok_or_else(|| Error::no_such("dispute", "id", id))?;
    Ok(dispute.to_json())
}

/// What a bank says of a payment.
pub(super) struct Claim<'a> {
    pub(super) payment_intent: &'a str,
    pub(super) status: &'a str,
    pub(super) amount: Option<i64>,
    /// Whether it is another dispute, even where one is open.
    pub(super) new: bool,
}

/// Disputes a payment, or moves the dispute of it that is open.
pub(super) fn claim(state: &mut State, claim: &Claim<'_>, now: i64) -> Result<Value, Error> {
    let mut known = state.disputes.values();
    let known = known.find(|one| one.payment_intent == claim.payment_intent && one.is_open());
    if let Some(id) = known.filter(|_| !claim.new).map(|known| known.id.clone()) {
        return change(state, &id, claim.status, now);
    }
    let of = Of {
        payment_intent: Some(claim.payment_intent.to_owned()),
        charge: None,
    };
    let (payment, charge) = of.paid(state)?;
    let dispute = Dispute {
        id: state.next_id("dp_"),
        amount: claim.amount.unwrap_or(payment.amount),
        currency: payment.currency,
        charge,
        payment_intent: payment.id,
        status: claim.status.to_owned(),
        created: now,
    };
    let created = dispute.to_json();
    state.disputes.insert(dispute.id.clone(), dispute);
    state.emit("charge.dispute.created", &created, now);
    if !is_inquiry(claim.status) {
        state.emit("charge.dispute.funds_withdrawn", &created, now);
    }
    close(state, &created, claim.status, now);
    Ok(created)
}

/// Moves a dispute. Money is taken when it stops being an inquiry, and comes back when it is won.
pub(super) fn change(state: &mut State, id: &str, status: &str, now: i64) -> Result<Value, Error> {
    let dispute = state.disputes.get_mut(id);
    let dispute = dispute.ok_or_else(|| Error::no_such("dispute", "id", id))?;
    let before = std::mem::replace(&mut dispute.status, status.to_owned());
    let changed = dispute.to_json();
    state.emit("charge.dispute.updated", &changed, now);
    if is_inquiry(&before) && !is_inquiry(status) {
        state.emit("charge.dispute.funds_withdrawn", &changed, now);
    }
    close(state, &changed, status, now);
    Ok(changed)
}

fn close(state: &mut State, dispute: &Value, status: &str, now: i64) {
    if CLOSED.contains(&status) {
        state.emit("charge.dispute.closed", dispute, now);
    }
    if status == "won" {
        state.emit("charge.dispute.funds_reinstated", dispute, now);
    }
}
