//! Corrections: what the operator takes back of a grant, or gives back of a usage, once per entry.
//!
//! The entry that is corrected stays as it is, and so do the roll-ups, the meter and the trace of a usage: it
//! happened. What corrects it is an entry of its own, whose id derives from the other's.

use jiff::Timestamp;

use super::account::Account;
use super::booking::{self, CreditEntry};
use super::credit::MAX_GRANTS;
use super::entry::UsageEntry;
use super::grants::Source;
use super::item::{self, Item, Key, Malformed};
use super::settlement::{Attempt, Change, entries};
use super::{Error, Ledger};
use crate::id::{AccountId, UsageId};
use crate::patience::Patience;
use crate::sparks::Sparks;

/// The longest id that is looked up, in bytes. Keys of the table can have 2,048, and no id comes near.
const MAX_ID_BYTES: usize = 1_024;

/// An entry that corrects another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub account: AccountId,
    /// What it added to the balance: less than nothing where a grant was taken back.
    pub amount: Sparks,
}

/// What became of a correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// It is booked now, and left so much to spend.
    Recorded(Correction, Sparks),
    /// It was booked before; nothing was written.
    Replayed(Correction),
    /// There is no entry of this id.
    NoEntry,
    /// The entry is of a kind that is not corrected here; nothing was written.
    Refused(Irreversible),
    /// The account has too many grants that are not spent; nothing was written.
    TooMany(AccountId),
}

/// What is not corrected here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Irreversible {
    /// Bought Sparks: they follow their refund.
    Purchase,
    /// A month of the free plan.
    Free,
    /// The end of a grant.
    Expiry,
    /// What was taken back of another entry.
    Reversal,
    /// What was given back when a refund or a dispute came to nothing.
    Restoration,
}

/// An entry that can be corrected, and how.
enum Reversible {
    /// A grant: what is left of it is taken back.
    Grant(String),
    /// A usage: all of it is given back.
    Usage(UsageId, Sparks),
}

/// What is to be corrected, and what somebody said of it.
struct Correcting<'a> {
    id: String,
    account: AccountId,
    what: Reversible,
    reason: &'a str,
}

impl Ledger {
    /// Corrects an entry, once: takes back what is left of a grant of the operator's or of a promotion, or gives a
    /// usage's Sparks back as a grant without an end.
    ///
    /// Never leaves a debt: what was spent of a grant stays spent.
    pub async fn correct(
        &self,
        entry: &str,
        reason: &str,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Corrected, Error> {
        if entry.len() > MAX_ID_BYTES {
            return Ok(Corrected::NoEntry);
        }
        let Some(stored) = self.item(&Key::entry(entry), patience).await? else {
            return Ok(Corrected::NoEntry);
        };
        let correcting = Correcting {
            id: booking::correction_id(entry),
            account: item::read_parsed(&stored, "account")?,
            what: match reversible(&stored)? {
                Ok(what) => what,
                Err(refused) => return Ok(Corrected::Refused(refused)),
            },
            reason,
        };
        // Settling would be a change, and what was done before is to change nothing.
        if let Some(done) = self.item(&Key::entry(&correcting.id), patience).await? {
            return Ok(Corrected::Replayed(Correction::from_item(&done)?));
        }
        self.book_correction(&correcting, now, patience).await
    }

    async fn book_correction(
        &self,
        correcting: &Correcting<'_>,
        now: Timestamp,
        patience: &Patience,
    ) -> Result<Corrected, Error> {
        let account = &correcting.account;
        let mut failed_attempts = 0;
        while failed_attempts == 0 || patience.another(failed_attempts).await {
            failed_attempts += 1;
            // What has ended is booked first: it cannot be taken back any more.
            let found = self.settled_account(account, now, patience).await?;
            let found = found.ok_or_else(|| Error::Broken("an account disappeared".into()))?;
            let settlement = found.settle(account, now).ok_or(Error::OutOfRange)?;
            let gives = matches!(correcting.what, Reversible::Usage(..));
            if gives && settlement.account.grants.len() >= MAX_GRANTS {
                return Ok(Corrected::TooMany(account.clone()));
            }
            let mut written = settlement.account.clone();
            let entry = correcting.apply(&mut written, now);
            let entry = entry.ok_or(Error::OutOfRange)?;
            let correction = Correction::from_item(&entry)?;
            let mut booked = vec![entry];
            booked.extend(entries(&settlement, account, now));
            let change = Change {
                read: Some(&found),
                written: &written,
                entries: booked,
                also: Vec::new(),
            };
            match self.change(account, change, patience).await? {
                Attempt::Written => {
                    return Ok(Corrected::Recorded(correction, written.available));
                }
                Attempt::EntryExists(Some(done)) => {
                    return Ok(Corrected::Replayed(Correction::from_item(&done)?));
                }
                Attempt::EntryExists(None) | Attempt::AccountChanged => {}
            }
        }
        Err(Error::Busy("the account kept changing".into()))
    }
}

impl Correcting<'_> {
    /// Changes a settled account; answers the entry that books it. Nothing when an amount would not fit.
    fn apply(&self, account: &mut Account, now: Timestamp) -> Option<Item> {
        match &self.what {
            Reversible::Grant(grant) => {
                let left = account.take_out(grant)?;
                let mut entry = booking::reversal_item(&self.account, &self.id, grant, left, now);
                entry.insert("reason".into(), item::text(self.reason));
                Some(entry)
            }
            Reversible::Usage(usage, sparks) => {
                let credit = CreditEntry {
                    id: self.id.clone(),
                    account: self.account.clone(),
                    source: Source::Manual,
                    sparks: *sparks,
                    expires_at: None,
                    reason: Some(self.reason.to_owned()),
                    free_plan: false,
                    purchase: None,
                    recorded_at: now,
                };
                account.credit(credit.grant())?;
                Some(booking::giving_back_item(&credit, usage))
            }
        }
    }
}

/// What can be done about an entry.
fn reversible(stored: &Item) -> Result<Result<Reversible, Irreversible>, Malformed> {
    Ok(match item::read_text(stored, "kind")? {
        "usage" => {
            let usage = UsageEntry::from_item(stored)?;
            Ok(Reversible::Usage(usage.id, usage.sparks))
        }
        "credit" => {
            let credit = CreditEntry::from_item(stored)?;
            match credit.source {
                _ if credit.purchase.is_some() => Err(Irreversible::Purchase),
                Source::Pack | Source::Plan => Err(Irreversible::Purchase),
                Source::Free => Err(Irreversible::Free),
                Source::Promo | Source::Manual => Ok(Reversible::Grant(credit.id)),
            }
        }
        "expiry" => Err(Irreversible::Expiry),
        "reversal" => Err(Irreversible::Reversal),
        "restoration" => Err(Irreversible::Restoration),
        _ => return Err(Malformed { attribute: "kind" }),
    })
}

impl Correction {
    fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            id: item::read_text(item, "id")?.to_owned(),
            account: item::read_parsed(item, "account")?,
            amount: item::read_amount(item, "amount")?,
        })
    }
}
