//! Ends Checkout Sessions that are not paid.

use crate::stripe::state::State;
use crate::stripe::wire::{Error, Result};

/// Expires an open session.
pub(crate) fn expire(state: &mut State, id: &str, now: i64) -> Result {
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
pub(crate) fn expire_old(state: &mut State, now: i64) {
    let sessions = state.checkout_sessions.values();
    let old = sessions.filter(|session| session.status == "open" && session.expires_at <= now);
    let old: Vec<String> = old.map(|session| session.id.clone()).collect();
    for id in old {
        let _ended = expire(state, &id, now);
    }
}
