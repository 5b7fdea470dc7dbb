//! Partners with real credentials, of which only digests are kept.

use anyhow::Context;
use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    api::{NewOrder, Reply},
    cloud::{Cloud, table},
};

/// A partner that every local cloud has a plan for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: &'static str,
    /// Where its goods lie, if it is a store.
    pub node: Option<&'static str>,
}

/// A marketplace.
pub const MARKET: Known = Known { id: "demo-market", node: None };
/// A store.
pub const STORE: Known = Known { id: "demo-store", node: Some("store-denver") };
/// One whose plan lets through two requests at once and then one a second.
pub const HASTY: Known = Known { id: "demo-hasty", node: None };
/// One whose plan has three requests a day.
pub const RATIONED: Known = Known { id: "demo-rationed", node: None };

/// Writes the partners into their table. The credentials that they have stay as they are.
///
/// # Errors
/// If the table refuses.
pub async fn seed(cloud: &Cloud) -> anyhow::Result<usize> {
    let partners = [MARKET, STORE, HASTY, RATIONED];
    for partner in partners {
        let kind = if partner.node.is_some() { "STORE" } else { "MARKETPLACE" };
        let mut role = vec![("kind".to_owned(), text(kind))];
        role.extend(partner.node.map(|node| ("node".to_owned(), text(node))));
        update(cloud, partner.id, "SET partnerId = :id, #role = :role")
            .expression_attribute_names("#role", "role")
            .expression_attribute_values(":id", text(partner.id))
            .expression_attribute_values(":role", AttributeValue::M(role.into_iter().collect()))
            .send()
            .await
            .with_context(|| format!("the table does not take {}", partner.id))?;
    }
    Ok(partners.len())
}

/// A partner with a credential of its own.
#[derive(Debug, Clone)]
pub struct Partner {
    /// Which one.
    pub known: Known,
    /// What it shows at the door.
    pub credential: String,
    /// How its plan is found. On AWS the authorizer says it; the emulator takes it from the header that AWS ignores.
    pub plan_key: String,
}

impl Partner {
    /// Gives `known` another credential.
    ///
    /// # Errors
    /// If the table refuses, or the partner has no plan.
    pub async fn admit(cloud: &Cloud, known: Known) -> anyhow::Result<Self> {
        seed(cloud).await?;
        let random: String = [Uuid::new_v4(), Uuid::new_v4()].map(|uuid| uuid.simple().to_string()).concat();
        let secret: String = random.chars().take(43).collect();
        let partner = Self {
            known,
            credential: format!("{}.{secret}", known.id),
            plan_key: plan_key(cloud, known.id).await?,
        };
        partner.change(cloud, "ADD credentialDigests :digests").await?;
        Ok(partner)
    }

    /// Takes this credential away from the partner.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn revoke(&self, cloud: &Cloud) -> anyhow::Result<()> {
        self.change(cloud, "DELETE credentialDigests :digests").await
    }

    /// Whose its orders are.
    pub fn principal(&self) -> String {
        format!("partner-{}", self.known.id)
    }

    /// Puts an order.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn put_order(&self, cloud: &Cloud, order: &NewOrder) -> anyhow::Result<Reply> {
        self.put(cloud, ("orders", &order.id()), order.partner_body().to_string()).await
    }

    /// Puts anything.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn put(&self, cloud: &Cloud, path: (&str, &str), body: String) -> anyhow::Result<Reply> {
        cloud.api.partner(Method::PUT, &self.headers(&self.bearer()), path, Some(body)).await
    }

    /// Looks at an order.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn order(&self, cloud: &Cloud, order_id: Uuid) -> anyhow::Result<Reply> {
        let path = ("orders", order_id.to_string());
        cloud.api.partner(Method::GET, &self.headers(&self.bearer()), (path.0, &path.1), None).await
    }

    /// The header `Authorization`.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.credential)
    }

    /// This partner's headers, with another `Authorization`.
    pub fn headers<'a>(&'a self, authorization: &'a str) -> [(&'a str, &'a str); 2] {
        [("authorization", authorization), ("x-api-key", &self.plan_key)]
    }

    async fn change(&self, cloud: &Cloud, expression: &str) -> anyhow::Result<()> {
        let digest = hex::encode(Sha256::digest(&self.credential));
        update(cloud, self.known.id, expression)
            .expression_attribute_values(":digests", AttributeValue::Ss(vec![digest]))
            .send()
            .await
            .with_context(|| format!("the credentials of {} do not change", self.known.id))?;
        Ok(())
    }
}

/// The value of the API key that counts this partner's requests.
async fn plan_key(cloud: &Cloud, id: &str) -> anyhow::Result<String> {
    let name = cloud.name(&format!("partner-{id}"));
    let keys = cloud.signed.get("apigateway", &format!("/apikeys?includeValues=true&name={name}")).await?;
    let keys = keys.get("item").and_then(Value::as_array).context("a list of keys")?;
    let key = keys.iter().find(|key| key.get("name").is_some_and(|n| *n == *name));
    let value = key.and_then(|key| key.get("value")?.as_str());
    value.map(str::to_owned).with_context(|| format!("{id} has no plan"))
}

fn update(
    cloud: &Cloud,
    id: &str,
    expression: &str,
) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
    cloud
        .dynamodb
        .update_item()
        .table_name(cloud.name(table::PARTNERS))
        .key("pk", text(&format!("PARTNER#{id}")))
        .key("sk", text("PARTNER"))
        .update_expression(expression)
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
