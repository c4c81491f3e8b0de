//! What the caller is told of recorded usage.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Recorded;
use crate::clock;
use crate::langfuse::trace_id;
use crate::ledger::DeliveryState;
use crate::meter::Meter;
use crate::price_book::PricedLine;
use crate::sparks::Sparks;

/// The answer to a recorded usage: receipt, balance and delivery.
#[derive(Debug, Serialize)]
pub struct UsageReceipt {
    #[serde(flatten)]
    receipt: Receipt,
    balance: Balance,
    delivery: DeliveryStatus,
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
pub struct BatchReceipt {
    /// One result per item, in order.
    pub results: Vec<ItemReceipt>,
}

/// What became of one item of a batch.
#[derive(Debug, Serialize)]
pub struct ItemReceipt {
    idempotency_key: String,
    status: u16,
    replayed: bool,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Outcome {
    Recorded {
        #[serde(flatten)]
        receipt: Receipt,
        delivery: DeliveryStatus,
    },
    Refused(Map<String, Value>),
}

/// What a replay repeats to the letter.
#[derive(Debug, Serialize)]
struct Receipt {
    usage_id: String,
    account_id: String,
    sparks: Sparks,
    lines: Vec<ReceiptLine>,
    price_version: String,
    recorded_at: String,
}

/// What one line of a usage costs.
#[derive(Debug, Serialize)]
pub struct ReceiptLine {
    meter: Meter,
    model: Option<String>,
    sparks: Sparks,
    provider_cost_usd: Option<String>,
}

#[derive(Debug, Serialize)]
struct Balance {
    available: Sparks,
}

#[derive(Debug, Serialize)]
struct DeliveryStatus {
    langfuse: LangfuseStatus,
    stripe: StripeStatus,
}

#[derive(Debug, Serialize)]
struct LangfuseStatus {
    status: DeliveryState,
    trace_id: String,
}

#[derive(Debug, Serialize)]
struct StripeStatus {
    status: DeliveryState,
    identifier: String,
}

impl UsageReceipt {
    /// The receipt of a usage, with the balance as of now.
    pub fn new(recorded: &Recorded, available: Sparks) -> Self {
        Self {
            receipt: Receipt::of(recorded),
            balance: Balance { available },
            delivery: DeliveryStatus::of(recorded),
        }
    }
}

impl ItemReceipt {
    /// The receipt of an item that is recorded.
    pub fn recorded(idempotency_key: String, recorded: &Recorded) -> Self {
        let outcome = Outcome::Recorded {
            receipt: Receipt::of(recorded),
            delivery: DeliveryStatus::of(recorded),
        };
        Self {
            idempotency_key,
            status: 201,
            replayed: recorded.replayed,
            outcome,
        }
    }

    /// The problem of an item that is not, with the members of the problem but its status.
    pub fn refused(idempotency_key: String, status: u16, mut problem: Map<String, Value>) -> Self {
        problem.remove("status");
        Self {
            idempotency_key,
            status,
            replayed: false,
            outcome: Outcome::Refused(problem),
        }
    }
}

impl Receipt {
    fn of(recorded: &Recorded) -> Self {
        let entry = &recorded.entry;
        let lines = entry.lines.iter().map(ReceiptLine::of);
        Self {
            usage_id: entry.id.to_string(),
            account_id: entry.account.to_string(),
            sparks: entry.sparks,
            lines: lines.collect(),
            price_version: entry.price_version.clone(),
            recorded_at: clock::wire(entry.recorded_at),
        }
    }
}

impl ReceiptLine {
    /// A line with its price.
    pub(crate) fn of(priced: &PricedLine) -> Self {
        Self {
            meter: priced.line.meter(),
            model: priced.line.model().map(str::to_owned),
            sparks: priced.sparks,
            provider_cost_usd: priced.provider_cost().map(|cost| cost.to_string()),
        }
    }
}

impl DeliveryStatus {
    fn of(recorded: &Recorded) -> Self {
        let id = &recorded.entry.id;
        Self {
            langfuse: LangfuseStatus {
                status: recorded.deliveries.langfuse,
                trace_id: trace_id(id.as_str()),
            },
            stripe: StripeStatus {
                status: recorded.deliveries.stripe,
                identifier: id.to_string(),
            },
        }
    }
}
