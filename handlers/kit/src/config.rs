//! Settings from the environment, read once when the function starts.

use std::{env, str::FromStr};

/// A setting is missing or malformed: the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not set.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// Not of the right form.
    #[error("environment variable {0} is malformed")]
    Malformed(&'static str),
}

/// The value of `name`.
///
/// # Errors
/// [`ConfigError`] if it is not set.
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    env::var(name).map_err(|_| ConfigError::Missing(name))
}

/// The value of `name`, parsed.
///
/// # Errors
/// [`ConfigError`] if it is not set or cannot be parsed.
pub fn parsed<T: FromStr>(name: &'static str) -> Result<T, ConfigError> {
    required(name)?.parse().map_err(|_| ConfigError::Malformed(name))
}

/// The value of `name`, parsed, or `default` if it is not set.
///
/// # Errors
/// [`ConfigError::Malformed`] if it is set and cannot be parsed.
pub fn parsed_or<T: FromStr>(name: &'static str, default: T) -> Result<T, ConfigError> {
    match env::var(name) {
        Ok(value) => value.parse().map_err(|_| ConfigError::Malformed(name)),
        Err(env::VarError::NotPresent) => Ok(default),
        Err(env::VarError::NotUnicode(_)) => Err(ConfigError::Malformed(name)),
    }
}
