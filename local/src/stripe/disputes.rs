//! Disputes: `/v1/disputes`, payments that a buyer's bank claims back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::balance_transactions::{BalanceTransaction, Kind, Movement, convert};
use super::charges::Of;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

/// The final statuses.
const CLOSED: [&str; 4] = ["won", "lost", "warning_closed", "prevented"];

/// The kinds of a card's dispute.
pub(super) const CASE_TYPES: [&str; 5] =
    ["block", "chargeback", "compliance", "inquiry", "resolution"];

/// The fee of a dispute, in cents. A `resolution` by Visa has none.
const FEE: i64 = 1_500;

/// Fields of the evidence that a seller may submit; they are always null here.
const EVIDENCE: [&str; 27] = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
];

/// A dispute.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Dispute {
    id: String,
    amount: i64,
    currency: String,
    charge: String,
    pub(super) payment_intent: String,
    /// `needs_response`, `lost` and so on; a test may set any word.
    status: String,
    created: i64,
    #[serde(default)]
    case_type: String,
    /// The withdrawn amount in the currency of the balance, if it is not the converted amount.
    #[serde(default)]
    settled: Option<i64>,
    #[serde(default)]
    funds: Funds,
    #[serde(default)]
    balance_transactions: Vec<BalanceTransaction>,
}

/// The place of the disputed money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Funds {
    #[default]
    Untouched,
    Withdrawn,
    Reinstated,
}

/// Returns the case type of a dispute in a new status: the known one, unless the status contradicts it.
fn case_type<'a>(status: &str, known: &'a str) -> &'a str {
    match (status, known) {
        ("prevented", "resolution") => "resolution",
        ("prevented", _) => "block",
        (status, _) if status.starts_with("warning_") => "inquiry",
        (_, "" | "inquiry" | "block") => "chargeback",
        (_, known) => known,
    }
}

impl Dispute {
    fn is_open(&self) -> bool {
        !CLOSED.contains(&self.status.as_str())
    }

    /// Returns whether no money moves: for an inquiry, and for a dispute that was blocked in advance.
    fn is_inquiry(&self) -> bool {
        ["inquiry", "block"].contains(&self.case_type.as_str())
    }

    /// Returns whether the payment may still be refunded.
    pub(super) fn is_refundable(&self) -> bool {
        self.is_inquiry() || self.status == "won"
    }

    /// Stripe's `dispute`.
    pub(super) fn to_json(&self) -> Value {
        let transactions = self.balance_transactions.iter();
        let transactions: Vec<Value> = transactions.map(BalanceTransaction::to_json).collect();
        let mut evidence = json!({ "enhanced_evidence": {} });
        for field in EVIDENCE {
            evidence[field] = Value::Null;
        }
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": transactions,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": evidence,
            "evidence_details": {
                "due_by": null,
                "enhanced_eligibility": {},
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "intended_submission_method": null,
            "is_charge_refundable": self.is_refundable(),
            "livemode": false,
            "metadata": {},
            "network_reason_code": "10.4",
            "payment_intent": self.payment_intent,
            "payment_method_details": {
                "card": {
                    "brand": "visa",
                    "case_type": self.case_type,
                    "network": "visa",
                    "network_reason_code": "10.4",
                },
                "type": "card",
            },
            "reason": "fraudulent",
            "status": self.status,
        })
    }

    /// Withdraws or reinstates the money according to the status; returns the types of the events.
    ///
    /// Money is withdrawn when the dispute opens, not when it is lost.
    /// <https://docs.stripe.com/disputes/how-disputes-work>
    fn settle(&mut self, state: &mut State, now: i64) -> Vec<&'static str> {
        let mut events = Vec::new();
        let won = self.status == "won";
        let leaves = match self.funds {
            Funds::Untouched => !self.is_inquiry(),
            Funds::Reinstated => !self.is_inquiry() && !won,
            Funds::Withdrawn => false,
        };
        if leaves {
            self.funds = Funds::Withdrawn;
            let free = self.case_type == "resolution";
            let movement = Movement {
                kind: Kind::Dispute,
                source: &self.id,
                amount: -self.amount,
                currency: &self.currency,
                settled: self.settled.map(|amount| -amount),
                fee: if free { 0 } else { FEE },
            };
            self.balance_transactions
                .extend(state.move_money(&movement, now));
            events.push("charge.dispute.funds_withdrawn");
        }
        if self.funds == Funds::Withdrawn && (won || self.is_inquiry()) {
            self.funds = Funds::Reinstated;
            let withdrawn = self.balance_transactions.last();
            let movement = Movement {
                kind: Kind::DisputeReversal,
                source: &self.id,
                amount: self.amount,
                currency: &self.currency,
                settled: withdrawn.map_or(self.settled, |withdrawn| Some(-withdrawn.amount)),
                fee: 0,
            };
            self.balance_transactions
                .extend(state.move_money(&movement, now));
            events.push("charge.dispute.funds_reinstated");
        }
        events
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

/// A bank's claim about a payment.
#[derive(Debug, Default)]
pub(super) struct Claim<'a> {
    pub(super) payment_intent: &'a str,
    pub(super) status: &'a str,
    pub(super) amount: Option<i64>,
    /// The currency of the dispute; by default that of the payment.
    pub(super) currency: Option<&'a str>,
    /// The amount withdrawn in the currency of the balance; by default the converted amount.
    pub(super) settled: Option<i64>,
    pub(super) case_type: Option<&'a str>,
    /// True for another dispute, even if one is open.
    pub(super) new: bool,
}

/// Disputes a payment, or moves its open dispute.
pub(super) fn claim(state: &mut State, claim: &Claim<'_>, now: i64) -> Result<Value, Error> {
    let mut known = state.disputes.values();
    let known = known.find(|one| one.payment_intent == claim.payment_intent && one.is_open());
    if let Some(id) = known.filter(|_| !claim.new).map(|known| known.id.clone()) {
        return change(state, &id, claim, now);
    }
    let of = Of {
        payment_intent: Some(claim.payment_intent.to_owned()),
        charge: None,
    };
    let (payment, charge) = of.paid(state)?;
    let currency = claim.currency.unwrap_or(&payment.currency).to_owned();
    let whole = convert(payment.amount, &payment.currency, &currency);
    let known = claim.case_type.unwrap_or_default();
    let mut dispute = Dispute {
        id: state.next_id("dp_"),
        amount: claim.amount.unwrap_or(whole),
        currency,
        charge,
        payment_intent: payment.id,
        status: claim.status.to_owned(),
        created: now,
        case_type: case_type(claim.status, known).to_owned(),
        settled: claim.settled,
        funds: Funds::Untouched,
        balance_transactions: Vec::new(),
    };
    let moved = dispute.settle(state, now);
    Ok(keep(state, dispute, "charge.dispute.created", &moved, now))
}

/// Moves a dispute. Money is withdrawn when an inquiry escalates, and comes back when the dispute is won.
pub(super) fn change(
    state: &mut State,
    id: &str,
    claim: &Claim<'_>,
    now: i64,
) -> Result<Value, Error> {
    let dispute = state.disputes.get(id).cloned();
    let mut dispute = dispute.ok_or_else(|| Error::no_such("dispute", "id", id))?;
    claim.status.clone_into(&mut dispute.status);
    let known = claim.case_type.unwrap_or(&dispute.case_type);
    let known = known.to_owned();
    case_type(claim.status, &known).clone_into(&mut dispute.case_type);
    let moved = dispute.settle(state, now);
    Ok(keep(state, dispute, "charge.dispute.updated", &moved, now))
}

/// Stores a dispute and emits its events; returns it as Stripe shows it.
fn keep(state: &mut State, dispute: Dispute, first: &str, moved: &[&str], now: i64) -> Value {
    let shown = dispute.to_json();
    let closed = !dispute.is_open();
    state.disputes.insert(dispute.id.clone(), dispute);
    let withdrawn = |kind: &&&str| kind.ends_with("funds_withdrawn");
    state.emit(first, &shown, now);
    for kind in moved.iter().filter(withdrawn) {
        state.emit(kind, &shown, now);
    }
    if closed {
        state.emit("charge.dispute.closed", &shown, now);
    }
    for kind in moved.iter().filter(|kind| !withdrawn(kind)) {
        state.emit(kind, &shown, now);
    }
    shown
}
