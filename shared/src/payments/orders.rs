//! Orders and the Checkout Sessions in which they are paid, as the table has them.

mod order;
mod store;

pub use order::{CheckoutSession, Order, OrderStatus};
pub use store::{OrderOpening, Orders, SessionCredit, SessionWithCredit};
