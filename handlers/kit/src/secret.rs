//! Secrets, read while a function runs and kept for a while: never in settings, states or logs.
//!
//! A secret is rotated by moving the stage `AWSCURRENT` to another version, and by nothing here: the cache asks for that
//! stage again when its time is over, or at once when the other side turns down what it has.

use std::{cell::RefCell, collections::HashMap, error::Error as StdError, fmt, rc::Rc};

use lakeside_domain::time::Timestamp;

use crate::disposition::{Disposed, Disposition};

/// A text that opens something. It has no `Display`, no `Serialize`, and its `Debug` tells nothing, so that it gets into no
/// log, item or event by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one request that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A secret as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Itself.
    pub secret: Secret,
    /// Names this version of it: another one is another secret.
    pub version: String,
}

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No answer, or turned away.
    #[error("the secrets cannot be read now")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// It has no value yet, or may not be read.
    #[error("the secret cannot be read until somebody has looked")]
    Refused(#[source] Box<dyn StdError + Send + Sync>),
}

impl Disposed for SecretError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Unavailable(_) => Disposition::Retry,
            Self::Refused(_) => Disposition::Park,
        }
    }
}

/// Where secrets are kept.
pub trait Secrets {
    /// The current version of the secret called `id`.
    async fn current(&self, id: &str) -> Result<Current, SecretError>;
}

struct Kept {
    current: Rc<Current>,
    until: Timestamp,
}

/// Secrets that were read, each for a while, over all invocations of one execution environment.
pub struct SecretCache<S> {
    secrets: S,
    seconds: u32,
    kept: RefCell<HashMap<String, Kept>>,
}

impl<S: Secrets> SecretCache<S> {
    /// Keeps what it reads from `secrets` for so many seconds.
    pub fn new(secrets: S, seconds: u32) -> Self {
        Self { secrets, seconds, kept: RefCell::default() }
    }

    /// The secret called `id`: the one that is kept, or as it stands.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn get(&self, id: &str, now: Timestamp) -> Result<Rc<Current>, SecretError> {
        let kept =
            self.kept.borrow().get(id).filter(|kept| kept.until > now).map(|kept| kept.current.clone());
        match kept {
            Some(current) => Ok(current),
            None => self.read(id, now).await,
        }
    }

    /// What has taken the place of `rejected`, which the other side did not accept. `None` if nothing has: there is no
    /// use in trying once more.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn replaced(
        &self,
        id: &str,
        rejected: &Current,
        now: Timestamp,
    ) -> Result<Option<Rc<Current>>, SecretError> {
        let current = self.read(id, now).await?;
        Ok((current.version != rejected.version).then_some(current))
    }

    async fn read(&self, id: &str, now: Timestamp) -> Result<Rc<Current>, SecretError> {
        let current = Rc::new(self.secrets.current(id).await?);
        let kept = Kept { current: current.clone(), until: now.plus_seconds(self.seconds) };
        self.kept.borrow_mut().insert(id.to_owned(), kept);
        Ok(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemorySecrets;

    const ID: &str = "key";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn cache() -> SecretCache<MemorySecrets> {
        let secrets = MemorySecrets::default();
        secrets.put(ID, "old");
        SecretCache::new(secrets, 300)
    }

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let current = Current { secret: Secret::new("hunter2"), version: "1".into() };
        assert_eq!(format!("{current:?} {current:#?}").matches("hunter2").count(), 0);
        assert_eq!(current.secret.reveal(), "hunter2");
    }

    #[tokio::test]
    async fn a_secret_is_read_again_when_its_time_is_over() {
        let cache = cache();
        for second in [0, 299] {
            assert_eq!(cache.get(ID, at(second)).await.unwrap().secret.reveal(), "old");
        }
        cache.secrets.put(ID, "new");
        assert_eq!(
            (cache.get(ID, at(299)).await.unwrap().secret.reveal(), cache.secrets.reads()),
            ("old", 1)
        );
        assert_eq!(cache.get(ID, at(300)).await.unwrap().secret.reveal(), "new");
        assert_eq!(cache.secrets.reads(), 2);
    }

    #[tokio::test]
    async fn what_was_turned_down_is_replaced_by_what_is_current_and_by_nothing_else() {
        let cache = cache();
        let old = cache.get(ID, at(0)).await.unwrap();
        assert_eq!(cache.replaced(ID, &old, at(1)).await.unwrap(), None);
        cache.secrets.put(ID, "new");
        let new = cache.replaced(ID, &old, at(2)).await.unwrap().unwrap();
        assert_eq!(new.secret.reveal(), "new");
        assert_eq!(cache.get(ID, at(3)).await.unwrap(), new, "it is kept");
        assert_eq!(cache.secrets.reads(), 3);
    }

    #[tokio::test]
    async fn a_secret_without_a_value_parks_and_a_service_that_is_away_does_not() {
        let cache = cache();
        assert_eq!(cache.get("none", at(0)).await.unwrap_err().disposition(), Disposition::Park);
        cache.secrets.down.set(true);
        assert_eq!(cache.get(ID, at(0)).await.unwrap_err().disposition(), Disposition::Retry);
    }
}
