//! The payment processor's rules. Charges belong to a reference (the order); reversing closes the reference for
//! good, so that nothing can be charged to it later, not even by a request already under way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    callbacks::Callback,
    idempotency::{Answer, Keys},
};

/// A body of `POST /v1/payments`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChargeRequest {
    pub reference: String,
    pub amount: Money,
    pub payment_method: String,
}

/// Minor units of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    pub amount: u64,
    pub currency: String,
}

impl ChargeRequest {
    /// What is wrong with the request, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        if !crate::server::is_reference(&self.reference) {
            return Some("reference must be 1 to 255 visible characters");
        }
        if self.amount.amount == 0 {
            return Some("amount must be positive");
        }
        if self.amount.currency.len() != 3 || !self.amount.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Some("currency must be three capital letters");
        }
        if !self.payment_method.starts_with("pm_") {
            return Some("paymentMethod must start with `pm_`");
        }
        None
    }
}

/// What a payment method's handle makes happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Magic {
    None,
    Declined(&'static str),
    TimeoutLands,
    TimeoutLost,
    ErrorOnce,
    ErrorAfterCharge,
    DoubleCallback,
    RefundErrorOnce,
    RefundPending,
}

impl Magic {
    fn of(payment_method: &str) -> Self {
        match payment_method {
            "pm_sandbox_declined" => Self::Declined("card_declined"),
            "pm_sandbox_insufficient_funds" => Self::Declined("insufficient_funds"),
            "pm_sandbox_timeout_lands" => Self::TimeoutLands,
            "pm_sandbox_timeout_lost" => Self::TimeoutLost,
            "pm_sandbox_error_once" => Self::ErrorOnce,
            "pm_sandbox_error_after_charge" => Self::ErrorAfterCharge,
            "pm_sandbox_double_callback" => Self::DoubleCallback,
            "pm_sandbox_refund_error_once" => Self::RefundErrorOnce,
            "pm_sandbox_refund_pending" => Self::RefundPending,
            _ => Self::None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Processing,
    Captured,
    Declined,
    Refunded,
    Cancelled,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Refunded => "refunded",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reference {
    Open,
    /// Reversal accepted, refund not done yet.
    Closing,
    Closed,
}

struct Payment {
    id: String,
    status: Status,
    reference: Reference,
    captured: u64,
    refunded: u64,
    currency: Option<String>,
    charges: u32,
    magic: Magic,
}

/// What each key was used for.
#[derive(Debug, Clone, PartialEq)]
enum Operation {
    Charge(ChargeRequest),
    Reversal(String),
}

/// How a request is answered.
#[derive(Debug, PartialEq)]
pub enum Reply {
    Answer(Answer),
    /// No answer, as if the network had swallowed it.
    Hang,
}

/// What happens on its own after a while.
#[derive(Debug, PartialEq)]
pub enum Later {
    ChargeLands { key: String, request: ChargeRequest },
    RefundLands { key: String, reference: String },
}

/// All that follows from one request or landing.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub reply: Reply,
    pub later: Option<Later>,
    pub callbacks: Vec<Callback>,
}

impl Outcome {
    fn answer(answer: Answer) -> Self {
        Self { reply: Reply::Answer(answer), later: None, callbacks: Vec::new() }
    }
}

/// The processor's books.
#[derive(Default)]
pub struct Processor {
    payments: BTreeMap<String, Payment>,
    keys: Keys<Operation>,
    issued_ids: u64,
}

impl Processor {
    /// Charges once per key; another key for the same reference charges again, as a real processor would.
    pub fn charge(&mut self, key: &str, request: &ChargeRequest) -> Outcome {
        let attempts = match self.keys.take(key, &Operation::Charge(request.clone())) {
            Ok(seen) => seen.attempts,
            Err(answer) => return Outcome::answer(answer),
        };
        let first = attempts == 1;
        let magic = Magic::of(&request.payment_method);
        let reference = self.payments.get(&request.reference).map(|payment| payment.reference);
        if matches!(reference, Some(Reference::Closing | Reference::Closed)) {
            let reversed = Answer::new(409, json!({ "reference": request.reference, "status": "reversed" }));
            self.keys.settle(key, reversed.clone());
            return Outcome::answer(reversed);
        }
        match magic {
            Magic::TimeoutLands if first => {
                self.payment(&request.reference, magic);
                Outcome {
                    reply: Reply::Hang,
                    later: Some(Later::ChargeLands { key: key.to_owned(), request: request.clone() }),
                    callbacks: Vec::new(),
                }
            }
            Magic::TimeoutLands => Outcome::answer(Answer::processing(&request.reference)),
            Magic::TimeoutLost if first => Outcome { reply: Reply::Hang, later: None, callbacks: Vec::new() },
            Magic::ErrorOnce if first => Outcome::answer(Answer::error(500, "internal error")),
            Magic::Declined(reason) => {
                let callbacks = self.decline(&request.reference, magic);
                let declined = Answer::new(402, json!({ "status": "declined", "reason": reason }));
                self.keys.settle(key, declined.clone());
                Outcome { reply: Reply::Answer(declined), later: None, callbacks }
            }
            _ => {
                let (captured, callbacks) = self.capture(key, request, magic);
                let reply = if magic == Magic::ErrorAfterCharge {
                    Answer::error(500, "internal error")
                } else {
                    captured
                };
                Outcome { reply: Reply::Answer(reply), later: None, callbacks }
            }
        }
    }

    /// Gives back what was captured, or makes sure that nothing ever is. The reference is closed either way.
    pub fn reverse(&mut self, key: &str, reference: &str) -> Outcome {
        let attempts = match self.keys.take(key, &Operation::Reversal(reference.to_owned())) {
            Ok(seen) => seen.attempts,
            Err(answer) => return Outcome::answer(answer),
        };
        let magic = self.payments.get(reference).map_or(Magic::None, |payment| payment.magic);
        if magic == Magic::RefundErrorOnce && attempts == 1 {
            return Outcome::answer(Answer::error(500, "internal error"));
        }
        let payment = self.payment(reference, magic);
        match (payment.reference, payment.status) {
            (Reference::Closed, status) => {
                let answer = reversal_answer(status);
                self.keys.settle(key, answer.clone());
                Outcome::answer(answer)
            }
            (Reference::Closing, _) => Outcome::answer(Answer::processing(reference)),
            (Reference::Open, Status::Captured) if magic == Magic::RefundPending => {
                payment.reference = Reference::Closing;
                Outcome {
                    reply: Reply::Answer(Answer::processing(reference)),
                    later: Some(Later::RefundLands { key: key.to_owned(), reference: reference.to_owned() }),
                    callbacks: Vec::new(),
                }
            }
            (Reference::Open, status) => {
                payment.reference = Reference::Closed;
                payment.refunded = payment.captured;
                payment.status =
                    if status == Status::Captured { Status::Refunded } else { Status::Cancelled };
                let answer = reversal_answer(payment.status);
                let callbacks = vec![Callback::new(reference, payment.status.name())];
                self.keys.settle(key, answer.clone());
                Outcome { reply: Reply::Answer(answer), later: None, callbacks }
            }
        }
    }

    /// What was promised for later happens now, unless the reference was closed in the meantime.
    pub fn land(&mut self, later: &Later) -> Vec<Callback> {
        match later {
            Later::ChargeLands { key, request } => {
                let open = self.payments.get(&request.reference).map(|payment| payment.reference)
                    == Some(Reference::Open);
                if open { self.capture(key, request, Magic::TimeoutLands).1 } else { Vec::new() }
            }
            Later::RefundLands { key, reference } => {
                let Some(payment) = self.payments.get_mut(reference) else { return Vec::new() };
                payment.reference = Reference::Closed;
                payment.status = Status::Refunded;
                payment.refunded = payment.captured;
                self.keys.settle(key, reversal_answer(Status::Refunded));
                vec![Callback::new(reference, Status::Refunded.name())]
            }
        }
    }

    /// The body of `GET /v1/payments/{reference}`.
    pub fn look_up(&self, reference: &str) -> Option<Value> {
        self.payments.get(reference).map(|payment| {
            json!({
                "paymentId": payment.id,
                "reference": reference,
                "status": payment.status,
                "capturedAmount": payment.captured,
                "refundedAmount": payment.refunded,
            })
        })
    }

    /// Every reference ever named, in order.
    pub fn ledger(&self) -> Vec<Value> {
        self.payments
            .iter()
            .map(|(reference, payment)| {
                json!({
                    "reference": reference,
                    "status": payment.status,
                    "capturedAmount": payment.captured,
                    "refundedAmount": payment.refunded,
                    "currency": payment.currency,
                    "charges": payment.charges,
                })
            })
            .collect()
    }

    fn payment(&mut self, reference: &str, magic: Magic) -> &mut Payment {
        let issued = &mut self.issued_ids;
        self.payments.entry(reference.to_owned()).or_insert_with(|| {
            *issued = issued.saturating_add(1);
            Payment {
                id: format!("pay_{issued:08}"),
                status: Status::Processing,
                reference: Reference::Open,
                captured: 0,
                refunded: 0,
                currency: None,
                charges: 0,
                magic,
            }
        })
    }

    fn capture(&mut self, key: &str, request: &ChargeRequest, magic: Magic) -> (Answer, Vec<Callback>) {
        let payment = self.payment(&request.reference, magic);
        payment.status = Status::Captured;
        payment.captured = payment.captured.saturating_add(request.amount.amount);
        payment.currency = Some(request.amount.currency.clone());
        payment.charges = payment.charges.saturating_add(1);
        payment.magic = magic;
        let answer = Answer::new(
            201,
            json!({ "paymentId": payment.id, "reference": request.reference, "status": "captured" }),
        );
        self.keys.settle(key, answer.clone());
        let callback = Callback::new(&request.reference, Status::Captured.name());
        let callbacks =
            if magic == Magic::DoubleCallback { vec![callback.clone(), callback] } else { vec![callback] };
        (answer, callbacks)
    }

    /// A decline under another key leaves an earlier capture as it is.
    fn decline(&mut self, reference: &str, magic: Magic) -> Vec<Callback> {
        let payment = self.payment(reference, magic);
        if payment.status == Status::Processing {
            payment.status = Status::Declined;
        }
        vec![Callback::new(reference, Status::Declined.name())]
    }
}

fn reversal_answer(status: Status) -> Answer {
    Answer::new(200, json!({ "status": status }))
}
