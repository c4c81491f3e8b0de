//! Begins subscriptions, each with its first invoice.

use std::collections::BTreeMap;

use super::collection::collect;
use super::invoicing::{Bill, draft, finalize};
use crate::stripe::objects::{Card, Item, Items, Line, Ordered, Session, Status, Subscription};
use crate::stripe::state::State;
use crate::stripe::wire::{Error, Result};

/// A subscription that is about to begin.
#[derive(Default)]
pub(crate) struct Beginning {
    pub(crate) customer: Option<String>,
    pub(crate) currency: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) ordered: Vec<Ordered>,
    pub(crate) automatic_tax: bool,
    pub(crate) discount: i64,
    pub(crate) trial_end: Option<i64>,
    /// `flexible`, unless the caller asks for `classic`.
    /// <https://docs.stripe.com/billing/subscriptions/billing-mode>
    pub(crate) billing_mode: Option<String>,
    /// The outcome of each charge of the card from then on.
    pub(crate) card: Card,
}

/// A subscription that has begun, its first invoice, and the payment of that.
pub(crate) struct Begun {
    pub(crate) subscription: String,
    pub(crate) invoice: String,
    pub(crate) payment: Option<String>,
}

/// Begins the subscription of a session, with its first invoice.
///
/// `status` is the outcome of the payment, if there is anything to pay.
pub(crate) fn begin(state: &mut State, session: &Session, status: Status, now: i64) -> Result<()> {
    let beginning = Beginning {
        customer: session.customer.clone(),
        currency: session.currency.clone(),
        metadata: session.passed_on.clone(),
        ordered: session.lines.clone(),
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
pub(crate) fn subscribe(
    state: &mut State,
    beginning: Beginning,
    payment: Option<&String>,
    status: Status,
    now: i64,
) -> Result<Begun> {
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
    draft(state, &id, &invoice, bill, now)?;
    finalize(state, &invoice, now)?;
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
pub(crate) fn settle(state: &mut State, session: &Session, status: Status, now: i64) -> Result<()> {
    let Some(invoice) = &session.invoice else {
        return Err(Error::invalid("The session has no subscription yet."));
    };
    collect(state, invoice, None, status, now)?;
    Ok(())
}
