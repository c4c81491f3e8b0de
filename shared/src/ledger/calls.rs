//! How DynamoDB is called: until it succeeds, cannot succeed, or the patience ends.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};

use super::failure::{self, Failure, Verdict};
use super::item::{Item, Key};
use super::{Error, Ledger, values};
use crate::patience::Patience;

/// How a transaction ended that DynamoDB has judged.
#[derive(Debug)]
pub(super) enum Judged {
    /// All of it is written.
    Committed,
    /// Nothing is written: a verdict per action, in order.
    Refused(Vec<Verdict>),
}

impl Ledger {
    /// Sends actions as one transaction until DynamoDB has judged it.
    ///
    /// The same bytes keep their token, so a commit whose reply was lost is found, not repeated.
    pub(super) async fn transact(
        &self,
        actions: Vec<TransactWriteItem>,
        patience: &Patience,
    ) -> Result<Judged, Error> {
        let transaction = self
            .client
            .transact_write_items()
            .set_transact_items(Some(actions))
            .client_request_token(format!("{:032x}", fastrand::u128(..)));
        self.persist(patience, || async {
            match transaction.clone().send().await {
                Ok(_) => Ok(Judged::Committed),
                Err(error) => match failure::of_transaction(error) {
                    Failure::Refused(verdicts) => Ok(Judged::Refused(verdicts)),
                    failure => Err(failure),
                },
            }
        })
        .await
    }

    /// Sends one update, which costs half of what a transaction does; answers whether its condition held.
    pub(super) async fn update_if(
        &self,
        update: UpdateItemFluentBuilder,
        patience: &Patience,
    ) -> Result<bool, Error> {
        self.persist(patience, || async {
            match update.clone().send().await {
                Ok(_) => Ok(true),
                Err(error) => match error.as_service_error() {
                    Some(cause) if cause.is_conditional_check_failed_exception() => Ok(false),
                    _ => Err(failure::of_call(error)),
                },
            }
        })
        .await
    }

    /// Puts an item that must not exist yet; a refusal returns the one that does.
    pub(super) fn put_if_absent(&self, item: Item) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .expect("table and item are set");
        TransactWriteItem::builder().put(put).build()
    }

    /// Changes an item on a condition.
    pub(super) fn update<const N: usize>(
        &self,
        key: &Key,
        condition: &str,
        expression: &str,
        pairs: [(&str, AttributeValue); N],
    ) -> TransactWriteItem {
        self.update_with(key, condition, expression, values(pairs))
    }

    /// The same with any values.
    pub(super) fn update_with(
        &self,
        key: &Key,
        condition: &str,
        expression: &str,
        values: Item,
    ) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .update_expression(expression)
            .set_expression_attribute_values(Some(values))
            .build()
            .expect("key, table and expression are set");
        TransactWriteItem::builder().update(update).build()
    }

    /// Reads one item, consistently.
    pub(super) async fn item(&self, key: &Key, patience: &Patience) -> Result<Option<Item>, Error> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .consistent_read(true);
        let answer = self
            .persist(patience, || async {
                get.clone().send().await.map_err(failure::of_call)
            })
            .await?;
        Ok(answer.item)
    }

    /// Reads items by their keys, consistently and in no order.
    pub(super) async fn items(
        &self,
        keys: Vec<Item>,
        patience: &Patience,
    ) -> Result<Vec<Item>, Error> {
        let mut left = keys;
        let mut found = Vec::with_capacity(left.len());
        let mut rounds = 0;
        while !left.is_empty() {
            if rounds > 0 && !patience.another(rounds).await {
                return Err(Error::Busy("some items were not read in time".into()));
            }
            rounds += 1;
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()
                .map_err(|error| Error::Broken(error.into()))?;
            let get = self
                .client
                .batch_get_item()
                .request_items(&self.table, keys);
            let answer = self
                .persist(patience, || async {
                    get.clone().send().await.map_err(failure::of_call)
                })
                .await?;
            let mut responses = answer.responses.unwrap_or_default();
            found.extend(responses.remove(&self.table).unwrap_or_default());
            left = answer
                .unprocessed_keys
                .and_then(|mut unprocessed| unprocessed.remove(&self.table))
                .map(|unprocessed| unprocessed.keys)
                .unwrap_or_default();
        }
        Ok(found)
    }

    /// Makes a call until it succeeds, cannot succeed, or the patience ends, whichever is first.
    ///
    /// A refusal that the call does not take for an answer means that it cannot succeed.
    pub(super) async fn persist<T, F>(
        &self,
        patience: &Patience,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut failed_attempts = 0;
        loop {
            // Boxed: it is thousands of bytes, which every future around it would be moved with.
            let attempt = patience.within(Box::pin(call())).await;
            let cause = match attempt {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(Failure::Again(cause))) => cause,
                Some(Err(Failure::Broken(cause))) => return Err(Error::Broken(cause)),
                Some(Err(Failure::Refused(_))) => {
                    return Err(Error::Broken("an unexpected condition failed".into()));
                }
                None => return Err(Error::Busy("no answer in time".into())),
            };
            failed_attempts += 1;
            if !patience.another(failed_attempts).await {
                return Err(Error::Busy(cause));
            }
        }
    }
}
