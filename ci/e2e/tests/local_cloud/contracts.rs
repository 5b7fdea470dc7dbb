//! What the functions say fits the committed contracts and is about nobody.

use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    capture::Capture,
    contract_check::ContractCheck,
    shop::{PATIENCE, Shop},
};

#[tokio::test]
async fn every_event_fits_its_contract_and_names_nobody() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods_at(1_000, &[("wh-one", 5)], 1).await?;
    let stove = shop.goods_at(500, &[("store-two", 5)], 1).await?;
    let fulfilled = NewOrder::of(&[(&tent, 1), (&stove, 1)]);
    let declined = NewOrder::of(&[(&tent, 1)]).paid_with("pm_sandbox_declined");
    let undeliverable = NewOrder::of(&[(&tent, 1)]).shipped_to("addr_sandbox_undeliverable");
    let sold_out = NewOrder::of(&[(&tent, 100)]);
    let stories: [(&NewOrder, Status, &[&str]); 4] = [
        (
            &fulfilled,
            Status::Fulfilled,
            &[
                "OrderCreated",
                "StockReserved",
                "PaymentCaptured",
                "OrderConfirmed",
                "WarehouseAllocated",
                "StockCommitted",
                "ShipmentLabelled",
                "FulfilmentCompleted",
                "OrderFulfilled",
            ],
        ),
        (
            &declined,
            Status::Cancelled,
            &["PaymentDeclined", "StockReleased", "FulfilmentFailed", "OrderCancelled"],
        ),
        (&undeliverable, Status::Cancelled, &["PaymentRefunded", "StockReleased", "OrderCancelled"]),
        (&sold_out, Status::Rejected, &["StockReservationFailed", "OrderRejected", "FulfilmentFailed"]),
    ];
    let ids: Vec<_> = stories.iter().map(|(order, ..)| order.order_id).collect();
    let mut capture = Capture::of_orders(&shop.cloud, &ids).await?;
    for (order, status, _) in stories {
        assert_eq!(shop.place(order).await?.status, status);
    }
    for (order, _, events) in stories {
        capture.hear(&shop.cloud, &[order.order_id], events, PATIENCE).await?;
    }
    let mut check = ContractCheck::default();
    for event in &capture.heard {
        assert_eq!(check.faults(event)?, Vec::<String>::new());
        let text = event.detail.to_string();
        for secret in [&shop.customer.email, &shop.customer.token] {
            assert!(!text.contains(secret.as_str()), "{} tells who the customer is", event.detail_type);
        }
    }
    capture.close(&shop.cloud).await
}
