//! The actors of a run: apps, buyers, banks, the operator, renewals and the webhook courier.

pub(super) mod banks;
pub(super) mod buyers;
pub(super) mod operator;
pub(super) mod renewals;
pub(super) mod usages;
pub(super) mod webhook_courier;
