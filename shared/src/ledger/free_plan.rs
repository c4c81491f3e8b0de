//! The free plan: Sparks of one calendar month (UTC). They come in with its first settlement. Pure.
//!
//! The free plan continues beside a paid plan, and its Sparks burn first. A month without a request grants none.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::grants::{Grant, Source};
use crate::pricing::catalog::FREE_PLAN_SPARKS;
use crate::words::entry_id::EntryId;
use crate::words::id::AccountId;

/// Returns the grant of the month of `now`, which ends with the month. Its id names account and month.
pub(crate) fn grant(account: &AccountId, now: Timestamp) -> Grant {
    let today = now.to_zoned(TimeZone::UTC).date();
    Grant {
        id: EntryId::free(account, today.year(), today.month()),
        source: Source::Free,
        remaining: FREE_PLAN_SPARKS,
        granted_at: now,
        expires_at: Some(next_month(today)),
        restores: None,
    }
}

fn next_month(day: Date) -> Timestamp {
    let first = day.last_of_month().tomorrow();
    let start = first.and_then(|first| first.to_zoned(TimeZone::UTC));
    start.map_or(Timestamp::MAX, |start| start.timestamp())
}
