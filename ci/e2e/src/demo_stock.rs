//! The goods of the demo: outdoor gear in three warehouses and three stores.

use anyhow::Context;
use serde::Deserialize;

use crate::{
    cloud::Cloud,
    stock::{Goods, NodeSupply, put_on_sale},
};

const FILE: &str = include_str!("../demo-stock.json");

/// One of the demo's goods and where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Supply {
    /// What.
    #[serde(flatten)]
    pub goods: Goods,
    /// Over how many pools its stock is spread: several for what many want at once.
    #[serde(default = "one")]
    pub pools: u8,
    /// Where it lies.
    pub nodes: Vec<NodeSupply>,
}

const fn one() -> u8 {
    1
}

/// All of the demo's goods.
///
/// # Errors
/// If the file is malformed.
pub fn supplies() -> anyhow::Result<Vec<Supply>> {
    serde_json::from_str(FILE).context("demo-stock.json is malformed")
}

/// The goods with this SKU.
///
/// # Errors
/// If the file has none.
pub fn goods(sku: &str) -> anyhow::Result<Goods> {
    let found = supplies()?.into_iter().find(|supply| supply.goods.sku.as_str() == sku);
    found.map(|supply| supply.goods).with_context(|| format!("demo-stock.json has no {sku}"))
}

/// Puts all of it on sale; what is on sale already stays as it is.
///
/// # Errors
/// If a table refuses.
pub async fn seed(cloud: &Cloud) -> anyhow::Result<Vec<Supply>> {
    let supplies = supplies()?;
    for Supply { goods, pools, nodes } in &supplies {
        put_on_sale(cloud, goods, nodes, *pools).await?;
    }
    Ok(supplies)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_demo_sells_outdoor_gear_from_three_warehouses_and_three_stores() {
        let supplies = supplies().unwrap();
        let skus: BTreeSet<_> = supplies.iter().map(|supply| supply.goods.sku.as_str()).collect();
        assert_eq!(skus.len(), supplies.len());
        let nodes: BTreeSet<_> =
            supplies.iter().flat_map(|supply| &supply.nodes).map(|supply| supply.node.as_str()).collect();
        assert_eq!(nodes.iter().filter(|node| node.starts_with("wh-")).count(), 3);
        assert_eq!(nodes.iter().filter(|node| node.starts_with("store-")).count(), 3);
    }

    #[test]
    fn kayak_and_paddle_lie_in_different_places() {
        let nodes = |sku: &str| -> BTreeSet<_> {
            let supply = supplies().unwrap().into_iter().find(|s| s.goods.sku.as_str() == sku).unwrap();
            supply.nodes.into_iter().map(|supply| supply.node).collect()
        };
        assert!(nodes("KAYAK-SEA").is_disjoint(&nodes("PADDLE-CARBON")));
    }
}
