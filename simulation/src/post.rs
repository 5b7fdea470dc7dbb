//! The post on its bad days, and the directory that says where it goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use lakeside_domain::{
    ids::{CustomerId, OrderId},
    notice::{Channel, Preference},
};
use lakeside_growth::{
    contact::{Contact, Recipient},
    post::{Letter, SendError},
};
use lakeside_kit::personal::Personal;

use crate::{engine::Engine, faults::Fault, workload::CUSTOMERS, world::World};

/// How long the function waits for an answer, in milliseconds.
const PATIENCE: i64 = 4_000;

/// Where customers can be reached, and how they want to be.
pub struct Directory {
    contacts: BTreeMap<CustomerId, Contact>,
    /// Every address and number there is.
    personal: BTreeSet<String>,
}

impl Directory {
    /// Most customers can be reached; some want no messages, some no such message as there is a way for, and some are
    /// not known at all.
    pub fn draw(engine: &Engine) -> Self {
        let mut directory = Self { contacts: BTreeMap::new(), personal: BTreeSet::new() };
        for (number, customer) in CUSTOMERS.iter().enumerate() {
            let (email, phone) = (format!("{customer}@example.com"), format!("+1555010{number}"));
            let contact = match engine.below(10) {
                0 => continue,
                1 => (Some(email), Some(phone), Preference::Nothing),
                2 => (Some(email), None, Preference::Only(Channel::Sms)),
                3 => (None, Some(phone), Preference::Any),
                4 | 5 => (Some(email), Some(phone), Preference::Only(Channel::Sms)),
                _ => (Some(email), Some(phone), Preference::Any),
            };
            let (email, phone, preference) = contact;
            directory.personal.extend([&email, &phone].into_iter().flatten().cloned());
            let contact =
                Contact { email: email.map(Personal::new), phone: phone.map(Personal::new), preference };
            directory.contacts.insert(CustomerId::parse(customer).unwrap(), contact);
        }
        directory
    }

    pub fn contact(&self, customer_id: &CustomerId) -> Option<Contact> {
        self.contacts.get(customer_id).cloned()
    }

    /// Whether the text says where somebody can be reached.
    pub fn is_quoted_in(&self, text: &str) -> bool {
        self.personal.iter().any(|personal| text.contains(personal))
    }
}

/// How often each message went out, by its text: that names the order and the fact.
pub type Sent = BTreeMap<String, u32>;

impl World {
    /// Sends a message, or not.
    pub async fn post(self: &Rc<Self>, to: &Recipient, letter: &Letter) -> Result<(), SendError> {
        self.engine.sleep(self.engine.between(5, 400)).await;
        if self.strikes(Fault::PostThrottled) {
            return Err(SendError::Throttled);
        }
        if self.strikes(Fault::PostRefuses) {
            return Err(SendError::Refused("SendingPausedException"));
        }
        if self.strikes(Fault::PostKnowsNobody) {
            return Err(SendError::Undeliverable);
        }
        if self.strikes(Fault::PostLost) {
            self.engine.sleep(PATIENCE).await;
            return Err(SendError::Unknown);
        }
        if self.strikes(Fault::PostTakesLater) {
            let (world, to, letter) = (Rc::clone(self), to.clone(), letter.clone());
            let delay = self.engine.between(100, 600_000);
            self.engine.after(delay, move || world.bring(&to, &letter));
            self.engine.sleep(PATIENCE).await;
            return Err(SendError::Unknown);
        }
        self.bring(to, letter);
        if self.strikes(Fault::PostTakesUnheard) {
            self.engine.sleep(PATIENCE).await;
            return Err(SendError::Unknown);
        }
        if self.strikes(Fault::PostBounces) {
            self.engine.note(|| format!("comes back: {}", letter.text));
        }
        Ok(())
    }

    fn bring(&self, to: &Recipient, letter: &Letter) {
        self.engine.note(|| format!("post brings: {}", letter.text));
        let order_id = letter.text.split(' ').find_map(|word| OrderId::parse(word).ok()).unwrap();
        let records = self.orders.records.borrow();
        let wished = records
            .get(&order_id)
            .and_then(|record| self.directory.contact(&record.customer_id))
            .and_then(|contact| contact.recipient().ok());
        self.check(wished.as_ref() == Some(to), "told as they wish", || {
            format!("the customer of order {order_id} wants no message by this way")
        });
        let times = {
            let mut sent = self.sent.borrow_mut();
            let times = sent.entry(letter.text.clone()).or_default();
            *times += 1;
            *times
        };
        self.check(times == 1, "told once", || format!("told {times} times: {}", letter.text));
    }
}
