//! The account as a server: its requests, pages, controls, and deliveries.

mod account;
mod calls;
mod controls;
mod deliveries;
mod fake;
mod meter_errors;
mod payment_page;
mod portal_page;

pub use account::Stripe;
pub use deliveries::Due;
pub use fake::FakeStripe;
