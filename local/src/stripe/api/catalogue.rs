//! Products, coupons, promotion codes, meters, and the tax settings.

use serde_json::json;

use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Form, Result, Rule};

/// The parameters that change a product.
const PRODUCT: [(&str, Rule); 4] = [
    ("name", Rule::Text(250)),
    ("description", Rule::Optional(5_000)),
    ("active", Rule::Truth),
    ("metadata", Rule::Metadata),
];

/// `GET /v1/tax/settings`
pub(crate) fn tax_settings(state: &mut State, call: &mut Call, _: &str) -> Result {
    call.form.finish()?;
    Ok(state.settings.tax.to_json())
}

/// `POST /v1/tax/settings`
pub(crate) fn change_tax_settings(state: &mut State, call: &mut Call, _: &str) -> Result {
    state.settings.tax.change(&mut call.form)?;
    Ok(state.settings.tax.to_json())
}

/// `POST /v1/products`. The caller may choose an id, which must be unused.
pub(crate) fn create_product(state: &mut State, call: &mut Call, _: &str) -> Result {
    let (form, now) = (&mut call.form, call.now);
    let id = form.text("id", 255)?;
    let mut product = json!({
        "object": "product",
        "active": true,
        "created": now,
        "default_price": null,
        "description": null,
        "images": [],
        "livemode": false,
        "marketing_features": [],
        "metadata": {},
        "name": form.required("name", 250)?,
        "package_dimensions": null,
        "shippable": null,
        "statement_descriptor": null,
        "tax_code": null,
        "type": "service",
        "unit_label": null,
        "updated": now,
        "url": null,
    });
    form.change(&mut product, &PRODUCT)?;
    form.finish()?;
    let id = id.unwrap_or_else(|| state.next_id("prod_"));
    if state.objects.get("products", &id).is_some() {
        let message = format!("Product already exists: {id}");
        return Err(Error::param("resource_already_exists", "id", message).executed());
    }
    product["id"] = id.into();
    Ok(state.keep("products", product))
}

/// `POST /v1/products/{id}`
pub(crate) fn update_product(state: &mut State, call: &mut Call, id: &str) -> Result {
    let mut product = state.object("products", id)?.clone();
    call.form.change(&mut product, &PRODUCT)?;
    call.form.finish()?;
    product["updated"] = call.now.into();
    Ok(state.keep("products", product))
}

/// `POST /v1/coupons`: a discount in percent or as an amount.
pub(crate) fn create_coupon(state: &mut State, call: &mut Call, _: &str) -> Result {
    let form = &mut call.form;
    let id = form.text("id", 255)?;
    let percent_off = form.integer("percent_off")?;
    let amount_off = form.integer("amount_off")?;
    let currency = form.text("currency", 3)?;
    let duration = form.word("duration", &["forever", "once", "repeating"])?;
    form.finish()?;
    let one = percent_off.is_some() != amount_off.is_some();
    let sane = percent_off.is_none_or(|percent| (1..=100).contains(&percent));
    if !one || !sane || amount_off.is_some() != currency.is_some() {
        let message = "You must pass either percent_off (1 to 100), or amount_off and currency";
        return Err(Error::param("parameter_invalid", "percent_off", message));
    }
    let coupon = json!({
        "id": id.unwrap_or_else(|| state.next_id("coupon_")),
        "object": "coupon",
        "amount_off": amount_off,
        "created": call.now,
        "currency": currency,
        "duration": duration.unwrap_or("once"),
        "duration_in_months": null,
        "livemode": false,
        "max_redemptions": null,
        "metadata": {},
        "name": null,
        "percent_off": percent_off,
        "redeem_by": null,
        "times_redeemed": 0,
        "valid": true,
    });
    Ok(state.keep("coupons", coupon))
}

/// `POST /v1/promotion_codes`: a code that a buyer types to use a coupon.
pub(crate) fn create_promotion_code(state: &mut State, call: &mut Call, _: &str) -> Result {
    let form = &mut call.form;
    form.word("promotion[type]", &["coupon"])?;
    let coupon = form.required("promotion[coupon]", 255)?;
    let code = form.text("code", 500)?;
    form.finish()?;
    state.object_of("coupons", "promotion[coupon]", &coupon)?;
    let id = state.next_id("promo_");
    let promotion = json!({
        "id": id,
        "object": "promotion_code",
        "active": true,
        "code": code.unwrap_or_else(|| id.to_uppercase()),
        "created": call.now,
        "customer": null,
        "expires_at": null,
        "livemode": false,
        "max_redemptions": null,
        "metadata": {},
        "promotion": { "type": "coupon", "coupon": coupon },
        "restrictions": {
            "first_time_transaction": false,
            "minimum_amount": null,
            "minimum_amount_currency": null,
        },
        "times_redeemed": 0,
    });
    Ok(state.keep("promotion_codes", promotion))
}

/// `POST /v1/billing/meters`
pub(crate) fn create_meter(state: &mut State, call: &mut Call, _: &str) -> Result {
    add_meter(state, &mut call.form, call.now)
}

/// Adds a meter with the given parameters.
pub(crate) fn add_meter(state: &mut State, form: &mut Form, now: i64) -> Result {
    let formula = form.required_word("default_aggregation[formula]", &["sum", "count", "last"])?;
    let mapping = form.word("customer_mapping[type]", &["by_id"])?;
    let customer_key = form.text("customer_mapping[event_payload_key]", 100)?;
    if mapping.is_some() != customer_key.is_some() {
        return Err(Error::missing("customer_mapping"));
    }
    let value_key = form.text("value_settings[event_payload_key]", 100)?;
    let window = form.word("event_time_window", &["hour", "day"])?;
    let display_name = form.required("display_name", 250)?;
    let event_name = form.required("event_name", 100)?;
    form.finish()?;
    // An archived meter keeps its name forever.
    let mut meters = state.objects.all("meters");
    if meters.any(|meter| meter["event_name"] == event_name.as_str()) {
        let message = format!("There is already a meter with the event name {event_name}.");
        let error = Error::param("resource_already_exists", "event_name", message);
        return Err(error.executed());
    }
    let customer_key = customer_key.as_deref().unwrap_or("stripe_customer_id");
    let meter = json!({
        "id": state.next_id("mtr_test_"),
        "object": "billing.meter",
        "created": now,
        "customer_mapping": { "event_payload_key": customer_key, "type": "by_id" },
        "default_aggregation": { "formula": formula },
        "display_name": display_name,
        "event_name": event_name,
        "event_time_window": window,
        "livemode": false,
        "status": "active",
        "status_transitions": { "deactivated_at": null },
        "updated": now,
        "value_settings": { "event_payload_key": value_key.as_deref().unwrap_or("value") },
    });
    Ok(state.keep("meters", meter))
}

/// `POST /v1/billing/meters/{id}`: only the display name can change.
pub(crate) fn update_meter(state: &mut State, call: &mut Call, id: &str) -> Result {
    let display_name = call.form.text("display_name", 250)?;
    call.form.finish()?;
    let mut meter = state.object("meters", id)?.clone();
    if let Some(display_name) = display_name {
        meter["display_name"] = display_name.into();
        meter["updated"] = call.now.into();
    }
    Ok(state.keep("meters", meter))
}

/// `POST /v1/billing/meters/{id}/deactivate` and `…/reactivate`
pub(crate) fn switch_meter(state: &mut State, call: &mut Call, id: &str) -> Result {
    call.form.finish()?;
    let mut meter = state.object("meters", id)?.clone();
    let active = call.path.ends_with("/reactivate");
    meter["status"] = if active { "active" } else { "inactive" }.into();
    meter["status_transitions"]["deactivated_at"] = (!active).then_some(call.now).into();
    meter["updated"] = call.now.into();
    Ok(state.keep("meters", meter))
}
