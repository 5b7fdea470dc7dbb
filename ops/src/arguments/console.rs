//! What can be said to `lakeside console`.

use std::net::SocketAddr;

use clap::Args;

/// How to serve the console.
#[derive(Debug, Args)]
pub struct ConsoleOptions {
    /// Where to listen: a loopback address with a port, or with 0 for a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT", value_parser = loopback)]
    pub listen: SocketAddr,
    /// Only look: nothing can be changed from the page
    #[arg(long)]
    pub read_only: bool,
    /// Calls to the cloud in a minute at most, for what the overview shows by itself
    #[arg(long, default_value_t = 600, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(120..=6000))]
    pub calls_per_minute: u32,
}

/// Whoever can open the console can do what the caller can, so nobody else may reach it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "say it as 127.0.0.1:PORT".to_owned())?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!("{} can be reached from other machines: the console listens on loopback only", address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_listens_where_no_other_machine_can_reach_it() {
        assert!(loopback("127.0.0.1:0").is_ok());
        assert!(loopback("[::1]:7000").is_ok());
        for open in ["0.0.0.0:7000", "192.168.1.5:7000", "[::]:7000", "7000"] {
            assert!(loopback(open).is_err(), "{open}");
        }
    }
}
