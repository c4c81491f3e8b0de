//! Corrections: the operator takes back a grant, or gives back a usage, once per entry.
//!
//! The corrected entry stays as it is, and so do a usage's roll-ups, meter event and trace: the usage happened. The
//! correction is an entry of its own, whose id derives from the other's.

use jiff::Timestamp;

use super::booking::{self, CreditEntry};
use super::change::{Change, Decision, Start};
use super::credit::MAX_GRANTS;
use super::entry::{EntryKind, UsageEntry};
use super::grants::Source;
use super::holdings::Holdings;
use super::settlement::entries;
use super::{Error, Ledger};
use crate::process::config::ItemVersion;
use crate::process::deadline::Deadline;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::Key;
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, UsageId};
use crate::words::sparks::Sparks;

/// An entry that corrects another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Its id.
    pub id: EntryId,
    /// The account of both entries.
    pub account: AccountId,
    /// The amount added to the balance; negative if a grant was taken back.
    pub amount: Sparks,
}

/// The outcome of a correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// It is booked now, and leaves this balance.
    Recorded(Correction, Sparks),
    /// It was booked before; nothing was written.
    Replayed(Correction),
    /// There is no entry with this id.
    NoEntry,
    /// Entries of its kind cannot be corrected; nothing was written.
    Refused(Irreversible),
    /// The account has too many unspent grants; nothing was written.
    TooMany(AccountId),
}

/// The kinds of entries that cannot be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Irreversible {
    /// Bought Sparks: their refund claws them back.
    Purchase,
    /// A month of the free plan.
    Free,
    /// The expiry of a grant.
    Expiry,
    /// A claw-back from another entry.
    Reversal,
    /// Sparks restored after a failed refund or a won dispute.
    Restoration,
}

/// An entry that can be corrected, and the way to do it.
enum Reversible {
    /// A credit: what is left of it is taken back.
    Credit(Box<CreditEntry>),
    /// A usage: all of it is given back.
    Usage(UsageId, Sparks),
}

/// A correction to book, and the operator's reason.
struct Correcting<'a> {
    id: EntryId,
    account: AccountId,
    what: Reversible,
    reason: &'a str,
    /// The grant that the returned Sparks join.
    returned: Option<EntryId>,
}

impl Ledger {
    /// Corrects an entry, once.
    ///
    /// Takes back what is left of a manual or promotional grant, or gives a usage's Sparks back as a grant that does
    /// not expire.
    ///
    /// Never leaves a debt: spent Sparks of a grant stay spent.
    pub async fn correct(
        &self,
        entry: &EntryId,
        reason: &str,
        deadline: &Deadline,
    ) -> Result<Corrected, Error> {
        let key = Key::entry(entry.as_str());
        let Some(stored) = self.table.item(&key, deadline).await? else {
            return Ok(Corrected::NoEntry);
        };
        let account: AccountId = item::read_parsed(&stored, "account")?;
        let returned = EntryId::returned(&account);
        let correcting = Correcting {
            id: entry.correction(),
            returned: (self.table.item_version >= ItemVersion::V2).then_some(returned),
            account,
            what: match reversible(&stored)? {
                Ok(what) => what,
                Err(refused) => return Ok(Corrected::Refused(refused)),
            },
            reason,
        };
        // Settling would be a change, but a replay must not change anything.
        if let Some(done) = self
            .table
            .item(&Key::entry(correcting.id.as_str()), deadline)
            .await?
        {
            return Ok(Corrected::Replayed(Correction::from_item(&done)?));
        }
        self.book_correction(&correcting, deadline).await
    }

    async fn book_correction(
        &self,
        correcting: &Correcting<'_>,
        deadline: &Deadline,
    ) -> Result<Corrected, Error> {
        let now = deadline.start();
        let account = &correcting.account;
        // Expiries are booked first: expired Sparks cannot be taken back.
        let found = self.settled_holdings(account, deadline).await?;
        let decide = move |found: Option<Holdings>| async move {
            let found = found.ok_or_else(|| Error::Broken("an account disappeared".into()))?;
            let settlement = found.settle(account, now).ok_or(Error::OutOfRange)?;
            let mut written = settlement.holdings.clone();
            let entry = correcting.apply(&mut written, now);
            let entry = entry.ok_or(Error::OutOfRange)?;
            if written.grants.len() > MAX_GRANTS.max(settlement.holdings.grants.len()) {
                return Ok(Decision::Done(Corrected::TooMany(account.clone())));
            }
            let correction = Correction::from_item(&entry)?;
            let mut booked = vec![entry];
            booked.extend(entries(&settlement, account, now).ok_or(Error::OutOfRange)?);
            let outcome = Corrected::Recorded(correction, written.account.available);
            let change = Change {
                written,
                entries: booked,
                also: Vec::new(),
            };
            Ok(Decision::Write(change, outcome))
        };
        let known = |stored: Option<Item>| {
            let done = stored.as_ref().map(Correction::from_item).transpose()?;
            Ok(done.map(Corrected::Replayed))
        };
        self.change(account, Start::Read(found), deadline, decide, known)
            .await
    }
}

impl Correcting<'_> {
    /// Changes a settled account. Returns the entry that books it, or None if an amount would not fit.
    fn apply(&self, holdings: &mut Holdings, now: Timestamp) -> Option<Item> {
        match &self.what {
            Reversible::Credit(credit) => {
                let left = holdings.take_out(credit.grant_id(), credit.sparks)?;
                let (account, id) = (&self.account, &self.id);
                let mut entry = booking::reversal_item(account, id, &credit.id, left, now)?;
                entry.insert("reason".into(), item::text(self.reason));
                if let Some(grant) = &credit.joins {
                    entry.insert("joins".into(), item::text(grant.as_str()));
                }
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
                    joins: self.returned.clone(),
                    recorded_at: now,
                };
                holdings.credit(credit.grant())?;
                Some(booking::giving_back_item(&credit, usage))
            }
        }
    }
}

/// Returns how an entry can be corrected, or why it cannot.
fn reversible(stored: &Item) -> Result<Result<Reversible, Irreversible>, Malformed> {
    Ok(match EntryKind::read(stored)? {
        EntryKind::Usage => {
            let usage = UsageEntry::from_item(stored)?;
            Ok(Reversible::Usage(usage.id, usage.sparks))
        }
        EntryKind::Credit => {
            let credit = CreditEntry::from_item(stored)?;
            match credit.source {
                _ if credit.purchase.is_some() => Err(Irreversible::Purchase),
                Source::Pack | Source::Plan => Err(Irreversible::Purchase),
                Source::Free => Err(Irreversible::Free),
                Source::Promo | Source::Manual => Ok(Reversible::Credit(Box::new(credit))),
            }
        }
        EntryKind::Expiry => Err(Irreversible::Expiry),
        EntryKind::Reversal => Err(Irreversible::Reversal),
        EntryKind::Restoration => Err(Irreversible::Restoration),
    })
}

impl Correction {
    fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            id: item::read_parsed(item, "id")?,
            account: item::read_parsed(item, "account")?,
            amount: item::read_amount(item, "amount")?,
        })
    }
}
