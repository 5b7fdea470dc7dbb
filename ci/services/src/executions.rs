//! Executions of a state machine: names, inputs and what is known of them.

use anyhow::{Context, ensure};
use lakeside_contracts::commands::FulfilOrder;
use lakeside_fulfilment::executions::{
    Execution, ExecutionStatus, Executions, ExecutionsError, SagaError, Started, fulfilment_name, start_once,
};
use serde_json::json;
use uuid::Uuid;

/// A state machine whose executions run until they are stopped.
pub trait Sagas {
    /// Through which they are started.
    type Port: Executions;
    /// The state machine's executions.
    fn executions(&self) -> &Self::Port;
    /// Ends an execution, and waits until it has ended.
    async fn stop(&self, name: &str) -> anyhow::Result<()>;
    /// Names and orders of a case begin with this, so that no two runs share any.
    fn seed(&self) -> Uuid;
}

/// An order with `quantity` of something.
fn order(sagas: &impl Sagas, quantity: u32) -> anyhow::Result<FulfilOrder> {
    let id = sagas.seed();
    let order = json!({
        "orderId": id, "lines": [{"sku": "SKU-1", "quantity": quantity}],
        "total": {"amount": 100, "currency": "USD"}, "paymentMethod": "pm_1", "shippingAddressId": "addr_1",
        "requiresApproval": false,
        "metadata": {"correlationId": id, "causationId": id},
        "eventIds": {"completed": id, "failed": id, "parked": id},
    });
    serde_json::from_value(order).context("an order")
}

fn name(sagas: &impl Sagas) -> String {
    sagas.seed().to_string()
}

async fn start(sagas: &impl Sagas, name: &str, order: &FulfilOrder) -> anyhow::Result<Started> {
    Ok(sagas.executions().start(name, order).await?)
}

async fn described(sagas: &impl Sagas, name: &str) -> anyhow::Result<Option<Execution>> {
    Ok(sagas.executions().describe(name).await?)
}

pub async fn a_start_is_repeated_while_the_execution_runs(sagas: &impl Sagas) -> anyhow::Result<()> {
    let (name, order) = (name(sagas), order(sagas, 1)?);
    for _ in 0..3 {
        let started = start(sagas, &name, &order).await?;
        ensure!(started == Started::Yes, "{started:?}");
    }
    Ok(())
}

pub async fn a_name_is_taken_by_another_input(sagas: &impl Sagas) -> anyhow::Result<()> {
    let name = name(sagas);
    start(sagas, &name, &order(sagas, 1)?).await?;
    let started = start(sagas, &name, &order(sagas, 2)?).await?;
    ensure!(started == Started::NameTaken, "{started:?}");
    let known = described(sagas, &name).await?.context("an execution that was started")?;
    let input: FulfilOrder = serde_json::from_str(&known.input)?;
    ensure!(input == order(sagas, 1)?, "the first input does not stand: {input:?}");
    Ok(())
}

pub async fn a_name_is_taken_after_the_execution_has_ended(sagas: &impl Sagas) -> anyhow::Result<()> {
    let (name, order) = (name(sagas), order(sagas, 1)?);
    start(sagas, &name, &order).await?;
    sagas.stop(&name).await?;
    let started = start(sagas, &name, &order).await?;
    ensure!(started == Started::NameTaken, "{started:?}");
    Ok(())
}

pub async fn an_execution_is_described_with_its_input_and_status(sagas: &impl Sagas) -> anyhow::Result<()> {
    let (name, order) = (name(sagas), order(sagas, 1)?);
    let unknown = described(sagas, &name).await?;
    ensure!(unknown.is_none(), "{unknown:?}");
    start(sagas, &name, &order).await?;
    let known = described(sagas, &name).await?.context("an execution that was started")?;
    ensure!(serde_json::from_str::<FulfilOrder>(&known.input)? == order, "{known:?}");
    ensure!(
        known.status == ExecutionStatus::Running { redriven: false } && known.error.is_none(),
        "{known:?}"
    );
    sagas.stop(&name).await?;
    let known = described(sagas, &name).await?.context("an execution that was started")?;
    ensure!(known.status == ExecutionStatus::Failed, "{known:?}");
    Ok(())
}

pub async fn the_history_of_an_unknown_execution_is_no_history(sagas: &impl Sagas) -> anyhow::Result<()> {
    let entered = sagas.executions().entered(&name(sagas), "PublishCompleted").await;
    ensure!(matches!(entered, Err(ExecutionsError::Unavailable(_))), "{entered:?}");
    Ok(())
}

pub async fn an_order_is_started_once_and_its_name_belongs_to_it(sagas: &impl Sagas) -> anyhow::Result<()> {
    let order_of_case = order(sagas, 1)?;
    let name = fulfilment_name(order_of_case.order_id);
    start_once(sagas.executions(), &name, &order_of_case).await?;
    start_once(sagas.executions(), &name, &order_of_case).await?;
    sagas.stop(&name).await?;
    start_once(sagas.executions(), &name, &order_of_case).await?;
    let other = start_once(sagas.executions(), &name, &order(sagas, 2)?).await;
    ensure!(matches!(other, Err(SagaError::Conflict(_))), "{other:?}");
    Ok(())
}
