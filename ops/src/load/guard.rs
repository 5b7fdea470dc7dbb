//! Where load may go: to this machine, or to the one installation that was named.

use reqwest::Url;

use crate::failure::{Failure, Result};

/// Whether `url` is on this machine, by an address or by a name that means no other.
pub fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// An installation as it must be named: `ACCOUNT/REGION/PREFIX`, by the ARN of its saga.
pub fn installation(saga_arn: &str, prefix: &str) -> Option<String> {
    let mut parts = saga_arn.split(':').skip(3);
    let (region, account) = (parts.next()?, parts.next()?);
    Some(format!("{account}/{region}/{prefix}"))
}

/// Lets load go to loopback, or to the installation that was named.
///
/// # Errors
/// For all other places.
pub fn admit(door: &str, cloud: Option<&str>, here: &str, named: Option<&str>) -> Result<()> {
    if let Some(named) = named {
        return if named == here {
            Ok(())
        } else {
            Err(Failure::guarded(format!("this is the installation {here}, and load was meant for {named}")))
        };
    }
    let local = is_loopback(door) && cloud.is_some_and(is_loopback);
    if local {
        return Ok(());
    }
    Err(Failure::guarded(format!(
        "the door at {door} is not on this machine: load makes orders, charges and parcels there, so say --installation {here} if that is meant"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    const HERE: &str = "111122223333/us-east-1/lakeside";
    const LOCAL: &str = "http://127.0.0.1:4566/restapis/a/live/_user_request_";
    const FAR: &str = "https://door.example.com/live";

    #[test]
    fn an_installation_is_named_by_account_region_and_prefix() {
        let arn = "arn:aws:states:us-east-1:111122223333:stateMachine:lakeside-order-fulfilment";
        assert_eq!(installation(arn, "lakeside").as_deref(), Some(HERE));
        assert_eq!(installation("no-arn", "lakeside"), None);
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for local in ["http://localhost:1/a", "http://127.0.0.2", "http://[::1]:80/", "http://a.localhost"] {
            assert!(is_loopback(local), "{local}");
        }
        for far in [
            FAR,
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "http://127.0.0.1@example.com",
            "nonsense",
        ] {
            assert!(!is_loopback(far), "{far}");
        }
    }

    #[test]
    fn load_goes_nowhere_but_to_this_machine_unless_the_installation_is_named() {
        assert_eq!(admit(LOCAL, Some("http://127.0.0.1:4566"), HERE, None), Ok(()));
        let refused = |door, cloud, named| admit(door, cloud, HERE, named).unwrap_err();
        assert_eq!(refused(FAR, Some("http://127.0.0.1:4566"), None).kind, Kind::Guarded);
        assert_eq!(refused(LOCAL, None, None).kind, Kind::Guarded);
        assert_eq!(refused(LOCAL, Some("https://cloud.example.com"), None).kind, Kind::Guarded);
        assert_eq!(admit(FAR, None, HERE, Some(HERE)), Ok(()));
        let other = refused(LOCAL, Some("http://127.0.0.1:4566"), Some("444455556666/us-east-1/lakeside"));
        assert_eq!(other.kind, Kind::Guarded);
    }
}
