//! What warehouses and stores ask for: receipts, counts, sales over the counter. And the reconciliation that never stops.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context;
use aws_sdk_sqs::types::MessageAttributeValue;
use lakeside_domain::ids::Sku;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    cloud::{Cloud, table},
    poll::eventually,
    records::with_key,
    stock::Goods,
};

const PATIENCE: Duration = Duration::from_mins(2);

/// A change of stock that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// Its id.
    pub id: Uuid,
    /// `RECEIPT`, `COUNT` or `STORE_SALE`.
    pub kind: &'static str,
    /// Where.
    pub node: &'static str,
    /// What, and by how much.
    pub lines: Vec<(Sku, i64)>,
}

impl Adjustment {
    /// A change of one kind of goods under an id of its own.
    pub fn of(kind: &'static str, node: &'static str, goods: &Goods, units: i64) -> Self {
        Self { id: Uuid::new_v4(), kind, node, lines: vec![(goods.sku.clone(), units)] }
    }

    /// Sends it as a command.
    ///
    /// # Errors
    /// If the queue does not take it.
    pub async fn send(&self, cloud: &Cloud) -> anyhow::Result<()> {
        let lines: Vec<Value> =
            self.lines.iter().map(|(sku, units)| json!({"sku": sku, "units": units})).collect();
        let body = json!({
            "command": "AdjustStock", "adjustmentId": self.id, "kind": self.kind, "node": self.node, "lines": lines,
        });
        send(cloud, &body, &[]).await
    }

    /// Sends it as the partners' door does with a sale that a store tells of.
    ///
    /// # Errors
    /// If the queue does not take it.
    pub async fn send_as_sale(&self, cloud: &Cloud, principal: &str) -> anyhow::Result<()> {
        let lines: Vec<Value> =
            self.lines.iter().map(|(sku, units)| json!({"sku": sku, "quantity": units})).collect();
        let id = self.id.to_string();
        let attributes = [("saleId", id.as_str()), ("node", self.node), ("principal", principal)];
        send(cloud, &json!({ "lines": lines }), &attributes).await
    }

    /// Sends it, and waits for what becomes of it: its status, and why, if it was refused.
    ///
    /// # Errors
    /// If nothing does.
    pub async fn make(&self, cloud: &Cloud) -> anyhow::Result<(String, Option<String>)> {
        self.send(cloud).await?;
        self.decided(cloud).await
    }

    /// Waits for what becomes of it.
    ///
    /// # Errors
    /// If nothing does.
    pub async fn decided(&self, cloud: &Cloud) -> anyhow::Result<(String, Option<String>)> {
        eventually(&format!("the record of adjustment {}", self.id), PATIENCE, async || {
            let records = self.records(cloud).await?;
            let text = |record: &Value, name| record.get(name).and_then(Value::as_str).map(str::to_owned);
            let decided = records.iter().find_map(|r| Some((text(r, "status")?, text(r, "reason"))));
            Ok(decided.map_or(ControlFlow::Continue("it is not decided".into()), ControlFlow::Break))
        })
        .await
    }

    /// The record, and what contradicted it.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn records(&self, cloud: &Cloud) -> anyhow::Result<Vec<Value>> {
        with_key(cloud, table::INVENTORY, &format!("ADJUSTMENT#{}", self.id)).await
    }

    /// Waits until so many other changes under its id are known.
    ///
    /// # Errors
    /// If they do not become known.
    pub async fn contradicted(&self, cloud: &Cloud, times: usize) -> anyhow::Result<()> {
        eventually(&format!("{times} contradictions of {}", self.id), PATIENCE, async || {
            let known = self.records(cloud).await?.len().saturating_sub(1);
            Ok(if known == times {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(format!("{known} are known"))
            })
        })
        .await
    }
}

async fn send(cloud: &Cloud, body: &Value, attributes: &[(&str, &str)]) -> anyhow::Result<()> {
    let url = cloud.queue_url(&cloud.name("adjust-stock")).await?;
    let mut request = cloud.sqs.send_message().queue_url(url).message_body(body.to_string());
    for (name, text) in attributes {
        let value = MessageAttributeValue::builder().data_type("String").string_value(*text).build()?;
        request = request.message_attributes(*name, value);
    }
    request.send().await.context("the queue of adjust-stock takes nothing")?;
    Ok(())
}

/// Lets `reconcile-stock` look at these SKUs, or at the next ones of all.
///
/// # Errors
/// If it fails.
pub async fn reconcile(cloud: &Cloud, skus: &[&Sku]) -> anyhow::Result<Value> {
    let function = format!("{}:live", cloud.name("reconcile-stock"));
    cloud.signed.invoke(&function, &json!({ "skus": skus })).await
}
