//! The link between an account and its Stripe customer, in both directions.

use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::Table;
use crate::table::item;
use crate::table::key::Key;
use crate::words::id::{AccountId, CustomerId};

/// The customer of an account, and the number of deleted ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerLink {
    /// The customer; None if it has none yet, or none any more.
    pub customer: Option<CustomerId>,
    /// The number of its customers that were deleted.
    pub generation: u32,
}

/// The links of accounts and customers in the table.
#[derive(Clone, Debug)]
pub struct CustomerLinks {
    table: Table,
}

impl CustomerLinks {
    /// The rows of this table.
    pub const fn over(table: Table) -> Self {
        Self { table }
    }

    /// Reads the Stripe customer of an account.
    pub async fn customer(
        &self,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<CustomerLink, Error> {
        let Some(item) = self.table.item(&Key::customer(account), deadline).await? else {
            return Ok(CustomerLink::default());
        };
        let generation = item::read_number(&item, "generation")?;
        Ok(CustomerLink {
            customer: item::optional_parsed(&item, "customer")?,
            generation: u32::try_from(generation)
                .map_err(|_| Error::Broken("a generation is out of range".into()))?,
        })
    }

    /// Reads the account of a customer at Stripe, even of a deleted one. None if it is not one of our customers.
    pub async fn account_of(
        &self,
        customer: &CustomerId,
        deadline: &Deadline,
    ) -> Result<Option<AccountId>, Error> {
        let item = self
            .table
            .item(&Key::customer_account(customer), deadline)
            .await?;
        Ok(item
            .map(|item| item::read_parsed(&item, "customer_of"))
            .transpose()?)
    }

    /// Reads the account of the customer that an object of Stripe names. None without a customer, too.
    pub async fn account_named(
        &self,
        customer: Option<&str>,
        deadline: &Deadline,
    ) -> Result<Option<AccountId>, Error> {
        match customer.map(str::parse) {
            Some(Ok(customer)) => self.account_of(&customer, deadline).await,
            Some(Err(_)) | None => Ok(None),
        }
    }

    /// Links a customer to an account, unless it has one; returns the linked one.
    pub async fn link_customer(
        &self,
        account: &AccountId,
        customer: &CustomerId,
        generation: u32,
        deadline: &Deadline,
    ) -> Result<CustomerId, Error> {
        let link = self.table.update(
            &Key::customer(account),
            "attribute_not_exists(pk) OR (attribute_not_exists(customer) AND generation = :generation)",
            "SET customer = :customer, generation = :generation",
            [
                (":customer", item::text(customer.as_str())),
                (":generation", item::number(generation)),
            ],
        );
        let mut reverse = Key::customer_account(customer).attributes();
        reverse.insert("customer_of".into(), item::text(account.as_str()));
        let actions = vec![link, self.table.put_if_absent(reverse)];
        if self.table.commit(actions, deadline).await? {
            return Ok(customer.clone());
        }
        let linked = self.customer(account, deadline).await?.customer;
        linked.ok_or_else(|| Error::Broken("the customer belongs to another account".into()))
    }

    /// Unlinks a deleted customer. The next one is created under a new idempotency key.
    ///
    /// The link from the customer to the account stays, for refunds still to come.
    pub async fn unlink_customer(
        &self,
        account: &AccountId,
        customer: &CustomerId,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let actions = vec![self.table.update(
            &Key::customer(account),
            "customer = :customer",
            "ADD generation :one REMOVE customer",
            [
                (":customer", item::text(customer.as_str())),
                (":one", item::number(1)),
            ],
        )];
        // A refusal means that it was unlinked before.
        self.table.commit(actions, deadline).await.map(drop)
    }
}
