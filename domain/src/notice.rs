//! Telling a customer what became of an order: at most once for each fact, by the way the customer prefers.
//!
//! Nobody can ask a mail or phone company whether a message was sent, so an attempt that dies between the sending and
//! its record leaves a question that nothing answers. Customers would rather miss one message than get it twice:
//! such a message is never sent again and counts as uncertain, for people to look at.

use serde::{Deserialize, Serialize};

/// What a customer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum What {
    /// The order is paid.
    Confirmed,
    /// The order is on its way.
    Fulfilled,
    /// The order was given up and undone.
    Cancelled,
    /// The order was refused.
    Rejected,
}

impl What {
    /// All of it.
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::Fulfilled, Self::Cancelled, Self::Rejected];

    /// Its name in keys and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "CONFIRMED",
            Self::Fulfilled => "FULFILLED",
            Self::Cancelled => "CANCELLED",
            Self::Rejected => "REJECTED",
        }
    }
}

/// How a customer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Channel {
    /// By mail.
    Email,
    /// By a message to the phone.
    Sms,
}

/// What a customer wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// This way and no other.
    Only(Channel),
    /// Nothing was said: any way there is.
    Any,
    /// To be left alone.
    Nothing,
}

/// Where the telling of one fact stands. There is no record before the fact was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeStatus {
    /// It is not known yet whose order it is, or nothing was sent yet.
    Waiting,
    /// The message is or was about to be sent; whether it was is unknown.
    Sending {
        /// How.
        channel: Channel,
    },
    /// Sent. Final.
    Sent {
        /// How.
        channel: Channel,
    },
    /// Sent or not, which nobody knows, and never sent again. Final.
    Uncertain {
        /// How.
        channel: Channel,
    },
    /// Nobody is at that address. Final.
    Undeliverable {
        /// How.
        channel: Channel,
    },
    /// The customer wants no messages. Final.
    NotWanted,
    /// There is no address for the way the customer prefers. Final.
    NoContact,
}

/// What to do about a fact that the customer may have to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeStep {
    /// Nothing was sent: go ahead.
    Tell,
    /// An attempt has begun to send and did not come back: say so, and send nothing.
    GiveUp(Channel),
    /// It was decided before.
    Decided(NoticeStatus),
}

/// What a fact means whose telling stands at `current`, for an attempt that has the lease to itself.
pub const fn begin(current: Option<NoticeStatus>) -> NoticeStep {
    match current {
        None | Some(NoticeStatus::Waiting) => NoticeStep::Tell,
        Some(NoticeStatus::Sending { channel }) => NoticeStep::GiveUp(channel),
        Some(decided) => NoticeStep::Decided(decided),
    }
}

/// By which way a customer is told who wishes `preference` and can be reached by these; or why not at all.
///
/// # Errors
/// The final status of a message that is not sent.
pub const fn choose(preference: Preference, email: bool, phone: bool) -> Result<Channel, NoticeStatus> {
    match preference {
        Preference::Nothing => Err(NoticeStatus::NotWanted),
        Preference::Only(Channel::Email) | Preference::Any if email => Ok(Channel::Email),
        Preference::Only(Channel::Sms) | Preference::Any if phone => Ok(Channel::Sms),
        Preference::Only(_) | Preference::Any => Err(NoticeStatus::NoContact),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_sent_is_never_sent_again() {
        let channel = Channel::Sms;
        assert_eq!(begin(None), NoticeStep::Tell);
        assert_eq!(begin(Some(NoticeStatus::Waiting)), NoticeStep::Tell);
        assert_eq!(begin(Some(NoticeStatus::Sending { channel })), NoticeStep::GiveUp(channel));
        for decided in [
            NoticeStatus::Sent { channel },
            NoticeStatus::Uncertain { channel },
            NoticeStatus::Undeliverable { channel },
            NoticeStatus::NotWanted,
            NoticeStatus::NoContact,
        ] {
            assert_eq!(begin(Some(decided)), NoticeStep::Decided(decided));
        }
    }

    #[test]
    fn a_customer_is_told_by_the_way_they_chose_and_by_no_other() {
        let (email, sms) = (Preference::Only(Channel::Email), Preference::Only(Channel::Sms));
        assert_eq!(choose(email, true, true), Ok(Channel::Email));
        assert_eq!(choose(sms, true, true), Ok(Channel::Sms));
        assert_eq!(choose(email, false, true), Err(NoticeStatus::NoContact));
        assert_eq!(choose(sms, true, false), Err(NoticeStatus::NoContact));
    }

    #[test]
    fn a_customer_who_chose_no_way_is_told_by_mail_if_there_is_one() {
        assert_eq!(choose(Preference::Any, true, true), Ok(Channel::Email));
        assert_eq!(choose(Preference::Any, false, true), Ok(Channel::Sms));
        assert_eq!(choose(Preference::Any, false, false), Err(NoticeStatus::NoContact));
    }

    #[test]
    fn a_customer_who_wants_no_messages_gets_none() {
        assert_eq!(choose(Preference::Nothing, true, true), Err(NoticeStatus::NotWanted));
    }
}
