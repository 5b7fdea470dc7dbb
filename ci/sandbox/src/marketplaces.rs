//! The marketplaces' rules. Each has its own credential, its own patience and its own listings. A level is absolute and
//! has a version: the same one again is welcome, an older one is not, and no other level may have its version.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    idempotency::{Answer, Keys},
    rate::RateLimit,
};

/// Those there are, with what opens them at first.
const MARKETPLACES: [(&str, &str); 2] =
    [("alpine-market", "sandbox-alpine-market-1"), ("trailhead", "sandbox-trailhead-1")];

/// A body of `PUT /marketplaces/{marketplace}/v1/listings/{sku}/stock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    pub available: u64,
    pub version: u64,
}

/// A body of `PUT /marketplaces/{marketplace}/credential`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    pub credential: String,
}

#[derive(Default)]
struct Listing {
    level: Option<Level>,
    /// Requests that were let in.
    calls: u32,
    /// Every level that was taken, in order.
    updates: Vec<Level>,
}

/// How a request is answered.
#[derive(Debug, PartialEq)]
pub enum Reply {
    Answer(Answer),
    /// Turned away for so long.
    TooMany(Duration),
    /// No answer now; the level is taken after a while.
    HangThenLand,
    /// No answer now, and nothing ever comes of it.
    Hang,
}

/// One marketplace.
struct Marketplace {
    credential: String,
    rate: RateLimit,
    turned_away: u32,
    listings: BTreeMap<String, Listing>,
    keys: Keys<(String, Level)>,
}

/// All of them.
pub struct Marketplaces(BTreeMap<&'static str, Marketplace>);

impl Marketplaces {
    /// Each takes so many requests a second.
    pub fn per_second(rate: u32) -> Self {
        let opened = |(name, credential): (&'static str, &str)| {
            let marketplace = Marketplace {
                credential: credential.to_owned(),
                rate: RateLimit::per_second(rate),
                turned_away: 0,
                listings: BTreeMap::new(),
                keys: Keys::default(),
            };
            (name, marketplace)
        };
        Self(MARKETPLACES.into_iter().map(opened).collect())
    }

    /// From now on `marketplace` takes this credential and no other; answers whether there is such a marketplace.
    pub fn open_with(&mut self, marketplace: &str, credential: &Credential) -> bool {
        self.0.get_mut(marketplace).map(|found| found.credential.clone_from(&credential.credential)).is_some()
    }

    /// Whether the request may come in at `now`.
    pub fn admit(&mut self, marketplace: &str, credential: Option<&str>, now: Instant) -> Result<(), Reply> {
        let Some(found) = self.0.get_mut(marketplace) else {
            return Err(Reply::Answer(Answer::error(404, "no such marketplace")));
        };
        if credential != Some(&found.credential) {
            return Err(Reply::Answer(Answer::error(401, "who is there?")));
        }
        found.rate.admit(now).map_err(|wait| {
            found.turned_away = found.turned_away.saturating_add(1);
            Reply::TooMany(wait)
        })
    }

    /// Shows a level.
    pub fn put(&mut self, marketplace: &str, sku: &str, key: &str, level: Level) -> Reply {
        let Some(found) = self.0.get_mut(marketplace) else {
            return Reply::Answer(Answer::error(404, "no such marketplace"));
        };
        let listing = found.listings.entry(sku.to_owned()).or_default();
        listing.calls = listing.calls.saturating_add(1);
        let attempts = match found.keys.take(key, &(sku.to_owned(), level)) {
            Ok(seen) => seen.attempts,
            Err(answer) => return Reply::Answer(answer),
        };
        let first = attempts == 1;
        let answer = match Fault::of(sku) {
            Some(Fault::Refused) => Answer::new(422, json!({ "reason": "not_allowed" })),
            Some(Fault::Unlisted) => Answer::new(404, json!({ "reason": "unlisted" })),
            Some(Fault::TimeoutLands) if first => return Reply::HangThenLand,
            Some(Fault::TimeoutLost) if first => return Reply::Hang,
            Some(Fault::ErrorOnce) if first => return Reply::Answer(Answer::error(500, "something broke")),
            Some(Fault::ErrorAfter) if first => {
                take(listing, level);
                return Reply::Answer(Answer::error(500, "something broke"));
            }
            _ => take(listing, level),
        };
        found.keys.settle(key, answer.clone());
        Reply::Answer(answer)
    }

    /// The level of a request that hung is taken, unless a newer one was in the meantime.
    pub fn land(&mut self, marketplace: &str, sku: &str, level: Level) {
        if let Some(found) = self.0.get_mut(marketplace) {
            take(found.listings.entry(sku.to_owned()).or_default(), level);
        }
    }

    /// Every listing that was ever named, in order.
    pub fn ledger(&self) -> Vec<Value> {
        let of = |(name, marketplace): (&&'static str, &Marketplace)| {
            let name = *name;
            let listing = |(sku, listing): (&String, &Listing)| {
                json!({
                    "marketplace": name,
                    "sku": sku,
                    "level": listing.level,
                    "calls": listing.calls,
                    "updates": listing.updates,
                })
            };
            marketplace.listings.iter().map(listing).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// How many requests each has turned away for being too many.
    pub fn turned_away(&self) -> BTreeMap<&'static str, u32> {
        self.0.iter().map(|(name, marketplace)| (*name, marketplace.turned_away)).collect()
    }
}

fn take(listing: &mut Listing, level: Level) -> Answer {
    match listing.level {
        Some(shown) if shown.version > level.version => {
            Answer::new(409, json!({ "reason": "stale", "version": shown.version }))
        }
        Some(shown) if shown.version == level.version && shown != level => {
            Answer::new(422, json!({ "reason": "version_reused" }))
        }
        shown => {
            if shown != Some(level) {
                listing.level = Some(level);
                listing.updates.push(level);
            }
            Answer::new(200, json!(level))
        }
    }
}

/// What the SKU chooses.
#[derive(Clone, Copy)]
enum Fault {
    Refused,
    Unlisted,
    TimeoutLands,
    TimeoutLost,
    ErrorOnce,
    ErrorAfter,
}

impl Fault {
    fn of(sku: &str) -> Option<Self> {
        let faults = [
            ("SANDBOX-REFUSED-", Self::Refused),
            ("SANDBOX-UNLISTED-", Self::Unlisted),
            ("SANDBOX-TIMEOUT-LANDS-", Self::TimeoutLands),
            ("SANDBOX-TIMEOUT-LOST-", Self::TimeoutLost),
            ("SANDBOX-ERROR-ONCE-", Self::ErrorOnce),
            ("SANDBOX-ERROR-AFTER-", Self::ErrorAfter),
        ];
        faults.into_iter().find(|(prefix, _)| sku.starts_with(prefix)).map(|(_, fault)| fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPINE: &str = "alpine-market";

    fn level(available: u64, version: u64) -> Level {
        Level { available, version }
    }

    fn status(reply: &Reply) -> Option<u16> {
        match reply {
            Reply::Answer(answer) => Some(answer.status),
            _ => None,
        }
    }

    #[test]
    fn a_level_never_goes_back_to_an_older_version() {
        let mut marketplaces = Marketplaces::per_second(5);
        for (key, told, expected) in [
            ("1", level(5, 1), 200),
            ("3", level(4, 3), 200),
            ("2", level(3, 2), 409),
            ("3", level(4, 3), 200),
            ("3 again", level(4, 3), 200),
            ("3", level(9, 3), 422),
            ("3 but", level(9, 3), 422),
        ] {
            assert_eq!(status(&marketplaces.put(ALPINE, "TENT", key, told)), Some(expected), "{key}");
        }
        let ledger = marketplaces.ledger();
        assert_eq!(ledger.len(), 1);
        assert_eq!(ledger[0]["level"], json!({"available": 4, "version": 3}));
        assert_eq!(ledger[0]["updates"], json!([level(5, 1), level(4, 3)]));
        assert_eq!(ledger[0]["calls"], json!(7));
    }

    #[test]
    fn a_late_level_does_not_replace_a_newer_one() {
        let mut marketplaces = Marketplaces::per_second(5);
        let sku = "SANDBOX-TIMEOUT-LANDS-1";
        assert_eq!(marketplaces.put(ALPINE, sku, "1", level(5, 1)), Reply::HangThenLand);
        assert_eq!(marketplaces.put(ALPINE, sku, "2", level(4, 2)), Reply::HangThenLand);
        assert_eq!(status(&marketplaces.put(ALPINE, sku, "2", level(4, 2))), Some(200));
        marketplaces.land(ALPINE, sku, level(5, 1));
        assert_eq!(marketplaces.ledger()[0]["level"], json!({"available": 4, "version": 2}));
    }

    #[test]
    fn each_has_its_own_credential_and_its_own_patience() {
        let mut marketplaces = Marketplaces::per_second(1);
        let now = Instant::now();
        let mut admit =
            |marketplace: &str, credential: &str| marketplaces.admit(marketplace, Some(credential), now);
        assert_eq!(admit(ALPINE, "sandbox-alpine-market-1"), Ok(()));
        assert_eq!(admit(ALPINE, "sandbox-alpine-market-1"), Err(Reply::TooMany(Duration::from_secs(1))));
        assert_eq!(admit("trailhead", "sandbox-trailhead-1"), Ok(()));
        assert_eq!(status(&admit("trailhead", "sandbox-alpine-market-1").unwrap_err()), Some(401));
        assert_eq!(status(&admit("nowhere", "sandbox-trailhead-1").unwrap_err()), Some(404));
        assert_eq!(marketplaces.turned_away(), [(ALPINE, 1), ("trailhead", 0)].into());
        assert!(marketplaces.open_with("trailhead", &Credential { credential: "new".into() }));
        let old = marketplaces.admit("trailhead", Some("sandbox-trailhead-1"), now);
        assert_eq!(status(&old.unwrap_err()), Some(401));
    }
}
