//! The items of an account and of its grants. A reader joins them if they belong together. Pure.

use super::super::account::Account;
use super::Holdings;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::Key;
use crate::words::id::AccountId;

/// The place where the grants of an account are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In the account item, as in item version 1, or nowhere yet.
    Inline,
    /// In an item of their own.
    Apart,
}

/// The account item and the grants item as they were read.
#[derive(Debug)]
pub(crate) enum Read {
    /// There is no account.
    Missing,
    /// The two belong together.
    Whole(Holdings),
    /// The two are of different versions: a change is becoming visible.
    Torn,
}

impl Holdings {
    /// The item of the grants.
    pub(crate) fn grants_item(&self, account: &AccountId) -> Item {
        let mut item = Key::grants(account).attributes();
        item.extend([
            (
                "grants_version".into(),
                item::number(self.account.grants_version),
            ),
            ("grants".into(), item::json(&self.grants)),
        ]);
        item
    }

    /// Joins an account with its grants, if both are of the same version.
    pub(crate) fn from_items(
        account: Option<&Item>,
        grants: Option<&Item>,
    ) -> Result<Read, Malformed> {
        let Some(item) = account else {
            return Ok(Read::Missing);
        };
        let account = Account::from_item(item)?;
        if item.contains_key("grants") {
            return Ok(Read::Whole(Self {
                account,
                grants: item::read_json(item, "grants")?,
                layout: Layout::Inline,
            }));
        }
        let Some(grants) = grants else {
            return Ok(Read::Torn);
        };
        if item::read_number(grants, "grants_version")? != account.grants_version {
            return Ok(Read::Torn);
        }
        Ok(Read::Whole(Self {
            account,
            grants: item::read_json(grants, "grants")?,
            layout: Layout::Apart,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, grant};
    use super::*;

    #[test]
    fn an_account_is_read_back_as_it_was_written() {
        let mut account = Holdings::new(true, at(7));
        account.credit(grant("a", 10, Some(50))).unwrap();
        account.credit(grant("b", 10, None)).unwrap();
        let id = "acct_a".parse().unwrap();
        let (item, grants) = (account.account.to_item(&id), account.grants_item(&id));
        account.layout = Layout::Apart;
        let read = |item, grants| Holdings::from_items(item, grants).unwrap();
        assert!(matches!(read(Some(&item), Some(&grants)), Read::Whole(read) if read == account));
        assert!(matches!(read(None, Some(&grants)), Read::Missing));
        assert!(matches!(read(Some(&item), None), Read::Torn));
        let mut older = grants.clone();
        older.insert("grants_version".into(), item::number(7));
        assert!(matches!(read(Some(&item), Some(&older)), Read::Torn));

        let mut inline = item.clone();
        inline.insert("grants".into(), grants["grants"].clone());
        account.layout = Layout::Inline;
        assert!(matches!(read(Some(&inline), None), Read::Whole(read) if read == account));
    }
}
