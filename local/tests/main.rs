//! The stack of one machine, held to what it stands in for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dynamodb;
mod dynamodb_model;
mod faults;
mod gateway;
mod gateway_events;
mod gateway_strangers;
mod lambda;
mod langfuse;
mod stripe;
mod template;
mod template_stack;
mod token;
