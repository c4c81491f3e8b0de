//! Disputes: payments that a buyer's bank claims back.

use serde_json::{Value, json};

use super::balance::{Kind, Movement, convert, move_money};
use super::payments::Of;
use crate::stripe::state::State;
use crate::stripe::wire::Result;
use crate::stripe::wire::json::{number, text, with_nulls};

/// The final statuses.
const CLOSED: [&str; 4] = ["won", "lost", "warning_closed", "prevented"];

/// The kinds of a card's dispute.
pub(crate) const CASE_TYPES: [&str; 5] =
    ["block", "chargeback", "compliance", "inquiry", "resolution"];

/// The fee of a dispute, in cents. A `resolution` by Visa has none.
const FEE: i64 = 1_500;

/// Fields of the evidence that a seller may submit; they are always null here.
const EVIDENCE: &str = "\
    access_activity_log billing_address cancellation_policy cancellation_policy_disclosure \
    cancellation_rebuttal customer_communication customer_email_address customer_name \
    customer_purchase_ip customer_signature duplicate_charge_documentation duplicate_charge_explanation \
    duplicate_charge_id product_description receipt refund_policy refund_policy_disclosure \
    refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier \
    shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text";

/// Returns the case type of a dispute in a new status. It is the known one, unless the status contradicts it.
fn case_type<'a>(status: &str, known: &'a str) -> &'a str {
    match (status, known) {
        ("prevented", "resolution") => "resolution",
        ("prevented", _) => "block",
        (status, _) if status.starts_with("warning_") => "inquiry",
        (_, "" | "inquiry" | "block") => "chargeback",
        (_, known) => known,
    }
}

/// Returns whether no money moves. That is so for an inquiry, and for a dispute that was blocked in advance.
fn is_inquiry(dispute: &Value) -> bool {
    ["inquiry", "block"].contains(&text(
        &dispute["payment_method_details"]["card"],
        "case_type",
    ))
}

/// Withdraws or reinstates the money according to a new status. Returns the types of the events.
///
/// Money is withdrawn when the dispute opens, not when it is lost.
/// <https://docs.stripe.com/disputes/how-disputes-work>
fn settle(
    state: &mut State,
    dispute: &mut Value,
    claim: &Claim<'_>,
    now: i64,
) -> Vec<&'static str> {
    let card = &mut dispute["payment_method_details"]["card"];
    let known = claim
        .case_type
        .unwrap_or(text(card, "case_type"))
        .to_owned();
    card["case_type"] = case_type(claim.status, &known).into();
    let without_fee = card["case_type"] == "resolution";
    let inquiry = is_inquiry(dispute);
    let won = claim.status == "won";
    dispute["status"] = claim.status.into();
    dispute["is_charge_refundable"] = (inquiry || won).into();
    let mut events = Vec::new();
    let leaves = match text(dispute, "_funds") {
        "withdrawn" => false,
        "reinstated" => !inquiry && !won,
        _ => !inquiry,
    };
    let settled = dispute["_settled"].as_i64();
    if leaves {
        dispute["_funds"] = "withdrawn".into();
        let fee = if without_fee { 0 } else { FEE };
        move_funds(
            state,
            dispute,
            Kind::Dispute,
            settled.map(|amount| -amount),
            fee,
            now,
        );
        events.push("charge.dispute.funds_withdrawn");
    }
    if dispute["_funds"] == "withdrawn" && (won || inquiry) {
        dispute["_funds"] = "reinstated".into();
        let withdrawn = dispute["balance_transactions"].as_array();
        let withdrawn = withdrawn.and_then(|moved| moved.last());
        let settled = withdrawn.map_or(settled, |moved| Some(-number(moved, "amount")));
        move_funds(state, dispute, Kind::DisputeReversal, settled, 0, now);
        events.push("charge.dispute.funds_reinstated");
    }
    events
}

/// Moves the disputed amount, and adds the balance transaction to the dispute.
fn move_funds(
    state: &mut State,
    dispute: &mut Value,
    kind: Kind,
    settled: Option<i64>,
    fee: i64,
    now: i64,
) {
    let amount = number(dispute, "amount");
    let movement = Movement {
        kind,
        source: text(dispute, "id"),
        amount: if kind == Kind::Dispute {
            -amount
        } else {
            amount
        },
        currency: text(dispute, "currency"),
        settled,
        fee,
    };
    let moved = move_money(state, &movement, now);
    if let Some(all) = dispute["balance_transactions"].as_array_mut() {
        all.extend(moved);
    }
}

/// A bank's claim about a payment.
#[derive(Debug, Default)]
pub(crate) struct Claim<'a> {
    pub(crate) payment_intent: &'a str,
    pub(crate) status: &'a str,
    pub(crate) amount: Option<i64>,
    /// The currency of the dispute; by default that of the payment.
    pub(crate) currency: Option<&'a str>,
    /// The amount withdrawn in the currency of the balance; by default the converted amount.
    pub(crate) settled: Option<i64>,
    pub(crate) case_type: Option<&'a str>,
    /// True for another dispute, even if one is open.
    pub(crate) new: bool,
}

/// Disputes a payment, or moves its open dispute.
pub(crate) fn claim(state: &mut State, claim: &Claim<'_>, now: i64) -> Result {
    let mut known = state.objects.all("disputes");
    let known = known.find(|one| {
        one["payment_intent"] == claim.payment_intent && !CLOSED.contains(&text(one, "status"))
    });
    if let Some(known) = known.filter(|_| !claim.new) {
        let id = text(known, "id").to_owned();
        return change(state, &id, claim, now);
    }
    let of = Of {
        payment_intent: Some(claim.payment_intent.to_owned()),
        charge: None,
    };
    let (payment, charge) = of.paid(state)?;
    let paid_in = text(&payment, "currency");
    let currency = claim.currency.unwrap_or(paid_in);
    let whole = convert(number(&payment, "amount"), paid_in, currency);
    let mut dispute = json!({
        "id": state.next_id("dp_"),
        "object": "dispute",
        "amount": claim.amount.unwrap_or(whole),
        "balance_transactions": [],
        "charge": charge,
        "created": now,
        "currency": currency,
        "enhanced_eligibility_types": [],
        "evidence": with_nulls(json!({ "enhanced_evidence": {} }), EVIDENCE),
        "evidence_details": {
            "due_by": null,
            "enhanced_eligibility": {},
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": null,
        "livemode": false,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": payment["id"],
        "payment_method_details": {
            "card": { "brand": "visa", "case_type": "", "network": "visa", "network_reason_code": "10.4" },
            "type": "card",
        },
        "reason": "fraudulent",
        "_funds": "untouched",
        "_settled": claim.settled,
    });
    let moved = settle(state, &mut dispute, claim, now);
    Ok(keep(state, dispute, "charge.dispute.created", &moved, now))
}

/// Moves a dispute. Money is withdrawn when an inquiry escalates, and comes back when the dispute is won.
pub(crate) fn change(state: &mut State, id: &str, claim: &Claim<'_>, now: i64) -> Result {
    let mut dispute = state.object("disputes", id)?.clone();
    let moved = settle(state, &mut dispute, claim, now);
    Ok(keep(state, dispute, "charge.dispute.updated", &moved, now))
}

/// Stores a dispute and emits its events; returns it as Stripe shows it.
fn keep(state: &mut State, dispute: Value, first: &str, moved: &[&str], now: i64) -> Value {
    let shown = state.keep_and_emit("disputes", dispute, first, now);
    let withdrawn = |kind: &&&str| kind.ends_with("funds_withdrawn");
    for kind in moved.iter().filter(withdrawn) {
        state.emit(kind, &shown, now);
    }
    if CLOSED.contains(&text(&shown, "status")) {
        state.emit("charge.dispute.closed", &shown, now);
    }
    for kind in moved.iter().filter(|kind| !withdrawn(kind)) {
        state.emit(kind, &shown, now);
    }
    shown
}
