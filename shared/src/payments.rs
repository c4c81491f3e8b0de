//! Selling, crediting and clawing back: everything that follows a payment at Stripe.

pub mod checkout;
pub mod customers;
pub mod desk;
pub mod invoice;
pub mod payment;
pub mod portal;
pub mod reversal;
pub mod subscription;
pub mod webhook;
