//! Reads of items and of pages, consistent where the table allows it.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::failure;
use super::item::Item;
use super::key::Key;
use super::{Error, Table};
use crate::process::deadline::Deadline;

impl Table {
    /// Reads one item, consistently.
    pub(crate) async fn item(&self, key: &Key, deadline: &Deadline) -> Result<Option<Item>, Error> {
        let get = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(true);
        let answer = self
            .persist(deadline, || async {
                get.clone().send().await.map_err(failure::of_call)
            })
            .await?;
        Ok(answer.item)
    }

    /// Reads items by their keys, consistently, in no order.
    pub(crate) async fn items(
        &self,
        keys: Vec<Item>,
        deadline: &Deadline,
    ) -> Result<Vec<Item>, Error> {
        let mut left = keys;
        let mut found = Vec::with_capacity(left.len());
        let mut rounds = 0;
        while !left.is_empty() {
            if rounds > 0 && !deadline.another(rounds).await {
                return Err(Error::Busy("some items were not read in time".into()));
            }
            rounds += 1;
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()
                .map_err(|error| Error::Broken(error.into()))?;
            let get = self.client.batch_get_item().request_items(&self.name, keys);
            let answer = self
                .persist(deadline, || async {
                    get.clone().send().await.map_err(failure::of_call)
                })
                .await?;
            let mut responses = answer.responses.unwrap_or_default();
            found.extend(responses.remove(&self.name).unwrap_or_default());
            left = answer
                .unprocessed_keys
                .and_then(|mut unprocessed| unprocessed.remove(&self.name))
                .map(|unprocessed| unprocessed.keys)
                .unwrap_or_default();
        }
        Ok(found)
    }

    /// Reads items in the order of their keys.
    pub(crate) async fn by_keys<const N: usize>(
        &self,
        keys: [Key; N],
        deadline: &Deadline,
    ) -> Result<[Option<Item>; N], Error> {
        let mut found = self
            .items(keys.iter().map(Key::attributes).collect(), deadline)
            .await?;
        Ok(keys.map(|key| {
            let place = found.iter().position(|item| key.is_of(item));
            place.map(|place| found.swap_remove(place))
        }))
    }

    /// Reads one page of a query.
    pub(crate) async fn query(
        &self,
        query: &QueryFluentBuilder,
        deadline: &Deadline,
    ) -> Result<QueryOutput, Error> {
        self.persist(deadline, || async {
            query.clone().send().await.map_err(failure::of_call)
        })
        .await
    }

    /// Reads one page of a scan, which only the operator's command makes.
    pub(crate) async fn scan(
        &self,
        scan: &ScanFluentBuilder,
        deadline: &Deadline,
    ) -> Result<ScanOutput, Error> {
        self.persist(deadline, || async {
            scan.clone().send().await.map_err(failure::of_call)
        })
        .await
    }
}
