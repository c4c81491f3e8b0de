//! Bills subscriptions: their first period, the next ones, and whatever else is put on an invoice.

use super::checkout_sessions::{Session, tax_on};
use super::error::Error;
use super::invoices::{Invoice, Line, Period};
use super::payment_intents::{Order, Status};
use super::state::State;
use super::subscriptions::{Item, Items, Subscription};

/// What is put on an invoice.
pub(super) struct Bill {
    pub(super) reason: String,
    pub(super) lines: Vec<Line>,
    pub(super) discount: i64,
    pub(super) tax: i64,
    /// What the invoice says its period is; the lines have their own.
    pub(super) period: Period,
}

/// Begins the subscription of a session, with its first invoice.
///
/// `status` is how the payment goes, where anything is to be paid.
pub(super) fn begin(
    state: &mut State,
    session: &Session,
    status: Status,
    now: i64,
) -> Result<(), Error> {
    let id = state.next_id("sub_");
    let invoice = state.next_id("in_");
    let mut items = Items::default();
    let mut lines = Vec::new();
    for ordered in session.lines() {
        let price = ordered.price.clone();
        let item = Item::beginning(state.next_id("si_"), price, ordered.quantity, now);
        let mut line = Line::of(state.next_id("il_"), &item);
        line.description = format!("{} × {}", ordered.quantity, ordered.name);
        items.data.push(item);
        lines.push(line);
    }
    let settled = status == Status::Succeeded;
    let subscription = Subscription {
        id: id.clone(),
        status: if settled { "active" } else { "incomplete" }.to_owned(),
        customer: session.customer.clone(),
        currency: session.currency.clone(),
        metadata: session.passed_on.clone(),
        items,
        latest_invoice: Some(invoice.clone()),
        automatic_tax: session.automatic_tax,
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
        reason: "subscription_create".to_owned(),
        lines,
        discount: session.discount,
        tax: session.tax(),
        period: Period {
            start: now,
            end: now,
        },
    };
    issue(state, &id, &invoice, bill, now)?;
    let payment = collect(
        state,
        &invoice,
        session.payment_intent.as_ref(),
        status,
        now,
    )?;
    let session = state.session_mut(&session.id)?;
    session.subscription = Some(id);
    session.invoice = Some(invoice);
    session.payment_intent = payment;
    Ok(())
}

/// Puts a bill on an invoice of a subscription, which is open then.
fn issue(state: &mut State, of: &str, id: &str, bill: Bill, now: i64) -> Result<(), Error> {
    let subscription = state.subscription_mut(of)?;
    subscription.latest_invoice = Some(id.to_owned());
    let mut invoice = Invoice {
        id: id.to_owned(),
        status: "draft".to_owned(),
        customer: subscription.customer.clone(),
        billing_reason: bill.reason,
        currency: subscription.currency.clone(),
        subscription: Some(of.to_owned()),
        subscription_metadata: subscription.metadata.clone(),
        lines: bill.lines,
        discount: bill.discount,
        tax: bill.tax,
        automatic_tax: subscription.automatic_tax,
        period: bill.period,
        created: now,
        ..Invoice::default()
    };
    state.emit("invoice.created", &invoice.to_json(), now);
    "open".clone_into(&mut invoice.status);
    invoice.finalized_at = Some(now);
    state.emit("invoice.finalized", &invoice.to_json(), now);
    state.invoices.insert(id.to_owned(), invoice);
    Ok(())
}

/// Puts a bill on a new invoice of a subscription and pays it; answers the invoice's id.
pub(super) fn charge(
    state: &mut State,
    of: &str,
    bill: Bill,
    status: Status,
    now: i64,
) -> Result<String, Error> {
    let invoice = state.next_id("in_");
    issue(state, of, &invoice, bill, now)?;
    collect(state, &invoice, None, status, now)?;
    Ok(invoice)
}

/// Tries to pay an open invoice with a payment, its own one or a new one; answers which it was.
///
/// Where nothing is due there is no payment, and the invoice is paid.
pub(super) fn collect(
    state: &mut State,
    id: &str,
    payment: Option<&String>,
    status: Status,
    now: i64,
) -> Result<Option<String>, Error> {
    let invoice = state.invoice(id)?.clone();
    let own = state.invoice_payment(id);
    let known = own.map(|own| own.payment_intent.clone());
    let known = known.or_else(|| payment.cloned());
    let used = (invoice.due() > 0).then(|| {
        // Metadata of a subscription does not reach its payments. https://docs.stripe.com/metadata
        let order = Order {
            customer: invoice.customer.clone(),
            amount: invoice.due(),
            currency: invoice.currency.clone(),
            ..Order::default()
        };
        state.attempt(known, order, status, now)
    });
    if let Some(used) = &used {
        state.pay_invoice_with(id, used, status == Status::Succeeded, now);
    }
    let status = used.as_ref().map_or(Status::Succeeded, |_| status);
    let invoice = state.invoice_mut(id)?;
    invoice.attempts += i64::from(status != Status::Processing);
    let kinds: &[&str] = match status {
        Status::Succeeded => {
            "paid".clone_into(&mut invoice.status);
            invoice.amount_paid = invoice.due();
            invoice.paid_at = Some(now);
            &["invoice.paid", "invoice.payment_succeeded"]
        }
        Status::RequiresPaymentMethod => &["invoice.payment_failed"],
        Status::RequiresAction => &["invoice.payment_action_required"],
        Status::Processing => &[],
    };
    let shown = invoice.to_json();
    for kind in kinds {
        state.emit(kind, &shown, now);
    }
    Ok(used)
}

/// Ends a delayed payment of a session's first invoice.
pub(super) fn settle(
    state: &mut State,
    session: &Session,
    status: Status,
    now: i64,
) -> Result<(), Error> {
    let (Some(of), Some(invoice)) = (&session.subscription, &session.invoice) else {
        return Err(Error::invalid("The session has no subscription yet."));
    };
    collect(state, invoice, None, status, now)?;
    if status == Status::Succeeded {
        change_status(state, of, "active", now)?;
    }
    Ok(())
}

/// Gives a subscription a status, whatever word it is, and says so.
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

/// How the end of a period goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The next period is paid.
    Paid,
    /// The next period begins, and its payment fails.
    Failed,
    /// What is open is paid, if anything is; or else as `Paid`.
    Settled,
}

/// Ends the period of a subscription: the next one is paid or not, or the subscription ends.
///
/// The clock stands still. Answers the invoice, where there is one.
pub(super) fn renew(
    state: &mut State,
    id: &str,
    outcome: Outcome,
    now: i64,
) -> Result<Option<String>, Error> {
    let subscription = state.subscription(id)?.clone();
    if subscription.has_ended() {
        let message = format!("The subscription {id} is {}.", subscription.status);
        return Err(Error::invalid(message));
    }
    let open = subscription.latest_invoice.clone();
    let open = open.filter(|id| state.invoice(id).is_ok_and(|one| one.status == "open"));
    if let (Outcome::Settled, Some(open)) = (outcome, open) {
        collect(state, &open, None, Status::Succeeded, now)?;
        change_status(state, id, "active", now)?;
        return Ok(Some(open));
    }
    let (start, end) = subscription.period().unwrap_or((now, now));
    if subscription.ends_with_period() {
        cancel(state, id, end, now)?;
        return Ok(None);
    }
    let tax = subscription.automatic_tax;
    let subscription = state.subscription_mut(id)?;
    for item in &mut subscription.items.data {
        item.advance(subscription.created);
    }
    let mut lines = std::mem::take(&mut subscription.pending);
    for item in subscription.items.data.clone() {
        lines.push(Line::of(state.next_id("il_"), &item));
    }
    let amount = lines.iter().map(|line| line.amount).sum();
    let bill = Bill {
        reason: "subscription_cycle".to_owned(),
        lines,
        discount: 0,
        tax: if tax { tax_on(amount) } else { 0 },
        // The invoice names the period that is over; only its lines name the one it pays for.
        period: Period { start, end },
    };
    let (payment, status) = match outcome {
        Outcome::Failed => (Status::RequiresPaymentMethod, "past_due"),
        _ => (Status::Succeeded, "active"),
    };
    let invoice = charge(state, id, bill, payment, now)?;
    let paid = state.invoice(&invoice)?.status == "paid";
    change_status(state, id, if paid { "active" } else { status }, now)?;
    Ok(Some(invoice))
}

/// Ends a subscription at a moment, and says so.
pub(super) fn cancel(state: &mut State, id: &str, at: i64, now: i64) -> Result<(), Error> {
    let subscription = state.subscription_mut(id)?;
    subscription.end(at, now);
    let ended = subscription.to_json();
    state.emit("customer.subscription.deleted", &ended, now);
    Ok(())
}

/// Gives the item of a subscription another price, from now on.
///
/// What it costs until the end of the period is put on an invoice now (`always_invoice`), on the
/// next one (`create_prorations`) or on none.
pub(super) fn change_price(
    state: &mut State,
    id: &str,
    item: &Item,
    prorate: &str,
    now: i64,
) -> Result<(), Error> {
    let subscription = state.subscription_mut(id)?;
    let mut items = subscription.items.data.iter_mut();
    let Some(old) = items.find(|known| known.id == item.id) else {
        return Err(Error::no_such(
            "subscription item",
            "items[0][id]",
            &item.id,
        ));
    };
    let before = std::mem::replace(old, item.clone());
    if prorate == "none" {
        return Ok(());
    }
    let lines = vec![
        proration(state, &before, -before.amount(), now),
        proration(state, item, item.amount(), now),
    ];
    if prorate == "create_prorations" {
        state.subscription_mut(id)?.pending.extend(lines);
        return Ok(());
    }
    let amount: i64 = lines.iter().map(|line| line.amount).sum();
    let taxed = state.subscription(id)?.automatic_tax;
    let bill = Bill {
        reason: "subscription_update".to_owned(),
        lines,
        discount: 0,
        tax: if taxed { tax_on(amount) } else { 0 },
        period: Period {
            start: now,
            end: now,
        },
    };
    charge(state, id, bill, Status::Succeeded, now)?;
    Ok(())
}

/// The part of an amount that falls on what is left of the period, rounded towards zero.
fn proration(state: &mut State, item: &Item, amount: i64, now: i64) -> Line {
    let end = item.current_period_end;
    let whole = (end - item.current_period_start).max(1);
    let left = (end - now).clamp(0, whole);
    let mut line = Line::of(state.next_id("il_"), item);
    line.amount = amount * left / whole;
    line.proration = true;
    line.period.start = now.min(end);
    let what = if amount < 0 { "Unused" } else { "Remaining" };
    line.description = format!("{what} time on {}", line.description);
    line
}
