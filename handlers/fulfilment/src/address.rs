//! Where a parcel goes: fetched by reference for the carrier's request, never stored and never shown.

use lakeside_domain::ids::AddressId;
use lakeside_kit::{dynamo::StoreError, personal::Personal};

/// The reason code of an address that the directory does not have.
pub const ADDRESS_UNKNOWN: &str = "ADDRESS_UNKNOWN";

/// A postal address. Its `Debug` shows nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Who receives the parcel.
    pub name: Personal,
    /// Street and number.
    pub street: Personal,
    /// City.
    pub city: Personal,
    /// Postal code.
    pub postal_code: Personal,
    /// Country, as ISO 3166 writes it in two letters.
    pub country: Personal,
}

/// Where addresses are.
pub trait Addresses {
    /// The address; `None` if the directory does not have it, or not all of it.
    async fn address(&self, id: &AddressId) -> Result<Option<Address>, StoreError>;
}

impl Address {
    /// An address for tests and simulations, of nobody.
    pub fn of_nobody() -> Self {
        let nobody = |text: &str| Personal::new(text);
        Self {
            name: nobody("Nobody"),
            street: nobody("1 Nowhere"),
            city: nobody("Nowhere"),
            postal_code: nobody("00000"),
            country: nobody("US"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_nothing_of_itself() {
        let shown = format!("{0:?} {0:#?}", Address::of_nobody());
        for text in ["Nobody", "Nowhere", "00000", "US"] {
            assert!(!shown.contains(text), "{shown}");
        }
    }
}
