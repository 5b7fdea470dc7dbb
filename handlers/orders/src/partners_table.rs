//! The partners' table on DynamoDB: who they are, and the digests of what they show at the door.

use aws_sdk_dynamodb::Client;
use lakeside_domain::ids::PartnerId;
use lakeside_kit::dynamo::{Key, StoreError, get};

use crate::authorize_partner::{PartnerRecord, Partners};

/// The partners' table.
#[derive(Debug, Clone)]
pub struct PartnersTable {
    client: Client,
    table: String,
}

/// The key of a partner.
pub fn partner_key(id: &PartnerId) -> Key {
    Key::new(format!("PARTNER#{id}"), "PARTNER")
}

impl PartnersTable {
    /// The table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl Partners for PartnersTable {
    async fn find(&self, id: &PartnerId) -> Result<Option<PartnerRecord>, StoreError> {
        get(&self.client, &self.table, &partner_key(id)).await
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use lakeside_domain::{ids::NodeId, partner::Role};
    use lakeside_kit::dynamo::{Item, string};

    use super::*;

    /// An item as operations write it.
    fn item(kind: &str, node: Option<&str>, digests: &[&str]) -> Item {
        let mut role = Item::from([("kind".into(), string(kind))]);
        role.extend(node.map(|node| ("node".into(), string(node))));
        let mut item = partner_key(&PartnerId::parse("store-seven").unwrap()).to_item();
        item.insert("partnerId".into(), string("store-seven"));
        item.insert("role".into(), AttributeValue::M(role));
        if !digests.is_empty() {
            let digests = digests.iter().map(|digest| (*digest).to_owned()).collect();
            item.insert("credentialDigests".into(), AttributeValue::Ss(digests));
        }
        item
    }

    fn read(item: Item) -> Result<PartnerRecord, StoreError> {
        partner_key(&PartnerId::parse("store-seven").unwrap()).read(item)
    }

    #[test]
    fn a_partner_is_read_as_operations_write_it() {
        let partner_id = PartnerId::parse("store-seven").unwrap();
        let role = Role::Store { node: NodeId::parse("store-07").unwrap() };
        assert_eq!(
            read(item("STORE", Some("store-07"), &["a", "b"])).unwrap(),
            PartnerRecord { partner_id, role, credential_digests: vec!["a".into(), "b".into()] }
        );
        assert_eq!(read(item("MARKETPLACE", None, &["a"])).unwrap().role, Role::Marketplace);
    }

    #[test]
    fn a_partner_whose_last_credential_was_taken_away_has_none() {
        // DynamoDB has no empty sets: the attribute goes with its last element.
        assert_eq!(read(item("MARKETPLACE", None, &[])).unwrap().credential_digests, Vec::<String>::new());
    }

    #[test]
    fn a_store_without_its_node_is_no_partner() {
        assert!(read(item("STORE", None, &["a"])).is_err());
        assert!(read(item("STORE", Some("Store 7"), &["a"])).is_err());
        assert!(read(item("FRIEND", None, &["a"])).is_err());
    }
}
