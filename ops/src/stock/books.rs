//! The books of one SKU: its pools, its nodes and who holds units. Pure: the items were read before.

use std::{collections::BTreeMap, fmt};

use lakeside_contracts::WireTime;
use lakeside_domain::{
    ids::{NodeId, OrderId, Sku},
    level::{Level, told},
    reconciliation::{Difference, NodeCount, PoolCounts, SkuStock},
    reservation::Reservation,
    stock::PoolId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Result};

/// A pool of a SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PoolShown {
    /// Its number.
    pub pool: PoolId,
    /// Its counts.
    #[serde(flatten)]
    pub counts: PoolCounts,
}

/// What lies at a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeShown {
    /// Where.
    pub node: NodeId,
    /// Units that are there and not set aside.
    pub on_hand: i64,
    /// How often it was written.
    pub version: u64,
}

/// An order that holds units of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Whose.
    pub order_id: OrderId,
    /// How many.
    pub units: u64,
    /// Until when.
    pub expires_at: WireTime,
}

/// Reads the items of a SKU, whatever their counts are.
///
/// # Errors
/// If one of them is not of its form.
pub fn stock(sku: &Sku, items: &[Value]) -> Result<SkuStock> {
    #[derive(Deserialize)]
    struct Wanted {
        count: u8,
    }
    let mut stock = SkuStock::default();
    for item in items {
        let sk = item.get("sk").and_then(Value::as_str).unwrap_or_default();
        let odd = |why: &dyn fmt::Display| {
            Failure::wrong(format!("the item {sk} of {sku} is not of its form: {why}"))
        };
        match sk.split_once('#') {
            Some(("POOL", number)) => {
                let number = number.parse().map_err(|error| odd(&error))?;
                stock.pools.insert(PoolId(number), of(item).map_err(|error| odd(&error))?);
            }
            Some(("NODE", node)) => {
                let node = NodeId::parse(node).map_err(|error| odd(&error))?;
                stock.nodes.insert(node, of::<NodeCount>(item).map_err(|error| odd(&error))?);
            }
            None if sk == "POOLS" => {
                stock.wanted_pools = Some(of::<Wanted>(item).map_err(|error| odd(&error))?.count);
            }
            _ => {}
        }
    }
    Ok(stock)
}

fn of<T: serde::de::DeserializeOwned>(item: &Value) -> serde_json::Result<T> {
    T::deserialize(item)
}

/// Its pools.
pub fn pools(stock: &SkuStock) -> Vec<PoolShown> {
    stock.pools.iter().map(|(pool, counts)| PoolShown { pool: *pool, counts: *counts }).collect()
}

/// What lies where.
pub fn nodes(stock: &SkuStock) -> Vec<NodeShown> {
    let shown = |(node, count): (&NodeId, &NodeCount)| NodeShown {
        node: node.clone(),
        on_hand: count.on_hand,
        version: count.version,
    };
    stock.nodes.iter().map(shown).collect()
}

/// What may still be promised, as it is told to those who show it; nothing while a count is below zero.
pub fn level(stock: &SkuStock) -> Option<Level> {
    let of = |counts: &PoolCounts| {
        Some(Level { units: u64::try_from(counts.available).ok()?, version: counts.version })
    };
    told(stock.pools.values().map(of).collect::<Option<Vec<_>>>()?).ok()
}

/// What a reservation holds of a SKU, if it does.
pub fn hold(sku: &Sku, reservation: &Reservation) -> Option<Hold> {
    let units = reservation.takes.iter().filter(|take| take.sku == *sku).map(|take| take.units);
    let units = units.fold(0, u64::saturating_add);
    (units > 0).then_some(Hold {
        order_id: reservation.order_id,
        units,
        expires_at: WireTime(reservation.expires_at),
    })
}

/// Differences as one sentence.
pub fn sentences(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What does not agree, by SKU, as `reconcile-stock` answers it.
pub type Different = BTreeMap<Sku, Vec<Difference>>;

/// What `reconcile-stock` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// SKUs whose counts agree.
    pub agree: usize,
    /// SKUs whose counts do not, with what differs.
    pub different: Different,
    /// SKUs that changed too fast to be judged.
    pub unsettled: usize,
    /// Moves between pools.
    pub moves: usize,
}

impl Reconciled {
    /// Both answers as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.different.extend(other.different);
        Self {
            agree: self.agree.saturating_add(other.agree),
            unsettled: self.unsettled.saturating_add(other.unsettled),
            moves: self.moves.saturating_add(other.moves),
            different: self.different,
        }
    }

    /// Whether the books agree, as far as they could be judged.
    pub fn agrees(&self) -> bool {
        self.different.is_empty()
    }

    /// Nothing, if they agree.
    ///
    /// # Errors
    /// If they do not, with what to open.
    pub fn agreed(&self) -> Result<()> {
        if self.agrees() {
            return Ok(());
        }
        Err(Failure::wrong(format!(
            "pools and nodes of {} SKUs do not agree: somebody wrote past the functions; see docs/runbooks/stock-difference.md",
            self.different.len()
        )))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use lakeside_domain::reconciliation::differences;
    use serde_json::json;

    use super::*;

    pub fn tent() -> Sku {
        Sku::parse("TENT-2P").unwrap()
    }

    pub fn items() -> Vec<Value> {
        vec![
            json!({ "pk": "SKU#TENT-2P", "sk": "POOL#0", "available": 3, "held": 1, "sold": 2, "received": 6, "version": 7, "stockShard": "STOCK#1" }),
            json!({ "pk": "SKU#TENT-2P", "sk": "POOL#1", "available": 0, "held": 0, "sold": 5, "received": 5, "version": 2 }),
            json!({ "pk": "SKU#TENT-2P", "sk": "NODE#wh-east", "on_hand": 4, "version": 9, "outbox": [] }),
            json!({ "pk": "SKU#TENT-2P", "sk": "POOLS", "count": 2 }),
        ]
    }

    #[test]
    fn the_items_of_a_sku_are_its_pools_its_nodes_and_how_many_pools_are_wanted() {
        let stock = stock(&tent(), &items()).unwrap();
        assert_eq!((stock.pools.len(), stock.nodes.len(), stock.wanted_pools), (2, 1, Some(2)));
        assert_eq!(differences(&stock), []);
        assert_eq!(level(&stock), Some(Level { units: 3, version: 10 }));
    }

    #[test]
    fn books_that_do_not_agree_are_read_all_the_same_and_told_in_words() {
        let mut items = items();
        items[0]["received"] = json!(7);
        let stock = stock(&tent(), &items).unwrap();
        let told = sentences(&differences(&stock));
        assert_eq!(told, "pool 0: 3 available, 1 held and 2 sold are not the 7 received");
    }

    #[test]
    fn an_item_that_is_none_is_named() {
        let odd = [json!({ "pk": "SKU#TENT-2P", "sk": "POOL#first" })];
        let failure = stock(&tent(), &odd).unwrap_err();
        assert!(failure.sentence.contains("POOL#first"), "{failure}");
    }

    #[test]
    fn a_hold_counts_what_it_takes_of_this_sku_from_all_pools() {
        let take = |sku: &str, pool: u8, units: u64| json!({ "sku": sku, "pool": pool, "units": units });
        let reservation = json!({
            "orderId": "7e57d004-2b97-4e7a-b45f-5387367791cd", "status": "HELD", "expiresAt": 5,
            "takes": [take("TENT-2P", 0, 1), take("TENT-2P", 1, 2), take("STOVE", 0, 9)],
        });
        let reservation: Reservation = serde_json::from_value(reservation).unwrap();
        assert_eq!(hold(&tent(), &reservation).unwrap().units, 3);
        assert_eq!(hold(&Sku::parse("ROPE").unwrap(), &reservation), None);
    }

    #[test]
    fn answers_of_several_looks_are_one_answer() {
        let one: Reconciled =
            serde_json::from_value(json!({ "agree": 2, "different": {}, "unsettled": 1, "moves": 0 }))
                .unwrap();
        let other = json!({ "agree": 1, "different": { "TENT-2P": [{ "what": "NODES", "on_hand": 3, "unsold": 4 }] }, "unsettled": 0, "moves": 2 });
        let both = one.and(serde_json::from_value(other).unwrap());
        assert_eq!((both.agree, both.unsettled, both.moves), (3, 1, 2));
        assert!(!both.agrees());
    }

    #[test]
    fn every_kind_of_difference_is_read_back_as_it_was_told() {
        let mut items = items();
        items[0]["received"] = json!(7);
        items[2]["on_hand"] = json!(-1);
        let differences = differences(&stock(&tent(), &items).unwrap());
        assert_eq!(differences.len(), 3, "{differences:?}");
        let told = Reconciled { different: [(tent(), differences)].into(), ..Reconciled::default() };
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Reconciled>(&text).unwrap(), told, "{text}");
    }
}
