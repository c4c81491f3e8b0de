//! Issues credit notes, never above the amount of their invoice.

use std::collections::BTreeMap;

use serde_json::Value;

use super::note::{CreditNote, Linked};
use crate::stripe::charges::Of;
use crate::stripe::customers::{self, Change, Customer};
use crate::stripe::error::Error;
use crate::stripe::form::Form;
use crate::stripe::invoices::Invoice;
use crate::stripe::refunds::{self, Terms};
use crate::stripe::state::State;

/// The invoices that can be credited: finalized, and not void.
const CREDITABLE: [&str; 3] = ["open", "paid", "uncollectible"];

const REASONS: [&str; 4] = [
    "duplicate",
    "fraudulent",
    "order_change",
    "product_unsatisfactory",
];

/// The parameters of a new credit note.
struct Request {
    amount: i64,
    credit_amount: i64,
    refund_amount: i64,
    out_of_band_amount: Option<i64>,
    /// Refunds that exist, each with the part that belongs to the note; by default all of it.
    refunds: Vec<(String, Option<i64>)>,
    reason: Option<String>,
    memo: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Request {
    fn take(form: &mut Form) -> Result<Self, Error> {
        let amount = positive(form, "amount")?;
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
            let part = positive(form, &format!("{path}[amount_refunded]"))?;
            refunds.push((refund, part));
        }
        form.word("email_type", &["credit_note", "none"])?;
        Ok(Self {
            amount,
            credit_amount: positive(form, "credit_amount")?.unwrap_or_default(),
            refund_amount: positive(form, "refund_amount")?.unwrap_or_default(),
            out_of_band_amount: positive(form, "out_of_band_amount")?,
            refunds,
            reason: form.word("reason", &REASONS)?.map(str::to_owned),
            memo: form.text("memo", 5_000)?,
            metadata: form.metadata("metadata")?,
        })
    }
}

/// Takes an amount, which must be above zero.
fn positive(form: &mut Form, name: &str) -> Result<Option<i64>, Error> {
    let amount = form.integer(name)?;
    if amount.is_some_and(|amount| amount < 1) {
        let message = "This value must be greater than or equal to 1.";
        return Err(Error::param("parameter_invalid_integer", name, message));
    }
    Ok(amount)
}

/// `POST /v1/credit_notes`
pub(in crate::stripe) fn create(
    state: &mut State,
    form: &mut Form,
    now: i64,
) -> Result<Value, Error> {
    let invoice = form.required("invoice", 5_000)?;
    let request = Request::take(form)?;
    form.finish()?;
    let known = state.invoices.get(&invoice).cloned();
    let invoice = known.ok_or_else(|| Error::no_such("invoice", "invoice", &invoice))?;
    let mut linked = link(state, &invoice, &request)?;
    let pre_payment = check(state, &invoice, &request, &linked)?;
    if request.refund_amount > 0 {
        let refund = refund(state, &invoice, request.refund_amount, now)?;
        linked.push(refund);
    }
    let mut transaction = None;
    if request.credit_amount > 0 {
        let customer = invoice.customer.as_deref().unwrap_or_default();
        let change = Change::of_credit_note(-request.credit_amount, &invoice);
        let changed = customers::change_balance(state, customer, change, now)?;
        transaction = changed["id"].as_str().map(str::to_owned);
    }
    let notes = of_invoice(state, &invoice.id).count();
    let note = CreditNote {
        id: state.next_id("cn_"),
        number: format!("{}-CN-{:02}", invoice.id, notes + 1),
        customer: invoice.customer.clone(),
        currency: invoice.currency.clone(),
        amount: request.amount,
        pre_payment,
        credit_amount: request.credit_amount,
        out_of_band_amount: request.out_of_band_amount,
        refunds: linked,
        reason: request.reason,
        memo: request.memo,
        metadata: request.metadata,
        customer_balance_transaction: transaction,
        line: state.next_id("cnli_"),
        created: now,
        voided_at: None,
        invoice: invoice.id,
    };
    let created = note.to_json();
    state.emit("credit_note.created", &created, now);
    reduce(state, &note, now)?;
    state.credit_notes.insert(note.id.clone(), note);
    Ok(created)
}

/// Returns the credit notes of an invoice, including void ones.
fn of_invoice<'s>(state: &'s State, invoice: &'s str) -> impl Iterator<Item = &'s CreditNote> {
    let notes = state.credit_notes.values();
    notes.filter(move |note| note.invoice == invoice)
}

/// Returns the part of a refund that belongs to credit notes already.
fn held(state: &State, refund: &str) -> i64 {
    let notes = state.credit_notes.values().filter(|note| !note.is_void());
    notes
        .flat_map(|note| &note.refunds)
        .filter(|linked| linked.refund == refund)
        .map(|linked| linked.amount)
        .sum()
}

/// Returns the refunds that a request links, each with the part for this credit note.
fn link(state: &State, invoice: &Invoice, request: &Request) -> Result<Vec<Linked>, Error> {
    let payment = payment(state, invoice);
    let mut linked = Vec::new();
    for (id, part) in &request.refunds {
        let refund = state.refunds.get(id);
        let refund = refund.filter(|refund| Some(&refund.payment_intent) == payment.as_ref());
        let refund = refund.ok_or_else(|| Error::no_such("refund", "refunds", id))?;
        let left = refund.amount - held(state, id);
        let amount = part.unwrap_or(left);
        if amount > left || amount < 1 {
            let message = format!("Refund {id} has only {left} left for credit notes.");
            return Err(Error::param("parameter_invalid", "refunds", message).executed());
        }
        let refund = id.clone();
        linked.push(Linked { refund, amount });
    }
    Ok(linked)
}

/// Fails above the amount left to credit; returns the part that reduces the amount still to be paid.
fn check(
    state: &State,
    invoice: &Invoice,
    request: &Request,
    linked: &[Linked],
) -> Result<i64, Error> {
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
        let there = state
            .customers
            .get(customer)
            .is_some_and(Customer::is_there);
        if !there {
            return Err(Error::no_such("customer", "credit_amount", customer));
        }
    }
    let linked: i64 = linked.iter().map(|linked| linked.amount).sum();
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
    let remaining = (invoice.due() - invoice.amount_paid).max(0);
    let pre_payment = if open {
        request.amount.min(remaining)
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
    let notes = of_invoice(state, &invoice.id).filter(|note| !note.is_void());
    let credited: i64 = notes.map(|note| note.amount).sum();
    let payment = payment(state, invoice);
    let refunds = state.refunds.values();
    let refunded: i64 = refunds
        .filter(|refund| Some(&refund.payment_intent) == payment.as_ref() && refund.counts())
        .map(|refund| refund.amount - held(state, &refund.id))
        .sum();
    invoice.total() - credited - refunded
}

fn payment(state: &State, invoice: &Invoice) -> Option<String> {
    let payment = state.default_payment(&invoice.id)?;
    Some(payment.payment_intent.clone())
}

/// Refunds a part of the invoice's payment.
fn refund(state: &mut State, invoice: &Invoice, amount: i64, now: i64) -> Result<Linked, Error> {
    let of = Of {
        payment_intent: payment(state, invoice),
        charge: None,
    };
    if of.payment_intent.is_none() {
        let message = "The invoice has no charge to refund.";
        return Err(Error::param("parameter_invalid", "refund_amount", message).executed());
    }
    let refund = refunds::give_back(state, &of, Some(amount), Terms::default(), now)?;
    Ok(Linked {
        refund: refund.id,
        amount,
    })
}

/// Reduces an invoice by a credit note, and marks it as paid if nothing remains.
fn reduce(state: &mut State, note: &CreditNote, now: i64) -> Result<(), Error> {
    let invoice = state.invoice_mut(&note.invoice)?;
    invoice.pre_payment_credit_notes_amount += note.pre_payment;
    invoice.post_payment_credit_notes_amount += note.post_payment();
    if invoice.status == "open" && invoice.due() <= invoice.amount_paid {
        "paid".clone_into(&mut invoice.status);
        invoice.paid_at = Some(now);
        let paid = invoice.to_json();
        state.emit("invoice.paid", &paid, now);
    }
    Ok(())
}

/// Formats an amount as in Stripe's messages.
fn money(amount: i64, currency: &str) -> String {
    let (whole, rest) = (amount / 100, amount % 100);
    match currency {
        "usd" => format!("${whole}.{rest:02}"),
        _ => format!("{whole}.{rest:02} {}", currency.to_uppercase()),
    }
}
