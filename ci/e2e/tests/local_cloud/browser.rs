//! A headless Chromium, and what somebody in front of it does.
//!
//! It is driven by the few calls of WebDriver that this takes, over HTTP. The clients for it either come under a licence
//! that we do not take, or have `serde_json` keep the order of fields in everything that is built with them.

use std::{
    env, fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lakeside_e2e::{poll::eventually, shop::PATIENCE};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use uuid::Uuid;

/// What the driver says once it can be reached, before its port.
const STARTED: &str = "started successfully on port ";
/// What an element is called in what the driver says.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// No window, no sandbox where root runs it, and nothing that Chromium asks of the network by itself.
const FLAGS: &str = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run \
    --no-proxy-server --disable-background-networking --disable-component-update --disable-sync";

/// A browser of one test, with nothing in it from before.
pub struct Browser {
    client: Client,
    /// The driver's address of the session.
    session: String,
    profile: PathBuf,
    /// Where pictures go.
    pictures: PathBuf,
    _driver: Child,
}

/// The first of these names that the variable or the path has.
fn found(variable: &str, names: &[&str]) -> anyhow::Result<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    let search =
        || names.iter().find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|file| file.is_file()));
    named.or_else(search).with_context(|| {
        format!("there is no `{}`: install Chromium and its driver (on Debian `apt-get install chromium chromium-driver`)", names.join("` or `"))
    })
}

impl Browser {
    /// Starts one.
    pub async fn start() -> anyhow::Result<Self> {
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let profile = scratch.join(format!("browser-{}", Uuid::new_v4()));
        let pictures = scratch.join("console");
        fs::create_dir_all(&pictures)?;
        let binary = found("LAKESIDE_BROWSER", &["chromium", "chromium-browser", "google-chrome"])?;
        let mut driver = Command::new(found("LAKESIDE_BROWSER_DRIVER", &["chromedriver"])?);
        driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = driver.spawn().context("cannot start the browser's driver")?;
        let mut lines = BufReader::new(driver.stdout.take().context("a driver without output")?).lines();
        let port = loop {
            let line = lines.next_line().await?.context("the browser's driver ended at once")?;
            if let Some((_, port)) = line.split_once(STARTED) {
                break port.trim_end_matches('.').to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile_flag = format!("--user-data-dir={}", profile.display());
        let flags: Vec<&str> = FLAGS.split_whitespace().chain([profile_flag.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": { "binary": binary, "args": flags },
        } } });
        let client = Client::builder().no_proxy().build()?;
        let driver_at = format!("http://127.0.0.1:{port}/session");
        let session = call(&client, Method::POST, &driver_at, &wanted).await?;
        let id = session.get("sessionId").and_then(Value::as_str).context("a session without id")?;
        Ok(Self { session: format!("{driver_at}/{id}"), client, profile, pictures, _driver: driver })
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        call(&self.client, Method::POST, &format!("{}{path}", self.session), &body).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        call(&self.client, Method::GET, &format!("{}{path}", self.session), &Value::Null).await
    }

    /// The first element that matches, as the driver names it; it may be gone when it is asked for the next time.
    async fn find(&self, css: &str) -> anyhow::Result<String> {
        let found = self.post("/element", json!({ "using": "css selector", "value": css })).await?;
        Ok(format!(
            "/element/{}",
            found.get(ELEMENT).and_then(Value::as_str).context("an element without id")?
        ))
    }

    /// Ends it, and forgets what was in it.
    pub async fn end(self) -> anyhow::Result<()> {
        call(&self.client, Method::DELETE, &self.session, &Value::Null).await?;
        Ok(fs::remove_dir_all(&self.profile)?)
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) -> anyhow::Result<()> {
        self.post("/url", json!({ "url": url })).await.map(|_| ())
    }

    /// Tries until it works. The page is drawn anew while it is looked at: what was there a moment ago is another element now.
    async fn until<T>(&self, what: &str, attempt: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
        eventually(what, PATIENCE, async || {
            Ok(match attempt().await {
                Ok(done) => ControlFlow::Break(done),
                Err(error) => ControlFlow::Continue(format!("{error:#}")),
            })
        })
        .await
    }

    /// Waits for an element that can be seen.
    pub async fn see(&self, css: &str) -> anyhow::Result<()> {
        self.until(&format!("`{css}` on the page"), async || {
            let element = self.find(css).await?;
            ensure!(self.get(&format!("{element}/displayed")).await? == true, "it cannot be seen");
            Ok(())
        })
        .await
    }

    /// Waits for an element that can be clicked, and clicks it.
    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        self.until(&format!("a click on `{css}`"), async || {
            let element = self.find(css).await?;
            ensure!(self.get(&format!("{element}/enabled")).await? == true, "it cannot be clicked yet");
            self.post(&format!("{element}/click"), json!({})).await.map(|_| ())
        })
        .await
    }

    /// Writes into a field, in the place of what is there.
    pub async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        self.until(&format!("`{text}` written into `{css}`"), async || {
            let element = self.find(css).await?;
            self.post(&format!("{element}/clear"), json!({})).await?;
            self.post(&format!("{element}/value"), json!({ "text": text })).await.map(|_| ())
        })
        .await
    }

    /// Waits until an element says this.
    pub async fn read(&self, css: &str, text: &str) -> anyhow::Result<()> {
        self.until(&format!("`{text}` in `{css}`"), async || {
            let element = self.find(css).await?;
            let said = self.get(&format!("{element}/text")).await?;
            ensure!(said.as_str().is_some_and(|said| said.contains(text)), "it says {said}");
            Ok(())
        })
        .await
    }

    /// Runs a script in the page, and answers what it passes to its last argument.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> anyhow::Result<Value> {
        self.post("/execute/async", json!({ "script": script, "args": arguments })).await
    }

    /// What the page is made of.
    pub async fn source(&self) -> anyhow::Result<String> {
        Ok(self.get("/source").await?.as_str().context("no source")?.to_owned())
    }

    /// The cookies of the page's host, as they are sent.
    pub async fn cookies(&self) -> anyhow::Result<String> {
        let cookies = self.get("/cookie").await?;
        let part = |cookie: &Value, name: &str| {
            cookie.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let cookies = cookies.as_array().context("no cookies")?.iter();
        let cookies = cookies.map(|cookie| format!("{}={}", part(cookie, "name"), part(cookie, "value")));
        Ok(cookies.collect::<Vec<_>>().join("; "))
    }

    /// Shows the page in a window of this size, in light or dark, and takes a picture of it.
    pub async fn picture(&self, name: &str, (width, height): (u32, u32), dark: bool) -> anyhow::Result<()> {
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        for (command, parameters) in
            [("Emulation.setEmulatedMedia", media), ("Emulation.setDeviceMetricsOverride", size)]
        {
            self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await?;
        }
        let picture = self.get("/screenshot").await?;
        let png = STANDARD.decode(picture.as_str().context("no picture")?)?;
        ensure!(png.len() > 5_000, "an empty picture of {name}");
        Ok(fs::write(self.pictures.join(format!("{name}.png")), png)?)
    }
}

/// One call of the driver.
async fn call(client: &Client, method: Method, url: &str, body: &Value) -> anyhow::Result<Value> {
    let mut request = client.request(method, url);
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await.context("the browser's driver does not answer")?;
    let answer: Value = answer.json().await?;
    match answer.pointer("/value/error").and_then(Value::as_str) {
        Some(error) => {
            let message = answer.pointer("/value/message").and_then(Value::as_str);
            bail!("{error}: {}", message.unwrap_or_default())
        }
        None => Ok(answer.get("value").cloned().unwrap_or_default()),
    }
}
