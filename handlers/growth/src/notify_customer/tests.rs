use std::{cell::Cell, collections::HashMap, future::pending};

use lakeside_domain::{
    idempotency::Durations,
    notice::{Channel, Preference},
};
use lakeside_kit::{
    memory::{Log, ManualClock, MemoryMetrics},
    personal::Personal,
};
use serde_json::json;

use super::*;
use crate::{
    contact::Contact,
    memory::{Condition, MemoryContacts, MemoryGrowth, MemoryPost},
};

const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";
const SMS: NoticeStatus = NoticeStatus::Sent { channel: Channel::Sms };

fn order() -> OrderId {
    OrderId::parse(ORDER).unwrap()
}

fn message(detail_type: &str, mut data: serde_json::Value) -> Message {
    data["orderId"] = ORDER.into();
    let body = json!({
        "id": ORDER, "source": "lakeside.orders", "detail-type": detail_type,
        "detail": {
            "metadata": {
                "eventId": ORDER, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": ORDER,
                "causationId": ORDER, "schemaVersion": 1,
            },
            "data": data,
        },
    });
    Message {
        id: detail_type.into(),
        body: body.to_string(),
        attributes: HashMap::new(),
        ..Message::default()
    }
}

fn created() -> Message {
    let price = json!({"amount": 36_800, "currency": "USD"});
    let data = json!({
        "customerId": "jane", "channel": "web", "total": price, "paymentMethod": "pm_1",
        "shippingAddressId": "addr_1", "lines": [{"sku": "TENT", "quantity": 1, "unitPrice": price}],
    });
    message("OrderCreated", data)
}

fn confirmed() -> Message {
    message("OrderConfirmed", json!({}))
}

fn fulfilled() -> Message {
    message("OrderFulfilled", json!({}))
}

fn jane(preference: Preference) -> Contact {
    Contact {
        email: Some(Personal::new("jane@example.com")),
        phone: Some(Personal::new("+15550100")),
        preference,
    }
}

struct World {
    table: MemoryGrowth,
    contacts: MemoryContacts,
    post: MemoryPost,
    clock: ManualClock,
    metrics: MemoryMetrics,
    attempts: Cell<u32>,
}

impl World {
    fn of(contact: Option<Contact>) -> Self {
        let contacts = MemoryContacts::default();
        if let Some(contact) = contact {
            contacts.contacts.borrow_mut().insert(CustomerId::parse("jane").unwrap(), contact);
        }
        Self {
            table: MemoryGrowth::new(Durations { in_progress: 32, record: 3600 }),
            contacts,
            post: MemoryPost::default(),
            clock: ManualClock::default(),
            metrics: MemoryMetrics::default(),
            attempts: Cell::default(),
        }
    }

    fn by_sms() -> Self {
        Self::of(Some(jane(Preference::Only(Channel::Sms))))
    }

    fn answering(self, answers: &[SendError]) -> Self {
        self.post.answers.borrow_mut().extend(answers);
        self
    }

    fn invocation(&self) -> Invocation {
        self.attempts.set(self.attempts.get() + 1);
        let deadline = Timestamp::from_millis(self.clock.now().as_millis() + 30_000);
        Invocation { request_id: format!("request-{}", self.attempts.get()), deadline }
    }

    async fn hear(&self, batch: &[Message]) -> Vec<String> {
        self.hear_with(&self.post, batch).await
    }

    async fn hear_with(&self, post: &impl Post, batch: &[Message]) -> Vec<String> {
        let invocation = self.invocation();
        handle(&self.table, &self.contacts, post, &self.clock, &self.metrics, &invocation, batch)
            .await
            .ids()
            .to_vec()
    }

    fn sent(&self) -> usize {
        self.post.sent.borrow().len()
    }

    fn status(&self, what: What) -> Option<NoticeStatus> {
        self.table.status(order(), what)
    }
}

/// A post from which no attempt comes back.
struct Fatal<'a>(&'a MemoryPost);

impl Post for Fatal<'_> {
    async fn send(&self, to: &Recipient, letter: &Letter) -> Result<(), SendError> {
        let _unheard = self.0.send(to, letter).await;
        pending().await
    }
}

#[tokio::test]
async fn a_customer_is_told_each_fact_once_by_the_way_they_prefer() {
    for (preference, channel) in
        [(Preference::Only(Channel::Sms), Channel::Sms), (Preference::Any, Channel::Email)]
    {
        let world = World::of(Some(jane(preference)));
        let batch = [created(), confirmed(), fulfilled(), confirmed()];
        assert!(world.hear(&batch).await.is_empty());
        assert!(world.hear(&batch).await.is_empty(), "a replay");
        assert_eq!(world.sent(), 2);
        assert_eq!(world.post.sent.borrow()[0].0.channel(), channel);
        assert_eq!(world.status(What::Confirmed), Some(NoticeStatus::Sent { channel }));
        assert_eq!(world.table.announced(), ["CustomerNotified", "CustomerNotified"]);
        assert_eq!(world.metrics.total(CUSTOMERS_NOTIFIED), 2);
    }
}

#[tokio::test]
async fn the_log_says_which_order_and_nothing_of_its_customer() {
    let (world, log) = (World::of(Some(jane(Preference::Any))), Log::default());
    assert!(log.of(world.hear(&[created(), confirmed()])).await.is_empty());
    let lines = log.lines();
    let decided = lines.iter().find(|line| line["message"] == "notice decided").unwrap();
    assert_eq!((&decided["correlation_id"], &decided["order_id"]), (&json!(ORDER), &json!(ORDER)));
    assert_eq!(decided["message_type"], "OrderConfirmed");
    for secret in ["jane", "555", "addr_1", "pm_1", "TENT"] {
        assert!(!log.text().contains(secret), "{secret}: {}", log.text());
    }
}

#[tokio::test]
async fn each_thing_told_is_a_fact_of_its_own() {
    let world = World::by_sms();
    assert!(world.hear(&[created(), confirmed(), fulfilled()]).await.is_empty());
    let published = world.table.outboxes.entries();
    assert_ne!(published[0].event_id, published[1].event_id);
    assert!(!published[0].detail.contains("555"));
}

#[tokio::test]
async fn a_fact_that_comes_before_its_order_waits_for_it() {
    let world = World::by_sms();
    assert!(world.hear(&[fulfilled(), confirmed()]).await.is_empty());
    assert_eq!((world.sent(), world.status(What::Confirmed)), (0, Some(NoticeStatus::Waiting)));
    assert!(world.hear(&[created()]).await.is_empty());
    assert_eq!((world.sent(), world.status(What::Confirmed)), (2, Some(SMS)));
    assert_eq!(world.metrics.total(CUSTOMERS_NOTIFIED), 2);
    assert!(world.hear(&[created(), fulfilled(), confirmed()]).await.is_empty());
    assert_eq!(world.sent(), 2);
}

#[tokio::test]
async fn a_fact_is_not_left_waiting_when_its_order_comes_just_then() {
    let world = World::by_sms();
    world.table.before_write(1, |table| {
        table.customers.borrow_mut().insert(order(), CustomerId::parse("jane").unwrap());
    });
    assert!(world.hear(&[confirmed()]).await.is_empty());
    assert_eq!((world.sent(), world.status(What::Confirmed)), (1, Some(SMS)));
}

#[tokio::test]
async fn a_rejected_order_says_itself_whose_it_is() {
    let world = World::by_sms();
    let rejected = message("OrderRejected", json!({"customerId": "jane", "reason": "OUT_OF_STOCK"}));
    assert!(world.hear(&[rejected]).await.is_empty());
    assert_eq!(world.status(What::Rejected), Some(SMS));
}

#[tokio::test]
async fn a_customer_nobody_knows_or_who_wants_no_messages_is_an_answer() {
    let unknown = World::of(None);
    assert!(unknown.hear(&[created(), confirmed()]).await.is_empty());
    assert_eq!(unknown.status(What::Confirmed), Some(NoticeStatus::NoContact));
    let silent = World::of(Some(jane(Preference::Nothing)));
    assert!(silent.hear(&[created(), confirmed()]).await.is_empty());
    assert_eq!(silent.status(What::Confirmed), Some(NoticeStatus::NotWanted));
    let no_phone = Contact { phone: None, ..jane(Preference::Only(Channel::Sms)) };
    let by_sms = World::of(Some(no_phone));
    assert!(by_sms.hear(&[created(), confirmed()]).await.is_empty());
    assert_eq!(by_sms.status(What::Confirmed), Some(NoticeStatus::NoContact));
    for world in [unknown, silent, by_sms] {
        assert_eq!((world.sent(), world.table.announced()), (0, vec![]));
    }
}

#[tokio::test]
async fn a_message_that_a_dead_attempt_may_have_sent_is_uncertain_and_never_sent_again() {
    let world = World::by_sms();
    assert!(world.hear(&[created()]).await.is_empty());
    let (fatal, batch) = (Fatal(&world.post), [confirmed()]);
    tokio::select! {
        biased;
        _ = world.hear_with(&fatal, &batch) => unreachable!("nobody comes back"),
        () = async {} => {}
    }
    let sending = NoticeStatus::Sending { channel: Channel::Sms };
    assert_eq!((world.sent(), world.status(What::Confirmed)), (1, Some(sending)));
    // As long as that attempt may live, nobody takes its place.
    assert_eq!(world.hear(&[confirmed()]).await, ["OrderConfirmed"]);
    assert_eq!(world.status(What::Confirmed), Some(sending));
    world.clock.advance(40_000);
    for _ in 0..2 {
        assert!(world.hear(&[confirmed()]).await.is_empty());
        let uncertain = NoticeStatus::Uncertain { channel: Channel::Sms };
        assert_eq!((world.sent(), world.status(What::Confirmed)), (1, Some(uncertain)));
    }
    assert!(world.table.announced().is_empty());
    assert_eq!((world.metrics.total(NOTICES_UNCERTAIN), world.metrics.total(CUSTOMERS_NOTIFIED)), (1, 0));
}

#[tokio::test]
async fn a_message_that_its_order_set_off_and_that_did_not_come_back_is_uncertain_too() {
    let world = World::by_sms();
    assert!(world.hear(&[confirmed()]).await.is_empty());
    let (fatal, batch) = (Fatal(&world.post), [created()]);
    tokio::select! {
        biased;
        _ = world.hear_with(&fatal, &batch) => unreachable!("nobody comes back"),
        () = async {} => {}
    }
    world.clock.advance(40_000);
    // Nobody says again that the order is confirmed.
    assert!(world.hear(&[created()]).await.is_empty());
    let uncertain = NoticeStatus::Uncertain { channel: Channel::Sms };
    assert_eq!((world.sent(), world.status(What::Confirmed)), (1, Some(uncertain)));
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_uncertain() {
    let world = World::by_sms().answering(&[SendError::Unknown]);
    assert!(world.hear(&[created(), confirmed(), confirmed()]).await.is_empty());
    let uncertain = NoticeStatus::Uncertain { channel: Channel::Sms };
    assert_eq!((world.sent(), world.status(What::Confirmed)), (1, Some(uncertain)));
}

#[tokio::test]
async fn a_message_that_was_turned_away_is_sent_later() {
    for error in [SendError::Throttled, SendError::Refused("AuthorizationError")] {
        let world = World::by_sms().answering(&[error]);
        assert_eq!(world.hear(&[created(), confirmed()]).await, ["OrderConfirmed"]);
        assert_eq!((world.sent(), world.status(What::Confirmed)), (0, Some(NoticeStatus::Waiting)));
        assert!(world.hear(&[confirmed()]).await.is_empty());
        assert_eq!((world.sent(), world.status(What::Confirmed)), (1, Some(SMS)));
    }
}

#[tokio::test]
async fn an_address_that_takes_no_messages_is_an_answer() {
    let world = World::by_sms().answering(&[SendError::Undeliverable]);
    assert!(world.hear(&[created(), confirmed(), confirmed()]).await.is_empty());
    let undeliverable = NoticeStatus::Undeliverable { channel: Channel::Sms };
    assert_eq!((world.sent(), world.status(What::Confirmed)), (0, Some(undeliverable)));
}

#[tokio::test]
async fn a_directory_that_does_not_answer_is_asked_again() {
    let world = World::by_sms();
    world.contacts.down.set(true);
    assert_eq!(world.hear(&[created(), confirmed()]).await, ["OrderConfirmed"]);
    world.contacts.down.set(false);
    assert!(world.hear(&[confirmed()]).await.is_empty());
    assert_eq!(world.sent(), 1);
}

#[tokio::test]
async fn no_message_is_begun_that_the_end_of_the_invocation_would_cut_off() {
    let world = World::by_sms();
    assert!(world.hear(&[created()]).await.is_empty());
    let invocation = Invocation { deadline: Timestamp::from_millis(5_000), ..world.invocation() };
    let batch = [confirmed()];
    let failed =
        handle(&world.table, &world.contacts, &world.post, &world.clock, &(), &invocation, &batch).await;
    assert_eq!(failed.ids(), ["OrderConfirmed"]);
    assert_eq!((world.sent(), world.status(What::Confirmed)), (0, None));
}

#[tokio::test]
async fn an_attempt_that_was_overtaken_before_it_sent_sends_nothing() {
    let overtaken = |world: &World| {
        let sent = NoticeRecord {
            owner: None,
            ..NoticeRecord::waiting(order(), What::Confirmed, order().as_uuid(), world.clock.now())
        };
        let sent = sent.moved_to(SMS, world.clock.now());
        // The first write keeps the customer, the second begins.
        world.table.before_write(2, move |table| {
            table.notices.borrow_mut().insert((order(), What::Confirmed), sent);
        });
    };
    let world = World::by_sms();
    overtaken(&world);
    assert!(world.hear(&[created(), confirmed()]).await.is_empty());
    assert_eq!(world.sent(), 0);

    let world = World::by_sms();
    overtaken(&world);
    world.table.lift(Condition::NothingSentYet);
    assert!(world.hear(&[created(), confirmed()]).await.is_empty());
    assert_eq!(world.sent(), 1, "the condition is what holds it back");
}

#[tokio::test]
async fn what_is_no_news_about_an_order_fails_alone() {
    let world = World::by_sms();
    let mut forged = fulfilled();
    forged.body = forged.body.replace("lakeside.orders", "somebody.else");
    let batch = [forged, created(), confirmed()];
    assert_eq!(world.hear(&batch).await, ["OrderFulfilled"]);
    assert_eq!(world.sent(), 1);
}
