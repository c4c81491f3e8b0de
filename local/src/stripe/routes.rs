//! Which operation a call asks for.

use serde_json::Value;

use super::call::Call;
use super::error::Error;
use super::state::State;
use super::{customers, meter_events, meters};

/// Executes a call.
pub(super) fn route(state: &mut State, call: &mut Call) -> Result<Value, Error> {
    let path = call.path.clone();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    // Nothing here is ever left out of an answer, so there is nothing to expand.
    call.form.nested("expand");
    let form = &mut call.form;
    match (call.method.as_str(), segments.as_slice()) {
        ("POST", ["v1", "customers"]) => customers::create(state, form, call.now),
        ("GET", ["v1", "customers"]) => customers::list(state, form),
        ("GET", ["v1", "customers", id]) => customers::retrieve(state, form, id),
        ("POST", ["v1", "customers", id]) => customers::update(state, form, id),
        ("DELETE", ["v1", "customers", id]) => customers::delete(state, form, id),
        ("POST", ["v1", "billing", "meters"]) => meters::create(state, form, call.now),
        ("GET", ["v1", "billing", "meters"]) => meters::list(state, form),
        ("GET", ["v1", "billing", "meters", id]) => meters::retrieve(state, form, id),
        ("POST", ["v1", "billing", "meters", id]) => meters::update(state, form, id, call.now),
        ("POST", ["v1", "billing", "meters", id, "deactivate"]) => {
            meters::set_active(state, form, id, false, call.now)
        }
        ("POST", ["v1", "billing", "meters", id, "reactivate"]) => {
            meters::set_active(state, form, id, true, call.now)
        }
        ("GET", ["v1", "billing", "meters", id, "event_summaries"]) => {
            meter_events::summaries(state, form, id)
        }
        ("POST", ["v1", "billing", "meter_events"]) => meter_events::create(state, call),
        _ => Err(Error::unknown_url(&call.method, &path)),
    }
}
