//! The payment processor and the carrier, on their bad days.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
    time::Duration,
};

use lakeside_domain::{
    ids::{OrderId, ReasonCode, ShipmentId, TrackingNumber},
    label::{Purchase, closed},
    payment::{Charge, PAYMENT_CLOSED, Reversal},
};
use lakeside_fulfilment::{
    carrier,
    outside::{OutsideError, Reply},
    processor,
};

use crate::{faults::Fault, mutants::Mutant, world::World};

/// The payment method whose owner is out of money.
pub const DECLINED: &str = "pm_declined";
/// The address nobody delivers to.
pub const UNDELIVERABLE: &str = "addr_undeliverable";

/// One reference in the processor's books.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payment {
    pub charges: u32,
    pub captured: i64,
    pub refunded: i64,
    pub declined: bool,
    pub processing: bool,
    pub closed: bool,
}

#[derive(Default)]
pub struct Processor {
    pub payments: BTreeMap<OrderId, Payment>,
    keys: HashMap<String, Charge>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    pub issued: u32,
    pub tracking_number: Option<TrackingNumber>,
    pub processing: bool,
    pub closed: bool,
}

#[derive(Default)]
pub struct Carrier {
    pub labels: BTreeMap<ShipmentId, Label>,
    keys: HashMap<String, Purchase>,
    printed: u32,
}

/// How a request to a partner goes.
enum Weather {
    Fair,
    /// It happens, and nobody hears of it.
    Unheard,
    /// They are at it for so long, and nobody hears of it.
    Later(i64),
    /// It arrives so much later, and nobody hears of it.
    Underway(i64),
}

impl World {
    /// What the way to a partner and back does to a request with an effect.
    async fn weather(&self, patience: Duration) -> Result<Weather, OutsideError> {
        self.engine.sleep(self.engine.between(5, 400)).await;
        let hang = i64::try_from(patience.as_millis()).unwrap();
        if self.strikes(Fault::OutsideThrottled) {
            return Err(OutsideError::Throttled { retry_after: Duration::from_secs(1) });
        }
        if self.strikes(Fault::OutsideLost) {
            self.engine.sleep(hang).await;
            return Err(OutsideError::Unknown("lost on the way".into()));
        }
        if self.strikes(Fault::OutsideLandsUnheard) {
            return Ok(Weather::Unheard);
        }
        if self.strikes(Fault::OutsideLandsLater) {
            return Ok(Weather::Later(self.engine.between(100, 600_000)));
        }
        if self.strikes(Fault::OutsideArrivesLater) {
            return Ok(Weather::Underway(self.engine.between(100, 200_000)));
        }
        Ok(Weather::Fair)
    }

    /// Lets both partners forget `key` in time.
    fn forget_later(self: &Rc<Self>, key: &str) {
        let (world, key) = (Rc::clone(self), key.to_owned());
        self.engine.after(self.key_lifetime, move || {
            world.processor.borrow_mut().keys.remove(&key);
            world.carrier.borrow_mut().keys.remove(&key);
            world.faults.count(Fault::OutsideForgetsKey);
        });
    }

    pub async fn charge(
        self: &Rc<Self>,
        request: &processor::ChargeRequest,
        patience: Duration,
    ) -> Result<Reply<Charge>, OutsideError> {
        let weather = self.weather(patience).await?;
        let mut key = request.idempotency_key();
        if self.planted(Mutant::ChargeKeyPerAttempt) {
            key.push_str(&self.engine.uuid().to_string());
        }
        let (order_id, amount) = (request.order_id, request.amount.amount());
        let declined = request.payment_method.as_str() == DECLINED;
        if self.processor.borrow().payments.get(&order_id).is_some_and(|p| p.processing) {
            return Ok(Reply::Underway);
        }
        if let Weather::Underway(delay) = weather {
            let world = Rc::clone(self);
            self.engine.after(delay, move || {
                world.take(&key, order_id, amount, declined);
            });
            return Err(OutsideError::Unknown("no answer".into()));
        }
        if let Weather::Later(delay) = weather {
            if declined {
                self.faults.count(Fault::DelayedDecline);
            }
            self.processor.borrow_mut().payments.entry(order_id).or_default().processing = true;
            let world = Rc::clone(self);
            self.engine.after(delay, move || {
                world.processor.borrow_mut().payments.get_mut(&order_id).unwrap().processing = false;
                world.take(&key, order_id, amount, declined);
            });
            return Err(OutsideError::Unknown("no answer".into()));
        }
        let charge = self.take(&key, order_id, amount, declined);
        match weather {
            Weather::Unheard => Err(OutsideError::Unknown("no answer".into())),
            _ => Ok(Reply::Final(charge)),
        }
    }

    fn take(self: &Rc<Self>, key: &str, order_id: OrderId, amount: i64, declined: bool) -> Charge {
        let mut books = self.processor.borrow_mut();
        let payment = books.payments.entry(order_id).or_default();
        if payment.closed && !self.planted(Mutant::ProcessorForgetsReversal) {
            return Charge::Declined { reason: ReasonCode::constant(PAYMENT_CLOSED) };
        }
        if let Some(charge) = books.keys.get(key) {
            return charge.clone();
        }
        let payment = books.payments.get_mut(&order_id).unwrap();
        let charge = if declined {
            payment.declined = true;
            Charge::Declined { reason: ReasonCode::constant("CARD_DECLINED") }
        } else {
            payment.charges += 1;
            payment.captured += amount;
            Charge::Captured
        };
        let charges = payment.charges;
        self.engine.note(|| format!("processor charges {order_id}: {charge:?}"));
        self.check(charges <= 1, "I3", || format!("order {order_id} was charged {charges} times"));
        books.keys.insert(key.to_owned(), charge.clone());
        self.forget_later(key);
        charge
    }

    pub async fn reverse(
        self: &Rc<Self>,
        order_id: OrderId,
        patience: Duration,
    ) -> Result<Reply<Reversal>, OutsideError> {
        let weather = self.weather(patience).await?;
        match weather {
            Weather::Later(_) => return Ok(Reply::Underway),
            Weather::Underway(_) => return Err(OutsideError::Unknown("no answer".into())),
            Weather::Fair | Weather::Unheard => {}
        }
        if self.strikes(Fault::RefundFails) {
            return Err(OutsideError::Unknown("the refund failed".into()));
        }
        let mut books = self.processor.borrow_mut();
        let payment = books.payments.entry(order_id).or_default();
        payment.closed = true;
        payment.refunded = payment.captured;
        let reversal = if payment.captured > 0 { Reversal::Refunded } else { Reversal::Cancelled };
        self.engine.note(|| format!("processor reverses {order_id}: {reversal:?}"));
        match weather {
            Weather::Unheard => Err(OutsideError::Unknown("no answer".into())),
            _ => Ok(Reply::Final(reversal)),
        }
    }

    pub async fn payment_standing(
        self: &Rc<Self>,
        order_id: OrderId,
        patience: Duration,
    ) -> Result<processor::Standing, OutsideError> {
        let weather = self.weather(patience).await?;
        if !matches!(weather, Weather::Fair) {
            return Err(OutsideError::Unknown("no answer".into()));
        }
        let books = self.processor.borrow();
        let Some(payment) = books.payments.get(&order_id) else { return Ok(processor::Standing::Absent) };
        Ok(if payment.closed && payment.captured > 0 {
            processor::Standing::Reversed(Reversal::Refunded)
        } else if payment.closed {
            processor::Standing::Reversed(Reversal::Cancelled)
        } else if payment.processing {
            processor::Standing::Processing
        } else if payment.captured > 0 {
            processor::Standing::Captured
        } else if payment.declined {
            processor::Standing::Declined
        } else {
            processor::Standing::Absent
        })
    }

    pub async fn buy(
        self: &Rc<Self>,
        request: &carrier::LabelRequest,
        patience: Duration,
    ) -> Result<Reply<Purchase>, OutsideError> {
        let weather = self.weather(patience).await?;
        let mut key = request.idempotency_key();
        if self.planted(Mutant::LabelKeyPerAttempt) {
            key.push_str(&self.engine.uuid().to_string());
        }
        let shipment_id = request.shipment.shipment_id;
        let undeliverable = request.ship_to.as_str() == UNDELIVERABLE;
        if self.carrier.borrow().labels.get(&shipment_id).is_some_and(|l| l.processing) {
            return Ok(Reply::Underway);
        }
        if let Weather::Underway(delay) = weather {
            let world = Rc::clone(self);
            self.engine.after(delay, move || {
                world.print(&key, shipment_id, undeliverable);
            });
            return Err(OutsideError::Unknown("no answer".into()));
        }
        if let Weather::Later(delay) = weather {
            self.carrier.borrow_mut().labels.entry(shipment_id).or_default().processing = true;
            let world = Rc::clone(self);
            self.engine.after(delay, move || {
                world.carrier.borrow_mut().labels.get_mut(&shipment_id).unwrap().processing = false;
                world.print(&key, shipment_id, undeliverable);
            });
            return Err(OutsideError::Unknown("no answer".into()));
        }
        let purchase = self.print(&key, shipment_id, undeliverable);
        match weather {
            Weather::Unheard => Err(OutsideError::Unknown("no answer".into())),
            _ => Ok(Reply::Final(purchase)),
        }
    }

    fn print(self: &Rc<Self>, key: &str, shipment_id: ShipmentId, undeliverable: bool) -> Purchase {
        let mut books = self.carrier.borrow_mut();
        if books.labels.entry(shipment_id).or_default().closed {
            return closed();
        }
        if let Some(purchase) = books.keys.get(key) {
            return purchase.clone();
        }
        let purchase = if undeliverable {
            Purchase::Refused { reason: ReasonCode::constant(carrier::UNDELIVERABLE) }
        } else {
            books.printed += 1;
            let tracking_number = TrackingNumber::parse(&format!("LS{:010}", books.printed)).unwrap();
            let label = books.labels.get_mut(&shipment_id).unwrap();
            label.issued += 1;
            label.tracking_number = Some(tracking_number.clone());
            let issued = label.issued;
            self.check(issued <= 1, "I3", || format!("shipment {shipment_id} was labelled {issued} times"));
            Purchase::Created { tracking_number }
        };
        self.engine.note(|| format!("carrier labels {shipment_id}: {purchase:?}"));
        books.keys.insert(key.to_owned(), purchase.clone());
        self.forget_later(key);
        purchase
    }

    pub async fn void(
        self: &Rc<Self>,
        shipment_id: ShipmentId,
        patience: Duration,
    ) -> Result<(), OutsideError> {
        let weather = self.weather(patience).await?;
        if matches!(weather, Weather::Later(_) | Weather::Underway(_)) {
            return Err(OutsideError::Unknown("no answer".into()));
        }
        self.carrier.borrow_mut().labels.entry(shipment_id).or_default().closed = true;
        self.engine.note(|| format!("carrier voids {shipment_id}"));
        match weather {
            Weather::Unheard => Err(OutsideError::Unknown("no answer".into())),
            _ => Ok(()),
        }
    }

    pub async fn label_standing(
        self: &Rc<Self>,
        shipment_id: ShipmentId,
        patience: Duration,
    ) -> Result<carrier::Standing, OutsideError> {
        let weather = self.weather(patience).await?;
        if !matches!(weather, Weather::Fair) {
            return Err(OutsideError::Unknown("no answer".into()));
        }
        let books = self.carrier.borrow();
        Ok(match books.labels.get(&shipment_id) {
            Some(label) if label.closed => carrier::Standing::Decided(closed()),
            Some(label) if label.processing => carrier::Standing::Processing,
            Some(Label { tracking_number: Some(tracking_number), .. }) => {
                let tracking_number = tracking_number.clone();
                carrier::Standing::Decided(Purchase::Created { tracking_number })
            }
            _ => carrier::Standing::Absent,
        })
    }
}
