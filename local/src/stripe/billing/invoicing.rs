//! Makes invoices: drafts that are finalized and then charged.

use serde_json::json;

use super::collection::collect;
use crate::stripe::money::customers::{Change, balance, change_balance, is_located};
use crate::stripe::objects::{Behavior, Invoice, Line, Period, Status};
use crate::stripe::state::State;
use crate::stripe::wire::{Error, Result};

/// The time between a renewal's draft and its finalization.
/// <https://docs.stripe.com/billing/invoices/subscription#sub-invoice-lifecycle>
pub(crate) const DRAFT_SECONDS: i64 = 3_600;

/// The content of an invoice.
pub(crate) struct Bill {
    pub(crate) reason: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) discount: i64,
    /// The tax; None to compute it if the subscription has automatic tax.
    pub(crate) tax: Option<i64>,
    /// The period that the invoice names; the lines have their own.
    pub(crate) period: Period,
    /// The end of the draft hour, if the invoice advances automatically.
    pub(crate) finalizes_at: Option<i64>,
}

impl Bill {
    /// Returns a bill to finalize and charge at once.
    pub(crate) fn at_once(reason: &str, lines: Vec<Line>, now: i64) -> Self {
        Self {
            reason: reason.to_owned(),
            lines,
            discount: 0,
            tax: None,
            period: Period {
                start: now,
                end: now,
            },
            finalizes_at: None,
        }
    }
}

/// Makes a draft from a bill; it becomes the newest invoice of its subscription.
pub(crate) fn draft(state: &mut State, of: &str, id: &str, bill: Bill, now: i64) -> Result<()> {
    let subscription = state.subscription_mut(of)?;
    subscription.latest_invoice = Some(id.to_owned());
    let subscription = subscription.clone();
    let behavior = bill.lines.first();
    let behavior = behavior.and_then(|line| state.settings.tax.behavior_of(&line.price));
    let mut invoice = Invoice {
        id: id.to_owned(),
        status: "draft".to_owned(),
        customer: subscription.customer.clone(),
        billing_reason: bill.reason,
        currency: subscription.currency,
        subscription: Some(of.to_owned()),
        subscription_metadata: subscription.metadata,
        lines: bill.lines,
        discount: bill.discount,
        automatic_tax: subscription.automatic_tax,
        tax_behavior: behavior.unwrap_or(Behavior::Exclusive),
        starting_balance: balance(state, subscription.customer.as_deref()),
        period: bill.period,
        created: now,
        auto_advance: bill.finalizes_at.is_some(),
        finalizes_at: bill.finalizes_at,
        ..Invoice::default()
    };
    let taxable = invoice.subtotal() - invoice.discount;
    let taxed = invoice
        .automatic_tax
        .then(|| invoice.tax_behavior.tax_on(taxable));
    invoice.tax = bill.tax.or(taxed).unwrap_or_default();
    state.emit("invoice.created", &invoice.to_json(), now);
    state.invoices.insert(id.to_owned(), invoice);
    Ok(())
}

/// Makes an invoice of a subscription from a bill and charges it. Returns the invoice's id.
pub(crate) fn charge(
    state: &mut State,
    of: &str,
    bill: Bill,
    status: Status,
    now: i64,
) -> Result<String> {
    let invoice = state.next_id("in_");
    draft(state, of, &invoice, bill, now)?;
    if finalize(state, &invoice, now)? {
        collect(state, &invoice, None, status, now)?;
    }
    Ok(invoice)
}

/// Finalizes a draft and applies the customer's balance; returns false if its tax is unknown.
pub(crate) fn finalize(state: &mut State, id: &str, now: i64) -> Result<bool> {
    let invoice = state.invoice(id)?;
    if invoice.status != "draft" {
        let message =
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.";
        return Err(Error::invalid(message).executed());
    }
    let customer = invoice.customer.clone();
    let located = is_located(state, customer.as_deref());
    let invoice = state.invoice_mut(id)?;
    invoice.finalizes_at = None;
    if invoice.automatic_tax && !located {
        invoice.finalization_error = Some(json!({
            "code": "customer_tax_location_invalid",
            "doc_url": "https://stripe.com/docs/error-codes/customer-tax-location-invalid",
            "message": NO_LOCATION,
            "type": "invalid_request_error",
        }));
        let shown = invoice.to_json();
        state.emit("invoice.finalization_failed", &shown, now);
        return Ok(false);
    }
    let before = balance(state, customer.as_deref());
    let invoice = state.invoice_mut(id)?;
    invoice.starting_balance = before;
    let after = (invoice.total() + before).min(0);
    invoice.ending_balance = Some(after);
    open(state, id, now)?;
    if let Some(customer) = customer.filter(|_| after != before) {
        let change = Change::of(state.invoice(id)?, "applied_to_invoice", after - before);
        change_balance(state, &customer, &change, now)?;
    }
    Ok(true)
}

/// The error message for an invoice whose customer has no location.
pub(crate) const NO_LOCATION: &str = "The customer's location isn't recognized. Set a \
     valid customer address in order to automatically calculate tax.";

/// Finalizes a draft that is not to be paid. It does so without the customer's balance, whatever its tax.
pub(crate) fn finalize_unpaid(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice_mut(id)?;
    invoice.finalizes_at = None;
    invoice.starting_balance = 0;
    invoice.ending_balance = Some(0);
    open(state, id, now)
}

fn open(state: &mut State, id: &str, now: i64) -> Result<()> {
    let invoice = state.invoice_mut(id)?;
    invoice.finalization_error = None;
    "open".clone_into(&mut invoice.status);
    invoice.finalized_at = Some(now);
    let shown = invoice.to_json();
    state.emit("invoice.finalized", &shown, now);
    Ok(())
}

/// Finalizes a draft for the API, and fails if its tax is unknown.
pub(crate) fn finalize_or_fail(state: &mut State, id: &str, now: i64) -> Result<()> {
    if finalize(state, id, now)? {
        return Ok(());
    }
    let code = "customer_tax_location_invalid";
    Err(Error::param(code, "automatic_tax", NO_LOCATION).executed())
}
