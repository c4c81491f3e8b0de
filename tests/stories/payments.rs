//! Paying for Sparks, from the Checkout Session to refunds and disputes.

mod checkout;
mod checkout_input;
mod credits;
mod delays;
mod faults;
mod incidents;
mod money_back;
mod orders;
mod reversals;
mod unreported;
mod webhooks;
