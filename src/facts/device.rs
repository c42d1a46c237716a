//! The visitor's device: client hints where the browser sends them, the user agent otherwise.

use super::Facts;
use super::value::Value;
use http::HeaderMap;
use std::borrow::Cow;

/// Kinds of devices.
pub(super) const KINDS: &[&str] = &["desktop", "phone", "tablet", "tv", "other"];
/// Operating systems.
pub(super) const SYSTEMS: &[&str] = &["windows", "macos", "ios", "android", "linux", "chromeos", "other"];
/// Browsers, apps with a browser inside among them.
pub(super) const BROWSERS: &[&str] = &[
    "chrome",
    "safari",
    "edge",
    "firefox",
    "samsung",
    "opera",
    "vivaldi",
    "brave",
    "line",
    "instagram",
    "facebook",
    "x",
    "tiktok",
    "yahoo",
    "google",
    "other",
];

type Seen<'a> = Option<Value<'a>>;

pub(super) fn kind<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(word(kind_of(&Agent::of(facts.headers)?)))
}

pub(super) fn os<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(word(os_of(&Agent::of(facts.headers)?)))
}

pub(super) fn browser<'a>(facts: &'a Facts<'a>, _: Option<&str>) -> Seen<'a> {
    Some(word(browser_of(&Agent::of(facts.headers)?)))
}

fn word<'a>(word: &'static str) -> Value<'a> {
    Value::String(Cow::Borrowed(word))
}

/// What a browser says of itself.
struct Agent<'a> {
    text: &'a str,
    platform: Option<&'a str>,
    mobile: Option<bool>,
    brands: &'a str,
}

impl<'a> Agent<'a> {
    /// `None` if it says nothing at all.
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let text = header("user-agent");
        let brands = header("sec-ch-ua");
        if text.is_none() && brands.is_none() {
            return None;
        }
        Some(Self {
            text: text.unwrap_or_default(),
            platform: header("sec-ch-ua-platform").map(|platform| platform.trim_matches('"')),
            mobile: header("sec-ch-ua-mobile").map(|mobile| mobile == "?1"),
            brands: brands.unwrap_or_default(),
        })
    }

    fn names(&self, token: &str) -> bool {
        self.text.contains(token)
    }
}

fn kind_of(agent: &Agent<'_>) -> &'static str {
    let tv = [
        "SmartTV", "SMART-TV", "Smart TV", "GoogleTV", "AppleTV", "Apple TV", "BRAVIA", "HbbTV", "AFTB", "CrKey",
        "Web0S",
    ];
    if tv.iter().any(|token| agent.names(token)) {
        return "tv";
    }
    if agent.names("iPad") || agent.names("Tablet") || agent.names("Kindle") || agent.names("Silk/") {
        return "tablet";
    }
    if agent.names("iPhone") || agent.names("iPod") || agent.names("Windows Phone") {
        return "phone";
    }
    match os_of(agent) {
        // Chrome says `Mobile` on phones and leaves it out on tablets.
        "android" if agent.mobile.unwrap_or_else(|| agent.names("Mobile")) => "phone",
        "android" => "tablet",
        "ios" => "phone",
        "windows" | "macos" | "linux" | "chromeos" => "desktop",
        _ if agent.mobile == Some(true) || agent.names("Mobile") => "phone",
        _ => "other",
    }
}

fn os_of(agent: &Agent<'_>) -> &'static str {
    match agent.platform {
        Some("Windows") => return "windows",
        Some("macOS" | "Mac OS X") => return "macos",
        Some("iOS") => return "ios",
        Some("Android") => return "android",
        Some("Linux") => return "linux",
        Some("Chrome OS" | "Chromium OS") => return "chromeos",
        _ => {}
    }
    let tokens = [
        ("Windows Phone", "other"),
        ("Android", "android"),
        ("iPhone", "ios"),
        ("iPad", "ios"),
        ("iPod", "ios"),
        ("Windows", "windows"),
        ("CrOS", "chromeos"),
        ("Macintosh", "macos"),
        ("Linux", "linux"),
        ("X11", "linux"),
    ];
    tokens.iter().find(|(token, _)| agent.names(token)).map_or("other", |(_, os)| os)
}

fn browser_of(agent: &Agent<'_>) -> &'static str {
    // Apps and derived browsers first: each also names the browser that it is made of.
    let tokens = [
        (" Line/", "line"),
        ("Instagram", "instagram"),
        ("FBAN/", "facebook"),
        ("FBAV/", "facebook"),
        ("Twitter", "x"),
        ("musical_ly", "tiktok"),
        ("BytedanceWebview", "tiktok"),
        ("TikTok", "tiktok"),
        ("YJApp", "yahoo"),
        ("YJTop", "yahoo"),
        ("GSA/", "google"),
        ("SamsungBrowser/", "samsung"),
        ("Edg/", "edge"),
        ("EdgA/", "edge"),
        ("EdgiOS/", "edge"),
        ("OPR/", "opera"),
        ("OPT/", "opera"),
        ("Vivaldi/", "vivaldi"),
        ("Firefox/", "firefox"),
        ("FxiOS/", "firefox"),
    ];
    if let Some((_, browser)) = tokens.iter().find(|(token, _)| agent.names(token)) {
        return browser;
    }
    let brands = [
        ("Brave", "brave"),
        ("Microsoft Edge", "edge"),
        ("Opera", "opera"),
        ("Samsung", "samsung"),
        ("Google Chrome", "chrome"),
    ];
    if let Some((_, browser)) = brands.iter().find(|(brand, _)| agent.brands.contains(brand)) {
        return browser;
    }
    if agent.names("Chrome/") || agent.names("CriOS/") || agent.names("Chromium/") {
        "chrome"
    } else if agent.names("Safari/") && agent.names("AppleWebKit/") {
        "safari"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Request;
    use super::*;

    #[test]
    fn common_user_agents_are_told_apart() {
        for (agent, kind, os, browser) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "desktop",
                "windows",
                "chrome",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "desktop",
                "windows",
                "edge",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "phone",
                "ios",
                "safari",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari Line/15.1.0",
                "phone",
                "ios",
                "line",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1",
                "phone",
                "ios",
                "chrome",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                "phone",
                "android",
                "chrome",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0 Safari/537.36",
                "tablet",
                "android",
                "samsung",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1",
                "tablet",
                "ios",
                "safari",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0",
                "desktop",
                "macos",
                "firefox",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                "desktop",
                "macos",
                "safari",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "desktop",
                "chromeos",
                "chrome",
            ),
            (
                "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0 Safari/537.36",
                "tv",
                "linux",
                "chrome",
            ),
            ("curl/8.14.1", "other", "other", "other"),
        ] {
            let mut request = Request::default();
            request.header("user-agent", agent);
            let seen = ["device.kind", "device.os", "device.browser"].map(|name| request.fact(name, None));
            assert_eq!(seen, [kind, os, browser].map(|text| Some(Value::String(text.into()))), "{agent}");
            assert!(KINDS.contains(&kind) && SYSTEMS.contains(&os) && BROWSERS.contains(&browser), "{agent}");
        }
    }

    #[test]
    fn client_hints_beat_a_frozen_user_agent() {
        let mut request = Request::default();
        request.header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        );
        request.header("sec-ch-ua", r#""Chromium";v="142", "Brave";v="142""#);
        request.header("sec-ch-ua-platform", "\"Android\"");
        request.header("sec-ch-ua-mobile", "?0");
        let seen = ["device.kind", "device.os", "device.browser"].map(|name| request.fact(name, None));
        assert_eq!(seen, ["tablet", "android", "brave"].map(|text| Some(Value::String(text.into()))));
    }

    #[test]
    fn a_browser_that_says_nothing_is_unknown() {
        assert_eq!(Request::default().fact("device.kind", None), None);
    }
}
