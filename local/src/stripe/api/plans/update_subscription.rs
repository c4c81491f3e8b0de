//! `POST /v1/subscriptions/{id}`, with its `/pause` and `/resume`.

use crate::stripe::billing::{self, TrialEnd};
use crate::stripe::objects::{Item, PauseCollection, Subscription};
use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Form, Result};

const PRORATIONS: [&str; 3] = ["always_invoice", "create_prorations", "none"];

/// The changes of an update, other than a subscription's end and metadata.
struct Changes {
    item: Option<Item>,
    trial_end: Option<TrialEnd>,
    resets_anchor: bool,
    collection: Option<Collection>,
    prorate: &'static str,
}

/// A change of the pause of collection.
enum Collection {
    Paused(PauseCollection),
    GoesOn,
}

impl Changes {
    fn take(state: &State, of: &Subscription, form: &mut Form, now: i64) -> Result<Self> {
        let prorate = form.word("proration_behavior", &PRORATIONS)?;
        Ok(Self {
            item: changed_item(state, of, form)?,
            trial_end: trial_end(form, now)?,
            resets_anchor: anchor(form)? == Some("now"),
            collection: collection(form)?,
            prorate: prorate.unwrap_or("create_prorations"),
        })
    }

    fn apply(self, state: &mut State, id: &str, now: i64) -> Result<()> {
        match self.collection {
            Some(Collection::Paused(pause)) => {
                billing::pause_collection(state, id, Some(pause))?;
            }
            Some(Collection::GoesOn) => billing::pause_collection(state, id, None)?,
            None => {}
        }
        if let Some(item) = self.item {
            billing::change_price(state, id, &item, self.prorate, now)?;
        }
        if let Some(end) = self.trial_end {
            billing::set_trial_end(state, id, end, self.prorate, now)?;
        }
        if self.resets_anchor {
            billing::reset_anchor(state, id, self.prorate, now)?;
        }
        Ok(())
    }
}

/// `POST /v1/subscriptions/{id}`
pub(crate) fn update(state: &mut State, call: &mut Call, id: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
    let mut changed = state.subscription(id)?.clone();
    let more = [
        "billing_cycle_anchor",
        "cancel_at",
        "cancel_at_period_end",
        "items",
        "pause_collection",
        "trial_end",
    ];
    let only_metadata = !more.iter().any(|name| form.has(name));
    change_end(&mut changed, form, now)?;
    form.change_metadata("metadata", &mut changed.metadata)?;
    let wanted = Changes::take(state, &changed, form, now)?;
    form.finish()?;
    if changed.has_ended() && !only_metadata {
        let message =
            "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(Error::invalid(message).executed());
    }
    state.subscriptions.insert(id.to_owned(), changed);
    wanted.apply(state, id, now)?;
    let updated = state.subscription(id)?.to_json();
    state.emit("customer.subscription.updated", &updated, now);
    Ok(updated)
}

/// Takes the end of a trial: a future moment, or `now`.
pub(crate) fn trial_end(form: &mut Form, now: i64) -> Result<Option<TrialEnd>> {
    let Some(end) = form.text("trial_end", 20)? else {
        return Ok(None);
    };
    if end == "now" {
        return Ok(Some(TrialEnd::Now));
    }
    future("trial_end", &end, now).map(|end| Some(TrialEnd::At(end)))
}

/// Reads a moment, which must be in the future.
fn future(name: &str, text: &str, now: i64) -> Result<i64> {
    let moment = text.parse().ok().filter(|moment| *moment > now);
    moment.ok_or_else(|| {
        let message = format!("Invalid timestamp, it must be in the future: {text}");
        Error::param("parameter_invalid_integer", name, message)
    })
}

/// Takes the anchor: an object with a type, in the pinned version of the API.
fn anchor(form: &mut Form) -> Result<Option<&'static str>> {
    if form.text("billing_cycle_anchor", 20)?.is_some() {
        let message = "Invalid object: pass `billing_cycle_anchor[type]`.";
        let param = "billing_cycle_anchor";
        return Err(Error::param("parameter_invalid", param, message));
    }
    form.word("billing_cycle_anchor[type]", &["now", "unchanged"])
}

/// Takes the pause of the collection; an empty value ends it.
fn collection(form: &mut Form) -> Result<Option<Collection>> {
    if form.text("pause_collection", 0)?.is_some() {
        return Ok(Some(Collection::GoesOn));
    }
    let words = ["keep_as_draft", "mark_uncollectible", "void"];
    let behavior = form.word("pause_collection[behavior]", &words)?;
    let resumes_at = form.integer("pause_collection[resumes_at]")?;
    match behavior {
        None if resumes_at.is_some() => Err(Error::missing("pause_collection[behavior]")),
        None => Ok(None),
        Some(behavior) => Ok(Some(Collection::Paused(PauseCollection {
            behavior: behavior.to_owned(),
            resumes_at,
        }))),
    }
}

/// Takes the end of the subscription: with its period, at a moment, or none.
fn change_end(changed: &mut Subscription, form: &mut Form, now: i64) -> Result<()> {
    let with_period = form.truth("cancel_at_period_end")?;
    let at = form.text("cancel_at", 20)?;
    if with_period == Some(true) && at.as_ref().is_some_and(|at| !at.is_empty()) {
        let message =
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.";
        return Err(Error::param("parameter_invalid", "cancel_at", message));
    }
    if let Some(ends) = with_period {
        changed.end_with_period(ends, now);
    }
    let Some(at) = at else { return Ok(()) };
    if at.is_empty() {
        if with_period.is_none() {
            changed.end_with_period(false, now);
        }
        return Ok(());
    }
    changed.end_with_period(false, now);
    changed.cancel_at = Some(future("cancel_at", &at, now)?);
    changed.canceled_at = Some(now);
    Ok(())
}

/// Takes the item with a new price or quantity; there may be only one.
fn changed_item(state: &State, of: &Subscription, form: &mut Form) -> Result<Option<Item>> {
    if !form.has("items") {
        return Ok(None);
    }
    let id = form.required("items[0][id]", 255)?;
    let mut items = of.items.data.iter();
    let item = items.find(|item| item.id == id).cloned();
    let mut item = item.ok_or_else(|| Error::no_such("subscription item", "items[0][id]", &id))?;
    if let Some(price) = form.text("items[0][price]", 255)? {
        let param = "items[0][price]";
        let known = state.price(param, &price)?.clone();
        if known.recurring.is_none() {
            let message = format!("The price specified is not recurring: `{price}`.");
            return Err(Error::param("parameter_invalid", param, message));
        }
        item.price = known;
    }
    if let Some(quantity) = form.integer("items[0][quantity]")? {
        item.quantity = quantity;
    }
    Ok(Some(item))
}

/// `POST /v1/subscriptions/{id}/pause`
pub(crate) fn pause(state: &mut State, call: &mut Call, id: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
    form.word("type", &["subscription"])?;
    form.finish()?;
    billing::pause(state, id, now)?;
    Ok(state.subscription(id)?.to_json())
}

/// `POST /v1/subscriptions/{id}/resume`, which resets the anchor unless the caller keeps it.
pub(crate) fn resume(state: &mut State, call: &mut Call, id: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
    let anchor = anchor(form)?;
    form.word("proration_behavior", &PRORATIONS)?;
    form.finish()?;
    billing::resume(state, id, anchor != Some("unchanged"), now)?;
    Ok(state.subscription(id)?.to_json())
}
