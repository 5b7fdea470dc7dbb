//! Partners: who places orders by a machine and under a contract, on behalf of somebody we do not know.
//!
//! This module says what a partner is; it never sees a credential.

use serde::{Deserialize, Serialize};

use crate::{ids::NodeId, order::Channel};

/// What a partner is to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "UPPERCASE")]
pub enum Role {
    /// A shop of somebody else that sells our goods.
    Marketplace,
    /// One of our stores, which also sells over its counter what lies in it.
    Store {
        /// Where its goods lie.
        node: NodeId,
    },
}

impl Role {
    /// The channel of the orders it places.
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Marketplace => Channel::Marketplace,
            Self::Store { .. } => Channel::Store,
        }
    }

    /// The store whose sales it records, if it is one.
    pub const fn store(&self) -> Option<&NodeId> {
        match self {
            Self::Marketplace => None,
            Self::Store { node } => Some(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_store_sells_over_a_counter_and_every_partner_orders_through_a_channel_of_partners() {
        let node = NodeId::parse("store-07").unwrap();
        let store = Role::Store { node: node.clone() };
        assert_eq!((store.channel(), store.store()), (Channel::Store, Some(&node)));
        let marketplace = Role::Marketplace;
        assert_eq!((marketplace.channel(), marketplace.store()), (Channel::Marketplace, None));
        for role in [store, marketplace] {
            assert!(Channel::PARTNERS.contains(&role.channel()));
        }
    }
}
