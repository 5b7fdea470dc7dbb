//! The contacts in the platform's directory, on DynamoDB. It asks for the contact's attributes by name, because the
//! function's role may read no others.

use aws_sdk_dynamodb::Client;
use lakeside_domain::{
    ids::CustomerId,
    notice::{Channel, Preference},
};
use lakeside_kit::{
    dynamo::{Item, Key, StoreError},
    personal::Personal,
};

use crate::contact::{Contact, Contacts};

/// The attributes of a contact.
const EMAIL: &str = "email";
const PHONE: &str = "phone";
const PREFERRED_CHANNEL: &str = "preferredChannel";

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

impl Contacts for Directory {
    async fn contact(&self, customer_id: &CustomerId) -> Result<Option<Contact>, StoreError> {
        let key = Key::new(format!("CUSTOMER#{customer_id}"), "CONTACT");
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.to_item()))
            .projection_expression("#email, #phone, #preferred")
            .expression_attribute_names("#email", EMAIL)
            .expression_attribute_names("#phone", PHONE)
            .expression_attribute_names("#preferred", PREFERRED_CHANNEL)
            .consistent_read(true)
            .send()
            .await?;
        found.item.map(|item| contact(&key, &item)).transpose()
    }
}

fn contact(key: &Key, item: &Item) -> Result<Contact, StoreError> {
    let preferred = Personal::of(item, PREFERRED_CHANNEL);
    let preference = match preferred.as_ref().map(Personal::reveal) {
        None => Preference::Any,
        Some("EMAIL") => Preference::Only(Channel::Email),
        Some("SMS") => Preference::Only(Channel::Sms),
        Some("NONE") => Preference::Nothing,
        Some(_) => {
            let key = format!("{}/{}", key.pk, key.sk);
            return Err(StoreError::Malformed { key, source: "the preferred channel is unknown".into() });
        }
    };
    Ok(Contact { email: Personal::of(item, EMAIL), phone: Personal::of(item, PHONE), preference })
}

#[cfg(test)]
mod tests {
    use lakeside_kit::{disposition::chain, dynamo::string};

    use super::*;

    fn item(attributes: &[(&str, &str)]) -> Item {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), string(*value))).collect()
    }

    #[test]
    fn a_customer_prefers_what_the_directory_says() {
        let key = Key::new("CUSTOMER#1", "CONTACT");
        for (said, preference) in [
            (&[(PREFERRED_CHANNEL, "EMAIL")][..], Preference::Only(Channel::Email)),
            (&[(PREFERRED_CHANNEL, "SMS")], Preference::Only(Channel::Sms)),
            (&[(PREFERRED_CHANNEL, "NONE")], Preference::Nothing),
            (&[], Preference::Any),
        ] {
            assert_eq!(contact(&key, &item(said)).unwrap().preference, preference);
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        let key = Key::new("CUSTOMER#1", "CONTACT");
        let error = contact(&key, &item(&[(PREFERRED_CHANNEL, "jane@example.com")])).unwrap_err();
        assert!(!chain(&error).contains("jane"), "{error}");
    }
}
