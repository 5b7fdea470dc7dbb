//! Every metric there is. `docs/metrics.md` says the same to people, and a test holds the two together.

use super::{Metric, Unit};

/// Functions that are fed by a queue.
const CONSUMERS: &[&str] = &["every function with a queue"];
/// Of every squad.
const OUTBOX: &str = "<squad>-publish-outbox";

macro_rules! metrics {
    ($($name:ident = $text:literal in $unit:ident by $functions:expr => $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            pub const $name: Metric =
                Metric { name: $text, unit: Unit::$unit, functions: $functions, meaning: $meaning };
        )+

        /// All of them, in the order of an order's way.
        pub const ALL: &[Metric] = &[$($name),+];
    };
}

metrics! {
    ORDERS_ACCEPTED = "OrdersAccepted" in Count by &["order-ingest"] =>
        "Submissions that became orders.";
    ORDERS_REJECTED = "OrdersRejected" in Count by &["order-ingest", "advance-order"] =>
        "Submissions that were refused, and orders that nothing was in stock for.";
    INGESTION_LAG = "IngestionLag" in Milliseconds by &["order-ingest"] =>
        "From when the door took a submission to when it was decided.";
    CANCELLATIONS_REQUESTED = "CancellationsRequested" in Count by &["cancel-order"] =>
        "Orders that their customers want cancelled, whatever comes of it.";
    RESERVATIONS_MADE = "ReservationsMade" in Count by &["reserve-stock"] =>
        "Orders whose lines are all held.";
    RESERVATIONS_FAILED = "ReservationsFailed" in Count by &["reserve-stock"] =>
        "Orders that there was too little stock for.";
    HOLDS_FORSAKEN = "HoldsForsaken" in Count by &["sweep-reservations"] =>
        "Holds that no saga sold or released, and that were put back by the clock.";
    STOCK_DIFFERENCES = "StockDifferences" in Count by &["reconcile-stock"] =>
        "SKUs of a run whose pools and nodes disagree; 0 where all agree.";
    ADJUSTMENTS_REFUSED = "AdjustmentsRefused" in Count by &["adjust-stock"] =>
        "Receipts, counts and sales of stores that could not be booked.";
    PAYMENTS_CAPTURED = "PaymentsCaptured" in Count by &["capture-payment"] =>
        "Orders whose money was taken.";
    PAYMENTS_DECLINED = "PaymentsDeclined" in Count by &["capture-payment"] =>
        "Orders whose money the processor declined to take.";
    PAYMENT_LATENCY = "PaymentLatency" in Milliseconds by &["capture-payment"] =>
        "From when it was written down that the processor is asked, in the attempt that brought the answer, to its answer.";
    LABELS_CREATED = "LabelsCreated" in Count by &["create-label"] =>
        "Parcels that got their label.";
    LABELS_REFUSED = "LabelsRefused" in Count by &["create-label"] =>
        "Parcels that the carrier does not take, or whose address nobody knows.";
    COMPENSATIONS = "Compensations" in Count by &["release-stock", "refund-payment", "void-label"] =>
        "Effects of a saga that were undone: stock put back, money given back, labels voided. What finds nothing to undo does not count.";
    ORDERS_FULFILLED = "OrdersFulfilled" in Count by &["advance-order"] =>
        "Orders that came to their good end.";
    ORDERS_CANCELLED = "OrdersCancelled" in Count by &["advance-order"] =>
        "Orders that were undone after they were accepted.";
    SAGAS_PARKED = "SagasParked" in Count by &["advance-order"] =>
        "Sagas that gave up and wait for somebody, each in the minute in which it did. A recovery that gives up as well counts again.";
    FULFILMENT_TIME = "FulfilmentTime" in Milliseconds by &["advance-order"] =>
        "From when an order was accepted to when it was fulfilled.";
    CUSTOMERS_NOTIFIED = "CustomersNotified" in Count by &["notify-customer"] =>
        "Messages that customers were sent.";
    NOTICES_UNCERTAIN = "NoticesUncertain" in Count by &["notify-customer"] =>
        "Messages that did not reach their customer, or may not have, and are not sent again.";
    LISTINGS_PUBLISHED = "ListingsPublished" in Count by &["publish-stock"] =>
        "Levels that a marketplace shows.";
    LISTINGS_REFUSED = "ListingsRefused" in Count by &["publish-stock"] =>
        "Levels that a marketplace refused.";
    EVENTS_PUBLISHED = "EventsPublished" in Count by &[OUTBOX, "publish-levels"] =>
        "Events that the bus took, or the pipe was given. A batch that is delivered again counts again.";
    OUTBOX_LAG = "OutboxLag" in Milliseconds by &[OUTBOX] =>
        "From when an event was written to when the bus took it, or the pipe was given it; one value for each event.";
    REDELIVERIES = "Redeliveries" in Count by CONSUMERS =>
        "Messages that a queue delivered before, by their ApproximateReceiveCount.";
    MESSAGES_RETRIED = "MessagesRetried" in Count by CONSUMERS =>
        "Deliveries that failed for a passing reason. Lambda counts none of them as an error, for the batch succeeds.";
    MESSAGES_PARKED = "MessagesParked" in Count by CONSUMERS =>
        "Deliveries that failed until somebody has looked; after the queue's last one the message is a dead letter.";
}
