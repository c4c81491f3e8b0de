//! Which Stripe customer an account is, both ways.

use super::calls::Judged;
use super::item::{self, Key};
use super::{Error, Ledger};
use crate::id::{AccountId, CustomerId};
use crate::patience::Patience;

impl Ledger {
    /// The Stripe customer of an account; nothing when it has none yet.
    pub async fn customer(
        &self,
        account: &AccountId,
        patience: &Patience,
    ) -> Result<Option<CustomerId>, Error> {
        let item = self.item(&Key::customer(account), patience).await?;
        Ok(item
            .map(|item| item::read_parsed(&item, "customer"))
            .transpose()?)
    }

    /// Links an account and a customer, unless the account has one; answers the one it has.
    pub async fn link_customer(
        &self,
        account: &AccountId,
        customer: &CustomerId,
        generation: u32,
        patience: &Patience,
    ) -> Result<CustomerId, Error> {
        let mut forward = Key::customer(account).attributes();
        forward.insert("customer".into(), item::text(customer.as_str()));
        forward.insert("generation".into(), item::number(generation));
        let mut reverse = Key::customer_account(customer).attributes();
        reverse.insert("customer_of".into(), item::text(account.as_str()));
        let actions = [self.put_if_absent(forward), self.put_if_absent(reverse)];
        match self.transact(&actions, patience).await? {
            Judged::Committed => Ok(customer.clone()),
            Judged::Refused(_) => {
                let linked = self.customer(account, patience).await?;
                linked
                    .ok_or_else(|| Error::Broken("the customer belongs to another account".into()))
            }
        }
    }
}
