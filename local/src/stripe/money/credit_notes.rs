//! Credit notes: amounts taken off a finalized invoice, never above what is left of it.
//!
//! A credit note first reduces the amount still to be paid (`pre_payment`); the rest is refunded, credited to the
//! customer's balance, or given back outside of Stripe (`post_payment`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::customers::{Change, change_balance};
use super::invoice_payments::default_payment;
use super::payments::{Of, counts};
use super::refunds::{self, Terms};
use crate::stripe::objects::Invoice;
use crate::stripe::state::State;
use crate::stripe::wire::json::{number, set, text};
use crate::stripe::wire::{Error, Form, Result};

const KIND: &str = "credit_notes";

/// The id of a refund, and its part that belongs to a credit note.
type Linked = (String, i64);

/// The invoices that can be credited: finalized, and not void.
const CREDITABLE: [&str; 3] = ["open", "paid", "uncollectible"];

const REASONS: [&str; 4] = [
    "duplicate",
    "fraudulent",
    "order_change",
    "product_unsatisfactory",
];

/// The parameters of a new credit note.
pub(crate) struct Request {
    amount: i64,
    credit_amount: i64,
    refund_amount: i64,
    out_of_band_amount: Option<i64>,
    /// Refunds that exist, each with the part that belongs to the note. By default all of it.
    refunds: Vec<(String, Option<i64>)>,
    reason: Option<String>,
    memo: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Request {
    /// Takes the parameters.
    pub(crate) fn take(form: &mut Form) -> Result<Self> {
        let amount = form.positive("amount")?;
        let amount = amount.ok_or_else(|| {
            let message = "You must provide one of `amount`, `lines`, or `shipping_cost`.";
            Error::param("parameter_missing", "amount", message)
        })?;
        let mut refunds = Vec::new();
        for number in 0.. {
            let path = format!("refunds[{number}]");
            if !form.has(&path) {
                break;
            }
            let refund = form.required(&format!("{path}[refund]"), 5_000)?;
            form.word(&format!("{path}[type]"), &["refund"])?;
            let part = form.positive(&format!("{path}[amount_refunded]"))?;
            refunds.push((refund, part));
        }
        form.word("email_type", &["credit_note", "none"])?;
        Ok(Self {
            amount,
            credit_amount: form.positive("credit_amount")?.unwrap_or_default(),
            refund_amount: form.positive("refund_amount")?.unwrap_or_default(),
            out_of_band_amount: form.positive("out_of_band_amount")?,
            refunds,
            reason: form.word("reason", &REASONS)?.map(str::to_owned),
            memo: form.text("memo", 5_000)?,
            metadata: form.metadata("metadata")?,
        })
    }
}

/// Issues a credit note of an invoice.
pub(crate) fn issue(state: &mut State, invoice: &Invoice, request: &Request, now: i64) -> Result {
    let mut linked = link(state, invoice, request)?;
    let pre_payment = check(state, invoice, request, &linked)?;
    if request.refund_amount > 0 {
        let refund = refund(state, invoice, request.refund_amount, now)?;
        linked.push((refund, request.refund_amount));
    }
    let mut transaction = Value::Null;
    if request.credit_amount > 0 {
        let customer = invoice.customer.as_deref().unwrap_or_default();
        let change = Change::of(invoice, "credit_note", -request.credit_amount);
        transaction = change_balance(state, customer, &change, now)?["id"].take();
    }
    let notes = of_invoice(state, &invoice.id).count();
    let id = state.next_id("cn_");
    let line = line(&state.next_id("cnli_"), request.amount);
    let mut note = shown(&id, invoice, request, pre_payment, now);
    let refunds = linked.iter().map(|(refund, amount)| {
        json!({
            "amount_refunded": amount,
            "payment_record_refund": null,
            "refund": refund,
            "type": "refund",
        })
    });
    let rest = json!({
        "customer_balance_transaction": transaction,
        "lines": {
            "object": "list",
            "data": [line],
            "has_more": false,
            "url": format!("/v1/credit_notes/{id}/lines"),
        },
        "number": format!("{}-CN-{:02}", invoice.id, notes + 1),
        "refunds": refunds.collect::<Vec<_>>(),
    });
    set(&mut note, rest);
    let note = state.keep_and_emit(KIND, note, "credit_note.created", now);
    reduce(state, &note, now)?;
    Ok(note)
}

/// Returns the members of a credit note that its request and its invoice determine.
fn shown(id: &str, invoice: &Invoice, request: &Request, pre_payment: i64, now: i64) -> Value {
    let post_payment = request.amount - pre_payment;
    let kind = match (pre_payment, post_payment) {
        (_, 0) => "pre_payment",
        (0, _) => "post_payment",
        _ => "mixed",
    };
    json!({
        "id": id,
        "object": "credit_note",
        "amount": request.amount,
        "amount_shipping": 0,
        "created": now,
        "currency": invoice.currency,
        "customer": invoice.customer,
        "customer_account": null,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": now,
        "invoice": invoice.id,
        "livemode": false,
        "memo": request.memo,
        "metadata": request.metadata,
        "out_of_band_amount": request.out_of_band_amount,
        "pdf": format!("https://pay.stripe.com/credit_notes/{id}/pdf"),
        "post_payment_amount": post_payment,
        "pre_payment_amount": pre_payment,
        "pretax_credit_amounts": [],
        "reason": request.reason,
        "shipping_cost": null,
        "status": "issued",
        "subtotal": request.amount,
        "subtotal_excluding_tax": request.amount,
        "total": request.amount,
        "total_excluding_tax": request.amount,
        "total_taxes": [],
        "type": kind,
        "voided_at": null,
        "_credit_amount": request.credit_amount,
    })
}

/// Returns the only line of a credit note, a `credit_note_line_item`. Stripe itself spreads an amount over the
/// invoice's lines.
fn line(id: &str, amount: i64) -> Value {
    json!({
        "id": id,
        "object": "credit_note_line_item",
        "amount": amount,
        "description": "Credit",
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": false,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
        "unit_amount": amount,
        "unit_amount_decimal": amount.to_string(),
    })
}

/// Returns the credit notes of an invoice, including void ones.
fn of_invoice<'s>(state: &'s State, invoice: &'s str) -> impl Iterator<Item = &'s Value> {
    let notes = state.objects.all(KIND);
    notes.filter(move |note| note["invoice"] == invoice)
}

/// Returns the part of a refund that belongs to credit notes already.
fn held(state: &State, refund: &str) -> i64 {
    let notes = state
        .objects
        .all(KIND)
        .filter(|note| note["status"] != "void");
    let links = notes.flat_map(|note| note["refunds"].as_array().into_iter().flatten());
    let held = links.filter(|link| link["refund"] == refund);
    held.map(|link| number(link, "amount_refunded")).sum()
}

/// Returns the refunds that a request links, each with the part for this credit note.
fn link(state: &State, invoice: &Invoice, request: &Request) -> Result<Vec<Linked>> {
    let payment = default_payment(state, &invoice.id);
    let mut linked = Vec::new();
    for (id, part) in &request.refunds {
        let refund = state.object_of("refunds", "refunds", id)?;
        if refund["payment_intent"].as_str() != payment.as_deref() {
            return Err(Error::no_such("refund", "refunds", id));
        }
        let left = number(refund, "amount") - held(state, id);
        let amount = part.unwrap_or(left);
        if amount > left || amount < 1 {
            let message = format!("Refund {id} has only {left} left for credit notes.");
            return Err(Error::param("parameter_invalid", "refunds", message).executed());
        }
        linked.push((id.clone(), amount));
    }
    Ok(linked)
}

/// Fails above the amount left to credit. Returns the part that reduces the amount still to be paid.
fn check(state: &State, invoice: &Invoice, request: &Request, linked: &[Linked]) -> Result<i64> {
    if !CREDITABLE.contains(&invoice.status.as_str()) {
        let message = format!(
            "Credit notes can only be created for open, paid or uncollectible invoices. This one \
             is {}.",
            invoice.status
        );
        return Err(Error::param("parameter_invalid", "invoice", message).executed());
    }
    if request.credit_amount > 0 {
        let customer = invoice.customer.as_deref().unwrap_or_default();
        state.customer("credit_amount", customer)?;
    }
    let linked: i64 = linked.iter().map(|(_, amount)| amount).sum();
    let left = creditable(state, invoice) + linked;
    let money = |amount| money(amount, &invoice.currency);
    // This message is assumed.
    if request.amount > left {
        let message = format!(
            "The credit note amount ({}) is greater than the amount left to credit on the invoice \
             ({}).",
            money(request.amount),
            money(left)
        );
        return Err(Error::param("amount_too_large", "amount", message).executed());
    }
    let open = invoice.status != "paid";
    let pre_payment = if open {
        request.amount.min(invoice.remaining())
    } else {
        0
    };
    let out_of_band = request.out_of_band_amount.unwrap_or_default();
    let given = request.credit_amount + request.refund_amount + out_of_band + linked;
    let owed = request.amount - pre_payment;
    if given != owed {
        let message = format!(
            "The sum of credit amount, refund amount and out of band amount ({}) must equal the \
             credit note amount ({}).",
            money(given),
            money(owed)
        );
        return Err(Error::invalid(message).executed());
    }
    Ok(pre_payment)
}

/// Returns the amount left to credit, after credit notes and refunds.
fn creditable(state: &State, invoice: &Invoice) -> i64 {
    let notes = of_invoice(state, &invoice.id).filter(|note| note["status"] != "void");
    let credited: i64 = notes.map(|note| number(note, "amount")).sum();
    let payment = default_payment(state, &invoice.id);
    let refunds = state.objects.all("refunds");
    let own =
        refunds.filter(|one| one["payment_intent"].as_str() == payment.as_deref() && counts(one));
    let refunded: i64 = own
        .map(|one| number(one, "amount") - held(state, text(one, "id")))
        .sum();
    invoice.total() - credited - refunded
}

/// Refunds a part of the invoice's payment; returns the refund's id.
fn refund(state: &mut State, invoice: &Invoice, amount: i64, now: i64) -> Result<String> {
    let of = Of {
        payment_intent: default_payment(state, &invoice.id),
        charge: None,
    };
    if of.payment_intent.is_none() {
        let message = "The invoice has no charge to refund.";
        return Err(Error::param("parameter_invalid", "refund_amount", message).executed());
    }
    let refund = refunds::give_back(state, &of, Some(amount), &Terms::default(), now)?;
    Ok(text(&refund, "id").to_owned())
}

/// Reduces an invoice by a credit note, and marks it as paid if nothing remains.
fn reduce(state: &mut State, note: &Value, now: i64) -> Result<()> {
    let invoice = state.invoice_mut(text(note, "invoice"))?;
    invoice.pre_payment_credit_notes_amount += number(note, "pre_payment_amount");
    invoice.post_payment_credit_notes_amount += number(note, "post_payment_amount");
    if invoice.status == "open" && invoice.due() <= invoice.amount_paid {
        "paid".clone_into(&mut invoice.status);
        invoice.paid_at = Some(now);
        let paid = invoice.to_json();
        state.emit("invoice.paid", &paid, now);
    }
    Ok(())
}

/// Voids a credit note, whatever its invoice's status. Refunds are not undone.
pub(crate) fn void(state: &mut State, id: &str, now: i64) -> Result {
    let mut note = state.object(KIND, id)?.clone();
    if note["status"] == "void" {
        let message = "This credit note is already void.";
        return Err(Error::invalid(message).executed());
    }
    note["status"] = "void".into();
    note["voided_at"] = now.into();
    let invoice = state.invoice_mut(text(&note, "invoice"))?;
    invoice.pre_payment_credit_notes_amount -= number(&note, "pre_payment_amount");
    invoice.post_payment_credit_notes_amount -= number(&note, "post_payment_amount");
    let credit = number(&note, "_credit_amount");
    let change = Change::of(invoice, "credit_note", credit);
    if let Some(customer) = note["customer"].as_str().filter(|_| credit > 0) {
        change_balance(state, customer, &change, now)?;
    }
    Ok(state.keep_and_emit(KIND, note, "credit_note.voided", now))
}

/// Formats an amount as in Stripe's messages.
fn money(amount: i64, currency: &str) -> String {
    let (whole, rest) = (amount / 100, amount % 100);
    match currency {
        "usd" => format!("${whole}.{rest:02}"),
        _ => format!("{whole}.{rest:02} {}", currency.to_uppercase()),
    }
}
