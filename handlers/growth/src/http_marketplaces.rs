//! Marketplaces over HTTP, each at a URL of its own.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use lakeside_domain::{
    ids::{MarketplaceId, ReasonCode},
    listing::Level,
};
use lakeside_kit::{
    outbound::{OutboundError, Outgoing, Server, Timeouts},
    outside::OutsideError,
    secret::Secret,
};
use serde::{Deserialize, Serialize};

use crate::marketplaces::{Answer, LevelRequest, Marketplaces};

/// Where a marketplace is, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Outlet {
    /// Base URL.
    pub url: String,
    /// The name of the secret that holds its credential.
    pub secret: String,
}

/// All of them, as the setting `MARKETPLACES` has them: JSON, by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Outlets(pub BTreeMap<MarketplaceId, Outlet>);

impl FromStr for Outlets {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

#[derive(Debug, Clone)]
struct Reached {
    server: Server,
    secret: String,
}

/// The marketplaces behind their servers.
#[derive(Debug, Clone)]
pub struct HttpMarketplaces(BTreeMap<MarketplaceId, Reached>);

#[derive(Serialize)]
struct LevelBody {
    available: u64,
    version: u64,
}

#[derive(Deserialize)]
struct Answered {
    reason: Option<String>,
}

impl HttpMarketplaces {
    /// The marketplaces at `outlets`.
    ///
    /// # Errors
    /// [`OutboundError`] if one of them is at no server.
    pub fn new(outlets: Outlets, timeouts: Timeouts) -> Result<Self, OutboundError> {
        let reached = |(marketplace, outlet): (MarketplaceId, Outlet)| {
            let server = Server::at(&outlet.url, timeouts)?;
            Ok((marketplace, Reached { server, secret: outlet.secret }))
        };
        outlets.0.into_iter().map(reached).collect::<Result<_, _>>().map(Self)
    }
}

/// Their words become one of our codes, because a code may travel and words may not.
fn reason(status: u16, words: Option<&str>) -> ReasonCode {
    ReasonCode::constant(match (status, words) {
        (404, _) => "LISTING_UNKNOWN",
        (_, Some("not_allowed")) => "LISTING_NOT_ALLOWED",
        (_, Some("version_reused")) => "VERSION_REUSED",
        _ => "LISTING_REFUSED",
    })
}

impl Marketplaces for HttpMarketplaces {
    fn secret_of(&self, marketplace: &MarketplaceId) -> Option<&str> {
        self.0.get(marketplace).map(|reached| reached.secret.as_str())
    }

    async fn show(
        &self,
        request: &LevelRequest,
        credential: &Secret,
        patience: Duration,
    ) -> Result<Answer, OutsideError> {
        let Some(reached) = self.0.get(&request.marketplace) else {
            return Ok(Answer::Refused(reason(404, None)));
        };
        let Level { available, version } = request.level;
        let key = request.idempotency_key();
        let outgoing = Outgoing {
            path: &["v1", "listings", request.sku.as_str(), "stock"],
            key: Some(&key),
            body: Some(&LevelBody { available, version }),
        };
        let answer = reached.server.bearing(credential).put(outgoing, patience).await?;
        let said = answer.json::<Answered>().and_then(|said| said.reason);
        match (answer.status, said.as_deref()) {
            (200..300, _) => Ok(Answer::Shown),
            // Nothing is wrong with the level: it is ours to be let in.
            (401 | 403, _) => Ok(Answer::Unauthorized),
            (409, Some("stale")) => Ok(Answer::Superseded),
            (400..500, words) => Ok(Answer::Refused(reason(answer.status, words))),
            _ => Err(answer.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests;
