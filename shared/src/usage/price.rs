//! The first step of a usage: its ids, its price, and the entry to charge.

use jiff::{SignedDuration, Timestamp};

use super::Error;
use super::body::{Invalid, Rule, Usage};
use super::recording::{Item, Recording};
use crate::ledger::{Charge, TraceLabels, UsageEntry};
use crate::pricing::price_book::{self, Price};
use crate::process::config::ItemVersion;
use crate::process::telemetry::{self, Step};
use crate::words::id::{IdempotencyKey, KeySpace, UsageId};
use crate::words::identity::Subject;

/// Maximum age of a usage. Stripe's meter accepts 35 days, and the outbox may need two.
const OLDEST: SignedDuration = SignedDuration::from_hours(33 * 24);

/// Maximum time by which a usage may be ahead, for clocks that differ.
const NEWEST: SignedDuration = SignedDuration::from_mins(2);

impl Recording<'_> {
    /// Prices a usage and makes its entry.
    pub(super) fn price(&self, key: &IdempotencyKey, usage: Usage) -> Item {
        let Self {
            ledger,
            delivery,
            subject,
            deadline,
        } = *self;
        let now = deadline.start();
        let (id, other_id) = ids(delivery.stage(), subject, ledger.item_version(), key);
        let request_hash = usage.hash();
        let priced = telemetry::timed(Step::Price, || priced(&usage, now));
        let (occurred_at, price) = match priced {
            Ok(priced) => priced,
            Err(refusal) => {
                return Item::Unpriced {
                    id,
                    other_id,
                    request_hash,
                    refusal,
                };
            }
        };
        let content = [usage.input, usage.output];
        let entry = UsageEntry {
            id,
            account: subject.account.clone(),
            member: usage.member,
            request_hash,
            sparks: price.total,
            lines: price.lines,
            price_version: price_book::version().to_owned(),
            occurred_at: Timestamp::from_millisecond(occurred_at.as_millisecond())
                .unwrap_or(occurred_at),
            recorded_at: now,
            trace: TraceLabels {
                // An empty text does not count as content: a trace that is sent again loses nothing.
                content: content.iter().flatten().any(|text| !text.is_empty()),
                ..usage.trace
            },
            deliveries: delivery.initial(price.total),
        };
        Item::Priced {
            charge: Charge {
                entry,
                outcome: None,
            },
            other_id,
            content,
        }
    }
}

/// Returns the id under which a usage is recorded, and the key's other id. The same key may have been used under that
/// one.
///
/// The other one was used by the same token before item version 2, or by a function that already writes version 2.
fn ids(
    stage: &str,
    subject: &Subject,
    written: ItemVersion,
    key: &IdempotencyKey,
) -> (UsageId, Option<UsageId>) {
    let account = &subject.account;
    let of_services = UsageId::derive(stage, account, KeySpace::Services, key);
    if subject.by_service {
        return (of_services, None);
    }
    let own = UsageId::derive(stage, account, KeySpace::OwnTokens, key);
    match written {
        ItemVersion::V1 => (of_services, Some(own)),
        ItemVersion::V2 | ItemVersion::V3 => (own, Some(of_services)),
    }
}

/// Resolves the usage's time and price; fails if it is outside the window or unpriced.
pub(crate) fn priced(usage: &Usage, now: Timestamp) -> Result<(Timestamp, Price), Error> {
    let occurred_at = usage.occurred_at.unwrap_or(now);
    let age = now.duration_since(occurred_at);
    if age > OLDEST || age < -NEWEST {
        let detail = "must not be older than 33 days or more than 2 minutes ahead";
        return Err(Error::Invalid(Invalid::new(
            Rule::Window,
            "occurred_at",
            detail,
        )));
    }
    let price = price_book::price(&usage.lines, occurred_at).map_err(unpriced)?;
    Ok((occurred_at, price))
}

/// Returns the rule that a usage without a price breaks.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn unpriced(error: price_book::Error) -> Error {
    let invalid = match error {
        price_book::Error::UnknownModel { line } => {
            let detail = "is not in the price book for that time";
            Invalid::new(Rule::Model, format!("usage[{line}].model"), detail)
        }
        price_book::Error::UnpricedTokens { line, class } => {
            let detail = "is a class of tokens that the model has no price for";
            Invalid::new(Rule::Quantity, format!("usage[{line}].{class}"), detail)
        }
        price_book::Error::TooMuch => {
            let detail = "costs more than one meter event can carry; split it";
            Invalid::new(Rule::Quantity, "usage", detail)
        }
    };
    Error::Invalid(invalid)
}
