//! The stories, in reading order. Their names are the specification.

#![expect(
    clippy::unwrap_used,
    reason = "a story fails where its world is not as it should be"
)]

mod accounts;
mod api_model;
mod bad_input;
mod balance_limit;
mod batch;
mod busy;
mod busy_account;
mod checkout;
mod checkout_input;
mod corrections;
mod crash;
mod deleted_customers;
mod delivery_proofs;
mod doctor;
mod fuzzing;
mod grants;
mod idempotency;
mod identity;
mod incidents;
mod isolation;
mod labels;
mod langfuse_versions;
mod large_histories;
mod layout;
mod ledger;
mod load;
mod money_back;
mod numbers;
mod odd_invoices;
mod openapi;
mod operator;
mod outbox;
mod outbox_hazards;
mod outbox_parked;
mod outbox_payments;
mod outbox_traces;
mod payment_delays;
mod payment_faults;
mod payments;
mod permissions;
mod provider_cost;
mod providers_down;
mod reconcile;
mod record_usage;
mod releases;
mod renewals;
mod reversals;
mod rollups;
mod routes;
mod second_plans;
mod secrets;
mod settings;
mod settlement;
mod simulation;
mod statement;
mod stripe_contract;
mod stripe_keys;
mod stripe_limits;
mod stripe_live_check;
mod stripe_setup;
mod subscription_orders;
mod subscriptions;
mod telemetry;
mod tidy;
mod trace_labels;
mod usage_history;
mod verify;
mod webhooks;
