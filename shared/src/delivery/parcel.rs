//! Parcels: usages of one customer and one hour that Stripe's meter gets as one event.
//!
//! A parcel is frozen before it is first sent: its row and its members' marks are one transaction. A retry repeats the
//! same event, and no member is ever sent under its own id.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};

use crate::delivery::change::Change;
use crate::delivery::progress::{self, Mark};
use crate::delivery::store::DeliveryQueue;
use crate::delivery::usage_progress::{MeterEventTimes, UsageProgress};
use crate::ledger::entry::DeliveryState;
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::{Key, Queue};
use crate::words::id::{AccountId, CustomerId, ParcelId, UsageId};
use crate::words::sink::Sink;
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
    /// The times of the event.
    pub event: MeterEventTimes,
    /// The state of its delivery.
    pub state: DeliveryState,
    /// The number of attempts to send it.
    pub attempts: i64,
    /// The reason why it failed for good.
    pub parked: Option<String>,
}

impl Parcel {
    /// Makes the parcel of some usages of one account and one hour. None if their sum does not fit.
    pub fn of(members: &[&UsageProgress], customer: &CustomerId) -> Option<Self> {
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
            event: MeterEventTimes {
                occurred_at: entries().map(|entry| entry.occurred_at).max()?,
                recorded_at: members.iter().map(|member| member.event.age_from()).min()?,
                redriven_at: None,
                reported_at: None,
                absent_at: None,
            },
            state: DeliveryState::Pending,
            attempts: 0,
            parked: None,
        })
    }

    fn to_item(&self, due: Timestamp) -> Item {
        let mut item = Key::parcel(&self.id).attributes();
        item.extend([
            ("id".into(), item::text(self.id.as_str())),
            ("parcel_of".into(), item::text(self.account.as_str())),
            ("customer".into(), item::text(self.customer.as_str())),
            ("members".into(), item::json(&self.members)),
            ("value".into(), item::amount(self.value)),
            ("occurred_at".into(), item::time(self.event.occurred_at)),
            ("recorded_at".into(), item::time(self.event.recorded_at)),
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
            event: MeterEventTimes::read(item)?,
            state: DeliveryState::read(item, "stripe")?,
            attempts: item::read_number(item, "attempts")?,
            parked: item::optional_text(item, "parked")?.map(str::to_owned),
        })
    }
}

impl DeliveryQueue {
    /// Freezes a parcel, unless one of its members has changed since it was read. Returns whether it is frozen.
    pub async fn freeze(
        &self,
        parcel: &Parcel,
        members: &[&UsageProgress],
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let now = deadline.start();
        let mut actions = vec![self.table.put_if_absent(parcel.to_item(now))];
        let due = now.saturating_add(MEMBERS_WAIT).unwrap_or(Timestamp::MAX);
        let join = |member: &&UsageProgress| self.join(member, &parcel.id, now, due);
        actions.extend(members.iter().map(join));
        self.table.commit(actions, deadline).await
    }

    /// Makes a usage a member of a parcel, if Stripe has provably never received it.
    fn join(
        &self,
        member: &UsageProgress,
        parcel: &ParcelId,
        now: Timestamp,
        due: Timestamp,
    ) -> TransactWriteItem {
        let change = Change::default()
            .if_state(Sink::StripeMeter, DeliveryState::Pending)
            .if_claims(member.claims)
            .when("attribute_exists(stripe_unsent)")
            .when("attribute_not_exists(parcel)")
            .set("parcel", item::text(parcel.as_str()))
            .set("claims", item::number(member.claims + 1))
            .set("claimed_at", item::time(now))
            .set("pending_due", item::time(due));
        progress::claim(Sink::StripeMeter, change)
            .update(&self.table, &Key::entry(member.entry.id.as_str()))
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
        let change = Change::default()
            .if_state(Sink::StripeMeter, DeliveryState::Pending)
            .if_equal("attempts", item::number(parcel.attempts))
            .set("attempts", item::number(parcel.attempts + 1));
        let change = match mark {
            Some(Mark::Confirmed) => change
                .set_state(Sink::StripeMeter, DeliveryState::Confirmed)
                .unlist(),
            Some(Mark::Parked(why)) => change
                .set_state(Sink::StripeMeter, DeliveryState::Parked)
                .set("parked", item::text(why))
                .unlist(),
            Some(Mark::Unsent(_) | Mark::Absent(_) | Mark::Unclear(_)) | None => {
                change.set("pending_due", item::time(due))
            }
        };
        let update = change.update(&self.table, &Key::parcel(&parcel.id));
        self.table.commit(vec![update], deadline).await
    }
}
