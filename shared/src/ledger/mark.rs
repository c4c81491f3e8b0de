//! Marks on usage entries: how far their deliveries have come.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;

use super::calls::written;
use super::entry::{Deliveries, DeliveryState};
use super::item::{self, Key};
use super::{Error, Ledger};
use crate::id::UsageId;
use crate::patience::Patience;

/// What is known of one delivery after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The provider has it.
    Confirmed,
    /// It failed for good: why.
    Parked(String),
    /// It is still pending, and certainly was not received: why.
    Unsent(&'static str),
}

/// What is known of an entry's two deliveries; nothing where there is nothing new to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The trace in Langfuse.
    pub langfuse: Option<Mark>,
    /// The event at Stripe's meter.
    pub stripe: Option<Mark>,
}

impl Mark {
    /// The state that this mark leads to.
    const fn state(&self) -> DeliveryState {
        match self {
            Self::Confirmed => DeliveryState::Confirmed,
            Self::Parked(_) => DeliveryState::Parked,
            Self::Unsent(_) => DeliveryState::Pending,
        }
    }

    /// The attribute that keeps the reason, after the delivery's name, and the reason.
    fn reason(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Confirmed => None,
            Self::Parked(why) => Some(("parked", why)),
            Self::Unsent(why) => Some(("unsent", why)),
        }
    }
}

impl Ledger {
    /// Marks an entry whose deliveries were as `before`, on the condition that they still are.
    ///
    /// Answers the states as stored. When somebody else marked the entry meanwhile, theirs stay.
    pub async fn mark(
        &self,
        id: &UsageId,
        before: Deliveries,
        marks: &Marks,
        patience: &Patience,
    ) -> Result<Deliveries, Error> {
        if *marks == Marks::default() {
            return Ok(before);
        }
        let after = Deliveries {
            langfuse: marks.langfuse.as_ref().map_or(before.langfuse, Mark::state),
            stripe: marks.stripe.as_ref().map_or(before.stripe, Mark::state),
        };
        let update = self.mark_update(id, before, marks, after);
        let marked = self
            .persist(patience, || async {
                let outcome = update.clone().send().await;
                written(
                    outcome,
                    UpdateItemError::is_conditional_check_failed_exception,
                )
            })
            .await?;
        if marked {
            return Ok(after);
        }
        let stored = self.usage(id, patience).await?;
        Ok(stored.map_or(before, |entry| entry.deliveries))
    }

    fn mark_update(
        &self,
        id: &UsageId,
        before: Deliveries,
        marks: &Marks,
        after: Deliveries,
    ) -> UpdateItemFluentBuilder {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::entry(id.as_str()).attributes()))
            // Both are compared: whether anything is still pending depends on both.
            .condition_expression("langfuse = :langfuse_before AND stripe = :stripe_before");
        let mut set = Vec::new();
        for (delivery, before, mark) in [
            ("langfuse", before.langfuse, &marks.langfuse),
            ("stripe", before.stripe, &marks.stripe),
        ] {
            update = update.expression_attribute_values(
                format!(":{delivery}_before"),
                item::text(before.as_str()),
            );
            let Some(mark) = mark else { continue };
            set.push(format!("{delivery} = :{delivery}"));
            update = update.expression_attribute_values(
                format!(":{delivery}"),
                item::text(mark.state().as_str()),
            );
            if let Some((attribute, why)) = mark.reason() {
                set.push(format!("{delivery}_{attribute} = :{delivery}_why"));
                update =
                    update.expression_attribute_values(format!(":{delivery}_why"), item::text(why));
            }
        }
        let remove = if after.any_pending() {
            ""
        } else {
            " REMOVE pending_bucket, pending_since"
        };
        update.update_expression(format!("SET {}{remove}", set.join(", ")))
    }
}
