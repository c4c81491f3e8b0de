//! Receipts of recorded usage, as the caller gets them.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Recorded;
use crate::ledger::DeliveryState;
use crate::pricing::price_book::PricedLine;
use crate::process::clock;
use crate::providers::langfuse::trace_id;
use crate::words::identity::Caller;
use crate::words::meter::Meter;
use crate::words::sparks::Sparks;

/// The visibility of a usage's cost at the provider. With the price, that cost reveals the margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderCost {
    /// Responses contain it.
    Shown,
    /// Responses omit it.
    Hidden,
}

impl ProviderCost {
    /// Returns what a caller sees. A service always sees the cost, an account only if accounts may.
    pub const fn seen_by(caller: &Caller, accounts_may: bool) -> Self {
        match caller {
            Caller::Service => Self::Shown,
            Caller::Account(_) if accounts_may => Self::Shown,
            Caller::Account(_) => Self::Hidden,
        }
    }
}

/// The response to a recorded usage: receipt, balance and delivery.
#[derive(Debug, Serialize)]
pub struct UsageReceipt {
    #[serde(flatten)]
    receipt: Receipt,
    balance: Balance,
    delivery: DeliveryStatus,
}

/// The response to a batch.
#[derive(Debug, Serialize)]
pub struct BatchReceipt {
    /// One result per item, in order.
    pub results: Vec<ItemReceipt>,
}

/// The result of one item of a batch.
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

/// The part of a response that a replay repeats exactly.
#[derive(Debug, Serialize)]
struct Receipt {
    usage_id: String,
    account_id: String,
    sparks: Sparks,
    lines: Vec<ReceiptLine>,
    price_version: String,
    recorded_at: String,
}

/// The price of one line of a usage.
#[derive(Debug, Serialize)]
pub struct ReceiptLine {
    meter: Meter,
    model: Option<String>,
    sparks: Sparks,
    /// Omitted if it is hidden; null if the line has no model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(
        clippy::option_option,
        reason = "left out and null are two things in JSON"
    )]
    provider_cost_usd: Option<Option<String>>,
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
    /// Makes the receipt of a usage, with the current balance.
    pub fn new(recorded: &Recorded, available: Sparks, cost: ProviderCost) -> Self {
        Self {
            receipt: Receipt::of(recorded, cost),
            balance: Balance { available },
            delivery: DeliveryStatus::of(recorded),
        }
    }
}

impl ItemReceipt {
    /// Makes the receipt of a recorded item.
    pub fn recorded(idempotency_key: String, recorded: &Recorded, cost: ProviderCost) -> Self {
        let outcome = Outcome::Recorded {
            receipt: Receipt::of(recorded, cost),
            delivery: DeliveryStatus::of(recorded),
        };
        Self {
            idempotency_key,
            status: 201,
            replayed: recorded.replayed,
            outcome,
        }
    }

    /// Makes the problem of a refused item, with all of its members but the status.
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
    fn of(recorded: &Recorded, cost: ProviderCost) -> Self {
        let entry = &recorded.entry;
        Self {
            usage_id: entry.id.to_string(),
            account_id: entry.account.to_string(),
            sparks: entry.sparks,
            lines: ReceiptLine::all_of(&entry.lines, cost),
            price_version: entry.price_version.clone(),
            recorded_at: clock::wire(entry.recorded_at),
        }
    }
}

impl ReceiptLine {
    /// Makes the lines of a receipt, with their prices.
    pub(crate) fn all_of(lines: &[PricedLine], cost: ProviderCost) -> Vec<Self> {
        lines.iter().map(|line| Self::of(line, cost)).collect()
    }

    fn of(priced: &PricedLine, cost: ProviderCost) -> Self {
        let provider_cost_usd = match cost {
            ProviderCost::Shown => Some(priced.provider_cost().map(|cost| cost.to_string())),
            ProviderCost::Hidden => None,
        };
        Self {
            meter: priced.line.meter(),
            model: priced.line.model().map(str::to_owned),
            sparks: priced.sparks,
            provider_cost_usd,
        }
    }
}

impl DeliveryStatus {
    fn of(recorded: &Recorded) -> Self {
        let entry = &recorded.entry;
        Self {
            langfuse: LangfuseStatus {
                status: entry.deliveries.langfuse,
                trace_id: trace_id(entry.id.as_str()),
            },
            stripe: StripeStatus {
                status: entry.deliveries.stripe,
                identifier: entry.id.to_string(),
            },
        }
    }
}
