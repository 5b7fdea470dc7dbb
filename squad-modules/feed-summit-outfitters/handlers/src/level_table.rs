//! The levels on DynamoDB, one item per SKU.

use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError};
use lakeside_domain::ids::Sku;
use lakeside_kit::{
    attempt::Written,
    dynamo::{Key, StoreError, number, string},
};

use crate::feed_summit_outfitters::{Level, Levels};

fn key(sku: &Sku) -> Key {
    Key::new(format!("SKU#{sku}"), "LEVEL")
}

/// The table.
#[derive(Debug, Clone)]
pub struct LevelTable {
    client: Client,
    table: String,
}

impl LevelTable {
    /// The table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl Levels for LevelTable {
    async fn keep(&self, level: &Level) -> Result<Written, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(key(&level.sku).item_of(level)?))
            .condition_expression(
                "attribute_not_exists(pk) OR #version < :version OR (#version = :version AND asOf > :as_of)",
            )
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(level.version))
            .expression_attribute_values(":as_of", string(level.as_of.to_string()))
            .send()
            .await;
        match put {
            Ok(_) => Ok(Written::Yes),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(PutItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                Ok(Written::Stale)
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use lakeside_contracts::WireTime;
    use lakeside_domain::time::Timestamp;

    use super::*;

    #[test]
    fn an_item_reads_back_as_the_marketplace_reads_it() {
        let sku = Sku::parse("TENT-2P").unwrap();
        let level = Level { sku, available: 96, version: 412, as_of: WireTime(Timestamp::from_millis(0)) };
        let key = key(&level.sku);
        let item = key.item_of(&level).unwrap();
        let names: std::collections::BTreeSet<&str> = item.keys().map(String::as_str).collect();
        assert_eq!(names, ["asOf", "available", "pk", "sk", "sku", "version"].into());
        assert_eq!(key.read::<Level>(item).unwrap(), level);
    }
}
