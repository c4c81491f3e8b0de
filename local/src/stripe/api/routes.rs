//! Routes each call to its operation.

use super::lists::{lines, list, retrieve};
use super::plans::{invoice_items, invoices, subscriptions, update_subscription};
use super::receivers::{event_destinations, thin_events, webhook_endpoints};
use super::{
    catalogue, checkout_sessions, customers, expand, meter_events, money, portal, portal_sessions,
    prices,
};
use crate::stripe::state::State;
use crate::stripe::wire::{Call, Error, Result, is_v2};

/// Executes a call about the object of an id. The id is empty if the path has none.
type Operation = fn(&mut State, &mut Call, &str) -> Result;

macro_rules! routes {
    ($($method:ident $path:literal => $operation:path;)*) => {
        const ROUTES: &[(&str, &str, Operation)] =
            &[$((stringify!($method), $path, $operation)),*];
    };
}

routes! {
    POST "/v1/customers" => customers::create;
    GET "/v1/customers" => list;
    GET "/v1/customers/{id}" => retrieve;
    POST "/v1/customers/{id}" => customers::update;
    DELETE "/v1/customers/{id}" => customers::delete;
    POST "/v1/customers/{id}/balance_transactions" => customers::create_transaction;
    GET "/v1/customers/{id}/balance_transactions" => customers::transactions;
    GET "/v1/tax/settings" => catalogue::tax_settings;
    POST "/v1/tax/settings" => catalogue::change_tax_settings;
    POST "/v1/products" => catalogue::create_product;
    GET "/v1/products" => list;
    GET "/v1/products/{id}" => retrieve;
    POST "/v1/products/{id}" => catalogue::update_product;
    POST "/v1/prices" => prices::create;
    GET "/v1/prices" => list;
    GET "/v1/prices/{id}" => retrieve;
    POST "/v1/prices/{id}" => prices::update;
    POST "/v1/coupons" => catalogue::create_coupon;
    POST "/v1/promotion_codes" => catalogue::create_promotion_code;
    GET "/v1/promotion_codes" => list;
    POST "/v1/billing/meters" => catalogue::create_meter;
    GET "/v1/billing/meters" => list;
    GET "/v1/billing/meters/{id}" => retrieve;
    POST "/v1/billing/meters/{id}" => catalogue::update_meter;
    POST "/v1/billing/meters/{id}/deactivate" => catalogue::switch_meter;
    POST "/v1/billing/meters/{id}/reactivate" => catalogue::switch_meter;
    GET "/v1/billing/meters/{id}/event_summaries" => meter_events::summaries;
    POST "/v1/billing/meter_events" => meter_events::create;
    POST "/v1/checkout/sessions" => checkout_sessions::create;
    GET "/v1/checkout/sessions" => list;
    GET "/v1/checkout/sessions/{id}" => retrieve;
    POST "/v1/checkout/sessions/{id}/expire" => checkout_sessions::expire;
    GET "/v1/checkout/sessions/{id}/line_items" => lines;
    POST "/v1/billing_portal/configurations" => portal::create;
    GET "/v1/billing_portal/configurations" => list;
    GET "/v1/billing_portal/configurations/{id}" => retrieve;
    POST "/v1/billing_portal/configurations/{id}" => portal::update;
    POST "/v1/billing_portal/sessions" => portal_sessions::create;
    GET "/v1/payment_intents" => list;
    GET "/v1/payment_intents/{id}" => retrieve;
    GET "/v1/charges/{id}" => retrieve;
    GET "/v1/balance_transactions" => list;
    GET "/v1/balance_transactions/{id}" => retrieve;
    POST "/v1/refunds" => money::create_refund;
    GET "/v1/refunds" => list;
    GET "/v1/refunds/{id}" => retrieve;
    GET "/v1/disputes" => list;
    GET "/v1/disputes/{id}" => retrieve;
    GET "/v1/radar/early_fraud_warnings" => list;
    GET "/v1/radar/early_fraud_warnings/{id}" => retrieve;
    POST "/v1/credit_notes" => money::create_credit_note;
    GET "/v1/credit_notes" => list;
    GET "/v1/credit_notes/{id}" => retrieve;
    POST "/v1/credit_notes/{id}" => money::update_credit_note;
    GET "/v1/credit_notes/{id}/lines" => lines;
    POST "/v1/credit_notes/{id}/void" => money::void_credit_note;
    POST "/v1/subscriptions" => subscriptions::create;
    GET "/v1/subscriptions" => list;
    GET "/v1/subscriptions/{id}" => retrieve;
    POST "/v1/subscriptions/{id}" => update_subscription::update;
    DELETE "/v1/subscriptions/{id}" => subscriptions::cancel;
    POST "/v1/subscriptions/{id}/pause" => update_subscription::pause;
    POST "/v1/subscriptions/{id}/resume" => update_subscription::resume;
    GET "/v1/invoices" => list;
    GET "/v1/invoices/{id}" => retrieve;
    GET "/v1/invoices/{id}/lines" => lines;
    POST "/v1/invoices/{id}/finalize" => invoices::finalize;
    POST "/v1/invoices/{id}/pay" => invoices::pay;
    POST "/v1/invoices/{id}/void" => invoices::void;
    POST "/v1/invoices/{id}/mark_uncollectible" => invoices::mark_uncollectible;
    GET "/v1/invoice_payments" => list;
    GET "/v1/invoice_payments/{id}" => retrieve;
    POST "/v1/invoiceitems" => invoice_items::create;
    GET "/v1/events" => list;
    GET "/v1/events/{id}" => retrieve;
    POST "/v1/webhook_endpoints" => webhook_endpoints::create;
    GET "/v1/webhook_endpoints" => list;
    GET "/v1/webhook_endpoints/{id}" => retrieve;
    POST "/v1/webhook_endpoints/{id}" => webhook_endpoints::update;
    DELETE "/v1/webhook_endpoints/{id}" => webhook_endpoints::delete;
    POST "/v2/core/event_destinations" => event_destinations::create;
    GET "/v2/core/event_destinations" => event_destinations::list;
    GET "/v2/core/event_destinations/{id}" => event_destinations::retrieve;
    POST "/v2/core/event_destinations/{id}" => event_destinations::update;
    DELETE "/v2/core/event_destinations/{id}" => event_destinations::delete;
    POST "/v2/core/event_destinations/{id}/enable" => event_destinations::switch;
    POST "/v2/core/event_destinations/{id}/disable" => event_destinations::switch;
    GET "/v2/core/events" => thin_events::list;
    GET "/v2/core/events/{id}" => thin_events::retrieve;
}

/// Executes a call.
pub(crate) fn route(state: &mut State, call: &mut Call) -> Result {
    let path = call.path.clone();
    let mut routes = ROUTES.iter().filter(|(method, ..)| call.method == *method);
    let found = routes.find_map(|(_, pattern, operation)| Some((fits(pattern, &path)?, operation)));
    let Some((id, operation)) = found else {
        return Err(Error::unknown_url(&call.method, &path));
    };
    if is_v2(&path) {
        return operation(state, call, id);
    }
    let expand = call.form.list("expand");
    let mut answer = operation(state, call, id)?;
    expand::expand(state, &mut answer, &expand)?;
    Ok(answer)
}

/// Returns the id in a path that fits a pattern, or an empty one. None if it does not fit.
fn fits<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, after)) = pattern.split_once("{id}") else {
        return (pattern == path).then_some("");
    };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.contains('/')).then_some(id)
}
