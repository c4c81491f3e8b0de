//! An account's subscriptions as the API returns them: the best one, and all of them. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::payments::subscription::{AwaitedInvoice, StoredSubscription};
use crate::process::clock;
use crate::providers::stripe::{Invoice, InvoiceStatus, Subscription, SubscriptionStatus};
use crate::words::id::{InvoiceId, SubscriptionId};

/// The subscription status of an account.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionOverview {
    /// The status of the best subscription; None without subscriptions.
    #[serde(serialize_with = "or_none")]
    pub status: Option<SubscriptionStatus>,
    /// Its plan in the catalogue.
    pub plan: Option<String>,
    /// The end of the current period. Stripe moves it before it charges.
    pub current_period_end: Option<String>,
    /// The time at which it ends by itself.
    pub cancel_at: Option<String>,
    /// True if that is the end of its period.
    pub cancel_at_period_end: bool,
    /// The source of this status.
    pub source: SubscriptionSource,
    /// The time at which Stripe said so.
    pub as_of: String,
    /// All subscriptions, the best first.
    pub subscriptions: Vec<SubscriptionSummary>,
}

/// The source of a subscription status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionSource {
    /// Stripe, just now.
    Stripe,
    /// The ledger, which stores what Stripe said some time ago.
    Stored,
}

/// One subscription.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionSummary {
    /// Its id, `sub_…`.
    pub id: SubscriptionId,
    /// Its status; new ones that Stripe adds are passed on.
    pub status: SubscriptionStatus,
    /// Its plan in the catalogue.
    pub plan: Option<String>,
    /// The end of the current period. Stripe moves it before it charges.
    pub current_period_end: Option<String>,
    /// The time at which it ends by itself.
    pub cancel_at: Option<String>,
    /// True if that is the end of its period.
    pub cancel_at_period_end: bool,
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn or_none<S: Serializer>(
    status: &Option<SubscriptionStatus>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_ref().map_or("none", SubscriptionStatus::as_str))
}

/// Returns the best subscription. Status decides first, then the latest end of a period, then the newest, then
/// by id.
pub(crate) fn best(all: &[StoredSubscription]) -> Option<&StoredSubscription> {
    all.iter().min_by_key(|one| rank(one))
}

fn rank(one: &StoredSubscription) -> (u8, Reverse<Option<i64>>, Reverse<i64>, &str) {
    let status = match one.status {
        SubscriptionStatus::Active => 0,
        SubscriptionStatus::Trialing => 1,
        SubscriptionStatus::PastDue => 2,
        SubscriptionStatus::Unpaid => 3,
        SubscriptionStatus::Paused => 4,
        SubscriptionStatus::Incomplete => 5,
        SubscriptionStatus::Other(_) => 6,
        SubscriptionStatus::IncompleteExpired | SubscriptionStatus::Canceled => 7,
    };
    (
        status,
        Reverse(one.current_period_end),
        Reverse(one.created),
        one.id.as_str(),
    )
}

/// Converts Stripe's subscription into its stored form.
///
/// Stripe says in two ways that one ends with its period: by a flag, or by the time itself. The time is stored.
///
/// `older` has its awaited invoices before the latest one. `refused` has those that are paid but cannot be granted:
/// they stay awaited, since the operator may correct the terms.
pub(super) fn plain(
    told: &Subscription,
    plan: Option<String>,
    older: &[Invoice],
    refused: &BTreeSet<InvoiceId>,
) -> StoredSubscription {
    let latest = told.latest_invoice.as_deref();
    let ends = told.items.data.iter();
    let current_period_end = ends.filter_map(|item| item.current_period_end).min();
    let at_period_end = current_period_end.filter(|_| told.cancel_at_period_end);
    StoredSubscription {
        id: told.id.clone(),
        status: told.status.clone(),
        plan,
        current_period_end,
        cancel_at: told.cancel_at.or(at_period_end),
        created: told.created,
        awaits: awaited(latest.into_iter().chain(older), refused),
    }
}

/// Returns those invoices that are neither credited nor void nor uncollectible.
fn awaited<'i>(
    invoices: impl Iterator<Item = &'i Invoice>,
    refused: &BTreeSet<InvoiceId>,
) -> Vec<AwaitedInvoice> {
    let is_awaited = |invoice: &&Invoice| match invoice.status {
        Some(InvoiceStatus::Void | InvoiceStatus::Uncollectible) => false,
        Some(InvoiceStatus::Paid) => refused.contains(&invoice.id),
        Some(InvoiceStatus::Draft | InvoiceStatus::Open | InvoiceStatus::Other(_)) | None => true,
    };
    let awaited = invoices.filter(is_awaited).map(|invoice| AwaitedInvoice {
        invoice: invoice.id.clone(),
        created: invoice.created,
        advances: invoice.auto_advance && !invoice.is_paid(),
    });
    awaited.collect()
}

/// Ends a subscription, because its customer was deleted.
pub(super) fn ended(
    kept: &StoredSubscription,
    older: &[Invoice],
    refused: &BTreeSet<InvoiceId>,
) -> StoredSubscription {
    let mut ended = kept.clone();
    ended.awaits = awaited(older.iter(), refused);
    if kept.is_live() {
        ended.status = SubscriptionStatus::Canceled;
    }
    ended
}

/// Returns the overview of an account with these subscriptions.
pub(super) fn of(
    all: &[StoredSubscription],
    source: SubscriptionSource,
    as_of: Timestamp,
) -> SubscriptionOverview {
    let mut sorted: Vec<&StoredSubscription> = all.iter().collect();
    sorted.sort_by_key(|one| rank(one));
    let subscriptions: Vec<SubscriptionSummary> =
        sorted.into_iter().map(SubscriptionSummary::of).collect();
    let best = subscriptions.first();
    SubscriptionOverview {
        status: best.map(|best| best.status.clone()),
        plan: best.and_then(|best| best.plan.clone()),
        current_period_end: best.and_then(|best| best.current_period_end.clone()),
        cancel_at: best.and_then(|best| best.cancel_at.clone()),
        cancel_at_period_end: best.is_some_and(|best| best.cancel_at_period_end),
        source,
        as_of: clock::wire(as_of),
        subscriptions,
    }
}

impl SubscriptionSummary {
    fn of(kept: &StoredSubscription) -> Self {
        // The API reports a subscription whose first payment never came as cancelled.
        let status = if kept.status == SubscriptionStatus::IncompleteExpired {
            SubscriptionStatus::Canceled
        } else {
            kept.status.clone()
        };
        let time = |seconds: i64| Timestamp::from_second(seconds).map(clock::wire).ok();
        Self {
            id: kept.id.clone(),
            status,
            plan: kept.plan.clone(),
            current_period_end: kept.current_period_end.and_then(time),
            cancel_at: kept.cancel_at.and_then(time),
            cancel_at_period_end: kept.cancel_at.is_some()
                && kept.cancel_at == kept.current_period_end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn kept(id: &str, status: &str, end: i64, created: i64) -> StoredSubscription {
        StoredSubscription {
            id: id.parse().unwrap(),
            status: status.to_owned().into(),
            plan: Some("plus".into()),
            current_period_end: Some(end),
            cancel_at: None,
            created,
            awaits: Vec::new(),
        }
    }

    #[test]
    fn subscriptions_are_sorted_by_status_then_period_end_then_age() {
        let all = [
            kept("expired", "incomplete_expired", 99, 1),
            kept("canceled", "canceled", 99, 1),
            kept("new_word", "on_holiday", 99, 1),
            kept("incomplete", "incomplete", 99, 1),
            kept("paused", "paused", 99, 1),
            kept("unpaid", "unpaid", 99, 1),
            kept("past_due", "past_due", 99, 1),
            kept("trialing", "trialing", 99, 1),
            kept("old", "active", 1, 1),
            kept("new", "active", 1, 2),
            kept("longer", "active", 2, 1),
        ];
        let overview = of(&all, SubscriptionSource::Stripe, Timestamp::UNIX_EPOCH);
        let ids: Vec<&str> = overview
            .subscriptions
            .iter()
            .map(|one| one.id.as_str())
            .collect();
        assert_eq!(
            ids,
            [
                "longer",
                "new",
                "old",
                "trialing",
                "past_due",
                "unpaid",
                "paused",
                "incomplete",
                "new_word",
                "canceled",
                "expired"
            ]
        );
        assert_eq!(overview.status, Some(SubscriptionStatus::Active));
        let statuses = [8, 10].map(|place: usize| overview.subscriptions[place].status.as_str());
        assert_eq!(statuses, ["on_holiday", "canceled"]);
    }

    #[test]
    fn the_status_without_subscriptions_is_none() {
        let overview = of(&[], SubscriptionSource::Stored, Timestamp::UNIX_EPOCH);
        let written = serde_json::to_value(overview).unwrap();
        assert_eq!(
            (&written["status"], &written["plan"]),
            (&json!("none"), &json!(null))
        );
    }

    #[test]
    fn both_ways_of_ending_with_the_period_are_read_alike() {
        let read = |changes: &Value| {
            let mut told = json!({
                "id": "sub_1", "status": "active", "created": 1, "items": {"data": [
                    {"price": {"id": "price_1"}, "current_period_end": 2000},
                    {"price": {"id": "price_2"}, "current_period_end": 1000},
                ]},
            });
            for (field, value) in changes.as_object().unwrap() {
                told[field] = value.clone();
            }
            let told: Subscription = serde_json::from_value(told).unwrap();
            let one = SubscriptionSummary::of(&plain(&told, None, &[], &BTreeSet::new()));
            (one.cancel_at, one.cancel_at_period_end)
        };
        let end = Some("1970-01-01T00:16:40.000Z".to_owned());
        assert_eq!(read(&json!({})), (None, false));
        assert_eq!(
            read(&json!({"cancel_at_period_end": true})),
            (end.clone(), true)
        );
        assert_eq!(read(&json!({"cancel_at": 1000})), (end, true));
        let later = Some("1970-01-01T00:33:20.000Z".to_owned());
        assert_eq!(read(&json!({"cancel_at": 2000})), (later, false));
    }
}
