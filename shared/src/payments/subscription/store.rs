//! Subscriptions of an account, as Stripe last reported them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ledger::Account;
use crate::process::deadline::Deadline;
use crate::providers::stripe::SubscriptionStatus;
use crate::table::Error;
use crate::table::Table;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::{Key, Queue};
use crate::table::values;
use crate::words::id::{AccountId, CustomerId, InvoiceId, SubscriptionId};

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSubscription {
    /// Its id, `sub_…`.
    pub id: SubscriptionId,
    /// Its status at Stripe.
    pub status: SubscriptionStatus,
    /// The plan of the catalogue; None if the price is not in the catalogue.
    pub plan: Option<String>,
    /// End of the current period, in Unix seconds: the earliest of its items. Stripe moves it before it
    /// charges.
    pub current_period_end: Option<i64>,
    /// The time at which it ends by itself, in seconds since 1970.
    pub cancel_at: Option<i64>,
    /// Time of creation, in seconds since 1970.
    pub created: i64,
    /// Its invoices that may still bring Sparks. They are the latest one, and older ones that were not settled when
    /// last seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<AwaitedInvoice>,
}

/// An invoice that may still bring Sparks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedInvoice {
    /// Its id, `in_…`.
    pub invoice: InvoiceId,
    /// Time of creation, in seconds since 1970.
    pub created: i64,
    /// True if Stripe advances it by itself. Stripe will finalise a draft, or charge an open invoice.
    pub advances: bool,
}

/// Delay from the end of a period to the first look at its renewal. Stripe charges about an hour after the end.
/// <https://docs.stripe.com/billing/invoices/subscription#draft-invoice>
const LATE: SignedDuration = SignedDuration::from_hours(1);

/// Intervals between looks. Hourly at an invoice that Stripe advances by itself, daily at anything else.
const HOURLY: SignedDuration = SignedDuration::from_hours(1);
const DAILY: SignedDuration = SignedDuration::from_hours(24);

/// Time for which the last invoice of an ended subscription is checked. `sparks reconcile` finds a later payment.
const AFTER_END: SignedDuration = SignedDuration::from_hours(30 * 24);

impl StoredSubscription {
    /// Returns whether it is not over.
    pub const fn is_live(&self) -> bool {
        match self.status {
            SubscriptionStatus::Active
            | SubscriptionStatus::Trialing
            | SubscriptionStatus::PastDue
            | SubscriptionStatus::Unpaid
            | SubscriptionStatus::Paused
            | SubscriptionStatus::Incomplete
            | SubscriptionStatus::Other(_) => true,
            SubscriptionStatus::IncompleteExpired | SubscriptionStatus::Canceled => false,
        }
    }

    /// Returns whether its periods are paid or may yet be paid. An `incomplete` one ends by itself if its first payment
    /// does not come.
    pub fn is_paid_for(&self) -> bool {
        self.is_live() && self.status != SubscriptionStatus::Incomplete
    }

    /// Returns whether one of its invoices may have been paid without a webhook.
    pub fn may_be_paid(&self) -> bool {
        self.is_live() || !self.awaits.is_empty()
    }

    /// Returns the time of the next look if no webhook arrives. None if there is none.
    ///
    /// The next look depends on what was credited, not on the period that Stripe is in: an awaited invoice keeps a
    /// look due until it is credited, void or uncollectible.
    fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let looks = [
            self.next_look_at_invoices(now),
            self.next_look_at_period(now),
        ];
        looks.into_iter().flatten().min()
    }

    fn next_look_at_invoices(&self, now: Timestamp) -> Option<Timestamp> {
        let newest = self.awaits.iter().map(|one| one.created).max()?;
        let daily = now.saturating_add(DAILY).ok();
        if !self.is_live() {
            let created = Timestamp::from_second(newest).ok()?;
            return daily.filter(|_| now.duration_since(created) < AFTER_END);
        }
        if self.awaits.iter().any(|one| one.advances) {
            return now.saturating_add(HOURLY).ok();
        }
        daily
    }

    fn next_look_at_period(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.is_live() {
            return None;
        }
        let end = Timestamp::from_second(self.current_period_end?).ok()?;
        let late = end.saturating_add(LATE).ok()?;
        if late > now {
            return Some(late);
        }
        // Stripe is late with the next period, or there is none.
        let pause = if now.duration_since(end) < DAILY {
            HOURLY
        } else {
            DAILY
        };
        now.saturating_add(pause).ok()
    }
}

/// All subscriptions of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Each of them, newest first.
    pub all: Vec<StoredSubscription>,
    /// The time at which Stripe had them like this; None if they were never written.
    pub as_of: Option<Timestamp>,
    /// The time of the next look.
    due: Option<Timestamp>,
    /// Counts the writes.
    version: i64,
}

/// An account that may have subscriptions.
#[derive(Debug)]
pub struct Subscriber {
    /// The account as it was read, with what is due not settled. None if there is no account.
    pub account: Option<Account>,
    /// Its customer at Stripe.
    pub customer: Option<CustomerId>,
    /// Its subscriptions, as Stripe last reported them.
    pub subscriptions: Subscriptions,
}

impl Subscriptions {
    fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            all: item::read_json(item, "subscriptions")?,
            as_of: Some(item::read_time(item, "as_of")?),
            due: item::optional_time(item, "pending_due")?,
            version: item::read_number(item, "version")?,
        })
    }
}

/// The subscriptions of accounts in the table.
#[derive(Clone, Debug)]
pub struct Subscribers {
    table: Table,
}

impl Subscribers {
    /// The rows of this table.
    pub const fn over(table: Table) -> Self {
        Self { table }
    }

    /// Reads an account with its customer and its subscriptions.
    pub async fn subscriber(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Subscriber, Error> {
        let keys = [
            Key::account(account),
            Key::customer(account),
            Key::subscriptions(account),
        ];
        let [account, customer, subscriptions] = self.table.by_keys(keys, deadline).await?;
        Ok(Subscriber {
            account: account.as_ref().map(Account::from_item).transpose()?,
            customer: match &customer {
                Some(link) if item::optional_text(link, "customer")?.is_some() => {
                    Some(item::read_parsed(link, "customer")?)
                }
                _ => None,
            },
            subscriptions: match &subscriptions {
                Some(stored) => Subscriptions::from_item(stored)?,
                None => Subscriptions::default(),
            },
        })
    }

    /// Stores an account's subscriptions as Stripe has them; false if others were stored since `read`.
    ///
    /// The caller asks Stripe after reading, so older data never replaces newer data. A caller that is refused reads
    /// and asks Stripe again. Nothing is written if nothing has changed and the next look is due in time.
    pub async fn keep_subscriptions(
        &self,
        account: &AccountId,
        read: &Subscriptions,
        all: &[StoredSubscription],
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let now = deadline.start();
        let due = all.iter().filter_map(|one| one.next_look(now)).min();
        let is_due_in_time = match (read.due, due) {
            (Some(stored), Some(due)) => now < stored && stored <= due,
            (None, None) => true,
            _ => false,
        };
        if read.as_of.is_some() && read.all == all && is_due_in_time {
            return Ok(true);
        }
        let mut values = values([
            (":version_before", item::number(read.version)),
            (":version", item::number(read.version.saturating_add(1))),
            (":subscriptions", item::json(&all)),
            (":as_of", item::time(now)),
        ]);
        let listed = match due {
            Some(due) => {
                values.extend([
                    (":bucket".to_owned(), Queue::Due.of(account)),
                    (":due".to_owned(), item::time(due)),
                ]);
                ", pending_bucket = :bucket, pending_due = :due"
            }
            None => " REMOVE pending_bucket, pending_due",
        };
        let change = format!(
            "SET subscriptions = :subscriptions, as_of = :as_of, version = :version{listed}"
        );
        let condition = "attribute_not_exists(pk) OR version = :version_before";
        let key = Key::subscriptions(account);
        // If an earlier attempt was written, this one is refused, and the caller reads and asks Stripe once more.
        let update = self.table.update_with(&key, condition, &change, values);
        self.table.apply(update, deadline).await
    }
}
