//! What a visitor allows: by what the site says, what they chose, and what their browser says for them.
//!
//! Decides from the request's head alone, before anything is stored. Knows nothing of what is stored.

use super::cookie::{self, CookieSettings};
use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderValue};
use std::time::Duration;

/// What may be done with what a visitor does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    /// Counting: events are kept.
    pub analytics: bool,
    /// Remembering: a profile is kept, and decides what they see.
    pub personalisation: bool,
}

impl Consent {
    /// Everything.
    pub const FULL: Self = Self { analytics: true, personalisation: true };
    /// Nothing.
    pub const NONE: Self = Self { analytics: false, personalisation: false };

    /// Whether anything at all is allowed, and so an identity.
    #[must_use]
    pub fn any(self) -> bool {
        self.analytics || self.personalisation
    }

    fn and(self, other: Self) -> Self {
        Self {
            analytics: self.analytics && other.analytics,
            personalisation: self.personalisation && other.personalisation,
        }
    }
}

/// What holds for a visitor who has said nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// All is allowed until it is refused.
    #[default]
    OptOut,
    /// Nothing is allowed until it is granted.
    OptIn,
    /// Nobody is recognised, whatever they say.
    Off,
}

/// How a site keeps its visitors' privacy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacySettings {
    /// What holds for whoever has said nothing.
    pub mode: Mode,
    /// Name of the cookie that keeps a choice made with Noren. It holds that and nothing else.
    pub choice_cookie: String,
    /// `Sec-GPC: 1` and `DNT: 1` count as a refusal.
    pub signals: bool,
    /// The shop's own consent tool.
    pub shop: Option<ShopConsent>,
    /// Noren's own banner asks whoever has not chosen.
    pub ask: bool,
    /// How long a choice is remembered.
    pub remember: Duration,
    /// Page with the shop's privacy policy, for the banner.
    pub policy: Option<String>,
    /// How long what is kept.
    pub retention: Retention,
}

impl Default for PrivacySettings {
    fn default() -> Self {
        Self {
            mode: Mode::OptOut,
            choice_cookie: choice_cookie(&CookieSettings::default().name),
            signals: true,
            shop: None,
            ask: false,
            remember: Duration::from_secs(180 * 86_400),
            policy: None,
            retention: Retention::default(),
        }
    }
}

/// How long what is kept, from when it was last touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Profiles, from the last page view.
    pub profiles: Duration,
    /// Events.
    pub events: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        // As long as browsers keep the cookie that leads to it.
        let cookie = CookieSettings::default().lifetime;
        Self { profiles: cookie, events: cookie }
    }
}

/// Where the shop's own consent tool writes what the visitor chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopConsent {
    /// The cookie's name. While it is not there, nothing was chosen.
    pub cookie: String,
    /// What its value, percent-decoded, contains when counting is allowed.
    pub analytics: Option<String>,
    /// The same for remembering.
    pub personalisation: Option<String>,
}

/// What is known of a visitor's will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will {
    /// What is allowed.
    pub consent: Consent,
    /// They, or their browser for them, have chosen: there is nothing to ask.
    pub chosen: bool,
}

impl PrivacySettings {
    /// What the sender of a request allows. A choice goes before the browser's signal, and a refusal before a grant.
    #[must_use]
    pub fn will(&self, headers: &HeaderMap) -> Will {
        if self.mode == Mode::Off {
            return Will { consent: Consent::NONE, chosen: true };
        }
        let own = cookie::value(headers, &self.choice_cookie).and_then(parse);
        let shop = self.shop.as_ref().and_then(|shop| shop.choice(headers));
        match (own, shop) {
            (Some(own), Some(shop)) => Will { consent: own.and(shop), chosen: true },
            (Some(one), None) | (None, Some(one)) => Will { consent: one, chosen: true },
            (None, None) if self.signals && says_no(headers) => Will { consent: Consent::NONE, chosen: true },
            (None, None) => {
                let consent = if self.mode == Mode::OptOut { Consent::FULL } else { Consent::NONE };
                Will { consent, chosen: false }
            }
        }
    }
}

impl PrivacySettings {
    /// The `Set-Cookie` that remembers a choice, for the hosts that share the visitor's cookie.
    ///
    /// # Errors
    /// When the name or the domain in the settings cannot stand in a header.
    pub fn set_choice(
        &self,
        visitors: &CookieSettings,
        consent: Consent,
        secure: bool,
    ) -> Result<HeaderValue, InvalidHeaderValue> {
        let (name, domain) = (self.choice_cookie.clone(), visitors.domain.clone());
        let value = format!("a{}p{}", u8::from(consent.analytics), u8::from(consent.personalisation));
        cookie::set_cookie(&CookieSettings { name, domain, lifetime: self.remember }, &value, secure)
    }
}

impl ShopConsent {
    fn choice(&self, headers: &HeaderMap) -> Option<Consent> {
        let value = cookie::value(headers, &self.cookie)?;
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        let allows = |sign: &Option<String>| sign.as_ref().is_some_and(|sign| value.contains(sign.as_str()));
        Some(Consent { analytics: allows(&self.analytics), personalisation: allows(&self.personalisation) })
    }
}

/// Global Privacy Control and its elder, Do Not Track.
fn says_no(headers: &HeaderMap) -> bool {
    ["sec-gpc", "dnt"].into_iter().any(|name| headers.get(name).is_some_and(|value| value == "1"))
}

/// Name of the choice's cookie, where the visitor's has this one.
#[must_use]
pub fn choice_cookie(visitors: &str) -> String {
    format!("{visitors}-consent")
}

/// The `Set-Cookie` that takes the visitor's cookie away.
///
/// # Errors
/// As [`PrivacySettings::set_choice`].
pub fn take_cookie(own: &CookieSettings, secure: bool) -> Result<HeaderValue, InvalidHeaderValue> {
    cookie::set_cookie(&CookieSettings { lifetime: Duration::ZERO, ..own.clone() }, "", secure)
}

fn parse(value: &str) -> Option<Consent> {
    let [b'a', analytics @ (b'0' | b'1'), b'p', personalisation @ (b'0' | b'1')] = value.as_bytes() else {
        return None;
    };
    Some(Consent { analytics: *analytics == b'1', personalisation: *personalisation == b'1' })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::COOKIE;

    fn headers(cookies: &str, signals: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !cookies.is_empty() {
            headers.insert(COOKIE, cookies.parse().unwrap());
        }
        for name in signals {
            headers.insert(*name, HeaderValue::from_static("1"));
        }
        headers
    }

    fn will(settings: &PrivacySettings, cookies: &str, signals: &[&'static str]) -> (bool, bool, bool) {
        let Will { consent, chosen } = settings.will(&headers(cookies, signals));
        (consent.analytics, consent.personalisation, chosen)
    }

    #[test]
    fn whoever_says_nothing_is_treated_as_the_site_says() {
        let mode = |mode| PrivacySettings { mode, ..PrivacySettings::default() };
        assert_eq!(will(&mode(Mode::OptOut), "", &[]), (true, true, false));
        assert_eq!(will(&mode(Mode::OptIn), "", &[]), (false, false, false));
        assert_eq!(will(&mode(Mode::Off), "nrn-consent=a1p1", &[]), (false, false, true));
    }

    #[test]
    fn signal_of_the_browser_is_a_refusal_until_the_visitor_chooses() {
        let settings = PrivacySettings::default();
        assert_eq!(will(&settings, "", &["sec-gpc"]), (false, false, true));
        assert_eq!(will(&settings, "", &["dnt"]), (false, false, true));
        assert_eq!(will(&settings, "nrn-consent=a0p1", &["sec-gpc"]), (false, true, true));
        let deaf = PrivacySettings { signals: false, ..PrivacySettings::default() };
        assert_eq!(will(&deaf, "", &["sec-gpc", "dnt"]), (true, true, false));
    }

    #[test]
    fn cookie_of_the_shops_consent_tool_is_read_and_a_refusal_wins() {
        let shop = ShopConsent {
            cookie: "CookieConsent".into(),
            analytics: Some("statistics:true".into()),
            personalisation: Some("preferences:true".into()),
        };
        let settings = PrivacySettings { mode: Mode::OptIn, shop: Some(shop), ..PrivacySettings::default() };
        let cookie = "CookieConsent={stamp:%27x%27%2Cpreferences:false%2Cstatistics:true}";
        assert_eq!(will(&settings, cookie, &[]), (true, false, true));
        assert_eq!(will(&settings, &format!("{cookie}; nrn-consent=a0p1"), &[]), (false, false, true));
        assert_eq!(will(&settings, "CookieConsent=0", &[]), (false, false, true));
        assert_eq!(will(&settings, "other=1", &[]), (false, false, false));
    }

    #[test]
    fn choice_comes_back_as_it_was_made_and_nonsense_is_none() {
        let own = CookieSettings::default();
        for (analytics, personalisation) in [(false, false), (true, false), (false, true), (true, true)] {
            let consent = Consent { analytics, personalisation };
            let settings = PrivacySettings { mode: Mode::OptIn, ..PrivacySettings::default() };
            let set = settings.set_choice(&own, consent, true).unwrap();
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            assert_eq!(will(&settings, &pair, &[]), (analytics, personalisation, true));
        }
        for nonsense in ["a1", "a2p1", "", "a1p1x"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }
}
