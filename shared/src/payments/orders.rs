//! Orders and the Checkout Sessions in which they are paid, as the table has them.

mod intent;
mod store;

pub use intent::{Checkout, CheckoutStatus, Intent};
pub use store::{CreditedCheckout, FoundCheckout, Opened, Orders};
