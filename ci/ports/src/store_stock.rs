//! The inventory squad's view of stock.

use lakeside_domain::{
    ids::{NodeId, Sku},
    level::Level,
};
use lakeside_inventory::{
    project_store_stock::{Recorded, StockCount, StockProjection},
    stock_query::{Page, SkuStock, StockView},
};
use uuid::Uuid;

use crate::{contracts, goods, same};

/// What the functions see of the table.
pub trait Ports: StockProjection + StockView {}

impl<T: StockProjection + StockView> Ports for T {}

/// The view is read through its ports alone.
pub trait Books {}

impl<T> Books for T {}

fn count(sku: &Sku, node: Option<&NodeId>, units: u64, version: u64) -> StockCount {
    StockCount { sku: sku.clone(), node: node.cloned(), level: Level { units, version } }
}

/// A node that nobody else has.
fn node() -> anyhow::Result<NodeId> {
    let suffix = Uuid::new_v4().simple().to_string();
    Ok(NodeId::parse(&format!("store-{}", suffix.get(..12).unwrap_or_default()))?)
}

contracts! {
    (ports: Ports, _books: Books)

    of_goods_that_nobody_counted_nothing_is_known {
        same("stock", ports.of_sku(&goods()?).await?, SkuStock::default())?;
        same("at a node", ports.at_node(&node()?, None, 10).await?, Page::default())?;
    }

    what_is_available_gives_way_to_what_is_newer_only {
        let sku = goods()?;
        same("first", ports.record(&count(&sku, None, 5, 3)).await?, Recorded::Yes)?;
        for version in [1, 2, 3] {
            let older = ports.record(&count(&sku, None, 9, version)).await?;
            same("as new or older", older, Recorded::Older)?;
        }
        same("stands", ports.of_sku(&sku).await?.available, Some(5))?;
        same("newer", ports.record(&count(&sku, None, 0, 4)).await?, Recorded::Yes)?;
        same("stock", ports.of_sku(&sku).await?, SkuStock { available: Some(0), ..SkuStock::default() })?;
    }

    what_a_node_has_gives_way_to_what_is_newer_only {
        let (sku, here, there) = (goods()?, node()?, node()?);
        same("first", ports.record(&count(&sku, Some(&here), 5, 3)).await?, Recorded::Yes)?;
        for version in [1, 2, 3] {
            let older = ports.record(&count(&sku, Some(&here), 9, version)).await?;
            same("as new or older", older, Recorded::Older)?;
        }
        same("elsewhere", ports.record(&count(&sku, Some(&there), 1, 1)).await?, Recorded::Yes)?;
        let nodes = [(here.clone(), 5), (there.clone(), 1)].into();
        same("stands", ports.of_sku(&sku).await?, SkuStock { available: None, nodes })?;
        same("newer", ports.record(&count(&sku, Some(&here), 0, 12)).await?, Recorded::Yes)?;
        let nodes = [(here, 0), (there, 1)].into();
        same("stock", ports.of_sku(&sku).await?, SkuStock { available: None, nodes })?;
    }

    /// On DynamoDB the index lags behind.
    a_node_s_stock_is_found_in_pages_by_sku {
        let here = node()?;
        let mut skus = [goods()?, goods()?, goods()?];
        skus.sort();
        for (sku, units) in skus.iter().zip(1..) {
            ports.record(&count(sku, None, 99, 1)).await?;
            ports.record(&count(sku, Some(&node()?), 99, 1)).await?;
            ports.record(&count(sku, Some(&here), units, 1)).await?;
        }
        let [first, second, third] = skus;
        let rows = |rows: &[(&Sku, u64)]| rows.iter().map(|(sku, units)| ((*sku).clone(), *units)).collect();
        let everything = Page { stock: rows(&[(&first, 1), (&second, 2), (&third, 3)]), more: false };
        same("all", ports.at_node(&here, None, 100).await?, everything.clone())?;
        same("exactly as many", ports.at_node(&here, None, 3).await?, everything)?;
        let page = Page { stock: rows(&[(&first, 1), (&second, 2)]), more: true };
        same("the first page", ports.at_node(&here, None, 2).await?, page)?;
        let page = Page { stock: rows(&[(&third, 3)]), more: false };
        same("the last page", ports.at_node(&here, Some(&second), 2).await?, page)?;
        same("behind it", ports.at_node(&here, Some(&third), 2).await?, Page::default())?;
    }
}
