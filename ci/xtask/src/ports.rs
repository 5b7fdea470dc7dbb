//! Ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, anyhow};

/// The port that the variable names, or none where it is not set.
pub fn given(variable: &str) -> anyhow::Result<Option<u16>> {
    match std::env::var(variable) {
        Ok(text) if !text.trim().is_empty() => parse(variable, &text).map(Some),
        _ => Ok(None),
    }
}

fn parse(variable: &str, text: &str) -> anyhow::Result<u16> {
    match text.trim().parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(anyhow!("{variable} is `{text}`, which is no port number from 1 to 65535")),
    }
}

/// A port that nobody listens to right now.
pub fn free() -> anyhow::Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port of the loopback interface is free")?;
    Ok(listener.local_addr().context("cannot read the port of a socket")?.port())
}

/// Whether somebody could listen to the port now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_in_range() {
        assert_eq!(parse("LAKESIDE_PORT", " 4566 ").unwrap(), 4566);
        for bad in ["0", "65536", "-1", "http", ""] {
            assert!(parse("LAKESIDE_PORT", bad).unwrap_err().to_string().contains("LAKESIDE_PORT"));
        }
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
        assert!(is_free(free().unwrap()));
    }
}
