//! Just enough HTTP to ask a server on this machine whether it is healthy, and an emulator what it holds.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, anyhow};

const PATIENCE: Duration = Duration::from_secs(5);

/// The status code of `GET path`.
pub fn get_status(port: u16, path: &str) -> anyhow::Result<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("nobody listens")?;
    stream.set_read_timeout(Some(PATIENCE)).context("cannot limit the wait")?;
    stream
        .write_all(
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .context("cannot send the request")?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).context("no answer")?;
    let line = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
    parse_status(&line)
        .ok_or_else(|| anyhow!("the answer is not HTTP: `{}`", line.lines().next().unwrap_or_default()))
}

/// What a request is answered with, its status and its body. The server must close the connection at the end.
pub fn exchange(port: u16, head: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("nobody listens")?;
    stream.set_read_timeout(Some(PATIENCE * 6)).context("cannot limit the wait")?;
    let length = body.len();
    let request = format!(
        "{head}\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).context("cannot send the request")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("no answer")?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = parse_status(&answer).ok_or_else(|| anyhow!("the answer is not HTTP"))?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok((status, body))
}

fn parse_status(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_number_after_the_version() {
        assert_eq!(parse_status("HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(parse_status("HTTP/1.0 503\r\n"), Some(503));
        assert_eq!(parse_status("SSH-2.0-OpenSSH"), None);
    }

    #[test]
    fn a_closed_port_is_an_error() {
        assert!(get_status(crate::ports::free().unwrap(), "/health").is_err());
    }
}
