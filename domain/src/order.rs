//! An order: priced by us from the catalogue, accepted or refused once, then moved along by facts from the
//! other domains.
//!
//! This module never reserves stock and never takes money; it only says what those facts mean for the order.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AddressId, CustomerId, OrderId, PaymentMethod, ReasonCode, Sku},
    money::{Money, MoneyError},
    quantity::Quantity,
    time::Timestamp,
};

/// The most lines of one order, so that a reservation of all of them fits one `DynamoDB` transaction.
pub const MAX_LINES: usize = 20;

/// The reason code of an order that its customer cancelled.
pub const CANCELLED_BY_CUSTOMER: &str = "CANCELLED_BY_CUSTOMER";

/// Where an order came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The website.
    Web,
    /// The mobile app.
    App,
    /// A marketplace, on behalf of a customer of its own.
    Marketplace,
    /// One of our stores, for somebody at its counter.
    Store,
}

impl Channel {
    /// Our own, which a client names by itself.
    pub const OWN: [Self; 2] = [Self::Web, Self::App];
    /// Those of partners, which come with who they are.
    pub const PARTNERS: [Self; 2] = [Self::Marketplace, Self::Store];
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Web, Self::App, Self::Marketplace, Self::Store];

    /// Its public name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Marketplace => "marketplace",
            Self::Store => "store",
        }
    }
}

/// What a client asks for, after its identifiers were checked. Quantities are as the client wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The client's id, and the idempotency key.
    pub order_id: OrderId,
    /// Who asks.
    pub customer_id: CustomerId,
    /// Where they ask.
    pub channel: Channel,
    /// What they ask for: SKU and number of units.
    pub lines: Vec<(Sku, i64)>,
    /// What they believe it costs. Compared, never trusted.
    pub expected_total: Money,
    /// How they pay.
    pub payment_method: PaymentMethod,
    /// Where it goes.
    pub shipping_address_id: AddressId,
}

/// One line of an accepted order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PricedLine {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// The catalogue's price of one unit when the order was accepted.
    pub unit_price: Money,
}

/// Why a submission became a rejected order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No lines.
    #[error("an order needs at least one line")]
    NoLines,
    /// More than [`MAX_LINES`].
    #[error("an order has at most {MAX_LINES} lines, got {0}")]
    TooManyLines(usize),
    /// One SKU on two lines.
    #[error("sku `{0}` stands on more than one line")]
    DuplicateSku(Sku),
    /// A quantity out of range.
    #[error("quantity `{quantity}` of sku `{sku}` is out of range")]
    InvalidQuantity {
        /// Of what.
        sku: Sku,
        /// As the client wrote it.
        quantity: i64,
    },
    /// Not in the catalogue.
    #[error("sku `{0}` is not in the catalogue")]
    UnknownSku(Sku),
    /// Prices and total, or two prices, in different currencies.
    #[error("the order mixes currencies")]
    CurrencyMismatch,
    /// The total does not fit.
    #[error("the order's total is too large")]
    TotalOverflow,
    /// Our price is another one.
    #[error("the order costs {}, the client expected {}", actual.amount(), expected.amount())]
    PriceMismatch {
        /// What the client wrote.
        expected: Money,
        /// What it costs.
        actual: Money,
    },
    /// A field that the door should have refused.
    #[error("field `{0}` is malformed")]
    MalformedField(&'static str),
    /// Its customer's cancellation came first.
    #[error("the order was cancelled before it came")]
    CancelledFirst,
}

impl Rejection {
    /// The public code of this rejection.
    pub fn code(&self) -> ReasonCode {
        ReasonCode::constant(match self {
            Self::NoLines => "NO_LINES",
            Self::TooManyLines(_) => "TOO_MANY_LINES",
            Self::DuplicateSku(_) => "DUPLICATE_SKU",
            Self::InvalidQuantity { .. } => "INVALID_QUANTITY",
            Self::UnknownSku(_) => "UNKNOWN_SKU",
            Self::CurrencyMismatch => "CURRENCY_MISMATCH",
            Self::TotalOverflow => "TOTAL_OVERFLOW",
            Self::PriceMismatch { .. } => "PRICE_MISMATCH",
            Self::MalformedField(_) => "MALFORMED_FIELD",
            Self::CancelledFirst => CANCELLED_BY_CUSTOMER,
        })
    }
}

impl From<MoneyError> for Rejection {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::Overflow => Self::TotalOverflow,
            MoneyError::CurrencyMismatch => Self::CurrencyMismatch,
        }
    }
}

/// An accepted order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The client's id.
    pub order_id: OrderId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// Where it came from.
    pub channel: Channel,
    /// What was ordered; each SKU once.
    pub lines: Vec<PricedLine>,
    /// The sum of the lines.
    pub total: Money,
    /// How it is paid.
    pub payment_method: PaymentMethod,
    /// Where it goes.
    pub shipping_address_id: AddressId,
    /// When it was accepted.
    pub placed_at: Timestamp,
}

/// The SKUs that can be ordered, with the price of one unit.
pub type Catalogue = BTreeMap<Sku, Money>;

/// Prices and checks a submission.
///
/// # Errors
/// The first [`Rejection`] in the order in which a clerk would notice.
pub fn place(submission: &Submission, catalogue: &Catalogue, now: Timestamp) -> Result<Order, Rejection> {
    if submission.lines.is_empty() {
        return Err(Rejection::NoLines);
    }
    if submission.lines.len() > MAX_LINES {
        return Err(Rejection::TooManyLines(submission.lines.len()));
    }
    let mut seen = BTreeSet::new();
    let mut lines = Vec::with_capacity(submission.lines.len());
    let mut total = Money::zero(submission.expected_total.currency());
    for (sku, units) in &submission.lines {
        if !seen.insert(sku) {
            return Err(Rejection::DuplicateSku(sku.clone()));
        }
        let quantity = Quantity::new(*units)
            .map_err(|e| Rejection::InvalidQuantity { sku: sku.clone(), quantity: e.0 })?;
        let unit_price = *catalogue.get(sku).ok_or_else(|| Rejection::UnknownSku(sku.clone()))?;
        total = total.plus(unit_price.times(quantity)?)?;
        lines.push(PricedLine { sku: sku.clone(), quantity, unit_price });
    }
    if total != submission.expected_total {
        return Err(Rejection::PriceMismatch { expected: submission.expected_total, actual: total });
    }
    Ok(Order {
        order_id: submission.order_id,
        customer_id: submission.customer_id.clone(),
        channel: submission.channel,
        lines,
        total,
        payment_method: submission.payment_method.clone(),
        shipping_address_id: submission.shipping_address_id.clone(),
        placed_at: now,
    })
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderState {
    /// Accepted and priced.
    Created,
    /// Paid.
    Confirmed,
    /// Every parcel is labelled. Final.
    Fulfilled,
    /// Given up after it was accepted, and undone. Final.
    Cancelled {
        /// Why.
        reason: ReasonCode,
    },
    /// Refused, by a rule or for want of stock. Final.
    Rejected {
        /// Why.
        reason: ReasonCode,
    },
}

impl OrderState {
    /// Whether no fact can change it any more.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Fulfilled | Self::Cancelled { .. } | Self::Rejected { .. })
    }
}

/// Why a request to cancel an order changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Absorbed {
    /// Whoever asks has no such order.
    #[error("the order is somebody else's")]
    SomebodyElses,
    /// The order is fulfilled, cancelled or rejected.
    #[error("the order has ended")]
    Ended,
    /// Once is enough.
    #[error("it was asked for before")]
    AskedBefore,
}

/// Whether a request of `customer` to cancel `owner`'s order is one: then the saga is asked to give up, and does so at
/// its next step. Until it has, nothing is decided about the order; it may be too late.
///
/// # Errors
/// [`Absorbed`] if the request changes nothing.
pub fn request_cancellation(
    owner: &CustomerId,
    state: &OrderState,
    asked_before: bool,
    customer: &CustomerId,
) -> Result<(), Absorbed> {
    if owner != customer {
        return Err(Absorbed::SomebodyElses);
    }
    if state.is_final() {
        return Err(Absorbed::Ended);
    }
    if asked_before {
        return Err(Absorbed::AskedBefore);
    }
    Ok(())
}

/// What another domain says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// There was not enough of everything.
    StockReservationFailed {
        /// Why.
        reason: ReasonCode,
    },
    /// The money is ours.
    PaymentCaptured,
    /// The saga reached its end.
    FulfilmentCompleted,
    /// The saga gave up and undid what it had done.
    FulfilmentFailed {
        /// The step of the saga that failed, by its name in [`crate::saga::STEPS`].
        step: String,
        /// Why.
        reason: ReasonCode,
    },
    /// The saga is stuck and waits for a person; nothing is decided about the order.
    FulfilmentParked,
}

/// What happened to an order after it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    /// It is paid.
    Confirmed,
    /// It is on its way.
    Fulfilled,
    /// It was undone.
    Cancelled {
        /// Why.
        reason: ReasonCode,
    },
    /// It was refused.
    Rejected {
        /// Why.
        reason: ReasonCode,
    },
}

/// What `fact` means for an order in `state`; nothing, if it is old news.
///
/// Facts arrive in any order and more than once. A final state absorbs all of them, and a later fact implies
/// the earlier ones, so every order of arrival ends in the same state.
pub fn advance(state: &OrderState, fact: &Fact) -> Vec<OrderEvent> {
    match (state, fact) {
        (OrderState::Fulfilled | OrderState::Cancelled { .. } | OrderState::Rejected { .. }, _)
        | (_, Fact::FulfilmentParked)
        | (OrderState::Confirmed, Fact::PaymentCaptured) => Vec::new(),
        (OrderState::Created, Fact::PaymentCaptured) => vec![OrderEvent::Confirmed],
        (OrderState::Created, Fact::FulfilmentCompleted) => {
            vec![OrderEvent::Confirmed, OrderEvent::Fulfilled]
        }
        (OrderState::Confirmed, Fact::FulfilmentCompleted) => vec![OrderEvent::Fulfilled],
        (_, Fact::StockReservationFailed { reason }) => vec![OrderEvent::Rejected { reason: reason.clone() }],
        (_, Fact::FulfilmentFailed { step, reason }) => {
            if step == "ReserveStock" && reason.as_str() == crate::reservation::OUT_OF_STOCK {
                vec![OrderEvent::Rejected { reason: reason.clone() }]
            } else {
                vec![OrderEvent::Cancelled { reason: reason.clone() }]
            }
        }
    }
}

/// The state after `event`.
pub fn evolve(event: &OrderEvent) -> OrderState {
    match event {
        OrderEvent::Confirmed => OrderState::Confirmed,
        OrderEvent::Fulfilled => OrderState::Fulfilled,
        OrderEvent::Cancelled { reason } => OrderState::Cancelled { reason: reason.clone() },
        OrderEvent::Rejected { reason } => OrderState::Rejected { reason: reason.clone() },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;

    fn usd(amount: i64) -> Money {
        Money::new(amount, Currency::USD)
    }

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    fn reason(text: &str) -> ReasonCode {
        ReasonCode::parse(text).unwrap()
    }

    #[test]
    fn a_channel_is_ours_or_a_partner_s() {
        assert_eq!([Channel::OWN, Channel::PARTNERS].concat(), Channel::ALL);
    }

    fn submission(lines: &[(&str, i64)], total: i64) -> Submission {
        Submission {
            order_id: OrderId::parse("7e57d004-2b97-4e7a-b45f-5387367791cd").unwrap(),
            customer_id: CustomerId::parse("customer-1").unwrap(),
            channel: Channel::Web,
            lines: lines.iter().map(|(s, q)| (sku(s), *q)).collect(),
            expected_total: usd(total),
            payment_method: PaymentMethod::parse("pm_1").unwrap(),
            shipping_address_id: AddressId::parse("addr_1").unwrap(),
        }
    }

    fn catalogue() -> Catalogue {
        [(sku("TENT"), usd(19_900)), (sku("STOVE"), usd(4_950)), (sku("GOLD"), usd(i64::MAX))].into()
    }

    fn placed(lines: &[(&str, i64)], total: i64) -> Result<Order, Rejection> {
        place(&submission(lines, total), &catalogue(), Timestamp::from_millis(0))
    }

    #[test]
    fn we_price_the_order() {
        let order = placed(&[("TENT", 2), ("STOVE", 1)], 44_750).unwrap();
        assert_eq!(order.total, usd(44_750));
        assert_eq!(order.lines[0].unit_price, usd(19_900));
    }

    #[test]
    fn a_client_s_total_is_only_compared() {
        assert_eq!(
            placed(&[("TENT", 1)], 1),
            Err(Rejection::PriceMismatch { expected: usd(1), actual: usd(19_900) })
        );
    }

    #[test]
    fn an_order_has_lines_each_of_a_known_sku_once_in_a_sane_quantity() {
        assert_eq!(placed(&[], 0), Err(Rejection::NoLines));
        let many: Vec<(&str, i64)> = vec![("TENT", 1); MAX_LINES + 1];
        assert_eq!(placed(&many, 0), Err(Rejection::TooManyLines(MAX_LINES + 1)));
        assert_eq!(placed(&[("TENT", 1), ("TENT", 1)], 0), Err(Rejection::DuplicateSku(sku("TENT"))));
        assert_eq!(placed(&[("KAYAK", 1)], 0), Err(Rejection::UnknownSku(sku("KAYAK"))));
        for quantity in [0, -1, 1000, i64::MAX] {
            assert_eq!(
                placed(&[("TENT", quantity)], 0),
                Err(Rejection::InvalidQuantity { sku: sku("TENT"), quantity })
            );
        }
    }

    #[test]
    fn a_total_too_large_or_in_two_currencies_is_refused() {
        assert_eq!(placed(&[("GOLD", 2)], 0), Err(Rejection::TotalOverflow));
        let mut euro = submission(&[("TENT", 1)], 0);
        euro.expected_total = Money::new(19_900, Currency::EUR);
        assert_eq!(place(&euro, &catalogue(), Timestamp::from_millis(0)), Err(Rejection::CurrencyMismatch));
    }

    fn run(facts: &[Fact]) -> OrderState {
        facts.iter().fold(OrderState::Created, |state, fact| {
            advance(&state, fact).iter().fold(state, |_, event| evolve(event))
        })
    }

    #[test]
    fn want_of_stock_rejects_and_any_later_failure_cancels() {
        let failed =
            |step: &str, why: &str| Fact::FulfilmentFailed { step: step.into(), reason: reason(why) };
        assert_eq!(
            run(&[failed("ReserveStock", "OUT_OF_STOCK")]),
            OrderState::Rejected { reason: reason("OUT_OF_STOCK") }
        );
        assert_eq!(
            run(&[Fact::PaymentCaptured, failed("CreateLabels", "LABEL_REFUSED")]),
            OrderState::Cancelled { reason: reason("LABEL_REFUSED") }
        );
    }

    #[test]
    fn an_order_that_its_customer_cancelled_is_cancelled_for_that_reason_wherever_the_saga_gave_up() {
        for step in ["RequestApproval", "CapturePayment", "CreateLabels"] {
            let given_up =
                Fact::FulfilmentFailed { step: step.into(), reason: reason(CANCELLED_BY_CUSTOMER) };
            let cancelled = OrderState::Cancelled { reason: reason(CANCELLED_BY_CUSTOMER) };
            assert_eq!(run(&[Fact::PaymentCaptured, given_up]), cancelled, "{step}");
        }
    }

    #[test]
    fn an_order_is_cancelled_by_its_own_customer_once_and_before_its_end() {
        let [me, you] = ["me", "you"].map(|id| CustomerId::parse(id).unwrap());
        let ask = |state: &OrderState, asked_before, who| request_cancellation(&me, state, asked_before, who);
        for state in [OrderState::Created, OrderState::Confirmed] {
            assert_eq!(ask(&state, false, &me), Ok(()));
            assert_eq!(ask(&state, true, &me), Err(Absorbed::AskedBefore));
            assert_eq!(ask(&state, false, &you), Err(Absorbed::SomebodyElses));
        }
        let over = reason("OVER");
        for state in [
            OrderState::Fulfilled,
            OrderState::Cancelled { reason: over.clone() },
            OrderState::Rejected { reason: over },
        ] {
            assert_eq!(ask(&state, false, &me), Err(Absorbed::Ended));
            assert_eq!(ask(&state, true, &you), Err(Absorbed::SomebodyElses));
        }
    }

    #[test]
    fn a_parked_saga_decides_nothing() {
        assert_eq!(run(&[Fact::FulfilmentParked]), OrderState::Created);
    }

    /// The sets of facts that one saga can produce.
    fn histories() -> Vec<Vec<Fact>> {
        let failed =
            |step: &str, why: &str| Fact::FulfilmentFailed { step: step.into(), reason: reason(why) };
        vec![
            vec![Fact::PaymentCaptured, Fact::FulfilmentCompleted],
            vec![
                Fact::StockReservationFailed { reason: reason("OUT_OF_STOCK") },
                failed("ReserveStock", "OUT_OF_STOCK"),
            ],
            vec![failed("CapturePayment", "PAYMENT_DECLINED")],
            vec![Fact::PaymentCaptured, failed("CreateLabels", "LABEL_REFUSED")],
            vec![
                Fact::PaymentCaptured,
                Fact::FulfilmentParked,
                failed("AllocateStock", "ALLOCATION_UNKNOWN"),
            ],
        ]
    }

    proptest! {
        #[test]
        fn facts_in_any_order_and_any_number_end_in_the_same_state(
            which in 0..5_usize,
            order in prop::collection::vec(0..3_usize, 0..12),
        ) {
            let history = &histories()[which];
            let expected = run(history);
            let mut shuffled: Vec<Fact> =
                order.iter().filter_map(|i| history.get(*i).cloned()).collect();
            shuffled.extend(history.iter().rev().cloned());
            prop_assert_eq!(run(&shuffled), expected);
        }
    }
}
