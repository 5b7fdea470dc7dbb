//! What is sent: new orders, some of goods that everybody wants; the same orders again; and what is no order.

use fastrand::Rng;
use lakeside_contracts::api::{ExpectedTotal, PlaceOrder, PlaceOrderLine};
use lakeside_domain::ids::OrderId;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::schedule::{Due, Phase};

/// Something with a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Goods {
    /// What.
    pub sku: String,
    /// The price of one unit in minor units.
    pub price_minor: i64,
    /// Its currency.
    pub currency: String,
}

/// How much of what is sent. Percentages are of all requests, but for `hot`, which is of new orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mix {
    /// What most order.
    pub goods: Vec<Goods>,
    /// What everybody wants.
    pub hot: Vec<Goods>,
    /// Orders that are of what everybody wants.
    pub hot_percent: u8,
    /// Orders that were sent before.
    pub duplicate_percent: u8,
    /// What is no order.
    pub bad_percent: u8,
    /// The processor's handle of the payment method.
    pub payment_method: String,
    /// The directory's id of the address.
    pub address: String,
    /// From where chance starts: the same number sends the same mix.
    pub seed: u64,
}

/// What is wrong with what is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// No JSON.
    NoJson,
    /// Nothing is ordered.
    NoLines,
    /// Fewer units than one.
    NoUnits,
    /// A field that orders do not have.
    StrangeField,
    /// Nobody is signed in.
    NoToken,
}

const FLAWS: [Flaw; 5] = [Flaw::NoJson, Flaw::NoLines, Flaw::NoUnits, Flaw::StrangeField, Flaw::NoToken];

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A new order.
    New,
    /// The order that this request sent, once more.
    Again(usize),
    /// No order.
    Bad(Flaw),
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When it is due; nothing if it is sent as soon as there is room.
    pub due: Option<Due>,
    /// What it is.
    pub what: What,
    /// Which of the customers sends it.
    pub customer: usize,
    /// The order's id.
    pub order_id: OrderId,
    /// What is ordered, and what it costs.
    pub order: PlaceOrder,
}

impl Request {
    /// In which part of the profile it is due.
    pub fn phase(&self) -> Option<Phase> {
        self.due.map(|due| due.phase)
    }

    /// Whether its customer says who they are.
    pub const fn signed_in(&self) -> bool {
        !matches!(self.what, What::Bad(Flaw::NoToken))
    }

    /// The body as it is sent.
    pub fn body(&self) -> String {
        let mut body = json!(self.order);
        let flaw = match self.what {
            What::New | What::Again(_) => return body.to_string(),
            What::Bad(flaw) => flaw,
        };
        let field = |name: &str| name.to_owned();
        let changed: Option<(String, Value)> = match flaw {
            Flaw::NoToken => None,
            Flaw::NoJson => return body.to_string().chars().skip(1).collect(),
            Flaw::NoLines => Some((field("lines"), json!([]))),
            Flaw::NoUnits => {
                let lines: Vec<Value> = self
                    .order
                    .lines
                    .iter()
                    .map(|line| json!({ "sku": line.sku, "quantity": -line.quantity }))
                    .collect();
                Some((field("lines"), json!(lines)))
            }
            Flaw::StrangeField => Some((field("discountCode"), json!("EVERYTHING-FREE"))),
        };
        if let (Some((name, value)), Some(body)) = (changed, body.as_object_mut()) {
            body.insert(name, value);
        }
        body.to_string()
    }
}

impl Mix {
    /// What is sent when something is due, by so many customers.
    pub fn requests(&self, due: &[Option<Due>], customers: usize) -> Vec<Request> {
        let mut chance = Rng::with_seed(self.seed);
        let mut requests: Vec<Request> = Vec::with_capacity(due.len());
        let mut new: Vec<usize> = Vec::new();
        for due in due {
            let drawn = chance.u8(0..100);
            let bad = drawn < self.bad_percent;
            let again = !bad && drawn < self.bad_percent.saturating_add(self.duplicate_percent);
            let before = if again { chance.choice(&new).copied() } else { None };
            if let Some((number, same)) = before.and_then(|n| Some((n, requests.get(n)?.clone()))) {
                requests.push(Request { due: *due, what: What::Again(number), ..same });
                continue;
            }
            let Some(goods) = self.choose(&mut chance) else { continue };
            let what = match chance.choice(FLAWS) {
                Some(flaw) if bad => What::Bad(flaw),
                _ => What::New,
            };
            if what == What::New {
                new.push(requests.len());
            }
            requests.push(Request {
                due: *due,
                what,
                customer: chance.usize(0..customers.max(1)),
                order_id: OrderId::from_uuid(Uuid::new_v4()),
                order: self.order(goods),
            });
        }
        requests
    }

    fn choose(&self, chance: &mut Rng) -> Option<&Goods> {
        let hot = chance.u8(0..100) < self.hot_percent;
        let (first, second) = if hot { (&self.hot, &self.goods) } else { (&self.goods, &self.hot) };
        chance.choice(if first.is_empty() { second } else { first })
    }

    fn order(&self, goods: &Goods) -> PlaceOrder {
        PlaceOrder {
            channel: "web".into(),
            lines: vec![PlaceOrderLine { sku: goods.sku.clone(), quantity: 1 }],
            expected_total: ExpectedTotal { amount: goods.price_minor, currency: goods.currency.clone() },
            payment_method: self.payment_method.clone(),
            shipping_address_id: self.address.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    pub fn mix() -> Mix {
        let goods = |sku: &str| Goods { sku: sku.into(), price_minor: 1_000, currency: "USD".into() };
        Mix {
            goods: vec![goods("TENT-2P"), goods("STOVE-GAS")],
            hot: vec![goods("KAYAK-SEA")],
            hot_percent: 30,
            duplicate_percent: 10,
            bad_percent: 5,
            payment_method: "pm_card_on_file".into(),
            address: "addr_home".into(),
            seed: 1,
        }
    }

    fn requests(mix: &Mix) -> Vec<Request> {
        mix.requests(&vec![None; 2_000], 3)
    }

    fn share(requests: &[Request], is: impl Fn(&Request) -> bool) -> usize {
        requests.iter().filter(|request| is(request)).count() * 100 / requests.len()
    }

    #[test]
    fn each_kind_has_about_the_share_that_was_asked_for() {
        let requests = requests(&mix());
        assert_eq!(requests.len(), 2_000);
        assert!((3..=7).contains(&share(&requests, |r| matches!(r.what, What::Bad(_)))));
        assert!((8..=12).contains(&share(&requests, |r| matches!(r.what, What::Again(_)))));
        let new: Vec<Request> = requests.into_iter().filter(|r| r.what == What::New).collect();
        assert!((26..=34).contains(&share(&new, |r| r.order.lines[0].sku == "KAYAK-SEA")));
        let customers: BTreeSet<_> = new.iter().map(|r| r.customer).collect();
        assert_eq!(customers.len(), 3);
    }

    #[test]
    fn a_duplicate_is_an_earlier_order_word_for_word_by_the_same_customer() {
        let requests = requests(&mix());
        for (number, request) in requests.iter().enumerate() {
            if let What::Again(earlier) = request.what {
                assert!(earlier < number);
                let first = &requests[earlier];
                assert_eq!((first.what, first.order_id), (What::New, request.order_id));
                assert_eq!((first.customer, first.body()), (request.customer, request.body()));
            }
        }
    }

    #[test]
    fn what_is_no_order_is_never_one_that_could_be_taken() {
        let good = json!(mix().order(&mix().goods[0]));
        for flaw in FLAWS {
            let request = Request {
                due: None,
                what: What::Bad(flaw),
                customer: 0,
                order_id: OrderId::from_uuid(Uuid::new_v4()),
                order: mix().order(&mix().goods[0]),
            };
            let body: Option<Value> = serde_json::from_str(&request.body()).ok();
            assert_ne!((body.as_ref() == Some(&good), request.signed_in()), (true, true), "{flaw:?}");
        }
    }

    #[test]
    fn the_same_seed_sends_the_same_mix() {
        let told = |mix: &Mix| requests(mix).iter().map(|r| (r.what, r.customer)).collect::<Vec<_>>();
        assert_eq!(told(&mix()), told(&mix()));
        assert_ne!(told(&mix()), told(&Mix { seed: 2, ..mix() }));
    }
}
