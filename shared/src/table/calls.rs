//! Calls DynamoDB until it succeeds, cannot succeed, or the deadline ends.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::failure::{self, Cause, Failure, Verdict};
use super::item::Item;
use super::{Error, Table};
use crate::process::deadline::Deadline;
use crate::process::telemetry::{self, Metric};

/// The outcome of a transaction that DynamoDB has judged. Each action has a guard, which says what its refusal means.
#[derive(Debug)]
pub(crate) enum TransactOutcome<G> {
    /// All of it is written.
    Committed,
    /// Nothing is written, since these actions were refused.
    Refused(Vec<Refusal<G>>),
}

/// An action whose condition failed.
#[derive(Debug)]
pub(crate) struct Refusal<G> {
    /// Its guard.
    pub(crate) guard: G,
    /// The item on which it failed; None if there is none.
    pub(crate) stored: Option<Item>,
}

/// The outcome of a transaction that is not retried after a conflict.
#[derive(Debug)]
pub(crate) enum TransactAttempt<G> {
    /// DynamoDB has judged it.
    Judged(TransactOutcome<G>),
    /// Another transaction held one of its items; nothing is written.
    Conflict(Cause),
}

/// The reply to a transaction, with a verdict per action, in their order.
enum Reply {
    Committed,
    Refused(Vec<Verdict>),
    Conflict(Cause),
}

/// The outcome of an update with a condition.
pub(crate) enum UpdateOutcome {
    /// It is written; the item as it is now if the update returns it.
    Written(Item),
    /// Its condition failed on this item. None if there is none, or the update does not return it.
    Refused(Option<Item>),
    /// A transaction held the item; nothing is written.
    Conflict(Cause),
}

impl Table {
    /// Sends actions as one transaction until DynamoDB has judged it. Returns false if it was refused.
    pub(crate) async fn commit(
        &self,
        actions: Vec<TransactWriteItem>,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let guarded = actions.into_iter().map(|action| ((), action)).collect();
        let judged = self.transact(guarded, deadline).await?;
        Ok(matches!(judged, TransactOutcome::Committed))
    }

    /// Sends guarded actions as one transaction until DynamoDB has judged it.
    pub(crate) async fn transact<G: Clone>(
        &self,
        actions: Vec<(G, TransactWriteItem)>,
        deadline: &Deadline,
    ) -> Result<TransactOutcome<G>, Error> {
        let mut conflicts = 0;
        loop {
            match self.try_transact(actions.clone(), deadline).await? {
                TransactAttempt::Judged(judged) => return Ok(judged),
                TransactAttempt::Conflict(cause) => {
                    conflicts += 1;
                    if !deadline.another(conflicts).await {
                        return Err(Error::Busy(cause));
                    }
                }
            }
        }
    }

    /// Sends guarded actions as one transaction until DynamoDB judges it or it meets another.
    ///
    /// The same bytes keep their token while their outcome is unknown, so a commit whose reply was lost is found, not
    /// repeated. A cancelled transaction goes on under a new token.
    pub(crate) async fn try_transact<G>(
        &self,
        actions: Vec<(G, TransactWriteItem)>,
        deadline: &Deadline,
    ) -> Result<TransactAttempt<G>, Error> {
        let (guards, actions): (Vec<G>, Vec<TransactWriteItem>) = actions.into_iter().unzip();
        let mut cancelled = 0;
        let reply = loop {
            match self.try_token(actions.clone(), deadline).await? {
                Ok(reply) => break reply,
                Err(cause) => {
                    cancelled += 1;
                    if !deadline.another(cancelled).await {
                        return Err(Error::Busy(cause));
                    }
                }
            }
        };
        Ok(match reply {
            Reply::Committed => TransactAttempt::Judged(TransactOutcome::Committed),
            Reply::Conflict(cause) => TransactAttempt::Conflict(cause),
            Reply::Refused(verdicts) => {
                let judged = guards.into_iter().zip(verdicts);
                let refused = judged.filter_map(|(guard, verdict)| match verdict {
                    Verdict::Held => None,
                    Verdict::Failed(stored) => Some(Refusal { guard, stored }),
                });
                TransactAttempt::Judged(TransactOutcome::Refused(refused.collect()))
            }
        })
    }

    /// Sends a transaction under one token; `Err` if it must be retried under another one.
    async fn try_token(
        &self,
        actions: Vec<TransactWriteItem>,
        deadline: &Deadline,
    ) -> Result<Result<Reply, Cause>, Error> {
        let transaction = self
            .client
            .transact_write_items()
            .set_transact_items(Some(actions))
            .client_request_token(format!("{:032x}", fastrand::u128(..)));
        self.persist(deadline, || async {
            let Err(error) = transaction.clone().send().await else {
                return Ok(Ok(Reply::Committed));
            };
            let ends_token = failure::ends_token(&error);
            match failure::of_transaction(error) {
                Failure::Refused(verdicts) => Ok(Ok(Reply::Refused(verdicts))),
                Failure::Conflict(cause) => {
                    telemetry::count(Metric::Conflicts, 1);
                    Ok(Ok(Reply::Conflict(cause)))
                }
                Failure::Again(cause) if ends_token => Ok(Err(cause)),
                failure => Err(failure),
            }
        })
        .await
    }

    /// Updates one item outside of a transaction, at half the price. Returns whether its condition held.
    ///
    /// If the reply of an attempt is lost, the update may have been written, and the next attempt is judged after it.
    /// So `false` may mean that this very change was made.
    pub(crate) async fn apply(
        &self,
        change: TransactWriteItem,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let update = change.update.expect("one item is changed by an update");
        let request = self
            .client
            .update_item()
            .table_name(update.table_name)
            .set_key(Some(update.key))
            .update_expression(update.update_expression)
            .set_condition_expression(update.condition_expression)
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values);
        self.update_if(request, deadline).await
    }

    /// Sends one update, at half the price of a transaction; returns whether its condition held.
    pub(crate) async fn update_if(
        &self,
        update: UpdateItemFluentBuilder,
        deadline: &Deadline,
    ) -> Result<bool, Error> {
        let mut conflicts = 0;
        loop {
            match self.try_update(update.clone(), deadline).await? {
                UpdateOutcome::Written(_) => return Ok(true),
                UpdateOutcome::Refused(_) => return Ok(false),
                UpdateOutcome::Conflict(cause) => {
                    conflicts += 1;
                    if !deadline.another(conflicts).await {
                        return Err(Error::Busy(cause));
                    }
                }
            }
        }
    }

    /// Sends one update until DynamoDB has judged it or it has met a transaction.
    pub(crate) async fn try_update(
        &self,
        update: UpdateItemFluentBuilder,
        deadline: &Deadline,
    ) -> Result<UpdateOutcome, Error> {
        self.persist(deadline, || async {
            let error = match update.clone().send().await {
                Ok(updated) => {
                    return Ok(UpdateOutcome::Written(
                        updated.attributes.unwrap_or_default(),
                    ));
                }
                Err(error) => error,
            };
            if let Some(UpdateItemError::ConditionalCheckFailedException(refused)) =
                error.as_service_error()
            {
                return Ok(UpdateOutcome::Refused(refused.item.clone()));
            }
            match failure::of_call(error) {
                Failure::Conflict(cause) => {
                    telemetry::count(Metric::Conflicts, 1);
                    Ok(UpdateOutcome::Conflict(cause))
                }
                failure => Err(failure),
            }
        })
        .await
    }

    /// Makes a call until it succeeds, cannot succeed, or the deadline ends, whichever is first.
    ///
    /// A refusal that `call` does not return as a result means that it cannot succeed.
    pub(crate) async fn persist<T, F>(
        &self,
        deadline: &Deadline,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut failed_attempts = 0;
        loop {
            // Boxed: the future is thousands of bytes, which would be moved with every future around it.
            let attempt = deadline.within(Box::pin(call())).await;
            let cause = match attempt {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(Failure::Again(cause) | Failure::Conflict(cause))) => cause,
                Some(Err(Failure::Broken(cause))) => return Err(Error::Broken(cause)),
                Some(Err(Failure::Refused(_))) => {
                    return Err(Error::Broken("an unexpected condition failed".into()));
                }
                None => return Err(Error::Busy("no answer in time".into())),
            };
            failed_attempts += 1;
            if !deadline.another(failed_attempts).await {
                return Err(Error::Busy(cause));
            }
        }
    }
}
