//! A stand-in for Lambda's Runtime API that notes when a function first asks for work, and never gives it any.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next ";
/// Fine enough for a start that takes some ten milliseconds.
const POLL: Duration = Duration::from_micros(100);
const PATIENCE: Duration = Duration::from_millis(500);

/// Listens for one function.
pub struct RuntimeApi(TcpListener);

impl RuntimeApi {
    /// Listens on a free port.
    pub fn listen() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("no port of the loopback interface is free")?;
        listener.set_nonblocking(true).context("cannot listen without blocking")?;
        Ok(Self(listener))
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.local_addr().map_or(0, |address| address.port())
    }

    /// When the function asked for its first invocation; none while it has not.
    pub fn first_poll(&self) -> anyhow::Result<Option<Instant>> {
        match self.0.accept() {
            Ok((stream, _)) => {
                let request = read_request_line(stream)?;
                let polled = Instant::now();
                if !request.starts_with(NEXT) {
                    bail!(
                        "the function did not ask for work but sent `{}`",
                        request.lines().next().unwrap_or_default()
                    );
                }
                Ok(Some(polled))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                sleep(POLL);
                Ok(None)
            }
            Err(error) => Err(error).context("cannot accept a connection"),
        }
    }
}

fn read_request_line(mut stream: TcpStream) -> anyhow::Result<String> {
    stream.set_nonblocking(false).context("cannot read with blocking")?;
    stream.set_read_timeout(Some(PATIENCE)).context("cannot limit the wait")?;
    let mut request = Vec::new();
    let mut buffer = [0; 512];
    while !request.contains(&b'\n') {
        let length = stream.read(&mut buffer).context("the function connected and sent nothing")?;
        if length == 0 {
            break;
        }
        request.extend_from_slice(buffer.get(..length).unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&request).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn after_request(line: &str) -> anyhow::Result<Option<Instant>> {
        let api = RuntimeApi::listen().unwrap();
        assert!(api.first_poll().unwrap().is_none());
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, api.port())).unwrap();
        client.write_all(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        loop {
            match api.first_poll() {
                Ok(None) => {}
                other => return other,
            }
        }
    }

    #[test]
    fn the_first_request_for_work_is_the_first_poll() {
        assert!(after_request("GET /2018-06-01/runtime/invocation/next").unwrap().is_some());
    }

    #[test]
    fn a_function_that_reports_an_error_has_not_polled() {
        let error = after_request("POST /2018-06-01/runtime/init/error").unwrap_err().to_string();
        assert!(error.contains("init/error"), "{error}");
    }
}
