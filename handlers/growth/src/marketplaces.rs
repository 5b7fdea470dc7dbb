//! The marketplaces as a port.

use std::time::Duration;

use lakeside_domain::{
    ids::{MarketplaceId, ReasonCode, Sku},
    listing::Level,
};
use lakeside_kit::{outside::OutsideError, secret::Secret};

/// A level for one listing. The same one for every attempt at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelRequest {
    /// Where.
    pub marketplace: MarketplaceId,
    /// What.
    pub sku: Sku,
    /// How much of it.
    pub level: Level,
}

impl LevelRequest {
    /// The idempotency key.
    pub fn idempotency_key(&self) -> String {
        format!("{}:{}:{}", self.marketplace, self.sku, self.level.version)
    }
}

/// What a marketplace says to a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It shows the level.
    Shown,
    /// It shows a newer one.
    Superseded,
    /// It does not take this level, now and whenever it is asked again.
    Refused(ReasonCode),
    /// It does not take the credential. Nothing happened.
    Unauthorized,
}

/// The marketplaces on which our goods are listed. A level is absolute and has a version, and the one with the highest
/// version stays: what may or may not have arrived is sent again, and nobody has to look up what came of it.
pub trait Marketplaces {
    /// Which secret opens a marketplace; `None` if it is none of ours.
    fn secret_of(&self, marketplace: &MarketplaceId) -> Option<&str>;

    /// Has the marketplace show the level; told how long it may take.
    async fn show(
        &self,
        request: &LevelRequest,
        credential: &Secret,
        patience: Duration,
    ) -> Result<Answer, OutsideError>;
}
