//! Money that moves: payments, refunds, disputes and credit notes. Also the balances of the account and of its
//! customers.

mod balance;
pub(crate) mod credit_notes;
pub(crate) mod customers;
pub(crate) mod disputes;
pub(crate) mod invoice_payments;
pub(crate) mod payments;
pub(crate) mod refunds;
