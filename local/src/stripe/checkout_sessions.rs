//! Checkout Sessions: `/v1/checkout/sessions`, pages where one order is paid.

mod session;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::Call;
use super::customers::Customer;
use super::error::Error;
use super::form::Form;
use super::list::{Created, Page};
use super::state::State;

pub(super) use session::{Line, Session};

/// The allowed lifetime of a session, in seconds: half an hour to a day.
const OPEN_SECONDS: std::ops::RangeInclusive<i64> = 1_800..=86_400;

impl State {
    /// Returns a session by its id.
    pub(super) fn session(&self, id: &str) -> Result<&Session, Error> {
        let session = self.checkout_sessions.get(id);
        session.ok_or_else(|| Error::no_such("checkout.session", "id", id))
    }

    /// Returns a session by its id, mutable.
    pub(super) fn session_mut(&mut self, id: &str) -> Result<&mut Session, Error> {
        let session = self.checkout_sessions.get_mut(id);
        session.ok_or_else(|| Error::no_such("checkout.session", "id", id))
    }
}

/// `POST /v1/checkout/sessions`
pub(super) fn create(state: &mut State, call: &mut Call) -> Result<Value, Error> {
    let (form, now) = (&mut call.form, call.now);
    if form.has("payment_method_types") {
        let message = "payment_method_types is no longer supported.";
        let code = "payment_method_types_no_longer_supported";
        return Err(Error::param(code, "payment_method_types", message));
    }
    let mode = form.word("mode", &["payment", "subscription"])?;
    let mode = mode.ok_or_else(|| Error::missing("mode"))?;
    let customer = customer(state, form)?;
    let lines = lines(state, form, mode)?;
    let currency = lines[0].price.currency.clone();
    let automatic_tax = form.truth("automatic_tax[enabled]")? == Some(true);
    let keeps_address = form.word("customer_update[address]", &["auto", "never"])? == Some("auto");
    if automatic_tax && customer.is_some() && !keeps_address {
        let message = "Automatic tax calculation in Checkout requires a valid address on the \
             Customer. Add a valid address to the Customer or set `customer_update[address]=auto`.";
        return Err(Error::param(
            "customer_tax_location_invalid",
            "automatic_tax",
            message,
        ));
    }
    let prices: Vec<_> = lines.iter().map(|line| &line.price).collect();
    if automatic_tax {
        state.settings.tax.require(&prices)?;
    }
    let tax_behavior = state.settings.tax.behavior_of(prices[0]);
    let passed_on = passed_on(form, mode)?;
    let trial_end = trial_end(form, now)?;
    let mode_word = "subscription_data[billing_mode][type]";
    let billing_mode = form.word(mode_word, &["classic", "flexible"])?;
    let expires_at = form.integer("expires_at")?.unwrap_or(now + 86_400);
    let client_reference_id = form.text("client_reference_id", 200)?;
    let success_url = form.required("success_url", 5_000)?;
    let cancel_url = form.text("cancel_url", 5_000)?;
    let promotion_codes = form.truth("allow_promotion_codes")? == Some(true);
    let metadata = form.metadata("metadata")?;
    form.word(
        "submit_type",
        &["auto", "book", "donate", "pay", "subscribe"],
    )?;
    form.text("locale", 20)?;
    form.finish()?;
    if !OPEN_SECONDS.contains(&(expires_at - now)) {
        let message = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours \
             from Checkout Session creation.";
        return Err(Error::param("parameter_invalid", "expires_at", message).executed());
    }
    let id = state.next_id("cs_test_");
    let session = Session {
        url: format!("{}/c/pay/{id}", state.base),
        id,
        mode: mode.to_owned(),
        status: "open".to_owned(),
        payment_status: "unpaid".to_owned(),
        currency,
        customer,
        promotion_codes,
        discount: 0,
        cancel_url,
        passed_on,
        payment_intent: None,
        subscription: None,
        invoice: None,
        automatic_tax,
        tax_behavior: tax_behavior.unwrap_or_default(),
        trial_end,
        billing_mode: billing_mode.map(str::to_owned),
        client_reference_id,
        metadata,
        lines,
        success_url,
        expires_at,
        created: now,
        overrides: BTreeMap::new(),
    };
    let created = session.to_json();
    state.checkout_sessions.insert(session.id.clone(), session);
    Ok(created)
}

/// Reads the end of the trial that a plan begins with.
fn trial_end(form: &mut Form, now: i64) -> Result<Option<i64>, Error> {
    let end = form.integer("subscription_data[trial_end]")?;
    let days = form.integer("subscription_data[trial_period_days]")?;
    Ok(end.or(days.map(|days| now + days * 86_400)))
}

fn customer(state: &State, form: &mut Form) -> Result<Option<String>, Error> {
    let customer = form.text("customer", 255)?;
    if let Some(id) = &customer {
        let there = state.customers.get(id).is_some_and(Customer::is_there);
        if !there {
            return Err(Error::no_such("customer", "customer", id));
        }
    }
    Ok(customer)
}

fn lines(state: &mut State, form: &mut Form, mode: &str) -> Result<Vec<Line>, Error> {
    let mut lines: Vec<Line> = Vec::new();
    for number in 0.. {
        let path = format!("line_items[{number}]");
        if !form.has(&path) {
            break;
        }
        let param = format!("{path}[price]");
        let id = form.required(&param, 255)?;
        let price = state.prices.get(&id).cloned();
        let price = price.ok_or_else(|| Error::no_such("price", &param, &id))?;
        if !price.active {
            let message = format!("The price specified is inactive: `{id}`.");
            return Err(Error::param("price_inactive", &param, message).executed());
        }
        if price.recurring.is_some() != (mode == "subscription") {
            let message =
                format!("You specified `{mode}` mode, which does not fit the price `{id}`.");
            return Err(Error::param("parameter_invalid", &param, message));
        }
        let quantity = form.integer(&format!("{path}[quantity]"))?.unwrap_or(1);
        if quantity < 1 {
            let message = "This value must be greater than or equal to 1.";
            return Err(Error::param("parameter_invalid_integer", &param, message));
        }
        let product = state.products.get(&price.product);
        let name = product.map_or_else(String::new, |product| product.name.clone());
        lines.push(Line {
            id: state.next_id("li_"),
            price,
            quantity,
            name,
        });
    }
    if lines.is_empty() {
        return Err(Error::missing("line_items"));
    }
    Ok(lines)
}

/// Reads the metadata for the payment or the subscription. Each mode has its own parameter.
fn passed_on(form: &mut Form, mode: &str) -> Result<BTreeMap<String, String>, Error> {
    let (own, other) = if mode == "payment" {
        ("payment_intent_data", "subscription_data")
    } else {
        ("subscription_data", "payment_intent_data")
    };
    if form.has(other) {
        let message = format!("You can not pass `{other}` in `{mode}` mode.");
        return Err(Error::param("parameter_invalid", other, message));
    }
    form.metadata(&format!("{own}[metadata]"))
}

/// `GET /v1/checkout/sessions/{id}`, with `line_items` and `payment_intent` if the caller expands them.
pub(super) fn retrieve(
    state: &State,
    form: &Form,
    expand: &[String],
    id: &str,
) -> Result<Value, Error> {
    form.finish()?;
    let session = state.session(id)?;
    let mut found = session.to_json();
    for field in expand {
        match field.as_str() {
            "line_items" => {
                let url = format!("/v1/checkout/sessions/{id}/line_items");
                let lines = session.lines_json();
                found["line_items"] = json!({
                    "object": "list", "url": url, "has_more": false, "data": lines,
                });
            }
            "payment_intent" => {
                let payment = session.own_payment();
                let payment = payment.and_then(|id| state.payment_intents.get(id));
                if let Some(payment) = payment {
                    found["payment_intent"] = payment.to_json();
                }
            }
            other => {
                let message = format!("This property cannot be expanded ({other}).");
                return Err(Error::invalid(message));
            }
        }
    }
    Ok(found)
}

/// `GET /v1/checkout/sessions`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let customer = form.text("customer", 255)?;
    let payment = form.text("payment_intent", 255)?;
    let subscription = form.text("subscription", 255)?;
    let status = form.word("status", &["open", "complete", "expired"])?;
    let created = Created::take(form)?;
    form.finish()?;
    let all = state.checkout_sessions.values().rev();
    let matching = all.filter(|session| {
        (customer.is_none() || session.customer == customer)
            && (payment.is_none() || session.own_payment() == payment.as_ref())
            && (subscription.is_none() || session.subscription == subscription)
            && status.is_none_or(|status| session.status == status)
            && created.holds(session.created)
    });
    page.of(
        "/v1/checkout/sessions",
        matching.map(Session::to_json).collect(),
    )
}

/// `GET /v1/checkout/sessions/{id}/line_items`
pub(super) fn line_items(state: &State, form: &mut Form, id: &str) -> Result<Value, Error> {
    let page = Page::take(form)?;
    form.finish()?;
    let lines = state.session(id)?.lines_json();
    page.of(&format!("/v1/checkout/sessions/{id}/line_items"), lines)
}

/// `POST /v1/checkout/sessions/{id}/expire`
pub(super) fn expire(state: &mut State, form: &Form, id: &str, now: i64) -> Result<Value, Error> {
    form.finish()?;
    end(state, id, now)
}

/// Expires an open session.
pub(super) fn end(state: &mut State, id: &str, now: i64) -> Result<Value, Error> {
    let session = state.session_mut(id)?;
    if session.status != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This one is {}.",
            session.status
        );
        return Err(Error::invalid(message).executed());
    }
    "expired".clone_into(&mut session.status);
    let ended = session.to_json();
    state.emit("checkout.session.expired", &ended, now);
    Ok(ended)
}

/// Expires the open sessions that are past their `expires_at`.
pub(super) fn expire_old(state: &mut State, now: i64) {
    let sessions = state.checkout_sessions.values();
    let old = sessions.filter(|session| session.status == "open" && session.expires_at <= now);
    let old: Vec<String> = old.map(|session| session.id.clone()).collect();
    for id in old {
        let _ended = end(state, &id, now);
    }
}
