//! Reversals: what refunds and disputes take back of a purchase, and what is given back when they come to nothing.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};

use super::account::{Account, Settlement};
use super::booking::{self, CreditEntry};
use super::grants::Grant;
use super::item::{self, Item, Key, Malformed};
use super::purchase::{Purchase, Reversals};
use super::settlement::{Attempt, Change, entries};
use super::{Error, Ledger};
use crate::id::AccountId;
use crate::patience::Patience;
use crate::sparks::Sparks;

/// How long Sparks that were given back can be used at least.
const RESTORED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A refund or a dispute. The id makes it happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReversal {
    /// Its id at Stripe, `re_…` or `dp_…`.
    pub id: String,
    /// Whose purchase.
    pub account: AccountId,
    /// The id of the credit that the purchase came in with, `cs_…` or `in_…`.
    pub purchase: String,
    /// How much money goes back, in the currency's smallest unit.
    pub amount: i64,
    /// The currency.
    pub currency: String,
}

/// What became of a reversal, or of its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reversed {
    /// It is booked now, with so many Sparks.
    Recorded(Sparks),
    /// It was booked before.
    Replayed,
    /// It had come to nothing before, and is not taken after that.
    Ended,
    /// There is no such purchase: it granted nothing.
    Nothing,
    /// Nothing was paid, or in another currency: nobody can say which share it is.
    NoShare,
}

/// What was bought, with what was taken back of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchased {
    /// The entry that it came in with.
    pub credit: CreditEntry,
    /// Its refunds and disputes.
    pub reversals: Reversals,
}

impl Purchased {
    pub(super) fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            credit: CreditEntry::from_item(item)?,
            reversals: match item::optional_text(item, "reversals")? {
                Some(_) => item::read_json(item, "reversals")?,
                None => Reversals::default(),
            },
        })
    }
}

/// A purchase, and its account as it was read before.
struct Bought {
    found: Account,
    settlement: Settlement,
    credit: CreditEntry,
    purchase: Purchase,
    reversals: Reversals,
    /// What of it has ended, in all.
    ended: Sparks,
}

impl Bought {
    /// What all reversals together may take.
    fn most(&self) -> Option<Sparks> {
        let most = self.credit.sparks.checked_sub(self.ended)?;
        Some(most.max(Sparks::ZERO))
    }
}

impl Ledger {
    /// Takes back the share of a refund or a dispute, once per id: from what is left of the purchase, then from
    /// the other grants, and the rest becomes a debt.
    pub async fn reverse(
        &self,
        new: &NewReversal,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Reversed, Error> {
        let (account, purchase) = (&new.account, new.purchase.as_str());
        let mut failed_attempts = 0;
        while failed_attempts == 0 || patience.another(failed_attempts).await {
            failed_attempts += 1;
            let Some(mut bought) = self.bought(account, purchase, now, patience).await? else {
                return Ok(Reversed::Nothing);
            };
            match bought.reversals.get(&new.id) {
                Some(known) if known.restored => return Ok(Reversed::Ended),
                Some(_) => return Ok(Reversed::Replayed),
                None => {}
            }
            let granted = bought.credit.sparks;
            let share = bought.purchase.share(granted, new.amount, &new.currency);
            let Some(wanted) = share else {
                return Ok(Reversed::NoShare);
            };
            let most = bought.most().ok_or(Error::OutOfRange)?;
            let taken = bought.reversals.take(&new.id, wanted, most);
            let taken = taken.ok_or(Error::OutOfRange)?;
            let mut written = bought.settlement.account.clone();
            let changed = written.take_back(purchase, taken);
            changed.ok_or(Error::OutOfRange)?;
            let entry = booking::reversal_item(account, &new.id, purchase, taken, now);
            if self.book(&bought, &written, entry, now, patience).await? {
                return Ok(Reversed::Recorded(taken));
            }
        }
        Err(Error::Busy("the account kept changing".into()))
    }

    /// Gives back what a reversal took, less what other reversals of the purchase take over, once.
    ///
    /// One that took nothing yet is noted as ended, so that whoever still believes in it takes nothing either.
    pub async fn restore(
        &self,
        ended: &NewReversal,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Reversed, Error> {
        let (account, purchase) = (&ended.account, ended.purchase.as_str());
        let mut failed_attempts = 0;
        while failed_attempts == 0 || patience.another(failed_attempts).await {
            failed_attempts += 1;
            let Some(mut bought) = self.bought(account, purchase, now, patience).await? else {
                return Ok(Reversed::Nothing);
            };
            let known = bought.reversals.get(&ended.id);
            if known.is_some_and(|known| known.restored) {
                return Ok(Reversed::Replayed);
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
                id: booking::restoration_id(&ended.id),
                source: bought.credit.source,
                remaining: restored,
                granted_at: now,
                expires_at: bought.credit.expires_at.map(|end| end.max(at_least)),
                restores: Some(purchase.to_owned()),
            };
            let mut written = bought.settlement.account.clone();
            written.credit(grant.clone()).ok_or(Error::OutOfRange)?;
            let entry = booking::restoration_item(account, &grant, purchase);
            if self.book(&bought, &written, entry, now, patience).await? {
                return Ok(Reversed::Recorded(restored));
            }
        }
        Err(Error::Busy("the account kept changing".into()))
    }

    /// What came in under an id, with what was taken back of it; nothing where nothing did.
    pub async fn purchased(
        &self,
        id: &str,
        patience: &Patience,
    ) -> Result<Option<Purchased>, Error> {
        let item = self.item(&Key::entry(id), patience).await?;
        Ok(item.as_ref().map(Purchased::from_item).transpose()?)
    }

    /// A purchase with its account, and what of it has ended; nothing when it was never credited.
    ///
    /// The account is read first, with nothing due. Whatever changes one of the others changes its version too, and then
    /// what is written on the condition of that version is refused.
    async fn bought(
        &self,
        account: &AccountId,
        purchase: &str,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Option<Bought>, Error> {
        // What has ended is booked first, so that its entries tell how much of the purchase it was.
        let Some(found) = self.settled_account(account, now, patience).await? else {
            return Ok(None);
        };
        let Some(stored) = self.item(&Key::entry(purchase), patience).await? else {
            return Ok(None);
        };
        let Purchased { credit, reversals } = Purchased::from_item(&stored)?;
        let Some(bought) = credit
            .purchase
            .clone()
            .filter(|_| credit.account == *account)
        else {
            return Ok(None);
        };
        let settlement = found.settle(account, now).ok_or(Error::OutOfRange)?;
        Ok(Some(Bought {
            ended: self.ended(purchase, &reversals, patience).await?,
            found,
            settlement,
            credit,
            purchase: bought,
            reversals,
        }))
    }

    /// What is booked as ended of a purchase, restored parts included.
    async fn ended(
        &self,
        purchase: &str,
        reversals: &Reversals,
        patience: &Patience,
    ) -> Result<Sparks, Error> {
        let restored = reversals.all().iter().filter(|reversal| reversal.restored);
        let grants = restored.map(|reversal| booking::restoration_id(&reversal.id));
        let grants = grants.chain([purchase.to_owned()]);
        let keys: Vec<Item> = grants
            .map(|grant| Key::entry(&booking::expiry_id(&grant)).attributes())
            .collect();
        let mut ended = Sparks::ZERO;
        // DynamoDB reads at most 100 at once.
        for keys in keys.chunks(100) {
            for entry in self.items(keys.to_vec(), patience).await? {
                let amount = item::read_amount(&entry, "amount")?;
                ended = ended.checked_sub(amount).ok_or(Error::OutOfRange)?;
            }
        }
        Ok(ended)
    }

    /// Books a change to a purchase, unless something has changed since it was read.
    async fn book(
        &self,
        bought: &Bought,
        written: &Account,
        entry: Item,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<bool, Error> {
        let account = &bought.credit.account;
        let mut booked = vec![entry];
        booked.extend(entries(&bought.settlement, account, now));
        let change = Change {
            read: Some(&bought.found),
            written,
            entries: booked,
            also: vec![self.note_reversals(&bought.credit.id, &bought.reversals)],
        };
        let attempt = self.change(account, change, patience).await?;
        Ok(matches!(attempt, Attempt::Written))
    }

    /// Writes on a purchase what was taken of it. The account's version guards it.
    fn note_reversals(&self, purchase: &str, reversals: &Reversals) -> TransactWriteItem {
        self.update(
            &Key::entry(purchase),
            "attribute_exists(pk)",
            "SET reversals = :reversals",
            [(":reversals", item::json(reversals))],
        )
    }
}
