//! Recording usages, reading them again, and the sums of their history.

mod batch;
mod history;
mod idempotency;
mod labels;
mod large_histories;
mod numbers;
mod provider_cost;
mod record_usage;
mod rollups;
mod statement;
