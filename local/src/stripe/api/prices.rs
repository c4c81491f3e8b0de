//! Prices: `/v1/prices`. An amount never changes; a lookup key can move to another price.

use crate::stripe::objects::{Price, Recurring};
use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Form, Result};

const BEHAVIORS: [&str; 3] = ["exclusive", "inclusive", "unspecified"];

/// `POST /v1/prices`
pub(crate) fn create(state: &mut State, call: &mut Call, _: &str) -> Result {
    let form = &mut call.form;
    let currency = form.required("currency", 3)?;
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let message = format!("Invalid currency: {currency}");
        return Err(Error::param("parameter_invalid", "currency", message));
    }
    let unit_amount = form.required_integer("unit_amount")?;
    let recurring = recurring(state, form)?;
    let product = form.required("product", 255)?;
    state.object_of("products", "product", &product)?;
    let lookup_key = form.text("lookup_key", 200)?;
    let transfer = form.truth("transfer_lookup_key")? == Some(true);
    let tax_behavior = form.word("tax_behavior", &BEHAVIORS)?;
    let price = Price {
        id: state.next_id("price_"),
        product,
        currency,
        unit_amount,
        recurring,
        active: form.truth("active")?.unwrap_or(true),
        lookup_key: lookup_key.clone(),
        nickname: form.text("nickname", 5_000)?,
        tax_behavior: tax_behavior.unwrap_or("unspecified").to_owned(),
        metadata: form.metadata("metadata")?,
        created: call.now,
    };
    form.finish()?;
    take_lookup_key(state, lookup_key.as_deref(), transfer)?;
    let created = price.to_json();
    state.prices.insert(price.id.clone(), price);
    Ok(created)
}

fn recurring(state: &State, form: &mut Form) -> Result<Option<Recurring>> {
    let interval = form.word("recurring[interval]", &["day", "week", "month", "year"])?;
    let usage_type = form.word("recurring[usage_type]", &["licensed", "metered"])?;
    let interval_count = form.integer("recurring[interval_count]")?;
    let meter = form.text("recurring[meter]", 255)?;
    let Some(interval) = interval else {
        let said = usage_type.is_some() || interval_count.is_some() || meter.is_some();
        return if said {
            Err(Error::missing("recurring[interval]"))
        } else {
            Ok(None)
        };
    };
    if let Some(meter) = &meter {
        state.object_of("meters", "recurring[meter]", meter)?;
    }
    Ok(Some(Recurring {
        interval: interval.to_owned(),
        interval_count: interval_count.unwrap_or(1),
        usage_type: usage_type.unwrap_or("licensed").to_owned(),
        meter,
    }))
}

/// Frees a lookup key, which only one price may have. Takes it from the other price if `transfer` is true.
fn take_lookup_key(state: &mut State, key: Option<&str>, transfer: bool) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    let mut holders = state.prices.values_mut();
    let holder = holders.find(|price| price.lookup_key.as_deref() == Some(key));
    match holder {
        Some(holder) if transfer => holder.lookup_key = None,
        Some(holder) => {
            let message = format!(
                "A price (`{}`) already uses that lookup key. You may want to transfer the lookup \
                 key by passing `transfer_lookup_key=true`.",
                holder.id
            );
            return Err(Error::param("resource_already_exists", "lookup_key", message).executed());
        }
        None => {}
    }
    Ok(())
}

/// `POST /v1/prices/{id}`
pub(crate) fn update(state: &mut State, call: &mut Call, id: &str) -> Result {
    let form = &mut call.form;
    let mut changed = state.price("id", id)?.clone();
    if let Some(active) = form.truth("active")? {
        changed.active = active;
    }
    if let Some(nickname) = form.text("nickname", 5_000)? {
        changed.nickname = Some(nickname).filter(|text| !text.is_empty());
    }
    let lookup_key = form.text("lookup_key", 200)?;
    let transfer = form.truth("transfer_lookup_key")? == Some(true);
    form.change_metadata("metadata", &mut changed.metadata)?;
    if let Some(behavior) = form.word("tax_behavior", &BEHAVIORS)? {
        if changed.tax_behavior != "unspecified" && changed.tax_behavior != behavior {
            let message = "You cannot change `tax_behavior` once it is set.";
            return Err(Error::param("parameter_invalid", "tax_behavior", message));
        }
        behavior.clone_into(&mut changed.tax_behavior);
    }
    form.finish()?;
    if lookup_key.is_some() && lookup_key != changed.lookup_key {
        take_lookup_key(state, lookup_key.as_deref(), transfer)?;
        changed.lookup_key = lookup_key;
    }
    let answer = changed.to_json();
    // A subscription shows the current state of its price, and is billed for it even if it is archived.
    for subscription in state.subscriptions.values_mut() {
        for item in &mut subscription.items.data {
            if item.price.id == id {
                item.price = changed.clone();
            }
        }
    }
    state.prices.insert(id.to_owned(), changed);
    Ok(answer)
}
