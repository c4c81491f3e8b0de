//! Bills subscriptions: their first period, renewals, and changes in between.

mod changes;
mod collection;
mod invoicing;
mod renewals;
mod timeline;

use std::collections::BTreeMap;

use super::checkout_sessions::Session;
use super::error::Error;
use super::invoices::{Line, Period};
use super::payment_intents::Status;
use super::prices::Price;
use super::state::State;
use super::subscriptions::{Card, Item, Items, Subscription};

pub(super) use changes::{
    change_price, pause, pause_collection, reset_anchor, resume, set_trial_end, wait,
};
pub(super) use collection::{
    charge_card, collect, mark_uncollectible, pay_off_stripe, pay_part, void,
};
pub(super) use invoicing::{Bill, charge, finalize_or_fail};
pub(super) use renewals::{Outcome, renew};
pub(super) use timeline::pass_time;

/// A subscription that is about to begin.
#[derive(Default)]
pub(super) struct Beginning {
    pub(super) customer: Option<String>,
    pub(super) currency: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) ordered: Vec<Ordered>,
    pub(super) automatic_tax: bool,
    pub(super) discount: i64,
    pub(super) trial_end: Option<i64>,
    /// `flexible`, unless the caller asks for `classic`.
    /// <https://docs.stripe.com/billing/subscriptions/billing-mode>
    pub(super) billing_mode: Option<String>,
    /// The outcome of each charge of the card from then on.
    pub(super) card: Card,
}

/// A price of a subscription that is about to begin.
pub(super) struct Ordered {
    pub(super) price: Price,
    pub(super) quantity: i64,
    pub(super) name: String,
}

/// A subscription that has begun, its first invoice, and the payment of that.
pub(super) struct Begun {
    pub(super) subscription: String,
    pub(super) invoice: String,
    pub(super) payment: Option<String>,
}

/// Begins the subscription of a session, with its first invoice.
///
/// `status` is the outcome of the payment, if there is anything to pay.
pub(super) fn begin(
    state: &mut State,
    session: &Session,
    status: Status,
    now: i64,
) -> Result<(), Error> {
    let ordered = session.lines().iter().map(|line| Ordered {
        price: line.price.clone(),
        quantity: line.quantity,
        name: line.name.clone(),
    });
    let beginning = Beginning {
        customer: session.customer.clone(),
        currency: session.currency.clone(),
        metadata: session.passed_on.clone(),
        ordered: ordered.collect(),
        automatic_tax: session.automatic_tax,
        discount: session.discount,
        trial_end: session.trial_end,
        billing_mode: session.billing_mode.clone(),
        card: Card::Good,
    };
    let payment = session.payment_intent.as_ref();
    let begun = subscribe(state, beginning, payment, status, now)?;
    let session = state.session_mut(&session.id)?;
    session.subscription = Some(begun.subscription);
    session.invoice = Some(begun.invoice);
    session.payment_intent = begun.payment;
    Ok(())
}

/// Begins a subscription, and charges its first invoice.
pub(super) fn subscribe(
    state: &mut State,
    beginning: Beginning,
    payment: Option<&String>,
    status: Status,
    now: i64,
) -> Result<Begun, Error> {
    let id = state.next_id("sub_");
    let invoice = state.next_id("in_");
    let trial_end = beginning.trial_end;
    let (items, lines) = items_and_lines(state, beginning.ordered, trial_end, now);
    let state_of_it = match (trial_end, status) {
        (Some(_), _) => "trialing",
        (None, Status::Succeeded) => "active",
        (None, _) => "incomplete",
    };
    let mode = beginning.billing_mode;
    let subscription = Subscription {
        id: id.clone(),
        status: state_of_it.to_owned(),
        customer: beginning.customer,
        currency: beginning.currency,
        metadata: beginning.metadata,
        items,
        latest_invoice: Some(invoice.clone()),
        automatic_tax: beginning.automatic_tax,
        billing_mode: mode.unwrap_or_else(|| "flexible".to_owned()),
        card: beginning.card,
        anchor: trial_end,
        trial_start: trial_end.map(|_| now),
        trial_end,
        created: now,
        ..Subscription::default()
    };
    state.emit(
        "customer.subscription.created",
        &subscription.to_json(),
        now,
    );
    state.subscriptions.insert(id.clone(), subscription);
    let bill = Bill {
        discount: beginning.discount,
        ..Bill::at_once("subscription_create", lines, now)
    };
    invoicing::draft(state, &id, &invoice, bill, now)?;
    invoicing::finalize(state, &invoice, now)?;
    let payment = collect(state, &invoice, payment, status, now)?;
    Ok(Begun {
        subscription: id,
        invoice,
        payment,
    })
}

/// Returns the items of a new subscription and the lines of its first invoice. Usage is billed later.
fn items_and_lines(
    state: &mut State,
    ordered: Vec<Ordered>,
    trial_end: Option<i64>,
    now: i64,
) -> (Items, Vec<Line>) {
    let mut items = Items::default();
    let mut lines = Vec::new();
    for one in ordered {
        let metered = one.price.is_metered();
        let mut item = Item::beginning(state.next_id("si_"), one.price, one.quantity, now);
        item.current_period_end = trial_end.unwrap_or(item.current_period_end);
        if !metered {
            let mut line = Line::of(state.next_id("il_"), &item);
            line.description = format!("{} × {}", one.quantity, one.name);
            if trial_end.is_some() {
                line.amount = 0;
                line.description = format!("Trial period for {}", one.name);
            }
            lines.push(line);
        }
        items.data.push(item);
    }
    (items, lines)
}

/// Ends a delayed payment of a session's first invoice.
pub(super) fn settle(
    state: &mut State,
    session: &Session,
    status: Status,
    now: i64,
) -> Result<(), Error> {
    let Some(invoice) = &session.invoice else {
        return Err(Error::invalid("The session has no subscription yet."));
    };
    collect(state, invoice, None, status, now)?;
    Ok(())
}

/// Sets the status of a subscription to any word, and emits its event.
pub(super) fn change_status(
    state: &mut State,
    id: &str,
    status: &str,
    now: i64,
) -> Result<(), Error> {
    let subscription = state.subscription_mut(id)?;
    if status == "canceled" {
        subscription.end(now, now);
    }
    status.clone_into(&mut subscription.status);
    let changed = subscription.to_json();
    state.emit("customer.subscription.updated", &changed, now);
    Ok(())
}

/// Ends a subscription at a moment, and emits its event. Its invoices are no longer collected.
/// <https://docs.stripe.com/billing/subscriptions/cancel>
pub(super) fn cancel(state: &mut State, id: &str, at: i64, now: i64) -> Result<(), Error> {
    let subscription = state.subscription_mut(id)?;
    subscription.end(at, now);
    let ended = subscription.to_json();
    for invoice in state.invoices.values_mut() {
        if invoice.subscription.as_deref() == Some(id) {
            invoice.auto_advance = false;
            invoice.finalizes_at = None;
            invoice.next_attempt = None;
        }
    }
    state.emit("customer.subscription.deleted", &ended, now);
    Ok(())
}

/// Returns an empty period, for an invoice about one moment.
fn moment(now: i64) -> Period {
    Period {
        start: now,
        end: now,
    }
}
