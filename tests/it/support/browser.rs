//! A real browser: Chromium without a window, driven through WebDriver.

use super::gateway::try_get;
use super::process::{Process, free_address};
use super::{Connection, Request, eventually};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A size of screen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Screen {
    /// 390×844, touched.
    Phone,
    /// 1280×800.
    Desktop,
}

/// A browser with a fresh profile.
pub(crate) struct Browser {
    client: Client,
    session: String,
    driver: SocketAddr,
    _process: Process,
    _dir: TempDir,
}

impl Browser {
    /// Opens a browser for which `host` (on port 80) is at `address`. It reaches nothing else.
    pub(crate) async fn open(host: &str, address: SocketAddr) -> Self {
        Self::open_with(host, address, &[]).await
    }

    /// The same, taking `host` for as safe as https is: only there are service workers.
    pub(crate) async fn open_trusting(host: &str, address: SocketAddr) -> Self {
        Self::open_with(host, address, &[&format!("--unsafely-treat-insecure-origin-as-secure=http://{host}")]).await
    }

    async fn open_with(host: &str, address: SocketAddr, more: &[&str]) -> Self {
        let driver = free_address();
        let dir = TempDir::new().unwrap();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={}", driver.port()));
        let process = Process::start("chromedriver", &mut command, &dir.path().join("log"));
        eventually("chromedriver answers", || (try_get(driver, "/status") == Some(200)).then_some(()));
        let mut capabilities = json!({
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                // Else it would try https first wherever it is told http.
                "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
                // A headless browser says so, and would be taken for a bot.
                "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                "--lang=en-GB",
                format!("--host-resolver-rules=MAP {host}:80 {address}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
                format!("--user-data-dir={}", dir.path().join("profile").display()),
            ] },
        });
        capabilities["goog:chromeOptions"]["args"].as_array_mut().unwrap().extend(more.iter().map(|&flag| flag.into()));
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://{driver}"))
            .await
            .expect("a browser");
        let session = client.session_id().await.unwrap().unwrap();
        Self { client, session, driver, _process: process, _dir: dir }
    }

    /// Gives it another screen.
    pub(crate) async fn screen(&self, screen: Screen) {
        let (width, height, scale, mobile) = match screen {
            Screen::Phone => (390, 844, 2, true),
            Screen::Desktop => (1280, 800, 1, false),
        };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile })).await;
    }

    /// Goes to a page and waits until it has loaded.
    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Evaluates an expression on the page.
    pub(crate) async fn eval(&self, expression: &str) -> Value {
        self.client.execute(&format!("return {expression}"), vec![]).await.unwrap()
    }

    /// Waits until an expression holds on the page.
    pub(crate) async fn until(&self, expression: &str) {
        let start = std::time::Instant::now();
        while self.eval(&format!("Boolean({expression})")).await != Value::Bool(true) {
            assert!(start.elapsed() < super::PATIENCE, "waited in vain for {expression}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Whether an element is on the page and shown.
    pub(crate) async fn shows(&self, selector: &str) -> bool {
        self.eval(&showing(selector)).await == Value::Bool(true)
    }

    /// Waits until an element is shown.
    pub(crate) async fn until_shown(&self, selector: &str) {
        self.until(&showing(selector)).await;
    }

    /// Waits until an element is not shown any more.
    pub(crate) async fn until_hidden(&self, selector: &str) {
        self.until(&format!("!{}", showing(selector))).await;
    }

    /// Clicks an element and waits for the page that it leads to.
    pub(crate) async fn follow(&self, selector: &str) {
        self.eval("void (window.left = true)").await;
        self.click(selector).await;
        self.until("!window.left && document.readyState == 'complete'").await;
    }

    /// Clicks an element.
    pub(crate) async fn click(&self, selector: &str) {
        // A page that scrolls smoothly would still be moving when the click comes.
        let centre = format!(
            "document.querySelector({}).scrollIntoView({{ behavior: 'instant', block: 'center' }})",
            Value::from(selector)
        );
        self.eval(&format!("void {centre}")).await;
        self.client
            .find(Locator::Css(selector))
            .await
            .unwrap_or_else(|_| panic!("no {selector}"))
            .click()
            .await
            .unwrap();
    }

    /// Fills a form's field.
    pub(crate) async fn fill(&self, selector: &str, value: &str) {
        let field = self.client.find(Locator::Css(selector)).await.unwrap_or_else(|_| panic!("no {selector}"));
        field.clear().await.unwrap();
        field.send_keys(value).await.unwrap();
    }

    /// Presses a key as WebDriver names it, wherever the focus is.
    pub(crate) async fn press(&self, key: char) {
        let active = self.client.active_element().await.unwrap();
        active.send_keys(&key.to_string()).await.unwrap();
    }

    /// What the console said at level SEVERE since it was last asked.
    pub(crate) async fn console_errors(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({ "type": "browser" })).await;
        let severe = entries.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Has a script run on every page to come, before the page's own and whatever its policies.
    pub(crate) async fn on_every_page(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Becomes another visitor.
    pub(crate) async fn forget_cookies(&self) {
        self.devtools("Network.clearBrowserCookies", json!({})).await;
    }

    /// Takes a picture of what is on the screen once nothing moves any more, into `target/screenshots/`.
    pub(crate) async fn screenshot(&self, name: &str) {
        self.until("document.getAnimations().every(a => a.playState != 'running' || a.effect.getTiming().iterations == Infinity)").await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await.unwrap()).unwrap();
    }

    /// Takes a picture on a phone and one on a desktop.
    pub(crate) async fn screenshots(&self, name: &str) {
        self.screen(Screen::Phone).await;
        self.screenshot(&format!("{name}-phone")).await;
        self.screen(Screen::Desktop).await;
        self.screenshot(&format!("{name}-desktop")).await;
    }

    async fn devtools(&self, method: &str, parameters: Value) {
        self.command("goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await;
    }

    async fn command(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(DriverCommand { path, body }).await.unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver would leave its browser behind.
        let mut connection = Connection::open(self.driver);
        connection.send(&Request::new("DELETE", &format!("/session/{}", self.session)).host(&self.driver.to_string()));
        connection.body().try_head("DELETE");
    }
}

fn showing(selector: &str) -> String {
    let selector = Value::from(selector);
    format!(
        "[...document.querySelectorAll({selector})].some(e => e.checkVisibility({{ visibilityProperty: true, opacityProperty: true }}))"
    )
}

/// A command that only Chromium's driver knows.
#[derive(Debug)]
struct DriverCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
