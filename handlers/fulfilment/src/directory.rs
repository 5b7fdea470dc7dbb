//! The addresses in the platform's directory, on DynamoDB. It asks for the address's attributes by name, because the
//! function's role may read no others.

use aws_sdk_dynamodb::Client;
use lakeside_domain::ids::AddressId;
use lakeside_kit::{
    dynamo::{Item, Key, StoreError},
    personal::Personal,
};

use crate::address::{Address, Addresses};

/// The directory.
#[derive(Debug, Clone)]
pub struct Directory {
    client: Client,
    table: String,
}

impl Directory {
    /// The directory in the table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl Addresses for Directory {
    async fn address(&self, id: &AddressId) -> Result<Option<Address>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::new(format!("ADDRESS#{id}"), "ADDRESS").to_item()))
            .projection_expression("#name, #street, #city, #postal, #country")
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#street", "street")
            .expression_attribute_names("#city", "city")
            .expression_attribute_names("#postal", "postalCode")
            .expression_attribute_names("#country", "country")
            .consistent_read(true)
            .send()
            .await?;
        Ok(found.item.as_ref().and_then(address))
    }
}

fn address(item: &Item) -> Option<Address> {
    Some(Address {
        name: Personal::of(item, "name")?,
        street: Personal::of(item, "street")?,
        city: Personal::of(item, "city")?,
        postal_code: Personal::of(item, "postalCode")?,
        country: Personal::of(item, "country")?,
    })
}

#[cfg(test)]
mod tests {
    use lakeside_kit::dynamo::string;

    use super::*;

    #[test]
    fn an_address_without_one_of_its_parts_is_none() {
        let parts = ["name", "street", "city", "postalCode", "country"];
        let whole: Item = parts.map(|part| (part.to_owned(), string("x"))).into();
        assert!(address(&whole).is_some());
        for part in parts {
            let mut item = whole.clone();
            item.remove(part);
            assert!(address(&item).is_none(), "{part}");
        }
    }
}
