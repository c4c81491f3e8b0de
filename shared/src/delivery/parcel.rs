//! Parcels: usages of one customer and one hour that Stripe's meter gets as one event.
//!
//! A parcel is frozen before it is first sent: its row and its members' marks are one transaction. A retry repeats the
//! same event, and no member is ever sent under its own id.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};

use crate::delivery::mark::Mark;
use crate::delivery::store::DeliveryQueue;
use crate::delivery::waiting::Waiting;
use crate::ledger::entry::DeliveryState;
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::{Key, Queue};
use crate::table::values;
use crate::words::id::{AccountId, CustomerId, ParcelId, UsageId};
use crate::words::sparks::Sparks;

/// Maximum number of members of a parcel: with its own row they fill a transaction.
pub const MAX_MEMBERS: usize = 99;

/// The highest value of one event: Stripe accepts values of up to 15 digits.
/// <https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api>
const MAX_VALUE: Sparks = Sparks::from_milli(999_999_999_999_999);

/// Time for which the outbox leaves the members of a new parcel to the parcel.
const MEMBERS_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// Usages that Stripe's meter gets as one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its id, which is the event's identifier.
    pub id: ParcelId,
    /// The account of the usages.
    pub account: AccountId,
    /// The customer at Stripe.
    pub customer: CustomerId,
    /// The usages.
    pub members: Vec<UsageId>,
    /// Their sum.
    pub value: Sparks,
    /// The time at which the latest of them occurred.
    pub occurred_at: Timestamp,
    /// The start of the age of the oldest of them for Stripe.
    pub recorded_at: Timestamp,
    /// The state of its delivery.
    pub state: DeliveryState,
    /// The number of attempts to send it.
    pub attempts: i64,
    /// The time at which an operator redrove it, after Stripe was shown not to have it.
    pub redriven_at: Option<Timestamp>,
    /// The reason why it failed for good.
    pub parked: Option<String>,
}

impl Parcel {
    /// Makes the parcel of some usages of one account and one hour; None if their sum does not fit.
    pub fn of(members: &[&Waiting], customer: &CustomerId) -> Option<Self> {
        let entries = || members.iter().map(|member| &member.entry);
        let ids: Vec<UsageId> = entries().map(|entry| entry.id.clone()).collect();
        let value = Sparks::checked_sum(entries().map(|entry| entry.sparks))?;
        if value > MAX_VALUE {
            return None;
        }
        Some(Self {
            id: ParcelId::derive(&ids),
            account: entries().next()?.account.clone(),
            customer: customer.clone(),
            members: ids,
            value,
            occurred_at: entries().map(|entry| entry.occurred_at).max()?,
            recorded_at: members.iter().map(|member| member.meter_age_from()).min()?,
            state: DeliveryState::Pending,
            attempts: 0,
            redriven_at: None,
            parked: None,
        })
    }

    /// Returns the start of its age for Stripe, which forgets identifiers after a day.
    pub fn meter_age_from(&self) -> Timestamp {
        self.redriven_at.unwrap_or(self.recorded_at)
    }

    fn to_item(&self, due: Timestamp) -> Item {
        let mut item = Key::parcel(&self.id).attributes();
        item.extend([
            ("id".into(), item::text(self.id.as_str())),
            ("parcel_of".into(), item::text(self.account.as_str())),
            ("customer".into(), item::text(self.customer.as_str())),
            ("members".into(), item::json(&self.members)),
            ("value".into(), item::amount(self.value)),
            ("occurred_at".into(), item::time(self.occurred_at)),
            ("recorded_at".into(), item::time(self.recorded_at)),
            ("stripe".into(), item::text(self.state.as_str())),
            ("attempts".into(), item::number(self.attempts)),
            ("pending_bucket".into(), Queue::Due.of(&self.account)),
            ("pending_due".into(), item::time(due)),
        ]);
        item
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            id: item::read_parsed(item, "id")?,
            account: item::read_parsed(item, "parcel_of")?,
            customer: item::read_parsed(item, "customer")?,
            members: item::read_json(item, "members")?,
            value: item::read_amount(item, "value")?,
            occurred_at: item::read_time(item, "occurred_at")?,
            recorded_at: item::read_time(item, "recorded_at")?,
            state: DeliveryState::read(item, "stripe")?,
            attempts: item::read_number(item, "attempts")?,
            redriven_at: match item.get("redriven_at") {
                Some(_) => Some(item::read_time(item, "redriven_at")?),
                None => None,
            },
            parked: item::optional_text(item, "parked")?.map(str::to_owned),
        })
    }
}

impl DeliveryQueue {
    /// Freezes a parcel, unless one of its members has changed since it was read. Returns whether it is frozen.
    pub async fn freeze(
        &self,
        parcel: &Parcel,
        members: &[&Waiting],
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let now = deadline.start();
        let mut actions = vec![self.table.put_if_absent(parcel.to_item(now))];
        let due = now.saturating_add(MEMBERS_WAIT).unwrap_or(Timestamp::MAX);
        let join = |member: &&Waiting| self.join(member, &parcel.id, now, due);
        actions.extend(members.iter().map(join));
        self.table.commit(actions, deadline).await
    }

    /// Makes a usage a member of a parcel, if Stripe has provably never received it.
    fn join(
        &self,
        member: &Waiting,
        parcel: &ParcelId,
        now: Timestamp,
        due: Timestamp,
    ) -> TransactWriteItem {
        let claimed = if member.claims == 0 {
            "attribute_not_exists(claims)"
        } else {
            "claims = :claims_before"
        };
        let mut values = values([
            (":pending", item::text(DeliveryState::Pending.as_str())),
            (":parcel", item::text(parcel.as_str())),
            (":claims", item::number(member.claims + 1)),
            (":now", item::time(now)),
            (":due", item::time(due)),
        ]);
        if member.claims > 0 {
            values.insert(":claims_before".to_owned(), item::number(member.claims));
        }
        let condition = format!(
            "stripe = :pending AND attribute_exists(stripe_unsent) AND attribute_not_exists(parcel) AND {claimed}"
        );
        let change = "SET parcel = :parcel, claims = :claims, claimed_at = :now, pending_due = :due \
                      REMOVE stripe_unsent";
        let key = Key::entry(member.entry.id.as_str());
        self.table.update_with(&key, &condition, change, values)
    }

    /// Reads the parcel with an id.
    pub async fn parcel(
        &self,
        id: &ParcelId,
        deadline: &Deadline,
    ) -> Result<Option<Parcel>, Error> {
        let item = self.table.item(&Key::parcel(id), deadline).await?;
        Ok(item.as_ref().map(Parcel::from_item).transpose()?)
    }

    /// Marks a pending parcel; without a mark, it is postponed until `due`.
    pub async fn mark_parcel(
        &self,
        parcel: &Parcel,
        mark: Option<&Mark>,
        due: Timestamp,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let mut values = values([
            (":pending", item::text(DeliveryState::Pending.as_str())),
            (":one", item::number(1)),
        ]);
        let change = match mark {
            Some(Mark::Confirmed) => {
                let confirmed = item::text(DeliveryState::Confirmed.as_str());
                values.insert(":state".to_owned(), confirmed);
                "SET stripe = :state, attempts = attempts + :one REMOVE pending_bucket, pending_due"
            }
            Some(Mark::Parked(why)) => {
                values.extend([
                    (
                        ":state".to_owned(),
                        item::text(DeliveryState::Parked.as_str()),
                    ),
                    (":why".to_owned(), item::text(why)),
                ]);
                "SET stripe = :state, parked = :why, attempts = attempts + :one \
                 REMOVE pending_bucket, pending_due"
            }
            Some(Mark::Unsent(_) | Mark::Absent(_) | Mark::Unclear(_)) | None => {
                values.insert(":due".to_owned(), item::time(due));
                "SET pending_due = :due, attempts = attempts + :one"
            }
        };
        let key = Key::parcel(&parcel.id);
        values.insert(":attempts".to_owned(), item::number(parcel.attempts));
        let condition = "stripe = :pending AND attempts = :attempts";
        let action = self.table.update_with(&key, condition, change, values);
        self.table.commit(vec![action], deadline).await
    }
}
