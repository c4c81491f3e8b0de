//! Claws back Sparks for refunds and disputes, and restores them if those are undone.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};

use super::booking::{self, CreditEntry};
use super::change::{Change, Decision, Start};
use super::grants::Grant;
use super::holdings::{Holdings, Settlement};
use super::purchase::{Part, Purchase, Reversals};
use super::settlement::entries;
use super::{Error, Ledger};
use crate::process::deadline::Deadline;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::Key;
use crate::table::values;
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, ReversalId};
use crate::words::sparks::Sparks;

/// Minimum time for which restored Sparks can be used.
const RESTORED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A refund, a dispute or a credit note. The id makes it happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReversal {
    /// Its id at Stripe, `re_…`, `dp_…` or `cn_…`.
    pub id: ReversalId,
    /// The account that made the purchase.
    pub account: AccountId,
    /// The id of the purchase's credit, `cs_…` or `in_…`.
    pub purchase: EntryId,
    /// The part of the payment that is paid back.
    pub part: Part,
}

/// The outcome of a reversal, or of its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReversalOutcome {
    /// It is booked now, with this amount.
    Recorded(Sparks),
    /// It was booked before.
    Replayed,
    /// It had failed or was won before, so it takes nothing.
    Ended,
    /// There is no such purchase: it granted nothing.
    Nothing,
    /// Nothing was paid, or in another currency: the share is undefined, and nothing was written.
    NoShare,
}

/// A purchase with its reversals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseWithReversals {
    /// The credit entry of the purchase.
    pub credit: CreditEntry,
    /// Its refunds and disputes.
    pub reversals: Reversals,
}

impl PurchaseWithReversals {
    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            credit: CreditEntry::from_item(item)?,
            reversals: item::optional_json(item, "reversals")?.unwrap_or_default(),
        })
    }
}

/// A purchase, and its account as it was read before.
struct Bought {
    settlement: Settlement,
    credit: CreditEntry,
    purchase: Purchase,
    reversals: Reversals,
    /// Its reversals as they are stored.
    noted: Option<AttributeValue>,
    /// The Sparks of it that have expired, in all.
    ended: Sparks,
    /// Its grants for which no expiry is booked.
    not_ended: Vec<EntryId>,
}

impl Bought {
    /// Returns the most that all reversals together may take.
    fn most(&self) -> Option<Sparks> {
        let most = self.credit.sparks.checked_sub(self.ended)?;
        Some(most.max(Sparks::ZERO))
    }
}

impl Ledger {
    /// Claws back the share of a refund or a dispute, once per id.
    ///
    /// It takes from what is left of the purchase, then from the other grants; the rest becomes a debt.
    pub async fn reverse(
        &self,
        new: &NewReversal,
        deadline: &Deadline,
    ) -> Result<ReversalOutcome, Error> {
        let now = deadline.start();
        let (account, purchase) = (&new.account, &new.purchase);
        let decide = move |found: Option<Holdings>| async move {
            let bought = self.bought(account, found, purchase, deadline);
            let Some(mut bought) = bought.await? else {
                return Ok(Decision::Done(ReversalOutcome::Nothing));
            };
            match bought.reversals.get(&new.id) {
                Some(known) if known.restored => return Ok(Decision::Done(ReversalOutcome::Ended)),
                Some(_) => return Ok(Decision::Done(ReversalOutcome::Replayed)),
                None => {}
            }
            let granted = bought.credit.sparks;
            let share = bought.purchase.share(granted, new.part);
            let Some(wanted) = share else {
                return Ok(Decision::Done(ReversalOutcome::NoShare));
            };
            let most = bought.most().ok_or(Error::OutOfRange)?;
            let taken = bought.reversals.take(&new.id, wanted, most);
            let taken = taken.ok_or(Error::OutOfRange)?;
            let mut written = bought.settlement.holdings.clone();
            let changed = written.take_back(purchase, taken);
            changed.ok_or(Error::OutOfRange)?;
            let id = EntryId::from(&new.id);
            let entry = booking::reversal_item(account, &id, purchase, taken, now);
            let entry = entry.ok_or(Error::OutOfRange)?;
            let change = self.booking(&bought, written, entry, now)?;
            Ok(Decision::Write(change, ReversalOutcome::Recorded(taken)))
        };
        self.change_settled(account, deadline, decide).await
    }

    /// Gives back the Sparks that a reversal took, once.
    ///
    /// Other reversals of the purchase take over their missing parts first.
    ///
    /// A reversal that took nothing yet is recorded as ended, so that it takes nothing later either.
    pub async fn restore(
        &self,
        ended: &NewReversal,
        deadline: &Deadline,
    ) -> Result<ReversalOutcome, Error> {
        let now = deadline.start();
        let (account, purchase) = (&ended.account, &ended.purchase);
        let decide = move |found: Option<Holdings>| async move {
            let bought = self.bought(account, found, purchase, deadline);
            let Some(mut bought) = bought.await? else {
                return Ok(Decision::Done(ReversalOutcome::Nothing));
            };
            let known = bought.reversals.get(&ended.id);
            if known.is_some_and(|known| known.restored) {
                return Ok(Decision::Done(ReversalOutcome::Replayed));
            }
            let most = bought.most().ok_or(Error::OutOfRange)?;
            if known.is_none() {
                let taken = bought.reversals.take(&ended.id, Sparks::ZERO, most);
                taken.ok_or(Error::OutOfRange)?;
            }
            let restored = bought.reversals.restore(&ended.id, most);
            let restored = restored.ok_or(Error::OutOfRange)?;
            let at_least = now.saturating_add(RESTORED_FOR).unwrap_or(Timestamp::MAX);
            let grant = Grant {
                id: EntryId::restoration(&ended.id),
                source: bought.credit.source,
                remaining: restored,
                granted_at: now,
                expires_at: bought.credit.expires_at.map(|end| end.max(at_least)),
                restores: Some(purchase.clone()),
            };
            let mut written = bought.settlement.holdings.clone();
            written.credit(grant.clone()).ok_or(Error::OutOfRange)?;
            let entry = booking::restoration_item(account, &grant, purchase);
            let change = self.booking(&bought, written, entry, now)?;
            Ok(Decision::Write(change, ReversalOutcome::Recorded(restored)))
        };
        self.change_settled(account, deadline, decide).await
    }

    /// Changes an account after booking its expiries. So its entries show how much of a purchase has expired.
    async fn change_settled<F>(
        &self,
        account: &AccountId,
        deadline: &Deadline,
        decide: impl FnMut(Option<Holdings>) -> F,
    ) -> Result<ReversalOutcome, Error>
    where
        F: Future<Output = Result<Decision<ReversalOutcome>, Error>>,
    {
        let found = self.settled_holdings(account, deadline).await?;
        let start = Start::Read(found);
        self.change(account, start, deadline, decide, |_| Ok(None))
            .await
    }

    /// Reads the credit of an id with its reversals; None if there is none.
    pub async fn purchased(
        &self,
        id: &EntryId,
        deadline: &Deadline,
    ) -> Result<Option<PurchaseWithReversals>, Error> {
        let item = self.table.item(&Key::entry(id.as_str()), deadline).await?;
        Ok(item
            .as_ref()
            .map(PurchaseWithReversals::from_item)
            .transpose()?)
    }

    /// Reads a purchase with its account, and how much of it has expired. The account is as it was read before. None if
    /// the purchase was never credited.
    ///
    /// The items are read one by one, so they may be of different moments. [`Ledger::booking`] writes on the condition
    /// that each of them is still as it was read.
    async fn bought(
        &self,
        account: &AccountId,
        found: Option<Holdings>,
        purchase: &EntryId,
        deadline: &Deadline,
    ) -> Result<Option<Bought>, Error> {
        let now = deadline.start();
        let Some(found) = found else {
            return Ok(None);
        };
        let key = Key::entry(purchase.as_str());
        let Some(stored) = self.table.item(&key, deadline).await? else {
            return Ok(None);
        };
        let PurchaseWithReversals { credit, reversals } =
            PurchaseWithReversals::from_item(&stored)?;
        let Some(bought) = credit
            .purchase
            .clone()
            .filter(|_| credit.account == *account)
        else {
            return Ok(None);
        };
        let settlement = found.settle(account, now).ok_or(Error::OutOfRange)?;
        let grants = grants_of(purchase, &reversals);
        let (mut ended, not_ended) = self.ended(&grants, deadline).await?;
        // Grants that expire with this change are booked with it.
        for grant in settlement
            .ended
            .iter()
            .filter(|grant| grants.contains(&grant.id))
        {
            ended = ended
                .checked_add(grant.remaining)
                .ok_or(Error::OutOfRange)?;
        }
        let settles = |id: &EntryId| settlement.ended.iter().any(|grant| grant.id == *id);
        let not_ended = not_ended.into_iter().filter(|id| !settles(id)).collect();
        Ok(Some(Bought {
            ended,
            not_ended,
            settlement,
            credit,
            purchase: bought,
            noted: stored.get("reversals").cloned(),
            reversals,
        }))
    }

    /// Returns the Sparks of grants booked as expired, and the grants with no such booking.
    async fn ended(
        &self,
        grants: &[EntryId],
        deadline: &Deadline,
    ) -> Result<(Sparks, Vec<EntryId>), Error> {
        let keys: Vec<Key> = grants
            .iter()
            .map(|grant| Key::entry(grant.expiry().as_str()))
            .collect();
        let mut ended = Sparks::ZERO;
        let mut not_ended = grants.to_vec();
        // DynamoDB reads at most 100 at once.
        for keys in keys.chunks(100) {
            let keys = keys.iter().map(Key::attributes).collect();
            for entry in self.table.items(keys, deadline).await? {
                let amount = item::read_amount(&entry, "amount")?;
                ended = ended.checked_sub(amount).ok_or(Error::OutOfRange)?;
                let grant: EntryId = item::read_parsed(&entry, "grant")?;
                not_ended.retain(|known| *known != grant);
            }
        }
        Ok((ended, not_ended))
    }

    /// The change that books an entry about a purchase. Its condition is that all of it is as it was read.
    fn booking(
        &self,
        bought: &Bought,
        written: Holdings,
        entry: Item,
        now: Timestamp,
    ) -> Result<Change, Error> {
        let account = &bought.credit.account;
        let mut booked = vec![entry];
        booked.extend(entries(&bought.settlement, account, now).ok_or(Error::OutOfRange)?);
        let absent = bought.not_ended.iter().map(|grant| {
            let ended = Key::entry(grant.expiry().as_str());
            self.table.check_absent(&ended)
        });
        let mut also: Vec<TransactWriteItem> = absent.collect();
        also.push(self.note_reversals(bought));
        Ok(Change {
            written,
            entries: booked,
            also,
        })
    }

    /// Writes the reversals onto a purchase, unless they have changed since they were read.
    fn note_reversals(&self, bought: &Bought) -> TransactWriteItem {
        let mut values = values([(":reversals", item::json(&bought.reversals))]);
        let condition = match &bought.noted {
            Some(noted) => {
                values.insert(":noted".into(), noted.clone());
                "reversals = :noted"
            }
            None => "attribute_exists(pk) AND attribute_not_exists(reversals)",
        };
        self.table.update_with(
            &Key::entry(bought.credit.id.as_str()),
            condition,
            "SET reversals = :reversals",
            values,
        )
    }
}

/// Returns the grants that may hold a purchase's Sparks. They are its own, and those that restored a part of it.
fn grants_of(purchase: &EntryId, reversals: &Reversals) -> Vec<EntryId> {
    let restored = reversals.all().iter().filter(|reversal| reversal.restored);
    let restored = restored.map(|reversal| EntryId::restoration(&reversal.id));
    [purchase.clone()].into_iter().chain(restored).collect()
}
