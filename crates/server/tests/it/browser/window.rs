//! A window of Debian's Chromium, driven over WebDriver (W3C), with the keyboard wherever a person would use it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{
    By, ChromiumLikeCapabilities as _, DesiredCapabilities, Key, LoggingPrefsLogLevel, TypingData, WebDriver,
    WebElement,
};
use tokio::process::{Child, Command};

use crate::{
    api::client,
    process::{Printed, SOON, wait_until},
};

/// More stops of the Tab key than any page has.
const STOPS_MAX: usize = 200;

/// What the focused control is called, as a screen reader would say it: its label, or its own words.
const FOCUSED: &str = "const e = document.activeElement;
    if (!e || e === document.body) return '';
    const label = e.labels?.length ? e.labels[0].innerText : '';
    return (e.ariaLabel || label || e.innerText).replace(/\\s+/g, ' ').trim();";

/// How wide and how high a window is, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u32, pub(super) u32);

/// A telephone held upright.
pub(super) const PHONE: Size = Size(390, 844);
/// A large screen.
pub(super) const DESK: Size = Size(1440, 900);

/// How a person's device likes its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

/// One window of a browser of its own, which ends with this value.
pub(super) struct Window {
    pub(super) driver: WebDriver,
    /// The address of OpsKnight, without a trailing slash.
    base: String,
    chromium: Child,
    chromedriver: Child,
    _profile: TempDir,
}

/// A program that the test command names. One that is missing is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "the test command tells its tests where the browser is"
)]
fn program(name: &str) -> PathBuf {
    let path = std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `cargo xtask test`, or set it with `eval \"$(cargo xtask env)\"`")
    });
    let path = PathBuf::from(path);
    assert!(path.exists(), "{name} names {}, which is not there", path.display());
    path
}

/// Starts a browser that takes orders, and gives back the address at which it does.
async fn chromium(profile: &Path) -> (Child, String) {
    let mut child = Command::new(program("OPSKNIGHT_TEST_CHROMIUM"))
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
        .args(["--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--disable-breakpad"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--remote-debugging-port=0", "about:blank"])
        .env("HOME", profile)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Chromium starts");
    let printed = Printed::default();
    printed.gather(child.stderr.take().expect("its errors are a pipe"));
    let listening = |line: &str| {
        let address = line.strip_prefix("DevTools listening on ws://")?.split('/').next()?;
        Some(address.to_owned())
    };
    let address = printed.wait_for("Chromium says where it listens", listening).await;
    (child, address)
}

/// Starts the program that speaks WebDriver, and gives back its port.
async fn chromedriver() -> (Child, u16) {
    let mut child = Command::new(program("OPSKNIGHT_TEST_CHROMEDRIVER"))
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver starts");
    let printed = Printed::default();
    printed.gather(child.stdout.take().expect("its output is a pipe"));
    let listening = |line: &str| {
        line.split_once("successfully on port ")?
            .1
            .trim_end_matches('.')
            .parse()
            .ok()
    };
    let port = printed.wait_for("chromedriver says where it listens", listening).await;
    (child, port)
}

impl Window {
    /// Opens a window of this size, in a browser that knows nothing yet.
    pub(super) async fn open(base: &str, size: Size) -> Self {
        let profile = tempfile::tempdir().expect("a directory can be made");
        let ((chromium, address), (chromedriver, port)) = tokio::join!(chromium(profile.path()), chromedriver());
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_debugger_address(&address).unwrap();
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let driver = WebDriver::builder(format!("http://127.0.0.1:{port}"), wanted).client(client());
        let driver = driver.connect().await.expect("the browser obeys");
        // Both programs are ended by this value; there is no session to say goodbye to then.
        driver.clone().leak().expect("it was just opened");
        let window = Self {
            driver,
            base: base.to_owned(),
            chromium,
            chromedriver,
            _profile: profile,
        };
        window.resize(size).await;
        window
    }

    /// Closes the browser and waits until it is gone.
    pub(super) async fn close(mut self) {
        self.chromium.kill().await.expect("Chromium can be ended");
        self.chromedriver.kill().await.expect("chromedriver can be ended");
    }

    /// Tells the browser something of its own protocol (Chrome DevTools Protocol).
    async fn order(&self, order: &str, what: Value) {
        self.driver
            .cdp()
            .send_raw(order, what)
            .await
            .expect("the browser obeys");
    }

    /// The same with what it answers.
    pub(super) async fn asked(&self, order: &str, what: Value) -> Value {
        let answer = self.driver.cdp().send_raw(order, what).await;
        answer.expect("the browser obeys")
    }

    /// Lets OpsKnight show notifications, as a person does who is asked.
    pub(super) async fn may_notify(&self) {
        let what = json!({ "origin": self.base, "permissions": ["notifications"] });
        self.order("Browser.grantPermissions", what).await;
    }

    /// Hands a push message to the service worker, the first that was registered.
    pub(super) async fn deliver_push(&self, message: &str) {
        self.order("ServiceWorker.enable", json!({})).await;
        let what = json!({ "origin": self.base, "registrationId": "0", "data": message });
        self.order("ServiceWorker.deliverPushMessage", what).await;
    }

    /// Presses a button on the notification whose title has these words. There is no screen to press on: the worker is
    /// told as the system tells it.
    pub(super) async fn press_on_notification(&self, words: &str, action: &str) {
        let filter = json!({ "filter": [{ "type": "service_worker" }] });
        let targets = self.asked("Target.getTargets", filter).await;
        let worker = &targets["targetInfos"][0]["targetId"];
        // Not flat: what is said to the worker goes through the session of the page.
        let session = self
            .asked("Target.attachToTarget", json!({ "targetId": worker, "flatten": false }))
            .await;
        let script = format!(
            "self.registration.getNotifications().then((all) => self.dispatchEvent(new NotificationEvent(
                'notificationclick', {{ notification: all.find((one) => one.title.includes({words:?})), action: {action:?} }})))"
        );
        let evaluate = json!({ "id": 1, "method": "Runtime.evaluate", "params": { "expression": script } });
        let what = json!({ "sessionId": session["sessionId"], "message": evaluate.to_string() });
        self.order("Target.sendMessageToTarget", what).await;
    }

    /// Pages come from the server itself from now on, as they come to whoever opens the first one.
    pub(super) async fn pass_by_the_worker(&self) {
        self.order("Network.enable", json!({})).await;
        self.order("Network.setBypassServiceWorker", json!({ "bypass": true }))
            .await;
    }

    /// Gives the browser a device that keeps passkeys, with a finger on it.
    pub(super) async fn has_a_device_for_passkeys(&self) {
        self.order("WebAuthn.enable", json!({})).await;
        let options = json!({
            "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true,
        });
        self.order("WebAuthn.addVirtualAuthenticator", json!({ "options": options }))
            .await;
    }

    pub(super) async fn resize(&self, Size(width, height): Size) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.order("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Likes pages light or dark from now on, and everything without movement.
    pub(super) async fn dress(&self, scheme: Scheme) {
        let scheme = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.order("Emulation.setEmulatedMedia", json!({ "features": features }))
            .await;
    }

    /// Runs a script of ours in every page from now on, before the page's own. No policy of a page holds it up.
    pub(super) async fn begin_with(&self, script: &str) {
        self.order("Page.enable", json!({})).await;
        self.order("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }))
            .await;
    }

    /// What an expression in the page comes to, which may wait for something.
    pub(super) async fn run<T: serde::de::DeserializeOwned>(&self, expression: &str) -> T {
        let what = json!({
            "expression": format!("(async () => ({expression}))()"), "awaitPromise": true, "returnByValue": true,
        });
        let answer = self.asked("Runtime.evaluate", what).await;
        let value = answer["result"]["value"].clone();
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{expression}: {error}: {answer}"))
    }

    /// Gives the browser a cookie of OpsKnight's.
    pub(super) async fn keep_cookie(&self, name: &str, value: &str) {
        let cookie = json!({ "url": self.base, "name": name, "value": value, "httpOnly": true });
        self.order("Network.setCookie", cookie).await;
    }

    /// Takes all cookies away, and with them the session.
    pub(super) async fn forget_cookies(&self) {
        self.order("Network.clearBrowserCookies", json!({})).await;
    }

    /// Runs no script of any page from now on.
    pub(super) async fn switch_scripts_off(&self) {
        self.order("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
            .await;
    }

    /// Opens a page of OpsKnight by its path, or any by its address.
    pub(super) async fn go(&self, to: &str) {
        let address = if to.starts_with('/') {
            format!("{}{to}", self.base)
        } else {
            to.to_owned()
        };
        self.driver.goto(address).await.expect("the page opens");
    }

    /// Where the window is: path and query.
    pub(super) async fn path(&self) -> String {
        let address = self.driver.current_url().await.expect("it has an address");
        let query = address.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", address.path())
    }

    /// What a script of ours, which is none of the page's, gives back.
    pub(super) async fn ask<T: serde::de::DeserializeOwned>(&self, script: &str) -> T {
        let answer = self.driver.execute(script, Vec::new()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{script}: {error}"));
        answer.convert().expect("it is of that kind")
    }

    /// The element, as soon as it is there and can be seen.
    pub(super) async fn find(&self, css: &str) -> WebElement {
        wait_until(&format!("{css} is on the page"), SOON, async || {
            let found = self.driver.find(By::Css(css)).await.ok()?;
            found.is_displayed().await.ok()?.then_some(found)
        })
        .await
    }

    /// Waits until the whole page has these words.
    pub(super) async fn read(&self, words: &str) {
        self.wait_for("body", words).await;
    }

    /// What stands in an element.
    pub(super) async fn text(&self, css: &str) -> String {
        let shown = async || self.driver.find(By::Css(css)).await.ok()?.text().await.ok();
        wait_until(&format!("{css} can be read"), SOON, shown).await
    }

    /// What is typed or chosen in a control.
    pub(super) async fn value(&self, css: &str) -> String {
        let value = self.find(css).await.prop("value").await;
        value.expect("it can be asked").unwrap_or_default()
    }

    /// An attribute of an element; empty where it has none.
    pub(super) async fn attribute(&self, css: &str, name: &str) -> String {
        let value = self.find(css).await.attr(name).await;
        value.expect("it can be asked").unwrap_or_default()
    }

    /// Waits until an element has these words, with or without anybody's help.
    pub(super) async fn wait_for(&self, css: &str, words: &str) {
        wait_until(&format!("{css} says {words}"), SOON, async || {
            let element = self.driver.find(By::Css(css)).await.ok()?;
            element.text().await.ok()?.contains(words).then_some(())
        })
        .await;
    }

    /// Waits until the page with this heading is shown.
    pub(super) async fn arrive_at(&self, heading: &str) {
        self.wait_for("h1", heading).await;
    }

    /// Presses keys, wherever the focus is.
    pub(super) async fn press(&self, keys: impl Into<TypingData>) {
        let keys = self.driver.action_chain().send_keys(keys);
        keys.perform().await.expect("keys can be pressed");
    }

    /// Goes on with the Tab key until the control with this name has the focus.
    pub(super) async fn tab_to(&self, name: &str) {
        let mut seen = Vec::new();
        for _ in 0..STOPS_MAX {
            self.press(Key::Tab).await;
            let focused: String = self.ask(FOCUSED).await;
            if focused.strip_suffix(" (optional)").unwrap_or(&focused) == name {
                return;
            }
            seen.push(focused);
        }
        panic!("no key leads to {name}, only to {seen:?}");
    }

    /// The same for what has a long name.
    pub(super) async fn tab_to_the(&self, css: &str) {
        let script = format!("return document.activeElement?.matches({css:?}) ?? false");
        for _ in 0..STOPS_MAX {
            self.press(Key::Tab).await;
            if self.ask::<bool>(&script).await {
                return;
            }
        }
        panic!("no key leads to {css}");
    }

    /// Goes to a control and uses it: follows a link, pushes a button, opens a fold.
    pub(super) async fn choose(&self, name: &str) {
        self.tab_to(name).await;
        self.press(Key::Enter).await;
    }

    /// Goes to a field and types; in a list, the first letters choose.
    pub(super) async fn fill(&self, name: &str, text: &str) {
        self.tab_to(name).await;
        self.press(text).await;
    }

    /// Errors and warnings that the browser has written down since it was last asked: scripts that fail, files that are
    /// missing, whatever the Content-Security-Policy stopped.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.expect("there is a log");
        let bad = log
            .into_iter()
            .filter(|line| matches!(line.level.as_str(), "SEVERE" | "WARNING"));
        bad.map(|line| line.message).collect()
    }

    /// How wide the page is, in CSS pixels: wider than the window means that it scrolls sideways.
    pub(super) async fn page_width(&self) -> u32 {
        self.ask("return document.documentElement.scrollWidth").await
    }
}
