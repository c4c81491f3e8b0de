//! Prices that a caller orders, in a Checkout Session or for a subscription.

use crate::stripe::objects::Ordered;
use crate::stripe::state::State;
use crate::stripe::wire::{Error, Form, Result};

/// Takes the ordered prices: `name[0]`, `name[1]` and so on, at least one.
///
/// In a session, they must fit its mode; for a subscription, which has none, they must be recurring.
pub(crate) fn ordered(
    state: &State,
    form: &mut Form,
    name: &str,
    mode: Option<&str>,
) -> Result<Vec<Ordered>> {
    let mut ordered = Vec::new();
    for number in 0.. {
        let path = format!("{name}[{number}]");
        if !form.has(&path) {
            break;
        }
        let param = format!("{path}[price]");
        let id = form.required(&param, 255)?;
        let price = state.price(&param, &id)?.clone();
        if !price.active {
            let message = format!("The price specified is inactive: `{id}`.");
            return Err(Error::param("price_inactive", &param, message).executed());
        }
        if price.recurring.is_some() == (mode == Some("payment")) {
            let message = mode.map_or_else(
                || format!("The price specified is not recurring: `{id}`."),
                |mode| format!("You specified `{mode}` mode, which does not fit the price `{id}`."),
            );
            return Err(Error::param("parameter_invalid", &param, message));
        }
        let quantity = form.integer(&format!("{path}[quantity]"))?.unwrap_or(1);
        if mode.is_some() && quantity < 1 {
            let message = "This value must be greater than or equal to 1.";
            return Err(Error::param("parameter_invalid_integer", &param, message));
        }
        ordered.push(Ordered {
            id: String::new(),
            name: state.product_name(&price.product),
            price,
            quantity,
        });
    }
    if ordered.is_empty() {
        return Err(Error::missing(name));
    }
    Ok(ordered)
}
