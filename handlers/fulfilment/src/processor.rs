//! The payment processor as a port. An order's id is the reference of its payment; what is sent under one
//! idempotency key is the same however often it is sent.

use std::time::Duration;

use lakeside_domain::{
    ids::{OrderId, PaymentMethod},
    money::Money,
    payment::{Charge, Reversal},
};

use crate::outside::{OutsideError, Reply};

/// The reason code of a decline that says no more.
pub const PAYMENT_DECLINED: &str = "PAYMENT_DECLINED";

/// A charge. The same one for every attempt at an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRequest {
    /// The reference.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// From where.
    pub payment_method: PaymentMethod,
}

impl ChargeRequest {
    /// The idempotency key.
    pub fn idempotency_key(&self) -> String {
        format!("{}:capture", self.order_id)
    }
}

/// The idempotency key of an order's reversal.
pub fn reversal_key(order_id: OrderId) -> String {
    format!("{order_id}:refund")
}

/// Where a payment stands in the processor's books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It never heard of it.
    Absent,
    /// It is at it.
    Processing,
    /// Captured, and not given back.
    Captured,
    /// Declined.
    Declined,
    /// Reversed, with what came of that.
    Reversed(Reversal),
}

/// The processor. Each call is told how long it may take.
pub trait Processor {
    /// Captures the amount, once per idempotency key.
    async fn charge(
        &self,
        request: &ChargeRequest,
        patience: Duration,
    ) -> Result<Reply<Charge>, OutsideError>;

    /// Gives back what was captured, or sees to it that nothing ever is. Either way the reference is closed.
    async fn reverse(&self, order_id: OrderId, patience: Duration) -> Result<Reply<Reversal>, OutsideError>;

    /// Looks the payment up. Changes nothing.
    async fn look_up(&self, order_id: OrderId, patience: Duration) -> Result<Standing, OutsideError>;
}
