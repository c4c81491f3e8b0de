//! Reads an account's usage: sums by hour, day or month of any time zone. Also by meter, model or member.
//!
//! The sums come from the roll-ups to which each usage was added when it was recorded, so they equal those of the
//! entries, to the milli-Spark.

mod period;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ledger::{self, Ledger, UsageSum};
use crate::process::deadline::Deadline;
use crate::reports::balance;
use crate::reports::entries::Entries;
use crate::reports::entries::RollupPages;
use crate::reports::parameter::Invalid;
use crate::words::decimal;
use crate::words::id::{AccountId, MemberId};
use crate::words::identity::Subject;
use crate::words::meter::{GigabyteHours, Meter};
use crate::words::sparks::Sparks;

use period::{Granularity, Period};

/// Maximum number of rows of a response, so that it stays well below Lambda's limit.
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
    #[serde(default, deserialize_with = "member")]
    member_id: Option<MemberId>,
    tz: Option<String>,
}

/// Reads a member as usages name it: mended, never refused unless empty.
fn member<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MemberId>, D::Error> {
    let member = MemberId::mended(&String::deserialize(deserializer)?);
    member
        .map(Some)
        .ok_or_else(|| D::Error::custom("must name a member"))
}

/// The attribute by which usage is grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GroupBy {
    /// The meters.
    #[default]
    Meter,
    /// The models.
    Model,
    /// The members who acted.
    Member,
}

/// An account's usage in a period.
#[derive(Debug, Serialize)]
pub struct History {
    from: String,
    to: String,
    granularity: Granularity,
    group_by: GroupBy,
    tz: String,
    rows: Vec<Row>,
}

/// The usage of one meter by one group in one hour, day or month.
#[derive(Debug, Serialize)]
struct Row {
    start: String,
    group: Option<String>,
    meter: Meter,
    sparks: Sparks,
    quantity: Quantity,
}

/// The quantity, in the unit in which the meter's usage is recorded.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Quantity {
    Count(u64),
    Decimal(String),
}

/// The reason why there is no history.
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

/// The order of a row in the response. It is by its start, its group (usage without one comes last), and its meter.
type RowKey = (Timestamp, bool, Option<String>, Meter);

/// Milli-Sparks and quantities by their rows.
type Sums = BTreeMap<RowKey, (i128, i128)>;

/// Reads an account's usage. An account's own first request creates it.
///
/// Roll-ups are summed while they are read, and reading stops at the first row too many: memory never holds more than
/// one page of the table and `MAX_ROWS` sums.
pub async fn read(
    ledger: &Ledger,
    subject: &Subject,
    query: &Query,
    deadline: &Deadline,
) -> Result<History, Error> {
    let now = deadline.start();
    let granularity = query.granularity.unwrap_or_default();
    let group_by = query.group_by.unwrap_or_default();
    let times = (query.from.as_deref(), query.to.as_deref());
    let period = Period::new(times, granularity, query.tz.as_deref(), now);
    let period = period.map_err(Error::Invalid)?;
    let of_members = group_by == GroupBy::Member || query.member_id.is_some();
    let days = of_members.then(|| period.utc_days()).transpose();
    let days = days.map_err(Error::Invalid)?;
    if query.member_id.is_some() && group_by == GroupBy::Model {
        let detail = "must be `meter` or `member` with `member_id`: members are summed up by meter";
        return Err(Error::Invalid(Invalid::new("group_by", detail)));
    }
    balance::account(ledger, subject, deadline).await?;

    let account = &subject.account;
    let stored = Entries::of(ledger);
    let mut table = Table::new(&period, group_by);
    match (&query.member_id, days) {
        (Some(member), _) => {
            let days = (period.from, period.to);
            let used = stored.used_by_member(account, member, days, deadline);
            table.add(used.await?)?;
        }
        (None, Some((from, to))) => {
            // Members first: usage recorded between the two reads is then in the whole, but not in any member's rows.
            table
                .add_all(stored.used_by_members(account, from, to), deadline)
                .await?;
            let mut whole = Table::new(&period, GroupBy::Meter);
            let used = stored.used(account, period.from, period.to);
            whole.add_all(used, deadline).await?;
            table.add_the_rest(whole)?;
        }
        (None, None) => {
            let used = stored.used(account, period.from, period.to);
            table.add_all(used, deadline).await?;
        }
    }
    Ok(History {
        from: period.print(period.from),
        to: period.print(period.to),
        granularity,
        group_by,
        tz: period.zone_name().to_owned(),
        rows: rows(table.sums, &period)?,
    })
}

/// The rows of a response while they are summed.
struct Table<'a> {
    period: &'a Period,
    group_by: GroupBy,
    sums: Sums,
}

impl<'a> Table<'a> {
    const fn new(period: &'a Period, group_by: GroupBy) -> Self {
        Self {
            period,
            group_by,
            sums: Sums::new(),
        }
    }

    /// Adds roll-ups page by page, and stops when the response has too many rows.
    async fn add_all(
        &mut self,
        mut pages: RollupPages<'_>,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        while let Some(used) = pages.next(deadline).await? {
            self.add(used)?;
        }
        Ok(())
    }

    fn add(&mut self, used: Vec<UsageSum>) -> Result<(), Error> {
        for used in used {
            let start = self.period.start_of(used.start);
            let group = match self.group_by {
                GroupBy::Meter => Some(used.meter.to_string()),
                GroupBy::Model => used.model,
                GroupBy::Member => used.member,
            };
            let place = (start, group.is_none(), group, used.meter);
            let sum = self.sums.entry(place).or_default();
            sum.0 += used.milli;
            sum.1 += used.quantity;
        }
        self.fits()
    }

    /// Adds the usage without a member: the whole less the members' usage.
    ///
    /// The two were read one after the other, and a transaction becomes visible item by item: a member's day may show a
    /// usage that its quarter of an hour does not show yet. Such a usage is already in the member's row, so the rest of
    /// its row is zero, never less.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation>
    fn add_the_rest(&mut self, whole: Table<'_>) -> Result<(), Error> {
        let whole = whole.sums.into_iter();
        let mut rest: Sums = whole
            .map(|((start, _, _, meter), sum)| ((start, true, None, meter), sum))
            .collect();
        for ((start, _, _, meter), sum) in &self.sums {
            if let Some(rest) = rest.get_mut(&(*start, true, None, *meter)) {
                rest.0 -= sum.0;
                rest.1 -= sum.1;
            }
        }
        let rest = rest.into_iter();
        let rest = rest.map(|(place, sum)| (place, (sum.0.max(0), sum.1.max(0))));
        self.sums.extend(rest.filter(|(_, sum)| *sum != (0, 0)));
        self.fits()
    }

    fn fits(&self) -> Result<(), Error> {
        if self.sums.len() <= MAX_ROWS {
            return Ok(());
        }
        let what = match self.group_by {
            GroupBy::Member => {
                "ask for a shorter time or a coarser granularity, or name one member in `member_id`"
            }
            GroupBy::Meter | GroupBy::Model => "ask for a shorter time or a coarser granularity",
        };
        let detail = format!("selects more than {MAX_ROWS} rows; {what}");
        Err(Error::Invalid(Invalid::new("from", detail)))
    }
}

fn rows(sums: Sums, period: &Period) -> Result<Vec<Row>, ledger::Error> {
    let row = |((start, _, group, meter), (milli, quantity)): (RowKey, (i128, i128))| {
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
