//! Subscriptions of an account as Stripe last told them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::item::{self, Item, Key, Malformed, Queue};
use super::{Account, Error, Ledger, values};
use crate::id::{AccountId, CustomerId};
use crate::patience::Patience;

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// Its id, `sub_…`.
    pub id: String,
    /// How it stands, in Stripe's words.
    pub status: String,
    /// The plan of the catalogue; nothing when its price is of none.
    pub plan: Option<String>,
    /// When the period ends that is paid for, in seconds since 1970; of several the first.
    pub current_period_end: Option<i64>,
    /// When it ends by itself, in seconds since 1970.
    pub cancel_at: Option<i64>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

/// Words of subscriptions that are over.
const ENDED: [&str; 2] = ["canceled", "incomplete_expired"];

/// How long after the end of a period its renewal is missed, and how often it is looked for then.
const LATE: SignedDuration = SignedDuration::from_hours(1);
const DAILY: SignedDuration = SignedDuration::from_hours(24);

impl Subscribed {
    /// Whether it is not over.
    pub fn is_live(&self) -> bool {
        !ENDED.contains(&self.status.as_str())
    }
}

/// All subscriptions of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Each of them, newest first.
    pub all: Vec<Subscribed>,
    /// When Stripe was asked; nothing when it never was.
    pub as_of: Option<Timestamp>,
    /// Counts the writes.
    version: i64,
}

/// What is known of an account that may have subscriptions.
#[derive(Debug)]
pub struct Subscriber {
    /// The account as it was read, with what is due; nothing when there is none.
    pub account: Option<Account>,
    /// Its customer at Stripe.
    pub customer: Option<CustomerId>,
    /// Its subscriptions as they were last told.
    pub subscriptions: Subscriptions,
}

impl Subscriptions {
    fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            all: item::read_json(item, "subscriptions")?,
            as_of: Some(item::read_time(item, "as_of")?),
            version: item::read_number(item, "version")?,
        })
    }
}

/// When an account's subscriptions are looked into that nobody has told of by then: an hour after the first period that is
/// paid for has ended, and a day later each time. Nothing when all have ended.
fn looked_into(all: &[Subscribed], now: Timestamp) -> Option<Timestamp> {
    let live = all.iter().filter(|one| one.is_live());
    let ends = live.filter_map(|one| one.current_period_end).min()?;
    let due = Timestamp::from_second(ends)
        .ok()?
        .saturating_add(LATE)
        .ok()?;
    let tomorrow = now.saturating_add(DAILY).ok()?;
    Some(if due > now { due } else { tomorrow })
}

impl Ledger {
    /// An account with its customer and its subscriptions.
    pub async fn subscriber(
        &self,
        account: &AccountId,
        patience: &Patience,
    ) -> Result<Subscriber, Error> {
        let keys = [
            Key::account(account),
            Key::customer(account),
            Key::subscriptions(account),
        ];
        let [account, customer, subscriptions] = self.by_keys(keys, patience).await?;
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

    /// Keeps what Stripe told of an account's subscriptions, unless something was kept since `read`.
    ///
    /// Whoever writes has asked Stripe after it had read, so nothing older ever takes the place of something
    /// newer. Whoever is refused reads and asks again.
    pub async fn keep_subscriptions(
        &self,
        account: &AccountId,
        read: &Subscriptions,
        all: &[Subscribed],
        now: Timestamp,
        patience: &Patience,
    ) -> Result<bool, Error> {
        let mut values = values([
            (":version_before", item::number(read.version)),
            (":version", item::number(read.version.saturating_add(1))),
            (":subscriptions", item::json(&all)),
            (":as_of", item::time(now)),
        ]);
        let listed = match looked_into(all, now) {
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
        // Refused because an earlier attempt was written, it is read and asked for once more.
        let update = self.update_with(&key, condition, &change, values);
        self.apply(update, patience).await
    }
}
