//! Who is let in: this machine's own page, opened by whoever read the terminal. Pure.
//!
//! A page of another site must neither read nor do anything here, even if it makes its own name mean this machine, and even
//! where a browser would send it our cookie. Each rule refuses by itself.

use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

/// Where the token of a start is given for a cookie.
pub const SIGN_IN: &str = "/sign-in";

/// What is said to every browser about every answer. Scripts, styles and connections are our own, and nobody frames us.
pub const HEADERS: [(HeaderName, HeaderValue); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        ),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static("clipboard-write=(self)")),
];

/// The gate of one start.
#[derive(Clone)]
pub struct Gate {
    address: SocketAddr,
    token: String,
    session: String,
    read_only: bool,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shut {
    /// The status of the answer.
    pub status: StatusCode,
    /// For programs.
    pub kind: &'static str,
    /// For people.
    pub sentence: &'static str,
}

const fn refused(sentence: &'static str) -> Shut {
    Shut { status: StatusCode::FORBIDDEN, kind: "REFUSED", sentence }
}

const SIGNED_OUT: Shut = Shut {
    status: StatusCode::UNAUTHORIZED,
    kind: "SIGNED_OUT",
    sentence: "open the address that `lakeside console` has printed: it is another one at each start",
};
const READ_ONLY: Shut = Shut {
    status: StatusCode::FORBIDDEN,
    kind: "READ_ONLY",
    sentence: "this console only looks: start it without --read-only to change anything",
};

impl Gate {
    /// A gate with a token that nobody can guess.
    pub fn new(address: SocketAddr, read_only: bool) -> Self {
        let secret = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Self { address, token: secret(), session: secret(), read_only }
    }

    /// What to open.
    pub fn url(&self) -> String {
        format!("http://{}{SIGN_IN}?token={}", self.address, self.token)
    }

    /// Whether nothing may be changed.
    pub const fn read_only(&self) -> bool {
        self.read_only
    }

    /// The cookie, for whoever has the token. Browsers keep cookies by host, whatever the port, so its name has the port.
    pub fn cookie(&self, token: &str) -> Option<String> {
        same(token, &self.token)
            .then(|| format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name(), self.session))
    }

    fn cookie_name(&self) -> String {
        format!("lakeside-console-{}", self.address.port())
    }

    /// Whether a request is let in.
    ///
    /// # Errors
    /// With the first rule that it breaks.
    pub fn admit(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Shut> {
        let changes = method != Method::GET;
        self.by_host(headers)?;
        by_site(changes, headers)?;
        self.by_origin(changes, headers)?;
        if path == SIGN_IN && !changes {
            return Ok(());
        }
        self.by_cookie(headers)?;
        if changes && self.read_only {
            return Err(READ_ONLY);
        }
        Ok(())
    }

    /// A name of somebody else's may mean this machine; then it is not our name.
    fn by_host(&self, headers: &HeaderMap) -> Result<(), Shut> {
        match text(headers, &header::HOST) {
            Some(host) if host == self.address.to_string() => Ok(()),
            _ => {
                Err(refused("this console answers to the address that it has printed, and to no other name"))
            }
        }
    }

    /// Only a person who types or follows the printed address comes from nowhere; all else comes from our own page.
    fn by_origin(&self, changes: bool, headers: &HeaderMap) -> Result<(), Shut> {
        match text(headers, &header::ORIGIN) {
            Some(origin) if origin == format!("http://{}", self.address) => Ok(()),
            None if !changes && !headers.contains_key(header::ORIGIN) => Ok(()),
            _ => Err(refused("only the console's own page may ask for this")),
        }
    }

    fn by_cookie(&self, headers: &HeaderMap) -> Result<(), Shut> {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        if pairs.any(|(key, value)| key == name && same(value, &self.session)) {
            Ok(())
        } else {
            Err(SIGNED_OUT)
        }
    }
}

/// What browsers themselves say about who asks, which no page can change.
fn by_site(changes: bool, headers: &HeaderMap) -> Result<(), Shut> {
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin") => Ok(()),
        Some(b"none") if !changes => Ok(()),
        Some(_) => Err(refused("a page of another site asks for this: open the console's address by hand")),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// How long it takes says nothing of how much is right.
fn same(given: &str, ours: &str) -> bool {
    given.as_bytes().ct_eq(ours.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "127.0.0.1:7000";
    const ORIGIN: &str = "http://127.0.0.1:7000";

    fn gate(read_only: bool) -> Gate {
        Gate { address: OURS.parse().unwrap(), token: "t".into(), session: "s".into(), read_only }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    /// What the page itself sends, with some of it replaced, or left out where it is empty.
    fn page(replaced: &[(&'static str, &str)]) -> HeaderMap {
        let mut all = headers(&[
            ("host", OURS),
            ("origin", ORIGIN),
            ("sec-fetch-site", "same-origin"),
            ("cookie", "other=1; lakeside-console-7000=s"),
        ]);
        for (name, value) in replaced {
            all.remove(*name);
            if !value.is_empty() {
                all.insert(*name, value.parse().unwrap());
            }
        }
        all
    }

    fn posted(replaced: &[(&'static str, &str)]) -> Result<(), Shut> {
        gate(false).admit(&Method::POST, "/api/orders/x/approve", &page(replaced))
    }

    fn got(replaced: &[(&'static str, &str)]) -> Result<(), Shut> {
        gate(false).admit(&Method::GET, "/api/orders/x", &page(replaced))
    }

    #[test]
    fn the_page_itself_is_let_in() {
        assert_eq!(posted(&[]), Ok(()));
        assert_eq!(got(&[("origin", "")]), Ok(()));
    }

    #[test]
    fn another_name_for_this_machine_is_not_ours() {
        for host in ["evil.example", "evil.example:7000", "localhost:7000", "127.0.0.1", ""] {
            assert_eq!(got(&[("host", host)]).unwrap_err().kind, "REFUSED", "{host}");
        }
    }

    #[test]
    fn a_request_that_a_browser_says_is_of_another_site_is_refused() {
        for site in ["cross-site", "same-site", "x"] {
            assert_eq!(got(&[("sec-fetch-site", site), ("origin", "")]).unwrap_err().kind, "REFUSED");
            assert_eq!(posted(&[("sec-fetch-site", site)]).unwrap_err().kind, "REFUSED");
        }
        assert_eq!(got(&[("sec-fetch-site", "none"), ("origin", "")]), Ok(()), "somebody typed the address");
        assert_eq!(posted(&[("sec-fetch-site", "none")]).unwrap_err().kind, "REFUSED");
    }

    #[test]
    fn a_change_says_that_it_comes_from_our_page_and_nothing_else_says_otherwise() {
        for origin in ["http://evil.example", "null", "http://127.0.0.1:7001", "https://127.0.0.1:7000"] {
            assert_eq!(posted(&[("origin", origin), ("sec-fetch-site", "")]).unwrap_err().kind, "REFUSED");
            assert_eq!(got(&[("origin", origin), ("sec-fetch-site", "")]).unwrap_err().kind, "REFUSED");
        }
        assert_eq!(posted(&[("origin", ""), ("sec-fetch-site", "")]).unwrap_err().kind, "REFUSED");
    }

    #[test]
    fn nobody_is_let_in_without_the_cookie_of_this_start() {
        for cookie in ["", "lakeside-console-7000=x", "lakeside-console-7001=s", "s"] {
            assert_eq!(got(&[("cookie", cookie)]), Err(SIGNED_OUT), "{cookie}");
        }
        assert_eq!(gate(false).admit(&Method::GET, SIGN_IN, &page(&[("cookie", "")])), Ok(()));
        assert_eq!(gate(false).admit(&Method::POST, SIGN_IN, &page(&[("cookie", "")])), Err(SIGNED_OUT));
    }

    #[test]
    fn the_token_that_was_printed_is_given_for_a_cookie_and_nothing_else_is() {
        assert_eq!(gate(false).cookie("x"), None);
        assert_eq!(gate(false).cookie(""), None);
        let cookie = gate(false).cookie("t").unwrap();
        assert_eq!(cookie, "lakeside-console-7000=s; Path=/; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn a_console_that_only_looks_changes_nothing() {
        let gate = gate(true);
        assert_eq!(gate.admit(&Method::GET, "/", &page(&[])), Ok(()));
        assert_eq!(gate.admit(&Method::POST, "/api/dead-letters/x/drop", &page(&[])), Err(READ_ONLY));
    }

    #[test]
    fn no_two_starts_have_the_same_token() {
        let url = || Gate::new(OURS.parse().unwrap(), false).url();
        let first = url();
        assert!(first.starts_with("http://127.0.0.1:7000/sign-in?token=") && first.len() > 90);
        assert_ne!(first, url());
    }
}
