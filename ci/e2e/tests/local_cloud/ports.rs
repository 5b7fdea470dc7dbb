//! The adapters keep the contracts of the squads' tables, which those in memory keep too: a table in memory stands for
//! the one on DynamoDB as far as these cases and sequences reach.

use anyhow::{anyhow, ensure};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
};
use lakeside_e2e::cloud::Cloud;
use lakeside_fulfilment::{fulfilment_table::FulfilmentTable, memory::MemoryFulfilment};
use lakeside_growth::{
    growth_table::{LoyaltyTable, NoticeTable},
    listing_table::ListingTable,
    memory::MemoryGrowth,
};
use lakeside_inventory::{
    inventory_table::InventoryTable, memory::MemoryInventory, store_stock_table::StoreStockTable,
};
use lakeside_orders::{
    memory::{MemoryOrders, MemoryStatus},
    orders_table::OrdersTable,
    status_table::StatusTable,
};
use lakeside_port_contracts::{
    Failure, adjustments,
    dynamo::Table,
    fulfilment, inventory, leases, listings, loyalty, notices, orders,
    random::{self, Step, Story},
    status, store_stock,
};
use proptest::{prelude::*, test_runner::TestRunner};
use uuid::Uuid;

/// Random sequences, and the most operations of one.
const SEQUENCES: u32 = 40;
const STEPS: usize = 30;

/// A table of the shape that `squad-modules/modules/table` gives to the squads' own, with the indexes of all of them.
async fn create(cloud: &Cloud) -> anyhow::Result<Table> {
    let name = cloud.name(&format!("ports-{}", Uuid::new_v4().simple()));
    let stream =
        StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewAndOldImages);
    let mut request = cloud
        .dynamodb
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream.build()?)
        .global_secondary_indexes(index("held-by-end", ["heldShard", "expiresAt"], &[])?)
        .global_secondary_indexes(index("skus-by-shard", ["stockShard", "sku"], &[])?)
        .global_secondary_indexes(index("by-customer", ["customerKey", "placedAt"], &[])?)
        .global_secondary_indexes(index("stock-by-node", ["byNode", "sku"], &["onHand"])?);
    for (attribute, kind) in [
        ("pk", ScalarAttributeType::S),
        ("sk", ScalarAttributeType::S),
        ("heldShard", ScalarAttributeType::S),
        ("expiresAt", ScalarAttributeType::N),
        ("stockShard", ScalarAttributeType::S),
        ("customerKey", ScalarAttributeType::S),
        ("placedAt", ScalarAttributeType::N),
        ("byNode", ScalarAttributeType::S),
        ("sku", ScalarAttributeType::S),
    ] {
        let definition = AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind);
        request = request.attribute_definitions(definition.build()?);
    }
    for part in key(["pk", "sk"])? {
        request = request.key_schema(part);
    }
    request.send().await?;
    Ok(Table { client: cloud.dynamodb.clone(), name })
}

fn key([hash, range]: [&str; 2]) -> anyhow::Result<[KeySchemaElement; 2]> {
    let part = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok([part(hash, KeyType::Hash)?, part(range, KeyType::Range)?])
}

/// An index that holds these attributes beside its keys.
fn index(name: &str, keys: [&str; 2], attributes: &[&str]) -> anyhow::Result<GlobalSecondaryIndex> {
    let mut projection = Projection::builder().projection_type(ProjectionType::KeysOnly);
    for attribute in attributes {
        projection = projection.projection_type(ProjectionType::Include).non_key_attributes(*attribute);
    }
    let key = key(keys)?.to_vec();
    let index = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(key));
    Ok(index.projection(projection.build()).build()?)
}

/// Deletes the table, whatever came of the test.
async fn delete(table: &Table) -> anyhow::Result<()> {
    table.client.delete_table().table_name(&table.name).send().await?;
    Ok(())
}

fn kept(failures: &[Failure]) -> anyhow::Result<()> {
    ensure!(failures.is_empty(), "{failures:#?}");
    Ok(())
}

#[tokio::test]
async fn the_inventory_adapter_keeps_the_contracts() -> anyhow::Result<()> {
    let table = create(&Cloud::open()?).await?;
    let adapter = InventoryTable::new(table.client.clone(), table.name.clone());
    let mut failures = inventory::failures(&adapter, &table).await;
    failures.extend(adjustments::failures(&adapter, &table).await);
    delete(&table).await?;
    kept(&failures)
}

#[tokio::test]
async fn the_adapter_of_the_view_of_stock_keeps_the_contracts() -> anyhow::Result<()> {
    let table = create(&Cloud::open()?).await?;
    let view = StoreStockTable::new(table.client.clone(), table.name.clone());
    let failures = store_stock::failures(&view, &()).await;
    delete(&table).await?;
    kept(&failures)
}

#[tokio::test]
async fn the_fulfilment_adapter_keeps_the_contracts() -> anyhow::Result<()> {
    let table = create(&Cloud::open()?).await?;
    let adapter = FulfilmentTable::new(table.client.clone(), table.name.clone(), leases::DURATIONS);
    let mut failures = fulfilment::failures(&adapter, &table).await;
    failures.extend(leases::failures(&adapter, &table).await);
    delete(&table).await?;
    kept(&failures)
}

#[tokio::test]
async fn the_growth_adapters_keep_the_contracts() -> anyhow::Result<()> {
    let table = create(&Cloud::open()?).await?;
    let points = LoyaltyTable::new(table.client.clone(), table.name.clone());
    let notices = NoticeTable::new(table.client.clone(), table.name.clone(), leases::DURATIONS);
    let mut failures = loyalty::failures(&points, &table).await;
    failures.extend(notices::failures(&notices, &table).await);
    failures.extend(leases::failures(&notices, &table).await);
    delete(&table).await?;
    kept(&failures)
}

#[tokio::test]
async fn the_adapter_of_listings_keeps_the_contracts() -> anyhow::Result<()> {
    let table = create(&Cloud::open()?).await?;
    let adapter = ListingTable::new(table.client.clone(), table.name.clone(), listings::DURATIONS);
    let failures = listings::failures(&adapter, &table).await;
    delete(&table).await?;
    kept(&failures)
}

#[tokio::test]
async fn the_orders_adapters_keep_the_contracts() -> anyhow::Result<()> {
    let table = create(&Cloud::open()?).await?;
    let adapter = OrdersTable::new(table.client.clone(), table.name.clone());
    let view = StatusTable::new(table.client.clone(), table.name.clone());
    let mut failures = orders::failures(&adapter, &table).await;
    failures.extend(status::failures(&view, &()).await);
    delete(&table).await?;
    kept(&failures)
}

/// Plays random sequences on a table in memory and on the adapter.
fn alike(play: impl AsyncFn(Vec<Step>) -> anyhow::Result<(Story, Story)>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let config = ProptestConfig { cases: SEQUENCES, failure_persistence: None, ..ProptestConfig::default() };
    let steps = prop::collection::vec(any::<Step>(), 1..=STEPS);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        let played =
            runtime.block_on(play(steps)).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        prop_assert_eq!(&played.0, &played.1, "in memory, and on DynamoDB");
        Ok(())
    });
    outcome.map_err(|error| anyhow!("{error}"))
}

async fn with_table<T>(play: impl AsyncFnOnce(&Table) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let table = create(&Cloud::open()?).await?;
    let outcome = play(&table).await;
    delete(&table).await?;
    outcome
}

#[test]
fn random_sequences_on_inventory_come_to_the_same() -> anyhow::Result<()> {
    alike(async |steps: Vec<Step>| {
        with_table(async |table| {
            let cast = random::inventory::Cast::new()?;
            let memory = MemoryInventory::default();
            let adapter = InventoryTable::new(table.client.clone(), table.name.clone());
            let there = cast.play(&adapter, table, &steps).await?;
            Ok((cast.play(&memory, &memory, &steps).await?, there))
        })
        .await
    })
}

#[test]
fn random_sequences_on_fulfilment_come_to_the_same() -> anyhow::Result<()> {
    alike(async |steps: Vec<Step>| {
        with_table(async |table| {
            let cast = random::fulfilment::Cast::default();
            let memory = MemoryFulfilment::new(leases::DURATIONS);
            let adapter = FulfilmentTable::new(table.client.clone(), table.name.clone(), leases::DURATIONS);
            let there = cast.play(&adapter, table, &steps).await?;
            Ok((cast.play(&memory, &memory, &steps).await?, there))
        })
        .await
    })
}

#[test]
fn random_sequences_on_growth_come_to_the_same() -> anyhow::Result<()> {
    alike(async |steps: Vec<Step>| {
        with_table(async |table| {
            let cast = random::growth::Cast::new()?;
            let memory = MemoryGrowth::new(leases::DURATIONS);
            let points = LoyaltyTable::new(table.client.clone(), table.name.clone());
            let notices = NoticeTable::new(table.client.clone(), table.name.clone(), leases::DURATIONS);
            let there = cast.play(&points, &notices, table, &steps).await?;
            Ok((cast.play(&memory, &memory, &memory, &steps).await?, there))
        })
        .await
    })
}

#[test]
fn random_sequences_on_orders_come_to_the_same() -> anyhow::Result<()> {
    alike(async |steps: Vec<Step>| {
        with_table(async |table| {
            let cast = random::orders::Cast::default();
            let (memory, memory_view) = (MemoryOrders::default(), MemoryStatus::default());
            let adapter = OrdersTable::new(table.client.clone(), table.name.clone());
            let view = StatusTable::new(table.client.clone(), table.name.clone());
            let there = cast.play(&adapter, &view, table, &steps).await?;
            Ok((cast.play(&memory, &memory_view, &memory, &steps).await?, there))
        })
        .await
    })
}
