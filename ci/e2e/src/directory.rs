//! The directory as its owner fills it: how customers are reached, and where their orders go.
//!
//! Nobody of these exists. What is written here must turn up nowhere but in the directory, at the carrier and with the post.

use anyhow::Context;
use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use crate::cloud::{Cloud, table};

/// How a customer is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Mail address.
    pub email: String,
    /// Phone number.
    pub phone: String,
    /// `EMAIL`, `SMS` or `NONE`.
    pub preferred_channel: &'static str,
}

impl Contact {
    /// Somebody new at this mail address, which they prefer.
    pub fn at(email: &str) -> Self {
        let number = Uuid::new_v4().as_u128() % 10_000_000;
        Self { email: email.to_owned(), phone: format!("+1555{number:07}"), preferred_channel: "EMAIL" }
    }
}

/// The addresses of the demo and the tests, by the carrier's name for them.
const ADDRESSES: [(&str, &str, &str, &str, &str); 4] = [
    ("addr_home", "Wilhelmina Quistgaard", "17 Larkspur Hollow", "Quillhaven", "QH-40417"),
    ("addr_sandbox_undeliverable", "Ottoline Fenwhistle", "3 Nettlebed Stairs", "Thornmere", "TM-11209"),
    ("addr_sandbox_carrier_down", "Barnaby Sandalwick", "88 Tarnish Row", "Ebbsworth", "EB-77310"),
    ("addr_sandbox_timeout_lands", "Isolde Marrowgate", "5 Candlewick Mews", "Driftonby", "DB-20558"),
];

/// Attributes of the directory that say something about a person by themselves.
pub const PERSONAL: [&str; 6] = ["email", "phone", "name", "street", "city", "postalCode"];

/// Loads the addresses.
///
/// # Errors
/// If the directory refuses.
pub async fn seed(cloud: &Cloud) -> anyhow::Result<usize> {
    for (id, name, street, city, postal_code) in ADDRESSES {
        let attributes = [
            ("name", name),
            ("street", street),
            ("city", city),
            ("postalCode", postal_code),
            ("country", "US"),
        ];
        put(cloud, &format!("ADDRESS#{id}"), "ADDRESS", &attributes).await?;
    }
    Ok(ADDRESSES.len())
}

/// Says how a customer is reached.
///
/// # Errors
/// If the directory refuses.
pub async fn enter(cloud: &Cloud, customer_id: &str, contact: &Contact) -> anyhow::Result<()> {
    let attributes = [
        ("email", contact.email.as_str()),
        ("phone", &contact.phone),
        ("preferredChannel", contact.preferred_channel),
    ];
    put(cloud, &format!("CUSTOMER#{customer_id}"), "CONTACT", &attributes).await
}

async fn put(cloud: &Cloud, pk: &str, sk: &str, attributes: &[(&str, &str)]) -> anyhow::Result<()> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut request = cloud.dynamodb.put_item().table_name(cloud.name(table::DIRECTORY));
    for (name, value) in [("pk", pk), ("sk", sk)].iter().chain(attributes) {
        request = request.item(*name, text(value));
    }
    request.send().await.with_context(|| format!("the directory does not take {pk}"))?;
    Ok(())
}
