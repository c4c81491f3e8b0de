//! The table of the ledger, and the item version that may be stored in it.

use super::{Environment, Error};

/// The layout of stored items. A release reads every version and writes the configured one.
///
/// An existing deployment installs a release with the previous version first, so that all functions read the new
/// items before any of them writes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemVersion {
    /// Grants are a part of the account item. Accounts and services share the ids of usages.
    V1,
    /// Grants are an item of their own. Usages of an account's own token have ids of their own; Sparks that are given
    /// back join one grant of the account.
    V2,
    /// Refunds and disputes that are not final have an item of their own. Credit notes claw Sparks back.
    V3,
}

impl ItemVersion {
    /// The version for new deployments.
    pub const NEWEST: Self = Self::V3;

    const ALL: [(&'static str, Self); 3] = [("1", Self::V1), ("2", Self::V2), ("3", Self::V3)];
}

/// The table of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSettings {
    /// Its name.
    pub name: String,
    /// The version of the items that are written to it.
    pub item_version: ItemVersion,
}

impl Environment<'_> {
    /// `TABLE_NAME`: the table of the ledger. `ITEM_VERSION`: the version of its new items, by default the newest.
    pub fn table(self) -> Result<TableSettings, Error> {
        Ok(TableSettings {
            name: self.required("TABLE_NAME")?,
            item_version: self.item_version()?,
        })
    }

    fn item_version(self) -> Result<ItemVersion, Error> {
        let name = "ITEM_VERSION";
        let Some(text) = self.optional(name) else {
            return Ok(ItemVersion::NEWEST);
        };
        let mut known = ItemVersion::ALL.into_iter();
        let known = known.find(|(number, _)| *number == text);
        known.map(|(_, version)| version).ok_or(Error {
            name,
            problem: "must be `1`, `2` or `3`",
        })
    }
}
