//! Lists an account's ledger, newest first, page by page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::ledger::{self, EntryKind, Ledger, Source};
use crate::process::clock;
use crate::process::deadline::Deadline;
use crate::reports::balance;
use crate::reports::entries::{Cursor, Entries, EntryRange};
use crate::reports::history::Error;
use crate::reports::parameter::{Invalid, day_or_time, quoted};
use crate::usage::{ProviderCost, ReceiptLine};
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, MemberId, UsageId};
use crate::words::identity::Subject;
use crate::words::sparks::Sparks;
use crate::words::whole;

/// Number of entries of a page if the query has no limit.
const DEFAULT_LIMIT: u8 = 50;

/// Maximum number of entries of a page.
pub const MAX_LIMIT: u8 = 100;

/// The query of `GET /v1/ledger`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The account, for services.
    pub account_id: Option<AccountId>,
    from: Option<String>,
    to: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

impl Query {
    /// Makes a query for the newest entries.
    pub fn newest(limit: u8) -> Self {
        Self {
            limit: Some(limit.to_string()),
            ..Self::default()
        }
    }
}

/// A page of an account's ledger.
#[derive(Debug, Serialize)]
pub struct Statement {
    /// Its entries, newest first.
    pub entries: Vec<Entry>,
    /// The cursor of the next page; None on the last one.
    pub next_cursor: Option<String>,
}

/// One entry, as its account sees it.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// The kind: `usage`, `credit`, `expiry`, `reversal` or `restoration`.
    pub kind: EntryKind,
    /// The amount added to the balance; negative for a debit.
    pub amount: Sparks,
    /// Time of recording.
    pub recorded_at: String,
    /// The reason, in the operator's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credit_id: Option<EntryId>,
    /// The usage that a credit gives back.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_id: Option<UsageId>,
    #[serde(flatten)]
    usage: Option<Usage>,
}

/// The further members of a usage's entry.
#[derive(Debug, Serialize)]
struct Usage {
    #[serde(skip_serializing_if = "Option::is_none")]
    member_id: Option<MemberId>,
    occurred_at: String,
    lines: Vec<ReceiptLine>,
    price_version: String,
}

/// Reads a page. What is due is settled first, so that the entries sum to the balance.
pub async fn read(
    ledger: &Ledger,
    subject: &Subject,
    query: &Query,
    cost: ProviderCost,
    deadline: &Deadline,
) -> Result<Statement, Error> {
    let range = range(query).map_err(Error::Invalid)?;
    balance::account(ledger, subject, deadline).await?;
    let stored = Entries::of(ledger);
    let (entries, next) = stored.entries(&subject.account, &range, deadline).await?;
    Ok(Statement {
        entries: entries
            .into_iter()
            .map(|entry| Entry::of(entry, cost))
            .collect(),
        next_cursor: next.map(|next| URL_SAFE_NO_PAD.encode(next.as_str())),
    })
}

/// Parses a query.
fn range(query: &Query) -> Result<EntryRange, Invalid> {
    let time = |field, text: &Option<String>, otherwise| match text {
        Some(text) => day_or_time(field, text, &TimeZone::UTC),
        None => Ok(otherwise),
    };
    let from = time("from", &query.from, Timestamp::UNIX_EPOCH)?;
    let to = time("to", &query.to, Timestamp::MAX)?;
    if from >= to {
        return Err(Invalid::new("to", "must be after `from`"));
    }
    let limit = match &query.limit {
        None => DEFAULT_LIMIT,
        Some(text) => whole::parse(text)
            .and_then(|limit| u8::try_from(limit).ok())
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| {
                let given = quoted(text);
                Invalid::new(
                    "limit",
                    format!("must be from 1 to {MAX_LIMIT}, not {given}"),
                )
            })?,
    };
    let cursor = match &query.cursor {
        None => None,
        Some(text) => Some(cursor(text).ok_or_else(|| {
            Invalid::new("cursor", "must be the `next_cursor` of an earlier page")
        })?),
    };
    Ok(EntryRange {
        from,
        to,
        cursor,
        limit,
    })
}

fn cursor(text: &str) -> Option<Cursor> {
    let decoded = URL_SAFE_NO_PAD.decode(text).ok()?;
    Cursor::parse(std::str::from_utf8(&decoded).ok()?)
}

impl Entry {
    fn of(entry: ledger::Entry, cost: ProviderCost) -> Self {
        Self {
            id: entry.id,
            kind: entry.kind,
            amount: entry.amount,
            recorded_at: clock::wire(entry.recorded_at),
            reason: entry.reason,
            source: entry.source,
            expires_at: entry.expires_at.map(clock::wire),
            item: entry.item,
            credit_id: entry.credit,
            usage_id: entry.gives_back,
            usage: entry.usage.map(|usage| Usage {
                member_id: usage.member,
                occurred_at: clock::wire(usage.occurred_at),
                lines: ReceiptLine::all_of(&usage.lines, cost),
                price_version: usage.price_version,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_json_whole_number_from_one_to_a_hundred() {
        for (limit, taken) in [
            ("1", true),
            ("100", true),
            ("50.0", true),
            ("1e2", true),
            ("50.5", false),
            ("1e309", false),
            ("-1", false),
            ("0", false),
            ("101", false),
            ("+5", false),
            ("050", false),
            ("", false),
        ] {
            let query = Query {
                limit: Some(limit.to_owned()),
                ..Query::default()
            };
            assert_eq!(range(&query).is_ok(), taken, "{limit}");
        }
    }
}
