//! The facts on DynamoDB.

use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError};
use lakeside_domain::events::EventId;
use lakeside_kit::{
    attempt::Written,
    dynamo::{Key, StoreError},
};

use crate::<module>::{Fact, Facts};

fn key(event_id: EventId) -> Key {
    Key::new(format!("FACT#{event_id}"), "FACT")
}

/// The table.
#[derive(Debug, Clone)]
pub struct FactTable {
    client: Client,
    table: String,
}

impl FactTable {
    /// The table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl Facts for FactTable {
    async fn keep(&self, fact: &Fact) -> Result<Written, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(key(fact.event_id).item_of(fact)?))
            .condition_expression("attribute_not_exists(pk)")
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
    use lakeside_contracts::Event;

    use super::*;
    use crate::memory::EXAMPLE;

    #[test]
    fn an_item_reads_back() {
        let event: Event<_> = serde_json::from_str(EXAMPLE).unwrap();
        let metadata = event.metadata;
        let fact = Fact { event_id: metadata.event_id, occurred_at: metadata.occurred_at, data: event.data };
        let key = key(fact.event_id);
        let item = key.item_of(&fact).unwrap();
        assert_eq!(key.read::<Fact>(item).unwrap(), fact);
    }
}
