//! The operator's command, `sparks`.

mod commands;
mod corrections;
mod doctor;
mod reconcile;
mod stripe_setup;
mod verify;
