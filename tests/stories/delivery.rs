//! Deliveries to Stripe's meter and to Langfuse, at once or by the outbox.

mod hazards;
mod langfuse_versions;
mod outbox;
mod parked;
mod proofs;
mod trace_labels;
mod traces;
