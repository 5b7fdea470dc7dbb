//! The books of the payment processor, the carrier and the marketplaces: the truth about money, labels and listings.

use std::collections::BTreeMap;

use anyhow::Context;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The sandbox at one address.
#[derive(Debug, Clone)]
pub struct Sandbox {
    http: Client,
    url: String,
}

/// Everything that was ever charged, labelled and listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// One per order that reached the processor.
    pub payments: Vec<Payment>,
    /// Every key that the processor ever made.
    pub keys: Vec<Key>,
    /// One per parcel that reached the carrier.
    pub labels: Vec<Label>,
    /// One per marketplace and SKU that it was told of.
    pub listings: Vec<Listing>,
    /// How many requests each marketplace turned away for being too many.
    pub turned_away: BTreeMap<String, u32>,
}

/// How much of a SKU there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Level {
    /// Units.
    pub available: u64,
    /// Which level it is.
    pub version: u64,
}

/// One SKU on one marketplace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listing {
    /// Where.
    pub marketplace: String,
    /// What.
    pub sku: String,
    /// What it shows.
    pub level: Option<Level>,
    /// How many times it was told anything.
    pub calls: u32,
    /// All that it ever took, in order.
    pub updates: Vec<Level>,
}

/// A key of the processor, without itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Names it.
    pub key_id: String,
    /// Whose it is, and what for.
    pub label: String,
    /// Whether it is `alive`.
    pub status: String,
}

/// A new key of the processor.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    /// Names it.
    pub key_id: String,
    /// Itself.
    pub key: String,
}

/// One order's money at the processor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The order's id.
    pub reference: String,
    /// Where it stands.
    pub status: String,
    /// Minor units taken.
    pub captured_amount: i64,
    /// Minor units given back.
    pub refunded_amount: i64,
    /// How many times money was taken.
    pub charges: u32,
}

impl Payment {
    /// Minor units that stayed with us.
    pub const fn kept(&self) -> i64 {
        self.captured_amount.saturating_sub(self.refunded_amount)
    }
}

/// One parcel's label at the carrier.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// The parcel's id.
    pub reference: String,
    /// The order's id, if a label was ever asked for.
    pub order_id: Option<String>,
    /// Where it stands.
    pub status: String,
    /// How many times it was issued.
    pub issued: u32,
}

impl Sandbox {
    /// The sandbox at `url`.
    pub const fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    /// Reads the books.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn ledger(&self) -> anyhow::Result<Ledger> {
        let url = format!("{}/ledger", self.url);
        let answer = self.http.get(url).send().await.context("the sandbox does not answer")?;
        answer.error_for_status()?.json().await.context("the sandbox's ledger is malformed")
    }

    /// What the marketplaces have of one SKU.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn listings(&self, sku: &str) -> anyhow::Result<BTreeMap<String, Listing>> {
        let listings = self.ledger().await?.listings.into_iter().filter(|listing| listing.sku == sku);
        Ok(listings.map(|listing| (listing.marketplace.clone(), listing)).collect())
    }

    /// From now on this credential opens the marketplace, and no other.
    ///
    /// # Errors
    /// If there is no such marketplace.
    pub async fn open_marketplace(&self, marketplace: &str, credential: &str) -> anyhow::Result<()> {
        let url = format!("{}/marketplaces/{marketplace}/credential", self.url);
        let body = json!({ "credential": credential });
        let answer = self.http.put(url).json(&body).send().await.context("the sandbox does not answer")?;
        answer.error_for_status()?;
        Ok(())
    }

    /// Has the processor's staff make a key.
    ///
    /// # Errors
    /// If there is no room for another.
    pub async fn issue_key(&self, label: &str) -> anyhow::Result<NewKey> {
        let request = self.http.post(format!("{}/processor/keys", self.url)).json(&json!({ "label": label }));
        let answer = request.send().await.context("the sandbox does not answer")?;
        answer.error_for_status()?.json().await.context("the sandbox's key is malformed")
    }

    /// Has the processor's staff end a key.
    ///
    /// # Errors
    /// If there is no such key.
    pub async fn take_key(&self, key_id: &str) -> anyhow::Result<()> {
        let request = self.http.delete(format!("{}/processor/keys/{key_id}", self.url));
        request.send().await.context("the sandbox does not answer")?.error_for_status()?;
        Ok(())
    }

    /// The id of a key, if it opens the processor.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn key_id(&self, key: &str) -> anyhow::Result<Option<String>> {
        let request = self.http.get(format!("{}/v1/ping", self.url)).bearer_auth(key);
        let answer = request.send().await.context("the sandbox does not answer")?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Ok(None);
        }
        let pong: Value = answer.error_for_status()?.json().await?;
        Ok(pong.get("keyId").and_then(Value::as_str).map(str::to_owned))
    }

    /// What the processor has for one order, if it was ever asked.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn payment(&self, order_id: Uuid) -> anyhow::Result<Option<Payment>> {
        let reference = order_id.to_string();
        Ok(self.ledger().await?.payments.into_iter().find(|payment| payment.reference == reference))
    }

    /// The labels that the carrier has for one order.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn labels(&self, order_id: Uuid) -> anyhow::Result<Vec<Label>> {
        let order_id = order_id.to_string();
        let labels = self.ledger().await?.labels;
        Ok(labels.into_iter().filter(|label| label.order_id.as_ref() == Some(&order_id)).collect())
    }
}
