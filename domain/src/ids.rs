//! Identifiers. Each is its own type, checked once on the way in, so that a SKU can never stand where an
//! order id belongs and nothing unchecked is spliced into a key, a message or a reply.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not of the form its identifier wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must match {pattern}")]
pub struct IdError {
    /// What the text should have been, in words.
    pub kind: &'static str,
    /// The regular expression it failed.
    pub pattern: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The hyphenated form, in either case; other spellings of a UUID are refused.
            pub const PATTERN: &'static str = HYPHENATED;

            /// # Errors
            /// [`IdError`] unless `text` is a hyphenated UUID.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                hyphenated(text).map(Self).ok_or(IdError { kind: $kind, pattern: Self::PATTERN })
            }

            /// An id from 128 bits.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The 128 bits.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

const HYPHENATED: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";
const HYPHENATED_LENGTH: usize = 36;

fn hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == HYPHENATED_LENGTH).then(|| Uuid::try_parse(text).ok()).flatten()
}

uuid_id!(
    /// The client's id for an order: a UUID, and the idempotency key of its submission.
    OrderId,
    "order id"
);

uuid_id!(
    /// The id of a change of stock that no order makes: a UUID that whoever asks for it chooses, and its idempotency key.
    AdjustmentId,
    "adjustment id"
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $pattern:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The regular expression that every value matches.
            pub const PATTERN: &'static str = $pattern;

            /// # Errors
            /// [`IdError`] unless `text` matches [`Self::PATTERN`].
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { kind: $kind, pattern: $pattern })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

/// `text` is `prefix` followed by 1 to `max` characters that `accepts` all of.
fn suffixed(text: &str, prefix: &str, max: usize, accepts: fn(char) -> bool) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| (1..=max).contains(&rest.len()) && rest.chars().all(accepts))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

text_id!(
    /// A stock keeping unit: what is priced, counted and promised.
    Sku,
    "sku",
    "^[A-Z0-9][A-Z0-9-]{0,31}$",
    |text| !text.starts_with('-')
        && suffixed(text, "", 32, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-')
);

text_id!(
    /// Who placed an order: the subject of a token. A reference, never a name or an address.
    CustomerId,
    "customer id",
    "^[A-Za-z0-9_-]{1,64}$",
    |text| suffixed(text, "", 64, |c| is_word(c) || c == '-')
);

text_id!(
    /// Somebody with a contract who places orders by a machine: a marketplace, a store. A name of ours for them.
    PartnerId,
    "partner id",
    "^[a-z][a-z0-9-]{1,31}$",
    |text| text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && suffixed(text, "", 32, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);

impl PartnerId {
    /// Whose a partner's orders are. No token has such a subject: a pool's are UUIDs, and this begins with no hexadecimal
    /// digit.
    pub fn principal(&self) -> CustomerId {
        CustomerId(format!("partner-{}", self.0))
    }
}

text_id!(
    /// The processor's handle of a stored payment method; the card itself is never here.
    PaymentMethod,
    "payment method",
    "^pm_[A-Za-z0-9_]{1,60}$",
    |text| suffixed(text, "pm_", 60, is_word)
);

text_id!(
    /// The directory's id of a shipping address; the address itself is never here.
    AddressId,
    "shipping address id",
    "^addr_[A-Za-z0-9_]{1,60}$",
    |text| suffixed(text, "addr_", 60, is_word)
);

text_id!(
    /// A warehouse or a store that holds stock.
    NodeId,
    "node",
    "^[a-z0-9][a-z0-9-]{0,31}$",
    |text| !text.starts_with('-')
        && suffixed(text, "", 32, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);

text_id!(
    /// A marketplace on which our goods are listed.
    MarketplaceId,
    "marketplace",
    "^[a-z][a-z0-9-]{0,23}$",
    |text| text.starts_with(|c: char| c.is_ascii_lowercase())
        && suffixed(text, "", 24, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);

text_id!(
    /// The carrier's number of a parcel.
    TrackingNumber,
    "tracking number",
    "^[A-Z0-9]{1,40}$",
    |text| suffixed(text, "", 40, |c| c.is_ascii_uppercase() || c.is_ascii_digit())
);

text_id!(
    /// Why something was refused or given up, as a code. Never free text, which could carry anything.
    ReasonCode,
    "reason",
    "^[A-Z][A-Z0-9_]{0,39}$",
    |text| text.starts_with(|c: char| c.is_ascii_uppercase())
        && suffixed(text, "", 40, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
);

impl ReasonCode {
    /// A code written in the source, which the tests check.
    pub fn constant(code: &'static str) -> Self {
        debug_assert!(Self::parse(code).is_ok(), "{code} is no reason code");
        Self(code.to_owned())
    }
}

/// One parcel of an order, from one node. Derived from both, so that a retried allocation names the same parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShipmentId(Uuid);

impl ShipmentId {
    /// The shipment of `order` that leaves from `node`.
    pub fn derive(order: OrderId, node: &NodeId) -> Self {
        Self(Uuid::new_v5(&order.0, node.as_str().as_bytes()))
    }

    /// The 128 bits.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// A shipment id from 128 bits, as read from a message.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for ShipmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_is_a_hyphenated_uuid_in_either_case() {
        let id = OrderId::parse("7E57D004-2B97-4E7A-B45F-5387367791CD").unwrap();
        assert_eq!(id.to_string(), "7e57d004-2b97-4e7a-b45f-5387367791cd");
        for bad in [
            "",
            "7e57d0042b974e7ab45f5387367791cd",
            "{7e57d004-2b97-4e7a-b45f-5387367791c}",
            "7e57d004-2b97-4e7a-b45f-5387367791cg",
            "\",\"orderId\":\"7e57d004-2b97-4e7a-b4",
            "7e57d004-2b97-4e7a-b45f-5387367791cd&MessageBody=x",
            "é57d004-2b97-4e7a-b45f-5387367791cd",
        ] {
            assert!(OrderId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn text_ids_accept_what_their_pattern_says() {
        for good in ["A", "TENT-2P", "0", "A-"] {
            assert!(Sku::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-A", "a", "TENT 2P", "TENT_2P", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456"] {
            assert!(Sku::parse(bad).is_err(), "{bad}");
        }
        assert!(PaymentMethod::parse("pm_1").is_ok());
        for bad in ["pm_", "pm", "card_1", "pm_4111 1111", "pm_a@b.c"] {
            assert!(PaymentMethod::parse(bad).is_err(), "{bad}");
        }
        assert!(AddressId::parse("addr_home").is_ok());
        assert!(AddressId::parse("12 Main Street").is_err());
        assert!(NodeId::parse("store-07").is_ok());
        assert!(NodeId::parse("Store").is_err());
        assert!(MarketplaceId::parse("alpine-market").is_ok());
        for bad in ["", "-a", "1st", "Alpine", "a#b", "abcdefghijklmnopqrstuvwxy"] {
            assert!(MarketplaceId::parse(bad).is_err(), "{bad}");
        }
        assert!(CustomerId::parse("jane@example.com").is_err());
        for good in ["ac", "acme", "store-07", "a2345678901234567890123456789012"] {
            assert!(PartnerId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "7seas", "-acme", "Acme", "ac.me", "a23456789012345678901234567890123", "acmé"]
        {
            assert!(PartnerId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_partner_is_no_customer_of_the_pool() {
        for name in ["ac", "acme", "a2345678901234567890123456789012"] {
            let principal = PartnerId::parse(name).unwrap().principal();
            assert_eq!(CustomerId::parse(principal.as_str()), Ok(principal.clone()));
            assert!(Uuid::try_parse(principal.as_str()).is_err(), "{principal}");
        }
    }

    #[test]
    fn a_shipment_is_named_by_order_and_node() {
        let order = OrderId::from_uuid(Uuid::from_u128(1));
        let east = NodeId::parse("wh-east").unwrap();
        let west = NodeId::parse("wh-west").unwrap();
        assert_eq!(ShipmentId::derive(order, &east), ShipmentId::derive(order, &east));
        assert_ne!(ShipmentId::derive(order, &east), ShipmentId::derive(order, &west));
    }
}
