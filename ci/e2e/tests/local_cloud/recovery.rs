//! A saga that died is finished by another, which undoes what it had begun.

use anyhow::Context;
use aws_sdk_sfn::types::ExecutionStatus;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    shop::{PATIENCE, Shop},
};
use serde_json::json;
use uuid::Uuid;

use crate::approval::{given_up, precious, requested};

/// Tells `recover-fulfilment` of an execution as Step Functions does on AWS; the emulator announces none.
async fn announce(shop: &Shop, order_id: Uuid, status: &ExecutionStatus) -> anyhow::Result<()> {
    let cloud = &shop.cloud;
    let event = json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {
            "executionArn": cloud.execution_arn(order_id),
            "stateMachineArn": cloud.state_machine_arn,
            "name": order_id,
            "status": status.as_str(),
        },
    });
    let url = cloud.queue_url(&cloud.name("recover-fulfilment")).await?;
    let sent = cloud.sqs.send_message().queue_url(url).message_body(event.to_string()).send().await;
    sent.map(|_| ()).context("the queue of recover-fulfilment takes nothing")
}

#[tokio::test]
async fn an_order_whose_saga_was_aborted_is_cancelled_and_its_stock_released_however_often_it_is_told()
-> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = precious(&shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    requested(&shop, &goods, &order).await?;
    let execution = shop.cloud.execution_arn(order.order_id);
    shop.cloud.sfn.stop_execution().execution_arn(execution).send().await?;
    let ended = shop.cloud.saga_ended(order.order_id, PATIENCE).await?;
    assert_eq!(ended, ExecutionStatus::Aborted);

    announce(&shop, order.order_id, &ended).await?;
    let view = shop.ended(order.order_id).await?;
    assert_eq!(view.status, Status::Cancelled);
    given_up(&shop, &goods, &order).await?;

    announce(&shop, order.order_id, &ended).await?;
    shop.cloud.drained(&shop.cloud.name("recover-fulfilment"), PATIENCE).await?;
    let recoveries = shop.cloud.executions(None).await?;
    let recoveries =
        recoveries.iter().filter(|execution| execution.name.ends_with(&order.order_id.to_string()));
    assert_eq!(recoveries.count(), 2, "the saga itself, and one recovery");
    given_up(&shop, &goods, &order).await
}
