//! The actions of a transaction, each with its condition.

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};

use super::item::Item;
use super::key::Key;
use super::{Table, values};

impl Table {
    /// Puts an item that must not exist yet; a refusal returns the existing one.
    pub(crate) fn put_if_absent(&self, item: Item) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .expect("table and item are set");
        TransactWriteItem::builder().put(put).build()
    }

    /// Puts an item in place of another one, on a condition.
    pub(crate) fn put_if(
        &self,
        item: Item,
        condition: &str,
        values: Option<Item>,
    ) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(values)
            .build()
            .expect("table and item are set");
        TransactWriteItem::builder().put(put).build()
    }

    /// Checks that an item does not exist, without changing anything.
    pub(crate) fn check_absent(&self, key: &Key) -> TransactWriteItem {
        let absent = "attribute_not_exists(pk)";
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .condition_expression(absent)
            .build()
            .expect("table, key and condition are set");
        TransactWriteItem::builder().condition_check(check).build()
    }

    /// Updates an item on a condition.
    pub(crate) fn update<const N: usize>(
        &self,
        key: &Key,
        condition: &str,
        expression: &str,
        pairs: [(&str, AttributeValue); N],
    ) -> TransactWriteItem {
        self.update_with(key, condition, expression, values(pairs))
    }

    /// Updates an item on a condition, with any values.
    pub(crate) fn update_with(
        &self,
        key: &Key,
        condition: &str,
        expression: &str,
        values: Item,
    ) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .condition_expression(condition)
            .update_expression(expression)
            // DynamoDB refuses an empty map of values.
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
            .build()
            .expect("key, table and expression are set");
        TransactWriteItem::builder().update(update).build()
    }
}
