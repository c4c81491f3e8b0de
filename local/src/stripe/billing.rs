//! Bills subscriptions: their first period, renewals, and changes in between. Completes Checkout Sessions.

mod beginning;
mod changes;
mod collection;
mod ending;
mod invoicing;
mod paying;
mod renewals;
mod sessions;
mod timeline;

pub(crate) use beginning::{Beginning, subscribe};
pub(crate) use changes::{
    TrialEnd, change_price, pause, pause_collection, reset_anchor, resume, set_trial_end, wait,
};
pub(crate) use collection::{charge_card, mark_uncollectible, pay_off_stripe, pay_part, void};
pub(crate) use ending::{cancel, change_status};
pub(crate) use invoicing::{Bill, charge, finalize_or_fail};
pub(crate) use paying::{DECLINED, Payment, pay, settle};
pub(crate) use renewals::{Outcome, renew};
pub(crate) use sessions::{expire, expire_old};
pub(crate) use timeline::pass_time;
