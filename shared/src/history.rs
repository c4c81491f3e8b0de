//! Reads what an account used: sums by hour, day or month of any time zone, and by meter, model or member.
//!
//! The sums come from the roll-ups that each usage was added to when it was recorded, so they are those of the
//! entries, to the milli-Spark.

mod period;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::balance;
use crate::decimal;
use crate::id::AccountId;
use crate::identity::Subject;
use crate::ledger::{self, Ledger, Used};
use crate::meter::{GigabyteHours, Meter};
use crate::patience::Patience;
use crate::sparks::Sparks;

pub use period::Invalid;
use period::{Granularity, Period};
pub(crate) use period::{day_or_time, quoted};

/// How many rows one answer has at most, so that it stays well below what Lambda can answer with.
const MAX_ROWS: usize = 10_000;

/// The query of `GET /v1/usage`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The account, for services.
    pub account_id: Option<AccountId>,
    from: Option<String>,
    to: Option<String>,
    granularity: Option<Granularity>,
    group_by: Option<GroupBy>,
    tz: Option<String>,
}

/// What is kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GroupBy {
    /// The meters.
    #[default]
    Meter,
    /// The models.
    Model,
    /// Who acted.
    Member,
}

/// What an account used in a time.
#[derive(Debug, Serialize)]
pub struct History {
    from: String,
    to: String,
    granularity: Granularity,
    group_by: GroupBy,
    tz: String,
    rows: Vec<Row>,
}

/// What was used of one meter by one group in one hour, day or month.
#[derive(Debug, Serialize)]
struct Row {
    start: String,
    group: Option<String>,
    meter: Meter,
    sparks: Sparks,
    quantity: Quantity,
}

/// How much, in the unit in which usage of the meter is recorded.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Quantity {
    Count(u64),
    Decimal(String),
}

/// Why there is no history to read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The query is not valid.
    #[error("`{}` {}", .0.field, .0.detail)]
    Invalid(Invalid),
    /// There is no account to read.
    #[error("the account cannot be read")]
    Account(#[from] balance::Error),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[from] ledger::Error),
}

/// A row's place in the answer: its start, its group (nobody comes last), its meter.
type Place = (Timestamp, bool, Option<String>, Meter);

/// Milli-Sparks and quantities by the row that they belong to.
type Sums = BTreeMap<Place, (i128, i128)>;

/// Reads what an account used. An account's own first request brings it into being.
pub async fn read(
    ledger: &Ledger,
    subject: &Subject,
    query: &Query,
    now: Timestamp,
    patience: &Patience,
) -> Result<History, Error> {
    let granularity = query.granularity.unwrap_or_default();
    let group_by = query.group_by.unwrap_or_default();
    let times = (query.from.as_deref(), query.to.as_deref());
    let period = Period::new(times, granularity, query.tz.as_deref(), now);
    let period = period.map_err(Error::Invalid)?;
    let days = match group_by {
        GroupBy::Member => Some(period.utc_days().map_err(Error::Invalid)?),
        GroupBy::Meter | GroupBy::Model => None,
    };
    balance::account(ledger, subject, now, patience).await?;

    let account = &subject.account;
    let mut sums = Sums::new();
    // Members first: what is recorded between the two readings is then in the whole, and nobody's yet.
    if let Some((from, to)) = days {
        let used = ledger.used_by_members(account, from, to, patience).await?;
        add(&mut sums, used, &period, |used| used.member.clone());
    }
    let used = ledger
        .used(account, period.from, period.to, patience)
        .await?;
    if days.is_some() {
        add_the_rest(&mut sums, used, &period);
    } else {
        let group = |used: &Used| match group_by {
            GroupBy::Model => used.model.clone(),
            GroupBy::Meter | GroupBy::Member => Some(used.meter.to_string()),
        };
        add(&mut sums, used, &period, group);
    }
    if sums.len() > MAX_ROWS {
        let detail = format!(
            "is of more than {MAX_ROWS} rows; ask for a shorter time or a coarser granularity"
        );
        return Err(Error::Invalid(Invalid::new("from", detail)));
    }
    Ok(History {
        from: period.print(period.from),
        to: period.print(period.to),
        granularity,
        group_by,
        tz: period.zone_name().to_owned(),
        rows: rows(sums, &period)?,
    })
}

fn add(sums: &mut Sums, used: Vec<Used>, period: &Period, group: impl Fn(&Used) -> Option<String>) {
    for used in used {
        let group = group(&used);
        let start = period.start_of(used.start);
        let place = (start, group.is_none(), group, used.meter);
        let sum = sums.entry(place).or_default();
        sum.0 += used.milli;
        sum.1 += used.quantity;
    }
}

/// Adds what is nobody's: the whole less what is some member's.
fn add_the_rest(sums: &mut Sums, whole: Vec<Used>, period: &Period) {
    let mut rest = Sums::new();
    add(&mut rest, whole, period, |_| None);
    for ((start, _, _, meter), sum) in &*sums {
        if let Some(rest) = rest.get_mut(&(*start, true, None, *meter)) {
            rest.0 -= sum.0;
            rest.1 -= sum.1;
        }
    }
    rest.retain(|_, sum| *sum != (0, 0));
    sums.extend(rest);
}

fn rows(sums: Sums, period: &Period) -> Result<Vec<Row>, ledger::Error> {
    let row = |((start, _, group, meter), (milli, quantity)): (Place, (i128, i128))| {
        let sparks = i64::try_from(milli).ok().map(Sparks::from_milli);
        let quantity = u64::try_from(quantity).ok();
        let (sparks, quantity) = sparks.zip(quantity).ok_or(ledger::Error::OutOfRange)?;
        Ok(Row {
            start: period.print(start),
            group,
            meter,
            sparks,
            quantity: Quantity::of(meter, quantity),
        })
    };
    sums.into_iter().map(row).collect()
}

impl Quantity {
    fn of(meter: Meter, count: u64) -> Self {
        match meter {
            Meter::AiTokens | Meter::Compute => Self::Count(count),
            Meter::Storage => Self::Decimal(decimal::print(count.into(), GigabyteHours::PLACES)),
        }
    }
}
