//! Tests that the local stack behaves as the services that it stands in for.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

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
