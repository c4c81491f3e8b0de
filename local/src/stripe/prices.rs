//! Prices: `/v1/prices`. An amount never changes; a lookup key can move to another price.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::state::State;

/// A price.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Price {
    pub(super) id: String,
    pub(super) product: String,
    pub(super) currency: String,
    pub(super) unit_amount: i64,
    pub(super) recurring: Option<Recurring>,
    pub(super) active: bool,
    lookup_key: Option<String>,
    nickname: Option<String>,
    pub(super) tax_behavior: String,
    metadata: BTreeMap<String, String>,
    created: i64,
}

/// The billing interval of a price, and its meter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Recurring {
    pub(super) interval: String,
    pub(super) interval_count: i64,
    usage_type: String,
    meter: Option<String>,
}

impl Price {
    /// Stripe's `price`.
    pub(super) fn to_json(&self) -> Value {
        let recurring = self.recurring.as_ref().map(|recurring| {
            json!({
                "interval": recurring.interval,
                "interval_count": recurring.interval_count,
                "meter": recurring.meter,
                "trial_period_days": null,
                "usage_type": recurring.usage_type,
            })
        });
        json!({
            "id": self.id,
            "object": "price",
            "active": self.active,
            "billing_scheme": "per_unit",
            "created": self.created,
            "currency": self.currency,
            "custom_unit_amount": null,
            "livemode": false,
            "lookup_key": self.lookup_key,
            "metadata": self.metadata,
            "nickname": self.nickname,
            "product": self.product,
            "recurring": recurring,
            "tax_behavior": self.tax_behavior,
            "tiers_mode": null,
            "transform_quantity": null,
            "type": self.kind(),
            "unit_amount": self.unit_amount,
            "unit_amount_decimal": self.unit_amount.to_string(),
        })
    }

    fn kind(&self) -> &'static str {
        if self.recurring.is_some() {
            "recurring"
        } else {
            "one_time"
        }
    }

    /// Returns the id of the meter whose events it bills.
    pub(super) fn meter(&self) -> Option<&String> {
        self.recurring.as_ref()?.meter.as_ref()
    }

    /// Returns whether it is billed by usage, after the period.
    pub(super) fn is_metered(&self) -> bool {
        let recurring = self.recurring.as_ref();
        recurring.is_some_and(|recurring| recurring.usage_type == "metered")
    }

    /// Returns whether both have the same billing interval.
    pub(super) fn has_interval_of(&self, other: &Self) -> bool {
        let interval = |price: &Self| {
            let recurring = price.recurring.as_ref();
            recurring.map(|one| (one.interval.clone(), one.interval_count))
        };
        interval(self) == interval(other)
    }

    /// Returns a one-off price, as Stripe creates it for an amount without a price.
    pub(super) fn of_amount(id: String, currency: &str, unit_amount: i64, now: i64) -> Self {
        Self {
            product: format!("prod_of_{id}"),
            id,
            currency: currency.to_owned(),
            unit_amount,
            recurring: None,
            active: false,
            lookup_key: None,
            nickname: None,
            tax_behavior: "unspecified".to_owned(),
            metadata: BTreeMap::new(),
            created: now,
        }
    }
}

/// `POST /v1/prices`
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let currency = form.required("currency", 3)?;
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let message = format!("Invalid currency: {currency}");
        return Err(Error::param("parameter_invalid", "currency", message));
    }
    let unit_amount = form.integer("unit_amount")?;
    let unit_amount = unit_amount.ok_or_else(|| Error::missing("unit_amount"))?;
    let recurring = recurring(state, form)?;
    let product = form.required("product", 255)?;
    if !state.products.contains_key(&product) {
        return Err(Error::no_such("product", "product", &product));
    }
    let lookup_key = form.text("lookup_key", 200)?;
    let transfer = form.truth("transfer_lookup_key")? == Some(true);
    let tax_behavior = form.word("tax_behavior", &["exclusive", "inclusive", "unspecified"])?;
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
        created: now,
    };
    form.finish()?;
    take_lookup_key(state, lookup_key.as_deref(), transfer)?;
    let created = price.to_json();
    state.prices.insert(price.id.clone(), price);
    Ok(created)
}

fn recurring(state: &State, form: &mut Form) -> Result<Option<Recurring>, Error> {
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
    if let Some(meter) = meter.as_ref().filter(|id| !state.meters.contains_key(*id)) {
        return Err(Error::no_such("billing meter", "recurring[meter]", meter));
    }
    Ok(Some(Recurring {
        interval: interval.to_owned(),
        interval_count: interval_count.unwrap_or(1),
        usage_type: usage_type.unwrap_or("licensed").to_owned(),
        meter,
    }))
}

/// Frees a lookup key, which only one price may have: takes it from the other price if `transfer` is true.
fn take_lookup_key(state: &mut State, key: Option<&str>, transfer: bool) -> Result<(), Error> {
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

/// `GET /v1/prices`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let active = form.truth("active")?;
    let lookup_keys = form.list("lookup_keys");
    let product = form.text("product", 255)?;
    let kind = form.word("type", &["one_time", "recurring"])?;
    let meter = form.text("recurring[meter]", 255)?;
    form.finish()?;
    let all = state.prices.values().rev();
    let matching = all.filter(|price| {
        let key = price.lookup_key.as_ref();
        (lookup_keys.is_empty() || key.is_some_and(|key| lookup_keys.contains(key)))
            && active.is_none_or(|active| active == price.active)
            && product
                .as_ref()
                .is_none_or(|product| *product == price.product)
            && kind.is_none_or(|kind| kind == price.kind())
            && (meter.is_none() || price.meter() == meter.as_ref())
    });
    page.of("/v1/prices", matching.map(Price::to_json).collect())
}

/// `GET /v1/prices/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let price = state.prices.get(id);
    let price = price.ok_or_else(|| Error::no_such("price", "id", id))?;
    Ok(price.to_json())
}

/// `POST /v1/prices/{id}`
pub(super) fn update(state: &mut State, form: &mut Form, id: &str) -> Result<Value, Error> {
    let price = state.prices.get(id);
    let mut changed = price
        .cloned()
        .ok_or_else(|| Error::no_such("price", "id", id))?;
    if let Some(active) = form.truth("active")? {
        changed.active = active;
    }
    if let Some(nickname) = form.text("nickname", 5_000)? {
        changed.nickname = Some(nickname).filter(|text| !text.is_empty());
    }
    let lookup_key = form.text("lookup_key", 200)?;
    let transfer = form.truth("transfer_lookup_key")? == Some(true);
    form.change_metadata("metadata", &mut changed.metadata)?;
    let behaviors = ["exclusive", "inclusive", "unspecified"];
    if let Some(behavior) = form.word("tax_behavior", &behaviors)? {
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
