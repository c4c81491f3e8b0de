//! The stories, a folder for each subject. Their names are the specification.

#![expect(clippy::unwrap_used, reason = "a panic fails the story")]

mod api;
mod balance;
mod delivery;
mod faults;
mod operator;
mod payments;
mod project;
mod stripe;
mod subscriptions;
mod usage;
