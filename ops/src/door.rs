//! The public door, as its clients see it.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::failure::{Failure, Result};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The REST API at one address.
#[derive(Debug, Clone)]
pub struct Door {
    http: Client,
    url: String,
}

/// What the door said.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// The body as it came.
    pub body: String,
}

impl Reply {
    /// The body, which must be JSON.
    ///
    /// # Errors
    /// If it is not.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).map_err(|_| Failure::wrong(format!("`{}` is not JSON", self.body)))
    }
}

impl Door {
    /// The API at `url`.
    pub const fn new(http: Client, url: String) -> Self {
        Self { http, url }
    }

    /// Sends one request; `path` is encoded already, and a body is JSON.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Reply> {
        let url = format!("{}/{path}", self.url.trim_end_matches('/'));
        let mut request = self.http.request(method, &url).timeout(TIMEOUT);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let silent =
            |error| Failure::unreachable(format!("the door at {} does not answer: {error}", self.url));
        let answer = request.send().await.map_err(silent)?;
        Ok(Reply { status: answer.status(), body: answer.text().await.map_err(silent)? })
    }
}

/// `text` as one segment of a path. By hand, because parsers of URLs drop line breaks rather than encode them.
pub fn encoded(text: &str) -> String {
    let mut path = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push_str(&hex::encode_upper([byte]));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_is_one_segment_of_the_path_whatever_it_holds() {
        assert_eq!(encoded("a-1"), "a-1");
        assert_eq!(encoded("a/b?c&d\n\"é"), "a%2Fb%3Fc%26d%0A%22%C3%A9");
    }
}
