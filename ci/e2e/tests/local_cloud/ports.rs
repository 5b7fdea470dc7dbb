//! The adapters keep the contracts of the squads' tables, which those in memory keep too: a table in memory stands for
//! the one on DynamoDB as far as these cases and sequences reach.

use anyhow::{anyhow, ensure};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
};
use lakeside_e2e::cloud::Cloud;
use lakeside_fulfilment::{fulfilment_table::FulfilmentTable, memory::MemoryFulfilment};
use lakeside_growth::listing_table::ListingTable;
use lakeside_inventory::{inventory_table::InventoryTable, memory::MemoryInventory};
use lakeside_orders::{
    memory::{MemoryOrders, MemoryStatus},
    orders_table::OrdersTable,
    status_table::StatusTable,
};
use lakeside_port_contracts::{
    Failure,
    dynamo::Table,
    fulfilment, inventory, listings, orders,
    random::{self, Step, Story},
    status,
};
use proptest::{prelude::*, test_runner::TestRunner};
use uuid::Uuid;

/// Random sequences, and the most operations of one.
const SEQUENCES: u32 = 40;
const STEPS: usize = 30;

/// A table of the shape that `squad-modules/modules/table` gives to the squads' own, with the indexes of all of them.
async fn create(cloud: &Cloud) -> anyhow::Result<Table> {
    let name = cloud.name(&format!("ports-{}", Uuid::new_v4().simple()));
    let mut request =
        cloud.dynamodb.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
    let mut index = GlobalSecondaryIndex::builder()
        .index_name("held-by-end")
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
    let keys = [
        ("heldShard", KeyType::Hash, ScalarAttributeType::S),
        ("expiresAt", KeyType::Range, ScalarAttributeType::N),
    ];
    for (attribute, key, kind) in keys {
        let definition = AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind);
        request = request.attribute_definitions(definition.build()?);
        index =
            index.key_schema(KeySchemaElement::builder().attribute_name(attribute).key_type(key).build()?);
    }
    request = request.global_secondary_indexes(index.build()?);
    for (attribute, key) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let definition = AttributeDefinition::builder().attribute_name(attribute);
        let schema = KeySchemaElement::builder().attribute_name(attribute).key_type(key);
        request = request
            .attribute_definitions(definition.attribute_type(ScalarAttributeType::S).build()?)
            .key_schema(schema.build()?);
    }
    let stream =
        StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewAndOldImages);
    request.stream_specification(stream.build()?).send().await?;
    Ok(Table { client: cloud.dynamodb.clone(), name })
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
    let failures = inventory::failures(&adapter, &table).await;
    delete(&table).await?;
    kept(&failures)
}

#[tokio::test]
async fn the_fulfilment_adapter_keeps_the_contracts() -> anyhow::Result<()> {
    let table = create(&Cloud::open()?).await?;
    let adapter = FulfilmentTable::new(table.client.clone(), table.name.clone(), fulfilment::DURATIONS);
    let failures = fulfilment::failures(&adapter, &table).await;
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
            let memory = MemoryFulfilment::new(fulfilment::DURATIONS);
            let adapter =
                FulfilmentTable::new(table.client.clone(), table.name.clone(), fulfilment::DURATIONS);
            let there = cast.play(&adapter, table, &steps).await?;
            Ok((cast.play(&memory, &memory, &steps).await?, there))
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
