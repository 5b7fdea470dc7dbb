//! How a customer can be reached: fetched by reference, used once, never stored and never shown.

use lakeside_domain::{
    ids::CustomerId,
    notice::{Channel, NoticeStatus, Preference, choose},
};
use lakeside_kit::{dynamo::StoreError, personal::Personal};

/// Where the contacts of customers are.
pub trait Contacts {
    /// The customer's contact; `None` if the directory does not know them.
    async fn contact(&self, customer_id: &CustomerId) -> Result<Option<Contact>, StoreError>;
}

/// How one customer can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Mail address.
    pub email: Option<Personal>,
    /// Phone number, as E.164 writes it.
    pub phone: Option<Personal>,
    /// What they wish.
    pub preference: Preference,
}

/// Where one message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A mail address.
    Email(Personal),
    /// A phone number.
    Phone(Personal),
}

impl Recipient {
    /// The way to it.
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Phone(_) => Channel::Sms,
        }
    }
}

impl Contact {
    /// Where a message to this customer goes, by the way they prefer.
    ///
    /// # Errors
    /// The final status of a message that is not sent.
    pub fn recipient(&self) -> Result<Recipient, NoticeStatus> {
        match choose(self.preference, self.email.is_some(), self.phone.is_some())? {
            Channel::Email => self.email.clone().map(Recipient::Email),
            Channel::Sms => self.phone.clone().map(Recipient::Phone),
        }
        .ok_or(NoticeStatus::NoContact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_shows_nothing_of_itself() {
        let contact = Contact {
            email: Some(Personal::new("jane@example.com")),
            phone: Some(Personal::new("+15550100")),
            preference: Preference::Only(Channel::Sms),
        };
        let shown = format!("{contact:?} {:?}", contact.recipient());
        assert!(!shown.contains("jane") && !shown.contains("555"), "{shown}");
    }
}
