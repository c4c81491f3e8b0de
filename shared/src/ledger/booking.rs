//! Entries that change the grants: credits, expiries, claw-backs and restorations. Pure.

use jiff::Timestamp;

use super::account::Account;
use super::entry::{EntryKind, row};
use super::grants::{Grant, Source};
use super::purchase::Purchase;
use crate::table::item::{self, Item, Malformed};
use crate::words::entry_id::EntryId;
use crate::words::id::{AccountId, UsageId};
use crate::words::sparks::Sparks;

/// The plan that a credit may bring with it.
const FREE_PLAN: &str = "free";

/// The entry of Sparks that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditEntry {
    /// The credit's id, derived from its cause.
    pub id: EntryId,
    /// The account that received it.
    pub account: AccountId,
    /// The source of its Sparks.
    pub source: Source,
    /// The Sparks that came in.
    pub sparks: Sparks,
    /// Expiry of what is left of it.
    pub expires_at: Option<Timestamp>,
    /// The reason, in the operator's words.
    pub reason: Option<String>,
    /// True if the account got the free plan with it.
    pub free_plan: bool,
    /// The purchase, if the credit was paid for.
    pub purchase: Option<Purchase>,
    /// The grant that it joins, if it makes none of its own.
    pub joins: Option<EntryId>,
    /// Time of recording.
    pub recorded_at: Timestamp,
}

impl CreditEntry {
    /// The item of a new entry.
    pub(crate) fn to_item(&self) -> Item {
        let mut item = row(
            self.id.as_str(),
            EntryKind::Credit,
            &self.account,
            self.sparks,
            self.recorded_at,
        );
        item.insert("source".into(), item::text(self.source.as_str()));
        if let Some(expires_at) = self.expires_at {
            item.insert("expires_at".into(), item::time(expires_at));
        }
        if let Some(reason) = &self.reason {
            item.insert("reason".into(), item::text(reason));
        }
        if self.free_plan {
            item.insert("plan".into(), item::text(FREE_PLAN));
        }
        if let Some(purchase) = &self.purchase {
            item.insert("purchase".into(), item::json(purchase));
        }
        if let Some(grant) = &self.joins {
            item.insert("joins".into(), item::text(grant.as_str()));
        }
        item
    }

    /// Reads a credit from its item.
    pub(crate) fn from_item(item: &Item) -> Result<Self, Malformed> {
        let source = item::read_text(item, "source")?;
        Ok(Self {
            id: item::read_parsed(item, "id")?,
            account: item::read_parsed(item, "account")?,
            source: Source::named(source).ok_or(Malformed {
                attribute: "source",
            })?,
            sparks: item::read_amount(item, "amount")?,
            expires_at: item::optional_time(item, "expires_at")?,
            reason: item::optional_text(item, "reason")?.map(str::to_owned),
            free_plan: item::optional_text(item, "plan")?.is_some(),
            purchase: item::optional_json(item, "purchase")?,
            joins: item::optional_parsed(item, "joins")?,
            recorded_at: item::read_time(item, "recorded_at")?,
        })
    }

    /// Makes the credit of a grant of the free plan.
    pub(crate) fn of_free_plan(grant: &Grant, account: &AccountId) -> Self {
        Self {
            id: grant.id.clone(),
            account: account.clone(),
            source: grant.source,
            sparks: grant.remaining,
            expires_at: grant.expires_at,
            reason: None,
            free_plan: false,
            purchase: None,
            joins: None,
            recorded_at: grant.granted_at,
        }
    }

    /// Returns the id of the grant that holds its Sparks.
    pub(crate) fn grant_id(&self) -> &EntryId {
        self.joins.as_ref().unwrap_or(&self.id)
    }

    /// Makes the grant that comes in with it.
    pub(crate) fn grant(&self) -> Grant {
        Grant {
            id: self.grant_id().clone(),
            source: self.source,
            remaining: self.sparks,
            granted_at: self.recorded_at,
            expires_at: self.expires_at,
            restores: None,
        }
    }

    /// Returns whether a stored entry is this credit, whenever it was recorded.
    pub(crate) fn is(&self, stored: &Item) -> Result<bool, Malformed> {
        Ok(item::read_text(stored, "account")? == self.account.as_str()
            && item::read_amount(stored, "amount")? == self.sparks
            && item::read_text(stored, "source")? == self.source.as_str()
            && item::optional_text(stored, "reason")? == self.reason.as_deref()
            && item::optional_text(stored, "plan")? == self.free_plan.then_some(FREE_PLAN))
    }
}

/// Makes the entry's item for the expiry of what was left of a grant. None if the amount does not fit.
pub(crate) fn expiry_item(
    account: &AccountId,
    grant: &EntryId,
    lost: Sparks,
    recorded_at: Timestamp,
) -> Option<Item> {
    let mut item = row(
        grant.expiry().as_str(),
        EntryKind::Expiry,
        account,
        lost.checked_neg()?,
        recorded_at,
    );
    item.insert("grant".into(), item::text(grant.as_str()));
    Some(item)
}

/// Makes the entry's item for a claw-back from a credit. The cause is a refund, a dispute or the operator. None if the
/// amount does not fit.
pub(crate) fn reversal_item(
    account: &AccountId,
    id: &EntryId,
    credit: &EntryId,
    taken: Sparks,
    recorded_at: Timestamp,
) -> Option<Item> {
    let amount = taken.checked_neg()?;
    let mut item = row(
        id.as_str(),
        EntryKind::Reversal,
        account,
        amount,
        recorded_at,
    );
    item.insert("reverses".into(), item::text(credit.as_str()));
    Some(item)
}

/// Makes the item of the operator's entry that gives back a usage.
pub(crate) fn giving_back_item(credit: &CreditEntry, usage: &UsageId) -> Item {
    let mut item = credit.to_item();
    item.insert("gives_back".into(), item::text(usage.as_str()));
    item
}

/// Makes the item of the entry that restores, as `grant`, a purchase's reversed Sparks.
pub(crate) fn restoration_item(account: &AccountId, grant: &Grant, purchase: &EntryId) -> Item {
    let mut item = row(
        grant.id.as_str(),
        EntryKind::Restoration,
        account,
        grant.remaining,
        grant.granted_at,
    );
    item.insert("source".into(), item::text(grant.source.as_str()));
    item.insert("restores".into(), item::text(purchase.as_str()));
    if let Some(expires_at) = grant.expires_at {
        item.insert("expires_at".into(), item::time(expires_at));
    }
    item
}

/// Records on an entry after which debits it was booked.
///
/// So the rest of each grant can be recomputed from the entries alone.
pub(crate) fn note_place(entry: &mut Item, written: &Account) {
    entry.extend([
        (
            "grants_version".into(),
            item::number(written.grants_version),
        ),
        ("settled".into(), item::amount(written.settled)),
    ]);
}
