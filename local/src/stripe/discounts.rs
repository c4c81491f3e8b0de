//! Coupons and the promotion codes that buyers type: `/v1/coupons`, `/v1/promotion_codes`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::state::State;

/// A coupon: a discount in percent or as an amount.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Coupon {
    id: String,
    percent_off: Option<i64>,
    amount_off: Option<i64>,
    currency: Option<String>,
    duration: String,
    created: i64,
}

/// A code that a buyer types to use a coupon.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct PromotionCode {
    id: String,
    code: String,
    coupon: String,
    active: bool,
    created: i64,
}

impl Coupon {
    /// Stripe's `coupon`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "coupon",
            "amount_off": self.amount_off,
            "created": self.created,
            "currency": self.currency,
            "duration": self.duration,
            "duration_in_months": null,
            "livemode": false,
            "max_redemptions": null,
            "metadata": {},
            "name": null,
            "percent_off": self.percent_off,
            "redeem_by": null,
            "times_redeemed": 0,
            "valid": true,
        })
    }

    /// Returns the discount on an amount; half a cent and more is rounded up.
    fn off(&self, amount: i64) -> i64 {
        let percent = self.percent_off.unwrap_or_default();
        let off = (amount * percent + 50) / 100;
        (off + self.amount_off.unwrap_or_default()).min(amount)
    }
}

impl PromotionCode {
    /// Stripe's `promotion_code`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "promotion_code",
            "active": self.active,
            "code": self.code,
            "created": self.created,
            "customer": null,
            "expires_at": null,
            "livemode": false,
            "max_redemptions": null,
            "metadata": {},
            "promotion": { "type": "coupon", "coupon": self.coupon },
            "restrictions": {
                "first_time_transaction": false,
                "minimum_amount": null,
                "minimum_amount_currency": null,
            },
            "times_redeemed": 0,
        })
    }
}

impl State {
    /// Returns the discount on an amount by a code that a buyer types; None if the code is unknown or inactive.
    pub(super) fn discount(&self, code: &str, amount: i64) -> Option<i64> {
        let mut codes = self.promotion_codes.values();
        let promotion =
            codes.find(|known| known.active && known.code.eq_ignore_ascii_case(code))?;
        Some(self.coupons.get(&promotion.coupon)?.off(amount))
    }
}

/// `POST /v1/coupons`
pub(super) fn create_coupon(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
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
    let coupon = Coupon {
        id: id.unwrap_or_else(|| state.next_id("coupon_")),
        percent_off,
        amount_off,
        currency,
        duration: duration.unwrap_or("once").to_owned(),
        created: now,
    };
    let created = coupon.to_json();
    state.coupons.insert(coupon.id.clone(), coupon);
    Ok(created)
}

/// `POST /v1/promotion_codes`
pub(super) fn create_code(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    form.word("promotion[type]", &["coupon"])?;
    let coupon = form.required("promotion[coupon]", 255)?;
    let code = form.text("code", 500)?;
    form.finish()?;
    if !state.coupons.contains_key(&coupon) {
        return Err(Error::no_such("coupon", "promotion[coupon]", &coupon));
    }
    let id = state.next_id("promo_");
    let promotion = PromotionCode {
        code: code.unwrap_or_else(|| id.to_uppercase()),
        id,
        coupon,
        active: true,
        created: now,
    };
    let created = promotion.to_json();
    state
        .promotion_codes
        .insert(promotion.id.clone(), promotion);
    Ok(created)
}

/// `GET /v1/promotion_codes`
pub(super) fn list_codes(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let code = form.text("code", 500)?;
    form.finish()?;
    let all = state.promotion_codes.values().rev();
    let matching = all.filter(|known| code.as_ref().is_none_or(|code| *code == known.code));
    let found = matching.map(PromotionCode::to_json).collect();
    page.of("/v1/promotion_codes", found)
}
