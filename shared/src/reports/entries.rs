//! Queries of an account's roll-ups and of its entries, page by page.

use std::cmp::Reverse;
use std::iter::successors;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::ledger::Ledger;
use crate::ledger::entry::{Entry, ledger_at};
use crate::ledger::rollup::UsageSum;
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::Table;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::{Key, MEMBER_DAYS};
use crate::words::id::{AccountId, MemberId};
use crate::words::meter::Meter;

/// The longest sort key, in bytes. DynamoDB refuses queries for longer ones.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const LONGEST_CURSOR: usize = 1_024;

/// The place among an account's entries at which a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor as text: the time of an entry and its id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a cursor that was returned before; None if it cannot have been.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST_CURSOR {
            return None;
        }
        let (time, id) = text.split_once('#')?;
        let time: Timestamp = time.parse().ok()?;
        (ledger_at(time, id) == text).then(|| Self(text.to_owned()))
    }
}

/// A page of an account's entries.
#[derive(Clone, Debug)]
pub struct EntryRange {
    /// Recorded at this time or later.
    pub from: Timestamp,
    /// Recorded before this time.
    pub to: Timestamp,
    /// The place where an earlier page ended.
    pub cursor: Option<Cursor>,
    /// The maximum number of entries.
    pub limit: u8,
}

/// Roll-ups of an account, read page by page. At most one page, a mebibyte of the table, is in memory at a time.
#[derive(Debug)]
pub struct RollupPages<'a> {
    table: &'a Table,
    /// The query of the next page; None after the last one.
    query: Option<QueryFluentBuilder>,
}

impl RollupPages<'_> {
    /// Reads the sums of the next page; None after the last one.
    pub async fn next(&mut self, deadline: &Deadline) -> Result<Option<Vec<UsageSum>>, Error> {
        let Some(rollups) = self.next_items(deadline).await? else {
            return Ok(None);
        };
        Ok(Some(all_of(&rollups)?))
    }

    /// Reads the next page as it is stored; None after the last one.
    pub(crate) async fn next_items(
        &mut self,
        deadline: &Deadline,
    ) -> Result<Option<Vec<Item>>, Error> {
        let Some(query) = self.query.take() else {
            return Ok(None);
        };
        let page = self.table.query(&query, deadline).await?;
        if page.last_evaluated_key.is_some() {
            self.query = Some(query.set_exclusive_start_key(page.last_evaluated_key));
        }
        Ok(Some(page.items.unwrap_or_default()))
    }
}

/// The entries and roll-ups of accounts in the table.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    table: &'a Table,
}

impl<'a> Entries<'a> {
    /// The entries of a ledger.
    pub const fn of(ledger: &'a Ledger) -> Self {
        let table = ledger.table();
        Self { table }
    }

    /// Reads an account's usage from one quarter of an hour until before another one.
    pub fn used(&self, account: &AccountId, from: Timestamp, to: Timestamp) -> RollupPages<'a> {
        let before = to.checked_sub(std::time::Duration::from_millis(1));
        let (first, last) = (
            Key::quarter_sort(from),
            Key::quarter_sort(before.unwrap_or(to)),
        );
        rollups(self.table, account, &first, &last)
    }

    /// Reads the usage of an account's members from one UTC day until before another one.
    pub fn used_by_members(&self, account: &AccountId, from: Date, to: Date) -> RollupPages<'a> {
        let sort = |day: Date| format!("{MEMBER_DAYS}{day}");
        // A day alone sorts before the members of that day.
        let mut pages = rollups(self.table, account, &sort(from), &sort(to));
        pages.query = pages.query.map(only_sums);
        pages
    }

    /// Reads one member's usage from the start of one UTC day until before another.
    pub async fn used_by_member(
        &self,
        account: &AccountId,
        member: &MemberId,
        (from, to): (Timestamp, Timestamp),
        deadline: &Deadline,
    ) -> Result<Vec<UsageSum>, Error> {
        let next = |day: &Timestamp| day.checked_add(SignedDuration::from_hours(24)).ok();
        let days = successors(Some(from), next).take_while(|day| *day < to);
        let keys = days.map(|day| Key::member_day(account, member.as_str(), day).attributes());
        let rollups = self.table.items(keys.collect(), deadline).await?;
        Ok(all_of(&rollups)?)
    }

    /// Reads entries of an account, newest first; returns the cursor of the next page.
    ///
    /// The index that lists entries may lag behind the table for a moment.
    pub async fn entries(
        &self,
        account: &AccountId,
        range: &EntryRange,
        deadline: &Deadline,
    ) -> Result<(Vec<Entry>, Option<Cursor>), Error> {
        let limit = usize::from(range.limit.clamp(1, 100));
        let (first, last) = (ledger_at(range.from, ""), bare(range.to));
        // A time alone sorts before the entries of that time.
        let last = match &range.cursor {
            Some(cursor) => cursor.0.clone().min(last),
            None => last,
        };
        if last < first {
            return Ok((Vec::new(), None));
        }
        let query = self
            .table
            .client
            .query()
            .table_name(&self.table.name)
            .index_name("ledger")
            .key_condition_expression("account = :account AND ledger_at BETWEEN :first AND :last")
            .expression_attribute_values(":account", item::text(account.as_str()))
            .expression_attribute_values(":first", item::text(first))
            .expression_attribute_values(":last", item::text(last))
            .scan_index_forward(false)
            // The additional entry is the beginning of the next page.
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let found = self.table.query(&query, deadline).await?;
        let mut listed = found.items.unwrap_or_default();
        let next = listed.drain(limit.min(listed.len())..).next();
        let next = next.map(|next| item::read_text(&next, "ledger_at").map(str::to_owned));
        let keys: Vec<Item> = listed.into_iter().map(key).collect();
        let mut entries = Vec::with_capacity(keys.len());
        for stored in self.table.items(keys, deadline).await? {
            entries.push(Entry::from_item(&stored)?);
        }
        entries.sort_by_key(|entry| Reverse(entry.place()));
        Ok((entries, next.transpose()?.map(Cursor)))
    }
}

/// Reads the roll-ups of an account between two sort keys, both included.
pub(crate) fn rollups<'a>(
    table: &'a Table,
    account: &AccountId,
    first: &str,
    last: &str,
) -> RollupPages<'a> {
    let query = table
        .client
        .query()
        .table_name(&table.name)
        .key_condition_expression("pk = :rollups AND sk BETWEEN :first AND :last")
        .expression_attribute_values(":rollups", item::text(Key::rollups(account)))
        .expression_attribute_values(":first", item::text(first))
        .expression_attribute_values(":last", item::text(last))
        .consistent_read(true);
    RollupPages {
        table,
        query: Some(query),
    }
}

/// Leaves the partition key out of the query for members' days. It is the same in each item.
///
/// It also leaves out a meter that this release does not know. A caller that reads members' days also reads the
/// quarters of an hour of the same usage whole, and fails there.
fn only_sums(mut query: QueryFluentBuilder) -> QueryFluentBuilder {
    let mut names = vec!["sk".to_owned()];
    for (index, meter) in Meter::ALL.into_iter().enumerate() {
        query = query
            .expression_attribute_names(format!("#s{index}"), format!("sparks#{meter}"))
            .expression_attribute_names(format!("#q{index}"), format!("quantity#{meter}"));
        names.push(format!("#s{index}, #q{index}"));
    }
    query.projection_expression(names.join(", "))
}

/// Reads all sums of some roll-ups.
fn all_of(rollups: &[Item]) -> Result<Vec<UsageSum>, Malformed> {
    let mut used = Vec::new();
    for rollup in rollups {
        used.extend(UsageSum::all_of(rollup)?);
    }
    Ok(used)
}

/// Returns the prefix of the places of entries at a time.
fn bare(time: Timestamp) -> String {
    let mut place = ledger_at(time, "");
    place.truncate(place.len() - 1);
    place
}

/// Returns the table key of an item that an index lists.
fn key(listed: Item) -> Item {
    let is_key = |(name, _): &(String, AttributeValue)| matches!(name.as_str(), "pk" | "sk");
    listed.into_iter().filter(is_key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_possible_place_of_an_entry_is_parsed() {
        for (text, is_one) in [
            ("2026-11-22T20:15:00.000Z#use_1", true),
            ("2026-11-22T20:15:00.000Z#free#acct_a#2026-11", true),
            ("2026-11-22T20:15:00Z#use_1", false),
            ("2026-11-22T20:15:00.000Z", false),
            ("z#use_1", false),
            ("", false),
        ] {
            assert_eq!(Cursor::parse(text).is_some(), is_one, "{text}");
        }
        let time = "2026-11-22T20:15:00.000Z#";
        for (id, is_one) in [(1_024 - time.len(), true), (1_025 - time.len(), false)] {
            let text = format!("{time}{}", "a".repeat(id));
            assert_eq!(Cursor::parse(&text).is_some(), is_one, "{id}");
        }
    }

    #[test]
    fn a_time_alone_sorts_before_its_entries() {
        let time = "2026-11-22T20:15:00Z".parse().unwrap();
        assert_eq!(bare(time), "2026-11-22T20:15:00.000Z");
        assert!(bare(time) < ledger_at(time, "a"));
    }
}
